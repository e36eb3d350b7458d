"""The timing of one IP in RTL: its graph, and the cycle of every handshake at its ports.

A unit in RTL is an actor without stages; the cycles of its pipeline are part of the latency of the FIFOs that it writes (see `rtl_fifo`).
It begins a frame in the cycle after the last firing of the one before. In front of the first unit an input port has a register slice. An
output port has the FIFO of the unit that writes it, and a register slice behind that.

A unit with loaded constants takes the token of a frame, its first firing, in the cycle after the last firing of the frame before, or later.
A load takes it a cycle for the header; as many as a beat is under way in its pipeline, since constants are read there; and one for each word
of its own. Then it passes on those of the units behind, one a cycle where there is room.

Outside, a source and a sink at each port wait for as many cycles as they are given before each beat; a source then offers it until it is
taken, a sink waits until there is one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dataflow.design import Ip, Port
from dataflow.firings import IDLE, READ, WRITE, Run, carried
from dataflow.rtl_fifo import PORT_DEPTH, RtlFifo
from dataflow.timing.deadlock import Deadlock, find_deadlock
from dataflow.timing.graph import Actor, Channel, Graph, actor_name
from dataflow.timing.simulation import core
from dataflow.unit import Backend, Unit


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transfers:
    """What passes the ports of an IP."""

    cycles: Mapping[str, NDArray[np.int64]]  # of the handshake of each beat, by port; up to the deadlock where there is one
    deadlock: Deadlock | None


Messages = Sequence[int]
"""What comes through the chain into an IP with loaded constants, by header: 0 for a frame, N for a load of N words."""


def port_beats(ip: Ip, *, frames: int, messages: Messages | None = None) -> dict[str, int]:
    """How many beats pass each port, in all frames, and in all messages: without any but the frames."""
    messages = (0,) * frames if messages is None else messages
    if messages.count(0) != frames:
        raise ValueError(f"{ip.name}: messages for {messages.count(0)} frames, of {frames}")
    words = {
        True: sum(1 + words for words in messages),
        False: sum(1 + words - ip.load_words for words in messages if words) + frames,
    }
    return {port.name: words[port.is_input] if port.name in ip.chain else port.beats * frames for port in ip.ports}


def ip_graph(ip: Ip, *, frames: int, messages: Messages | None = None, gaps: Mapping[str, Sequence[int]] | None = None) -> Graph:
    """The graph of an IP in RTL; all frames are one of the graph.

    `messages`: of an IP with loaded constants; without them, there are only those of the frames.
    `gaps`: by port, for each beat of all frames, the cycles its source or sink lets pass after the beat before; without them, none.
    """
    gaps = gaps or {}
    beats = port_beats(ip, frames=frames, messages=messages)
    for name, each in gaps.items():
        if len(each) != beats.get(name, 0):
            raise ValueError(f"{ip.name}.{name}: {len(each)} gaps for {beats.get(name, 0)} beats in {frames} frames")
    ends = {port.name: f"{ip.name}.{port.name}" for port in ip.ports}
    outside = [_end(port, ends[port.name], beats[port.name], gaps.get(port.name)) for port in ip.ports]
    ends |= {stream.name: f"{ip.name}.{stream.name}" for stream in ip.streams}
    channels = [
        Channel(name=ends[port.name], depth=PORT_DEPTH, bits=port.bits, latency=1, beats=beats[port.name], is_register=True)
        for port in ip.inputs
    ]
    outputs = {port.name for port in ip.outputs}
    runs = _runs(ip, (0,) * frames if messages is None else messages)
    for unit in ip.units:
        for i, (name, (fifo, bits)) in enumerate(zip(unit.writes, ip.rtl_fifos(unit), strict=True)):
            channel = _channel(fifo, ends[name], bits, carried(runs[unit.label], WRITE << i))
            channels.append(replace(channel, slices=1, is_register=True) if name in outputs else channel)
    units = [
        Actor(
            name=actor_name(ip, unit),
            runs=runs[unit.label],
            reads=tuple(ends[name] for name in unit.reads),
            writes=tuple(ends[name] for name in unit.writes),
            stages=0,
        )
        for unit in ip.units
    ]
    return Graph(actors=(*outside, *units), channels=tuple(channels), first=units[0].name, last=units[-1].name)


def transfers(graph: Graph) -> Transfers:
    """Run a graph of `ip_graph`."""
    # A ROM of weights has no input either, but is a unit.
    names = {i: name for i, actor in enumerate(graph.actors) for name in actor.reads + actor.writes if actor.name in _end_names(name)}
    result = core(graph).run(
        depths=[channel.capacity for channel in graph.channels],
        frames=1,
        spacing=0,
        interval=0,
        losing=0,
        recurring=False,
        arrivals={},
        recorded=[*names],
    )
    cycles = {name.partition(".")[2]: fired for name, fired in zip(names.values(), result["fired"], strict=True)}
    return Transfers(cycles=cycles, deadlock=find_deadlock(graph, result))


def _channel(fifo: RtlFifo, name: str, bits: int, beats: int) -> Channel:
    return Channel(name=name, depth=fifo.depth, bits=bits, latency=fifo.latency, beats=beats, in_flight=fifo.places - fifo.depth)


def _runs(ip: Ip, messages: Messages) -> dict[str, tuple[Run, ...]]:
    """The firings of each unit, by label, in all frames and loads, without a cycle between them."""
    found, taken = {}, 0  # words of a load, by units in front
    for unit in ip.units:
        runs = unit.firings.runs()
        if unit.loads:
            found[unit.label] = tuple(run for words in messages for run in (_load(unit, words - taken) if words else runs))
            taken += unit.load_words
        else:
            frames = messages.count(0)
            found[unit.label] = (Run(runs[0].firings, frames * runs[0].times),) if len(runs) == 1 else runs * frames
    return found


def _load(unit: Unit, words: int) -> tuple[Run, ...]:
    """The firings of a load that comes with so many words: its header, cycles in which constants are still read, and words."""
    take = READ << len(unit.reads) - 1
    on = take | WRITE << len(unit.writes) - 1 if unit.passes_loads else take
    own, behind = unit.load_words, words - unit.load_words
    runs = (Run(bytes([on]), 1), Run(bytes([IDLE]), unit.latency[Backend.RTL]), Run(bytes([take]), own), Run(bytes([on]), behind))
    return tuple(run for run in runs if run.times)


def _end_names(stream: str) -> tuple[str, str]:
    """The source or the sink at a port."""
    return f"{stream} source", f"{stream} sink"


def _end(port: Port, stream: str, beats: int, gaps: Sequence[int] | None) -> Actor:
    """The source or sink at a port. A firing that neither reads nor writes waits for nothing and takes a cycle: one of a gap."""
    moves = bytes([WRITE if port.is_input else READ])
    run = Run(moves, beats) if gaps is None else Run(b"".join(bytes([IDLE]) * gap + moves for gap in gaps), 1)
    reads, writes = ((), (stream,)) if port.is_input else ((stream,), ())
    return Actor(name=_end_names(stream)[not port.is_input], runs=(run,), reads=reads, writes=writes, stages=0)
