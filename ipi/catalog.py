"""The netlist as an IP for Vivado's catalog, to be joined with other IPs in a block design of one's own: its streams, its folder.

The folder `build/<network>/ip` is what the packager leaves, component.xml with the checkpoint and the constraints, and a README with
the tables of ports and registers.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import NamedTuple

from dataflow.design import CONTROL_PROTOCOL, Argument, Design, Port
from ipi import kernel_xml
from ipi.registers import registers
from ipi.xo import normalized

ARCHIVE = "ip.zip"
"""The packager's folder among the products of its job."""


class KernelStream(NamedTuple):
    """A stream of the design itself: a port that no link joins."""

    name: str  # S_AXIS_IMAGE
    ip: str
    port: Port

    @property
    def mode(self) -> str:
        return "Slave" if self.port.is_input else "Master"


def streams(design: Design) -> tuple[KernelStream, ...]:
    """Images, weights where they are streamed, and labels; none with a DMA."""
    return tuple(KernelStream(f"{'S' if port.is_input else 'M'}_AXIS_{port.name.upper()}", ip.name, port) for ip, port in design.open_ports)


def folder(design: Design, archive: bytes) -> dict[str, bytes]:
    """The files of the IP's folder by name; `archive` is the packager's, as a zip. Raises ToolError if it is none."""
    with zipfile.ZipFile(io.BytesIO(normalized(archive))) as files:
        return {**{name: files.read(name) for name in files.namelist()}, "README.md": readme(design).encode()}


def readme(design: Design) -> str:
    """What the user of the IP has to know: how to get it into a block design, its ports, its registers."""
    network = design.network
    return "\n".join(
        (
            f"# {design.vlnv}",
            "",
            f"The network {design.name}, {network.input} images in, the {network.head.top} best of {network.head.fc.out} classes out: a netlist",
            f"for {design.platform.part} at {network.clock_mhz} MHz, an image every {design.cycles:,} cycles once the pipeline is full.",
            "",
            "    set_property ip_repo_paths [list <this folder>] [current_project]",
            "    update_ip_catalog",
            f"    create_bd_cell -type ip -vlnv {design.vlnv} {design.name}",
            "",
            "## Ports",
            "",
            *_table(("port", "interface", "bits", "what goes through it"), _ports(design)),
            "",
            "With `interfaces: streams` in the description, images, weights and labels are AXI4-Streams, and there are no registers."
            if network.has_dma
            else "With `interfaces: memory` in the description, a DMA of its own moves images, weights and labels from and to memory.",
            *_register_table(design),
            "",
            "## Files",
            "",
            *_table(
                ("file", "content"),
                [
                    ("component.xml", "the IP as the catalog knows it"),
                    (f"dcp/{design.name}.dcp", "the netlist"),
                    (f"impl/{design.name}.xdc", "constraints for implementation"),
                    ("xgui/", "the page of its customization, which is empty"),
                ],
            ),
            "",
        )
    )


def _ports(design: Design) -> list[tuple[str, str, str, str]]:
    rows = [
        ("ap_clk", "clock", "1", f"{design.network.clock_mhz} MHz, of all interfaces"),
        ("ap_rst_n", "reset, active low", "1", "synchronous to ap_clk; the registers that spread it take some cycles"),
    ]
    rows += [
        (each.name, f"AXI4-Stream {each.mode.lower()}, no TLAST", str(8 * each.port.tdata_bytes), _beats(design, each.port))
        for each in streams(design)
    ]
    pointers = {kernel_xml.port_name(argument): argument for argument in design.arguments if argument.is_pointer}
    for port in kernel_xml.ports(design):
        what = (
            f"{_data(design, pointers[port.name])}, at the address in {pointers[port.name].name}"
            if port.name in pointers
            else "registers, below"
        )
        rows.append((port.name, f"AXI4 {port.mode}" if port.mode == "master" else "AXI4-Lite slave", str(port.data_width), what))
    if design.arguments:
        rows.append((kernel_xml.INTERRUPT, "interrupt, level high", "1", "a run is over, if GIER and IP_IER say so"))
    return rows


def _beats(design: Design, port: Port) -> str:
    network, head = design.network, design.network.head
    if port.name == "image":
        what = f"{network.input}, a beat for each pixel, row by row; its channels are {port.format}, the first in the lowest bits"
    elif port.name == "weights":
        what = f"weights of the fully connected layer, {head.fc.weight} ({head.fc.out}, {head.fc.inputs}), {port.lanes} a beat: all of them for every image"
    else:
        what = f"the {head.top} best of {head.fc.out} classes, a beat for each, the best first; counted from 0"
    return f"{port.beats:,} beats an image: {what}"


def _data(design: Design, argument: Argument) -> str:
    network, head = design.network, design.network.head
    return {
        "in": f"images, uint8 (n, {', '.join(map(str, network.input))})",
        "out": f"labels, uint32 (n, {head.top}), the best first",
        "weightsmem": f"weights of the fully connected layer, {head.fc.weight} ({head.fc.out}, {head.fc.inputs})",
    }[argument.name]


def _register_table(design: Design) -> list[str]:
    if not design.arguments:
        return []
    meanings = {
        "CTRL": f"bit 0 ap_start, 1 ap_done, 2 ap_idle, 3 ap_ready, 4 ap_continue; {CONTROL_PROTOCOL} of UG1399",
        "GIER": "bit 0 enables the interrupt",
        "IP_IER": "bit 0 interrupts at ap_done, bit 1 at ap_ready",
        "IP_ISR": "which of them it was; a 1 written to a bit clears it",
        "numReps": "images of a run",
    }
    rows = [
        (f"0x{each.offset:02X}", each.name, str(each.bits), meanings.get(each.name) or f"the address of what {each.master} moves")
        for each in registers(design)
    ]
    return ["", "## Registers", "", *_table(("offset", "register", "bits", "meaning"), rows)]


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table with aligned columns."""
    widths = [max(len(row[column]) for row in [heading, *rows]) for column in range(len(heading))]
    lines = [heading, ["-" * width for width in widths], *rows]
    return ["| " + " | ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)) + " |" for row in lines]
