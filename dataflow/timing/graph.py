"""The model of a design that the timing simulation runs: units that read and write beats, FIFOs with a depth, latencies.

    graph(design)                    the whole design
    graph(design, ips=["res2a"])     one IP alone, with inputs that never run dry and outputs that never fill up

Streams are named as in the YAML: `res2a.bypass` within an IP; between IPs by the port they lead to, `res2b.codes_in`; the labels,
which leave the design, `head.labels`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from dataflow.design import Design, Ip, Link
from dataflow.firings import IDLE, READ, WRITE, Regroup, Run, carried
from dataflow.unit import Backend, Unit


class Blocked(Enum):
    """What a pipeline does while a stream it writes to has no room."""

    FREEZE = "freeze"
    """All of it stops: `style=flp`, the only one that 2019.2 has."""
    DRAIN = "drain"
    """What is under way moves on into an output FIFO with room for as many beats as the pipeline has stages. `style=frp`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """All latencies that do not follow from the loops of the HLS library, in cycles."""

    stages: int | None = None  # of every unit's pipeline; None: each unit's own. UNCONFIRMED: counted by hand from the loops
    fifo: int = 1  # of an HLS FIFO
    fifo_ip: int = 3  # of axis_data_fifo; UNCONFIRMED: PG085, table "Latency by Module Type", says TBD
    converter: int = 1  # of axis_dwidth_converter, after the beat that completes one: PG085, the same table
    port: int = 1  # of the register HLS puts into an AXI4-Stream port; UNCONFIRMED for each release
    crossing: int = 2  # for every SLR boundary passed: a register on either side
    memory: int = 150  # from the start of a frame to its first word; UNCONFIRMED: 0.6 us at 250 MHz
    burst: int = 16  # words: max_read_burst_length of HLS, UG1399
    pause: int = 2  # between two bursts; UNCONFIRMED: cycles the memory controller loses to refresh and turnaround
    restart: int = 1  # idle between two frames of a unit: measured where HLS reports `loop auto-rewind flp (delay=1)`
    blocked: Blocked = Blocked.FREEZE  # depths for this rule do for the other one too

    def shortest(self) -> Latencies:
        """The same with single-stage pipelines, which hold the fewest beats."""
        return replace(self, stages=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A unit, a width converter, or a source or sink outside."""

    name: str
    runs: tuple[Run, ...]  # of a frame
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    stages: int
    blocked: Blocked = Blocked.FREEZE

    @property
    def cycles(self) -> int:
        """Firings of a frame."""
        return sum(len(run.firings) * run.times for run in self.runs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A FIFO."""

    name: str
    depth: int  # beats
    bits: int  # of a beat
    latency: int
    beats: int  # per frame
    is_register: bool = False  # part of a width converter, not a FIFO to be sized


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    actors: tuple[Actor, ...]
    channels: tuple[Channel, ...]
    first: str  # the actor whose first firing starts a frame
    last: str  # the actor whose last firing ends it

    def __post_init__(self) -> None:
        beats = {channel.name: channel.beats for channel in self.channels}
        reads = Counter(name for actor in self.actors for name in actor.reads)
        writes = Counter(name for actor in self.actors for name in actor.writes)
        for name in {*beats, *reads, *writes}:
            if name not in beats or reads[name] != 1 or writes[name] != 1:
                raise ValueError(f"stream {name}: {reads[name]} readers, {writes[name]} writers; it needs one of each")
        for actor in self.actors:
            for names, first in ((actor.reads, READ), (actor.writes, WRITE)):
                for i, name in enumerate(names):
                    moved = carried(actor.runs, first << i)
                    if moved != beats[name]:
                        raise ValueError(f"{actor.name} moves {moved} beats a frame through {name}, which carries {beats[name]}")

    @property
    def cycles(self) -> int:
        """The least possible interval: the firings of the slowest actor."""
        return max(actor.cycles for actor in self.actors)

    @property
    def slowest(self) -> Actor:
        return max(self.actors, key=lambda actor: actor.cycles)

    @property
    def depths(self) -> dict[str, int]:
        """Depths in beats, by name."""
        return {channel.name: channel.depth for channel in self.channels}

    def with_depths(self, depths: Mapping[str, int]) -> Graph:
        return replace(self, channels=tuple(replace(c, depth=depths.get(c.name, c.depth)) for c in self.channels))


def graph(design: Design, *, ips: Collection[str] | None = None, latencies: Latencies | None = None) -> Graph:
    """The graph of a design, or of some IPs of it with sources and sinks in place of the others."""
    latencies = latencies or Latencies()
    chosen = {ip.name: ip for ip in design.ips if ips is None or ip.name in ips}
    actors: list[Actor] = []
    channels: list[Channel] = []
    ends: dict[tuple[str, str], str] = {}  # the channel at an IP's stream or port
    for link in design.links:
        if link.source in chosen or link.sink in chosen:
            _add_link(design, link, chosen, latencies, actors, channels, ends)
    for ip in chosen.values():
        beats = {name: carried(unit.firings.runs(), WRITE << i) for unit in ip.units for i, name in enumerate(unit.writes)}
        for stream in ip.streams:
            name = ends[ip.name, stream.name] = f"{ip.name}.{stream.name}"
            channel = Channel(name=name, depth=stream.depth, bits=stream.bits, latency=latencies.fifo, beats=beats[stream.name])
            channels.append(channel)
        for unit in ip.units:
            actors.append(
                Actor(
                    name=actor_name(ip, unit),
                    runs=_runs(unit, latencies),
                    reads=tuple(ends[ip.name, name] for name in unit.reads),
                    writes=tuple(ends[ip.name, name] for name in unit.writes),
                    stages=latencies.stages or unit.latency[Backend.HLS],
                    blocked=Blocked.FREEZE if unit.memory else latencies.blocked,  # frp is not for units with an AXI master
                )
            )
    first, last = actors[0].name, actors[-1].name
    if "dma" in chosen:
        first, last = (
            next(actor_name(ip, unit) for ip in chosen.values() for unit in ip.units if unit.memory and unit.memory.writes is writes)
            for writes in (False, True)
        )
    return Graph(actors=tuple(actors), channels=tuple(channels), first=first, last=last)


def actor_name(ip: Ip, unit: Unit) -> str:
    """res2a.conv2 mvau"""
    return f"{ip.name}.{unit.label}"


def _runs(unit: Unit, latencies: Latencies) -> tuple[Run, ...]:
    runs = unit.firings.runs()
    if unit.memory and not unit.memory.writes:
        bursts, rest = divmod(unit.cycles, latencies.burst)
        burst, pause = bytes([WRITE] * latencies.burst), bytes([IDLE] * latencies.pause)
        runs = (Run(bytes([IDLE]), latencies.memory), Run(burst + pause, bursts), Run(burst[:rest] + pause, 1))
    if latencies.restart:
        runs = (*runs, Run(bytes([IDLE]), latencies.restart))
    return runs


def _add_link(
    design: Design,
    link: Link,
    chosen: Mapping[str, Ip],
    latencies: Latencies,
    actors: list[Actor],
    channels: list[Channel],
    ends: dict[tuple[str, str], str],
) -> None:
    """Add the FIFO and width converter of a link, and a source or sink in place of an IP that is left out."""
    name, source, sink = link.dotted, link.source_port, link.sink_port
    crossed = abs(design.ip(link.source).slr - design.ip(link.sink).slr)
    latency = latencies.fifo_ip + 2 * latencies.port + latencies.crossing * crossed
    channels.append(Channel(name=name, depth=link.depth, bits=8 * source.tdata_bytes, latency=latency, beats=source.beats))
    ends[link.source, source.name] = ends[link.sink, sink.name] = name
    if link.sink not in chosen:  # it takes beats as they come, before any converter: what is behind a FIFO that never fills up has no part
        actors.append(Actor(name=f"{name} sink", runs=(Run(bytes([READ]), source.beats),), reads=(name,), writes=(), stages=1))
    elif link.converts:
        ends[link.sink, sink.name] = converted = f"{name} converted"
        # Its register holds the outgoing beat while the next one is assembled.
        channels.append(Channel(name=converted, depth=2, bits=8 * sink.tdata_bytes, latency=1, beats=sink.beats, is_register=True))
        runs = Regroup(into=source.lanes, out=sink.lanes, beats=sink.beats).runs()
        actors.append(Actor(name=f"{name} converter", runs=runs, reads=(name,), writes=(converted,), stages=latencies.converter))
    if link.source not in chosen:
        run = Run(bytes([WRITE]), source.beats)
        actors.append(Actor(name=f"{name} source", runs=(run,), reads=(), writes=(name,), stages=1))
