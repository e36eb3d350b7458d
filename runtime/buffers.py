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

    def allocate(self, shape: int | Sequence[int], dtype: DTypeLike = "u4", *, cacheable: bool = True) -> PynqBuffer:  # noqa: ARG002
        """A buffer of zeros; its place in the bank is free again when it is garbage, or by `freebuffer`.

        `cacheable` is PYNQ's, for boards: what the host sees of a card's buffers is cached in any case, and has to be synced.
        """
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

    # What PYNQ tells of a card's bank besides, under its names.

    @property
    def base_address(self) -> int:
        """Physical address of its first byte."""
        banks = self.device.xclbin.banks
        return int(next(bank.base for bank in banks if bank.tag == self.memory.tag))

    @property
    def num_buffers(self) -> int:
        return len(self.memory.allocated())

    @property
    def mem_used(self) -> int:
        """Bytes in buffers of this process."""
        return sum(allocation.size for allocation in self.memory.allocated())

    def return_pointer(self, allocation: Allocation) -> None:
        self.memory.free(allocation)


def the_only(device: str, banks: Mapping[str, _Bank]) -> _Bank:
    """Where a buffer goes when it is not told: the one bank the accelerator uses, if it is one."""
    if len(banks) != 1:
        why, fix = f"the accelerator uses {', '.join(banks)}", "pass target=overlay.<bank> to allocate"
        raise DeviceError(device, "a buffer without a bank", why, fix)
    return next(iter(banks.values()))
