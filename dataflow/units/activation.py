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
from dataflow.cost.formulas import CONTROL, clipped, constants_cost, crossed, logic, searched
from dataflow.cost.resources import Resources
from dataflow.cost.rtl import Structure
from dataflow.firings import BOTH, loops, repeat
from dataflow.unit import Backend, CannotBuildError, Constants, Place, Unit
from dataflow.units import latency
from dataflow.units.constants import base_constants, code_constants, level_constants, threshold_constants
from network.layers import MAX_TABLE_BITS, ROM, Holding
from network.operations import Activation


class Order(NamedTuple):
    """In what order values arrive: pixel by pixel, unless several pixels are computed together.

    Of the `repeats` pixels of a group each brings a block of beats, before the next block of them comes; in the place of each of them there
    are `beside` pixels, whose values lie side by side in a beat, one pixel behind the other.
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
    structure: Callable[[], Structure],
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


def threshold(place: Place, *, layer: str, activation: Activation, lanes: int, order: Order = RASTER, holding: Holding = ROM) -> Unit:
    """Compare every value with all thresholds of its channel at once; `layer` names the thresholds."""
    values, codes = activation.values, activation.codes
    thresholds = threshold_constants(place.name, layer, activation, lanes, holding)
    structure = partial(
        rtl.threshold,
        lanes=lanes,
        beside=order.beside,
        rows=thresholds.words,
        control=rtl.row_of_beat(thresholds.words, order.block, order.repeats),
        values=values.bits,
        thresholds=codes.thresholds,
        bits=thresholds.element_bits,
        storage=thresholds.rom,
    )
    return activation_unit(
        *(place, "threshold", activation, lanes, order),
        constants=(thresholds,),
        formula=partial(_threshold_cost, activation, lanes * order.beside, thresholds),
        latency={Backend.HLS: 3, Backend.RTL: latency.ROM + latency.crossed(codes)},  # thresholds from their ROM, comparison, count
        structure=structure,
    )


def clip(place: Place, *, layer: str, activation: Activation, lanes: int, order: Order = RASTER, holding: Holding = ROM) -> Unit:
    """Subtract a base, which is exact where thresholds follow one another: whether they do is known with the parameters, see hls.roms."""
    values, codes = activation.values, activation.codes
    bases = base_constants(place.name, layer, activation, lanes, holding)
    structure = partial(
        rtl.clip,
        lanes=lanes,
        beside=order.beside,
        rows=bases.words,
        control=rtl.row_of_beat(bases.words, order.block, order.repeats),
        values=values.bits,
        codes=codes.bits,
        bits=bases.element_bits,
        storage=bases.rom,
    )
    return activation_unit(
        *(place, "clip", activation, lanes, order),
        constants=(bases,),
        formula=partial(_clip_cost, activation, lanes * order.beside, bases),
        latency={Backend.HLS: 3, Backend.RTL: latency.ROM + 2},  # bases from their ROM, difference, what is left of it
        structure=structure,
    )


def table(place: Place, *, layer: str, activation: Activation, lanes: int, order: Order = RASTER, holding: Holding = ROM) -> Unit:
    """Look the code of a value up."""
    values = activation.values
    if values.bits > MAX_TABLE_BITS:
        raise CannotBuildError(
            f"values {values}",
            why=f"every lane has a ROM of the codes of all values, which doubles with each bit: at most {MAX_TABLE_BITS}",
            fix="use search, which takes values of any width",
        )
    held = code_constants(place.name, layer, activation, lanes, order.beside, holding)
    rows = activation.shape.channels // lanes
    structure = partial(
        rtl.table,
        lanes=held.pe,
        control=rtl.row_of_beat(rows, order.block, order.repeats),
        rows=rows,
        values=values.bits,
        codes=held.element_bits,
        storage=held.rom,
    )
    return activation_unit(
        *(place, "table", activation, lanes, order),
        constants=(held,),
        formula=partial(_table_cost, held),
        latency={Backend.HLS: 3, Backend.RTL: latency.ROM},
        structure=structure,
    )


def search(place: Place, *, layer: str, activation: Activation, lanes: int, order: Order = RASTER, holding: Holding = ROM) -> Unit:
    """Compare with the threshold in the middle of those that are left, once for each bit of a code."""
    levels = level_constants(place.name, layer, activation, lanes, order.beside, holding)
    rows, steps = levels[0].words, len(levels)
    structure = partial(
        rtl.search,
        lanes=lanes,
        beside=order.beside,
        rows=rows,
        control=rtl.row_of_beat(rows, order.block, order.repeats),
        bits=levels[0].element_bits,
        storages=tuple(each.rom for each in levels),
    )
    return activation_unit(
        *(place, "search", activation, lanes, order),
        constants=levels,
        formula=partial(_search_cost, lanes * order.beside, levels),
        latency={
            Backend.HLS: 1 + 2 * steps,
            Backend.RTL: latency.ROM * steps + 1,
        },  # for each bit a threshold from its ROM, and a comparison
        structure=structure,
    )


def _threshold_cost(activation: Activation, lanes: int, thresholds: Constants, backend: Backend) -> Resources:
    values, codes = activation.values, activation.codes
    compared = crossed(lanes, thresholds, values.bits + 1, codes)
    registers = compared.ff + lanes * (values.bits + codes.bits)
    return CONTROL + constants_cost([thresholds], backend) + logic(compared.lut, registers)


def _clip_cost(activation: Activation, lanes: int, bases: Constants, backend: Backend) -> Resources:
    found = clipped(lanes, bases, activation.codes)
    registers = found.ff + lanes * (activation.values.bits + activation.codes.bits)
    return CONTROL + constants_cost([bases], backend) + logic(found.lut, registers)


def _table_cost(held: Constants, backend: Backend) -> Resources:
    return CONTROL + constants_cost([held], backend) + logic(0, held.row_bits)


def _search_cost(lanes: int, levels: tuple[Constants, ...], backend: Backend) -> Resources:
    return CONTROL + constants_cost(levels, backend) + searched(lanes, levels)
