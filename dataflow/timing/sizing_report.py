"""FIFO depths as a table, `doit fifos`, as data, `doit fifos --json FILE`, and for the description, `doit fifos --write`."""

from __future__ import annotations

from collections.abc import Mapping

from rich import box
from rich.console import Console
from rich.table import Table

from dataflow.cost.resources import Resources
from dataflow.cost.storage import link_cost, stream_cost
from dataflow.design import Design, Link, Stream
from dataflow.layout import lay_out
from dataflow.layout.network import given_fifos, without_fifos
from dataflow.layout.original import original_style
from dataflow.timing.graph import graph
from dataflow.timing.minimality import Need
from dataflow.timing.simulation import Simulation, simulate
from dataflow.timing.sizing import LEAST, Sizing
from network.yaml.writer import with_entry

ORIGINAL_ROWS, ORIGINAL_LINK = 4, 1024
"""Xilinx/ResNet50-PYNQ: rows a bypass holds (reslayer.h: IFMDIM*4*STRIDE*(IFMC/SIMD) beats), beats between two blocks."""
FRAMES = 10


def print_fifos(design: Design, sizing: Sizing) -> None:
    """Print every FIFO deeper than HLS's default, before and after; totals; the timing of both designs."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("FIFO", "bits", "beats a frame", "depth", "sized", "made of"):
        table.add_column(heading, justify="left" if heading in ("FIFO", "made of") else "right", no_wrap=True)
    beats = {channel.name: channel.beats for channel in graph(design).channels}
    section = ""
    for name, fifo in _fifos(sizing.design).items():
        before, after = design.depths[name], fifo.depth
        if before == after == LEAST:
            continue
        part = name.partition(".")[0]
        if part != section and section:
            table.add_section()
        section = part
        table.add_row(name, f"{_bits(fifo):,}", f"{beats[name]:,}", f"{before:,}", f"{after:,}", _made_of(_memory(fifo)))
    console = Console(width=120)
    console.print(table)
    for title, variant in (("as described", design), ("sized", sizing.design)):
        run = simulate(graph(variant, latencies=sizing.latencies), frames=FRAMES)
        console.print(f"{title + ':':14}{_bits_in(variant):>12,} bits  {_made_of(_cost(variant))}; {_pace(variant, run)}")
    console.print(
        f"{'the original:':14}{original_bits(design):>12,} bits  {ORIGINAL_ROWS} rows a bypass, {ORIGINAL_LINK:,} beats between blocks"
    )
    console.print(str(sizing.sources))
    offered = "at once" if sizing.at_once else f"every {sizing.interval:,} cycles"
    console.print(
        f"Proved: with frames offered {offered}, the last of {sizing.proof.frames} simulated frames exactly repeats the one before it, "
        f"{sizing.interval:,} cycles later, and so does every later one. With single-stage pipelines it does not deadlock in two frames, and "
        "longer ones deadlock less."
    )
    console.print(_minimal(sizing))


def _minimal(sizing: Sizing) -> str:
    """What is known about one step less, in words."""
    proved, tried = (len(names) for names in _by_need(sizing).values())
    if not proved + tried:
        return "No sized FIFO is deeper than the least there is."
    text = (
        f"Of {proved + tried:,} sized FIFOs deeper than the least there is, {proved:,} have to be so deep: with a step less the design is "
        "proved to miss the interval or to be able to deadlock, whatever the depths in other IPs."
    )
    return text + (f" The other {tried:,} were tried a step shallower where they were sized, and frames fell behind." if tried else "")


def _by_need(sizing: Sizing) -> dict[str, list[str]]:
    return {need.value: [name for name, found in sizing.needs.items() if found is need] for need in Need}


def fifos_data(design: Design, sizing: Sizing) -> dict[str, object]:
    """The sized depths of all FIFOs in beats, and the bits of their memory as sized, as described and in the original's way; after how
    many simulated frames all later ones are the same; and for which FIFOs a step less is proved to fail, or was only tried."""
    return {
        "interval": sizing.interval,
        "pipelines": sizing.sources._asdict(),
        "bits": _bits_in(sizing.design),
        "described_bits": _bits_in(design),
        "original_bits": original_bits(design),
        "depths": sizing.design.depths,
        "proof": {"frames": sizing.proof.frames, "at_once": sizing.at_once},
        "one_step_less_fails": _by_need(sizing),
    }


def yaml_entries(sizing: Sizing) -> dict[str, str]:
    """The value of `fifos` for each IP in the description: every depth that differs from the default."""
    network = sizing.design.network
    left_out = lay_out(without_fifos(network), sizing.design.platform).depths
    parts: dict[str, list[str]] = {name.partition(".")[0]: [] for name in given_fifos(network)}  # replaces old entries too
    for name, fifo in _fifos(sizing.design).items():
        part, _, plain = name.partition(".")
        if fifo.depth != left_out[name]:
            parts.setdefault(part, []).append(f"{plain}: {fifo.depth}")
    return {part: "{" + ", ".join(entries) + "}" for part, entries in parts.items()}


def written(text: str, entries: Mapping[str, str]) -> str:
    """The text of the description with these depths."""
    for part, value in entries.items():
        text = with_entry(text, (part,) if part in ("stem", "head") else ("blocks", part), "fifos", value)
    return text


def original_bits(design: Design) -> int:
    """Bits in the FIFOs that the original would have; only bypasses and FIFOs between blocks are counted."""
    original = original_style(design)
    links = sum(ORIGINAL_LINK * _bits(link) for link in original.links if "dma" not in (link.source, link.sink))
    bypasses = 0
    for block in design.network.blocks:
        stream = next(stream for stream in original.ip(block.name).streams if stream.name == "bypass")
        stride = block.input.width // block.output.width
        bypasses += block.input.width * ORIGINAL_ROWS * stride * (block.input.channels // stream.lanes) * stream.bits
    return links + bypasses


def _fifos(design: Design) -> dict[str, Stream | Link]:
    """All FIFOs by dotted name; a link comes before the IP it leads to."""
    links = {link.dotted: link for link in design.links}
    fifos: dict[str, Stream | Link] = {}
    for ip in design.ips:
        fifos |= {name: link for name, link in links.items() if name.partition(".")[0] == ip.name}
        fifos |= {f"{ip.name}.{stream.name}": stream for stream in ip.streams}
    return fifos


def _bits(fifo: Stream | Link) -> int:
    return 8 * fifo.source_port.tdata_bytes if isinstance(fifo, Link) else fifo.bits


def _bits_in(design: Design) -> int:
    return sum(fifo.depth * _bits(fifo) for fifo in _fifos(design).values())


def _memory(fifo: Stream | Link) -> Resources:
    return link_cost(fifo.depth, fifo.source_port.tdata_bytes) if isinstance(fifo, Link) else stream_cost(fifo.depth, fifo.bits)


def _cost(design: Design) -> Resources:
    return sum(map(_memory, _fifos(design).values()), Resources())


def _made_of(cost: Resources) -> str:
    parts = ((cost.lut, "LUT"), (cost.bram, "BRAM"), (cost.uram, "URAM"))
    return ", ".join(f"{number:,g} {what}" for number, what in parts if number)


def _pace(design: Design, run: Simulation) -> str:
    if run.deadlock:
        return f"deadlock in cycle {run.deadlock.cycle:,}: {run.deadlock}"
    rate = design.network.clock_mhz * 1e6 / int(run.intervals[-1])
    return f"{run.intervals[-1]:,} cycles a frame, {rate:,.0f} frames/s; {run.ends[0] - run.starts[0]:,} cycles for the first"
