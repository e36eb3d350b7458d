"""The network as the emulator computes it: layers that fit each other, with the parameters they were trained to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from runtime.container.checks import Check
from runtime.errors import XclbinError

FORMATS = ("bipolar", *(f"int{bits}" for bits in range(2, 9)), *(f"uint{bits}" for bits in range(1, 9)))

_CHECK = Check(XclbinError, "build or copy the xclbin again")


class Shape(NamedTuple):
    """A tensor of one frame, channels fastest."""

    height: int
    width: int
    channels: int


class Pair(NamedTuple):
    """One number for each axis of the image."""

    vertical: int
    horizontal: int


@dataclass(frozen=True, slots=True)
class Format:
    """Numbers on a wire: bipolar (-1 and +1 in one bit), intN in two's complement, or uintN."""

    name: str

    def __post_init__(self) -> None:
        _CHECK.one_of("format", self.name, FORMATS)

    @property
    def bipolar(self) -> bool:
        return self.name == "bipolar"

    @property
    def unsigned(self) -> bool:
        return self.name.startswith("uint")

    @property
    def bits(self) -> int:
        return 1 if self.bipolar else int(self.name.lstrip("uint"))

    @property
    def low(self) -> int:
        return -1 if self.bipolar else 0 if self.unsigned else -(2 ** (self.bits - 1))

    @property
    def high(self) -> int:
        return 1 if self.bipolar else 2**self.bits - 1 if self.unsigned else 2 ** (self.bits - 1) - 1

    @property
    def levels(self) -> int:
        """Thresholds that separate all codes."""
        return int(2**self.bits - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A kernel sliding over an image that is padded with zero codes."""

    kernel: Pair
    stride: Pair
    before: Pair  # rows above, columns to the left
    after: Pair  # rows below, columns to the right

    def __post_init__(self) -> None:
        for axis in (0, 1):
            _CHECK.integer("kernel", self.kernel[axis], 1, 64)
            _CHECK.integer("stride", self.stride[axis], 1, 64)
            # A window that lay in the padding alone would see nothing.
            _CHECK.integer("pad", self.before[axis], 0, self.kernel[axis] - 1)
            _CHECK.integer("pad", self.after[axis], 0, self.kernel[axis] - 1)

    def output(self, height: int, width: int) -> tuple[int, int]:
        """Windows down and across an image."""
        down, across = (
            (size + self.before[axis] + self.after[axis] - self.kernel[axis]) // self.stride[axis] + 1
            for axis, size in enumerate((height, width))
        )
        return down, across


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conv:
    """A convolution and its thresholds: code = number of the channel's thresholds that are <= the accumulator."""

    name: str
    window: Window
    weight: Format
    input: Format
    output: Format
    weights: NDArray[Any]  # (out, kernel_h, kernel_w, in), int8 or uint8
    thresholds: NDArray[np.int32]  # (out, 2^bits - 1), ascending

    def __post_init__(self) -> None:
        prefix = f"parameters: {key(self.name)}"
        low, high = self.weights.min(), self.weights.max()
        why = f"weights of format {self.weight.name} are {self.weight.low} to {self.weight.high}"
        _CHECK.true(self.weight.low <= low and high <= self.weight.high, f"{prefix}/weights", f"{low} to {high}", why)
        _CHECK.true(self.input.unsigned and self.output.unsigned, self.name, f"{self.input.name} to {self.output.name}", "codes are uintN")
        check_ascending(f"{prefix}/thresholds", self.thresholds)
        lows, highs = reach(self.input.high, self.weights)
        low, high = int(lows.min()), int(highs.max())
        _CHECK.true(low >= -(2**31) and high < 2**31, f"{prefix}/weights", f"sums from {low} to {high}", "accumulators have 32 bits")

    @property
    def largest_accumulator(self) -> int:
        """Magnitude no sum, nor any part of one, can exceed."""
        lows, highs = reach(self.input.high, self.weights)
        return max(-int(lows.min()), int(highs.max()))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """A residual block. The identity bypass takes the codes as they came in, a projection takes them after `entry`."""

    name: str
    entry: NDArray[np.int32] | None  # thresholds (channels, 2^bits - 1) into the format of the first convolution
    convs: tuple[Conv, ...]
    bypass: Conv | None  # a projection, or None for the identity
    zero_point: int
    bits: int  # of the residual codes it puts out


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Head:
    """Sum over all pixels of max(code - zero point, 0), a fully connected layer, and the labels of the largest scores."""

    zero_point: int
    inputs: int
    classes: int
    top: int
    weights: NDArray[Any] | None  # (classes, inputs), int8 or uint8; None when the kernel reads them, int8, from memory
    bias: NDArray[np.int32]  # (classes,)

    @property
    def lift(self) -> int:
        """What the native paths, which multiply int8, take off every weight, and put onto every score for each unit of its sums."""
        return 128 if self.weights is not None and self.weights.dtype == np.uint8 else 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Program:
    """A whole network; `runtime.container.sections.parse` has shown that its layers fit each other."""

    input: Shape
    stem: Conv
    pool: Window | None
    blocks: tuple[Block, ...]
    head: Head


def reach(most: int, weights: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Least and greatest sum of each output (out, …) over all inputs from 0 to `most`; every part of a sum lies between them."""
    rows = weights.reshape(len(weights), -1)
    low: NDArray[np.int64] = np.minimum(rows, 0).sum(axis=1, dtype=np.int64) * most
    high: NDArray[np.int64] = np.maximum(rows, 0).sum(axis=1, dtype=np.int64) * most
    return low, high


def key(name: str) -> str:
    """The dotted name of a layer as it is spelled in the npz."""
    return name.replace(".", "/")


def check_ascending(where: str, thresholds: NDArray[np.int32]) -> None:
    descents = np.argwhere(thresholds[:, 1:] < thresholds[:, :-1])
    if len(descents):
        channel, i = descents[0]
        what = f"channel {channel} goes from {thresholds[channel, i]} to {thresholds[channel, i + 1]}"
        _CHECK.fail(where, what, "thresholds ascend")
