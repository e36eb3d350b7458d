"""What the timing simulation and the FIFO sizing say when they cannot do what was asked."""

from __future__ import annotations


class TimingError(ValueError):
    """What was asked of the timing simulation or the FIFO sizing cannot be had."""

    def __init__(self, where: str, what: str, *, why: str, fix: str) -> None:
        super().__init__(f"{where}: {what}\n  why: {why}\n  fix: {fix}")
