"""A run of an emulated kernel."""

from __future__ import annotations

import os
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout

from runtime.device.run import Run
from runtime.errors import DeviceError


class EmulatedRun(Run):
    """A run that another thread of this process works on."""

    def __init__(self, future: Future[None], unit: str) -> None:
        self._future, self._unit = future, unit
        self._process = os.getpid()

    def wait(self, timeout: float | None = None) -> bool:
        if self._process != os.getpid():
            # Its state is not even read: another thread may have held its lock when the process was forked.
            why = "it belongs to the parent of this forked process, and its thread is there"
            raise DeviceError(self._unit, "a run of another process", why, "wait before the process is forked, or start a run in the child")
        if timeout == 0 and not self._future.done():
            return False
        try:
            self._future.result(timeout)
        except FutureTimeout:
            return False
        return True
