"""Rows back to arrays of parameters: weights, bias and factors as they were, thresholds with which every value that comes has the same code."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from constants.layout import Layout, Role
from constants.rows import Rows, patterns, unpack

Array = NDArray[Any]


class DecodeError(ValueError):
    """Rows that are those of no array of parameters: the array's key, what, and why."""

    def __init__(self, key: str, what: str, why: str) -> None:
        super().__init__(f"{key}: {what}")
        self.key, self.what, self.why = key, what, why


def decode(layouts: Sequence[Layout], rows: Sequence[Rows], shape: tuple[int, ...]) -> Array:
    """The array, int64 or a byte each, of the rows of all its memories; raises DecodeError where it could not have this shape, or where
    rows have codes that fall."""
    first = layouts[0]
    _check_size(layouts, shape)
    if first.role is Role.WEIGHTS:
        return _weights(first, rows[0], shape)
    if first.role in (Role.BIAS, Role.FACTORS):
        return rows[0].reshape(shape)
    return THRESHOLDS[first.role](layouts, rows, shape[0])


def _check_size(layouts: Sequence[Layout], shape: tuple[int, ...]) -> None:
    first = layouts[0]
    wanted = [Role.MULTIPLIERS, Role.BIASES] if first.role is Role.MULTIPLIERS else [first.role] * len(layouts)
    if first.role is Role.LEVELS:
        wanted = [Role.LEVELS] * first.steps.thresholds.bit_length()
    elif first.role is not Role.MULTIPLIERS:
        wanted = wanted[:1]
    if [each.role for each in layouts] != wanted or (
        first.role is Role.LEVELS and [each.level for each in layouts] != [*range(len(layouts))]
    ):
        raise DecodeError(
            first.key, f"held as {', '.join(each.role.value for each in layouts)}", f"expected {', '.join(each.value for each in wanted)}"
        )
    for layout in layouts:
        channels = _channels(layout, shape)
        if channels is not None:
            raise DecodeError(
                first.key, f"{layout.name} has {layout.words} rows of {layout.row_bits} bits", f"an array of {shape} has {channels}"
            )


def _channels(layout: Layout, shape: tuple[int, ...]) -> str | None:
    """None where the layout is that of an array of this shape, else what it had to be."""
    if layout.weights is not None:
        tile = layout.pe * layout.taps * layout.simd
        size = math.prod(shape)
        fits = size == layout.words * tile and not (shape[0] % layout.pe or shape[-1] % layout.simd or math.prod(shape[1:-1]) % layout.taps)
        return None if fits else f"{size} weights in rows of {tile}"
    if layout.activation is None:
        return None if math.prod(shape) == layout.words * layout.elements else f"{math.prod(shape)} integers"
    if len(shape) != 2 or shape[1] != layout.steps.thresholds:
        return f"{layout.steps.thresholds} thresholds a channel"
    places = {Role.CODES: 1 << layout.steps.values.bits, Role.LEVELS: 1 << layout.level}.get(layout.role, 1)
    folds = layout.words // places
    lanes = shape[0] // folds
    if shape[0] % folds or layout.pe % lanes or (not layout.apart and layout.pe != lanes):
        return f"{shape[0]} channels"
    return None


def _weights(layout: Layout, rows: Rows, shape: tuple[int, ...]) -> Array:
    form = layout.weights
    assert form is not None
    pe, simd, taps = layout.pe, layout.simd, layout.taps
    packed = np.ascontiguousarray(rows).view(np.uint8).reshape(layout.words, -1)
    count = pe * taps * simd
    codes = bytes_of(packed, form.bits, count)
    if form.is_bipolar:
        codes = (codes << np.uint8(1)) - np.uint8(1)  # 255 of -1, which is it as int8
    elif form.low < 0 and form.bits < 8:
        sign = np.uint8(1 << form.bits - 1)
        codes = (codes ^ sign) - sign
    folds, inner = shape[0] // pe, shape[-1] // simd
    found = codes.reshape(folds, -1, inner, pe, taps, simd).transpose(0, 3, 1, 4, 2, 5).reshape(shape)
    return found.view(np.uint8 if form.low >= 0 else np.int8)


def bytes_of(packed: NDArray[np.uint8], bits: int, count: int) -> NDArray[np.uint8]:
    """[address][byte] -> [address][integer], each in a byte of its own; of at most 8 bits."""
    if bits == 8:
        return np.ascontiguousarray(packed[:, :count])
    if bits == 1:
        return np.unpackbits(packed, axis=1, count=count, bitorder="little")
    return unpack(packed, bits, count, unsigned=True).astype(np.uint8)


def _thresholds(_: Sequence[Layout], rows: Sequence[Rows], channels: int) -> Array:
    return rows[0].reshape(channels, -1)


def _bases(layouts: Sequence[Layout], rows: Sequence[Rows], channels: int) -> Array:
    """Those that follow the base one by one, as far as values reach."""
    steps = layouts[0].steps
    found: Array = np.clip(rows[0].reshape(channels, 1) + np.arange(1, steps.thresholds + 1), steps.reach.low, steps.reach.high + 1)
    return found


def _codes(layouts: Sequence[Layout], rows: Sequence[Rows], channels: int) -> Array:
    """Of each code above the lowest, the first value that has it or a higher one."""
    (layout,), steps = layouts, layouts[0].steps
    of = patterns(steps.values)
    order = np.argsort(of, kind="stable")
    table = _by_channel(layout, rows[0], channels)[:, order]
    values = of[order]
    if (np.diff(table, axis=1) < 0).any():
        channel = int(np.argwhere(np.diff(table, axis=1) < 0)[0][0])
        raise DecodeError(layout.key, f"channel {channel} has codes that fall", "a code counts the thresholds that a value reaches")
    # Of the values with fewer thresholds reached, how many there are is the place of the first with more.
    reached = table - steps.codes.low
    places = np.stack([np.searchsorted(each, np.arange(1, steps.thresholds + 1), side="left") for each in reached])
    return np.append(values, values[-1] + 1)[places]


def _levels(layouts: Sequence[Layout], rows: Sequence[Rows], channels: int) -> Array:
    steps = layouts[0].steps
    found = np.empty((channels, steps.thresholds), np.int64)
    for layout, each in zip(layouts, rows, strict=True):
        half = (steps.thresholds + 1) >> layout.level + 1
        found[:, half - 1 :: 2 * half] = _by_channel(layout, each, channels)
    return found


def _scaled(layouts: Sequence[Layout], rows: Sequence[Rows], channels: int) -> Array:
    scaling, steps = layouts[0].scaling, layouts[0].steps
    assert scaling is not None
    multipliers, biases = (each.reshape(channels) for each in rows)
    return scaling.thresholds(multipliers, biases, steps.reach, steps.codes)


def _by_channel(layout: Layout, rows: Rows, channels: int) -> Array:
    """[output fold and place][lane] -> (channel, place): the inverse of how rows have them by lane. Pixels beside one another agree."""
    places = {Role.CODES: 1 << layout.steps.values.bits}.get(layout.role, 1 << layout.level)
    folds = layout.words // places
    lanes = channels // folds
    beside = rows.reshape(layout.words, layout.pe // lanes, lanes)
    if (beside != beside[:, :1]).any():
        raise DecodeError(layout.key, f"{layout.name} differ from pixel to pixel", "pixels that are computed side by side have the same")
    of_a_pixel: Array = beside[:, 0]
    return of_a_pixel.reshape(folds, places, lanes).swapaxes(1, 2).reshape(channels, places)


THRESHOLDS: Mapping[Role, Callable[[Sequence[Layout], Sequence[Rows], int], Array]] = MappingProxyType(
    {
        Role.THRESHOLDS: _thresholds,
        Role.BASES: _bases,
        Role.CODES: _codes,
        Role.LEVELS: _levels,
        Role.MULTIPLIERS: _scaled,
    }
)
"""Of each way to hold thresholds, how they come back; biases belong to their multipliers."""
