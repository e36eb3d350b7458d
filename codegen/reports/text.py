"""Reading what vendor tools report as text with ruled tables. Every error names the file and the line.

+--------+----------+
|  Clock |  Target  |        a table of the text reports
+--------+----------+
|ap_clk  | 4.00 ns  |
+--------+----------+
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from codegen.errors import ToolError


def damaged(path: Path, line: int, what: str, *, why: str) -> ToolError:
    """The error of a report that cannot be read; lines count from 1, 0 means the file as a whole."""
    return ToolError(
        f"{path}:{line}" if line else str(path),
        what,
        why=why,
        fix="run the step that writes it again; if it comes out the same, this release has a new layout: report it with the file",
    )


class Row(NamedTuple):
    """A row of a table; cells keep their indentation and lose what is behind their text."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReportText:
    """A report as lines."""

    path: Path
    lines: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> ReportText:
        return cls(path, tuple(path.read_text(encoding="utf-8", errors="replace").splitlines()))

    def find(self, pattern: str, *, start: int = 0, what: str) -> tuple[int, re.Match[str]]:
        """The first line from index `start` on that `pattern` is found in; `what` names it in the error."""
        for index in range(start, len(self.lines)):
            if match := re.search(pattern, self.lines[index]):
                return index, match
        raise self.damaged(len(self.lines), f"ends without {what}", why="the report is cut off, or is another kind of report")

    def table(self, start: int, *, what: str) -> list[Row]:
        """The rows, heading first, of the first table from index `start` on, which ends with a rule."""
        first, _ = self.find(r"^\s*\+-[-+]*\+\s*$", start=start, what=f"the table of {what}")
        rows: list[Row] = []
        end = first
        while end < len(self.lines) and self.lines[end].strip().startswith(("+", "|")):
            text = self.lines[end].strip()
            if text.startswith("|"):
                if not text.endswith("|"):
                    raise self.damaged(end + 1, f"{what}: a row without an end", why="a row is closed by |: the report is cut off")
                rows.append(Row(end + 1, tuple(cell.rstrip() for cell in text[1:-1].split("|"))))
            end += 1
        if not re.fullmatch(r"\s*\+-[-+]*\+\s*", self.lines[end - 1]) or len(rows) < 2:
            raise self.damaged(end, f"the table of {what} ends in the middle", why="its last line is not a rule under at least one row")
        columns = max(len(row.cells) for row in rows)
        for row in rows[1:]:  # the heading may span columns
            if len(row.cells) != columns:
                raise self.damaged(
                    row.line, f"{what}: {len(row.cells)} cells in a table of {columns}", why="every row has a cell for each column"
                )
        return rows

    def damaged(self, line: int, what: str, *, why: str) -> ToolError:
        return damaged(self.path, line, what, why=why)

    def cell(self, row: Row, column: int, *, what: str) -> str:
        """The text of a cell; negative columns count from the end."""
        try:
            return row.cells[column].strip()
        except IndexError:
            raise self.damaged(row.line, f"{what}: no column for it", why=f"there are {len(row.cells)}") from None

    def number(self, row: Row, column: int, *, what: str) -> int:
        """A whole number of a row."""
        text = self.cell(row, column, what=what)
        if not text.isdecimal():
            raise self.damaged(row.line, f"{what}: {text!r} is not a number", why="it is counted in whole numbers")
        return int(text)

    def cycles(self, row: Row, column: int, *, what: str) -> int | None:
        """Clock cycles of a row; None where the tool reports them as unknown."""
        return None if self.cell(row, column, what=what) in UNKNOWN else self.number(row, column, what=what)


UNKNOWN = ("?", "undef", "NA", "N/A", "-", "x", "")
"""How the tools write an unknown number."""
