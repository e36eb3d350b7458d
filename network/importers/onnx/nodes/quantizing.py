"""Quantizers of both kinds, of weights and of activations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from network.importers.onnx.arithmetic.exact import Exact, exact, same
from network.importers.onnx.arithmetic.stages import Rounding
from network.importers.onnx.graph import Node
from network.importers.onnx.nodes import quantizers
from network.importers.onnx.nodes.constants import Constant
from network.importers.onnx.nodes.operands import AGAIN, Taken, Value, optional, per_channel, required, tensor_of
from network.importers.onnx.values import Tensor


def quant(node: Node, taken: Taken) -> Value:
    scale, zero = required(node, taken, 1, "scale"), required(node, taken, 2, "zero point")
    codes = quantizers.quant_codes(node, quantizers.bit_width(node, required(node, taken, 3, "bit width")))
    return _quantized(node, taken[0], scale, zero, codes)


def bipolar(node: Node, taken: Taken) -> Value:
    codes = quantizers.Codes(0, 1, 1, True, Rounding.SIGN)
    return _quantized(node, taken[0], required(node, taken, 1, "scale"), Constant(np.zeros((), np.float32)), codes)


def _quantized(node: Node, value: Value | None, scale: Constant, zero: Constant, codes: quantizers.Codes) -> Value:
    quantizers.check_scale(node, scale.exactly())
    if isinstance(value, Constant):
        return quantizers.quant_constant(node, value, quantizers.Numbers(scale, zero), codes)
    tensor = tensor_of(node, value)
    stage = quantizers.quant_stage(node, per_channel(node, scale, tensor), per_channel(node, zero, tensor), codes)
    return tensor.then(stage, node.outputs[0])


def trunc(node: Node, taken: Taken) -> Value:
    tensor = tensor_of(node, taken[0])
    scale, zero = (per_channel(node, required(node, taken, i, name), tensor) for i, name in ((1, "scale"), (2, "zero point")))
    quantizers.check_scale(node, scale)
    names = ("bit width in", "bit width out") if len(taken) == 5 else ("bit width in", "output scale", "bit width out")
    if len(taken) not in (5, 6):
        raise node.error(f"{len(taken)} inputs", why="Trunc has 5, or 6 from its second version on", fix=AGAIN)
    for stage in quantizers.trunc_stages(node, scale, zero, [required(node, taken, 3 + i, name) for i, name in enumerate(names)]):
        tensor = tensor.then(stage, node.outputs[0])
    return tensor


def _linear_numbers(node: Node, taken: Taken, tensor: Tensor) -> tuple[Exact, Exact]:
    scale, zero = required(node, taken, 1, "scale"), optional(node, taken, 2, "zero point")
    axis, place, rank = node.integer("axis", 1), tensor.axes.index("C"), len(tensor.axes)
    if max(scale.array.size, 0 if zero is None else zero.array.size) > 1 and axis % rank != place:
        raise node.error(f"scales along axis {axis}", why=f"channels lie along axis {place}", fix="quantize per tensor or per channel")
    quantizers.check_scale(node, scale.exactly())
    zeros = exact([0]) if zero is None else exact(zero.exactly().reshape(-1))
    scales = exact(scale.exactly().reshape(-1))
    if any(len(each) not in (1, tensor.channels) for each in (scales, zeros)):
        raise node.error(f"{len(scales)} scales for {tensor.channels} channels", why="there is one, or one for each", fix=AGAIN)
    return same(scales), same(zeros)


def quantize_linear(node: Node, taken: Taken) -> Value:
    if node.integer("block_size", 0):
        raise node.error("blocked quantization", why="a channel has one scale", fix="quantize per tensor or per channel")
    zero = optional(node, taken, 2, "zero point")
    if isinstance(taken[0], Constant):
        return quantizers.linear_constant(node, taken[0], required(node, taken, 1, "scale"), zero)
    tensor = tensor_of(node, taken[0])
    if tensor.ends:  # onnxruntime quantizes what Softmax makes, too: no more than how fine the ranked scores are shown
        return replace(tensor, name=node.outputs[0])
    return tensor.then(
        quantizers.quantize_linear(node, *_linear_numbers(node, taken, tensor), quantizers.linear_range(node, zero)), node.outputs[0]
    )


def dequantize_linear(node: Node, taken: Taken) -> Value:
    if isinstance(taken[0], Constant):
        return quantizers.dequantize_constant(node, taken[0], required(node, taken, 1, "scale"), optional(node, taken, 2, "zero point"))
    tensor = tensor_of(node, taken[0])
    if tensor.ends:
        return replace(tensor, name=node.outputs[0])
    return tensor.then(quantizers.dequantize_linear(node, *_linear_numbers(node, taken, tensor)), node.outputs[0])
