"""Images to try a network on: those its description names, or random ones where it names none."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from network.errors import ParameterError
from network.model import Network

RANDOM_COUNT = 64


class Images(NamedTuple):
    """uint8 (n, H, W, C), and the true label of each, (n,), where it is known."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64] | None


def load(network: Network, folder: Path) -> Images:
    """`images: digits` are the held-out ones of scikit-learn; other names are .npz files with `images` and `labels`, below `folder`."""
    if network.images is None:
        drawn = np.random.default_rng(0).integers(0, 256, (RANDOM_COUNT, *network.input), dtype=np.uint8)
        return Images(drawn, None)
    if network.images == "digits":
        from network import digits_data  # scikit-learn takes a second to import

        digits = digits_data.load()
        found = Images(digits.held_out_images, digits.held_out_labels)
    else:
        found = _read(folder / network.images)
    shape = (len(found.images), *network.input)
    if found.images.dtype != np.uint8 or found.images.shape != shape or not shape[0]:
        raise ParameterError(
            network.images,
            f"images: {found.images.dtype} {found.images.shape}, expected uint8 (n, {', '.join(map(str, network.input))})",
            why=f"{network.name} takes images of {network.input}",
            fix="write them in that shape, at least one",
        )
    return found


def _read(path: Path) -> Images:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            labels: NDArray[Any] | None = arrays.get("labels")
            return Images(arrays["images"], labels)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ParameterError(
            str(path),
            f"cannot be read: {error}",
            why="the description names it under images",
            fix="save it with numpy.savez(file, images=…, labels=…)",
        ) from None
