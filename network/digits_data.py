"""The handwritten digits that the network `digits` is trained and tested on.

A module outside `network.training`, because demos and tests need the images without PyTorch.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits

TRAIN_COUNT = 1437


class Digits(NamedTuple):
    """Images are uint8 (n, 8, 8, 1), 0 = paper, 255 = ink; labels are int64 (n,), 0 to 9."""

    train_images: npt.NDArray[np.uint8]
    train_labels: npt.NDArray[np.int64]
    held_out_images: npt.NDArray[np.uint8]
    held_out_labels: npt.NDArray[np.int64]


def load() -> Digits:
    """Split scikit-learn's 1,797 digits in order: the first 1,437 to train on, the last 360 held out.

    The order matters: images seem to be ordered by writer, so a shuffled split would overstate the accuracy.
    """
    digits = load_digits()
    ink = digits.images.astype(np.int64)  # 0 to 16
    images = ((ink * 255 + 8) // 16).astype(np.uint8)[..., np.newaxis]
    labels = digits.target.astype(np.int64)
    return Digits(images[:TRAIN_COUNT], labels[:TRAIN_COUNT], images[TRAIN_COUNT:], labels[TRAIN_COUNT:])
