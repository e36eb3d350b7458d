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
    """With a step less its IP, or the two IPs, fell behind alone, frame after frame. With pipelines that freeze that proves nothing of the
    whole design."""
    OPEN = "open"
    """Neither: it was made deeper for what other IPs do."""


def need(alone: Bench, depths: Mapping[str, int], name: str, less: int) -> Need:
    """What these IPs alone show of a FIFO that gets this depth instead of its own beside the final depths."""
    shallower = {**depths, name: less}
    if alone.cannot_keep(shallower) or not alone.flows(shallower):
        return Need.PROVED
    if alone.keeps(shallower) is None or not alone.keeps_up(shallower):
        return Need.TRIED
    return Need.OPEN
