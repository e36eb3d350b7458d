"""Finding and running a tool: literal arguments, a log of its own, and an error that quotes the line that matters.

Every tool runs below a supervisor (`supervise.py`) that ends it when the build ends, however that ends.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from codegen import environment
from codegen.failures import diagnose, first_error

SUPERVISOR = Path(__file__).with_name("supervise.py")


class ToolError(RuntimeError):
    """A tool is missing or failed: where (its log), what, why, and how to fix it."""

    def __init__(self, where: str, what: str, *, why: str, fix: str) -> None:
        super().__init__(f"{where}: {what}\n  why: {why}\n  fix: {fix}")

    @classmethod
    def parsed(cls, text: str) -> ToolError:
        """One that has come from elsewhere as its text."""
        error = cls.__new__(cls)
        RuntimeError.__init__(error, text)
        return error


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """An executable, and where it is sought: what `variable` names, then PATH, then `bin` below the folders of `homes`."""

    name: str
    variable: str  # names the executable itself
    package: str  # for people: what brings it
    homes: tuple[str, ...] = ()  # variables that name installations


TOOLS = {
    tool.name: tool
    for tool in (
        Tool(name="g++", variable="CXX", package="g++ (Debian: apt install g++)"),
        Tool(name="tclsh", variable="TCLSH", package="tcl 8.6"),
        Tool(name="vitis-run", variable="VITIS_RUN", package="Vitis 2023.2 or later", homes=("XILINX_VITIS", "XILINX_HLS")),
        Tool(name="vitis_hls", variable="VITIS_HLS", package="Vitis HLS", homes=("XILINX_HLS", "XILINX_VITIS")),
        Tool(name="vivado_hls", variable="VIVADO_HLS", package="Vivado HLS", homes=("XILINX_HLS", "XILINX_VIVADO")),
        Tool(name="vivado", variable="VIVADO", package="Vivado", homes=("XILINX_VIVADO",)),
        Tool(name="v++", variable="VPP", package="Vitis", homes=("XILINX_VITIS",)),
    )
}

SETTINGS = "settings64.sh"
"""The script of an installation of the vendor's that puts its tools on PATH, for bash and zsh."""
RELEASED = ("vitis-run", "vitis_hls", "vivado_hls", "vivado", "v++")
"""Those of the vendor, which have a release."""


def locate(name: str) -> str | None:
    """The executable of a tool of TOOLS, or None; its path is absolute, since tools run in folders of their own."""
    tool = TOOLS[name]
    if named := os.environ.get(tool.variable):
        found = shutil.which(named)
    else:
        homes = [os.path.join(os.environ[home], "bin") for home in tool.homes if os.environ.get(home)]
        found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(homes) if homes else os.devnull)
    return os.path.abspath(found) if found else None


def find(*names: str) -> str:
    """The executable of the first of these tools there is; raises ToolError where there is none, or a variable names a wrong one."""
    for name in names:
        if found := locate(name):
            return found
        if os.environ.get(TOOLS[name].variable):
            raise _wrongly_named(TOOLS[name])
    tools = [TOOLS[name] for name in names]
    homes = [home for tool in tools for home in tool.homes if os.environ.get(home)]
    sought = " nor ".join(["on PATH", *(f"in bin below {home}={os.environ[home]}" for home in dict.fromkeys(homes))])
    package, variables = " or ".join(tool.package for tool in tools), " or ".join(tool.variable for tool in tools)
    brings = f"source {SETTINGS} of {package}" if names[0] in RELEASED else f"install {package}"
    raise ToolError(
        " or ".join(names),
        "not found",
        why=f"it is not {sought}, and this step runs it",
        fix=f"{brings}, or set {variables} to the executable",
    )


def _wrongly_named(tool: Tool) -> ToolError:
    """What is wrong with the executable that the tool's variable names."""
    named = os.environ[tool.variable]
    first, *arguments = named.split()
    what, fix = "not found", f"set {tool.variable} to the executable, or unset it to have {tool.name} sought on PATH"
    if os.path.isdir(named):
        what = "a folder"
    elif os.path.exists(named):
        what, fix = "not executable", f"make it so, chmod +x {named}, or {fix}"
    elif arguments and shutil.which(first):
        what, fix = "not one executable", f"name one without arguments: a script of its own can add {' '.join(arguments)}"
    return ToolError(f"{tool.variable}={named}", what, why=f"{tool.variable} names the executable that this step runs", fix=fix)


VERSION = re.compile(r"\bv?(20\d\d\.\d)\b")


@cache
def release_of(executable: str) -> str:
    """The release a vendor's tool says it is of, as 2022.2; raises ToolError."""
    said = ""
    for option in ("-version", "--version"):  # UNCONFIRMED which one vitis-run takes
        try:
            answer = subprocess.run(
                [executable, option], stdin=subprocess.DEVNULL, capture_output=True, timeout=120, env=environment.of_tools()
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            said = str(error)
            break
        said = (answer.stdout + answer.stderr).decode(errors="replace")
        if found := VERSION.search(said):
            return found[1]
    fix = f"source {SETTINGS} of its installation, then start again"
    known = first_error(said, hint=fix)
    raise ToolError(
        executable,
        "does not tell its version",
        why=f"{option} says {known.reason if known else (said.strip().splitlines() or ['nothing'])[0]}",
        fix=known.fix if known else fix,
    )


def fingerprint(*names: str) -> str:
    """Which executable would run, told without running it: its path and age, so that another installation is noticed."""
    for name in names:
        if found := locate(name):
            status = os.stat(found)
            return f"{os.path.realpath(found)} {status.st_size} {status.st_mtime_ns}"
    return "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A tool that ended well: what it printed, and what it took."""

    output: str
    seconds: float
    megabytes: float  # of memory at the most, its own children included


_running: dict[Path, subprocess.Popen[bytes]] = {}
"""The supervisors of the tools that run now, by their logs."""


def stop(log: Path) -> None:
    """End the tool that writes this log, if it runs; whoever called `run` gets the error."""
    supervisor = _running.get(log)
    if supervisor is not None and supervisor.stdin is not None:
        with contextlib.suppress(OSError):
            supervisor.stdin.close()


@atexit.register
def stop_all() -> None:
    """End every tool that still runs, and wait for it: nothing of an interrupted build goes on behind its back."""
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
    """Run a tool to its end; raises ToolError with the decisive line of `log` when it fails.

    A tool that ended well leaves the file `done`, even when the build is gone by then: given again, it is not run again. `lock`
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
        start_new_session=True,  # Ctrl-C is for the build, which then ends its tools
        pass_fds=() if lock is None else (lock,),
    )
    _running[log] = supervisor
    try:
        # Not communicate(), which would close the pipe that says that this build is still there.
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
        found = diagnose(log.read_text(encoding="utf-8", errors="replace"), answer["status"], hint=hint)
        raise ToolError(str(log), f"{tool} ended with {ending(answer['status'])}", why=found.reason, fix=found.fix)
    return _finished(log, answer)


def _finished(log: Path, answer: dict[str, float]) -> Finished:
    output = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return Finished(output=output, seconds=answer["seconds"], megabytes=answer["megabytes"])


def ending(status: int) -> str:
    """3 -> "status 3", -9 -> "signal 9"."""
    return f"signal {-status}" if status < 0 else f"status {status}"
