"""Reading what vendor tools report as XML. Every error names the file and the line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from codegen.errors import ToolError
from codegen.reports.text import UNKNOWN, damaged

if TYPE_CHECKING:
    from lxml import etree


@dataclass(frozen=True, slots=True)
class ReportXml:
    """A report as its outermost element, namespaces dropped. `name` is a path of elements below it."""

    path: Path
    root: etree._Element

    @classmethod
    def read(cls, path: Path) -> ReportXml:
        """Without entities, DTDs or network access: nothing outside the file is read."""
        from lxml import etree  # here, since a build in which nothing is to do reads no report

        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
        try:
            root = etree.fromstring(path.read_bytes(), parser)
        except etree.XMLSyntaxError as error:
            reason = re.sub(r", line \d+, column \d+.*", "", str(error.msg))
            raise damaged(path, error.lineno or 0, "not an XML report", why=f"the XML parser says: {reason}") from None
        for element in root.iter(etree.Element):
            element.tag = etree.QName(element).localname
        return cls(path, root)

    def damaged(self, element: etree._Element, what: str, *, why: str) -> ToolError:
        return damaged(self.path, line_of(element), what, why=why)

    def element(self, name: str) -> etree._Element:
        element = self.root.find(name)
        if element is None:
            outer, _, inner = name.rpartition("/")
            parent = self.root.find(outer) if outer else None
            within = self.root if parent is None else parent
            raise self.damaged(within, f"no <{inner}>{f' in <{outer}>' if outer else ''}", why="every report of this kind has one")
        return element

    def text(self, name: str) -> str:
        element = self.element(name)
        text = (element.text or "").strip()
        if not text:
            raise self.damaged(element, f"<{element.tag}> is empty", why="every report of this kind fills it")
        return text

    def match(self, name: str, pattern: str, *, why: str) -> str:
        """The part of the text that `pattern` matches at its beginning; `why` says what it should look like."""
        match = re.match(pattern, self.text(name))
        if match is None:
            element = self.element(name)
            raise self.damaged(element, f"<{element.tag}>: {self.text(name)!r} is not of the expected form", why=why)
        return match[0]

    def number(self, name: str) -> int:
        return int(self.match(name, r"\d+$", why="it is counted in whole numbers"))

    def cycles(self, name: str) -> int | None:
        """Clock cycles; None where the tool reports them as unknown."""
        return None if self.text(name) in UNKNOWN else self.number(name)


def line_of(element: etree._Element) -> int:
    """The line an element begins in; 0 where the parser does not know."""
    line: int | None = element.sourceline  # type: ignore[assignment]  # an int or None; its stub leaves it open
    return line or 0
