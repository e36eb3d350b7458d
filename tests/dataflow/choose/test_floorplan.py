"""The floorplan against every assignment there is, on problems small enough to try them all."""

import time
from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow import plan
from dataflow.choose.floorplan import GAP, TOLERANCE, Problem, Wires, moved, place, problem, solve
from dataflow.cost.resources import KINDS, Resources
from network import load
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
