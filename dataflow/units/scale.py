"""Activations by multiply-add-shift, where integers exist that compute them: see constants/scaling.py."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from constants.scaling import Rounding, Scaling
from dataflow.cost import rtl
from dataflow.cost.formulas import CONTROL, constants_cost, logic
from dataflow.cost.resources import Resources
from dataflow.unit import Backend, CannotBuildError, Constants, Place, Unit
from dataflow.units import latency
from dataflow.units.activation import RASTER, Order, activation_unit
from dataflow.units.constants import scaling_constants
from network.formats import Format, Kind, uint
from network.layers import ROM, Holding
from network.operations import Activation


def scale(
    place: Place, *, layer: str, activation: Activation, lanes: int, scaling: Scaling, order: Order = RASTER, holding: Holding = ROM
) -> Unit:
    """Multiply every value, add, shift and clamp; `layer` names the thresholds from which multipliers and biases follow."""
    values, codes = activation.values, activation.codes
    if scaling.low < codes.low or scaling.high > codes.high:
        raise CannotBuildError(
            f"codes from {scaling.low} to {scaling.high}",
            why=f"those of {codes} are {codes.low} to {codes.high}",
            fix="correct low and high, or leave out how the activation is built",
        )
    multipliers, biases = scaling_constants(place.name, layer, activation, lanes, scaling, holding)
    structure = partial(
        rtl.scale,
        lanes=lanes,
        beside=order.beside,
        rows=multipliers.words,
        control=rtl.row_of_beat(multipliers.words, order.block, order.repeats),
        value=values,
        codes=codes.bits,
        scaling=scaling,
        storages=(multipliers.rom, biases.rom),
    )
    unit = activation_unit(
        place,
        "scale",
        activation,
        lanes,
        order,
        constants=(multipliers, biases),
        formula=partial(_cost, activation, lanes * order.beside, scaling, (multipliers, biases)),
        # From the ROM, the product, the sum, rounding, clamp. Of HLS as of `scale_scores`, and two more.
        latency={Backend.HLS: 7, Backend.RTL: latency.ROM + latency.SCALED + latency.ROUNDED},
        structure=structure,
    )
    of = (
        (("kShift", scaling.shift), ("kHalfEven", int(scaling.rounding is Rounding.HALF_EVEN))),
        (("kStep", scaling.step), ("kOffset", scaling.offset), ("kLow", scaling.low), ("kHigh", scaling.high)),
    )
    formats = (("Multiplier", uint(scaling.multiplier)), ("Bias", Format(Kind.INT, scaling.bias)))
    return replace(unit, parameters=(*unit.parameters, *of), formats=(*unit.formats, *formats))


def _cost(activation: Activation, values_a_beat: int, scaling: Scaling, held: tuple[Constants, ...], backend: Backend) -> Resources:
    """Of each value a product, a sum, and the clamp of what its shift leaves: a LUT for each bit of the sum, for every five bits that are
    shifted out of a tie, and two for every three that are left (UG574); and two for each bit that a product of few bits adds. Yosys makes
    0.84, 0.56 and 0.97 times as many of these parts of the SystemVerilog, see `rtl.scale`."""
    values, codes = activation.values, activation.codes
    bits = rtl.scale_bits(values, scaling)
    ties = -(-scaling.shift // 5) if scaling.rounding is Rounding.HALF_EVEN else 0
    clamp = -(-2 * (bits - scaling.shift) // 3) + codes.bits
    luts, registers = bits + ties + clamp, 2 * values.bits + bits + (bits - scaling.shift) + codes.bits
    narrow, product_bits = scaling.multiplier <= rtl.NARROW_MULTIPLIER, scaling.multiplier + values.bits
    added = logic(luts + 2 * (scaling.multiplier - 1) * values.bits * narrow, registers + product_bits)
    dsps = Resources(dsp=0 if narrow else rtl.dsps_of(values.bits, scaling.multiplier))
    return CONTROL + constants_cost(held, backend) + (added + dsps) * values_a_beat
