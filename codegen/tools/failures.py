"""Diagnosis of a failed tool from its log: the decisive line, and the remedy where the failure is a known one.

The first error decides, not the warnings around it nor the errors that follow from it; `log_lines` says what an error is. The
messages of the vendor's tools are quoted from their users' reports and AMD's answer records; where a release words one differently,
correct the pattern here.
"""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from functools import cache

from codegen.tools.log_lines import Kind, Line, read


@dataclass(frozen=True, slots=True)
class Failure:
    """A known failure: what its message looks like, and the remedy."""

    name: str
    pattern: str  # of a regular expression; case does not matter
    why: str  # in plain words; the log's own line is quoted before it
    fix: str
    system: bool = False  # a message of the system or a run-time library, which any program may print, without a label

    def matches(self, line: str) -> bool:
        # Compiled, and kept by `re`, when it is first needed: most builds have no log to read.
        return re.search(self.pattern, line, re.IGNORECASE) is not None


KNOWN = (
    Failure(
        "licence",
        r"\[Common 17-345\]|valid license was not found|failed to get.*license|license.*(could not|cannot) be (obtained|checked out)|"
        r"unable to check ?out.*license|\[HLS 200-101\].*license|FlexNet Licensing error|licen[sc]e checkout failed|"
        r"cannot connect to license server|licen[sc]e .*(has )?expired",
        "the tool got no licence",
        "set XILINXD_LICENSE_FILE (or LM_LICENSE_FILE) to the licence, check with lmutil lmstat -a that one is free, then start again",
    ),
    Failure(
        "y2k22",
        r"bad lexical cast|\b(2[2-9]|[3-9]\d)(0\d|1[0-2])[0-3]\d{5}\b.{0,40}is an invalid argument",
        "releases up to 2021.2 cannot export an IP after 2021: the date overflows core_revision",
        "install AMD's patch of answer record 76960 (y2k22) into this release, or use 2022.1 or later",
        system=True,
    ),
    Failure(
        "part",
        r"\[Common 17-69\].*\bpart\b.*not found|\b(part|device) '?[\w-]+'? (is not installed|not found|is not valid|is not supported)|"
        r"\[HLS 200-1023\]|\[Coretcl 2-106\]|specified part could not be found|no parts matched|unable to find (the )?(part|device)\b|"
        r"no valid part\b",
        "this installation has not got the part",
        "add the device family to it (Vivado: Help, Add Design Tools or Devices), or name another platform",
    ),
    Failure(
        "board",
        r"\[Board 49-71\]|board_part definition was not found|board part .*not found",
        "Vivado does not find the card's board files",
        "install the card's board files into Vivado (data/boards/board_files, or its board store)",
    ),
    Failure(
        "platform",
        r"(failed to find|could not find|cannot find|\bno)( the| valid)? platform\b|platform .*(not found|does not exist)|"
        r"\[v\+\+ 60-(1258|587|705)\]",
        "v++ does not find the platform",
        "install the card's development platform, or add its folder to PLATFORM_REPO_PATHS",
    ),
    Failure(
        "deadlock",
        r"DEADLOCK DETECTED",
        "the RTL waits for itself: a FIFO is too shallow",
        "let doit fifos --write size the FIFOs, then synthesize the IP again; report it with the log if it was so already",
        system=True,
    ),
    Failure(
        "routing",
        r"not (legally|completely) routed|unroutable|failed to route|routing results verification failed|insufficient routing|"
        r"routing congestion|\bRTSTAT-\d+|node overlaps|\[(Route|VPL) 35-(1|2|7|162)\]",
        "the router finds no way for all wires",
        "fold less hardware into the full SLRs (smaller pe, simd), or move blocks to another SLR: doit floorplan shows the wires between them",
    ),
    Failure(
        "timing",
        r"not meet(ing)? timing|timing (constraints are|is) not met|fail(ed|s|ure)? to meet timing|"
        r"WNS\)?\s*[=:]\s*-\d",
        "the design is slower than its clock",
        "lower clock_mhz in the description, or fold less into one SLR; the report names the paths",
    ),
    Failure(
        "ip definition",
        r"\[BD 5-390\]|IP definition not found|\[IP_Flow 19-3153\]|no IP (matching|with) vlnv|not found in (the )?(IP )?catalog",
        "Vivado's catalog has no such IP",
        "check that the IPs were synthesized for this part (doit synth); a vendor's IP may be missing in this release",
    ),
    Failure(
        "utilization",
        r"\[(Place|DRC|VPL) (30-(640|484|487)|UTLZ-1)\]|over-?utili[sz]ed|exceeds? the (number of )?available|"
        r"requires more .* than are available|not enough (LUT|FF|BRAM|URAM|DSP|SLICE)",
        "the design needs more than the card or the SLR has",
        "fold further (smaller pe, simd) or move blocks to another SLR: doit report shows the use of each",
    ),
    Failure(
        "memory",
        r"(instance of|exception:?|caught|error:|what\(\):) '?std::bad_alloc|\bout of memory\b(?! (range|bound))|cannot allocate memory|"
        r"failed to allocate .*memory|memory allocation (failed|failure|error)|memory exhausted|insufficient memory|OutOfMemoryError|"
        r"oom-kill|^Killed$|: line \d+: +\d+ Killed\b|Killed signal terminated|Killed \(program|command: Killed|Killed process \d",
        "the machine ran out of memory",
        "run fewer jobs at once (doit -n), set aside more for each: doit memory_gb=…, or use a larger machine",
        system=True,
    ),
    Failure(
        "disk",
        r"no space left on device|disk quota exceeded|not enough (free )?disk space|insufficient disk space|\bdisk (is )?full\b",
        "the disk is full",
        "make room where the build folder lies, and in TMPDIR and HOME, or choose another: build=PATH",
        system=True,
    ),
    Failure(
        "library",
        r"error while loading shared libraries|cannot open shared object file|version [`'‘]GLIBC\w*_[\d.]+['’] not found",
        "this system lacks a library that the tool loads",
        "install the library (AMD's installLibs.sh of the release does), or use a system that the release supports",
        system=True,
    ),
    Failure(
        "make",
        r"\bmake: (command )?not found|zlib\.h: No such file",
        "Verilator builds its C++ with make, and writes waveforms with zlib",
        "install them: apt install make zlib1g-dev",
        system=True,
    ),
    Failure(
        "locale",
        r"locale::facet::_S_create_c_locale",
        "the tool wants a locale that this system lacks",
        "generate it: locale-gen en_US.UTF-8 (Debian: apt install locales)",
        system=True,
    ),
    Failure(
        "display",
        r"HeadlessException|X11 window server|can(no|')t (open|connect to) (the )?(display|X server)|no X11 DISPLAY|\bDISPLAY variable",
        "the tool wants a display",
        "unset DISPLAY, or start doit below xvfb-run",
    ),
    Failure(
        "spaces",
        r"cannot build in directories containing spaces",
        "Verilator compiles with make, which cannot work in a folder whose name has a space",
        "build where no name has one: build=PATH",
        system=True,
    ),
    Failure(
        "permission",
        r"permission denied|read-only file system|\[Common 17-1294\]",
        "the user who builds may not write there",
        "let that user write to it; the vendor's tools also write below HOME (.Xilinx) and TMPDIR",
    ),
    Failure(
        "crash",
        r"abnormal program termination|an unexpected error has occurred|segmentation fault|internal compiler error|bus error|"
        r"illegal instruction|^aborted\b|command failed due to signal",
        "the tool itself crashed",
        "start again; if it comes again, report it with the log: another release of the tool may do better",
        system=True,
    ),
)

_OF_THE_SYSTEM = tuple(failure for failure in KNOWN if failure.system)
_CANDIDATES = {Kind.ERROR: KNOWN, Kind.COMPILER: _OF_THE_SYSTEM, Kind.BARE: _OF_THE_SYSTEM, Kind.SOURCE: ()}
"""Which known failures an error may be: what a compiler quotes of a source says nothing about the machine."""
_SUSPECT = re.compile(
    r"\b(error|exception|fail(ed|ure)?|fatal|denied|refused|unable|cannot|can't|couldn't|not found|no such file|read-only)\b", re.IGNORECASE
)
"""A line that may give the reason, where there is no error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    line: str | None  # of the log: the decisive one
    why: str
    fix: str
    name: str = ""  # of the known failure

    @property
    def reason(self) -> str:
        """The decisive line, and what it means."""
        return f"{self.line} ({self.why})" if self.line and self.name else self.line or self.why


@cache
def _of_the_system() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{failure.pattern})" for failure in _OF_THE_SYSTEM), re.IGNORECASE)


def diagnose(log: str, status: int, *, hint: str) -> Diagnosis:
    """Diagnosis from a log and an exit status; `hint` is the remedy where the failure is not known."""
    lines = list(read(log, _of_the_system()))
    if (number := _signal(status)) == signal.SIGKILL:
        # Errors printed before the kill did not end the tool.
        memory = next(failure for failure in KNOWN if failure.name == "memory")
        killed = next((line.text for line in lines if line.kind is not Kind.CONTEXT and memory.matches(line.text)), None)
        why = "something killed it (SIGKILL), most often the kernel when the machine runs out of memory"
        return Diagnosis(line=killed, why=memory.why if killed else why, fix=memory.fix, name="memory")
    if diagnosis := _first_error(lines, hint):
        return diagnosis
    for kind in (Kind.PLAIN, Kind.CRITICAL):
        suspects = [line for line in lines if line.kind is kind and (kind is Kind.CRITICAL or _SUSPECT.search(line.text))]
        if suspects:
            return _diagnosis(next((line for line in suspects if _known_as(line, KNOWN)), suspects[0]), KNOWN, hint)
    if number is not None:
        crash = next(failure for failure in KNOWN if failure.name == "crash")
        return Diagnosis(line=None, why=f"it crashed ({number.name}) and its log gives no reason", fix=crash.fix, name=crash.name)
    return Diagnosis(line=None, why="it gave no reason in its log", fix=hint)


def first_error(log: str, *, hint: str) -> Diagnosis | None:
    """The first error of a log, whatever the exit status; one that only refers to an earlier error counts where there is no other."""
    return _first_error(list(read(log, _of_the_system())), hint)


def _first_error(lines: list[Line], hint: str) -> Diagnosis | None:
    error = next((line for line in lines if line.kind in _CANDIDATES), None) or next(
        (line for line in lines if line.kind is Kind.OUTER), None
    )
    return None if error is None else _diagnosis(error, _CANDIDATES.get(error.kind, ()), hint)


def _diagnosis(line: Line, candidates: tuple[Failure, ...], hint: str) -> Diagnosis:
    known = _known_as(line, candidates)
    if known is None:
        return Diagnosis(line=line.text, why="the log says so", fix=hint)
    return Diagnosis(line=line.text, why=known.why, fix=known.fix, name=known.name)


def _known_as(line: Line, candidates: tuple[Failure, ...]) -> Failure | None:
    return next((failure for failure in candidates if failure.matches(line.text)), None)


def _signal(status: int) -> signal.Signals | None:
    """The signal that ended a process, also where a shell passes it on as a status above 128."""
    try:
        return signal.Signals(-status if status < 0 else status - 128 if status > 128 else 0)
    except ValueError:
        return None
