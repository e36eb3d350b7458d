"""Activations without a product in front: integers to codes, channel by channel.

threshold  compares a value with all thresholds at once
clip       subtracts, where thresholds follow one another
table      looks a narrow value up
search     compares with one threshold after the other, half of those that are left each time
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from dataflow.cost import rtl
from dataflow.cost.formulas import CONTROL, constants_cost, crossed, logic
from dataflow.cost.resources import Resources
from dataflow.cost.rtl import Structure
from dataflow.firings import BOTH, loops, repeat
from dataflow.unit import Backend, CannotBuildError, Constants, Place, Unit
from dataflow.units import latency
from dataflow.units.constants import threshold_constants
from network.operations import Activation


class Order(NamedTuple):
    """In what order values arrive: pixel by pixel, unless several pixels are computed together.

    Of the `repeats` pixels of a group each brings a block of beats, before the next block of them comes; `beside` as many lie side by side in
    a beat, one behind the other.
    """

    block: int = 1
    repeats: int = 1
    beside: int = 1


RASTER = Order()
"""Pixel by pixel."""


def activation_unit(
    place: Place,
    implementation: str,
    activation: Activation,
    lanes: int,
    order: Order,
    *,
    constants: tuple[Constants, ...],
    formula: Callable[[Backend], Resources],
    latency: Mapping[Backend, int],
    structure: Structure,
) -> Unit:
    """What all of them have in common: of `lanes` channels a beat, a row of constants each."""
    shape, values, codes = activation.shape, activation.values, activation.codes
    _require_whole(activation, lanes, order)
    groups = shape.pixels // (order.repeats * order.beside)
    return Unit(
        implementation=implementation,
        header=implementation,
        **place._asdict(),
        title=f"{shape}, {values} -> {codes}",
        parameters=(
            (("kPixels", groups), ("kIn", shape.channels), ("kSimd", lanes)),
            (("kBlock", order.block), ("kRepeats", order.repeats), ("kBeside", order.beside)),
        ),
        formats=(("In", values), ("Out", codes)),
        constants=constants,
        firings=loops(repeat(shape.size // (lanes * order.beside), BOTH)),
        formula=formula,
        latency=latency,
        structure=structure,
    )


def _require_whole(activation: Activation, lanes: int, order: Order) -> None:
    shape, together = activation.shape, order.repeats * order.beside
    if shape.channels % (lanes * order.block):
        raise CannotBuildError(
            f"{lanes} lanes in blocks of {order.block} beats, of {shape.channels} channels",
            why="every pixel has the same blocks",
            fix="choose lanes and blocks whose product divides the channels",
        )
    if shape.pixels % together:
        raise CannotBuildError(
            f"{together} pixels together, of {shape.pixels}",
            why="every group has the same number of pixels",
            fix="choose a number that divides the pixels",
        )


def threshold(place: Place, *, layer: str, activation: Activation, lanes: int, order: Order = RASTER) -> Unit:
    """Compare every value with all thresholds of its channel at once; `layer` names the thresholds."""
    values, codes = activation.values, activation.codes
    thresholds = threshold_constants(place.name, layer, activation, lanes)
    structure = rtl.threshold(
        lanes=lanes,
        beside=order.beside,
        rows=thresholds.words,
        control=rtl.row_of_beat(thresholds.words, order.block, order.repeats),
        values=values.bits,
        thresholds=codes.thresholds,
        bits=thresholds.element_bits,
        storage=thresholds.storage,
    )
    return activation_unit(
        place,
        "threshold",
        activation,
        lanes,
        order,
        constants=(thresholds,),
        formula=partial(_cost, activation, lanes * order.beside, thresholds),
        latency={Backend.HLS: 3, Backend.RTL: latency.ROM + latency.crossed(codes)},  # thresholds from their ROM, comparison, count
        structure=structure,
    )


def _cost(activation: Activation, values_a_beat: int, thresholds: Constants, backend: Backend) -> Resources:
    values, codes = activation.values, activation.codes
    compared = crossed(values_a_beat, thresholds, values.bits + 1, codes)
    registers = compared.ff + values_a_beat * (values.bits + codes.bits)
    return CONTROL + constants_cost([thresholds], backend) + logic(compared.lut, registers)
