"""PYNQ's buffers in the banks of a device."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike
from pynq.buffer import PynqBuffer

from runtime.device.memory import Allocation, Bank
from runtime.errors import DeviceError

if TYPE_CHECKING:
    from runtime.device.base import BaseDevice


class Buffer(PynqBuffer):  # type: ignore[misc]
    """PYNQ's buffer, but one that has an address only as long as these bytes are its: otherwise they may be another's by now.

    Views are buffers, too; copies and the results of arithmetic are not, and have none.
    """

    def __array_finalize__(self, source: Any) -> None:
        # PYNQ would ask `source` for its address.
        self.bo: Allocation | None = getattr(source, "bo", None)
        self.device, self.coherent = getattr(source, "device", None), getattr(source, "coherent", None)
        self.offset: int = source.offset + self.virtual_address - source.virtual_address if isinstance(source, Buffer) else 0

    @property
    def device_address(self) -> int | None:
        """The physical address; DeviceError if there is none any more."""
        if self.bo is None:
            return None
        self.bo.check(self.offset, self.nbytes)
        return self.bo.address + self.offset

    @device_address.setter
    def device_address(self, address: int | None) -> None:
        """PYNQ sets it once, to the address of `bo`."""

    def __reduce__(self) -> Any:
        """Another process gets the bytes."""
        return np.asarray(self).__reduce__()


@dataclass(frozen=True, slots=True)
class BufferTarget:
    """What PYNQ allocates buffers in: one bank of one device, as it is whenever this xclbin is loaded.

    PYNQ keeps it for `overlay.<bank>`, also when the overlay is downloaded again, which makes the bank anew.
    """

    device: BaseDevice
    xclbin: str  # its digest
    tag: str

    @property
    def memory(self) -> Bank:
        """The bank now; DeviceError if another xclbin is loaded, or the kernel does not reach it."""
        memories = self.device.loaded(self.xclbin, self.tag).memories
        if self.tag not in memories:
            raise DeviceError(self.device.tag, self.tag, f"the kernel reaches {', '.join(memories)} only", "choose one of these")
        return memories[self.tag]

    def allocate(self, shape: int | Sequence[int], dtype: DTypeLike = "u4", *, cacheable: bool = True) -> PynqBuffer:  # noqa: ARG002
        """A buffer of zeros; its place in the bank is free again when it is garbage, or by `freebuffer`.

        `cacheable` is PYNQ's, for boards: what the host sees of a card's buffers is cached in any case, and has to be synced.
        """
        size = math.prod(np.ravel(shape).tolist()) * np.dtype(dtype).itemsize
        if size < 1:
            what, why = f"a buffer of {size} bytes", "a buffer has at least one byte"
            raise DeviceError(self.tag, what, why, "allocate at least one element")
        allocation = self.memory.allocate(size)
        buffer = Buffer(shape, dtype, device=self.device, bo=allocation, buffer=allocation.host)
        # Freed, PYNQ hands `pointer` to `return_to` once; without them, or freed again, it would unmap memory, as on a board.
        buffer.memory, buffer.pointer, buffer.return_to, buffer.freed = self, allocation, self, True
        return buffer

    @property
    def size(self) -> int:
        """Bytes of the bank."""
        return self.memory.size

    # Further attributes of PYNQ's banks of cards, under the same names.

    @property
    def base_address(self) -> int:
        """Physical address of its first byte."""
        banks = self.device.loaded(self.xclbin, self.tag).xclbin.banks
        return next(bank.base for bank in banks if bank.tag == self.tag)

    @property
    def num_buffers(self) -> int:
        return len(self.memory.allocated())

    @property
    def mem_used(self) -> int:
        """Bytes in buffers of this process."""
        return sum(allocation.size for allocation in self.memory.allocated())

    def return_pointer(self, allocation: Allocation) -> None:
        """Give a buffer back to the bank it came from, which may not be the one that is there now."""
        allocation.bank.free(allocation)
