"""How long the timing simulation and the FIFO sizing take: `doit bench:timing`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from rich import box
from rich.console import Console
from rich.table import Table

from dataflow.plan import plan
from dataflow.timing.graph import graph
from dataflow.timing.minimality import Need
from dataflow.timing.simulation import simulate
from dataflow.timing.sizing import size
from network.model import Network

FRAMES = 4


def bench_timing(networks: Sequence[Network]) -> None:
    """Print the seconds, elapsed and summed over cores, to simulate four frames and to size every FIFO of each network; how many FIFOs
    are deeper than the least there is, and of how many it is proved that they have to be."""
    table = Table(box=box.SIMPLE_HEAD)
    headings = (
        "network",
        "blocks",
        "units",
        "FIFOs",
        "firings a frame",
        "cycles a frame",
        f"simulate {FRAMES} frames",
        "size",
        "of a core",
        "deep FIFOs",
        "proved",
    )
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "network" else "right", no_wrap=heading == "network")
    for network in networks:
        design = plan(network)
        started = time.perf_counter()
        laid = graph(design)
        simulate(laid, frames=FRAMES)
        simulated = time.perf_counter() - started
        started, busy = time.perf_counter(), time.process_time()
        sizing = size(design, anew=True)
        elapsed, busy = time.perf_counter() - started, time.process_time() - busy
        table.add_row(
            network.name,
            str(len(network.blocks)),
            f"{len(laid.actors):,}",
            f"{len(laid.channels):,}",
            f"{sum(actor.cycles for actor in laid.actors):,}",
            f"{sizing.interval:,}",
            f"{simulated:.2f} s",
            f"{elapsed:.1f} s",
            f"{busy:.1f} s",
            f"{len(sizing.needs)}",
            f"{sum(need is Need.PROVED for need in sizing.needs.values())}",
        )
    Console(width=140).print(table)


def stacked(network: Network, times: int) -> Network:
    """The network with each block that can follow itself repeated `times` times: the same cycles, more blocks."""
    blocks = [
        replace(block, name=f"{block.name}_{i}" if i else block.name)
        for block in network.blocks
        for i in range(times if block.input == block.output and block.input_format == block.residual else 1)
    ]
    return replace(network, name=f"{network.name} x{times}", blocks=tuple(blocks))
