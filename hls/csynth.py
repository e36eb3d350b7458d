"""What C synthesis says of an IP: clock, cycles, resources. All of it is the HLS tool's own estimate, made before Vivado.

Read from <top>_csynth.xml, or from <top>_csynth.rpt, in the layouts of vivado_hls 2019.2 to Vitis HLS 2024.2. They differ in the name of the
DSP slices (DSP48E, DSP), in how a title and a unit are written, and in whether a namespace stands on the root of the XML.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from codegen.report_text import UNKNOWN, ReportText, Row, damaged, line_of, read_xml
from dataflow.resources import Resources

CELLS = {"lut": ("LUT",), "ff": ("FF",), "bram": ("BRAM_18K",), "uram": ("URAM",), "dsp": ("DSP", "DSP48E")}
"""The tools' names of the resources, by ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Csynth:
    """C synthesis of one IP. Cycles are the worst case, for one call of the top function: a frame."""

    top: str
    release: str  # 2022.2
    part: str
    target_ns: float
    uncertainty_ns: float
    estimated_ns: float  # clock period that would just be met, uncertainty not included
    latency_cycles: int | None  # None: depends on data, as the DMA's does
    interval_cycles: int | None
    resources: Resources

    @property
    def meets_clock(self) -> bool:
        return self.estimated_ns <= self.target_ns - self.uncertainty_ns


def read_csynth(path: Path) -> Csynth:
    """Read a csynth.xml or csynth.rpt; raises ToolError when it is damaged or of an unknown layout."""
    return _read_xml(path) if path.suffix == ".xml" else _read_text(path)


def _read_xml(path: Path) -> Csynth:
    root = read_xml(path)
    if root.tag != "profile":
        raise damaged(path, line_of(root), f"<{root.tag}> is not a report of C synthesis", why="its outermost element is <profile>")
    timing, overall = "PerformanceEstimates/SummaryOfTimingAnalysis", "PerformanceEstimates/SummaryOfOverallLatency"
    counted = _inside(path, root, "AreaEstimates/Resources")
    return Csynth(
        top=_text(path, root, "UserAssignments/TopModelName"),
        release=_release(path, root, "ReportVersion/Version"),
        part=_text(path, root, "UserAssignments/Part"),
        target_ns=_nanoseconds(path, root, "UserAssignments/TargetClockPeriod"),
        uncertainty_ns=_nanoseconds(path, root, "UserAssignments/ClockUncertainty"),
        estimated_ns=_nanoseconds(path, root, f"{timing}/EstimatedClockPeriod"),
        latency_cycles=_cycles(path, root, f"{overall}/Worst-caseLatency"),
        interval_cycles=_cycles(path, root, f"{overall}/Interval-max"),
        resources=_counted({name: _whole(path, counted, name) for name in _named(path, counted)}),
    )


def _inside(path: Path, root: etree._Element, name: str) -> etree._Element:
    found = root.find(name)
    if found is None:
        outer, _, inner = name.rpartition("/")
        parent = root.find(outer) if outer else root
        line = line_of(root if parent is None else parent)
        raise damaged(path, line, f"no <{inner}>{f' in <{outer}>' if outer else ''}", why="every report of C synthesis has one")
    return found


def _text(path: Path, root: etree._Element, name: str) -> str:
    element = _inside(path, root, name)
    text = (element.text or "").strip()
    if not text:
        raise damaged(path, line_of(element), f"<{element.tag}> is empty", why="every report of C synthesis fills it")
    return text


def _release(path: Path, root: etree._Element, name: str) -> str:
    text = _text(path, root, name)
    match = re.match(r"\d{4}\.\d", text)
    if match is None:
        line = line_of(_inside(path, root, name))
        raise damaged(path, line, f"{text!r} is not a release of the tools", why="they are numbered like 2022.2")
    return match[0]


def _nanoseconds(path: Path, root: etree._Element, name: str) -> float:
    text = _text(path, root, name)
    try:
        return float(text)
    except ValueError:
        element = _inside(path, root, name)
        raise damaged(path, line_of(element), f"<{element.tag}>: {text!r} is not a number", why="clock periods are in ns") from None


def _cycles(path: Path, root: etree._Element, name: str) -> int | None:
    return None if _text(path, root, name) in UNKNOWN else _whole(path, root, name)


def _whole(path: Path, root: etree._Element, name: str) -> int:
    text = _text(path, root, name)
    if not text.isdecimal():
        element = _inside(path, root, name)
        raise damaged(path, line_of(element), f"<{element.tag}>: {text!r} is not a number", why="it is counted in whole numbers")
    return int(text)


def _named(path: Path, counted: etree._Element) -> list[str]:
    names = [str(element.tag) for element in counted if isinstance(element.tag, str)]
    _require(path, line_of(counted), names)
    return [name for name in names if any(name in known for known in CELLS.values())]


def _require(path: Path, line: int, names: list[str]) -> None:
    for known in CELLS.values():
        if not any(name in known for name in names) and known != ("URAM",):  # left out for parts that have none
            raise damaged(path, line, f"no {known[0]} among the resources", why=f"there are {', '.join(names) or 'none'}")


def _counted(cells: dict[str, int]) -> Resources:
    lut, ff, bram, uram, dsp = (next((cells[name] for name in names if name in cells), 0) for names in CELLS.values())
    return Resources(lut=lut, ff=ff, bram=bram / 2, uram=uram, dsp=dsp)  # the tool counts halves of 18 Kbit


def _read_text(path: Path) -> Csynth:
    report = ReportText.read(path)
    _, top = report.find(r"^== V\w+ HLS Report for '(\w+)'", what="the title of a report of C synthesis")
    _, release = report.find(r"^\* Version: +(\d{4}\.\d)", what="the release of the tool")
    _, part = report.find(r"^\* Target device: +(\S+)", what="the part")
    timing, _ = report.find(r"^\+ Timing", what="the section Timing")
    clock = report.table(timing, what="the clock")[-1]
    latency, _ = report.find(r"^\+ Latency", start=timing, what="the section Latency")
    # min, max, the same as a time (not up to 2019.1), min and max of the interval, kind of pipeline.
    overall = report.table(latency, what="the latency")[-1]
    utilization, _ = report.find(r"^== Utilization Estimates", start=latency, what="the section Utilization Estimates")
    counted = report.table(utilization, what="the resources")
    names = [cell.strip() for cell in counted[0].cells]
    total = next((row for row in counted if row.cells[0].strip() == "Total"), None)
    if total is None:
        raise report.damaged(counted[-1].line, "the table of the resources has no Total", why="that row is what is counted")
    _require(path, counted[0].line, names[1:])
    known = [name for name in names if any(name in cells for cells in CELLS.values())]
    return Csynth(
        top=top[1],
        release=release[1],
        part=part[1],
        target_ns=_period(report, clock, 1),
        estimated_ns=_period(report, clock, 2),
        uncertainty_ns=_period(report, clock, 3),
        latency_cycles=report.cycles(overall, 1, what="latency"),
        interval_cycles=report.cycles(overall, -2, what="interval"),
        resources=_counted({name: report.number(total, names.index(name), what=name) for name in known}),
    )


def _period(report: ReportText, row: Row, column: int) -> float:
    text = report.cell(row, column, what="clock")
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(?: ns)?", text)
    if match is None:
        raise report.damaged(row.line, f"clock: {text!r} is not a period", why="clock periods are in ns")
    return float(match[1])
