"""The report of C synthesis of an IP: clock, cycles, resources. All are estimates of the HLS tool, made before Vivado.

Read from <top>_csynth.xml, or from <top>_csynth.rpt, in the layouts of vivado_hls 2019.2 to Vitis HLS 2024.2. They differ in the name of the
DSP slices (DSP48E, DSP), the spelling of a title and a unit, and in whether the root of the XML has a namespace. From 2020.2 on a second
file, csynth.xml, says the same of the top and adds its modules with their loops.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from codegen.errors import ToolError
from codegen.reports.text import UNKNOWN, ReportText, Row
from codegen.reports.xml import ReportXml
from dataflow.cost.resources import Resources
from dataflow.design import Design

if TYPE_CHECKING:
    from lxml import etree

CELLS = {"lut": ("LUT",), "ff": ("FF",), "bram": ("BRAM_18K",), "uram": ("URAM",), "dsp": ("DSP", "DSP48E")}
"""Names of the resources in the tools' reports, by our names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """A pipelined loop of one of the IP's modules."""

    module: str  # mvau_Conv1_s
    name: str  # its label in C++
    depth: int  # stages
    delay: int | None  # idle cycles between two calls where the tool rewinds it by itself; None where it does not, or does not say


@dataclass(frozen=True, slots=True, kw_only=True)
class Csynth:
    """C synthesis of one IP. Cycles are the worst case, for one call of the top function: a frame."""

    top: str
    release: str  # 2022.2
    part: str
    target_ns: float
    uncertainty_ns: float
    estimated_ns: float  # shortest clock period that is met, without uncertainty
    latency_cycles: int | None  # None: depends on data, as in the DMA
    interval_cycles: int | None
    resources: Resources
    loops: tuple[Loop, ...] = ()  # empty where the report does not list modules

    def __str__(self) -> str:
        """One line for people."""
        cycles = "" if self.interval_cycles is None else f"{self.interval_cycles:,} cycles a frame, "
        return f"{self.resources.lut:,} LUT, {self.resources.bram:g} BRAM, {cycles}{self.estimated_ns:.2f} of {self.target_ns:.2f} ns"

    @property
    def meets_clock(self) -> bool:
        return self.estimated_ns <= self.target_ns - self.uncertainty_ns


def read_csynth(path: Path) -> Csynth:
    """Read a csynth.xml or csynth.rpt; raises ToolError when it is damaged or has an unknown layout."""
    return _read_xml(path) if path.suffix == ".xml" else _read_text(path)


def read_csynth_of(design: Design, path: Path) -> Csynth:
    """Read build/<network>/synth/<ip>/csynth.xml or .rpt; raises ToolError as well where it is about another top or part."""
    csynth, ip = read_csynth(path), path.parent.name
    wanted = design.ip(ip).top
    # vivado_hls adds the prefix of the IP's modules to the top, too.
    top = wanted if csynth.top == f"{wanted}_{wanted}" else csynth.top
    for actual, expected in ((top, wanted), (csynth.part, design.platform.part)):
        if actual.lower() != expected.lower():
            raise ToolError(
                str(path), f"a report about {actual}", why=f"it should be about {expected}", fix=f"run it again: doit synth:{ip}"
            )
    return csynth


def _read_xml(path: Path) -> Csynth:
    report = ReportXml.read(path)
    if report.root.tag != "profile":
        raise report.damaged(report.root, f"<{report.root.tag}> is not a report of C synthesis", why="its outermost element is <profile>")
    area = "AreaEstimates/Resources"
    timing, overall = "PerformanceEstimates/SummaryOfTimingAnalysis", "PerformanceEstimates/SummaryOfOverallLatency"
    counted = report.element(area)
    names = [str(cell.tag) for cell in counted]
    return Csynth(
        top=report.text("UserAssignments/TopModelName"),
        release=report.match("ReportVersion/Version", r"\d{4}\.\d", why="releases of the tools are numbered like 2022.2"),
        part=report.text("UserAssignments/Part"),
        target_ns=_nanoseconds(report, "UserAssignments/TargetClockPeriod"),
        uncertainty_ns=_nanoseconds(report, "UserAssignments/ClockUncertainty"),
        estimated_ns=_nanoseconds(report, f"{timing}/EstimatedClockPeriod"),
        latency_cycles=report.cycles(f"{overall}/Worst-caseLatency"),
        interval_cycles=report.cycles(f"{overall}/Interval-max"),
        resources=_resources(names, lambda name: report.number(f"{area}/{name}"), partial(report.damaged, counted)),
        loops=tuple(loop for module in report.root.iterfind("ModuleInformation/Module") for loop in _loops(report, module)),
    )


def _loops(report: ReportXml, module: etree._Element) -> Iterator[Loop]:
    """The loops of a module that have an interval, wherever they are nested."""
    within = ReportXml(report.path, module)
    performance = "PerformanceEstimates"
    kind = module.findtext(f"{performance}/SummaryOfOverallLatency/PipelineType", "")
    rewound = re.search(r"auto-rewind.*\(delay=(\d+)", kind)
    for interval in module.iterfind(f"{performance}/SummaryOfLoopLatency//PipelineII"):
        element = interval.getparent()
        assert element is not None  # it was found below the module
        loop = ReportXml(report.path, element)
        if loop.text("PipelineII") not in UNKNOWN:
            yield Loop(
                module=within.text("Name"),
                name=str(element.tag),
                depth=loop.number("PipelineDepth"),
                delay=int(rewound[1]) if rewound else None,
            )


def _nanoseconds(report: ReportXml, name: str) -> float:
    return float(report.match(name, r"\d+(\.\d+)?$", why="clock periods are in ns"))


def _resources(names: Sequence[str], count: Callable[[str], int], damaged: Callable[..., ToolError]) -> Resources:
    """The `count` of each resource, under the name it has among `names`."""
    columns = {ours: next((name for name in theirs if name in names), None) for ours, theirs in CELLS.items()}
    for ours, name in columns.items():
        if name is None and ours != "uram":  # missing for parts without UltraRAM
            raise damaged(f"no {CELLS[ours][0]} among the resources", why=f"there are {', '.join(names) or 'none'}")
    counts = {ours: count(name) if name else 0 for ours, name in columns.items()}
    halves = counts.pop("bram")  # of 18 Kbit
    return Resources(bram=halves / 2, **counts)


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
        raise report.damaged(counted[-1].line, "the table of the resources has no Total", why="the resources are read from that row")
    return Csynth(
        top=top[1],
        release=release[1],
        part=part[1],
        target_ns=_period(report, clock, 1),
        estimated_ns=_period(report, clock, 2),
        uncertainty_ns=_period(report, clock, 3),
        latency_cycles=report.cycles(overall, 1, what="latency"),
        interval_cycles=report.cycles(overall, -2, what="interval"),
        resources=_resources(
            names[1:], lambda name: report.number(total, names.index(name), what=name), partial(report.damaged, counted[0].line)
        ),
    )


def _period(report: ReportText, row: Row, column: int) -> float:
    text = report.cell(row, column, what="clock")
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(?: ns)?", text)
    if match is None:
        raise report.damaged(row.line, f"clock: {text!r} is not a period", why="clock periods are in ns")
    return float(match[1])
