"""ResNet-50 w1a2 with parameters drawn at random: what is measured does not depend on them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from runtime.container.program import Activation, Block, Conv, Entry, Format, Head, Join, Pair, Program, Shape, Window

IMAGE = Shape(224, 224, 3)
STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))  # blocks, and channels inside each
EXPANSION = 4  # of channels, at the end of a block
CLASSES = 1000
RESIDUAL_ZERO = 8

_ACT, _RESIDUAL = Format("uint2"), Format("uint4")


def program(seed: int = 1) -> Program:
    """The network of the original design, its stride on the first convolution of a stage."""
    rng = np.random.default_rng(seed)
    stem = _conv(rng, "stem.conv", "int8", 3, 64, Format("uint8"), _ACT, kernel=7, stride=2, pad=(3, 2))
    blocks: list[Block] = []
    channels, codes = 64, _ACT
    for stage, (count, inner) in enumerate(STAGES):
        for i in range(count):
            name = f"res{stage + 2}{'abcdef'[i]}"
            stride = 2 if i == 0 and stage > 0 else 1
            wide = inner * EXPANSION
            convs = (
                _conv(rng, f"{name}.conv1", "bipolar", channels, inner, _ACT, _ACT, stride=stride),
                _conv(rng, f"{name}.conv2", "bipolar", inner, inner, _ACT, _ACT, kernel=3, pad=(1, 1)),
                _conv(rng, f"{name}.conv3", "bipolar", inner, wide, _ACT, _RESIDUAL),
            )
            bypass = _conv(rng, f"{name}.bypass", "bipolar", channels, wide, _ACT, _RESIDUAL, stride=stride) if i == 0 else None
            thresholds = np.sort(rng.integers(1, codes.high + 1, (channels, _ACT.levels)), axis=1).astype(np.int32)
            activation = Activation(name=f"{name}.entry", codes=_ACT, thresholds=thresholds)
            entry = Entry(main=activation) if bypass is None else Entry(both=activation)
            join = Join(zero_point=RESIDUAL_ZERO, codes=_RESIDUAL)
            blocks.append(Block(name=name, entry=entry, convs=convs, bypass=bypass, join=join))
            channels, codes = wide, _RESIDUAL
    pool = Window(kernel=Pair(3, 3), stride=Pair(2, 2), before=Pair(0, 0), after=Pair(1, 1))
    weights = rng.integers(-128, 128, (CLASSES, channels)).astype(np.int8)
    bias = rng.integers(-(2**16), 2**16, CLASSES).astype(np.int32)
    head = Head(zero_point=RESIDUAL_ZERO, inputs=channels, classes=CLASSES, top=5, weights=weights, bias=bias)
    return Program(input=IMAGE, stem=stem, pool=pool, blocks=tuple(blocks), head=head)


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


def _conv(
    rng: np.random.Generator,
    name: str,
    weight: str,
    inputs: int,
    out: int,
    source: Format,
    target: Format,
    *,
    kernel: int = 1,
    stride: int = 1,
    pad: tuple[int, int] = (0, 0),
) -> Conv:
    shape = (out, kernel, kernel, inputs)
    bipolar = weight == "bipolar"
    weights = (2 * rng.integers(0, 2, shape) - 1 if bipolar else rng.integers(-60, 60, shape)).astype(np.int8)
    return Conv(
        name=name,
        window=Window(kernel=Pair(kernel, kernel), stride=Pair(stride, stride), before=Pair(pad[0], pad[0]), after=Pair(pad[1], pad[1])),
        weight=Format(weight),
        input=source,
        weights=weights,
        activation=Activation(name=name, codes=target, thresholds=_thresholds(rng, weights, source, target)),
    )


def _thresholds(rng: np.random.Generator, weights: NDArray[np.int8], source: Format, target: Format) -> NDArray[np.int32]:
    """Evenly spaced around the sum of average codes, as batch normalisation leaves them."""
    flat = weights.reshape(len(weights), -1).astype(np.float64)
    centre, spread = flat.sum(axis=1) * source.high / 2, np.sqrt((flat**2).sum(axis=1)) * source.high / 3
    step = (4 * spread / target.levels * rng.uniform(0.8, 1.2, len(flat)))[:, np.newaxis]
    levels: NDArray[np.int32] = np.ceil(centre[:, np.newaxis] + step * (np.arange(target.levels) - target.levels / 2)).astype(np.int32)
    return levels
