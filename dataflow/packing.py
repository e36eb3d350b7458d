"""Products packed in DSPs: several weights times several codes in one multiplication, and their sums along a chain of DSPs.

A DSP48E2 multiplies signed numbers of 27 and 18 bits and adds the product to 48 bits (UG579). One of its factors is a sum of weights, each
shifted by a step, the other a sum of the same input's codes of pixels side by side: every pair has a product of its own in the result, as
far above the others as the steps say, in a field. The result of a DSP is what the next adds its own product to, so a field holds a sum.

Nothing carries from field to field, since no field ever falls below zero: a chain begins with a number in each that is as large as the
least sum that the field can have is negative. What a field then holds is too much by a constant, which is taken off the sum of a window
where it begins. Of weights in one factor all but the highest have to be without a sign, or they would borrow from those above. So their
highest bit is flipped, which makes each weight 2**(bits - 1) larger and its field so many times the sum of the chain's codes too large; that
is taken off where the chain begins, once for all PEs. Signed codes in one factor are added up as they are: each PE gets them ready made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from network.formats import Format, Kind

WIDE, NARROW, SUM = 27, 18, 48
"""Bits of the factors of a DSP48E2 and of its sum."""
LONGEST = 6
"""Most DSPs in a chain. The later a DSP's turn, the longer its factors wait: two DSPs add in a cycle, each has room for one wait, and of the
fifth and sixth one more is a register outside. From the seventh on there would be three registers in a row, with that behind the weights,
which are a shift register: a LUT for each bit of a factor, more than those that add the fields of one more chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """How many products a DSP computes at once, and where their fields are: (weight i, pixel j) at bit i * weight_step + j * pixel_step."""

    weights: int
    pixels: int
    weight_step: int = 0  # 0 where there is one weight only
    pixel_step: int = 0
    chain: int  # products that a field holds the sum of, at most LONGEST

    @property
    def products(self) -> int:
        return self.weights * self.pixels

    def chains(self, lanes: int) -> int:
        """Of a PE: as many as its lanes take."""
        return -(-lanes // self.chain)

    def length(self, lanes: int) -> int:
        """DSPs of the longest of these chains, which are nearly alike."""
        return -(-lanes // self.chains(lanes))

    def waiting(self, lanes: int) -> int:
        """DSPs of a PE whose factors wait outside, for a cycle: see rf_skew."""
        chains, length = self.chains(lanes), self.length(lanes)
        return chains * (length - 4) if length > 4 else 0

    def dsps(self, pe: int, pixels: int, lanes: int) -> int:
        """The products of PEs that a DSP has room for, but that are not there, are lost."""
        return -(-pe // self.weights) * -(-pixels // self.pixels) * lanes


def span(weight: Format, codes: Format) -> tuple[int, int]:
    """The least and the greatest product."""
    corners = [a * b for a in (weight.low, weight.high) for b in (codes.low, codes.high)]
    return min(corners), max(corners)


def field_bits(weight: Format, codes: Format, chain: int) -> int:
    """Of a sum of so many products, raised by the least one."""
    low, high = span(weight, codes)
    return (chain * (high - low)).bit_length()


def code_bits(codes: Format, packed: Packing) -> int:
    """Of the factor that has the codes."""
    return (packed.pixels - 1) * packed.pixel_step + codes.bits + (codes.kind is Kind.UINT or packed.pixels > 1)


@cache
def packing(weight: Format, codes: Format, pe: int, pixels: int, lanes: int) -> Packing:
    """The form that takes the fewest DSPs; of these the one with the longest chains, then with the fewest weights in a factor.

    Of signed weights and unsigned codes: of 6 to 8 bits two weights or two pixels in a DSP, of 4 and 5 bits three weights or two of each.
    Fields of 8x8 bits are of 19 bits in the first case, which hold eight products, and of 18 in the second, which hold four.
    """
    found = (each for each in _forms(weight, codes, min(LONGEST, lanes)) if each.weights <= pe and each.pixels <= pixels)
    return min(found, key=lambda form: (form.dsps(pe, pixels, lanes), -form.chain, form.weights))


@cache
def _forms(weight: Format, codes: Format, longest: int) -> tuple[Packing, ...]:
    """All that a DSP has room for. A field that holds one product only, while there are more to add, saves nothing."""
    found = []
    for weights in range(1, WIDE + 1):
        for pixels in range(1, WIDE + 1):
            best = max(_placed(weight, codes, weights, pixels, longest), key=lambda form: form.chain, default=None)
            if best is not None and best.chain >= min(2, longest):
                found.append(best)
    return tuple(found)


def _placed(weight: Format, codes: Format, weights: int, pixels: int, longest: int) -> Iterator[Packing]:
    """Forms of so many weights and pixels: weights in the wide factor or in the narrow one, and their fields or those of pixels far apart."""
    low, high = span(weight, codes)
    weight_bits = weight.bits + (weight.kind is Kind.UINT)
    code_bits = codes.bits + (codes.kind is Kind.UINT or pixels > 1)  # signed ones added up take one more
    for weights_have, codes_have in ((WIDE, NARROW), (NARROW, WIDE)):
        for per_weight, per_pixel in {(pixels, 1), (1, weights)}:  # fields from one to the next
            # The widest field with which both factors fit, and all fields fit the sum.
            room = [SUM // (weights * pixels)]
            for bits, have, count, fields in ((weight_bits, weights_have, weights, per_weight), (code_bits, codes_have, pixels, per_pixel)):
                room.append((have - bits) // ((count - 1) * fields) if count > 1 else (SUM if bits <= have else 0))
            field = min(room)
            chain = min(longest, (2**field - 1) // (high - low)) if field > 0 else 0
            if chain > 0:
                yield Packing(
                    weights=weights,
                    pixels=pixels,
                    weight_step=per_weight * field if weights > 1 else 0,
                    pixel_step=per_pixel * field if pixels > 1 else 0,
                    chain=chain,
                )
