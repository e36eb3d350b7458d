"""The error of timing simulation and FIFO sizing."""

from __future__ import annotations

from codegen.errors import FourPartError


class TimingError(FourPartError[str], ValueError):
    """The timing simulation or the FIFO sizing cannot do what was asked."""
