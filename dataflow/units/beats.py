"""Units between operations: conversion to another number of lanes, a copy for each branch, another order."""

from __future__ import annotations

from functools import partial

from dataflow.cost import rtl
from dataflow.cost.formulas import CONTROL, logic
from dataflow.cost.resources import Resources
from dataflow.firings import BOTH, READ, WRITE, WRITE_SECOND, Regroup, loops, repeat
from dataflow.unit import Backend, Buffer, CannotBuildError, Place, Unit
from network.formats import Format


def dwc(place: Place, *, codes: int, lanes_in: int, lanes_out: int, form: Format) -> Unit:
    """Data width converter: `codes` codes per frame from one number of lanes to another; one must divide the other."""
    if max(lanes_in, lanes_out) % min(lanes_in, lanes_out):
        raise CannotBuildError(
            f"{lanes_in} lanes cannot be converted to {lanes_out}",
            why="a beat of one width must hold whole beats of the other",
            fix="choose pe and simd of the two layers so that one divides the other",
        )
    structure = partial(rtl.dwc, into=lanes_in * form.bits, out=lanes_out * form.bits)
    return Unit(
        implementation="dwc",
        header="dwc",
        **place._asdict(),
        title=f"{lanes_in} -> {lanes_out} lanes",
        parameters=((("kCodes", codes), ("kLanesIn", lanes_in), ("kLanesOut", lanes_out)),),
        formats=(("Code", form),),
        firings=Regroup(into=lanes_in, out=lanes_out, beats=codes // lanes_out),
        formula=partial(_converter_cost, lanes_in * form.bits, lanes_out * form.bits),
        latency={Backend.HLS: 2, Backend.RTL: 1},
        structure=structure,
    )


def _converter_cost(into: int, out: int, _: Backend) -> Resources:
    """Narrow beats are shifted in, or loaded side by side and shifted out, by one multiplexer per bit.

    With Yosys 0.23 (`synth_xilinx -family xcup`), of Verilog after dwc.h: 16 to 128 bits took 5 LUTs and 244 flip-flops, 128 to 256 took 3
    and 386; 128 to 16 bits 133 and 132, 256 to 128 259 and 258, 384 to 64 389 and 388.
    """
    return CONTROL + (logic(0, 2 * out - into) if out > into else logic(into, into))


def fork(place: Place, *, beats: int, lanes: int, form: Format) -> Unit:
    """Copy every beat to both branches of a block."""
    structure = partial(rtl.fork, bits=lanes * form.bits)
    return Unit(
        implementation="fork",
        header="fork",
        **place._asdict(),
        title=f"{beats:,} beats to both branches",
        parameters=((("kBeats", beats), ("kLanes", lanes)),),
        formats=(("Code", form),),
        firings=loops(repeat(beats, READ | WRITE | WRITE_SECOND)),
        formula=partial(_fork_cost, lanes * form.bits),
        latency={Backend.HLS: 2, Backend.RTL: 1},
        structure=structure,
    )


def _fork_cost(beat: int, _: Backend) -> Resources:
    return CONTROL + logic(0, beat)


def raster(place: Place, *, groups: int, folds: int, pixels: int, beats: int, lanes: int, form: Format) -> Unit:
    """Bring the beats of each group, which come as (fold, pixel, beat), into the order (pixel, fold, beat)."""
    if min(folds, pixels) < 2:
        raise CannotBuildError(
            f"{folds} folds of {pixels} pixels cannot change places",
            why="of one fold, or one pixel, the beats are in raster order",
            fix="leave the unit out",
        )
    group = folds * pixels * beats
    kept = Buffer(name="groups", words=2 * group, bits=lanes * form.bits)
    structure = partial(rtl.raster, words=kept.words, bits=kept.bits, counters=(group, groups + 1, beats, folds), storage=kept.storage)
    return Unit(
        implementation="raster",
        header="raster",
        **place._asdict(),
        title=f"{groups:,} groups of {folds} folds, {pixels} pixels side by side",
        parameters=((("kGroups", groups), ("kFolds", folds), ("kPixels", pixels), ("kBeats", beats), ("kLanes", lanes)),),
        formats=(("Code", form),),
        buffers=(kept,),
        firings=loops(repeat(group, READ), repeat((groups - 1) * group, BOTH), repeat(group, WRITE)),
        formula=partial(_raster_cost, kept),
        latency={Backend.HLS: 3, Backend.RTL: 2},
        structure=structure,
    )


def _raster_cost(kept: Buffer, _: Backend) -> Resources:
    """The memory, and three addresses with their counters."""
    address = (kept.words - 1).bit_length()
    return CONTROL + kept.cost + logic(8 * address, 5 * address + 2 * kept.bits)
