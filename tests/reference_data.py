"""The real ResNet-50, which lies beside the checkout and not in it: parameters and golden vectors, see its own README."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(os.environ.get("RESFLOW_REFERENCE") or Path(__file__).parents[2] / "shared" / "reference") / "resnet50_w1a2"
needs_reference = pytest.mark.skipif(not FOLDER.is_dir(), reason="no reference data beside the checkout, and RESFLOW_REFERENCE names none")


def published() -> dict[str, np.ndarray]:
    """The published parameters; those of the fully connected layer are not among them."""
    with np.load(FOLDER / "params.npz") as arrays:
        return dict(arrays)


def parameters() -> dict[str, np.ndarray]:
    """All of them, with the stand-in weights the golden scores were computed with."""
    stand_in = np.random.default_rng(2019).integers(-128, 128, (1000, 2048)).astype(np.int8)
    return published() | {"head/fc/weights": stand_in}


def golden() -> dict[str, np.ndarray]:
    """`image`, the codes after `stem` and every block, `scores`, `top5`."""
    with np.load(FOLDER / "golden_chelsea.npz") as arrays:
        return dict(arrays)
