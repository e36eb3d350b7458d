"""Joins: the two branches of a block become one stream."""

from __future__ import annotations

from functools import partial

from dataflow.cost import rtl
from dataflow.cost.formulas import CONTROL, constants_cost, logic, scaled
from dataflow.cost.resources import Resources
from dataflow.firings import READ, READ_SECOND, WRITE, loops, repeat
from dataflow.unit import Backend, Constants, Place, Unit
from dataflow.units import latency
from dataflow.units.constants import factor_constants
from network.layers import ROM, Holding
from network.operations import Join, JoinSum


def join(place: Place, *, operation: Join, lanes: int) -> Unit:
    """main + bypass - zero_point, clipped."""
    beats = operation.shape.size // lanes
    structure = partial(rtl.join, lanes=lanes, bits=operation.codes.bits, zero=operation.zero_point)
    return Unit(
        implementation="join",
        header="join",
        **place._asdict(),
        title=f"{beats:,} beats of either branch",
        parameters=((("kBeats", beats), ("kLanes", lanes), ("kZero", operation.zero_point)),),
        formats=(("Code", operation.codes),),
        firings=loops(repeat(beats, READ | READ_SECOND | WRITE)),
        formula=partial(_cost, lanes, operation.codes.bits),
        latency={Backend.HLS: 2, Backend.RTL: 2},
        structure=structure,
    )


def join_sum(place: Place, *, layer: str, operation: JoinSum, lanes: int, holding: Holding = ROM) -> Unit:
    """a * main + b * bypass - zero_point, wide enough for every sum; `layer` names the factors, if there are any."""
    channels, factors = operation.shape.channels, operation.factors
    beats = operation.shape.size // lanes
    held: tuple[Constants, ...] = ()
    size: tuple[tuple[str, int], ...] = (("kBeats", beats), ("kLanes", lanes))
    if factors is not None:
        pairs, of = (lanes, channels) if operation.per_channel else (1, 1)
        held = (factor_constants(place.name, layer, pairs, of, factors, of_a_channel=2, holding=holding),)
        size += (("kRows", of // pairs), ("kPairs", pairs))
    formats = (("Main", operation.main), ("Bypass", operation.bypass), ("Out", operation.values))
    structure = partial(
        rtl.join_sum,
        lanes=lanes,
        rows=held[0].words if held else 1,
        pairs=held[0].pe if held else 0,
        formats=(operation.main, operation.bypass),
        factor=factors,
        zero=operation.zero_point,
        values=operation.values.bits,
        storage=held[0].rom if held else None,
    )
    return Unit(
        implementation="join_sum",
        header="join_sum",
        **place._asdict(),
        title=f"{beats:,} beats of either branch",
        parameters=(size, (("kZero", operation.zero_point),)),
        formats=formats if factors is None else (*formats, ("Factor", factors)),
        constants=held,
        firings=loops(repeat(beats, READ | READ_SECOND | WRITE)),
        formula=partial(_sum_cost, operation, lanes, held),
        # With factors: their ROM and the products, then the sum.
        latency={Backend.HLS: 2 if factors is None else 5, Backend.RTL: 1 if factors is None else latency.ROM + latency.SCALED},
        structure=structure,
    )


def _sum_cost(operation: JoinSum, lanes: int, held: tuple[Constants, ...], backend: Backend) -> Resources:
    """Two additions per lane, and two products where there are factors."""
    bits = operation.values.bits
    added = logic(lanes * 2 * bits, lanes * (operation.main.bits + operation.bypass.bits + bits))
    if operation.factors is None:
        return CONTROL + added
    products = scaled(operation.factors, operation.main) + scaled(operation.factors, operation.bypass)
    return CONTROL + constants_cost(held, backend) + added + products * lanes


def _cost(lanes: int, bits: int, _: Backend) -> Resources:
    """Two additions and a clamp per lane."""
    return CONTROL + logic(lanes * (2 * (bits + 2) + bits), lanes * 4 * bits)
