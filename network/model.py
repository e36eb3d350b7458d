"""The described network as values: every fact is a field the user decided or a property that follows from them.

A value that exists is valid: shapes meet, folds divide, accumulators hold. `at` is where a value stands in the YAML; it is
for messages only and takes no part in equality or `repr`, so a value is its own key for what was built from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import isqrt
from typing import NamedTuple

from network import meeting
from network.errors import DescriptionError, Source
from network.formats import Format, Kind

MAX_BEAT_BITS = 4096
"""Widest AXI4-Stream beat and widest `ap_uint` Vitis HLS takes."""


MOST_TOP = 1024
"""Elements up to which the HLS tools partition an array completely; vivado_hls ends with XFORM 203-103 above."""


class Shape(NamedTuple):
    """Height, width, channels of one frame; channels run fastest."""

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


def divisors(number: int) -> list[int]:
    low = [d for d in range(1, isqrt(number) + 1) if number % d == 0]
    return low + [number // d for d in reversed(low) if d * d != number]


def require_divides(at: Source, name: str, fold: int, whole: int, of: str, why: str) -> None:
    if whole % fold:
        fix = "choose from " + ", ".join(map(str, divisors(whole)))
        raise DescriptionError(at, f"{name}={fold} does not divide {whole} {of}", why=why, fix=fix)


def _bits(form: Format) -> int:
    return form.bits


def require_beat(
    at: Source, name: str, key: str, fold: int, whole: int, what: Format, *, times: tuple[str, int] = ("", 1), pixels: int = 1
) -> None:
    """`fold` lanes of `what`, or with `times` (a key and its value) so many times as many, have to fit into a beat.

    `key` is what decides, one of the divisors of `whole`; where several `pixels` leave pe and simd no choice, not by itself.
    """
    other, others = times
    if fold * others * what.bits <= MAX_BEAT_BITS:
        return
    fitting = ", ".join(str(choice) for choice in divisors(whole) if choice * others * what.bits <= MAX_BEAT_BITS)
    raise DescriptionError(
        at,
        f"{name}: {key}={fold}{f' with {other}={others}' if other else ''} makes a beat of {fold * others * what.bits:,} bits",
        why=f"{fold * others:,} lanes of {what}; no stream or ap_uint may be wider than {MAX_BEAT_BITS:,} bits",
        fix=f"{'leave pixels out, and ' if pixels > 1 else ''}choose {key} from {fitting}",
    )


def reach(products: int, weight: Format, codes: Format) -> tuple[int, int]:
    """Least and greatest sum of so many products, over all weights and inputs of these formats."""
    most = products * codes.high
    return most * min(weight.low, 0), most * weight.high


def require_accumulator(at: Source, name: str, acc: Format | None, low: int, high: int, *, is_shared: bool = False) -> Format:
    """`acc`, or where it is None the narrowest format, that holds `low` ... `high`; `is_shared` where it stands under `formats`."""
    needed = max(2, 1 + max(high, -low - 1, 0).bit_length())
    if needed > 32:
        raise DescriptionError(
            at,
            f"{name}: the accumulator would need {needed} bits",
            why=f"its worst case over all weights and inputs is {low:,} to {high:,}; accumulators have at most 32 bits",
            fix="use fewer channels, a smaller kernel or map, or narrower formats",
        )
    if acc is None:
        return Format(Kind.INT, needed)
    if acc.kind is not Kind.INT or acc.bits < needed:
        raise DescriptionError(
            at,
            f"{name}: the accumulator could overflow {acc}",
            why=f"its worst case over all weights and inputs is {low:,} to {high:,}",
            fix=f"write acc: int{needed} or wider, or leave acc out{' of formats' if is_shared else ''}",
        )
    return acc


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
                    why="a window that sees nothing but padding computes nothing",
                    fix=f"pad with at most {kernel - 1}",
                )
            if size + before + after < kernel:
                rooms = [there + sum(pad) for there, pad in zip(shape[:2], self.pad, strict=True)]
                most = min(rooms) if self.kernel[0] == self.kernel[1] else size + before + after
                raise DescriptionError(
                    at,
                    f"{name}: a kernel of {kernel} does not fit into the {axis} of {shape} with pad ({before}, {after})",
                    why="there would be no output pixel",
                    fix=f"use a kernel of at most {most}, more padding, smaller strides or a larger image before it",
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
class Conv:
    """One convolution with its thresholds and its folding."""

    name: str  # dotted: res2a.conv2
    input: Shape
    out: int  # output channels
    window: Window
    weight: Format
    input_format: Format
    output_format: Format  # what the thresholds tell apart
    acc: Format
    pe: int  # output channels per cycle
    simd: int  # input channels per cycle
    pixels: int = 1  # output pixels of a row per cycle
    free: tuple[str, ...] = ()  # of pe, simd, pixels: what the folding search is to choose; 1 until it has
    at: Source = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        self.window.check(self.at, self.name, self.input)
        same_number = "each PE computes the same number of output channels"
        every_beat = "each beat carries the same number of input channels"
        require_divides(self.at, f"{self.name}: pe", self.pe, self.out, "output channels", same_number)
        require_divides(self.at, f"{self.name}: simd", self.simd, self.input.channels, "input channels", every_beat)
        one_group = "each cycle computes the same number of pixels of one row"
        require_divides(self.at, f"{self.name}: pixels", self.pixels, self.output.width, "pixels of an output row", one_group)
        if self.pixels > 1 and (self.pe, self.simd) != (self.out, self.input.channels):
            raise DescriptionError(
                self.at,
                f"{self.name}: pixels={self.pixels} with pe={self.pe} and simd={self.simd}",
                why="pixels leave in raster order, so all channels of one must be there at once",
                fix=f"write pe: {self.out}, simd: {self.input.channels}, or leave pixels out",
            )
        wider = max(self.input_format, self.weight, key=_bits)
        require_beat(self.at, self.name, "simd", self.simd, self.input.channels, wider, pixels=self.pixels)
        require_beat(self.at, self.name, "pe", self.pe, self.out, self.output_format, pixels=self.pixels)
        if self.pixels > 1:
            into, out = ("simd", self.simd, self.input_format), ("pe", self.pe, self.output_format)
            other, others, form = max(into, out, key=lambda end: end[1] * end[2].bits)
            require_beat(self.at, self.name, "pixels", self.pixels, self.output.width, form, times=(other, others))
        require_accumulator(self.at, self.name, self.acc, *self.reach)

    @property
    def output(self) -> Shape:
        return self.window.output(self.input, self.out)

    @property
    def slides(self) -> bool:
        """Whether it needs a sliding window; one pixel in, one pixel out does not."""
        return self.window.kernel != (1, 1) or self.window.stride != (1, 1) or self.pixels > 1

    @property
    def fan_in(self) -> int:
        """Products per accumulator."""
        return self.window.taps * self.input.channels

    @property
    def reach(self) -> tuple[int, int]:
        """Least and greatest accumulator."""
        return reach(self.fan_in, self.weight, self.input_format)

    @property
    def weights_shape(self) -> tuple[int, int, int, int]:
        """(out, kernel_h, kernel_w, in)."""
        return (self.out, *self.window.kernel, self.input.channels)

    @property
    def fold_in(self) -> int:
        """Beats per window."""
        return self.window.taps * (self.input.channels // self.simd)

    @property
    def fold_out(self) -> int:
        """Beats per output pixel."""
        return self.out // self.pe

    @property
    def cycles(self) -> int:
        """Cycles per frame of the MVAU at II=1."""
        return self.output.pixels // self.pixels * self.fold_in * self.fold_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Fifo:
    """A depth that is given: of a stream of an IP, or of the link that leads to one of its ports."""

    name: str  # within the IP: bypass, codes_in
    depth: int  # beats
    at: Source = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stem:
    """Convolution of the image, thresholds, and an optional max-pool on codes."""

    conv: Conv
    pool: Window | None
    slr: int | None = None  # None: chosen by the floorplan
    fifos: tuple[Fifo, ...] = ()
    at: Source = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.pool is not None:
            self.pool.check(self.at, "stem.pool", self.conv.output)

    @property
    def output(self) -> Shape:
        shape = self.conv.output
        return shape if self.pool is None else self.pool.output(shape, shape.channels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A residual block: `basic` with two convolutions, `bottleneck` with three; `bypass` is None for the identity."""

    name: str
    input: Shape
    input_format: Format
    entry: bool  # whether thresholds turn the incoming codes into activations
    act: Format
    residual: Format
    zero_point: int
    convs: tuple[Conv, ...]
    bypass: Conv | None
    slr: int | None = None  # None: chosen by the floorplan
    fifos: tuple[Fifo, ...] = ()
    at: Source = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.entry and self.input_format != self.act:
            raise DescriptionError(
                self.at,
                f"{self.name}: entry: false, but {self.input_format} comes in and the convolutions take {self.act}",
                why="without entry thresholds the codes pass unchanged",
                fix="leave entry out",
            )
        main = self.convs[-1].output
        if self.bypass is None:
            if self.input_format != self.residual:
                raise DescriptionError(
                    self.at,
                    f"{self.name}: bypass: identity passes {self.input_format} on, the join adds {self.residual}",
                    why="the identity takes the codes as they came in",
                    fix="write output: residual in stem, or make the bypass a projection, bypass: {}",
                )
            if self.input != main:
                raise DescriptionError(
                    self.at,
                    f"{self.name}: the bypass brings {self.input}, {self.convs[-1].name} brings {main}",
                    why="the join adds the two paths channel by channel, so they must meet in shape",
                    fix=meeting.remedy(self.input, self.convs, None),
                )
        elif self.bypass.output != main:
            raise DescriptionError(
                self.bypass.at,
                f"{self.name}: the bypass brings {self.bypass.output}, {self.convs[-1].name} brings {main}",
                why="the join adds the two paths channel by channel, so they must meet in shape",
                fix=meeting.remedy(self.input, self.convs, self.bypass),
            )

    @property
    def kind(self) -> str:
        return {2: "basic", 3: "bottleneck"}[len(self.convs)]

    @property
    def output(self) -> Shape:
        return self.convs[-1].output

    @property
    def layers(self) -> tuple[Conv, ...]:
        """All convolutions, the projection last."""
        return self.convs if self.bypass is None else (*self.convs, self.bypass)

    def with_layers(self, layers: Sequence[Conv]) -> Block:
        """The same block with other foldings of `layers`."""
        convs = tuple(layers[: len(self.convs)])
        return replace(self, convs=convs, bypass=None if self.bypass is None else layers[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Dense:
    """The fully connected layer: weights (out, inputs), one accumulator and one bias per output."""

    name: str
    inputs: int
    out: int  # classes
    weight: Format
    input_format: Format
    acc: Format  # of the scores, bias included
    pe: int
    simd: int
    free: tuple[str, ...] = ()  # of pe, simd: what the folding search is to choose; 1 until it has
    at: Source = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        same_number = "each PE computes the same number of classes"
        every_beat = "each beat carries the same number of inputs"
        require_divides(self.at, f"{self.name}: pe", self.pe, self.out, "classes", same_number)
        require_divides(self.at, f"{self.name}: simd", self.simd, self.inputs, "inputs", every_beat)
        wider = max(self.input_format, self.weight, key=_bits)
        require_beat(self.at, self.name, "simd", self.simd, self.inputs, wider)
        # What is wider with the same pe decides; to fit it is to fit both.
        if self.simd * self.weight.bits > self.acc.bits:
            require_beat(self.at, self.name, "pe", self.pe, self.out, self.weight, times=("simd", self.simd))
        else:
            require_beat(self.at, self.name, "pe", self.pe, self.out, self.acc)
        require_accumulator(self.at, self.name, self.acc, *self.reach)

    @property
    def reach(self) -> tuple[int, int]:
        """Least and greatest sum of products, the bias left out."""
        return reach(self.inputs, self.weight, self.input_format)

    @property
    def fold_in(self) -> int:
        return self.inputs // self.simd

    @property
    def fold_out(self) -> int:
        return self.out // self.pe

    @property
    def cycles(self) -> int:
        return self.fold_in * self.fold_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Sum over all pixels of max(code - zero_point, 0), fully connected layer, labels of the `top` largest scores."""

    input: Shape
    code_format: Format
    zero_point: int
    fc: Dense
    top: int
    streams_weights: bool  # from card memory; otherwise from ROMs
    slr: int | None = None  # None: chosen by the floorplan
    fifos: tuple[Fifo, ...] = ()
    at: Source = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 1 <= self.top <= self.fc.out:
            raise DescriptionError(
                self.at,
                f"head: top={self.top} of {self.fc.out} classes",
                why="the kernel writes the labels of the top largest scores",
                fix=f"choose 1 to {self.fc.out}",
            )
        if self.top > MOST_TOP:
            raise DescriptionError(
                self.at,
                f"head: top={self.top:,}",
                why=f"the labels are sorted in registers, and HLS tools make registers of no array of more than {MOST_TOP:,}",
                fix=f"choose at most {MOST_TOP:,}",
            )
        if self.streams_weights and (self.fc.pe != 1 or self.fc.simd * self.fc.weight.bits > 512 or self.fc.weight.bits != 8):
            raise DescriptionError(
                self.fc.at,
                f"head.fc: weights {self.fc.weight} with pe={self.fc.pe}, simd={self.fc.simd} cannot be streamed",
                why="memory holds the rows of (classes, inputs) int8 one after the other and delivers 64 of them a cycle",
                fix="choose weight: int8, pe: 1 and simd up to 64, or weights: rom",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Banks of the kernel's arguments, spelled as the platform does: `DDR[0]`, `PLRAM[0]`, `HBM[3]`; "": the card's first."""

    images: str = ""
    labels: str = ""
    weights: str = ""
    at: Source = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A whole described network."""

    name: str
    platform: str
    clock_mhz: int
    input: Shape  # of the image, uint8
    labels: tuple[str, ...]  # by class; empty when none are given
    act: Format
    residual: Format
    zero_point: int
    stem: Stem
    blocks: tuple[Block, ...]
    head: Head
    memory: Memory
    fps: int | None = None  # frames a second the folding search is to reach; None: as many as fit the card
    parameters: str | None = None  # file, when it is not params/<name>.npz
    images: str | None = None  # labelled images to try it on: see network.images
    at: Source = field(repr=False, compare=False)  # of the platform
    labels_at: Source = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.labels and len(self.labels) != self.head.fc.out:
            raise DescriptionError(
                self.labels_at,
                f"labels: {len(self.labels)} names for {self.head.fc.out} classes",
                why="every class has one name",
                fix=f"give {self.head.fc.out} names, or leave labels out",
            )
        shape = self.stem.output
        for block in self.blocks:
            if block.input != shape:
                raise ValueError(f"{block.name} takes {block.input}, {shape} comes in")
            shape = block.output

    def on(self, platform: str) -> Network:
        """The same network for another card, whose SLRs and banks have yet to be chosen."""
        free = self.placed([None] * (len(self.blocks) + 2))
        return replace(free, platform=platform, memory=Memory(at=self.memory.at))

    @property
    def is_folded(self) -> bool:
        """Whether no folding is left open."""
        return not self.head.fc.free and not any(conv.free for conv in self.convs)

    def unfolded(self) -> Network:
        """With every folding left open, for the search to choose anew."""
        lanes = ("pe", "simd")
        return replace(
            self,
            stem=replace(self.stem, conv=replace(self.stem.conv, pixels=1, free=(*lanes, "pixels"))),
            blocks=tuple(block.with_layers([replace(layer, free=lanes) for layer in block.layers]) for block in self.blocks),
            head=replace(self.head, fc=replace(self.head.fc, free=lanes)),
        )

    def placed(self, slrs: Sequence[int | None]) -> Network:
        """With the SLRs of stem, blocks and head."""
        stem, *blocks, head = slrs
        return replace(
            self,
            stem=replace(self.stem, slr=stem),
            blocks=tuple(replace(block, slr=slr) for block, slr in zip(self.blocks, blocks, strict=True)),
            head=replace(self.head, slr=head),
        )

    @property
    def convs(self) -> tuple[Conv, ...]:
        """All convolutions in stream order."""
        return (self.stem.conv, *(layer for block in self.blocks for layer in block.layers))
