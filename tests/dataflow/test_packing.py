"""Products packed in DSPs, computed as a DSP does: no field takes from another, whatever the operands."""

from itertools import product

import numpy as np
import pytest

from dataflow.packing import LONGEST, NARROW, SUM, WIDE, Packing, _forms, code_bits, field_bits, packing, span
from network.formats import Format, Kind, uint

FORMATS = [Format(kind, bits) for bits in (1, 2, 3, 4, 5, 6, 7, 8) for kind in (Kind.INT, Kind.UINT)]
PAIRS = list(product(FORMATS, FORMATS))


def signed(values, bits):
    """The lowest bits of integers, in two's complement."""
    return (values + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


def in_dsps(form: Packing, weight: Format, codes: Format, weights, taken):
    """Sums of the products [case, weight, pixel] of weights [case, lane, weight] and codes [case, lane, pixel] in a chain of a DSP a lane."""
    lanes = weights.shape[1]
    low, _ = span(weight, codes)
    half = 1 << weight.bits - 1 if weight.kind is Kind.INT else 0
    raised = np.full(form.weights, half)
    raised[-1] = 0  # the highest keeps its sign
    steps = np.arange(form.weights) * form.weight_step
    sides = np.arange(form.pixels) * form.pixel_step
    factors = ((weights + raised) << steps).sum(-1)
    side_by_side = (taken << sides).sum(-1)
    below = (codes.high - taken).sum(1)  # case, pixel
    begin = -low * lanes - raised[:, None] * codes.high * lanes + raised[:, None] * below[:, None, :]
    bits = field_bits(weight, codes, lanes)
    assert (begin >= 0).all()
    assert (begin < 1 << bits).all()
    assert (factors == signed(factors, WIDE)).all()
    assert (side_by_side == signed(side_by_side, WIDE)).all()
    assert (factors == signed(factors, NARROW)).all() or (side_by_side == signed(side_by_side, NARROW)).all()
    at = steps[:, None] + sides
    total = (begin << at).sum((1, 2)) + (factors * side_by_side).sum(1)
    total &= (1 << SUM) - 1  # what does not fit is lost
    return (total[:, None, None] >> at & (1 << bits) - 1) + low * lanes


def exact(weights, taken):
    return np.einsum("clw,clp->cwp", weights, taken)


@pytest.mark.parametrize("weight", FORMATS[:6], ids=str)
def test_all_operands_of_small_widths(weight):
    for codes in FORMATS[:6]:
        for form in _forms(weight, codes, 1):
            if weight.bits * form.weights + codes.bits * form.pixels <= 12:
                of = [range(weight.low, weight.high + 1)] * form.weights + [range(codes.low, codes.high + 1)] * form.pixels
                cases = np.array(list(product(*of)))[:, None, :]
                weights, taken = cases[..., : form.weights], cases[..., form.weights :]
                assert (in_dsps(form, weight, codes, weights, taken) == exact(weights, taken)).all()


@pytest.mark.parametrize("weight", FORMATS, ids=str)
def test_whole_chains_at_the_ends_of_their_operands(weight):
    """Each weight and each pixel at an end of its format in all lanes, in all combinations: so every field has its least and its greatest sum
    beside the least and the greatest of its neighbours."""
    rng = np.random.default_rng(15)
    for codes in FORMATS:
        for form in _forms(weight, codes, LONGEST):
            ends = [[weight.low, weight.high]] * form.weights + [[codes.low, codes.high]] * form.pixels
            count = min(64, 2 ** len(ends))
            drawn = list(product(*ends)) if len(ends) <= 6 else rng.choice([0, 1], (count, len(ends)))
            corners = np.array([[end[int(i)] for end, i in zip(ends, row, strict=True)] for row in drawn] if len(ends) > 6 else drawn)
            of_ends = np.repeat(corners[:, None, :], form.chain, axis=1)
            low = [weight.low] * form.weights + [codes.low] * form.pixels
            high = [weight.high] * form.weights + [codes.high] * form.pixels
            others = rng.integers(low, high, (32, form.chain, len(ends)), endpoint=True)
            for cases in (of_ends, others):
                weights, taken = cases[..., : form.weights], cases[..., form.weights :]
                assert (in_dsps(form, weight, codes, weights, taken) == exact(weights, taken)).all()


def test_a_longer_chain_would_carry():
    """A field holds what is stated, and not a product more."""
    found = 0
    for weight, codes in PAIRS:
        low, high = span(weight, codes)
        for form in _forms(weight, codes, LONGEST):
            steps = [each for each in (form.weight_step, form.pixel_step) if each]
            assert (form.weights > 1) == (form.weight_step > 0)
            assert (form.pixels > 1) == (form.pixel_step > 0)
            assert not steps or form.chain * (high - low) < 1 << min(steps)
            assert form.chain <= LONGEST
            if form.products > 1 and form.chain < LONGEST:
                found += 1
                assert (form.chain + 1) * (high - low) >= 1 << min(steps)
    assert found


@pytest.mark.parametrize(
    ("weight", "codes", "pe", "pixels", "form", "chain", "dsps"),
    [
        ("int8", "uint8", 16, 1, (2, 1), 6, 128),
        ("int8", "uint8", 16, 2, (2, 1), 6, 256),
        ("int8", "uint8", 1, 2, (1, 2), 4, 16),
        ("int8", "uint8", 3, 2, (1, 2), 4, 48),  # 2x1 would be four DSPs for each lane
        ("int8", "uint8", 1, 1, (1, 1), 6, 16),
        ("int8", "int8", 16, 1, (2, 1), 6, 128),
        ("uint8", "uint8", 16, 1, (2, 1), 4, 128),
        ("int7", "uint7", 16, 1, (2, 1), 6, 128),
        ("int6", "uint6", 16, 1, (2, 1), 6, 128),
        ("int5", "uint5", 15, 1, (3, 1), 2, 80),
        ("int5", "uint5", 16, 2, (2, 2), 2, 128),
        ("int8", "uint4", 16, 1, (2, 1), 6, 128),
        ("int4", "uint8", 16, 2, (1, 2), 6, 256),
        ("int6", "uint4", 16, 2, (2, 2), 2, 128),
        ("int4", "uint4", 16, 1, (3, 1), 6, 96),  # the last DSP has one weight
        ("int4", "uint4", 16, 2, (2, 2), 6, 128),
        ("int4", "int4", 16, 2, (2, 2), 6, 128),
        ("int4", "uint4", 2, 1, (2, 1), 6, 16),
        ("int3", "uint3", 12, 2, (3, 2), 2, 64),
    ],
)
def test_the_form_with_the_fewest_dsps(weight, codes, pe, pixels, form, chain, dsps):
    found = packing(Format.parse(weight), Format.parse(codes), pe, pixels, 16)
    assert ((found.weights, found.pixels), found.chain, found.dsps(pe, pixels, 16)) == (form, chain, dsps)


def test_factors_fit_a_dsp():
    """`code_bits` is what the module declares, and what all codes at once need."""
    for weight, codes in PAIRS:
        for form in _forms(weight, codes, LONGEST):
            wide = sum(codes.high << j * form.pixel_step for j in range(form.pixels))
            deep = sum(codes.low << j * form.pixel_step for j in range(form.pixels))
            bits = code_bits(codes, form)
            assert -(1 << bits - 1) <= deep
            assert wide < 1 << bits - 1
            assert bits <= WIDE


def test_chains_are_nearly_alike():
    form = packing(Format.parse("int8"), uint(8), 2, 1, 17)
    assert (form.chains(17), form.length(17), form.waiting(17)) == (3, 6, 3 * 2)  # a chain of five begins with the second place
    assert (form.chains(8), form.length(8), form.waiting(8)) == (2, 4, 0)
    assert (form.chains(5), form.length(5), form.waiting(5)) == (1, 5, 1)
