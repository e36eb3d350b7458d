"""What is known of each FIFO about one step less: why it is as deep as it is."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from dataflow.timing.trial import Bench


class Need(Enum):
    """What shows that a FIFO has to be as deep as it is."""

    PROVED = "proved"
    """With a step less the whole design misses the interval or can deadlock, however deep all FIFOs elsewhere are: its IP, or for a link
    its two IPs, alone cannot keep the interval (`Bench.cannot_keep`) or deadlock with single-stage pipelines."""
    TRIED = "tried"
    """With a step less frames fell behind, or nothing moved any more, where it was sized: in its IP alone; in all IPs up to that one, with
    room for two frames between them, where it would wait for its input; for a link in its two IPs alone, or in the whole design. With
    pipelines that freeze it does not follow that the finished design falls behind, too."""


def need(alone: Bench, depths: Mapping[str, int], name: str, less: int) -> Need:
    """What these IPs alone show of a FIFO that gets this depth beside the final ones; it was tried where it was sized."""
    shallower = {**depths, name: less}
    return Need.PROVED if alone.cannot_keep(shallower) or not alone.flows(shallower) else Need.TRIED
