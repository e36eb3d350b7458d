"""Images to run a network on: those its description names, or random ones where it names none."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from network.errors import ParameterError
from network.model import Network
from network.parameters import UNREADABLE
from network.yaml import paths

RANDOM_COUNT = 64
TRAINING_COUNT = 1437
"""Digits to train on."""


class Images(NamedTuple):
    """uint8 (n, H, W, C), and the true label of each, (n,), where it is known."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64] | None


class Digits(NamedTuple):
    """The handwritten digits of scikit-learn, which the network `digits` is trained and tested on: each time images and labels."""

    training: tuple[NDArray[np.uint8], NDArray[np.int64]]
    held_out: tuple[NDArray[np.uint8], NDArray[np.int64]]


def load(network: Network, folder: Path) -> Images:
    """`images: digits` are the held-out digits of scikit-learn; other names are .npz files with `images` and `labels`, relative to `folder`."""
    if network.images is None:
        drawn = np.random.default_rng(0).integers(0, 256, (RANDOM_COUNT, *network.input), dtype=np.uint8)
        return Images(drawn, None)
    chosen = Images(*digits().held_out) if network.images == "digits" else _read(folder / paths.named(network.images))
    images, labels = chosen
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != tuple(network.input) or not len(images):
        raise ParameterError(
            network.images,
            f"images: {images.dtype} {images.shape}, expected uint8 (n, {', '.join(map(str, network.input))})",
            why=f"{network.name} takes images of {network.input}",
            fix="write input: {shape: [8, 8, 1]}, or name images of your own"
            if network.images == "digits"
            else "save at least one image, in that shape",
        )
    if labels is not None and (labels.dtype.kind not in "iu" or labels.shape != (len(images),)):
        raise ParameterError(
            network.images,
            f"labels: {labels.dtype} {labels.shape}, expected integers ({len(images)},)",
            why="every image has one true label",
            fix="save one class number per image, or leave labels out",
        )
    classes = network.head.fc.out
    if labels is not None and not (labels.min() >= 0 and labels.max() < classes):
        raise ParameterError(
            network.images,
            f"labels: {labels.min()} to {labels.max()}, expected 0 to {classes - 1}",
            why=f"{network.name} has {classes} classes, counted from 0",
            fix="subtract 1 from labels counted from 1, or correct them",
        )
    return chosen


def digits() -> Digits:
    """Split the 1,797 digits in order: the first 1,437 to train on, the last 360 held out.

    Images are uint8 (n, 8, 8, 1), 0 = paper, 255 = ink; labels are int64 (n,), 0 to 9. The order matters: images seem to be ordered by
    writer, so a shuffled split would overstate the accuracy.
    """
    spec = find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise ParameterError(
            "the package scikit-learn",
            "not found",
            why="the handwritten digits are those it ships",
            fix="pip install 'resflow[build]'",
        )
    # Its file, as importing the package takes a second: a line an image, its pixels of 0 to 16 and then its label.
    lines = np.loadtxt(Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz", dtype=np.int64, delimiter=",")
    images = ((lines[:, :-1] * 255 + 8) // 16).astype(np.uint8).reshape(-1, 8, 8, 1)
    labels = lines[:, -1]
    return Digits(
        training=(images[:TRAINING_COUNT], labels[:TRAINING_COUNT]),
        held_out=(images[TRAINING_COUNT:], labels[TRAINING_COUNT:]),
    )


def _read(path: Path) -> Images:
    try:
        arrays = np.load(path, allow_pickle=False)
        if not isinstance(arrays, np.lib.npyio.NpzFile):
            raise ValueError("it is one array, not an archive of them")
        with arrays:
            return Images(arrays["images"], arrays.get("labels"))
    except UNREADABLE as error:
        raise ParameterError(
            str(path),
            f"cannot be read: {error}",
            why="the description names it under images",
            fix="save it with numpy.savez(file, images=…, labels=…)",
        ) from None
