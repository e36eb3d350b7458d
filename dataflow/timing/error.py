"""What the timing simulation and the FIFO sizing say when they cannot do what was asked."""

from __future__ import annotations

from codegen.errors import FourPartError


class TimingError(FourPartError[str], ValueError):
    """What was asked of the timing simulation or the FIFO sizing cannot be had."""
