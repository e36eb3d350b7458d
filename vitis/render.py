"""The linker's input as text: its configuration, the floorplan, the sizes of on-chip memory banks."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from codegen.text.templates import render as render_template
from dataflow.banks import enlarged_kb
from dataflow.design import Design
from dataflow.platform import Platform
from ipi.cells import cells, slices
from ipi.render import count, table
from vitis.link import settings

FOLDER = Path(__file__).parent
OUTPUTS = ("link.cfg", "floorplan.tcl", "plram.tcl", "reports.tcl")


class Plram(NamedTuple):
    name: str  # PLRAM_MEM00
    slr: int
    size: str  # 2M


def render(design: Design) -> dict[str, str]:
    """All files of build/<network>/vitis by name. link.cfg names no file: `link.command` gives the hooks with their paths."""
    placed = cells(design)
    masters = sum(argument.is_pointer for argument in design.arguments)
    templates = FOLDER / "templates"
    return {
        "link.cfg": render_template(
            templates,
            "link.cfg.j2",
            design=design,
            headline=f"{masters} AXI masters",
            settings=settings(design),
        ),
        "floorplan.tcl": render_template(
            templates,
            "floorplan.tcl.j2",
            design=design,
            cu=design.cu,
            headline=f"{len(placed)} cells, {count(len(slices(design)), 'register slice')} over SLR boundaries",
            # Within the file, because v++ may copy a hook to another folder.
            procs=(FOLDER / "pblocks.tcl").read_text(encoding="utf-8"),
            cells=table([("guide_cell_to_slr" if cell.crosses else "place_cell_in_slr", cell.slr, cell.name) for cell in placed]),
            slices=table([("guide_slice_to_slrs", piece.source, piece.sink, piece.name) for piece in slices(design)]),
        ),
        "plram.tcl": render_template(templates, "plram.tcl.j2", design=design, memories=plrams(design)),
        "reports.tcl": (FOLDER / "reports.tcl").read_text(encoding="utf-8"),
    }


def plrams(design: Design) -> tuple[Plram, ...]:
    """PLRAM banks that are larger than their default size."""
    made = []
    for bank, size_kb in enlarged_kb(design).items():
        size = f"{size_kb}K" if size_kb < 1024 else f"{size_kb // 1024}M"
        made.append(Plram(plram_cell(design.platform, bank), design.platform.bank(bank).slr, size))
    return tuple(made)


def plram_cell(platform: Platform, bank: str) -> str:
    """The memory subsystem's name of PLRAM[i]: PLRAM_MEM0i."""
    return f"{platform.plram_cell}{int(bank[6:-1]):02}"
