"""The reference against loops that anyone can check by reading."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from network import Window, load, parameters, reference
from network.arrays import key
from network.formats import Format, uint


@st.composite
def cases(draw):
    kernel = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    window = Window(
        kernel=kernel,
        stride=(draw(st.integers(1, 3)), draw(st.integers(1, 3))),
        pad=tuple((draw(st.integers(0, k - 1)), draw(st.integers(0, k - 1))) for k in kernel),
    )
    shape = (draw(st.integers(1, 2)), draw(st.integers(4, 7)), draw(st.integers(4, 7)), draw(st.integers(1, 3)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return window, rng.integers(0, 256, shape).astype(np.uint8), rng


def places(window, codes):
    """(frame, output y, output x, kernel y, kernel x, input y, input x) for every tap, inside the image or not."""
    n, height, width, _ = codes.shape
    (kh, kw), (sh, sw), ((top, bottom), (left, right)) = window.kernel, window.stride, window.pad
    rows, columns = (height + top + bottom - kh) // sh + 1, (width + left + right - kw) // sw + 1
    for f, y, x, ky, kx in itertools.product(range(n), range(rows), range(columns), range(kh), range(kw)):
        yield f, y, x, ky, kx, y * sh + ky - top, x * sw + kx - left


@given(cases(), st.booleans(), st.sampled_from(("zero", "one", "each")))
def test_accumulate(case, signed, padding):
    window, codes, rng = case
    codes = codes.view(np.int8) if signed else codes
    channels = codes.shape[3]
    low, high = (-128, 127) if signed else (0, 255)
    pads = {"zero": (0,), "one": (int(rng.integers(low, high + 1)),), "each": tuple(rng.integers(low, high + 1, channels).tolist())}[
        padding
    ]
    weights = rng.integers(-128, 128, (3, *window.kernel, channels)).astype(np.int8)
    found = reference.accumulate(codes, weights, window, pads)
    expected = np.zeros(found.shape, np.int64)
    for f, y, x, ky, kx, iy, ix in places(window, codes):
        inside = 0 <= iy < codes.shape[1] and 0 <= ix < codes.shape[2]
        for out, c in itertools.product(range(3), range(channels)):
            code = int(codes[f, iy, ix, c]) if inside else pads[c % len(pads)]
            expected[f, y, x, out] += code * int(weights[out, ky, kx, c])
    np.testing.assert_array_equal(found, expected)


@given(cases(), st.booleans())
def test_max_pool(case, signed):
    window, codes, _ = case
    codes = codes.view(np.int8) if signed else codes
    found = reference.max_pool(codes, window, Format.parse("int8") if signed else uint(8))
    expected = np.full(found.shape, -128 if signed else 0, codes.dtype)
    for f, y, x, _, _, iy, ix in places(window, codes):
        if 0 <= iy < codes.shape[1] and 0 <= ix < codes.shape[2]:
            expected[f, y, x] = np.maximum(expected[f, y, x], codes[f, iy, ix])
    np.testing.assert_array_equal(found, expected)


@given(st.integers(0, 2**32), st.sampled_from(("uint", "int")), st.integers(1, 8), st.sampled_from((5, 2**31 - 1, 2**47)))
def test_threshold_counts_those_reached(seed, kind, bits, reach):
    rng = np.random.default_rng(seed)
    codes = Format.parse(f"{kind}{bits}")
    thresholds = np.sort(rng.integers(-reach, reach + 1, (4, codes.thresholds)), axis=1)
    values = rng.integers(-reach, reach + 1, (2, 3, 4))
    values[0, 0] = thresholds[:, rng.integers(codes.thresholds)]  # a tie is reached
    found = reference.threshold(values, thresholds, codes)
    for place in itertools.product(*map(range, values.shape)):
        assert found[place] == codes.low + sum(int(t) <= int(values[place]) for t in thresholds[place[-1]])


@given(st.integers(1, 8), st.data())
def test_join_saturates_on_both_sides(bits, data):
    high = 2**bits - 1
    a, b, zero = (data.draw(st.integers(0, high)) for _ in range(3))
    found = reference.join(np.uint8([[a]]), np.uint8([[b]]), zero, uint(bits))
    assert found.item() == min(max(a + b - zero, 0), high)


def test_top_prefers_the_lower_label_at_equal_score():
    scores = np.array([[3, 7, 7, -2, 7], [0, 0, 0, 0, 0]], np.int32)
    np.testing.assert_array_equal(reference.top(scores, 4), [[1, 2, 4, 0], [0, 1, 2, 3]])


def test_top_orders_the_extremes_of_int32():
    scores = np.array([[-(2**31), 2**31 - 1, 0]], np.int32)
    np.testing.assert_array_equal(reference.top(scores, 3), [[1, 2, 0]])


def test_the_whole_of_a_network_with_every_form():
    """Every operation of tests/wide.yaml from what came in, by loops over single values."""
    net = load("tests/wide.yaml")
    arrays = parameters.draw(net, 3)
    images = np.random.default_rng(3).integers(0, 256, (2, *net.input), dtype=np.uint8)
    found = reference.everything(net, arrays, images)

    def activated(layer, values):
        low = net.activations[layer].codes.low
        levels = arrays[key(layer, "thresholds")]
        codes = [low + sum(int(t) <= int(value) for t in levels[i % len(levels)]) for i, value in enumerate(values.ravel())]
        return np.array(codes).reshape(values.shape)

    def is_conv(layer, codes, *, sums=False):
        conv = next(conv for conv in net.convs if conv.name == layer)
        expected = reference.accumulate(codes, arrays[key(layer, "weights")], conv.window, conv.pad_codes)
        np.testing.assert_array_equal(found[f"{layer}.sums"], expected)
        if not sums:
            np.testing.assert_array_equal(found[layer], activated(layer, expected))
        return found[f"{layer}.sums"] if sums else found[layer]

    def is_join(block, main, bypass, factors, zero_point=0):
        added = np.empty(main.shape, np.int64)
        for place in itertools.product(*map(range, main.shape)):
            a, b = factors[place[-1] % len(factors)]
            added[place] = int(a) * int(main[place]) + int(b) * int(bypass[place]) - zero_point
        np.testing.assert_array_equal(found[f"{block}.join.sums"], added)
        np.testing.assert_array_equal(found[block], activated(f"{block}.join", added))

    entered = activated("stem.entry", images)
    np.testing.assert_array_equal(found["stem.entry"], entered)
    stem = is_conv("stem.conv", entered.astype(np.int8))
    np.testing.assert_array_equal(found["stem"], reference.max_pool(stem, net.stem.pool, net.stem.conv.output_format))
    stem = found["stem"]

    main = is_conv("res2a.conv2", is_conv("res2a.conv1", activated("res2a.entry", stem)), sums=True)
    bypass = is_conv("res2a.bypass", activated("res2a.entry_bypass", stem))
    is_join("res2a", main, bypass, arrays["res2a/join/factors"])

    main = is_conv("res2b.conv3", is_conv("res2b.conv2", is_conv("res2b.conv1", found["res2a"])))
    is_join("res2b", main, activated("res2b.entry_bypass", found["res2a"]), arrays["res2b/join/factors"], zero_point=3)

    entered = activated("res2c.entry", found["res2b"])
    main = is_conv("res2c.conv2", is_conv("res2c.conv1", entered), sums=True)
    is_join("res2c", main, is_conv("res2c.bypass", entered, sums=True), [(1, 1)])

    largest = [[max(max(int(code) + 8, 0) for code in frame[..., c].ravel()) for c in range(6)] for frame in found["res2c"]]
    pooled = activated("head.pool", np.array(largest))
    weights, factors, bias = (arrays[f"head/fc/{what}"].tolist() for what in ("weights", "factors", "bias"))
    scores = [
        [f * sum(map(int.__mul__, row, codes)) + b for row, f, b in zip(weights, factors, bias, strict=True)] for codes in pooled.tolist()
    ]
    assert found["scores"].tolist() == scores
    assert found["scores"].dtype == np.int64
    assert found["labels"].tolist() == [sorted(range(5), key=lambda k: -row[k])[:3] for row in scores]
