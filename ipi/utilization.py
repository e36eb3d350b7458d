"""Vivado's report of resources by cell, `report_utilization -hierarchical`, as text or as XML.

Indentation shows the hierarchy, two spaces per level. A row `(name)` counts what a cell holds outside the cells below it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from codegen.reports.text import ReportText, damaged
from codegen.reports.xml import ReportXml, line_of
from dataflow.cost.resources import Resources

if TYPE_CHECKING:
    from lxml import etree

COLUMNS = {
    "lut": ("Total LUTs",),
    "ff": ("FFs",),
    "ramb36": ("RAMB36",),
    "ramb18": ("RAMB18",),
    "uram": ("URAM",),
    "dsp": ("DSP Blocks", "DSP48 Blocks", "DSPs"),
}
"""Vivado's names of the columns, old and new, by our names. URAM is missing for parts without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell with all cells below it."""

    name: str
    depth: int  # 0: the top
    resources: Resources


@dataclass(frozen=True, slots=True, kw_only=True)
class Utilization:
    """The cells of a design, each before those below it."""

    cells: tuple[Cell, ...]

    @property
    def top(self) -> Cell:
        return self.cells[0]

    def below(self, name: str) -> Utilization | None:
        """The outermost cell named `name` with the cells below it; None if there is none."""
        matches = [i for i, cell in enumerate(self.cells) if cell.name == name]
        if not matches:
            return None
        first = min(matches, key=lambda i: self.cells[i].depth)
        end = first + 1
        while end < len(self.cells) and self.cells[end].depth > self.cells[first].depth:
            end += 1
        return Utilization(cells=self.cells[first:end])


class _Line(NamedTuple):
    number: int
    depth: int
    cells: Sequence[str]


def read_utilization(path: Path) -> Utilization:
    """Read a hierarchical report, .xml or .rpt; raises ToolError when it is damaged or has an unknown layout."""
    heading, lines = _xml_lines(path) if path.suffix == ".xml" else _text_lines(path)
    columns = {ours: next((heading.cells.index(name) for name in names if name in heading.cells), None) for ours, names in COLUMNS.items()}
    for ours, names in COLUMNS.items():
        if columns[ours] is None and ours != "uram":
            raise damaged(path, heading.number, f"no column {names[0]}", why=f"there are {', '.join(heading.cells)}")
    cells = []
    for line in lines:
        name = line.cells[0].strip()
        if name.startswith("("):
            continue
        count = {ours: 0 if column is None else _count(path, line, column) for ours, column in columns.items()}
        bram = count.pop("ramb36") + count.pop("ramb18") / 2
        cells.append(Cell(name=name, depth=line.depth, resources=Resources(bram=bram, **count)))
    if not cells:
        raise damaged(path, heading.number, "no cell in the table", why="the first row is the whole design")
    return Utilization(cells=tuple(cells))


def _count(path: Path, line: _Line, column: int) -> int:
    text = line.cells[column].strip() if column < len(line.cells) else ""
    match = re.fullmatch(r"(\d+)(?:\(.*%\))?", text)  # -hierarchical_percentages adds the share
    if match is None:
        raise damaged(path, line.number, f"{line.cells[0].strip()}: {text!r} is not a number", why="resources are counted in whole numbers")
    return int(match[1])


def _text_lines(path: Path) -> tuple[_Line, list[_Line]]:
    report = ReportText.read(path)
    index, _ = report.find(r"^\| *Instance *\|", what="the table Utilization by Hierarchy")
    heading, *rows = report.table(max(0, index - 1), what="cells")
    lines = [_Line(row.line, (len(row.cells[0]) - len(row.cells[0].lstrip()) - 1) // 2, row.cells) for row in rows]
    return _Line(heading.line, 0, [cell.strip() for cell in heading.cells]), lines


def _xml_lines(path: Path) -> tuple[_Line, list[_Line]]:
    # UNCONFIRMED: whether the XML nests the rows of lower cells or indents their names; both are read.
    report = ReportXml.read(path)
    for table in report.root.iter("table"):
        rows = list(table.iter("tablerow"))
        names = [cell.strip() for cell in _contents(rows[0])] if rows else []
        if "Instance" not in names:
            continue
        lines = []
        for row in rows[1:]:
            cells = _contents(row)
            if not cells:
                raise report.damaged(row, "a row without cells", why="each names a cell of the design")
            indent = len(cells[0]) - len(cells[0].lstrip())
            nested = sum(above.tag == "tablerow" for above in row.iterancestors())
            lines.append(_Line(line_of(row), nested or indent // 2, cells))
        return _Line(line_of(rows[0]), 0, names), lines
    raise report.damaged(report.root, "no table with a column Instance", why="report_utilization -hierarchical writes one")


def _contents(row: etree._Element) -> list[str]:
    return [str(cell.get("contents", "")) for cell in row if cell.tag in ("tableheader", "tablecell")]
