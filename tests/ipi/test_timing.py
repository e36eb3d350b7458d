from __future__ import annotations

import pytest

from ipi.timing import ClockSlack, Slack, Timing, read_timing
from tests.report_fixtures import FIX, REPORTS, edited, error, withstands

CLOCK, MET_AND_NOT = "clk_kernel_00_unbuffered_net", ("timing_2019.2.rpt", "timing_2022.2_not_met.rpt")


def slack(worst, total=0.0, failing=0) -> Slack:
    return Slack(worst_ns=worst, total_ns=total, failing=failing)


def test_met():
    assert read_timing(REPORTS / "timing_2019.2.rpt") == Timing(
        met=True, setup=slack(0.412), hold=slack(0.018), pulse=slack(1.958), failing=()
    )


def test_not_met():
    assert read_timing(REPORTS / "timing_2022.2_not_met.rpt") == Timing(
        met=False,
        setup=slack(-0.287, -1214.093, 8121),
        hold=slack(-0.011, -0.034, 5),
        pulse=slack(0.119),
        failing=(
            ClockSlack(name=CLOCK, setup=slack(-0.287, -1190.001, 8000), hold=slack(0.011)),
            ClockSlack(name=f"clk_pcie to {CLOCK}", setup=slack(-0.031, -24.092, 121), hold=slack(-0.011, -0.034, 5)),
        ),
    )


def test_a_name_longer_than_its_column(tmp_path):
    path = edited(tmp_path, "timing_2022.2_not_met.rpt", (f"{CLOCK}    -0.287", f"clk_of_a_kernel_with_a_very_long_name_{CLOCK}  -0.287"))
    assert read_timing(path).failing[0] == ClockSlack(
        name=f"clk_of_a_kernel_with_a_very_long_name_{CLOCK}", setup=slack(-0.287, -1190.001, 8000), hold=slack(0.011)
    )


def test_no_hold_checks(tmp_path):
    """A pair of clocks with setup slacks alone, and a design whose hold is not analysed."""
    pair = "    -0.031      -24.092                    121                 2733"
    hold = "       -0.011       -0.034                      5                 2733"
    path = edited(tmp_path, "timing_2022.2_not_met.rpt", (pair + hold, pair + " " * len(hold)))
    assert read_timing(path).failing[1].hold == Slack(worst_ns=None, total_ns=None, failing=0)
    summary = "        0.018        0.000                      0                51234"
    path = edited(tmp_path, "timing_2019.2.rpt", (summary, "           NA           NA                     NA                   NA"))
    assert read_timing(path).hold == Slack(worst_ns=None, total_ns=None, failing=0)


@pytest.mark.parametrize("name", MET_AND_NOT)
def test_damage(name, tmp_path):
    cut, changed = withstands(read_timing, name, tmp_path)
    assert cut > 60
    assert changed > 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            (("All user specified timing constraints are met.", "There are no user specified timing constraints."),),
            "<file>:44: no clock has a constraint\n  why: without a constraint there is no timing to check",
        ),
        (
            (("All user specified timing constraints are met.", "Timing constraints are not met."),),
            "<file>:41: endpoints fail, or none does, against the verdict in line 44\n  why: they must agree",
        ),
        (
            (
                (
                    "      0.412        0.000                      0                51234        0.018",
                    "      quick        0.000                      0                51234        0.018",
                ),
            ),
            "<file>:41: WNS(ns): 'quick' is not a number\n  why: slacks are in ns, endpoints are counted",
        ),
        (
            (("| Inter Clock Table", "| Another Table"),),
            "<file>:90: ends without the section Inter Clock Table\n  why: the report is cut off, or is another kind of report",
        ),
        (
            (("| Design Timing Summary", "| Summary"),),
            "<file>:90: ends without the section Design Timing Summary\n  why: the report is cut off, or is another kind of report",
        ),
    ],
)
def test_errors(changes, message, tmp_path):
    assert error(read_timing, edited(tmp_path, "timing_2019.2.rpt", *changes)) == message + FIX
