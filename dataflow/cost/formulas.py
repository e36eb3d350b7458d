"""The cost of the parts of a unit: adder trees, products, comparisons; and of the control every unit has.

UG574 is the UltraScale CLB user guide: a LUT6 computes a bit of an adder, or with the carry chain two bits of a comparison.
"""

from __future__ import annotations

from collections.abc import Iterable

from dataflow.cost.resources import Resources
from dataflow.cost.storage import bram, rom_cost
from dataflow.unit import Backend, Constants, Role
from network.formats import Format, Kind

LOGIC_FACTOR = 0.975
"""Ratio of LUTs of arithmetic as built to those counted here. FITTED to the published LUTs of the original."""
REGISTER_FACTOR = 2.106
"""Ratio of flip-flops of pipelines as built to those counted here. FITTED to the published flip-flops of the original."""
CONTROL = Resources(lut=100, ff=150)
"""Loop counters and handshakes of a unit. A guess, a third of FINN-R's 300 per MVAU (which holds a window's counters too)."""
AXI_MASTER = {512: Resources(lut=1500, ff=3000, bram=7.5), 32: Resources(lut=700, ff=900, bram=1)}
"""The adapter HLS puts in front of a memory port, by its width in bits. UNCONFIRMED: similar to public reports."""


def logic(luts: int, registers: int) -> Resources:
    """Resources as built, from those counted by formulas."""
    return Resources(lut=round(LOGIC_FACTOR * luts), ff=round(REGISTER_FACTOR * registers))


def constants_cost(held: Iterable[Constants], backend: Backend) -> Resources:
    """The memories of a unit's constants."""
    return sum((_held(each, backend) for each in held), Resources())


def _held(held: Constants, backend: Backend) -> Resources:
    in_bram = backend is Backend.ORIGINAL and held.role is Role.WEIGHTS and held.words > 64
    one = Resources(bram=bram(held.words, held.bits)) if in_bram else rom_cost(held.words, held.bits)
    return Resources(lut=held.parts * one.lut, bram=held.parts * one.bram)


def adder_tree(lanes: int, bits: int) -> int:
    """LUTs of a balanced tree that sums `lanes` numbers of `bits` bits: a LUT for each bit of each adder's operands (UG574).

    By this count, the popcount of 128 lanes, with accumulator and comparison, is about 280 LUTs; "FINN" (Umuroglu 2017, section 4.2)
    measured 376 on a Zynq.
    """
    luts, width = 0, bits
    while lanes > 1:
        luts += lanes // 2 * width
        lanes, width = lanes - lanes // 2, width + 1
    return luts


def tree_registers(lanes: int, bits: int) -> int:
    """Flip-flops of such a tree with a register after every other level, which is about what HLS inserts at 250 MHz."""
    registers, width, level = 0, bits, 0
    while lanes > 1:
        lanes, width, level = lanes - lanes // 2, width + 1, level + 1
        if level % 2 == 0 or lanes == 1:
            registers += lanes * width
    return registers


def uses_dsp(weight: Format, codes: Format) -> bool:
    """Whether a product becomes a DSP. UNCONFIRMED: HLS tools build narrow products in LUTs; here, those up to 4 bits."""
    return weight.kind is not Kind.BIPOLAR and min(weight.bits, codes.bits) > 4


def dot(simd: int, weight: Format, codes: Format, backend: Backend) -> tuple[int, int, int]:
    """(LUTs, flip-flops, DSPs) of a PE's sum of products, see dot.h.

    AND-popcount: per bit plane a tree over single bits, whose first adders include the AND, and an adder per further plane.
    Add-or-subtract: "FINN-R" (Blott 2018, section 5), with W weight bits, A code bits: SIMD * (2*ceil((W+A)/6) - 1) * (W+A) for the
    products, (W+A) * (2*SIMD - 1) for their sum. Products in LUTs are counted the same way.
    DSPs: HLS tools fuse a product with an addition into one, and build the products that cannot be fused, about one in three, in
    LUTs, about two for every three pairs of bits (41 for 8x8). UNCONFIRMED: taken from a public C synthesis of 48 products of 8x8.
    """
    both = weight.bits + codes.bits
    if weight.kind is Kind.BIPOLAR and backend is not Backend.ORIGINAL:
        planes = codes.bits
        wide = simd.bit_length() + 1
        return planes * adder_tree(simd, 1) + (planes - 1) * wide, planes * tree_registers(simd, 1) + wide, 0
    if uses_dsp(weight, codes) and backend is Backend.ORIGINAL:
        return 0, 0, simd
    if uses_dsp(weight, codes):
        alone = simd // 3
        return alone * (2 * weight.bits * codes.bits // 3), alone * both, simd - alone
    return simd * (2 * -(-both // 6) - 1) * both + both * (2 * simd - 1), tree_registers(simd, both), 0


def crossed(outputs: int, bits: int, codes: Format) -> Resources:
    """Comparison of `outputs` values of `bits` bits with all thresholds, and the count of those reached, see threshold.h.

    A comparison is half a LUT a bit; n of them are counted by n - log2(n + 1) full adders.
    """
    n = codes.thresholds
    return Resources(lut=outputs * (n * -(-bits // 2) + n - codes.bits), ff=outputs * (n + codes.bits))
