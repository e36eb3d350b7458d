"""A device that takes a fixed time for every frame and computes nothing: what a host's way of feeding it costs shows by itself.

It is a card to everything above it: buffers are copied back and forth, and runs of a compute unit queue up. No thread stands behind
it, so it takes nothing of the CPU from what is measured.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from pynq.buffer import PynqBuffer

from runtime.base_device import BaseDevice
from runtime.driver import bind
from runtime.manifest import Argument, Direction, ImageShape, Manifest, Target
from runtime.memory import Memory
from runtime.metadata import Metadata
from runtime.run import Run
from runtime.xclbin import Axlf, Bank, BankKind, Mode, Unit, Xclbin

SECONDS_A_FRAME = 0.4e-3  # a little faster than the original ResNet-50 on a U250
BANK = Bank(tag="bank0", kind=BankKind.DDR4, base=0x40_0000_0000, size_kb=16 * 2**20)


def manifest(image: ImageShape) -> Manifest:
    """Of a network with images of this shape, 1000 classes, and all its weights on chip."""
    rows = (("images", Direction.IN, 8), ("labels", Direction.OUT, 8), ("frames", Direction.SCALAR, 4))
    arguments = tuple(
        Argument(
            name=name,
            id=i,
            offset=0x10 + 12 * i,
            size_bytes=size,
            direction=direction,
            bank=None if direction is Direction.SCALAR else BANK.tag,
            port="S_AXI_CONTROL" if direction is Direction.SCALAR else f"M_AXI_GMEM{i}",
        )
        for i, (name, direction, size) in enumerate(rows)
    )
    return Manifest(
        network="timed",
        platform="none",
        target=Target.EMULATION,
        clock_mhz=250,
        cycles_per_frame=round(SECONDS_A_FRAME * 250e6),
        image=image,
        classes=1000,
        top=5,
        arguments=arguments,
        weights=None,
    )


@dataclass(slots=True)
class Work:
    """What a device has had to do."""

    free_at: float = 0.0  # when it will have nothing to do
    started_at: float | None = None
    busy_seconds: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def busy(self) -> float:
        """Share of the time between the first start and the last end."""
        # Seconds that follow on each other without a gap add up to a rounding error more than the whole.
        return 0.0 if self.started_at is None else min(1.0, self.busy_seconds / (self.free_at - self.started_at))


class Timed:
    """What a timed device has loaded: always the same."""

    def __init__(self, xclbin: Xclbin, seconds_a_frame: float) -> None:
        self.xclbin = xclbin
        self.memories = {BANK.tag: Memory(tag=BANK.tag, base=BANK.base, size=BANK.size_kb * 1024)}
        self.work = {unit.name: Work() for unit in xclbin.units}
        self._seconds_a_frame = seconds_a_frame

    def start(self, unit: Unit, buffers: Sequence[PynqBuffer], frames: int) -> Run:
        images, labels = (buffer.bo.device[buffer.offset :] for buffer in buffers)
        found = self.xclbin.manifest
        rows = images[: frames * found.frame_bytes].reshape(frames, -1)[:, : found.top]
        labels[: frames * found.label_bytes].view("<u4")[:] = rows.astype(np.uint32).reshape(-1)
        work, seconds = self.work[unit.name], frames * self._seconds_a_frame
        with work.lock:
            now = time.perf_counter()
            work.started_at = now if work.started_at is None else work.started_at
            work.free_at = max(now, work.free_at) + seconds
            work.busy_seconds += seconds
            return _Until(work.free_at)

    def read(self, unit: Unit, offset: int, size: int) -> bytes:
        raise NotImplementedError(f"{unit.name} has no registers: {size} bytes at {offset}")

    def write(self, unit: Unit, offset: int, value: bytes) -> None:
        raise NotImplementedError(f"{unit.name} has no registers: {len(value)} bytes at {offset}")

    def close(self) -> None:
        for memory in self.memories.values():
            memory.close()


class TimedDevice(BaseDevice):
    """Takes `seconds_a_frame`; the labels of a frame are the first `top` bytes of its image, so that order can be checked."""

    def __init__(self, image: ImageShape, *, seconds_a_frame: float = SECONDS_A_FRAME, units: int = 1) -> None:
        super().__init__("timed")
        found = manifest(image)
        banks = tuple(argument.bank for argument in found.arguments)
        described = Xclbin(
            path="timed",
            axlf=Axlf(data=b"", version=(2, 1, 0), mode=Mode.SW_EMU, uuid=bytes(16), sections=()),
            manifest=found,
            banks=(BANK,),
            clocks=(),
            units=tuple(Unit(name=f"{found.kernel}_{i + 1}", base=0x180_0000 + 0x1000 * i, banks=banks) for i in range(units)),
        )
        self.timed = Timed(described, seconds_a_frame)

    def get_bitfile_metadata(self, bitfile_name: str) -> Metadata:  # noqa: ARG002 (PYNQ's call)
        bind(self.timed.xclbin.manifest.vlnv)
        return Metadata(self.timed.xclbin)

    def check(self, xclbin: Xclbin) -> None:
        """It takes no other than its own."""

    def load(self, xclbin: Xclbin) -> Timed:  # noqa: ARG002
        return self.timed


class _Until(Run):
    def __init__(self, end: float) -> None:
        self._end = end

    def wait(self, timeout: float | None = None) -> bool:
        left = self._end - time.perf_counter()
        if left > 0 and timeout != 0:
            time.sleep(left if timeout is None else min(left, timeout))
        return time.perf_counter() >= self._end
