"""An IP as text: `<ip>.h` with its layers, `<ip>_roms.h`, `<ip>.cpp` with the top function, `<ip>_tb.cpp`."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from codegen import render as render_template
from codegen.templates import pascal
from dataflow.design import Ip, Kind, Port, Process, Stream
from dataflow.layers import Labels, Transfer
from hls.roms import rom_text
from hls.structs import Struct, call_arguments, cpp_format, memory, struct, struct_name
from hls.vectors import COSIM_FRAMES
from network.parameters import Parameters

FOLDER = Path(__file__).parent
SOURCES = (*sorted((FOLDER / "templates").glob("*.j2")), FOLDER / "render.py", FOLDER / "roms.py", FOLDER / "structs.py")
"""What the generated text follows from, besides the IP and its parameters."""
INCLUDE = FOLDER / "include"
HEADERS = tuple(sorted((INCLUDE / "resflow").glob("*.h")))
SEARCHED = "include"
"""Where the headers lie in a job, below resflow/: the one folder compilers search. Nothing named by the user is in it, so that the
features.h of a block `features` takes no system header's place."""


def outputs(ip: Ip) -> tuple[str, ...]:
    """The files of an IP; the DMA has no constants."""
    roms = (f"{ip.name}_roms.h",) if has_roms(ip) else ()
    return (f"{ip.name}.h", *roms, f"{ip.name}.cpp", f"{ip.name}_tb.cpp")


def has_roms(ip: Ip) -> bool:
    return any(process.roms for process in ip.processes)


def render(network: str, ip: Ip, parameters: Parameters) -> dict[str, str]:
    """All files of one IP by name; `network` goes into the banner."""
    values = {
        "network": network,
        "ip": ip,
        "structs": _structs(ip),
        "headers": sorted({_header(process.kind) for process in ip.processes}),
        "processes": ip.processes,
        "beat": _beat,
        "format": cpp_format,
        "struct_name": struct_name,
        "arguments": call_arguments,
        "memory": memory,
        "has_roms": has_roms(ip),
        "tag": lambda process: pascal(process.kind.value),
        "memories": _memories(ip),
        "bundle": bundle,
        "cosim_words": cosim_words,
        "signature": _signature(ip),
        "parts": [(part, list(group)) for part, group in groupby(ip.processes, key=lambda process: process.part)],
    }
    texts = {
        f"{ip.name}.h": render_template(FOLDER / "templates", "ip.h.j2", **values),
        f"{ip.name}.cpp": render_template(FOLDER / "templates", "dma.cpp.j2" if ip.kind == "dma" else "ip.cpp.j2", **values),
        f"{ip.name}_tb.cpp": render_template(FOLDER / "templates", "dma_tb.cpp.j2" if ip.kind == "dma" else "ip_tb.cpp.j2", **values),
    }
    if has_roms(ip):
        roms = [rom_text(process, rom, parameters) for process in ip.processes for rom in process.roms]
        texts[f"{ip.name}_roms.h"] = render_template(FOLDER / "templates", "roms.h.j2", roms=roms, **values)
    return texts


def _structs(ip: Ip) -> list[Struct]:
    """One per layer, in the order of the processes."""
    found = {struct_name(process): struct(process) for process in ip.processes}
    return list(found.values())


def _memories(ip: Ip) -> list[Process]:
    """The DMA's processes with a pointer, in the order of the kernel's arguments: HLS numbers the registers by it."""
    order = ("image", "labels", "weights")
    return sorted(
        (process for process in ip.processes if process.kind in (Kind.LOAD, Kind.STORE)), key=lambda process: order.index(process.name)
    )


def bundle(process: Process) -> str:
    """HLS calls the AXI interface `m_axi_<bundle>`; see Design.arguments."""
    return "images" if process.name == "image" else process.name


def cosim_words(process: Process) -> int:
    """Words behind a pointer while cosimulation runs, which has to know; hardware does not depend on it."""
    if isinstance(process.layer, Transfer):
        return process.layer.words * (1 if process.layer.repeats else COSIM_FRAMES)
    assert isinstance(process.layer, Labels)
    return process.layer.top * COSIM_FRAMES


def _signature(ip: Ip) -> str:
    """The top function's head; an argument a line where one line would not do."""
    pointers = [f"{'const Word' if process.kind is Kind.LOAD else 'ap_uint<32>'} *{memory(process)}" for process in _memories(ip)]
    streams = [f"hls::stream<{_beat(port)}> &{port.name}" for port in ip.ports]
    start, arguments = f"void {ip.top}(", [*pointers, *(["unsigned frames"] if pointers else []), *streams]
    line = start + ", ".join(arguments) + ")"
    return line if len(line) <= 130 else start + (",\n" + " " * len(start)).join(arguments) + ")"


def _header(kind: Kind) -> str:
    return "dma" if kind in (Kind.LOAD, Kind.UNPACK, Kind.STORE) else kind.value


def _beat(stream: Stream | Port) -> str:
    """The C++ type of a stream's or port's beat."""
    return f"Beat<{stream.lanes}, {cpp_format(stream.format)}>"
