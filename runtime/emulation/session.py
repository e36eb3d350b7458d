"""What an emulated device has loaded."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pynq.buffer import PynqBuffer

from constants.image import Words, image_words
from runtime import forks
from runtime.container.arrays import Arrays, Loaded, Stored
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
        self._builder = _Builder(xclbin)
        self.emulator = self._builder.carried
        built = self.emulator if xclbin.manifest.constants is None else self._builder.built
        self._kernels = {unit.name: EmulatedKernel(unit, xclbin.manifest, self.memories, built) for unit in xclbin.units}

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


class _Builder:
    """Makes what computes with constants that were loaded. The last is kept: several compute units load the same."""

    def __init__(self, xclbin: Xclbin) -> None:
        self._xclbin = xclbin
        self._hardware = xclbin.section("parameters") if xclbin.has("parameters") or xclbin.manifest.constants is None else None
        self._lock = threading.Lock()
        self._last: tuple[bytes, Emulator] | None = None
        forks.register(self)
        constants = xclbin.manifest.constants
        if constants is None:
            assert self._hardware is not None
            self.carried = Emulator(_program(xclbin, Stored(self._hardware)))
        else:
            assert xclbin.image is not None
            self.carried = self.built(image_words(xclbin.image, constants.words))

    def after_fork(self) -> None:
        self._lock = threading.Lock()

    def built(self, words: Words) -> Emulator:
        """Of the words of a load that was checked. XclbinError if they are those of no network."""
        constants = self._xclbin.manifest.constants
        assert constants is not None
        digest = hashlib.sha256(words.data).digest()
        with self._lock:
            if self._last is None or self._last[0] != digest:
                rest = None if self._hardware is None else Stored(self._hardware)
                self._last = digest, Emulator(_program(self._xclbin, Loaded(constants, words, rest)))
            return self._last[1]


def _program(xclbin: Xclbin, arrays: Arrays) -> Program:
    """The network inside an emulation xclbin, which must be the one its manifest announces."""
    manifest = xclbin.manifest
    try:
        program = parse(xclbin.section("network"), arrays)
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
