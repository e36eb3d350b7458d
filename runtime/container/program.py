"""The network as the emulator computes it: layers that fit each other, with the parameters they were trained to."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from runtime.container.checks import Check
from runtime.errors import XclbinError

CODES = (*(f"int{bits}" for bits in range(1, 9)), *(f"uint{bits}" for bits in range(1, 9)))  # of what passes between layers
FORMATS = ("bipolar", *CODES)

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

    @property
    def dtype(self) -> type[np.uint8] | type[np.int8]:
        """Of codes, and of weights."""
        return np.uint8 if self.unsigned else np.int8


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A kernel sliding over an image that is padded."""

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
class Activation:
    """Integers to codes, channel by channel: lowest code + number of the channel's thresholds that are <= the value."""

    name: str
    codes: Format
    thresholds: NDArray[Any]  # (channels, codes.levels), ascending, int32, or int64 where values need it

    def __post_init__(self) -> None:
        descends = self.thresholds[:, 1:] < self.thresholds[:, :-1]
        if descends.any():
            channel, i = np.argwhere(descends)[0]
            what = f"channel {channel} goes from {self.thresholds[channel, i]} to {self.thresholds[channel, i + 1]}"
            _CHECK.fail(f"parameters: {key(self.name)}/thresholds", what, "thresholds ascend")


class Reach(NamedTuple):
    """Least and greatest value, channel by channel; every part of a sum lies between them, and so does 0."""

    low: NDArray[np.int64]
    high: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conv:
    """A convolution, and its activation unless its sums go to a join as they are."""

    name: str
    window: Window
    weight: Format
    input: Format
    weights: NDArray[Any]  # (out, kernel_h, kernel_w, in), int8 or uint8
    pad_codes: tuple[int, ...] = (0,)  # what stands outside the input: one code, or one for each channel
    activation: Activation | None
    reach: Reach = field(init=False)  # of its sums

    def __post_init__(self) -> None:
        prefix = f"parameters: {key(self.name)}"
        low, high = self.weights.min(), self.weights.max()
        why = f"weights of format {self.weight.name} are {self.weight.low} to {self.weight.high}"
        _CHECK.true(self.weight.low <= low and high <= self.weight.high, f"{prefix}/weights", f"{low} to {high}", why)
        _CHECK.true(not self.input.bipolar, self.name, self.input.name, "codes are intN or uintN")
        object.__setattr__(self, "reach", reach(self.weights, self.input.low, self.input.high))
        low, high = int(self.reach.low.min()), int(self.reach.high.max())
        _CHECK.true(low >= -(2**31) and high < 2**31, f"{prefix}/weights", f"sums from {low} to {high}", "accumulators have 32 bits")

    @property
    def largest_accumulator(self) -> int:
        """Magnitude no sum, nor any part of one, can exceed."""
        return max(-int(self.reach.low.min()), int(self.reach.high.max()))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entry:
    """The activations of the codes that come into a block, where it has some."""

    both: Activation | None = None  # in front of the fork
    main: Activation | None = None  # of the main branch alone
    bypass: Activation | None = None  # of the bypass alone, be it the identity or a projection


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Join:
    """How the branches of a block meet: with an activation, by that behind a * main + b * bypass - zero point; without one,
    by clipping main + bypass - zero point."""

    zero_point: int
    codes: Format  # that the block puts out
    factors: NDArray[np.int32] | None = None  # (channels, 2) or (1, 2): a and b; None: both are 1
    activation: Activation | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """A residual block."""

    name: str
    entry: Entry
    convs: tuple[Conv, ...]
    bypass: Conv | None  # a projection, or None for the identity
    join: Join


class GlobalPool(Enum):
    """What is taken over all pixels in front of the fully connected layer."""

    SUM = "sum"
    MAX = "max"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Head:
    """Sum or maximum over all pixels of max(code - zero point, 0), an activation if any, a fully connected layer whose sums are
    multiplied by factors if any, an activation of these scores if any, and the labels of the largest of what that gives."""

    pool: GlobalPool = GlobalPool.SUM
    zero_point: int
    activation: Activation | None = None  # of what the pool gives
    inputs: int
    classes: int
    top: int
    weights: NDArray[Any] | None  # (classes, inputs), int8 or uint8; None when the kernel reads them, int8, from memory
    factors: NDArray[np.int32] | None = None  # (classes,); None: they are 1
    bias: NDArray[Any]  # (classes,), int32, or int64 with factors
    score_bits: int = 32
    output: Activation | None = None  # of scores, whose codes are ranked then

    @property
    def ranked(self) -> type[np.int32] | type[np.int64]:
        """The type of what is ranked, scores or their codes, as results have it."""
        return np.int32 if self.score_bits <= 32 or self.output is not None else np.int64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Program:
    """A whole network; `runtime.container.sections.parse` has shown that its layers fit each other."""

    input: Shape
    entry: Activation | None = None  # of the image
    stem: Conv
    pool: Window | None
    blocks: tuple[Block, ...]
    head: Head

    @property
    def convs(self) -> tuple[Conv, ...]:
        """All convolutions, the projection of a block last."""
        return (self.stem, *(conv for block in self.blocks for conv in (*block.convs, block.bypass) if conv is not None))

    @property
    def codes(self) -> dict[str, Format]:
        """The format of what leaves the stem and each block, by their names."""
        assert self.stem.activation is not None
        return {"stem": self.stem.activation.codes} | {block.name: block.join.codes for block in self.blocks}


def reach(weights: NDArray[Any], low: int, high: int) -> Reach:
    """Least and greatest sum of each output (out, …) over all inputs from `low` to `high`, of all products or of some."""
    rows = weights.reshape(len(weights), -1)
    # Products of bytes: the sums of positive and of negative weights say it all.
    total = rows.sum(axis=1, dtype=np.int64)
    above = np.maximum(rows, 0).sum(axis=1, dtype=np.int64)
    below = total - above
    return Reach(below * max(high, 0) + above * min(low, 0), above * max(high, 0) + below * min(low, 0))


def key(name: str) -> str:
    """The dotted name of a layer as it is spelled in the npz."""
    return name.replace(".", "/")
