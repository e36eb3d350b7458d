"""The classifier: scores of all classes, and the labels of the largest, with these scores where they are asked for."""

from __future__ import annotations

from functools import partial

from dataflow.cost import rtl
from dataflow.cost.formulas import CONTROL, constants_cost, dot, logic, packed_dots, scaled, uses_dsp
from dataflow.cost.resources import Resources
from dataflow.firings import BOTH, READ, READ_SECOND, WRITE, loops, repeat
from dataflow.packing import Packing, packing
from dataflow.unit import Backend, Buffer, Constants, Place, Unit
from dataflow.units import latency
from dataflow.units.constants import bias_constants, factor_constants, weight_constants
from dataflow.units.product import in_chains, packing_row
from network.layers import ROM, Fold, Holding
from network.operations import Dense, Scale, TopK

LABEL_BITS = 32


def dense(place: Place, *, layer: str, operation: Dense, fold: Fold, holding: Holding = ROM) -> Unit:
    """Fully connected layer: like an MVAU with one window and no thresholds, which reads a beat of weights in every firing."""
    fold_in, fold_out = operation.inputs // fold.simd, operation.classes // fold.pe
    bias = (bias_constants(place.name, layer, fold.pe, operation.classes, operation.sums.bits, holding),) if operation.has_bias else ()
    # The codes are kept for the classes of later output folds.
    buffer = Buffer(name="buffer", words=fold_in if fold_out > 1 else 0, bits=fold.simd * operation.codes.bits)
    later = repeat(fold_out - 1, repeat(fold_in - 1, READ_SECOND), READ_SECOND | WRITE)
    packed = None
    if uses_dsp(operation.weight, operation.codes):
        packed = packing(operation.weight, operation.codes, fold.pe, 1, fold.simd)
    structure = partial(
        rtl.dense,
        pe=fold.pe,
        simd=fold.simd,
        folds=(fold_in, fold_out),
        packed=packed,
        formats=(operation.codes, operation.weight),
        sums=operation.sums.bits,
        has_bias=bool(bias),
        storages=(bias[0].rom if bias else None, buffer.storage),
    )
    return Unit(
        implementation="dense",
        header="dense",
        **place._asdict(),
        title=f"{operation.inputs:,} -> {operation.classes:,} scores",
        parameters=((("kIn", operation.inputs), ("kOut", operation.classes), ("kSimd", fold.simd), ("kPe", fold.pe)), packing_row(packed)),
        formats=(("In", operation.codes), ("Weight", operation.weight), ("Acc", operation.sums)),
        constants=bias,
        buffers=(buffer,),
        firings=loops(repeat(fold_in - 1, READ | READ_SECOND), repeat(1, BOTH | READ_SECOND), later),
        products=fold.pe * fold.simd,
        formula=partial(_dense_cost, operation, fold, packed, bias, buffer),
        latency={
            Backend.HLS: 10 + in_chains(fold, packed),
            Backend.RTL: 1 + latency.sums(fold.simd, operation.weight, operation.codes, packed) + 1,
        },
        structure=structure,
    )


def _dense_cost(
    operation: Dense, fold: Fold, packed: Packing | None, bias: tuple[Constants, ...], buffer: Buffer, backend: Backend
) -> Resources:
    acc = operation.sums.bits
    if packed is not None and backend is not Backend.ORIGINAL:
        luts, ffs, dsps = packed_dots(fold.pe, 1, fold.simd, (operation.codes, operation.weight), packed)
    else:
        luts, ffs, dsps = (fold.pe * each for each in dot(fold.simd, operation.weight, operation.codes, backend))
    registers = ffs + fold.pe * (2 * acc + fold.simd * operation.weight.bits) + 2 * buffer.bits
    arithmetic = logic(luts + fold.pe * 2 * acc, registers) + Resources(dsp=dsps)
    return CONTROL + constants_cost(bias, backend) + arithmetic + buffer.cost


def scale_scores(place: Place, *, layer: str, operation: Scale, lanes: int, holding: Holding = ROM) -> Unit:
    """Scores: factor * sum + bias of every class, `lanes` of them at a time."""
    factors = factor_constants(place.name, layer, lanes, operation.classes, operation.factors, holding=holding)
    bias = bias_constants(place.name, layer, lanes, operation.classes, operation.scores.bits, holding)
    structure = partial(
        rtl.scale_scores,
        lanes=lanes,
        rows=factors.words,
        sums=operation.sums,
        factor=operation.factors,
        scores=operation.scores.bits,
        storages=(factors.rom, bias.rom),
    )
    return Unit(
        implementation="scale_scores",
        header="scale_scores",
        **place._asdict(),
        title=f"{operation.classes:,} scores, {operation.sums} -> {operation.scores}",
        parameters=((("kClasses", operation.classes), ("kLanes", lanes)),),
        formats=(("In", operation.sums), ("Factor", operation.factors), ("Out", operation.scores)),
        constants=(factors, bias),
        firings=loops(repeat(operation.classes // lanes, BOTH)),
        formula=partial(_scale_cost, operation, lanes, (factors, bias)),
        latency={Backend.HLS: 5, Backend.RTL: latency.ROM + latency.SCALED},  # the ROMs, the product, the sum
        structure=structure,
    )


def _scale_cost(operation: Scale, lanes: int, held: tuple[Constants, ...], backend: Backend) -> Resources:
    """A product and an addition per lane."""
    bits = operation.scores.bits
    products = scaled(operation.factors, operation.sums) * lanes
    return CONTROL + constants_cost(held, backend) + products + logic(lanes * bits, lanes * (operation.sums.bits + 2 * bits))


def weight_rom(place: Place, *, layer: str, operation: Dense, fold: Fold, holding: Holding = ROM) -> Unit:
    """Weights of the fully connected layer that are kept on chip, sent once per frame."""
    tiles = operation.inputs // fold.simd * (operation.classes // fold.pe)
    weights = weight_constants("fc", layer, fold, operation.weight, tiles, holding)
    structure = partial(rtl.weight_rom, tiles=tiles, bits=weights.row_bits, storage=weights.rom)
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
    structure = partial(rtl.top_k, top=operation.top, classes=operation.classes, score=operation.scores.bits)
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


def top_k_scores(place: Place, *, operation: TopK) -> Unit:
    """As `top_k`, and the scores behind the labels, as words of 32 bits; see `TopK`."""
    structure = partial(
        rtl.top_k_scores,
        top=operation.top,
        classes=operation.classes,
        score=operation.scores.bits,
        first=operation.first_score,
        words=operation.score_words,
    )
    return Unit(
        implementation="top_k_scores",
        header="top_k_scores",
        **place._asdict(),
        title=f"{operation.top} of {operation.classes:,}, with their scores",
        parameters=((("kClasses", operation.classes), ("kTop", operation.top), ("kWords", operation.words)),),
        formats=(("Score", operation.scores),),
        firings=loops(repeat(operation.classes, READ), repeat(operation.words, WRITE)),
        formula=partial(_top_scores_cost, operation),
        latency={Backend.HLS: 3, Backend.RTL: 2},
        structure=structure,
    )


def _top_scores_cost(operation: TopK, backend: Backend) -> Resources:
    """What `top_k` has, and a choice among the words of the result: a LUT chooses one of four bits (UG574)."""
    return _top_cost(operation.top, operation.scores.bits, backend) + logic(LABEL_BITS * -(-operation.words // 3), 0)


def _top_cost(top: int, score: int, _: Backend) -> Resources:
    """For each place, a comparison and a choice of three for score and label."""
    return CONTROL + logic(top * (-(-score // 2) + score + LABEL_BITS), top * (score + LABEL_BITS) + LABEL_BITS)
