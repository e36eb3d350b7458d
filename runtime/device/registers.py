"""The register file of a compute unit that is emulated: CTRL, and arguments that hold what was written to them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from runtime import forks
from runtime.container.axlf import Protocol
from runtime.container.manifest import Argument
from runtime.container.xclbin import Unit
from runtime.errors import DeviceError

REGISTER_BYTES = 0x1000  # of the CU
CTRL = 0x0
AP_START, AP_DONE, AP_IDLE, AP_READY, AP_CONTINUE, AUTO_RESTART = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 7


class Registers:
    """What a host reads and writes, from several threads; `run` is what AP_START does, and has ended when the write has."""

    def __init__(self, unit: Unit, run: Callable[[], None]) -> None:
        self._unit, self._run = unit, run
        # What reading CTRL clears. In a chain AP_DONE stays until AP_CONTINUE says that it was seen.
        self._read_once = AP_READY if unit.protocol is Protocol.AP_CTRL_CHAIN else AP_DONE | AP_READY
        self._bytes = bytearray(REGISTER_BYTES)
        self._bytes[CTRL] = AP_IDLE
        self._lock = threading.RLock()
        forks.register(self)

    def after_fork(self) -> None:
        self._lock = threading.RLock()

    def read(self, offset: int, size: int) -> bytes:
        """Read registers; reading CTRL clears its AP_READY and, by ap_ctrl_hs, its AP_DONE."""
        with self._lock:
            value = bytes(self._bytes[offset : offset + size])
            if offset == CTRL:
                self._bytes[CTRL] &= ~self._read_once
            return value

    def write(self, offset: int, value: bytes) -> None:
        """Write registers; AP_START in CTRL runs the kernel, AP_CONTINUE takes note of its end."""
        with self._lock:
            # CTRL is not memory; what follows it in the same write is.
            start = max(offset, CTRL + 4)
            self._bytes[start : offset + len(value)] = value[start - offset :]
            if offset != CTRL:
                return
            if value[0] & AUTO_RESTART:
                what, why = "CTRL = AUTO_RESTART", "the emulated kernel runs once per start"
                raise DeviceError(self._unit.name, what, why, "write AP_START for every batch")
            if value[0] & AP_CONTINUE and self._unit.protocol is Protocol.AP_CTRL_CHAIN:
                self._bytes[CTRL] &= ~AP_DONE
            if value[0] & AP_START:
                self._run()
                self._bytes[CTRL] = AP_DONE | AP_IDLE | AP_READY

    def call(self, values: Iterable[tuple[Argument, int]]) -> None:
        """Write the arguments and start, as one step to other threads."""
        with self._lock:
            for argument, value in values:
                self.write(argument.offset, value.to_bytes(argument.size_bytes, "little"))
            self.write(CTRL, bytes([AP_START | AP_CONTINUE, 0, 0, 0]))

    def value(self, argument: Argument) -> int:
        """What an argument was last written to."""
        return int.from_bytes(self._bytes[argument.offset : argument.offset + argument.size_bytes], "little")
