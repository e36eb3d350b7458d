"""The pipeline against the way the original fed its card, on a device that takes 0.4 ms a frame: python -m runtime.bench.pipeline

Both get the same images in the same process, in turn. Frames/s, how much of the time the device worked, and how long an image
took from its request to its labels. `arrays` are images that need no decoding, `jpegs` are files of photographs' size.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from statistics import median
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from runtime import console
from runtime.arguments import whole
from runtime.bench.timed import TimedDevice
from runtime.container.manifest import ImageShape
from runtime.device.driver import load as load_overlay
from runtime.inference.accelerator import Accelerator
from runtime.inference.images import load

IMAGE = ImageShape(224, 224, 3)
PHOTOGRAPH = (375, 500)  # height and width of a usual one in ImageNet
BATCHES = (1, 8, 32, 128)
BUFFERS = 3  # of the original's way
WORKERS = 4  # threads that decode, on both sides

Times = list[float]
Way = Callable[[Accelerator, Iterable[Any], int, Times], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One way of feeding the device, with one source and batch: medians over the repetitions."""

    way: str
    source: str
    batch: int
    frames_per_s: float
    busy: float  # share of the time that the device worked
    p50_ms: float
    p95_ms: float
    p99_ms: float


def pipeline(accelerator: Accelerator, items: Iterable[Any], batch: int, ended: Times) -> int:
    count = 0
    for _ in accelerator.stream(items, batch=batch, decoders=WORKERS):
        ended.append(time.perf_counter())
        count += 1
    return count


def original(accelerator: Accelerator, items: Iterable[Any], batch: int, ended: Times) -> int:
    """The scheme of the original's threaded inference: a pool decodes; one thread goes round three buffers, with one run at a time,
    and hands on results one by one; another thread records them."""
    lane = accelerator.lanes[0]
    slots = [lane.slot(batch) for _ in range(BUFFERS)]
    results: Queue[Any] = Queue()

    def consume(images: Iterator[Any]) -> None:
        filled: list[int] = [0] * BUFFERS
        current = 0
        while True:
            run = slots[current].start() if filled[current] else None
            before = (current - 1) % BUFFERS
            for labels in slots[before].read()[0] if filled[before] else ():
                results.put(labels.copy())
            filled[before] = 0
            following = (current + 1) % BUFFERS
            gathered = [image for image in (next(images, None) for _ in range(batch)) if image is not None]
            if gathered:
                slots[following].write(gathered)
            filled[following] = len(gathered)
            if run is not None:
                run.wait()
            elif not gathered and not any(filled):
                results.put(None)
                return
            current = following

    def record() -> None:
        while results.get() is not None:
            ended.append(time.perf_counter())

    with ThreadPoolExecutor(WORKERS) as pool:
        images = pool.map(lambda item: item if isinstance(item, np.ndarray) else load(item, IMAGE), items)
        threads = [threading.Thread(target=consume, args=(images,)), threading.Thread(target=record)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for slot in slots:
        slot.free()
    return len(ended)


WAYS: dict[str, Way] = {"pipeline": pipeline, "original": original}


def measure(way: str, source: str, items: Sequence[Any], batch: int, *, image: ImageShape = IMAGE) -> Result:
    device = TimedDevice(image)
    begun: Times = []
    ended: Times = []

    def timestamped() -> Iterator[Any]:
        for item in items:
            begun.append(time.perf_counter())
            yield item

    with Accelerator(load_overlay(__file__, device)) as accelerator:  # PYNQ wants a file; this device does not look at it
        start = time.perf_counter()
        count = WAYS[way](accelerator, timestamped(), batch, ended)
        seconds = time.perf_counter() - start
    assert count == len(items) == len(begun)
    took = 1000 * (np.array(ended) - np.array(begun))
    p50, p95, p99 = (float(np.percentile(took, percent)) for percent in (50, 95, 99))
    busy = next(iter(device.timed.work.values())).busy
    return Result(way=way, source=source, batch=batch, frames_per_s=count / seconds, busy=busy, p50_ms=p50, p95_ms=p95, p99_ms=p99)


def middle(results: Sequence[Result]) -> Result:
    first = results[0]
    names = ("frames_per_s", "busy", "p50_ms", "p95_ms", "p99_ms")
    return Result(way=first.way, source=first.source, batch=first.batch, **{n: median(getattr(r, n) for r in results) for n in names})


def photographs(folder: Path, count: int) -> list[Path]:
    """JPEGs with something in them, a few of them many times over."""
    rng = np.random.default_rng(1)
    paths = [folder / f"{i}.jpg" for i in range(16)]
    for path in paths:
        rough = Image.fromarray(rng.integers(0, 256, (24, 32, 3)).astype(np.uint8))
        rough.resize(PHOTOGRAPH[::-1], Image.Resampling.BICUBIC).save(path, quality=90)
    return [paths[i % len(paths)] for i in range(count)]


def run(repetitions: int, frames: int) -> list[Result]:
    with tempfile.TemporaryDirectory() as folder:
        arrays = list(np.random.default_rng(1).integers(0, 256, (64, *IMAGE)).astype(np.uint8))
        sources: dict[str, Sequence[Any]] = {
            "arrays": [arrays[i % len(arrays)] for i in range(frames)],
            "jpegs": photographs(Path(folder), frames // 4),
        }
        cases = [(source, batch, way) for source in sources for batch in BATCHES for way in WAYS]
        measured: dict[Any, list[Result]] = {case: [] for case in cases}
        for _, case in tqdm([(i, case) for i in range(repetitions) for case in cases], disable=not sys.stderr.isatty(), leave=False):
            source, batch, way = case
            measured[case].append(measure(way, source, sources[source], batch))
        return [middle(results) for results in measured.values()]


def main(argv: list[str] | None = None) -> None:
    console.degrade()
    parser = argparse.ArgumentParser(prog="python -m runtime.bench.pipeline", description=__doc__)
    parser.add_argument("--repetitions", type=whole(1, 1_000_000), default=5)
    parser.add_argument("--frames", type=whole(4, 10_000_000), default=2560, help="images of a measurement; a quarter of them as JPEGs")
    given = parser.parse_args(argv)
    print(f"{'source':8}{'batch':>6}  {'way':10}{'frames/s':>10}{'busy':>8}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}")
    for result in run(given.repetitions, given.frames):
        print(
            f"{result.source:8}{result.batch:6}  {result.way:10}{result.frames_per_s:10.0f}{result.busy:8.1%}"
            f"{result.p50_ms:9.1f}{result.p95_ms:9.1f}{result.p99_ms:9.1f}"
        )


if __name__ == "__main__":
    main()
