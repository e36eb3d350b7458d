"""The cost of the units in SystemVerilog: what a module contains is counted from its parameters, as the `.sv` of the same name has it, and a few
constants for each implementation turn these counts into the LUTs and flip-flops that Yosys makes of them.

Every constant is FITTED, by least squares of relative errors, on the shapes of rtl/measured.csv that are not held out (Yosys 0.23,
`synth_xilinx -family xcup`, random contents of ROMs); `python -m rtl.measure` measures and fits again. A constant near 1 says that a part
is built as it is counted. Block RAM, UltraRAM and DSPs are counted by rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

from constants.scaling import Rounding, Scaling
from dataflow.cost.resources import Resources
from dataflow.cost.storage import REGISTER_WORDS, Storage, bram, stream_storage, uram
from dataflow.packing import Packing, code_bits, field_bits
from dataflow.rtl_fifo import FifoKind, RtlFifo
from network.formats import Format, Kind, uint

FITTED: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = MappingProxyType(
    {
        "mvu": ((1.159, 1.171, 0.595, 0.898, 0.0, 46.313), (0.833, 0.777, 0.929, 1.13, 0.0, 13.266)),
        "mvau": ((1.109, 1.185, 0.538, 0.906, 1.048, 1.408, 0.0), (0.971, 1.012, 0.948, 0.856, 1.009, 0.0, 23.337)),
        "dwc": ((1.0, 0.835, 3.16), (1.0, 0.997, 1.458)),
        "fork": ((2.0,), (1.0, 1.0)),
        "join": ((1.0, 2.999), (1.0, 1.999)),
        "join_sum": ((1.013, 0.961, 0.805), (0.993, 1.026, 0.896, 1.536)),
        "fifo": ((1.008, 2.039, 10.523, 4.963, 23.074), (1.007, 4.298, 5.21, 3.772, 25.526)),
        "threshold": ((0.818, 0.97, 1.183, 1.182, 0.0), (0.983, 1.008, 1.443)),
        "clip": ((0.68, 0.877, 1.067, 1.885), (0.952, 1.002, 1.496)),
        "table": ((0.932, 0.433, 0.894), (0.999, 1.128)),
        "search": ((0.949, 0.964, 1.272), (0.895, 0.865, 1.007)),
        "swg": ((0.879, 1.232, 0.981, 3.625, 0.9, 25.096), (0.99, 1.326, 4.871, 1.652, 17.166)),
        "swg_parallel": ((0.939, 1.064, 1.05, 1.574, 0.0, 11.889, 9.189), (0.987, 0.999, 1.016, 1.422, 0.914, 23.723)),
        "raster": ((1.031, 1.386, 2.173, 4.501), (0.987, 0.974, 1.032, 5.385)),
        "max_pool": ((0.999, 1.034, 0.699, 5.277), (1.0, 1.0, 1.005, 4.941)),
        "accumulate_pool": ((0.785, 0.904, 1.223, 0.0), (1.0, 1.0, 1.005, 7.935)),
        "global_max": ((0.987, 0.0, 0.988, 1.111, 0.0), (1.0, 1.0, 1.011, 7.883)),
        "scale": ((0.844, 0.561, 0.473, 1.941, 1.129, 1.68), (0.915, 0.939, 1.164, 2.043)),
        "scale_scores": ((1.034, 0.967, 1.0), (1.014, 0.964, 2.079)),
        "top_k_scores": ((1.561, 1.038, 0.0, 2.514), (1.015, 0.908, 1.513, 5.569)),
        "top_k": ((1.356, 0.789, 4.252, 1.016), (1.0, 1.0, 1.0, 2.988)),
        "weight_rom": ((1.001, 0.836, 0.134), (1.001, 1.009, 1.912)),
        "loaded": ((1.015, 0.068, 120.442, 41.462), (1.006, 1.025, 0.391, 57.969)),
        "dense": ((1.142, 0.873, 0.683, 1.218, 0.045, 0.0), (0.925, 1.051, 0.983, 0.956, 3.116, 0.0)),
    }
)
"""By implementation, the constants of its LUTs and of its flip-flops, in the order of `Structure`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """What a module contains: LUTs and flip-flops of each of its parts as counted, and what is counted by rule."""

    implementation: str
    luts: tuple[float, ...]
    ffs: tuple[float, ...]
    ruled: Resources = field(default_factory=Resources)  # BRAM, UltraRAM, DSPs

    @property
    def cost(self) -> Resources:
        luts, ffs = FITTED[self.implementation]
        lut = sum(factor * count for factor, count in zip(luts, self.luts, strict=True))
        ff = sum(factor * count for factor, count in zip(ffs, self.ffs, strict=True))
        return Resources(lut=max(0, round(lut)), ff=max(0, round(ff))) + self.ruled


@dataclass(frozen=True, slots=True)
class Count:
    """LUTs and flip-flops of a part."""

    lut: float = 0
    ff: float = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.lut + other.lut, self.ff + other.ff)

    def __mul__(self, times: float) -> Count:
        return Count(self.lut * times, self.ff * times)


def bits_for(numbers: int) -> int:
    """Bits of a number below `numbers`."""
    return (numbers - 1).bit_length()


def counter(numbers: int) -> Count:
    """rf_counter: a LUT for each bit of the next number, and for whether it is the last."""
    bits = bits_for(numbers)
    return Count(bits + 1 + bits / 5, bits + 1) if numbers > 1 else Count()


def tree(numbers: int, bits: int, levels: int | None = None, *, weighted: bool = False) -> Count:
    """rf_adder_tree: a LUT for each bit that two numbers have in common, a register behind the last level and every second before it."""
    return _tree(numbers, bits, bits_for(numbers) if levels is None else levels, weighted, True)


@cache  # both halves are mostly the same, and so are the trees of most units
def _tree(numbers: int, bits: int, levels: int, weighted: bool, registered: bool) -> Count:
    if levels == 0:
        return Count()
    if numbers == 1:
        below = _tree(1, bits, levels - 1, weighted, not registered)
    else:
        high, low = numbers // 2, numbers - numbers // 2
        common = min(_width(high, bits, weighted), _width(low, bits, weighted) - (low if weighted else 0))
        below = Count(max(common, 0)) + sum((_tree(each, bits, levels - 1, weighted, not registered) for each in (high, low)), Count())
    return below + Count(0, _width(numbers, bits, weighted)) if registered else below


def _width(numbers: int, bits: int, weighted: bool) -> int:
    return bits + ((numbers if numbers > 1 else 0) if weighted else bits_for(numbers))


def popcount(bits: int, levels: int | None = None) -> Count:
    """rf_popcount: six bits are counted by a LUT for each bit of their number, the numbers are added."""
    whole, rest = divmod(bits, 6)
    used = (0, 0, 2, 2, 3, 3)[rest]
    return Count(3 * whole + used, 3 * whole + (1 if rest == 1 else used)) + tree(-(-bits // 6), 3, levels)


def dot_planes(lanes: int, codes: int, weights: int) -> Count:
    """rf_dot_planes: every pair of planes, in the column of its weight."""
    return columns(lanes, [sum(0 <= k - a < weights for a in range(codes)) for k in range(codes + weights - 1)])


def columns(lanes: int, pairs: Sequence[int]) -> Count:
    """Products of bits, counted together where they have the same weight: two LUTs for every three of `lanes` products of a pair of planes, the
    ones of each column, its own and the twos of that below, counted, the counts added. `pairs` of planes by column, from the lowest."""
    triples = -(-lanes // 3)
    products = triples if lanes < 2 else 2 * triples - (lanes % 3 == 1)
    heights = [(ones + twos) * triples for ones, twos in zip([*pairs, 0], [0, *pairs], strict=True)]
    levels = bits_for(-(-max(heights) // 6))
    counted = sum((popcount(height, levels) for height in heights), Count(products * sum(pairs)))
    return counted + tree(len(heights), 3 + levels, weighted=True)


Rom = Storage | None
"""The memory of constants; None of those that are loaded, which `loaded` counts."""


def varied(rows: int, rom: Rom) -> int:
    """Rows of constants, of which a single one is part of the logic unless it is loaded."""
    return max(rows, 2) if rom is None else rows


def rom(words: int, bits: int, storage: Rom, columns: int | None = None) -> tuple[Count, float]:
    """rf_rom, and its block RAMs. Of a ROM in LUTs of a few words many columns are alike, and are one: those of random contents that differ
    are counted; `columns` are those that are no copies of others' signs. A column takes a LUT for every 64 words, of up to eight words a
    fifth of them none: the set or reset of its register does it (131 columns of 8 words took 102 LUTs)."""
    if storage is Storage.BRAM:
        return Count(0, bits), bram(words, bits)
    if words == 1 or storage is None:
        return Count(), 0
    kept, address = different(bits if columns is None else columns, words), bits_for(words)
    trivial = min(kept, 2 * address + 2) if words < 8 else 0  # constant, or a bit of the address
    return Count((kept - trivial) * (0.78 if words <= 8 else 1) + kept * (-(-words // 64) - 1), kept + address), 0


class Loaded(NamedTuple):
    """A memory of constants that are loaded, or a memory for each of its lanes."""

    words: int
    bits: int  # of a lane
    lanes: int
    storage: Storage


def loaded(held: Sequence[Loaded], *, firings: int, drain: int, words: int, row_words: int, passes: bool) -> Structure:
    """rf_loader and the memories that it writes: `words` of a load, `row_words` of the longest row. In front of memories but block RAM and UltraRAM the address
    is a register; behind all of them is one for what is read. A word under way, those of a row before its last; counters of firings, of
    cycles to wait, of words, of words of a row, and of rows; where messages go on, one of what is left of them, and a subtraction."""
    memories, brams, urams = Count(), 0.0, 0
    for each in held:
        if each.storage is Storage.URAM:
            memory, blocks = Count(0, each.bits), 0.0
            urams += uram(each.words, each.bits) * each.lanes
        elif each.storage is Storage.BRAM:
            memory, blocks = Count(0, each.bits), bram(each.words, each.bits)
        elif each.words <= REGISTER_WORDS:  # one of four words is chosen by a LUT for each bit
            memory, blocks = Count(each.bits if each.words > 1 else 0, (1 + each.words) * each.bits + bits_for(each.words)), 0.0
        else:
            memory, blocks = Count(_distributed(each.words, each.bits), each.bits + bits_for(each.words)), 0.0
        memories, brams = memories + memory * each.lanes, brams + blocks * each.lanes
    rows = bits_for(max(each.words for each in held)) + bits_for(row_words) + len(held)
    counters = counter(firings) + counter(drain) + counter(words) + Count(2 * rows, rows)
    return Structure(
        implementation="loaded",
        luts=(memories.lut, counters.lut, 1, passes),
        ffs=(memories.ff, CHAIN_BITS * row_words, counters.ff, passes),
        ruled=Resources(bram=brams, uram=urams),
    )


def delay(steps: int, bits: int, storage: Storage) -> tuple[Count, float]:
    """rf_delay, and its block RAMs: registers, of which three or more in a row are shift registers in LUTs; or a memory of a word less, with
    two addresses, and two registers behind it."""
    if steps <= 4:
        return Count(0, steps * bits) if steps < 3 else Count(bits), 0
    addresses = counter(steps - 1) + Count(0, bits_for(steps - 1))
    if storage is Storage.BRAM:
        return addresses + Count(0, bits), bram(steps - 1, bits)
    return addresses + Count(_distributed(steps - 1, bits), 2 * bits), 0


def crossed(values: int, thresholds: int, bits: int, words: int) -> tuple[Count, Count]:
    """rf_crossed: the comparisons, of three bits by two LUTs, whether they are equal and which is larger, of up to five bits without the
    first; and the count of those reached. Constant thresholds of a value share LUTs. Of two rows they nearly do, which is not counted: two
    values of 20 bits with 255 thresholds each took 2,281 LUTs in all, a third of what is counted."""
    comparisons = float(thresholds * (2 * -(-bits // 3) - (bits <= 5))) if words > 1 else _constants(thresholds, bits)
    return Count(comparisons, thresholds) * values, popcount(thresholds) * values


def _constants(thresholds: int, bits: int) -> float:
    """LUTs that compare a value with random constants; of the lowest bits it does not matter whether they are equal."""
    if bits <= 5:
        return different(thresholds, bits)
    threes = [3] * (bits // 3) + ([bits % 3] if bits % 3 else [])
    return sum(2 * different(thresholds, each) for each in threes) - different(thresholds, threes[-1])


def different(drawn: int, bits: int) -> float:
    """How many different ones there are among random numbers."""
    return float(drawn) if bits > 30 else 2.0**bits * (1 - (1 - 0.5**bits) ** drawn)


def rtl_fifo(fifo: RtlFifo, bits: int) -> Structure:
    """rf_fifo: a memory in LUTs, with two addresses and twice the number of places taken; behind a deeper memory a second one."""
    if fifo.kind is FifoKind.SHALLOW:
        address, memory = bits_for(fifo.places), _distributed(fifo.places, bits)
        return Structure(implementation="fifo", luts=(memory, address, 1, 0, 0), ffs=(0, address, 1, 0, 0))
    address, storage = bits_for(fifo.depth), stream_storage(fifo.depth, bits)
    deep = _distributed(fifo.depth, bits) if storage is Storage.LUTRAM else 0
    ruled = Resources(
        bram=bram(fifo.depth, bits) if storage is Storage.BRAM else 0, uram=uram(fifo.depth, bits) if storage is Storage.URAM else 0
    )
    registers = bits * (2 if storage is Storage.LUTRAM else 1)
    return Structure(
        implementation="fifo",
        luts=(deep + _distributed(fifo.places - fifo.depth, bits), 0, 0, address, 1),
        ffs=(registers, 0, 0, address, 1),
        ruled=ruled,
    )


def _distributed(words: int, bits: int) -> int:
    """LUTs of a RAM with a port to write and one to read: RAM32M16 has 14 bits in eight, RAM64M8 seven (UG574). Of more words, a power of
    two of RAM64M8 and for each bit a choice among them, of four by a LUT."""
    if words <= 32:
        return 8 * -(-bits // 14)
    deep = 1 << bits_for(-(-words // 64))
    return 8 * -(-bits // 7) * deep + (bits * -(-deep // 4) if deep > 1 else 0)


class Dots(NamedTuple):
    """The dot products of all PEs, in LUTs and around DSPs; the sums they are added to; and the DSPs."""

    planes: Count
    packed: Count
    sums: Count
    dsps: int


def pes(pe: int, pixels: int, lanes: int, formats: tuple[Format, Format], packed: Packing | None, sums: int) -> Dots:
    """rf_pe_array. Yosys takes two LUTs for each bit of a sum that
    can begin anew, one where there is nothing to add. `formats` are those of codes and weights.

    A DSP is rf_dsp, of which Yosys is told no more than that it is one: all its registers and its adder have their places in the primitive,
    where Vivado puts them (UG901, "Multiply-Add and Multiply-Accumulate Implementation"), while Yosys leaves registers and addition outside.
    """
    codes, weight = formats
    if packed is not None:
        total = field_bits(weight, codes, packed.length(lanes)) + bits_for(packed.chains(lanes))
        added = Count(sums + min(sums, total), sums) * (pe * pixels)
        return Dots(Count(), packed_dots(pe, pixels, lanes, formats, packed), added, packed.dsps(pe, pixels, lanes))
    count = (pe + (weight.kind is Kind.BIPOLAR)) * pixels
    dot = bits_for(1 + lanes * (2**codes.bits - 1) * (2**weight.bits - 1))
    return Dots(dot_planes(lanes, codes.bits, weight.bits) * count, Count(), Count(sums + min(sums, dot), sums) * count, 0)


def packed_dots(pe: int, pixels: int, lanes: int, formats: tuple[Format, Format], packed: Packing) -> Count:
    """What is around the DSPs: trees that add the fields of chains; for each pixel and chain a tree over what codes are below the highest,
    where weights are raised; additions that put signed codes side by side; and registers of factors that wait."""
    codes, weight = formats
    chains, length, groups = packed.chains(lanes), packed.length(lanes), -(-pixels // packed.pixels)
    dots = tree(chains, field_bits(weight, codes, length)) * (pe * pixels)
    factors = pe * weight.bits + groups * code_bits(codes, packed)
    dots += Count(0, factors) * packed.waiting(lanes)
    if packed.weights > 1 and weight.kind is Kind.INT:
        dots += tree(length, codes.bits, 3) * (chains * pixels)
    if packed.pixels > 1 and codes.kind is Kind.INT:
        dots += Count((pixels - groups) * lanes * codes.bits)
    return dots


@dataclass(frozen=True, slots=True, kw_only=True)
class Summed:
    """What rf_window_sums contains."""

    planes: Count
    packed: Count
    sums: Count
    memories: Count
    control: Count
    ruled: Resources


def window_sums(
    *,
    pe: int,
    simd: int,
    pixels: int,
    folds: tuple[int, int],
    packed: Packing | None,
    formats: tuple[Format, Format],
    sums: int,
    storages: tuple[Rom, Storage],
) -> Summed:
    """`formats` of codes and weights; `storages` of weights and the window."""
    (codes, weight), (fold_in, fold_out) = formats, folds
    bipolar = weight.kind is Kind.BIPOLAR
    planes, around, added, dsps = pes(pe, pixels, simd, formats, packed, sums)
    totals = Count(sums, sums) * (pixels * pe if bipolar else 0)
    weights, weight_brams = rom(fold_in * fold_out, pe * simd * weight.bits, storages[0])
    beat = pixels * simd * codes.bits
    kept, kept_brams = delay(fold_in, beat, storages[1]) if fold_out > 1 else (Count(), 0)
    return Summed(
        planes=planes,
        packed=around,
        sums=added + totals,
        memories=weights + kept + Count(beat if fold_out > 1 else 0, 2 * beat),
        control=counter(fold_in) + counter(fold_out) + counter(fold_in * fold_out),
        ruled=Resources(dsp=dsps, bram=weight_brams + kept_brams),
    )


def mvau(
    *,
    pe: int,
    simd: int,
    pixels: int,
    folds: tuple[int, int],
    packed: Packing | None,
    formats: tuple[Format, Format, Format],
    sums: int,
    storages: tuple[Rom, Rom, Storage],
) -> Structure:
    """`formats` of codes, weights and results; `storages` of weights, thresholds and the window."""
    codes, weight, result = formats
    of = window_sums(
        pe=pe, simd=simd, pixels=pixels, folds=folds, packed=packed, formats=(codes, weight), sums=sums, storages=(storages[0], storages[2])
    )
    compared, reached = crossed(pixels * pe, result.thresholds, sums, varied(folds[1], storages[1]))
    thresholds, brams = rom(folds[1], pe * result.thresholds * sums, storages[1])
    memories = of.memories + thresholds
    return Structure(
        implementation="mvau",
        luts=(of.planes.lut + reached.lut, of.packed.lut, of.sums.lut, compared.lut, memories.lut, of.control.lut, 1),
        ffs=(of.planes.ff + reached.ff, of.packed.ff, of.sums.ff, compared.ff, memories.ff, of.control.ff, 1),
        ruled=of.ruled + Resources(bram=brams),
    )


def mvu(
    *,
    pe: int,
    simd: int,
    pixels: int,
    folds: tuple[int, int],
    packed: Packing | None,
    formats: tuple[Format, Format],
    sums: int,
    storages: tuple[Rom, Storage],
) -> Structure:
    """`formats` of codes and weights; `storages` of weights and the window."""
    of = window_sums(pe=pe, simd=simd, pixels=pixels, folds=folds, packed=packed, formats=formats, sums=sums, storages=storages)
    return Structure(
        implementation="mvu",
        luts=(of.planes.lut, of.packed.lut, of.sums.lut, of.memories.lut, of.control.lut, 1),
        ffs=(of.planes.ff, of.packed.ff, of.sums.ff, of.memories.ff, of.control.ff, 1),
        ruled=of.ruled,
    )


def row_of_beat(rows: int, block: int, repeats: int) -> Count:
    """rf_row_of_beat: a counter, or where blocks come again two more, and an adder."""
    if repeats == 1 or block == rows:
        return counter(rows)
    return counter(block) + counter(repeats) + Count(2 * bits_for(rows), bits_for(rows))


def threshold(*, lanes: int, beside: int, rows: int, control: Count, values: int, thresholds: int, bits: int, storage: Rom) -> Structure:
    """Comparisons with the constants of a single row are mapped in another way than those with rows."""
    compared, reached = crossed(lanes * beside, thresholds, values, varied(rows, storage))
    constants, rest = (compared.lut, 0.0) if varied(rows, storage) == 1 else (0.0, compared.lut)
    held, brams = rom(rows, lanes * thresholds * bits, storage, lanes * thresholds * values)
    return Structure(
        implementation="threshold",
        luts=(constants, rest, reached.lut, held.lut, control.lut + 1),
        ffs=(compared.ff + reached.ff, held.ff + 2 * lanes * beside * values, control.ff + 1),
        ruled=Resources(bram=brams),
    )


CHAIN_BITS = 64
"""Of the words in which constants are loaded."""
NARROW_MULTIPLIER = 4
"""Multipliers of so many bits are taken bit by bit, and add a value shifted; wider ones multiply in DSPs."""


def scale_bits(value: Format, scaling: Scaling) -> int:
    """Of multiplier * value + bias."""
    return 1 + max(value.bits + scaling.multiplier + 1, scaling.bias, scaling.shift + 1)


def scale(
    *,
    lanes: int,
    beside: int,
    rows: int,
    control: Count,
    value: Format,
    codes: int,
    scaling: Scaling,
    storages: tuple[Rom, Rom],
) -> Structure:
    """`storages` of multipliers and biases. rf_rescaled for each value: a product in DSPs or, of few bits that are no constants, a sum of the
    value for each bit but one; the sum, of which what is shifted out is kept where it decides of ties; and the comparisons with two bounds."""
    values, bits = lanes * beside, scale_bits(value, scaling)
    product, added, dsps = Count(), 0, 0
    if scaling.multiplier > NARROW_MULTIPLIER:
        product, dsps = scaled(value, uint(scaling.multiplier), bits)
    elif varied(rows, storages[0]) > 1:
        added = (scaling.multiplier - 1) * value.bits
    held, brams = Count(), 0.0
    for of, storage in zip((scaling.multiplier, scaling.bias), storages, strict=True):
        memory, blocks = rom(rows, lanes * of, storage)
        held, brams = held + memory, brams + blocks
    left = bits - scaling.shift
    even = scaling.rounding is Rounding.HALF_EVEN
    kept, ties = (bits, scaling.shift / 5) if even else (left, 0)
    return Structure(
        implementation="scale",
        luts=(values * bits, values * (2 * left / 3 + codes + ties), values * product.lut, values * added, held.lut, control.lut + 1),
        ffs=(values * (kept + left + codes), values * (3 * value.bits + scaling.multiplier), held.ff, control.ff + 1),
        ruled=Resources(bram=brams, dsp=values * dsps),
    )


def ram(words: int, bits: int, storage: Storage) -> tuple[Count, float]:
    """rf_ram, and its block RAMs."""
    if storage is Storage.BRAM:
        return Count(), bram(words, bits)
    if storage is Storage.REGISTERS:
        return Count(bits * (1 + words // 2), words * bits + bits), 0
    return Count(_distributed(words, bits), bits), 0


def clip(*, lanes: int, beside: int, rows: int, control: Count, values: int, codes: int, bits: int, storage: Rom) -> Structure:
    """For each lane a difference, which takes no LUTs where the base is a constant: its bits go into the carries; a LUT for every six of its
    bits that are above a code, and one for each bit of a code."""
    difference = 1 + max(bits, codes + 1)
    held, brams = rom(rows, lanes * bits, storage)
    above = -(-(difference - codes) // 5)
    return Structure(
        implementation="clip",
        luts=(lanes * beside * difference if varied(rows, storage) > 1 else 0, lanes * beside * (above + codes), held.lut, control.lut + 1),
        ffs=(lanes * beside * (difference + codes), held.ff + 2 * lanes * beside * values, control.ff + 1),
        ruled=Resources(bram=brams),
    )


def table(*, lanes: int, control: Count, rows: int, values: int, codes: int, storage: Rom) -> Structure:
    """A ROM for each lane; the row in their addresses is one register. Codes ascend with values, so among 64 of these, a LUT, most upper bits
    stay the same: bit k from the top one changes 2**(k+1) - 1 times among all. The LUTs of those that stay are counted apart."""
    words = rows << values
    held, brams = rom(words, codes, storage)
    pieces = 1 << max(0, values - 6)  # of the values of a row
    changing = sum(1 - (1 - 1 / pieces) ** (2 ** (k + 1) - 1) for k in range(codes)) / codes
    address = values if storage is Storage.LUTRAM else 0
    return Structure(
        implementation="table",
        luts=(lanes * held.lut * changing, lanes * held.lut * (1 - changing), control.lut + 1),
        ffs=(0 if storage is None else lanes * (codes + address), (bits_for(rows) if address else 0) + control.ff + 1),
        ruled=Resources(bram=lanes * brams),
    )


def search(*, lanes: int, beside: int, rows: int, control: Count, bits: int, storages: tuple[Rom, ...]) -> Structure:
    """For each lane and step a comparison, as in `crossed`, and a ROM; a value goes along for two cycles a step."""
    steps, of_all = len(storages), lanes * beside
    middle, brams = rom(rows, lanes * bits, storages[0])
    roms = [rom(rows << step, bits, storages[step]) for step in range(1, steps)]
    held = sum((each for each, _ in roms), Count()) * of_all + middle
    compared = crossed(1, 1, bits, varied(rows, storages[0]))[0].lut + (steps - 1) * crossed(1, 1, bits, 2)[0].lut
    along = 2 * steps * bits + steps * (steps - 1)
    return Structure(
        implementation="search",
        luts=(of_all * compared, held.lut, control.lut + 1),
        ffs=(of_all * (along + steps), held.ff, 2 * steps * bits_for(rows) + control.ff + 1),
        ruled=Resources(bram=brams + of_all * sum(each for _, each in roms)),
    )


def swg(
    *,
    counters: tuple[int, ...],
    banks: int,
    kernel: tuple[int, int],
    pixels: int,
    words: int,
    bits: int,
    storage: Storage,
    pads: int,
) -> Structure:
    """`counters`: how far each counts. Rows in the ring are found by adders, of as many bits as its words have: two more where a window has
    more than one row. A tap is chosen among the banks that can be under it. Padding costs something only where its codes are of several
    beats, `pads`: their choice."""
    control = sum((counter(each) for each in (*counters, pads)), Count())
    address = bits_for(words)
    bank, brams = ram(words, bits, storage)
    memory = bank * banks
    inputs = min(kernel[1], banks) + bits_for(kernel[1])
    chosen = Count(-(-(inputs - 1) // 5), 1) * (pixels * bits if banks > 1 else 0)
    if pads > 1:
        memory += rom(pads, bits, Storage.LUTRAM)[0]
    return Structure(
        implementation="swg",
        luts=(memory.lut, chosen.lut, control.lut, address * (2 if kernel[0] > 1 else 1), address * (banks - 1), 1),
        ffs=(memory.ff + bits * (banks + 1) + chosen.ff, control.ff, address, address * (banks - 1), 1),
        ruled=Resources(bram=brams * banks),
    )


def swg_parallel(
    *,
    counters: tuple[int, ...],
    banks: int,
    rows: int,
    seen: int,
    given: int,
    words: int,
    history: tuple[int, int],
    bits: int,
    storages: tuple[Storage, Storage],
    pads: int,
) -> Structure:
    """`rows` that change places, of the `seen` pixels that a step takes, by a choice among them; of the `given` different ones of a beat
    registers, whose padding is their set or reset. `history` is the delay line, words and bits; `storages` those of the ring and of it."""
    bank, brams = ram(words, bits, storages[0])
    kept, kept_brams = delay(*history, storages[1]) if history[0] else (Count(), 0)
    control, address = sum(map(counter, (*counters, pads)), Count()), bits_for(words)
    turned = Count(-(-(rows + bits_for(rows) - 1) // 5), 1) * (seen * bits if rows > 1 else 0)
    if pads > 1:  # the code of the padding, and its choice
        kept += rom(pads, bits, Storage.LUTRAM)[0] + Count(given * bits)
    return Structure(
        implementation="swg_parallel",
        luts=(bank.lut * banks, turned.lut, kept.lut, control.lut, address * (2 if rows > 1 else 1), banks, 1),
        ffs=(bank.ff * banks + bits, turned.ff + given * bits, kept.ff, control.ff, address * (1 + rows), 1),
        ruled=Resources(bram=brams * banks + kept_brams),
    )


def dwc(*, into: int, out: int) -> Structure:
    """A wide beat; a beat that gets narrower is shifted or loaded, by a LUT for each bit."""
    wide, narrow = max(into, out), min(into, out)
    loaded = wide if into > out else 0
    control = counter(wide // narrow)
    return Structure(implementation="dwc", luts=(loaded, control.lut, 1), ffs=(wide, control.ff, 1))


def raster(*, words: int, bits: int, counters: tuple[int, ...], storage: Storage) -> Structure:
    """Two addresses that move in order, one of them the other's start, and the address of what comes."""
    memory, brams = ram(words, bits, storage)
    control, address = sum(map(counter, counters), Count()), bits_for(words)
    return Structure(
        implementation="raster",
        luts=(memory.lut, control.lut, address, 1),
        ffs=(memory.ff + 2 * bits, control.ff, 4 * address, 1),
        ruled=Resources(bram=brams),
    )


def fork(*, bits: int) -> Structure:
    return Structure(implementation="fork", luts=(1,), ffs=(bits, 1))


def join(*, lanes: int, bits: int, zero: int) -> Structure:
    """For each lane an addition, which has the zero point in it, and a clamp. Without a zero point there is no sign."""
    registers = 2 * bits + (2 if zero else 1)
    return Structure(implementation="join", luts=(lanes * max(2 * bits, 3), 1), ffs=(lanes * registers, 1))


def dsps_of(value: int, factor: int) -> int:
    """DSPs of a product of so many bits, without signs, of numbers of 26 and 17 bits each: in whichever way takes fewer."""
    return min(-(-value // one) * -(-factor // other) for one, other in ((26, 17), (17, 26)))


def scaled(value: Format, factor: Format, bits: int) -> tuple[Count, int]:
    """rf_scaled: a register for the product, in front of it those of its factors, and the DSPs, of 27 and 18 bits with their signs (UG579).
    Yosys adds the products of what is wider."""
    dsps = dsps_of(value.bits, factor.bits)
    product = min(bits, value.bits + factor.bits)
    return Count((dsps - 1) * product, product + value.bits), dsps


def join_sum(
    *,
    lanes: int,
    rows: int,
    pairs: int,
    formats: tuple[Format, Format],
    factor: Format | None,
    zero: int,
    values: int,
    storage: Rom,
) -> Structure:
    """`formats` of the branches. For each lane an addition of the bits in which the terms overlap, those of a sign too, above which there are
    carries only; and that of the zero point, unless the LUTs of two bits have it in them."""
    narrow, wide = sorted((each.bits + (0 if factor is None else factor.bits), each.kind is Kind.INT) for each in formats)
    overlap = wide[0] if narrow[1] else narrow[0]
    registers = values - all(each.kind is Kind.UINT for each in formats) * (zero <= 0)  # without a sign
    products, dsps, held, brams = Count(), 0, Count(), 0.0
    if factor is not None:
        for each in formats:
            product, of = scaled(each, factor, values)
            products, dsps = products + product + Count(0, each.bits), dsps + of
        held, brams = rom(rows, pairs * 2 * factor.bits, storage)
    control = counter(rows)
    return Structure(
        implementation="join_sum",
        luts=(lanes * (overlap + (wide[0] if zero and wide[0] > 2 else 0)), lanes * products.lut + held.lut, control.lut + 1),
        ffs=(lanes * registers, lanes * products.ff, held.ff, control.ff + 1),
        ruled=Resources(dsp=lanes * dsps, bram=brams),
    )


def larger(bits: int) -> int:
    """LUTs that compare two codes, beside those that choose one of them. Codes of two bits are one LUT for each bit, those of three are
    compared by one; Yosys compares those of four to six bits without carries."""
    return {4: 8, 5: 5, 6: 16}.get(bits, max(bits - 2, 0) if bits <= 3 else 2 * -(-bits // 3))


def max_pool(*, lanes: int, bits: int, taps: int, beats: int, storage: Storage) -> Structure:
    """A comparison and a choice for each lane."""
    kept, brams = delay(beats, lanes * bits, storage)
    control = counter(beats) + counter(taps)
    return Structure(
        implementation="max_pool",
        luts=(lanes * (bits + larger(bits)), kept.lut, control.lut, 1),
        ffs=(2 * lanes * bits, kept.ff, control.ff, 1),
        ruled=Resources(bram=brams),
    )


def accumulate_pool(*, lanes: int, pixels: int, beats: int, codes: int, sums: int, storage: Storage) -> Structure:
    """A sum for each lane that can begin anew: two LUTs for each bit where there is something to add."""
    kept, brams = delay(beats, lanes * sums, storage)
    control = counter(beats) + counter(pixels)
    return Structure(
        implementation="accumulate_pool",
        luts=(lanes * (sums + codes), kept.lut, control.lut, 1),
        ffs=(lanes * (2 * codes + sums), kept.ff, control.ff, 1),
        ruled=Resources(bram=brams),
    )


def global_max(*, lanes: int, pixels: int, beats: int, codes: int, values: int, zero: int, storage: Storage) -> Structure:
    """For each lane a subtraction, where there is a `zero` point, a comparison and a choice."""
    kept, brams = delay(beats, lanes * values, storage)
    control = counter(beats) + counter(pixels)
    return Structure(
        implementation="global_max",
        luts=(lanes * (values + larger(values)), lanes * codes if zero else 0, kept.lut, control.lut, 1),
        ffs=(lanes * (codes + 2 * values), kept.ff, control.ff, 1),
        ruled=Resources(bram=brams),
    )


def weight_rom(*, tiles: int, bits: int, storage: Rom) -> Structure:
    held, brams = rom(tiles, bits, storage)
    control = counter(tiles)
    return Structure(
        implementation="weight_rom", luts=(held.lut, control.lut, 1), ffs=(held.ff, control.ff, 1), ruled=Resources(bram=brams)
    )


def dense(
    *,
    pe: int,
    simd: int,
    folds: tuple[int, int],
    packed: Packing | None,
    formats: tuple[Format, Format],
    sums: int,
    has_bias: bool,
    storages: tuple[Rom, Storage],
) -> Structure:
    """`formats` of codes and weights; `storages` of the bias, where there is one, and of the kept frame."""
    (codes, weight), (fold_in, fold_out) = formats, folds
    bipolar = weight.kind is Kind.BIPOLAR
    planes, around, added, dsps = pes(pe, 1, simd, formats, packed, sums)
    totals = Count(sums if bipolar else 0, sums * bipolar) * pe + Count(sums if has_bias else 0, sums) * pe
    biases, bias_brams = rom(fold_out, pe * sums, storages[0]) if has_bias else (Count(), 0)
    beat = simd * codes.bits
    kept, kept_brams = delay(fold_in, beat, storages[1]) if fold_out > 1 else (Count(), 0)
    control = counter(fold_in) + counter(fold_out)
    memories = biases + kept + Count(beat if fold_out > 1 else 0, beat + pe * simd * weight.bits)
    return Structure(
        implementation="dense",
        luts=(planes.lut, around.lut, added.lut + totals.lut, memories.lut, control.lut, 1),
        ffs=(planes.ff, around.ff, added.ff + totals.ff, memories.ff, control.ff, 1),
        ruled=Resources(dsp=dsps, bram=bias_brams + kept_brams),
    )


def top_k(*, top: int, classes: int, score: int) -> Structure:
    """For each place a comparison, and for all but the first a choice between its neighbour and what comes in."""
    label, comparison = bits_for(classes), 2 * -(-(score + 1) // 3) - 1
    control = counter(classes) + counter(top)
    return Structure(
        implementation="top_k",
        luts=(top * comparison, (top - 1) * (score + 1 + label), top, control.lut),
        ffs=(top * (score + 1 + label), score + 1 + 2 * label, control.ff, 1),
    )


def scale_scores(*, lanes: int, rows: int, sums: Format, factor: Format, scores: int, storages: tuple[Rom, Rom]) -> Structure:
    """`storages` of factors and bias. For each lane an addition, which takes no LUTs where the bias is a constant: its bits go into the
    carries."""
    product, dsps = scaled(sums, factor, scores)
    factors, factor_brams = rom(rows, lanes * factor.bits, storages[0])
    bias, bias_brams = rom(rows, lanes * scores, storages[1])
    held, control = factors + bias, counter(rows)
    return Structure(
        implementation="scale_scores",
        luts=(lanes * ((scores if varied(rows, storages[1]) > 1 else 0) + product.lut), held.lut, control.lut + 1),
        ffs=(lanes * (scores + product.ff + sums.bits), held.ff, control.ff + 1),
        ruled=Resources(dsp=lanes * dsps, bram=factor_brams + bias_brams),
    )


def top_k_scores(*, top: int, classes: int, score: int, first: int, words: int) -> Structure:
    """As of top_k; and for each bit of a word the choice of what it is, where it is more than a copy of a sign. `first` is the word where the
    scores begin, `words` are those of a score."""
    label, comparison = bits_for(classes), 2 * -(-(score + 1) // 3) - 1
    word = max(label, min(score, 32))
    control = counter(classes) + counter(first) + counter(words) + counter(top)
    return Structure(
        implementation="top_k_scores",
        luts=(top * comparison, (top - 1) * (score + 1 + label), word, control.lut),
        ffs=(top * (score + 1 + label), score + 1 + label + word, control.ff, 1),
    )
