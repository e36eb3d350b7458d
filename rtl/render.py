"""An IP in SystemVerilog as text: `<top>.sv`, the rows of its ROMs, and its test bench for Verilator."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from codegen.text.templates import render as render_template
from dataflow.design import Ip, Port, Stream
from dataflow.unit import Unit
from rtl.modules import Row, instance, memory_files, read, written

if TYPE_CHECKING:
    from network.parameters import Parameters

FOLDER = Path(__file__).parent
PACKAGE = FOLDER / "sv" / "rf_pkg.sv"
WAIVERS = FOLDER / "sv" / "rf_waivers.vlt"
"""What Verilator is not to warn of; in front of the modules."""
LIBRARY = (PACKAGE, *sorted(path for path in (FOLDER / "sv").glob("*.sv") if path != PACKAGE))
"""The package first: tools have to have read it before the modules that use it."""
BENCH = FOLDER / "include" / "bench.h"


def outputs(ip: Ip) -> tuple[str, ...]:
    """The files of an IP."""
    return (top_file(ip), bench_file(ip), *(file for unit in ip.units for held in unit.constants for file in memory_files(held)))


def top_file(ip: Ip) -> str:
    return f"{ip.top}.sv"


def bench_file(ip: Ip) -> str:
    return f"{ip.name}_tb.cpp"


def render(network: str, ip: Ip, parameters: Parameters) -> dict[str, str]:
    """All files of one IP by name; `network` goes into the banner."""
    return sources(network, ip) | {name: text for unit in ip.units for name, text in memories(unit, parameters).items()}


def sources(network: str, ip: Ip) -> dict[str, str]:
    """The files that do not depend on parameters: the top module and the bench."""
    parts = [(part, [instance(ip, unit) for unit in group]) for part, group in groupby(ip.units, key=lambda unit: unit.part)]
    values = {"network": network, "ip": ip, "parts": parts, "comment": _comment, "joined": _joined}
    return {
        top_file(ip): render_template(FOLDER / "templates", "ip.sv.j2", **values),
        bench_file(ip): render_template(FOLDER / "templates", "ip_tb.cpp.j2", **values),
    }


def memories(unit: Unit, parameters: Parameters) -> dict[str, str]:
    """The files with the rows of a unit's ROMs, by name."""
    from rtl.memories import memory_texts  # here, because numpy loads slowly

    texts = ((memory_files(held), memory_texts(held, parameters)) for held in unit.constants if not held.holding.loaded)
    return {file: text for files, of in texts for file, text in zip(files, of, strict=True)}


def render_unit(ip: Ip, unit: Unit) -> str:
    """The module `unit`: one unit alone with the parameters it has in its IP, and the ports of its module."""
    bits = {stream.name: stream.bits for stream in ip.streams} | {port.name: port.bits for port in ip.ports}
    signals = [("input ", 1, "clk_i"), ("input ", 1, "rst_ni")]
    for port, name in read(unit):
        signals += [("input ", bits[name], f"{port}_i"), ("input ", 1, f"{port}_valid_i"), ("output", 1, f"{port}_ready_o")]
    for port, name in written(unit):
        signals += [("output", bits[name], f"{port}_o"), ("output", 1, f"{port}_valid_o"), ("input ", 1, f"{port}_ready_i")]
    return render_template(FOLDER / "templates", "unit.sv.j2", instance=instance(ip, unit), signals=signals, joined=_joined)


def _comment(stream: Stream | Port) -> str:
    """Why a stream is deep."""
    return f"  // {stream.depth:,} beats: {stream.why}" if isinstance(stream, Stream) and stream.why else ""


def _joined(row: Row) -> str:
    return ", ".join(f".{name}({value})" for name, value in row.items())
