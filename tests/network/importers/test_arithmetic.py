"""Step functions against their forward evaluation, thresholds and factors against brute force."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from network.formats import Format, Kind
from network.importers.onnx.arithmetic.exact import exact, root, simplest_between
from network.importers.onnx.arithmetic.joins import Factored, Operand, codes_of_pairs, factored
from network.importers.onnx.arithmetic.stages import Affine, Clip, Quantize, Rounding, Stage, fused, rounded, through
from network.importers.onnx.arithmetic.thresholds import code_format, thresholds

ratios = st.fractions(Fraction(1, 16), 40, max_denominator=16)


def quantizer(
    scale: Any, rounding: Rounding = Rounding.HALF_EVEN, low: int = 0, high: int = 255, zero: Any = 0, out: Any = 1, shift: int = 0
) -> Quantize:
    if rounding is Rounding.SIGN:
        low, high, shift = 0, 1, 0
    limits = exact([low]), exact([high])
    return Quantize(exact([scale]), exact([zero]), rounding, exact([shift]), *limits, exact([out]), exact([zero]))


@st.composite
def stages(draw: st.DrawFn) -> Stage:
    kind = draw(st.sampled_from(["affine", "clip", "quantize"]))
    if kind == "affine":
        return Affine(exact([draw(st.just(Fraction(0)) | ratios), draw(ratios)]), exact([draw(ratios) - 5, draw(ratios) - 5]))
    if kind == "clip":
        low = draw(st.none() | ratios)
        return Clip(low, draw(st.none() | ratios.map(lambda each: each + 40)))
    low = draw(st.integers(-9, 0))
    zero = draw(st.sampled_from([0, 3, Fraction(1, 2)]))
    return quantizer(
        draw(ratios), draw(st.sampled_from(Rounding)), low, draw(st.integers(1, 9)), zero, draw(ratios), draw(st.integers(-3, 3))
    )


@given(st.lists(stages(), max_size=3), ratios, st.sampled_from(Rounding))
@settings(max_examples=50)
def test_thresholds_are_where_codes_change(before: list[Stage], scale: Fraction, rounding: Rounding) -> None:
    chain = [*before, quantizer(scale, rounding, -7, 7, shift=1)]
    values = np.arange(-60, 61)
    doubled = exact(np.stack([values, values], axis=1)).reshape(-1, 2)
    last = chain[-1]
    assert isinstance(last, Quantize)
    expected = last.codes(through(chain[:-1], doubled)).astype(np.int64)
    ends = np.full(2, -60), np.full(2, 60)
    for each in (chain, fused(chain)):
        levels = thresholds(each, Format(Kind.INT, 4), *ends)
        np.testing.assert_array_equal(-8 + (doubled.astype(np.int64)[:, :, None] >= levels).sum(axis=2), expected)


def test_ties_fall_by_the_rounding_mode() -> None:
    halves = [Fraction(n, 2) for n in (-3, -1, 1, 3)]
    expected = {
        "HALF_EVEN": [-2, 0, 0, 2],
        "CEIL": [-1, 0, 1, 2],
        "FLOOR": [-2, -1, 0, 1],
        "UP": [-2, -1, 1, 2],
        "DOWN": [-1, 0, 0, 1],
        "HALF_UP": [-2, -1, 1, 2],
        "HALF_DOWN": [-1, 0, 0, 1],
        "SIGN": [0, 0, 1, 1],
    }
    assert {mode.name: [rounded(half, mode) for half in halves] for mode in Rounding} == expected


def test_a_relu_between_two_codes_stays_a_stage() -> None:
    between = quantizer(1, low=-8, high=7, zero=Fraction(1, 2))
    assert len(fused([between, Clip(Fraction(0), None)])) == 2
    clamped = fused([quantizer(1, low=-8, high=7), Clip(Fraction(0), None)])
    assert len(clamped) == 1
    assert isinstance(clamped[0], Quantize)
    assert clamped[0].low is not None
    assert clamped[0].low[0] == 0


@given(st.fractions(0, 50, max_denominator=40), st.fractions(Fraction(1, 40), 3, max_denominator=40))
def test_the_simplest_fraction_has_the_smallest_denominator(low: Fraction, width: Fraction) -> None:
    found = simplest_between(low, low + width)
    assert low < found < low + width
    first = next(d for d in range(1, 10**6) if low * d // 1 + 1 < (low + width) * d)
    assert found.denominator == first


def test_roots_are_exact_where_they_can_be() -> None:
    assert root(Fraction(9, 16)) == Fraction(3, 4)
    assert abs(root(Fraction(2)) ** 2 - 2) < Fraction(1, 1 << 120)


@pytest.mark.parametrize(
    ("low", "high", "format_"), [(0, 1, "uint1"), (0, 127, "uint7"), (-1, 0, "int1"), (-8, 7, "int4"), (-1, 200, "int9")]
)
def test_the_narrowest_format(low: int, high: int, format_: str) -> None:
    assert str(code_format(low, high)) == format_


def differing(result: Factored, main: Operand, bypass: Operand, chain: list[Stage], codes: range) -> int:
    """Pairs that get another code, by looking at every one of one channel."""
    a, b = np.meshgrid(np.arange(main.low[0], main.high[0] + 1), np.arange(bypass.low[0], bypass.high[0] + 1), indexing="ij")
    exactly = codes_of_pairs(main, bypass, chain, codes, a[..., None], b[..., None])[..., 0]
    values = result.factors[0, 0] * a + result.factors[0, 1] * b
    return int(np.count_nonzero((values[..., None] >= result.thresholds[0]).sum(axis=2) != exactly))


def operand(scale: float, offset: float, low: int, high: int) -> Operand:
    return Operand(Affine(exact([np.float32(scale)]), exact([np.float32(offset)])), np.array([low]), np.array([high]))


@pytest.mark.parametrize("seed", range(8))
def test_factors_separate_all_pairs_of_codes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    main, bypass = operand(rng.uniform(0.01, 0.1), rng.normal(), -128, 127), operand(rng.uniform(0.01, 0.1), 0, 0, 255)
    chain: list[Stage] = [Clip(Fraction(0), None), quantizer(np.float32(rng.uniform(0.02, 0.1)))]
    result = factored(main, bypass, chain, range(1, 256), 1)
    assert result.confused == 0
    assert result.factors.max() < 1024
    assert differing(result, main, bypass, chain, range(1, 256)) == 0


def test_pairs_are_counted_by_real_numbers() -> None:
    main, bypass = operand(0.05, 0.3, -8, 7), operand(0.07, 0, 0, 15)
    a, b = np.meshgrid(np.arange(-8, 8), np.arange(16), indexing="ij")
    real = a * np.float64(np.float32(0.05)) + np.float64(np.float32(0.3)) + b * np.float64(np.float32(0.07))
    expected = np.clip(np.round(real / np.float64(np.float32(0.11))), 0, 15)
    found = codes_of_pairs(main, bypass, [quantizer(np.float32(0.11), high=15)], range(1, 16), a[..., None], b[..., None])
    np.testing.assert_array_equal(found[..., 0], expected)


def test_small_factors_are_found_where_they_do() -> None:
    """Scales of 1.01 and 1 with few codes: adding them does, and no larger factors are taken."""
    main, bypass = operand(1.01, 0, 0, 3), operand(1, 0, 0, 3)
    result = factored(main, bypass, [quantizer(1)], range(1, 8), 1)
    assert result.factors.tolist() == [[1, 1]]
    assert result.confused == 0


def test_what_factors_of_16_bits_confuse_is_told() -> None:
    main, bypass = operand(1.2345e-6, 0.3, -300, 300), operand(0.27182, 0, 0, 40)
    chain: list[Stage] = [Clip(Fraction(0), None), quantizer(np.float32(1e-5), high=255)]
    result = factored(main, bypass, chain, range(1, 256), 1)
    assert result.factors.max() <= 65535
    assert result.confused == differing(result, main, bypass, chain, range(1, 256))


def test_sums_whose_scales_are_powers_of_two_take_these() -> None:
    main, bypass = operand(2.0**-12, 0.25, -900, 900), operand(2.0**-4, 0, 0, 15)
    result = factored(main, bypass, [quantizer(2.0**-4)], range(1, 256), 1)
    assert result.factors.tolist() == [[1, 256]]
    assert result.confused == 0
    assert differing(result, main, bypass, [quantizer(2.0**-4)], range(1, 256)) == 0


def test_an_activation_of_two_thousand_channels_takes_no_time() -> None:
    """26,560 channels of 255 thresholds in 20 s are 1.5 s for 2,048; it takes half of one."""
    from time import process_time

    rng = np.random.default_rng(0)
    affine = Affine(exact(np.float32(rng.random(2048) + 0.01)), exact(np.float32(rng.normal(size=2048))))
    start = process_time()
    thresholds(
        fused([affine, Clip(Fraction(0), None), quantizer(np.float32(0.037))]),
        Format(Kind.UINT, 8),
        *(np.full(2048, n) for n in (-(10**6), 10**6)),
    )
    assert process_time() - start < 6
