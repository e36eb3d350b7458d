"""The block design and its packaging as text: a flat list of calls of the hand-written procs in bd.tcl and xo.tcl."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from codegen.text.templates import render as render_template
from dataflow.cost.storage import Storage
from dataflow.design import CONTROL_PROTOCOL, Design
from ipi import catalog, kernel_xml
from ipi.cells import converter_slr, crossings, slices, stages
from ipi.registers import registers

FOLDER = Path(__file__).parent
FIFO_MEMORY = {Storage.LUTRAM: "distributed", Storage.BRAM: "block", Storage.URAM: "ultra"}
"""FIFO_MEMORY_TYPE of the AXI4-Stream FIFO IP."""
PROCS = (FOLDER / "bd.tcl", FOLDER / "xo.tcl")
"""Hand-written Tcl, copied beside the generated files so that a build folder can be moved to and run on another machine."""


def render(design: Design) -> dict[str, str]:
    """All files of build/<network>/ipi by name."""
    ports = kernel_xml.ports(design)
    masters = sum(port.mode == "master" for port in ports)
    streams = catalog.streams(design)
    values: dict[str, object] = {"design": design, "ports": ports, "streams": streams, "vlnv": design.vlnv}
    is_kernel = design.network.has_dma
    return {
        **{path.name: path.read_text(encoding="utf-8") for path in PROCS},
        "block_design.tcl": render_template(
            FOLDER / "templates",
            "block_design.tcl.j2",
            headline=_headline(design),
            slrs=stages(design),
            blocks=_blocks(design),
            links=_links(design),
            externals=_externals(design),
            **values,
        ),
        "package.tcl": render_template(
            FOLDER / "templates",
            "package.tcl.j2",
            headline=f"{masters} AXI masters, {len(design.arguments)} arguments" if is_kernel else count(len(streams), "stream"),
            protocol=CONTROL_PROTOCOL,
            interrupt=kernel_xml.INTERRUPT,
            registers=_registers(design),
            **values,
        ),
        **({"kernel.xml": kernel_xml.render(design)} if is_kernel else {}),
    }


def outputs(design: Design) -> tuple[str, ...]:
    """The names of these files."""
    return ("block_design.tcl", "package.tcl", *(("kernel.xml",) if design.network.has_dma else ()), *(path.name for path in PROCS))


def table(rows: Sequence[Sequence[object]], *, heading: Sequence[str] = ()) -> list[str]:
    """Rows as lines with aligned columns; the heading becomes a comment above them."""
    texts = [[str(word) for word in row] for row in rows]
    titles = [["#", *heading]] if heading else []
    columns = max(map(len, texts), default=0)
    widths = [max((len(row[i]) for row in titles + texts if i < len(row)), default=0) for i in range(columns)]
    lines = titles + texts
    return ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=False)).rstrip() for row in lines]


def _headline(design: Design) -> str:
    converters = sum(link.converts for link in design.links)
    return (
        f"{len(design.ips)} IPs, {len(design.links)} streams, {count(converters, 'width converter')}, "
        f"{count(len(crossings(design)), 'SLR crossing')} in {count(len(slices(design)), 'register slice')}"
    )


def count(number: int, what: str) -> str:
    """1 -> "1 stream", 2 -> "2 streams"."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def _blocks(design: Design) -> list[str]:
    return table([("add_block", ip.name, ip.vlnv, ip.slr) for ip in design.ips], heading=("block", "VLNV", "SLR"))


def _links(design: Design) -> list[str]:
    rows: list[tuple[object, ...]] = [
        (
            "add_stream",
            link.name,
            *(link.source, link.source_port.name, link.source_port.tdata_bytes),
            *(link.sink, link.sink_port.name, link.sink_port.tdata_bytes),
            *(link.depth, FIFO_MEMORY[link.storage]),
            *((converter_slr(design, link),) if link.converts else ()),
        )
        for link in design.links
    ]
    heading = ("name", "source", "port", "bytes", "sink", "port", "bytes", "depth", "FIFO", "SLR of the width converter")
    return table(rows, heading=heading)


def _externals(design: Design) -> list[str]:
    rows: list[tuple[object, ...]] = [
        (f"add_{port.mode}", port.name, "dma", port.pin, port.data_width) for port in kernel_xml.ports(design)
    ]
    if rows:
        rows.append(("add_interrupt", kernel_xml.INTERRUPT, "dma", kernel_xml.INTERRUPT))
        return table(rows, heading=("port", "block", "pin", "bits"))
    rows = [("add_stream_port", each.name, each.ip, each.port.name, each.mode, each.port.tdata_bytes) for each in catalog.streams(design)]
    return table(rows, heading=("port", "block", "pin", "mode", "bytes"))


def _registers(design: Design) -> list[str]:
    rows = [
        ("add_register", register.name, f"0x{register.offset:02X}", register.bits, *((register.master,) if register.master else ()))
        for register in registers(design)
    ]
    return table(rows, heading=("register", "offset", "bits", "master"))
