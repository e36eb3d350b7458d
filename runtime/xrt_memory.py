"""Buffers and runs as XRT has them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from runtime import xrt
from runtime.errors import DeviceError
from runtime.memory import PAGE_BYTES, Allocation, Bank
from runtime.run import Run
from runtime.xrt import Handle, Library

SLICE_SECONDS = 0.1  # XRT waits in C, where Ctrl-C is not seen: so no longer at a time


class XrtBank(Bank):
    """A memory of a card, as XRT allocates in it."""

    def __init__(self, library: Library, device: Handle, tag: str, size: int, group: int) -> None:
        self.tag, self.size = tag, size
        self._library, self._group = library, group
        self._device: Handle | None = device
        self._lock = threading.RLock()
        self._live: dict[int, XrtAllocation] = {}

    def allocate(self, size: int) -> XrtAllocation:
        if self._device is None:
            why = "another xclbin was loaded, or the card given back"
            raise DeviceError(self.tag, "a bank that is no longer there", why, "take the bank from the overlay that was loaded last")
        if size > self.size:
            why = f"the bank has {self.size} bytes"
            raise DeviceError(self.tag, f"no room for {size} bytes", why, "free buffers, or use smaller batches")
        # Whole pages, which is what a card gives in any case; XRT 2.13's emulation loses memory with less.
        whole = -(-size // PAGE_BYTES) * PAGE_BYTES
        handle = self._library.allocate(self._device, whole, self._group, self.tag)
        allocation = XrtAllocation(self._library, handle, self.tag, size)
        with self._lock:
            self._live[id(allocation)] = allocation
        return allocation

    def free(self, allocation: Allocation) -> None:
        """The buffer object goes when no array shows its bytes any more."""
        with self._lock:
            if self._live.pop(id(allocation), None) is not None:
                allocation.live = False

    def allocated(self) -> Sequence[XrtAllocation]:
        with self._lock:
            return tuple(self._live.values())

    def close(self) -> None:
        """Free everything; nothing can be allocated any more."""
        with self._lock:
            self._device = None
            for allocation in self.allocated():
                self.free(allocation)


class XrtAllocation(Allocation):
    """A buffer object of XRT, mapped. XRT moves the bytes when told to, and the host's are its own."""

    def __init__(self, library: Library, handle: Handle, bank: str, size: int) -> None:
        pointer = library.call("xrtBOMap", handle.value)
        if not pointer:
            raise library.error(bank, f"a buffer of {size} bytes cannot be mapped", "use smaller batches")
        host: NDArray[np.uint8] = np.asarray(_Mapped(handle, pointer, size))
        host[:] = 0
        super().__init__(bank=bank, address=library.call("xrtBOAddress", handle.value), host=host)
        self._library, self._handle = library, handle

    def part(self, offset: int, size: int) -> Handle:
        """What XRT takes as an argument for these bytes."""
        if offset == 0:
            return self._handle
        return self._library.part(self._handle, size, offset, self.bank)

    def _copy_to_device(self, offset: int, size: int) -> None:
        self._sync(xrt.TO_DEVICE, offset, size)

    def _copy_from_device(self, offset: int, size: int) -> None:
        self._sync(xrt.FROM_DEVICE, offset, size)

    def _sync(self, direction: int, offset: int, size: int) -> None:
        result = self._library.call("xrtBOSync", self._handle.value, direction, size, offset)
        self._library.check(result, self.bank, f"{size} bytes at {offset} cannot be synced", "see XRT's message above")


class _Mapped:
    """The bytes of a buffer object, for numpy: arrays hold this, and so the memory they show."""

    def __init__(self, handle: Handle, pointer: int, size: int) -> None:
        self.handle = handle
        self.__array_interface__ = {"version": 3, "data": (pointer, False), "shape": (size,), "typestr": "|u1"}


class XrtRun(Run):
    """A run that XRT has in its hands."""

    def __init__(self, library: Library, run: Handle, buffers: list[Handle], unit: str) -> None:
        self._library, self._run, self._buffers, self._unit = library, run, buffers, unit
        self._lock = threading.Lock()
        self._state = 0

    def wait(self, timeout: float | None = None) -> bool:
        deadline = None if timeout is None else monotonic() + timeout
        while not self.ended:
            left = SLICE_SECONDS if deadline is None else min(SLICE_SECONDS, deadline - monotonic())
            self._poll(left)
            if not self.ended and deadline is not None and monotonic() >= deadline:
                return False
        if self._state != xrt.COMPLETED:
            why = f"XRT reports the state {xrt.FAILED.get(self._state, self._state)}"
            raise DeviceError(self._unit, "the run failed", why, "reset the card with xbutil (xrt-smi) reset, and load the xclbin again")
        return True

    @property
    def ended(self) -> bool:
        return self._state == xrt.COMPLETED or self._state in xrt.FAILED

    def settle(self, seconds: float) -> None:
        """Wait for the end without asking how it was."""
        deadline = monotonic() + seconds
        while not self.ended and (left := deadline - monotonic()) > 0:
            self._poll(min(left, SLICE_SECONDS))

    def close(self) -> None:
        """XRT's side of it; a run that has not ended by now has failed."""
        with self._lock:
            if not self.ended:
                self._state = xrt.ABORT
            self._run.close()

    def _poll(self, seconds: float) -> None:
        with self._lock:
            if self.ended:
                return
            if seconds <= 0:
                self._state = self._library.call("xrtRunState", self._run.value)
            else:
                # In milliseconds, of which 0 would mean for ever.
                self._state = self._library.call("xrtRunWaitFor", self._run.value, max(1, round(seconds * 1000)))
