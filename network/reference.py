"""The integer forward pass in numpy, which defines exactly what the accelerator computes.

Codes are uint8 arrays, signed ones int8 (frames, height, width, channels). Matrix products run in float64 for speed and stay exact: every
operand, product and partial sum is an integer far below 2**53.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from network.arrays import key
from network.formats import Format, Kind
from network.layers import Conv
from network.model import Block, Head, Network, Stem
from network.operations import PoolKind, Window
from network.parameters import Array, Parameters

Codes = NDArray[Any]
FEW_THRESHOLDS = 15
"""Up to so many are counted one by one; of more, each value's place among them is searched."""
WINDOW_ELEMENTS = 1 << 24
"""How many elements of windows are unrolled at once, to bound the memory whatever the size of a map."""


def windows(codes: Codes, window: Window, pad_codes: tuple[int, ...] = (0,)) -> Codes:
    """(n, H, W, C) -> (n, out_H, out_W, kernel_h, kernel_w, C): what the kernel sees at every output pixel.

    Outside the input it sees the pad code, one or one for each channel.
    """
    (top, bottom), (left, right) = window.pad
    frames, height, width, channels = codes.shape
    padded = np.empty((frames, height + top + bottom, width + left + right, channels), codes.dtype)
    padded[:] = pad_codes
    padded[:, top : top + height, left : left + width] = codes
    seen = np.lib.stride_tricks.sliding_window_view(padded, window.kernel, axis=(1, 2))  # type: ignore[call-overload]
    strided: Codes = seen[:, :: window.stride[0], :: window.stride[1]]
    return strided.transpose(0, 1, 2, 4, 5, 3)


def accumulate(codes: Codes, weights: Array, window: Window, pad_codes: tuple[int, ...] = (0,)) -> Array:
    """The convolution's sums, int32 (n, out_H, out_W, out)."""
    seen = windows(codes, window, pad_codes)
    matrix = weights.reshape(len(weights), -1).astype(np.float64).T
    sums = np.empty((*seen.shape[:3], len(weights)), np.int32)
    rows = max(1, WINDOW_ELEMENTS // (seen.shape[2] * len(matrix)))
    for frame, row in product(range(len(seen)), range(0, seen.shape[1], rows)):
        band = seen[frame, row : row + rows]
        sums[frame, row : row + rows] = (band.reshape(-1, len(matrix)).astype(np.float64) @ matrix).reshape(*band.shape[:2], -1)
    return sums


def threshold(values: NDArray[Any], thresholds: Array, codes: Format) -> Codes:
    """Lowest code + number of the channel's thresholds <= value; values (…, channels), thresholds (channels, n)."""
    if thresholds.shape[1] <= FEW_THRESHOLDS:
        reached = np.zeros(values.shape, np.uint8)
        for nth in thresholds.T:
            reached += values >= nth
    else:
        flat = values.reshape(-1, values.shape[-1])
        counts = [np.searchsorted(ascending, column, side="right") for ascending, column in zip(thresholds, flat.T, strict=True)]
        reached = np.stack(counts, axis=-1).reshape(values.shape)
    return (reached.astype(np.int16) + codes.low).astype(np.uint8 if codes.kind is Kind.UINT else np.int8)


def max_pool(codes: Codes, window: Window, form: Format) -> Codes:
    pooled: Codes = windows(codes, window, (form.low,)).max(axis=(3, 4))
    return pooled


def join(a: Codes, b: Codes, zero_point: int, residual: Format) -> Codes:
    """min(max(a + b - zero_point, 0), highest code)."""
    return np.clip(a.astype(np.int32) + b - zero_point, 0, residual.high).astype(np.uint8)


class Forward:
    """A forward pass: what every operation gives is kept in `results` by the name of its layer, and `.sums` behind it where thresholds
    follow; unless `keeps_all`, only what passes between the IPs."""

    def __init__(self, network: Network, parameters: Parameters, *, keeps_all: bool) -> None:
        self.network, self.parameters = network, parameters
        self.activations = network.activations
        self.kept = None if keeps_all else {"stem", *(block.name for block in network.blocks), "scores", "labels"}
        self.results: dict[str, NDArray[Any]] = {}

    def keep(self, name: str, values: NDArray[Any]) -> NDArray[Any]:
        if self.kept is None or name in self.kept:
            self.results[name] = values
        return values

    def run(self, images: NDArray[np.uint8]) -> None:
        codes = self.stem(self.network.stem, images)
        for block in self.network.blocks:
            codes = self.block(block, codes)
        self.head(self.network.head, codes)

    def activate(self, layer: str, values: NDArray[Any]) -> NDArray[Any]:
        """The codes of values where the layer has an activation, else the values."""
        activation = self.activations.get(layer)
        if activation is None:
            return values
        return self.keep(layer, threshold(values, self.parameters[key(layer, "thresholds")], activation.codes))

    def conv(self, layer: Conv, codes: Codes) -> NDArray[Any]:
        """Codes, or where the layer has no thresholds sums."""
        sums = accumulate(codes, self.parameters[key(layer.name, "weights")], layer.window, layer.pad_codes)
        return self.activate(layer.name, self.keep(f"{layer.name}.sums", sums))

    def stem(self, layer: Stem, images: NDArray[np.uint8]) -> Codes:
        codes = self.conv(layer.conv, self.activate("stem.entry", images))
        if layer.pool is not None:
            codes = max_pool(codes, layer.pool, layer.conv.output_format)
        return self.keep("stem", codes)

    def block(self, layer: Block, codes: Codes) -> Codes:
        codes = self.activate(f"{layer.name}.entry", codes) if layer.both_entry else codes
        main = self.activate(layer.main_entry_name, codes) if layer.main_entry else codes
        for each in layer.convs:
            main = self.conv(each, main)
        bypass = self.activate(f"{layer.name}.entry_bypass", codes)
        if layer.bypass is not None:
            bypass = self.conv(layer.bypass, bypass)
        if layer.meeting.activates:
            return self.keep(layer.name, self.join_sum(layer, main, bypass))
        return self.keep(layer.name, join(main, bypass, layer.meeting.zero_point, layer.residual))

    def join_sum(self, layer: Block, main: NDArray[Any], bypass: NDArray[Any]) -> Codes:
        a, b = 1, 1
        if layer.meeting.factors is not None:
            a, b = self.parameters[key(layer.name, "join/factors")].astype(np.int64).T  # (channels,) or (1,) each
        values = a * main.astype(np.int64) + b * bypass.astype(np.int64) - layer.meeting.zero_point
        return self.activate(f"{layer.name}.join", self.keep(f"{layer.name}.join.sums", values))

    def head(self, layer: Head, codes: Codes) -> None:
        above = np.maximum(codes.astype(np.int64) - layer.zero_point, 0)
        pooled = above.sum(axis=(1, 2)) if layer.pool is PoolKind.SUM else above.max(axis=(1, 2))
        inputs = self.activate("head.pool", self.keep("head.pool.sums", pooled))
        fc = layer.fc
        products = inputs.astype(np.float64) @ self.parameters[key(fc.name, "weights")].astype(np.float64).T
        sums = products.astype(np.int64)
        factors = 1 if fc.factors is None else self.parameters[key(fc.name, "factors")].astype(np.int64)
        scores = factors * sums + self.parameters[key(fc.name, "bias")]
        ranked = self.activate(fc.name, self.keep("head.fc.sums", scores)).astype(np.int32 if fc.ranked.bits <= 32 else np.int64)
        self.keep("labels", top(self.keep("scores", ranked), layer.top))


def top(score: Array, k: int) -> NDArray[np.uint32]:
    """Labels (n, k) of the largest scores, best first, the lower label first at equal score."""
    return np.argsort(-score.astype(np.int64), axis=1, kind="stable")[:, :k].astype(np.uint32)


def result_words(head: Head, labels: NDArray[np.uint32], scores: NDArray[Any]) -> NDArray[np.uint32]:
    """What the kernel writes of each frame, (n, words): see `TopK`; scores are those of all classes."""
    operation = head.top_k
    words = np.zeros((len(labels), operation.words), "<u4")
    words[:, : operation.top] = labels
    if operation.gives_scores:
        best = np.take_along_axis(scores, labels.astype(np.int64), axis=1).astype("<i4" if operation.score_words == 1 else "<i8")
        words[:, operation.first_score :] = best.view("<u4")
    return words


def trace(network: Network, parameters: Parameters, images: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """Everything that passes between the IPs: `stem`, each block, then `scores` and `labels`."""
    forward = Forward(network, parameters, keeps_all=False)
    forward.run(images)
    return forward.results


def everything(network: Network, parameters: Parameters, images: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """What `trace` gives and what is computed in between: codes by the name of their layer, `res2a.conv1`, and what their thresholds are
    compared with, `res2a.conv1.sums`."""
    forward = Forward(network, parameters, keeps_all=True)
    forward.run(images)
    return forward.results
