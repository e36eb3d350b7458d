"""The cost of the parts of a unit: adder trees, products, comparisons; and of the control every unit has.

UG574 is the UltraScale CLB user guide: a LUT6 computes a bit of an adder, or with the carry chain two bits of a comparison.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from constants.layout import LOAD_BITS, Role
from dataflow.cost import rtl
from dataflow.cost.resources import Resources
from dataflow.cost.storage import Storage, loaded_cost, rom_cost, rom_storage
from dataflow.packing import Packing
from dataflow.unit import Backend, Constants
from network.formats import Format, Kind

ADD_OR_SUBTRACT_FACTOR = 1.0
"""Ratio of LUTs of add-or-subtract as built to those counted here. FITTED to the published LUTs of the original, whose blocks are built so;
nothing else is multiplied by it."""
REGISTER_FACTOR = 2.179
"""Ratio of flip-flops of pipelines as built to those counted here. FITTED to the published flip-flops of the original. UNCONFIRMED for
this library's own pipelines."""
CONTROL = Resources(lut=100, ff=150)
"""Loop counters and handshakes of a unit. A guess, a third of FINN-R's 300 per MVAU (which holds a window's counters too). Loop counter and
handshake alone took 3 to 11 LUTs with Yosys, in width converters and unpackers; the rest is for what HLS adds: states, the FIFO at the output.
"""
AXI_MASTER = {512: Resources(lut=1500, ff=3000, bram=7.5), 32: Resources(lut=700, ff=900, bram=1)}
"""The adapter HLS puts in front of a memory port, by its width in bits. UNCONFIRMED: similar to public reports."""


def logic(luts: int, registers: int) -> Resources:
    """LUTs as counted, since each kind of arithmetic has its own factor; registers as built."""
    return Resources(lut=luts, ff=round(REGISTER_FACTOR * registers))


def constants_cost(held: Iterable[Constants], backend: Backend) -> Resources:
    """The memories of a unit's constants, and what loads them."""
    held = tuple(held)
    return sum((held_cost(each, backend) for each in held), _loader(each for each in held if each.holding.loaded))


def _loader(loaded: Iterable[Constants]) -> Resources:
    """What takes messages, see loaded.h: of each memory a register for a row, into which words are shifted, and counters of its words and
    rows; for all of them together a word under way, the words that are left, and control. The bits of rows are all there is of their
    registers, so they have no factor."""
    rows = list(loaded)
    if not rows:
        return Resources()
    counters = sum(rtl.bits_for(each.words) + rtl.bits_for(each.words_a_row) for each in rows)
    registers = sum(LOAD_BITS * each.words_a_row for each in rows)
    return CONTROL + logic(2 * LOAD_BITS + counters, 2 * LOAD_BITS + counters) + Resources(ff=registers)


def held_cost(held: Constants, backend: Backend = Backend.HLS) -> Resources:
    """The memories of constants."""
    if backend is Backend.ORIGINAL:
        return _held_by_pe(held)
    return lying_cost(held, held.storage)


def lying_cost(held: Constants, storage: Storage) -> Resources:
    """The same in another memory."""
    cost, widths = loaded_cost if held.holding.loaded else rom_cost, held.widths
    found = cost(storage, held.words, widths[0]) * widths.count(widths[0])
    return found if widths[-1] == widths[0] else found + cost(storage, held.words, widths[-1])


def _held_by_pe(held: Constants) -> Resources:
    """The original's: every PE has a memory of weights, and one of each of its thresholds."""
    of_weights = held.role is Role.WEIGHTS
    roms = held.pe if of_weights else held.elements
    bits = held.row_bits // roms
    in_bram = held.words > 64 if of_weights else rom_storage(held.words, bits) is Storage.BRAM
    return rom_cost(Storage.BRAM if in_bram else Storage.LUTRAM, held.words, bits) * roms


def tree_registers(lanes: int, bits: int) -> int:
    """Flip-flops of a balanced tree that sums `lanes` numbers of `bits` bits, with a register after every other level, which is about what HLS inserts at 250 MHz."""
    registers, width, level = 0, bits, 0
    while lanes > 1:
        lanes, width, level = lanes - lanes // 2, width + 1, level + 1
        if level % 2 == 0 or lanes == 1:
            registers += lanes * width
    return registers


def uses_dsp(weight: Format, codes: Format) -> bool:
    """Whether a product becomes DSPs where that is not chosen: in the classifier, and of factors. Narrow ones are built in LUTs, as HLS tools
    do; here, those up to 4 bits."""
    return weight.kind is not Kind.BIPOLAR and min(weight.bits, codes.bits) > 4


WORD = 64
"""Bits of the weights that dot.h has in a word."""


def dot(simd: int, weight: Format, codes: Format, backend: Backend) -> tuple[int, int, int]:
    """(LUTs, flip-flops, DSPs) of a PE's sum of products, see dot.h. Of the original, wide ones are DSPs, one for each; else all are in LUTs.

    The original's, add-or-subtract among them: counted by `in_fabric`, times ADD_OR_SUBTRACT_FACTOR for the latter.
    """
    if backend is not Backend.ORIGINAL:
        counted = on_planes(simd, weight, codes)
        return round(counted.lut), round(counted.ff), 0
    if uses_dsp(weight, codes):
        return 0, 0, simd
    factor = ADD_OR_SUBTRACT_FACTOR if weight.kind is Kind.BIPOLAR else 1
    both = weight.bits + codes.bits
    return round(factor * in_fabric(simd, both)), tree_registers(simd, both), 0


@cache
def on_planes(lanes: int, weight: Format, codes: Format) -> rtl.Count:
    """The compressors of dot.h, of which rf_dot_planes.sv has the same: `rtl.columns` counts them, which is within 8 % of what Yosys 0.23 takes
    (`synth_xilinx -family xcup`, a register behind every counter and adder; the figures are in tests/dataflow/cost/test_estimate.py). For 32
    lanes: 1.4 LUTs a product of 1x1 bits, 2.9 of 1x2, 5.9 of 1x4, 25 of 4x4, 109 of 8x8. As products `a * b` in fabric with a tree of adders
    Yosys builds the last two in 30 and 170. With Vivado HLS, "FINN" (Umuroglu 2017, section 4.2) measured 376 LUTs for 128 lanes of a bit
    with accumulator and comparison, 2.9 a bit, of a tree of adders. UNCONFIRMED for HLS tools: that they leave the equations as they are.

    What is negative is a sum of its own, which is taken off the other; of more lanes than a word has, two halves are added.
    """
    total = rtl.bits_for(1 + lanes * (2**codes.bits - 1) * (2**weight.bits - 1))
    if lanes * weight.bits > WORD:
        halves = (on_planes(each, weight, codes) for each in (lanes // 2, lanes - lanes // 2))
        return sum(halves, rtl.Count(total - 1, total))
    positive, negative = ([0] * (codes.bits + weight.bits - 1) for _ in range(2))
    for a in range(codes.bits):
        for b in range(weight.bits):
            tops = (codes.kind is Kind.INT and a == codes.bits - 1, weight.kind is Kind.INT and b == weight.bits - 1)
            (negative if tops[0] != tops[1] else positive)[a + b] += 1
    sums = [rtl.columns(lanes, _used(pairs)) for pairs in (positive, negative) if any(pairs)]
    return sum(sums[1:], sums[0]) + rtl.Count(total, total) * (len(sums) - 1)


def _used(columns: list[int]) -> list[int]:
    """From the first column that has any pairs to the last."""
    used = [k for k, pairs in enumerate(columns) if pairs]
    return columns[used[0] : used[-1] + 1]


def in_fabric(lanes: int, bits: int) -> int:
    """LUTs of products and their sum, `bits` those of both factors, by "FINN-R" (Blott 2018, section 5)."""
    return lanes * (2 * -(-bits // 6) - 1) * bits + bits * (2 * lanes - 1)


def packed_dots(pe: int, pixels: int, lanes: int, formats: tuple[Format, Format], packed: Packing) -> tuple[int, int, int]:
    """(LUTs, flip-flops, DSPs) of all PEs' sums of products, see packed.h, of which rf_pe_array.sv has the same; `formats` are those of codes
    and weights.

    A DSP for each packed product, with its addition. UNCONFIRMED: that the tools put every addition of a chain into its DSP, see there; one
    that they do not is 48 LUTs.
    """
    counted = rtl.packed_dots(pe, pixels, lanes, formats, packed)
    return round(counted.lut), round(counted.ff), packed.dsps(pe, pixels, lanes)


def scaled(factor: Format, value: Format) -> Resources:
    """A value times a positive factor, which is no constant of the logic: in LUTs as by `in_fabric`, or in DSPs.

    A DSP multiplies numbers of 27 and 18 bits with their signs (UG579), so a factor of at most 17 takes one for each 26 bits of a value.
    """
    if uses_dsp(factor, value):
        return logic(0, factor.bits + value.bits) + Resources(dsp=rtl.dsps_of(value.bits, factor.bits))
    bits = factor.bits + value.bits
    return logic(in_fabric(1, bits), bits)


def crossed(outputs: int, thresholds: Constants, bits: int, codes: Format) -> Resources:
    """Comparison of `outputs` values of `bits` bits with all thresholds of theirs, and the count of those reached, see threshold.h.

    A LUT compares two bits of a value and a threshold, or three bits of a value with a constant, which the thresholds of a single row
    are; the n of a value are counted by n - log2(n + 1) full adders. With Yosys, as above, 3 and 15 constant thresholds of 24 bits took
    22 to 25 and 118 to 123 LUTs, counted here as 25 and 131; those that are no constants 1.3 to 1.5 times as many as counted. There is no
    factor for that: the one figure of a vendor's tool, 376 LUTs for a whole PE ("FINN", as above), is below the 441 of these formulas.
    """
    n = codes.thresholds
    comparison = -(-bits // (3 if thresholds.is_fixed else 2))
    return Resources(lut=outputs * (n * comparison + n - codes.bits), ff=outputs * (n + codes.bits))


def clipped(outputs: int, bases: Constants, codes: Format) -> Resources:
    """The difference of `outputs` values and their bases, see clip.h: a LUT for each bit, none where bases are constants, which those of a
    single row are, for they go into the carries; and what is left of it: a LUT for five of the bits above a code, and one for each bit of a code.

    With Yosys, as above, rf_clip.sv, which has the same structure, took of values of 24 bits and codes of 4 for each of 32 lanes with
    constant bases 9 LUTs, counted here as 9, and for each of 4 with 16 bases 31 beside the ROM, counted as 35 (rtl/measured.csv).
    """
    difference = 1 + max(bases.element_bits, codes.bits + 1)
    kept = -(-(difference - codes.bits) // 5) + codes.bits
    return Resources(lut=outputs * ((0 if bases.is_fixed else difference) + kept), ff=outputs * difference)


def searched(outputs: int, levels: tuple[Constants, ...]) -> Resources:
    """The comparisons of `outputs` values in each step, see search.h: two LUTs for three bits of a value and a threshold, a LUT for three bits
    of a value and a constant, which the middle threshold of a single row is. A value goes along for the two cycles that a step takes, and so
    do the bits that are found: a delay line, whose registers are all counted, so they have no factor.

    With Yosys, as above, rf_search.sv, which has the same structure, took of values of 24 bits for each of 4 lanes with codes of 4 bits 65
    LUTs beside the ROMs, counted here as 72, and for each of 2 lanes with codes of 8 bits 129, counted as 144; with the registers of the
    ROMs 314 and 666 flip-flops, counted without those as 216 and 464 (rtl/measured.csv).
    """
    bits, steps = levels[0].element_bits, len(levels)
    compared = sum((1 if each.is_fixed else 2) * -(-bits // 3) for each in levels)
    return Resources(lut=outputs * compared, ff=outputs * (2 * steps * bits + steps * steps))
