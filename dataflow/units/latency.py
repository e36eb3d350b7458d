"""Pipeline depths of the units in SystemVerilog: cycles from the operands of an operation to its result, as rf_pkg.sv has them."""

from __future__ import annotations

from dataflow.packing import Packing
from network.formats import Format, Kind

ROM = 2
"""From the address of a row of constants to the row."""
SCALED = 2
"""From a value and its factor to the sum with their product: see rf_scaled."""
ROUNDED = 2
"""From that sum to a code: what is left of it, and that within its bounds. See rf_rescaled."""


def tree(count: int) -> int:
    """Of a tree that adds `count` numbers, two adders a cycle."""
    return ((count - 1).bit_length() + 1) // 2


def popcount(bits: int) -> int:
    """Of the number of ones among `bits` bits."""
    return 1 + tree(-(-bits // 6))


def dot(simd: int, weight: Format, codes: Format, packed: Packing | None) -> int:
    """Of the dot product of `simd` codes and weights: packed in DSPs, or on bit planes."""
    if packed is not None:
        return chain(packed.length(simd)) + tree(packed.chains(simd))
    narrow = min(weight.bits, codes.bits)
    column = -(-simd // 3) * (2 * narrow - 1 if weight.bits == codes.bits else 2 * narrow)
    return popcount(column) + tree(weight.bits + codes.bits)


def chain(length: int) -> int:
    """Of a chain of DSPs: the registers in front of the multipliers and behind them, then two additions a cycle."""
    return 2 + (length + 1) // 2


def sums(simd: int, weight: Format, codes: Format, packed: Packing | None) -> int:
    """Of the sum over a window: the last dot product, the accumulator and, of bipolar weights, the offset all PEs share."""
    return dot(simd, weight, codes, packed) + 1 + (weight.kind is Kind.BIPOLAR)


def crossed(codes: Format) -> int:
    """Of the number of thresholds that a value reaches: the comparisons and their count."""
    return 1 + popcount(codes.thresholds)
