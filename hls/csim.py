"""C simulation with g++: the generated sources, unchanged, compiled with the ap_types headers.

The headers come from the Vitis HLS installation in XILINX_HLS if it is set, otherwise from the hls4ml wheel (Apache-2.0); hls4ml
itself is never imported. Their hls::stream is unbounded, so C simulation does not detect a FIFO that is too small.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from codegen.errors import ToolError
from codegen.jobs.job import Call, Job, Limits
from codegen.jobs.run import run_calls
from codegen.tools.find import SETTINGS, find, first_line_of_version
from codegen.tools.run import Finished
from hls.render import HEADERS, LIBRARY

LIMITS = Limits(timeout_minutes=10, memory_gb=1)
FLAGS = ("-std=c++14", "-O1", "-Wall", "-Wextra", "-Wno-unknown-pragmas", "-Wno-unused-label", "-Wno-uninitialized")
"""The last flag is needed because ap_types clear bits of uninitialised values before setting them, in thousands of places."""


def ap_types() -> Path:
    """The folder with ap_int.h and hls_stream.h; raises ToolError."""
    spec = find_spec("hls4ml")
    shipped = Path(spec.origin).parent / "templates" / "vivado" / "ap_types" if spec and spec.origin else Path()
    named = os.environ.get("XILINX_HLS")
    folder = Path(named) / "include" if named else shipped
    if not (folder / "ap_int.h").is_file():
        install = "pip install 'resflow[build]'"
        unset = "unset XILINX_HLS" + ("" if (shipped / "ap_int.h").is_file() else f" and {install}")
        raise ToolError(
            f"XILINX_HLS={named}" if named else "the package hls4ml",
            f"ap_int.h not found{' in its folder include' if named else ''}",
            why="the generated C++ uses ap_int and hls::stream",
            fix=f"source {SETTINGS} of Vitis HLS, or {f'{unset} to use the headers of the package hls4ml' if named else install}",
        )
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """A bench that passed: its verdict, and the resources of compiling and running it."""

    verdict: str
    compiled: Finished
    ran: Finished


def csim_job(ip: str, sources: Path, vectors: Path, frames: int) -> Job:
    """Compile and run the bench of one IP; its verdict is the last line of run.log, see `verdict`."""
    headers = ap_types()
    # Both sources in one translation unit, since most of the time goes into the ap_types headers; those are system headers
    # because their warnings cannot be fixed here.
    compiler = ("g++", *FLAGS, "-isystem", "ap_types", "-include", f"{ip}.cpp", f"{ip}_tb.cpp", "-o", f"{ip}_tb")
    return Job(
        step="csim",
        name=ip,
        files={
            **{path.name: path for path in sources.iterdir() if path.is_file()},
            **{f"{LIBRARY}/{path.name}": path for path in HEADERS},
            **{f"ap_types/{path.relative_to(headers)}": path for pattern in ("*.h", "etc/*.h") for path in headers.glob(pattern)},
            **{f"vectors/{path.name}": path for path in (vectors.iterdir() if vectors.is_dir() else ()) if path.is_file()},
        },
        calls=(
            Call(words=compiler, log="compile.log", hint="report it with the log: generated C++ has to compile"),
            Call(
                words=(f"./{ip}_tb", "vectors", str(frames)),
                log="run.log",
                hint="compare with network.reference; the first difference is the one to look at",
            ),
        ),
        products={},
        release=first_line_of_version(find("g++")),
        limits=LIMITS,
    )


def verdict(log: Path) -> str:
    """The last line of a bench's log; raises ToolError if it is no verdict."""
    last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
    if not last or not last[0].startswith("PASS"):
        raise ToolError(str(log), "the bench printed no verdict", why="it ended before its verdict", fix="run it by hand")
    return last[0]


def simulate(ip: str, sources: Path, vectors: Path, frames: int, folder: Path) -> Simulation:
    """Compile and run the bench of one IP in `folder`, without the cache; raises ToolError with the log if it fails."""
    compiled, ran = run_calls(csim_job(ip, sources, vectors, frames), folder)
    return Simulation(verdict=verdict(folder / "run.log"), compiled=compiled, ran=ran)
