"""A design, or some IPs of it with ideal neighbours, run at different depths."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataflow.design import Design
from dataflow.timing.graph import Blocked, Channel, Graph, Latencies, graph
from dataflow.timing.simulation import core, memory

if TYPE_CHECKING:
    from dataflow._native import Simulator

SOON = 5
"""Frames in which most designs settle whose links do not fill up."""
Depths: TypeAlias = dict[str, int]
Times: TypeAlias = NDArray[np.int64]
"""Cycles in which the beats of a stream are written, those of all frames."""


class Bench:
    """Some or all IPs of a design, to be simulated with different depths."""

    def __init__(self, design: Design, ips: Collection[str], interval: int, latencies: Latencies) -> None:
        self.name, self.interval, self.latencies = design.name, interval, latencies
        self.graph = graph(design, ips=ips, latencies=latencies)
        self._core, self._shortest = core(self.graph), core(graph(design, ips=ips, latencies=latencies.shortest()))
        # A delay may need one frame to pass each IP, so wait that many frames. A single IP settles in two.
        self.losing, self.patience = 1 + len(ips), 3 + 2 * len(ips)

    def keeps(self, depths: Mapping[str, int], lags: list[int] | None = None) -> Depths | None:
        """The most beats each stream held, if the interval is kept: one place more is enough. None if it is not kept.

        In that case `lags` gets the cycles lost per frame, summed over all times; 0 for a deadlock.
        """
        back = memory(self.graph.with_depths(depths))
        frames, losing = back + self.patience, self.losing + back - 1
        result = self._run(depths, frames=frames, spacing=self.interval, interval=self.interval, losing=losing)
        if not result["settled"]:
            if lags is not None:
                lags.append(0 if result["stuck"] else result["lag"])
            return None
        return {channel.name: int(most) for channel, most in zip(self.graph.channels, result["most"], strict=True)}

    def in_time(
        self, depths: Mapping[str, int], written: Mapping[str, Times], outgoing: Sequence[str]
    ) -> tuple[set[str], dict[str, Times]]:
        """The actors that fall behind when the beats of links come as they were `written`, or, where that is not known, every interval a
        frame; and when the beats of the `outgoing` links are written."""
        writers = {name: number for number, actor in enumerate(self.graph.actors) for name in actor.writes}
        result = self._run(
            depths,
            frames=SOON,
            spacing=self.interval,
            arrivals={writers[name]: times for name, times in written.items() if name in writers},
            recorded=[writers[name] for name in outgoing],
        )
        return self._behind(result), dict(zip(outgoing, result["wrote"], strict=True))

    def _behind(self, result: Mapping[str, Any]) -> set[str]:
        """The actors that fell behind, frame by frame; all of them in a deadlock."""
        if self._misses(result):
            return {actor.name for actor in self.graph.actors}
        lost = (np.diff(result["ends"][-3:], axis=0) > self.interval).all(axis=0)
        return {actor.name for actor, is_late in zip(self.graph.actors, lost, strict=True) if is_late}

    def keeps_up(self, depths: Mapping[str, int]) -> bool:
        """Whether no actor falls behind when frames are offered as fast as they are taken."""
        result = self._run(depths, frames=SOON, recurring=True)
        return not self._misses(result) if result["settled"] else not self._behind(result)

    def flows(self, depths: Mapping[str, int]) -> bool:
        """Whether nothing deadlocks with single-stage pipelines."""
        return not self._run(depths, frames=2, simulator=self._shortest)["stuck"]

    def is_enough(self, depths: Mapping[str, int], *, keeping_up: bool) -> bool:
        """Whether the interval is kept, with `keeping_up` also by frames offered as fast as they are taken, and nothing can deadlock."""
        return self.keeps(depths) is not None and (not keeping_up or self.keeps_up(depths)) and self.flows(depths)

    def cannot_keep(self, depths: Mapping[str, int]) -> bool:
        """Whether these IPs, and so every design with them, provably take longer than the interval, whatever the depths of other FIFOs.

        With pipelines that drain all times are maxima and sums: what else a design has can only make them later, and pipelines that
        freeze do, too (see `simulation`). So a design is no faster in the long run than its part alone, with pipelines that drain, frames
        offered as fast as they are taken, and outputs that never fill up: `period` cycles a frame, once all is as a frame before.
        """
        frames = memory(self.graph.with_depths(depths)) + 3
        return self._misses(self._run(depths, frames=frames, simulator=self._drained, recurring=True))

    def _misses(self, result: Mapping[str, Any]) -> bool:
        """Whether nothing moves any more, or frames recur and are further apart than the interval."""
        return bool(result["stuck"] or (result["settled"] and result["period"] > self.interval))

    @cached_property
    def _drained(self) -> Simulator:
        return core(replace(self.graph, actors=tuple(replace(actor, blocked=Blocked.DRAIN) for actor in self.graph.actors)))

    def _run(
        self,
        depths: Mapping[str, int],
        *,
        frames: int,
        spacing: int = 0,
        interval: int = 0,
        losing: int = 0,
        simulator: Simulator | None = None,
        recurring: bool = False,
        arrivals: Mapping[int, Times] | None = None,
        recorded: Sequence[int] = (),
    ) -> dict[str, Any]:
        return (simulator or self._core).run(
            depths=[depths.get(channel.name, channel.depth) + channel.in_flight for channel in self.graph.channels],
            frames=frames,
            spacing=spacing,
            interval=interval,
            losing=losing,
            recurring=recurring,
            arrivals=dict(arrivals or {}),
            recorded=[*recorded],
        )


def ideal(channel: Channel) -> int:
    """Depth of a FIFO of an ideal neighbour, which never fills up and never runs dry within a frame."""
    return channel.depth if channel.is_register else channel.beats + 2 * channel.latency


def between_ideal(graph: Graph, depths: Mapping[str, int], outer: Collection[str]) -> Depths:
    """The depths of a graph whose `outer` channels are those of ideal neighbours."""
    return {c.name: ideal(c) if c.name in outer else depths.get(c.name, c.depth) for c in graph.channels}


def timing_key(graph: Graph, depths: Mapping[str, int | None]) -> object:
    """A key that is equal for graphs with the same timing at these depths, whatever their actors and channels are called."""
    numbers = {channel.name: i for i, channel in enumerate(graph.channels)}
    actors = tuple(
        (a.runs, *(tuple(numbers[name] for name in names) for names in (a.reads, a.writes)), a.stages, a.blocked) for a in graph.actors
    )
    channels = tuple((each.bits, each.latency, each.in_flight, each.slices, depths[each.name]) for each in graph.channels)
    return actors, channels
