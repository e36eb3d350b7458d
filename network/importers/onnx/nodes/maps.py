"""Operators on whole maps: shapes, convolutions, classifiers, pools, and what ends a network."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np

from network.importers.onnx.arithmetic.exact import exact
from network.importers.onnx.arithmetic.stages import ONE, ZERO
from network.importers.onnx.graph import Node
from network.importers.onnx.nodes import layers
from network.importers.onnx.nodes.constants import rearranged
from network.importers.onnx.nodes.folding import axes_of, target_shape
from network.importers.onnx.nodes.operands import AGAIN, Taken, Value, affine, optional, per_channel, required, tensor_of
from network.importers.onnx.values import Product, Tensor


def rearrange(node: Node, taken: Taken) -> Tensor:
    """Reshape, Flatten, Squeeze, Unsqueeze and Transpose, as far as channels stay channels."""
    tensor = tensor_of(node, taken[0])
    rank, shape = len(tensor.axes), tensor.shape
    more = [optional(node, taken, i, "shape") for i in range(1, len(taken))]
    if node.op == "Transpose":
        order = node.integers("perm", tuple(reversed(range(rank))))
        if sorted(order) != list(range(rank)):
            raise ValueError(f"perm {list(order)} of {rank} axes")
        axes = "".join(tensor.axes[i] for i in order)
        if axes[0] != "N":
            raise node.error(
                f"it moves the batch: {tensor.axes} to {axes}", why="frames are computed one by one", fix="leave the batch in front"
            )
        return replace(tensor, axes=axes, name=node.outputs[0])
    if node.op == "Flatten":
        axis = node.integer("axis", 1) % (rank + 1)
        wanted: tuple[int, ...] = (math.prod(shape[:axis]), math.prod(shape[axis:]))
    elif node.op == "Squeeze":
        gone = axes_of(node, more, rank, [i for i, size in enumerate(shape) if size == 1 and i])
        if any(shape[i] != 1 for i in gone):
            raise ValueError(f"axes {list(gone)} of {list(shape)}")
        wanted = tuple(size for i, size in enumerate(shape) if i not in gone)
    elif node.op == "Unsqueeze":
        given = more[0].integers() if more and more[0] is not None else list(node.integers("axes", ()))
        new = {each % (rank + len(given)) for each in given}
        rest = iter(shape)
        wanted = tuple(1 if i in new else next(rest) for i in range(rank + len(given)))
    else:
        constant = more[0] if more else None
        if constant is None:
            raise ValueError("no shape")
        sizes = constant.integers()
        wanted = target_shape(shape, [1 if i == 0 and each not in (0, -1) and len(sizes) > 1 else each for i, each in enumerate(sizes)])
    flat, pixels = [each for each in wanted if each != 1], tensor.source.shape.pixels
    if wanted == shape:
        return replace(tensor, name=node.outputs[0])
    channels = tensor.channels
    if pixels == 1 and (flat == [channels] or (channels == 1 and not flat)):
        place = wanted.index(channels) if channels > 1 else min(1, len(wanted) - 1)
        named = {(1, 2): "NC", (1, 3): "NCH", (1, 4): "NCHW", (3, 4): "NHWC", (0, 1): "C"}.get((place, len(wanted)))
        if named is not None:
            return replace(tensor, axes=named, name=node.outputs[0])
    raise node.error(
        f"it makes {list(wanted)} of {list(shape)}",
        why="the classifier takes one number for each channel, and maps stay maps",
        fix="put a global average or maximum pool in front of the classifier",
    )


def pad(node: Node, taken: Taken) -> Tensor:
    """PyTorch 1.x writes one by nothing in front of every average pool."""
    given = optional(node, taken, 1, "pads") if len(taken) > 1 else None
    pads = list(node.integers("pads", ())) if given is None else given.integers()
    if not any(pads):
        return replace(tensor_of(node, taken[0]), name=node.outputs[0])
    raise node.error(
        f"it pads by {pads}",
        why="padding is a part of the convolution or pool that needs it",
        fix="write it there (Conv2d(..., padding=...)), or let the exporter's optimizer move it",
    )


def conv(node: Node, taken: Taken) -> Tensor:
    return layers.convolution(node, tensor_of(node, taken[0]), required(node, taken, 1, "weights"), optional(node, taken, 2, "bias"))


def gemm(node: Node, taken: Taken) -> Tensor:
    tensor, weights = tensor_of(node, taken[0]), required(node, taken, 1, "weights")
    if node.integer("transA", 0) and tensor.axes != "C":
        raise node.error("transA", why="frames are computed one by one", fix=AGAIN)
    if not node.integer("transB", 0):
        weights = rearranged(weights, lambda x: np.ascontiguousarray(x.T))
    alpha, beta = Fraction(node.number("alpha", 1.0)), Fraction(node.number("beta", 1.0))
    result = layers.fully_connected(node, tensor, weights, None)
    if alpha != 1:
        result = affine(node, result, exact([alpha]), ZERO)
    bias = optional(node, taken, 2, "bias")
    return result if bias is None else affine(node, result, ONE, beta * per_channel(node, bias, result))


def matmul(node: Node, taken: Taken) -> Tensor:
    tensor, weights = tensor_of(node, taken[0]), required(node, taken, 1, "weights")
    return layers.fully_connected(node, tensor, rearranged(weights, lambda x: np.ascontiguousarray(np.swapaxes(x, -1, -2))), None)


def _map(node: Node, value: Value | None) -> Tensor:
    tensor = tensor_of(node, value)
    if tensor.axes not in ("NCHW",):
        raise node.error(
            f"a tensor of shape {list(tensor.shape)}", why="it takes maps (batch, channels, height, width)", fix="pool such maps"
        )
    return tensor


def max_pool(node: Node, taken: Taken) -> Tensor:
    tensor = _map(node, taken[0])
    if node.op == "GlobalMaxPool":
        return layers.max_pool(node, tensor, None)
    kernel = node.integers("kernel_shape", ())
    if len(kernel) != 2:
        raise node.error(f"kernel_shape {list(kernel)}", why="maps have two dimensions", fix=AGAIN)
    return layers.max_pool(node, tensor, (kernel[0], kernel[1]))


def average(node: Node, taken: Taken) -> Tensor:
    tensor = _map(node, taken[0])
    shape = tensor.source.shape
    if node.op == "AveragePool":
        kernel = node.integers("kernel_shape", ())
        if kernel == (1, 1) and node.integers("strides", (1, 1)) == (1, 1):
            return replace(tensor, name=node.outputs[0])
        if kernel != (shape.height, shape.width) or any(node.integers("pads", (0, 0, 0, 0))):
            raise node.error(
                f"an average over {'×'.join(map(str, kernel))} of {shape.height}×{shape.width} pixels",
                why="the accelerator averages over the whole map, in front of the classifier",
                fix="use a global average pool, or a convolution with a stride",
            )
    return layers.average(node, tensor)


def reduce(node: Node, taken: Taken) -> Tensor:
    """Over height and width, wherever the channels lie."""
    tensor = tensor_of(node, taken[0])
    if tensor.axes != "NHWC":
        tensor = _map(node, tensor)
    axes = sorted(axes_of(node, [optional(node, taken, 1, "axes")] if len(taken) > 1 else [], 4, ()))
    wanted = [tensor.axes.index("H"), tensor.axes.index("W")]
    if axes != wanted:
        fix = f"average over axes {wanted[0]} and {wanted[1]} at once"
        raise node.error(f"a mean over axes {axes}", why="the accelerator averages over height and width", fix=fix)
    if node.op == "ReduceMax":
        result = layers.max_pool(node, tensor, None)
    else:
        result = layers.average(node, tensor, divides=node.op == "ReduceMean")
    return result if node.integer("keepdims", 1) else replace(result, axes="NC")


def end(node: Node, taken: Taken) -> Tensor:
    tensor = tensor_of(node, taken[0])
    if not isinstance(tensor.source, Product) or tensor.source.shape.pixels != 1:
        what = "it is not at the end of the network"
        raise node.error(
            what, why="the accelerator ranks scores, and computes no such function in between", fix="train without it, or with ReLU"
        )
    axis = node.integer("axis", {"ArgMax": 0, "Softmax": 1, "LogSoftmax": 1}.get(node.op, -1))
    place = tensor.axes.index("C")
    if node.op != "Sigmoid" and axis % len(tensor.axes) != place and not (node.op == "Softmax" and len(tensor.axes) == 2):
        raise node.error(f"it is taken over axis {axis}", why=f"classes lie along axis {place}", fix=f"write axis={place}")
    ends = node.op if not tensor.ends or node.op in ("ArgMax", "TopK") else tensor.ends
    return replace(tensor, ends=ends, name=node.outputs[0])
