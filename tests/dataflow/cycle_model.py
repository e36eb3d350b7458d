"""A design cycle by cycle, as plainly as can be: in every cycle each process fires if it can.

A process can fire when every stream it is about to read holds a beat and every stream it is about to write has room, as they
stood at the end of the cycle before.
"""

from dataclasses import dataclass, field

from dataflow.firing import firings


@dataclass
class Fifo:
    depth: int
    held: int = 0
    most: int = 0


@dataclass
class Run:
    ends: list[int] = field(default_factory=list)  # cycle in which the last label of each frame is stored
    cycles: int = 0
    stuck: list[str] = field(default_factory=list)  # streams that are full or empty where nothing moves any more
    most: dict[str, int] = field(default_factory=dict)


def simulate(design, frames, depths=None):
    """`depths` replaces the depths of streams, by `ip.stream` or `link`."""
    depths = depths or {}
    fifos, ends_of = {}, {}
    for link in design.links:
        # The sink's side counts: a width converter between them only regroups.
        if link.source_port.beats == link.sink_port.beats:
            fifos[link.name] = Fifo(depths.get(link.name, link.depth))
            ends_of[link.source, link.source_port.name] = ends_of[link.sink, link.sink_port.name] = link.name
        else:
            fifos[link.name] = Fifo(depths.get(link.name, link.depth))
            fifos[f"{link.name}_dwc"] = Fifo(2)
            ends_of[link.source, link.source_port.name] = link.name
            ends_of[link.sink, link.sink_port.name] = f"{link.name}_dwc"
    actors = []
    for link in design.links:
        if link.source_port.beats != link.sink_port.beats:
            actors.append(Actor(f"{link.name}.dwc", [link.name], [f"{link.name}_dwc"], _convert(link)))
    for ip in design.ips:
        for stream in ip.streams:
            name = f"{ip.name}.{stream.name}"
            fifos[name] = Fifo(depths.get(name, stream.depth))
            ends_of[ip.name, stream.name] = name
        for process in ip.processes:
            reads, writes = ([ends_of[ip.name, name] for name in names] for names in (process.reads, process.writes))
            actors.append(Actor(f"{ip.name}.{process.name}.{process.kind.value}", reads, writes, list(firings(process))))
    run = Run()
    store = actors[[actor.name.endswith(".store") for actor in actors].index(True)]
    while len(run.ends) < frames:
        held = {name: fifo.held for name, fifo in fifos.items()}
        moved = False
        for actor in actors:
            if actor.fire(fifos, held, frames):
                moved = True
                if actor is store and actor.at == 0:
                    run.ends.append(run.cycles)
        run.cycles += 1
        for fifo in fifos.values():
            fifo.most = max(fifo.most, fifo.held)
        if not moved:
            run.stuck = [name for name, fifo in fifos.items() if fifo.held in (0, fifo.depth)]
            break
    run.most = {name: fifo.most for name, fifo in fifos.items()}
    return run


def _convert(link):
    """The width converter IP, for any ratio: a beat leaves when its codes are all there."""
    pattern, codes = [], 0
    into, out = link.source_port.lanes, link.sink_port.lanes
    sent, total = 0, link.sink_port.beats
    while sent < total:
        reads = codes < out
        codes += into * reads
        writes = codes >= out
        codes -= out * writes
        sent += writes
        pattern.append(((reads,), (writes,)))
    return pattern


class Actor:
    def __init__(self, name, reads, writes, pattern):
        self.name, self.reads, self.writes, self.pattern = name, reads, writes, pattern
        self.at = self.frame = 0

    def fire(self, fifos, held, frames):
        if self.frame == frames:
            return False
        reads, writes = self.pattern[self.at]
        sources = [name for name, takes in zip(self.reads, reads, strict=True) if takes]
        sinks = [name for name, gives in zip(self.writes, writes, strict=True) if gives]
        if any(held[name] == 0 for name in sources) or any(held[name] >= fifos[name].depth for name in sinks):
            return False
        for name in sources:
            fifos[name].held -= 1
        for name in sinks:
            fifos[name].held += 1
        self.at += 1
        if self.at == len(self.pattern):
            self.at, self.frame = 0, self.frame + 1
        return True
