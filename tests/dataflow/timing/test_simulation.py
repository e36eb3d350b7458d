"""The timing simulation against a model that goes cycle by cycle, and against what people may expect of it."""

import random
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from dataflow import TimingError, plan
from dataflow.choose.explore import explore
from dataflow.choose.fold_search import search
from dataflow.firings import READ, WRITE, Run
from dataflow.layout.report import folding_data
from dataflow.timing.graph import Actor, Blocked, Channel, Graph, Latencies, actor_name, graph
from dataflow.timing.simulation import core, memory, simulate
from dataflow.timing.trial import timing_key
from network import load
from tests.dataflow.timing import cycle_model
from tests.strategies import networks, written

ROOT = Path(__file__).parents[3]


def random_graph(choose):
    """Forks and joins, any rates, any order of reads and writes, any depths: many of these deadlock. `choose(a, b)` is any of a to b."""
    count = choose(2, 6)
    repeats = choose(1, 2)
    ends = [(i, i + 1) for i in range(count - 1)]  # one connected chain, and some that jump
    for _ in range(choose(0, 3)):
        a = choose(0, count - 2)
        ends.append((a, choose(a + 1, count - 1)))
    ends = [end for i, end in enumerate(ends) if sum(e[0] == end[0] for e in ends[:i]) < 4 and sum(e[1] == end[1] for e in ends[:i]) < 4]
    channels = []
    for i in range(len(ends)):
        capacity, latency, beats = choose(1, 4), choose(1, 3), repeats * choose(1, 4)
        in_flight = choose(0, capacity - 1)
        channels.append(Channel(name=f"s{i}", depth=capacity - in_flight, bits=1, latency=latency, beats=beats, in_flight=in_flight))
    # What is in line with register slices is as deep as a beat a cycle needs, as the FIFO IP is.
    channels = [replace(each, slices=choose(0, 3)) if each.capacity > each.latency else each for each in channels]
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
        reads, writes = (tuple(next(names)) for _ in range(2))
        blocked = (Blocked.FREEZE, Blocked.DRAIN)[choose(0, 1)]
        actors.append(Actor(name=f"p{actor}", runs=runs, reads=reads, writes=writes, stages=choose(0, 5), blocked=blocked))
    order = sorted(actors, key=lambda _: choose(0, 9))
    return (
        Graph(actors=tuple(order), channels=tuple(channels), first="p0", last=f"p{count - 1}"),
        choose(1, 3),
        choose(0, 1) * choose(0, 20),
    )


@settings(max_examples=300)
@given(st.data())
def test_every_event_is_that_of_the_cycle_model(data):
    cycle_model.agree(*random_graph(lambda low, high: data.draw(st.integers(low, high))))


def test_thousands_of_graphs_that_hypothesis_would_take_too_long_to_draw():
    generator = random.Random(1)
    stuck = sum(cycle_model.agree(*random_graph(generator.randint)) for _ in range(3000))
    assert 600 < stuck < 2400, "both kinds are common"


def events(drawn, frames):
    return core(drawn).run(
        depths=[c.capacity for c in drawn.channels],
        frames=frames,
        spacing=0,
        interval=0,
        losing=0,
        recurring=False,
        arrivals={},
        recorded=[*range(len(drawn.actors))],
    )


def that(drawn, blocked):
    return replace(drawn, actors=tuple(replace(actor, blocked=blocked) for actor in drawn.actors))


def test_draining_is_never_slower_than_freezing_and_single_stages_deadlock_first():
    """Event by event; so depths that do for a pipeline that freezes do for one that drains, and one check for deadlock does for all.

    Some of these units have no stages at all, beside those that have one or more.
    """
    generator = random.Random(2)
    slower = stuck = 0
    for _ in range(1000):
        drawn, frames, _ = random_graph(generator.randint)
        frozen, drained = (events(that(drawn, blocked), frames) for blocked in (Blocked.FREEZE, Blocked.DRAIN))
        stuck += frozen["stuck"]
        if frozen["stuck"] or drained["stuck"]:
            first = tuple(replace(actor, stages=min(actor.stages, 1)) for actor in drawn.actors)
            bare = tuple(replace(each, slices=0) for each in drawn.channels)
            assert events(replace(drawn, actors=first, channels=bare), frames)["stuck"]
            continue
        for what in ("fired", "wrote"):
            for soon, late in zip(drained[what], frozen[what], strict=True):
                assert all(a <= b for a, b in zip(soon, late, strict=True))
                slower += list(soon) != list(late)
    assert slower > 200
    assert stuck > 200


def test_places_for_beats_in_flight_are_places():
    """A FIFO with some works as one that is so much deeper; `with_depths` leaves them as they are."""
    generator = random.Random(7)
    some = 0
    for _ in range(200):
        drawn, frames, spacing = random_graph(generator.randint)
        deeper = replace(drawn, channels=tuple(replace(each, depth=each.capacity, in_flight=0) for each in drawn.channels))
        one, other = (simulate(each, frames=frames, spacing=spacing) for each in (drawn, deeper))
        assert (list(one.ends), one.most, one.activity, one.deadlock) == (list(other.ends), other.most, other.activity, other.deadlock)
        assert (drawn.places, memory(drawn)) == (deeper.places, memory(deeper))
        in_flight = any(each.in_flight for each in drawn.channels)
        some += in_flight
        assert (timing_key(drawn, drawn.depths) == timing_key(deeper, drawn.depths)) == (not in_flight)
        assert drawn.with_depths({"s0": 9}).places["s0"] == 9 + drawn.channels[0].in_flight + 2 * drawn.channels[0].slices
    assert some > 100


def test_what_flows_with_single_stages_flows_in_rtl():
    """Units without stages, and places in each FIFO for the beats that are under way: those of the shortest way, one cycle."""
    generator = random.Random(5)
    stuck = 0
    for _ in range(2000):
        drawn, frames, _ = random_graph(generator.randint)
        bare = tuple(replace(each, slices=0, in_flight=0) for each in drawn.channels)
        single = replace(drawn, actors=tuple(replace(actor, stages=1) for actor in drawn.actors), channels=bare)
        ahead = tuple(replace(each, in_flight=1) for each in bare)
        rtl = replace(drawn, actors=tuple(replace(actor, stages=0) for actor in drawn.actors), channels=ahead)
        if events(rtl, frames)["stuck"]:
            stuck += 1
            assert events(single, frames)["stuck"]
    assert stuck > 200


def test_a_deadlock_of_units_without_stages_is_named():
    """`fork` has all it reads, but not all it writes; with a place more it goes on."""
    write, both, read = (bytes([WRITE]), 4), (bytes([READ | WRITE | WRITE << 1]), 4), bytes([READ] * 4 + [READ << 1] * 4)
    laid = Graph(
        actors=tuple(
            Actor(name=name, runs=(Run(*run),), reads=reads, writes=writes, stages=0)
            for name, run, reads, writes in (
                ("source", write, (), ("in",)),
                ("fork", both, ("in",), ("long", "short")),
                ("join", (read, 1), ("long", "short"), ()),
            )
        ),
        channels=tuple(
            Channel(name=name, depth=depth, bits=1, latency=2, beats=4, in_flight=1)
            for name, depth in (("in", 1), ("long", 1), ("short", 2))
        ),
        first="source",
        last="join",
    )
    cycle_model.agree(laid, 2, 0)
    stuck = simulate(laid, frames=2).deadlock
    assert str(stuck) == "fork writes short, which is full; join reads long, which is empty"
    assert stuck.full == ("short",)
    deeper = laid.with_depths({"short": 3})
    assert not cycle_model.agree(deeper, 2, 0)
    assert simulate(deeper, frames=2).most["short"] == 4


def test_a_deeper_fifo_can_cost_cycles_where_pipelines_freeze():
    """And never where they drain: why the depths that were found are all simulated."""
    generator = random.Random(3)
    found = {Blocked.FREEZE: 0, Blocked.DRAIN: 0}
    for _ in range(3000):
        drawn, frames, _ = random_graph(generator.randint)
        name = generator.choice(drawn.channels)
        for blocked in Blocked:
            shallow = that(drawn, blocked)
            deep = shallow.with_depths({name.name: name.depth + 1})
            before, after = events(shallow, frames), events(deep, frames)
            assert after["stuck"] <= before["stuck"]
            if not before["stuck"]:
                found[blocked] += bool((after["ends"] > before["ends"]).any())
    assert found[Blocked.FREEZE] > 0
    assert found[Blocked.DRAIN] == 0


def test_frames_that_recur():
    """Where a run stops because every later frame is the one before, `period` cycles later, a long one goes on like that."""
    generator = random.Random(4)
    recurred = 0
    for _ in range(500):
        drawn, _, _ = random_graph(generator.randint)
        depths = [channel.capacity for channel in drawn.channels]
        found = core(drawn).run(depths=depths, frames=20, spacing=0, interval=0, losing=0, recurring=True, arrivals={}, recorded=[])
        if not found["settled"]:
            continue
        recurred += 1
        long = core(drawn).run(depths=depths, frames=60, spacing=0, interval=0, losing=0, recurring=False, arrivals={}, recorded=[])
        assert (long["ends"][found["frames"] :] - long["ends"][found["frames"] - 1 : -1] == found["period"]).all()
    assert recurred > 100


@pytest.fixture(scope="module")
def digits():
    return plan(load(ROOT / "configs" / "digits.yaml"))


@pytest.mark.parametrize(
    "path", ["configs/digits.yaml", "configs/resnet18.yaml", "configs/resnet50_w1a2.yaml", "tests/toy.yaml", "tests/own.yaml"]
)
def test_depths_that_are_left_out_keep_the_slowest_process_busy(path):
    design = plan(load(ROOT / path))
    run = simulate(graph(design), frames=6)
    assert list(run.intervals[-2:]) == [design.interval] * 2


@settings(max_examples=60, phases=[Phase.generate])
@given(networks(blocks=2))
def test_depths_that_are_left_out_do_not_deadlock(tmp_path_factory, description):
    design = plan(written(description, tmp_path_factory.mktemp("drawn")))
    run = simulate(graph(design, latencies=Latencies().shortest()), frames=3)
    assert (run.frames, run.deadlock) == (3, None)


def test_a_projection_with_a_larger_kernel_than_the_main_branch_does_not_stop_the_block(tmp_path):
    text = (ROOT / "tests/toy.yaml").read_text()
    for kernel, of in (("kernel: 3, out: 4, pe: 2", "conv1"), ("kernel: 3, out: 6", "conv2")):
        text = text.replace(f"{of}:  {{{kernel}", f"{of}:  {{{kernel.replace('3', '1', 1)}", 1)
    (tmp_path / "toy.yaml").write_text(text.replace("bypass: {pe: 2", "bypass: {kernel: 3, pe: 2"))
    design = plan(load(tmp_path / "toy.yaml"))
    assert [conv.window.kernel for conv in design.network.blocks[0].layers] == [(1, 1), (1, 1), (3, 3)]
    run = simulate(graph(design, latencies=Latencies().shortest()), frames=6)
    assert (run.deadlock, list(run.intervals[-2:])) == (None, [design.interval] * 2)


def measured(design):
    """The interval with FIFOs of several frames, frames offered at once."""
    laid = graph(design)
    ample = laid.with_depths({channel.name: 4 * channel.beats for channel in laid.channels if not channel.is_register})
    return int(simulate(ample, frames=12).intervals[-1])


@settings(max_examples=60, phases=[Phase.generate])
@given(networks(blocks=2))
def test_the_interval_of_a_design_is_what_ample_fifos_give(tmp_path_factory, description):
    """The number that folding, fold, estimates of a rate and the xclbin's manifest say; the DMA sets it for some of these."""
    design = plan(written(description, tmp_path_factory.mktemp("drawn")))
    assert measured(design) == design.interval == graph(design).cycles == folding_data(design)["cycles"]
    assert {actor_name(ip, unit): unit.interval for ip in design.ips for unit in ip.units}.items() <= {
        actor.name: actor.cycles for actor in graph(design).actors
    }.items()


@settings(max_examples=5, phases=[Phase.generate])
@given(networks(blocks=1), st.floats(1, 20))
def test_a_folding_for_a_rate_reaches_it(tmp_path_factory, description, slower):
    """At rates on either side of one the loops alone would reach: without the cycle between frames it would be missed."""
    design = plan(written(description, tmp_path_factory.mktemp("drawn")))
    clock = design.network.clock_mhz * 1e6
    fewest = search(design.network.unfolded(), design.platform).fewest_cycles()
    exact = plan(replace(design.network.unfolded(), fps=int(clock / int(slower * fewest))))
    for fps in {int(clock / (exact.interval - 1)), int(clock / exact.interval), exact.network.fps}:
        if clock / fps < fewest:
            continue
        chosen = plan(replace(design.network.unfolded(), fps=fps))
        assert clock / measured(chosen) >= fps
        assert explore(design, fps=fps, want_fastest=False).chosen.frames_per_second >= fps


def test_a_frame(digits):
    """Busy, stalled and starved cycles make up the time of every process; what is offered late ends late."""
    run = simulate(graph(digits), frames=3)
    assert run.starts[0] == Latencies().memory
    activity = run.activity["res2a.conv2 mvu"]
    assert activity.busy == 3 * (2304 + 1), "with a cycle in which it begins anew"
    assert activity.stalled + activity.starved > 0
    assert activity.busy + activity.stalled + activity.starved <= run.ends[-1] + 1
    assert all(1 <= run.most[name] <= depth for name, depth in graph(digits).places.items())
    late = simulate(graph(digits), frames=3, spacing=10_000)
    assert list(late.ends - late.ends[0]) == [0, 10_000, 20_000]


def test_settled(digits):
    """It stops when nothing changes any more, and goes on where something does."""
    laid = graph(digits)
    for spacing in (laid.cycles, 0):
        kept = simulate(laid, frames=50, spacing=spacing, interval=laid.cycles)
        assert kept.settled
        assert kept.frames < 15
        further = simulate(laid, frames=kept.frames + 20, spacing=spacing)
        assert list(further.intervals[kept.frames - 1 :]) == [laid.cycles] * 20
    lost = simulate(laid, frames=50, spacing=laid.cycles - 1, interval=laid.cycles - 1)
    assert (lost.settled, lost.frames) == (False, 50)


def test_an_ip_alone(digits):
    alone = graph(digits, ips=["res2b"])
    assert {actor.name for actor in alone.actors if actor.name.endswith(("source", "sink"))} == {
        "res2b.codes_in source",
        "res3a.codes_in sink",
    }
    assert alone.cycles == digits.ip("res2b").interval
    assert simulate(alone, frames=4).intervals[-1] == alone.cycles


def test_a_width_converter_and_latencies(toy_yaml):
    """Between IPs: a FIFO, where the beats differ a converter, and a register for every SLR boundary."""
    design = plan(load(toy_yaml))
    found = {channel.name: channel for channel in graph(design, latencies=Latencies(fifo_ip=5, crossing=3)).channels}
    assert (found["stem.image"].latency, found["res2a.codes_in"].latency) == (5, 8)
    converted = [link.dotted for link in design.links if link.converts]
    for link in design.links:
        slices = [found[link.dotted].slices, *(found[name].slices for name in (f"{link.dotted} converted",) if link.converts)]
        assert slices == ([1, 1] if link.converts else [2]), "one in either port"
    assert [name for name in found if name.endswith("converted")] == [f"{name} converted" for name in converted]


def test_memory_and_restart(digits):
    """Frames of the slowest process are no longer than the loops say, unless its loop takes time to begin again."""
    slower = graph(digits, latencies=Latencies(restart=5))
    assert slower.cycles == digits.interval + 4
    assert simulate(slower, frames=8).intervals[-1] == digits.interval + 4
    bound = graph(digits, latencies=Latencies(memory=3000))
    assert bound.slowest.name in ("dma.image load", "dma.weights load")
    assert simulate(bound, frames=20, spacing=bound.cycles, interval=bound.cycles).settled
    assert not simulate(bound, frames=20, spacing=bound.cycles - 1, interval=bound.cycles - 1).settled


def test_deadlock(digits):
    """The circle of streams that are full or empty, each process waiting for the next."""
    shallow = graph(digits.with_depths({"res2b.bypass": 4}))
    stuck = simulate(shallow, frames=2)
    assert (stuck.frames, list(stuck.ends)) == (0, [])
    assert stuck.deadlock.full == ("res2b.bypass", "res2b.join_in")
    assert str(stuck.deadlock) == (
        "res2b.fork writes res2b.bypass, which is full; res2b.join_dwc dwc writes res2b.join_in, which is full; "
        "res2b.join reads res2b.conv2_out, which is empty; res2b.conv2_act search reads res2b.conv2_act_in, which is empty; "
        "res2b.conv2_act_dwc dwc reads res2b.conv2_sums, which is empty; res2b.conv2 mvu reads res2b.conv2_window, which is empty; "
        "res2b.conv2 swg reads res2b.conv1_out, which is empty; res2b.conv1 mvau reads res2b.conv1_window, which is empty; "
        "res2b.conv1 swg reads res2b.act, which is empty; res2b.entry table reads res2b.main_in, which is empty"
    )


def test_a_graph_that_does_not_add_up():
    read, write = Run(bytes([READ]), 2), Run(bytes([WRITE]), 3)
    source = Actor(name="source", runs=(write,), reads=(), writes=("s",), stages=1)
    sink = Actor(name="sink", runs=(read,), reads=("s",), writes=(), stages=1)
    channel = Channel(name="s", depth=2, bits=1, latency=1, beats=3)
    with pytest.raises(ValueError, match="sink moves 2 beats a frame through s, which carries 3"):
        Graph(actors=(source, sink), channels=(channel,), first="source", last="sink")
    with pytest.raises(ValueError, match="stream s: 0 readers, 1 writers; it needs one of each"):
        Graph(actors=(source,), channels=(channel,), first="source", last="source")


def test_without_the_extension(digits, monkeypatch):
    monkeypatch.setitem(sys.modules, "dataflow._native", None)
    with pytest.raises(TimingError) as error:
        simulate(graph(digits), frames=1)
    assert str(error.value) == (
        "dataflow._native: there is no such module\n"
        "  why: the timing simulation is a C++ extension, which pip install builds where there is a compiler\n"
        "  fix: install g++, then: pip install -e ."
    )
