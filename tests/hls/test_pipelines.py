"""Pipelines as reports of C synthesis describe them, in the timing simulation."""

import json

import pytest

from codegen.errors import ToolError
from dataflow import plan
from dataflow.timing.graph import Latencies, Scheduled, graph
from dataflow.timing.simulation import simulate
from dataflow.timing.sizing import size
from dataflow.unit import Backend
from hls.pipelines import scheduled
from network import load
from tests.report_fixtures import edited
from tests.test_dodo import project
from tests.tools.builds import doit
from tests.tools.installation import Installation
from tests.tools.programs import quick_compiler


@pytest.fixture
def toy(toy_yaml):
    return plan(load(toy_yaml))


def report(folder, ip, *changes, name="csynth_2022.2.xml"):
    """A report of one IP, in the folder of its synthesis."""
    (folder / ip).mkdir()
    edited(folder / ip, name, (">res2a<", f">resflow_{ip}<"), *changes).rename(folder / ip / "csynth.xml")


def test_units_are_found_by_the_names_of_their_modules(toy, tmp_path):
    """Depth 8: the result is written 7 cycles after the read. What has no report, or is not among the modules, is assumed."""
    assert scheduled(toy, tmp_path) == {}
    report(tmp_path, "res2a")
    found = scheduled(toy, tmp_path)
    assert found == {"res2a.conv1 mvau": Scheduled(stages=7, idle=1), "res2a.out_dwc dwc": Scheduled(stages=1, idle=None)}
    laid = graph(toy, latencies=Latencies(scheduled=found))
    stages = {actor.name: actor.stages for actor in laid.actors}
    assumed = next(unit for unit in toy.ip("res2a").units if unit.label == "conv2 mvu").latency[Backend.HLS]
    assert (stages["res2a.conv1 mvau"], stages["res2a.conv2 mvu"]) == (7, assumed)
    units = sum(len(ip.units) for ip in toy.ips)
    assert laid.sources == (2, units - 2)
    assert str(laid.sources) == f"Pipeline depths of 2 units are those C synthesis reports; of {units - 2} they are assumed."
    assert str(graph(toy).sources) == (
        f"Pipeline depths of all {units} units are assumed; they are read from the reports that doit synth leaves."
    )


def test_the_prefix_of_an_ip_and_names_that_only_begin_alike(toy, tmp_path):
    report(tmp_path, "res2a", (">mvau_Conv1_s<", ">resflow_res2a_mvau_Conv1_s<"), (">dwc_OutDwc_Pipeline_Dwc_Beats<", ">dwc_OutDwc2_s<"))
    assert scheduled(toy, tmp_path).keys() == {"res2a.conv1 mvau"}


@pytest.mark.parametrize("module", ["mvau_Conv1_s", "conv1_loaded", "conv1_loaded_Pipeline_Mvau_Tiles"])
def test_a_unit_whose_constants_are_loaded(module, toy_yaml, tmp_path):
    """Its loop is in a module of its own or in that of the function that takes its constants, whose other loops run for loads only."""
    (tmp_path / "toy.yaml").write_text("constants: loaded\n" + toy_yaml.read_text())
    loaded = plan(load(tmp_path / "toy.yaml"))
    report(
        tmp_path,
        "res2a",
        (">mvau_Conv1_s<", f">{module}<"),
        (">dwc_OutDwc_Pipeline_Dwc_Beats<", ">conv1_loaded_Pipeline_Take_Parts<"),
        ("Dwc_Beats>", "Take_Parts>"),
        ("<Dwc_Beats", "<Take_Parts"),
    )
    assert scheduled(loaded, tmp_path) == {"res2a.conv1 mvau": Scheduled(stages=7, idle=1)}


def test_what_waits_for_memory_is_not_read(toy, tmp_path):
    """Its loop's depth includes the cycles HLS expects memory to take, which the model has elsewhere."""
    report(tmp_path, "dma", (">mvau_Conv1_s<", ">load_Image_s<"), (">dwc_OutDwc_Pipeline", ">unpack_Image_Pipeline"))
    assert scheduled(toy, tmp_path) == {"dma.image unpack": Scheduled(stages=1, idle=None)}


def test_a_report_of_vivado_hls_has_no_modules(toy, tmp_path):
    report(tmp_path, "res2a", name="csynth_2019.2.xml")
    assert scheduled(toy, tmp_path) == {}


def test_a_report_of_another_ip(toy, tmp_path):
    report(tmp_path, "res2a", (">resflow_res2a<", ">resflow_res2b<"))
    with pytest.raises(ToolError, match="a report about resflow_res2b"):
        scheduled(toy, tmp_path)


def test_a_loop_that_is_rewound_without_delay_begins_a_frame_at_once(toy):
    """Of the slowest unit, so that frames follow a cycle sooner; and the depths are sized for that."""
    quick = {name: Scheduled(stages=10, idle=0) for name in ("stem.conv mvau",)}
    laid = graph(toy, latencies=Latencies(scheduled=quick))
    assert laid.cycles == toy.interval - 1
    assert simulate(laid, frames=8).intervals[-1] == toy.interval - 1
    assert size(toy, latencies=Latencies(scheduled=quick)).interval == toy.interval - 1


@pytest.mark.parametrize(("release", "is_listed"), [("2019.2", False), ("2024.2", True)])
def test_from_synthesis_to_the_simulation(release, is_listed, toy_yaml, tmp_path, monkeypatch):
    """With stand-ins for the tools: what synthesis leaves is what timing, fifos and predict take, and they say so."""
    monkeypatch.setenv("RESFLOW_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CXX", str(quick_compiler(tmp_path)))
    chosen = project(toy_yaml, tmp_path)
    design = plan(load(toy_yaml))
    units = [unit for ip in design.ips for unit in ip.units]
    of_memory = sum(unit.memory is not None for unit in units)

    def tables():
        said = {}
        for task in ("timing", "fifos", "predict"):
            result = doit(*chosen, task, "--json", tmp_path / f"{task}.json")
            assert result.returncode == 0, result.stdout + result.stderr
            said[task] = json.loads((tmp_path / f"{task}.json").read_text()), result.stdout
        return said

    before = tables()
    assert {tuple(data["pipelines"].values()) for data, _ in before.values()} == {(0, len(units))}
    result = doit("-n", 2, *chosen, "synth", env=Installation(tmp_path / "tools", release).environment)
    assert result.returncode == 0, result.stdout + result.stderr
    after = tables()
    expected = (len(units) - of_memory, of_memory) if is_listed else (0, len(units))
    assert {tuple(data["pipelines"].values()) for data, _ in after.values()} == {expected}
    sentence = (
        f"Pipeline depths of {expected[0]} units are those" if is_listed else f"Pipeline depths of all {len(units)} units are assumed"
    )
    assert all(sentence in text for _, text in after.values())
    moved = (before["timing"][0]["first"] != after["timing"][0]["first"], before["timing"][0]["interval"] != after["timing"][0]["interval"])
    assert moved == (is_listed, False), "the first frame takes as long as the pipelines are deep, the interval does not"
