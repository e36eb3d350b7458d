"""What a forked child has to make anew.

Linux's multiprocessing and the data loaders built on it fork. The child has a copy of all memory, but of the threads only the one that
forked: what waits for another would wait for ever, and what another had locked at that moment stays locked.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forked(Protocol):
    """Something with threads, locks or handles of its own."""

    def after_fork(self) -> None:
        """In a child, before anything else runs there: let go of what is the parent's. Must not wait, nor fail."""


_all: weakref.WeakSet[Forked] = weakref.WeakSet()


def register(thing: Forked) -> None:
    """Have its `after_fork` called in every child forked from now on, for as long as it lives."""
    _all.add(thing)


def _after_fork() -> None:
    for thing in list(_all):
        thing.after_fork()


os.register_at_fork(after_in_child=_after_fork)
