"""Every native path of this machine against the numpy one, bit for bit."""

from __future__ import annotations

import dataclasses
import os
import signal
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from runtime.container.program import Activation, Block, Conv, Entry, Format, Head, Join, Pair, Program, Shape, Window
from runtime.emulation.emulator import Emulator, _native, available_paths, available_products, peak
from runtime.emulation.lowered import LoweredProgram
from runtime.errors import DeviceError
from tests import reference_data
from tests.reference_data import needs_reference
from tests.runtime import programs, resnet50

NETWORK = _native.Network if _native is not None else None
NATIVE = tuple(path for path in available_paths() if path != "numpy")
WAYS = [(path, products) for path in NATIVE for products in available_products(path)]
LOOKED_UP = [way for way in WAYS if way[1] != "int8"]
SCALED = [path for path in NATIVE if path in ("amx", "avx512")]  # with weights scaled so that sums become codes in 16 bits

pytestmark = pytest.mark.skipif(not NATIVE, reason="runtime._native was not compiled when the project was installed")


@pytest.fixture(autouse=True, scope="module")
def everything_is_worth_a_team() -> Iterator[None]:
    """What is drawn here is small, and would be left to one thread."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("runtime.emulation.emulator._native.Network", team)
        yield


def team(program: LoweredProgram, path: str, threads: int, products: str) -> _native.Network:
    network = NETWORK(program, path, threads, products)
    network.worth_a_team = 0
    return network


def expected_layers(program: Program, path: str, products: str) -> dict[str, str]:
    """Weights above 127 are beyond vpdpbusd and vpmaddubsw; everything else is done by the path itself. Bipolar weights are looked up where
    the sums of a table fit into a byte, and those of a window into two."""

    def expected(conv: Conv) -> str:
        high = conv.input.high - conv.input.low
        if products != "int8" and conv.weight.bipolar and INPUTS[products] * high <= 255 and conv.weights[0].size * high < 2**16:
            return f"{path} {products}"
        return "portable" if path in ("avx512", "avx2") and conv.weights.max() > 127 else path

    return {conv.name: expected(conv) for conv in program.convs}


INPUTS = {"lookup16": 4, "lookup64": 6}


def assert_equal(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert list(found) == list(expected)
    for name in expected:
        assert found[name].dtype == expected[name].dtype, name
        assert np.array_equal(found[name], expected[name]), name


@settings(max_examples=150)
@given(st.data())
def test_every_path_equals_numpy(data: st.DataObject) -> None:
    drawer = programs.Drawer(data, wide=True)
    program = drawer.program()
    frames = drawer.integer(1, 11)
    images = drawer.rng.integers(0, 256, (frames, *program.input)).astype(np.uint8)
    weights = drawer.head_weights(program.head.classes, program.head.inputs)
    reference = Emulator(program, path="numpy")
    trace, (labels, scores) = reference.trace(images[0], weights), reference.run(images, weights)
    for path, products in WAYS:
        emulator = Emulator(program, path=path, products=products, threads=drawer.integer(1, 4))
        assert emulator.layers == expected_layers(program, path, products)
        assert_equal(emulator.trace(images[0], weights), trace)
        found_labels, found_scores = emulator.run(images, weights)
        assert np.array_equal(found_scores, scores)
        assert np.array_equal(found_labels, labels)


@settings(max_examples=100)
@given(st.data())
def test_stems_of_few_channels_and_large_windows(data: st.DataObject) -> None:
    """Whose pixels a path may stack, to read them in fewer pieces; behind an entry or not, and around them any code of each channel."""
    drawer = programs.Drawer(data, wide=True)
    image = Shape(drawer.integer(11, 40), drawer.integer(11, 40), drawer.draw(st.sampled_from([1, 2, 3, 4, 5, 7, 16, 17])))
    kernel = Pair(drawer.integer(2, 11), drawer.integer(2, 11))
    before, after = (Pair(*(drawer.integer(0, size - 1) for size in kernel)) for _ in range(2))
    window = Window(kernel=kernel, stride=Pair(drawer.integer(1, 3), drawer.integer(1, 3)), before=before, after=after)
    entry = drawer.activation("stem.entry", image.channels, drawer.format(8), 255) if drawer.chance() else None
    source = Format("uint8") if entry is None else entry.codes
    stem = drawer.conv("stem.conv", window, image.channels, 40, source, Format("uint4"))
    program = Program(input=image, entry=entry, stem=stem, pool=None, blocks=(), head=HEAD_OF_40)
    images = drawer.rng.integers(0, 256, (3, *image)).astype(np.uint8)
    reference = Emulator(program, path="numpy")
    trace, (_, scores) = reference.trace(images[0]), reference.run(images)
    for path in NATIVE:
        emulator = Emulator(program, path=path, products="int8", threads=2)  # frames of their own, and one together
        assert_equal(emulator.trace(images[0]), trace)
        assert np.array_equal(emulator.run(images)[1], scores)


@pytest.mark.parametrize("bits", [1, 2, 3, 5])
@pytest.mark.parametrize("path", NATIVE)
def test_entries_of_many_channels(path: str, bits: int) -> None:
    """Of more panels than one, and a rest: thresholds that every code reaches, or none does, and every code there is."""
    rng, channels = np.random.default_rng(bits), 5 * 64 + 7
    levels = rng.integers(-40, 300, (channels, 2**bits - 1))
    entry = Activation(name="stem.entry", codes=Format(f"uint{bits}"), thresholds=np.sort(levels, axis=1).astype(np.int32))
    counts = np.tile(np.arange(1, 2**bits, dtype=np.int32), (channels, 1))
    program = programs.simple(np.eye(channels, dtype=np.int8), "int8", counts, source=f"uint{bits}", target=f"uint{bits}")
    program = dataclasses.replace(program, input=Shape(16, 16, channels), entry=entry)
    images = np.stack([rng.permutation(256) for _ in range(channels)], axis=1).astype(np.uint8).reshape(16, 16, channels)
    expected = (images[..., np.newaxis] >= entry.thresholds).sum(axis=-1)
    assert np.array_equal(Emulator(program, path=path).trace(images)["stem"], expected)


HEAD_OF_40 = Head(zero_point=0, inputs=40, classes=40, top=1, weights=np.eye(40, dtype=np.int8), bias=np.zeros(40, np.int32))


@pytest.mark.parametrize("path", NATIVE)
def test_a_head_of_unsigned_weights(path: str) -> None:
    """Every byte there is, on sums as large as scores allow: the native paths multiply int8, and make up for it."""
    stem = programs.simple(np.tile([[1, 0]], (256, 1)).astype(np.int8), "int8", np.full((256, 1), 128, np.int32))
    matrix = np.stack([np.arange(256), np.full(256, 255), np.roll(np.arange(256), 7)]).astype(np.uint8)
    head = Head(zero_point=0, inputs=256, classes=3, top=3, weights=matrix, bias=np.array([-5, 0, 2**31 - 1 - 255 * 256], np.int32))
    program = dataclasses.replace(stem, head=head)
    image = np.array([[[200, 0]]], np.uint8)
    labels, scores = Emulator(program, path=path).run(image[np.newaxis])
    assert scores.tolist() == [[255 * 128 - 5, 255 * 256, 255 * 128 + 2**31 - 1 - 255 * 256]]
    assert labels.tolist() == [[2, 1, 0]]


@pytest.mark.parametrize("path", NATIVE)
@pytest.mark.parametrize(("weight", "value"), [("int8", -128), ("int8", 127), ("uint8", 255)])
def test_the_largest_sums_are_exact(path: str, weight: str, value: int) -> None:
    """Whatever adds in 16 bits, or in single precision, would be found out."""
    inputs = 30_000
    weights = np.full((3, inputs), value, np.uint8 if weight == "uint8" else np.int8)
    total = inputs * 255 * value
    program = programs.simple(weights, weight, np.array([[total], [total + 1], [total - 1]], np.int32))
    emulator = Emulator(program, path=path)
    assert emulator.layers == expected_layers(program, path, "int8")
    assert emulator.trace(np.full((1, 1, inputs), 255, np.uint8))["stem"].tolist() == [[[1, 0, 1]]]


def signed(inputs: int) -> Program:
    """An image of one pixel in int8, half of it the lowest code, times the largest weights there are."""
    entry = Activation(name="stem.entry", codes=Format("int8"), thresholds=np.tile(np.arange(1, 256, dtype=np.int32), (inputs, 1)))
    half = inputs // 2
    weights = np.full((3, inputs), -128, np.int8)
    total = half * -128 * -128 + (inputs - half) * -128 * 127
    program = programs.simple(weights, "int8", np.array([[total], [total + 1], [total - 1]], np.int32), source="int8")
    return dataclasses.replace(program, entry=entry)


@pytest.mark.parametrize("path", [*NATIVE, "numpy"])
def test_the_largest_sums_of_signed_codes(path: str) -> None:
    inputs = 65_000
    image = np.repeat(np.array([0, 255], np.uint8), inputs // 2).reshape(1, 1, -1)
    assert Emulator(signed(inputs), path=path).trace(image)["stem"].tolist() == [[[1, 0, 1]]]


def test_signed_sums_that_native_paths_cannot_hold() -> None:
    """Counted from the lowest code they go up to 66,000 * 128 * 255, beyond 2^31."""
    inputs = 66_000
    program = signed(inputs)
    image = np.repeat(np.array([0, 255], np.uint8), inputs // 2).reshape(1, 1, -1)
    emulator = Emulator(program)
    assert emulator.path == "numpy"
    assert emulator.trace(image)["stem"].tolist() == [[[1, 0, 1]]]
    with pytest.raises(DeviceError) as caught:
        Emulator(program, path="portable")
    assert str(caught.value) == (
        "path: 'portable'\n"
        "why: stem.conv has sums near the end of 32 bits, and native paths add up signed codes as unsigned ones\n"
        "fix: choose numpy"
    )


@pytest.mark.parametrize("path", NATIVE)
@pytest.mark.parametrize("bits", [5, 8])
@pytest.mark.parametrize("uneven", [0.0, 0.4, 3.0])
def test_many_thresholds_evenly_spaced_or_not(path: str, bits: int, uneven: float) -> None:
    """Estimated and then compared once, where they are even enough; at every threshold and one below it."""
    rng = np.random.default_rng(bits)
    codes, outputs = Format(f"int{bits}"), 70
    step = rng.uniform(20, 200, (outputs, 1)) * 8 / 2 ** (bits - 5)
    levels = step * (np.arange(codes.levels) - codes.levels / 2 + uneven * rng.uniform(-0.5, 0.5, (outputs, codes.levels)))
    thresholds = np.sort(np.ceil(levels), axis=1).astype(np.int32)
    # Three inputs make any sum up to 127 * 255 * 2 of each sign.
    weights = np.tile(np.array([[127, 1, -127]], np.int8), (outputs, 1))
    program = programs.simple(weights, "int8", thresholds, target=f"int{bits}")
    sums = np.unique(np.concatenate([thresholds[::9].ravel(), thresholds[::9].ravel() - 1]))
    sums = sums[np.abs(sums) <= 127 * 255]
    way = "levels" if uneven > 1 else "near" if uneven else "line" if bits < 8 else "double"
    assert_codes(program, path, way, sums)


@pytest.mark.parametrize("path", NATIVE)
@pytest.mark.parametrize("step", [1, 2, 4])
@pytest.mark.parametrize("bits", [7, 8])
def test_ties_to_even_and_codes_in_steps(path: str, bits: int, step: int) -> None:
    """Behind a quantizer with a scale of a power of two, thresholds are now nearer and now farther; behind a finer one they are equal."""
    codes, outputs = Format(f"uint{bits}"), 70
    ties = 64 * np.arange(-(-codes.levels // step)) + 32 + np.arange(outputs)[:, np.newaxis] * 128
    thresholds = np.repeat(ties + np.arange(ties.shape[1]) % 2 * -1 + 1, step, axis=1)[:, : codes.levels].astype(np.int32)
    program = programs.simple(np.tile(np.array([[127, 1, -127]], np.int8), (outputs, 1)), "int8", thresholds, target=codes.name)
    sums = np.unique(np.concatenate([thresholds[::9].ravel() + i for i in (-1, 0, 1)]))
    assert_codes(program, path, "line", sums[sums <= 127 * 255])


def assert_codes(program: Program, path: str, way: str, sums: NDArray[np.int64]) -> None:
    """Of a stem whose weights are 127, 1 and -127 for every output: three inputs make any sum."""
    weights, activation = program.stem.weights.reshape(-1, 3), program.stem.activation
    assert activation is not None
    high, low = np.maximum(sums, 0) // 127, np.maximum(-sums, 0) // 127 + (np.minimum(sums, 0) % -127 != 0)
    images = np.stack([high, sums - 127 * (high - low), low], axis=1).astype(np.uint8)
    assert np.array_equal(images.astype(int) @ weights[0].astype(int), sums)
    emulator = Emulator(dataclasses.replace(program, input=Shape(1, len(images), 3)), path=path)
    assert emulator.ways["stem.conv"] == way
    found = emulator.trace(images[np.newaxis])["stem"][0]
    expected = (activation.thresholds[np.newaxis] <= sums[:, np.newaxis, np.newaxis]).sum(axis=2) + activation.codes.low
    assert np.array_equal(found, expected)


JOINS = {"one": (1, 0.0, "plane"), "three": (3, 0.0, "plane"), "uneven": (1, 0.3, "levels")}


@pytest.mark.parametrize("path", NATIVE)
@pytest.mark.parametrize(("kinds", "uneven", "way"), JOINS.values(), ids=JOINS)
def test_joins_behind_real_factors(path: str, kinds: int, uneven: float, way: str) -> None:
    """Every pair of codes, which whole factors and thresholds follow as an import has them: a * main + b * bypass only comes near to what
    was rounded, so that thresholds are not even."""
    outputs = 70
    codes = np.arange(256)
    images = np.stack(np.broadcast_arrays(codes[:, np.newaxis], codes), axis=2).astype(np.uint8)
    factors = np.array([[368, 401], [512, 301], [1300, 250]], np.int32)[:kinds]
    levels, expected = np.empty((kinds, 255), np.int32), np.empty((kinds, 256, 256), np.uint8)
    for i, (step, offset) in enumerate([(760.3, -0.3), (611.7, -20.2), (1024.9, 3.1)][:kinds]):
        values = images.astype(np.int64) @ factors[i]
        wanted = np.clip(np.round(images @ (factors[i] * [1, 1 + 1e-6] / step) + offset), 0, 255)
        middle = (np.arange(255) + 0.5 - offset + uneven * np.sin(np.arange(255))) * step
        levels[i] = [values[wanted > k].min() if not uneven and (wanted > k).any() else middle[k] for k in range(255)]
        levels[i].sort()
        expected[i] = np.searchsorted(levels[i], values, side="right")
        assert uneven or np.array_equal(expected[i], wanted)

    def conv(name: str, weights: NDArray[np.int8]) -> Conv:
        outputs = len(weights)
        activation = Activation(name=name, codes=Format("uint8"), thresholds=np.tile(np.arange(1, 256, dtype=np.int32), (outputs, 1)))
        window = Window(kernel=Pair(1, 1), stride=Pair(1, 1), before=Pair(0, 0), after=Pair(0, 0))
        weights = weights.reshape(outputs, 1, 1, -1)
        return Conv(name=name, window=window, weight=Format("int8"), input=Format("uint8"), weights=weights, activation=activation)

    def only(channel: int) -> NDArray[np.int8]:
        return np.tile(np.eye(2, dtype=np.int8)[channel], (outputs, 1))

    turns = np.arange(outputs) % kinds
    block = Block(
        name="block",
        entry=Entry(),
        convs=(conv("block.conv1", np.eye(2, dtype=np.int8)), conv("block.conv2", only(0))),
        bypass=conv("block.bypass", only(1)),
        join=Join(
            zero_point=0,
            codes=Format("uint8"),
            factors=factors if kinds == 1 else factors[turns],
            activation=Activation(name="block.join", codes=Format("uint8"), thresholds=levels[turns]),
        ),
    )
    head = Head(zero_point=0, inputs=outputs, classes=1, top=1, weights=np.ones((1, outputs), np.int8), bias=np.zeros(1, np.int32))
    program = Program(input=Shape(256, 256, 2), stem=conv("stem.conv", np.eye(2, dtype=np.int8)), pool=None, blocks=(block,), head=head)
    emulator = Emulator(program, path=path)
    assert emulator.ways["block.conv2"] == f"{'scaled' if path in SCALED else 'line'}, {way}"
    assert np.array_equal(emulator.trace(images)["block"], np.moveaxis(expected[turns], 0, 2))


@pytest.mark.parametrize("path", SCALED)
@pytest.mark.parametrize("weight", ["bipolar", "int2", "int8"])
@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize(("target", "uneven"), [(1, 0.0), (2, 0.0), (4, 0.0), (4, 3.0)])
def test_sums_of_scaled_weights_on_both_sides_of_every_threshold(path: str, weight: str, bits: int, target: int, uneven: float) -> None:
    """Windows of all sums, also of those that are cut to 16 bits. Some channels have thresholds that none reaches, or all."""
    inputs, outputs, high, codes = 150, 70, 2**bits - 1, Format(f"uint{target}")
    rng = np.random.default_rng(bits)
    sign = np.where(np.arange(outputs) % 3 > 0, 1, -1)[:, np.newaxis]
    step = rng.uniform(0.5, 1, (outputs, 1)) * min(inputs * high, 3000) / codes.levels
    levels = step * (np.arange(codes.levels) - codes.levels / 2 + uneven * rng.uniform(-0.5, 0.5, (outputs, codes.levels)))
    centre = sign * rng.choice([0.2, 0.5, 0.8], (outputs, 1)) * inputs * high
    levels += np.select([np.arange(outputs) % 16 == 5, np.arange(outputs) % 16 == 9], [2 * inputs * high, -2 * inputs * high])[
        :, np.newaxis
    ]
    thresholds = np.sort(np.ceil(levels + centre), axis=1).astype(np.int32)
    program = programs.simple(np.repeat(sign, inputs, axis=1).astype(np.int8), weight, thresholds, source=f"uint{bits}", target=codes.name)
    if weight == "int8":  # an input that is always zero leaves no room to scale the others
        program.stem.weights[:, ..., -1] = 127
        inputs -= 1
    sums = np.arange(inputs * high + 1)
    images = np.zeros((len(sums), 150), np.uint8)
    images[:, :inputs] = np.clip(sums[:, np.newaxis] - np.arange(inputs) * high, 0, high)
    entry = Activation(name="stem.entry", codes=Format(f"uint{bits}"), thresholds=np.tile(np.arange(1, high + 1, dtype=np.int32), (150, 1)))
    emulator = Emulator(dataclasses.replace(program, input=Shape(1, len(images), 150), entry=entry), path=path, products="int8")
    if weight != "int8" and not uneven:
        assert emulator.ways["stem.conv"] == "scaled"
    expected = (thresholds[np.newaxis] <= (sums[:, np.newaxis] * sign.T)[:, :, np.newaxis]).sum(axis=2)
    assert np.array_equal(emulator.trace(images[np.newaxis])["stem"][0], expected)


@pytest.mark.parametrize("path", NATIVE)
def test_sums_that_no_scale_may_take_out_of_32_bits(path: str) -> None:
    inputs = 140_000  # 64 times the largest sum is more than 2^31
    program = programs.simple(np.ones((1, inputs), np.int8), "bipolar", np.array([[10, 20, 30]], np.int32), target="uint2")
    images = np.zeros((1, 3, inputs), np.uint8)
    images[0, 1, :20], images[0, 2] = 1, 255
    emulator = Emulator(dataclasses.replace(program, input=Shape(1, 3, inputs)), path=path)
    assert emulator.trace(images)["stem"].tolist() == [[[0], [2], [3]]]


@pytest.mark.parametrize(("path", "products"), LOOKED_UP)
@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(("target", "uneven"), [(2, 0.0), (4, 0.0), (4, 3.0), (8, 0.0)])
def test_looked_up_sums_on_both_sides_of_every_threshold(path: str, products: str, bits: int, target: int, uneven: float) -> None:
    """Windows of all sums up to the largest, with weights of one sign: every sum there is."""
    inputs, outputs, high, codes = 150, 70, 2**bits - 1, Format(f"uint{target}")
    if INPUTS[products] * high > 255:
        pytest.skip("a table's sums do not fit into a byte")
    rng = np.random.default_rng(bits)
    sign = np.where(np.arange(outputs) % 3 > 0, 1, -1)[:, np.newaxis]
    step = rng.uniform(0.5, 1, (outputs, 1)) * inputs * high / codes.levels
    levels = step * (np.arange(codes.levels) - codes.levels / 2 + uneven * rng.uniform(-0.5, 0.5, (outputs, codes.levels)))
    thresholds = np.sort(np.ceil(levels + inputs * high / 2 * sign), axis=1).astype(np.int32)
    weights = np.repeat(sign, inputs, axis=1).astype(np.int8)
    program = programs.simple(weights, "bipolar", thresholds, source=f"uint{bits}", target=codes.name)
    sums = np.arange(inputs * high + 1)
    images = np.clip(sums[:, np.newaxis] - np.arange(inputs) * high, 0, high).astype(np.uint8)
    entry = Activation(
        name="stem.entry", codes=Format(f"uint{bits}"), thresholds=np.tile(np.arange(1, high + 1, dtype=np.int32), (inputs, 1))
    )
    emulator = Emulator(dataclasses.replace(program, input=Shape(1, len(images), inputs), entry=entry), path=path, products=products)
    assert emulator.layers == {"stem.conv": f"{path} {products}"}
    # Of 8 bits some columns need more than 16 bits behind the point, and are found by a line in floating point.
    assert emulator.ways["stem.conv"] in ({"levels"} if uneven else {"fixed"} if target < 8 else {"fixed", "line", "double"})
    expected = (thresholds[np.newaxis] <= (sums[:, np.newaxis] * sign.T)[:, :, np.newaxis]).sum(axis=2)
    assert np.array_equal(emulator.trace(images[np.newaxis])["stem"][0], expected)


@pytest.mark.parametrize("path", NATIVE)
def test_a_trial_chooses_among_what_suits(path: str) -> None:
    """For a layer that is worth one; a second network does as the first."""
    rng = np.random.default_rng(3)
    weights = (2 * rng.integers(0, 2, (256, 64)) - 1).astype(np.int8)
    thresholds = np.sort(rng.integers(-60, 60, (256, 3)), axis=1).astype(np.int32)
    program = programs.simple(weights, "bipolar", thresholds, source="uint2", target="uint2")
    entry = Activation(name="stem.entry", codes=Format("uint2"), thresholds=np.tile(np.array([64, 128, 192], np.int32), (64, 1)))
    program = dataclasses.replace(program, input=Shape(20, 20, 64), entry=entry)
    image = rng.integers(0, 256, program.input).astype(np.uint8)
    first, second = Emulator(program, path=path), Emulator(program, path=path)
    assert first.layers == second.layers
    assert first.layers["stem.conv"] in {path, *(f"{path} {products}" for products in available_products(path))}
    assert_equal(first.trace(image), Emulator(program, path="numpy").trace(image))


@pytest.mark.parametrize(("path", "products"), [*WAYS, (NATIVE[0] if NATIVE else "numpy", "auto")])
@needs_reference
def test_resnet50_equals_the_original_design(path: str, products: str) -> None:
    golden, weights = reference_data.golden(), reference_data.parameters()["head/fc/weights"]
    program = resnet50.program()
    for threads in (1, 2, 3, 4) if products == "auto" else (2,):
        emulator = Emulator(program, path=path, products=products, threads=threads)
        assert products == "auto" or emulator.layers == expected_layers(program, path, products)
        trace = emulator.trace(golden["image"], weights)
        assert np.array_equal(trace.pop("labels"), golden["top5"])
        assert {name for name, codes in trace.items() if not np.array_equal(codes, golden[name])} == set()
    labels, scores = emulator.run(np.repeat(golden["image"][np.newaxis], 3, axis=0), weights)
    assert np.array_equal(labels, np.repeat(golden["top5"][np.newaxis], 3, axis=0))
    assert np.array_equal(scores, np.repeat(golden["scores"][np.newaxis], 3, axis=0))


def drawn(seed: int) -> tuple[Program, NDArray[np.uint8], NDArray[np.int8]]:
    """A stem of 3x3 windows, images and weights."""
    rng = np.random.default_rng(seed)
    window = Window(kernel=Pair(3, 3), stride=Pair(1, 1), before=Pair(1, 1), after=Pair(1, 1))
    conv = Conv(
        name="stem.conv",
        window=window,
        weight=Format("int8"),
        input=Format("uint8"),
        weights=rng.integers(-128, 128, (70, 3, 3, 3)).astype(np.int8),
        activation=Activation(
            name="stem.conv",
            codes=Format("uint4"),
            thresholds=np.sort(rng.integers(-90_000, 90_000, (70, 15)), axis=1).astype(np.int32),
        ),
    )
    head = Head(zero_point=3, inputs=70, classes=10, top=3, weights=None, bias=np.zeros(10, np.int32))
    program = Program(input=Shape(24, 24, 3), stem=conv, pool=None, blocks=(), head=head)
    return program, rng.integers(0, 256, (40, 24, 24, 3)).astype(np.uint8), rng.integers(-128, 128, (10, 70)).astype(np.int8)


@pytest.mark.parametrize("path", NATIVE)
def test_several_threads_may_call(path: str) -> None:
    program, images, weights = drawn(1)
    expected = Emulator(program, path="numpy").run(images, weights)[1]
    emulator = Emulator(program, path=path, threads=2)
    wrong: list[int] = []

    def call(caller: int) -> None:
        for i in range(10):
            part = slice(caller, caller + 1 + i)
            if not np.array_equal(emulator.run(images[part], weights)[1], expected[part]):
                wrong.append(caller)

    callers = [threading.Thread(target=call, args=(i,)) for i in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert wrong == []


@pytest.mark.parametrize("frames", [0, 1, 2, 7, 40])
def test_any_number_of_frames(frames: int) -> None:
    program, images, weights = drawn(2)
    labels, scores = Emulator(program, path="numpy").run(images, weights)
    for threads, worth_a_team in ((1, 0), (3, 0), (3, 2**62)):
        emulator = Emulator(program, path=NATIVE[0], threads=threads)
        emulator._network.worth_a_team = worth_a_team  # type: ignore[union-attr]
        found_labels, found_scores = emulator.run(images[:frames], weights)
        assert np.array_equal(found_labels, labels[:frames])
        assert np.array_equal(found_scores, scores[:frames])


def test_images_need_not_be_contiguous() -> None:
    program, images, weights = drawn(3)
    expected = Emulator(program, path="numpy").run(images[::2, :, ::-1], weights)[1]
    assert np.array_equal(Emulator(program, path=NATIVE[0]).run(images[::2, :, ::-1], weights)[1], expected)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_process_has_threads_of_its_own() -> None:
    program, images, weights = drawn(4)
    emulator = Emulator(program, path=NATIVE[0], threads=3)
    expected = emulator.run(images, weights)[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that there are threads is what this is about
        child = os.fork()
    if child == 0:
        signal.alarm(30)  # ends the child if it waits for threads that are not there
        os._exit(0 if np.array_equal(emulator.run(images, weights)[1], expected) else 1)
    assert np.array_equal(emulator.run(images, weights)[1], expected)
    assert os.waitpid(child, 0)[1] == 0


def test_paths_and_threads_can_be_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    program, _, _ = drawn(5)
    assert Emulator(program).path == NATIVE[0]
    assert Emulator(program, path="numpy").layers == {"stem.conv": "numpy"}
    monkeypatch.setenv("RESFLOW_EMULATOR_PATH", "portable")
    monkeypatch.setenv("RESFLOW_EMULATOR_THREADS", "3")
    emulator = Emulator(program)
    assert (emulator.path, emulator.threads, emulator.layers) == ("portable", 3, {"stem.conv": "portable"})
    assert (Emulator(program, path="numpy").path, Emulator(program, threads=1).threads) == ("numpy", 1)
    monkeypatch.setenv("RESFLOW_EMULATOR_PRODUCTS", "int8")
    assert (Emulator(program).layers, Emulator(program, path="numpy").path) == ({"stem.conv": "portable"}, "numpy")


@pytest.mark.parametrize(("path", "threads", "where"), [("sse9", None, "path"), ("numpy", 0, "threads"), ("numpy", 5000, "threads")])
def test_what_cannot_be_forced(path: str, threads: int | None, where: str) -> None:
    with pytest.raises(DeviceError, match=f"^{where}: "):
        Emulator(drawn(6)[0], path=path, threads=threads)


def test_products_that_cannot_be_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    program = drawn(6)[0]
    with pytest.raises(DeviceError) as caught:
        Emulator(program, path="portable", products="lookup16")
    assert str(caught.value) == "products: 'lookup16'\nwhy: path portable has no such way to products\nfix: choose from auto, int8"
    with pytest.raises(DeviceError) as caught:
        Emulator(program, path="numpy", products="int8")
    assert str(caught.value) == "products: 'int8'\nwhy: path numpy has no such way to products\nfix: choose from auto"
    monkeypatch.setenv("RESFLOW_EMULATOR_PRODUCTS", "planes")
    with pytest.raises(DeviceError) as caught:
        Emulator(program, path="portable")
    what = "RESFLOW_EMULATOR_PRODUCTS: 'planes'\nwhy: path portable has no such way to products\nfix: choose from auto, int8"
    assert str(caught.value) == what
    for products in ("planes", "auto", "lookup16"):
        with pytest.raises(DeviceError, match=f"^products: '{products}'"):
            peak("portable", 1, products=products)


def test_environment_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESFLOW_EMULATOR_PATH", "fast")
    with pytest.raises(DeviceError) as caught:
        Emulator(drawn(7)[0])
    why = "this machine, or this installation, has no such path"
    assert str(caught.value) == f"RESFLOW_EMULATOR_PATH: 'fast'\nwhy: {why}\nfix: choose from auto, {', '.join(available_paths())}"
    monkeypatch.setenv("RESFLOW_EMULATOR_PATH", "auto")
    monkeypatch.setenv("RESFLOW_EMULATOR_THREADS", "many")
    with pytest.raises(DeviceError) as caught:
        Emulator(drawn(7)[0])
    what = "RESFLOW_EMULATOR_THREADS: 'many'\nwhy: expected an integer from 1 to 1024\nfix: give a number of threads, or leave it out"
    assert str(caught.value) == what


def test_arrays_that_do_not_fit_are_refused() -> None:
    program, images, weights = drawn(8)
    emulator = Emulator(program, path=NATIVE[0])
    with pytest.raises(ValueError, match="another shape"):
        emulator.run(images[:, :, :5], weights)
    with pytest.raises(ValueError, match="another shape"):
        emulator.run(images, weights[:, :5])


@pytest.mark.parametrize("path", NATIVE)
def test_profile_names_every_layer(path: str) -> None:
    program, images, weights = drawn(9)
    steps = set(Emulator(program, path=path, threads=1).profile(images, weights))
    assert steps - {"entry"} == {"stem.conv", "head"}  # and an entry where the path wants images in a border
    assert peak(path, 1, seconds=0.01) > 1e8
