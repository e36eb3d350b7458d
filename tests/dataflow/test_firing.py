"""The closed-form FIFO depths and cycle counts, tried out cycle by cycle."""

from pathlib import Path

import pytest
from hypothesis import Phase, given, settings

from dataflow import lower
from dataflow.firing import firings
from network import load
from tests.dataflow.cycle_model import simulate
from tests.strategies import networks, written

ROOT = Path(__file__).parents[2]


@settings(max_examples=60)
@given(networks(blocks=4))
def test_as_many_firings_as_cycles_and_beats(tmp_path_factory, description):
    design = lower(written(description, tmp_path_factory.mktemp("drawn")))
    for ip in design.ips:
        carried = {}
        for process in ip.processes:
            pattern = list(firings(process))
            assert len(pattern) == process.cycles, f"{ip.name}.{process.name}"
            for names, side in ((process.reads, 0), (process.writes, 1)):
                for i, name in enumerate(names):
                    carried.setdefault(name, []).append(sum(firing[side][i] for firing in pattern))
        for port in ip.ports:
            assert carried.pop(port.name) == [port.beats]
        assert all(len(counts) == 2 and counts[0] == counts[1] for counts in carried.values()), carried


@settings(max_examples=40, phases=[Phase.generate])
@given(networks(blocks=2))
def test_closed_form_depths_do_not_deadlock(tmp_path_factory, description):
    design = lower(written(description, tmp_path_factory.mktemp("drawn")))
    run = simulate(design, 2)
    assert len(run.ends) == 2, run.stuck


@pytest.mark.parametrize("path", ["configs/digits.yaml", "tests/toy.yaml", "tests/own.yaml"])
def test_closed_form_depths_keep_the_slowest_process_busy(path):
    design = lower(load(ROOT / path))
    run = simulate(design, 4)
    assert design.cycles <= run.ends[3] - run.ends[2] <= design.cycles * 1.005


def test_a_bypass_too_shallow_deadlocks():
    design = lower(load(ROOT / "configs" / "digits.yaml"))
    run = simulate(design, 1, depths={"res2b.bypass": 4})
    assert run.ends == []
    assert "res2b.bypass" in run.stuck
