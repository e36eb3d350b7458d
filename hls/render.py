"""An IP as text: `<ip>.h` with its layers, `<ip>_roms.h`, `<ip>.cpp` with the top function, `<ip>_tb.cpp`."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from codegen.text.templates import pascal
from codegen.text.templates import render as render_template
from dataflow.design import CONTROL_PROTOCOL, Ip, Port, Stream
from dataflow.unit import MemoryPort, Unit
from hls.structs import call_arguments, cpp_format, memory, struct_name, structs, template_arguments
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
    """The files of an IP; the DMA has no constants."""
    roms = (f"{ip.name}_roms.h",) if has_roms(ip) else ()
    return (f"{ip.name}.h", *roms, f"{ip.name}.cpp", f"{ip.name}_tb.cpp")


def has_roms(ip: Ip) -> bool:
    return any(unit.constants for unit in ip.units)


def render(network: str, ip: Ip, parameters: Parameters) -> dict[str, str]:
    """All files of one IP by name; `network` goes into the banner."""
    values = {
        "network": network,
        "ip": ip,
        "structs": structs(ip.units),
        "headers": sorted({unit.header for unit in ip.units}),
        "units": ip.units,
        "beat": _beat,
        "format": cpp_format,
        "struct_name": struct_name,
        "template_arguments": template_arguments,
        "arguments": call_arguments,
        "memory": memory,
        "has_roms": has_roms(ip),
        "tag": lambda unit: pascal(unit.implementation),
        "memories": _memories(ip),
        "cosim_words": cosim_words,
        "signature": _signature(ip),
        "protocol": CONTROL_PROTOCOL,
        "parts": [(part, list(group)) for part, group in groupby(ip.units, key=lambda unit: unit.part)],
    }
    texts = {
        f"{ip.name}.h": render_template(FOLDER / "templates", "ip.h.j2", **values),
        f"{ip.name}.cpp": render_template(FOLDER / "templates", "dma.cpp.j2" if ip.kind == "dma" else "ip.cpp.j2", **values),
        f"{ip.name}_tb.cpp": render_template(FOLDER / "templates", "dma_tb.cpp.j2" if ip.kind == "dma" else "ip_tb.cpp.j2", **values),
    }
    if has_roms(ip):
        from hls.roms import rom_text  # here, because numpy loads slowly

        roms = [rom_text(held, parameters) for unit in ip.units for held in unit.constants]
        texts[f"{ip.name}_roms.h"] = render_template(FOLDER / "templates", "roms.h.j2", roms=roms, **values)
    return texts


def _memories(ip: Ip) -> list[Unit]:
    """The units with a pointer, in the order of the kernel's arguments, by which HLS assigns the registers."""
    order = ("image", "labels", "weights")
    return sorted((unit for unit in ip.units if unit.memory), key=lambda unit: order.index(unit.name))


def cosim_words(port: MemoryPort) -> int:
    """Words behind a pointer in cosimulation, which needs their number; the hardware does not depend on it."""
    return port.words * (1 if port.repeats else COSIM_FRAMES)


def _signature(ip: Ip) -> str:
    """The signature of the top function; one argument per line where it does not fit into one line."""
    pointers = [f"{'ap_uint<32>' if unit.memory and unit.memory.writes else 'const Word'} *{memory(unit)}" for unit in _memories(ip)]
    streams = [f"hls::stream<{_beat(port)}> &{port.name}" for port in ip.ports]
    start, arguments = f"void {ip.top}(", [*pointers, *(["unsigned frames"] if pointers else []), *streams]
    line = start + ", ".join(arguments) + ")"
    return line if len(line) <= 130 else start + (",\n" + " " * len(start)).join(arguments) + ")"


def _beat(stream: Stream | Port) -> str:
    """The C++ type of a stream's or port's beat."""
    return f"Beat<{stream.lanes}, {cpp_format(stream.format)}>"
