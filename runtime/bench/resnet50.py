"""ResNet-50 in three quantizations, with parameters drawn at random.

How many codes are zero matters: processors multiply them with less power, and faster where power limits them (AMX's tiles by 20 %). Behind
a ReLU half of the values are; of the codes of 2 bits that are multiplied, about as many as in the original design's trained network (three
of five here, two of three there).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.container.program import Activation, Block, Conv, Entry, Format, Head, Join, Pair, Program, Shape, Window

IMAGE = Shape(224, 224, 3)
STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))  # blocks, and channels inside each
EXPANSION = 4  # of channels, at the end of a block
CLASSES = 1000


@dataclass(frozen=True, slots=True)
class Size:
    """Of a ResNet with bottlenecks."""

    image: Shape = IMAGE
    stages: tuple[tuple[int, int], ...] = STAGES


WHOLE = Size()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantization:
    """Formats of a network, and how the branches of its blocks meet."""

    strided: int  # which convolution of a stage's first block has its stride: in v1 the first, in v1.5 the second
    weight: Format
    act: Format  # inside a block
    residual: Format  # between blocks
    branch: Format  # of the codes that meet in a join
    reach: float = 4  # standard deviations of the sums that these codes stand for
    zero_point: int = 0  # of these, if they are unsigned: a join clips their sum
    factor_bits: int = 0  # of each branch's factor in a join

    @property
    def version(self) -> str:
        return "v1" if self.strided == 1 else "v1.5"


NETWORKS = {
    # The original design.
    "w1a2": Quantization(
        strided=1, weight=Format("bipolar"), act=Format("uint2"), residual=Format("uint4"), branch=Format("uint4"), reach=6, zero_point=8
    ),
    "w4a4": Quantization(strided=2, weight=Format("int4"), act=Format("uint4"), residual=Format("uint4"), branch=Format("int4")),
    "w8a8": Quantization(
        strided=2, weight=Format("int8"), act=Format("uint8"), residual=Format("uint8"), branch=Format("int8"), factor_bits=12
    ),
}


def program(name: str, size: Size = WHOLE, seed: int = 1) -> Program:
    drawn = _Drawn(NETWORKS[name], np.random.default_rng(seed))
    stem = drawn.conv("stem.conv", size.image.channels, 64, kernel=7, stride=2, pad=(3, 2), is_stem=True)
    blocks = tuple(drawn.blocks(size.stages))
    pool = Window(kernel=Pair(3, 3), stride=Pair(2, 2), before=Pair(0, 0), after=Pair(1, 1))
    return Program(input=size.image, stem=stem, pool=pool, blocks=blocks, head=drawn.head(size))


def products(program: Program) -> dict[str, int]:
    """Multiplications a frame of each convolution, by its name."""
    counts: dict[str, int] = {}

    def follow(conv: Conv, size: tuple[int, int]) -> tuple[int, int]:
        height, width = conv.window.output(*size)
        counts[conv.name] = height * width * conv.weights.size
        return height, width

    size = follow(program.stem, program.input[:2])
    if program.pool is not None:
        size = program.pool.output(*size)
    for block in program.blocks:
        if block.bypass is not None:
            follow(block.bypass, size)
        for conv in block.convs:
            size = follow(conv, size)
    return counts


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Parts of a network."""

    form: Quantization
    rng: np.random.Generator

    def blocks(self, stages: tuple[tuple[int, int], ...]) -> Iterator[Block]:
        channels, codes = 64, self.form.act
        for stage, (count, inner) in enumerate(stages):
            for i in range(count):
                name, stride = f"res{stage + 2}{'abcdef'[i]}", 2 if i == 0 and stage > 0 else 1
                yield self._block(name, codes, channels, inner, stride, is_first=i == 0)
                channels, codes = inner * EXPANSION, self.form.residual

    def _block(self, name: str, codes: Format, channels: int, inner: int, stride: int, *, is_first: bool) -> Block:
        form, wide = self.form, inner * EXPANSION
        first, second = (stride, 1) if form.strided == 1 else (1, stride)
        convs = (
            self.conv(f"{name}.conv1", channels, inner, stride=first),
            self.conv(f"{name}.conv2", inner, inner, kernel=3, stride=second, pad=(1, 1)),
            self.conv(f"{name}.conv3", inner, wide, target=form.branch),
        )
        bypass = self.conv(f"{name}.bypass", channels, wide, stride=stride, target=form.branch) if is_first else None
        if form.zero_point:
            upper = self.rng.integers(codes.high // 2 + 1, codes.high + 1, (channels, form.act.levels))
            thresholds = np.sort(upper, axis=1).astype(np.int32)
            activation = Activation(name=f"{name}.entry", codes=form.act, thresholds=thresholds)
            entry = Entry(main=activation) if bypass is None else Entry(both=activation)
            return Block(name=name, entry=entry, convs=convs, bypass=bypass, join=Join(zero_point=form.zero_point, codes=form.residual))
        join = self._join(f"{name}.join", wide, codes if bypass is None else form.branch)
        return Block(name=name, entry=Entry(), convs=convs, bypass=bypass, join=join)

    def _join(self, name: str, channels: int, bypass: Format) -> Join:
        """Behind it, codes are as wide as in front of it."""
        form = self.form
        factors = np.ones(2, np.int32)
        if form.factor_bits:
            factors = np.round(2**form.factor_bits * self.rng.uniform(0.5, 1, 2)).astype(np.int32)
        codes = [_branch_codes(form.branch), _branch_codes(bypass) if bypass == form.branch else _rectified_codes(bypass)]
        centre = np.dot(factors, [each.centre for each in codes])
        spread = np.sqrt(np.dot(factors.astype(np.float64) ** 2, [each.spread**2 for each in codes]))
        thresholds = np.tile(_rectified(np.array([centre]), np.array([spread]), form.residual), (channels, 1))
        activation = Activation(name=name, codes=form.residual, thresholds=thresholds)
        return Join(zero_point=0, codes=form.residual, factors=factors[np.newaxis] if form.factor_bits else None, activation=activation)

    def conv(
        self,
        name: str,
        inputs: int,
        out: int,
        *,
        kernel: int = 1,
        stride: int = 1,
        pad: tuple[int, int] = (0, 0),
        target: Format | None = None,
        is_stem: bool = False,
    ) -> Conv:
        """A convolution of codes inside a block, to others of them, behind a ReLU, or to those of a branch; or the stem, of bytes."""
        source, weight = (Format("uint8"), Format("int8")) if is_stem else (self.form.act, self.form.weight)
        shape = (out, kernel, kernel, inputs)
        # None is on average above 0 or below it, so that neither are the sums.
        drawn = 2 * self.rng.integers(0, 2, shape) - 1 if weight.bipolar else self.rng.integers(-weight.high, weight.high + 1, shape)
        weights = drawn.astype(np.int8)
        flat = weights.reshape(out, -1).astype(np.float64)
        # As batch normalization leaves them.
        codes = _Values(source.high / 2, source.high / 3) if is_stem else _rectified_codes(source)
        centre, spread = flat.sum(axis=1) * codes.centre, np.sqrt((flat**2).sum(axis=1)) * codes.spread * self.rng.uniform(0.8, 1.2, out)
        thresholds = _rectified(centre, spread, self.form.act) if target is None else _even(centre, spread, target, self.form.reach)
        return Conv(
            name=name,
            window=Window(
                kernel=Pair(kernel, kernel), stride=Pair(stride, stride), before=Pair(pad[0], pad[0]), after=Pair(pad[1], pad[1])
            ),
            weight=weight,
            input=source,
            weights=weights,
            activation=Activation(name=name, codes=target or self.form.act, thresholds=thresholds),
        )

    def head(self, size: Size) -> Head:
        form, inputs = self.form, size.stages[-1][1] * EXPANSION
        weights = self.rng.integers(-128, 128, (CLASSES, inputs)).astype(np.int8)
        bias = self.rng.integers(-(2**16), 2**16, CLASSES).astype(np.int32)
        activation = None
        if not form.zero_point:
            pixels = (size.image.height >> len(size.stages) + 1) * (size.image.width >> len(size.stages) + 1)
            codes = _rectified_codes(form.residual)
            centre, spread = np.full(inputs, pixels * codes.centre), np.full(inputs, np.sqrt(pixels) * codes.spread)
            activation = Activation(name="head", codes=Format("uint8"), thresholds=_even(centre, spread, Format("uint8")))
        return Head(zero_point=form.zero_point, activation=activation, inputs=inputs, classes=CLASSES, top=5, weights=weights, bias=bias)


@dataclass(frozen=True, slots=True)
class _Values:
    """Of a tensor: their mean and their standard deviation."""

    centre: float
    spread: float


def _branch_codes(codes: Format) -> _Values:
    """What `_even` thresholds give."""
    return _Values((codes.low + codes.high) / 2, codes.levels / 4)


def _rectified_codes(codes: Format) -> _Values:
    """What `_rectified` thresholds give."""
    return _Values(codes.high / 7, codes.high / 4.5)


def _even(centre: NDArray[np.float64], spread: NDArray[np.float64], codes: Format, reach: float = 4) -> NDArray[np.int32]:
    """Thresholds that are evenly spaced around the centre of each channel's values, over `reach` times their spread."""
    return _spaced(centre, reach * spread / codes.levels, np.arange(codes.levels) - codes.levels / 2)


def _rectified(centre: NDArray[np.float64], spread: NDArray[np.float64], codes: Format) -> NDArray[np.int32]:
    """Those of a quantizer behind a ReLU: half a step above the centre and further up, which codes of 2 bits reach one time in three."""
    return _spaced(centre, 8 / 3 * spread / codes.levels, np.arange(codes.levels) + 0.5)


def _spaced(centre: NDArray[np.float64], step: NDArray[np.float64], steps: NDArray[np.float64]) -> NDArray[np.int32]:
    """Thresholds so many steps from the centre of each channel's values."""
    thresholds: NDArray[np.int32] = np.ceil(centre[:, np.newaxis] + step[:, np.newaxis] * steps).astype(np.int32)
    return thresholds
