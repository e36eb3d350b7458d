"""Residual networks of Brevitas' layers, exported as QONNX by TorchScript or by dynamo."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import Any

import brevitas.nn as qnn
import onnx
import torch
from brevitas.core.restrict_val import RestrictValueType
from brevitas.export import export_qonnx
from brevitas.quant import (
    Int8ActPerTensorFloat,
    Int8WeightPerChannelFloat,
    Int8WeightPerTensorFloat,
    Int16Bias,
    Int32Bias,
    SignedBinaryWeightPerTensorConst,
    TruncTo8bit,
)
from brevitas.quant.scaled_int import RoundTo8bit, ShiftRoundSaturateTo8bit
from torch import nn

from tests.network.importers.torch_graphs import settle

TRUNCS = {"trunc": TruncTo8bit, "round": RoundTo8bit, "shift": ShiftRoundSaturateTo8bit}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What such a network is like; scales are no powers of two unless it says so."""

    kind: str = "basic"  # or bottleneck
    size: tuple[int, int] = (16, 16)
    width: int = 8
    strides: tuple[int, ...] = (1, 2)
    classes: int = 10
    weight_bits: int = 4
    act_bits: int = 4
    image_bits: int = 8
    per_channel: bool = True
    power_of_two: bool = False
    quantized_bias: bool = False
    requantized_sums: bool = True  # both branches of a join are quantized, by one shared scale
    stem_pool: bool = False
    pool: str = "trunc"  # trunc, adaptive, float: with a quantizer behind it
    trunc: str = "trunc"
    seed: int = 0


class Block(nn.Module):
    def __init__(self, into: int, out: int, stride: int, spec: Trained) -> None:
        super().__init__()
        deep = spec.kind == "bottleneck"
        middle = max(1, out // 2) if deep else out
        shapes = [(into, middle, 1, 1), (middle, middle, 3, stride), (middle, out, 1, 1)] if deep else []
        shapes = shapes or [(into, out, 3, stride), (out, out, 3, 1)]
        self.convs = nn.ModuleList(conv(*shape, spec) for shape in shapes)
        self.norms = nn.ModuleList(nn.BatchNorm2d(shape[1]) for shape in shapes)
        self.acts = nn.ModuleList(relu(spec) for _ in shapes[1:])
        self.down = nn.Sequential(conv(into, out, 1, stride, spec), nn.BatchNorm2d(out)) if stride > 1 or into != out else None
        self.same = identity(spec) if spec.requantized_sums else None  # one scale for both branches
        self.last = relu(spec)

    def forward(self, x: Any) -> Any:
        y = x
        for i, (each, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            y = norm(each(y))
            if i < len(self.acts):
                y = self.acts[i](y)
        bypass = x if self.down is None else self.down(x)
        if self.same is not None:
            y, bypass = self.same(y), self.same(bypass)
        return self.last(y + bypass)


def conv(into: int, out: int, kernel: int, stride: int, spec: Trained) -> nn.Module:
    said: dict[str, Any] = {"weight_quant": Int8WeightPerChannelFloat if spec.per_channel else Int8WeightPerTensorFloat}
    said["weight_bit_width"] = spec.weight_bits
    if spec.weight_bits == 1:
        said = {"weight_quant": SignedBinaryWeightPerTensorConst, "weight_scaling_init": 0.1}
    elif spec.power_of_two:
        said |= {"weight_restrict_scaling_type": RestrictValueType.POWER_OF_TWO}
    if spec.quantized_bias:
        said |= {"bias": True, "bias_quant": Int16Bias}
    else:
        said["bias"] = False
    return qnn.QuantConv2d(into, out, kernel, stride=stride, padding=kernel // 2, **said)  # type: ignore[no-any-return]


def _restricted(spec: Trained) -> dict[str, Any]:
    return {"restrict_scaling_type": RestrictValueType.POWER_OF_TWO} if spec.power_of_two else {}


def relu(spec: Trained) -> nn.Module:
    return qnn.QuantReLU(bit_width=spec.act_bits, return_quant_tensor=True, **_restricted(spec))  # type: ignore[no-any-return]


def identity(spec: Trained, bits: int | None = None) -> nn.Module:
    width = spec.act_bits + 1 if bits is None else bits
    said = {"act_quant": Int8ActPerTensorFloat, "bit_width": width, "return_quant_tensor": True}
    return qnn.QuantIdentity(**said, **_restricted(spec))  # type: ignore[no-any-return]


class Network(nn.Module):
    def __init__(self, spec: Trained) -> None:
        super().__init__()
        self.image = identity(spec, spec.image_bits)
        self.conv = conv(3, spec.width, 3, 1, spec)
        self.norm = nn.BatchNorm2d(spec.width)
        self.act = relu(spec)
        self.max_pool = nn.MaxPool2d(3, 2, 1) if spec.stem_pool else nn.Identity()
        blocks, into = [], spec.width
        for stride in spec.strides:
            out = into * 2 if stride > 1 else into
            blocks.append(Block(into, out, stride, spec))
            into = out
        self.blocks = nn.Sequential(*blocks)
        map_size = spec.size[0] // (2 if spec.stem_pool else 1)
        for stride in spec.strides:
            map_size //= stride
        trunc = {"trunc_quant": TRUNCS[spec.trunc], "bit_width": max(spec.act_bits, 2), "float_to_int_impl_type": "floor"}
        if spec.trunc != "trunc":
            trunc.pop("float_to_int_impl_type")
        if spec.pool == "trunc":
            self.pool: nn.Module = qnn.TruncAvgPool2d(map_size, **trunc)
        elif spec.pool == "adaptive":
            self.pool = qnn.TruncAdaptiveAvgPool2d((1, 1), **trunc)
        else:
            self.pool = nn.Sequential(nn.AdaptiveAvgPool2d((1, 1)), identity(spec, 8))
        self.fc = qnn.QuantLinear(
            into,
            spec.classes,
            bias=True,
            bias_quant=Int32Bias,
            weight_quant=Int8WeightPerChannelFloat if spec.per_channel else Int8WeightPerTensorFloat,
        )

    def forward(self, x: Any) -> Any:
        x = self.max_pool(self.act(self.norm(self.conv(self.image(x)))))
        x = self.pool(self.blocks(x))
        return self.fc(x.flatten(1))


def trained(spec: Trained, *, dynamo: bool = False) -> onnx.ModelProto:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(spec.seed)
        model = settle(Network(spec), spec.size, spec.seed)
        example = torch.zeros(1, 3, *spec.size)
        if dynamo:
            made = export_qonnx(model, (example,), dynamo=True, verbose=False)
            return getattr(made, "model_proto", made)
        buffer = io.BytesIO()
        export_qonnx(model, example, buffer, dynamo=False, opset_version=17)
        return onnx.load_model_from_string(buffer.getvalue())
