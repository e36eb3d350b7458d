"""Operators on each number of a tensor: they become stages, and the sum of two tensors a join."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from network.importers.onnx.arithmetic.stages import ONE, ZERO, Clip
from network.importers.onnx.graph import Node
from network.importers.onnx.nodes import layers, quantizers
from network.importers.onnx.nodes.constants import Constant
from network.importers.onnx.nodes.operands import AGAIN, Taken, affine, optional, per_channel, required, tensor_of
from network.importers.onnx.values import Join, Tensor


def add(node: Node, taken: Taken) -> Tensor:
    if len(taken) != 2:
        raise node.error(f"a sum of {len(taken)}", why="a join adds two branches", fix="add two tensors")
    if isinstance(taken[0], Constant):
        taken = taken[::-1]
    tensor, other = tensor_of(node, taken[0]), taken[1]
    if isinstance(other, Constant):
        return affine(node, tensor, ONE, per_channel(node, other, tensor))
    if not isinstance(other, Tensor):
        raise node.error("a sum of one", why="a join adds two branches", fix=AGAIN)
    if other.axes != tensor.axes or other.shape != tensor.shape:
        what = f"it adds tensors of shapes {tensor.shape} and {other.shape}"
        raise node.error(what, why="a join adds the two branches element by element", fix="give both branches one shape")
    for each in (tensor, other):
        layers.check_branch(node, each)
    codes = layers.sum_codes(tensor, other)
    stages = () if codes is None else (codes,)
    return Tensor(node.outputs[0], Join(node, tensor, other, tensor.source.shape), stages, tensor.axes)


def subtract(node: Node, taken: Taken) -> Tensor:
    first, second = taken
    if isinstance(second, Constant):
        tensor = tensor_of(node, first)
        return affine(node, tensor, ONE, -per_channel(node, second, tensor))
    tensor = tensor_of(node, second)
    if not isinstance(first, Constant):
        raise node.error("it subtracts two activations", why="branches are added", fix="use a sum")
    return affine(node, tensor, -ONE, per_channel(node, first, tensor))


def multiply(node: Node, taken: Taken) -> Tensor:
    if isinstance(taken[0], Constant):
        taken = taken[::-1]
    tensor = tensor_of(node, taken[0])
    if not isinstance(taken[1], Constant):
        raise node.error("it multiplies two activations", why="activations are multiplied by constants only", fix="train without it")
    return affine(node, tensor, per_channel(node, taken[1], tensor), ZERO)


def divide(node: Node, taken: Taken) -> Tensor:
    tensor = tensor_of(node, taken[0])
    return affine(node, tensor, 1 / per_channel(node, required(node, taken, 1, "divisor"), tensor), ZERO)


def batch_norm(node: Node, taken: Taken) -> Tensor:
    tensor = tensor_of(node, taken[0])
    arrays = [required(node, taken, i, name) for i, name in ((1, "scale"), (2, "bias"), (3, "mean"), (4, "variance"))]
    if any(each.array.size != tensor.channels for each in arrays):
        raise node.error("its parameters are not one for each channel", why="batch norm has one of each", fix=AGAIN)
    if node.integer("training_mode", 0):
        raise node.error(
            "it is in training mode", why="its statistics would depend on the batch", fix="export the model after model.eval()"
        )
    return affine(node, tensor, *layers.normalization(node, arrays))


def clip(node: Node, taken: Taken) -> Tensor:
    tensor = tensor_of(node, taken[0])
    bounds: list[Fraction | None] = []
    for index, name in ((1, "min"), (2, "max")):
        constant = optional(node, taken, index, name)
        value = None if constant is None else quantizers.scalar(node, constant, name)
        if constant is None and name in node.attributes:
            value = Fraction(node.number(name, 0.0))
        bounds.append(value)
    low, high = bounds
    if low is not None and high is not None:
        low = min(low, high)
    return tensor.then(Clip(low, high, node.where), node.outputs[0])


def bound(node: Node, taken: Taken) -> Tensor:
    """Max and Min with a constant."""
    if len(taken) != 2 or not any(isinstance(each, Constant) for each in taken):
        raise node.error("it compares activations", why="an activation is bounded by a constant only", fix="use ReLU or Clip")
    if isinstance(taken[0], Constant):
        taken = taken[::-1]
    value = quantizers.scalar(node, required(node, taken, 1, "bound"), "bound")
    stage = Clip(value, None, node.where) if node.op == "Max" else Clip(None, value, node.where)
    return tensor_of(node, taken[0]).then(stage, node.outputs[0])


def unchanged(node: Node, taken: Taken) -> Tensor:
    return replace(tensor_of(node, taken[0]), name=node.outputs[0])


def relu(node: Node, taken: Taken) -> Tensor:
    return tensor_of(node, taken[0]).then(Clip(Fraction(0), None, node.where), node.outputs[0])
