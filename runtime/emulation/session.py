"""What an emulated device has loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pynq.buffer import PynqBuffer

from runtime.container.manifest import Role
from runtime.container.program import Program
from runtime.container.sections import parse
from runtime.container.xclbin import Unit, Xclbin
from runtime.emulation.emulator import Emulator
from runtime.emulation.kernel import EmulatedKernel
from runtime.emulation.memory import EmulatedAllocation, EmulatedBank
from runtime.emulation.run import EmulatedRun
from runtime.errors import XclbinError


class EmulatedSession:
    """An xclbin on an emulated device: the banks, and a kernel for every compute unit."""

    def __init__(self, xclbin: Xclbin) -> None:
        self.xclbin = xclbin
        self.memories = {
            bank.tag: EmulatedBank(tag=bank.tag, base=bank.base, size=bank.size_kb * 1024) for bank in xclbin.banks if bank.used
        }
        self.emulator = Emulator(_program(xclbin))
        self._kernels = {unit.name: EmulatedKernel(unit, xclbin.manifest, self.memories, self.emulator) for unit in xclbin.units}

    def read(self, unit: Unit, offset: int, size: int) -> bytes:
        return self._kernels[unit.name].read(offset, size)

    def write(self, unit: Unit, offset: int, value: bytes) -> None:
        self._kernels[unit.name].write(offset, value)

    def start(self, unit: Unit, buffers: Mapping[Role, PynqBuffer], frames: int) -> EmulatedRun:
        """Start a compute unit on PYNQ's buffers, which stay until the run has ended."""
        held: list[EmulatedAllocation] = []

        def release(_: object = None) -> None:
            for allocation in held:
                allocation.bank.release(allocation)

        try:
            for buffer in buffers.values():
                buffer.bo.bank.hold(buffer.bo, buffer.offset, buffer.nbytes)
                held.append(buffer.bo)
            values = {role: buffer.bo.address + buffer.offset for role, buffer in buffers.items()} | {Role.FRAMES: frames}
            future = self._kernels[unit.name].start(values)
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


def _program(xclbin: Xclbin) -> Program:
    """The network inside an emulation xclbin, which must be the one its manifest announces."""
    manifest = xclbin.manifest
    try:
        program = parse(xclbin.section("network"), xclbin.section("parameters"))
    except XclbinError as error:
        raise error.within(xclbin.path) from None
    head = program.head
    streamed = None if head.weights is not None else (head.classes, head.inputs)
    scores = None if manifest.result.scores is None else np.dtype(head.ranked).name
    announced = (tuple(manifest.image), manifest.classes, manifest.top, manifest.weights, manifest.result.scores)
    contained = (tuple(program.input), head.classes, head.top, streamed, scores)
    if contained != announced:
        what = f"image, classes, top, weights and scores are {contained}"
        raise XclbinError(f"{xclbin.path}: network", what, f"the manifest announces {announced}", "build the xclbin again")
    return program
