"""The order of thresholds: a code is the number of thresholds its accumulator reaches, so thresholds ascend.

Where batch norm has a negative scale, a code counts the thresholds above its accumulator. Negating the channel's weights gives an
equal network whose code counts the thresholds it reaches.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def not_ascending(thresholds: NDArray[Any], *, negatable: bool) -> tuple[str, str, str] | None:
    """What is wrong with thresholds (channels, n) that do not ascend in every channel, why, and how to fix it; None if they all do.

    `negatable`: the channel's weights may be negated.
    """
    steps = np.diff(thresholds.astype(np.int64), axis=1)
    falls = np.argwhere(steps < 0)
    if not falls.size:
        return None
    channel, n = (int(i) for i in falls[0])
    others = len(np.unique(falls[:, 0])) - 1
    what = f"channel {channel} falls from {thresholds[channel, n]} to {thresholds[channel, n + 1]}"
    more = f" (and {others} more do)" if others else ""
    why, fix = _how_to_ascend(descends=bool((steps[channel] <= 0).all()), negatable=negatable)
    return f"{what}{more}, expected ascending thresholds", why, fix


def _how_to_ascend(*, descends: bool, negatable: bool) -> tuple[str, str]:
    """Why thresholds must ascend, and how to fix those of a channel that do not; `descends`: they all fall."""
    order = "numpy.sort(thresholds, axis=1)"
    counts = "a code counts the thresholds its accumulator reaches"
    if not descends:
        return counts, f"sort them: {order}"
    inverted = f"{counts}; descending ones usually come from a negative batch-norm scale, where a code counts those above its accumulator"
    if not negatable:
        without = "which needs signed weights: train with positive scales"
        return (
            inverted,
            f"if they are only in the wrong order, {order}; if the scale is negative, the channel has to be negated, {without}",
        )
    return inverted, (
        "if the scale is negative, negate the channel's weights, and replace its thresholds t by 1 - t in ascending order "
        f"(network.thresholds.turned does both); if they are only in the wrong order, {order}"
    )


def turned(weights: NDArray[Any], thresholds: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Convert channels whose code counts the thresholds above the accumulator, t > x, to channels whose code counts those it reaches.

    t > x is the same as 1 - t <= -x. Codes count t > x where batch norm has a negative scale. (If yours count t >= x, pass t + 1.)
    Returns negated weights (channels, …) and ascending thresholds (channels, n). ValueError if a weight cannot be negated.
    """
    negated = -weights.astype(np.int64)
    kept = weights.dtype if weights.dtype.kind == "i" else np.dtype(np.int8)
    if negated.size and (negated.max() > np.iinfo(kept).max or negated.min() < np.iinfo(kept).min):
        raise ValueError(f"weights {weights.min()} to {weights.max()} cannot be negated in {kept.name}")
    levels = np.sort(1 - thresholds.astype(np.int64), axis=1)
    return negated.astype(kept), np.minimum(levels, np.iinfo(np.int32).max).astype(np.int32)
