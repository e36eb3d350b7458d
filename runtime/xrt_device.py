"""Cards under PYNQ 4, which finds none itself any more: a PYNQ device over XRT.

XRT schedules the runs, maps the buffers and moves the bytes. What is here keeps each of its objects for as long as it is needed,
and asks of an xclbin, before XRT sees it, what XRT would only answer with a number.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Sequence
from time import monotonic

from pynq.buffer import PynqBuffer

from runtime import cards, forks, xrt
from runtime.base_device import BaseDevice, Loaded
from runtime.cards import Card
from runtime.errors import DeviceError
from runtime.manifest import Target
from runtime.registers import Registers
from runtime.xclbin import Unit, Xclbin
from runtime.xrt import Library
from runtime.xrt_memory import XrtBank, XrtRun

LAST_SECONDS = 2.0  # that a closing device waits for the runs nobody waited for


class XrtDevice(BaseDevice):
    """A card, or XRT's emulation of one. The card is opened when something is loaded; `close` gives it back."""

    _probe_priority_ = 250  # after PYNQ's own, before the emulated device

    @classmethod
    def _probe_(cls) -> list[XrtDevice]:
        """The cards, or the one the environment chooses; none where XRT cannot be used."""
        chosen = cards.chosen()
        if chosen == cards.EMULATION:
            return []
        found = cards.cards() if chosen is None else (cards.find(chosen, f"{cards.VARIABLE}="),)
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
        super().__init__(f"xrt{card.index}")
        self.card = card

    @property
    def name(self) -> str:
        return self.card.shell or str(self.tag)

    @property
    def bdf(self) -> str | None:
        return self.card.bdf

    def check(self, xclbin: Xclbin) -> None:
        manifest = xclbin.manifest
        if not xrt.mode() and manifest.target is not Target.HW:
            fix = "build one for the card, or open it with device='emulation' (pynq: RESFLOW_DEVICE=emulation)"
            raise DeviceError(xclbin.path, "built for emulation", f"{self.card.shell or 'the card'} runs bitstreams", fix)
        if not self.card.takes(manifest.platform):
            fix = "flash the card with that shell, or link the xclbin for the card's platform"
            raise DeviceError(xclbin.path, f"built for {manifest.platform}", f"the card at {self.card.bdf} is {self.card.shell}", fix)
        if xclbin.axlf.version[0] != xrt.MAJOR:
            written = ".".join(map(str, xclbin.axlf.version))
            why, fix = f"this runtime works with XRT {xrt.MAJOR}", "link it again with the Vitis of the XRT installed here"
            raise DeviceError(xclbin.path, f"made for XRT {written}", why, fix)

    @property
    def _loaded(self) -> Loaded:
        if isinstance(self._now, Session):
            self._now.library.check_process(self.tag)
        return super()._loaded

    def load(self, xclbin: Xclbin) -> Session:
        return Session(xrt.load(), self.card, xclbin)


class Session:
    """An xclbin on an opened card: its compute units, its banks, and the runs that have not ended."""

    def __init__(self, library: Library, card: Card, xclbin: Xclbin) -> None:
        self.library, self.xclbin = library, xclbin
        self._lock = threading.Lock()
        self._runs: list[XrtRun] = []
        forks.register(self)
        self.device = library.open_device(card.bdf)
        try:
            library.load(self.device, xclbin.axlf.data, xclbin.path)
            kernel = xclbin.manifest.kernel
            self.kernels = {unit.name: library.open_kernel(self.device, f"{kernel}:{{{unit.name}}}") for unit in xclbin.units}
            self.memories = {bank.tag: bank for bank in self._banks()}
            # There are no registers behind noop, which completes every run at once: they read what the host has written.
            noop = xrt.mode() == "noop"
            self._registers = {unit.name: Registers(unit.name, lambda: None) for unit in xclbin.units} if noop else {}
        except BaseException:
            self.device.close()
            raise

    def after_fork(self) -> None:
        """The runs are the parent's."""
        self._lock = threading.Lock()
        self._runs = []

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
                    found[tag] = XrtBank(self.library, self.device, tag, sizes[tag], group)
        return list(found.values())

    def read(self, unit: Unit, offset: int, size: int) -> bytes:
        if unit.name in self._registers:
            return self._registers[unit.name].read(offset, size)
        words = bytearray()
        for at in range(offset, offset + size, 4):
            word = ctypes.c_uint32()
            self._check(self.library.call("xrtKernelReadRegister", self.kernels[unit.name].value, at, ctypes.byref(word)), unit, at)
            words += word.value.to_bytes(4, "little")
        return bytes(words[:size])

    def write(self, unit: Unit, offset: int, value: bytes) -> None:
        if unit.name in self._registers:
            self._registers[unit.name].write(offset, value)
            return
        for i in range(0, len(value), 4):
            word = int.from_bytes(value[i : i + 4], "little")
            result = self.library.call("xrtKernelWriteRegister", self.kernels[unit.name].value, offset + i, word)
            self._check(result, unit, offset + i)

    def _check(self, result: int, unit: Unit, offset: int) -> None:
        fix = "use call and start; XRT's emulation has no registers, and a card needs Runtime.rw_shared"
        self.library.check(result, f"{unit.name} register {offset:#x}", "cannot be reached", fix)

    def start(self, unit: Unit, buffers: Sequence[PynqBuffer], frames: int) -> XrtRun:
        library = self.library
        handles = [buffer.bo.part(buffer.offset, buffer.nbytes) for buffer in buffers]
        run = library.open_run(self.kernels[unit.name])
        for i, handle in enumerate(handles):
            library.check(
                library.call("xrtRunSetArg", run.value, i, handle.value), unit.name, f"argument {i} refused", "see XRT's message above"
            )
        result = library.call("xrtRunSetArg", run.value, len(handles), ctypes.c_uint32(frames))
        library.check(result, unit.name, "frames refused", "see XRT's message above")
        library.check(library.call("xrtRunStart", run.value), unit.name, "cannot be started", "see XRT's message above")
        if unit.name in self._registers:
            values = [*(int(buffer.device_address) for buffer in buffers), frames]
            self._registers[unit.name].call(self.xclbin.manifest.arguments, values)
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
        for bank in self.memories.values():
            bank.close()
        for kernel in self.kernels.values():
            kernel.close()
        # The buffers' bytes are mapped from the card: it is closed with the last array on them.
        del self.device
