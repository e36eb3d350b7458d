"""Thresholds of a chain of stages that ends in codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from network.formats import Format, Kind
from network.importers.onnx.arithmetic.stages import Bounds, Quantize, Stage, invert

BLOCK = 1 << 19
"""Thresholds computed at once, to bound the memory of Python's whole numbers."""


def code_format(low: int, high: int) -> Format:
    """The narrowest format of codes from `low` to `high`: unsigned unless some are negative."""
    if low >= 0:
        return Format(Kind.UINT, max(1, high.bit_length()))
    return Format(Kind.INT, 1 + max(high, -low - 1).bit_length())


def bounds_of(stages: Sequence[Stage], codes: Sequence[int]) -> Bounds:
    """From where on each of `codes` is reached or exceeded by what the last stage, a quantizer, makes."""
    *inner, last = stages
    assert isinstance(last, Quantize)
    return invert(inner, last.invert_codes(Bounds.at(codes)))


def thresholds(stages: Sequence[Stage], codes: Format, low: NDArray[Any], high: NDArray[Any]) -> NDArray[np.int64]:
    """`levels` of all codes of a format but the lowest."""
    return levels(stages, range(codes.low + 1, codes.high + 1), low, high)


def levels(stages: Sequence[Stage], wanted: range, low: NDArray[Any], high: NDArray[Any]) -> NDArray[np.int64]:
    """int64 (channels, n): the least whole number from low to high (channels,) with each of the codes; low where all, high + 1 where none has it."""
    channels = len(low)
    step = max(1, BLOCK // max(1, len(wanted)))
    result = np.empty((channels, len(wanted)), np.int64)
    for first in range(0, channels, step):
        part = slice(first, first + step)
        taken = [sliced(stage, part, channels) for stage in stages]
        result[part] = bounds_of(taken, wanted).least(low[part, None], high[part, None])
    return result


def sliced(stage: Stage, part: slice, channels: int) -> Stage:
    """The stage of some of its channels."""
    if channels == 1:
        return stage
    cut = {
        each.name: value[part]
        for each in fields(stage)
        if isinstance(value := getattr(stage, each.name), np.ndarray) and len(value) == channels
    }
    return replace(stage, **cut) if cut else stage  # type: ignore[arg-type]
