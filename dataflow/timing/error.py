"""The error of timing simulation and FIFO sizing."""

from __future__ import annotations


class TimingError(ValueError):
    """The timing simulation or the FIFO sizing cannot do what was asked."""

    def __init__(self, where: str, what: str, *, why: str, fix: str) -> None:
        super().__init__(f"{where}: {what}\n  why: {why}\n  fix: {fix}")
