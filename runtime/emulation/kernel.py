"""The emulated kernel: a register file in front (`runtime.device.registers`), the emulator behind, and the banks its ports reach.

It starts when CTRL is written and takes its arguments from the register file, as the real one does; a program that writes
CTRL itself finds it finished, one that calls `start` goes on meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime import forks
from runtime.container.manifest import Manifest, Role
from runtime.container.xclbin import Unit
from runtime.device.registers import Registers
from runtime.emulation.emulator import Emulator
from runtime.emulation.memory import EmulatedBank
from runtime.errors import DeviceError

_FRAMES_AT_ONCE = 32  # so that the codes of a large batch need not all be held


class EmulatedKernel:
    """A compute unit; reads and writes of its registers may come from several threads."""

    def __init__(self, unit: Unit, manifest: Manifest, memories: Mapping[str, EmulatedBank], emulator: Emulator) -> None:
        self.unit, self.manifest = unit, manifest
        self._arguments = manifest.by_role
        self._memories, self._emulator = memories, emulator
        self._queue = ThreadPoolExecutor(1, unit.name)
        self._registers = Registers(unit, self._run)
        self.read, self.write = self._registers.read, self._registers.write
        self._open = True
        forks.register(self)

    def after_fork(self) -> None:
        """The thread that works the queue off is in the parent, and so is what it had not done yet."""
        if self._open:
            self._queue = ThreadPoolExecutor(1, self.unit.name)

    def start(self, values: Mapping[Role, int]) -> Future[None]:
        """Run the kernel on these arguments, after what was started before, in a thread of its own: like a card, it works while the caller goes on."""
        written = [(argument, values[role]) for role, argument in self._arguments.items()]
        try:
            return self._queue.submit(self._registers.call, written)
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
        values = {role: self._registers.value(argument) for role, argument in self._arguments.items()}
        frames = values[Role.FRAMES]
        if frames == 0:
            return
        images = self._bytes(Role.IMAGES, values[Role.IMAGES], frames).reshape(frames, manifest.frame_bytes)
        result = manifest.result
        results = self._bytes(Role.LABELS, values[Role.LABELS], frames).reshape(frames, result.stride_bytes)
        weights = self._weights(values.get(Role.WEIGHTS))
        for start in range(0, frames, _FRAMES_AT_ONCE):
            part = slice(start, start + _FRAMES_AT_ONCE)
            labels, scores = self._emulator.run(images[part, : manifest.image_bytes].reshape(-1, *manifest.image), weights)
            results[part] = result.pack(labels, np.take_along_axis(scores, labels.astype(np.int64), axis=1)).view(np.uint8)

    def _weights(self, address: int | None) -> NDArray[np.int8] | None:
        if self.manifest.weights is None or address is None:
            return None
        return self._bytes(Role.WEIGHTS, address, frames=1).view(np.int8).reshape(self.manifest.weights)

    def _bytes(self, role: Role, address: int, frames: int) -> NDArray[np.uint8]:
        # A port reaches its own bank and no other.
        bank, size = self.unit.banks[role], self.manifest.buffer_bytes(role, frames)
        view = self._memories[bank].view(address, size)
        if view is None:
            what, why = f"{self._arguments[role].name} = {address:#x}", f"no buffer in {bank} has the {size} bytes from there on"
            raise DeviceError(self.unit.name, what, why, "pass the device_address of a buffer that is large enough")
        return view
