"""Vivado's timing report, `report_timing_summary`. Slacks are in ns; a negative slack is a constraint that is not met."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from codegen.reports.text import ReportText

MET, NOT_MET = "All user specified timing constraints are met.", "Timing constraints are not met."
NONE_GIVEN = "There are no user specified timing constraints."
SETUP = ("WNS(ns)", "TNS(ns)", "TNS Failing Endpoints", "TNS Total Endpoints")
HOLD = ("WHS(ns)", "THS(ns)", "THS Failing Endpoints", "THS Total Endpoints")
PULSE = ("WPWS(ns)", "TPWS(ns)", "TPWS Failing Endpoints", "TPWS Total Endpoints")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slack:
    """The worst slack and the sum of the negative ones; None where no path is checked."""

    worst_ns: float | None
    total_ns: float | None
    failing: int  # endpoints

    @property
    def met(self) -> bool:
        return self.failing == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSlack:
    """The slack of paths within one clock, or from one clock to another."""

    name: str  # clk_kernel_00, or clk_a to clk_b
    setup: Slack
    hold: Slack


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The timing of a design, and the clocks with a constraint that is not met."""

    met: bool
    setup: Slack  # WNS and TNS
    hold: Slack  # WHS and THS
    pulse: Slack  # pulse widths, of clock pins
    failing: tuple[ClockSlack, ...]


def read_timing(path: Path) -> Timing:
    """Read a timing summary; raises ToolError when it is damaged, has an unknown layout, or is of a design without constraints."""
    report = ReportText.read(path)
    design, _ = report.find(r"^\| Design Timing Summary", what="the section Design Timing Summary")
    heading, _ = report.find(r"\bWNS\(ns\)", start=design, what="the heading of the Design Timing Summary")
    summary = _row(report, heading, heading + 2, named=0)
    index, verdict = report.find(
        "|".join(re.escape(text) for text in (MET, NOT_MET, NONE_GIVEN)), start=heading, what="a verdict on the timing constraints"
    )
    if verdict[0] == NONE_GIVEN:
        raise report.damaged(index + 1, "no clock has a constraint", why="without a constraint there is no timing to check")
    timing = Timing(
        met=verdict[0] == MET,
        setup=_slack(summary, SETUP),
        hold=_slack(summary, HOLD),
        pulse=_slack(summary, PULSE),
        failing=(*_failing(report, "Intra Clock Table", 1), *_failing(report, "Inter Clock Table", 2)),
    )
    if timing.met != all(slack.met for slack in (timing.setup, timing.hold, timing.pulse)):
        raise report.damaged(heading + 3, f"endpoints fail, or none does, against the verdict in line {index + 1}", why="they must agree")
    return timing


def _failing(report: ReportText, table: str, named: int) -> list[ClockSlack]:
    """Clocks, or pairs of them, with failing endpoints; `named` columns in front of the slacks hold their names."""
    section, _ = report.find(rf"^\| {table}", what=f"the section {table}")
    heading, _ = report.find(r"\bWNS\(ns\)", start=section, what=f"the heading of the {table}")
    clocks: list[ClockSlack] = []
    for index in range(heading + 2, len(report.lines)):
        if not report.lines[index].strip():
            return clocks
        row = _row(report, heading, index, named=named)
        slack = ClockSlack(name=" to ".join(row.names), setup=_slack(row, SETUP), hold=_slack(row, HOLD))
        if not (slack.setup.met and slack.hold.met):
            clocks.append(slack)
    raise report.damaged(len(report.lines), f"the {table} ends in the middle", why="an empty line ends it")


@dataclass(frozen=True, slots=True)
class _Row:
    names: tuple[str, ...]
    cells: dict[str, float | None]


def _row(report: ReportText, heading: int, index: int, *, named: int) -> _Row:
    """Cells of a row. The dashes under the heading mark the columns: names are left-aligned to them, numbers right-aligned."""
    if index >= len(report.lines):
        raise report.damaged(len(report.lines), "the report ends under a heading", why="the report is cut off")
    line, ends = report.lines[index], [match.end() for match in re.finditer(r"-+", report.lines[heading + 1])]
    columns = [*SETUP, *HOLD, *PULSE]
    if not len(SETUP + HOLD) <= len(ends) - named <= len(columns):
        raise report.damaged(heading + 2, f"dashes for {len(ends) - named} columns of numbers", why=f"{', '.join(columns)} are known")
    cells = re.split(r" {2,}", line.strip())
    if len(cells) != len(ends):
        # Some numbers are missing. The others end where their dashes end; names come before the first number.
        front = re.split(r" {2,}", line[: ends[named]].strip())
        cells = [*front[:named], "".join(front[named:]), *(line[start:end].strip() for start, end in pairwise(ends[named:]))]
    numbers = {column: _number(report, index, column, text) for column, text in zip(columns, cells[named:], strict=False)}
    return _Row(tuple(cells[:named]), numbers)


def _number(report: ReportText, index: int, column: str, text: str) -> float | None:
    if text in ("", "NA", "inf", "-inf"):
        return None
    if re.fullmatch(r"-?\d+(\.\d+)?", text) is None:
        raise report.damaged(index + 1, f"{column}: {text!r} is not a number", why="slacks are in ns, endpoints are counted")
    return float(text)


def _slack(row: _Row, columns: tuple[str, ...]) -> Slack:
    worst, total, failing, _ = (row.cells.get(column) for column in columns)
    return Slack(worst_ns=worst, total_ns=total, failing=int(failing or 0))
