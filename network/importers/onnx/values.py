"""What a tensor of the graph is in whole numbers: a source of them, and the stages behind it.

Sources are the image's bytes, the sums of a convolution, those of a join and those of a pool over all pixels; a maximum of any of
them under a window, since a maximum and a function that does not fall may change places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from network.formats import Format
from network.importers.onnx.arithmetic.exact import Exact, exact, same
from network.importers.onnx.arithmetic.stages import ONE, ZERO, Affine, Clip, Quantize, Stage, fused
from network.importers.onnx.arithmetic.thresholds import code_format
from network.importers.onnx.graph import Node
from network.operations import Shape, Window


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """Bytes of the picture."""

    shape: Shape


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """Sums of a convolution or fully connected layer: weights (out, kernel_h, kernel_w, in) times the input's codes."""

    node: Node
    input: Tensor = field(repr=False)
    weights: NDArray[np.int64] = field(repr=False)
    weight: Format
    window: Window
    pad_codes: tuple[int, ...]
    scale: Exact  # of one unit of the sums, by output channel
    shape: Shape

    def turned(self, channels: NDArray[np.bool_]) -> Product:
        """With the weights of some channels negated."""
        weights = np.where(channels[:, None, None, None], -self.weights, self.weights)
        return replace(self, weights=weights)


@dataclass(frozen=True, slots=True, eq=False)
class Join:
    """The sum of two tensors."""

    node: Node
    left: Tensor = field(repr=False)
    right: Tensor = field(repr=False)
    shape: Shape


@dataclass(frozen=True, slots=True, eq=False)
class PixelSum:
    """The sum over all pixels of code - zero_point."""

    node: Node
    input: Tensor = field(repr=False)
    zero_point: int
    shape: Shape


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """The maximum of another source under a window, or over all pixels where there is none."""

    node: Node
    source: Source = field(repr=False)
    window: Window | None
    behind: int  # stages of the tensor that is pooled
    shape: Shape


@dataclass(frozen=True, slots=True, eq=False)
class Refused:
    """What an operator that cannot be taken would have made: known by its shape alone, so that what follows can be looked at, too."""

    node: Node
    shape: Shape


Source = Image | Product | Join | PixelSum | Pooled | Refused


class View(NamedTuple):
    """A tensor as codes: real = scale * (code - zero)."""

    chain: tuple[Stage, ...]  # from the source to the codes, a quantizer last; empty: the source's own whole numbers
    scale: Exact
    zero: Exact
    low: int
    high: int

    @property
    def format(self) -> Format:
        return code_format(self.low, self.high)

    @property
    def quantizer(self) -> Quantize | None:
        last = self.chain[-1] if self.chain else None
        return last if isinstance(last, Quantize) else None


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A source and the stages behind it, in the graph's own axes."""

    name: str
    source: Source = field(repr=False)
    stages: tuple[Stage, ...] = field(repr=False)
    axes: str  # NCHW, NHWC, NC
    ends: str = ""  # the operator that only ranks or normalizes the scores: Softmax, ArgMax

    @property
    def channels(self) -> int:
        return self.source.shape.channels

    @property
    def shape(self) -> tuple[int, ...]:
        """With a batch of 1."""
        sizes = {"N": 1, "C": self.source.shape.channels, "H": self.source.shape.height, "W": self.source.shape.width}
        return tuple(sizes[axis] for axis in self.axes)

    def then(self, stage: Stage, name: str) -> Tensor:
        return replace(self, stages=(*self.stages, stage), name=name)

    @property
    def meaning(self) -> Affine | None:
        """What the source's whole numbers stand for, where nothing but that lies behind it."""
        stages = fused(self.stages)
        if not stages:
            return Affine(ONE, ZERO)
        return stages[0] if len(stages) == 1 and isinstance(stages[0], Affine) else None


def view(tensor: Tensor) -> View | None:
    """The tensor as codes, or the bytes of the image and the sums of a pool as they are; None where it is not quantized."""
    stages = fused(tensor.stages)
    affine = Affine(ONE, ZERO)
    if stages and isinstance(stages[-1], Affine):
        *rest, last = stages
        assert isinstance(last, Affine)
        stages, affine = tuple(rest), last
    if any(each <= 0 for each in affine.factor):
        return None
    if not stages:
        if not isinstance(base(tensor.source), (Image, PixelSum)):
            return None
        least, most = reach(tensor.source)
        return View((), affine.factor, same(-affine.offset / affine.factor), int(least.min()), int(most.max()))
    last = stages[-1]
    if not isinstance(last, Quantize):
        return None
    meaning = affine.after(last.meaning)
    zero = same(-meaning.offset / meaning.factor)
    limits = _limits(tensor.source, stages)
    if limits is None:
        return None
    low, high = limits
    for each in zero:  # what stands for 0 may be needed outside the map, though no value comes to it
        if each.denominator == 1 and (last.low is None or min(last.low) <= each) and (last.high is None or each <= max(last.high)):
            low, high = min(low, int(each)), max(high, int(each))
    return View(stages, meaning.factor, zero, low, high)


def _limits(source: Source, stages: Sequence[Stage]) -> tuple[int, int] | None:
    """Least and greatest code that a chain makes; None where nothing bounds them."""
    bounds: tuple[Exact | None, Exact | None] = (None, None)
    if isinstance(base(source), (Image, PixelSum)):
        least, most = reach(source)
        bounds = (exact(least[:1]), exact(most[:1]))
    elif isinstance(base(source), Product) and any(isinstance(stage, Quantize) and stage.low is None for stage in stages):
        least, most = reach(source)
        bounds = (exact(least), exact(most))
    for stage in stages[:-1]:
        bounds = _through(stage, bounds)
    last = stages[-1]
    assert isinstance(last, Quantize)
    if isinstance(base(source), Refused) and (last.low is None or last.high is None):
        return 0, 1
    low, high = (limit if each is None else last.codes(each) for each, limit in zip(bounds, (last.low, last.high), strict=True))
    return None if low is None or high is None else (int(min(low)), int(max(high)))


def _through(stage: Stage, bounds: tuple[Exact | None, Exact | None]) -> tuple[Exact | None, Exact | None]:
    low, high = (None if each is None else stage(each) for each in bounds)
    if isinstance(stage, Clip):
        low = exact([stage.low]) if low is None and stage.low is not None else low
        high = exact([stage.high]) if high is None and stage.high is not None else high
    if isinstance(stage, Quantize):
        low = stage.meaning(stage.low) if low is None and stage.low is not None else low
        high = stage.meaning(stage.high) if high is None and stage.high is not None else high
    return low, high


def base(source: Source) -> Source:
    """Without the maxima over it."""
    return base(source.source) if isinstance(source, Pooled) else source


def reach(source: Source) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Least and greatest whole number, by channel."""
    source = base(source)
    if isinstance(source, Image):
        return np.zeros(source.shape.channels, np.int64), np.full(source.shape.channels, 255)
    if isinstance(source, Product):
        seen = view(source.input)
        assert seen is not None
        rows = source.weights.reshape(len(source.weights), -1)
        above, below = np.maximum(rows, 0).sum(axis=1), np.minimum(rows, 0).sum(axis=1)
        return above * seen.low + below * seen.high, above * seen.high + below * seen.low
    if isinstance(source, PixelSum):
        seen = view(source.input)
        assert seen is not None
        pixels = source.input.source.shape.pixels
        highest = np.full(source.shape.channels, (seen.high - source.zero_point) * pixels)
        return np.zeros(source.shape.channels, np.int64), highest
    raise TypeError("the sums of a join have factors, which are not chosen yet, and what is refused has none")
