"""Timing simulation: when every unit fires, cycle by cycle in meaning though not in cost.

The rules of time, for C++ (native/simulation.cpp), for the plain model in the tests and for people:

- A unit is a loop at II=1, a pipeline of some stages. In a cycle it starts at most one firing. A firing takes the beats it
  reads in that cycle, and needs every one of them to be readable.
- What a firing writes leaves the pipeline `stages` cycles later, all its beats in the same cycle, if there is room for each;
  otherwise it waits in the last stage, and the firings behind it move up until the pipeline is full and no more can start.
  A firing that reads nothing new never waits for input, so a pipeline empties when its input runs dry (style=flp).
- A FIFO of depth d has room for a beat if it held fewer than d at the end of the cycle before. A beat can be read `latency`
  cycles after it was written.
- A unit goes from one frame to the next without a pause. One that reads nothing starts frame f in cycle f*spacing or later.

UNCONFIRMED: that firings behind a blocked one move up. Should the whole pipeline stand still instead, each holds up to
`stages` beats less; that can cost cycles, and `fifos` makes sure that it cannot deadlock.

Nothing here ever happens earlier because something else happens later: all times are maxima and sums of other times. So the
order of computation is free, a deeper FIFO never does harm, and what holds for an IP with ideal neighbours bounds the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dataflow.timing.error import TimingError
from dataflow.timing.graph import Graph

if TYPE_CHECKING:
    from dataflow._native import Simulator


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A unit that cannot go on, and the stream that keeps it."""

    actor: str
    stream: str
    full: bool  # no room in it; otherwise nothing to read

    def __str__(self) -> str:
        return f"{self.actor} {'writes' if self.full else 'reads'} {self.stream}, which is {'full' if self.full else 'empty'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlock:
    """Units that wait for each other in a circle, each for the next."""

    cycle: int  # in which the last of them did something
    waits: tuple[Wait, ...]

    @property
    def full(self) -> tuple[str, ...]:
        """The streams that would have to be deeper: one of them."""
        return tuple(wait.stream for wait in self.waits if wait.full)

    def __str__(self) -> str:
        return "; ".join(map(str, self.waits))


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Cycles of a unit, up to its last firing."""

    busy: int  # a firing starts
    stalled: int  # none can: the pipeline is full
    starved: int  # it could, but a beat to read is missing, or the frame is not offered yet


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Simulation:
    """What happened. Times are cycles; arrays have an entry per finished frame."""

    starts: NDArray[np.int64]  # first firing of the first unit
    ends: NDArray[np.int64]  # last firing of the last one
    most: Mapping[str, int]  # beats a stream held at most
    activity: Mapping[str, Activity]  # by actor
    settled: bool  # from the last frame on, each is the one before, `spacing` cycles later
    deadlock: Deadlock | None

    @property
    def frames(self) -> int:
        return len(self.ends)

    @property
    def intervals(self) -> NDArray[np.int64]:
        """From end to end, one fewer than frames."""
        return np.diff(self.ends)


def core(graph: Graph) -> Simulator:
    """The graph, ready to be run many times; raises TimingError where the extension is missing."""
    try:
        from dataflow._native import Simulator
    except ImportError:
        raise TimingError(
            "dataflow._native",
            "there is no such module",
            why="the timing simulation is C++, built by pip install where there is a compiler",
            fix="install g++, then: pip install -e .",
        ) from None
    numbers = {channel.name: i for i, channel in enumerate(graph.channels)}
    actors = [
        (
            [(run.firings, run.times) for run in actor.runs],
            [numbers[name] for name in actor.reads],
            [numbers[name] for name in actor.writes],
            actor.stages,
        )
        for actor in graph.actors
    ]
    return Simulator(actors, [channel.latency for channel in graph.channels])


def simulate(graph: Graph, *, frames: int, spacing: int = 0, until_settled: bool = False) -> Simulation:
    """Run so many frames, offered `spacing` cycles apart, or with `until_settled` no more than it takes to see that nothing changes."""
    depths = [channel.depth for channel in graph.channels]
    found = core(graph).run(depths=depths, frames=frames, spacing=spacing, settle=memory(graph) * until_settled, losing=frames, trace=False)
    names = [actor.name for actor in graph.actors]
    done = found["frames"]
    return Simulation(
        starts=found["starts"][:, names.index(graph.first)],
        ends=found["ends"][:, names.index(graph.last)],
        most={channel.name: int(most) for channel, most in zip(graph.channels, found["most"], strict=True)},
        activity={
            actor.name: Activity(busy=actor.cycles * done, starved=int(starved), stalled=int(stalled))
            for actor, starved, stalled in zip(graph.actors, found["starved"], found["stalled"], strict=True)
        },
        settled=found["settled"],
        deadlock=deadlock(graph, found) if found["stuck"] else None,
    )


def memory(graph: Graph) -> int:
    """How many frames back the times of a frame reach: over the places of a FIFO, the stages of a pipeline, or to the frame before."""
    through_fifos = max(-(-channel.depth // channel.beats) for channel in graph.channels)
    return max(through_fifos, *(-(-actor.stages // actor.cycles) for actor in graph.actors))


def deadlock(graph: Graph, found: Mapping[str, Any]) -> Deadlock:
    """Who waits for whom, followed until it comes round."""
    readers = {name: i for i, actor in enumerate(graph.actors) for name in actor.reads}
    writers = {name: i for i, actor in enumerate(graph.actors) for name in actor.writes}
    at = next(i for i in range(len(graph.actors)) if max(found["full"][i], found["empty"][i]) >= 0)
    waits: dict[int, Wait] = {}
    while at not in waits:
        full = found["full"][at] >= 0
        stream = graph.channels[found["full" if full else "empty"][at]].name
        waits[at] = Wait(actor=graph.actors[at].name, stream=stream, full=full)
        at = readers[stream] if full else writers[stream]
    circle = [waits[i] for i in list(waits)[list(waits).index(at) :]]
    first = next((i for i, wait in enumerate(circle) if wait.full), 0)
    return Deadlock(cycle=int(max(found["last"])), waits=(*circle[first:], *circle[:first]))
