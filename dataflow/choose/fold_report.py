"""The folding search for people: `doit fold`."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from dataflow.choose import floorplan
from dataflow.choose.fit import FitError
from dataflow.choose.fold_fastest import Fastest, fastest
from dataflow.choose.fold_search import Search, search
from dataflow.choose.folding import cycles_for
from dataflow.cost.estimate import estimate_design
from dataflow.cost.report import HEADINGS, numbers, table
from dataflow.cost.resources import Resources
from dataflow.design import Design
from dataflow.layout import lay_out
from network.layers import Classifier, Conv
from network.model import Network


class Point(NamedTuple):
    """One design on the trade-off curve."""

    label: str
    fps: float
    cycles: int
    cost: Resources
    fits: bool


def print_fold(design: Design, *, fps: int | None, want_fastest: bool, plot: Path | None) -> None:
    """Print the least design for `fps` (None: the rate of the design), or the fastest that fits; the curve from slow to fast; its YAML.

    Raises FitError if no folding reaches `fps`.
    """
    console = Console(width=120)
    foldings = search(design.network.unfolded(), design.platform)
    free = [design.ips[0].slr, *[None] * (len(design.ips) - 1)]
    top = fastest(foldings, free)
    target = top.cycles if want_fastest and top else cycles_for(design.network, fps) if fps else design.cycles
    folds = top.folds if want_fastest and top else foldings.least(target)
    if folds is None:
        fewest, clock = foldings.fewest_cycles(), design.network.clock_mhz
        raise FitError(
            f"--fps {fps}",
            "cannot be reached",
            why=f"at {clock} MHz that is {target:,} cycles a frame, but the fewest possible are {fewest:,}",
            fix=f"ask for at most {int(clock * 1e6 / fewest)}, or raise clock_mhz",
        )
    points = curve(foldings, design, top, free)
    print_curve(console, points)
    console.print(_verdict(design, top))
    if plot is not None:
        plot_curve(points, plot)
        console.print(f"plotted in {plot}")
    folded = foldings.folded(folds)
    made = lay_out(folded, design.platform)
    rate = design.network.clock_mhz * 1e6 / made.cycles
    console.print(f"\nFor {made.cycles:,} cycles a frame, {rate:,.0f} frames/s, these foldings need the least resources:\n")
    console.print(as_yaml(folded), highlight=False)


def curve(foldings: Search, design: Design, top: Fastest | None, free: list[int | None]) -> list[Point]:
    """The design itself, and the least designs for a sixteenth, an eighth … of its rate, its own, twice, and the highest possible."""
    fewest = foldings.fewest_cycles()
    wanted = {design.cycles * factor for factor in (16, 8, 4, 2, 1)} | {max(fewest, design.cycles // 2), fewest}
    points = [_point("as described", design, free)]
    for cycles in sorted(wanted, reverse=True):
        folds = foldings.least(cycles)
        if folds is not None:
            points.append(_point("", lay_out(foldings.folded(folds), design.platform), free))
    if top is not None:
        points.append(_point("fastest that fits", lay_out(foldings.folded(top.folds), design.platform), free))
    unique = {(point.label, point.cycles): point for point in points}
    return sorted(unique.values(), key=lambda point: (-point.cycles, point.label))


def _point(label: str, design: Design, free: list[int | None]) -> Point:
    rate = design.network.clock_mhz * 1e6 / design.cycles
    return Point(label, rate, design.cycles, estimate_design(design), floorplan.feasible(floorplan.problem(design, free)))


def print_curve(console: Console, points: list[Point]) -> None:
    rows = table("frames/s", "cycles a frame", *HEADINGS, "fits", "", right=("frames/s", "cycles a frame", *HEADINGS))
    for point in points:
        rows.add_row(f"{point.fps:,.0f}", f"{point.cycles:,}", *numbers(point.cost), "yes" if point.fits else "no", point.label)
    console.print(rows)


def _verdict(design: Design, top: Fastest | None) -> str:
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


def plot_curve(points: list[Point], path: Path) -> None:
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


def _fold(layer: Conv | Classifier) -> str:
    pixels = f", pixels: {layer.fold.pixels}" if layer.fold.pixels > 1 else ""
    return f"{{pe: {layer.pe}, simd: {layer.simd}{pixels}}}"
