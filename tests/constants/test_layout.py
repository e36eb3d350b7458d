"""Layouts as JSON: what is wrong in a file is said."""

import numpy as np
import pytest

from constants.layout import Layout, LayoutError, Range, Role
from network.formats import Format
from tests.activations import cases
from tests.constants.held import FORMATS, weights

WEIGHTS = weights(np.random.default_rng(0), "int4", (2, 3, 1), (2, 2, 2)).layouts[0].entries
SCALED = cases(0)["scale_even"].unit.constants[0].layout.entries


def test_what_a_layout_says() -> None:
    assert WEIGHTS == {
        "name": "conv_weights", "role": "weights", "key": "int4/conv/weights", "pe": 2, "simd": 3, "weights": [-8, 7], "words": 8, "row_bits": 24,
        "element_bits": 24,
    }  # fmt: skip
    assert SCALED == {
        "name": "unit_multipliers", "role": "multipliers", "key": "layer/thresholds", "pe": 4,
        "activation": {"values": [-2048, 2047], "reach": [-2048, 2047], "codes": [-128, 127]},
        "scaling": {"multiplier": 1, "bias": 14, "shift": 4, "rounding": "half_even", "low": -128, "high": 127},
        "words": 1, "row_bits": 4, "element_bits": 1,
    }  # fmt: skip


@pytest.mark.parametrize("text", [*FORMATS, "uint31", "int33", "int64", "uint64"])
def test_a_range_has_the_bits_of_its_format(text: str) -> None:
    form = Format.parse(text)
    assert Range(form.low, form.high).bits == form.bits


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (3, "layout: 3: expected an object"),
        (WEIGHTS | {"more": 1}, "layout: unknown key 'more': it has the keys name, role, key, pe, simd, taps, weights, activation"),
        ({name: value for name, value in WEIGHTS.items() if name != "words"}, "layout: no key 'words': it has the keys"),
        (WEIGHTS | {"name": ""}, "layout.name: '': expected a name"),
        (WEIGHTS | {"key": 5}, "layout.key: 5: expected a name"),
        (WEIGHTS | {"role": "weight"}, "layout.role: 'weight': expected one of weights, thresholds, bases"),
        (WEIGHTS | {"words": 0}, "layout.words: 0: expected an integer from 1 to 16777216"),
        (WEIGHTS | {"words": True}, "layout.words: True: expected an integer"),
        (WEIGHTS | {"apart": 1}, "layout.apart: 1: expected true or false"),
        (WEIGHTS | {"weights": None}, "layout.weights: None: weights have a range, and nothing else has"),
        (WEIGHTS | {"weights": [7, -8]}, "layout.weights: -8: expected an integer from 7 to"),
        (WEIGHTS | {"weights": [1]}, "layout.weights: [1]: expected the least and the greatest"),
        (WEIGHTS | {"weights": [0, 256]}, "layout.weights: [0, 256]: weights have at most 8 bits"),
        (WEIGHTS | {"row_bits": 25}, "layout.row_bits: 25: its integers take 24"),
        (WEIGHTS | {"element_bits": 12}, "layout.element_bits: 12: weights are in words of 64 bits, or in one that is narrower"),
        (WEIGHTS | {"role": "bias"}, "layout.weights: Range(low=-8, high=7): weights have a range, and nothing else has"),
        (SCALED | {"scaling": None}, "layout.scaling: None: multipliers and biases have a scaling, and nothing else has"),
        (SCALED | {"scaling": 1}, "layout.scaling: "),
        (SCALED | {"scaling": SCALED["scaling"] | {"shift": 90}}, "layout.scaling: shift: 90: it counts bits: 0 to 48"),
        (SCALED | {"activation": None}, "layout.activation: None: what follows from thresholds has an activation, and nothing else has"),
        (SCALED | {"activation": {"values": [0, 1]}}, "layout.activation: {'values': [0, 1]}: it has the keys values, reach, codes"),
        (SCALED | {"activation": SCALED["activation"] | {"codes": [0, 256]}}, "layout.activation.codes: [0, 256]: they have at most 8 bits"),
        (cases(0)["table_raster"].unit.constants[0].layout.entries | {"words": 3}, "layout.words: 3: every output fold has 256"),
        (cases(0)["search_bit"].unit.constants[0].layout.entries | {"level": 1, "words": 2}, "layout.level: 1: a search among 1 thresholds has fewer"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(entries: object, message: str) -> None:
    with pytest.raises(LayoutError) as error:
        Layout.parse("layout", entries)
    assert str(error.value).startswith(message)


def test_roles_are_all_read() -> None:
    assert {Layout.parse("", SCALED | {"role": role}).role for role in ("multipliers", "biases")} == {Role.MULTIPLIERS, Role.BIASES}
