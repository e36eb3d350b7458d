"""What no unit of an activation is made for, and the memories of those whose lanes read at addresses of their own."""

import pytest

from dataflow.cost.storage import rom_cost
from dataflow.unit import Backend, CannotBuildError
from dataflow.units.activation import RASTER, Order
from rtl.shapes import UNITS, Parameters
from tests.activations import cases


def unit_of(way, shape):
    return UNITS[way](Parameters(shape)).units[0]


@pytest.mark.parametrize(
    ("way", "shape", "what"),
    [
        ("table", "in=4 lanes=2 values=uint9 result=uint4", "values uint9"),
        ("search", "in=12 lanes=2 values=uint9 result=uint4 block=4 repeats=2", "2 lanes in blocks of 4 beats, of 12 channels"),
        ("clip", "in=12 lanes=5 values=uint9 result=uint4", "5 lanes in blocks of 1 beats, of 12 channels"),
        ("threshold", "in=12 lanes=2 values=uint9 result=uint4 size=3 repeats=3 beside=2", "6 pixels together, of 9"),
    ],
)
def test_what_cannot_be_built(way, shape, what):
    with pytest.raises(CannotBuildError) as error:
        unit_of(way, shape)
    assert error.value.what == what
    assert error.value.why
    assert error.value.fix


def test_a_frame_takes_a_cycle_a_beat_in_any_order():
    for case in cases(2).values():
        shape, order = case.activation.shape, case.order
        assert case.unit.cycles == shape.size // (case.lanes * order.beside)
    assert {case.order for case in cases(2).values()} > {RASTER, Order(2, 3), Order(1, 2, 2)}


@pytest.mark.parametrize("beside", [1, 2])
def test_every_lane_has_memories_of_its_own(beside):
    """Also of pixels beside one another; the first step of a search has one for all lanes, for pixels share the channel they are in."""
    shape = f"in=64 lanes=2 values=int24 result=uint8 beside={beside}"
    search, table = unit_of("search", shape), unit_of("table", shape.replace("int24", "int8"))
    assert [held.roms for held in search.constants] == [1, *[2 * beside] * 7]
    assert [held.words for held in search.constants] == [32 << k for k in range(8)]
    assert [(held.roms, held.words, held.widths) for held in table.constants] == [(2 * beside, 32 << 8, (8,) * 2 * beside)]
    # By a hand's count: 2,048 words of 25 bits are one block and a half, 4,096 three; 1,024 one, 512 a half.
    assert search.cost(Backend.HLS).bram == search.cost(Backend.RTL).bram == 2 * beside * (0.5 + 1 + 1.5 + 3)
    (held,) = table.constants
    assert table.cost(Backend.HLS).bram == table.cost(Backend.RTL).bram == 2 * beside * rom_cost(held.storage, 8192, 8).bram == 4 * beside
