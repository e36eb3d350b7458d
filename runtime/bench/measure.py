"""Times contenders in turn, so that whatever else the machine does meets all of them alike."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tqdm import tqdm

from runtime.bench import models, resnet50
from runtime.bench.results import Case, Kind, Limit
from runtime.emulation.emulator import Emulator, available_peaks, peak

BATCHES = (1, 8)
SLOW_PATH = "portable"  # measured on single images
SECONDS = 0.25  # at least, of each measurement
PEAK_SECONDS = 0.1
REST_SECONDS = 0.05  # after which threads of the one before no longer wait for work


def rates(
    folder: Path, paths: tuple[str, ...], threads: tuple[int, ...], repetitions: int, size: resnet50.Size
) -> tuple[dict[Case, float], dict[Limit, float]]:
    """Images a second of every network on every path, and of onnxruntime on every graph, with each number of threads and each batch; and
    products a second of the paths' instructions."""
    contenders = dict(_contenders(folder, paths, threads, size))
    found: dict[Case | Limit, list[float]] = {key: [] for key in contenders}
    for _ in tqdm(range(repetitions), disable=not sys.stderr.isatty(), leave=False):
        for key, rate in contenders.items():
            found[key].append(rate())
    # A limit is the best of several: whatever else the machine does makes it smaller.
    return (
        {key: median(samples) for key, samples in found.items() if isinstance(key, Case)},
        {key: max(samples) for key, samples in found.items() if isinstance(key, Limit)},
    )


def kinds(network: str, path: str, batch: int, repetitions: int, size: resnet50.Size) -> dict[str, Kind]:
    program = resnet50.program(network, size)
    emulator = Emulator(program, path=path, threads=1)
    images = _codes(batch, size)
    counts = resnet50.products(program)
    profiles = [emulator.profile(images) for _ in range(repetitions + 1)][1:]
    sums: dict[str, Kind] = {}
    for name in profiles[0]:
        block, _, layer = name.partition(".")
        kind = f"stage {block[3]} {layer}" if block.startswith("res") else block
        milliseconds, products = sums.get(kind, Kind(0, 0))
        taken = median(profile[name] for profile in profiles) * 1000 / batch
        sums[kind] = Kind(milliseconds + taken, products + counts.get(name, 0))
    return sums


def seconds(call: Callable[[], object]) -> float:
    """Of one call, the mean of as many as it takes to measure."""
    time.sleep(REST_SECONDS)
    call()
    start, calls = time.perf_counter(), 0
    while (passed := time.perf_counter() - start) < SECONDS:
        call()
        calls += 1
    return passed / calls


def _contenders(
    folder: Path, paths: tuple[str, ...], threads: tuple[int, ...], size: resnet50.Size
) -> Iterator[tuple[Case | Limit, Callable[[], float]]]:
    """How to find the rate of each; those that are compared with each other follow one another."""
    codes, floats = _codes(max(BATCHES), size), models.images(max(BATCHES), size.image)
    versions = sorted({(form.strided, form.version) for form in resnet50.NETWORKS.values()})
    graphs = {strided: models.write(folder, strided, size) for strided, _ in versions}
    for count in threads:
        for strided, version in versions:
            programs = {name: resnet50.program(name, size) for name, form in resnet50.NETWORKS.items() if form.strided == strided}
            emulators = {(name, path): Emulator(program, path=path, threads=count) for name, program in programs.items() for path in paths}
            sessions = {
                f"onnxruntime {kind}": _session(path, count) for kind, path in zip(("float32", "int8"), graphs[strided], strict=True)
            }
            for batch in BATCHES:
                for (name, path), emulator in emulators.items():
                    if path != SLOW_PATH or batch == 1:
                        yield Case(name, path, count, batch), _speed(batch, partial(emulator.run, codes[:batch]))
                for by, session in sessions.items():
                    yield Case(version, by, count, batch), _speed(batch, partial(session.run, None, {models.INPUT: floats[:batch]}))
        for path in paths:
            for products in available_peaks(path):
                yield Limit(path, products, count), partial(peak, path, count, PEAK_SECONDS, products)


def _speed(batch: int, call: Callable[[], object]) -> Callable[[], float]:
    return lambda: batch / seconds(call)


def _codes(count: int, size: resnet50.Size) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (count, *size.image)).astype(np.uint8)


def _session(model: Path, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
