"""The design as a table for people: `doit folding`."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from dataflow.design import Design, Ip
from dataflow.unit import Unit


def print_folding(design: Design) -> None:
    """Print every IP with its units: cycles per frame, folding, and FIFOs deeper than 2."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("IP", "SLR", "unit", "PE", "SIMD", "cycles a frame", "of slowest", "FIFO in front"):
        table.add_column(heading, justify="left" if heading in ("IP", "unit", "FIFO in front") else "right", no_wrap=True)
    for ip in design.ips:
        for i, unit in enumerate(ip.units):
            fold = (str(unit.values.get("kPe", "")), str(unit.values.get("kSimd", "")))
            row = (ip.name if i == 0 else "", str(ip.slr) if i == 0 else "", unit.label, *fold)
            table.add_row(*row, f"{unit.cycles:,}", f"{unit.cycles / design.cycles:.0%}", _fifo(ip, unit))
    console = Console(width=120)
    console.print(table)
    rate = design.network.clock_mhz * 1e6 / design.cycles
    console.print(
        f"{design.cycles:,} cycles a frame, set by {design.slowest.name}.{design.slowest.slowest.name}: "
        f"{rate:,.0f} frames/s at {design.network.clock_mhz} MHz if every FIFO is deep enough and memory keeps up"
    )


def _fifo(ip: Ip, unit: Unit) -> str:
    depths = [f"{stream.name} {stream.depth:,}" for stream in ip.streams if stream.depth > 2 and stream.name in unit.reads]
    return ", ".join(depths)
