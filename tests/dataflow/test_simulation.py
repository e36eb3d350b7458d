"""The timing simulation against a model that goes cycle by cycle, and against what people may expect of it."""

import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.firing import READ, WRITE, Run
from dataflow.simulation import core
from dataflow.simulation_graph import Actor, Channel, Graph
from tests.dataflow import cycle_model

ROOT = Path(__file__).parents[2]


def random_graph(choose):
    """Forks and joins, any rates, any order of reads and writes, any depths: many of these deadlock. `choose(a, b)` is any of a to b."""
    count = choose(2, 6)
    repeats = choose(1, 2)
    ends = [(i, i + 1) for i in range(count - 1)]  # one connected chain, and some that jump
    for _ in range(choose(0, 3)):
        a = choose(0, count - 2)
        ends.append((a, choose(a + 1, count - 1)))
    ends = [end for i, end in enumerate(ends) if sum(e[0] == end[0] for e in ends[:i]) < 4 and sum(e[1] == end[1] for e in ends[:i]) < 4]
    channels = [
        Channel(name=f"s{i}", depth=choose(1, 4), bits=1, latency=choose(1, 3), beats=repeats * choose(1, 4)) for i in range(len(ends))
    ]
    actors = []
    for actor in range(count):
        times = choose(1, repeats)
        times = times if repeats % times == 0 else 1
        reads, writes = ([i for i, end in enumerate(ends) if end[side] == actor] for side in (1, 0))
        each = {i: channels[i].beats // times for i in reads + writes}
        firings = bytearray(max(each.values()) + choose(0, 4))
        for bits, streams in ((READ, reads), (WRITE, writes)):
            for number, stream in enumerate(streams):
                places = list(range(len(firings)))
                for _ in range(each[stream]):
                    firings[places.pop(choose(0, len(places) - 1))] |= bits << number
        runs = (Run(bytes(firings), times), *([Run(b"\0", choose(1, 3))] if choose(0, 3) == 0 else []))
        runs = runs[:: 1 if choose(0, 1) else -1]
        names = ([channels[i].name for i in streams] for streams in (reads, writes))
        actors.append(Actor(name=f"p{actor}", runs=runs, reads=tuple(next(names)), writes=tuple(next(names)), stages=choose(1, 5)))
    order = sorted(actors, key=lambda _: choose(0, 9))
    return (
        Graph(actors=tuple(order), channels=tuple(channels), first="p0", last=f"p{count - 1}"),
        choose(1, 3),
        choose(0, 1) * choose(0, 20),
    )


def agree(drawn, frames, spacing):
    """Every event, every occupancy; whether it deadlocked."""
    found = core(drawn).run(
        depths=[channel.depth for channel in drawn.channels], frames=frames, spacing=spacing, settle=0, losing=0, trace=True
    )
    pipelines, fifos = cycle_model.simulate(drawn, frames, spacing)
    finished = min(pipeline.frame for pipeline in pipelines.values())
    assert found["stuck"] == (finished < frames)
    if found["stuck"]:
        # The core lets no process into a frame the others have not finished, so only what led to that frame is the same.
        pipelines, fifos = cycle_model.simulate(drawn, finished + 1, spacing)
    assert found["frames"] == finished
    for i, actor in enumerate(drawn.actors):
        pipeline = pipelines[actor.name]
        assert found["fired"][i] == pipeline.fired
        assert found["wrote"][i] == pipeline.wrote
        assert list(found["starts"][:, i]) == pipeline.starts[:finished]
        assert list(found["ends"][:, i]) == pipeline.ends[:finished]
        if actor.reads:
            assert (found["stalled"][i], found["starved"][i]) == pipeline.waited
        else:  # one that waits for a frame and for room at once may count either
            assert found["stalled"][i] + found["starved"][i] == sum(pipeline.waited)
    assert list(found["most"]) == [fifos[channel.name].most for channel in drawn.channels]
    return found["stuck"]


@settings(max_examples=300)
@given(st.data())
def test_every_event_is_that_of_the_cycle_model(data):
    agree(*random_graph(lambda low, high: data.draw(st.integers(low, high))))


def test_thousands_of_graphs_that_hypothesis_would_take_too_long_to_draw():
    generator = random.Random(1)
    stuck = sum(agree(*random_graph(generator.randint)) for _ in range(3000))
    assert 600 < stuck < 2400, "both kinds are common"
