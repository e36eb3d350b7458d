"""Deadlock: a cycle of units, each waiting for the next, through a full stream or an empty one.

A design that does not deadlock with single-stage pipelines and without register slices does not deadlock with any pipelines and any
slices, whether they freeze or drain: the verdict holds for every release, however deep HLS makes a pipeline. Idle cycles change no order.
Take a state in which nothing ever moves again. Each unit waits for a beat, and all it started has left; or it waits to write firing k, and
has started k at least. Suppose a design of single stages and of no more places passes that state, and look at the first event that does.
If it starts a firing of a unit that waits for a beat, another unit wrote that beat and passed first. If it starts one of a unit that waits
to write k, this unit wrote k before, so that passed first. If it writes k, the reader of the full stream read and passed first. So it
never passes that state.

Nor does a design deadlock in RTL, with units without stages, that does not deadlock with single-stage pipelines and the same depths. Take
such a state in RTL, and again the first event past it, of the pipelines. If the unit waits for a beat, the argument is as before. If it
waits to write firing k, to start k it must have written all before k; the beats of those fill the stream in RTL, which has a place more
at least (`Channel.in_flight`) than the stream of the pipelines, so its reader read more and passed first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dataflow.timing.graph import Graph


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A unit that is blocked, and the stream that blocks it."""

    actor: str
    stream: str
    full: bool  # whether it is full; otherwise empty

    def __str__(self) -> str:
        return f"{self.actor} {'writes' if self.full else 'reads'} {self.stream}, which is {'full' if self.full else 'empty'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlock:
    """A cycle of units, each waiting for the next."""

    cycle: int  # of their last firing
    waits: tuple[Wait, ...]

    @property
    def full(self) -> tuple[str, ...]:
        """The full streams: one of them has to be deeper."""
        return tuple(wait.stream for wait in self.waits if wait.full)

    def __str__(self) -> str:
        return "; ".join(map(str, self.waits))


def find_deadlock(graph: Graph, result: Mapping[str, Any]) -> Deadlock | None:
    """The deadlock a run of the simulator ended in: follows which unit waits for which until one repeats.

    None where every frame was finished, since a design can wait for ever only in such a cycle.
    """
    if not result["stuck"]:
        return None
    readers = {name: i for i, actor in enumerate(graph.actors) for name in actor.reads}
    writers = {name: i for i, actor in enumerate(graph.actors) for name in actor.writes}
    at = next(i for i in range(len(graph.actors)) if max(result["full"][i], result["empty"][i]) >= 0)
    waits: dict[int, Wait] = {}
    while at not in waits:
        full = result["full"][at] >= 0
        stream = graph.channels[result["full" if full else "empty"][at]].name
        waits[at] = Wait(actor=graph.actors[at].name, stream=stream, full=full)
        at = readers[stream] if full else writers[stream]
    circle = [waits[i] for i in list(waits)[list(waits).index(at) :]]
    first = next((i for i, wait in enumerate(circle) if wait.full), 0)
    return Deadlock(cycle=int(max(result["last"])), waits=(*circle[first:], *circle[:first]))
