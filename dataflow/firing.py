"""What each process reads and writes in each of its firings: the loops of the HLS library, without the arithmetic.

Everything about time follows from these lists: cycles per frame, where a process waits, and what deadlocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch

from dataflow.design import Kind, Layer, Process
from dataflow.layers import Accumulate, Convert, Fork, Join, Labels, Pool, Threshold, TopK, Transfer, WeightRom
from dataflow.lower import fill_beats
from network.model import Conv, Dense, Shape, Window

Firing = tuple[tuple[bool, ...], tuple[bool, ...]]
"""Which of `Process.reads` and which of `Process.writes` take part in one firing."""

READ, WRITE, BOTH, NEITHER = (((r,), (w,)) for r, w in ((True, False), (False, True), (True, True), (False, False)))


def firings(process: Process) -> Iterator[Firing]:
    """The firings of one frame, in order; as many as `Process.cycles`."""
    if process.kind is Kind.LOAD:
        return iter([((), (True,))] * process.cycles)
    if process.kind is Kind.SWG:
        layer = process.layer
        if isinstance(layer, Conv):
            return _sliding(layer.input, layer.window, layer.simd, layer.pixels)
        if isinstance(layer, Pool):
            return _sliding(layer.input, layer.window, layer.lanes, 1)
    return _firings(process.layer)


@singledispatch
def _firings(layer: Layer) -> Iterator[Firing]:
    raise TypeError(f"no firings for {type(layer).__name__}")


@_firings.register
def _(layer: Transfer) -> Iterator[Firing]:
    """Unpacking: a word is read when less than a beat is held; a frame's padding is dropped."""
    beat_bits, held = layer.lanes * layer.format.bits, 0
    for _ in range(layer.beats):
        reads = held < beat_bits
        held += 512 * reads - beat_bits
        yield (reads,), (True,)


@_firings.register
def _(layer: Labels) -> Iterator[Firing]:
    return iter([((True,), ())] * layer.top)


@_firings.register
def _(layer: Convert) -> Iterator[Firing]:
    ratio = max(layer.lanes_in, layer.lanes_out) // min(layer.lanes_in, layer.lanes_out)
    for i in range(layer.cycles):
        part = i % ratio
        yield (BOTH if part == ratio - 1 else READ) if layer.lanes_out > layer.lanes_in else (BOTH if part == 0 else WRITE)


@_firings.register
def _(layer: Fork) -> Iterator[Firing]:
    return iter([((True,), (True, True))] * layer.beats)


@_firings.register
def _(layer: Join) -> Iterator[Firing]:
    return iter([((True, True), (True,))] * layer.beats)


@_firings.register
def _(layer: Threshold) -> Iterator[Firing]:
    return iter([BOTH] * layer.beats)


@_firings.register
def _(layer: Conv) -> Iterator[Firing]:
    """The MVAU: a window comes in during its first output fold, a beat goes out at the end of every fold."""
    for _ in range(layer.output.pixels // layer.pixels):
        for nf in range(layer.fold_out):
            for sf in range(layer.fold_in):
                yield (nf == 0,), (sf == layer.fold_in - 1,)


@_firings.register
def _(layer: Pool) -> Iterator[Firing]:
    beats = layer.input.channels // layer.lanes
    for _ in range(layer.output.pixels):
        for tap in range(layer.window.taps):
            for _ in range(beats):
                yield BOTH if tap == layer.window.taps - 1 else READ


@_firings.register
def _(layer: Accumulate) -> Iterator[Firing]:
    beats = layer.input.channels // layer.lanes
    for pixel in range(layer.input.pixels):
        for _ in range(beats):
            yield BOTH if pixel == layer.input.pixels - 1 else READ


@_firings.register
def _(layer: WeightRom) -> Iterator[Firing]:
    return iter([((), (True,))] * layer.tiles)


@_firings.register
def _(layer: Dense) -> Iterator[Firing]:
    for nf in range(layer.fold_out):
        for sf in range(layer.fold_in):
            yield (nf == 0, True), (sf == layer.fold_in - 1,)


@_firings.register
def _(layer: TopK) -> Iterator[Firing]:
    for i in range(layer.cycles):
        yield READ if i < layer.classes else WRITE


def _sliding(shape: Shape, window: Window, lanes: int, pixels: int) -> Iterator[Firing]:
    """The sliding window: the fill, then a phase per output row, reads and writes spread evenly over it; see swg.h."""
    beats = shape.channels // lanes
    row = shape.width * beats
    left = shape.height * row  # beats still to come in
    settle = int(row == 1)
    output = window.output(shape, shape.channels)
    reads, writes = window.stride[0] * row, output.width // pixels * window.taps * beats
    phase = max(reads + settle, writes)
    for _ in range(fill_beats(shape, window, lanes)):
        left -= 1
        yield READ
    for _ in range(settle):
        yield NEITHER
    for _ in range(output.height):
        for step in range(phase):
            due = step < phase - settle and (step + 1) * reads // (phase - settle) > step * reads // (phase - settle)
            takes = due and left > 0
            left -= takes
            yield (takes,), ((step + 1) * writes // phase > step * writes // phase,)
