"""The emulated device: a card without a card, which PYNQ finds, loads and allocates on like any other.

PYNQ 4 finds no PCIe card itself. What it still does is to ask every subclass of its `Device` for devices, and to read
registers, sync buffers and load files through their methods; those are the ones here.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pynq.bitstream import Bitstream
from pynq.buffer import PynqBuffer
from pynq.pl_server.device import Device

from runtime.buffers import BufferTarget, the_only
from runtime.driver import bind
from runtime.errors import DeviceError
from runtime.kernel import REGISTER_BYTES, Kernel, Loaded
from runtime.manifest import Target
from runtime.memory import Allocation
from runtime.metadata import Metadata
from runtime.run import Run
from runtime.xclbin import Mode, Unit, Xclbin

_ids = itertools.count()


class EmulatedDevice(Device):  # type: ignore[misc]
    """A device that takes emulation xclbins. Every instance is a card of its own, with nothing loaded."""

    _probe_priority_ = 300  # after everything of PYNQ's own, so that a board stays the default device where there is one

    @classmethod
    def _probe_(cls) -> list[EmulatedDevice]:
        return [cls()]

    def __init__(self) -> None:
        super().__init__(tag=f"emulation{next(_ids)}")
        self.capabilities = {"REGISTER_RW": True}  # tells PYNQ to come to read_registers and write_registers
        self._now: Loaded | None = None

    @property
    def name(self) -> str:
        return str(self.tag)

    @property
    def xclbin(self) -> Xclbin:
        """What is loaded."""
        return self._loaded.xclbin

    @property
    def _loaded(self) -> Loaded:
        if self._now is None:
            raise DeviceError(self.tag, "nothing is loaded", "the overlay was not downloaded", "load an xclbin with pynq.Overlay")
        return self._now

    def get_bitfile_metadata(self, bitfile_name: str) -> Metadata:
        """Read and check an xclbin; called by `pynq.Overlay`."""
        xclbin = Xclbin.read(bitfile_name)
        if xclbin.manifest.target is not Target.EMULATION or xclbin.axlf.mode != Mode.SW_EMU:
            what = f"built for the card {xclbin.manifest.platform}"
            why = "there is no such card here, and an emulated device runs no bitstream"
            fix = "open it on a machine with the card, or build and open the network's emulation xclbin"
            raise DeviceError(bitfile_name, what, why, fix)
        bind(xclbin.manifest.vlnv)
        return Metadata(xclbin)

    def download(self, bitstream: Bitstream, parser: Metadata | None = None) -> None:
        """Put the accelerator onto the device, with empty memories; called by `pynq.Overlay`."""
        metadata = parser or self.get_bitfile_metadata(bitstream.bitfile_name)
        loaded = Loaded(metadata.xclbin)
        # Only now that nothing can go wrong any more.
        self.close()
        self._now = loaded
        self.post_download(bitstream, metadata)

    def close(self) -> None:
        """Unload: runs come to their end, and buffers cannot be used any more."""
        loaded, self._now = self._now, None
        if loaded is not None:
            loaded.close()

    def read_registers(self, address: int, length: int) -> bytes:
        kernel, offset = self._at(address, length)
        return kernel.read(offset, length)

    def write_registers(self, address: int, data: bytes) -> None:
        kernel, offset = self._at(address, len(data))
        kernel.write(offset, data)

    def _at(self, address: int, size: int) -> tuple[Kernel, int]:
        for kernel in self._loaded.kernels.values():
            offset = address - kernel.unit.base
            if 0 <= offset <= REGISTER_BYTES - size:
                return kernel, offset
        bases = ", ".join(f"{kernel.unit.base:#x}" for kernel in self._loaded.kernels.values())
        why = f"the kernel has {REGISTER_BYTES} bytes of registers at {bases}"
        raise DeviceError(self.tag, f"{size} bytes at {address:#x}", why, "correct the offset")

    def start(self, unit: Unit, buffers: Sequence[PynqBuffer], frames: int) -> Run:
        """Start a compute unit on checked arguments; called by the driver."""
        return self._loaded.kernels[unit.name].start([*(int(buffer.device_address) for buffer in buffers), frames])

    def get_memory(self, description: dict[str, Any]) -> BufferTarget:
        """The bank behind `overlay.<bank>`; called by `pynq.Overlay`."""
        return self.bank(description["tag"])

    def bank(self, tag: str) -> BufferTarget:
        """A bank by its name in the manifest."""
        return BufferTarget(self, self._loaded.memories[tag])

    @property
    def default_memory(self) -> BufferTarget:
        """Where `pynq.allocate` puts a buffer when it is not told: the one bank the accelerator uses, if it is one."""
        return BufferTarget(self, the_only(self.tag, self._loaded.memories))

    def trace(self, image: NDArray[np.uint8], weights_address: int | None) -> dict[str, NDArray[Any]]:
        """See `Accelerator.trace`; the fully connected layer's weights are taken from the device's memory."""
        return next(iter(self._loaded.kernels.values())).trace(image, weights_address)

    def flush(self, bo: Allocation, offset: int, _virtual_address: int, size: int) -> None:
        bo.to_device(offset, size)

    def invalidate(self, bo: Allocation, offset: int, _virtual_address: int, size: int) -> None:
        bo.from_device(offset, size)
