"""Running a tool: arguments without a shell, a log of its own, and an error that quotes the decisive line.

Every tool runs below a supervisor (`supervise.py`) that ends it when the build ends, however that ends.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codegen.errors import ToolError
from codegen.tools import environment

SUPERVISOR = Path(__file__).with_name("supervise.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A tool that exited 0: what it printed, and what it took."""

    output: str
    seconds: float
    megabytes: float  # of memory at the most, its own children included


_running: dict[Path, subprocess.Popen[bytes]] = {}
"""The supervisors of the tools that run now, by their logs."""


def stop(log: Path) -> None:
    """End the tool that writes this log, if it runs; the caller of `run` gets the error."""
    supervisor = _running.get(log)
    if supervisor is not None and supervisor.stdin is not None:
        with contextlib.suppress(OSError):
            supervisor.stdin.close()


@atexit.register
def stop_all() -> None:
    """End every tool that still runs, and wait for it: an interrupted build leaves no process behind."""
    for log, supervisor in list(_running.items()):
        stop(log)
        supervisor.wait()


def run(
    command: Sequence[str | Path],
    *,
    log: Path,
    cwd: Path | None = None,
    timeout_minutes: float = 10,
    hint: str = "read the log",
    done: Path | None = None,
    lock: int | None = None,
) -> Finished:
    """Run a tool and wait for it; raises ToolError with the decisive line of `log` when it fails.

    A tool that exits 0 leaves the file `done`, even when the build is gone by then: called again with it, the tool is not run again. `lock`
    is a file descriptor that stays open as long as the tool runs.
    """
    tool, words = Path(command[0]).name, [str(word) for word in command]
    if done is not None and done.exists():
        answer = json.loads(done.read_text(encoding="utf-8"))
        return _finished(log, answer)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"")
    marker = str(done.resolve()) if done else ""
    supervisor = subprocess.Popen(
        [sys.executable, "-IS", str(SUPERVISOR), str(log.resolve()), str(timeout_minutes * 60), marker, *words],
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment.of_tools((cwd or log.parent).resolve()),
        start_new_session=True,  # Ctrl-C goes to the build, which then stops its tools
        pass_fds=() if lock is None else (lock,),
    )
    _running[log] = supervisor
    try:
        # Not communicate(): it would close the pipe by which the supervisor sees that this build still runs.
        said = supervisor.stdout.read().decode(errors="replace") if supervisor.stdout else ""
    finally:
        for pipe in (supervisor.stdin, supervisor.stdout):
            if pipe is not None:
                pipe.close()
        supervisor.wait()
        _running.pop(log, None)
    try:
        answer = json.loads(said)
    except ValueError:
        from codegen.tools.failures import first_error  # here, because a build in which nothing fails needs none of its patterns

        reason = (said.strip().splitlines() or [""])[-1]  # of the supervisor's own traceback
        fix = "correct what is in the way, then start again" if reason else "start again"
        error = first_error(reason, hint=fix)
        raise ToolError(
            str(log),
            f"{tool} could not be run to its end",
            why=reason or "something killed what was watching it",
            fix=error.fix if error else fix,
        ) from None
    if answer["stopped_by"] == "time":
        what = f"{tool} was stopped after {timeout_minutes:g} minutes"
        raise ToolError(str(log), what, why="that is its time limit", fix="read the log; raise the limit: doit timeout_minutes=…")
    if answer["stopped_by"]:
        raise ToolError(str(log), f"{tool} was stopped", why="the build was interrupted", fix="start again to go on")
    if answer["status"]:
        from codegen.tools.failures import diagnose  # here, as above

        diagnosis = diagnose(log.read_text(encoding="utf-8", errors="replace"), answer["status"], hint=hint)
        raise ToolError(str(log), f"{tool} ended with {ending(answer['status'])}", why=diagnosis.reason, fix=diagnosis.fix)
    return _finished(log, answer)


def _finished(log: Path, answer: dict[str, float]) -> Finished:
    output = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return Finished(output=output, seconds=answer["seconds"], megabytes=answer["megabytes"])


def ending(status: int) -> str:
    """3 -> "status 3", -9 -> "signal 9"."""
    return f"signal {-status}" if status < 0 else f"status {status}"
