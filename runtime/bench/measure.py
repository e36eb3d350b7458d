"""Times contenders in turn, so that whatever else the machine does meets all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from runtime.bench import models, resnet50
from runtime.emulation.emulator import Emulator, available_paths, peak

BATCHES = (1, 8, 64)
SECONDS = 0.25  # at least, of each measurement
REST_SECONDS = 0.05  # after which threads of the one before no longer wait for work


class Seconds(NamedTuple):
    """On the clock, and of the CPUs: those of a busy machine are shared."""

    passed: float
    cpu: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Median speed of one contender."""

    name: str
    threads: int
    batch: int
    images_per_s: float

    @property
    def ms_per_image(self) -> float:
        return 1000 / self.images_per_s


def speeds(folder: Path, paths: tuple[str, ...], threads: tuple[int, ...], repetitions: int) -> list[Result]:
    """Every path of the emulator, and onnxruntime's int8 and float32, with each number of threads and each batch."""
    float32, int8 = models.write(folder)
    program = resnet50.program()
    codes = np.random.default_rng(1).integers(0, 256, (max(BATCHES), *program.input)).astype(np.uint8)
    floats = models.images(max(BATCHES))
    contenders: dict[tuple[str, int], Callable[[int], object]] = {}
    for count in threads:
        for path in paths:
            contenders[path, count] = emulated(Emulator(program, path=path, threads=count), codes)
        contenders["onnxruntime int8", count] = onnx(int8, count, floats)
        contenders["onnxruntime float32", count] = onnx(float32, count, floats)
    rates: dict[tuple[str, int, int], list[float]] = {}
    for _ in range(repetitions):
        for batch in BATCHES:
            for (name, count), run in contenders.items():
                rates.setdefault((name, count, batch), []).append(batch / seconds(run, batch).passed)
    return [Result(name=n, threads=t, batch=b, images_per_s=median(samples)) for (n, t, b), samples in rates.items()]


def peaks(threads: tuple[int, ...], repetitions: int) -> dict[str, dict[int, float]]:
    """Products a second of each native path's instructions, for each number of threads."""
    paths = [path for path in available_paths() if path != "numpy"]
    return {path: {count: median(peak(path, count) for _ in range(repetitions)) for count in threads} for path in paths}


def kinds(path: str, batch: int, repetitions: int) -> dict[str, tuple[float, int]]:
    """Milliseconds an image, in one thread, and products of each kind of layer."""
    program = resnet50.program()
    emulator = Emulator(program, path=path, threads=1)
    images = np.random.default_rng(1).integers(0, 256, (batch, *program.input)).astype(np.uint8)
    counts = resnet50.products(program)
    profiles = [emulator.profile(images) for _ in range(repetitions + 1)][1:]
    sums: dict[str, tuple[float, int]] = {}
    for name in profiles[0]:
        block, _, layer = name.partition(".")
        kind = f"stage {block[3]} {layer}" if block.startswith("res") else block
        milliseconds, products = sums.get(kind, (0.0, 0))
        taken = median(profile[name] for profile in profiles) * 1000 / batch
        sums[kind] = (milliseconds + taken, products + counts.get(name, 0))
    return sums


def emulated(emulator: Emulator, codes: NDArray[np.uint8], weights: NDArray[np.int8] | None = None) -> Callable[[int], Any]:
    return lambda batch: emulator.run(codes[:batch], weights)


def onnx(model: Path, threads: int, floats: NDArray[np.float32]) -> Callable[[int], Any]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return lambda batch: session.run(None, {models.INPUT: floats[:batch]})


def seconds(run: Callable[[int], object], batch: int) -> Seconds:
    """Of one call, the mean of as many as it takes to measure."""
    time.sleep(REST_SECONDS)
    run(batch)
    start, cpu_start, calls = time.perf_counter(), time.process_time(), 0
    while (passed := time.perf_counter() - start) < SECONDS:
        run(batch)
        calls += 1
    return Seconds(passed / calls, (time.process_time() - cpu_start) / calls)
