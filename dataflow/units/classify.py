"""The classifier: scores of all classes, and the labels of the largest."""

from __future__ import annotations

from functools import partial

from dataflow.cost import rtl
from dataflow.cost.formulas import CONTROL, constants_cost, dot, logic
from dataflow.cost.resources import Resources
from dataflow.firings import BOTH, READ, READ_SECOND, WRITE, loops, repeat
from dataflow.unit import Backend, Buffer, Constants, Place, Unit
from dataflow.units import latency
from dataflow.units.constants import bias_constants, weight_constants
from network.layers import Fold
from network.operations import Dense, TopK

LABEL_BITS = 32


def dense(place: Place, *, layer: str, operation: Dense, fold: Fold) -> Unit:
    """Fully connected layer: like an MVAU with one window and no thresholds, which reads a beat of weights in every firing."""
    fold_in, fold_out = operation.inputs // fold.simd, operation.classes // fold.pe
    bias = bias_constants(place.name, layer, fold, operation.classes, operation.sums.bits)
    # The codes are kept for the classes of later output folds.
    buffer = Buffer(name="buffer", words=fold_in if fold_out > 1 else 0, bits=fold.simd * operation.codes.bits)
    later = repeat(fold_out - 1, repeat(fold_in - 1, READ_SECOND), READ_SECOND | WRITE)
    structure = rtl.dense(
        pe=fold.pe,
        simd=fold.simd,
        folds=(fold_in, fold_out),
        formats=(operation.codes, operation.weight),
        sums=operation.sums.bits,
        storages=(bias.storage, buffer.storage),
    )
    return Unit(
        implementation="dense",
        header="dense",
        **place._asdict(),
        title=f"{operation.inputs:,} -> {operation.classes:,} scores",
        parameters=((("kIn", operation.inputs), ("kOut", operation.classes), ("kSimd", fold.simd), ("kPe", fold.pe)),),
        formats=(("In", operation.codes), ("Weight", operation.weight), ("Acc", operation.sums)),
        constants=(bias,),
        buffers=(buffer,),
        firings=loops(repeat(fold_in - 1, READ | READ_SECOND), repeat(1, BOTH | READ_SECOND), later),
        products=fold.pe * fold.simd,
        formula=partial(_dense_cost, operation, fold, bias, buffer),
        latency={Backend.HLS: 10, Backend.RTL: 1 + latency.sums(fold.simd, operation.weight, operation.codes) + 1},
        structure=structure,
    )


def _dense_cost(operation: Dense, fold: Fold, bias: Constants, buffer: Buffer, backend: Backend) -> Resources:
    acc = operation.sums.bits
    luts, ffs, dsps = dot(fold.simd, operation.weight, operation.codes, backend)
    registers = fold.pe * (ffs + 2 * acc + fold.simd * operation.weight.bits) + 2 * buffer.bits
    arithmetic = logic(fold.pe * (luts + 2 * acc), registers) + Resources(dsp=fold.pe * dsps)
    return CONTROL + constants_cost([bias], backend) + arithmetic + buffer.cost


def weight_rom(place: Place, *, layer: str, operation: Dense, fold: Fold) -> Unit:
    """Weights of the fully connected layer from ROM, sent once per frame."""
    tiles = operation.inputs // fold.simd * (operation.classes // fold.pe)
    weights = weight_constants("fc", layer, fold, operation.weight, tiles)
    structure = rtl.weight_rom(tiles=tiles, bits=weights.row_bits, storage=weights.storage)
    return Unit(
        implementation="weight_rom",
        header="weight_rom",
        **place._asdict(),
        title=f"{tiles:,} beats of weights a frame",
        parameters=((("kTiles", tiles), ("kSimd", fold.simd), ("kPe", fold.pe)),),
        formats=(("Weight", operation.weight),),
        constants=(weights,),
        firings=loops(repeat(tiles, WRITE)),
        formula=partial(_rom_cost, weights),
        latency={Backend.HLS: 2, Backend.RTL: latency.ROM},
        structure=structure,
    )


def _rom_cost(weights: Constants, backend: Backend) -> Resources:
    return CONTROL + constants_cost([weights], backend) + logic(0, weights.row_bits)


def top_k(place: Place, *, operation: TopK) -> Unit:
    """Insert the scores one by one into a sorted list of the largest."""
    structure = rtl.top_k(top=operation.top, classes=operation.classes, score=operation.scores.bits)
    return Unit(
        implementation="top_k",
        header="top_k",
        **place._asdict(),
        title=f"{operation.top} of {operation.classes:,}",
        parameters=((("kClasses", operation.classes), ("kTop", operation.top)),),
        formats=(("Score", operation.scores),),
        firings=loops(repeat(operation.classes, READ), repeat(operation.top, WRITE)),
        formula=partial(_top_cost, operation.top, operation.scores.bits),
        latency={Backend.HLS: 3, Backend.RTL: 2},
        structure=structure,
    )


def _top_cost(top: int, score: int, _: Backend) -> Resources:
    """For each place, a comparison and a choice of three for score and label."""
    return CONTROL + logic(top * (-(-score // 2) + score + LABEL_BITS), top * (score + LABEL_BITS) + LABEL_BITS)
