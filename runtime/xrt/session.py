"""What a card has loaded, over XRT."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Mapping
from time import monotonic

from pynq.buffer import PynqBuffer

from runtime import forks
from runtime.container.manifest import Role
from runtime.container.xclbin import Unit, Xclbin
from runtime.device.registers import Registers
from runtime.errors import DeviceError
from runtime.xrt import library as xrt
from runtime.xrt.cards import Card
from runtime.xrt.library import Library
from runtime.xrt.memory import XrtBank
from runtime.xrt.run import XrtRun

LAST_SECONDS = 2.0  # that a closing device waits for the runs that were not waited for


class XrtSession:
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
            self._registers = {unit.name: Registers(unit, lambda: None) for unit in xclbin.units} if noop else {}
        except BaseException:
            self.device.close()
            raise

    def after_fork(self) -> None:
        """The runs are the parent's."""
        self._lock = threading.Lock()
        self._runs = []

    def _banks(self) -> list[XrtBank]:
        """The banks the kernel reaches. XRT numbers them in its own way (GROUP_TOPOLOGY), and gives the number for an argument."""
        sizes = {bank.tag: bank.size_kb * 1024 for bank in self.xclbin.banks}
        pointers = self.xclbin.manifest.pointers
        banks: dict[str, XrtBank] = {}
        for unit in self.xclbin.units:
            for role, tag in unit.banks.items():
                if tag not in banks:
                    argument = pointers[role].id
                    group = self.library.call("xrtKernelArgGroupId", self.kernels[unit.name].value, argument)
                    if group < 0:
                        why = "the xclbin does not tell XRT which memory the argument is in"
                        raise DeviceError(f"{unit.name} argument {argument}", "no memory group", why, "link the xclbin again")
                    banks[tag] = XrtBank(self.library, self.device, tag, sizes[tag], group)
        return list(banks.values())

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

    def start(self, unit: Unit, buffers: Mapping[Role, PynqBuffer], frames: int) -> XrtRun:
        library, arguments = self.library, self.xclbin.manifest.by_role
        handles = {role: buffer.bo.part(buffer.offset, buffer.nbytes) for role, buffer in buffers.items()}
        run = library.open_run(self.kernels[unit.name])
        for role, handle in handles.items():
            i = arguments[role].id
            result = library.call("xrtRunSetArg", run.value, i, handle.value)
            library.check(result, unit.name, f"argument {i} refused", "see XRT's message above")
        result = library.call("xrtRunSetArg", run.value, arguments[Role.FRAMES].id, ctypes.c_uint32(frames))
        library.check(result, unit.name, "frames refused", "see XRT's message above")
        library.check(library.call("xrtRunStart", run.value), unit.name, "cannot be started", "see XRT's message above")
        if unit.name in self._registers:
            values = [(arguments[role], int(buffer.device_address)) for role, buffer in buffers.items()]
            self._registers[unit.name].call([*values, (arguments[Role.FRAMES], frames)])
        started = XrtRun(library, run, list(handles.values()), unit.name)
        # A run without any other reference must not lose its buffers while the card writes to them.
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
