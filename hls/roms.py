"""Parameters as ROM initialisers: plain integers, in the order in which the processing elements read them.

weights     [pe][nf*fold_in + sf][word]   simd weights of one PE in words of at most 64 bits, the first weight lowest
thresholds  [pe][nf][n]                   PE p of output fold nf holds channel nf*PE + p
bias        [pe][nf]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataflow.unit import Constants
from network.formats import Format, Kind
from network.parameters import Array, Parameters

WORD_TYPES = ("std::uint8_t", "std::uint16_t", "std::uint32_t", "std::uint64_t")


@dataclass(frozen=True, slots=True)
class RomText:
    name: str
    type: str
    dimensions: tuple[int, ...]
    rows: list[str]  # one initialiser per PE, without the braces around it


def rom_text(held: Constants, parameters: Parameters) -> RomText:
    array = parameters[held.key]
    if held.format is not None:
        words = pack_weights(array, held.pe, held.simd, held.format)
        return RomText(held.name, WORD_TYPES[words.itemsize.bit_length() - 1], words.shape, [_braces(pe, hexadecimal=True) for pe in words])
    if held.reach is not None:
        array = clip_thresholds(array, *held.reach)
    values = array.reshape(-1, held.pe, *array.shape[1:]).swapaxes(0, 1)
    return RomText(held.name, _signed(values), values.shape, [_braces(pe) for pe in values])


def clip_thresholds(thresholds: Array, low: int, high: int) -> Array:
    """Thresholds outside the reachable range are never or always reached; clipping them keeps that and needs fewer bits."""
    # As int64: high + 1 may be one more than int32 holds.
    return np.clip(thresholds.astype(np.int64), low, high + 1)


def pack_weights(weights: Array, pe: int, simd: int, form: Format) -> NDArray[Any]:
    """(out, …inputs in beat order) -> words [pe][tile][word] of the narrowest unsigned type."""
    codes = weights.reshape(len(weights), -1, simd).astype(np.int16)  # out, sf, simd
    codes = (codes > 0).astype(np.int16) if form.kind is Kind.BIPOLAR else codes & ((1 << form.bits) - 1)
    bits = (codes[..., None] >> np.arange(form.bits)) & 1  # lowest bit first
    bits = bits.reshape(*codes.shape[:2], simd * form.bits).astype(np.uint8)
    size = next((n for n in (1, 2, 4, 8) if simd * form.bits <= 8 * n), 8)
    padding = -bits.shape[-1] % (8 * size)
    packed = np.packbits(np.pad(bits, ((0, 0), (0, 0), (0, padding))), axis=-1, bitorder="little")
    words = packed.view(f"<u{size}")  # out, sf, word
    folds = words.reshape(len(weights) // pe, pe, *words.shape[1:]).swapaxes(0, 1)  # pe, nf, sf, word
    return np.ascontiguousarray(folds.reshape(pe, -1, words.shape[-1]))


def _signed(values: Array) -> str:
    low, high = int(values.min()), int(values.max())
    bits = next(bits for bits in (8, 16, 32, 64) if -(1 << bits - 1) <= low and high < 1 << bits - 1)
    return f"std::int{bits}_t"


def _braces(array: NDArray[Any], hexadecimal: bool = False) -> str:
    """A nested initialiser; innermost dimensions of one element still get their braces."""
    if array.ndim == 1:
        form = f"0x{{:0{2 * array.itemsize}x}}" if hexadecimal else "{}"
        return "{" + ", ".join(map(form.format, array.tolist())) + "}"
    return "{" + ", ".join(_braces(part, hexadecimal) for part in array) + "}"
