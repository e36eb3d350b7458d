"""The timing simulation for people: `doit timing`."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from dataflow.design import Design
from dataflow.timing.graph import graph
from dataflow.timing.simulation import simulate
from dataflow.timing.sizing import require_flow


def print_timing(design: Design, *, frames: int, spacing: int) -> None:
    """Print what every unit does while at least two frames pass, and how full its input FIFOs get; then the frames.

    Raises TimingError if the design deadlocks.
    """
    laid = graph(design)
    run = simulate(laid, frames=frames, spacing=spacing)
    if run.deadlock:
        require_flow(design, frames=frames)  # raises: a design that deadlocks also deadlocks with the shortest pipelines
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("unit", "cycles a frame", "busy", "stalled", "starved", "most beats in input FIFOs"):
        table.add_column(heading, justify="left" if heading[0] in "um" else "right", no_wrap=True)
    depths = {channel.name: channel.depth for channel in laid.channels}
    for actor in laid.actors:
        did = run.activity[actor.name]
        total = did.busy + did.stalled + did.starved
        held = (f"{name.partition('.')[2]} {run.most[name]:,}/{depths[name]:,}" for name in actor.reads)
        shares = (f"{part / total:.0%}" for part in (did.busy, did.stalled, did.starved))
        table.add_row(actor.name, f"{actor.cycles:,}", *shares, ", ".join(held))
    console = Console(width=120)
    console.print(table)
    intervals = ", ".join(f"{interval:,}" for interval in run.intervals)
    console.print(f"{frames} frames, offered {f'every {spacing:,} cycles' if spacing else 'at once'}: {intervals} cycles from end to end")
    first, last = (int(run.ends[i] - run.starts[i]) for i in (0, -1))
    console.print(f"{first:,} cycles from the first word of the first frame to its last label, {last:,} of the last one")
