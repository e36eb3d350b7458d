"""What operators take: tensors and constants, and the scales and biases that lie over a tensor."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from network.importers.onnx.arithmetic.exact import Exact, exact, same
from network.importers.onnx.arithmetic.stages import Affine, turned
from network.importers.onnx.arithmetic.thresholds import code_format
from network.importers.onnx.graph import Node
from network.importers.onnx.nodes.constants import FEW, Constant
from network.importers.onnx.nodes.layers import MOST_BITS
from network.importers.onnx.values import Product, Refused, Tensor, base

AGAIN = "export the model again"


@dataclass(frozen=True, slots=True, eq=False)
class Unknown:
    """A tensor that depends on what cannot be taken."""


Value = Constant | Tensor | Unknown

Taken = list[Value | None]


def tensor_of(node: Node, value: Value | None) -> Tensor:
    if not isinstance(value, Tensor):
        raise node.error("its first input is a constant", why="it computes on activations", fix=AGAIN)
    return value


def optional(node: Node, taken: Taken, index: int, name: str) -> Constant | None:
    """An optional input that has to be a constant."""
    value = taken[index] if index < len(taken) else None
    if value is not None and not isinstance(value, Constant):
        raise node.error(
            f"its {name} is computed from the image", why="parameters are fixed when the accelerator is built", fix="use constants"
        )
    return value


def required(node: Node, taken: Taken, index: int, name: str) -> Constant:
    value = optional(node, taken, index, name)
    if value is None:
        raise node.error(f"its {name} is missing", why="the operator needs it", fix=AGAIN)
    return value


def per_channel(node: Node, constant: Constant, tensor: Tensor) -> Exact:
    """A constant that is laid over the tensor: one number, or one for each channel."""
    if constant.array.size == 1:
        return exact(constant.exactly().reshape(-1))
    shape = (1,) * (len(tensor.axes) - constant.array.ndim) + constant.shape
    place = tensor.axes.index("C")
    if (
        len(shape) != len(tensor.axes)
        or constant.array.size > FEW
        or any(size not in (1, whole) for size, whole in zip(shape, tensor.shape, strict=True))
    ):
        what = f"a constant of shape {list(constant.shape)} over a tensor of shape {list(tensor.shape)}"
        raise node.error(what, why="there is one number for all channels, or one for each", fix="use such constants")
    numbers = np.moveaxis(constant.exactly().reshape(shape), place, 0).reshape(shape[place], -1)
    if any(len(set(row)) > 1 for row in numbers):
        raise node.error(
            "a constant that differs from pixel to pixel", why="a channel has one scale and one bias", fix="use one for each channel"
        )
    return same(numbers[:, 0])


def affine(node: Node, tensor: Tensor, factor: Exact, offset: Exact) -> Tensor:
    """factor * x + offset; where a factor is negative the weights in front are negated, and all that lies between with them."""
    name, source = node.outputs[0], tensor.source
    negative = np.broadcast_to(np.array([each < 0 for each in factor]), (tensor.channels,))
    if not negative.any() or isinstance(base(source), Refused):
        return tensor.then(Affine(same(abs(factor)), same(offset), node.where), name)
    stages = [turned(stage, negative) for stage in tensor.stages]
    between = [each for each in stages if each is not None]
    if not isinstance(source, Product) or len(between) < len(stages):
        channel = int(np.flatnonzero(negative)[0])
        raise node.error(
            f"a negative factor in channel {channel}",
            why="codes count thresholds, so an activation never falls; it can be turned only by negating the weights right in front of it",
            fix="put the operator behind the convolution, or train with positive scales",
        )
    return replace(tensor, source=_negated(node, source, negative), stages=tuple(between)).then(
        Affine(same(abs(factor)), same(offset), node.where), name
    )


def _negated(node: Node, source: Product, channels: NDArray[np.bool_]) -> Product:
    result = source.turned(channels)
    low, high = int(result.weights.min(initial=0)), int(result.weights.max(initial=0))
    if result.weight.low <= low <= high <= result.weight.high:
        return result
    wider = code_format(min(low, -1), high)
    if wider.bits > MOST_BITS:
        raise node.error(
            f"a negative factor, and weights of {source.node.name} that cannot be negated in {source.weight}",
            why=f"an activation never falls, so the weights of that channel are negated; they would be up to {high}",
            fix="quantize the weights with narrow range (narrow_range=True), or train with positive scales",
        )
    return replace(result, weight=wider)
