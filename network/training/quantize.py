"""A described network as a trainable PyTorch module, and its folding into the integers of the parameter file.

Every layer computes with integer *codes* held in float32 (exact below 2**24), so training computes what the accelerator
computes: the scale and shift of a batch norm exist only inside `Threshold`, and fold into its thresholds.
Gradients pass straight through rounding and sign (Bengio et al., arXiv:1308.3432; Courbariaux et al., arXiv:1602.02830).
Tensors are torch's (frame, channel, height, width); `fold` returns arrays in the file's own axis order.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from network.arrays import key
from network.formats import Format, Kind
from network.layers import Conv
from network.model import Block, Head, Network
from network.operations import PoolKind, Window
from network.parameters import Array

ACT_SPREAD, RESIDUAL_SPREAD = 1.3, 2.0
"""Codes per standard deviation before training: few codes clipped, few left unused; a join adds two spreads."""


class _Round(torch.autograd.Function):
    """Round half up, as thresholds at the halves do."""

    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        return torch.floor(x + 0.5)

    @staticmethod
    def backward(_ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


class _Sign(torch.autograd.Function):
    """-1 below zero, else +1: there is no zero in one bit."""

    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(_ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


def rounded(x: Tensor) -> Tensor:
    result: Tensor = cast(Any, _Round).apply(x)  # torch leaves `apply` untyped
    return result


def sign(x: Tensor) -> Tensor:
    result: Tensor = cast(Any, _Sign).apply(x)
    return result


def padded(codes: Tensor, window: Window) -> Tensor:
    (top, bottom), (left, right) = window.pad
    return functional.pad(codes, (left, right, top, bottom))


def float64(tensor: Tensor) -> NDArray[np.float64]:
    return tensor.detach().numpy().astype(np.float64)


class Weights(nn.Module):
    """Weights of a signed format: real weights are trained, their integers are what the layer computes with."""

    def __init__(self, shape: tuple[int, ...], form: Format) -> None:
        super().__init__()
        if form.kind is Kind.UINT:
            raise ValueError(f"weights of {form} cannot be trained: half of all gradients would be lost")
        self.real = nn.Parameter(torch.empty(shape).uniform_(-1, 1))
        self.form = form

    def scale(self) -> Tensor:
        """Integer weights per real one; 1 for bipolar ones. No gradient flows through it: batch norm or the classifier divides by it again."""
        if self.form.kind is Kind.BIPOLAR:
            return torch.ones(())
        return self.form.high / self.real.detach().abs().max()

    def forward(self) -> Tensor:
        return sign(self.real) if self.form.kind is Kind.BIPOLAR else rounded(self.real * self.scale())

    def confine(self) -> None:
        """Keep real weights near zero, so that a sign that was stable for long can still change."""
        if self.form.kind is Kind.BIPOLAR:
            with torch.no_grad():
                self.real.clamp_(-1, 1)


class Threshold(nn.Module):
    """Batch norm, then rounding to an unsigned code: folds into `form.thresholds` ascending thresholds a channel.

    code = clip(round(gain * normalized + shift) + zero_point, 0, highest), with gain = exp(log_gain) > 0, because only a rising
    function of the accumulator can be expressed by ascending thresholds.
    """

    def __init__(self, channels: int, form: Format, *, zero_point: int = 0, spread: float) -> None:
        super().__init__()
        self.normalize = nn.BatchNorm2d(channels, affine=False)
        self.log_gain = nn.Parameter(torch.full((channels,), spread).log())
        self.shift = nn.Parameter(torch.zeros(channels))
        self.form = form
        self.zero_point = zero_point

    def forward(self, accumulators: Tensor) -> Tensor:
        values = self.normalize(accumulators) * self.log_gain.exp()[:, None, None] + self.shift[:, None, None]
        return (rounded(values) + self.zero_point).clamp(self.form.low, self.form.high)

    def fold(self, low: NDArray[np.int64], high: NDArray[np.int64]) -> Array:
        """Thresholds int32 (channels, n), for accumulators from `low` to `high` (channels,) inclusive.

        An integer is >= a real threshold exactly if it is >= its ceiling. Thresholds outside that range are clipped to its ends (always
        crossed, or never): the codes stay the same, and a threshold needs no wider word than the accumulator.
        """
        mean, variance = self.normalize.running_mean, self.normalize.running_var
        if mean is None or variance is None:
            raise ValueError("a batch norm without running statistics cannot be folded")
        steps = np.sqrt(float64(variance) + self.normalize.eps) / np.exp(float64(self.log_gain))  # accumulator per code
        crossings = np.arange(1, self.form.thresholds + 1) - self.zero_point - 0.5
        real = float64(mean)[:, None] + (crossings - float64(self.shift)[:, None]) * steps[:, None]
        return np.clip(np.ceil(real), low[:, None], high[:, None] + 1).astype(np.int32)


class TrainableConv(nn.Module):
    """A convolution and its thresholds: codes in, codes out."""

    def __init__(self, conv: Conv, *, zero_point: int, spread: float) -> None:
        super().__init__()
        self.conv = conv
        self.weights = Weights((conv.out, conv.input.channels, *conv.window.kernel), conv.weight)
        self.threshold = Threshold(conv.out, conv.output_format, zero_point=zero_point, spread=spread)

    def forward(self, codes: Tensor) -> Tensor:
        window = self.conv.window
        accumulators = functional.conv2d(padded(codes, window), self.weights(), stride=window.stride)
        result: Tensor = self.threshold(accumulators)
        return result

    def fold(self) -> dict[str, Array]:
        weights = float64(self.weights()).transpose(0, 2, 3, 1).astype(np.int64)
        extremes = weights.reshape(len(weights), -1) * self.conv.input_format.high
        thresholds = self.threshold.fold(np.minimum(extremes, 0).sum(axis=1), np.maximum(extremes, 0).sum(axis=1))
        return {key(self.conv.name, "weights"): weights.astype(np.int8), key(self.conv.name, "thresholds"): thresholds}


class TrainableBlock(nn.Module):
    """A residual block; `entry` is the nonlinearity between two blocks, with its own batch norm."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        self.block = block
        *inner, last = block.convs
        entry = block.entry.both or block.entry.main
        self.entry = Threshold(block.input.channels, entry, spread=ACT_SPREAD) if entry else None
        zero_point, projection = block.meeting.zero_point, block.bypass
        self.main = nn.Sequential(
            *(TrainableConv(conv, zero_point=0, spread=ACT_SPREAD) for conv in inner),
            TrainableConv(last, zero_point=zero_point, spread=RESIDUAL_SPREAD),
        )
        self.bypass = TrainableConv(projection, zero_point=zero_point, spread=RESIDUAL_SPREAD) if projection is not None else None

    def forward(self, codes: Tensor) -> Tensor:
        act = codes if self.entry is None else self.entry(codes)
        bypass = codes if self.bypass is None else self.bypass(act)
        joined: Tensor = self.main(act) + bypass - self.block.meeting.zero_point
        return joined.clamp(0, self.block.residual.high)

    def fold(self) -> dict[str, Array]:
        arrays: dict[str, Array] = {}
        if self.entry is not None:
            channels, highest = self.block.input.channels, self.block.input_format.high
            thresholds = self.entry.fold(np.zeros(channels, np.int64), np.full(channels, highest))
            arrays[key(self.block.name, "entry/thresholds")] = thresholds
        for layer in (*self.main, self.bypass):
            if isinstance(layer, TrainableConv):
                arrays |= layer.fold()
        return arrays


class TrainableHead(nn.Module):
    """Sums of max(code - zero_point, 0) over all pixels, then the fully connected layer."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.head = head
        self.weights = Weights((head.fc.out, head.fc.inputs), head.fc.weight)
        self.bias = nn.Parameter(torch.zeros(head.fc.out))
        # Brings scores to about 1 before training, and the sums to a size at which Adam's steps suit both weights and bias.
        self.gain = 0.5 * head.fc.inputs**-0.5 / head.input.pixels

    def forward(self, codes: Tensor) -> Tensor:
        """Scores (frame, class): the integer scores times `gain` over the weights' scale, hence in the same order."""
        sums = (codes - self.head.zero_point).relu().sum(dim=(2, 3))
        return functional.linear(sums, self.weights() * (self.gain / self.weights.scale()), self.bias)

    def fold(self) -> dict[str, Array]:
        bias = float64(self.bias) * (float(self.weights.scale()) / self.gain)
        name = self.head.fc.name
        return {key(name, "weights"): float64(self.weights()).astype(np.int8), key(name, "bias"): np.round(bias).astype(np.int32)}


class TrainableNetwork(nn.Module):
    """The described network; images are (frame, channel, height, width), their bytes as floats 0 to 255."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        if network.blocks[0].bypass is None:
            raise ValueError(f"{network.name}: only networks are trained here whose first block has a projection")
        head = network.head
        joins = {block.meeting.activates for block in network.blocks}
        if network.stem.entry or any(joins) or head.act or head.fc.factors or head.fc.codes or head.pool is not PoolKind.SUM:
            raise ValueError(
                f"{network.name}: only joins that clip, a pool that sums, and no thresholds on the image or in the head, are trained here"
            )
        codes = [conv.output_format for conv in network.convs] + [
            form for block in network.blocks for form in block.entry if form is not None
        ]
        if any(form.kind is Kind.INT for form in codes) or any(any(conv.pad_codes) for conv in network.convs):
            raise ValueError(f"{network.name}: only unsigned codes are trained here, and 0 around them")
        # A projection takes the codes behind the entry, the identity those in front of it.
        if any(block.entry.bypass or (block.entry.both if block.bypass is None else block.entry.main) for block in network.blocks):
            raise ValueError(
                f"{network.name}: only entries in front of a projection and the main branch, or beside the identity, are trained here"
            )
        self.pool = network.stem.pool
        self.stem = TrainableConv(network.stem.conv, zero_point=0, spread=ACT_SPREAD)
        self.blocks = nn.Sequential(*map(TrainableBlock, network.blocks))
        self.head = TrainableHead(network.head)

    def forward(self, images: Tensor) -> Tensor:
        codes = self.stem(images)
        if self.pool is not None:
            codes = functional.max_pool2d(padded(codes, self.pool), self.pool.kernel, self.pool.stride)
        scores: Tensor = self.head(self.blocks(codes))
        return scores

    def confine(self) -> None:
        """To be called after every step of the optimizer."""
        for module in self.modules():
            if isinstance(module, Weights):
                module.confine()

    def fold(self) -> dict[str, Array]:
        """The arrays of the parameter file, in stream order."""
        arrays = self.stem.fold()
        for block in self.blocks:
            if isinstance(block, TrainableBlock):
                arrays |= block.fold()
        return arrays | self.head.fold()
