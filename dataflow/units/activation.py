"""Activations without a product in front: integers to codes, channel by channel."""

from __future__ import annotations

from functools import partial

from dataflow.cost import rtl
from dataflow.cost.formulas import CONTROL, constants_cost, crossed, logic
from dataflow.cost.resources import Resources
from dataflow.firings import BOTH, loops, repeat
from dataflow.unit import Backend, Constants, Place, Unit
from dataflow.units import latency
from dataflow.units.constants import threshold_constants
from network.operations import Activation


def threshold(place: Place, *, layer: str, activation: Activation, lanes: int) -> Unit:
    """Compare every value with all thresholds of its channel at once; `layer` names the thresholds."""
    shape, values, codes = activation.shape, activation.values, activation.codes
    thresholds = threshold_constants(place.name, layer, activation, lanes)
    structure = rtl.threshold(
        lanes=lanes,
        rows=thresholds.words,
        values=values.bits,
        thresholds=codes.thresholds,
        bits=thresholds.element_bits,
        storage=thresholds.storage,
    )
    return Unit(
        implementation="threshold",
        header="threshold",
        **place._asdict(),
        title=f"{shape}, {values} -> {codes}",
        parameters=((("kPixels", shape.pixels), ("kIn", shape.channels), ("kSimd", lanes)),),
        formats=(("In", values), ("Out", codes)),
        constants=(thresholds,),
        firings=loops(repeat(shape.size // lanes, BOTH)),
        formula=partial(_cost, activation, lanes, thresholds),
        latency={Backend.HLS: 3, Backend.RTL: latency.ROM + latency.crossed(codes)},  # thresholds from their ROM, comparison, count
        structure=structure,
    )


def _cost(activation: Activation, lanes: int, thresholds: Constants, backend: Backend) -> Resources:
    values, codes = activation.values, activation.codes
    compared = crossed(lanes, thresholds, values.bits + 1, codes)
    registers = compared.ff + lanes * (values.bits + codes.bits)
    return CONTROL + constants_cost([thresholds], backend) + logic(compared.lut, registers)
