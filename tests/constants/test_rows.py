"""Rows against the definition, integer by integer."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constants.layout import Range
from constants.rows import RowsError, bases, clip_thresholds, pack, pack_weights, rows, unpack
from dataflow.units.constants import bias_constants, code_constants, factor_constants, level_constants
from network import Format
from network.operations import Activation, Shape


def spread(text):
    form = Format.parse(text)
    return Range(form.low, form.high)


@given(st.integers(1, 64), st.integers(1, 4), st.integers(1, 20), st.booleans(), st.integers(0, 2**32))
def test_integers_lie_side_by_side(bits, addresses, count, unsigned, seed):
    unsigned = unsigned and bits < 64
    low, high = (0, 2**bits - 1) if unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    integers = np.random.default_rng(seed).integers(low, high, (addresses, count), np.int64, endpoint=True)
    packed = pack(integers, bits)
    assert packed.shape == (addresses, -(-count * bits // 8))
    for row, found in zip(integers.tolist(), packed, strict=True):
        assert int.from_bytes(found.tobytes(), "little") == sum((value & 2**bits - 1) << bits * i for i, value in enumerate(row))
    assert np.array_equal(unpack(packed, bits, count, unsigned=unsigned), integers)


@given(st.sampled_from(["bipolar", "int2", "int5", "int8", "uint1", "uint7", "uint8"]), st.data())
def test_words_hold_every_weight_in_its_place(text, data):
    form = Format.parse(text)
    pe, folds, simd, fold_in = (data.draw(st.integers(1, most)) for most in (3, 3, 20, 4))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    weights = rng.integers(form.low, form.high + 1, (pe * folds, fold_in * simd))
    weights = np.where(weights > 0, 1, -1) if text == "bipolar" else weights
    rows = pack_weights(weights, pe, simd, 1, spread(text))
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
    rows = pack_weights(weights, 2, 3, 2, spread("int4"))
    found = [[int(row[0]) >> 4 * i & 15 for i in range(12)] for row in rows]
    expected = [
        [int(weights[fold * 2 + pe, ky, kx, part * 3 + channel]) & 15 for pe in range(2) for kx in range(2) for channel in range(3)]
        for fold in range(2)
        for ky in range(3)
        for part in range(2)
    ]
    assert found == expected
    assert len(pack_weights(weights, 2, 3, 6, spread("int4"))) == 4  # all taps: a row for each fold and part


@pytest.mark.parametrize(
    ("pe", "simd", "size", "count"),
    [(1, 8, 1, 1), (3, 3, 2, 1), (1, 17, 4, 1), (11, 3, 8, 1), (2, 32, 8, 1), (5, 13, 8, 2), (64, 64, 8, 64)],
)
def test_words_are_as_narrow_as_they_can_be(pe, simd, size, count):
    words = pack_weights(np.ones((pe, simd), np.int8), pe, simd, 1, spread("bipolar"))
    assert (words.itemsize, words.shape) == (size, (1, count))


def test_thresholds_out_of_reach_keep_their_meaning():
    low, high = -20, 30
    thresholds = np.array([[-(2**31), 0, 2**31 - 1]], np.int32)
    clipped = clip_thresholds(thresholds, low, high)
    assert clipped.tolist() == [[low, 0, high + 1]]
    for value in (low, -1, 0, 1, high):
        assert (clipped <= value).sum() == (thresholds <= value).sum()


@st.composite
def reached_thresholds(draw):
    """Of one channel: any, or such as clip computes, some of them out of reach."""
    low, high = sorted(draw(st.tuples(st.integers(-9, 9), st.integers(-9, 9))))
    n = draw(st.sampled_from([1, 3, 7]))
    if draw(st.booleans()):
        first = draw(st.integers(low - n - 2, high + 2))
        return low, high, [min(max(first + i, low - draw(st.integers(0, 3))), high + draw(st.integers(1, 3))) for i in range(n)]
    return low, high, sorted(draw(st.lists(st.integers(low - 2, high + 3), min_size=n, max_size=n)))


@settings(max_examples=300)
@given(reached_thresholds())
def test_a_base_is_found_wherever_there_is_one(drawn):
    """Of all bases that there could be, by every value that comes."""
    low, high, thresholds = drawn
    values, n = np.arange(low, high + 1), len(thresholds)
    reached = (np.array(thresholds) <= values[:, None]).sum(1)
    exact = [b for b in range(low - n - 1, high + 2) if np.array_equal(np.clip(values - b, 0, n), reached)]
    try:
        (found,) = bases("conv/thresholds", np.array([thresholds]), low, high)
    except RowsError:
        assert not exact
    else:
        assert found in exact
        assert low - n <= found <= high


def test_clip_says_which_channel_it_cannot_compute():
    thresholds = np.array([[1, 2, 3], [-900, 5, 6], [7, 9, 11], [7, 8, 10]])
    with pytest.raises(RowsError) as error:
        bases("stem/conv/thresholds", thresholds, -20, 20)
    assert str(error.value) == (
        "stem/conv/thresholds: channel 1 has the thresholds -900, 5, 6 (and 2 more), which do not follow one another from -20 to 20"
    )
    assert error.value.why == (
        "clip computes value - base, held between 0 and the number of thresholds: each value reaches one more than the one below"
    )
    assert error.value.fix == "leave activation out of the description, or write activation: search, which takes any thresholds"
    assert bases("", np.array([[-900, -20, -19]]), -20, 20).tolist() == [-22]
    assert bases("", np.array([[19, 20, 900]]), -20, 20).tolist() == [18]
    assert bases("", np.array([range(1000, 1255)]), -20, 20).tolist() == [20]
    with pytest.raises(RowsError, match="channel 0 has the thresholds 1, 3, 5, 7, …, 505, 507, 509, which"):
        bases("", np.array([range(1, 511, 2)]), -1000, 1000)


@pytest.mark.parametrize("text", ["uint4", "int4", "uint8", "int1"])
@pytest.mark.parametrize("codes", ["int3", "uint1", "uint8"])
@pytest.mark.parametrize("beside", [1, 2])
def test_codes_and_levels_of_every_value(text, codes, beside):
    """A value has its code in the table of its channel, and a search ends there; pixels beside one another have tables of their own."""
    values, form, (channels, lanes) = Format.parse(text), Format.parse(codes), (6, 2)
    activation = Activation(shape=Shape(2, 2, channels), values=values, reach=(values.low, values.high), codes=form)
    rng = np.random.default_rng(values.bits * form.bits)
    thresholds = np.sort(rng.integers(values.low - 2, values.high + 3, (channels, form.thresholds)), axis=1)
    table = rows(code_constants("c", "conv", activation, lanes, beside).layout, thresholds)
    assert table.shape == (channels // lanes << values.bits, beside * lanes)
    levels = [rows(held.layout, thresholds) for held in level_constants("c", "conv", activation, lanes, beside)]
    assert [level.shape for level in levels] == [(3, lanes), *((3 << k, beside * lanes) for k in range(1, form.bits))]
    for channel, value, pixel in itertools.product(range(channels), range(values.low, values.high + 1), range(beside)):
        (row, lane), code = divmod(channel, lanes), (thresholds[channel] <= value).sum() + form.low
        assert table[(row << values.bits) + value % 2**values.bits][pixel * lanes + lane] == code
        found = 0
        for k, level in enumerate(levels):
            found = 2 * found + (level[(row << k) + found][pixel * lanes + lane if k else lane] <= value)
        assert found + form.low == code


@pytest.mark.parametrize(
    ("held", "array", "what", "why"),
    [
        (bias_constants("fc", "head.fc", 2, 4, 9), [0, 1, 2, 256], "bias from 0 to 256", "fc_bias holds integers of 9 bits: -256 to 255"),
        (bias_constants("fc", "head.fc", 1, 2, 9), [-257, 0], "bias from -257 to 0", "fc_bias holds integers of 9 bits: -256 to 255"),
        (factor_constants("fc", "head.fc", 1, 2, Format.parse("uint4")), [1, 16], "factors from 1 to 16", "fc_factors holds integers of 4 bits: 0 to 15"),
    ],
)  # fmt: skip
def test_what_is_wider_than_its_memory_is_refused(held, array, what, why):
    with pytest.raises(RowsError) as error:
        rows(held.layout, np.array(array))
    assert (error.value.key, error.value.what, error.value.why) == (held.key, what, why)
