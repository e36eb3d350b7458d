"""Frames per second and latency by batch size, from the cycles of the pipeline and the time a call costs the host.

A call of `n` frames takes the host's time for the call, the latency of the first frame, and an interval for each further frame:

    seconds(n) = call + (latency + (n - 1) * interval) / clock + n * transfer

Runs that are started before earlier ones have ended overlap (ap_ctrl_chain), so that the pipeline stays full; the host prepares one run
while others are under way:

    seconds between runs(n) = max(n * interval / clock, call + n * transfer)

`transfer` is the host's time to move data before and after a call; the published measurements exclude it (see `published`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dataflow.cost import published

BATCHES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
CALL_US = 100.0
"""Time to start a kernel from Python and wait for it. UNCONFIRMED: the order of magnitude of PYNQ on XRT."""


class Rate(NamedTuple):
    batch: int
    fps: float
    latency_ms: float  # of the whole batch
    queued_fps: float  # of runs that overlap


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """The speed of an accelerator."""

    clock_mhz: float
    interval_cycles: int  # from a frame to the next, once the pipeline is full
    latency_cycles: int  # of one frame through an empty one
    call_us: float = CALL_US  # host, per call
    transfer_us: float = 0  # host to card and back, per frame

    def __post_init__(self) -> None:
        if self.clock_mhz <= 0 or self.interval_cycles < 1 or self.latency_cycles < 1 or self.call_us < 0 or self.transfer_us < 0:
            raise ValueError(f"{self} must take time")

    def rate(self, batch: int) -> Rate:
        cycles = self.latency_cycles + (batch - 1) * self.interval_cycles
        ms = self.call_us / 1e3 + cycles / self.clock_mhz / 1e3 + batch * self.transfer_us / 1e3
        host_ms = self.call_us / 1e3 + batch * self.transfer_us / 1e3
        between_ms = max(batch * self.interval_cycles / self.clock_mhz / 1e3, host_ms)
        return Rate(batch, batch / ms * 1e3, ms, batch / between_ms * 1e3)


class Line(NamedTuple):
    """A linear model of measurements: a time per call and a time per frame."""

    call_ms: float
    frame_ms: float


def line_through(measured: Sequence[published.Measurement]) -> Line:
    """The line that minimises the squared relative error in latency over batch size."""
    weights = [1 / m.latency_ms**2 for m in measured]
    total = sum(weights)
    mean_x = sum(w * m.batch for w, m in zip(weights, measured, strict=True)) / total
    mean_y = sum(w * m.latency_ms for w, m in zip(weights, measured, strict=True)) / total
    over = sum(w * (m.batch - mean_x) * (m.latency_ms - mean_y) for w, m in zip(weights, measured, strict=True))
    slope = over / sum(w * (m.batch - mean_x) ** 2 for w, m in zip(weights, measured, strict=True))
    return Line(mean_y - slope * mean_x, slope)
