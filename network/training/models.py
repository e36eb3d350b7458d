"""Residual networks of Brevitas' layers, with batch norm, as their papers have them: what is trained and exported.

Weights are quantized with a scale for each output channel, activations with one that is learned. Image and classifier have 8 bits
whatever the rest has: images come in as pixel / 255, exactly, and the batch norm behind the first convolution takes their mean out.
Tensors are torch's (frame, channel, height, width). Modules are named as torchvision's are.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import brevitas.nn as qnn
import torch
from brevitas.core.zero_point import ParameterZeroPoint
from brevitas.export import export_qonnx
from brevitas.inject.enum import ScalingImplType
from brevitas.quant import (
    Int8ActPerTensorFloatMinMaxInit,
    Int8WeightPerChannelFloat,
    Int8WeightPerTensorFloat,
    Int32Bias,
    ShiftedUint8ActPerTensorFloat,
    SignedBinaryWeightPerTensorConst,
    Uint8ActPerTensorFloatMaxInit,
)
from brevitas.quant_tensor import IntQuantTensor
from torch import Tensor, nn
from torch.nn import functional

OUTER_BITS = 8
"""Of the first convolution's weights, and the classifier's: narrower ones cost accuracy, and there are few of them."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Blocks on maps of one size; the first has the stride, and a projection where stride or channels change."""

    blocks: int
    out: int  # channels
    stride: int
    middle: int | None = None  # channels inside a bottleneck; None: basic blocks


@dataclass(frozen=True, slots=True)
class Architecture:
    what: str  # for whoever chooses
    kernel: int  # of the first convolution
    stride: int
    width: int  # its channels
    pool: dict[str, Any] | None  # the stem's max-pool of 3x3, stride 2: what it pads by
    stages: tuple[Stage, ...]
    clips: bool = False  # sums are clipped, and activated at the entry of the next block
    pixels: int = 32  # height and width of images where their folder has several sizes


def _bottlenecks(*blocks: int) -> tuple[Stage, ...]:
    return tuple(Stage(count, 256 << i, 1 if i == 0 else 2, 64 << i) for i, count in enumerate(blocks))


ARCHITECTURES = {
    "resnet8": Architecture("MLPerf Tiny's", 3, 1, 16, None, (Stage(1, 16, 1), Stage(1, 32, 2), Stage(1, 64, 2))),
    "resnet20": Architecture("He et al.'s for CIFAR-10", 3, 1, 16, None, (Stage(3, 16, 1), Stage(3, 32, 2), Stage(3, 64, 2))),
    "resnet18": Architecture(
        "for ImageNet", 7, 2, 64, {"padding": 1}, (Stage(2, 64, 1), Stage(2, 128, 2), Stage(2, 256, 2), Stage(2, 512, 2)), pixels=224
    ),
    "resnet50": Architecture(
        "for ImageNet, v1.5: the stride is that of the 3x3 convolution", 7, 2, 64, {"padding": 1}, _bottlenecks(3, 4, 6, 3), pixels=224
    ),
    "digits": Architecture(
        "that of configs/digits.yaml", 3, 1, 32, {"ceil_mode": True}, (Stage(2, 32, 1), Stage(2, 64, 2, 32)), clips=True, pixels=8
    ),
}


@dataclass(frozen=True, slots=True)
class Bits:
    weights: int
    acts: int

    @property
    def sums(self) -> int:
        """Of the signed codes that are added: one bit more than an activation has, for the sign."""
        return min(self.acts + 1, 8)


CLIPPED_BITS = 4
"""Of the residual stream where its sums are clipped."""


def conv(into: int, out: int, kernel: int, stride: int, bits: int) -> nn.Module:
    if bits == 1:
        quantizer: dict[str, Any] = {"weight_quant": SignedBinaryWeightPerTensorConst}  # batch norm divides by any scale
    else:
        quantizer = {"weight_quant": Int8WeightPerChannelFloat, "weight_bit_width": bits}
    return qnn.QuantConv2d(into, out, kernel, stride=stride, padding=kernel // 2, bias=False, **quantizer)


def relu(bits: int) -> nn.Module:
    """Behind a batch norm, whose values spread by 1."""
    return qnn.QuantReLU(act_quant=Uint8ActPerTensorFloatMaxInit, bit_width=bits, max_val=min(4.0, 0.8 * (2**bits - 1)))


def signed(bits: int) -> nn.Module:
    reach = min(4.0, 0.5 * 2 ** (bits - 1))
    return qnn.QuantIdentity(act_quant=Int8ActPerTensorFloatMinMaxInit, bit_width=bits, min_val=-reach, max_val=reach)


def clipped() -> nn.Module:
    """Unsigned codes of scale 1/2, of which 8 is zero: sums of such codes are clipped to such, without thresholds."""
    made = qnn.QuantIdentity(
        act_quant=ShiftedUint8ActPerTensorFloat,
        bit_width=CLIPPED_BITS,
        scaling_impl_type=ScalingImplType.CONST,
        min_val=0.0,
        max_val=7.5,  # of the 15 steps; Brevitas takes the reach without the zero point
        zero_point_impl=ParameterZeroPoint,
        zero_point_init=4.0,
    )
    for parameter in made.parameters():
        parameter.requires_grad_(False)
    return made


class Branch(nn.Sequential):
    """Convolutions with batch norm, and ReLU between them."""

    def __init__(self, shapes: Sequence[tuple[int, int, int, int]], bits: Bits) -> None:
        layers: list[nn.Module] = []
        for index, (into, out, kernel, stride) in enumerate(shapes):
            layers += [relu(bits.acts)] if index else []
            layers += [conv(into, out, kernel, stride, bits.weights), nn.BatchNorm2d(out)]
        super().__init__(*layers)


class Block(nn.Module):
    """Both branches end in codes of one scale, which are added exactly.

    The sum is activated by what `ends` the block. Where sums clip, that is a quantizer like those of the operands, and the codes are
    activated at the entry of the next block, behind a batch norm of its own (pre-activation, He et al., arXiv:1603.05027).
    """

    def __init__(self, into: int, stage: Stage, stride: int, bits: Bits, *, clips: bool, is_first: bool) -> None:
        super().__init__()
        out, middle = stage.out, stage.middle
        shapes = [(into, out, 3, stride), (out, out, 3, 1)]
        if middle is not None:
            # Where sums clip the stride is that of the first convolution, as in the network of 2015.
            first, second = (stride, 1) if clips else (1, stride)
            shapes = [(into, middle, 1, first), (middle, middle, 3, second), (middle, out, 1, 1)]
        self.entry = nn.Sequential(nn.BatchNorm2d(into), relu(bits.acts)) if clips and not is_first else nn.Identity()
        self.main = Branch(shapes, bits)
        self.downsample = Branch([(into, out, 1, stride)], bits) if is_first or stride != 1 or into != out else None
        self.operand = clipped() if clips else signed(bits.sums)
        self.ends = self.operand if clips else relu(bits.acts)

    def forward(self, x: Tensor) -> Tensor:
        entered = self.entry(x)
        bypass = x if self.downsample is None else self.downsample(entered)
        result: Tensor = self.ends(self.operand(self.main(entered)) + self.operand(bypass))
        return result


class ResNet(nn.Module):
    """Scores (frame, class) of images (frame, channel, height, width), pixel / 255."""

    def __init__(self, architecture: Architecture, channels: int, classes: int, bits: Bits) -> None:
        super().__init__()
        kernel, width = architecture.kernel, architecture.width
        self.conv1 = conv(channels, width, kernel, architecture.stride, OUTER_BITS)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = relu(bits.acts)
        self.maxpool = nn.MaxPool2d(3, 2, **architecture.pool) if architecture.pool else nn.Identity()
        into = width
        stages: list[nn.Module] = []
        for stage in architecture.stages:
            blocks: list[nn.Module] = []
            for index in range(stage.blocks):
                is_first = not stages and not index and architecture.clips
                blocks.append(Block(into, stage, 1 if index else stage.stride, bits, clips=architecture.clips, is_first=is_first))
                into = stage.out
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.Sequential(*stages)
        self.codes: Any = [blocks[-1].ends]  # in a list, which registers no module twice
        self.last = nn.ReLU() if architecture.clips else nn.Identity()
        # One scale for all classes: with several, scores are compared only after a multiplication each. The bias is in their steps.
        said = {"weight_quant": Int8WeightPerTensorFloat, "weight_bit_width": OUTER_BITS, "bias_quant": Int32Bias}
        self.fc = qnn.QuantLinear(into, classes, bias=True, **said)

    def forward(self, images: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        x = self.last(self.stages(x))
        scores: Tensor = self.fc(self._averaged(x))
        return scores

    def _averaged(self, x: Tensor) -> IntQuantTensor:
        """(frame, channel), with the scale of sums of codes, divided by the number of pixels; Brevitas wants bits, and checks none."""
        codes = self.codes[0].act_quant
        pixels = int(x.shape[2]) * int(x.shape[3])
        averages = functional.adaptive_avg_pool2d(x, (1, 1)).flatten(1)
        return IntQuantTensor(averages, codes.scale() / pixels, torch.zeros(()), torch.tensor(16.0), False, self.training)


def export(model: ResNet, channels: int, height: int, width: int, path: Path) -> None:
    """Write the model as QONNX."""
    was_training = model.training
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own, about itself
        export_qonnx(model.eval().cpu(), torch.zeros(1, channels, height, width), str(path), dynamo=False, opset_version=17)
    model.train(was_training)
