"""Folders of pictures: which are read, which are refused, and that batches are the same whenever they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="training needs the extra `train`")
data = pytest.importorskip("network.training.data")


def picture(path: Path, size: tuple[int, int] = (8, 6), mode: str = "RGB", seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, np.uint8)).save(path)


def pictures(folder: Path, **said: Any) -> Path:
    """Three of each of two classes to train on, one to validate."""
    for name, count in (("train", 3), ("val", 1)):
        for index in range(count):
            for kind in ("cat", "dog"):
                picture(folder / name / kind / f"{index}.png", seed=len(kind) * 10 + index + ord(kind[0]), **said)
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(data.TrainingError) as caught:
        data.folder(folder, None, 32)
    return str(caught.value).replace(str(folder), "FOLDER")


def test_pictures_of_one_size_are_taken_as_they_are(tmp_path: Path) -> None:
    found = data.folder(pictures(tmp_path), None, 32)
    assert found.classes == ("cat", "dog")
    assert found.shape == (6, 8, 3)
    assert found.training.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.augmentation == "mirror"
    images, labels = found.validation.batch(np.array([1]), "none", (0,))
    expected = np.asarray(Image.open(tmp_path / "val" / "dog" / "0.png"))
    np.testing.assert_array_equal((images[0] * 255).round().permute(1, 2, 0).numpy(), expected)
    assert labels.tolist() == [1]


def test_grey_pictures_have_one_channel(tmp_path: Path) -> None:
    found = data.folder(pictures(tmp_path, mode="L"), None, 32)
    assert (found.shape, found.augmentation) == ((6, 8, 1), "distort")


def test_pictures_of_several_sizes_are_cut_as_the_runtime_does(tmp_path: Path) -> None:
    picture(pictures(tmp_path) / "val" / "cat" / "large.png", (90, 70))
    found = data.folder(tmp_path, None, 32)
    assert (found.shape, found.shown.resize, found.augmentation) == ((32, 32, 3), 37, "crop")
    images, _ = found.validation.batch(np.array([1]), "none", (0,))
    from runtime.container.manifest import ImageShape
    from runtime.inference.images import load

    expected = load(tmp_path / "val" / "cat" / "large.png", ImageShape(32, 32, 3), found.shown)
    np.testing.assert_array_equal((images[0] * 255).round().permute(1, 2, 0).numpy(), expected)
    one, again = (found.training.batch(np.array([0, 4]), "crop", (1, 2, 3))[0] for _ in range(2))
    assert torch.equal(one, again)
    assert not torch.equal(one, found.training.batch(np.array([0, 4]), "crop", (1, 2, 4))[0])


def test_what_cannot_be_read_is_left_out_and_counted(tmp_path: Path) -> None:
    (pictures(tmp_path) / "train" / "cat" / "0.png").write_bytes(b"no picture")
    whole = (tmp_path / "train" / "dog" / "1.png").read_bytes()
    (tmp_path / "train" / "dog" / "1.png").write_bytes(whole[: len(whole) // 2])
    found = data.folder(tmp_path, None, 32)
    assert found.training.labels.tolist() == [0, 0, 1, 1]
    assert [Path(error.where).relative_to(tmp_path) for error in found.unreadable] == [Path("train/cat/0.png"), Path("train/dog/1.png")]
    # Where pictures are read one by one, it is found out on the way.
    (tmp_path / "val" / "dog" / "0.png").write_bytes(b"no picture")
    picture(tmp_path / "val" / "cat" / "large.png", (90, 70))
    found = data.folder(tmp_path, None, 32)
    images, labels = found.training.batch(np.arange(6), "crop", (0,))
    assert (len(images), labels.tolist(), len(found.unreadable)) == (4, [0, 0, 1, 1], 2)


def test_folders_without_pictures_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "nowhere") == (
        "--data FOLDER/nowhere: not a folder\n  why: it has train/CLASS/picture.png, and val/CLASS/picture.png to validate on\n"
        "  fix: name a folder of pictures, or digits"
    ).replace("FOLDER/nowhere", "FOLDER")
    assert refused(tmp_path) == (
        "FOLDER/train: there is no such folder\n  why: it has train/CLASS/picture.png, and val/CLASS/picture.png to validate on\n"
        "  fix: make it: FOLDER/train/CLASS/picture.png"
    )
    (tmp_path / "train").mkdir()
    assert refused(tmp_path) == (
        "FOLDER/train: there are no subfolders\n  why: each class has one, with its pictures\n  fix: make FOLDER/train/CLASS/picture.png"
    )
    (tmp_path / "train" / "cat").mkdir()
    (tmp_path / "train" / "cat" / "notes.txt").write_text("none")
    assert refused(tmp_path).startswith("FOLDER/train/cat: there are no pictures in it\n  why: they are files that end in .png, .jpg")


def test_one_class_and_other_classes_are_refused(tmp_path: Path) -> None:
    for name in ("train", "val"):
        picture(tmp_path / name / "cat" / "0.png")
    assert refused(tmp_path) == (
        "FOLDER/train: one class, cat\n  why: a network tells classes apart\n  fix: make a subfolder for each of at least two classes"
    )
    picture(tmp_path / "train" / "dog" / "0.png")
    assert refused(tmp_path) == (
        "FOLDER/val: there is no class dog\n  why: train and val have the same classes\n  fix: give both the same subfolders"
    )


def test_a_class_of_which_nothing_can_be_read_is_refused(tmp_path: Path) -> None:
    (pictures(tmp_path) / "val" / "dog" / "0.png").write_bytes(b"no picture")
    assert refused(tmp_path) == (
        "FOLDER/val/dog: no picture of dog can be read\n  why: FOLDER/val/dog/0.png: not an image\n  fix: save the pictures again"
    )


def test_shifted_pictures_are_parts_of_padded_ones() -> None:
    images = torch.arange(1, 12 * 2 * 16 * 8 + 1, dtype=torch.float32).reshape(12, 2, 16, 8)
    moved = data.shifted(images, np.random.default_rng(3), mirrors=True)
    rng = np.random.default_rng(3)
    rows, columns, mirrored = rng.integers(0, 5, 12), rng.integers(0, 5, 12), rng.integers(0, 2, 12) > 0
    assert mirrored.any()
    assert not mirrored.all()
    padded = np.pad(images.numpy(), ((0, 0), (0, 0), (2, 2), (2, 2)))
    for index in range(12):
        expected = padded[index, :, rows[index] : rows[index] + 16, columns[index] : columns[index] + 8]
        np.testing.assert_array_equal(moved[index].numpy(), expected[:, :, ::-1] if mirrored[index] else expected)


def test_distorted_pictures_stay_pictures() -> None:
    images = torch.full((5, 1, 8, 8), 200.0)
    moved = data.distorted(images, np.random.default_rng(0))
    assert moved.shape == images.shape
    assert 0 <= moved.min() < moved.max() <= 255
    assert torch.equal(moved, moved.round())
