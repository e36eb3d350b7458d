"""An IP as text: `<ip>.h` with its layers, `<ip>_roms.h` unless all its constants are loaded, `<ip>.cpp` with the top function, `<ip>_tb.cpp`."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from codegen.text.templates import pascal
from codegen.text.templates import render as render_template
from dataflow.design import CONTROL_PROTOCOL, Ip, Port, Stream
from dataflow.unit import MemoryPort, Unit
from hls.structs import (
    call_arguments,
    chain_arguments,
    cpp_format,
    loaded_arrays,
    loaded_name,
    memory,
    struct_name,
    structs,
    template_arguments,
)
from hls.vectors import COSIM_FRAMES

if TYPE_CHECKING:
    from network.parameters import Parameters

FOLDER = Path(__file__).parent
INCLUDE = FOLDER / "include"
HEADERS = tuple(sorted((INCLUDE / "resflow").glob("*.h")))
LIBRARY = "resflow"
"""The folder of a job with the library's headers, beside the sources, which include "resflow/mvau.h". So no compiler needs the path of
a folder: HLS tools store one as absolute, and their projects are moved. No folder is searched in which the user named the files,
so that the features.h of a block `features` does not replace a system header."""


def outputs(ip: Ip) -> tuple[str, ...]:
    """The files of an IP; neither the DMA nor what is loaded has ROMs."""
    roms = (f"{ip.name}_roms.h",) if has_roms(ip) else ()
    return (f"{ip.name}.h", *roms, f"{ip.name}.cpp", f"{ip.name}_tb.cpp")


def has_roms(ip: Ip) -> bool:
    return any(unit.constants and not unit.loads for unit in ip.units)


def render(network: str, ip: Ip, parameters: Parameters) -> dict[str, str]:
    """All files of one IP by name; `network` goes into the banner."""
    values = {
        "network": network,
        "ip": ip,
        "structs": structs(ip.units),
        "headers": sorted({unit.header for unit in ip.units} | ({"loaded"} if ip.loaded else set())),
        "units": ip.units,
        "beat": _beat,
        "format": cpp_format,
        "struct_name": struct_name,
        "template_arguments": template_arguments,
        "arguments": call_arguments,
        "taking": _taking,
        "loaded_arrays": loaded_arrays,
        "loaded_name": loaded_name,
        "loaded_signature": lambda unit: _loaded_signature(ip, unit),
        "memory": memory,
        "has_roms": has_roms(ip),
        "tag": lambda unit: pascal(unit.implementation),
        "memories": _memories(ip),
        "constants_words": next((unit.memory.words for unit in ip.units if unit.memory and unit.name == "constants"), 0),
        "matrix": any("kMatrixWords" in unit.values for unit in ip.units),
        "once": [(_once(name), name) for unit in ip.units for name in unit.writes_once],
        "cosim_words": cosim_words,
        "signature": _signature(ip),
        "protocol": CONTROL_PROTOCOL,
        "parts": [(part, list(group)) for part, group in groupby(ip.units, key=lambda unit: unit.part)],
    }
    top, bench = (
        ("dma.cpp.j2", "dma_loaded_tb.cpp.j2" if ip.reads_constants else "dma_tb.cpp.j2")
        if ip.kind == "dma"
        else ("ip.cpp.j2", "ip_tb.cpp.j2")
    )
    texts = {
        f"{ip.name}.h": render_template(FOLDER / "templates", "ip.h.j2", **values),
        f"{ip.name}.cpp": render_template(FOLDER / "templates", top, **values),
        f"{ip.name}_tb.cpp": render_template(FOLDER / "templates", bench, **values),
    }
    if has_roms(ip):
        from hls.roms import rom_text  # here, because numpy loads slowly

        roms = [rom_text(held, parameters) for unit in ip.units for held in unit.constants if not held.holding.loaded]
        texts[f"{ip.name}_roms.h"] = render_template(FOLDER / "templates", "roms.h.j2", roms=roms, **values)
    return texts


def _memories(ip: Ip) -> list[Unit]:
    """The units with a pointer, in the order of the kernel's arguments, by which HLS assigns the registers."""
    order = ("image", "labels", "weights", "constants")
    return sorted((unit for unit in ip.units if unit.memory), key=lambda unit: order.index(unit.name))


def cosim_words(port: MemoryPort) -> int:
    """Words behind a pointer in cosimulation, which needs their number; the hardware does not depend on it."""
    return port.words * (1 if port.repeats else COSIM_FRAMES)


def _signature(ip: Ip) -> str:
    """The signature of the top function."""
    pointers = [f"{'ap_uint<32>' if unit.memory and unit.memory.writes else 'const Word'} *{memory(unit)}" for unit in _memories(ip)]
    streams = [f"hls::stream<{_beat(port)}> &{port.name}" for port in ip.ports]
    return _function(f"void {ip.top}(", [*pointers, *(["unsigned frames"] if pointers else []), *streams])


def _loaded_signature(ip: Ip, unit: Unit) -> str:
    """The signature of the function of a unit whose constants are loaded."""
    streams: dict[str, Stream | Port] = {stream.name: stream for stream in ip.streams} | {port.name: port for port in ip.ports}
    arguments = [f"hls::stream<{_beat(streams[name])}> &{name}" for name in (*unit.reads, *unit.writes)]
    return _function(f"static void {loaded_name(unit)}(", arguments)


def _taking(unit: Unit) -> str:
    """The statement by which a unit takes its constants, in as many lines as it needs."""
    rows = [f"resflow::{pascal(unit.implementation)}<{struct_name(unit)}>", *(array.row for array in loaded_arrays(unit))]
    start, arguments = f"  resflow::take<{', '.join(rows)}>(", f"{', '.join(chain_arguments(unit))});"
    if len(start + arguments) <= 130:
        return start + arguments
    return "\n".join(fill(text, 130, subsequent_indent=" " * 6, break_long_words=False) for text in (start, " " * 6 + arguments))


def _function(start: str, arguments: list[str]) -> str:
    """One argument per line where they do not fit into one line."""
    line = start + ", ".join(arguments) + ")"
    return line if len(line) <= 130 else start + (",\n" + " " * len(start)).join(arguments) + ")"


def _once(stream: str) -> str:
    """The C++ type of what passes through a stream once a call."""
    return "Word" if stream.endswith("_words") else "resflow::Answer"


def _beat(stream: Stream | Port) -> str:
    """The C++ type of a stream's or port's beat."""
    return f"Beat<{stream.lanes}, {cpp_format(stream.format)}>"
