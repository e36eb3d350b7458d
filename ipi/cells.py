"""Name and SLR of every cell of the block design, for the block design, the floorplan and their checks."""

from __future__ import annotations

from typing import NamedTuple

from dataflow.design import Design, Link


class Cell(NamedTuple):
    name: str
    slr: int
    crosses: bool = False  # a register that a net between two SLRs starts or ends at


class Slice(NamedTuple):
    """A register slice across one SLR boundary: one half in each of the two SLRs."""

    name: str
    source: int  # SLR
    sink: int


def stages(design: Design) -> int:
    """The number of SLRs the reset passes: from 0, where it enters, to the last one with an IP."""
    return max(ip.slr for ip in design.ips) + 1


def block(ip: str) -> str:
    """The cell of an IP. A cell's name starts with its kind, so that cells of two kinds never have the same name."""
    return f"ip_{ip}"


def fifo(link: Link) -> str:
    return f"fifo_{link.name}"


def converter(link: Link) -> str:
    return f"dwc_{link.name}"


def converter_slr(design: Design, link: Link) -> int:
    """The SLR of the wider beat, so that the narrower one crosses between SLRs."""
    wide = link.source if link.source_port.tdata_bytes > link.sink_port.tdata_bytes else link.sink
    return design.ip(wide).slr


def crossings(design: Design) -> tuple[Link, ...]:
    """Streams between IPs of different SLRs."""
    return tuple(link for link in design.links if design.ip(link.source).slr != design.ip(link.sink).slr)


def slices(design: Design) -> tuple[Slice, ...]:
    """The register slices of all streams, one at every SLR boundary a stream crosses."""
    pieces = []
    for link in design.links:
        source, sink = design.ip(link.source).slr, design.ip(link.sink).slr
        step = 1 if source < sink else -1
        pieces += [Slice(f"slice_{link.name}_slr{slr}", slr, slr + step) for slr in range(source, sink, step)]
    return tuple(pieces)


def cells(design: Design) -> tuple[Cell, ...]:
    """All cells that are in a single SLR: IPs, FIFOs and converters of the streams, registers of the reset tree.

    The passthroughs of the reset tree are left out: they are only wires, which optimization removes.
    """
    placed = [Cell(block(ip.name), ip.slr) for ip in design.ips]
    for link in design.links:
        placed.append(Cell(fifo(link), design.ip(link.source).slr))
        if link.converts:
            placed.append(Cell(converter(link), converter_slr(design, link)))
    for slr in range(stages(design)):
        placed += [Cell(f"reset_pipe_slr{slr}", slr, crosses=True), Cell(f"reset_leaf_slr{slr}", slr)]
    placed += [Cell(f"reset_leaf_{block(ip.name)}", ip.slr) for ip in design.ips]
    return tuple(placed)
