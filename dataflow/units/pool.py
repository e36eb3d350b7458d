"""Pools: the maximum under a window, the sum or maximum over all pixels."""

from __future__ import annotations

from functools import partial

from dataflow.cost import rtl
from dataflow.cost.formulas import CONTROL, logic
from dataflow.cost.resources import Resources
from dataflow.firings import BOTH, READ, Firings, loops, repeat
from dataflow.unit import Backend, Buffer, Place, Unit
from dataflow.units.window import window_rows
from network.operations import GlobalPool, Pool


def max_pool(place: Place, *, operation: Pool, lanes: int) -> Unit:
    """Maximum over the taps of each window, which arrive one after the other."""
    shape, window = operation.input, operation.window
    beats = shape.channels // lanes
    size, *rows = window_rows(shape, window)
    largest = Buffer(name="largest", words=beats, bits=lanes * operation.codes.bits)
    structure = partial(rtl.max_pool, lanes=lanes, bits=operation.codes.bits, taps=window.taps, beats=beats, storage=largest.storage)
    return Unit(
        implementation="max_pool",
        header="max_pool",
        **place._asdict(),
        title=f"max {window}, {shape} -> {operation.output}",
        parameters=((*size, ("kIn", shape.channels), ("kSimd", lanes), ("kPixels", 1), ("kTaps", 1)), *rows),
        formats=(("In", operation.codes),),
        buffers=(largest,),
        firings=loops(repeat(operation.output.pixels, repeat((window.taps - 1) * beats, READ), repeat(beats, BOTH))),
        formula=partial(_max_cost, lanes, operation.codes.bits, largest),
        latency={Backend.HLS: 2, Backend.RTL: 2},
        structure=structure,
    )


def _max_cost(lanes: int, bits: int, largest: Buffer, _: Backend) -> Resources:
    """A comparison and a choice per lane, and a pixel that is kept."""
    return CONTROL + largest.cost + logic(lanes * (-(-bits // 2) + bits), lanes * bits)


def accumulate_pool(place: Place, *, operation: GlobalPool, lanes: int) -> Unit:
    """Sum over all pixels of max(code - zero_point, 0)."""
    kept = _kept("sums", operation, lanes)
    structure = partial(
        rtl.accumulate_pool,
        lanes=lanes,
        pixels=operation.input.pixels,
        beats=kept.words,
        codes=operation.codes.bits,
        sums=operation.values.bits,
        storage=kept.storage,
    )
    return Unit(
        implementation="accumulate_pool",
        header="accumulate_pool",
        **place._asdict(),
        title=f"sum over {operation.input.pixels:,} pixels",
        parameters=_rows(operation, lanes),
        formats=(("In", operation.codes), ("Out", operation.values)),
        buffers=(kept,),
        firings=_firings(operation, kept.words),
        formula=partial(_sum_cost, operation, lanes, kept),
        latency={Backend.HLS: 4, Backend.RTL: 3},
        structure=structure,
    )


def global_max(place: Place, *, operation: GlobalPool, lanes: int) -> Unit:
    """Maximum over all pixels of max(code - zero_point, 0)."""
    kept = _kept("largest", operation, lanes)
    structure = partial(
        rtl.global_max,
        lanes=lanes,
        pixels=operation.input.pixels,
        beats=kept.words,
        codes=operation.codes.bits,
        values=operation.values.bits,
        zero=operation.zero_point,
        storage=kept.storage,
    )
    return Unit(
        implementation="global_max",
        header="global_max",
        **place._asdict(),
        title=f"max over {operation.input.pixels:,} pixels",
        parameters=_rows(operation, lanes),
        formats=(("In", operation.codes), ("Out", operation.values)),
        buffers=(kept,),
        firings=_firings(operation, kept.words),
        formula=partial(_largest_cost, operation, lanes, kept),
        latency={Backend.HLS: 3, Backend.RTL: 3},
        structure=structure,
    )


def _kept(name: str, operation: GlobalPool, lanes: int) -> Buffer:
    """A pixel's values."""
    return Buffer(name=name, words=operation.input.channels // lanes, bits=lanes * operation.values.bits)


def _rows(operation: GlobalPool, lanes: int) -> tuple[tuple[tuple[str, int], ...], ...]:
    """A negative zero point is in a row of its own, since a row has one type in C++."""
    size, zero = (("kPixels", operation.input.pixels), ("kIn", operation.input.channels), ("kSimd", lanes)), ("kZero", operation.zero_point)
    return (size, (zero,)) if operation.zero_point < 0 else ((*size, zero),)


def _firings(operation: GlobalPool, beats: int) -> Firings:
    return loops(repeat((operation.input.pixels - 1) * beats, READ), repeat(beats, BOTH))


def _sum_cost(operation: GlobalPool, lanes: int, sums: Buffer, _: Backend) -> Resources:
    """A subtraction and an addition per lane, and a pixel's sums that are kept."""
    bits = operation.values.bits
    return CONTROL + sums.cost + logic(lanes * (operation.codes.bits + 2 * bits), lanes * 3 * bits)


def _largest_cost(operation: GlobalPool, lanes: int, largest: Buffer, _: Backend) -> Resources:
    """A subtraction, a comparison and a choice per lane, and a pixel's values that are kept."""
    codes, bits = operation.codes.bits, operation.values.bits
    return CONTROL + largest.cost + logic(lanes * (codes + -(-bits // 2) + bits), lanes * 2 * bits)
