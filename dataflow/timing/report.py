"""The timing simulation as a table, `doit timing`, and as data, `doit timing --json FILE`."""

from __future__ import annotations

from dataclasses import asdict

from rich import box
from rich.console import Console
from rich.table import Table

from dataflow.timing.graph import Graph
from dataflow.timing.simulation import Simulation


def print_timing(laid: Graph, run: Simulation, *, spacing: int) -> None:
    """Print what every unit does while at least two frames pass, and how full its input FIFOs get; then the frames."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("unit", "cycles a frame", "busy", "stalled", "starved", "most beats in input FIFOs"):
        table.add_column(heading, justify="left" if heading[0] in "um" else "right", no_wrap=True)
    places = laid.places
    for actor in laid.actors:
        did = run.activity[actor.name]
        total = did.busy + did.stalled + did.starved
        held = (f"{name.partition('.')[2]} {run.most[name]:,}/{places[name]:,}" for name in actor.reads)
        shares = (f"{part / total:.0%}" for part in (did.busy, did.stalled, did.starved))
        table.add_row(actor.name, f"{actor.cycles:,}", *shares, ", ".join(held))
    console = Console(width=120)
    console.print(table)
    intervals = ", ".join(f"{interval:,}" for interval in run.intervals)
    console.print(
        f"{run.frames} frames, offered {f'every {spacing:,} cycles' if spacing else 'at once'}: {intervals} cycles from end to end"
    )
    first, last = (int(run.ends[i] - run.starts[i]) for i in (0, -1))
    console.print(f"{first:,} cycles from the first word of the first frame to its last label, {last:,} of the last one")
    console.print(str(laid.sources))


def timing_data(laid: Graph, run: Simulation) -> dict[str, object]:
    """The table of `print_timing`, in cycles, and the deadlock where there is one; frames that were not finished are left out.

    `places` are the depth of a FIFO, what has a place in it before it can be read, and what register slices at its ports hold.
    """
    ends = [int(end) for end in run.ends]
    stuck, depths, places = run.deadlock, laid.depths, laid.places
    return {
        "interval": int(run.intervals[-1]) if len(ends) > 1 else None,
        "first": int(run.ends[0] - run.starts[0]) if ends else None,
        "ends": ends,
        "pipelines": laid.sources._asdict(),
        "deadlock": stuck and {"cycle": stuck.cycle, "waits": [asdict(wait) for wait in stuck.waits]},
        "units": {
            actor.name: {
                "cycles": actor.cycles,
                **asdict(run.activity[actor.name]),
                "fifos": {name: {"most": run.most[name], "depth": depths[name], "places": places[name]} for name in actor.reads},
            }
            for actor in laid.actors
        },
    }
