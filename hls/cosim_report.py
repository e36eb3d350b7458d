"""The report of C/RTL co-simulation of an IP: whether the RTL computes the same as the C++, and in how many cycles.

|   RTL  | Status |  latency min  avg  max  |  interval min  avg  max  |  total execution time (from Vitis HLS 2020.2 on)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from codegen.errors import ToolError
from codegen.reports.text import ReportText, Row


class Cycles(NamedTuple):
    """Clock cycles of the simulated calls."""

    least: int
    average: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosim:
    """Co-simulation of one IP in one language. None: not measured, such as the interval of a single call."""

    language: str  # Verilog or VHDL
    passed: bool
    latency: Cycles | None
    interval: Cycles | None


def read_cosim(path: Path) -> Cosim:
    """Read a <top>_cosim.rpt; raises ToolError when it is damaged, has an unknown layout, or reports that nothing was simulated."""
    report = ReportText.read(path)
    start, _ = report.find(r"Latency ?\(Clock Cycles\)|\|\s*RTL\s*\|", what="the table of a report of co-simulation")
    rows = report.table(max(0, start - 2), what="the languages")
    simulated = [row for row in rows if row.cells[0].strip() in ("Verilog", "VHDL") and report.cell(row, 1, what="status") != "NA"]
    if not simulated:
        raise report.damaged(rows[-1].line, "no language was simulated", why="every row of the table says NA")
    row = simulated[0]
    if len(row.cells) not in (8, 9):
        raise report.damaged(
            row.line,
            f"{len(row.cells)} columns",
            why="the known columns are language, status, three for latency and three for the interval",
        )
    return Cosim(
        language=row.cells[0].strip(),
        passed=_passed(report, row),
        latency=_cycles(report, row, 2, "latency"),
        interval=_cycles(report, row, 5, "interval"),
    )


def simulated(path: Path) -> str:
    """The result of a report in one line; raises ToolError if the RTL failed the bench, whatever the exit status of the tool."""
    cosim = read_cosim(path)
    if not cosim.passed:
        raise ToolError(
            str(path),
            "the RTL differs from the C++",
            why=f"{cosim.language}: Fail",
            fix="read cosim.log beside it: the bench names the first difference",
        )
    return "RTL equals the reference" + (f", {cosim.interval.most:,} cycles a frame" if cosim.interval else "")


def _passed(report: ReportText, row: Row) -> bool:
    status = row.cells[1].strip()
    if status.lower() not in ("pass", "fail"):
        raise report.damaged(row.line, f"status {status!r}", why="the status is Pass or Fail")
    return status.lower() == "pass"


def _cycles(report: ReportText, row: Row, column: int, what: str) -> Cycles | None:
    least, average, most = (report.cycles(row, column + i, what=what) for i in range(3))
    if least is None or average is None or most is None:
        return None
    return Cycles(least, average, most)
