"""ROM words against the definition, weight by weight."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow import plan
from dataflow.unit import Constants, Role
from hls.roms import clip_thresholds, cut, pack_weights, rom_text
from network import Format, load, parameters


@given(st.sampled_from(["bipolar", "int2", "int5", "int8", "uint1", "uint7", "uint8"]), st.data())
def test_words_hold_every_weight_in_its_place(text, data):
    form = Format.parse(text)
    pe, folds, simd, fold_in = (data.draw(st.integers(1, most)) for most in (3, 3, 20, 4))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    weights = rng.integers(form.low, form.high + 1, (pe * folds, fold_in * simd))
    weights = np.where(weights > 0, 1, -1) if text == "bipolar" else weights
    rows = pack_weights(weights, pe, simd, 1, form)
    assert len(rows) == folds * fold_in
    for out, column in np.ndindex(weights.shape):
        row = rows[out // pe * fold_in + column // simd]
        number = sum(int(part) << (8 * rows.itemsize * i) for i, part in enumerate(row))
        code = number >> ((out % pe * simd + column % simd) * form.bits) & ((1 << form.bits) - 1)
        value = {"bipolar": 2 * code - 1, "int": code - (code >> form.bits - 1 << form.bits), "uint": code}[form.kind.value]
        assert value == weights[out, column]


def test_a_row_holds_channels_of_several_taps():
    """(output fold, kernel row, part of the channels), then PE, tap of the row, channel."""
    weights = np.random.default_rng(1).integers(-8, 8, (4, 3, 2, 6)).astype(np.int8)  # out, kernel, in
    rows = pack_weights(weights, 2, 3, 2, Format.parse("int4"))
    found = [[int(row[0]) >> 4 * i & 15 for i in range(12)] for row in rows]
    expected = [
        [int(weights[fold * 2 + pe, ky, kx, part * 3 + channel]) & 15 for pe in range(2) for kx in range(2) for channel in range(3)]
        for fold in range(2)
        for ky in range(3)
        for part in range(2)
    ]
    assert found == expected
    assert len(pack_weights(weights, 2, 3, 6, Format.parse("int4"))) == 4  # all taps: a row for each fold and part


@pytest.mark.parametrize(
    ("pe", "simd", "size", "count"),
    [(1, 8, 1, 1), (3, 3, 2, 1), (1, 17, 4, 1), (11, 3, 8, 1), (2, 32, 8, 1), (5, 13, 8, 2), (64, 64, 8, 64)],
)
def test_words_are_as_narrow_as_they_can_be(pe, simd, size, count):
    words = pack_weights(np.ones((pe, simd), np.int8), pe, simd, 1, Format.parse("bipolar"))
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
    assert (rom.type, rom.name, rom.dimensions) == (f"std::int{unit.constants[0].integer_bits}_t", "fc_bias", (1, 5, 1))
    assert rom.roms == [["{1}", "{-300}", "{2}", "{3}", "{4}"]]
