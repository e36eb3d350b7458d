"""The arrays of the original's params.h, from their folded, packed and quoted form to plain integers.

Each function takes one declaration and raises HeaderError with the line that is wrong. Output channel nf*PE + pe is in fold nf
of row pe, input sf*SIMD + simd in word sf.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from network.errors import HeaderError, Source
from network.importers.initialisers import Declaration, Header

FC_CSV_BYTES = 1 << 28


class Weights(NamedTuple):
    values: NDArray[np.int8]  # (out, fan_in)
    pe: int
    simd: int


class Thresholds(NamedTuple):
    values: NDArray[np.int32]  # (channels, n)
    pe: int
    code_bits: int
    acc_bits: int


class StemThresholds(NamedTuple):
    values: NDArray[np.int32]  # (channels, n), in the order of the file, all rising or all falling
    inverted: NDArray[np.bool_]  # (channels,): these count the thresholds above the accumulator
    code_bits: int
    acc_bits: int


def sizes(declaration: Declaration, *arguments: str) -> tuple[int, ...]:
    """Template arguments as numbers."""
    if not all(argument.isdecimal() and len(argument) < 9 and int(argument) for argument in arguments):
        declaration.fail(f"{declaration.kind}<{', '.join(declaration.arguments)}>", why="sizes are positive numbers")
    return tuple(map(int, arguments))


def _integer_type(declaration: Declaration, argument: str) -> tuple[bool, int]:
    """Whether `ap_[u]int<bits>` is signed, and its bits, 1 to 32."""
    kind, _, bits = argument.removesuffix(">").partition("<")
    if kind not in ("ap_int", "ap_uint") or not bits.isdecimal() or not 1 <= int(bits[:9]) <= 32 or argument[-1] != ">":
        declaration.fail(f"the type {argument}", why="expected ap_int<N> or ap_uint<N> of up to 32 bits")
    return kind == "ap_int", int(bits)


def _bytes(declaration: Declaration, words: list[int], bits: int) -> NDArray[np.uint8]:
    """Unsigned words of `bits` bits as little-endian bytes, (words, bytes)."""
    bad = next((i for i, word in enumerate(words) if word < 0 or word >> bits), None)
    if bad is not None:
        declaration.fail(f"{words[bad]:#x} in a word of {bits} bits", why="its type says how many bits a word has", value=bad)
    size = -(-bits // 8)
    return np.frombuffer(b"".join([word.to_bytes(size, "little") for word in words]), np.uint8).reshape(-1, size)


def binary_weights(params: Header, name: str, out: int) -> Weights:
    """+1 for a 1 and -1 for a 0 of `BinaryWeights<SIMD, PE, TILES>`, words [PE][TILES], the first input in bit 0."""
    declaration = params.declaration(name, "BinaryWeights", 3)
    simd, pe, tiles = sizes(declaration, *declaration.arguments)
    if out % pe or tiles % (out // pe):
        declaration.fail(f"{pe} rows of {tiles} words for {out} output channels", why="its thresholds say how many channels there are")
    data = _bytes(declaration, declaration.values(pe, tiles, wrapped=True), simd)
    bits = np.unpackbits(data, axis=1, count=simd, bitorder="little").view(np.int8)
    folds = bits.reshape(pe, out // pe, -1).transpose(1, 0, 2)
    return Weights(2 * folds.reshape(out, -1) - np.int8(1), pe, simd)


def thresholds(params: Header, name: str) -> Thresholds:
    """`ThresholdsActivation<NF, PE, N, accumulator, codes, 0, std::less_equal<accumulator>>`, strings [PE][NF][N]."""
    declaration = params.declaration(name, "ThresholdsActivation", 7)
    *extents, acc, code, start, compare = declaration.arguments
    nf, pe, count = sizes(declaration, *extents)
    signed, bits = _integer_type(declaration, acc)
    code_signed, code_bits = _integer_type(declaration, code)
    if code_signed or code_bits > 8 or count != 2**code_bits - 1:
        declaration.fail(f"{count} thresholds for {code}", why="2^b - 1 thresholds separate codes of b bits, and b is at most 8")
    if start != "0" or compare != f"std::less_equal<{acc}>":
        declaration.fail(f"starts at {start}, compares with {compare}", why="a code is the number of thresholds <= the accumulator")
    raw = declaration.values(pe, nf, count, wrapped=True)
    low = -(1 << bits - 1) if signed else 0
    bad = next((i for i, value in enumerate(raw) if not low <= value < 1 << bits), None)
    if bad is not None:
        declaration.fail(f"{raw[bad]:#x} does not fit {acc}", why="thresholds have the accumulator's bits", value=bad)
    values = np.array(raw, np.int64).reshape(pe, nf, count)
    if signed:
        values -= (values >> bits - 1 > 0).astype(np.int64) << bits
    falls = np.argwhere(np.diff(values, axis=2) < 0)
    if falls.size:
        p, f, n = (int(i) for i in falls[0])
        what = f"{values[p, f, n + 1]} after {values[p, f, n]} in channel {f * pe + p}"
        declaration.fail(what, why="thresholds ascend", value=(p * nf + f) * count + n + 1)
    return Thresholds(values.transpose(1, 0, 2).reshape(nf * pe, count).astype(np.int32), pe, code_bits, bits)


def stem_weights(declaration: Declaration, folds: int) -> Weights:
    """`const ap_uint<8 * channels> name[PE][folds * positions]`: an int8 for each channel, the first in the lowest bits."""
    bits = math.prod(sizes(declaration, *declaration.arguments[0].split("*")))
    pe, tiles = _rows(declaration)
    if bits % 8 or tiles % folds:
        declaration.fail(f"{tiles} words of {bits} bits a row", why=f"a word holds an int8 for each channel, a row {folds} output channels")
    data = _bytes(declaration, declaration.values(pe, tiles, wrapped=False), bits).view(np.int8)
    return Weights(data.reshape(pe, folds, -1).transpose(1, 0, 2).reshape(pe * folds, -1), pe, bits // 8)


def stem_thresholds(declaration: Declaration) -> StemThresholds:
    """`const ap_uint<accumulator * (n + 1)> name[PE][folds]`: n thresholds, the first in the lowest bits, then one bit that inverts."""
    bits, *more = sizes(declaration, *declaration.arguments[0].split("*"))
    slots = math.prod(more)
    code_bits = slots.bit_length() - 1
    if not 2 <= bits <= 32 or not 1 <= code_bits <= 8 or slots != 1 << code_bits:
        what = f"ap_uint<{declaration.arguments[0]}>"
        declaration.fail(what, why="expected the accumulator's bits times 2^b, for b bits of code, such as ap_uint<24*4>")
    pe, folds = _rows(declaration)
    count = slots - 1
    words = declaration.values(pe, folds, wrapped=False)
    bad = next((i for i, word in enumerate(words) if word < 0 or word >> bits * count + 1), None)
    if bad is not None:
        declaration.fail(f"{words[bad]:#x}", why=f"a word is {count} thresholds of {bits} bits, and one bit that inverts", value=bad)
    values = np.array([[word >> bits * n & (1 << bits) - 1 for n in range(count)] for word in words], np.int64)
    values -= values >> bits - 1 << bits
    steps = np.diff(values, axis=1)
    rises, falls = (steps > 0).any(axis=1), (steps < 0).any(axis=1)
    if rises.any() and falls.any():
        odd = falls if rises[0] and not falls[0] else rises
        i = int(np.argmax(odd))
        declaration.fail(f"thresholds {values[i].tolist()}", why="the thresholds of all channels rise, or those of all fall", value=i)
    inverted = np.array([word >> bits * count == 1 for word in words])
    order = np.arange(pe * folds).reshape(pe, folds).T.reshape(-1)
    return StemThresholds(values[order].astype(np.int32), inverted[order], code_bits, bits)


def _rows(declaration: Declaration) -> tuple[int, int]:
    if len(declaration.extents) != 2 or not all(1 <= extent < 10**8 for extent in declaration.extents):
        declaration.fail(f"extents {list(declaration.extents)}", why="it is an array of rows, one for each PE")
    return declaration.extents[0], declaration.extents[1]


def bias(declaration: Declaration) -> NDArray[np.int32]:
    """`FixedPointWeights<1, ap_int<32>, PE, TILES>`."""
    simd, form, *extents = declaration.arguments
    pe, tiles = sizes(declaration, *extents)
    if simd != "1" or _integer_type(declaration, form) != (True, 32):
        declaration.fail(f"FixedPointWeights<{', '.join(declaration.arguments)}>", why="a bias is one ap_int<32> for each class")
    raw = declaration.values(pe, tiles, wrapped=True)
    bad = next((i for i, value in enumerate(raw) if not -(1 << 31) <= value < 1 << 31), None)
    if bad is not None:
        declaration.fail(f"{raw[bad]}", why="a bias has 32 bits", value=bad)
    return np.array(raw, np.int32).reshape(pe, tiles).T.reshape(-1)


def fc_weights(path: Path, shape: tuple[int, int]) -> NDArray[np.int8]:
    """The CSV file published beside the headers: int8 (classes, inputs), row by row, optionally with a comma at the end."""

    def error(what: str, why: str, line: int = 0) -> HeaderError:
        return HeaderError(Source(str(path), line), what, why=why, fix="download fcweights.csv again")

    try:
        if path.exists() and (not path.is_file() or path.stat().st_size > FC_CSV_BYTES):
            raise error("not a CSV of weights", f"it is a regular file of at most {FC_CSV_BYTES:,} bytes")
        data = path.read_bytes()
    except OSError as failure:
        raise error(f"cannot be read: {failure.strerror}", "--fc-weights names it") from None
    tokens = data.replace(b",", b" ").split()
    known = {str(value).encode(): value for value in range(-128, 128)}
    try:
        values = [known[token] for token in tokens]
    except KeyError as unknown:
        line = next(i for i, text in enumerate(data.splitlines(), 1) if unknown.args[0] in text.replace(b",", b" ").split())
        raise error(f"{unknown.args[0].decode('latin-1'):.40} is not a weight", "weights are integers from -128 to 127", line) from None
    if len(values) != shape[0] * shape[1]:
        raise error(f"{len(values):,} values", f"{shape[0]:,} classes of {shape[1]:,} inputs have {shape[0] * shape[1]:,}")
    return np.array(values, np.int8).reshape(shape)
