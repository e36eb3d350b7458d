"""What a network computes, operation by operation, with shapes and formats, independent of how it is built.

    product     sums of products under a sliding window: a convolution without its activation
    activation  integers to codes, channel by channel, by thresholds
    join        the sum of a block's two branches
    pool        maximum under a sliding window
    sum_pool    sum over all pixels, in front of the classifier
    dense       the fully connected layer: scores
    top_k       the labels of the largest scores

`dataflow.units` has the implementations, `network.reference` the arithmetic. Shapes are those of one frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from network.errors import DescriptionError, Source
from network.formats import Format


class Shape(NamedTuple):
    """Height, width, channels of one frame; channels vary fastest."""

    height: int
    width: int
    channels: int

    @property
    def pixels(self) -> int:
        return self.height * self.width

    @property
    def size(self) -> int:
        return self.height * self.width * self.channels

    def __str__(self) -> str:
        return f"{self.height}x{self.width}x{self.channels}"


def reach(products: int, weight: Format, codes: Format) -> tuple[int, int]:
    """Least and greatest sum of that many products, over all weights and inputs of these formats."""
    most = products * codes.high
    return most * min(weight.low, 0), most * weight.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A sliding window: (vertical, horizontal) kernel, stride and pad; pad is (before, after) per axis, of zero codes."""

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    pad: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))

    def check(self, at: Source, name: str, shape: Shape) -> None:
        for axis, size, kernel, (before, after) in zip(("height", "width"), shape[:2], self.kernel, self.pad, strict=True):
            if max(before, after) >= kernel:
                raise DescriptionError(
                    at,
                    f"{name}: pad ({before}, {after}) is not smaller than the kernel, {kernel}",
                    why="some windows would contain padding only",
                    fix=f"pad with at most {kernel - 1}",
                )
            if size + before + after < kernel:
                rooms = [there + sum(pad) for there, pad in zip(shape[:2], self.pad, strict=True)]
                most = min(rooms) if self.kernel[0] == self.kernel[1] else size + before + after
                raise DescriptionError(
                    at,
                    f"{name}: a kernel of {kernel} does not fit into the {axis} of {shape} with pad ({before}, {after})",
                    why="there would be no output pixel",
                    fix=f"use a kernel of at most {most}, more padding, smaller strides or a larger input",
                )

    def output(self, shape: Shape, channels: int) -> Shape:
        height, width = (
            (size + before + after - kernel) // stride + 1
            for size, kernel, stride, (before, after) in zip(shape[:2], self.kernel, self.stride, self.pad, strict=True)
        )
        return Shape(height, width, channels)

    @property
    def taps(self) -> int:
        """Pixels under the kernel."""
        return self.kernel[0] * self.kernel[1]

    def __str__(self) -> str:
        (kh, kw), (sh, sw) = self.kernel, self.stride
        return f"{kh}x{kw}/{sh}" if sh == sw else f"{kh}x{kw}/{sh}x{sw}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """Sums of products: for every output pixel and channel, weights times the codes under the window."""

    input: Shape
    window: Window
    out: int  # output channels
    weight: Format
    codes: Format
    sums: Format

    @property
    def output(self) -> Shape:
        return self.window.output(self.input, self.out)

    @property
    def fan_in(self) -> int:
        """Products per sum."""
        return self.window.taps * self.input.channels

    @property
    def reach(self) -> tuple[int, int]:
        """Least and greatest sum."""
        return reach(self.fan_in, self.weight, self.codes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """Integers to codes: the number of the channel's thresholds that a value reaches, a non-decreasing step function."""

    shape: Shape
    values: Format
    reach: tuple[int, int]  # least and greatest possible value
    codes: Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """main + bypass - zero_point, clipped to the codes' range."""

    shape: Shape
    codes: Format
    zero_point: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Maximum under a window, channel by channel."""

    input: Shape
    window: Window
    codes: Format

    @property
    def output(self) -> Shape:
        return self.window.output(self.input, self.input.channels)


@dataclass(frozen=True, slots=True, kw_only=True)
class SumPool:
    """Sum over all pixels of max(code - zero_point, 0), channel by channel."""

    input: Shape
    codes: Format
    zero_point: int
    sums: Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Dense:
    """Fully connected: a score for each class, the sum of weights times inputs and a bias."""

    inputs: int
    classes: int
    weight: Format
    codes: Format
    scores: Format

    @property
    def reach(self) -> tuple[int, int]:
        """Least and greatest sum of products, without the bias."""
        return reach(self.inputs, self.weight, self.codes)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopK:
    """The labels of the `top` largest scores, best first; at equal scores the lower label first."""

    classes: int
    top: int
    scores: Format
