"""A device that takes fixed times and computes nothing: what a host's way of feeding it costs shows by itself.

It is a card to everything above it: buffers are copied back and forth, and runs of a compute unit queue up. It has no
thread, so it takes nothing of the CPU from what is measured.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from pynq.buffer import PynqBuffer

from runtime.container.axlf import Axlf, BankKind, Mode, Protocol
from runtime.container.manifest import Argument, ImageShape, Manifest, Result, Role, Target
from runtime.container.xclbin import Bank, Unit, Xclbin
from runtime.device.base import BaseDevice
from runtime.device.driver import bind
from runtime.device.metadata import Metadata
from runtime.device.run import Run
from runtime.emulation.memory import EmulatedBank

SECONDS_A_FRAME = 0.4e-3  # a little faster than the original ResNet-50 on a U250
BANK = Bank(tag="bank0", kind=BankKind.DDR4, base=0x40_0000_0000, size_kb=16 * 2**20)


def manifest(image: ImageShape, seconds_a_frame: float, latency_seconds: float) -> Manifest:
    """Of a network with images of this shape, 1000 classes, and all its weights on chip."""
    roles = (Role.IMAGES, Role.LABELS, Role.FRAMES)
    arguments = tuple(
        Argument(
            name=role.value,
            id=i,
            offset=0x10 + 12 * i,
            size_bytes=4 if role is Role.FRAMES else 8,
            direction=role.direction,
            bank=None if role is Role.FRAMES else BANK.tag,
            port="S_AXI_CONTROL" if role is Role.FRAMES else f"M_AXI_GMEM{i}",
        )
        for i, role in enumerate(roles)
    )
    return Manifest(
        network="timed",
        platform="none",
        target=Target.EMULATION,
        clock_mhz=250,
        cycles_per_frame=round(seconds_a_frame * 250e6),
        latency_cycles=round(latency_seconds * 250e6),
        image=image,
        classes=1000,
        top=5,
        result=Result.of(5),
        arguments=arguments,
        weights=None,
    )


@dataclass(slots=True)
class Work:
    """What a device has had to do."""

    free_at: float = 0.0  # when it will take the images of another run
    started_at: float | None = None
    busy_seconds: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def busy(self) -> float:
        """Share of the time from the first start on."""
        # Seconds that follow on each other without a gap add up to a rounding error more than the whole.
        return 0.0 if self.started_at is None else min(1.0, self.busy_seconds / (self.free_at - self.started_at))


class TimedSession:
    """What a timed device has loaded: always the same."""

    def __init__(self, xclbin: Xclbin, seconds_a_frame: float, latency_seconds: float) -> None:
        self.xclbin = xclbin
        self.memories = {BANK.tag: EmulatedBank(tag=BANK.tag, base=BANK.base, size=BANK.size_kb * 1024)}
        self.work = {unit.name: Work() for unit in xclbin.units}
        self._seconds_a_frame, self._latency_seconds = seconds_a_frame, latency_seconds

    def start(self, unit: Unit, buffers: Mapping[Role, PynqBuffer], frames: int) -> Run:
        images, labels = (buffers[role].bo.device[buffers[role].offset :] for role in (Role.IMAGES, Role.LABELS))
        described = self.xclbin.manifest
        rows = images[: frames * described.frame_bytes].reshape(frames, -1)[:, : described.top]
        labels[: frames * described.result.stride_bytes].view("<u4")[:] = rows.astype(np.uint32).reshape(-1)
        run_seconds = self._latency_seconds + (frames - 1) * self._seconds_a_frame
        busy_seconds = frames * self._seconds_a_frame if unit.protocol is Protocol.AP_CTRL_CHAIN else run_seconds
        work = self.work[unit.name]
        with work.lock:
            now = time.perf_counter()
            work.started_at = now if work.started_at is None else work.started_at
            begins = max(now, work.free_at)
            work.free_at = begins + busy_seconds
            work.busy_seconds += busy_seconds
            return _Until(begins + run_seconds)

    def read(self, unit: Unit, offset: int, size: int) -> bytes:
        raise NotImplementedError(f"{unit.name} has no registers: {size} bytes at {offset}")

    def write(self, unit: Unit, offset: int, value: bytes) -> None:
        raise NotImplementedError(f"{unit.name} has no registers: {len(value)} bytes at {offset}")

    def close(self) -> None:
        for memory in self.memories.values():
            memory.close()


class TimedDevice(BaseDevice):
    """Takes an image every `seconds_a_frame`, and `latency_seconds` from the first image of a run to its labels; the labels of a frame are the first `top` bytes of its image, so that order can be checked."""

    def __init__(
        self,
        image: ImageShape,
        *,
        seconds_a_frame: float = SECONDS_A_FRAME,
        latency_seconds: float | None = None,  # left out: that of a frame
        units: int = 1,
        protocol: Protocol = Protocol.AP_CTRL_CHAIN,
    ) -> None:
        super().__init__("timed")
        latency = seconds_a_frame if latency_seconds is None else latency_seconds
        described = manifest(image, seconds_a_frame, latency)
        banks = dict.fromkeys(described.pointers, BANK.tag)
        xclbin = Xclbin(
            path="timed",
            axlf=Axlf(data=b"", version=(2, 1, 0), mode=Mode.SW_EMU, uuid=bytes(16), sections=()),
            manifest=described,
            banks=(BANK,),
            clocks=(),
            units=tuple(
                Unit(name=f"{described.kernel}_{i + 1}", base=0x180_0000 + 0x1000 * i, banks=banks, protocol=protocol) for i in range(units)
            ),
        )
        self.timed = TimedSession(xclbin, seconds_a_frame, latency)

    def get_bitfile_metadata(self, bitfile_name: str) -> Metadata:  # noqa: ARG002 (PYNQ's call)
        bind(self.timed.xclbin.manifest.vlnv)
        return Metadata(self.timed.xclbin)

    def check(self, xclbin: Xclbin) -> None:
        """It takes no other than its own."""

    def load(self, xclbin: Xclbin) -> TimedSession:  # noqa: ARG002
        return self.timed


class _Until(Run):
    def __init__(self, end: float) -> None:
        self._end = end

    def wait(self, timeout: float | None = None) -> bool:
        left = self._end - time.perf_counter()
        if left > 0 and timeout != 0:
            time.sleep(left if timeout is None else min(left, timeout))
        return time.perf_counter() >= self._end
