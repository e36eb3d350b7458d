"""The emulated kernel: a register file in front (`runtime.registers`), the emulator behind, and the banks its ports reach.

It starts when CTRL is written and takes its arguments from the register file, as the real one does; whoever writes CTRL himself
finds it finished, whoever calls `start` can do other things meanwhile.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime import forks
from runtime.emulator import Emulator
from runtime.errors import DeviceError, XclbinError
from runtime.manifest import Argument
from runtime.memory import EmulatedAllocation, Memory
from runtime.program import Program
from runtime.registers import Registers
from runtime.run import EmulatedRun
from runtime.sections import parse
from runtime.xclbin import Unit, Xclbin

_FRAMES_AT_ONCE = 32  # so that the codes of a large batch need not all be held


class Emulation:
    """What an emulated device has loaded: the banks, and a kernel for every compute unit."""

    def __init__(self, xclbin: Xclbin) -> None:
        self.xclbin = xclbin
        self.memories = {bank.tag: Memory(tag=bank.tag, base=bank.base, size=bank.size_kb * 1024) for bank in xclbin.banks if bank.used}
        self.emulator = Emulator(_program(xclbin))
        self._kernels = {unit.name: Kernel(self, unit) for unit in xclbin.units}

    def read(self, unit: Unit, offset: int, size: int) -> bytes:
        return self._kernels[unit.name].read(offset, size)

    def write(self, unit: Unit, offset: int, value: bytes) -> None:
        self._kernels[unit.name].write(offset, value)

    def start(self, unit: Unit, buffers: Sequence[Any], frames: int) -> EmulatedRun:
        """Start a compute unit on PYNQ's buffers, which stay until the run has ended."""
        held: list[EmulatedAllocation] = []

        def release(_: object = None) -> None:
            for allocation in held:
                allocation.bank.release(allocation)

        try:
            for buffer in buffers:
                buffer.bo.bank.hold(buffer.bo, buffer.offset, buffer.nbytes)
                held.append(buffer.bo)
            future = self._kernels[unit.name].start([*(buffer.bo.address + buffer.offset for buffer in buffers), frames])
        except BaseException:
            release()
            raise
        future.add_done_callback(release)
        return EmulatedRun(future, unit.name)

    def trace(self, image: NDArray[np.uint8], weights_address: int | None) -> dict[str, NDArray[Any]]:
        """What passes between the IPs for one image (H, W, C), see `Emulator.trace`."""
        return next(iter(self._kernels.values())).trace(image, weights_address)

    def close(self) -> None:
        """End the runs, and free all memory."""
        for kernel in self._kernels.values():
            kernel.close()
        for memory in self.memories.values():
            memory.close()


class Kernel:
    """A compute unit; reads and writes of its registers may come from several threads."""

    def __init__(self, loaded: Emulation, unit: Unit) -> None:
        self.unit = unit
        self.manifest = loaded.xclbin.manifest
        self._memories, self._emulator = loaded.memories, loaded.emulator
        self._queue = ThreadPoolExecutor(1, unit.name)
        self._registers = Registers(unit.name, self._run)
        self.read, self.write = self._registers.read, self._registers.write
        self._open = True
        forks.register(self)

    def after_fork(self) -> None:
        """The thread that works the queue off is in the parent, and so is what it had not done yet."""
        if self._open:
            self._queue = ThreadPoolExecutor(1, self.unit.name)

    def start(self, values: Sequence[int]) -> Future[None]:
        """Run the kernel on these arguments, after what was started before; to the caller it works on its own, as a card does."""
        try:
            return self._queue.submit(self._registers.call, self.manifest.arguments, values)
        except RuntimeError as error:
            fix = "start it on an overlay that is loaded, before the program ends"
            raise DeviceError(self.unit.name, "cannot be started", str(error), fix) from None

    def close(self) -> None:
        """Let what was started end, and take no more."""
        self._open = False
        self._queue.shutdown(wait=True)

    def trace(self, image: NDArray[np.uint8], weights_address: int | None) -> dict[str, NDArray[Any]]:
        """What passes between the IPs for one image (H, W, C), see `Emulator.trace`."""
        return self._emulator.trace(image, self._weights(weights_address))

    def _run(self) -> None:
        manifest = self.manifest
        *addresses, frames = (self._registers.value(argument) for argument in manifest.arguments)
        if frames == 0:
            return
        images = self._bytes(manifest.arguments[0], addresses[0], frames * manifest.frame_bytes).reshape(frames, manifest.frame_bytes)
        labels = self._bytes(manifest.arguments[1], addresses[1], frames * manifest.label_bytes).reshape(frames, manifest.label_bytes)
        weights = self._weights(*addresses[2:])
        for start in range(0, frames, _FRAMES_AT_ONCE):
            part = slice(start, start + _FRAMES_AT_ONCE)
            found, _ = self._emulator.run(images[part, : manifest.image_bytes].reshape(-1, *manifest.image), weights)
            labels[part] = found.astype("<u4").view(np.uint8)

    def _weights(self, address: int | None = None) -> NDArray[np.int8] | None:
        if self.manifest.weights is None or address is None:
            return None
        size = math.prod(self.manifest.weights)
        return self._bytes(self.manifest.arguments[2], address, size).view(np.int8).reshape(self.manifest.weights)

    def _bytes(self, argument: Argument, address: int, size: int) -> NDArray[np.uint8]:
        # A port reaches its own bank and no other.
        bank = self.unit.banks[argument.id]
        found = None if bank is None else self._memories[bank].view(address, size)
        if found is None:
            what, why = f"{argument.name} = {address:#x}", f"no buffer in {bank} has the {size} bytes from there on"
            raise DeviceError(self.unit.name, what, why, "pass the device_address of a buffer that is large enough")
        return found


def _program(xclbin: Xclbin) -> Program:
    """The network inside an emulation xclbin, which must be the one its manifest announces."""
    manifest = xclbin.manifest
    try:
        program = parse(xclbin.section("network"), xclbin.section("parameters"))
    except XclbinError as error:
        raise error.within(xclbin.path) from None
    head = program.head
    streamed = None if head.weights is not None else (head.classes, head.inputs)
    announced = (tuple(manifest.image), manifest.classes, manifest.top, manifest.weights)
    found = (tuple(program.input), head.classes, head.top, streamed)
    if found != announced:
        what = f"image, classes, top and weights are {found}"
        raise XclbinError(f"{xclbin.path}: network", what, f"the manifest announces {announced}", "build the xclbin again")
    return program
