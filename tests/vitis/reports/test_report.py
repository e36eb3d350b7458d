from __future__ import annotations

import csv
import json
from dataclasses import replace

import pytest

from codegen.errors import ToolError
from dataflow import Design, plan
from dataflow.cost.estimate import estimate_ip
from dataflow.cost.resources import Resources
from dataflow.unit import Backend
from network import load
from rtl.synthesis import STATISTICS, unit_name
from tests.vitis.reports import report_files as tools
from vitis.reports.report import Readings, Step, assemble, read
from vitis.reports.views import files, print_report

AREA = tuple(Resources(lut=40_000, ff=60_000, bram=60, uram=32, dsp=200) for _ in range(4))


@pytest.fixture(scope="module")
def toy(toy_yaml) -> Design:
    return plan(load(toy_yaml))


def estimates(design: Design) -> dict[str, Resources]:
    return {ip.name: replace(tools.invented(ip), lut=1000 * len(ip.units), dsp=0) for ip in design.ips}


@pytest.fixture(scope="module")
def built(toy, tmp_path_factory):
    """A build that has come to the link; co-simulation was run for two IPs."""
    build = tmp_path_factory.mktemp("built")
    for ip in toy.ips:
        tools.write_csynth(build, toy, ip)
    for name in ("res2a", "res2b"):
        tools.write_cosim(build, toy.ip(name))
    tools.write_utilization(build / "stitch" / "utilization.rpt", toy)
    tools.write_utilization(build / "link" / "utilization.rpt", toy, above=("level0_i", "ulp", "toy_1", "inst"))
    tools.write_timing(build / "stitch" / "timing.rpt")
    tools.write_timing(build / "link" / "timing.rpt", met=False)
    return build


def test_what_is_not_there_is_none(toy, tmp_path):
    report = read(toy, tmp_path)
    assert [(ip.csynth, ip.cosim, ip.estimate, ip.measured, ip.best, ip.interval) for ip in report.ips] == [(None,) * 6] * 5
    assert [(slr.area, slr.step, slr.used, slr.share("lut")) for slr in report.slrs] == [(None,) * 4] * 4
    assert (report.kernel, report.timing, report.releases, report.findings) == ({}, {}, (), ())
    assert (report.cycles, report.slowest) == (toy.interval, toy.bottleneck)


def test_every_step(toy, built):
    report = read(toy, built, estimates=estimates(toy), area=AREA)
    res2a = next(ip for ip in report.ips if ip.name == "res2a")
    invented = tools.invented(toy.ip("res2a"))
    placed = replace(invented, lut=round(0.8 * invented.lut), ff=round(0.9 * invented.ff))
    assert res2a.resources == {Step.ESTIMATE: estimates(toy)["res2a"], Step.CSYNTH: invented, Step.STITCH: placed, Step.LINK: placed}
    assert (res2a.measured, res2a.interval) == ((Step.LINK, placed), res2a.cycles + 11)
    here = [ip.best for ip in report.ips if ip.slr == 0]
    assert (report.slrs[0].step, report.slrs[0].used) == (Step.LINK, sum(here, Resources()))
    assert report.slrs[0].share("bram") == sum(numbers.bram for numbers in here) / 60
    assert (report.slrs[3].ips, report.slrs[3].used) == ((), None)
    # The kernel holds more than its IPs: FIFOs and reset registers.
    assert report.kernel[Step.LINK].lut > sum(ip.best.lut for ip in report.ips)
    assert report.timing[Step.STITCH].met
    assert report.releases == ("2022.2",)


def test_what_yosys_counts_stands_beside_the_estimate(toy, tmp_path, capsys):
    """Of other hardware than all that the vendor's tools report: it is no step, and changes nothing else."""
    ip = toy.ip("res2b")
    for unit in ip.units:
        path = tmp_path / "synth_open" / unit_name(ip, unit) / STATISTICS
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"modules": {"\\unit": {"num_cells_by_type": {"LUT6": 1234, "FDRE": 56, "RAMB18E2": 1}}}}))
    report = read(toy, tmp_path)
    assert {each.name: each.rtl for each in report.ips if each.rtl} == {
        "res2b": (Resources(lut=1234, ff=56, bram=0.5) * len(ip.units), estimate_ip(ip, Backend.RTL))
    }
    assert all(each.measured is None for each in report.ips)
    print_report(report)
    row = next(line for line in capsys.readouterr().out.splitlines() if f"{1234 * len(ip.units):,}" in line)
    assert row.split()[0] == "res2b"
    assert f"{estimate_ip(ip, Backend.RTL).lut:,}" in row
    written = files(report)
    data = {each["name"]: each["rtl"] for each in json.loads(written["report.json"])["ips"]}
    assert data["res2b"]["yosys"]["lut"] == 1234 * len(ip.units)
    assert data["res2a"] is None
    assert '<h2 id="rtl">' in written["report.html"]


def test_an_slr_is_summed_over_one_step(toy, tmp_path):
    """Of dma, stem and head only one is synthesized: the SLR is still what the estimate says."""
    tools.write_csynth(tmp_path, toy, toy.ip("stem"))
    report = read(toy, tmp_path, estimates=estimates(toy), area=AREA)
    expected = sum((estimates(toy)[name] for name in ("dma", "stem", "head")), Resources())
    assert (report.slrs[0].step, report.slrs[0].used) == (Step.ESTIMATE, expected)
    assert read(toy, tmp_path).slrs[0].used is None


def test_findings(toy, tmp_path):
    tools.write_csynth(tmp_path, toy, toy.ip("res2a"), period="3.71")
    tools.write_csynth(tmp_path, toy, toy.ip("res2b"), interval=2 * toy.interval)
    tools.write_cosim(tmp_path, toy.ip("stem"), passed=False)
    tools.write_timing(tmp_path / "link" / "timing.rpt", met=False)
    small = tuple(replace(area, bram=10) for area in AREA)
    bram = f"{sum(estimates(toy)[name].bram for name in ('dma', 'stem', 'head')):g}"
    assert read(
        toy, tmp_path, estimates={name: numbers for name, numbers in estimates(toy).items() if name[:3] != "res"}, area=small
    ).findings == (
        "stem: co-simulation failed, the RTL computes something else",
        "res2a: C synthesis expects a period of 3.71 ns where 3.65 ns are asked for",
        f"res2b: {2 * toy.interval:,} cycles a frame, slower than the slowest IP by design with {toy.interval:,}",
        f"SLR0: {bram} BRAM needed (estimate), 10 available",
        "SLR1: 22.5 BRAM needed (C synthesis), 10 available",
        "SLR2: 19.5 BRAM needed (C synthesis), 10 available",
        "timing of the linked design is not met: clk_kernel_00_unbuffered_net, clk_pcie to clk_kernel_00_unbuffered_net",
    )


def test_large_numbers_are_written_out(toy):
    report = assemble(toy, Readings(), estimates={"res2a": Resources(lut=1_234_567)}, area=AREA)
    assert report.findings == ("SLR1: 1,234,567 LUT needed (estimate), 40,000 available",)


@pytest.mark.parametrize("field", ["top", "part"])
def test_a_report_of_something_else(toy, tmp_path, field):
    path = tmp_path / "synth" / "res2a" / "csynth.xml"
    other = {"top": ("resflow_res2a", "resflow_res2b"), "part": ("xcu250-figd2104-2L-e", "xcu50-fsvh2104-2-e")}[field]
    tools.write_csynth(tmp_path, toy, toy.ip("res2a"))
    path.write_text(path.read_text().replace(*other))
    with pytest.raises(ToolError) as error:
        read(toy, tmp_path)
    assert str(error.value) == (
        f"{path}: a report about {other[1]}\n  why: it should be about {other[0]}\n  fix: run it again: doit synth:res2a"
    )


def test_a_card_without_the_kernel(toy, tmp_path):
    path = tmp_path / "link" / "utilization.rpt"
    tools.write_utilization(path, toy, above=("level0_i", "ulp"))
    with pytest.raises(ToolError) as error:
        read(toy, tmp_path)
    assert str(error.value) == (
        f"{path}: no cell toy_1\n  why: the kernel's compute unit has that name on the card\n"
        "  fix: report the utilization of the whole card: report_utilization -hierarchical, without a limit of depth"
    )


def test_text_where_there_is_no_xml(toy, tmp_path):
    path = tmp_path / "synth" / "res2a" / "csynth.rpt"
    tools.write(path, (tools.FIXTURES / "csynth_2019.2.rpt").read_text().replace("'res2a'", "'resflow_res2a'"))
    assert read(toy, tmp_path).releases == ("2019.2",)


def test_terminal(toy, built, golden, capsys):
    print_report(read(toy, built, estimates=estimates(toy), area=AREA))
    golden("toy/report/terminal.txt", capsys.readouterr().out)


def test_terminal_of_nothing(toy, capsys):
    print_report(assemble(toy, Readings()))
    out = capsys.readouterr().out
    assert "not known for all its IPs" in out
    assert out.endswith(" frames/s at 200 MHz by design\n")


def test_files(toy, built, golden):
    written = files(read(toy, built, estimates=estimates(toy), area=AREA))
    for name, text in written.items():
        golden(f"toy/report/{name}", text)
    assert written == files(read(toy, built, estimates=estimates(toy), area=AREA))
    assert str(built) not in "".join(written.values())


def test_json(toy, built):
    report = json.loads(files(read(toy, built))["report.json"])
    stem = next(ip for ip in report["ips"] if ip["name"] == "stem")
    assert (stem["cosim"], "estimate" in stem["resources"], stem["resources"]["csynth"]["lut"]) == (
        None,
        False,
        tools.invented(toy.ip("stem")).lut,
    )
    assert report["slrs"][0]["area"] is None
    assert report["timing"]["link"]["met"] is False


def test_csv(toy, built):
    rows = list(csv.DictReader(files(read(toy, built))["report.csv"].splitlines()))
    assert [row["ip"] for row in rows] == [ip.name for ip in toy.ips]
    stem, res2a = rows[1], rows[2]
    assert (stem["cosim_interval"], stem["estimate_lut"], stem["link_dsp"]) == ("", "", "0")
    assert (res2a["cosim_passed"], int(res2a["cosim_interval"])) == ("True", toy.ip("res2a").interval + 11)
