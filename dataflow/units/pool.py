"""Pools: the maximum under a window, the sum over all pixels."""

from __future__ import annotations

from functools import partial

from dataflow.cost.formulas import CONTROL, logic
from dataflow.cost.resources import Resources
from dataflow.cost.storage import ram_cost
from dataflow.firings import BOTH, READ, loops, repeat
from dataflow.unit import Backend, Place, Unit
from dataflow.units.window import window_rows
from network.operations import Pool, SumPool


def max_pool(place: Place, *, operation: Pool, lanes: int) -> Unit:
    """Maximum over the taps of each window, which arrive one after the other."""
    shape, window = operation.input, operation.window
    beats = shape.channels // lanes
    size, *rows = window_rows(shape, window)
    return Unit(
        implementation="max_pool",
        header="max_pool",
        **place._asdict(),
        title=f"max {window}, {shape} -> {operation.output}",
        parameters=((*size, ("kIn", shape.channels), ("kSimd", lanes), ("kPixels", 1)), *rows),
        formats=(("In", operation.codes),),
        firings=loops(repeat(operation.output.pixels, repeat((window.taps - 1) * beats, READ), repeat(beats, BOTH))),
        cost=partial(_max_cost, lanes, shape.channels, operation.codes.bits),
        latency={Backend.HLS: 2},
    )


def _max_cost(lanes: int, channels: int, bits: int, _: Backend) -> Resources:
    """A comparison and a choice per lane, and a pixel in registers."""
    return CONTROL + logic(lanes * (-(-bits // 2) + bits), (lanes + channels) * bits)


def accumulate_pool(place: Place, *, operation: SumPool, lanes: int) -> Unit:
    """Sum over all pixels of max(code - zero_point, 0)."""
    shape = operation.input
    beats = shape.channels // lanes
    return Unit(
        implementation="accumulate_pool",
        header="accumulate_pool",
        **place._asdict(),
        title=f"sum over {shape.pixels:,} pixels",
        parameters=((("kPixels", shape.pixels), ("kIn", shape.channels), ("kSimd", lanes), ("kZero", operation.zero_point)),),
        formats=(("In", operation.codes), ("Out", operation.sums)),
        firings=loops(repeat((shape.pixels - 1) * beats, READ), repeat(beats, BOTH)),
        cost=partial(_sum_cost, operation, lanes),
        latency={Backend.HLS: 4},
    )


def _sum_cost(operation: SumPool, lanes: int, _: Backend) -> Resources:
    """A subtraction and an addition per lane; the sums are in four banks."""
    bits, beats = operation.sums.bits, operation.input.channels // lanes
    one = ram_cost(-(-beats // 4), bits)
    banks = Resources(lut=4 * lanes * one.lut, bram=4 * lanes * one.bram)
    return CONTROL + banks + logic(lanes * (operation.codes.bits + 2 * bits), lanes * 3 * bits)
