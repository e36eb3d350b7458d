from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from network import ParameterError, images, load
from network.model import Network

TOY = load(Path(__file__).parents[1] / "toy.yaml")


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
        "  fix: subtract 1 from labels counted from 1, or correct them"
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


def refused(toy_yaml, folder, name):
    path = folder / "toy.yaml"
    path.write_text(toy_yaml.read_text() + f"\nimages: {name}\n")
    with pytest.raises(ParameterError) as error:
        images.load(load(path), folder)
    return str(error.value)


def test_images_of_another_shape(toy_yaml, tmp_path):
    np.savez(tmp_path / "mine.npz", images=np.zeros((2, 8, 8, 3), np.uint8))
    assert refused(toy_yaml, tmp_path, "mine.npz") == (
        "mine.npz: images: uint8 (2, 8, 8, 3), expected uint8 (n, 6, 5, 3)\n"
        "  why: toy takes images of 6x5x3\n  fix: save at least one image, in that shape"
    )


def test_the_digits_for_another_network(toy_yaml, tmp_path):
    """They are what they are: it is the description that can change."""
    assert refused(toy_yaml, tmp_path, "digits") == (
        "digits: images: uint8 (360, 8, 8, 1), expected uint8 (n, 6, 5, 3)\n"
        "  why: toy takes images of 6x5x3\n  fix: write input: {shape: [8, 8, 1]}, or name images of your own"
    )


def test_the_digits_are_those_of_scikit_learn():
    """Read without it, image by image and in its order."""
    loaded = load_digits()
    (training, its_labels), (held_out, their_labels) = images.digits()
    assert (len(training), len(held_out)) == (1437, 360)
    found = np.concatenate([training, held_out])
    assert (found.dtype, found.shape) == (np.uint8, (1797, 8, 8, 1))
    assert (found[..., 0] == np.round(loaded.images * 255 / 16 + 1e-9)).all()
    assert (np.concatenate([its_labels, their_labels]) == loaded.target).all()


def test_the_digits_without_scikit_learn(monkeypatch):
    monkeypatch.setattr(images, "find_spec", lambda _: None)
    with pytest.raises(ParameterError) as error:
        images.digits()
    assert str(error.value) == (
        "the package scikit-learn: not found\n  why: the handwritten digits are those it ships\n  fix: pip install 'resflow[build]'"
    )


def test_random_ones(toy_yaml):
    found = images.load(load(toy_yaml), Path())
    assert (found.images.shape, found.labels) == ((64, 6, 5, 3), None)
