"""The described network as values: every fact is a field the user decided or a property that follows from them.

A value that exists is valid: shapes match, folds divide, accumulators are wide enough. `at` is the place of a value in the YAML; it is
for messages only and takes no part in equality or `repr`, so the `repr` of a value is the key of what was built from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from network import join_shapes
from network.errors import DescriptionError, Source
from network.formats import Format
from network.layers import Classifier, Conv
from network.operations import Activation, Join, Pool, Shape, SumPool, TopK, Window

MAX_TOP = 1024
"""Largest array that the HLS tools partition completely; vivado_hls fails with XFORM 203-103 above it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fifo:
    """A FIFO depth given in the description: of a stream within an IP, or of the link to one of its ports."""

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
    def max_pool(self) -> Pool | None:
        return None if self.pool is None else Pool(input=self.conv.output, window=self.pool, codes=self.conv.output_format)

    @property
    def output(self) -> Shape:
        pool = self.max_pool
        return self.conv.output if pool is None else pool.output


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
                f"{self.name}: entry: false, but the input is {self.input_format} and the convolutions take {self.act}",
                why="without entry thresholds the codes pass unchanged",
                fix="leave entry out",
            )
        main = self.convs[-1].output
        if self.bypass is None:
            if self.input_format != self.residual:
                raise DescriptionError(
                    self.at,
                    f"{self.name}: bypass: identity has {self.input_format}, but the join adds {self.residual}",
                    why="the identity passes codes unchanged",
                    fix="write output: residual in stem, or make the bypass a projection, bypass: {}",
                )
            if self.input != main:
                raise DescriptionError(
                    self.at,
                    f"{self.name}: the bypass has shape {self.input}, {self.convs[-1].name} has {main}",
                    why="the join adds the two paths element by element, so their shapes must match",
                    fix=join_shapes.remedy(self.input, self.convs, None),
                )
        elif self.bypass.output != main:
            raise DescriptionError(
                self.bypass.at,
                f"{self.name}: the bypass has shape {self.bypass.output}, {self.convs[-1].name} has {main}",
                why="the join adds the two paths element by element, so their shapes must match",
                fix=join_shapes.remedy(self.input, self.convs, self.bypass),
            )

    @property
    def kind(self) -> str:
        return {2: "basic", 3: "bottleneck"}[len(self.convs)]

    @property
    def entry_activation(self) -> Activation | None:
        """The activation of the incoming codes, where the block has one."""
        if not self.entry:
            return None
        values = self.input_format
        return Activation(shape=self.input, values=values, reach=(values.low, values.high), codes=self.act)

    @property
    def join(self) -> Join:
        return Join(shape=self.output, codes=self.residual, zero_point=self.zero_point)

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
class Head:
    """Sum over all pixels of max(code - zero_point, 0), fully connected layer, labels of the `top` largest scores."""

    input: Shape
    code_format: Format
    zero_point: int
    fc: Classifier
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
        if self.top > MAX_TOP:
            raise DescriptionError(
                self.at,
                f"head: top={self.top:,}",
                why=f"the labels are sorted in registers, and HLS tools partition no array of more than {MAX_TOP:,} elements",
                fix=f"choose at most {MAX_TOP:,}",
            )
        if self.streams_weights and (self.fc.pe != 1 or self.fc.simd * self.fc.weight.bits > 512 or self.fc.weight.bits != 8):
            raise DescriptionError(
                self.fc.at,
                f"head.fc: weights {self.fc.weight} with pe={self.fc.pe}, simd={self.fc.simd} cannot be streamed",
                why="card memory holds int8 weights row by row, (classes, inputs), and delivers 64 of them a cycle",
                fix="choose weight: int8, pe: 1 and simd up to 64, or weights: rom",
            )

    @property
    def sum_pool(self) -> SumPool:
        return SumPool(input=self.input, codes=self.code_format, zero_point=self.zero_point, sums=self.fc.input_format)

    @property
    def top_k(self) -> TopK:
        return TopK(classes=self.fc.out, top=self.top, scores=self.fc.acc)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Banks of the kernel's arguments, spelled as in the platform: `DDR[0]`, `PLRAM[0]`, `HBM[3]`; "" is the card's first."""

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
    has_dma: bool = True  # moves images and labels between card memory and streams; without it they are streams of the design itself
    fps: int | None = None  # frames per second the folding search has to reach; None: as many as fit the card
    parameters: str | None = None  # file, where it is not params/<name>.npz
    images: str | None = None  # labelled images to run it on: see network.images
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
                raise ValueError(f"{block.name} takes {block.input}, but its input is {shape}")
            shape = block.output

    def on(self, platform: str) -> Network:
        """The same network for another card, its SLRs and banks left to be chosen."""
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
    def parts(self) -> dict[str, Stem | Block | Head]:
        """Stem, blocks and head by name, in stream order; each becomes an IP."""
        return {"stem": self.stem, **{block.name: block for block in self.blocks}, "head": self.head}

    @property
    def convs(self) -> tuple[Conv, ...]:
        """All convolutions in stream order."""
        return (self.stem.conv, *(layer for block in self.blocks for layer in block.layers))
