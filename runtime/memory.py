"""Memory banks of the emulated device. Bytes exist only where a buffer is, apart from the bytes the host sees."""

from __future__ import annotations

import bisect
import threading
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from runtime.errors import DeviceError

PAGE_BYTES = 4096  # buffers start at multiples of it, as XRT's do


@dataclass(slots=True, eq=False, kw_only=True)
class Allocation:
    """A range of a bank: the bytes the kernel sees, and the bytes the host sees until it syncs."""

    bank: str
    address: int
    size: int
    device: NDArray[np.uint8] = field(repr=False)
    host: NDArray[np.uint8] = field(repr=False)
    live: bool = True

    def to_device(self, offset: int, size: int) -> None:
        self._check(offset, size)
        self.device[offset : offset + size] = self.host[offset : offset + size]

    def from_device(self, offset: int, size: int) -> None:
        self._check(offset, size)
        self.host[offset : offset + size] = self.device[offset : offset + size]

    def holds(self, offset: int, size: int) -> bool:
        """Whether these bytes are in the range, and the range still allocated."""
        return self.live and offset >= 0 and offset + size <= self.size

    def _check(self, offset: int, size: int) -> None:
        if not self.holds(offset, size):
            why = (
                "it was freed, or lost when an xclbin was loaded"
                if not self.live
                else "it is a copy, the result of arithmetic, or a view that is not contiguous"
            )
            raise DeviceError(self.bank, "an array that is no buffer here", why, "sync the buffer that was allocated, or a slice of it")


class Memory:
    """One bank. Buffers come from one thread and may be dropped in another."""

    def __init__(self, *, tag: str, base: int, size: int) -> None:
        self.tag, self.base, self.size = tag, base, size
        self._allocations: list[Allocation] = []  # by address
        # Reentrant, because a garbage collection inside `allocate` may free a buffer.
        self._lock = threading.RLock()

    def allocate(self, size: int) -> Allocation:
        """Reserve the lowest free range, filled with zeros; DeviceError when there is none."""
        if size < 1:
            raise DeviceError(self.tag, f"a buffer of {size} bytes", "a buffer has at least one byte", "allocate at least one element")
        with self._lock:
            address = self._free_address(size)
            if address is None:
                used = sum(allocation.size for allocation in self._allocations)
                why = f"the bank has {self.size} bytes, {used} of them in {len(self._allocations)} buffers"
                raise DeviceError(self.tag, f"no room for {size} bytes", why, "free buffers, or use smaller batches")
            try:
                device, host = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
            except MemoryError:
                why = "this machine has less memory than the card"
                raise DeviceError(self.tag, f"no room for {size} bytes", why, "use smaller batches") from None
            allocation = Allocation(bank=self.tag, address=address, size=size, device=device, host=host)
            bisect.insort(self._allocations, allocation, key=_address)
            return allocation

    def free(self, allocation: Allocation) -> None:
        with self._lock:
            if allocation.live:
                allocation.live = False
                self._allocations.remove(allocation)

    def clear(self) -> None:
        """Free everything."""
        with self._lock:
            for allocation in list(self._allocations):
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


def _address(allocation: Allocation) -> int:
    return allocation.address
