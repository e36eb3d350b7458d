"""What a network computes, operation by operation, with shapes and formats, independent of how it is built.

    product      sums of products under a sliding window: a convolution without its activation
    activation   integers to codes, channel by channel, by thresholds
    join         the sum of a block's two branches, clipped
    join_sum     the sum of a block's two branches, each times its factor, for an activation behind it
    pool         maximum under a sliding window
    global_pool  sum or maximum over all pixels, in front of the classifier
    dense        the fully connected layer: sums of products
    scale        the sums times a factor and plus a bias, class by class
    top_k        the labels of the largest scores, and the scores

`dataflow.units` has the implementations, `network.reference` the arithmetic. Shapes are those of one frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from network.errors import DescriptionError, Source
from network.formats import Format, holding


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
    """Least and greatest sum of that many products, and of any part of them, over all weights and inputs of these formats."""
    (low, high), (least, most) = (weight.low, weight.high), (codes.low, codes.high)
    extremes = (low * least, low * most, high * least, high * most, 0)
    return products * min(extremes), products * max(extremes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A sliding window: (vertical, horizontal) kernel, stride and pad; pad is (before, after) per axis."""

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
        (top, bottom), (left, right) = self.pad
        height = (shape.height + top + bottom - self.kernel[0]) // self.stride[0] + 1
        return Shape(height, (shape.width + left + right - self.kernel[1]) // self.stride[1] + 1, channels)

    @property
    def taps(self) -> int:
        """Pixels under the kernel."""
        return self.kernel[0] * self.kernel[1]

    @property
    def taps_a_cycle(self) -> tuple[int, ...]:
        """How many of them a cycle can take: one, a row, or all."""
        return tuple(sorted({1, self.kernel[1], self.taps}))

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
    pad_codes: tuple[int, ...] = (0,)  # what stands outside the input: one code, or one for each channel

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
    """Integers to codes: the lowest code and one more for each of the channel's thresholds that a value reaches."""

    shape: Shape
    values: Format
    reach: tuple[int, int]  # least and greatest possible value
    codes: Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """main + bypass - zero_point, clipped to the codes' range, which is unsigned."""

    shape: Shape
    codes: Format
    zero_point: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinSum:
    """a * main + b * bypass - zero_point, with positive integer factors a and b: parameters, of a format; without one they are 1."""

    shape: Shape
    main: Format
    bypass: Format
    zero_point: int
    factors: Format | None
    per_channel: bool  # a pair of factors for each channel, instead of one for all
    reach: tuple[int, int]  # least and greatest value

    @property
    def values(self) -> Format:
        return holding(*self.reach)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Maximum under a window, channel by channel; outside the input stands the lowest code, which never wins."""

    input: Shape
    window: Window
    codes: Format

    @property
    def output(self) -> Shape:
        return self.window.output(self.input, self.input.channels)


class PoolKind(Enum):
    SUM = "sum"
    MAX = "max"


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalPool:
    """Sum or maximum over all pixels of max(code - zero_point, 0), channel by channel."""

    kind: PoolKind
    input: Shape
    codes: Format
    zero_point: int
    values: Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Dense:
    """Fully connected: for each class the sum of weights times inputs, and a bias unless a `Scale` behind it has that."""

    inputs: int
    classes: int
    weight: Format
    codes: Format
    sums: Format
    has_bias: bool = True

    @property
    def reach(self) -> tuple[int, int]:
        """Least and greatest sum of products, without the bias."""
        return reach(self.inputs, self.weight, self.codes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Scores: factor * sum + bias, with a positive integer factor and a bias for each class."""

    classes: int
    sums: Format
    factors: Format
    scores: Format


@dataclass(frozen=True, slots=True, kw_only=True)
class TopK:
    """The labels of the `top` largest scores, best first; at equal scores the lower label first. With `gives_scores` their scores, too.

    The result of a frame is words of 32 bits: the labels, then the scores in two's complement, of one word each or, where they are wider,
    of two, the low one first. Those begin at an even word.
    """

    classes: int
    top: int
    scores: Format
    gives_scores: bool = False

    @property
    def score_words(self) -> int:
        """Words of a score."""
        return 1 if self.scores.bits <= 32 else 2

    @property
    def first_score(self) -> int:
        """The word where the scores begin."""
        return -(-self.top // self.score_words) * self.score_words

    @property
    def words(self) -> int:
        """Words of the result of a frame."""
        return self.first_score + self.top * self.score_words if self.gives_scores else self.top
