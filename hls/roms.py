"""Parameters as ROM initialisers: plain integers, a row of each ROM for every address.

A row is what all PEs read at once, as integers side by side:

weights     one row a tile, nf*fold_in + sf: the weights of PE 0, then of PE 1, without gaps in words of at most 64 bits, the first lowest
thresholds  one row an output fold nf: those of PE 0, whose channel is nf*PE, then of PE 1, …
bases       the same: the greatest value of the lowest code
codes       of each output fold a row for every bit pattern of a value: the code in each lane
levels      of each output fold 2**k rows: the thresholds that the search compares with in its step k, in ascending order
multipliers one row an output fold; so are biases, with which they give the codes of thresholds
bias        one row an output fold
factors     one row an output fold: that of PE 0 first; of a join two, the main branch's and the bypass's; a single row where channels share them

Rows too wide for one ROM are cut into equal pieces, one for each ROM; zeros fill up the last. What lanes read at addresses of their own is
a ROM for each lane.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataflow.unit import Constants, Role
from network.errors import ParameterError
from network.formats import Format, Kind
from network.operations import Activation
from network.parameters import Array, Parameters
from network.scaling import NoScalingError, solve


@dataclass(frozen=True, slots=True)
class RomText:
    name: str
    type: str
    dimensions: tuple[int, ...]  # ROMs, addresses, integers in a row
    roms: list[list[str]]  # of each ROM, its rows as initialisers


def rom_text(held: Constants, parameters: Parameters) -> RomText:
    kind = f"std::{'u' if _is_unsigned(held) else ''}int{held.integer_bits}_t"
    write = f"0x{{:0{held.integer_bits // 4}x}}" if held.role is Role.WEIGHTS else "{}"
    roms = cut(rows(held, parameters), held.roms)
    texts = [["{" + ", ".join(map(write.format, row)) + "}" for row in rom] for rom in roms.tolist()]
    return RomText(held.name, kind, roms.shape, texts)


def rows(held: Constants, parameters: Parameters) -> NDArray[Any]:
    """[address][integer]; raises ParameterError where thresholds are not such that these constants compute their codes."""
    return ROWS[held.role](held, parameters[held.key])


def cut(rows: NDArray[Any], roms: int) -> NDArray[Any]:
    """[address][integer] -> [rom][address][integer], filled up with zeros."""
    addresses, integers = rows.shape
    filled = np.pad(rows, ((0, 0), (0, -integers % roms)))
    return filled.reshape(addresses, roms, -1).swapaxes(0, 1)


def _is_unsigned(held: Constants) -> bool:
    if held.role is Role.CODES:
        return _activation(held).codes.kind is Kind.UINT
    return held.role in (Role.WEIGHTS, Role.FACTORS, Role.MULTIPLIERS)


def _activation(held: Constants) -> Activation:
    if held.activation is None:
        raise TypeError(f"{held.name}: {held.role.value} are those of an activation")
    return held.activation


def _weights(held: Constants, weights: Array) -> NDArray[Any]:
    if held.format is None:
        raise TypeError(f"{held.name}: weights have a format")
    return pack_weights(weights, held.pe, held.simd, held.taps, held.format)


def _as_they_are(held: Constants, array: Array) -> NDArray[Any]:
    return array.reshape(held.words, -1)


def _thresholds(held: Constants, thresholds: Array) -> NDArray[Any]:
    return clip_thresholds(thresholds, *_activation(held).reach).reshape(held.words, -1)


def _bases(held: Constants, thresholds: Array) -> NDArray[Any]:
    low, high = _activation(held).reach
    return bases(held.key, thresholds, low, high).reshape(held.words, -1)


def _codes(held: Constants, thresholds: Array) -> NDArray[Any]:
    """Whether a value can come or not: a bit pattern has a code."""
    values, codes = _activation(held).values, _activation(held).codes
    patterns = np.arange(1 << values.bits)
    of = patterns - (patterns >> values.bits - 1 << values.bits) if values.kind is Kind.INT else patterns
    found = codes.low + np.stack([np.searchsorted(each, of, side="right") for each in thresholds])
    return _by_lane(held, found)


def _levels(held: Constants, thresholds: Array) -> NDArray[Any]:
    """Which thresholds are reached is searched for from the middle one: step k halves what is between two of the steps before."""
    activation = _activation(held)
    half = (activation.codes.thresholds + 1) >> held.level + 1
    return _by_lane(held, clip_thresholds(thresholds, *activation.reach)[:, half - 1 :: 2 * half])


def _scaled(held: Constants, thresholds: Array) -> NDArray[Any]:
    activation, scaling = _activation(held), held.scaling
    if scaling is None:
        raise TypeError(f"{held.name}: {held.role.value} are those of a scaling")
    try:
        multipliers, biases = solve(scaling, thresholds, activation.reach, activation.codes)
    except NoScalingError as error:
        low, high = activation.reach
        shown = ", ".join(f"{name}: {value}" for name, value in scaling.entries.items())
        raise ParameterError(
            held.key,
            f"channel {error.channel} has the thresholds {_listed(thresholds[error.channel])}, which no multiplier and bias give from {low} to {high}",
            why=f"scale computes step * ((multiplier * value + bias) >> shift) + offset, here with {{{shown}}}",
            fix="import the network again, leave activation out of the description, or write activation: search, which takes any thresholds",
        ) from None
    return (multipliers if held.role is Role.MULTIPLIERS else biases).reshape(held.words, -1)


def _by_lane(held: Constants, array: NDArray[Any]) -> NDArray[Any]:
    """(channel, place) -> [output fold and place][lane]; lanes of pixels beside one another have the same."""
    channels, places = array.shape
    folds = held.words // places
    found = array.reshape(folds, channels // folds, places).swapaxes(1, 2).reshape(held.words, -1)
    return np.tile(found, held.pe // found.shape[1])


ROWS: Mapping[Role, Callable[[Constants, Array], NDArray[Any]]] = MappingProxyType(
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


def clip_thresholds(thresholds: Array, low: int, high: int) -> NDArray[np.int64]:
    """Thresholds outside the reachable range are never or always reached; clipping them keeps that and needs fewer bits."""
    # As int64: high + 1 may be one more than int32 holds.
    return np.clip(thresholds.astype(np.int64), low, high + 1)


def bases(key: str, thresholds: Array, low: int, high: int) -> NDArray[np.int64]:
    """Of each channel the base b for which min(max(value - b, 0), n) of its n thresholds are reached, by every value from `low` to `high`.

    Raises ParameterError where there is none. Thresholds out of reach need not follow the others: they are as good as b + 1, b + 2, … that
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
        raise ParameterError(
            key,
            f"channel {channel} has the thresholds {_listed(thresholds[channel])}{more}, which do not follow one another from {low} to "
            f"{high}",
            why="clip computes value - base, held between 0 and the number of thresholds: each value reaches one more than the one below",
            fix="leave activation out of the description, or write activation: search, which takes any thresholds",
        )
    return found


def _listed(numbers: NDArray[Any]) -> str:
    """All of a few, the ends of many."""
    texts = [str(number) for number in numbers.tolist()]
    return ", ".join(texts if len(texts) <= 8 else [*texts[:4], "…", *texts[-3:]])


def pack_weights(weights: Array, pe: int, simd: int, taps: int, form: Format) -> NDArray[Any]:
    """(out, …taps, in) -> [tile][word], in words of the narrowest unsigned type that holds a row, or else of 64 bits. A beat has some
    channels of one or several taps."""
    codes = weights.reshape(len(weights) // pe, pe, -1, taps, weights.shape[-1] // simd, simd).astype(np.int16)
    codes = codes.transpose(0, 2, 4, 1, 3, 5)  # output fold, taps, part of the channels; PE, tap, channel
    codes = (codes > 0).astype(np.int16) if form.kind is Kind.BIPOLAR else codes & ((1 << form.bits) - 1)
    bits = (codes[..., None] >> np.arange(form.bits)) & 1  # lowest bit first
    rows = bits.reshape(-1, pe * taps * simd * form.bits).astype(np.uint8)
    size = next((n for n in (1, 2, 4, 8) if rows.shape[1] <= 8 * n), 8)
    packed = np.packbits(np.pad(rows, ((0, 0), (0, -rows.shape[1] % (8 * size)))), axis=1, bitorder="little")
    return np.ascontiguousarray(packed).view(f"<u{size}")
