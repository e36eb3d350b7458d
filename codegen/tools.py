"""Finding and running a tool: literal arguments, a log of its own, and an error that quotes the line that matters."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
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


def run(
    command: Sequence[str | Path], *, log: Path, cwd: Path | None = None, timeout_minutes: float = 10, hint: str = "read the log"
) -> str:
    """Run a tool to its end and return what it printed; raises ToolError with the decisive line of `log` when it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    tool = Path(command[0]).name
    with log.open("w") as output:
        try:
            status = subprocess.run(
                [str(word) for word in command],
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=timeout_minutes * 60,
            ).returncode
        except subprocess.TimeoutExpired:
            raise ToolError(
                str(log),
                f"{tool} was stopped after {timeout_minutes:g} minutes",
                why="that is its time limit",
                fix="read the log; raise the limit",
            ) from None
    text = log.read_text(errors="replace")
    if status:
        why = next((line.strip() for line in text.splitlines() if DECISIVE.search(line)), "it gave no reason in its log")
        raise ToolError(str(log), f"{tool} ended with status {status}", why=why, fix=hint)
    return text
