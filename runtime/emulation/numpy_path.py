"""The forward pass of a Program in numpy: the readable one, against which the native paths are tested, and which needs none of them.

Matrix products go through BLAS in floating point, because numpy has no fast integer one. They are exact all the same: every
operand, product and partial sum is an integer below 2^24 in float32, or below 2^53 in float64, whatever the order of adding.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from runtime.container.program import Activation, Block, Conv, Format, GlobalPool, Head, Join, Program, Window

Codes = NDArray[Any]  # (frames, height, width, channels), uint8, or int8 of signed formats

WINDOW_ELEMENTS = 2**24  # unrolled at once, so that memory stays bounded whatever the number and the size of images
FEW_THRESHOLDS = 15  # up to so many are counted one by one; of more, each value's place among them is searched


class NumpyPath:
    """A Program made ready to run with numpy; see `runtime.emulation.emulator.Emulator` for its methods."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._layers = {conv.name: _Layer(conv) for conv in program.convs}

    def run(self, images: Codes, weights: NDArray[Any]) -> tuple[NDArray[np.uint32], NDArray[Any]]:
        codes = self._stem(images)
        for block in self.program.blocks:
            codes = self._block(block, codes)
        scores = self._scores(codes, weights)
        return best(scores, self.program.head.top), scores

    def trace(self, image: NDArray[np.uint8], weights: NDArray[Any]) -> dict[str, NDArray[Any]]:
        codes = self._stem(image[np.newaxis])
        trace: dict[str, NDArray[Any]] = {"stem": codes[0]}
        for block in self.program.blocks:
            codes = self._block(block, codes)
            trace[block.name] = codes[0]
        scores = self._scores(codes, weights)
        return trace | {"scores": scores[0], "labels": best(scores, self.program.head.top)[0]}

    def _stem(self, images: Codes) -> Codes:
        stem = self.program.stem
        codes = self._layers[stem.name](_activate(images, self.program.entry))
        assert stem.activation is not None
        return codes if self.program.pool is None else _max_pool(codes, self.program.pool, stem.activation.codes)

    def _block(self, block: Block, codes: Codes) -> Codes:
        codes = _activate(codes, block.entry.both)
        path = _activate(codes, block.entry.main)
        for conv in block.convs:
            path = self._layers[conv.name](path)
        bypass = _activate(codes, block.entry.bypass)
        if block.bypass is not None:
            bypass = self._layers[block.bypass.name](bypass)
        return _join(block.join, path, bypass)

    def _scores(self, codes: Codes, weights: NDArray[Any]) -> NDArray[Any]:
        head = self.program.head
        above = np.maximum(codes.astype(np.int16) - np.int16(head.zero_point), 0)
        pooled = above.sum(axis=(1, 2), dtype=np.int64) if head.pool is GlobalPool.SUM else above.max(axis=(1, 2))
        # Program has shown that sums fit into 32 bits, so float64 holds them with room to spare.
        sums = _activate(pooled, head.activation).astype(np.float64) @ weights.astype(np.float64).T
        return scores(head, sums.astype(np.int64))


def scores(head: Head, sums: NDArray[Any]) -> NDArray[Any]:
    """What is ranked, (frames, classes), of the fully connected layer's sums without the bias."""
    factors = 1 if head.factors is None else head.factors.astype(np.int64)
    return _activate(factors * sums.astype(np.int64) + head.bias, head.output).astype(head.ranked)


def best(scores: NDArray[Any], top: int) -> NDArray[np.uint32]:
    """The labels of the `top` largest scores, the lower label first at equal score."""
    # Negating needs the wider type; a stable sort leaves the lower label first.
    return np.argsort(-scores.astype(np.int64), axis=1, kind="stable")[:, :top].astype(np.uint32)


class _Layer:
    """A convolution with its weights as a matrix, in the narrowest float that keeps its sums exact."""

    def __init__(self, conv: Conv) -> None:
        self._window, self._pads, self._activation = conv.window, conv.pad_codes, conv.activation
        self._dtype = np.dtype(np.float32 if conv.largest_accumulator < 2**24 else np.float64)
        self._matrix = np.ascontiguousarray(conv.weights.reshape(len(conv.weights), -1).T.astype(self._dtype))
        # A threshold that float32 rounds is 2^24 or more in magnitude before and after, so that the comparison with a sum
        # below 2^24 comes out the same.
        self._thresholds = None if conv.activation is None else conv.activation.thresholds.astype(self._dtype)

    def __call__(self, codes: Codes) -> NDArray[Any]:
        """(frames, H, W, in) -> (frames, H', W', out), codes or, without an activation, sums."""
        height, width = self._window.output(*codes.shape[1:3])
        inputs, outputs = self._matrix.shape
        rows = max(1, WINDOW_ELEMENTS // (width * max(inputs, outputs)))  # of windows, of one frame or of several
        frames = max(1, rows // height)
        result = np.empty((len(codes), height, width, outputs), np.int32 if self._activation is None else self._activation.codes.dtype)
        for start in range(0, len(codes), frames):
            part = slice(start, start + frames)
            windows = _windows(codes[part].astype(self._dtype), self._window, self._pads)
            for top in range(0, height, rows):
                band = windows[:, top : top + rows]
                values = band.reshape(-1, inputs) @ self._matrix
                if self._activation is not None and self._thresholds is not None:
                    values = _count(values, self._thresholds, self._activation.codes)
                result[part, top : top + rows] = values.reshape(*band.shape[:3], outputs)
        return result


def _windows(codes: NDArray[Any], window: Window, pads: tuple[int, ...]) -> NDArray[Any]:
    """(frames, H, W, C) -> (frames, H', W', kernel_h, kernel_w, C), a view of the padded codes."""
    (top, left), (bottom, right) = window.before, window.after
    padded = codes
    if any((top, bottom, left, right)):
        frames, height, width, channels = codes.shape
        padded = np.empty((frames, top + height + bottom, left + width + right, channels), codes.dtype)
        padded[:] = pads
        padded[:, top : top + height, left : left + width] = codes
    views = sliding_window_view(padded, window.kernel, axis=(1, 2))  # type: ignore[call-overload]
    strided: NDArray[Any] = views[:, :: window.stride.vertical, :: window.stride.horizontal]
    return strided.transpose(0, 1, 2, 4, 5, 3)


def _max_pool(codes: Codes, window: Window, form: Format) -> Codes:
    """The largest code under each window; the lowest code pads it and never wins."""
    views = _windows(codes, window, (form.low,))
    result = views[:, :, :, 0, 0]
    for i in range(1, math.prod(window.kernel)):
        result = np.maximum(result, views[:, :, :, i // window.kernel.horizontal, i % window.kernel.horizontal])
    return np.ascontiguousarray(result)


def _join(join: Join, main: NDArray[Any], bypass: NDArray[Any]) -> Codes:
    if join.activation is None:
        # Two codes of 8 bits and a zero point need 10 bits in between.
        total: NDArray[np.int16] = main.astype(np.int16) + bypass - np.int16(join.zero_point)
        return np.clip(total, 0, join.codes.high, out=total).astype(np.uint8)
    a, b = (1, 1) if join.factors is None else join.factors.astype(np.int64).T
    return _activate(a * main.astype(np.int64) + b * bypass.astype(np.int64) - join.zero_point, join.activation)


def _activate(values: NDArray[Any], activation: Activation | None) -> NDArray[Any]:
    return values if activation is None else _count(values, activation.thresholds, activation.codes)


def _count(values: NDArray[Any], thresholds: NDArray[Any], codes: Format) -> Codes:
    """For every value (…, channels), the lowest code + how many of its channel's thresholds (channels, n) are not above it."""
    if thresholds.shape[1] <= FEW_THRESHOLDS:
        counts = np.zeros(values.shape, np.uint8)
        reached = np.empty(values.shape, np.bool_)
        for nth in thresholds.T:
            np.less_equal(nth, values, out=reached)
            counts += reached
    else:
        columns = np.ascontiguousarray(values.reshape(-1, values.shape[-1]).T)
        found = np.empty(columns.shape, np.uint8)
        for ascending, column, count in zip(thresholds, columns, found, strict=True):
            count[:] = np.searchsorted(ascending, column, side="right")
        counts = found.T.reshape(values.shape)
    return counts if codes.unsigned else raised(counts, codes)


def raised(counts: NDArray[np.uint8], codes: Format) -> NDArray[np.int8]:
    """The signed codes so far above the lowest."""
    # In 8 bits the sum wraps around to what it is to be.
    return counts.view(np.int8) + np.int8(codes.low)
