"""How to make the two paths of a residual block match in shape: computed, so that following the advice once is enough."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from network.layers import Conv
from network.operations import Shape
from network.yaml.writer import pair

MAX_STRIDE = 64
"""Largest stride of one convolution that a description may have."""


def remedy(input: Shape, convs: Sequence[Conv], bypass: Conv | None) -> str:
    """What to change where the bypass (None: the identity) has another shape than the last of the convolutions.

    Convolutions whose padding sums to kernel - 1 divide the size by their strides, rounded up, as one convolution with the product of
    the strides does. Where that is already their size, only the bypass changes; otherwise their padding does, too.
    """
    strides = [prod(conv.window.stride[axis] for conv in convs) for axis in (0, 1)]
    if max(strides) > MAX_STRIDE:
        return f"use smaller strides: the bypass needs their product as its stride, which may be at most {MAX_STRIDE}"
    main, changes = convs[-1].output, []
    meets = [-(-size // stride) for size, stride in zip(input[:2], strides, strict=True)]
    if list(main[:2]) != meets:
        for conv in convs:
            kept = tuple(((kernel - 1) // 2, kernel - 1 - (kernel - 1) // 2) for kernel in conv.window.kernel)
            if [sum(pad) for pad in conv.window.pad] != [sum(pad) for pad in kept]:
                changes.append(f"write pad: {_pads(kept)} in {conv.name}")
    if bypass is None:
        projection = f"make the bypass of {convs[0].name.partition('.')[0]} a projection, bypass: "
        if strides != [1, 1]:
            changes.append(f"{projection}{{stride: {pair(strides)}}}")
        elif input.channels != main.channels:
            changes.append(f"write out: {input.channels} in {convs[-1].name}, or {projection}{{}}")
        return " and ".join(changes)
    if list(bypass.window.stride) != strides:
        changes.append(f"write stride: {pair(strides)} in {bypass.name}")
    if [sum(pad) for pad in bypass.window.pad] != [kernel - 1 for kernel in bypass.window.kernel]:
        changes.append(f"leave pad out of {bypass.name}")
    if bypass.out != main.channels:
        changes.append(f"leave out out of {bypass.name}, or write out: {main.channels}")
    return " and ".join(changes)


def _pads(both: Sequence[Sequence[int]]) -> str:
    """[before, after] for both axes, or [[top, bottom], [left, right]]."""
    vertical, horizontal = (f"[{before}, {after}]" for before, after in both)
    return vertical if vertical == horizontal else f"[{vertical}, {horizontal}]"
