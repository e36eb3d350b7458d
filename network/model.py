"""The described network as values: every fact is a field the user decided or a property that follows from them.

A value that exists is valid: shapes match, folds divide, accumulators are wide enough. `at` is the place of a value in the YAML; it is
for messages only and takes no part in equality or `repr`, so the `repr` of a value is the key of what was built from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from network.errors import DescriptionError, Source
from network.formats import Format, Kind, uint
from network.layers import MAX_SCORE_BITS, ROM, Classifier, Conv, Holding, Way, require_beat
from network.operations import Activation, GlobalPool, Join, JoinSum, Pool, PoolKind, Shape, TopK, Window
from network.yaml import join_shapes

if TYPE_CHECKING:
    from constants.scaling import Scaling

IMAGE_FORMAT = uint(8)
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
    """Convolution of the image, thresholds, and an optional max-pool on codes; `entry`: the image becomes codes of this format first."""

    conv: Conv
    pool: Window | None
    entry: Format | None = None
    holding: Holding = ROM  # of the thresholds of the image
    slr: int | None = None  # None: chosen by the floorplan
    fifos: tuple[Fifo, ...] = ()
    at: Source = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.pool is not None:
            self.pool.check(self.at, "stem.pool", self.conv.output)

    @property
    def entry_activation(self) -> Activation | None:
        """The activation of the image, where it has one."""
        return _entry(self.conv.input, IMAGE_FORMAT, self.entry)

    @property
    def max_pool(self) -> Pool | None:
        return None if self.pool is None else Pool(input=self.conv.output, window=self.pool, codes=self.conv.output_format)

    @property
    def output(self) -> Shape:
        pool = self.max_pool
        return self.conv.output if pool is None else pool.output


def _entry(shape: Shape, values: Format, codes: Format | None) -> Activation | None:
    """The activation of codes that come in, if they become codes of another format."""
    return None if codes is None else Activation(shape=shape, values=values, reach=(values.low, values.high), codes=codes)


class Entry(NamedTuple):
    """The formats of the activations at the entry of a block, None where the codes pass unchanged."""

    both: Format | None = None  # in front of the fork
    main: Format | None = None  # of the main branch alone
    bypass: Format | None = None  # of the bypass alone


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinForm:
    """How the branches of a block meet: clipped, main + bypass - zero_point; or, with `activates`, by thresholds behind
    a * main + b * bypass - zero_point, where the factors a and b are 1 unless they have a format."""

    zero_point: int
    activates: bool = False
    factors: Format | None = None
    per_channel: bool = False  # factors for each channel
    way: Way | Scaling | None = None  # how the activation is built; None: as its formats suggest


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A residual block: `basic` with two convolutions, `bottleneck` with three; `bypass` is None for the identity."""

    name: str
    input: Shape
    input_format: Format
    entry: Entry
    convs: tuple[Conv, ...]
    bypass: Conv | None
    meeting: JoinForm
    residual: Format  # of the codes that leave
    holding: Holding = ROM  # of what its convolutions do not have: thresholds of the entry and of the join, factors
    slr: int | None = None  # None: chosen by the floorplan
    fifos: tuple[Fifo, ...] = ()
    at: Source = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        self._check_clip() if not self.meeting.activates else self._check_sum()
        main = self.convs[-1].output
        if self.bypass is None and self.input != main:
            raise DescriptionError(
                self.at,
                f"{self.name}: the bypass has shape {self.input}, {self.convs[-1].name} has {main}",
                why="the join adds the two paths element by element, so their shapes must match",
                fix=join_shapes.remedy(self.input, self.convs, None),
            )
        if self.bypass is not None and self.bypass.output != main:
            raise DescriptionError(
                self.bypass.at,
                f"{self.name}: the bypass has shape {self.bypass.output}, {self.convs[-1].name} has {main}",
                why="the join adds the two paths element by element, so their shapes must match",
                fix=join_shapes.remedy(self.input, self.convs, self.bypass),
            )
        first = self.convs[0]
        for codes in self.entry:
            if codes is not None:
                require_beat(first.at, first.name, "simd", first.simd, self.input.channels, codes)

    def _check_clip(self) -> None:
        """Without thresholds a join adds codes of one unsigned format and clips the sum to that format."""
        if self.bypass is None and self.bypass_format != self.residual:
            raise DescriptionError(
                self.at,
                f"{self.name}: bypass: identity has {self.bypass_format}, but the join adds {self.residual}",
                why="the identity passes codes unchanged",
                fix="write output: residual in stem, or make the bypass a projection, bypass: {}, or let thresholds follow the join, join: {}",
            )
        for layer in (self.convs[-1], self.bypass):
            if layer is not None and layer.output_format != self.residual:
                raise DescriptionError(
                    layer.at,
                    f"{layer.name}: act: {layer.output_format}, but the join adds {self.residual}",
                    why="a join without thresholds behind it clips a sum of codes to the format of both",
                    fix=f"leave act out, or let thresholds follow the join: write join: {{}} in {self.name}",
                )
        if self.residual.kind is not Kind.UINT:
            raise DescriptionError(
                self.at,
                f"{self.name}: the join would clip {self.residual}",
                why="a join without thresholds behind it clips to unsigned codes",
                fix="let thresholds follow it, join: {}, or use an unsigned residual format",
            )

    def _check_sum(self) -> None:
        added = self.join_sum
        if added.values.bits > MAX_SCORE_BITS:
            low, high = added.reach
            raise DescriptionError(
                self.at,
                f"{self.name}: the sum of the branches needs {added.values.bits} bits",
                why=f"its worst case is {low:,} to {high:,}; it may have at most {MAX_SCORE_BITS}",
                fix="use narrower factors, or branches of codes instead of sums",
            )
        last = self.convs[-1]
        widest = max(added.values, self.main_format, self.bypass_format, key=lambda form: form.bits)
        require_beat(last.at, last.name, "pe", last.pe, last.out, widest)

    @property
    def kind(self) -> str:
        return {2: "basic", 3: "bottleneck"}[len(self.convs)]

    @property
    def fork_format(self) -> Format:
        """Of the codes that are copied to both branches."""
        return self.entry.both or self.input_format

    @property
    def main_format(self) -> Format:
        """Of what the main branch brings to the join: codes, or sums."""
        return self.convs[-1].output_format

    @property
    def bypass_format(self) -> Format:
        """Of what the bypass brings to the join: codes, or sums."""
        return self.entry.bypass or self.fork_format if self.bypass is None else self.bypass.output_format

    @property
    def both_entry(self) -> Activation | None:
        """The activation of the incoming codes for both branches, where the block has one."""
        return _entry(self.input, self.input_format, self.entry.both)

    @property
    def main_entry(self) -> Activation | None:
        """That of the main branch alone."""
        return _entry(self.input, self.fork_format, self.entry.main)

    @property
    def bypass_entry(self) -> Activation | None:
        """That of the bypass alone."""
        return _entry(self.input, self.fork_format, self.entry.bypass)

    @property
    def main_entry_name(self) -> str:
        """Of the layer: the main branch's own is `entry_main` only beside one for both."""
        return f"{self.name}.entry" if self.entry.both is None else f"{self.name}.entry_main"

    @property
    def join(self) -> Join:
        """The join, where it clips."""
        return Join(shape=self.output, codes=self.residual, zero_point=self.meeting.zero_point)

    @property
    def join_sum(self) -> JoinSum:
        """The join, where thresholds follow."""
        main = self.convs[-1].reach if not self.convs[-1].activates else (self.main_format.low, self.main_format.high)
        bypass = self.bypass_format.low, self.bypass_format.high
        if self.bypass is not None and not self.bypass.activates:
            bypass = self.bypass.reach
        most = 1 if self.meeting.factors is None else self.meeting.factors.high
        # With a factor of 1 for one branch and the largest for the other both ends may be nearer to 0; with the largest for both they are farthest.
        low = min(main[0], most * main[0]) + min(bypass[0], most * bypass[0]) - self.meeting.zero_point
        high = max(main[1], most * main[1]) + max(bypass[1], most * bypass[1]) - self.meeting.zero_point
        return JoinSum(
            shape=self.output,
            main=self.main_format,
            bypass=self.bypass_format,
            zero_point=self.meeting.zero_point,
            factors=self.meeting.factors,
            per_channel=self.meeting.per_channel,
            reach=(low, high),
        )

    @property
    def join_activation(self) -> Activation | None:
        """The activation behind the sum of the branches, where it has one."""
        if not self.meeting.activates:
            return None
        added = self.join_sum
        return Activation(shape=self.output, values=added.values, reach=added.reach, codes=self.residual)

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


def pool_reach(kind: PoolKind, shape: Shape, codes: Format, zero_point: int) -> tuple[int, int]:
    """Least and greatest sum, or maximum, over all pixels of max(code - zero_point, 0)."""
    return 0, (codes.high - zero_point) * (shape.pixels if kind is PoolKind.SUM else 1)


@dataclass(frozen=True, slots=True)
class Pictures:
    """How pictures become images of the network, as its training did: which the host follows and the kernel does not know."""

    order: str = "bgr"  # of the channels: bgr or rgb
    resize: int | None = None  # pixels of the shorter side, then the middle is cut out; None: both sides to the input's size
    interpolation: str = "bilinear"  # or bicubic

    def fault(self, image: Shape) -> tuple[str, str, str] | None:
        """What is wrong with them for images of that shape, why, and how to fix it; None if nothing is."""
        longer = max(image.height, image.width)
        if self.resize is None or self.resize >= longer:
            return None
        what, why = (
            f"{self.resize} is less than the input, {image}",
            "a picture's shorter side gets so many pixels, and then the size of the input is cut out of its middle",
        )
        return what, why, f"write {longer} or more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Sum or maximum over all pixels of max(code - zero_point, 0), thresholds if any, fully connected layer, labels of the `top` largest
    scores, and these scores if they are asked for."""

    input: Shape
    code_format: Format
    zero_point: int
    pool: PoolKind = PoolKind.SUM
    act: Format | None = None  # of the codes that the pool's values become
    way: Way | Scaling | None = None  # how that activation is built; None: as its formats suggest
    fc: Classifier
    top: int
    streams_weights: bool  # from card memory; otherwise from ROMs
    gives_scores: bool = False
    holding: Holding = ROM  # of what is not the classifier's weights: thresholds, bias, factors
    slr: int | None = None  # None: chosen by the floorplan
    fifos: tuple[Fifo, ...] = ()
    at: Source = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        require_beat(self.fc.at, self.fc.name, "simd", self.fc.simd, self.fc.inputs, self.global_pool.values)
        if not self.code_format.low <= self.zero_point <= self.code_format.high:
            raise DescriptionError(
                self.at,
                f"head: zero_point={self.zero_point}",
                why=f"the codes that come in are {self.code_format}, {self.code_format.low} to {self.code_format.high}",
                fix="choose one of those; the lowest cuts nothing off",
            )
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
    def pool_reach(self) -> tuple[int, int]:
        """Least and greatest value of the pool."""
        return pool_reach(self.pool, self.input, self.code_format, self.zero_point)

    @property
    def global_pool(self) -> GlobalPool:
        return GlobalPool(
            kind=self.pool,
            input=self.input,
            codes=self.code_format,
            zero_point=self.zero_point,
            values=uint(self.pool_reach[1].bit_length() or 1),
        )

    @property
    def pool_activation(self) -> Activation | None:
        """The activation behind the pool, where it has one."""
        if self.act is None:
            return None
        return Activation(shape=Shape(1, 1, self.input.channels), values=self.global_pool.values, reach=self.pool_reach, codes=self.act)

    @property
    def top_k(self) -> TopK:
        return TopK(classes=self.fc.out, top=self.top, scores=self.fc.ranked, gives_scores=self.gives_scores)


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
    stem: Stem
    blocks: tuple[Block, ...]
    head: Head
    memory: Memory
    has_dma: bool = True  # moves images and labels between card memory and streams; without it they are streams of the design itself
    fps: int | None = None  # frames per second the folding search has to reach; None: as many as fit the card
    parameters: str | None = None  # file, where it is not params/<name>.npz
    images: str | None = None  # labelled images to run it on: see network.images
    pictures: Pictures | None = None  # None: stretched to the input's size, blue-green-red
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
        """With every folding left open, what multiplies, and where weights lie, for the search to choose anew; activations are built as
        described."""
        lanes = ("pe", "simd", "pixels", "taps")

        def free(conv: Conv) -> Conv:
            holding = conv.holding._replace(memory=None)
            return replace(conv, pe=1, simd=1, pixels=1, taps=1, free=lanes, multiply=None, holding=holding)

        fc = self.head.fc

        return replace(
            self,
            stem=replace(self.stem, conv=free(self.stem.conv)),
            blocks=tuple(block.with_layers(list(map(free, block.layers))) for block in self.blocks),
            head=replace(self.head, fc=replace(fc, free=("pe", "simd"), holding=fc.holding._replace(memory=None))),
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
    def activations(self) -> dict[str, Activation]:
        """All activations by the name of their layer, in stream order."""
        named: dict[str, Activation | None] = {"stem.entry": self.stem.entry_activation, "stem.conv": self.stem.conv.activation}
        for block in self.blocks:
            named[f"{block.name}.entry"] = block.both_entry
            named |= {} if block.main_entry is None else {block.main_entry_name: block.main_entry}
            named[f"{block.name}.entry_bypass"] = block.bypass_entry
            named |= {conv.name: conv.activation for conv in block.layers}
            named[f"{block.name}.join"] = block.join_activation
        named |= {"head.pool": self.head.pool_activation, self.head.fc.name: self.head.fc.activation}
        return {name: activation for name, activation in named.items() if activation is not None}

    @property
    def ways(self) -> dict[str, Way | Scaling | None]:
        """How activations are built, by the name of their layer; those at the entries follow from their formats."""
        joins = {f"{block.name}.join": block.meeting.way for block in self.blocks}
        return {conv.name: conv.way for conv in self.convs} | joins | {"head.pool": self.head.way, self.head.fc.name: self.head.fc.way}

    @property
    def loads(self) -> bool:
        """Whether any constants are loaded at start; those of the head then are, but for its weights."""
        return self.head.holding.loaded

    @property
    def reads_weights(self) -> bool:
        """Whether the kernel reads weights from card memory: the classifier's in every run, or all constants that are loaded."""
        return self.loads or self.head.streams_weights

    @property
    def convs(self) -> tuple[Conv, ...]:
        """All convolutions in stream order."""
        return (self.stem.conv, *(layer for block in self.blocks for layer in block.layers))
