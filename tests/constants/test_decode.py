"""Parameters to an image, and back."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constants.decode import DecodeError, decode
from constants.image import chain, check, image_words, pack_image, split
from constants.layout import Layout, Range, Role
from constants.rows import rows
from dataflow.units.constants import code_constants, level_constants
from network.formats import Format
from network.operations import Activation, Shape
from tests.constants.held import WAYS, Held, activation, memories, same_codes

FINGERPRINT = "0123456789abcdef" * 4


def through(held: list[Held]) -> list[np.ndarray]:
    """The arrays as they come back from an image of them all, the layouts through JSON."""
    layouts = [layout for each in held for layout in each.layouts]
    words = chain(layouts, [rows(layout, each.array) for each in held for layout in each.layouts])
    assert len(words) == sum(layout.load_words for layout in layouts)
    image = pack_image(words, FINGERPRINT)
    check(image, FINGERPRINT, len(words))
    read = [Layout.parse("layout", json.loads(json.dumps(layout.entries))) for layout in layouts]
    assert read == layouts
    found = iter(split(read, image_words(image, len(words))))
    return [decode(each.layouts, [next(found) for _ in each.layouts], each.array.shape) for each in held]


def agrees(held: Held, found: np.ndarray) -> bool:
    first = held.layouts[0]
    return same_codes(first, held.array, found) if first.activation is not None else np.array_equal(found, held.array)


@settings(max_examples=80, deadline=None)
@given(st.lists(memories(), min_size=1, max_size=3))
def test_arrays_come_back(held: list[Held]) -> None:
    assert all(agrees(each, found) for each, found in zip(held, through(held), strict=True))


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_hold_thresholds(way: str) -> None:
    held = activation(np.random.default_rng(5), way, 5)
    (found,) = through([held])
    assert agrees(held, found)
    assert (np.diff(found, axis=1) >= 0).all()


def of_codes(values: str = "int3", codes: str = "uint2", lanes: int = 2, beside: int = 2) -> tuple[Held, Held]:
    """Thresholds of 4 channels as a table and as a search."""
    form, coded = Format.parse(values), Format.parse(codes)
    described = Activation(shape=Shape(1, 2, 4), values=form, reach=(form.low, form.high), codes=coded)
    thresholds = np.sort(np.random.default_rng(3).integers(form.low, form.high, (4, coded.thresholds)), axis=1)
    table = code_constants("c", "conv", described, lanes, beside)
    return Held((table.layout,), thresholds), Held(
        tuple(each.layout for each in level_constants("c", "conv", described, lanes, beside)), thresholds
    )


def test_what_no_thresholds_give_is_refused() -> None:
    table, search = of_codes()
    held = rows(table.layouts[0], table.array)
    falling = held.copy()
    falling[8 + 4, :] = 3  # the lowest value, of the second output fold
    falling[8 + 5, :] = 0
    with pytest.raises(DecodeError, match="conv/thresholds: channel 2 has codes that fall"):
        decode(table.layouts, [falling], (4, 3))
    falling = held.copy()
    falling[3, 0] ^= 1
    with pytest.raises(DecodeError, match="c_codes differ from pixel to pixel"):
        decode(table.layouts, [falling], (4, 3))
    levels = [rows(layout, search.array) for layout in search.layouts]
    with pytest.raises(DecodeError, match=r"held as levels$"):
        decode(search.layouts[:1], levels[:1], (4, 3))
    for shape in ((2, 3), (4, 7), (3, 3), (4,), (4, 3, 1)):
        with pytest.raises(DecodeError, match="conv/thresholds: c_"):
            decode(table.layouts, [held], shape)


def test_weights_of_another_shape_are_refused() -> None:
    held = Layout(name="w", role=Role.WEIGHTS, key="k", pe=2, simd=3, taps=3, weights=Range(-8, 7), words=4, row_bits=72, element_bits=64)
    array = np.ones((2, 3, 2, 6), np.int8)
    layout = Layout.parse("layout", held.entries)
    packed = rows(layout, array)
    assert np.array_equal(decode([layout], [packed], (2, 3, 2, 6)), array)
    for shape in ((3, 3, 2, 4), (2, 3, 2, 5), (2, 2, 3, 3), (2, 3, 2, 7)):
        with pytest.raises(DecodeError, match="k: w has 4 rows of 72 bits"):
            decode([layout], [packed], shape)
