"""Which tools there are, where they are looked for, and which release they are of."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache

from codegen.errors import ToolError
from codegen.tools import environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """An executable, and where it is looked for: what `variable` names, then PATH, then `bin` below the folders of `homes`."""

    name: str
    variable: str  # names the executable itself
    package: str  # what to install to have it
    homes: tuple[str, ...] = ()  # variables that name installation folders


TOOLS = {
    tool.name: tool
    for tool in (
        Tool(name="g++", variable="CXX", package="g++ (Debian: apt install g++)"),
        Tool(name="tclsh", variable="TCLSH", package="tcl 8.6"),
        Tool(name="verilator", variable="VERILATOR", package="Verilator 5 (Debian: apt install verilator make zlib1g-dev)"),
        Tool(name="vitis-run", variable="VITIS_RUN", package="Vitis 2023.2 or later", homes=("XILINX_VITIS", "XILINX_HLS")),
        Tool(name="vitis_hls", variable="VITIS_HLS", package="Vitis HLS", homes=("XILINX_HLS", "XILINX_VITIS")),
        Tool(name="vivado_hls", variable="VIVADO_HLS", package="Vivado HLS", homes=("XILINX_HLS", "XILINX_VIVADO")),
        Tool(name="vivado", variable="VIVADO", package="Vivado", homes=("XILINX_VIVADO",)),
        Tool(name="v++", variable="VPP", package="Vitis", homes=("XILINX_VITIS",)),
        Tool(name="yosys", variable="YOSYS", package="yosys (Debian: apt install yosys)"),
    )
}

SETTINGS = "settings64.sh"
"""The script in the vendor's installations that puts their tools on PATH, for bash and zsh."""
RELEASED = ("vitis-run", "vitis_hls", "vivado_hls", "vivado", "v++")
"""The vendor's tools, which have a release."""


def locate(name: str) -> str | None:
    """The executable of a tool of TOOLS, or None; its path is absolute, since tools run in folders of their own."""
    tool = TOOLS[name]
    if named := os.environ.get(tool.variable):
        executable = shutil.which(named)
    else:
        homes = [os.path.join(os.environ[home], "bin") for home in tool.homes if os.environ.get(home)]
        executable = shutil.which(name) or shutil.which(name, path=os.pathsep.join(homes) if homes else os.devnull)
    return os.path.abspath(executable) if executable else None


def find(*names: str) -> str:
    """The executable of the first of these tools that is installed; raises ToolError where none is, or a variable names a wrong one."""
    for name in names:
        if executable := locate(name):
            return executable
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
    """The error for a tool's variable that names no executable."""
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
    """The release that a vendor's tool prints, as 2022.2; raises ToolError."""
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
        if version := VERSION.search(said):
            return version[1]
    fix = f"source {SETTINGS} of its installation, then start again"
    from codegen.tools.failures import first_error  # here, because a build in which nothing fails needs none of its patterns

    known = first_error(said, hint=fix)
    raise ToolError(
        executable,
        "does not print its version",
        why=f"{option} says {known.reason if known else (said.strip().splitlines() or ['nothing'])[0]}",
        fix=known.fix if known else fix,
    )


@cache
def first_line_of_version(executable: str) -> str:
    """What a tool that is not the vendor's says of itself: the first line of its --version."""
    answer = subprocess.run([executable, "--version"], stdin=subprocess.DEVNULL, capture_output=True, env=environment.of_tools())
    return (answer.stdout.decode(errors="replace").splitlines() or [executable])[0]


def fingerprint(*names: str) -> str:
    """Which executable would run, without running it: its path and age, so that another installation is noticed."""
    for name in names:
        if executable := locate(name):
            status = os.stat(executable)
            return f"{os.path.realpath(executable)} {status.st_size} {status.st_mtime_ns}"
    return "none"
