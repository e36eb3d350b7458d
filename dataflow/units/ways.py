"""The units that build an activation, by the way that is chosen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from dataflow.unit import Unit
from dataflow.units.activation import clip, search, table, threshold
from dataflow.units.scale import scale
from network.layers import Way
from network.operations import Activation

if TYPE_CHECKING:
    from constants.scaling import Scaling


def implementation(way: Way | Scaling) -> Callable[..., Unit]:
    """That of a way; of convolutions that are `fused` there is none, since an MVAU is that."""
    if not isinstance(way, Way):
        return partial(scale, scaling=way)
    return {Way.COMPARE: threshold, Way.SEARCH: search, Way.TABLE: table, Way.CLIP: clip}[way]


TABLE_WORDS = 1024
"""Most words of a table where another way would do: half a block RAM for codes of up to 18 bits, or 16 LUTs for each of their bits."""


def usual(activation: Activation, rows: int) -> Way:
    """How an activation is built of which the description says nothing, with so many rows of constants: a table where values are narrow,
    comparators where there are few thresholds, else a binary search."""
    if activation.values.bits <= 8 and rows << activation.values.bits <= TABLE_WORDS:
        return Way.TABLE
    return Way.COMPARE if activation.codes.thresholds <= 3 else Way.SEARCH
