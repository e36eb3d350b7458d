"""A run of a kernel on a card, as XRT has it."""

from __future__ import annotations

import threading
from time import monotonic

from runtime.device.run import Run
from runtime.errors import DeviceError
from runtime.xrt import library as xrt
from runtime.xrt.library import Handle, Library

SLICE_SECONDS = 0.1  # XRT waits in C, where Ctrl-C is not seen: so no longer at a time


class XrtRun(Run):
    """A run that XRT has in its hands."""

    def __init__(self, library: Library, run: Handle, buffers: list[Handle], unit: str) -> None:
        self._library, self._run, self._buffers, self._unit = library, run, buffers, unit
        self._lock = threading.Lock()
        self._state = 0
        self._unloaded = False

    def wait(self, timeout: float | None = None) -> bool:
        deadline = None if timeout is None else monotonic() + timeout
        if not self.ended:
            self._library.check_process(self._unit)  # before anything is locked that another thread of the parent may have locked
        while not self.ended:
            left = SLICE_SECONDS if deadline is None else min(SLICE_SECONDS, deadline - monotonic())
            self._poll(left)
            if not self.ended and deadline is not None and monotonic() >= deadline:
                return False
        if self._unloaded:
            why = "an xclbin was loaded onto the device before it had ended, or the device closed"
            raise DeviceError(self._unit, "the run was given up", why, "wait for runs before you load or close")
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
                self._state, self._unloaded = xrt.ABORT, True
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
