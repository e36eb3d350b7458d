"""What makes the two paths of a residual block meet in shape: worked out, not guessed, so that doing it is enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from network.model import Conv, Shape

MOST_STRIDE = 64
"""Of one convolution, as the description takes it."""


def remedy(came: Shape, convs: Sequence[Conv], bypass: Conv | None) -> str:
    """What to change where the bypass (None: the identity) brings another shape than the last of the convolutions.

    Convolutions that are padded with kernel - 1 in all divide the size by their strides, rounded up, as a 1x1 convolution with the
    product of the strides does. Where they already come to that, the bypass is to follow; else they are padded so.
    """
    strides = [prod(conv.window.stride[axis] for conv in convs) for axis in (0, 1)]
    if max(strides) > MOST_STRIDE:
        return f"use smaller strides: the bypass takes their product at once, which may be at most {MOST_STRIDE}"
    main, changes = convs[-1].output, []
    meets = [-(-size // stride) for size, stride in zip(came[:2], strides, strict=True)]
    if list(main[:2]) != meets:
        for conv in convs:
            kept = tuple(((kernel - 1) // 2, kernel - 1 - (kernel - 1) // 2) for kernel in conv.window.kernel)
            if [sum(pad) for pad in conv.window.pad] != [sum(pad) for pad in kept]:
                changes.append(f"write pad: {_pads(kept)} in {conv.name}")
    if bypass is None:
        projection = f"make the bypass of {convs[0].name.partition('.')[0]} a projection, bypass: "
        if strides != [1, 1]:
            changes.append(f"{projection}{{stride: {_pair(strides)}}}")
        elif came.channels != main.channels:
            changes.append(f"write out: {came.channels} in {convs[-1].name}, or {projection}{{}}")
        return " and ".join(changes)
    if list(bypass.window.stride) != strides:
        changes.append(f"write stride: {_pair(strides)} in {bypass.name}")
    if replace(bypass.window, pad=((0, 0), (0, 0))) != bypass.window:
        changes.append(f"leave pad out of {bypass.name}")
    if bypass.out != main.channels:
        changes.append(f"leave out out of {bypass.name}, or write out: {main.channels}")
    return " and ".join(changes)


def _pair(both: Sequence[int]) -> str:
    """As the description has it: one number for both axes, or [vertical, horizontal]."""
    return str(both[0]) if both[0] == both[1] else f"[{both[0]}, {both[1]}]"


def _pads(both: Sequence[Sequence[int]]) -> str:
    """[before, after] for both axes, or [[top, bottom], [left, right]]."""
    vertical, horizontal = (f"[{before}, {after}]" for before, after in both)
    return vertical if vertical == horizontal else f"[{vertical}, {horizontal}]"
