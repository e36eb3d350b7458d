"""What each process reads and writes in each of its firings: the loops of the HLS library, without the arithmetic.

Everything about time follows from these patterns: cycles per frame, where a process waits, and what deadlocks.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatch
from math import lcm
from typing import NamedTuple

from dataflow.design import Kind, Layer, Process
from dataflow.layers import Accumulate, Convert, Fork, Join, Labels, Pool, Threshold, TopK, Transfer, WeightRom
from dataflow.lower import WORD_BITS, fill_beats
from network.model import Conv, Dense, Shape, Window

IDLE, READ, WRITE = 0, 1, 16
"""A firing is a byte: bit i where it takes a beat from stream i of `Process.reads`, bit 4 + i where it gives one to stream i of
`Process.writes`."""
BOTH, READ_SECOND, WRITE_SECOND = READ | WRITE, 2, 32


class Run(NamedTuple):
    """The same firings `times` over."""

    firings: bytes
    times: int


def firings(process: Process) -> tuple[Run, ...]:
    """The firings of one frame, in order; as many as `Process.cycles`."""
    if process.kind is Kind.LOAD:
        runs = [Run(bytes([WRITE]), process.cycles)]
    elif process.kind is Kind.SWG and isinstance(process.layer, Conv):
        layer = process.layer
        runs = _sliding(layer.input, layer.window, layer.simd, layer.pixels)
    elif process.kind is Kind.SWG and isinstance(process.layer, Pool):
        runs = _sliding(process.layer.input, process.layer.window, process.layer.lanes, 1)
    else:
        runs = _firings(process.layer)
    return tuple(run for run in runs if run.firings and run.times)


def carried(runs: Iterable[Run], bit: int) -> int:
    """Beats of a frame through the stream with this bit."""
    return sum(sum(1 for firing in run.firings if firing & bit) * run.times for run in runs)


def regroup(into: int, out: int, beats: int) -> list[Run]:
    """Beats of `into` bits to `beats` ones of `out` bits: one is read when less than a beat to send is held.

    Pads at the end of a frame, if there are any, lie in the last beat read and are dropped.
    """
    period, held = bytearray(), 0
    each = lcm(into, out) // out
    while period.count(WRITE) + period.count(BOTH) < min(each, beats):
        reads = held < out
        held += into * reads
        writes = held >= out
        held -= out * writes
        period.append(READ * reads | WRITE * writes)
    whole, rest = divmod(beats, each)
    runs = [Run(bytes(period), whole)]
    if rest:
        last = next(i for i in range(len(period)) if sum(1 for firing in period[: i + 1] if firing & WRITE) == rest)
        runs.append(Run(bytes(period[: last + 1]), 1))
    return runs


@singledispatch
def _firings(layer: Layer) -> list[Run]:
    raise TypeError(f"no firings for {type(layer).__name__}")


@_firings.register
def _(layer: Transfer) -> list[Run]:
    return regroup(WORD_BITS, layer.lanes * layer.format.bits, layer.beats)


@_firings.register
def _(layer: Labels) -> list[Run]:
    return [Run(bytes([READ]), layer.top)]


@_firings.register
def _(layer: Convert) -> list[Run]:
    return regroup(layer.lanes_in, layer.lanes_out, layer.codes // layer.lanes_out)


@_firings.register
def _(layer: Fork) -> list[Run]:
    return [Run(bytes([READ | WRITE | WRITE_SECOND]), layer.beats)]


@_firings.register
def _(layer: Join) -> list[Run]:
    return [Run(bytes([READ | READ_SECOND | WRITE]), layer.beats)]


@_firings.register
def _(layer: Threshold) -> list[Run]:
    return [Run(bytes([BOTH]), layer.beats)]


@_firings.register
def _(layer: Conv) -> list[Run]:
    """The MVAU: a window comes in during its first output fold, a beat goes out at the end of every fold."""
    return [Run(_folds(layer.fold_in, layer.fold_out), layer.output.pixels // layer.pixels)]


@_firings.register
def _(layer: Dense) -> list[Run]:
    """As an MVAU that sees one window, with a beat of weights in every firing."""
    return [Run(bytes(firing | READ_SECOND for firing in _folds(layer.fold_in, layer.fold_out)), 1)]


def _folds(fold_in: int, fold_out: int) -> bytes:
    """Of one window."""
    first = bytes([READ] * (fold_in - 1) + [BOTH])
    later = bytes([IDLE] * (fold_in - 1) + [WRITE])
    return first + later * (fold_out - 1)


@_firings.register
def _(layer: Pool) -> list[Run]:
    beats = layer.input.channels // layer.lanes
    return [Run(bytes([READ] * (layer.window.taps - 1) * beats + [BOTH] * beats), layer.output.pixels)]


@_firings.register
def _(layer: Accumulate) -> list[Run]:
    beats = layer.input.channels // layer.lanes
    return [Run(bytes([READ]), (layer.input.pixels - 1) * beats), Run(bytes([BOTH]), beats)]


@_firings.register
def _(layer: WeightRom) -> list[Run]:
    return [Run(bytes([WRITE]), layer.tiles)]


@_firings.register
def _(layer: TopK) -> list[Run]:
    return [Run(bytes([READ]), layer.classes), Run(bytes([WRITE]), layer.top)]


def _sliding(shape: Shape, window: Window, lanes: int, pixels: int) -> list[Run]:
    """The sliding window: the fill, then a phase per output row, reads and writes spread evenly over it; see swg.h."""
    beats = shape.channels // lanes
    row = shape.width * beats
    settle = int(row == 1)
    output = window.output(shape, shape.channels)
    reads, writes = window.stride[0] * row, output.width // pixels * window.taps * beats
    length = max(reads + settle, writes)
    fill = fill_beats(shape, window, lanes)

    def phase(most: int) -> bytes:
        """One that takes in at most so many beats: the last ones find the map at its end."""
        steps, taken = bytearray(), 0
        for step in range(length):
            due = step < length - settle and (step + 1) * reads // (length - settle) > step * reads // (length - settle)
            takes = due and taken < most
            taken += takes
            steps.append(READ * takes | WRITE * ((step + 1) * writes // length > step * writes // length))
        return bytes(steps)

    whole, rest = divmod(shape.height * row - fill, reads)
    whole = min(whole, output.height)
    phases = [Run(phase(reads), whole)]
    if whole < output.height:
        phases += [Run(phase(rest), 1), Run(phase(0), output.height - whole - 1)]
    return [Run(bytes([READ]), fill), Run(bytes([IDLE]), settle), *phases]
