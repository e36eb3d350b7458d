"""The rows of memories from arrays of parameters, and their bits without gaps; see `constants.layout`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from constants.layout import LOAD_BITS, Layout, Range, Role
from constants.scaling import NoScalingError, solve

Rows = NDArray[Any]  # [address][integer]; of weights, the words of a row
_AT_ONCE = 1 << 24
"""Bits that are spread to a byte each at once."""


class RowsError(ValueError):
    """Parameters that a memory, or the unit that reads it, cannot hold: the array's key, what, why, and how to fix it."""

    def __init__(self, key: str, what: str, *, why: str, fix: str) -> None:
        super().__init__(f"{key}: {what}")
        self.key, self.what, self.why, self.fix = key, what, why, fix


def rows(layout: Layout, array: Rows) -> Rows:
    """[address][integer]; raises RowsError where thresholds are not such that these constants compute their codes, or where integers are
    wider than the memory's."""
    found = ROWS[layout.role](layout, array)
    if layout.role is not Role.WEIGHTS:
        _check_width(layout, found)
    return found


def _check_width(layout: Layout, found: Rows) -> None:
    bits = layout.element_bits
    low, high = (0, (1 << bits) - 1) if layout.is_unsigned else (-(1 << bits - 1), (1 << bits - 1) - 1)
    least, greatest = int(found.min()), int(found.max())
    if least < low or greatest > high:
        raise RowsError(
            layout.key,
            f"{layout.role.value} from {least:,} to {greatest:,}",
            why=f"{layout.name} holds integers of {bits} bits: {low:,} to {high:,}",
            fix="train with smaller ones, or widen the format in the description",
        )


def _weights(layout: Layout, weights: Rows) -> Rows:
    if layout.weights is None:
        raise TypeError(f"{layout.name}: weights have a range")
    return pack_weights(weights, layout.pe, layout.simd, layout.taps, layout.weights)


def _as_they_are(layout: Layout, array: Rows) -> Rows:
    return array.reshape(layout.words, -1)


def _thresholds(layout: Layout, thresholds: Rows) -> Rows:
    return clip_thresholds(thresholds, *layout.steps.reach).reshape(layout.words, -1)


def _bases(layout: Layout, thresholds: Rows) -> Rows:
    return bases(layout.key, thresholds, *layout.steps.reach).reshape(layout.words, -1)


def _codes(layout: Layout, thresholds: Rows) -> Rows:
    """Whether a value can come or not: a bit pattern has a code."""
    of, codes = patterns(layout.steps.values), layout.steps.codes
    found = codes.low + np.stack([np.searchsorted(each, of, side="right") for each in thresholds])
    return _by_lane(layout, found)


def patterns(values: Range) -> NDArray[np.int64]:
    """The value of each bit pattern."""
    every = np.arange(1 << values.bits)
    return every if values.low >= 0 else every - (every >> values.bits - 1 << values.bits)


def _levels(layout: Layout, thresholds: Rows) -> Rows:
    """Which thresholds are reached is searched for from the middle one: step k halves what is between two of the steps before."""
    steps = layout.steps
    half = (steps.thresholds + 1) >> layout.level + 1
    return _by_lane(layout, clip_thresholds(thresholds, *steps.reach)[:, half - 1 :: 2 * half])


def _scaled(layout: Layout, thresholds: Rows) -> Rows:
    steps, scaling = layout.steps, layout.scaling
    if scaling is None:
        raise TypeError(f"{layout.name}: {layout.role.value} are those of a scaling")
    try:
        multipliers, biases = solve(scaling, thresholds, steps.reach, steps.codes)
    except NoScalingError as error:
        low, high = steps.reach
        shown = ", ".join(f"{name}: {value}" for name, value in scaling.entries.items())
        raise RowsError(
            layout.key,
            f"channel {error.channel} has the thresholds {_listed(thresholds[error.channel])}, which no multiplier and bias give from {low} to {high}",
            why=f"scale computes step * ((multiplier * value + bias) >> shift) + offset, here with {{{shown}}}",
            fix="import the network again, leave activation out of the description, or write activation: search, which takes any thresholds",
        ) from None
    return (multipliers if layout.role is Role.MULTIPLIERS else biases).reshape(layout.words, -1)


def _by_lane(layout: Layout, array: Rows) -> Rows:
    """(channel, place) -> [output fold and place][lane]; lanes of pixels beside one another have the same."""
    channels, places = array.shape
    folds = layout.words // places
    found = array.reshape(folds, channels // folds, places).swapaxes(1, 2).reshape(layout.words, -1)
    return np.tile(found, layout.pe // found.shape[1])


ROWS: Mapping[Role, Callable[[Layout, Rows], Rows]] = MappingProxyType(
    {
        Role.WEIGHTS: _weights,
        Role.THRESHOLDS: _thresholds,
        Role.BASES: _bases,
        Role.CODES: _codes,
        Role.LEVELS: _levels,
        Role.MULTIPLIERS: _scaled,
        Role.BIASES: _scaled,
        Role.BIAS: _as_they_are,
        Role.FACTORS: _as_they_are,
    }
)
"""Of each role, the rows of an array of parameters."""


def clip_thresholds(thresholds: Rows, low: int, high: int) -> NDArray[np.int64]:
    """Thresholds outside the reachable range are never or always reached; clipping them keeps that and needs fewer bits."""
    # As int64: high + 1 may be one more than int32 holds.
    return np.clip(thresholds.astype(np.int64), low, high + 1)


def bases(key: str, thresholds: Rows, low: int, high: int) -> NDArray[np.int64]:
    """Of each channel the base b for which min(max(value - b, 0), n) of its n thresholds are reached, by every value from `low` to `high`.

    Raises RowsError where there is none. Thresholds out of reach need not follow the others: they are as good as b + 1, b + 2, … that
    are out of reach.
    """
    n = thresholds.shape[1]
    clipped = clip_thresholds(thresholds, low, high)
    within = (clipped > low) & (clipped <= high)
    first = within.argmax(axis=1)
    always = (clipped == low).sum(axis=1)
    # A threshold within the reach says what b is; else those that are always reached end there, or none of them is.
    found = np.where(within.any(axis=1), np.take_along_axis(clipped, first[:, None], axis=1)[:, 0] - 1 - first, low - always)
    found = np.where(~within.any(axis=1) & (always == 0), high, found)
    wrong = np.flatnonzero((np.clip(found[:, None] + np.arange(1, n + 1), low, high + 1) != clipped).any(axis=1))
    if wrong.size:
        channel, more = int(wrong[0]), f" (and {wrong.size - 1} more)" if wrong.size > 1 else ""
        raise RowsError(
            key,
            f"channel {channel} has the thresholds {_listed(thresholds[channel])}{more}, which do not follow one another from {low} to "
            f"{high}",
            why="clip computes value - base, held between 0 and the number of thresholds: each value reaches one more than the one below",
            fix="leave activation out of the description, or write activation: search, which takes any thresholds",
        )
    return found


def _listed(numbers: Rows) -> str:
    """All of a few, the ends of many."""
    texts = [str(number) for number in numbers.tolist()]
    return ", ".join(texts if len(texts) <= 8 else [*texts[:4], "…", *texts[-3:]])


def pack_weights(weights: Rows, pe: int, simd: int, taps: int, form: Range) -> Rows:
    """(out, …taps, in) -> [tile][word], in words of the narrowest unsigned type that holds a row, or else of 64 bits. A beat has some
    channels of one or several taps."""
    codes = weights.reshape(len(weights) // pe, pe, -1, taps, weights.shape[-1] // simd, simd)
    codes = (codes > 0 if form.is_bipolar else codes).astype(np.uint8)  # a code has at most 8 bits: the lowest of the byte
    codes = codes.transpose(0, 2, 4, 1, 3, 5)  # output fold, taps, part of the channels; PE, tap, channel
    return words_of(pack(codes.reshape(-1, pe * taps * simd), form.bits), pe * taps * simd * form.bits)


def words_of(packed: NDArray[np.uint8], bits: int) -> Rows:
    """[address][byte] -> [address][word], in words of the narrowest unsigned type that holds so many bits, or else of 64 bits."""
    size = next((n for n in (1, 2, 4, 8) if bits <= 8 * n), 8)
    filled = np.zeros((len(packed), -(-packed.shape[1] // size) * size), np.uint8)
    filled[:, : packed.shape[1]] = packed
    return filled.view(f"<u{size}")


def pack(integers: Rows, bits: int) -> NDArray[np.uint8]:
    """[address][integer] -> [address][byte]: their lowest `bits` bits side by side, the first lowest; zeros fill up the last byte."""
    addresses, count = integers.shape
    if bits in (8, 16, 32, 64):
        return np.ascontiguousarray(integers.astype(f"<u{bits // 8}")).view(np.uint8)
    if bits in (2, 4):
        lanes = 8 // bits
        # Digits of a byte: lane by lane, without a byte for each bit.
        low = np.zeros((addresses, -(-count // lanes) * lanes), np.uint8)
        low[:, :count] = integers.astype(np.uint8) & np.uint8((1 << bits) - 1)
        found = np.zeros((addresses, low.shape[1] // lanes), np.uint8)
        for lane in range(lanes):
            found |= low[:, lane::lanes] << np.uint8(bits * lane)
        return found
    size = next(n for n in (1, 2, 4, 8) if bits <= 8 * n)
    found = np.zeros((addresses, -(-count * bits // 8)), np.uint8)
    step = max(1, _AT_ONCE // (count * 8 * size))
    for start in range(0, addresses, step):
        part = np.ascontiguousarray(integers[start : start + step].astype(f"<u{size}"))
        ones = np.unpackbits(part.view(np.uint8).reshape(len(part), count, size), axis=2, count=bits, bitorder="little")
        found[start : start + step] = np.packbits(ones.reshape(len(part), -1), axis=1, bitorder="little")
    return found


def unpack(packed: NDArray[np.uint8], bits: int, count: int, *, unsigned: bool) -> NDArray[np.int64]:
    """The inverse of `pack`: [address][byte] -> [address][integer]. Unsigned ones have at most 63 bits."""
    found = _digits(packed, bits, count)
    if not unsigned and bits < LOAD_BITS:
        sign = np.int64(1) << np.int64(bits - 1)
        found = (found ^ sign) - sign
    return found


def _digits(packed: NDArray[np.uint8], bits: int, count: int) -> NDArray[np.int64]:
    addresses = len(packed)
    if bits in (8, 16, 32, 64):
        used = np.ascontiguousarray(packed[:, : count * bits // 8])
        words: NDArray[Any] = used.view(f"<{'i' if bits == LOAD_BITS else 'u'}{bits // 8}")
        return words.astype(np.int64)
    if bits in (1, 2, 4):
        lanes = 8 // bits
        used = packed[:, : -(-count // lanes)]
        every = np.stack([used >> np.uint8(bits * lane) & np.uint8((1 << bits) - 1) for lane in range(lanes)], axis=2)
        found: NDArray[np.int64] = every.reshape(addresses, -1)[:, :count].astype(np.int64)
        return found
    size = next(n for n in (1, 2, 4, 8) if bits <= 8 * n)
    found = np.empty((addresses, count), np.int64)
    step = max(1, _AT_ONCE // (count * 8 * size))
    for start in range(0, addresses, step):
        ones = np.unpackbits(packed[start : start + step], axis=1, count=count * bits, bitorder="little")
        ones = ones.reshape(-1, bits)
        filled = np.zeros((len(ones), 8 * size), np.uint8)
        filled[:, :bits] = ones
        found[start : start + step] = np.packbits(filled, axis=1, bitorder="little").view(f"<u{size}").reshape(-1, count)
    return found
