"""What a failed tool's log says: the line that decides, and what to do where the failure is a known one.

The messages of the vendor's tools are quoted from their users' reports and AMD's answer records; where a release words one
otherwise, correct the pattern here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A failure that is known: what its message looks like, and the remedy."""

    name: str
    pattern: re.Pattern[str]
    why: str  # in plain words; the log's own line is quoted before it
    fix: str


def _known(name: str, pattern: str, why: str, fix: str) -> Failure:
    return Failure(name=name, pattern=re.compile(pattern, re.IGNORECASE), why=why, fix=fix)


KNOWN = (
    _known(
        "licence",
        r"\[Common 17-345\]|valid license was not found|failed to get.*license|license.*(could not|cannot) be (obtained|checked out)|"
        r"unable to check ?out.*license|\[HLS 200-101\].*license",
        "the tool got no licence",
        "set XILINXD_LICENSE_FILE (or LM_LICENSE_FILE) to the licence, check with lmutil lmstat -a that one is free, then start again",
    ),
    _known(
        "y2k22",
        r"bad lexical cast|\b2[2-9](0\d|1[0-2])[0-3]\d{5}\b.{0,40}is an invalid argument",
        "releases up to 2021.2 cannot export an IP after 2021: the date overflows core_revision",
        "install AMD's patch of answer record 76960 (y2k22) into this release, or use 2022.1 or later",
    ),
    _known(
        "part",
        r"\[Common 17-69\].*part|(part|device) '?[\w-]+'? (is not installed|not found|is not valid|is not supported)|"
        r"\[HLS 200-1023\]|\[Coretcl 2-106\]|specified part could not be found|no parts matched|unable to find (the )?(part|device)",
        "this installation has not got the part",
        "add the device family to it (Vivado: Help, Add Design Tools or Devices), or name another platform",
    ),
    _known(
        "platform",
        r"(failed to find|could not find|cannot find|no) (the )?platform\b|platform .*(not found|does not exist)",
        "v++ does not find the platform",
        "install the card's development platform, or add its folder to PLATFORM_REPO_PATHS",
    ),
    _known(
        "timing",
        r"did not meet timing|timing (constraints are|is) not met|failed to meet timing|\[VPL 101-[23]\].*timing|WNS\)?\s*[=:]\s*-\d",
        "the design is slower than its clock",
        "lower clock_mhz in the description, or fold less into one SLR; the report names the paths",
    ),
    _known(
        "ip definition",
        r"\[BD 5-390\]|IP definition not found|\[IP_Flow 19-3153\]|no IP (matching|with) vlnv|not found in (the )?(IP )?catalog",
        "Vivado's catalog has no such IP",
        "check that the IPs were synthesized for this part (doit synth); a vendor's IP may be missing in this release",
    ),
    _known(
        "utilization",
        r"\[(Place|DRC|Opt) (30-(640|484|487|68)|UTLZ-1|31-\d+)\]|over-?utili[sz]ed|exceeds? the (number of )?available|"
        r"not enough (LUT|FF|BRAM|URAM|DSP|SLICE)",
        "the design needs more than the card or the SLR has",
        "fold further (smaller pe, simd) or move blocks to another SLR: doit report shows the use of each",
    ),
    _known(
        "memory",
        r"std::bad_alloc|out of memory|cannot allocate memory|memory allocation|oom-kill|^Killed$",
        "the machine ran out of memory",
        "run fewer jobs at once (doit -n), set aside more for each: doit memory_gb=…, or use a larger machine",
    ),
    _known(
        "disk",
        r"no space left on device|disk quota exceeded",
        "the disk is full",
        "make room where the build folder lies, or choose another: build=PATH",
    ),
)

DECISIVE = re.compile(r"^ERROR\b|\berror\b|^CRITICAL WARNING|^FAIL|undefined reference|No such file", re.IGNORECASE)
"""A line that says why, where the failure is none of the known ones."""
ASIDE = re.compile(r"\b0 error|error generated|errors? detected:? 0|no errors?\b", re.IGNORECASE)
"""Lines that speak of errors and are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    line: str | None  # of the log: the one that decides
    why: str
    fix: str
    name: str = ""  # of the known failure

    @property
    def reason(self) -> str:
        """The line that decides, and what it comes to."""
        return f"{self.line} ({self.why})" if self.line and self.name else self.line or self.why


def diagnose(log: str, status: int, *, hint: str) -> Diagnosis:
    """What a log and an exit status say; `hint` is the remedy where the failure is not known."""
    lines = [line.strip() for line in log.splitlines() if not line.startswith("INFO")]
    lines.sort(key=lambda line: not line.startswith("ERROR"))  # what the tool itself calls an error first
    for failure in KNOWN:
        for line in lines:
            if failure.pattern.search(line):
                return Diagnosis(line=line, why=failure.why, fix=failure.fix, name=failure.name)
    decisive = next((line for line in lines if DECISIVE.search(line) and not ASIDE.search(line)), None)
    if decisive is None and status in (-9, 137):
        memory = next(failure for failure in KNOWN if failure.name == "memory")
        why = "something killed it (SIGKILL), most often the kernel when the machine runs out of memory"
        return Diagnosis(line=None, why=why, fix=memory.fix, name="memory")
    return Diagnosis(line=decisive, why="it gave no reason in its log", fix=hint)
