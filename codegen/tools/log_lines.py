"""Classifies the lines of a tool's log: errors, warnings, and what only belongs to another line.

Errors come with a label (`ERROR: [Place 30-640] …`, `res2a.cpp:12:3: error: …`), or without one, from the system or a run-time
library. What a compiler quotes of a source, where it comes from, the commands a Tcl error passed on its way, and tables are
context, whatever their text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    ERROR = "the tool's own error"
    COMPILER = "an error of a compiler, assembler or linker that may come from the system: fatal, or without a line of the source"
    SOURCE = "a compiler's error about a line of its source: what it quotes is the source's"
    BARE = "an error without a label"
    OUTER = "an error that only refers to an earlier one"
    CRITICAL = "a critical warning"
    WARNING = "a warning"
    PLAIN = "anything else"
    CONTEXT = "what belongs to another line, or is never an error"


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    kind: Kind


_LABEL = re.compile(
    r"(?:^|[\s\]>(\[|])(?P<tool>CRITICAL WARNING|WARNING|ERROR|FATAL_ERROR|FATAL|INFO|STATUS|NOTE|DEBUG)(?:\]|\s*:|\s+\[)"
    r"|(?:^|\s)(?P<compiler>(?:[Ff]atal |internal compiler )?[Ee]rror|[Ww]arning|[Nn]ote|[Rr]emark|[Ii]nfo|sorry, unimplemented):(?:\s|$)"
)
_KINDS = {"CRITICAL WARNING": Kind.CRITICAL, "WARNING": Kind.WARNING, "ERROR": Kind.ERROR, "FATAL": Kind.ERROR, "FATAL_ERROR": Kind.ERROR}
_LOCATED = re.compile(r"^[^\s:][^:]*:\d+(?::\d+)?: (?:\w[\w ]*: )?")
"""res2a.cpp:12:3: error: as gcc and clang write it."""
_HLS_FRONT_END = re.compile(r"\[HLS 207-\d+\]")
"""clang's errors, as Vitis HLS passes them on."""

_OUTER = re.compile(
    r"due to earlier errors|\bsee above\b|compilation errors? found|compilation error\(s\)|preprocessed source .* failed|"
    r"\[IMPL 213-28\]|failed to generate IP|\[HLS 200-1715\]|problem during source synthesis|problem implementing|Integration error|"
    r"failed to finish (platform linker|linking|compilation)|\brun '[\w.]+' failed|\bstep \S+: failed|run status: .*error|"
    r"failed to build|failed to launch run|failed runs?\b|error\(s\) found during|errors encountered|sourcing script .* failed|"
    r"ld returned \d+ exit status|linker command failed|(frontend|compiler) command failed|compilation terminated|"
    r"co-simulation (finished: FAIL|file generation failed)|C TB testing failed|aborting co-simulation|RTL simulation failed|"
    r"returned error code|^make(\[\d+\])?: \*\*\*|^ninja: build stopped",
    re.IGNORECASE,
)
_BARE = re.compile(
    r"undefined (reference|symbol)\b|multiple definition of|^(\S*/)?([\w-]+-)?ld(\.\w+)?: (?!warning|.*: [Ii]n function)|"
    r"terminate called|\babnormal program termination|an unexpected error has occurred|^FAIL\b|"
    r"^(segmentation fault|bus error|illegal instruction|aborted)\b",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"\b(0|no) errors?\b|\berrors? generated|\berrors? (detected|found):? 0|error-(free|prone)", re.IGNORECASE)
"""Lines that mention errors without being one."""

_QUOTED = re.compile(r"^\s*\d*\s*\|(\s|$)|^\s*\|")
"""A source in the margin of gcc's and clang's messages; tables look the same."""
_CARET = re.compile(r"^[\s~|]*\^[\s~^|]*$")
_CAME_FROM = re.compile(
    r"^In file included from|^\s+from \S+:\d+|^\S+:\d+:.* required (from|by)\b|: In (instantiation|substitution)\b|"
    r"^(?!ERROR|FATAL)[^:]+:(\d+:)*( \(\S+\))? [IiAa][nt] .*\b(function|constructor|destructor|scope|lambda|member)\b|^Please submit a full bug report|^See <"
)
_ECHO = re.compile(r"^#+ (?!there is insufficient memory)", re.IGNORECASE)
"""Vivado repeats the Tcl it runs behind # signs; Java's reports of a crash look the same."""
_PASSED_ON = re.compile(r'^\s+(while executing|invoked from within|\((file|procedure|"\w+" (body|arm)).* line \d+\))')
_FRAME = re.compile(r'^\s+File ".*", line \d+')
"""Of a program in Python; the line of its source follows."""
_WORDS = (
    *(
        "error",
        "fail",
        "fatal",
        "warning",
        "undefined",
        "unimplemented",
        "multiple def",
        "ld: ",
        "ld.",
        "terminate",
        "abnormal",
        "unexpected",
    ),
    *("assert", "fault", "illegal", "abort", "memory", "alloc", "kill", "space", "quota", "disk", "shared", "glibc", "lexical", "invalid"),
    *("deadlock", "locale", "signal", "exception", "denied", "refused", "unable", "cannot", "can't", "couldn't", "not found", "no such"),
    "read-only",
)
"""Every line that can matter contains one of these; the rest, most of a log, is skipped quickly."""
_COLOUR = re.compile(r"\x1b\[[\d;]*[A-Za-z]")
_BEGINS = re.compile(r"(ERROR|INFO|WARNING|CRITICAL WARNING): \[")
_ASSERTED = re.compile(r"\bassertion .* failed", re.IGNORECASE)
_PRELOAD = re.compile(r"^ERROR: ld\.so: object .* cannot be preloaded .*ignored")
_WHAT = re.compile(r"^\s*what\(\):\s*")


def read(log: str, system: re.Pattern[str]) -> Iterator[Line]:
    """The lines of a log; `system` matches those that are errors without a label."""
    lines = _COLOUR.sub("", log).splitlines()
    tcl = quoted = False  # whether the command of a Tcl error goes on, and whether another line of a quote may follow
    for i, text in enumerate(lines):
        following = lines[i + 1] if i + 1 < len(lines) else ""
        tcl = tcl and not _BEGINS.match(text)
        belongs = (quoted and text[:1].isspace()) or (tcl and not _PASSED_ON.match(text))
        kind = Kind.CONTEXT if belongs else _kind(text, following, system)
        quoted = bool(_CARET.match(text) or _FRAME.match(text))  # clang proposes something below the caret
        if _PASSED_ON.match(text):
            tcl = text.rstrip().endswith(("while executing", "invoked from within"))  # the command follows, in quotes
        elif tcl:
            tcl = not text.rstrip().endswith('"')
        words = text.strip()
        if "terminate called" in words and _WHAT.match(following) and (said := _WHAT.sub("", following).strip()) not in words:
            words += f": {said}"
        yield Line(words, kind)


def _kind(text: str, following: str, system: re.Pattern[str]) -> Kind:
    lower = text.lower()
    if not any(word in lower for word in _WORDS) and not _PASSED_ON.match(following):
        return Kind.PLAIN
    located = _LOCATED.match(text)
    if (
        _CARET.match(text)
        or (_CARET.match(following) and not located)
        or any(pattern.search(text) for pattern in (_QUOTED, _CAME_FROM, _ECHO, _FRAME, _PASSED_ON, _PRELOAD, _WHAT))
    ):
        return Kind.CONTEXT
    label = _LABEL.search(text)
    if label and label["tool"]:
        kind = _KINDS.get(label["tool"], Kind.CONTEXT)
        if kind is Kind.ERROR:
            return Kind.SOURCE if _HLS_FRONT_END.search(text) else Kind.OUTER if _OUTER.search(text) else Kind.ERROR
        return kind
    if label and not _ASIDE.search(text[: label.end()]):
        word = label["compiler"].lower()
        if "error" not in word and "sorry" not in word:
            return Kind.WARNING if word == "warning" else Kind.CONTEXT
        if _OUTER.search(text):
            return Kind.OUTER
        return Kind.SOURCE if located and word in ("error", "sorry, unimplemented") else Kind.COMPILER
    if _OUTER.search(text):
        return Kind.OUTER
    if _ASIDE.search(text):
        return Kind.CONTEXT
    if _ASSERTED.search(text):
        return Kind.SOURCE
    # Tcl prints the message of an error above the commands it passed.
    return Kind.BARE if _BARE.search(text) or system.search(text) or _PASSED_ON.match(following) else Kind.PLAIN
