"""The folding search as a table and a plot, `doit fold`, and as data, `doit fold --json FILE`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from dataflow.choose.explore import Exploration, Point
from dataflow.cost.report import HEADINGS, numbers, table
from dataflow.cost.resources import KINDS
from network.formats import Kind
from network.layers import Classifier, Conv, Way
from network.model import Network


def print_fold(found: Exploration, plot: Path | None) -> None:
    """Print the curve, the fastest design that fits, and the chosen design as YAML; draw the curve into `plot`."""
    console = Console(width=140)
    print_curve(console, found.points)
    console.print(_verdict(found))
    if plot is not None:
        plot_curve(found.points, plot)
        console.print(f"plotted in {plot}")
    chosen = found.chosen
    console.print(
        f"\nFor {chosen.interval:,} cycles a frame, {chosen.frames_per_second:,.0f} frames/s, these foldings need the least resources:\n"
    )
    console.print(as_yaml(chosen.network), highlight=False)


def fold_data(found: Exploration) -> dict[str, object]:
    """The curve, the chosen design with the folding of every layer, and the fastest that fits (None where nothing does)."""
    top = found.fastest
    clock = found.described.network.clock_mhz * 1e6
    return {
        "points": [_point_data(point) for point in found.points],
        "chosen": {**_point_data(found.chosen_point), "folding": {layer.name: _folding(layer) for layer in _layers(found.chosen.network)}},
        "fastest": top and {"fps": clock / top.cycles, "cycles": top.cycles, "proven": top.is_proven},
    }


def _point_data(point: Point) -> dict[str, object]:
    costs = {kind: getattr(point.cost, kind) for kind in KINDS}
    return {"label": point.label, "fps": point.fps, "cycles": point.cycles, **costs, "over": list(point.over), "fits": point.fits}


def print_curve(console: Console, points: Sequence[Point]) -> None:
    rows = table("frames/s", "cycles a frame", *HEADINGS, "fits", "", right=("frames/s", "cycles a frame", *HEADINGS))
    for point in points:
        over = ", ".join(HEADINGS[KINDS.index(kind)] for kind in point.over)
        fits = "yes" if point.fits else f"no: {over or 'no division among the SLRs found'}"
        rows.add_row(f"{point.fps:,.0f}", f"{point.cycles:,}", *numbers(point.cost), fits, point.label)
    console.print(rows)


def _verdict(found: Exploration) -> str:
    design, top = found.described, found.fastest
    card = design.platform.name
    if top is None:
        return f"No folding fits the {card}, by the estimate."
    rate = design.network.clock_mhz * 1e6 / top.cycles
    proof = (
        "anything faster is proven impossible" if top.is_proven else "whether anything faster fits was not decided within the time limit"
    )
    share = design.platform.share.lut
    return (
        f"Fastest that fits the {card} with {share} % of the LUTs of an SLR: {rate:,.0f} frames/s, {top.cycles:,} cycles a frame; {proof}."
    )


def plot_curve(points: Sequence[Point], path: Path) -> None:
    """Plot LUTs and BRAM over the frame rate; markers are filled where the design fits. Needs matplotlib (extra `plot`)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, kind, heading in zip(figure.subplots(1, 2), ("lut", "bram"), ("LUT", "BRAM36"), strict=True):
        searched = [point for point in points if point.label != "as described"]
        axes.plot([point.fps for point in searched], [getattr(point.cost, kind) for point in searched], color="0.6", linewidth=1)
        for point in points:
            marker = "D" if point.label == "as described" else "o"
            colour = "tab:red" if point.label == "as described" else "tab:blue"
            axes.plot(point.fps, getattr(point.cost, kind), marker, color=colour, markerfacecolor=colour if point.fits else "white")
            if point.label:
                axes.annotate(point.label, (point.fps, getattr(point.cost, kind)), xytext=(-6, 6), textcoords="offset points", ha="right")
        axes.set_xlabel("frames/s")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set_title(f"{heading}, estimated", loc="left", fontsize=10)
        axes.set_ylim(0, 1.1 * max(getattr(point.cost, kind) for point in points))
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)


def as_yaml(network: Network) -> str:
    """The foldings of a description, layer by layer under their IPs."""
    lines = ["stem:", f"  conv: {_fold(network.stem.conv)}", "blocks:"]
    for block in network.blocks:
        lines.append(f"  {block.name}:")
        lines += [f"    {layer.name.partition('.')[2]}: {_fold(layer)}" for layer in block.layers]
    return "\n".join([*lines, "head:", f"  fc: {_fold(network.head.fc)}"])


def _layers(network: Network) -> list[Conv | Classifier]:
    return [network.stem.conv, *(layer for block in network.blocks for layer in block.layers), network.head.fc]


def _folding(layer: Conv | Classifier) -> dict[str, int | str]:
    """As it is written in a description."""
    fold, multiply, way, memory = layer.build
    numbers: dict[str, int | str] = {name: number for name, number in fold._asdict().items() if number > 1 or name in ("pe", "simd")}
    if multiply is not None and layer.weight.kind is not Kind.BIPOLAR:
        numbers["multiply"] = multiply.value
    numbers |= {"activation": way.value} if isinstance(way, Way) else {}
    return numbers | ({"memory": memory.value} if memory is not None else {})


def _fold(layer: Conv | Classifier) -> str:
    return "{" + ", ".join(f"{name}: {number}" for name, number in _folding(layer).items()) + "}"
