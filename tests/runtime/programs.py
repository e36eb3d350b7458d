"""Random programs of every kind a Program allows."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from runtime.container.program import Activation, Block, Conv, Entry, Format, GlobalPool, Head, Join, Pair, Program, Shape, Window

WEIGHTS = ["bipolar", "bipolar", "int1", "int2", "int5", "int8", "uint1", "uint3", "uint7", "uint8"]


class Drawer:
    """Draws layers that fit each other: small ones, or wide ones with more channels than a panel of the native paths."""

    def __init__(self, data: st.DataObject, *, wide: bool) -> None:
        self.draw, self.wide = data.draw, wide
        self.rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))

    def integer(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def chance(self, of: int = 2) -> bool:
        """One in so many."""
        return self.integer(1, of) == 1

    def channels(self) -> int:
        return self.draw(st.sampled_from([1, 2, 3, 5, 16, 63, 64, 65, 128, 130])) if self.wide else self.integer(1, 3)

    def format(self, most: int) -> Format:
        """Of codes: mostly unsigned ones, as activations mostly are."""
        bits = 8 if self.chance(8) else self.integer(1, most)
        return Format(f"{'int' if self.chance(3) else 'uint'}{bits}")

    def window(self, shape: Shape) -> Window:
        tallest, widest = (4, 7) if self.wide else (3, 3)
        kernel = Pair(self.integer(1, min(tallest, shape.height)), self.integer(1, min(widest, shape.width)))
        before, after = (Pair(*(self.integer(0, size - 1) for size in kernel)) for _ in range(2))
        most = 3 if self.wide else 2
        return Window(kernel=kernel, stride=Pair(self.integer(1, most), self.integer(1, most)), before=before, after=after)

    def conv(self, name: str, window: Window, inputs: int, out: int, source: Format, target: Format | None) -> Conv:
        """`target` None: its sums leave as they are."""
        weight = Format(self.draw(st.sampled_from(WEIGHTS)))
        shape = (out, *window.kernel, inputs)
        weights = self.rng.integers(weight.low, weight.high, shape, endpoint=True)
        weights = np.where(weights > 0, 1, -1) if weight.bipolar else weights
        largest = int(np.abs(weights).reshape(out, -1).sum(axis=1).max()) * max(source.high, -source.low)
        pads = (0,) if self.chance(3) else tuple(self.rng.integers(source.low, source.high, inputs if self.chance() else 1, endpoint=True))
        return Conv(
            name=name,
            window=window,
            weight=weight,
            input=source,
            weights=weights.astype(weight.dtype),
            pad_codes=tuple(map(int, pads)),
            activation=None if target is None else self.activation(name, out, target, largest),
        )

    def activation(self, name: str, channels: int, codes: Format, largest: int, dtype: Any = np.int32) -> Activation:
        """Of values up to `largest`: evenly spaced, as batch normalisation leaves them, or anywhere; some never or always reached."""
        if self.chance():
            step = self.rng.uniform(0.3, 1 + largest / codes.levels, (channels, 1))
            start = self.rng.uniform(-largest, largest / 2, (channels, 1))
            levels = np.ceil(start + step * np.arange(codes.levels)).astype(np.int64)
        else:
            levels = self.rng.integers(-largest - 1, largest + 1, (channels, codes.levels), endpoint=True)
            levels[self.rng.random(levels.shape) < 0.03] = np.iinfo(dtype).max
            levels[self.rng.random(levels.shape) < 0.03] = np.iinfo(dtype).min
        ends = np.iinfo(dtype)
        return Activation(name=name, codes=codes, thresholds=np.sort(np.clip(levels, ends.min, ends.max), axis=1).astype(dtype))

    def entry(self, name: str, channels: int, taken: Format) -> Activation | None:
        """An activation of codes, or none."""
        return self.activation(name, channels, self.format(4), max(taken.high, -taken.low)) if self.chance(3) else None

    def block(self, name: str, shape: Shape, codes: Format) -> tuple[Block, Shape]:
        entry = Entry()
        if self.chance():
            both = self.entry(f"{name}.entry", shape.channels, codes)
            forked = codes if both is None else both.codes
            main = self.entry(f"{name}.entry_main", shape.channels, forked)
            entry = Entry(both=both, main=main, bypass=self.entry(f"{name}.entry_bypass", shape.channels, forked))
        forked = codes if entry.both is None else entry.both.codes
        around = forked if entry.bypass is None else entry.bypass.codes
        projects, activates = self.chance(), self.chance()
        if not activates and not projects and not around.unsigned:
            activates = True
        residual = self.format(5)
        if not activates:
            residual = Format(f"uint{self.integer(1, 8)}") if projects else around
        out = self.channels() if projects else shape.channels
        stride = Pair(self.integer(1, 2), self.integer(1, 2)) if projects else Pair(1, 1)
        count = self.integer(2, 3)
        strided = self.integer(1, count)  # ResNet v1 has the stride in the first convolution, v1.5 in the second
        ends: list[Format | None] = [residual, residual]
        if activates:
            ends = [None if self.chance(3) else self.format(8) for _ in range(2)]
        convs: list[Conv] = []
        source, channels, size = forked if entry.main is None else entry.main.codes, shape.channels, shape
        for i in range(1, count + 1):
            kernel = self.draw(st.sampled_from([1, 3]))
            edge = Pair(kernel // 2, kernel // 2)
            window = Window(kernel=Pair(kernel, kernel), stride=stride if i == strided else Pair(1, 1), before=edge, after=edge)
            wide = out if i == count else self.channels()
            target = ends[0] if i == count else self.format(4)
            convs.append(self.conv(f"{name}.conv{i}", window, channels, wide, source, target))
            source, channels, size = target or source, wide, Shape(*window.output(size.height, size.width), wide)
        bypass = None
        if projects:
            kernel = self.draw(st.sampled_from([1, 1, 3]))
            edge = Pair(kernel // 2, kernel // 2)
            window = Window(kernel=Pair(kernel, kernel), stride=stride, before=edge, after=edge)
            bypass = self.conv(f"{name}.bypass", window, shape.channels, out, around, ends[1])
        join = Join(zero_point=self.integer(0, residual.high), codes=residual)
        if activates:
            join = self.join(name, convs[-1], bypass, around, residual)
        return Block(name=name, entry=entry, convs=tuple(convs), bypass=bypass, join=join), size

    def join(self, name: str, main: Conv, bypass: Conv | None, around: Format, residual: Format) -> Join:
        """One with thresholds, of 32 bits or of more."""
        channels, factors, most = len(main.weights), None, 1
        if self.chance():
            most = 2 ** self.draw(st.sampled_from([4, 10, 16])) - 1
            factors = self.rng.integers(1, most, (channels if self.chance() else 1, 2), endpoint=True).astype(np.int32)
        largest = 0
        for conv, codes in ((main, around), (bypass, around)):
            if conv is not None and conv.activation is None:
                largest += most * conv.largest_accumulator
            else:
                form = codes if conv is None or conv.activation is None else conv.activation.codes
                largest += most * max(form.high, -form.low)
        zero_point = self.integer(-50, 50)
        dtype = np.int64 if largest + 50 >= 2**31 or self.chance(4) else np.int32
        activation = self.activation(f"{name}.join", channels, residual, largest, dtype)
        return Join(zero_point=zero_point, codes=residual, factors=factors, activation=activation)

    def head(self, shape: Shape, codes: Format) -> Head:
        zero_point = self.integer(codes.low, codes.high)
        pool = GlobalPool.MAX if self.chance(3) else GlobalPool.SUM
        largest = (codes.high - zero_point) * (shape.height * shape.width if pool is GlobalPool.SUM else 1)
        activation = self.activation("head.pool", shape.channels, self.format(8), largest) if self.chance(3) else None
        if activation is not None:
            largest = max(activation.codes.high, -activation.codes.low)
        classes = self.integer(1, 20 if self.wide else 5)
        factors, bias, bits = None, self.rng.integers(-3, 4, classes).astype(np.int32), 32
        if self.chance(3):
            bits = self.draw(st.sampled_from([32, 48]))
            factors = self.rng.integers(1, 4 if bits == 32 else 2**16, classes).astype(np.int32)
            bias = self.rng.integers(-3 if bits == 32 else -(2**40), 4 if bits == 32 else 2**40, classes)
        output = None
        if self.chance(3):
            scores = largest * 2 * shape.channels * (1 if factors is None else int(factors.max())) + int(np.abs(bias).max())
            output = self.activation("head.fc", classes, self.format(8), scores, np.int32 if bits <= 32 else np.int64)
        return Head(
            pool=pool,
            zero_point=zero_point,
            activation=activation,
            inputs=shape.channels,
            classes=classes,
            top=self.integer(1, classes),
            weights=self.head_weights(classes, shape.channels) if self.chance() else None,
            factors=factors,
            bias=bias,
            score_bits=bits,
            output=output,
        )

    def head_weights(self, classes: int, inputs: int) -> NDArray[Any]:
        """Few values, so that scores are often equal."""
        return self.rng.integers(-2, 3, (classes, inputs)).astype(np.int8)

    def program(self) -> Program:
        most = 20 if self.wide else 5
        channels = self.draw(st.sampled_from([1, 3, 4, 64])) if self.wide else self.integer(1, 3)
        image = Shape(self.integer(1, most), self.integer(1, most), channels)
        entry = self.activation("stem.entry", channels, self.format(8), 255) if self.chance(4) else None
        window, codes = self.window(image), self.format(8)
        stem = self.conv("stem.conv", window, channels, self.channels(), Format("uint8") if entry is None else entry.codes, codes)
        shape = Shape(*window.output(image.height, image.width), len(stem.weights))
        pool = self.window(shape) if self.chance() else None
        if pool is not None:
            shape = Shape(*pool.output(shape.height, shape.width), shape.channels)
        blocks: list[Block] = []
        for i in range(self.integer(0, 3 if self.wide else 2)):
            block, shape = self.block(f"block{i}", shape, codes)
            codes = block.join.codes
            blocks.append(block)
        head = self.head(shape, codes)
        return Program(input=image, entry=entry, stem=stem, pool=pool, blocks=tuple(blocks), head=head)


def simple(weights: NDArray[Any], weight: str, thresholds: NDArray[np.int32], *, source: str = "uint8", target: str = "uint1") -> Program:
    """A stem of one pixel, (out, in), and nothing else but a head that adds up its codes."""
    window = Window(kernel=Pair(1, 1), stride=Pair(1, 1), before=Pair(0, 0), after=Pair(0, 0))
    conv = Conv(
        name="stem.conv",
        window=window,
        weight=Format(weight),
        input=Format(source),
        weights=weights.reshape(len(weights), 1, 1, -1),
        activation=Activation(name="stem.conv", codes=Format(target), thresholds=thresholds),
    )
    matrix = np.ones((1, len(weights)), np.int8)
    head = Head(zero_point=0, inputs=len(weights), classes=1, top=1, weights=matrix, bias=np.zeros(1, np.int32))
    return Program(input=Shape(1, 1, weights.shape[-1]), stem=conv, pool=None, blocks=(), head=head)
