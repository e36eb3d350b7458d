"""A Program as the native paths take it, which multiply unsigned codes by int8 weights and compare sums with thresholds.

A code is kept as its distance from the lowest of its format: the number of its thresholds that were reached, an unsigned byte for
signed formats too. What that adds to a sum is the same for every window, the lowest code times the channel's weights, and is taken off
the thresholds here, once. So nothing costs time while the network runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.container.program import Activation, Block, Conv, Entry, Format, GlobalPool, Head, Program, Reach, Shape, Window, reach

LIFT = 128
"""What is taken off every weight of a head with unsigned ones, and put onto every score for each unit of its sums."""
_INT32 = np.iinfo(np.int32)
_BYTES = 256


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoweredConv:
    """A convolution of bytes."""

    name: str
    window: Window
    bipolar: bool
    weights: NDArray[Any]  # (out, kernel_h, kernel_w, in)
    input_high: int
    pads: NDArray[np.uint8] | None  # (in,) outside the input; None: zeros
    levels: NDArray[np.int32] | None  # (out, n); None: sums leave as they are
    low: NDArray[np.int64]  # least and greatest sum, (out,)
    high: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoweredSum:
    """A join with thresholds: factors times the bytes, or sums, of both branches, compared with levels."""

    main: NDArray[np.int32]  # factors, (channels,)
    bypass: NDArray[np.int32]
    levels: NDArray[Any]  # (channels, n): int32 where all values fit, else int64
    low: NDArray[np.int64]  # least and greatest value, (channels,)
    high: NDArray[np.int64]
    codes: tuple[int, int] | None  # the largest byte of each branch; None if one of them brings sums


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoweredBlock:
    """A block of bytes; its entries are levels on what comes in, (channels, n)."""

    main_entry: NDArray[np.int32] | None
    bypass_entry: NDArray[np.int32] | None
    convs: tuple[LoweredConv, ...]
    bypass: LoweredConv | None
    zero_point: int
    high: int
    sum: LoweredSum | None  # None: clipped


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoweredHead:
    """The head up to the sums of its fully connected layer and, where these are ranked as they are, the labels."""

    takes_maximum: bool
    zero_point: int
    levels: NDArray[np.int32] | None  # of what the pool gives, (inputs, n)
    low: int  # the code of a value below all levels
    largest: int  # magnitude of a code behind the pool, or of what a pixel adds to it
    inputs: int
    classes: int
    top: int
    bias: NDArray[np.int32]
    lift: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoweredProgram:
    """The whole network."""

    input: Shape
    entry: NDArray[np.int32] | None
    stem: LoweredConv
    pool: Window | None
    blocks: tuple[LoweredBlock, ...]
    head: LoweredHead


def lowered(program: Program) -> LoweredProgram:
    codes = program.codes
    blocks, taken = [], codes["stem"]
    for block in program.blocks:
        blocks.append(_block(block, taken))
        taken = block.join.codes
    return LoweredProgram(
        input=program.input,
        entry=None if program.entry is None else program.entry.thresholds,
        stem=_conv(program.stem),
        pool=program.pool,
        blocks=tuple(blocks),
        head=_head(program.head, taken),
    )


def too_wide(program: Program) -> str | None:
    """The name of a convolution whose sums do not fit into 32 bits when its codes are counted from the lowest."""
    for conv in program.convs:
        if conv.input.low < 0:
            low, high = _reach(conv)
            if low.min() <= _INT32.min or high.max() >= _INT32.max:
                return conv.name
    return None


def _reach(conv: Conv) -> Reach:
    """Of the sums of bytes."""
    return conv.reach if conv.input.low == 0 else reach(conv.weights, 0, conv.input.high - conv.input.low)


def _shift(conv: Conv) -> NDArray[np.int64] | int:
    """What the sum of codes is more than the sum of bytes, for each output."""
    if conv.input.low == 0:
        return 0
    sums: NDArray[np.int64] = conv.weights.reshape(len(conv.weights), -1).sum(axis=1, dtype=np.int64)
    return sums * conv.input.low


def _levels(thresholds: NDArray[Any], shift: NDArray[np.int64] | int) -> NDArray[np.int32]:
    """Thresholds for values without `shift`, (channels,); those beyond 32 bits stay beyond what is compared with them."""
    if thresholds.dtype == np.int32 and not np.any(shift):
        return thresholds
    levels: NDArray[np.int32] = np.clip(_wide_levels(thresholds, shift), _INT32.min, _INT32.max).astype(np.int32)
    return levels


def _wide_levels(thresholds: NDArray[Any], shift: NDArray[np.int64] | int) -> NDArray[np.int64]:
    # No value has 50 bits; a threshold of 64 could wrap.
    levels: NDArray[np.int64] = np.clip(thresholds, -(2**50), 2**50).astype(np.int64) - np.reshape(shift, (-1, 1))
    return levels


def _conv(conv: Conv) -> LoweredConv:
    pads = np.array(conv.pad_codes, np.int64) - conv.input.low
    outside = np.broadcast_to(pads, (conv.weights.shape[-1],)).astype(np.uint8)
    activation, sums = conv.activation, _reach(conv)
    return LoweredConv(
        name=conv.name,
        window=conv.window,
        bipolar=conv.weight.bipolar,
        weights=conv.weights,
        input_high=conv.input.high - conv.input.low,
        pads=outside if outside.any() else None,
        levels=None if activation is None else np.ascontiguousarray(_levels(activation.thresholds, _shift(conv))),
        low=sums.low,
        high=sums.high,
    )


def _block(block: Block, taken: Format) -> LoweredBlock:
    join, entry = block.join, block.entry
    forked = taken if entry.both is None else entry.both.codes
    return LoweredBlock(
        main_entry=_entry(entry, entry.main, taken),
        bypass_entry=_entry(entry, entry.bypass, taken),
        convs=tuple(map(_conv, block.convs)),
        bypass=None if block.bypass is None else _conv(block.bypass),
        zero_point=join.zero_point if join.activation is None else 0,
        high=join.codes.high - join.codes.low,
        sum=None if join.activation is None else _sum(block, join.activation, forked if entry.bypass is None else entry.bypass.codes),
    )


def _entry(entry: Entry, own: Activation | None, taken: Format) -> NDArray[np.int32] | None:
    """Levels of a branch on the bytes that come into the block: those of both branches, those of its own, or both in one."""
    if entry.both is None:
        return None if own is None else _levels(own.thresholds, taken.low)
    first = _levels(entry.both.thresholds, taken.low)
    if own is None:
        return first
    second = _levels(own.thresholds, entry.both.codes.low)
    bytes_ = np.arange(_BYTES)
    levels = np.empty((len(first), second.shape[1]), np.int32)
    for channel in range(len(first)):
        middle = np.searchsorted(first[channel], bytes_, side="right")
        code = np.searchsorted(second[channel], middle, side="right")
        # A level is the first byte whose code is so high, or 256.
        levels[channel] = np.searchsorted(code, np.arange(1, second.shape[1] + 1))
    return levels


def _sum(block: Block, activation: Activation, bypass_codes: Format) -> LoweredSum:
    channels = len(activation.thresholds)
    factors = np.ones((1, 2), np.int32) if block.join.factors is None else block.join.factors
    a, b = np.ascontiguousarray(np.broadcast_to(factors, (channels, 2)).T.astype(np.int64))
    main, main_shift = _end(block.convs[-1], None)
    bypass, bypass_shift = _end(block.bypass, bypass_codes)
    shift = a * main_shift + b * bypass_shift - block.join.zero_point
    low, high = (a * x + b * y for x, y in zip(main, bypass, strict=True))
    is_narrow = low.min() > _INT32.min and high.max() < _INT32.max
    levels: NDArray[Any] = (_levels if is_narrow else _wide_levels)(activation.thresholds, shift)
    brings_sums = any(conv is not None and conv.activation is None for conv in (block.convs[-1], block.bypass))
    return LoweredSum(
        main=a.astype(np.int32),
        bypass=b.astype(np.int32),
        levels=np.ascontiguousarray(levels),
        low=low,
        high=high,
        codes=None if brings_sums else (main[1], bypass[1]),
    )


def _end(conv: Conv | None, codes: Format | None) -> tuple[tuple[Any, Any], NDArray[np.int64] | int]:
    """The reach of what a branch brings to the join, and what the codes or sums it stands for are more than that."""
    if conv is not None and conv.activation is None:
        return _reach(conv), _shift(conv)
    if conv is not None and conv.activation is not None:
        codes = conv.activation.codes
    assert codes is not None
    return (0, codes.high - codes.low), codes.low


def _head(head: Head, taken: Format) -> LoweredHead:
    activation = head.activation
    is_ranked = head.factors is None and head.output is None
    largest = taken.high - head.zero_point if activation is None else max(activation.codes.high, -activation.codes.low)
    return LoweredHead(
        takes_maximum=head.pool is GlobalPool.MAX,
        zero_point=head.zero_point - taken.low,
        levels=None if activation is None else np.ascontiguousarray(activation.thresholds),
        low=0 if activation is None else activation.codes.low,
        largest=largest,
        inputs=head.inputs,
        classes=head.classes,
        top=head.top,
        bias=np.ascontiguousarray(head.bias) if is_ranked else np.zeros(head.classes, np.int32),
        lift=LIFT if head.weights is not None and head.weights.dtype == np.uint8 else 0,
    )
