"""C simulation under g++: the generated sources as they are, against the ap_types headers.

The headers are those of a Vitis HLS installation where XILINX_HLS names one, otherwise the open ones that the hls4ml wheel
ships (Apache-2.0); hls4ml itself is never imported. Their hls::stream is unbounded: a FIFO that is too small does not show.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from codegen import Finished, ToolError, find, run
from hls.render import INCLUDE

FLAGS = ("-std=c++14", "-O1", "-Wall", "-Wextra", "-Wno-unknown-pragmas", "-Wno-unused-label", "-Wno-maybe-uninitialized")
"""The last one because ap_types clear bits of fresh values before they set them, thousands of times."""


def ap_types() -> Path:
    """The folder with ap_int.h and hls_stream.h; raises ToolError."""
    if "XILINX_HLS" in os.environ:
        folder = Path(os.environ["XILINX_HLS"]) / "include"
        where = f"XILINX_HLS={os.environ['XILINX_HLS']}"
    else:
        spec = find_spec("hls4ml")
        folder = Path(spec.origin).parent / "templates" / "vivado" / "ap_types" if spec and spec.origin else Path()
        where = "the package hls4ml"
    if not (folder / "ap_int.h").is_file():
        raise ToolError(
            where, "ap_int.h not found", why="the generated C++ is written in ap_int and hls::stream", fix="pip install 'resflow[build]'"
        )
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """A bench that passed: its verdict, and what compiling and running it took."""

    verdict: str
    compiled: Finished
    ran: Finished


def simulate(ip: str, sources: Path, vectors: Path, frames: int, folder: Path) -> Simulation:
    """Compile and run the bench of one IP in `folder`; raises ToolError with the log where it fails."""
    compiler = find("g++")
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / f"{ip}_tb"
    # Both sources in one translation unit: most of the time goes into the ap_types headers, which are system headers here
    # because warnings of theirs are not ours to mend.
    units: list[str | Path] = ["-include", sources / f"{ip}.cpp", sources / f"{ip}_tb.cpp"]
    command = [compiler, *FLAGS, f"-I{INCLUDE}", f"-I{sources}", "-isystem", ap_types(), *units, "-o", program]
    compiled = run(command, log=folder / "compile.log", hint="report it with the log: generated C++ has to compile")
    first_difference = "compare with network.reference; the first difference is the one to look at"
    ran = run([program, vectors, str(frames)], log=folder / "run.log", hint=first_difference)
    verdict = ran.output.strip().splitlines()[-1:]
    if not verdict or not verdict[0].startswith("PASS"):
        raise ToolError(str(folder / "run.log"), f"the bench of {ip} says nothing", why="it ended before its verdict", fix="run it by hand")
    return Simulation(verdict=verdict[0], compiled=compiled, ran=ran)
