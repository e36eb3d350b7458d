"""The prediction beside the published measurements, as a table, `doit predict`, and as data, `doit predict --json FILE`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from dataflow.cost import published
from dataflow.cost.report import table
from dataflow.design import Design
from dataflow.timing.graph import PipelineSources
from dataflow.timing.prediction import BATCHES, Pipeline, line_through

RIGHT = ("batch", "frames/s", "ms", "queued frames/s", "published frames/s", "published ms", "predicted/published")


def print_prediction(design: Design, pipeline: Pipeline, sources: PipelineSources, plot: Path | None = None) -> None:
    console = Console(width=120)
    measured = {m.batch: m for m in published.MEASURED} if design.name in published.NETWORKS else {}
    rows = table(*(RIGHT if measured else RIGHT[:4]), right=RIGHT)
    for batch in BATCHES:
        rate, known = pipeline.rate(batch), measured.get(batch)
        beside = [f"{known.fps:,.0f}", f"{known.latency_ms:,.1f}", f"{rate.fps / known.fps:.2f}"] if known else [""] * 3 if measured else []
        rows.add_row(f"{batch:,}", f"{rate.fps:,.0f}", f"{rate.latency_ms:,.2f}", f"{rate.queued_fps:,.0f}", *beside)
    console.print(rows)
    host = (
        f"first,\n{pipeline.call_us:g} us a call and {pipeline.transfer_us:g} us a frame at the host.\n"
        "Queued: runs are started before earlier ones have ended, and overlap."
        if design.network.has_dma
        else "first.\nQueued: the next batch follows at once; nothing is called."
    )
    console.print(
        f"Predicted for {pipeline.clock_mhz:g} MHz, {pipeline.interval_cycles:,} cycles from frame to frame, {pipeline.latency_cycles:,} for the "
        f"{host}\n{sources}"
    )
    if measured:
        line = line_through(published.MEASURED)
        clock = pipeline.interval_cycles / line.frame_ms / 1e3
        cycles = line.frame_ms * pipeline.clock_mhz * 1e3
        console.print(
            f"The measurements are of the original, whose clock is not published. They fit {line.call_ms:.2f} ms a call and "
            f"{line.frame_ms:.4f} ms a frame:\n{pipeline.interval_cycles:,} cycles at {clock:.0f} MHz, or {cycles:,.0f} at "
            f"{pipeline.clock_mhz:g} MHz. They do not show which of the two it was."
        )
    if plot is not None:
        plot_prediction(design, pipeline, plot)
        console.print(f"plotted in {plot}")


def prediction_data(design: Design, pipeline: Pipeline, sources: PipelineSources) -> dict[str, object]:
    """The table of `print_prediction` with what it was computed from; `published` is empty for networks other than the original's."""
    return {
        **asdict(pipeline),
        "pipelines": sources._asdict(),
        "batches": [pipeline.rate(batch)._asdict() for batch in BATCHES],
        "published": [m._asdict() for m in published.MEASURED] if design.name in published.NETWORKS else [],
    }


def plot_prediction(design: Design, pipeline: Pipeline, path: Path) -> None:
    """Plot frames per second and latency over the batch size. Needs matplotlib (extra `plot`)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    FigureCanvasAgg(figure)
    rates = [pipeline.rate(batch) for batch in range(1, 1001)]
    for axes, what, heading in zip(figure.subplots(1, 2), ("fps", "latency_ms"), ("frames/s", "latency of a batch, ms"), strict=True):
        axes.plot([rate.batch for rate in rates], [getattr(rate, what) for rate in rates], color="tab:blue", label="predicted")
        if design.name in published.NETWORKS:
            measured = published.MEASURED
            axes.plot([m.batch for m in measured], [getattr(m, what) for m in measured], "o", color="tab:red", label="published, U250")
        axes.set_xscale("log")
        if what == "latency_ms":
            axes.set_yscale("log")
        else:
            axes.set_ylim(0, 1.1 * max(rate.fps for rate in rates))
        axes.set_xlabel("frames in a batch")
        axes.set_title(heading, loc="left", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    figure.savefig(path, dpi=120)
