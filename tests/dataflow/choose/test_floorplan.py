"""The floorplan against every assignment there is, on problems small enough to try them all."""

import time
from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow import plan
from dataflow.choose.floorplan import GAP, TOLERANCE, Placement, Problem, Weights, Wires, balanced, feasible, moved, place, problem, solve
from dataflow.cost.resources import KINDS, Resources
from network import load
from network.layers import Ram
from tests.test_configs import CONFIGS


@st.composite
def problems(draw, ips=5):
    """A chain of IPs with a stream back to its start, on two or three SLRs; the first may be a DMA, whose SLR is given."""
    count, slrs, has_dma = draw(st.integers(2, ips)), draw(st.integers(2, 3)), draw(st.booleans())
    amounts = st.builds(
        Resources, lut=st.integers(0, 50), ff=st.integers(0, 50), bram=st.sampled_from([0, 0.5, 3, 8]), dsp=st.integers(0, 9)
    )
    wires = st.integers(2, 300)
    streams = [Wires(source=i, sink=i + 1, wires=draw(wires)) for i in range(count - 1)]
    return Problem(
        ips=("dma" if has_dma else "ip0", *(f"ip{i}" for i in range(1, count))),
        costs=tuple(draw(amounts) for _ in range(count)),
        streams=(*streams, Wires(source=count - 1, sink=0, wires=draw(wires))),
        given=(0, *(draw(st.sampled_from([None, None, None, 0, 1])) for _ in range(count - 1))),
        budgets=tuple(
            Resources(lut=draw(st.integers(40, 120)), ff=120, bram=draw(st.sampled_from([4, 12, 30])), uram=0, dsp=20) for _ in range(slrs)
        ),
        sll=draw(st.sampled_from([100, 400, 2000])),
    )


def assignments(problem):
    choices = [range(len(problem.budgets)) if given is None else [given] for given in problem.given]
    return product(*choices)


def excess(problem, slrs):
    """How far the worst budget is exceeded, as a fraction of it."""
    over = [
        (getattr(used, kind) - getattr(budget, kind)) / max(getattr(budget, kind), 1)
        for used, budget in zip(problem.used(slrs), problem.budgets, strict=True)
        for kind in KINDS
    ]
    return max(0, *over, *((wires - problem.sll) / problem.sll for wires in problem.crossings(slrs)))


@settings(max_examples=60)
@given(problems())
def test_nothing_is_better(problem):
    found = solve(problem).slrs
    assert all(given in (None, slr) for given, slr in zip(problem.given, found, strict=True))
    fitting = [slrs for slrs in assignments(problem) if problem.holds(slrs)]
    if fitting:
        assert problem.holds(found)
        assert sum(problem.crossings(found)) == min(sum(problem.crossings(slrs)) for slrs in fitting)
    else:
        least = min(excess(problem, slrs) for slrs in assignments(problem))
        assert excess(problem, found) <= least * (1 + GAP) + TOLERANCE + 1e-4
    assert solve(problem).slrs == found


@st.composite
def with_weights(draw):
    """Some of the IPs hold weights, which may lie in two or three memories."""
    drawn = draw(problems(ips=3))
    lut, bram, uram = (Resources(**{kind: draw(st.integers(1, most))}) for kind, most in (("lut", 60), ("bram", 12), ("uram", 3)))
    costs = ((Ram.LUT, lut), (Ram.BRAM, bram), (Ram.URAM, uram))
    weights = [
        Weights(layer=f"layer{number}", ip=draw(st.integers(0, len(drawn.ips) - 1)), costs=costs[: draw(st.integers(2, 3))], chosen=0)
        for number in range(draw(st.integers(1, 3)))
    ]
    budgets = tuple(replace(budget, uram=draw(st.integers(0, 4))) for budget in drawn.budgets)
    return replace(drawn, weights=tuple(weights), budgets=budgets)


@settings(max_examples=25)
@given(with_weights())
def test_weights_lie_where_they_fit(problem):
    """Against every assignment in every combination of memories: budgets are kept where that is possible, by those of the design if by any."""
    found = solve(problem)
    everywhere = list(product(*(range(len(each.costs)) for each in problem.weights)))
    fitting = {memories: [slrs for slrs in assignments(problem) if problem.settled(memories).holds(slrs)] for memories in everywhere}
    assert problem.admits(*found)
    assert feasible(problem) == any(fitting.values())
    assert problem.settled(found.memories).holds(found.slrs) == any(fitting.values())
    if fitting[problem.present]:
        assert found.memories == problem.present
    whole, there = problem.settled(balanced(problem)).costs, sum(problem.budgets, Resources())
    kept = {memories: sum(problem.settled(memories).costs, Resources()).within(there) for memories in everywhere}
    assert sum(whole, Resources()).within(there) == any(kept.values())
    cache = {}
    assert place(problem, cache) == place(problem, cache)
    assert place(problem, {problem.key: [0] * len(problem.ips)}).memories == place(problem).memories  # without memories it is damaged


@settings(max_examples=30)
@given(problems(ips=4))
def test_moves_keep_the_budgets(problem):
    moves = moved(problem)
    free = replace(problem, given=(0 if "dma" in problem.ips else None, *[None] * (len(problem.ips) - 1)))
    assert (moves is None) == (not any(problem.holds(slrs) for slrs in assignments(free)))
    if moves is not None:
        slrs = [moves.get(name, given) for name, given in zip(problem.ips, problem.given, strict=True)]
        assert problem.holds(slrs)


def test_solutions_are_remembered():
    small = Resources(lut=10)
    task = Problem(
        ips=("a", "b"),
        costs=(small, small),
        streams=(Wires(source=0, sink=1, wires=10),),
        given=(0, None),
        budgets=(small, small),
        sll=100,
    )
    cache = {}
    assert place(task, cache).slrs == (0, 1)
    assert cache == {task.key: [0, 1]}
    cache[task.key] = [0, 0]  # whatever was found before
    assert place(task, cache).slrs == (0, 0)
    for damaged in ([], [1, 0], [0, 7]):
        cache[task.key] = damaged
        assert place(task, cache).slrs == (0, 1)


def test_resnet50_on_the_u250():
    """Fewer crossing wires than the original's assignment by hand, budgets kept, in seconds."""
    described = load(CONFIGS / "resnet50_w1a2.yaml")
    by_hand = plan(described)
    given = [ip.slr for ip in by_hand.ips]
    original = problem(by_hand, given)
    began = time.monotonic()
    free = problem(by_hand, [0, *[None] * 18])
    found = solve(free).slrs
    assert time.monotonic() - began < 30
    assert original.holds(given)
    assert free.holds(found)
    assert sum(original.crossings(given)) == 332  # placed for wider streams, and kept
    assert sum(free.crossings(found)) == 92


def test_what_is_left_out_is_chosen(toy_yaml, tmp_path):
    text = toy_yaml.read_text()
    path = tmp_path / "toy.yaml"
    path.write_text(text.replace("    slr: 1\n", "").replace("    slr: 2\n", ""))
    design = plan(load(path))
    assert [ip.slr for ip in design.ips] == [0, 0, 0, 0, 0]
    assert [block.slr for block in design.network.blocks] == [0, 0]
    assert plan(load(toy_yaml)).ip("res2b").slr == 2


def test_memories_are_those_of_the_floorplan(toy_yaml, tmp_path, monkeypatch):
    """Where the floorplan wants other memories than the search chose, the design has those; a memory that is described stays."""
    path = tmp_path / "toy.yaml"
    text = toy_yaml.read_text()
    path.write_text(f"constants: loaded\n{text}")
    before = plan(load(path))
    asked = []

    def elsewhere(task, _cache):
        asked.append(task)
        return Placement(tuple(given or 0 for given in task.given), tuple((each.chosen + 1) % len(each.costs) for each in task.weights))

    monkeypatch.setattr("dataflow.choose.floorplan.place", elsewhere)
    after = plan(load(path))
    wanted = {each.layer: each.costs[(each.chosen + 1) % len(each.costs)][0] for each in asked[0].weights}
    assert len(wanted) > 3
    for old, new in zip(before.network.convs, after.network.convs, strict=True):
        assert new.holding.memory is wanted.get(new.name, old.holding.memory)
    described = text.replace("conv1:  {", "conv1:  {memory: uram, ", 1)
    path.write_text(f"constants: loaded\n{described}")
    assert next(conv for conv in plan(load(path)).network.convs if conv.name == "res2a.conv1").holding.memory is Ram.URAM
