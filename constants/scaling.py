"""Multiply-add-shift: an activation as arithmetic instead of comparisons, where integers exist with which it gives the same codes.

    r = multiplier * value + bias            integers of the channel
    q = floor(r / 2**shift)                  half up: the half that rounds is part of the bias
    code = clamp(step * q + offset, low, high)

Half to even differs where r is a multiple of 2**shift, the half being part of the bias here, too: that is a tie, and q becomes even, by one
less if it was odd.

Integers that give the code of every reachable value are found exactly. Between two thresholds the code stays the same, and q never falls, so
the first and the last reachable value of each code decide: each says that multiplier * value + bias is at least, or at most, some integer. That
is a line that has to stab a row of vertical segments. For a given multiplier the biases are an interval, whose length is a concave function
of the multiplier; so the least multiplier is found by Newton's method, in integers, for all channels at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from enum import Enum
from math import gcd
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[Any]

MAX_MULTIPLIER = 32
MAX_BIAS = 64
MAX_SHIFT = 48
"""Bits and shifts that are searched, and that a description may have."""
ROOM = 1 << 61
NOTHING = 1 << 62
"""Products stay below ROOM, so that a bias is within int64, and so is the difference of two bounds where one of them asks for NOTHING."""


class Codes(Protocol):
    """The least and the greatest code of a format."""

    @property
    def low(self) -> int: ...
    @property
    def high(self) -> int: ...


class Rounding(Enum):
    """How r / 2**shift becomes an integer; the half that rounds is part of the bias."""

    HALF_UP = "half_up"
    """The integer below: a tie goes up."""
    HALF_EVEN = "half_even"
    """A tie goes to the even one."""


class NoScalingError(ValueError):
    """A channel's thresholds are not those of any multiplier and bias."""

    def __init__(self, channel: int) -> None:
        super().__init__(f"channel {channel}")
        self.channel = channel


class ScalingError(ValueError):
    """What is wrong with a scaling, why, and how to fix it."""

    def __init__(self, what: str, *, why: str, fix: str) -> None:
        super().__init__(what)
        self.what, self.why, self.fix = what, why, fix


AGAIN = "import the network again, or leave out how the activation is built"
USUAL: Mapping[str, object] = MappingProxyType({"rounding": Rounding.HALF_UP, "step": 1, "offset": 0})
"""What a description need not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """What all channels of a layer share: the widths of their integers, and what becomes of the products."""

    multiplier: int  # bits, unsigned
    bias: int  # bits, two's complement
    shift: int
    rounding: Rounding = Rounding.HALF_UP
    step: int = 1  # between the codes of two neighbouring q
    offset: int = 0  # the code of q = 0
    low: int  # codes are clamped to low … high
    high: int

    def __post_init__(self) -> None:
        bounds = {
            "multiplier": (1, MAX_MULTIPLIER, "its bits"),
            "bias": (1, MAX_BIAS, "its bits"),
            "shift": (0, MAX_SHIFT, "it counts bits"),
            "step": (1, 255, "codes have at most 8 bits"),
            "offset": (-512, 511, "codes have at most 8 bits"),
            "high": (self.low, 255, "codes have at most 8 bits and ascend from low to high"),
            "low": (-128, 255, "codes have at most 8 bits"),
        }
        for name, (least, most, why) in bounds.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise ScalingError(f"{name}: {value}", why=f"{why}: {least} to {most}", fix=AGAIN)

    @classmethod
    def parse(cls, entries: Mapping[str, object]) -> Scaling:
        """The scaling as a description has it, see `entries`; raises ScalingError."""
        names = [each.name for each in fields(cls)]
        for name in names:
            if name not in (*entries, *USUAL):
                written = ", ".join(each for each in names if each not in USUAL)
                raise ScalingError(f"{name} is missing", why=f"a scaling has {written}", fix=AGAIN)
        values: dict[str, Any] = {}
        for name, value in entries.items():
            if name == "rounding":
                choices = [each.value for each in Rounding]
                if value not in choices:
                    raise ScalingError(f"rounding: {value}", why="ties go up or to the even one", fix=f"write {' or '.join(choices)}")
                values[name] = Rounding(value)
            elif name not in names:
                raise ScalingError(f"{name} is not known", why=f"a scaling has {', '.join(names)}", fix="remove it, or correct its name")
            elif not isinstance(value, int) or isinstance(value, bool):
                raise ScalingError(f"{name}: {value}", why="it is an integer", fix=AGAIN)
            else:
                values[name] = value
        return cls(**values)

    @property
    def entries(self) -> dict[str, int | str]:
        """What a description says of it; `parse` reads it back."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            name: value.value if isinstance(value, Rounding) else value
            for name, value in values.items()
            if name not in USUAL or value != USUAL[name]
        }

    @property
    def q_range(self) -> tuple[int, int]:
        """The q whose code is `low`, or below it where there is none, and whose is `high`, or above: q may be clamped to these."""
        return (self.low - self.offset) // self.step, -(-(self.high - self.offset) // self.step)

    def codes(self, multipliers: Integers, biases: Integers, values: Integers) -> Integers:
        """Codes of values (…, channels); its integers have to fit into 64 bits."""
        import numpy as np

        r = multipliers.astype(np.int64) * values.astype(np.int64) + biases.astype(np.int64)
        q = r >> self.shift
        if self.rounding is Rounding.HALF_EVEN:
            q = np.where(q << self.shift == r, q & ~1, q)
        q = np.clip(q, *self.q_range)
        return np.clip(self.step * q + self.offset, self.low, self.high)

    def thresholds(self, multipliers: Integers, biases: Integers, reach: tuple[int, int], codes: Codes) -> Integers:
        """(channels, n): of each code above the lowest the first value that has it or a higher one; out of reach where none has."""
        import numpy as np

        wanted = np.arange(codes.low + 1, codes.high + 1)
        q = -(-(wanted - self.offset) // self.step)
        odd = (self.rounding is Rounding.HALF_EVEN) & (q % 2 != 0)  # of which a tie is the one below
        wanted_r, m, b = (q << self.shift) + odd, multipliers[:, None], biases[:, None]
        # With the multiplier 0 all values have one code.
        first = np.where(m > 0, -((b - wanted_r) // np.maximum(m, 1)), np.where(b >= wanted_r, reach[0], reach[1] + 1))
        first = np.where(wanted > self.high, reach[1] + 1, np.where(wanted <= self.low, reach[0], first))
        return np.clip(first, reach[0], reach[1] + 1)


class Segments(NamedTuple):
    """The reachable values of each code, (channels, codes): from `first` to `last`, which is less where no value has the code."""

    first: Integers
    last: Integers
    lowest: int  # the code of the first column

    @property
    def is_reached(self) -> Integers:
        reached: Integers = self.first <= self.last
        return reached

    @classmethod
    def of(cls, thresholds: Integers, reach: tuple[int, int], codes: Codes) -> Segments:
        import numpy as np

        low, high = reach
        within = np.clip(thresholds.astype(np.int64), low, high + 1)
        first = np.pad(within, ((0, 0), (1, 0)), constant_values=low)
        last = np.pad(within - 1, ((0, 0), (0, 1)), constant_values=high)
        return cls(first, last, codes.low)


class Lines(NamedTuple):
    """Bounds of multiplier * value + bias: at least `least` at each of `first`, at most `most` at each of `last`.

    Values are counted from `origin`, a value of the channel's thresholds, so that biases at it are small.
    """

    first: Integers  # (channels, n)
    least: Integers  # (channels, n); -NOTHING at value 0 where nothing is asked
    last: Integers
    most: Integers
    origin: Integers  # (channels,)

    def of(self, channels: Integers) -> Lines:
        return Lines(*(each[channels] for each in self))


def _lines(segments: Segments, scaling: Scaling) -> Lines | None:
    """None where a code is reached that no q has."""
    import numpy as np

    count = segments.first.shape[1]
    codes, reached = np.arange(segments.lowest, segments.lowest + count), segments.is_reached
    bottom, top = scaling.q_range
    q, rest = np.divmod(codes - scaling.offset, scaling.step)
    is_inner = (codes > scaling.low) & (codes < scaling.high)
    outside = (codes < scaling.low) | (codes > scaling.high)
    if (reached & (outside | (is_inner & (rest != 0)))).any():
        return None
    even = scaling.rounding is Rounding.HALF_EVEN

    def reaching(wanted: Integers) -> Integers:
        """The least r with such a q."""
        bound: Integers = (wanted.astype(np.int64) << scaling.shift) + (even & (wanted % 2 != 0))
        return bound

    at_least = np.where(codes >= scaling.high, top, q)
    at_most = np.where(codes <= scaling.low, bottom, q)
    from_, to = reached & (codes > scaling.low), reached & (codes < scaling.high)
    least, most = np.where(from_, reaching(at_least), -NOTHING), np.where(to, reaching(at_most + 1) - 1, NOTHING)
    # In the middle of the thresholds that are in reach.
    crossed = reached[:, 1:] & (segments.first[:, 1:] > segments.first[:, :1])
    where = np.where(crossed, segments.first[:, 1:], 0)
    origin = where.sum(axis=1) // np.maximum(crossed.sum(axis=1), 1)
    first, last = (np.where(asked, each - origin[:, None], 0) for asked, each in ((from_, segments.first), (to, segments.last)))
    return Lines(first, least, last, most, origin)


def _with_biases(lines: Lines, low: int, high: int) -> Lines:
    """With the biases, those at the value 0, from low to high."""
    import numpy as np

    zero = -lines.origin[:, None]

    def beside(array: Integers, bound: int) -> Integers:
        return np.hstack([array, np.full_like(zero, bound)])

    return Lines(
        np.hstack([lines.first, zero]), beside(lines.least, low), np.hstack([lines.last, zero]), beside(lines.most, high), lines.origin
    )


class _Most(Exception):
    """A multiplier would exceed the most that is allowed: it is at least `multiplier`. With a smaller shift there may be one."""

    def __init__(self, multiplier: int) -> None:
        super().__init__(multiplier)
        self.multiplier = multiplier


def _multipliers(lines: Lines, start: Integers, most: int) -> Integers | None:
    """The least multiplier of each channel, at least `start`; None where a channel has none, raises _Most where it has only larger ones."""
    import numpy as np

    result, active, open_ = start.copy(), np.arange(len(start)), lines
    while len(active):
        m = result[active, None]
        from_: Integers = open_.least - m * open_.first
        to: Integers = open_.most - m * open_.last
        i: Integers = from_.argmax(axis=1)
        j: Integers = to.argmin(axis=1)
        rows = np.arange(len(active))
        excess = from_[rows, i] - to[rows, j]
        # What these two ask for is contradictory up to a larger multiplier, or from here on, if the lower bound is not to the right.
        run = open_.first[rows, i] - open_.last[rows, j]
        if (run[excess > 0] <= 0).any():
            return None
        wrong = np.flatnonzero(excess > 0)
        result[active[wrong]] -= -excess[wrong] // run[wrong]  # rounded up
        if (largest := int(result[active[wrong]].max(initial=0))) > most:
            raise _Most(largest)
        active, open_ = active[wrong], open_.of(wrong)
    return result


def _biases(lines: Lines, multipliers: Integers) -> Integers:
    """The bias next to 0 of each channel."""
    import numpy as np

    m = multipliers[:, None]
    low: Integers = (lines.least - m * lines.first).max(axis=1)
    high: Integers = (lines.most - m * lines.last).min(axis=1)
    moved = multipliers * lines.origin
    return np.clip(0, low - moved, high - moved)


def _most_multiplier(reach: tuple[int, int], bits: int) -> int:
    """With it no product exceeds ROOM."""
    return min((1 << bits) - 1, ROOM // (1 + max(abs(reach[0]), abs(reach[1]), reach[1] - reach[0])) - 1)


def solve(scaling: Scaling, thresholds: Integers, reach: tuple[int, int], codes: Codes) -> tuple[Integers, Integers]:
    """Multipliers and biases, int64 (channels,), with which `scaling` gives the code of every value of `reach`: the least multipliers.

    `thresholds` (channels, n) ascend. Raises NoScalingError with the first channel that has none.
    """
    import numpy as np

    segments, most = Segments.of(thresholds, reach, codes), _most_multiplier(reach, scaling.multiplier)
    half = min(1 << scaling.bias - 1, ROOM)

    def found(part: Segments) -> tuple[Integers, Integers] | None:
        lines = _lines(part, scaling)
        if lines is None:
            return None
        lines = _with_biases(lines, -half, half - 1)
        try:
            multipliers = _multipliers(lines, np.zeros(len(part.first), np.int64), most)
        except _Most:
            return None
        return None if multipliers is None else (multipliers, _biases(lines, multipliers))

    result = found(segments)
    if result is not None:
        return result
    each = (Segments(segments.first[c : c + 1], segments.last[c : c + 1], segments.lowest) for c in range(len(thresholds)))
    raise NoScalingError(next(channel for channel, part in enumerate(each) if found(part) is None))


def cheapest(thresholds: Integers, reach: tuple[int, int], codes: Codes) -> Scaling | None:
    """The scaling of a layer with the fewest bits of its multipliers, as `solve` finds them; None where there is none.

    There is none where thresholds are no straight line's: where quantizers follow one another, say, and each rounds.
    """
    segments = Segments.of(thresholds, reach, codes)
    found = [each for trial in _trials(segments) if (each := _least_shift(segments, trial, reach)) is not None]
    return min(found, key=lambda each: (each.multiplier, each.rounding is Rounding.HALF_EVEN, each.bias, abs(each.offset)), default=None)


def _trials(segments: Segments) -> Iterator[Scaling]:
    """Scalings to be tried, with widths and a shift that are not known yet."""
    import numpy as np

    reached = [segments.lowest + int(each) for each in np.flatnonzero(segments.is_reached.any(axis=0))]
    inner = reached[1:-1]
    # The larger a step, the flatter the line. The lowest and the highest code may lie between steps, as codes are clamped to them.
    widest = _step(inner) or max(abs(each - (inner or reached)[0]) for each in reached)
    steps = [widest, _step(reached), 1]
    for step in sorted({each for each in steps if each}, reverse=True):
        first = (inner or reached)[0] % step
        for rounding, offset in ((Rounding.HALF_UP, first), (Rounding.HALF_EVEN, first), (Rounding.HALF_EVEN, first - step)):
            clamped = Scaling(multiplier=MAX_MULTIPLIER, bias=MAX_BIAS, shift=0, low=reached[0], high=reached[-1])
            yield replace(clamped, rounding=rounding, step=step, offset=offset)


def _step(codes: list[int]) -> int:
    """The largest of which all differences are multiples; 0 without differences."""
    return gcd(*(code - codes[0] for code in codes)) if codes else 0


def _least_shift(segments: Segments, trial: Scaling, reach: tuple[int, int]) -> Scaling | None:
    """The least shift with which there are multipliers and biases. Both may be doubled with the next, so there are with all larger ones.

    Half up, no larger shift has smaller multipliers: they are the integers within an open interval that doubles with every shift.
    """
    import numpy as np

    most, channels = _most_multiplier(reach, MAX_MULTIPLIER), len(segments.first)

    def at(shift: int) -> tuple[Lines, Integers] | None:
        lines = _lines(segments, replace(trial, shift=shift))
        multipliers = None if lines is None else _multipliers(lines, np.zeros(channels, np.int64), most)
        return None if lines is None or multipliers is None else (lines, multipliers)

    # The largest shift whose multipliers are not too large: if there are none, there are none with a smaller one.
    high, found = MAX_SHIFT, None
    while found is None:
        try:
            found = at(high)
        except _Most as error:
            # Those of a shift that is less by n are larger than (multiplier - 1) / 2**n.
            high -= max(1, ((error.multiplier - 1) // (most + 1)).bit_length() - 1)
            if high < 0:
                return None
            continue
        if found is None:
            return None
    low, best = 0, (high, *found)
    while low < high:
        middle = (low + high) // 2
        found = at(middle)
        if found is None:
            low = middle + 1
        else:
            high, best = middle, (middle, *found)
    shift, lines, multipliers = best
    biases = _biases(lines, multipliers)
    bits = 1 + max(int(biases.max()), -int(biases.min()) - 1, 0).bit_length()
    return replace(trial, shift=shift, multiplier=max(1, int(multipliers.max()).bit_length()), bias=bits)
