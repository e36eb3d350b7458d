"""One build of a network at a time: a second one waits, and says for which process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from filelock import FileLock, Timeout

_held: list[FileLock] = []


def hold(folder: Path) -> None:
    """Lock `folder` until this process ends; the operating system releases the lock even when it is killed."""
    folder.mkdir(parents=True, exist_ok=True)
    owner = folder / ".owner"
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        process = owner.read_text(encoding="utf-8").strip() if owner.exists() else "unknown"
        print(f"waiting: process {process} is building in {folder}", file=sys.stderr, flush=True)
        lock.acquire()
    owner.write_text(f"{os.getpid()}\n", encoding="utf-8")
    _held.append(lock)
