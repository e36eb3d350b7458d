"""The memory of the emulated device, where bytes exist only where a buffer is."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from runtime.device.memory import PAGE_BYTES, Allocation, Bank
from runtime.errors import DeviceError


class EmulatedAllocation(Allocation):
    """Both kinds of bytes in the memory of this process."""

    bank: EmulatedBank

    def __init__(self, *, bank: EmulatedBank, address: int, size: int) -> None:
        super().__init__(bank=bank, address=address, host=np.zeros(size, np.uint8))
        self.device = np.zeros(size, np.uint8)
        self.runs = 0  # that work on it

    def _copy_to_device(self, offset: int, size: int) -> None:
        self.device[offset : offset + size] = self.host[offset : offset + size]

    def _copy_from_device(self, offset: int, size: int) -> None:
        self.host[offset : offset + size] = self.device[offset : offset + size]


class EmulatedBank(Bank):
    """A bank of the emulated device."""

    def __init__(self, *, tag: str, base: int, size: int) -> None:
        super().__init__(tag, size)
        self.base = base
        # By address. A garbage collection may free a buffer at any moment: whatever is done with it here is one step, or on a copy.
        self._allocations: dict[int, EmulatedAllocation] = {}

    def hold(self, allocation: EmulatedAllocation, offset: int, size: int) -> None:
        """Keep a range for a run: freed meanwhile, it is no other buffer's before the run has ended. DeviceError if it is gone."""
        with self._lock:
            allocation.check(offset, size)
            allocation.runs += 1

    def release(self, allocation: EmulatedAllocation) -> None:
        """The run has ended."""
        with self._lock:
            allocation.runs -= 1
            if not allocation.live:
                self._drop(allocation)

    def allocated(self) -> Sequence[EmulatedAllocation]:
        return tuple(allocation for allocation in self._taken() if allocation.live)

    def view(self, address: int, size: int) -> NDArray[np.uint8] | None:
        """The device's bytes at a physical address, or None if they are not all inside one buffer."""
        with self._lock:
            starts = sorted(self._allocations)
            index = bisect.bisect_right(starts, address)
            allocation = self._allocations.get(starts[index - 1]) if index > 0 else None
            if allocation is None:
                return None
            offset = address - allocation.address
            return allocation.device[offset : offset + size] if allocation.holds(offset, size) else None

    def after_fork(self) -> None:
        super().after_fork()
        for allocation in self._taken():
            allocation.runs = 0  # they are in the parent
            if not allocation.live:
                self._drop(allocation)

    def _allocate(self, size: int) -> EmulatedAllocation:
        """The lowest free range."""
        address = self._free_address(size)
        if address is None:
            buffers = self._taken()
            used = sum(allocation.size for allocation in buffers)
            why = f"the bank has {self.size} bytes, {used} of them in {len(buffers)} buffers"
            raise DeviceError(self.tag, f"no room for {size} bytes", why, "free buffers, or use smaller batches")
        try:
            allocation = EmulatedAllocation(bank=self, address=address, size=size)
        except MemoryError:
            why = "this machine has less memory than the card"
            raise DeviceError(self.tag, f"no room for {size} bytes", why, "use smaller batches") from None
        self._allocations[address] = allocation
        return allocation

    def _drop(self, allocation: Allocation) -> None:
        assert isinstance(allocation, EmulatedAllocation)
        if allocation.runs == 0 and self._allocations.get(allocation.address) is allocation:
            del self._allocations[allocation.address]

    def _taken(self) -> Sequence[EmulatedAllocation]:
        """What has a range: what is allocated, and what was freed during a run."""
        return tuple(self._allocations.values())

    def _free_address(self, size: int) -> int | None:
        address = self.base
        for start, allocation in sorted(self._allocations.items()):
            if address + size <= start:
                return address
            address = -(-(start + allocation.size) // PAGE_BYTES) * PAGE_BYTES
        return address if address + size <= self.base + self.size else None
