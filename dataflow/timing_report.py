"""How a design runs, for people: `doit timing`."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from dataflow.design import Design
from dataflow.fifos import require_flow
from dataflow.simulation import simulate
from dataflow.simulation_graph import graph


def print_timing(design: Design, *, frames: int, spacing: int) -> None:
    """Every process with what it does while frames, two at least, pass, and how full what it reads gets; then the frames.

    Raises TimingError where the design deadlocks.
    """
    laid = graph(design)
    run = simulate(laid, frames=frames, spacing=spacing)
    if run.deadlock:
        require_flow(design, frames=frames)  # raises: with the shortest pipelines it deadlocks all the more
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("process", "cycles a frame", "busy", "stalled", "starved", "most held of what it reads"):
        table.add_column(heading, justify="left" if heading[0] in "pm" else "right", no_wrap=True)
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
