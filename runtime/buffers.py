"""PYNQ's buffers in the banks of a device."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import DTypeLike
from pynq.buffer import PynqBuffer
from pynq.pl_server.device import Device

from runtime.errors import DeviceError
from runtime.memory import Allocation, Bank

_Bank = TypeVar("_Bank", bound=Bank)


class BufferTarget:
    """What PYNQ allocates buffers in: one bank of one device."""

    def __init__(self, device: Device, memory: Bank) -> None:
        self.device, self.memory = device, memory

    def allocate(self, shape: int | Sequence[int], dtype: DTypeLike = "u4") -> PynqBuffer:
        """A buffer of zeros; its place in the bank is free again when it is garbage, or by `freebuffer`."""
        size = math.prod(np.ravel(shape).tolist()) * np.dtype(dtype).itemsize
        if size < 1:
            what, why = f"a buffer of {size} bytes", "a buffer has at least one byte"
            raise DeviceError(self.memory.tag, what, why, "allocate at least one element")
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


def the_only(device: str, banks: Mapping[str, _Bank]) -> _Bank:
    """Where a buffer goes when it is not told: the one bank the accelerator uses, if it is one."""
    if len(banks) != 1:
        why, fix = f"the accelerator uses {', '.join(banks)}", "pass target=overlay.<bank> to allocate"
        raise DeviceError(device, "a buffer without a bank", why, fix)
    return next(iter(banks.values()))
