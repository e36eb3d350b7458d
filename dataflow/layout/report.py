"""The design as a table, `doit folding`, and as data, `doit folding --json FILE`."""

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
            table.add_row(*row, f"{unit.interval:,}", f"{unit.interval / design.interval:.0%}", _fifo(ip, unit))
    console = Console(width=120)
    console.print(table)
    console.print(
        f"{design.interval:,} cycles a frame, set by {design.bottleneck}: {design.frames_per_second:,.0f} frames/s at "
        f"{design.network.clock_mhz} MHz if every FIFO is deep enough{' and memory keeps up' if design.network.has_dma else ''}"
    )


def folding_data(design: Design) -> dict[str, object]:
    """The table of `print_folding`, with the depths of all FIFOs."""
    return {
        "cycles": design.interval,
        "fps": design.frames_per_second,
        "slowest": design.bottleneck,
        "ips": {
            ip.name: {
                "slr": ip.slr,
                "cycles": ip.interval,
                "units": [
                    {
                        "name": unit.name,
                        "implementation": unit.implementation,
                        "pe": unit.values.get("kPe"),
                        "simd": unit.values.get("kSimd"),
                        "cycles": unit.interval,
                    }
                    for unit in ip.units
                ],
            }
            for ip in design.ips
        },
        "depths": design.depths,
    }


def _fifo(ip: Ip, unit: Unit) -> str:
    depths = [f"{stream.name} {stream.depth:,}" for stream in ip.streams if stream.depth > 2 and stream.name in unit.reads]
    return ", ".join(depths)
