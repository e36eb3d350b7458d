"""Cards under PYNQ 4, which finds none itself any more: a PYNQ device over XRT.

XRT schedules the runs, maps the buffers and moves the bytes. What is here keeps each of its objects for as long as it is needed,
and asks of an xclbin, before XRT sees it, what XRT would only answer with a number.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Sequence
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pynq.bitstream import Bitstream
from pynq.buffer import PynqBuffer
from pynq.pl_server.device import Device

from runtime import cards, xrt
from runtime.buffers import BufferTarget, the_only
from runtime.cards import Card
from runtime.driver import bind
from runtime.errors import DeviceError
from runtime.kernel import REGISTER_BYTES
from runtime.manifest import Target
from runtime.memory import PAGE_BYTES, Allocation, Bank
from runtime.metadata import Metadata
from runtime.run import Run
from runtime.xclbin import Unit, Xclbin
from runtime.xrt import Handle, Library

SLICE_SECONDS = 0.1  # XRT waits in C, where Ctrl-C is not seen: so no longer at a time
LAST_SECONDS = 2.0  # that a closing device waits for the runs nobody waited for


class XrtDevice(Device):  # type: ignore[misc]
    """A card, or XRT's emulation of one. The card is opened when something is loaded; `close` gives it back."""

    _probe_priority_ = 250  # after PYNQ's own, before the emulated device

    @classmethod
    def _probe_(cls) -> list[XrtDevice]:
        """The cards, or the one the environment chooses; none where XRT cannot be used."""
        chosen = cards.chosen()
        if chosen == cards.EMULATION:
            return []
        found = cards.cards() if chosen is None else (cards.find(chosen),)
        if not found:
            return []
        try:
            xrt.load()
        except DeviceError:
            if chosen is not None:
                raise
            return []
        return [cls(card) for card in found]

    def __init__(self, card: Card) -> None:
        super().__init__(tag=f"xrt{card.index}")
        self.capabilities = {"REGISTER_RW": True}
        self.card = card
        self._now: _Loaded | None = None

    @property
    def name(self) -> str:
        return self.card.shell or self.tag

    @property
    def xclbin(self) -> Xclbin:
        """What is loaded."""
        return self._loaded.xclbin

    @property
    def _loaded(self) -> _Loaded:
        if self._now is None:
            raise DeviceError(self.tag, "nothing is loaded", "the overlay was not downloaded", "load an xclbin with pynq.Overlay")
        return self._now

    def get_bitfile_metadata(self, bitfile_name: str) -> Metadata:
        """Read an xclbin, and check whether this card can take it; called by `pynq.Overlay`."""
        xclbin = Xclbin.read(bitfile_name)
        manifest = xclbin.manifest
        if not xrt.mode() and manifest.target is not Target.HW:
            fix = "build one for the card, or open it with device='emulation' (pynq: RESFLOW_DEVICE=emulation)"
            raise DeviceError(bitfile_name, "built for emulation", f"{self.card.shell or 'the card'} runs bitstreams", fix)
        if not self.card.takes(manifest.platform):
            fix = "flash the card with that shell, or link the xclbin for the card's platform"
            raise DeviceError(bitfile_name, f"built for {manifest.platform}", f"the card at {self.card.bdf} is {self.card.shell}", fix)
        if xclbin.axlf.version[0] != xrt.MAJOR:
            written = ".".join(map(str, xclbin.axlf.version))
            why, fix = f"this runtime works with XRT {xrt.MAJOR}", "link it again with the Vitis of the XRT installed here"
            raise DeviceError(bitfile_name, f"made for XRT {written}", why, fix)
        bind(manifest.vlnv)
        return Metadata(xclbin)

    def download(self, bitstream: Bitstream, parser: Metadata | None = None) -> None:
        """Load an xclbin onto the card; called by `pynq.Overlay`. Buffers and runs of what was loaded before end here."""
        metadata = parser or self.get_bitfile_metadata(bitstream.bitfile_name)
        library = xrt.load()
        self.close()
        self._now = _Loaded(library, self.card, metadata.xclbin)
        self.post_download(bitstream, metadata)

    def close(self) -> None:
        """Give the card back: others can load what they like. Buffers cannot be used any more, though their bytes can be read."""
        loaded, self._now = self._now, None
        if loaded is not None:
            loaded.close()

    def read_registers(self, address: int, length: int) -> bytes:
        loaded = self._loaded
        kernel, offset = self._at(address, length)
        words = bytearray()
        for at in range(offset, offset + length, 4):
            word = ctypes.c_uint32()
            self._registers(loaded.library.call("xrtKernelReadRegister", kernel.value, at, ctypes.byref(word)), at)
            words += word.value.to_bytes(4, "little")
        return bytes(words[:length])

    def write_registers(self, address: int, data: bytes) -> None:
        kernel, offset = self._at(address, len(data))
        for at in range(0, len(data), 4):
            word = int.from_bytes(data[at : at + 4], "little")
            self._registers(self._loaded.library.call("xrtKernelWriteRegister", kernel.value, offset + at, word), offset + at)

    def _registers(self, result: int, offset: int) -> None:
        fix = "use call and start; XRT's emulation has no registers, and a card needs Runtime.rw_shared"
        self._loaded.library.check(result, f"{self.tag} register {offset:#x}", "cannot be reached", fix)

    def _at(self, address: int, size: int) -> tuple[Handle, int]:
        units = self._loaded.xclbin.units
        for unit in units:
            offset = address - unit.base
            if 0 <= offset <= REGISTER_BYTES - size:
                return self._loaded.kernels[unit.name], offset
        why = f"the kernel has {REGISTER_BYTES} bytes of registers at {', '.join(f'{unit.base:#x}' for unit in units)}"
        raise DeviceError(self.tag, f"{size} bytes at {address:#x}", why, "correct the offset")

    def start(self, unit: Unit, buffers: Sequence[PynqBuffer], frames: int) -> Run:
        """Start a compute unit on checked arguments; called by the driver."""
        return self._loaded.start(unit, buffers, frames)

    def get_memory(self, description: dict[str, Any]) -> BufferTarget:
        """The bank behind `overlay.<bank>`; called by `pynq.Overlay`."""
        return self.bank(description["tag"])

    def bank(self, tag: str) -> BufferTarget:
        """A bank by its name in the manifest; DeviceError if no argument of the kernel reaches it."""
        banks = self._loaded.banks
        if tag not in banks:
            raise DeviceError(self.tag, tag, f"the kernel reaches {', '.join(banks)} only", "choose one of these")
        return BufferTarget(self, banks[tag])

    @property
    def default_memory(self) -> BufferTarget:
        """Where `pynq.allocate` puts a buffer when it is not told: the one bank the accelerator uses, if it is one."""
        return BufferTarget(self, the_only(self.tag, self._loaded.banks))

    # PYNQ's names for syncing.

    def flush(self, bo: Allocation, offset: int, _virtual_address: int, size: int) -> None:
        bo.to_device(offset, size)

    def invalidate(self, bo: Allocation, offset: int, _virtual_address: int, size: int) -> None:
        bo.from_device(offset, size)


class _Loaded:
    """An xclbin on an opened card: its compute units, its banks, and the runs that have not ended."""

    def __init__(self, library: Library, card: Card, xclbin: Xclbin) -> None:
        self.library, self.xclbin = library, xclbin
        self._lock = threading.Lock()
        self._runs: list[XrtRun] = []
        self.device = library.open_device(card.bdf)
        try:
            library.load(self.device, xclbin.axlf.data, xclbin.path)
            kernel = xclbin.manifest.kernel
            self.kernels = {unit.name: library.open_kernel(self.device, f"{kernel}:{{{unit.name}}}") for unit in xclbin.units}
            self.banks = {bank.tag: bank for bank in self._banks()}
        except BaseException:
            self.device.close()
            raise

    def _banks(self) -> list[XrtBank]:
        """The banks the kernel reaches. XRT numbers them in its own way (GROUP_TOPOLOGY), and tells the number for an argument."""
        sizes = {bank.tag: bank.size_kb * 1024 for bank in self.xclbin.banks}
        found: dict[str, XrtBank] = {}
        for unit in self.xclbin.units:
            for argument, tag in enumerate(unit.banks):
                if tag is not None and tag not in found:
                    group = self.library.call("xrtKernelArgGroupId", self.kernels[unit.name].value, argument)
                    if group < 0:
                        why = "the xclbin does not tell XRT where the argument lies"
                        raise DeviceError(f"{unit.name} argument {argument}", "no memory group", why, "link the xclbin again")
                    found[tag] = XrtBank(self, tag, sizes[tag], group)
        return list(found.values())

    def start(self, unit: Unit, buffers: Sequence[PynqBuffer], frames: int) -> XrtRun:
        library = self.library
        run = library.open_run(self.kernels[unit.name])
        handles = [buffer.bo.part(buffer.offset, buffer.nbytes) for buffer in buffers]
        for i, handle in enumerate(handles):
            library.check(
                library.call("xrtRunSetArg", run.value, i, handle.value), unit.name, f"argument {i} refused", "see XRT's message above"
            )
        result = library.call("xrtRunSetArg", run.value, len(handles), ctypes.c_uint32(frames))
        library.check(result, unit.name, "frames refused", "see XRT's message above")
        library.check(library.call("xrtRunStart", run.value), unit.name, "cannot be started", "see XRT's message above")
        started = XrtRun(library, run, handles, unit.name)
        # A run that nobody holds any more must not lose its buffers while the card writes to them.
        with self._lock:
            self._runs = [earlier for earlier in self._runs if not earlier.ended]
            self._runs.append(started)
        return started

    def close(self) -> None:
        deadline = monotonic() + LAST_SECONDS
        with self._lock:
            runs, self._runs = self._runs, []
        for run in runs:
            run.settle(deadline - monotonic())
            run.close()
        for bank in self.banks.values():
            bank.close()
        for kernel in self.kernels.values():
            kernel.close()
        # The buffers' bytes are mapped from the card: it is closed with the last array on them.
        del self.device


class XrtBank(Bank):
    """A memory of a card, as XRT allocates in it."""

    def __init__(self, loaded: _Loaded, tag: str, size: int, group: int) -> None:
        self.tag, self.size = tag, size
        self._library, self._group = loaded.library, group
        self._device: Handle | None = loaded.device
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

    def close(self) -> None:
        """Free everything; nothing can be allocated any more."""
        with self._lock:
            self._device = None
            for allocation in list(self._live.values()):
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
