"""The emulator against loops that anyone can read."""

from __future__ import annotations

import dataclasses
import shutil
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from runtime.container.program import Activation, Block, Conv, GlobalPool, Head, Program, Window
from runtime.emulation.emulator import Emulator, available_paths
from tests.runtime import programs

Codes = NDArray[Any]


def slow_windows(codes: Codes, window: Window) -> Any:
    """Yield (row, column, kernel_y, kernel_x, pixel) of every tap; the pixel is None outside the image."""
    height, width = window.output(*codes.shape[:2])
    for row in range(height):
        for column in range(width):
            for ky in range(window.kernel.vertical):
                for kx in range(window.kernel.horizontal):
                    y = row * window.stride.vertical + ky - window.before.vertical
                    x = column * window.stride.horizontal + kx - window.before.horizontal
                    inside = 0 <= y < codes.shape[0] and 0 <= x < codes.shape[1]
                    yield row, column, ky, kx, codes[y, x] if inside else None


def slow_activation(values: Codes, activation: Activation | None) -> Codes:
    if activation is None:
        return values
    result = np.zeros(values.shape, object)
    for place in np.ndindex(values.shape):
        reached = sum(int(threshold) <= int(values[place]) for threshold in activation.thresholds[place[-1]])
        result[place] = activation.codes.low + reached
    return result


def slow_conv(codes: Codes, conv: Conv) -> Codes:
    height, width = conv.window.output(*codes.shape[:2])
    pads = conv.pad_codes if len(conv.pad_codes) > 1 else conv.pad_codes * codes.shape[2]
    sums = np.zeros((height, width, len(conv.weights)), object)
    for row, column, ky, kx, pixel in slow_windows(codes, conv.window):
        for out in range(len(conv.weights)):
            taken = pads if pixel is None else pixel
            sums[row, column, out] += sum(int(w) * int(x) for w, x in zip(conv.weights[out, ky, kx], taken, strict=True))
    return slow_activation(sums, conv.activation)


def slow_pool(codes: Codes, window: Window, low: int) -> Codes:
    result = np.full((*window.output(*codes.shape[:2]), codes.shape[2]), low, object)
    for row, column, _, _, pixel in slow_windows(codes, window):
        if pixel is not None:
            result[row, column] = np.maximum(result[row, column], pixel)
    return result


def slow_block(codes: Codes, block: Block) -> Codes:
    codes = slow_activation(codes, block.entry.both)
    path, bypass = slow_activation(codes, block.entry.main), slow_activation(codes, block.entry.bypass)
    for conv in block.convs:
        path = slow_conv(path, conv)
    if block.bypass is not None:
        bypass = slow_conv(bypass, block.bypass)
    join = block.join
    result = np.zeros(path.shape, object)
    for place in np.ndindex(path.shape):
        a, b = (1, 1) if join.factors is None else map(int, join.factors[place[-1] % len(join.factors)])
        result[place] = a * int(path[place]) + b * int(bypass[place]) - join.zero_point
        if join.activation is None:
            result[place] = min(max(result[place], 0), join.codes.high)
    return slow_activation(result, join.activation)


def slow_trace(program: Program, image: Codes, streamed: Codes) -> dict[str, Codes]:
    codes = slow_conv(slow_activation(image, program.entry), program.stem)
    if program.pool is not None:
        codes = slow_pool(codes, program.pool, program.codes["stem"].low)
    trace = {"stem": codes}
    for block in program.blocks:
        codes = trace[block.name] = slow_block(codes, block)
    head = program.head
    weights = streamed if head.weights is None else head.weights
    pooled = np.zeros(head.inputs, object)
    for y, x, c in np.ndindex(codes.shape):
        above = max(int(codes[y, x, c]) - head.zero_point, 0)
        pooled[c] = max(pooled[c], above) if head.pool is GlobalPool.MAX else pooled[c] + above
    pooled = slow_activation(pooled, head.activation)
    scores = np.zeros(head.classes, object)
    for label in range(head.classes):
        sums = sum(int(value) * int(weight) for value, weight in zip(pooled, weights[label], strict=True))
        scores[label] = sums * (1 if head.factors is None else int(head.factors[label])) + int(head.bias[label])
    scores = slow_activation(scores, head.output)
    best = sorted(range(head.classes), key=lambda label: (-scores[label], label))
    return trace | {"scores": scores, "labels": np.array(best[: head.top])}


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_equals_the_loops(data: st.DataObject) -> None:
    drawer = programs.Drawer(data, wide=False)
    program = drawer.program()
    images = drawer.rng.integers(0, 256, (2, *program.input)).astype(np.uint8)
    streamed = drawer.head_weights(program.head.classes, program.head.inputs)
    emulator = Emulator(program, path="numpy")
    labels, scores = emulator.run(images, streamed)
    for image, found_labels, found_scores in zip(images, labels, scores, strict=True):
        expected, found = slow_trace(program, image, streamed), emulator.trace(image, streamed)
        assert list(found) == list(expected)
        for name in expected:
            assert np.array_equal(found[name], expected[name]), name
            if name in program.codes:
                assert found[name].dtype == program.codes[name].dtype
        assert np.array_equal(found_labels, expected["labels"])
        assert np.array_equal(found_scores, expected["scores"])
        assert found_scores.dtype == program.head.ranked


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ to compile the extension with")
def test_the_native_module_is_there() -> None:
    """An extension that does not compile is left out of an installation without a word; here it is not."""
    assert "portable" in available_paths(), "pip install --verbose says why runtime._native does not compile"


def test_without_the_native_module_numpy_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.emulation.emulator._native", None)
    emulator = Emulator(stem_only(np.array([[1], [2]], np.uint8), [100, 100]))
    assert (emulator.path, available_paths()) == ("numpy", ("numpy",))
    assert emulator.trace(np.full((1, 1, 1), 60, np.uint8))["stem"].tolist() == [[[0, 1]]]


def stem_only(weights: NDArray[Any], thresholds: list[int]) -> Program:
    return programs.simple(weights, "uint8", np.array([[threshold] for threshold in thresholds], np.int32))


@pytest.mark.parametrize("inputs", [257, 300, 30_000])
def test_sums_around_the_end_of_float32_are_exact(inputs: int) -> None:
    """257 products of 255 * 255 are the first to be below 2^24 and lose their last bit above it."""
    weights = np.full((3, inputs), 255, np.uint8)
    total = inputs * 255 * 255
    program = stem_only(weights, [total, total + 1, total - 1])
    trace = Emulator(program, path="numpy").trace(np.full((1, 1, inputs), 255, np.uint8))
    assert trace["stem"].tolist() == [[[1, 0, 1]]]


def test_large_batches_are_worked_off_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    program = stem_only(np.array([[1], [2]], np.uint8), [100, 100])
    images = np.arange(256, dtype=np.uint8).reshape(-1, 1, 1, 1)
    whole = Emulator(program, path="numpy").run(images)
    monkeypatch.setattr("runtime.emulation.numpy_path.WINDOW_ELEMENTS", 14)
    parts = Emulator(program, path="numpy").run(images)
    assert all(np.array_equal(a, b) for a, b in zip(whole, parts, strict=True))


def test_equal_scores_go_to_the_lower_label() -> None:
    program = stem_only(np.ones((1, 1), np.uint8), [1])
    head = Head(zero_point=0, inputs=1, classes=4, top=4, weights=np.array([[1], [2], [2], [1]], np.int8), bias=np.zeros(4, np.int32))
    program = dataclasses.replace(program, head=head)
    labels, _ = Emulator(program).run(np.full((1, 1, 1, 1), 9, np.uint8))
    assert labels.tolist() == [[1, 2, 0, 3]]


def test_streamed_weights_must_be_passed() -> None:
    program = stem_only(np.ones((1, 1), np.uint8), [1])
    head = Head(zero_point=0, inputs=1, classes=1, top=1, weights=None, bias=np.zeros(1, np.int32))
    program = dataclasses.replace(program, head=head)
    with pytest.raises(ValueError, match=r"^this program streams the weights of its fully connected layer: pass them$"):
        Emulator(program).run(np.zeros((1, 1, 1, 1), np.uint8))
