"""Build tasks that print what is known of a design: folding, cost, floorplan, time, FIFO depths."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from doit import get_initial_workdir

from codegen.cli import options
from codegen.cli.options import OptionError, checked_option
from codegen.cli.progress import step
from codegen.text.files import write_changed
from dataflow.project import Planned
from network.errors import DescriptionError, Source

LAYOUT = "dataflow.layout.network"
"""The formulas of cost and latency: a design has their results, but not in its `repr`, so tasks that use these depend on them."""


def printed(action: Any, *params: dict[str, object]) -> dict[str, Any]:
    """A task that prints and leaves nothing."""
    return {"actions": [step(action)], "params": list(params), "uptodate": [False], "verbosity": 2}


def flag(name: str, long: str, text: str) -> dict[str, object]:
    return {"name": name, "long": long, "type": bool, "default": False, "help": text}


def json_option() -> dict[str, object]:
    path = options.output("--json", "the table is written to it", start=Path(get_initial_workdir()))
    return {**checked_option("json", path, None, "file for the same as JSON"), "name": "json_file"}


def write_json(path: Path | None, data: Callable[[], dict[str, object]]) -> None:
    """Where a file was asked for."""
    if path is not None:
        write_changed(path, json.dumps(data(), indent=1) + "\n")


def plot_option() -> dict[str, object]:
    return checked_option(
        "plot", options.plot("--plot", Path(get_initial_workdir())), None, "file for the plot: .png, .pdf, .svg, .jpg (extra `plot`)"
    )


def task_folding(project: Planned) -> dict[str, Any]:
    """print what follows from PE and SIMD: cycles per frame and FIFO depths"""

    def folding(json_file: Path | None) -> None:
        from dataflow.layout.report import folding_data, print_folding

        print_folding(project.design)
        write_json(json_file, lambda: folding_data(project.design))

    return printed(folding, json_option())


def task_estimate(project: Planned) -> dict[str, Any]:
    """print what the design will cost, an estimate: LUTs, flip-flops, BRAM, UltraRAM, DSPs of each IP"""

    def estimate(json_file: Path | None) -> None:
        from dataflow.cost.published import NETWORKS
        from dataflow.cost.report import estimate_data, print_estimate
        from dataflow.layout.original import original_style

        print_estimate(project.design, original_style(project.design) if project.design.name in NETWORKS else None)
        write_json(json_file, lambda: estimate_data(project.design))

    return printed(estimate, json_option())


def task_floorplan(project: Planned) -> dict[str, Any]:
    """print the SLR of every IP as YAML, what that leaves of each SLR, and the wires between them"""

    def floorplan(json_file: Path | None) -> None:
        from dataflow.choose.floorplan_report import floorplan_data, print_floorplan

        print_floorplan(project.design)
        write_json(json_file, lambda: floorplan_data(project.design))

    return printed(floorplan, json_option())


def task_fold(project: Planned) -> dict[str, Any]:
    """search PE and SIMD: doit fold --fps N for the least resources, doit fold --max for the fastest that fits"""

    def fold(fps: int | None, fastest: bool, plot: Path | None, json_file: Path | None) -> None:
        from dataflow.choose.explore import explore
        from dataflow.choose.fold_report import fold_data, print_fold

        if fps and fastest:
            raise OptionError(f"--fps {fps} --max", "both at once", why="each asks for another folding", fix="leave one of the two out")
        found = explore(project.design, fps=fps, want_fastest=fastest)
        print_fold(found, plot)
        write_json(json_file, lambda: fold_data(found))

    rate = options.whole("--fps", 1, 10_000_000, "it counts frames a second")
    return printed(
        fold,
        checked_option("fps", rate, None, "frames a second; those of the design where it is left out"),
        flag("fastest", "max", "the fastest that fits the card"),
        plot_option(),
        json_option(),
    )


def task_predict(project: Planned) -> dict[str, Any]:
    """print frames/s and latency against the batch size, beside what was published"""

    def predict(latency: int | None, call_us: float, transfer_us: float, plot: Path | None, json_file: Path | None) -> None:
        from dataflow.timing.graph import graph
        from dataflow.timing.prediction import Pipeline
        from dataflow.timing.prediction_report import prediction_data, print_prediction
        from dataflow.timing.simulation import simulate
        from dataflow.timing.sizing import require_flow

        laid = graph(project.design, latencies=project.latencies())
        run = simulate(laid, frames=8)
        if run.deadlock:
            require_flow(project.design)
        pipeline = Pipeline(
            clock_mhz=project.network.clock_mhz,
            interval_cycles=int(run.intervals[-1]),
            latency_cycles=latency or int(run.ends[0] - run.starts[0]),
            call_us=call_us if project.network.has_dma else 0,  # without a DMA no host calls
            transfer_us=transfer_us if project.network.has_dma else 0,
        )
        print_prediction(project.design, pipeline, laid.sources, plot)
        write_json(json_file, lambda: prediction_data(project.design, pipeline, laid.sources))

    cycles = options.whole("--latency", 1, 10**12, "it counts the cycles of the first frame")
    call = options.number("--call-us", 0, 10**9, "it counts the microseconds of a call")
    transfer = options.number("--transfer-us", 0, 10**9, "it counts the microseconds of a frame")
    return printed(
        predict,
        checked_option("latency", cycles, None, "cycles of the first frame; simulated where left out"),
        checked_option("call-us", call, 100.0, "microseconds a call costs the host"),
        checked_option("transfer-us", transfer, 0.0, "microseconds a frame costs the host"),
        plot_option(),
        json_option(),
    )


def task_timing(project: Planned) -> dict[str, Any]:
    """simulate how frames pass: what each unit does all the time, how full FIFOs get, what deadlocks"""

    def timing(frames: int, spacing: int, json_file: Path | None) -> None:
        from dataflow.timing.graph import graph
        from dataflow.timing.report import print_timing, timing_data
        from dataflow.timing.simulation import simulate
        from dataflow.timing.sizing import require_flow

        laid = graph(project.design, latencies=project.latencies())
        run = simulate(laid, frames=frames, spacing=spacing)
        write_json(json_file, lambda: timing_data(laid, run))
        if run.deadlock:
            require_flow(project.design, frames=frames)  # raises: what deadlocks does so with the shortest pipelines too
        print_timing(laid, run, spacing=spacing)

    count = options.whole("--frames", 2, 10_000, "the interval is the time between the ends of two frames")
    cycles = options.whole("--spacing", 0, 10**9, "it counts the cycles from one frame to the next")
    return printed(
        timing,
        checked_option("frames", count, 4, "how many, 4 if not given"),
        checked_option("spacing", cycles, 0, "cycles from one to the next; 0: as fast as they are taken"),
        json_option(),
    )


def task_fifos(project: Planned) -> dict[str, Any]:
    """size the FIFOs: depths that keep the interval and cannot deadlock, proved by simulation, and why none is a step less"""

    def fifos(interval: int | None, anew: bool, write: bool, json_file: Path | None) -> None:
        from dataflow.timing.sizing import size
        from dataflow.timing.sizing_report import fifos_data, print_fifos, written, yaml_entries

        yaml = project.yaml
        sizing = size(project.design, interval=interval, latencies=project.latencies(), anew=anew)
        print_fifos(project.design, sizing)
        write_json(json_file, lambda: fifos_data(project.design, sizing))
        if write:
            try:
                # As bytes: its line ends are its own.
                text = written(yaml.read_bytes().decode(), yaml_entries(sizing))
            except KeyError as error:
                file = next(part.at.file for part in project.network.parts.values() if part.at.file != str(yaml))
                what, why = f"no {error.args[0]} to write depths to", f"what is not in this file stands in the one it is like, {file}"
                raise DescriptionError(Source(str(yaml), 0), what, why=why, fix=f"doit network={file} fifos --write") from None
            write_changed(yaml, text)
            print(f"written to {yaml}, where `fifos:` under an IP gives its depths; what is deleted there is chosen anew")

    cycles = options.whole("--interval", 1, 10**9, "it counts the cycles from frame to frame")
    return printed(
        fifos,
        checked_option("interval", cycles, None, "cycles from frame to frame, the least there can be if not given"),
        flag("anew", "anew", "depths in the description are chosen anew too"),
        flag("write", "write", "write the depths into the description"),
        json_option(),
    )
