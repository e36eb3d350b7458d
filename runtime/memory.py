"""Memory banks: what every device's have in common, and those of the emulated device, where bytes exist only where a buffer is."""

from __future__ import annotations

import bisect
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from runtime.errors import DeviceError

PAGE_BYTES = 4096  # buffers start at multiples of it, as XRT's do


class Allocation(ABC):
    """A range of a bank: the bytes the kernel sees, and the bytes the host sees until it syncs."""

    def __init__(self, *, bank: str, address: int, host: NDArray[np.uint8]) -> None:
        self.bank, self.address, self.host = bank, address, host
        self.size = len(host)
        self.live = True

    def to_device(self, offset: int, size: int) -> None:
        self._check(offset, size)
        self._copy_to_device(offset, size)

    def from_device(self, offset: int, size: int) -> None:
        self._check(offset, size)
        self._copy_from_device(offset, size)

    def holds(self, offset: int, size: int) -> bool:
        """Whether these bytes are in the range, and the range still allocated."""
        return self.live and offset >= 0 and offset + size <= self.size

    @abstractmethod
    def _copy_to_device(self, offset: int, size: int) -> None: ...

    @abstractmethod
    def _copy_from_device(self, offset: int, size: int) -> None: ...

    def _check(self, offset: int, size: int) -> None:
        if not self.holds(offset, size):
            why = (
                "it was freed, or lost when an xclbin was loaded"
                if not self.live
                else "it is a copy, the result of arithmetic, or a view that is not contiguous"
            )
            raise DeviceError(self.bank, "an array that is no buffer here", why, "sync the buffer that was allocated, or a slice of it")


class Bank(ABC):
    """One memory of a device. Buffers come from one thread and may be dropped in another."""

    tag: str
    size: int

    @abstractmethod
    def allocate(self, size: int) -> Allocation:
        """Reserve a range, filled with zeros; DeviceError when there is none."""

    @abstractmethod
    def free(self, allocation: Allocation) -> None:
        """Give a range back; a second time, nothing happens."""

    @abstractmethod
    def allocated(self) -> Sequence[Allocation]:
        """What is allocated now."""


class EmulatedAllocation(Allocation):
    """Both kinds of bytes in the memory of this process."""

    def __init__(self, *, bank: str, address: int, size: int) -> None:
        super().__init__(bank=bank, address=address, host=np.zeros(size, np.uint8))
        self.device = np.zeros(size, np.uint8)

    def _copy_to_device(self, offset: int, size: int) -> None:
        self.device[offset : offset + size] = self.host[offset : offset + size]

    def _copy_from_device(self, offset: int, size: int) -> None:
        self.host[offset : offset + size] = self.device[offset : offset + size]


class Memory(Bank):
    """A bank of the emulated device."""

    def __init__(self, *, tag: str, base: int, size: int) -> None:
        self.tag, self.base, self.size = tag, base, size
        self._allocations: list[EmulatedAllocation] = []  # by address
        # Reentrant, because a garbage collection inside `allocate` may free a buffer.
        self._lock = threading.RLock()

    def allocate(self, size: int) -> EmulatedAllocation:
        """Reserve the lowest free range."""
        with self._lock:
            address = self._free_address(size)
            if address is None:
                used = sum(allocation.size for allocation in self._allocations)
                why = f"the bank has {self.size} bytes, {used} of them in {len(self._allocations)} buffers"
                raise DeviceError(self.tag, f"no room for {size} bytes", why, "free buffers, or use smaller batches")
            try:
                allocation = EmulatedAllocation(bank=self.tag, address=address, size=size)
            except MemoryError:
                why = "this machine has less memory than the card"
                raise DeviceError(self.tag, f"no room for {size} bytes", why, "use smaller batches") from None
            bisect.insort(self._allocations, allocation, key=_address)
            return allocation

    def free(self, allocation: Allocation) -> None:
        with self._lock:
            if allocation.live:
                allocation.live = False
                self._allocations = [kept for kept in self._allocations if kept is not allocation]

    def allocated(self) -> Sequence[EmulatedAllocation]:
        with self._lock:
            return tuple(self._allocations)

    def clear(self) -> None:
        """Free everything."""
        with self._lock:
            for allocation in self.allocated():
                self.free(allocation)

    def view(self, address: int, size: int) -> NDArray[np.uint8] | None:
        """The device's bytes at a physical address, or None if they are not all inside one buffer."""
        with self._lock:
            index = bisect.bisect_right(self._allocations, address, key=_address)
            if index == 0:
                return None
            allocation = self._allocations[index - 1]
            offset = address - allocation.address
            return allocation.device[offset : offset + size] if allocation.holds(offset, size) else None

    def _free_address(self, size: int) -> int | None:
        address = self.base
        for allocation in self._allocations:
            if address + size <= allocation.address:
                return address
            address = -(-(allocation.address + allocation.size) // PAGE_BYTES) * PAGE_BYTES
        return address if address + size <= self.base + self.size else None


def _address(allocation: EmulatedAllocation) -> int:
    return allocation.address
