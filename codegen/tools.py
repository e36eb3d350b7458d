"""Finding and running a tool: literal arguments, a log of its own, and an error that quotes the line that matters."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DECISIVE = re.compile(r"^(ERROR|CRITICAL WARNING)|\berror\b|^FAIL|undefined reference|No such file", re.IGNORECASE)
"""A line of a log that says why; the first of them is quoted."""


class ToolError(RuntimeError):
    """A tool is missing or failed: where (its log), what, why, and how to fix it."""

    def __init__(self, where: str, what: str, *, why: str, fix: str) -> None:
        super().__init__(f"{where}: {what}\n  why: {why}\n  fix: {fix}")


def find(name: str, *, variable: str, package: str) -> str:
    """The executable `name`: what the environment variable says, else the one on PATH."""
    chosen = os.environ.get(variable) or name
    found = shutil.which(chosen)
    if found is None:
        raise ToolError(
            chosen,
            "not found",
            why=f"{f'{variable} names it' if variable in os.environ else 'it is not on PATH'}, and this step runs it",
            fix=f"install {package}, or set {variable} to the executable",
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A tool that ended well: what it printed, and what it took."""

    output: str
    seconds: float
    megabytes: float  # of memory at the most, its own children included


def run(
    command: Sequence[str | Path], *, log: Path, cwd: Path | None = None, timeout_minutes: float = 10, hint: str = "read the log"
) -> Finished:
    """Run a tool to its end; raises ToolError with the decisive line of `log` when it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    tool, words = Path(command[0]).name, [str(word) for word in command]
    began = time.monotonic()
    with log.open("w") as output:
        process = subprocess.Popen(words, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        late = threading.Timer(timeout_minutes * 60, process.kill)
        late.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)  # subprocess itself does not tell the memory
        except BaseException:
            process.kill()
            raise
        finally:
            late.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    text = log.read_text(errors="replace")
    if process.returncode:
        if seconds >= timeout_minutes * 60:
            what, why, fix = f"was stopped after {timeout_minutes:g} minutes", "that is its time limit", "read the log; raise the limit"
        else:
            what, fix = f"ended with status {process.returncode}", hint
            why = next((line.strip() for line in text.splitlines() if DECISIVE.search(line)), "it gave no reason in its log")
        raise ToolError(str(log), f"{tool} {what}", why=why, fix=fix)
    return Finished(output=text, seconds=seconds, megabytes=usage.ru_maxrss / 1024)
