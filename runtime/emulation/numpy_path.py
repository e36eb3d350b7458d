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

from runtime.container.program import Block, Conv, Program, Window

Codes = NDArray[np.uint8]  # (frames, height, width, channels)

WINDOW_ELEMENTS = 2**24  # unrolled at once, so that memory stays bounded whatever the number and the size of images


class NumpyPath:
    """A Program made ready to run with numpy; see `runtime.emulation.emulator.Emulator` for its methods."""

    def __init__(self, program: Program) -> None:
        self.program = program
        convs = [program.stem, *(conv for block in program.blocks for conv in (*block.convs, block.bypass) if conv is not None)]
        self._layers = {conv.name: _Layer(conv) for conv in convs}

    def run(self, images: Codes, weights: NDArray[Any]) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
        codes = self._stem(images)
        for block in self.program.blocks:
            codes = self._block(block, codes)
        scores = self._scores(codes, weights)
        return self._top(scores), scores

    def trace(self, image: NDArray[np.uint8], weights: NDArray[Any]) -> dict[str, NDArray[Any]]:
        codes = self._stem(image[np.newaxis])
        trace: dict[str, NDArray[Any]] = {"stem": codes[0]}
        for block in self.program.blocks:
            codes = self._block(block, codes)
            trace[block.name] = codes[0]
        scores = self._scores(codes, weights)
        return trace | {"scores": scores[0], "labels": self._top(scores)[0]}

    def _stem(self, images: Codes) -> Codes:
        codes = self._layers[self.program.stem.name](images)
        return codes if self.program.pool is None else _max_pool(codes, self.program.pool)

    def _block(self, block: Block, codes: Codes) -> Codes:
        act = codes if block.entry is None else _count(codes, block.entry.T)
        path = act
        for conv in block.convs:
            path = self._layers[conv.name](path)
        bypass = codes if block.bypass is None else self._layers[block.bypass.name](act)
        # Two codes of 8 bits and a zero point need 10 bits in between.
        total = path.astype(np.int16) + bypass - np.int16(block.zero_point)
        return np.clip(total, 0, 2**block.bits - 1, out=total).astype(np.uint8)

    def _scores(self, codes: Codes, weights: NDArray[Any]) -> NDArray[np.int32]:
        head = self.program.head
        sums = np.maximum(codes.astype(np.int16) - np.int16(head.zero_point), 0).sum(axis=(1, 2), dtype=np.int64)
        # Program has shown that scores fit into 32 bits, so float64 holds them with room to spare.
        scores: NDArray[np.int32] = (sums.astype(np.float64) @ weights.astype(np.float64).T + head.bias).astype(np.int32)
        return scores

    def _top(self, scores: NDArray[np.int32]) -> NDArray[np.uint32]:
        # Negating needs the wider type; a stable sort leaves the lower label first at equal score.
        order = np.argsort(-scores.astype(np.int64), axis=1, kind="stable")
        return order[:, : self.program.head.top].astype(np.uint32)


class _Layer:
    """A convolution with its weights as a matrix, in the narrowest float that keeps its sums exact."""

    def __init__(self, conv: Conv) -> None:
        self._window = conv.window
        self._dtype = np.dtype(np.float32 if conv.largest_accumulator < 2**24 else np.float64)
        self._matrix = np.ascontiguousarray(conv.weights.reshape(len(conv.weights), -1).T.astype(self._dtype))
        # One row per threshold. A threshold that float32 rounds is 2^24 or more in magnitude before and after, so that the
        # comparison with a sum below 2^24 comes out the same.
        self._thresholds = np.ascontiguousarray(conv.thresholds.T.astype(self._dtype))

    def __call__(self, codes: Codes) -> Codes:
        """(frames, H, W, in) -> (frames, H', W', out)."""
        height, width = self._window.output(*codes.shape[1:3])
        inputs, outputs = self._matrix.shape
        rows = max(1, WINDOW_ELEMENTS // (width * max(inputs, outputs)))  # of windows, of one frame or of several
        frames = max(1, rows // height)
        result = np.empty((len(codes), height, width, outputs), np.uint8)
        for start in range(0, len(codes), frames):
            part = slice(start, start + frames)
            windows = _windows(codes[part].astype(self._dtype), self._window)
            for top in range(0, height, rows):
                band = windows[:, top : top + rows]
                sums = band.reshape(-1, inputs) @ self._matrix
                result[part, top : top + rows] = _count(sums, self._thresholds).reshape(*band.shape[:3], outputs)
        return result


def _windows(codes: NDArray[Any], window: Window) -> NDArray[Any]:
    """(frames, H, W, C) -> (frames, H', W', kernel_h, kernel_w, C), a view of the padded codes."""
    (top, left), (bottom, right) = window.before, window.after
    padded = np.pad(codes, ((0, 0), (top, bottom), (left, right), (0, 0))) if any((top, bottom, left, right)) else codes
    views = sliding_window_view(padded, window.kernel, axis=(1, 2))  # type: ignore[call-overload]
    strided: NDArray[Any] = views[:, :: window.stride.vertical, :: window.stride.horizontal]
    return strided.transpose(0, 1, 2, 4, 5, 3)


def _max_pool(codes: Codes, window: Window) -> Codes:
    """The largest code under each window; zero codes pad it and, codes being unsigned, never win."""
    views = _windows(codes, window)
    result = views[:, :, :, 0, 0]
    for i in range(1, math.prod(window.kernel)):
        result = np.maximum(result, views[:, :, :, i // window.kernel.horizontal, i % window.kernel.horizontal])
    return np.ascontiguousarray(result)


def _count(values: NDArray[Any], thresholds: NDArray[Any]) -> Codes:
    """For every value (…, channels), how many of its channel's thresholds (n, channels) are not above it."""
    codes = np.zeros(values.shape, np.uint8)
    reached = np.empty(values.shape, np.bool_)
    for threshold in thresholds:
        np.less_equal(threshold, values, out=reached)
        codes += reached
    return codes
