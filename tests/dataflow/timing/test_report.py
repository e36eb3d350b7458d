from pathlib import Path

import pytest

from dataflow import TimingError, plan
from dataflow.timing.graph import graph
from dataflow.timing.report import print_timing, timing_data
from dataflow.timing.simulation import simulate
from dataflow.timing.sizing import require_flow
from network import load

CONFIGS = Path(__file__).parents[3] / "configs"


def test_timing(toy_yaml, capsys, golden):
    laid = graph(plan(load(toy_yaml)))
    print_timing(laid, simulate(laid, frames=4), spacing=0)
    golden("toy/timing.txt", capsys.readouterr().out)


def test_data_of_a_deadlock():
    laid = graph(plan(load(CONFIGS / "digits.yaml"))).with_depths({"res3b.bypass": 3})
    run = simulate(laid, frames=4)
    data = timing_data(laid, run)
    assert (data["interval"], data["first"], data["ends"], data["deadlock"]["cycle"]) == (None, None, [], run.deadlock.cycle)
    assert data["deadlock"]["waits"][0] == {"actor": "res3b.fork", "stream": "res3b.bypass", "full": True}


def test_a_deadlock():
    shallow = plan(load(CONFIGS / "digits.yaml")).with_depths({"res3b.bypass": 3})
    with pytest.raises(TimingError) as error:
        require_flow(shallow, frames=4)
    assert str(error.value) == (
        f"{CONFIGS / 'digits.yaml'}:36: res3b.bypass or res3b.join_in is too shallow: 3, 2\n"
        "  why: it deadlocks in cycle 9,117: res3b.fork writes res3b.bypass, which is full; "
        "res3b.join_dwc dwc writes res3b.join_in, which is full; res3b.join reads res3b.conv3_out, which is empty; "
        "res3b.conv3_act search reads res3b.conv3_act_in, which is empty; res3b.conv3_act_dwc dwc reads res3b.conv3_sums, which is empty; "
        "res3b.conv3 mvu reads res3b.conv2_out, which is empty; res3b.conv2 mvau reads res3b.conv2_window, which is empty; "
        "res3b.conv2 swg reads res3b.conv1_out, which is empty; res3b.conv1 mvau reads res3b.act, which is empty; "
        "res3b.entry table reads res3b.main_in, which is empty\n"
        "  fix: under res3b write fifos: {bypass: 31} or under res3b write fifos: {join_in: 112}"
    )
