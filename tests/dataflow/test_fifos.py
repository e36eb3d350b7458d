"""FIFO sizing: what it finds keeps the interval, and nothing less does."""

from pathlib import Path

import pytest
from hypothesis import Phase, given, settings

from dataflow import lower
from dataflow.fifos import LEAST, size
from dataflow.simulation import simulate
from dataflow.simulation_graph import Latencies, graph
from network import load
from tests.strategies import networks, written

ROOT = Path(__file__).parents[2]


def smaller(design, name, depth):
    """A step less, None where there is none."""
    if name in {link.dotted for link in design.links}:
        return depth // 2 if depth > 16 else None
    return depth - 1 if depth > LEAST else None


# Memory that answers at once: with the usual one, small networks have little else to wait for.
QUICK = Latencies(memory=1, pause=0)


def lags(design, interval, frames=50):
    """Cycles by which the second half of the frames, offered as fast as they are taken, falls behind the interval; None for a deadlock."""
    for latencies in (QUICK.shortest(), QUICK):
        run = simulate(graph(design, latencies=latencies), frames=frames)
        if run.deadlock:
            return None
    return run.ends[-1] - run.ends[frames // 2] - (frames - 1 - frames // 2) * interval


def test_smallest(sizing):
    """No FIFO can be a step less deep."""
    design, interval = sizing.design, sizing.interval
    assert lags(design, interval) == 0
    for name, depth in design.depths.items():
        less = smaller(design, name, depth)
        if less is not None:
            lag = lags(design.with_depths({name: less}), interval)
            assert lag is None or lag > 0, f"{name}: {less} beats would do instead of {depth}"


@pytest.fixture(params=["configs/digits.yaml", "tests/toy.yaml", "tests/own.yaml"])
def sizing(request):
    return size(lower(load(ROOT / request.param)), anew=True, latencies=QUICK)


@settings(max_examples=40, phases=[Phase.generate])
@given(networks(blocks=2))
def test_smallest_of_random_networks(tmp_path_factory, description):
    test_smallest(size(lower(written(description, tmp_path_factory.mktemp("drawn"))), latencies=QUICK))
