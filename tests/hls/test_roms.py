"""ROM words against the definition, weight by weight."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow import plan
from hls.roms import clip_thresholds, pack_weights, rom_text
from network import Format, load, parameters


@given(st.sampled_from(["bipolar", "int2", "int5", "int8", "uint1", "uint7", "uint8"]), st.data())
def test_words_hold_every_weight_in_its_place(text, data):
    form = Format.parse(text)
    pe, folds, simd, fold_in = (data.draw(st.integers(1, most)) for most in (3, 3, 20, 4))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    weights = rng.integers(form.low, form.high + 1, (pe * folds, fold_in * simd))
    weights = np.where(weights > 0, 1, -1) if text == "bipolar" else weights
    words = pack_weights(weights, pe, simd, form)
    assert words.shape[:2] == (pe, folds * fold_in)
    for out, column in np.ndindex(weights.shape):
        word = words[out % pe, out // pe * fold_in + column // simd]
        number = sum(int(part) << (8 * words.itemsize * i) for i, part in enumerate(word))
        code = number >> (column % simd * form.bits) & ((1 << form.bits) - 1)
        value = {"bipolar": 2 * code - 1, "int": code - (code >> form.bits - 1 << form.bits), "uint": code}[form.kind.value]
        assert value == weights[out, column]


@pytest.mark.parametrize(("simd", "size", "count"), [(8, 1, 1), (9, 2, 1), (17, 4, 1), (33, 8, 1), (64, 8, 1), (65, 8, 2)])
def test_words_are_as_narrow_as_they_can_be(simd, size, count):
    words = pack_weights(np.ones((1, simd), np.int8), 1, simd, Format.parse("bipolar"))
    assert (words.itemsize, words.shape[-1]) == (size, count)


def test_thresholds_out_of_reach_keep_their_meaning(toy_yaml):
    design = plan(load(toy_yaml))
    unit = next(unit for unit in design.ip("res2a").units if unit.implementation == "mvau")
    low, high = next(held.reach for held in unit.constants if held.reach)
    thresholds = np.array([[-(2**31), 0, 2**31 - 1]], np.int32)
    clipped = clip_thresholds(thresholds, low, high)
    assert clipped.tolist() == [[low, 0, high + 1]]
    for value in (low, -1, 0, 1, high):
        assert (clipped <= value).sum() == (thresholds <= value).sum()


def test_text(toy_yaml):
    design = plan(load(toy_yaml))
    unit = next(unit for unit in design.ip("head").units if unit.implementation == "dense")
    arrays = parameters.draw(design.network, 1) | {"head/fc/bias": np.array([1, -300, 2, 3, 4], np.int32)}
    rom = rom_text(unit.constants[0], arrays)
    assert (rom.type, rom.name, rom.dimensions, rom.rows) == ("std::int16_t", "fc_bias", (1, 5), ["{1, -300, 2, 3, 4}"])
