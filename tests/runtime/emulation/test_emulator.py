"""The emulator against loops that anyone can read."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from runtime.container.program import Block, Conv, Format, Head, Pair, Program, Shape, Window
from runtime.emulation.emulator import Emulator, available_paths

Codes = NDArray[Any]


def slow_windows(codes: Codes, window: Window) -> Any:
    """Yield (row, column, kernel_y, kernel_x, pixel) of every tap that lies inside the image."""
    height, width = window.output(*codes.shape[:2])
    for row in range(height):
        for column in range(width):
            for ky in range(window.kernel.vertical):
                for kx in range(window.kernel.horizontal):
                    y = row * window.stride.vertical + ky - window.before.vertical
                    x = column * window.stride.horizontal + kx - window.before.horizontal
                    if 0 <= y < codes.shape[0] and 0 <= x < codes.shape[1]:
                        yield row, column, ky, kx, codes[y, x]


def slow_count(value: int, thresholds: Any) -> int:
    return sum(int(threshold) <= int(value) for threshold in thresholds)


def slow_conv(codes: Codes, conv: Conv) -> Codes:
    height, width = conv.window.output(*codes.shape[:2])
    sums = np.zeros((height, width, len(conv.weights)), object)
    for row, column, ky, kx, pixel in slow_windows(codes, conv.window):
        for out in range(len(conv.weights)):
            sums[row, column, out] += sum(int(w) * int(x) for w, x in zip(conv.weights[out, ky, kx], pixel, strict=True))
    result = np.zeros(sums.shape, np.uint8)
    for place in np.ndindex(sums.shape):
        result[place] = slow_count(sums[place], conv.thresholds[place[-1]])
    return result


def slow_pool(codes: Codes, window: Window) -> Codes:
    result = np.zeros((*window.output(*codes.shape[:2]), codes.shape[2]), np.uint8)
    for row, column, _, _, pixel in slow_windows(codes, window):
        result[row, column] = np.maximum(result[row, column], pixel)
    return result


def slow_block(codes: Codes, block: Block) -> Codes:
    act = codes
    if block.entry is not None:
        act = np.zeros_like(codes)
        for place in np.ndindex(codes.shape):
            act[place] = slow_count(codes[place], block.entry[place[-1]])
    path = act
    for conv in block.convs:
        path = slow_conv(path, conv)
    bypass = codes if block.bypass is None else slow_conv(act, block.bypass)
    result = np.zeros_like(path)
    for place in np.ndindex(path.shape):
        result[place] = min(max(int(path[place]) + int(bypass[place]) - block.zero_point, 0), 2**block.bits - 1)
    return result


def slow_trace(program: Program, image: Codes, streamed: Codes | None) -> dict[str, Codes]:
    codes = slow_conv(image, program.stem)
    if program.pool is not None:
        codes = slow_pool(codes, program.pool)
    trace = {"stem": codes}
    for block in program.blocks:
        codes = trace[block.name] = slow_block(codes, block)
    head = program.head
    weights = streamed if head.weights is None else head.weights
    assert weights is not None
    scores = [int(bias) for bias in head.bias]
    for y, x, c in np.ndindex(codes.shape):
        for label in range(head.classes):
            scores[label] += max(int(codes[y, x, c]) - head.zero_point, 0) * int(weights[label, c])
    best = sorted(range(head.classes), key=lambda label: (-scores[label], label))
    return trace | {"scores": np.array(scores), "labels": np.array(best[: head.top])}


class Drawer:
    """Draws layers that fit each other."""

    def __init__(self, data: st.DataObject) -> None:
        self.draw = data.draw
        self.rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))

    def integer(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def window(self, shape: Shape) -> Window:
        kernel = Pair(self.integer(1, min(3, shape.height)), self.integer(1, min(3, shape.width)))
        before, after = (Pair(*(self.integer(0, size - 1) for size in kernel)) for _ in range(2))
        return Window(kernel=kernel, stride=Pair(self.integer(1, 2), self.integer(1, 2)), before=before, after=after)

    def conv(self, name: str, window: Window, inputs: int, out: int, source: Format, target: Format) -> Conv:
        weight = Format(self.draw(st.sampled_from(["bipolar", "int2", "int5", "int8", "uint1", "uint3", "uint8"])))
        shape = (out, *window.kernel, inputs)
        weights = self.rng.integers(weight.low, weight.high, shape, endpoint=True)
        weights = np.where(weights > 0, 1, -1) if weight.bipolar else weights
        return Conv(
            name=name,
            window=window,
            weight=weight,
            input=source,
            output=target,
            weights=weights.astype(np.uint8 if weight.unsigned else np.int8),
            thresholds=self.thresholds(out, target, 2 * source.high * (weight.high + 1)),
        )

    def thresholds(self, channels: int, codes: Format, reach: int) -> NDArray[np.int32]:
        """Among the sums that occur, and now and then at the ends of 32 bits."""
        drawn = self.rng.integers(-reach, reach, (channels, codes.levels), endpoint=True)
        drawn[self.rng.random(drawn.shape) < 0.05] = 2**31 - 1
        drawn[self.rng.random(drawn.shape) < 0.05] = -(2**31)
        return np.sort(drawn, axis=1).astype(np.int32)

    def block(self, name: str, shape: Shape, codes: Format) -> tuple[Block, Shape, Format]:
        inner, residual = codes, Format(f"uint{self.integer(1, 5)}")
        entry = None
        if self.draw(st.booleans()):
            inner = Format(f"uint{self.integer(1, 3)}")
            entry = self.thresholds(shape.channels, inner, codes.high)
        count, out = self.integer(2, 3), self.integer(1, 3)
        projection = self.draw(st.booleans())
        if not projection:
            residual, out = codes, shape.channels
        stride = Pair(self.integer(1, 2), self.integer(1, 2)) if projection else Pair(1, 1)
        convs: list[Conv] = []
        source, channels = inner, shape.channels
        for i in range(1, count + 1):
            size = self.draw(st.sampled_from([1, 3]))
            around = Pair(size // 2, size // 2)
            window = Window(kernel=Pair(size, size), stride=stride if i == 1 else Pair(1, 1), before=around, after=around)
            target = residual if i == count else Format(f"uint{self.integer(1, 3)}")
            wide = out if i == count else self.integer(1, 3)
            convs.append(self.conv(f"{name}.conv{i}", window, channels, wide, source, target))
            source, channels = target, wide
        one = Window(kernel=Pair(1, 1), stride=stride, before=Pair(0, 0), after=Pair(0, 0))
        bypass = self.conv(f"{name}.bypass", one, shape.channels, out, inner, residual) if projection else None
        zero_point = self.integer(0, residual.high)
        block = Block(name=name, entry=entry, convs=tuple(convs), bypass=bypass, zero_point=zero_point, bits=residual.bits)
        return block, Shape(*one.output(shape.height, shape.width), out), residual

    def program(self) -> Program:
        image = Shape(self.integer(1, 5), self.integer(1, 5), self.integer(1, 3))
        window = self.window(image)
        codes = Format(f"uint{self.draw(st.sampled_from([1, 2, 3, 8]))}")
        stem = self.conv("stem.conv", window, image.channels, self.integer(1, 3), Format("uint8"), codes)
        shape = Shape(*window.output(image.height, image.width), len(stem.weights))
        pool = self.window(shape) if self.draw(st.booleans()) else None
        if pool is not None:
            shape = Shape(*pool.output(shape.height, shape.width), shape.channels)
        blocks: list[Block] = []
        for i in range(self.integer(0, 2)):
            block, shape, codes = self.block(f"block{i}", shape, codes)
            blocks.append(block)
        classes = self.integer(1, 5)
        head = Head(
            zero_point=self.integer(0, codes.high),
            inputs=shape.channels,
            classes=classes,
            top=self.integer(1, classes),
            weights=self.weights(classes, shape.channels) if self.draw(st.booleans()) else None,
            bias=self.rng.integers(-3, 4, classes).astype(np.int32),
        )
        return Program(input=image, stem=stem, pool=pool, blocks=tuple(blocks), head=head)

    def weights(self, *shape: int) -> NDArray[np.int8]:
        # Few values, so that scores are often equal.
        return self.rng.integers(-1, 2, shape).astype(np.int8)


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_equals_the_loops(data: st.DataObject) -> None:
    drawer = Drawer(data)
    program = drawer.program()
    images = drawer.rng.integers(0, 256, (2, *program.input)).astype(np.uint8)
    streamed = drawer.weights(program.head.classes, program.head.inputs)
    emulator = Emulator(program, path="numpy")
    labels, scores = emulator.run(images, streamed)
    for image, found_labels, found_scores in zip(images, labels, scores, strict=True):
        expected, found = slow_trace(program, image, streamed), emulator.trace(image, streamed)
        assert list(found) == list(expected)
        for name in expected:
            assert np.array_equal(found[name], expected[name]), name
        assert np.array_equal(found_labels, expected["labels"])
        assert np.array_equal(found_scores, expected["scores"])


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ to compile the extension with")
def test_the_native_module_is_there() -> None:
    """An extension that does not compile is left out of an installation without a word; here it is not."""
    assert "portable" in available_paths(), "pip install --verbose says why runtime._native does not compile"


def test_without_the_native_module_numpy_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.emulation.emulator._native", None)
    emulator = Emulator(stem_only(np.array([[[[1]]], [[[2]]]], np.uint8), [100, 100]))
    assert (emulator.path, available_paths()) == ("numpy", ("numpy",))
    assert emulator.trace(np.full((1, 1, 1), 60, np.uint8))["stem"].tolist() == [[[0, 1]]]


def stem_only(weights: NDArray[Any], thresholds: list[int]) -> Program:
    one = Window(kernel=Pair(1, 1), stride=Pair(1, 1), before=Pair(0, 0), after=Pair(0, 0))
    conv = Conv(
        name="stem.conv",
        window=one,
        weight=Format("uint8"),
        input=Format("uint8"),
        output=Format("uint1"),
        weights=weights,
        thresholds=np.array([[threshold] for threshold in thresholds], np.int32),
    )
    head = Head(
        zero_point=0, inputs=len(weights), classes=1, top=1, weights=np.ones((1, len(weights)), np.int8), bias=np.zeros(1, np.int32)
    )
    return Program(input=Shape(1, 1, weights.shape[-1]), stem=conv, pool=None, blocks=(), head=head)


@pytest.mark.parametrize("inputs", [257, 300, 30_000])
def test_sums_around_the_end_of_float32_are_exact(inputs: int) -> None:
    """257 products of 255 * 255 are the first to be below 2^24 and lose their last bit above it."""
    weights = np.full((3, 1, 1, inputs), 255, np.uint8)
    total = inputs * 255 * 255
    program = stem_only(weights, [total, total + 1, total - 1])
    trace = Emulator(program, path="numpy").trace(np.full((1, 1, inputs), 255, np.uint8))
    assert trace["stem"].tolist() == [[[1, 0, 1]]]


def test_large_batches_are_worked_off_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    program = stem_only(np.array([[[[1]]], [[[2]]]], np.uint8), [100, 100])
    images = np.arange(256, dtype=np.uint8).reshape(-1, 1, 1, 1)
    whole = Emulator(program, path="numpy").run(images)
    monkeypatch.setattr("runtime.emulation.numpy_path.WINDOW_ELEMENTS", 14)
    parts = Emulator(program, path="numpy").run(images)
    assert all(np.array_equal(a, b) for a, b in zip(whole, parts, strict=True))


def test_equal_scores_go_to_the_lower_label() -> None:
    program = stem_only(np.ones((1, 1, 1, 1), np.uint8), [1])
    head = Head(zero_point=0, inputs=1, classes=4, top=4, weights=np.array([[1], [2], [2], [1]], np.int8), bias=np.zeros(4, np.int32))
    program = Program(input=program.input, stem=program.stem, pool=None, blocks=(), head=head)
    labels, _ = Emulator(program).run(np.full((1, 1, 1, 1), 9, np.uint8))
    assert labels.tolist() == [[1, 2, 0, 3]]


def test_streamed_weights_must_be_passed() -> None:
    program = stem_only(np.ones((1, 1, 1, 1), np.uint8), [1])
    head = Head(zero_point=0, inputs=1, classes=1, top=1, weights=None, bias=np.zeros(1, np.int32))
    program = Program(input=program.input, stem=program.stem, pool=None, blocks=(), head=head)
    with pytest.raises(ValueError, match=r"^this program streams the weights of its fully connected layer: pass them$"):
        Emulator(program).run(np.zeros((1, 1, 1, 1), np.uint8))
