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
    from network.scaling import Scaling


def activation_unit(way: Way | Scaling) -> Callable[..., Unit]:
    """The implementation; of convolutions that are `fused` there is none, since an MVAU is that."""
    if not isinstance(way, Way):
        return partial(scale, scaling=way)
    return {Way.COMPARE: threshold, Way.SEARCH: search, Way.TABLE: table, Way.CLIP: clip}[way]


def usual(activation: Activation) -> Way:
    """How an activation is built of which the description says nothing: a table where its values are narrow, comparators where there are few
    thresholds, else a binary search."""
    if activation.values.bits <= activation.codes.bits + 2 <= 8:
        return Way.TABLE
    return Way.COMPARE if activation.codes.thresholds <= 3 else Way.SEARCH
