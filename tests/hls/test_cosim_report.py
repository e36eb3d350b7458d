from __future__ import annotations

import pytest

from hls.cosim_report import Cosim, Cycles, read_cosim
from tests.report_fixtures import FIX, REPORTS, edited, error, withstands

NAMES = [path.name for path in sorted(REPORTS.glob("cosim_*")) if "none" not in path.name]
LATENCY, INTERVAL = Cycles(233, 240, 251), Cycles(127, 127, 129)


@pytest.mark.parametrize(
    ("name", "passed", "latency", "interval"),
    [
        ("cosim_2019.2.rpt", True, LATENCY, INTERVAL),
        ("cosim_2022.2.rpt", True, LATENCY, INTERVAL),
        ("cosim_2022.2_one_call.rpt", True, LATENCY, None),
        ("cosim_2022.2_fail.rpt", False, None, None),
    ],
)
def test_every_layout(name, passed, latency, interval):
    assert read_cosim(REPORTS / name) == Cosim(language="Verilog", passed=passed, latency=latency, interval=interval)


def test_vhdl(tmp_path):
    path = edited(tmp_path, "cosim_2019.2.rpt", ("VHDL", "----"), ("Verilog", "   VHDL"))
    assert read_cosim(path).language == "VHDL"


@pytest.mark.parametrize("name", NAMES)
def test_damage(name, tmp_path):
    cut, changed = withstands(read_cosim, name, tmp_path)
    assert cut > 10
    assert changed > 5


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("cosim_2022.2_none.rpt", (), "<file>:11: no language was simulated\n  why: every row of the table says NA"),
        ("cosim_2022.2.rpt", (("Pass", "Soso"),), "<file>:12: status 'Soso'\n  why: the status is Pass or Fail"),
        (
            "cosim_2022.2.rpt",
            (("|            233|", "|            2.5|"),),
            "<file>:12: latency: '2.5' is not a number\n  why: it is counted in whole numbers",
        ),
        (
            "cosim_2022.2.rpt",
            (("|            233|", "|"),),
            "<file>:12: the languages: 8 cells in a table of 9\n  why: every row has a cell for each column",
        ),
        (
            "csynth_2022.2.xml",
            (),
            "<file>:130: ends without the table of a report of co-simulation\n  why: the report is cut off, or is another kind of report",
        ),
    ],
)
def test_errors(name, changes, message, tmp_path):
    assert error(read_cosim, edited(tmp_path, name, *changes)) == message + FIX
