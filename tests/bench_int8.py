"""The emulator on an 8-bit ResNet-50 v1.5 against onnxruntime on the graph it was imported from: `doit bench:int8`."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from runtime.arguments import whole
from runtime.bench.__main__ import cpu, withhold_amx
from runtime.bench.resnet50 import products
from runtime.container import sections
from runtime.container.arrays import Stored
from runtime.container.program import Program
from runtime.emulation.emulator import Emulator, available_paths, peak

if TYPE_CHECKING:
    from network.model import Network
    from runtime.bench.measure import Seconds
    from runtime.bench.models import Size

NEEDED = ("onnx", "onnxruntime", "rich")
SCALE, MEAN = Fraction(1, 64), Fraction(2)  # the graph's input is pixel * scale - mean, about as wide as what it is calibrated on


@dataclass(frozen=True, slots=True)
class Imported:
    """A graph, and the same network as it was imported and as the emulator takes it."""

    graph: Path
    network: Network
    arrays: Mapping[str, NDArray[Any]]
    program: Program

    @property
    def weights(self) -> NDArray[np.int8]:
        """Of the fully connected layer, which are streamed."""
        return self.arrays["head/fc/weights"]


@dataclass(frozen=True, slots=True)
class Result:
    """Medians with so many threads, seconds of an image."""

    threads: int
    ours: Seconds
    theirs: Seconds
    agreeing: int  # images whose best label is the same


def imported(folder: Path, size: Size) -> Imported:
    from network.importers.onnx import convert
    from network.importers.onnx.operators import Preprocessing
    from network.importers.onnx.write import Naming
    from network.model import Pictures
    from runtime.bench import models
    from vitis.emulation import network_section

    graph = models.write(folder, size)[1]
    naming = Naming(network="resnet", platform="u250", file=graph.name, pictures=Pictures())
    taken = convert.convert(graph, Preprocessing(SCALE, (MEAN,), (Fraction(1),), True))
    network, arrays = convert.save(taken, folder / "resnet.yaml", folder / "resnet.npz", naming)
    np.savez(folder / "parameters.npz", **{name: array for name, array in arrays.items() if name != "head/fc/weights"})
    section = json.dumps(network_section(network)).encode()
    return Imported(graph, network, arrays, sections.parse(section, Stored((folder / "parameters.npz").read_bytes())))


def measured(network: Imported, threads: Sequence[int], batch: int, repetitions: int) -> list[Result]:
    from runtime.bench import measure

    path = available_paths()[0]
    pixels = np.random.default_rng(1).integers(0, 256, (batch, *network.program.input)).astype(np.uint8)
    floats = (np.moveaxis(pixels, 3, 1) * np.float32(SCALE) - np.float32(MEAN)).astype(np.float32)
    results = []
    for count in threads:
        contenders = (
            measure.emulated(Emulator(network.program, path=path, threads=count), pixels, network.weights),
            measure.onnx(network.graph, count, floats),
        )
        labels, scores = contenders[0](batch)[0][:, 0], contenders[1](batch)[0]
        agreeing = int((scores[np.arange(batch), labels] == scores.max(axis=1)).sum())
        rounds = [tuple(measure.seconds(run, batch) for run in contenders) for _ in range(repetitions)]
        ours, theirs = (
            measure.Seconds(*(median(round_[i][part] for round_ in rounds) / batch for part in (0, 1))) for i in range(len(contenders))
        )
        results.append(Result(count, ours, theirs, agreeing))
    return results


def attainable(repetitions: int) -> float:
    """Products in a second of a CPU that does nothing but multiply, the best of several: whatever else the machine does makes it smaller."""
    rates = []
    for _ in range(repetitions):
        start, cpu_start = time.perf_counter(), time.process_time()
        rate = peak(available_paths()[0], 1, 0.05)
        rates.append(rate * (time.perf_counter() - start) / (time.process_time() - cpu_start))
    return max(rates)


def show(network: Imported, results: list[Result], batch: int, most: float, emit: Callable[[Any], None]) -> None:
    from rich.table import Table

    path, count = available_paths()[0], sum(products(network.program).values())
    title = f"8-bit ResNet, {count / 1e9:.2f} G products an image, batch {batch}: path {path}, and onnxruntime on the same graph"
    table = Table(title=f"{title}\n{cpu()}, peak {most / 1e9:.0f} G products/s a CPU")
    for column in ("threads", "ms/image", "onnxruntime", "ratio", "CPU ms/image", "onnxruntime", "ratio", "of peak", "labels alike"):
        table.add_column(column, justify="right")
    for result in results:
        times = [f"{each * 1000:.2f}" for pair in zip(result.ours, result.theirs, strict=True) for each in pair]
        ratios = [f"{theirs / ours:.2f}" for ours, theirs in zip(result.ours, result.theirs, strict=True)]
        share = count / result.ours.cpu / most
        table.add_row(str(result.threads), *times[:2], ratios[0], *times[2:], ratios[1], f"{share:.0%}", f"{result.agreeing} of {batch}")
    emit(table)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench_int8", description=__doc__)
    parser.add_argument("--repetitions", type=whole(1, 1000), default=9, help="of which the median counts (%(default)s)")
    parser.add_argument("--batch", type=whole(1, 1000), default=8, help="images a call (%(default)s)")
    parser.add_argument("--without-amx", action="store_true", help="measure as on a CPU that has none, and nothing else")
    options = parser.parse_args(arguments)
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        print(
            f"skipped: the emulator is measured beside onnxruntime, and {', '.join(missing)} is not installed (pip install -e '.[bench,import]')"
        )
        return
    if available_paths()[0] == "numpy":
        print("skipped: the emulator was not compiled (install g++, and resflow again)")
        return
    if options.without_amx:
        withhold_amx()
    from rich.console import Console

    from runtime.bench.models import Size

    with tempfile.TemporaryDirectory() as folder:
        network = imported(Path(folder), Size(strided=2))
        results = measured(network, sorted({1, len(os.sched_getaffinity(0))}), options.batch, options.repetitions)
        most = attainable(options.repetitions)
    show(network, results, options.batch, most, Console(width=140).print)
    if available_paths()[0] == "amx":
        command = [sys.executable, "-m", "tests.bench_int8", "--without-amx"]
        subprocess.run([*command, "--repetitions", str(options.repetitions), "--batch", str(options.batch)], check=True)


if __name__ == "__main__":
    main()
