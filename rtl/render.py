"""An IP in SystemVerilog as text: `<top>.sv`, the rows of its ROMs, and its test bench for Verilator."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from codegen.text.templates import render as render_template
from dataflow.design import Ip, Port, Stream
from rtl.modules import Row, instance, memory_file

if TYPE_CHECKING:
    from network.parameters import Parameters

FOLDER = Path(__file__).parent
PACKAGE = FOLDER / "sv" / "rf_pkg.sv"
LIBRARY = (PACKAGE, *sorted(path for path in (FOLDER / "sv").glob("*.sv") if path != PACKAGE))
"""The package first: tools have to have read it before the modules that use it."""
BENCH = FOLDER / "include" / "bench.h"


def outputs(ip: Ip) -> tuple[str, ...]:
    """The files of an IP."""
    return (top_file(ip), bench_file(ip), *(memory_file(held) for unit in ip.units for held in unit.constants))


def top_file(ip: Ip) -> str:
    return f"{ip.top}.sv"


def bench_file(ip: Ip) -> str:
    return f"{ip.name}_tb.cpp"


def render(network: str, ip: Ip, parameters: Parameters) -> dict[str, str]:
    """All files of one IP by name; `network` goes into the banner."""
    from rtl.memories import memory_text  # here, because numpy loads slowly

    texts = {memory_file(held): memory_text(held, parameters) for unit in ip.units for held in unit.constants}
    return sources(network, ip) | texts


def sources(network: str, ip: Ip) -> dict[str, str]:
    """The files that do not depend on parameters: the top module and the bench."""
    parts = [(part, [instance(ip, unit) for unit in group]) for part, group in groupby(ip.units, key=lambda unit: unit.part)]
    values = {"network": network, "ip": ip, "parts": parts, "comment": _comment, "joined": _joined}
    return {
        top_file(ip): render_template(FOLDER / "templates", "ip.sv.j2", **values),
        bench_file(ip): render_template(FOLDER / "templates", "ip_tb.cpp.j2", **values),
    }


def _comment(stream: Stream | Port) -> str:
    """Why a stream is deep."""
    return f"  // {stream.depth:,} beats: {stream.why}" if isinstance(stream, Stream) and stream.why else ""


def _joined(row: Row) -> str:
    return ", ".join(f".{name}({value})" for name, value in row.items())
