"""What a person reads as a table, read by a program: `doit <task> --json FILE`."""

import json
from dataclasses import asdict

import pytest

from dataflow import plan
from dataflow.choose.explore import explore
from dataflow.choose.fit import fit
from dataflow.choose.floorplan_report import floorplan_data
from dataflow.choose.fold_report import fold_data
from dataflow.cost.estimate import estimate_design, estimate_ip
from dataflow.cost.report import estimate_data
from dataflow.cost.resources import KINDS
from dataflow.layout.report import folding_data
from dataflow.timing.graph import graph
from dataflow.timing.prediction import Pipeline
from dataflow.timing.prediction_report import prediction_data
from dataflow.timing.report import timing_data
from dataflow.timing.simulation import simulate
from dataflow.timing.sizing import size
from dataflow.timing.sizing_report import fifos_data, original_bits
from network import load
from tests.tools.builds import doit


@pytest.fixture
def toy(toy_yaml):
    return plan(load(toy_yaml))


def test_estimate(toy):
    data = estimate_data(toy)
    assert data["total"] == asdict(estimate_design(toy))
    assert data["ips"]["res2a"] == asdict(estimate_ip(toy.ip("res2a")))
    for kind in KINDS:
        assert sum(ip[kind] for ip in data["ips"].values()) + data["links"][kind] == data["total"][kind]
        assert sum(slr[kind] for slr in data["slrs"]) == data["total"][kind]
    assert len(data["slrs"]) == toy.platform.slrs


def test_folding(toy):
    data = folding_data(toy)
    assert data["cycles"] == toy.interval == data["ips"][data["slowest"].partition(".")[0]]["cycles"]
    assert data["depths"] == toy.depths
    units = {unit["name"]: unit for unit in data["ips"]["res2a"]["units"] if unit["implementation"] == "mvau"}
    layer = toy.network.blocks[0].convs[0]
    assert (units["conv1"]["pe"], units["conv1"]["simd"]) == (layer.pe, layer.simd)


def test_floorplan(toy):
    data = floorplan_data(toy)
    assert data["placement"] == {ip.name: ip.slr for ip in toy.ips}
    assert (data["fits"], data["wires"]) == (True, list(fit(toy).wires))
    assert [name for slr in data["slrs"] for name in slr["ips"]] == sorted(data["placement"], key=lambda name: data["placement"][name])


def test_fold(toy):
    found = explore(toy, fps=None, want_fastest=False)
    data = fold_data(found)
    assert [point["cycles"] for point in data["points"]] == [point.cycles for point in found.points]
    assert data["chosen"]["cycles"] <= toy.interval
    assert data["chosen"]["folding"].keys() == {layer.name for layer in (*toy.network.convs, toy.network.head.fc)}
    fastest = data["fastest"]
    assert all(point["cycles"] >= fastest["cycles"] for point in data["points"] if point["fits"])
    assert fastest["fps"] == toy.network.clock_mhz * 1e6 / fastest["cycles"]


def test_timing(toy):
    laid = graph(toy)
    run = simulate(laid, frames=4)
    data = timing_data(laid, run)
    assert (data["interval"], data["first"], data["deadlock"]) == (run.intervals[-1], run.ends[0] - run.starts[0], None)
    assert data["units"].keys() == {actor.name for actor in laid.actors}
    unit = data["units"]["res2a.conv1 mvau"]
    assert unit["busy"] == 4 * unit["cycles"]
    assert all(fifo["most"] <= fifo["places"] >= fifo["depth"] for fifo in unit["fifos"].values())


def test_fifos(toy):
    sizing = size(toy)
    data = fifos_data(toy, sizing)
    assert (data["interval"], data["depths"], data["original_bits"]) == (sizing.interval, sizing.design.depths, original_bits(toy))
    assert data["bits"] <= data["described_bits"]
    assert data["proof"] == {"frames": sizing.proof.frames, "at_once": sizing.at_once}
    proved, tried = (data["one_step_less_fails"][how] for how in ("proved", "tried"))
    assert proved
    assert sorted(proved + tried) == sorted(sizing.needs)


def test_predict(toy):
    pipeline = Pipeline(clock_mhz=200, interval_cycles=540, latency_cycles=2_000)
    data = prediction_data(toy, pipeline, graph(toy).sources)
    assert data["interval_cycles"] == 540
    assert data["batches"][0] == pipeline.rate(1)._asdict()


@pytest.mark.parametrize(
    ("task", "keys"),
    [
        ("folding", {"cycles", "fps", "slowest", "ips", "depths"}),
        ("estimate", {"total", "ips", "links", "slrs", "loaded"}),
        ("floorplan", {"fits", "findings", "slrs", "wires", "most_wires", "placement"}),
        ("fold", {"points", "chosen", "fastest"}),
        ("timing", {"pipelines", "interval", "first", "ends", "deadlock", "units"}),
        ("fifos", {"pipelines", "interval", "bits", "described_bits", "original_bits", "depths", "proof", "one_step_less_fails"}),
        ("predict", {"clock_mhz", "interval_cycles", "latency_cycles", "call_us", "transfer_us", "pipelines", "batches", "published"}),
    ],
)
def test_tasks(task, keys, toy_yaml, tmp_path):
    result = doit(f"network={toy_yaml}", f"build={tmp_path}", task, "--json", tmp_path / "table.json")
    assert result.returncode == 0, result.stdout + result.stderr
    assert json.loads((tmp_path / "table.json").read_text()).keys() == keys


def test_a_folder_that_is_not_there(toy_yaml, tmp_path):
    result = doit(f"network={toy_yaml}", f"build={tmp_path}", "estimate", "--json", "nowhere/table.json")
    what = "error: --json nowhere/table.json: there is no folder nowhere\n"
    assert (result.returncode, result.stderr) == (
        1,
        f"{what}  why: the table is written to it\n  fix: make the folder, or choose another\n",
    )
