"""The model of a design that the timing simulation runs: units that read and write beats, FIFOs with a depth, latencies.

    graph(design)                    the whole design
    graph(design, ips=["res2a"])     one IP alone, with inputs that never run dry and outputs that never fill up

Streams are named as in the YAML: `res2a.bypass` within an IP; between IPs by the port they lead to, `res2b.codes_in`; the labels,
which leave the design, `head.labels`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NamedTuple

from dataflow.design import Design, Ip, Link, Port
from dataflow.firings import READ, WRITE, Regroup, Run, carried
from dataflow.unit import Backend, Idle, Unit


class Blocked(Enum):
    """What a pipeline does while a stream it writes to has no room."""

    FREEZE = "freeze"
    """All of it stops: `style=flp`, the only one that 2019.2 has."""
    DRAIN = "drain"
    """What is under way moves on into an output FIFO with room for as many beats as the pipeline has stages. `style=frp`."""


class Scheduled(NamedTuple):
    """How the HLS tool scheduled a unit's loop, as it reports."""

    stages: int  # cycles from reading a beat to writing its result
    idle: int | None  # between two frames; None where it does not say


class PipelineSources(NamedTuple):
    """How many units' pipelines the tool's reports describe, and of how many the depth is what `Unit.latency` says."""

    read: int
    assumed: int

    def __str__(self) -> str:
        """One line for people."""
        if not self.read:
            return f"Pipeline depths of all {self.assumed} units are assumed; they are read from the reports that doit synth leaves."
        rest = f"; of {self.assumed} they are assumed" if self.assumed else ""
        return f"Pipeline depths of {self.read} units are those C synthesis reports{rest}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies(Idle):
    """All latencies and idle cycles that do not follow from the loops of the HLS library."""

    stages: int | None = None  # of every unit's pipeline; None: as scheduled, else each unit's own. UNCONFIRMED: counted by hand
    scheduled: Mapping[str, Scheduled] = field(default_factory=dict)  # by actor
    fifo: int = 1  # of an HLS FIFO
    fifo_ip: int = 3  # of axis_data_fifo; UNCONFIRMED: PG085, table "Latency by Module Type", says TBD
    converter: int = 1  # of axis_dwidth_converter, after the beat that completes one: PG085, the same table
    slices: int = 1  # register slices that HLS puts into an AXI4-Stream port: see `Channel.slices`
    crossing: int = 2  # for every SLR boundary passed: a register on either side
    blocked: Blocked = Blocked.FREEZE  # depths for this rule do for the other one too

    def shortest(self) -> Latencies:
        """The same with single-stage pipelines and no register slices: what holds the fewest beats, and so deadlocks first."""
        return replace(self, stages=1, slices=0)

    def of(self, ip: Ip, unit: Unit) -> tuple[int, Idle]:
        """A unit's stages and idle cycles."""
        own = self.scheduled.get(actor_name(ip, unit), Scheduled(unit.latency[Backend.HLS], None))
        return self.stages or own.stages, replace(self, drain=own.stages, restart=self.restart if own.idle is None else own.idle)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A unit, a width converter, or a source or sink outside."""

    name: str
    runs: tuple[Run, ...]  # of a frame
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    stages: int  # 0 of what fires only where there is room at once for all it writes: a unit in RTL
    blocked: Blocked = Blocked.FREEZE  # says nothing where there are no stages

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
    in_flight: int = 0
    """Places beside `depth`, for beats that have one before they can be read: those of a FIFO in RTL (see `rtl_fifo`)."""
    slices: int = 0
    """Register slices in line with it, of two entries each: they hold two beats more, and pass beats and room on a cycle later. Vitis
    HLS has one in every output port. Inputs have one too where reports of C synthesis say `register, both mode`, as those of vivado_hls
    2018.2 and 2019.1 do for either direction; UNCONFIRMED for inputs and for 2019.2: that it is so in every release."""

    @property
    def capacity(self) -> int:
        """Beats that it has places for, without its register slices: the depth that the simulator takes."""
        return self.depth + self.in_flight

    @property
    def places(self) -> int:
        """Beats that it and its register slices hold."""
        return self.capacity + 2 * self.slices


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    actors: tuple[Actor, ...]
    channels: tuple[Channel, ...]
    first: str  # the actor whose first firing starts a frame
    last: str  # the actor whose last firing ends it
    sources: PipelineSources = field(default_factory=lambda: PipelineSources(read=0, assumed=0))

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

    @property
    def places(self) -> dict[str, int]:
        """Beats that each FIFO and its register slices hold, by name."""
        return {channel.name: channel.places for channel in self.channels}

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
    outside = {port.name: _add_open_port(ip, port, actors, channels, ends) for ip, port in design.open_ports if ip.name in chosen}
    for ip in chosen.values():
        beats = {name: carried(unit.firings.runs(), WRITE << i) for unit in ip.units for i, name in enumerate(unit.writes)}
        for stream in ip.streams:
            name = ends[ip.name, stream.name] = f"{ip.name}.{stream.name}"
            channel = Channel(name=name, depth=stream.depth, bits=stream.bits, latency=latencies.fifo, beats=beats[stream.name])
            channels.append(channel)
        for unit in ip.units:
            if not unit.cycles:  # it does nothing for a frame: what fetches constants
                continue
            stages, idle = latencies.of(ip, unit)
            actors.append(
                Actor(
                    name=actor_name(ip, unit),
                    runs=idle.frame(unit),
                    reads=tuple(ends[ip.name, name] for name in unit.reads),
                    writes=tuple(ends[ip.name, name] for name in unit.writes),
                    stages=stages,
                    blocked=Blocked.FREEZE if unit.memory else latencies.blocked,  # frp is not for units with an AXI master
                )
            )
    first, last = actors[0].name, actors[-1].name
    if {"image", "labels"} <= outside.keys():
        first, last = outside["image"], outside["labels"]
    elif "dma" in chosen:
        first, last = (
            next(actor_name(ip, unit) for ip in chosen.values() for unit in ip.units if unit.memory and unit.memory.name == name)
            for name in ("image", "labels")
        )
    units = [actor_name(ip, unit) for ip in chosen.values() for unit in ip.units if unit.cycles]
    read = sum(name in latencies.scheduled for name in units)
    sources = PipelineSources(read=read, assumed=len(units) - read)
    return Graph(actors=tuple(actors), channels=tuple(channels), first=first, last=last, sources=sources)


def actor_name(ip: Ip, unit: Unit) -> str:
    """res2a.conv2 mvau"""
    return f"{ip.name}.{unit.label}"


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
    latency = latencies.fifo_ip + latencies.crossing * crossed
    slices = latencies.slices if link.converts else 2 * latencies.slices  # of the port in front of it, and of the one behind
    fifo = Channel(name=name, depth=link.depth, bits=8 * source.tdata_bytes, latency=latency, beats=source.beats, slices=slices)
    channels.append(fifo)
    ends[link.source, source.name] = ends[link.sink, sink.name] = name
    if link.sink not in chosen:  # it takes beats as they come, before any converter: what is behind a FIFO that never fills up has no part
        actors.append(Actor(name=f"{name} sink", runs=(Run(bytes([READ]), source.beats),), reads=(name,), writes=(), stages=1))
    elif link.converts:
        ends[link.sink, sink.name] = converted = f"{name} converted"
        # Its register holds the outgoing beat while the next one is assembled.
        register = Channel(name=converted, depth=2, bits=8 * sink.tdata_bytes, latency=1, beats=sink.beats, is_register=True)
        channels.append(replace(register, slices=latencies.slices))
        runs = Regroup(into=source.lanes, out=sink.lanes, beats=sink.beats).runs()
        actors.append(Actor(name=f"{name} converter", runs=runs, reads=(name,), writes=(converted,), stages=latencies.converter))
    if link.source not in chosen:
        run = Run(bytes([WRITE]), source.beats)
        actors.append(Actor(name=f"{name} source", runs=(run,), reads=(), writes=(name,), stages=1))


def _add_open_port(ip: Ip, port: Port, actors: list[Actor], channels: list[Channel], ends: dict[tuple[str, str], str]) -> str:
    """Add a source or sink outside the design, which is never late, and return its name: the port's register is all there is between."""
    stream = ends[ip.name, port.name] = f"{ip.name}.{port.name}"
    channels.append(Channel(name=stream, depth=2, bits=8 * port.tdata_bytes, latency=1, beats=port.beats, is_register=True))
    name, does = (f"{stream} source", WRITE) if port.is_input else (f"{stream} sink", READ)
    reads, writes = ((), (stream,)) if port.is_input else ((stream,), ())
    actors.append(Actor(name=name, runs=(Run(bytes([does]), port.beats),), reads=reads, writes=writes, stages=1))
    return name
