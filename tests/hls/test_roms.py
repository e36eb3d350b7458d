"""ROM words against the definition, weight by weight."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow import plan
from dataflow.unit import Constants, Role
from hls.roms import clip_thresholds, cut, pack_weights, rom_text, rows
from network import Format, load, parameters
from network.errors import ParameterError
from tests.activations import cases


@given(st.sampled_from(["bipolar", "int2", "int5", "int8", "uint1", "uint7", "uint8"]), st.data())
def test_words_hold_every_weight_in_its_place(text, data):
    form = Format.parse(text)
    pe, folds, simd, fold_in = (data.draw(st.integers(1, most)) for most in (3, 3, 20, 4))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    weights = rng.integers(form.low, form.high + 1, (pe * folds, fold_in * simd))
    weights = np.where(weights > 0, 1, -1) if text == "bipolar" else weights
    rows = pack_weights(weights, pe, simd, form)
    assert len(rows) == folds * fold_in
    for out, column in np.ndindex(weights.shape):
        row = rows[out // pe * fold_in + column // simd]
        number = sum(int(part) << (8 * rows.itemsize * i) for i, part in enumerate(row))
        code = number >> ((out % pe * simd + column % simd) * form.bits) & ((1 << form.bits) - 1)
        value = {"bipolar": 2 * code - 1, "int": code - (code >> form.bits - 1 << form.bits), "uint": code}[form.kind.value]
        assert value == weights[out, column]


@pytest.mark.parametrize(
    ("pe", "simd", "size", "count"),
    [(1, 8, 1, 1), (3, 3, 2, 1), (1, 17, 4, 1), (11, 3, 8, 1), (2, 32, 8, 1), (5, 13, 8, 2), (64, 64, 8, 64)],
)
def test_words_are_as_narrow_as_they_can_be(pe, simd, size, count):
    words = pack_weights(np.ones((pe, simd), np.int8), pe, simd, Format.parse("bipolar"))
    assert (words.itemsize, words.shape) == (size, (1, count))


@pytest.mark.parametrize(
    ("row_bits", "element_bits", "roms", "integers", "widths"),
    [
        (4096, 64, 1, 64, (4096,)),
        (4097, 64, 2, 33, (2112, 1985)),  # 65 words: 33 and 32
        (24, 24, 1, 1, (24,)),
        (512 * 24, 24, 4, 128, (3072, 3072, 3072, 3072)),  # integers of 32 bits in C++
        (5 * 15 * 11, 11, 1, 75, (825,)),
        (1000 * 12, 12, 4, 250, (3000, 3000, 3000, 3000)),
        (1025 * 12, 12, 5, 205, (2460, 2460, 2460, 2460, 2460)),
    ],
)
def test_no_rom_is_wider_than_4096_bits(row_bits, element_bits, roms, integers, widths):
    held = Constants(name="", role=Role.BIAS, key="", pe=1, words=7, row_bits=row_bits, element_bits=element_bits)
    assert (held.roms, held.rom_elements, held.widths) == (roms, integers, widths)
    assert integers * held.integer_bits <= 4096
    rows = np.arange(7 * held.elements).reshape(7, held.elements)
    pieces = cut(rows, roms)
    assert pieces.shape == (roms, 7, integers)
    assert np.array_equal(np.concatenate(list(pieces), axis=1)[:, : held.elements], rows)
    assert not np.concatenate(list(pieces), axis=1)[:, held.elements :].any()


def test_thresholds_out_of_reach_keep_their_meaning(toy_yaml):
    design = plan(load(toy_yaml))
    unit = next(unit for unit in design.ip("res2a").units if unit.implementation == "mvau")
    low, high = next(held.activation.reach for held in unit.constants if held.activation)
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
    assert (rom.type, rom.name, rom.dimensions) == (f"std::int{unit.constants[0].integer_bits}_t", "fc_bias", (1, 5, 1))
    assert rom.roms == [["{1}", "{-300}", "{2}", "{3}", "{4}"]]


def test_thresholds_that_no_multiplier_gives_are_refused():
    case = cases(3)["scale_even"]
    held, thresholds = case.unit.constants[0], case.thresholds.copy()
    thresholds[2, 127] += 3
    with pytest.raises(ParameterError) as error:
        rows(held, {held.key: thresholds})
    first, last = (", ".join(map(str, part)) for part in (thresholds[2, :4], thresholds[2, -3:]))
    assert str(error.value) == (
        f"layer/thresholds: channel 2 has the thresholds {first}, …, {last}, which no multiplier and bias give from -2048 to 2047\n"
        "  why: scale computes step * ((multiplier * value + bias) >> shift) + offset, here with {multiplier: 1, bias: 14, shift: 4, "
        "rounding: half_even, low: -128, high: 127}\n"
        "  fix: import the network again, leave activation out of the description, or write activation: search, which takes any thresholds"
    )
