"""The emulated kernel: a register file in front (`runtime.device.registers`), the emulator behind, and the banks its ports reach.

It starts when CTRL is written and takes its arguments from the register file, as the real one does; a program that writes
CTRL itself finds it finished, one that calls `start` goes on meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from constants import image
from constants.image import Status, Words
from runtime import forks
from runtime.container.constants import Constants
from runtime.container.manifest import STATUS_BYTES, Manifest, Role
from runtime.container.xclbin import Unit
from runtime.device.loading import nothing_loaded
from runtime.device.registers import Registers
from runtime.emulation.emulator import Emulator
from runtime.emulation.memory import EmulatedBank
from runtime.errors import DeviceError

_FRAMES_AT_ONCE = 32  # so that the codes of a large batch need not all be held


class EmulatedKernel:
    """A compute unit; reads and writes of its registers may come from several threads."""

    def __init__(
        self, unit: Unit, manifest: Manifest, memories: Mapping[str, EmulatedBank], built: Callable[[Words], Emulator] | Emulator
    ) -> None:
        """`built` computes with constants that are part of the hardware, or makes from the words of a load what computes with these."""
        self.unit, self.manifest = unit, manifest
        self._arguments = manifest.by_role
        self._memories, self._built = memories, built
        self._emulator = built if isinstance(built, Emulator) else None
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

    def trace(self, picture: NDArray[np.uint8], weights_address: int | None) -> dict[str, NDArray[Any]]:
        """What passes between the IPs for one picture (H, W, C), see `Emulator.trace`."""
        if self._emulator is None:
            raise nothing_loaded(self.unit.name)
        return self._emulator.trace(picture, self._weights(weights_address))

    def _run(self) -> None:
        manifest = self.manifest
        values = {role: self._registers.value(argument) for role, argument in self._arguments.items()}
        frames = values[Role.FRAMES]
        if frames == 0:
            if manifest.constants is not None:
                status = self._load(manifest.constants, values[Role.WEIGHTS])
                self._bytes(Role.LABELS, values[Role.LABELS], 0)[:] = np.frombuffer(status.to_bytes(STATUS_BYTES, "little"), np.uint8)
            return
        emulator = self._emulator  # of all frames of the batch
        images = self._bytes(Role.IMAGES, values[Role.IMAGES], frames).reshape(frames, manifest.frame_bytes)
        result = manifest.result
        results = self._bytes(Role.LABELS, values[Role.LABELS], frames).reshape(frames, result.stride_bytes)
        if emulator is None:
            results[:] = 0xFF
            return
        weights = self._weights(values.get(Role.WEIGHTS))
        for start in range(0, frames, _FRAMES_AT_ONCE):
            part = slice(start, start + _FRAMES_AT_ONCE)
            labels, scores = emulator.run(images[part, : manifest.image_bytes].reshape(-1, *manifest.image), weights)
            results[part] = result.pack(labels, np.take_along_axis(scores, labels.astype(np.int64), axis=1)).view(np.uint8)

    def _load(self, constants: Constants, address: int) -> Status:
        """What hls/include/resflow/configure.h does: the image is read twice, and the second time taken."""
        try:
            header = self._view(Role.WEIGHTS, address, image.BLOCK_BYTES).tobytes()
            checksum = image.check_header(header, constants.fingerprint, constants.words)
            payload = self._view(Role.WEIGHTS, address, constants.image_bytes)[image.BLOCK_BYTES :]
            image.check_payload(payload.data, checksum)
        except image.ImageError as error:
            return error.status
        taken = payload.copy()
        found: Emulator | None = None
        try:
            image.check_payload(taken.data, checksum)
            assert not isinstance(self._built, Emulator)
            found = self._built(taken.view("<u8")[: constants.words])
        except image.ImageError:
            return Status.INTERRUPTED
        finally:
            self._emulator = found  # there is no way back once something was written
        return Status.LOADED

    def _weights(self, address: int | None) -> NDArray[np.int8] | None:
        if self.manifest.weights is None or address is None:
            return None
        return self._bytes(Role.WEIGHTS, address, frames=1).view(np.int8).reshape(self.manifest.weights)

    def _bytes(self, role: Role, address: int, frames: int) -> NDArray[np.uint8]:
        return self._view(role, address, self.manifest.buffer_bytes(role, frames))

    def _view(self, role: Role, address: int, size: int) -> NDArray[np.uint8]:
        # A port reaches its own bank and no other.
        bank = self.unit.banks[role]
        view = self._memories[bank].view(address, size)
        if view is None:
            what, why = f"{self._arguments[role].name} = {address:#x}", f"no buffer in {bank} has the {size} bytes from there on"
            raise DeviceError(self.unit.name, what, why, "pass the device_address of a buffer that is large enough")
        return view
