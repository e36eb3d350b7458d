"""What a unit reads and writes in each of its firings: the loops of the library, without the arithmetic.

Everything about time follows from these patterns: cycles per frame, where a unit waits, and what deadlocks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from math import lcm
from typing import NamedTuple

IDLE, READ, WRITE = 0, 1, 16
"""A firing is a byte: bit i is set if it reads a beat from stream i of `Unit.reads`, bit 4 + i if it writes one to stream i of
`Unit.writes`."""
BOTH, READ_SECOND, WRITE_SECOND = READ | WRITE, 2, 32


class Run(NamedTuple):
    """These firings, repeated `times` times."""

    firings: bytes
    times: int


class Firings(ABC):
    """The firings of one frame: a small value from which the single firings are computed on request."""

    __slots__ = ()

    @property
    @abstractmethod
    def cycles(self) -> int:
        """The number of firings; each takes one cycle."""

    @abstractmethod
    def runs(self) -> tuple[Run, ...]:
        """All of them, in order."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """`body`, a sequence of firings and inner loops, repeated `times` times."""

    times: int
    body: tuple[int | Repeat, ...]

    @property
    def cycles(self) -> int:
        return self.times * sum(1 if isinstance(step, int) else step.cycles for step in self.body)

    def once(self) -> bytes:
        """The firings of one pass of the body."""
        return b"".join(bytes([step]) if isinstance(step, int) else step.once() * step.times for step in self.body)


def repeat(times: int, *body: int | Repeat) -> Repeat:
    return Repeat(times, body)


@dataclass(frozen=True, slots=True)
class Loops(Firings):
    """Nested loops, one after the other."""

    loops: tuple[Repeat, ...]

    @property
    def cycles(self) -> int:
        return sum(loop.cycles for loop in self.loops)

    def runs(self) -> tuple[Run, ...]:
        return tuple(Run(loop.once(), loop.times) for loop in self.loops if loop.cycles)


def loops(*parts: Repeat) -> Loops:
    return Loops(parts)


def behind_token(firings: Firings, token: int) -> Loops:
    """Nested loops with a firing in front of them."""
    if not isinstance(firings, Loops):
        raise TypeError(f"{type(firings).__name__} are no loops")
    return Loops((repeat(1, token), *firings.loops))


@dataclass(frozen=True, slots=True, kw_only=True)
class Regroup(Firings):
    """Beats of `into` bits become `beats` beats of `out` bits: one is read whenever less than an output beat is held.

    Padding at the end of a frame, if any, is in the last beat read and is dropped.
    """

    into: int
    out: int
    beats: int

    @property
    def cycles(self) -> int:
        if self.into % self.out == 0:
            return self.beats
        return sum(len(run.firings) * run.times for run in self.runs())

    def runs(self) -> tuple[Run, ...]:
        return _regrouped(self.into, self.out, self.beats)


@cache
def _regrouped(into: int, out: int, beats: int) -> tuple[Run, ...]:
    period, written, held = bytearray(), 0, 0
    each = lcm(into, out) // out
    while written < min(each, beats):
        reads = held < out
        held += into * reads
        writes = held >= out
        held -= out * writes
        written += writes
        period.append(READ * reads | WRITE * writes)
    whole, rest = divmod(beats, each)
    runs = [Run(bytes(period), whole)] if whole else []
    if rest:
        last = next(i for i in range(len(period)) if sum(1 for firing in period[: i + 1] if firing & WRITE) == rest)
        runs.append(Run(bytes(period[: last + 1]), 1))
    return tuple(runs)


def carried(runs: Iterable[Run], bit: int) -> int:
    """Beats per frame through the stream of this bit."""
    return sum(sum(1 for firing in run.firings if firing & bit) * run.times for run in runs)
