"""One execution of a kernel, from `start` on: what can be waited for."""

from __future__ import annotations

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import Generator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout

from runtime.errors import DeviceError


class Run(ABC):
    """A started kernel. Drop it and the kernel runs on, and its buffers stay; `await` it in an event loop, which goes on meanwhile."""

    @abstractmethod
    def wait(self, timeout: float | None = None) -> bool:
        """Wait for its end, at most `timeout` seconds, and tell whether it came; DeviceError if the kernel failed."""

    @property
    def done(self) -> bool:
        """Whether it has ended; DeviceError if the kernel failed."""
        return self.wait(0)

    async def wait_async(self) -> None:
        """The same as `await` on the run, under PYNQ's name."""
        await self

    def __await__(self) -> Generator[None, None, bool]:
        return asyncio.get_running_loop().run_in_executor(None, self.wait).__await__()


class EmulatedRun(Run):
    """A run that another thread of this process works on."""

    def __init__(self, future: Future[None], unit: str) -> None:
        self._future, self._unit = future, unit
        self._process = os.getpid()

    def wait(self, timeout: float | None = None) -> bool:
        if self._process != os.getpid():
            # Not even asked whether it has ended: another thread may have had it locked when the process was forked.
            why = "it belongs to the parent of this forked process, and its thread is there"
            raise DeviceError(self._unit, "a run of another process", why, "wait before the process is forked, or start a run in the child")
        if timeout == 0 and not self._future.done():
            return False
        try:
            self._future.result(timeout)
        except FutureTimeout:
            return False
        return True
