"""Integer factors of a join: with which a * main + b * bypass separates what the graph's own scales separate.

The value is real = scale_main * main + scale_bypass * bypass + offset, followed by stages. Each code is reached from one real number on;
on the grid of (main, bypass) that is a line with the slope of the two scales. Other factors do as well as long as their lines leave the same
points on either side. All slopes for which they do form an open interval, so the smallest factors are the simplest fraction in it. It is
narrowed by cuts: whatever a tried slope confuses is a pair of points that bounds the interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from network.importers.onnx.arithmetic.exact import exact, same, simplest_between
from network.importers.onnx.arithmetic.stages import BOUND, EVERYTHING, Affine, Stage
from network.importers.onnx.arithmetic.thresholds import bounds_of, levels, sliced

MOST = (1 << 16) - 1
"""Largest factor."""
MOST_CODES = 1 << 8
"""Codes that an operand has; more are sums."""
NEAR = 1e-6
"""Quotients this near to a whole number are computed again in whole numbers."""
MOST_CUTS = 64
COARSE = 16
"""Of so many codes one is looked at before all are."""
FEWEST_LINES, MOST_LINES, ALL_LINES = 1 << 9, 1 << 12, 1 << 18
"""Values of the enumerated operand that are looked at, by channel, and of all channels together; only where both operands are sums there are
more, and then every so many is taken."""


@dataclass(frozen=True, slots=True)
class Operand:
    """What one branch brings: whole numbers of a range, one or one a channel, and what they stand for."""

    meaning: Affine
    low: NDArray[np.int64]
    high: NDArray[np.int64]

    @property
    def span(self) -> int:
        return int((self.high - self.low).max()) + 1

    def channel(self, index: int, channels: int) -> Operand:
        one = slice(index, index + 1)
        meaning = sliced(self.meaning, one, channels)
        assert isinstance(meaning, Affine)
        return Operand(meaning, *(each[one] if len(each) > 1 else each for each in (self.low, self.high)))


@dataclass(frozen=True, slots=True)
class Factored:
    """Factors (1 or channels, 2) of main and bypass, thresholds (channels, n) on the sum, and where it differs from the graph."""

    factors: NDArray[np.int64]
    thresholds: NDArray[np.int64]
    confused: int  # pairs of a main and a bypass value, over all channels, whose code differs
    pairs: int  # that there are
    is_sampled: bool = False


@dataclass(frozen=True, slots=True)
class _Lines:
    """least[n, i]: the least main value that reaches code n beside values[i] of the bypass; high + 1 where none does."""

    least: NDArray[np.int64]
    values: NDArray[np.int64]
    low: int
    high: int


def factored(main: Operand, bypass: Operand, stages: Sequence[Stage], codes: range, channels: int) -> Factored:
    """The smallest factors, one pair if the two scales relate equally in all channels, else one a channel; of at most 16 bits."""
    if bypass.span > main.span:  # the shorter range is enumerated
        turned = factored(bypass, main, stages, codes, channels)
        return Factored(turned.factors[:, ::-1], turned.thresholds, turned.confused, turned.pairs, turned.is_sampled)
    if main.span > MOST_CODES and (found := _by_scales(main, bypass, stages, codes, channels)):
        return found
    kinds, which = _kinds(main, bypass, stages, channels)
    most = min(MOST_LINES, max(FEWEST_LINES, ALL_LINES // len(kinds)))
    lines = []
    for i in kinds:
        pair = main.channel(i, channels), bypass.channel(i, channels)
        lines.append(_lines(*pair, _values(pair[1], most), [sliced(stage, slice(i, i + 1), channels) for stage in stages], codes))
    ratios = [_ratio(main.channel(i, channels), bypass.channel(i, channels)) for i in kinds]
    if len(set(ratios)) == 1:
        chosen = _factors(lines, ratios[0])
        pairs = [chosen] * len(kinds)
    else:
        pairs = [_factors([line], ratio) for line, ratio in zip(lines, ratios, strict=True)]
    results = [_separated(line, *pair) for line, pair in zip(lines, pairs, strict=True)]
    times = np.bincount(which, minlength=len(kinds))
    factors = np.array([pairs[0]] if len(set(pairs)) == 1 else [pairs[i] for i in which], np.int64)
    spans = [(line.high - line.low + 1) * len(line.values) for line in lines]
    return Factored(
        factors,
        np.stack([results[i][0] for i in which]) if len(codes) else np.empty((channels, 0), np.int64),
        int(sum(count * result[1] for count, result in zip(times, results, strict=True))),
        int(sum(count * span for count, span in zip(times, spans, strict=True))),
        is_sampled=bypass.span > most,
    )


def _by_scales(main: Operand, bypass: Operand, stages: Sequence[Stage], codes: range, channels: int) -> Factored | None:
    """With the ratio of the scales itself as factors, which confuse nothing; None where it has more than 16 bits."""
    ratios = same(main.meaning.factor / bypass.meaning.factor)
    if any(max(ratio.numerator, ratio.denominator) > MOST for ratio in ratios):
        return None
    factors = np.array([[ratio.numerator, ratio.denominator] for ratio in ratios], np.int64)
    unit = Affine(same(bypass.meaning.factor / factors[:, 1].astype(object)), same(main.meaning.offset + bypass.meaning.offset))
    low, high = _ends(factors, main.low, bypass.low), _ends(factors, main.high, bypass.high)
    return Factored(
        factors,
        levels([unit, *stages], codes, np.broadcast_to(low, (channels,)), np.broadcast_to(high, (channels,))),
        0,
        int((main.high - main.low + 1).max()) * int((bypass.high - bypass.low + 1).max()) * channels,
    )


def _ends(factors: NDArray[np.int64], main: NDArray[np.int64], bypass: NDArray[np.int64]) -> NDArray[np.int64]:
    ends: NDArray[np.int64] = factors[:, 0] * main + factors[:, 1] * bypass
    return ends


def _kinds(main: Operand, bypass: Operand, stages: Sequence[Stage], channels: int) -> tuple[list[int], list[int]]:
    """One channel of each kind, and the kind of every channel: those whose numbers are all the same need to be computed once."""
    seen: dict[object, int] = {}
    kinds: list[int] = []
    which: list[int] = []
    for i in range(channels):
        one = slice(i, i + 1)
        operands = [each.channel(i, channels) for each in (main, bypass)]
        numbers = [(each.meaning.key, int(each.low[0]), int(each.high[0])) for each in operands]
        key = (*numbers, *(sliced(stage, one, channels).key for stage in stages))
        if key not in seen:
            seen[key] = len(kinds)
            kinds.append(i)
        which.append(seen[key])
    return kinds, which


def _ratio(main: Operand, bypass: Operand) -> Fraction:
    ratio: Fraction = main.meaning.factor[0] / bypass.meaning.factor[0]
    return ratio


def _values(bypass: Operand, most: int) -> NDArray[np.int64]:
    low, high = int(bypass.low[0]), int(bypass.high[0])
    step = -(-(high - low + 1) // most)
    return np.asarray(np.unique(np.append(np.arange(low, high + 1, step), high)))


def _lines(main: Operand, bypass: Operand, values: NDArray[np.int64], stages: Sequence[Stage], codes: range) -> _Lines:
    low, high = int(main.low[0]), int(main.high[0])
    bounds = bounds_of(stages, codes)
    # main >= (bound - offset - scale * bypass) / factor, as whole numbers over a common denominator
    first: Fraction = main.meaning.factor[0]
    second: Fraction = bypass.meaning.factor[0]
    offset: Fraction = main.meaning.offset[0] + bypass.meaning.offset[0]
    reached = Affine(exact([first]), exact([offset])).invert(bounds)
    slope = second / first
    numerators, denominator = reached.numerator[0], int(reached.denominator[0, 0])
    starts = np.array([int(each) / denominator for each in numerators], np.float64)  # Python rounds quotients of integers correctly
    # Far outside the range all that counts is on which side: that keeps the floats small and their errors far below NEAR.
    approximate = np.clip(starts[:, None] - float(slope) * values[None, :], low - 8.0, high + 8.0)
    whole = np.ceil(approximate)
    near = np.abs(approximate - np.round(approximate)) < NEAR
    near &= (approximate > low - 7) & (approximate < high + 7)
    for n, i in np.argwhere(near):
        value = Fraction(int(numerators[n]), denominator) - slope * int(values[i])
        whole[n, i] = value.numerator // value.denominator + 1 if reached.is_open[0, n] else -(-value.numerator // value.denominator)
    least = np.clip(whole, low, high + 1).astype(np.int64)
    state = np.broadcast_to(reached.state[0][:, None], least.shape)
    return _Lines(np.where(state == BOUND, least, np.where(state == EVERYTHING, low, high + 1)), values, low, high)


def _factors(lines: Sequence[_Lines], ratio: Fraction) -> tuple[int, int]:
    """The smallest a, b whose lines separate the same points, else the best of 16 bits."""
    low = Fraction(0)
    high: Fraction | None = None
    few = [_Lines(line.least[::COARSE], line.values, line.low, line.high) for line in lines]
    looked = few  # at some codes first, at all once these are satisfied
    for _ in range(MOST_CUTS):
        tried = simplest_between(low, high)
        if max(tried.numerator, tried.denominator) > MOST:
            break
        cuts = [cut for line in looked for cut in _cuts(line, tried.numerator, tried.denominator)]
        if not cuts and looked is few:
            looked = list(lines)
            continue
        if not cuts:
            return tried.numerator, tried.denominator
        below = [cut for cut in cuts if cut < ratio or (cut == ratio and cut <= tried)]
        above = [cut for cut in cuts if cut > ratio or (cut == ratio and cut > tried)]
        low = max([low, *(cut for cut in below if cut >= tried)])
        tops = [*([] if high is None else [high]), *(cut for cut in above if cut <= tried)]
        high = min(tops) if tops else None
        if high is not None and low >= high:
            break
    return _nearest(ratio)


def _nearest(ratio: Fraction) -> tuple[int, int]:
    """The pair of at most 16 bits nearest to the ratio."""
    if ratio > 1:
        bypass, main = _nearest(1 / ratio)
        return main, bypass
    near = ratio.limit_denominator(MOST)
    return max(near.numerator, 1), near.denominator


def _sides(line: _Lines, a: int, b: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """By code: the least sum that reaches it and the bypass index that has it; the greatest that does not, and its index."""
    beyond = np.int64(1) << 62
    sums = a * line.least + b * line.values
    above = np.where(line.least <= line.high, sums, beyond)
    below = np.where(line.least > line.low, sums - a, -beyond)
    upper, lower = above.argmin(axis=1), below.argmax(axis=1)
    rows = np.arange(len(above))
    return above[rows, upper], upper, below[rows, lower], lower


def _cuts(line: _Lines, a: int, b: int) -> list[Fraction]:
    """Bounds of the slope a / b, one from each code that a and b confuse."""
    if not len(line.least):
        return []
    above, upper, below, lower = _sides(line, a, b)
    cuts = set()
    for n in np.flatnonzero(above <= below):
        mains = int(line.least[n, upper[n]] - line.least[n, lower[n]] + 1)
        others = int(line.values[lower[n]] - line.values[upper[n]])
        if mains:
            cuts.add(Fraction(others, mains))
    return list(cuts)


def _separated(line: _Lines, a: int, b: int) -> tuple[NDArray[np.int64], int]:
    """Thresholds on a * main + b * bypass, and how many pairs get another code."""
    if not len(line.least):
        return np.empty(0, np.int64), 0
    above, _, below, _ = _sides(line, a, b)
    lowest = a * line.low + b * int(line.values[0])
    highest = a * line.high + b * int(line.values[-1])
    chosen = np.clip(above, lowest, highest + 1)
    # A threshold t is right beside a bypass value where a * (least - 1) < t - b * value <= a * least: the one in most of these intervals.
    confused = above <= below
    for n in np.flatnonzero(confused):
        inner = (line.least[n] > line.low) & (line.least[n] <= line.high)
        ends = np.sort(a * line.least[n, inner] + b * line.values[inner])
        starts = ends - a + 1
        if len(starts):
            within = np.arange(1, len(starts) + 1) - np.searchsorted(ends, starts)
            chosen[n] = np.clip(starts[within.argmax()], lowest, highest + 1)
    before, chosen = chosen, np.maximum.accumulate(chosen)
    moved = confused | (chosen != before)  # the others separate all pairs
    made = np.clip(-(-(chosen[moved, None] - b * line.values) // a), line.low, line.high + 1)
    return chosen, int(np.abs(made - line.least[moved]).sum())


def codes_of_pairs(
    main: Operand, bypass: Operand, stages: Sequence[Stage], codes: range, mains: NDArray[np.int64], others: NDArray[np.int64]
) -> NDArray[np.int64]:
    """How many of `codes` each pair of values (…, channels) reaches by the graph's own numbers."""
    channels = mains.shape[-1]
    counts = np.zeros(mains.shape, np.int64)
    kinds, which = _kinds(main, bypass, stages, channels)
    for kind, first in enumerate(kinds):
        members = [i for i, each in enumerate(which) if each == kind]
        part = [sliced(stage, slice(first, first + 1), channels) for stage in stages]
        pair = main.channel(first, channels), bypass.channel(first, channels)
        is_turned = pair[1].span > pair[0].span
        long, short = (others, mains) if is_turned else (mains, others)
        values, index = np.unique(short[..., members], return_inverse=True)
        line = _lines(*(pair[::-1] if is_turned else pair), values, part, codes)
        mine, order = long[..., members].reshape(-1), np.argsort(index, axis=None, kind="stable")
        found = np.empty(len(mine), np.int64)
        for value, places in enumerate(np.split(order, np.cumsum(np.bincount(index.reshape(-1)))[:-1])):
            found[places] = np.searchsorted(line.least[:, value], mine[places], side="right")
        counts[..., members] = found.reshape(long[..., members].shape)
    return counts
