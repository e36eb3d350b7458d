"""Latency and throughput of an accelerator against batch size, with the power drawn meanwhile.

`run` is the kernel alone on images that are on the device already, one run after the other, as the original measured it; `queued` the
same with runs started before earlier ones have ended, which a compute unit of protocol ap_ctrl_chain overlaps; `classify` is all of it,
from an array of images to an array of labels. In emulation the numbers are this machine's; what a card would take is beside them, marked as
modelled, from the cycles and the clock in the manifest.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.container.manifest import Manifest
from runtime.errors import DeviceError
from runtime.inference.accelerator import Accelerator
from runtime.inference.lanes import Slot
from runtime.power import Recording
from runtime.xrt.device import XrtDevice

BATCHES = (1, 8, 32, 128)
REPETITIONS, WARM_UP = 20, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Latency of one call, and how many frames a second many calls come to."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    frames_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One batch size."""

    batch: int
    run: Times
    queued_frames_per_s: float  # of runs that are started before earlier ones have ended, as `stream` does
    classify: Times
    board_watts: float | None  # during `run`; None where there is no sensor
    fpga_watts: float | None
    modelled_ms: float | None  # of the run on a card; None on a card
    modelled_frames_per_s: float | None
    modelled_queued_frames_per_s: float | None  # as fast as the card's compute unit takes images, if its runs may overlap


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What Xilinx/ResNet50-PYNQ gives in host/README.md for its synthetic benchmark on a U250."""

    batch: int
    frames_per_s: float
    latency_ms: float
    board_watts: float
    fpga_watts: float


PUBLISHED = (
    Published(batch=1, frames_per_s=495, latency_ms=2.02, board_watts=30.18, fpga_watts=17.15),
    Published(batch=100, frames_per_s=1958, latency_ms=51.06, board_watts=59.33, fpga_watts=43.1),
    Published(batch=1000, frames_per_s=2015, latency_ms=496.14, board_watts=60.97, fpga_watts=45.16),
)
PUBLISHED_NETWORKS = ("resnet50_w1a2", "resnet50")


def published(manifest: Manifest) -> tuple[Published, ...]:
    """The original's measurements, for the original's network."""
    return PUBLISHED if manifest.network in PUBLISHED_NETWORKS else ()


def measure(accelerator: Accelerator, batch: int, *, repetitions: int = REPETITIONS, warm_up: int = WARM_UP) -> Row:
    """Measure one batch size, on images drawn at random and on the first compute unit; DeviceError if it has no room for them."""
    manifest = accelerator.manifest
    lane = accelerator.lanes[0]
    slots = lane.slots(batch)
    slot = slots[0]
    try:
        images = _draw_images(batch, manifest)
        for each in slots:
            each.write(images)

        def run() -> None:
            slot.start()
            slot.wait()

        for _ in range(warm_up):
            run()
        with Recording(lane.device) as power:
            alone = _times(run, batch, repetitions)
        queued = batch * repetitions / _queued_seconds(slots, repetitions)
    finally:
        for each in slots:
            each.settle()
            each.free()
    for _ in range(warm_up):
        accelerator.classify(images)
    classified = _times(lambda: accelerator.classify(images), batch, repetitions)
    on_card = isinstance(lane.device, XrtDevice)
    seconds = None if on_card else manifest.card_seconds(batch)
    queued_seconds = None if on_card else manifest.queued_card_seconds(batch, overlaps=lane.overlaps)
    return Row(
        batch=batch,
        run=alone,
        queued_frames_per_s=queued,
        classify=classified,
        board_watts=power.mean_board_watts,
        fpga_watts=power.mean_fpga_watts,
        modelled_ms=None if seconds is None else seconds * 1000,
        modelled_frames_per_s=None if seconds is None else batch / seconds,
        modelled_queued_frames_per_s=None if queued_seconds is None else batch / queued_seconds,
    )


def _draw_images(batch: int, manifest: Manifest) -> NDArray[np.uint8]:
    try:
        return np.random.default_rng(1).integers(0, 256, (batch, *manifest.image), dtype=np.uint8)
    except MemoryError:
        why = f"they take {batch * manifest.image_bytes:,} bytes of this machine's memory"
        raise DeviceError("batch", f"no room for {batch:,} images", why, "measure smaller batches") from None


def _times(call: Callable[[], object], batch: int, repetitions: int) -> Times:
    took = []
    for _ in range(repetitions):
        start = time.perf_counter()
        call()
        took.append(time.perf_counter() - start)
    p50, p95, p99 = (1000 * float(np.percentile(took, percent)) for percent in (50, 95, 99))
    return Times(p50_ms=p50, p95_ms=p95, p99_ms=p99, frames_per_s=batch * repetitions / sum(took))


def _queued_seconds(slots: Sequence[Slot], repetitions: int) -> float:
    """Time of so many runs, all slots but one always under way."""
    start = time.perf_counter()
    running: deque[Slot] = deque()
    for i in range(repetitions):
        if len(running) == len(slots) - 1:
            running.popleft().wait()
        slot = slots[i % len(slots)]
        slot.start()
        running.append(slot)
    for slot in running:
        slot.wait()
    return time.perf_counter() - start


def table(manifest: Manifest, rows: Iterable[Row]) -> str:
    """The rows, and below them the published ones if there are any."""
    rows = tuple(rows)
    modelled = any(row.modelled_ms is not None for row in rows)
    head = f"{'batch':>6}{'run p50':>10}{'p95':>9}{'p99 ms':>9}{'frames/s':>11}{'queued frames/s':>17}{'classify p50 ms':>17}{'frames/s':>11}{'board W':>9}{'FPGA W':>8}"
    lines = [head + (f"{'card, modelled ms':>19}{'frames/s':>11}{'queued frames/s':>17}" if modelled else "")]
    for row in rows:
        line = f"{row.batch:6}{row.run.p50_ms:10.2f}{row.run.p95_ms:9.2f}{row.run.p99_ms:9.2f}{row.run.frames_per_s:11,.0f}{row.queued_frames_per_s:17,.0f}"
        line += f"{row.classify.p50_ms:17.2f}{row.classify.frames_per_s:11,.0f}{_watts(row.board_watts):>9}{_watts(row.fpga_watts):>8}"
        if row.modelled_ms is not None:
            line += f"{row.modelled_ms:19.3f}{row.modelled_frames_per_s:11,.0f}{row.modelled_queued_frames_per_s:17,.0f}"
        lines.append(line)
    if modelled and manifest.latency_cycles is None:
        lines.append("modelled, lower bound: the manifest has the cycles of the slowest stage, not the latency of a frame")
    reference = published(manifest)
    if reference:
        lines.append("published for a U250 (Xilinx/ResNet50-PYNQ, host/README.md):")
        for original in reference:
            line = f"{original.batch:6}{original.latency_ms:10.2f}{'':18}{original.frames_per_s:11,.0f}{'':45}"
            lines.append(f"{line}{_watts(original.board_watts):>9}{_watts(original.fpga_watts):>8}")
    return "\n".join(lines)


def _watts(watts: float | None) -> str:
    return "n/a" if watts is None else f"{watts:.1f}"


def to_json(manifest: Manifest, device: str, rows: Iterable[Row]) -> dict[str, Any]:
    """Everything measured, for another program."""
    return {
        "network": manifest.network,
        "digest": manifest.digest,
        "device": device,
        "rows": [asdict(row) for row in rows],
        "published": [asdict(row) for row in published(manifest)],
    }


def figure(manifest: Manifest, device: str, rows: Iterable[Row]) -> Any:
    """A matplotlib figure: frames/s and latency against batch size. DeviceError where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        raise DeviceError("plot", "no figure", "matplotlib is not installed", "pip install 'resflow[notebooks]'") from None
    except OSError as error:  # no folder of its own anywhere, nor a temporary one
        raise DeviceError("plot", "no figure", str(error), "set MPLCONFIGDIR to a folder that can be written") from None
    rows = tuple(rows)
    batches = [row.batch for row in rows]
    drawn = Figure(figsize=(9, 3.8), layout="constrained")
    drawn.suptitle(f"{manifest.network} on {device}")
    rates, latencies = drawn.subplots(1, 2)
    _draw(rates, batches, [row.run.frames_per_s for row in rows], "run")
    _draw(rates, batches, [row.queued_frames_per_s for row in rows], "queued")
    _draw(rates, batches, [row.classify.frames_per_s for row in rows], "classify")
    _draw(rates, batches, [row.modelled_frames_per_s for row in rows], "card, modelled")
    _draw(rates, batches, [row.modelled_queued_frames_per_s for row in rows], "card, modelled, queued")
    _draw(latencies, batches, [row.run.p50_ms for row in rows], "run")
    _draw(latencies, batches, [row.classify.p50_ms for row in rows], "classify")
    _draw(latencies, batches, [row.modelled_ms for row in rows], "card, modelled")
    reference = published(manifest)
    if reference:
        rates.plot([row.batch for row in reference], [row.frames_per_s for row in reference], "k^:", label="published, U250")
        latencies.plot([row.batch for row in reference], [row.latency_ms for row in reference], "k^:", label="published, U250")
    for axes, title in ((rates, "frames/s"), (latencies, "latency, ms")):
        axes.set(xscale="log", yscale="log", xlabel="batch", title=title)
        axes.set_xticks(batches, [str(batch) for batch in batches])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        axes.legend()
    return drawn


def _draw(axes: Any, batches: list[int], values: Sequence[float | None], name: str) -> None:
    if None not in values:
        axes.plot(batches, values, "--" if "modelled" in name else "o-", label=name)


def save(drawn: Any, path: Path) -> None:
    fix, formats = "name a PNG, PDF or SVG file in a folder that is there", drawn.canvas.get_supported_filetypes()
    suffix = path.suffix[1:].lower()
    if suffix not in formats:
        raise DeviceError(str(path), "cannot be written", f"Format {suffix!r} is not supported ({', '.join(sorted(formats))})", fix)
    try:
        drawn.savefig(path, dpi=120)
    except OSError as error:
        raise DeviceError(str(path), "cannot be written", str(error), fix) from None
