"""Thresholds and their order: a code is the number of thresholds its accumulator reaches, and so they ascend.

Where batch norm has a negative scale, a code counts the thresholds its accumulator stays below. That is the same network with the
channel's weights negated.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def how_to_ascend(*, descends: bool, negatable: bool) -> tuple[str, str]:
    """Why thresholds have to ascend, and what to do with those of a channel that does not, or that descends throughout."""
    order = "numpy.sort(thresholds, axis=1)"
    counts = "a code counts the thresholds its accumulator reaches"
    if not descends:
        return counts, f"sort them: {order}"
    turned_round = f"{counts}; those that descend most often come of a negative batch-norm scale, where it counts the ones it stays below"
    if not negatable:
        without = "which needs weights that can be negated: train with positive scales here"
        return (
            turned_round,
            f"if only their order is another, {order}; if the scale is negative, the channel has to be turned round, {without}",
        )
    return turned_round, (
        "if the scale is negative, negate the channel's weights, and replace its thresholds t by 1 - t in ascending order "
        f"(network.thresholds.turned does both); if only their order is another, {order}"
    )


def turned(weights: NDArray[Any], thresholds: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Channels whose code counts the thresholds above the accumulator, t > x, as channels whose code counts those it reaches.

    That is the same as 1 - t <= -x. Where batch norm has a negative scale, codes count so. (If yours count t >= x, pass t + 1.)
    Weights (channels, …) come back negated, thresholds (channels, n) ascending. ValueError for weights that have no negative.
    """
    negated = -weights.astype(np.int64)
    kept = weights.dtype if weights.dtype.kind == "i" else np.dtype(np.int8)
    if negated.size and (negated.max() > np.iinfo(kept).max or negated.min() < np.iinfo(kept).min):
        raise ValueError(f"weights {weights.min()} to {weights.max()} have no negatives in {kept.name}")
    levels = np.sort(1 - thresholds.astype(np.int64), axis=1)
    return negated.astype(kept), np.minimum(levels, np.iinfo(np.int32).max).astype(np.int32)
