"""Quantization-aware layers in PyTorch, and how each folds into the integers of the parameter file.

Every layer computes with integer *codes* held in float32 (exact below 2**24), so what is trained is what the accelerator
computes: the float scale and shift of a batch norm exist only inside `Threshold`, and fold into where its thresholds lie.
Gradients pass straight through rounding and sign (Bengio et al., arXiv:1308.3432; Courbariaux et al., arXiv:1602.02830).
Tensors are torch's (image, channel, height, width); `fold` returns arrays in the file's own axis order.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

INT8_MAX = 127


class _Round(torch.autograd.Function):
    """Round half up: a code is the number of thresholds <= x, and the thresholds lie at the halves."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.floor(x + 0.5)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


class _Sign(torch.autograd.Function):
    """-1 below zero, else +1: there is no zero in one bit."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


class Padding(NamedTuple):
    """Rows (and columns) of code 0 added before and after, the same for both axes."""

    before: int
    after: int

    def apply(self, codes: Tensor) -> Tensor:
        return functional.pad(codes, (self.before, self.after, self.before, self.after))


class BipolarConv(nn.Module):
    """Convolution of codes with weights -1 and +1; the accumulators are integers."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int, stride: int, padding: Padding) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel).uniform_(-1, 1))
        self.stride = stride
        self.padding = padding

    def integer_weight(self) -> Tensor:
        return _Sign.apply(self.weight)

    def forward(self, codes: Tensor) -> Tensor:
        return functional.conv2d(self.padding.apply(codes), self.integer_weight(), stride=self.stride)

    def fold(self) -> npt.NDArray[np.int8]:
        """Weights int8 (out, kernel_h, kernel_w, in)."""
        return np.ascontiguousarray(self.integer_weight().detach().numpy().transpose(0, 2, 3, 1)).astype(np.int8)


class Int8Conv(BipolarConv):
    """The same with int8 weights: the largest of them is 127, the threshold's batch norm takes the scale out."""

    def integer_weight(self) -> Tensor:
        return _Round.apply(self.weight * (INT8_MAX / self.weight.detach().abs().max()))


class Threshold(nn.Module):
    """Batch norm and rounding to an unsigned code: folds into 2**bits - 1 ascending thresholds a channel.

    code = clip(round(scale * normalized + shift) + zero_point, 0, 2**bits - 1), with scale = exp(log_scale) > 0, because only a
    growing function of the accumulator is a set of ascending thresholds.
    """

    def __init__(self, channels: int, *, bits: int, zero_point: int = 0, scale: float) -> None:
        super().__init__()
        self.normalize = nn.BatchNorm2d(channels, affine=False)
        self.log_scale = nn.Parameter(torch.full((channels,), float(np.log(scale))))
        self.shift = nn.Parameter(torch.zeros(channels))
        self.top = 2**bits - 1
        self.zero_point = zero_point

    def forward(self, accumulators: Tensor) -> Tensor:
        scaled = self.normalize(accumulators) * self.log_scale.exp()[:, None, None] + self.shift[:, None, None]
        return (_Round.apply(scaled) + self.zero_point).clamp(0, self.top)

    def fold(self, lowest: npt.NDArray[np.int64], highest: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Thresholds int32 (channels, 2**bits - 1), for accumulators from `lowest` to `highest` (channels,) inclusive.

        An integer is >= a real threshold exactly if it is >= its ceiling. Thresholds out of reach are moved to the edge of it
        (always crossed, or never): the code is the same, and they need no wider word than the accumulator's.
        """
        mean, variance, log_scale, shift = (
            tensor.detach().numpy().astype(np.float64)
            for tensor in (self.normalize.running_mean, self.normalize.running_var, self.log_scale, self.shift)
            if tensor is not None
        )
        crossings = np.arange(1, self.top + 1) - self.zero_point - 0.5
        deviation = np.sqrt(variance + self.normalize.eps)
        real = mean[:, None] + (crossings - shift[:, None]) * (deviation / np.exp(log_scale))[:, None]
        return np.clip(np.ceil(real), lowest[:, None], highest[:, None] + 1).astype(np.int32)


class ThresholdConv(nn.Module):
    """A convolution and its thresholds, as the accelerator's MVAU: codes in, codes out."""

    def __init__(self, conv: BipolarConv, threshold: Threshold, *, input_top: int) -> None:
        super().__init__()
        self.conv = conv
        self.threshold = threshold
        self.input_top = input_top

    def forward(self, codes: Tensor) -> Tensor:
        result: Tensor = self.threshold(self.conv(codes))
        return result

    def fold(self, name: str) -> dict[str, npt.NDArray[Any]]:
        weights = self.conv.fold()
        wide = weights.astype(np.int64).reshape(len(weights), -1) * self.input_top
        lowest, highest = np.minimum(wide, 0).sum(axis=1), np.maximum(wide, 0).sum(axis=1)
        return {f"{name}/weights": weights, f"{name}/thresholds": self.threshold.fold(lowest, highest)}


class Entry(nn.Module):
    """The nonlinearity between two blocks: residual codes in, activation codes out, a batch norm of its own."""

    def __init__(self, channels: int, *, residual_bits: int, bits: int, scale: float) -> None:
        super().__init__()
        self.threshold = Threshold(channels, bits=bits, scale=scale)
        self.residual_top = 2**residual_bits - 1

    def forward(self, codes: Tensor) -> Tensor:
        result: Tensor = self.threshold(codes)
        return result

    def fold(self, name: str) -> dict[str, npt.NDArray[Any]]:
        channels = len(self.threshold.shift)
        edges = np.zeros(channels, np.int64), np.full(channels, self.residual_top, np.int64)
        return {f"{name}/thresholds": self.threshold.fold(*edges)}


class Classifier(nn.Module):
    """Sum of max(code - zero_point, 0) over all pixels, then a fully connected layer with int8 weights; returns scores.

    The scores are the integer ones divided by `integer_scale()`: one factor for all classes changes no ranking.
    """

    def __init__(self, inputs: int, classes: int, *, zero_point: int, sum_scale: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(classes, inputs).normal_(0, inputs**-0.5))
        self.bias = nn.Parameter(torch.zeros(classes))
        self.zero_point = zero_point
        self.sum_scale = sum_scale  # brings sums to about 1, where Adam's steps suit weights and bias alike

    def integer_scale(self) -> Tensor:
        return INT8_MAX / self.weight.detach().abs().max()

    def forward(self, codes: Tensor) -> Tensor:
        sums = (codes - self.zero_point).relu().sum(dim=(2, 3))
        scale = self.integer_scale()
        weight = _Round.apply(self.weight * scale) / scale
        return functional.linear(sums * self.sum_scale, weight, self.bias)

    def fold(self, name: str) -> dict[str, npt.NDArray[Any]]:
        """Weights int8 (classes, inputs) and bias int32 (classes,)."""
        scale = float(self.integer_scale())
        weights = np.floor(self.weight.detach().numpy().astype(np.float64) * scale + 0.5)
        bias = np.round(self.bias.detach().numpy().astype(np.float64) * scale / self.sum_scale)
        return {f"{name}/weights": weights.astype(np.int8), f"{name}/bias": bias.astype(np.int32)}
