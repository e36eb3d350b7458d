"""The verdict of `require_flow` holds for all that a release may build: any pipelines, register slices or none, either rule of blocking."""

import random
from pathlib import Path

import pytest

from dataflow import TimingError, plan
from dataflow.timing.graph import Blocked, Latencies, Scheduled, actor_name, graph
from dataflow.timing.simulation import simulate
from dataflow.timing.sizing import require_flow
from network import load

ROOT = Path(__file__).parents[3]


def flows(design):
    try:
        require_flow(design)
    except TimingError:
        return False
    return True


@pytest.mark.parametrize("path", ["configs/digits.yaml", "tests/toy.yaml", "tests/own.yaml"])
def test_what_may_flow_is_what_nothing_can_stop(path):
    """Depths at random, around those of which a beat less deadlocks."""
    design = plan(load(ROOT / path))
    generator = random.Random(path)
    verdicts = {True: 0, False: 0}
    saved = 0
    for _ in range(60):
        bypasses = [name for name in design.depths if name.endswith(".bypass")]
        halved = generator.randint(0, 3)
        depths = {name: generator.randint(1, design.depths[name]) + 1 >> halved or 1 for name in bypasses}
        depths |= {name: generator.randint(1, design.depths[name]) for name in generator.sample(sorted(design.depths), 3)}
        shallow = design.with_depths(depths)
        verdict = flows(shallow)
        verdicts[verdict] += 1
        for blocked in Blocked:
            for slices in (0, 1):
                scheduled = {
                    actor_name(ip, unit): Scheduled(generator.randint(1, 14), generator.randint(0, 1))
                    for ip in design.ips
                    for unit in ip.units
                }
                latencies = Latencies(scheduled=scheduled, blocked=blocked, slices=slices)
                run = simulate(graph(shallow, latencies=latencies), frames=3)
                assert not (verdict and run.deadlock), f"{depths}: {run.deadlock}"
                saved += not verdict and run.deadlock is None
    assert verdicts[True] > 5
    assert verdicts[False] > 5
    assert saved > 0, "longer pipelines hold beats that single stages do not, where few are missing"
