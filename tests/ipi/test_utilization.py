from __future__ import annotations

import pytest

from dataflow.cost.resources import Resources
from ipi.utilization import read_utilization
from tests.report_fixtures import FIX, REPORTS, edited, error, withstands

NAMES = sorted(path.name for path in REPORTS.glob("utilization_*"))


@pytest.mark.parametrize("name", NAMES)
def test_every_layout(name):
    found = read_utilization(REPORTS / name)
    assert (found.top.name, found.top.resources) == ("toy_bd_wrapper", Resources(lut=20105, ff=24310, bram=13.5, dsp=9))
    assert [(cell.depth, cell.name) for cell in found.cells[:4]] == [(0, "toy_bd_wrapper"), (1, "toy_bd_i"), (2, "dma"), (3, "inst")]
    res2a = found.below("res2a")
    assert res2a.top.resources == Resources(lut=4500, ff=4000, bram=2.5, dsp=2)
    assert [cell.name for cell in res2a.cells] == ["res2a", "inst", "conv1_U0"]  # (inst) is what inst holds itself
    assert found.below("stem").cells[-1].name == "stem"
    assert found.below("res9z") is None


def test_the_outermost_cell_of_a_name(tmp_path):
    path = edited(tmp_path, "utilization_2024.2.rpt", ("|       inst          | dma ", "|       res2a         | dma "))
    assert read_utilization(path).below("res2a").top.resources.lut == 4500


@pytest.mark.parametrize("name", NAMES)
def test_damage(name, tmp_path):
    cut, changed = withstands(read_utilization, name, tmp_path)
    assert cut > 20
    assert changed > 5


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        (
            "utilization_2024.2.rpt",
            (("|       4500 |", "|        n/a |"),),
            "<file>:33: res2a: 'n/a' is not a number\n  why: resources are counted in whole numbers",
        ),
        (
            "utilization_2019.2.rpt",
            (("DSP48 Blocks", "Multipliers "),),
            "<file>:23: no column DSP Blocks\n"
            "  why: there are Instance, Module, Total LUTs, Logic LUTs, LUTRAMs, SRLs, FFs, RAMB36, RAMB18, URAM, Multipliers",
        ),
        (
            "utilization_2022.2.xml",
            (('contents="Instance"', 'contents="Site Type"'),),
            "<file>:2: no table with a column Instance\n  why: report_utilization -hierarchical writes one",
        ),
        (
            "timing_2019.2.rpt",
            (),
            "<file>:90: ends without the table Utilization by Hierarchy\n  why: the report is cut off, or is another kind of report",
        ),
    ],
)
def test_errors(name, changes, message, tmp_path):
    assert error(read_utilization, edited(tmp_path, name, *changes)) == message + FIX
