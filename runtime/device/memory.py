"""Memory banks and the buffers in them: what those of all devices have in common."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from runtime import forks
from runtime.errors import DeviceError

PAGE_BYTES = 4096  # buffers start at multiples of it, as XRT's do

FREED = "it was freed"
LOST = "it was lost when an xclbin was loaded onto the device since, or the device closed"
NO_BUFFER = "it is a copy, the result of arithmetic, or a view that is not contiguous"


class Allocation(ABC):
    """A range of a bank: the bytes the kernel sees, and the bytes the host sees until it syncs."""

    def __init__(self, *, bank: Bank, address: int, host: NDArray[np.uint8]) -> None:
        self.bank, self.address, self.host = bank, address, host
        self.size = len(host)
        self.gone: str | None = None  # why it is not allocated any more

    @property
    def live(self) -> bool:
        return self.gone is None

    def to_device(self, offset: int, size: int) -> None:
        self.check(offset, size)
        self._copy_to_device(offset, size)

    def from_device(self, offset: int, size: int) -> None:
        self.check(offset, size)
        self._copy_from_device(offset, size)

    def holds(self, offset: int, size: int) -> bool:
        """Whether these bytes are in the range."""
        return offset >= 0 and offset + size <= self.size

    def check(self, offset: int, size: int) -> None:
        """DeviceError if these bytes are not in the range, or it is not allocated any more."""
        if self.gone is not None:
            raise DeviceError(self.bank.tag, "a buffer that is no longer there", self.gone, "allocate it again")
        if not self.holds(offset, size):
            fix = "use the buffer that was allocated, or a slice of it"
            raise DeviceError(self.bank.tag, "an array that is no buffer", NO_BUFFER, fix)

    @abstractmethod
    def _copy_to_device(self, offset: int, size: int) -> None: ...

    @abstractmethod
    def _copy_from_device(self, offset: int, size: int) -> None: ...


class Bank(ABC):
    """One memory of a device, from when an xclbin is loaded to when the next one is. Buffers come from one thread and may be
    dropped in another."""

    def __init__(self, tag: str, size: int) -> None:
        self.tag, self.size = tag, size
        self._open = True
        # Reentrant, because a garbage collection inside `allocate` may free a buffer.
        self._lock = threading.RLock()
        forks.register(self)

    def allocate(self, size: int) -> Allocation:
        """Reserve a range, filled with zeros; DeviceError when there is none."""
        with self._lock:
            if not self._open:
                why, fix = (
                    "an xclbin was loaded onto the device since, or the device closed",
                    "take overlay.<bank> again, and allocate there",
                )
                raise DeviceError(self.tag, "a bank that is no longer there", why, fix)
            return self._allocate(size)

    def free(self, allocation: Allocation, why: str = FREED) -> None:
        """Give a range of this bank back; a second time, nothing happens."""
        with self._lock:
            if allocation.live:
                allocation.gone = why
                self._drop(allocation)

    def close(self, why: str = LOST) -> None:
        """Free everything; nothing can be allocated any more."""
        with self._lock:
            self._open = False
            for allocation in self.allocated():
                self.free(allocation, why)

    def after_fork(self) -> None:
        self._lock = threading.RLock()

    @abstractmethod
    def _allocate(self, size: int) -> Allocation: ...

    @abstractmethod
    def _drop(self, allocation: Allocation) -> None: ...

    @abstractmethod
    def allocated(self) -> Sequence[Allocation]:
        """What is allocated now."""
