"""The netlist as an IP for Vivado's catalog, to be joined with other IPs in a block design of one's own: its streams, its folder.

The folder `build/<network>/ip` is what the packager leaves, component.xml with the checkpoint and the constraints, and a README with
the tables of ports and registers.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import NamedTuple

from dataflow.banks import IMAGE_HEADER_BYTES
from dataflow.design import CONTROL_PROTOCOL, Argument, Design, Port
from ipi import kernel_xml
from ipi.cells import cells, slices, stages
from ipi.registers import registers
from network.model import Head

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
    """Images, weights where they are streamed, constants where they are loaded, and labels; none with a DMA."""

    def name(port: Port) -> str:
        return f"{'S' if port.is_input else 'M'}_AXIS_{port.name.removesuffix('_in').upper()}"

    return tuple(KernelStream(name(port), ip.name, port) for ip, port in design.open_ports)


def files(design: Design) -> tuple[str, ...]:
    """The files of the IP's folder that are known before it is packaged; the packager may leave more, in xgui/."""
    return ("component.xml", f"dcp/{design.name}.dcp", f"impl/{design.name}.xdc", "floorplan.xdc", "README.md")


def folder(design: Design, archive: bytes) -> dict[str, bytes]:
    """All files of the IP's folder by name; `archive` is the packager's, normalized, as a zip."""
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        unpacked = {name: packed.read(name) for name in packed.namelist()}
    return {**unpacked, "floorplan.xdc": floorplan(design).encode(), "README.md": readme(design).encode()}


def floorplan(design: Design) -> str:
    """Constraints for the project the IP is used in: the SLR of every cell, which the placer may leave where timing wants it.

    The names of the register slices' halves are those the linker's floorplan looks for, see vitis/pblocks.tcl.
    """
    rows = [(cell.slr, f"NAME =~ */{design.top}_i/{cell.name}") for cell in cells(design)]
    for piece in slices(design):
        for slr, halves in ((piece.source, ("source", "master")), (piece.sink, ("dest", "slave"))):
            either = " || ".join(f"NAME =~ */{design.top}_i/{piece.name}/*slr_{half}*" for half in halves)
            rows.append((slr, f"IS_PRIMITIVE == 0 && ({either})"))
    lines = [f"set_property USER_SLR_ASSIGNMENT SLR{slr} [get_cells -quiet -hierarchical -filter {{{which}}}]" for slr, which in rows]
    heading = f"# SLRs of {design.name}, for a project that uses the IP once. Generated from the description. Edit that, not this."
    return "\n".join((heading, "", *lines, ""))


def readme(design: Design) -> str:
    """What the user of the IP has to know: how to get it into a block design, its ports, its registers."""
    network, part = design.network, design.platform.part
    return "\n".join(
        (
            f"# {design.vlnv}",
            "",
            f"The network {design.name}: {network.input} images in, {_best(design)} out, an image every {design.interval:,} cycles",
            f"once the pipeline is full. A netlist for the family of {part}, synthesized for {network.clock_mhz} MHz.",
            "",
            "    set_property ip_repo_paths [list <this folder>] [current_project]",
            "    update_ip_catalog",
            f"    create_bd_cell -type ip -vlnv {design.vlnv} {design.name}",
            "",
            "## Ports",
            "",
            *_table(("port", "interface", "bits", "what goes through it"), _ports(design)),
            "",
            *_stream_notes(design),
            *_register_table(design),
            "",
            "## Files",
            "",
            *_table(
                ("file", "content"),
                [
                    ("component.xml", "the IP as the catalog knows it"),
                    (
                        f"dcp/{design.name}.dcp",
                        "the netlist, the only view there is: behavioural simulation needs the HLS IPs it was made of",
                    ),
                    (f"impl/{design.name}.xdc", "its constraints for implementation"),
                    (
                        "floorplan.xdc",
                        "the SLR of every cell, to be added to the project's constraints where SLRs are not left to the placer",
                    ),
                    ("xgui/", "the page of its customization, which is empty"),
                ],
            ),
            "",
        )
    )


def _best(design: Design) -> str:
    head = design.network.head
    return f"the {f'{head.top:,} best' if head.top > 1 else 'best'} of {head.fc.out:,} classes"


def _scores(design: Design) -> str:
    """Where the scores stand behind the labels."""
    top = design.network.head.top_k
    padding = f"{'a word of 0, then ' if top.first_score > top.top else ''}"
    return f"{padding}their scores, {'int32' if top.score_words == 1 else 'int64, the low word first'}"


def _ports(design: Design) -> list[tuple[str, str, str, str]]:
    rows = [
        ("ap_clk", "clock", "1", "of all interfaces"),
        ("ap_rst_n", "reset, active low", "1", f"synchronous to ap_clk; it reaches the last SLR {stages(design) + 1} cycles later"),
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


def _stream_notes(design: Design) -> list[str]:
    if design.network.has_dma:
        return ["With `interfaces: streams` in the description, images, weights and labels are AXI4-Streams, and there are no registers."]
    return [
        "Nothing has to be started: an image is taken whenever there is one. TLAST and TKEEP of what sends images stay unconnected; a DMA that",
        "is to write the labels to memory needs TLAST, which an axis_subset_converter can give it.",
        "",
        *(_load_notes(design) if design.network.loads else ()),
        "With `interfaces: memory` in the description, a DMA of its own moves images, weights and labels from and to memory.",
    ]


def _load_notes(design: Design) -> list[str]:
    words = f"{design.load_words:,}"
    return [
        f"Constants come through S_AXIS_CONSTANTS, before the first image: the word {words} and then {words} words, which are those of",
        f"`doit constants` behind the {IMAGE_HEADER_BYTES} bytes of the header of their image, without the zeros that fill it up; then a word of 0 for",
        "every image. Another load may follow the 0 of any image; an image that comes before the first load, or without its 0, waits.",
        "",
    ]


def _beats(design: Design, port: Port) -> str:
    network, head = design.network, design.network.head
    if port.name == "constants_in":
        return f"a word of 0 an image, and loads of {design.load_words:,} words with their number in front: see below"
    if port.name == "image":
        what = f"{network.input}, a beat for each pixel, row by row; its channels are {port.format}, the first in the lowest bits"
    elif port.name == "weights":
        what = (
            f"weights of the fully connected layer, head/fc/weights of the parameters, {head.fc.weight} ({head.fc.out:,}, {head.fc.inputs:,}): class by "
            f"class, {port.lanes} inputs a beat, the first in the lowest byte; all of them again for every image"
        )
    else:
        what = f"{_best(design)}, a beat for each, the best first; counted from 0"
        what += f"; then {_scores(design)}" if head.gives_scores else ""
    return f"{port.beats:,} beat{'' if port.beats == 1 else 's'} an image: {what}"


def _data(design: Design, argument: Argument) -> str:
    network, head = design.network, design.network.head
    labels = f"labels, uint32 (n, {head.top:,}), the best first"
    if head.gives_scores:
        labels = f"n times {head.top_k.words:,} words: {head.top:,} labels, uint32, the best first; then {_scores(design)}"
    if argument.name == "weightsmem" and network.loads:
        weights = f"; in others weights of the fully connected layer, {_matrix(head)}" if head.streams_weights else ""
        return f"the image of the constants, {IMAGE_HEADER_BYTES + design.load_bytes:,} bytes, in a run for 0 images{weights}"
    return {
        "in": f"images, uint8 (n, {', '.join(map(str, network.input))})",
        "out": labels,
        "weightsmem": f"weights of the fully connected layer, {_matrix(head)}",
    }[argument.name]


def _matrix(head: Head) -> str:
    return f"{head.fc.weight} ({head.fc.out:,}, {head.fc.inputs:,})"


def _register_table(design: Design) -> list[str]:
    if not design.arguments:
        return []
    meanings = {
        "CTRL": f"bit 0 ap_start, 1 ap_done, 2 ap_idle, 3 ap_ready, 4 ap_continue; {CONTROL_PROTOCOL} of UG1399",
        "GIER": "bit 0 enables the interrupt",
        "IP_IER": "bit 0 interrupts at ap_done, bit 1 at ap_ready",
        "IP_ISR": "which of them it was; a 1 written to a bit clears it",
        "numReps": "images of a run; 0 loads constants, and the status word at the address in out is 1 where that went well"
        if design.network.loads
        else "images of a run",
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
