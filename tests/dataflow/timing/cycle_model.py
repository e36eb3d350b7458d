"""The timing model as plainly as can be: cycle after cycle, everything that can move moves. The oracle of the fast simulation.

A register slice is a FIFO of two places in front of another or behind it; between two of them a beat moves on in every cycle that it can.

In each cycle every process looks at the FIFOs as they stood at the end of the cycle before. A pipeline is a shift register. One that
freezes shifts as a whole, or, while the firing in its last stage finds no room, not at all. In one that drains every firing moves up to
the one before it, wherever that stands. A process without stages has no shift register: a firing takes its beats and writes in one cycle,
in which all of that must be possible.
"""

from dataclasses import dataclass, field

from dataflow.timing.graph import Blocked
from dataflow.timing.simulation import core


@dataclass
class Fifo:
    depth: int
    latency: int
    beats: list[int] = field(default_factory=list)  # when each was written, oldest first

    def readable(self, cycle: int) -> bool:
        return bool(self.beats) and self.beats[0] + self.latency <= cycle


@dataclass
class Chain:
    """FIFOs one behind the other: a stream and its register slices."""

    parts: list[Fifo]
    most: int = 0

    def before(self, cycle: int) -> tuple[list[bool], list[bool]]:
        """Which of them have room, and which a beat that can be read."""
        return [len(part.beats) < part.depth for part in self.parts], [part.readable(cycle) for part in self.parts]

    def move(self, before: tuple[list[bool], list[bool]], cycle: int) -> bool:
        room, readable = before
        moved = False
        for i in range(len(self.parts) - 1):
            if readable[i] and room[i + 1]:
                del self.parts[i].beats[0]
                self.parts[i + 1].beats.append(cycle)
                moved = True
        return moved


@dataclass
class Pipeline:
    firings: bytes
    reads: list[str]
    writes: list[str]
    stages: list[int | None]  # the firing in each stage; None is a bubble
    freezes: bool
    frames: int
    at: int = 0
    frame: int = 0
    fired: list[int] = field(default_factory=list)  # firings that read or write
    wrote: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    stalled: int = 0
    starved: int = 0
    waited: tuple[int, int] = (0, 0)  # the two, up to the last firing that read or wrote

    @property
    def idle(self) -> bool:
        return self.frame == self.frames and not any(self.stages)


def simulate(graph, frames, spacing=0, *, slices_behind=False):
    """Pipelines by actor and FIFOs by channel when all frames are through, or when nothing will ever move again.

    Half of the register slices are in front of their FIFO, or all of them behind it.
    """
    fifos = {}
    for channel in graph.channels:
        behind = channel.slices if slices_behind else channel.slices // 2
        fifo = Fifo(channel.depth + channel.in_flight, channel.latency)
        fifos[channel.name] = Chain([*(Fifo(2, 1) for _ in range(channel.slices - behind)), fifo, *(Fifo(2, 1) for _ in range(behind))])
    pipelines = {
        actor.name: Pipeline(
            b"".join(run.firings * run.times for run in actor.runs),
            list(actor.reads),
            list(actor.writes),
            [None] * actor.stages,
            actor.blocked is Blocked.FREEZE,
            frames,
        )
        for actor in graph.actors
    }
    quiet_for, cycle = 0, 0
    longest = max(max(channel.latency for channel in graph.channels), *(len(pipeline.stages) for pipeline in pipelines.values()))
    while not all(pipeline.idle for pipeline in pipelines.values()):
        before = {name: fifo.before(cycle) for name, fifo in fifos.items()}
        moved = [fifo.move(before[name], cycle) for name, fifo in fifos.items()]
        moved += [step(pipeline, fifos, before, cycle, spacing) for pipeline in pipelines.values()]
        for fifo in fifos.values():
            fifo.most = max(fifo.most, sum(len(part.beats) for part in fifo.parts))
        quiet_for = 0 if any(moved) else quiet_for + 1
        cycle += 1
        if quiet_for > longest + spacing:
            break
    return pipelines, fifos


def step(pipeline, fifos, before, cycle, spacing):
    """One cycle of one process; whether anything moved."""
    if not pipeline.stages:
        return enter(pipeline, fifos, before, cycle, spacing)
    moved = leave(pipeline, fifos, before, cycle)
    if pipeline.freezes:
        if pipeline.stages[-1] is not None:  # it did not leave
            pipeline.stalled += pipeline.frame < pipeline.frames
            return False
        moved |= any(firing is not None for firing in pipeline.stages)
        pipeline.stages = [None, *pipeline.stages[:-1]]
        return enter(pipeline, fifos, before, cycle, spacing) or moved
    for stage in range(len(pipeline.stages) - 1, 0, -1):
        if pipeline.stages[stage] is None and pipeline.stages[stage - 1] is not None:
            pipeline.stages[stage], pipeline.stages[stage - 1] = pipeline.stages[stage - 1], None
            moved = True
    return enter(pipeline, fifos, before, cycle, spacing) or moved


def leave(pipeline, fifos, before, cycle):
    """The firing in the last stage writes its beats, if there is room for all of them."""
    firing = pipeline.stages[-1]
    if firing is None:
        return False
    if not has_room(pipeline, firing, before):
        return False
    write(pipeline, firing, fifos, cycle)
    pipeline.stages[-1] = None
    return True


def sinks(pipeline, firing):
    return [name for i, name in enumerate(pipeline.writes) if firing & 16 << i]


def has_room(pipeline, firing, before):
    return all(before[name][0][0] for name in sinks(pipeline, firing))


def write(pipeline, firing, fifos, cycle):
    for name in sinks(pipeline, firing):
        fifos[name].parts[0].beats.append(cycle)
    if sinks(pipeline, firing):
        pipeline.wrote.append(cycle)


def enter(pipeline, fifos, before, cycle, spacing):
    """The next firing takes its beats, if all are there and the first stage is free; without stages, if what it writes to has room."""
    if pipeline.frame == pipeline.frames:
        return False
    firing = pipeline.firings[pipeline.at]
    if not (pipeline.stages[0] is None if pipeline.stages else has_room(pipeline, firing, before)):
        pipeline.stalled += 1
        return False
    sources = [name for i, name in enumerate(pipeline.reads) if firing & 1 << i]
    offered = pipeline.frame * spacing + pipeline.at if not pipeline.reads and len(pipeline.starts) == pipeline.frame else 0
    if cycle < offered or not all(before[name][1][-1] for name in sources):
        pipeline.starved += 1
        return False
    for name in sources:
        del fifos[name].parts[-1].beats[0]
    if firing:
        if len(pipeline.starts) == pipeline.frame:
            pipeline.starts.append(cycle)
        pipeline.fired.append(cycle)
        pipeline.waited = (pipeline.stalled, pipeline.starved)
    if pipeline.stages:
        pipeline.stages[0] = firing or 256  # a firing that neither reads nor writes takes up a stage all the same
    else:
        write(pipeline, firing, fifos, cycle)
    pipeline.at += 1
    if pipeline.at == len(pipeline.firings):
        pipeline.at, pipeline.frame = 0, pipeline.frame + 1
        pipeline.ends.append(pipeline.fired[-1])
    return True


def agree(drawn, frames, spacing, *, slices_behind=False):
    """Assert that the fast simulation of a graph has every event and every occupancy of this one; whether it deadlocked."""
    found = core(drawn).run(
        depths=[channel.capacity for channel in drawn.channels],
        frames=frames,
        spacing=spacing,
        interval=0,
        losing=0,
        recurring=False,
        arrivals={},
        recorded=[*range(len(drawn.actors))],
    )
    pipelines, fifos = simulate(drawn, frames, spacing, slices_behind=slices_behind)
    finished = min(pipeline.frame for pipeline in pipelines.values())
    assert found["stuck"] == (finished < frames)
    if found["stuck"]:
        # The core lets no process into a frame the others have not finished, so only what led to that frame is the same.
        pipelines, fifos = simulate(drawn, finished + 1, spacing, slices_behind=slices_behind)
    assert found["frames"] == finished
    for i, actor in enumerate(drawn.actors):
        pipeline = pipelines[actor.name]
        assert list(found["fired"][i]) == pipeline.fired
        assert list(found["wrote"][i]) == pipeline.wrote
        assert list(found["starts"][:, i]) == pipeline.starts[:finished]
        assert list(found["ends"][:, i]) == pipeline.ends[:finished]
        if actor.reads:
            assert (found["stalled"][i], found["starved"][i]) == pipeline.waited
        else:  # one that waits for a frame and for room at once may count either
            assert found["stalled"][i] + found["starved"][i] == sum(pipeline.waited)
    assert list(found["most"]) == [fifos[channel.name].most for channel in drawn.channels]
    return found["stuck"]
