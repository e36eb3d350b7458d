"""The memory of this machine, shared by the jobs that run on it."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Memory:
    """Gigabytes of a machine, reserved by jobs: a job that does not fit waits until others have ended."""

    def __init__(self, gigabytes: float) -> None:
        self.gigabytes = self._free = gigabytes
        self._changed = threading.Condition()

    @contextmanager
    def reserved(self, gigabytes: float) -> Iterator[None]:
        """Reserve so much; a job that needs more than the machine has runs alone."""
        wanted = min(gigabytes, self.gigabytes)
        with self._changed:
            self._changed.wait_for(lambda: wanted <= self._free)
            self._free -= wanted
        try:
            yield
        finally:
            with self._changed:
                self._free += wanted
                self._changed.notify_all()


def machine_gb() -> float:
    """Gigabytes of this machine, or of the container this process is confined to; what other programs use is not subtracted."""
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, ValueError):  # no cgroup, or "max"
        size = min(size, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="utf-8")))
    return size / 2**30


memory = Memory(machine_gb())
