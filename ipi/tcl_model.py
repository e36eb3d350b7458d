"""Runs Tcl against the model of Vivado in `model/` and reads its output. `model/run.tcl` says what the model covers."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from codegen.errors import ToolError
from codegen.tools import environment
from codegen.tools.find import find

MODEL = Path(__file__).parent / "model"
TIMEOUT_SECONDS = 60
WARNING = "CRITICAL WARNING: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An error Vivado would report."""

    where: str  # file:line of the call
    via: str = ""  # file:line in the hand-written procs that it leads to, if any
    what: str
    why: str
    fix: str
    command: str = ""  # the Vivado command that would report it; empty if the Tcl itself is wrong

    def __str__(self) -> str:
        via = f" ({self.via})" if self.via and self.via != self.where else ""
        return f"{self.where}{via}: {self.what}\n  why: {self.why}\n  fix: {self.fix}"


class CheckError(ToolError):
    """The generated files would fail in Vivado: `findings`, of which the first gives the four parts, and the message has all."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        first = findings[0]
        super().__init__(first.where, first.what, why=first.why, fix=first.fix)
        self.findings = tuple(findings)

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings))


class File(NamedTuple):
    """A file that exists in the model after the scripts have run."""

    path: str  # relative to the folder
    content: str  # what the model knows of it: a Tcl dictionary
    writer: str  # the command that wrote it; empty if it existed before


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    findings: tuple[Finding, ...]
    files: tuple[File, ...]
    said: tuple[str, ...]  # output of the scripts
    counts: dict[str, int]
    reset_from: dict[str, tuple[int, str]]  # cell -> SLR, and where the cell is created
    streams: tuple[tuple[str, str, str], ...]  # the cells a stream joins, and where the first is created
    placed: dict[str, str]  # hierarchical cell name -> pblock


def tcl_list(words: Iterable[str | int]) -> str:
    """A Tcl list of words; they must not contain braces or backslashes, which names and numbers never do."""
    return "{" + " ".join(f"{{{word}}}" if " " in str(word) or word == "" else str(word) for word in words) + "}"


def kernel_facts(path: Path, name: str) -> list[str]:
    """The facts in a kernel.xml, which scripts call `name`; none if it is missing or invalid, which package_xo then reports."""
    try:
        kernel = ElementTree.parse(path).getroot().find("kernel")
    except (OSError, ElementTree.ParseError):
        return []
    if kernel is None:
        return []
    attributes = [word for key in ("name", "vlnv", "hwControlProtocol", "interrupt") for word in (key, kernel.get(key, ""))]
    ports = [word for port in kernel.iterfind("ports/port") for word in (port.get("name", ""), port.get("mode", ""))]
    arguments = [
        tcl_list(argument.get(key, "") for key in ("name", "offset", "size", "port", "addressQualifier"))
        for argument in kernel.iterfind("args/arg")
    ]
    return [f"fact_kernel {name} {tcl_list(attributes)} {tcl_list(ports)} {{{' '.join(arguments)}}}"]


def warned(answer: Answer, where: str) -> list[Finding]:
    """The critical warnings the scripts print: in the model, whose cells keep their names, there is no reason for one."""
    lines = [line.splitlines() for line in answer.said if line.startswith(WARNING)]
    return [
        Finding(where=where, what=what.removeprefix(WARNING), why=why.removeprefix("  why: "), fix=fix.removeprefix("  fix: "))
        for what, why, fix in lines
    ]


def run(folder: Path, scripts: Sequence[str], facts: Sequence[str]) -> Answer:
    """Run the scripts of a folder one after the other; `facts` are lines of Tcl, the `fact_…` procs of run.tcl."""
    tclsh = find("tclsh")
    command = [tclsh, str(MODEL / "run.tcl"), str(folder), *scripts]
    try:
        result = subprocess.run(
            command,
            input="\n".join(facts).encode("utf-8", "surrogateescape"),
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            env=environment.of_tools() | {"LC_ALL": "C"},  # in which a byte is a character, so that every name is passed on unchanged
        )
    except subprocess.TimeoutExpired:
        raise ToolError(
            str(folder / scripts[0]),
            f"the check did not end within {TIMEOUT_SECONDS} seconds",
            why="the generated Tcl runs forever",
            fix="look for an endless loop",
        ) from None
    if result.returncode:
        reason = (result.stderr.decode(errors="replace").strip().splitlines() or ["it gave no reason"])[0]
        raise ToolError(
            str(MODEL / "run.tcl"),
            f"the model ended with status {result.returncode}",
            why=reason,
            fix="fix the model, not the Tcl it runs",
        )
    return _answer(result.stdout.decode("utf-8", "surrogateescape"))


def _answer(text: str) -> Answer:
    findings: list[Finding] = []
    files: list[File] = []
    said: list[str] = []
    counts: dict[str, int] = {}
    reset_from: dict[str, tuple[int, str]] = {}
    streams: list[tuple[str, str, str]] = []
    placed: dict[str, str] = {}
    for line in text.splitlines():
        kind, *words = (_plain(word) for word in line.split("\t"))
        if kind == "finding":
            where, via, what, why, fix, command = words
            findings.append(Finding(where=where, via=via, what=what, why=why, fix=fix, command=command))
        elif kind == "count":
            counts[words[0]] = int(words[1])
        elif kind == "cell":
            reset_from[words[0]] = int(words[1]), words[2]
        elif kind == "stream":
            streams.append((words[0], words[1], words[2]))
        elif kind == "placed":
            placed[words[0]] = words[1]
        elif kind == "file":
            files.append(File(*words))
        elif kind == "said":
            said.append(words[0])
    return Answer(
        findings=tuple(findings),
        files=tuple(files),
        said=tuple(said),
        counts=counts,
        reset_from=reset_from,
        streams=tuple(streams),
        placed=placed,
    )


def _plain(word: str) -> str:
    return word.replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\")
