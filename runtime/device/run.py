"""One execution of a kernel, from `start` on: what can be waited for."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Generator


class Run(ABC):
    """A started kernel. Drop it and the kernel runs on, and its buffers stay; `await` it in an event loop, which goes on meanwhile."""

    @abstractmethod
    def wait(self, timeout: float | None = None) -> bool:
        """Wait for its end, at most `timeout` seconds, and return whether it came; DeviceError if the kernel failed."""

    @property
    def done(self) -> bool:
        """Whether it has ended; DeviceError if the kernel failed."""
        return self.wait(0)

    async def wait_async(self) -> None:
        """The same as `await` on the run, under PYNQ's name."""
        await self

    def __await__(self) -> Generator[None, None, bool]:
        return asyncio.get_running_loop().run_in_executor(None, self.wait).__await__()
