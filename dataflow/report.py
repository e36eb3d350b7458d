"""The design as a table for people: `doit folding`."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from dataflow.design import Design, Ip, Process
from network.model import Conv, Dense


def print_folding(design: Design) -> None:
    """Every IP with its processes: cycles per frame, folding, and the depth of what is deeper than 2."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("IP", "SLR", "process", "PE", "SIMD", "cycles a frame", "of slowest", "FIFO in front"):
        table.add_column(heading, justify="left" if heading in ("IP", "process", "FIFO in front") else "right", no_wrap=True)
    for ip in design.ips:
        for i, process in enumerate(ip.processes):
            fold = (str(process.layer.pe), str(process.layer.simd)) if isinstance(process.layer, Conv | Dense) else ("", "")
            row = (ip.name if i == 0 else "", str(ip.slr) if i == 0 else "", _title(process), *fold)
            table.add_row(*row, f"{process.cycles:,}", f"{process.cycles / design.cycles:.0%}", _fifo(ip, process))
    console = Console(width=120)
    console.print(table)
    rate = design.network.clock_mhz * 1e6 / design.cycles
    console.print(
        f"{design.cycles:,} cycles a frame, set by {design.slowest.name}.{design.slowest.slowest.name}: "
        f"{rate:,.0f} frames/s at {design.network.clock_mhz} MHz if every FIFO is deep enough and memory keeps up"
    )


def _title(process: Process) -> str:
    return " ".join(dict.fromkeys((process.name, process.kind.value)))  # "fork", not "fork fork"


def _fifo(ip: Ip, process: Process) -> str:
    depths = [f"{stream.name} {stream.depth:,}" for stream in ip.streams if stream.depth > 2 and stream.name in process.reads]
    return ", ".join(depths)
