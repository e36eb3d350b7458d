from __future__ import annotations

import json
from dataclasses import replace

import pytest

from codegen.errors import ToolError
from dataflow import Design, plan
from network import load
from tests.vitis.reports import report_files as tools
from vitis.reports import baseline
from vitis.reports.report import read

KEY = "2022.2 xcu250-figd2104-2L-e"


@pytest.fixture(scope="module")
def toy(toy_yaml) -> Design:
    return plan(load(toy_yaml))


@pytest.fixture
def build(toy, tmp_path):
    for ip in toy.ips:
        tools.write_csynth(tmp_path, toy, ip)
    tools.write_cosim(tmp_path, toy.ip("res2a"))
    return tmp_path


@pytest.fixture
def recorded(toy, build):
    path = build / "baseline.json"
    path.write_text(baseline.record(path, read(toy, build)))
    return path


def test_recorded(toy, recorded):
    known = json.loads(recorded.read_text())
    assert list(known) == [KEY]
    assert list(known[KEY]) == [ip.name for ip in toy.ips]
    resources, interval = tools.invented(toy.ip("res2a")), toy.ip("res2a").interval + 11
    area = {"lut": resources.lut, "ff": resources.ff, "bram": resources.bram, "uram": 0, "dsp": 0}
    assert known[KEY]["res2a"] == {"interval": interval, "cosim interval": interval, **area}
    assert "cosim interval" not in known[KEY]["stem"]


def test_unmoved(toy, build, recorded):
    comparison = baseline.compare(recorded, read(toy, build))
    comparison.require_unmoved()
    assert str(comparison) == f"5 IPs as in {recorded}"


def test_another_release_is_another_baseline(toy, build, recorded):
    for ip in toy.ips:
        tools.write_csynth(build, toy, ip, release="2024.2")
    report = read(toy, build)
    with pytest.raises(ToolError) as error:
        baseline.compare(recorded, report)
    assert str(error.value) == (
        f"{recorded}: no figures for 2024.2 xcu250-figd2104-2L-e\n"
        "  why: a report is compared with figures of the same release and part\n"
        f"  fix: record them, review them, and keep them: doit report --baseline {recorded} --record"
    )
    before = json.loads(recorded.read_text())[KEY]
    recorded.write_text(baseline.record(recorded, report))
    known = json.loads(recorded.read_text())
    assert (list(known), known[KEY]) == ([KEY, "2024.2 xcu250-figd2104-2L-e"], before)
    baseline.compare(recorded, report).require_unmoved()


def test_no_file(toy, build):
    with pytest.raises(ToolError) as error:
        baseline.compare(build / "none.json", read(toy, build))
    assert str(error.value).startswith(f"{build}/none.json: there is no such file\n  why: ")


@pytest.mark.parametrize("factor", [0.979, 0.981, 1.0, 1.019, 1.021])
def test_cycles_may_move_by_two_percent(toy, build, recorded, factor):
    known = json.loads(recorded.read_text())
    known[KEY]["res2b"]["interval"] = 10_000
    recorded.write_text(json.dumps(known))
    tools.write_csynth(build, toy, toy.ip("res2b"), interval=round(10_000 * factor))
    assert bool(baseline.compare(recorded, read(toy, build)).moves) == (abs(factor - 1) > 0.02)


@pytest.mark.parametrize("factor", [0.89, 0.91, 1.09, 1.11])
def test_resources_may_move_by_ten_percent(toy, build, recorded, factor):
    tools.write_csynth(build, toy, toy.ip("res2b"), resources=replace(tools.invented(toy.ip("res2b")), lut=1000))
    recorded.write_text(baseline.record(recorded, read(toy, build)))
    tools.write_csynth(build, toy, toy.ip("res2b"), resources=replace(tools.invented(toy.ip("res2b")), lut=round(1000 * factor)))
    assert bool(baseline.compare(recorded, read(toy, build)).moves) == (abs(factor - 1) > 0.10)


def test_what_moved(toy, build, recorded):
    resources = tools.invented(toy.ip("res2a"))
    tools.write_csynth(build, toy, toy.ip("res2a"), interval=2000, resources=replace(resources, lut=2 * resources.lut, dsp=3))
    tools.write_csynth(build, toy, toy.ip("stem"), resources=replace(tools.invented(toy.ip("stem")), bram=1))
    with pytest.raises(ToolError) as error:
        baseline.compare(recorded, read(toy, build)).require_unmoved()
    interval = toy.ip("res2a").interval + 11
    lut, bram = f"{resources.lut:,}", f"{tools.invented(toy.ip('stem')).bram:g}"
    assert str(error.value) == (
        f"{recorded}: 4 figures have moved\n"
        "    IP     figure    baseline     now\n"
        f"    stem   bram      {bram:>8}       1  {1 / float(bram) - 1:>+7.1%}\n"
        f"    res2a  interval  {interval:>8}   2,000  {2000 / interval - 1:>+7.1%}\n"
        f"    res2a  lut       {lut:>8}  {2 * resources.lut:,}  +100.0%\n"
        "    res2a  dsp              0       3      new\n"
        "  why: cycles may move by 2%, resources by 10%\n"
        f"  fix: find out why; if it is intended, record them again: doit report --baseline {recorded} --record"
    )


def test_ips_that_come_and_go(toy, build, recorded):
    known = json.loads(recorded.read_text())
    del known[KEY]["head"]
    known[KEY]["res9z"] = {"lut": 5}
    recorded.write_text(json.dumps(known))
    comparison = baseline.compare(recorded, read(toy, build))
    comparison.require_unmoved()
    assert str(comparison) == f"4 IPs as in {recorded}, not in it: head, not synthesized: res9z"


def test_two_releases_in_one_build(toy, build):
    tools.write_csynth(build, toy, toy.ip("res2a"), release="2019.2")
    with pytest.raises(ToolError) as error:
        baseline.record(build / "b.json", read(toy, build))
    assert str(error.value) == (
        "toy: IPs synthesized by 2019.2 and 2022.2\n  why: a baseline belongs to one release of the tools\n"
        "  fix: synthesize the IPs with one: doit synth"
    )


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ('{\n"a": }', ":2", "not a baseline\n  why: not JSON: Expecting value: line 2 column 6 (char 7)"),
        ("[1]", "", "not a baseline: [1] at the top\n  why: it holds numbers by release and part, IP, and figure"),
        (
            '{"2022.2 p": {"res2a": 5}}',
            "",
            "not a baseline: 5 at 2022.2 p / res2a\n  why: it holds numbers by release and part, IP, and figure",
        ),
        (
            '{"2022.2 p": {"res2a": {"lut": "5"}}}',
            "",
            "not a baseline: '5' at 2022.2 p / res2a / lut\n  why: it holds numbers by release and part, IP, and figure",
        ),
    ],
)
def test_not_a_baseline(tmp_path, text, where, message):
    path = tmp_path / "b.json"
    path.write_text(text)
    with pytest.raises(ToolError) as error:
        baseline.load(path)
    assert str(error.value) == f"{path}{where}: {message}\n  fix: restore the file, or delete it and record it again"
