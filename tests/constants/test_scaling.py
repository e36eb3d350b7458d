"""Multiply-add-shift against brute force: every value that is reached, and every small multiplier, bias and shift."""

from __future__ import annotations

import time
from fractions import Fraction
from itertools import product
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constants.scaling import NoScalingError, Rounding, Scaling, ScalingError, cheapest, solve
from network.formats import Format, uint
from network.reference import threshold

SHIFTS, MULTIPLIERS = range(5), range(8)


def given_codes(scaling: Scaling, thresholds: np.ndarray, reach: tuple[int, int], codes: Format) -> bool:
    """Whether the integers that are found give the code of every value, and fit."""
    multipliers, biases = solve(scaling, thresholds, reach, codes)
    assert multipliers.min() >= 0
    assert int(multipliers.max()).bit_length() <= scaling.multiplier
    assert -(1 << scaling.bias - 1) <= biases.min()
    assert biases.max() < 1 << scaling.bias - 1
    values = np.repeat(np.arange(reach[0], reach[1] + 1)[:, None], len(thresholds), axis=1)
    return bool((scaling.codes(multipliers, biases, values) == threshold(values, thresholds, codes)).all())


def exists(scaling: Scaling, thresholds: np.ndarray, reach: tuple[int, int], codes: Format) -> bool:
    """Whether some multiplier below 8 and some bias give every code of every channel: by trying all."""
    values = np.arange(reach[0], reach[1] + 1)
    most = (16 << scaling.shift) + MULTIPLIERS[-1] * int(abs(values).max())
    biases = np.arange(-most, most + 1)
    for channel in thresholds:
        wanted = threshold(values[:, None], channel[None], codes)
        if not any((scaling.codes(np.array(m), biases, values[:, None]) == wanted).all(axis=0).any() for m in MULTIPLIERS):
            return False
    return True


@st.composite
def layers(draw: st.DrawFn) -> tuple[np.ndarray, tuple[int, int], Format]:
    """Thresholds of a few channels over a few values: some of a line, some not; some out of reach, some equal."""
    codes = Format.parse(draw(st.sampled_from(["uint1", "uint2", "int2", "uint3", "int3"])))
    low = draw(st.integers(-9, 3))
    reach = (low, low + draw(st.integers(0, 12)))
    channels = draw(st.integers(1, 2))
    count, step = codes.thresholds, draw(st.integers(1, 2))
    if draw(st.booleans()):
        each = st.lists(st.integers(reach[0] - 2, reach[1] + 3), min_size=count, max_size=count)
        thresholds = np.sort(np.array([draw(each) for _ in range(channels)]), axis=1)
    else:
        slope, start, even = draw(st.sampled_from([1, 2, 3, 4, 5, 6])), draw(st.integers(-12, 12)), draw(st.booleans())
        # In halves: a tie of an odd code belongs to the one below, where ties go to the even one.
        k = -(-np.arange(1, count + 1) // step)
        thresholds = np.stack(
            [(start + c + slope * k + 1) // 2 + (even & (k % 2 != 0) & ((start + c + slope * k) % 2 == 0)) for c in range(channels)]
        )
    return thresholds.astype(np.int64), reach, codes


@settings(max_examples=60, deadline=None)
@given(layers())
def test_what_is_found_is_equal_and_what_exists_is_found(layer: tuple[np.ndarray, tuple[int, int], Format]) -> None:
    found = cheapest(*layer)
    if found is not None:
        assert given_codes(found, *layer)
    thresholds, reach, codes = layer
    reached = threshold(np.arange(reach[0], reach[1] + 1)[:, None], thresholds[:1], codes)
    if found is not None and found.multiplier == 1:
        return  # there is no cheaper one
    for rounding, shift, step, offset in product(Rounding, SHIFTS, (1, 2), (0, 1)):
        bits = 3 if found is None else min(3, found.multiplier - 1)
        clamps = {"low": codes.low, "high": codes.high}
        tried = Scaling(multiplier=bits, bias=20, shift=shift, rounding=rounding, step=step, offset=offset, **clamps)
        try:
            solve(tried, thresholds, reach, codes)
        except NoScalingError:
            continue
        raise AssertionError(f"{tried} would do, but {found} was found; codes {reached}")


@settings(max_examples=25, deadline=None)
@given(layers(), st.sampled_from(Rounding), st.sampled_from(SHIFTS), st.integers(1, 2), st.integers(-1, 1))
def test_a_given_scaling_is_solved_where_trying_all_finds_a_solution(
    layer: tuple[np.ndarray, tuple[int, int], Format], rounding: Rounding, shift: int, step: int, offset: int
) -> None:
    codes = layer[2]
    scaling = Scaling(
        **{"multiplier": 3, "bias": 20, "shift": shift, "rounding": rounding, "step": step, "offset": offset},
        low=codes.low,
        high=codes.high,
    )
    try:
        assert given_codes(scaling, *layer)
        solved = True
    except NoScalingError:
        solved = False
    assert solved == exists(scaling, *layer)


def affine(slopes: list[Fraction], offsets: list[Fraction], codes: Format, *, even: bool) -> np.ndarray:
    """Thresholds of round(slope * value + offset), ties up or to the even code."""
    result = np.empty((len(slopes), codes.thresholds), np.int64)
    for channel, (slope, offset) in enumerate(zip(slopes, offsets, strict=True)):
        for nth, code in enumerate(range(codes.low + 1, codes.high + 1)):
            tie = (Fraction(2 * code - 1, 2) - offset) / slope
            result[channel, nth] = floor(tie) + 1 if even and code % 2 else -floor(-tie)
    return result


@pytest.mark.parametrize("codes", [Format.parse("int4"), uint(8)], ids=str)
def test_affine_quantizers(codes: Format) -> None:
    """Scales and biases of floating point, as training gives them, have no ties; with ties to the even code it has to be that rounding."""
    rng, reach = np.random.default_rng(codes.bits), (-3000, 4000)
    slopes = [Fraction(each) * Fraction(codes.thresholds, 1 << 11) for each in rng.uniform(0.2, 1.5, 12)]
    offsets = [Fraction(each) for each in rng.normal(0, codes.high / 4, 12)]
    for even in (False, True):
        found = cheapest(affine(slopes, offsets, codes, even=even), reach, codes)
        assert found is not None
        assert found.rounding is Rounding.HALF_UP
        assert given_codes(found, affine(slopes, offsets, codes, even=even), reach, codes)
    slopes, offsets = [Fraction(1, 4), Fraction(1, 16), Fraction(3, 8)], [Fraction(1), Fraction(-3), Fraction(1, 4)]
    ties = affine(slopes, offsets, codes, even=True)
    found = cheapest(ties, reach, codes)
    assert found is not None
    assert (found.rounding, found.multiplier, found.shift) == (Rounding.HALF_EVEN, 3, 4)
    assert given_codes(found, ties, reach, codes)
    up = affine(slopes, offsets, codes, even=False)
    found = cheapest(up, reach, codes)
    assert found is not None
    assert (found.rounding, found.multiplier, found.shift) == (Rounding.HALF_UP, 3, 4)


def test_a_step_behind_a_coarser_quantizer() -> None:
    """The second of two quantizers has half the scale of the first: codes jump by two, up to the highest, which is odd."""
    codes, reach = uint(5), (-200, 300)
    once = affine([Fraction(1, 16)], [Fraction(0)], codes, even=True)
    twice = np.repeat(once, 2, axis=1)[:, : codes.thresholds]
    found = cheapest(twice, reach, codes)
    assert found == Scaling(multiplier=1, bias=5, shift=4, rounding=Rounding.HALF_EVEN, step=2, low=0, high=31)
    assert given_codes(found, twice, reach, codes)


def test_rounding_twice_has_no_multiplier() -> None:
    """As an exhaustive search confirms."""
    codes, reach = Format.parse("int3"), (-24, 24)
    values = np.arange(reach[0], reach[1] + 1)
    first = np.round(values / 4)
    second = np.clip(np.round(first / 2), codes.low, codes.high)
    thresholds = np.array([[values[second >= code].min(initial=reach[1] + 1) for code in range(codes.low + 1, codes.high + 1)]])
    assert (threshold(values[:, None], thresholds, codes)[:, 0] == second).all()
    assert cheapest(thresholds, reach, codes) is None
    for rounding, shift, offset in product(Rounding, SHIFTS, (0, 1)):
        scaling = Scaling(multiplier=3, bias=20, shift=shift, rounding=rounding, offset=offset, low=codes.low, high=codes.high)
        assert not exists(scaling, thresholds, reach, codes)
        with pytest.raises(NoScalingError):
            solve(scaling, thresholds, reach, codes)


def test_a_large_layer_takes_seconds() -> None:
    """2,048 channels of 255 thresholds, with sums of 24 bits; one channel that is none of a scale's is found, too."""
    rng, codes, reach = np.random.default_rng(1), uint(8), (-(1 << 23), 1 << 23)
    slopes, offsets = rng.uniform(0.3, 1, (2048, 1)) / (1 << 12), rng.uniform(-40, 40, (2048, 1))
    thresholds = np.ceil((np.arange(1, 256) - 0.5 - offsets) / slopes).astype(np.int64)
    start = time.process_time()
    found = cheapest(thresholds, reach, codes)
    assert found is not None
    multipliers, biases = solve(found, thresholds, reach, codes)
    assert time.process_time() - start < 6
    for beside in (thresholds - 1, thresholds):
        assert (scaling_codes := found.codes(multipliers[:, None], biases[:, None], beside)) is not None
        expected = np.arange(255) + (beside is thresholds)
        assert (scaling_codes == expected).all()
    thresholds[1234] += rng.integers(0, 900, 255).cumsum()
    assert cheapest(thresholds, reach, codes) is None
    with pytest.raises(NoScalingError, match="channel 1234"):
        solve(found, thresholds, reach, codes)


def test_as_a_description_has_it() -> None:
    plain = Scaling(multiplier=20, bias=34, shift=25, low=-128, high=127)
    whole = Scaling(multiplier=1, bias=9, shift=4, rounding=Rounding.HALF_EVEN, step=2, offset=-1, low=-127, high=126)
    assert plain.entries == {"multiplier": 20, "bias": 34, "shift": 25, "low": -128, "high": 127}
    assert whole.entries == {
        **{"multiplier": 1, "bias": 9, "shift": 4, "rounding": "half_even", "step": 2, "offset": -1, "low": -127, "high": 126},
    }
    for scaling in (plain, whole):
        assert Scaling.parse(scaling.entries) == scaling


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"shift": None}, "shift is missing"),
        ({"multiplier": 33}, "multiplier: 33"),
        ({"multiplier": 0}, "multiplier: 0"),
        ({"bias": True}, "bias: True"),
        ({"rounding": "up"}, "rounding: up"),
        ({"sign": 1}, "sign is not known"),
        ({"low": 9, "high": 7}, "high: 7"),
        ({"high": 256}, "high: 256"),
    ],
    ids=str,
)
def test_what_a_description_may_not_have(changed: dict[str, object], message: str) -> None:
    entries = {"multiplier": 3, "bias": 9, "shift": 4, "low": 0, "high": 15} | changed
    with pytest.raises(ScalingError) as error:
        Scaling.parse({name: value for name, value in entries.items() if value is not None})
    assert error.value.what == message
    assert error.value.why
    assert error.value.fix


def code_of(scaling: Scaling, multiplier: int, bias: int, value: int) -> int:
    """In Python's whole numbers, by the definition."""
    q, rest = divmod(multiplier * value + bias, 1 << scaling.shift)
    if scaling.rounding is Rounding.HALF_EVEN and rest == 0 and q % 2:
        q -= 1
    return max(scaling.low, min(scaling.high, scaling.step * q + scaling.offset))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_what_a_scaling_gives_is_found_again_with_no_more_bits(data: st.DataObject) -> None:
    """Values of up to 47 bits: on both sides of every threshold."""
    bits, codes = data.draw(st.integers(4, 47)), Format.parse(data.draw(st.sampled_from(["uint8", "int8", "uint4", "int3", "uint1"])))
    reach = data.draw(st.sampled_from([(0, (1 << bits) - 1), (-(1 << bits - 1), (1 << bits - 1) - 1)]))
    width, step, offset = data.draw(st.integers(1, min(20, 60 - bits))), data.draw(st.integers(1, 3)), data.draw(st.integers(-3, 3))
    shift = min(max(bits + width - codes.bits + data.draw(st.integers(-3, 2)), 0), 48)
    rounding = data.draw(st.sampled_from(Rounding))
    scaling = Scaling(multiplier=width, bias=64, shift=shift, rounding=rounding, step=step, offset=offset, low=codes.low, high=codes.high)
    channels = data.draw(st.integers(1, 3))
    multipliers = np.array([data.draw(st.integers(1, (1 << width) - 1)) for _ in range(channels)])
    middles = np.array([data.draw(st.integers(reach[0] // 2, reach[1] // 2)) for _ in range(channels)])
    biases = (((codes.low + codes.high) // 2 - offset) // step << shift) - multipliers * middles
    thresholds = scaling.thresholds(multipliers, biases, reach, codes)
    found = cheapest(thresholds, reach, codes)
    assert found is not None
    assert found.multiplier <= width
    for solved in (scaling, found):
        for channel, (multiplier, bias) in enumerate(zip(*solve(solved, thresholds, reach, codes), strict=True)):
            beside = {int(each) + side for each in thresholds[channel] for side in (-1, 0)} | {*reach}
            for value in (each for each in beside if reach[0] <= each <= reach[1]):
                code = codes.low + int((thresholds[channel] <= value).sum())
                assert code_of(solved, int(multiplier), int(bias), value) == code
