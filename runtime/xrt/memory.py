"""The memory of a card: banks and buffers, as XRT has them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from runtime.device.memory import LOST, PAGE_BYTES, Allocation, Bank
from runtime.errors import DeviceError
from runtime.xrt import library as xrt
from runtime.xrt.library import Handle, Library

INHERITED = "it is the parent's of this forked process, which alone reaches the card"


class XrtBank(Bank):
    """A memory of a card, as XRT allocates in it."""

    def __init__(self, library: Library, device: Handle, tag: str, size: int, group: int) -> None:
        super().__init__(tag, size)
        self._library, self._group = library, group
        self._device: Handle | None = device
        self._live: dict[int, XrtAllocation] = {}

    def close(self, why: str = LOST) -> None:
        super().close(why)
        self._device = None

    def after_fork(self) -> None:
        super().after_fork()
        self.close(INHERITED)

    def _allocate(self, size: int) -> XrtAllocation:
        if size > self.size:
            why = f"the bank has {self.size} bytes"
            raise DeviceError(self.tag, f"no room for {size} bytes", why, "free buffers, or use smaller batches")
        assert self._device is not None
        # Whole pages, which is what a card gives in any case; XRT 2.13's emulation loses memory with less.
        rounded = -(-size // PAGE_BYTES) * PAGE_BYTES
        allocation = XrtAllocation(self._library, self._library.allocate(self._device, rounded, self._group, self.tag), self, size)
        self._live[id(allocation)] = allocation
        return allocation

    def _drop(self, allocation: Allocation) -> None:
        """The buffer object goes when no array shows its bytes any more."""
        self._live.pop(id(allocation), None)

    def allocated(self) -> Sequence[XrtAllocation]:
        return tuple(self._live.values())


class XrtAllocation(Allocation):
    """A buffer object of XRT, mapped. The host's bytes are its own; XRT copies them only when asked to."""

    def __init__(self, library: Library, handle: Handle, bank: XrtBank, size: int) -> None:
        pointer = library.call("xrtBOMap", handle.value)
        if not pointer:
            raise library.error(bank.tag, f"a buffer of {size} bytes cannot be mapped", "use smaller batches")
        host: NDArray[np.uint8] = np.asarray(_Mapped(handle, pointer, size))
        host[:] = 0
        super().__init__(bank=bank, address=library.call("xrtBOAddress", handle.value), host=host)
        self._library, self._handle = library, handle

    def part(self, offset: int, size: int) -> Handle:
        """What XRT takes as an argument for these bytes; DeviceError if they are no buffer's any more."""
        self.check(offset, size)
        if offset == 0:
            return self._handle
        return self._library.part(self._handle, size, offset, self.bank.tag)

    def _copy_to_device(self, offset: int, size: int) -> None:
        self._sync(xrt.TO_DEVICE, offset, size)

    def _copy_from_device(self, offset: int, size: int) -> None:
        self._sync(xrt.FROM_DEVICE, offset, size)

    def _sync(self, direction: int, offset: int, size: int) -> None:
        result = self._library.call("xrtBOSync", self._handle.value, direction, size, offset)
        self._library.check(result, self.bank.tag, f"{size} bytes at {offset} cannot be synced", "see XRT's message above")


class _Mapped:
    """The bytes of a buffer object, for numpy: arrays hold this, and so the memory they show."""

    def __init__(self, handle: Handle, pointer: int, size: int) -> None:
        self.handle = handle
        self.__array_interface__ = {"version": 3, "data": (pointer, False), "shape": (size,), "typestr": "|u1"}
