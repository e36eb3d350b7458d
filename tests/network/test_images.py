from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from network import description, images
from network.errors import ParameterError
from network.model import Network

TOY = description.load(Path(__file__).parents[1] / "toy.yaml")


def toy() -> Network:
    return replace(TOY, images="images.npz")


def write(folder: Path, labels: Any) -> None:
    drawn = np.zeros((3, *TOY.input), np.uint8)
    np.savez(folder / "images.npz", images=drawn, labels=np.array(labels))


def test_labels_are_classes(tmp_path: Path) -> None:
    write(tmp_path, [0, 4, 1])
    found = images.load(toy(), tmp_path)
    assert found.labels is not None
    assert found.labels.tolist() == [0, 4, 1]


@pytest.mark.parametrize(("labels", "span"), [([1, 2, 5], "1 to 5"), ([-1, 0, 1], "-1 to 1")])
def test_labels_that_are_no_class(tmp_path: Path, labels: list[int], span: str) -> None:
    """Counted from 1, for example: nearly all would be counted as wrong."""
    write(tmp_path, labels)
    with pytest.raises(ParameterError) as caught:
        images.load(toy(), tmp_path)
    assert str(caught.value) == (
        f"images.npz: labels: {span}, expected 0 to 4\n"
        "  why: toy has 5 classes, counted from 0\n"
        "  fix: subtract 1 from labels that are counted from 1, or correct them"
    )


def test_one_array_is_no_archive(tmp_path: Path) -> None:
    with (tmp_path / "images.npz").open("wb") as file:
        np.save(file, np.zeros((3, *TOY.input), np.uint8))
    with pytest.raises(ParameterError) as caught:
        images.load(toy(), tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'images.npz'}: cannot be read: it is one array, not an archive of them\n"
        "  why: the description names it under images\n"
        "  fix: save it with numpy.savez(file, images=…, labels=…)"
    )
