"""The emulated device: a card without a card, which PYNQ finds, loads and allocates on like any other.

PYNQ 4 finds no PCIe card itself. What it still does is to ask every subclass of its `Device` for devices, and to read
registers, sync buffers and load files through their methods; those are the ones here. Besides this file, only
`runtime.driver` knows PYNQ.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from pynq.bitstream import Bitstream
from pynq.buffer import PynqBuffer
from pynq.pl_server.device import Device

from runtime.driver import bind
from runtime.errors import DeviceError
from runtime.kernel import REGISTER_BYTES, Kernel
from runtime.manifest import Target
from runtime.memory import Allocation, Memory
from runtime.metadata import Metadata
from runtime.xclbin import Mode, Xclbin

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
        self._kernel: Kernel | None = None

    @property
    def xclbin(self) -> Xclbin:
        """What is loaded."""
        return self._loaded.xclbin

    @property
    def _loaded(self) -> Kernel:
        if self._kernel is None:
            raise DeviceError(self.tag, "nothing is loaded", "the overlay was not downloaded", "load an xclbin with pynq.Overlay")
        return self._kernel

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
        kernel = Kernel(metadata.xclbin)
        # Only now that nothing can go wrong any more.
        if self._kernel is not None:
            for memory in self._kernel.memories.values():
                memory.clear()
        self._kernel = kernel
        self.post_download(bitstream, metadata)

    def read_registers(self, address: int, length: int) -> bytes:
        return self._loaded.read(self._offset(address, length), length)

    def write_registers(self, address: int, data: bytes) -> None:
        self._loaded.write(self._offset(address, len(data)), data)

    def _offset(self, address: int, size: int) -> int:
        base = self.xclbin.base
        offset = address - base
        if not 0 <= offset <= REGISTER_BYTES - size:
            what = f"{size} bytes at {address:#x}"
            raise DeviceError(self.tag, what, f"the kernel has {REGISTER_BYTES} bytes of registers at {base:#x}", "correct the offset")
        return offset

    def get_memory(self, description: dict[str, Any]) -> BufferTarget:
        """The bank behind `overlay.<bank>`; called by `pynq.Overlay`."""
        return self.bank(description["tag"])

    def bank(self, tag: str) -> BufferTarget:
        """A bank by its name in the manifest."""
        return BufferTarget(self, self._loaded.memories[tag])

    @property
    def default_memory(self) -> BufferTarget:
        """Where `pynq.allocate` puts a buffer when it is not told: the one bank the accelerator uses, if it is one."""
        memories = list(self._loaded.memories.values())
        if len(memories) != 1:
            tags = ", ".join(memory.tag for memory in memories)
            raise DeviceError(self.tag, "a buffer without a bank", f"the accelerator uses {tags}", "pass target=overlay.<bank> to allocate")
        return BufferTarget(self, memories[0])

    def trace(self, image: NDArray[np.uint8], weights_address: int | None) -> dict[str, NDArray[Any]]:
        """See `Accelerator.trace`; the fully connected layer's weights are taken from the device's memory."""
        return self._loaded.trace(image, weights_address)

    # PYNQ's names for syncing. Like XRT, both take `size` bytes from the first element on: meant for contiguous views.

    def flush(self, bo: Allocation, offset: int, _virtual_address: int, size: int) -> None:
        bo.to_device(offset, size)

    def invalidate(self, bo: Allocation, offset: int, _virtual_address: int, size: int) -> None:
        bo.from_device(offset, size)


class BufferTarget:
    """What PYNQ allocates buffers in: one bank of one device."""

    def __init__(self, device: EmulatedDevice, memory: Memory) -> None:
        self.device, self.memory = device, memory

    def allocate(self, shape: int | Sequence[int], dtype: DTypeLike = "u4") -> PynqBuffer:
        """A buffer of zeros; its place in the bank is free again when it is garbage, or by `freebuffer`."""
        size = math.prod(np.ravel(shape).tolist()) * np.dtype(dtype).itemsize
        allocation = self.memory.allocate(size)
        buffer = PynqBuffer(shape, dtype, device=self.device, bo=allocation, device_address=allocation.address, buffer=allocation.host)
        # Freed, PYNQ hands `pointer` to `return_to` once; without them, or freed again, it would unmap memory, as on a board.
        buffer.memory, buffer.pointer, buffer.return_to, buffer.freed = self, allocation, self, True
        return buffer

    @property
    def size(self) -> int:
        """Bytes of the bank."""
        return self.memory.size

    def return_pointer(self, allocation: Allocation) -> None:
        self.memory.free(allocation)


# The list of devices is made once; whoever had it made before this import finds the emulated one in it all the same.
if hasattr(Device, "_devices"):
    Device.devices.append(EmulatedDevice())
