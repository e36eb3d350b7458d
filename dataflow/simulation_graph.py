"""What the timing simulation sees of a design: processes that take and give beats, FIFOs with a depth, latencies.

    graph(design)                    the whole of it
    graph(design, ips=["res2a"])     one IP alone: its inputs never run dry, its outputs never fill up

Streams are called as they are in the YAML: `res2a.bypass` within an IP; between IPs by the port they lead to, `res2b.codes_in`,
and the labels, which lead out of the design, `head.labels`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from dataflow.design import Design, Ip, Kind, Link, Process
from dataflow.firing import IDLE, READ, WRITE, Run, carried, firings, regroup

STAGES = {
    Kind.LOAD: 2,
    Kind.UNPACK: 3,  # word buffer, shifter, beat
    Kind.STORE: 2,
    Kind.DWC: 2,
    Kind.FORK: 2,
    Kind.THRESHOLD: 3,  # thresholds from their ROM, comparison, count
    Kind.SWG: 4,  # into the ring; address, ring, padding
    Kind.MVAU: 10,  # window, weights from their ROM, products, adder tree, accumulator, thresholds
    Kind.JOIN: 2,
    Kind.MAX_POOL: 2,
    Kind.ACCUMULATE_POOL: 4,
    Kind.WEIGHT_ROM: 2,
    Kind.DENSE: 10,
    Kind.TOP_K: 3,
}
"""Pipeline latency in cycles from reading a beat to writing what follows from it, at 250 MHz.

UNCONFIRMED: counted by hand from the loops, on the long side. C synthesis reports the true ones as iteration latency.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """Everything about time that is not in the loops of the HLS library, in cycles."""

    stages: Mapping[Kind, int] = field(default_factory=lambda: STAGES)
    fifo: int = 1  # of an HLS FIFO
    fifo_ip: int = 3  # of axis_data_fifo; UNCONFIRMED: PG085, table "Latency by Module Type", says TBD
    converter: int = 1  # of axis_dwidth_converter, after the beat that completes one: PG085, the same table
    port: int = 1  # of the register HLS puts into an AXI4-Stream port; UNCONFIRMED for each release
    crossing: int = 2  # for every SLR boundary passed: a register on either side
    memory: int = 150  # from the start of a frame to its first word; UNCONFIRMED: 0.6 us at 250 MHz
    burst: int = 16  # words: max_read_burst_length of HLS, UG1399
    pause: int = 2  # between two bursts; UNCONFIRMED: what the memory controller loses to refresh and turnaround
    restart: int = 0  # between two frames of a process; UNCONFIRMED: HLS starts a loop anew without losing a cycle

    def shortest(self) -> Latencies:
        """The same with pipelines of one stage, which hold the fewest beats."""
        return replace(self, stages=dict.fromkeys(self.stages, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A process, a width converter, or the world outside."""

    name: str
    runs: tuple[Run, ...]  # of a frame
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    stages: int

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
    is_register: bool = False  # part of a width converter, no FIFO to be sized


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
                raise ValueError(f"stream {name}: {reads[name]} readers, {writes[name]} writers; it takes one each")
        for actor in self.actors:
            for names, first in ((actor.reads, READ), (actor.writes, WRITE)):
                for i, name in enumerate(names):
                    found = carried(actor.runs, first << i)
                    if found != beats[name]:
                        raise ValueError(f"{actor.name} moves {found} beats a frame through {name}, which carries {beats[name]}")

    @property
    def cycles(self) -> int:
        """The least interval there can be: the firings of the slowest actor."""
        return max(actor.cycles for actor in self.actors)

    @property
    def slowest(self) -> Actor:
        return max(self.actors, key=lambda actor: actor.cycles)

    def with_depths(self, depths: Mapping[str, int]) -> Graph:
        return replace(self, channels=tuple(replace(c, depth=depths.get(c.name, c.depth)) for c in self.channels))


def graph(design: Design, *, ips: Collection[str] | None = None, latencies: Latencies | None = None) -> Graph:
    """The design, or some IPs of it with sources and sinks in place of the others."""
    latencies = latencies or Latencies()
    chosen = {ip.name: ip for ip in design.ips if ips is None or ip.name in ips}
    actors: list[Actor] = []
    channels: list[Channel] = []
    ends: dict[tuple[str, str], str] = {}  # the channel at an IP's stream or port
    for link in design.links:
        if link.source in chosen or link.sink in chosen:
            _add_link(design, link, chosen, latencies, actors, channels, ends)
    for ip in chosen.values():
        beats = {name: carried(firings(process), WRITE << i) for process in ip.processes for i, name in enumerate(process.writes)}
        for stream in ip.streams:
            name = ends[ip.name, stream.name] = f"{ip.name}.{stream.name}"
            channel = Channel(name=name, depth=stream.depth, bits=stream.bits, latency=latencies.fifo, beats=beats[stream.name])
            channels.append(channel)
        for process in ip.processes:
            actors.append(
                Actor(
                    name=actor_name(ip, process),
                    runs=_runs(process, latencies),
                    reads=tuple(ends[ip.name, name] for name in process.reads),
                    writes=tuple(ends[ip.name, name] for name in process.writes),
                    stages=latencies.stages[process.kind],
                )
            )
    first, last = actors[0].name, actors[-1].name
    if "dma" in chosen:
        by_kind = {process.kind: actor_name(chosen["dma"], process) for process in reversed(chosen["dma"].processes)}
        first, last = by_kind[Kind.LOAD], by_kind[Kind.STORE]
    return Graph(actors=tuple(actors), channels=tuple(channels), first=first, last=last)


def actor_name(ip: Ip, process: Process) -> str:
    """res2a.conv2 mvau"""
    return f"{ip.name}." + " ".join(dict.fromkeys((process.name, process.kind.value)))


def _runs(process: Process, latencies: Latencies) -> tuple[Run, ...]:
    runs = firings(process)
    if process.kind is Kind.LOAD:
        bursts, rest = divmod(process.cycles, latencies.burst)
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
    """FIFO and width converter, and the world in place of an IP that is left out."""
    name, source, sink = link.dotted, link.source_port, link.sink_port
    crossed = abs(design.ip(link.source).slr - design.ip(link.sink).slr)
    latency = latencies.fifo_ip + 2 * latencies.port + latencies.crossing * crossed
    channels.append(Channel(name=name, depth=link.depth, bits=8 * source.tdata_bytes, latency=latency, beats=source.beats))
    ends[link.source, source.name] = ends[link.sink, sink.name] = name
    if link.converts:
        ends[link.sink, sink.name] = converted = f"{name} converted"
        # Its register holds the beat that goes out while the next one is put together.
        channels.append(Channel(name=converted, depth=2, bits=8 * sink.tdata_bytes, latency=1, beats=sink.beats, is_register=True))
        runs = tuple(regroup(source.lanes, sink.lanes, sink.beats))
        actors.append(Actor(name=f"{name} converter", runs=runs, reads=(name,), writes=(converted,), stages=latencies.converter))
    if link.source not in chosen:
        run = Run(bytes([WRITE]), source.beats)
        actors.append(Actor(name=f"{name} source", runs=(run,), reads=(), writes=(name,), stages=1))
    if link.sink not in chosen:
        run = Run(bytes([READ]), sink.beats)
        actors.append(Actor(name=f"{name} sink", runs=(run,), reads=(ends[link.sink, sink.name],), writes=(), stages=1))
