from __future__ import annotations

import pytest

from dataflow.cost.resources import Resources
from hls.csynth import Csynth, Loop, read_csynth
from tests.report_fixtures import FIX, REPORTS, edited, error, withstands

NAMES = sorted(path.name for path in REPORTS.glob("csynth_*"))
LOOPS = (
    Loop(module="mvau_Conv1_s", name="Mvau_Tiles", depth=8, delay=1),
    Loop(module="dwc_OutDwc_Pipeline_Dwc_Beats", name="Dwc_Beats", depth=1, delay=None),
)
RESOURCES = Resources(lut=4270, ff=3112, bram=2.5, uram=0, dsp=2)


def expected(release: str, **changes) -> Csynth:
    usual = {
        "top": "res2a",
        "part": "xcu250-figd2104-2L-e",
        "target_ns": 5.0,
        "uncertainty_ns": 0.62 if release < "2020" else 1.35,
        "estimated_ns": 3.428,
        "latency_cycles": 231,
        "interval_cycles": 127,
        "resources": RESOURCES,
    }
    return Csynth(release=release, **{**usual, **changes})


@pytest.mark.parametrize("name", NAMES)
def test_every_layout(name):
    release = name[7:13]
    unknown = {"latency_cycles": None, "interval_cycles": None}
    changes = {
        "csynth_2019.2_undef.xml": {"top": "dma", "part": "xc7z020clg484-1", **unknown},
        "csynth_2024.2.rpt": unknown,
    }
    modules = {"loops": LOOPS} if name in ("csynth_2022.2.xml", "csynth_2024.2.xml") else {}
    assert read_csynth(REPORTS / name) == expected(release, **changes.get(name, modules))


def test_clock():
    csynth = read_csynth(REPORTS / "csynth_2022.2.xml")
    assert csynth.meets_clock  # 3.428 of 5 - 1.35 ns
    assert not expected("2022.2", estimated_ns=3.7).meets_clock


@pytest.mark.parametrize("name", NAMES)
def test_damage(name, tmp_path):
    cut, changed = withstands(read_csynth, name, tmp_path)
    assert cut > 30
    assert changed > 5


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (
            "csynth_2022.2.xml",
            "</profile>",
            "",
            "<file>:131: not an XML report\n  why: the XML parser says: Premature end of data in tag profile line 1",
        ),
        (
            "csynth_2022.2.xml",
            "<LUT>4270",
            "<LUT>many",
            "<file>:43: <LUT>: 'many' is not of the expected form\n  why: it is counted in whole numbers",
        ),
        (
            "csynth_2022.2.xml",
            "<Version>2022.2",
            "<Version>next",
            "<file>:4: <Version>: 'next' is not of the expected form\n  why: releases of the tools are numbered like 2022.2",
        ),
        (
            "csynth_2022.2.xml",
            "<Part>xcu250-figd2104-2L-e</Part>\n",
            "",
            "<file>:7: no <Part> in <UserAssignments>\n  why: every report of this kind has one",
        ),
        (
            "csynth_2022.2.xml",
            "<FF>3112</FF>\n",
            "",
            "<file>:39: no FF among the resources\n  why: there are BRAM_18K, DSP, LUT, URAM",
        ),
        (
            "csynth_2022.2.xml",
            "profile>",
            "html>",
            "<file>:1: <html> is not a report of C synthesis\n  why: its outermost element is <profile>",
        ),
        (
            "csynth_2022.2.xml",
            "<PipelineDepth>8<",
            "<PipelineDepth>eight<",
            "<file>:88: <PipelineDepth>: 'eight' is not of the expected form\n  why: it is counted in whole numbers",
        ),
        (
            "csynth_2022.2.xml",
            "<PipelineDepth>1</PipelineDepth>\n",
            "",
            "<file>:107: no <PipelineDepth>\n  why: every report of this kind has one",
        ),
        (
            "csynth_2019.2.rpt",
            "|Total                |        5|",
            "|Total                |     many|",
            "<file>:59: BRAM_18K: 'many' is not a number\n  why: it is counted in whole numbers",
        ),
        (
            "csynth_2019.2.rpt",
            "|Total                |        5|      2|     3112|     4270|     0|\n",
            "",
            "<file>:66: the table of the resources has no Total\n  why: the resources are read from that row",
        ),
        (
            "csynth_2019.2.rpt",
            "|ap_clk  | 5.00 ns |",
            "|ap_clk  | 5.00 us |",
            "<file>:23: clock: '5.00 us' is not a period\n  why: clock periods are in ns",
        ),
        (
            "csynth_2019.2.rpt",
            "* Target device",
            "* Target",
            "<file>:72: ends without the part\n  why: the report is cut off, or is another kind of report",
        ),
    ],
)
def test_errors(name, old, new, message, tmp_path):
    assert error(read_csynth, edited(tmp_path, name, (old, new))) == message + FIX


def test_nothing_outside_the_file_is_read(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("4270")
    entity = f'<!DOCTYPE profile [<!ENTITY lut SYSTEM "{secret.as_uri()}">]>\n<profile>'
    path = edited(tmp_path, "csynth_2022.2.xml", ("<profile>", entity), ("<LUT>4270", "<LUT>&lut;"))
    assert error(read_csynth, path).startswith("<file>:44: <LUT> is empty\n")
