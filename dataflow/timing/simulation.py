"""Timing simulation: exact to the cycle when every unit fires, without simulating every cycle.

The rules of time, for the C++ (native/simulation.cpp), the simple model in the tests, and readers:

- A unit is a loop at II=1, a pipeline of several stages. It starts at most one firing per cycle. A firing takes the beats it
  reads in that cycle, and all of them must be readable.
- The beats a firing writes leave the pipeline `stages` cycles later, all in the same cycle, if there is room for each. What happens
  otherwise is `Actor.blocked`. A pipeline that freezes (style=flp) stands still in every cycle in which its last stage cannot write:
  no firing starts, and gaps between those under way stay. In one that drains (style=frp) what is under way moves on into an output
  FIFO, which has room for `stages` firings; no more start when it is full. UNCONFIRMED: that a firing that writes nothing takes
  a place there too; if not, such a pipeline is sooner, never later. Either empties when its input runs dry.
- A unit without stages (`stages` 0: one in RTL) fires only in a cycle in which there is room, too, for each beat it writes. It reads
  and writes in that one cycle; `Actor.blocked` says nothing of it. Its hardware claims a place in the FIFO when a firing starts, and so
  never stalls what is under way: the cycles in its pipeline are part of the FIFO's `latency`, and the places of what is there are
  `Channel.in_flight`.
- A FIFO of depth d has room for a beat if it held fewer than d beats at the end of the cycle before. A beat is readable
  `latency` cycles after it was written.
- A register slice in line with a FIFO is one of depth 2 and latency 1. In every cycle a beat moves on where there is room, by the rule
  above. The C++ takes a FIFO of depth d and latency l with n slices as one of d + 2n places and latency l + n, whose writer learns of a
  free place n cycles later. That is the same to the cycle where d > l: no FIFO on the way is then slower than a beat a cycle.
- A unit idles `Latencies.restart` cycles between two frames. A unit that reads nothing starts frame f in cycle f*spacing or later.

With pipelines that drain, or without stages, all times are maxima and sums of other times: no event becomes earlier because another
becomes later, and a deeper FIFO never slows anything down. That is not so with pipelines that freeze. A beat that comes sooner starts a
firing sooner, which may reach the last stage, find no room, and stop a firing that would have started in that time. So a deeper FIFO, or a
frame offered earlier, can cost cycles, seldom and few; a test shows one. What holds:

- Where nothing deadlocks with single-stage pipelines and without register slices, nothing deadlocks (see `deadlock`).
- The times with pipelines that freeze fulfil every inequality of those that drain, whose times are the least that do. So draining is
  never slower than freezing: depths that keep an interval with the one keep it with the other, in the long run.
- A FIFO that held m beats at most works as any that is deeper than m: it never blocked its writer.
- A simulation `settled` when a frame left all that later frames depend on as it found it, an interval later: beats in FIFOs, firings
  in pipelines, and the time of each. Every later frame does the same then, whatever the rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dataflow.timing.deadlock import Deadlock, find_deadlock
from dataflow.timing.error import TimingError
from dataflow.timing.graph import Blocked, Graph

if TYPE_CHECKING:
    from dataflow._native import Simulator


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Cycles of a unit, up to its last firing."""

    busy: int  # a firing starts
    stalled: int  # no firing can start: the pipeline is full
    starved: int  # no firing can start: an input beat is missing, or the frame is not offered yet


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Simulation:
    """The result of a simulation. Times are cycles; arrays have one entry per finished frame."""

    starts: NDArray[np.int64]  # first firing of the first unit
    ends: NDArray[np.int64]  # last firing of the last one
    most: Mapping[str, int]  # most beats a stream held, those in register slices among them
    activity: Mapping[str, Activity]  # by actor
    settled: bool  # from the last frame on, each frame repeats the one before, `interval` cycles later
    deadlock: Deadlock | None

    @property
    def frames(self) -> int:
        return len(self.ends)

    @property
    def intervals(self) -> NDArray[np.int64]:
        """Cycles from the end of one frame to that of the next: one entry fewer than frames."""
        return np.diff(self.ends)


def core(graph: Graph) -> Simulator:
    """A simulator of the graph that can run many times; raises TimingError if the extension is missing."""
    try:
        from dataflow._native import Simulator
    except ImportError:
        raise TimingError(
            "dataflow._native",
            "there is no such module",
            why="the timing simulation is a C++ extension, which pip install builds where there is a compiler",
            fix="install g++, then: pip install -e .",
        ) from None
    numbers = {channel.name: i for i, channel in enumerate(graph.channels)}
    actors = [
        (
            [(run.firings, run.times) for run in actor.runs],
            [numbers[name] for name in actor.reads],
            [numbers[name] for name in actor.writes],
            actor.stages,
            actor.blocked is Blocked.FREEZE,
        )
        for actor in graph.actors
    ]
    return Simulator(actors, [channel.latency for channel in graph.channels], [channel.slices for channel in graph.channels])


def simulate(graph: Graph, *, frames: int, spacing: int = 0, interval: int | None = None, losing: int | None = None) -> Simulation:
    """Run `frames` frames, offered `spacing` cycles apart, or at once; with `interval`, only until all later frames will be so far apart,
    or until `losing` frames in a row were further apart than that."""
    result = core(graph).run(
        depths=[channel.capacity for channel in graph.channels],
        frames=frames,
        spacing=spacing,
        interval=interval or 0,
        losing=losing or frames,
        recurring=False,
        arrivals={},
        recorded=[],
    )
    names = [actor.name for actor in graph.actors]
    done = result["frames"]
    return Simulation(
        starts=result["starts"][:, names.index(graph.first)],
        ends=result["ends"][:, names.index(graph.last)],
        most={channel.name: int(most) for channel, most in zip(graph.channels, result["most"], strict=True)},
        activity={
            actor.name: Activity(busy=actor.cycles * done, starved=int(starved), stalled=int(stalled))
            for actor, starved, stalled in zip(graph.actors, result["starved"], result["stalled"], strict=True)
        },
        settled=result["settled"],
        deadlock=find_deadlock(graph, result),
    )


def memory(graph: Graph) -> int:
    """How many earlier frames the times of a frame depend on: through the places of a FIFO or the stages of a pipeline; at least one."""
    through_fifos = max(-(-channel.places // channel.beats) for channel in graph.channels)
    return max(through_fifos, *(-(-actor.stages // actor.cycles) for actor in graph.actors))
