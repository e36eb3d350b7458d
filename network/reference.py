"""The integer forward pass in numpy, which defines exactly what the accelerator computes.

Codes are uint8 arrays (frames, height, width, channels). Matrix products run in float64 for speed and stay exact: every
operand, product and partial sum is an integer far below 2**53.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from network.arrays import key
from network.formats import Format
from network.layers import Conv
from network.model import Block, Head, Network, Stem
from network.operations import Window
from network.parameters import Array, Parameters

Codes = NDArray[np.uint8]
WINDOW_ELEMENTS = 1 << 24
"""How many elements of windows are unrolled at once, to bound the memory whatever the size of a map."""


def windows(codes: Codes, window: Window) -> Codes:
    """(n, H, W, C) -> (n, out_H, out_W, kernel_h, kernel_w, C): what the kernel sees at every output pixel."""
    padded = np.pad(codes, ((0, 0), *window.pad, (0, 0)))
    seen = np.lib.stride_tricks.sliding_window_view(padded, window.kernel, axis=(1, 2))  # type: ignore[call-overload]
    strided: Codes = seen[:, :: window.stride[0], :: window.stride[1]]
    return strided.transpose(0, 1, 2, 4, 5, 3)


def accumulate(codes: Codes, weights: Array, window: Window) -> Array:
    """The convolution's sums, int32 (n, out_H, out_W, out)."""
    seen = windows(codes, window)
    matrix = weights.reshape(len(weights), -1).astype(np.float64).T
    sums = np.empty((*seen.shape[:3], len(weights)), np.int32)
    rows = max(1, WINDOW_ELEMENTS // (seen.shape[2] * len(matrix)))
    for frame, row in product(range(len(seen)), range(0, seen.shape[1], rows)):
        band = seen[frame, row : row + rows]
        sums[frame, row : row + rows] = (band.reshape(-1, len(matrix)).astype(np.float64) @ matrix).reshape(*band.shape[:2], -1)
    return sums


def threshold(values: NDArray[Any], thresholds: Array) -> Codes:
    """Code = number of the channel's thresholds <= value; values (…, channels), thresholds (channels, n)."""
    codes = np.zeros(values.shape, np.uint8)
    for nth in thresholds.T:
        codes += values >= nth
    return codes


def conv(layer: Conv, parameters: Parameters, codes: Codes) -> Codes:
    sums = accumulate(codes, parameters[key(layer.name, "weights")], layer.window)
    return threshold(sums, parameters[key(layer.name, "thresholds")])


def max_pool(codes: Codes, window: Window) -> Codes:
    pooled: Codes = windows(codes, window).max(axis=(3, 4))
    return pooled


def join(a: Codes, b: Codes, zero_point: int, residual: Format) -> Codes:
    """min(max(a + b - zero_point, 0), highest code)."""
    return np.clip(a.astype(np.int32) + b - zero_point, 0, residual.high).astype(np.uint8)


def stem(layer: Stem, parameters: Parameters, images: Codes) -> Codes:
    codes = conv(layer.conv, parameters, images)
    return codes if layer.pool is None else max_pool(codes, layer.pool)


def block(layer: Block, parameters: Parameters, codes: Codes) -> Codes:
    act = threshold(codes, parameters[key(layer.name, "entry/thresholds")]) if layer.entry else codes
    main = act
    for each in layer.convs:
        main = conv(each, parameters, main)
    bypass = codes if layer.bypass is None else conv(layer.bypass, parameters, act)
    return join(main, bypass, layer.zero_point, layer.residual)


def scores(layer: Head, parameters: Parameters, codes: Codes) -> Array:
    """int32 (n, classes)."""
    sums = np.maximum(codes.astype(np.int64) - layer.zero_point, 0).sum(axis=(1, 2))
    products = sums.astype(np.float64) @ parameters[key(layer.fc.name, "weights")].astype(np.float64).T
    biased: Array = (products + parameters[key(layer.fc.name, "bias")]).astype(np.int32)
    return biased


def top(score: Array, k: int) -> NDArray[np.uint32]:
    """Labels (n, k) of the largest scores, best first, the lower label first at equal score."""
    return np.argsort(-score.astype(np.int64), axis=1, kind="stable")[:, :k].astype(np.uint32)


def trace(network: Network, parameters: Parameters, images: Codes) -> dict[str, NDArray[Any]]:
    """Everything that passes between the IPs: `stem`, each block, then `scores` and `labels`."""
    codes = stem(network.stem, parameters, images)
    results: dict[str, NDArray[Any]] = {"stem": codes}
    for each in network.blocks:
        codes = results[each.name] = block(each, parameters, codes)
    results["scores"] = scores(network.head, parameters, codes)
    results["labels"] = top(results["scores"], network.head.top)
    return results
