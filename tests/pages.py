"""README, CONTRIBUTING and docs/ as what they promise: their fenced blocks, and the HTML comment above a block that says what it is.

    <!-- not run: why -->            what is only checked: tasks, variables, options, modules and paths that sh names exist, Python compiles
    <!-- file: PATH -->              a file that the reader writes (or overwrites) in the checkout
    <!-- append to: PATH -->         what the reader adds to the end of a file
    <!-- change in: PATH -->         a diff: what stands there, and what it becomes
    <!-- output of: COMMAND -->      all that COMMAND prints
    <!-- part of: COMMAND -->        lines that COMMAND prints, one after the other
    <!-- after: PATH:LINE OLD -> NEW -->   above `output of`: what is changed before, and changed back
    <!-- measured: conditions -->    figures of a machine, which no test can reproduce
    <!-- sketch -->                  neither run nor checked: no program and no output

Python and sh blocks without a comment are run as they stand, in the order of the page, in a copy of the checkout; yaml blocks are
loaded, as a description if they name a network, else as what differs from `digits`.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCK = re.compile(r"((?:^<!-- .*? -->\n)*)^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
KINDS = ("not run", "file", "append to", "change in", "output of", "part of", "after", "measured", "sketch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    page: Path
    line: int
    language: str
    text: str
    remarks: Mapping[str, str]  # what the comments above it say, by kind

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page; ValueError for a comment that is none of the kinds above."""
    text = page.read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        line = text.count("\n", 0, match.start(2)) + 1
        remarks = {}
        for comment in re.findall(r"<!-- (.*?) -->", match[1]):
            kind, _, rest = comment.partition(": ")
            if kind not in KINDS:
                raise ValueError(f"{page.name}:{line}: {comment}: not one of {', '.join(KINDS)}")
            remarks[kind] = rest
        yield Block(page=page, line=line, language=match[2], text=match[3], remarks=remarks)


def normalized(text: str) -> str:
    """Without what differs from run to run and from machine to machine: seconds, packed sizes, spaces at line ends, empty lines around."""
    text = re.sub(r"[\d.]+ s\b", "N s", text)
    text = re.sub(r"[\d,]+ bytes in ", "N bytes in ", text)
    text = re.sub(r" +(?=N s)", " ", text)
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


def changed(text: str, diff: str) -> str:
    """`text` after a diff without line numbers: lines with a space or a minus stand in it once, one after the other."""
    lines = [line for line in diff.split("\n") if line]
    old = "".join(f"{line[1:]}\n" for line in lines if line[0] in " -")
    new = "".join(f"{line[1:]}\n" for line in lines if line[0] in " +")
    assert text.count(old) == 1, f"these lines stand there {text.count(old)} times:\n{old}"
    return text.replace(old, new)


def run(command: str, checkout: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """A command of a page; what it prints is in stdout, errors included."""
    return subprocess.run(
        ["bash", "-euc", command], cwd=checkout, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300
    )
