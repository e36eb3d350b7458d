"""Non-decreasing functions of one number, channel by channel, that lie between two integer tensors of a graph.

    affine   factor * x + offset: batch norm, scales, biases
    clip     ReLU and its bounded kin
    quantize round and clamp to codes, and what these stand for

A chain of them is a step function of an integer, and inverted from its end: `Bounds` are the x from which on each stage reaches what is
wanted behind it. All numbers are rational, so a tie belongs to a code by the rounding mode alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from fractions import Fraction
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from network.importers.onnx.arithmetic.exact import Exact, exact, is_whole, same

ONE, ZERO = exact([1]), exact([0])
EVERYTHING, BOUND, NOTHING = -1, 0, 1


class Rounding(Enum):
    """How numbers between two integers become one of them."""

    HALF_EVEN = "ROUND"
    """To the nearest, a tie to the even one: numpy's, and of QuantizeLinear."""
    CEIL = "CEIL"
    FLOOR = "FLOOR"
    UP = "UP"
    """Away from zero."""
    DOWN = "DOWN"
    """Towards zero."""
    HALF_UP = "HALF_UP"
    """To the nearest, a tie away from zero."""
    HALF_DOWN = "HALF_DOWN"
    """To the nearest, a tie towards zero."""
    SIGN = "SIGN"
    """1 from zero on, else 0: bipolar codes."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Half-lines (channels, n): x >= numerator / denominator, or x > it where open; or every x, or none."""

    numerator: NDArray[np.object_]  # whole numbers
    denominator: NDArray[np.object_]  # positive; (channels, 1)
    is_open: NDArray[np.bool_]
    state: NDArray[np.int8]  # EVERYTHING, BOUND, NOTHING

    @classmethod
    def at(cls, codes: Sequence[int]) -> Bounds:
        """x >= each of these."""
        shape = (1, len(codes))
        wanted = np.array([list(codes)], object).reshape(shape)
        return cls(wanted, np.array([[1]], object), np.zeros(shape, np.bool_), np.zeros(shape, np.int8))

    def least(self, low: NDArray[Any], high: NDArray[Any]) -> NDArray[np.object_]:
        """The least whole number in each half-line, at least `low`; `high` + 1 where there is none up to `high`; both (channels, 1)."""
        closed = -(-self.numerator // self.denominator)
        whole = np.where(self.is_open, self.numerator // self.denominator + 1, closed)
        low, high = low.astype(object), high.astype(object)
        bounded = np.minimum(np.maximum(whole, low), high + 1)
        return np.where(self.state == EVERYTHING, low, np.where(self.state == NOTHING, high + 1, bounded))


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """factor * x + offset; factors are not negative."""

    factor: Exact
    offset: Exact
    node: str = field(default="", repr=False)

    @property
    def key(self) -> tuple[object, ...]:
        return ("affine", tuple(self.factor), tuple(self.offset))

    def __call__(self, x: Exact) -> Exact:
        y: Exact = x * self.factor + self.offset
        return y

    def after(self, inner: Affine) -> Affine:
        """The two as one."""
        return Affine(same(self.factor * inner.factor), same(self.factor * inner.offset + self.offset), self.node)

    def invert(self, bounds: Bounds) -> Bounds:
        factor, offset = np.broadcast_arrays(self.factor, self.offset)
        up = np.array([[each.numerator] for each in factor], object)
        down = np.array([[each.denominator] for each in factor], object)
        moved = np.array([[each.numerator] for each in offset], object)
        parts = np.array([[each.denominator] for each in offset], object)
        flat = (up == 0).astype(np.bool_)
        numerator, state, is_open = bounds.numerator, bounds.state, bounds.is_open
        if flat.any():
            excess = moved * bounds.denominator - numerator * parts  # the sign of offset - bound
            reached = np.where(is_open, excess > 0, excess >= 0).astype(np.bool_)
            constant = np.where(reached, EVERYTHING, NOTHING)
            state = np.where(flat & (state == BOUND), constant, state).astype(np.int8)
            up, down = np.where(flat, 1, up), np.where(flat, 1, down)
        moved_up = moved * bounds.denominator * down
        denominator = bounds.denominator * parts * up
        return Bounds(numerator * (parts * down) - moved_up, denominator, *np.broadcast_arrays(is_open, state))


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """min(max(x, low), high); None is no bound. One for all channels."""

    low: Fraction | None
    high: Fraction | None
    node: str = field(default="", repr=False)

    @property
    def key(self) -> tuple[object, ...]:
        return ("clip", self.low, self.high)

    def __call__(self, x: Exact) -> Exact:
        x = x if self.low is None else np.maximum(x, exact([self.low]))
        return x if self.high is None else np.minimum(x, exact([self.high]))

    def invert(self, bounds: Bounds) -> Bounds:
        state = bounds.state
        if self.low is not None:
            excess = self.low.numerator * bounds.denominator - bounds.numerator * self.low.denominator  # sign of low - bound
            always = np.where(bounds.is_open, excess > 0, excess >= 0).astype(np.bool_)
            state = np.where((state == BOUND) & always, EVERYTHING, state).astype(np.int8)
        if self.high is not None:
            excess = self.high.numerator * bounds.denominator - bounds.numerator * self.high.denominator
            never = np.where(bounds.is_open, excess <= 0, excess < 0).astype(np.bool_)
            state = np.where((state == BOUND) & never, NOTHING, state).astype(np.int8)
        return replace(bounds, state=state)


@dataclass(frozen=True, slots=True, eq=False)
class Quantize:
    """code = shift + round(x / scale + zero), clamped to low … high; it stands for (code - out_zero) * out_scale."""

    scale: Exact
    zero: Exact
    rounding: Rounding
    shift: Exact  # whole numbers
    low: Exact | None  # whole numbers; None: not clamped
    high: Exact | None
    out_scale: Exact
    out_zero: Exact
    node: str = field(default="", repr=False)
    name: str = field(default="", repr=False)  # of the tensor it makes
    bits: int | None = field(default=None, repr=False)  # as the graph declares them
    turned: NDArray[np.bool_] | None = field(default=None, repr=False)  # channels whose codes are those of the graph, negated

    @property
    def key(self) -> tuple[object, ...]:
        numbers = (self.scale, self.zero, self.shift, self.low, self.high, self.out_scale, self.out_zero)
        return ("quantize", self.rounding, *(None if each is None else tuple(each) for each in numbers))

    @property
    def meaning(self) -> Affine:
        """From codes to what they stand for."""
        return Affine(self.out_scale, -self.out_zero * self.out_scale)

    def codes(self, x: Exact) -> Exact:
        u = x / self.scale + self.zero
        code = np.frompyfunc(lambda value: rounded(value, self.rounding), 1, 1)(u) + self.shift
        code = code if self.low is None else np.maximum(code, self.low)
        return code if self.high is None else np.minimum(code, self.high)

    def __call__(self, x: Exact) -> Exact:
        return self.meaning(self.codes(x))

    def clamped(self, low: Exact | None, high: Exact | None) -> Quantize:
        """With its codes clamped further."""
        lows = [each for each in (self.low, low) if each is not None]
        highs = [each for each in (self.high, high) if each is not None]
        least = np.maximum(*np.broadcast_arrays(*lows)) if len(lows) == 2 else lows[0] if lows else None
        most = np.minimum(*np.broadcast_arrays(*highs)) if len(highs) == 2 else highs[0] if highs else None
        if least is not None and most is not None:
            most = np.maximum(*np.broadcast_arrays(most, least))
        return replace(self, low=None if least is None else same(least), high=None if most is None else same(most))

    def invert(self, bounds: Bounds) -> Bounds:
        return self.invert_codes(self.meaning.invert(bounds))

    def invert_codes(self, bounds: Bounds) -> Bounds:
        """The x whose codes lie in `bounds`."""
        above = bounds.numerator // bounds.denominator + 1
        wanted = np.where(bounds.is_open, above, -(-bounds.numerator // bounds.denominator))
        state = bounds.state
        if self.low is not None:
            lowest = np.array([[int(each)] for each in self.low], object)
            state = np.where((state == BOUND) & (wanted <= lowest).astype(np.bool_), EVERYTHING, state)
        if self.high is not None:
            highest = np.array([[int(each)] for each in self.high], object)
            state = np.where((state == BOUND) & (wanted > highest).astype(np.bool_), NOTHING, state)
        n = wanted - np.array([[int(each)] for each in self.shift], object)
        twice, is_open = _reaching(n, self.rounding)
        two = np.array([[2]], object)
        return Affine(1 / self.scale, self.zero).invert(Bounds(twice, two, *np.broadcast_arrays(is_open, state.astype(np.int8))))


Stage = Affine | Clip | Quantize


def _reaching(n: NDArray[np.object_], rounding: Rounding) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """Twice the number from which on (or, where open, above which) numbers are rounded to `n` or more."""
    every, none = np.ones(n.shape, np.bool_), np.zeros(n.shape, np.bool_)
    positive = (n >= 1).astype(np.bool_)
    if rounding is Rounding.HALF_EVEN:
        return 2 * n - 1, (n % 2 != 0).astype(np.bool_)
    if rounding is Rounding.CEIL:
        return 2 * n - 2, every
    if rounding is Rounding.FLOOR:
        return 2 * n, none
    if rounding is Rounding.UP:
        return np.where(positive, 2 * n - 2, 2 * n), positive
    if rounding is Rounding.DOWN:
        return np.where(positive, 2 * n, 2 * n - 2), ~positive
    if rounding is Rounding.HALF_UP:
        return 2 * n - 1, ~positive
    if rounding is Rounding.HALF_DOWN:
        return 2 * n - 1, positive
    return np.zeros(n.shape, object), none  # SIGN: code 1 from 0 on


def rounded(value: Fraction, rounding: Rounding) -> Fraction:
    """One number, rounded; `_reaching` is the inverse of this."""
    if rounding is Rounding.SIGN:
        return Fraction(value >= 0)
    down, up, half = floor(value), ceil(value), Fraction(1, 2)
    towards, away = (down, up) if value >= 0 else (up, down)
    match rounding:
        case Rounding.HALF_EVEN:
            return Fraction(round(value))
        case Rounding.CEIL:
            return Fraction(up)
        case Rounding.FLOOR:
            return Fraction(down)
        case Rounding.UP:
            return Fraction(away)
        case Rounding.DOWN:
            return Fraction(towards)
        case Rounding.HALF_UP:
            return Fraction(towards if abs(value - towards) < half else away)
        case _:
            return Fraction(away if abs(value - towards) > half else towards)


SYMMETRIC = (Rounding.HALF_EVEN, Rounding.UP, Rounding.DOWN, Rounding.HALF_UP, Rounding.HALF_DOWN)
"""These round -x to what x is rounded to, negated."""


def turned(stage: Stage, channels: NDArray[np.bool_]) -> Stage | None:
    """The stage that makes -y of -x in these channels, where `stage` makes y of x; None where there is none."""
    signs = np.where(channels, exact([-1]), exact([1]))
    if isinstance(stage, Affine):
        return replace(stage, offset=stage.offset * signs)
    if isinstance(stage, Clip):
        if not channels.all():
            return None
        low, high = (None if each is None else -each for each in (stage.high, stage.low))
        return replace(stage, low=low, high=high)
    if stage.rounding not in SYMMETRIC or stage.low is None or stage.high is None:
        return None
    was = np.zeros(len(channels), np.bool_) if stage.turned is None else stage.turned
    return replace(
        stage,
        zero=stage.zero * signs,
        shift=stage.shift * signs,
        low=np.where(channels, -stage.high, stage.low),
        high=np.where(channels, -stage.low, stage.high),
        out_zero=stage.out_zero * signs,
        turned=was ^ channels,
    )


def fused(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """The same function in fewer stages: affine ones as one, and a clip of codes within the quantizer where its bounds are codes."""
    result: list[Stage] = []
    for stage in stages:
        last = result[-1] if result else None
        if isinstance(stage, Affine) and isinstance(last, Affine):
            result[-1] = stage.after(last)
        elif isinstance(stage, Clip) and isinstance(last, Quantize):
            clamped = _clamp(last, last.meaning, stage)
            result[-1:] = [clamped] if clamped else [last, stage]
        elif isinstance(stage, Clip) and isinstance(last, Affine) and len(result) > 1 and isinstance(before := result[-2], Quantize):
            clamped = _clamp(before, last.after(before.meaning), stage)
            result[-2:] = [clamped, last] if clamped else [before, last, stage]
        else:
            result.append(stage)
    return tuple(result)


def _clamp(quantize: Quantize, meaning: Affine, clip: Clip) -> Quantize | None:
    """`clip` of what the codes mean, as a clamp of the codes; None where a bound lies between two of them."""
    if any(each <= 0 for each in meaning.factor):
        return None
    bounds: list[Exact | None] = []
    for bound, limit, beyond in (
        (clip.low, quantize.low, np.less_equal),
        (clip.high, quantize.high, np.greater_equal),
    ):
        if bound is None:
            bounds.append(None)
            continue
        code = (bound - meaning.offset) / meaning.factor
        if limit is not None and beyond(code, limit).all():
            bounds.append(None)
        elif is_whole(code):
            bounds.append(code)
        else:
            return None
    return quantize.clamped(*bounds)


def invert(stages: Sequence[Stage], bounds: Bounds) -> Bounds:
    """The x for which what comes out of the last stage lies in `bounds`."""
    for stage in reversed(stages):
        bounds = stage.invert(bounds)
    return bounds


def through(stages: Sequence[Stage], x: Exact) -> Exact:
    """What comes out; x (…, channels or 1)."""
    for stage in stages:
        x = stage(x)
    return x
