"""Joins: the two branches of a block become one stream."""

from __future__ import annotations

from functools import partial

from dataflow.cost import rtl
from dataflow.cost.formulas import CONTROL, logic
from dataflow.cost.resources import Resources
from dataflow.firings import READ, READ_SECOND, WRITE, loops, repeat
from dataflow.unit import Backend, Place, Unit
from network.operations import Join


def join(place: Place, *, operation: Join, lanes: int) -> Unit:
    """main + bypass - zero_point, clipped."""
    beats = operation.shape.size // lanes
    structure = rtl.join(lanes=lanes, bits=operation.codes.bits, zero=operation.zero_point)
    return Unit(
        implementation="join",
        header="join",
        **place._asdict(),
        title=f"{beats:,} beats of either branch",
        parameters=((("kBeats", beats), ("kLanes", lanes), ("kZero", operation.zero_point)),),
        formats=(("Code", operation.codes),),
        firings=loops(repeat(beats, READ | READ_SECOND | WRITE)),
        formula=partial(_cost, lanes, operation.codes.bits),
        latency={Backend.HLS: 2, Backend.RTL: 2},
        structure=structure,
    )


def _cost(lanes: int, bits: int, _: Backend) -> Resources:
    """Two additions and a clamp per lane."""
    return CONTROL + logic(lanes * (2 * (bits + 2) + bits), lanes * 4 * bits)
