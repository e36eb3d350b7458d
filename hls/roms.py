"""Parameters as ROM initialisers: plain integers, a row of each ROM for every address.

A row is what all PEs read at once, as integers side by side:

weights     one row a tile, nf*fold_in + sf: the weights of PE 0, then of PE 1, without gaps in words of at most 64 bits, the first lowest
thresholds  one row an output fold nf: those of PE 0, whose channel is nf*PE, then of PE 1, …
bias        one row an output fold
factors     one row an output fold: that of PE 0 first; of a join two, the main branch's and the bypass's; a single row where channels share them

Rows too wide for one ROM are cut into equal pieces, one for each ROM; zeros fill up the last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataflow.unit import Constants, Role
from network.formats import Format, Kind
from network.parameters import Array, Parameters


@dataclass(frozen=True, slots=True)
class RomText:
    name: str
    type: str
    dimensions: tuple[int, ...]  # ROMs, addresses, integers in a row
    roms: list[list[str]]  # of each ROM, its rows as initialisers


def rom_text(held: Constants, parameters: Parameters) -> RomText:
    if held.format is not None:
        kind, write = f"std::uint{held.integer_bits}_t", f"0x{{:0{held.integer_bits // 4}x}}"
    elif held.role is Role.FACTORS:
        kind, write = f"std::uint{held.integer_bits}_t", "{}"
    else:
        kind, write = f"std::int{held.integer_bits}_t", "{}"
    roms = cut(rows(held, parameters), held.roms)
    texts = [["{" + ", ".join(map(write.format, row)) + "}" for row in rom] for rom in roms.tolist()]
    return RomText(held.name, kind, roms.shape, texts)


def rows(held: Constants, parameters: Parameters) -> NDArray[Any]:
    """[address][integer]: packed weights, thresholds within their reach, bias, or factors."""
    array = parameters[held.key]
    if held.format is not None:
        return pack_weights(array, held.pe, held.simd, held.taps, held.format)
    if held.reach is not None:
        array = clip_thresholds(array, *held.reach)
    return array.reshape(held.words, -1)


def cut(rows: NDArray[Any], roms: int) -> NDArray[Any]:
    """[address][integer] -> [rom][address][integer], filled up with zeros."""
    addresses, integers = rows.shape
    filled = np.pad(rows, ((0, 0), (0, -integers % roms)))
    return filled.reshape(addresses, roms, -1).swapaxes(0, 1)


def clip_thresholds(thresholds: Array, low: int, high: int) -> Array:
    """Thresholds outside the reachable range are never or always reached; clipping them keeps that and needs fewer bits."""
    # As int64: high + 1 may be one more than int32 holds.
    return np.clip(thresholds.astype(np.int64), low, high + 1)


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
