"""`doit report` as users run it, on reports as the tools leave them."""

from __future__ import annotations

from dataflow import plan
from network import load
from tests.test_dodo import project, ran
from tests.tools.builds import doit
from tests.vitis.reports import report_files as tools
from vitis.reports.views import OUTPUTS


def test_report(toy_yaml, tmp_path):
    chosen = project(toy_yaml, tmp_path)
    design, build, baseline = plan(load(toy_yaml)), tmp_path / "build" / "toy", tmp_path / "baseline.json"
    for ip in design.ips:
        tools.write_csynth(build, design, ip)

    result = doit(*chosen, "report")
    assert (result.returncode, ran(result)) == (0, ["report"])
    assert "541 cycles a frame, set by stem.conv" in result.stdout
    assert f"in {build / 'report'}: report.json, report.csv, report.html\n" in result.stdout
    assert sorted(path.name for path in (build / "report").iterdir()) == sorted(OUTPUTS)

    result = doit(*chosen, "report", "--baseline", baseline)
    assert result.returncode == 1
    assert f"      {baseline}: there is no such file\n" in result.stdout
    assert doit(*chosen, "report", "--baseline", baseline, "--record").returncode == 0
    result = doit(*chosen, "report", "--baseline", baseline)
    assert (result.returncode, f"; 5 IPs as in {baseline}\n" in result.stdout) == (0, True)

    tools.write_csynth(build, design, design.ip("res2a"), interval=300)
    result = doit(*chosen, "report", "--baseline", baseline)
    assert result.returncode == 1
    assert f"      {baseline}: 1 figure has moved\n          IP     figure    baseline  now\n" in result.stdout
    assert "          res2a  interval       228  300  +31.6%\n" in result.stdout


def test_a_damaged_report(toy_yaml, tmp_path):
    chosen = project(toy_yaml, tmp_path)
    path = tmp_path / "build" / "toy" / "synth" / "res2a" / "csynth.xml"
    tools.write(path, "<profile>\n")
    result = doit(*chosen, "report")
    assert result.returncode == 1
    assert "Traceback" not in result.stdout + result.stderr
    assert f"FAIL  report               \n      {path}:2: not an XML report\n" in result.stdout
