"""Products, alone or with their activation: convolutions over windows, or 1x1 convolutions directly over pixels."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from dataflow.cost import rtl
from dataflow.cost.formulas import CONTROL, constants_cost, crossed, dot, logic, packed_dots
from dataflow.cost.resources import Resources
from dataflow.firings import BOTH, IDLE, READ, WRITE, Firings, loops, repeat
from dataflow.packing import Packing, packing
from dataflow.unit import Backend, Buffer, CannotBuildError, Constants, Place, Unit
from dataflow.units import latency
from dataflow.units.constants import threshold_constants, weight_constants
from dataflow.units.window import window_rows
from network.formats import Kind
from network.layers import ROM, Fold, Holding, Multiply
from network.operations import Activation, Product


class Multiplied(NamedTuple):
    """What units that multiply have in common."""

    title: str
    parameters: tuple[tuple[tuple[str, int], ...], ...]
    weights: Constants
    kept: Buffer
    firings: Firings
    packed: Packing | None  # of products in DSPs


def _multiplied(place: Place, layer: str, product: Product, fold: Fold, multiply: Multiply, holding: Holding) -> Multiplied:
    packed = packed_products(product, fold, multiply)
    fold_in, fold_out = folds(product, fold)
    size, *rows = window_rows(product.input, product.window)
    channels = (("kIn", product.input.channels), ("kOut", product.out))
    lanes = (("kSimd", fold.simd), ("kPe", fold.pe), ("kPixels", fold.pixels), ("kTaps", fold.taps))
    # A window is read during its first output fold and kept for the others; a beat is written at the end of every fold.
    window = [repeat(fold_in - 1, READ), repeat(1, BOTH), repeat(fold_out - 1, repeat(fold_in - 1, IDLE), WRITE)]
    return Multiplied(
        title=f"{product.window}, {product.input} -> {product.output}, fold {fold_in * fold_out:,}",
        parameters=((*size, *channels, *lanes), *rows, packing_row(packed)),
        weights=weight_constants(place.name, layer, fold, product.weight, fold_in * fold_out, holding),
        kept=Buffer(name="window", words=fold_in if fold_out > 1 else 0, bits=fold.pixels * inputs(fold) * product.codes.bits),
        firings=loops(repeat(product.output.pixels // fold.pixels, *window)),
        packed=packed,
    )


def packed_products(product: Product, fold: Fold, multiply: Multiply) -> Packing | None:
    """How the products of a cycle share DSPs; None where they are in LUTs."""
    if multiply is Multiply.LUT:
        return None
    if product.weight.kind is Kind.BIPOLAR:
        raise CannotBuildError("bipolar weights in DSPs", why="their products are ANDs and counts", fix="leave multiply out")
    return packing(product.weight, product.codes, fold.pe, fold.pixels, inputs(fold))


def packing_row(packed: Packing | None) -> tuple[tuple[str, int], ...]:
    """The parameters of products in DSPs; of those in LUTs, that they are."""
    if packed is None:
        return (("kDsp", 0),)
    places = (("kWeightStep", packed.weight_step), ("kPixelStep", packed.pixel_step), ("kChain", packed.chain))
    return (("kDsp", 1), ("kDspWeights", packed.weights), ("kDspPixels", packed.pixels), *places)


def mvau(
    place: Place, *, layer: str, product: Product, activation: Activation, fold: Fold, multiply: Multiply, holding: Holding = ROM
) -> Unit:
    """Matrix-vector-threshold unit: PE outputs times SIMD inputs a cycle, thresholds behind the accumulators."""
    weight, codes = product.weight, product.codes
    title, parameters, weights, kept, firings, packed = _multiplied(place, layer, product, fold, multiply, holding)
    thresholds = threshold_constants(place.name, layer, activation, fold.pe, holding._replace(memory=None))
    structure = partial(
        rtl.mvau,
        pe=fold.pe,
        simd=inputs(fold),
        pixels=fold.pixels,
        folds=folds(product, fold),
        packed=packed,
        formats=(codes, weight, activation.codes),
        sums=thresholds.element_bits,
        storages=(weights.rom, thresholds.rom, kept.storage),
    )
    return Unit(
        implementation="mvau",
        header="mvau",
        **place._asdict(),
        title=title,
        parameters=parameters,
        formats=(("In", codes), ("Weight", weight), ("Acc", product.sums), ("Out", activation.codes)),
        constants=(weights, thresholds),
        buffers=(kept,),
        firings=firings,
        products=fold.pe * inputs(fold) * fold.pixels,
        formula=partial(_cost, product, activation, fold, packed, weights, thresholds, kept),
        # Window, weights from their ROM, products, adder tree, accumulator, thresholds.
        latency={
            Backend.HLS: 10 + in_chains(fold, packed),
            Backend.RTL: latency.ROM + latency.sums(inputs(fold), weight, codes, packed) + latency.crossed(activation.codes),
        },
        structure=structure,
    )


def mvu(place: Place, *, layer: str, product: Product, fold: Fold, multiply: Multiply, holding: Holding = ROM) -> Unit:
    """Matrix-vector unit: PE outputs times SIMD inputs a cycle, whose sums leave as they are."""
    weight, codes = product.weight, product.codes
    title, parameters, weights, kept, firings, packed = _multiplied(place, layer, product, fold, multiply, holding)
    structure = partial(
        rtl.mvu,
        pe=fold.pe,
        simd=inputs(fold),
        pixels=fold.pixels,
        folds=folds(product, fold),
        packed=packed,
        formats=(codes, weight),
        sums=product.sums.bits,
        storages=(weights.rom, kept.storage),
    )
    return Unit(
        implementation="mvu",
        header="mvu",
        **place._asdict(),
        title=title,
        parameters=parameters,
        formats=(("In", codes), ("Weight", weight), ("Acc", product.sums)),
        constants=(weights,),
        buffers=(kept,),
        firings=firings,
        products=fold.pe * inputs(fold) * fold.pixels,
        formula=partial(_mvu_cost, product, fold, packed, weights, kept),
        # As an MVAU, without the comparison and the count.
        latency={
            Backend.HLS: 8 + in_chains(fold, packed),
            Backend.RTL: latency.ROM + latency.sums(inputs(fold), weight, codes, packed),
        },
        structure=structure,
    )


def folds(product: Product, fold: Fold) -> tuple[int, int]:
    """Beats per window and beats per output pixel; their product is the cycles per pixel."""
    return product.window.taps // fold.taps * (product.input.channels // fold.simd), product.out // fold.pe


def inputs(fold: Fold) -> int:
    """Codes of a pixel in a beat, each multiplied by a weight of every PE."""
    return fold.taps * fold.simd


def in_chains(fold: Fold, packed: Packing | None) -> int:
    """Cycles from the first DSP of a chain to the last in C++. UNCONFIRMED: that the tools add a product a cycle."""
    return packed.length(inputs(fold)) - 1 if packed is not None else 0


def _cost(
    product: Product,
    activation: Activation,
    fold: Fold,
    packed: Packing | None,
    weights: Constants,
    thresholds: Constants,
    kept: Buffer,
    backend: Backend,
) -> Resources:
    """The products, and the thresholds behind them."""
    compared = crossed(fold.pixels * fold.pe, thresholds, product.sums.bits, activation.codes)
    return CONTROL + constants_cost([weights, thresholds], backend) + _multiplying(product, fold, packed, kept, compared, backend)


def _mvu_cost(product: Product, fold: Fold, packed: Packing | None, weights: Constants, kept: Buffer, backend: Backend) -> Resources:
    return CONTROL + constants_cost([weights], backend) + _multiplying(product, fold, packed, kept, Resources(), backend)


def _multiplying(product: Product, fold: Fold, packed: Packing | None, kept: Buffer, compared: Resources, backend: Backend) -> Resources:
    """kPixels * kPe dot products and accumulators, and what `compared` counts behind them; registers behind the weight ROMs; a buffer for
    the window."""
    weight, codes = product.weight, product.codes
    outputs, acc = fold.pixels * fold.pe, product.sums.bits
    around = outputs * 2 * acc + compared.ff + fold.pe * inputs(fold) * weight.bits + 2 * kept.bits
    if packed is not None and backend is not Backend.ORIGINAL:
        luts, ffs, dsps = packed_dots(fold.pe, fold.pixels, inputs(fold), (codes, weight), packed)
        return logic(luts + outputs * acc + compared.lut, ffs + around) + Resources(dsp=dsps) + kept.cost
    luts, ffs, dsps = dot(inputs(fold), weight, codes, backend)
    luts_in_all = outputs * (luts + acc) + compared.lut
    if weight.kind is Kind.BIPOLAR and backend is not Backend.ORIGINAL:  # the correction of every PE's sum, computed once for all of them
        luts_in_all += fold.pixels * (luts + acc) + outputs * acc
        ffs += acc
    shared = 2 if backend is Backend.ORIGINAL and fold.pixels % 2 == 0 else 1  # two pixels are multiplied by the same weight
    return logic(luts_in_all, outputs * ffs + around) + Resources(dsp=outputs * dsps // shared) + kept.cost
