"""Every operator in turn: what it makes of constants, and of tensors in whole numbers.

What cannot be taken is noted with its node, and all that depends on it is left out without a further word; so one run tells all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from network.errors import GraphError
from network.importers.onnx import layers, quantizers
from network.importers.onnx.arithmetic.exact import Exact, exact, same
from network.importers.onnx.arithmetic.stages import ONE, ZERO, Affine, Clip, Rounding, fused
from network.importers.onnx.constants import EXACT, FEW, FLOATS, MOST_GROWN, Constant, elementwise, rearranged
from network.importers.onnx.graph import QONNX, Graph, Node
from network.importers.onnx.values import Image, Join, Product, Refused, Tensor
from network.operations import Shape

MOST_SIDE = 1 << 14
MOST_FOLDED = 1 << 28
"""Numbers that constant subgraphs come to: a few for each weight of the largest networks."""
AGAIN = "export the model again"
DROPPED = ("Softmax", "LogSoftmax", "ArgMax", "TopK", "Sigmoid")
"""Operators at the end that keep the order of the scores, or say which is the largest."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What the graph's input is: (pixel * scale - mean) / std, the last two one or one a channel."""

    scale: Fraction = Fraction(1, 255)
    mean: tuple[Fraction, ...] = (Fraction(0),)
    std: tuple[Fraction, ...] = (Fraction(1),)
    is_given: bool = False  # on the command line


@dataclass(frozen=True, slots=True, eq=False)
class Unknown:
    """A tensor that depends on what cannot be taken."""


Value = Constant | Tensor | Unknown


@dataclass(slots=True)
class Reading:
    """The values of a graph's tensors, as far as they could be read, and what could not."""

    graph: Graph
    values: dict[str, Value] = field(default_factory=dict)
    errors: list[GraphError] = field(default_factory=list)

    @property
    def output(self) -> Value:
        return self.values[self.graph.output]


def read(graph: Graph, preprocessing: Preprocessing) -> Reading:
    """Evaluate the graph; problems are kept in `errors`."""
    reading = Reading(graph)
    reading.values.update({name: Constant(array) for name, array in graph.constants.items()})
    reading.values[graph.input] = _image(graph, preprocessing)
    grown = 0
    for node in graph.nodes:
        taken = [reading.values[name] if name else None for name in node.inputs]
        results: Sequence[Value] = [Unknown()]
        try:
            results = _evaluate(node, taken)
        except GraphError as error:
            reading.errors.append(error)
            results = [_instead(node, taken)]
        except (ArithmeticError, IndexError, ValueError, TypeError, KeyError, MemoryError) as error:
            # What no check above has thought of: constants of other shapes or kinds than the operator is defined for.
            what = f"its inputs do not fit it: {str(error) or type(error).__name__:.80}"
            reading.errors.append(node.error(what, why="the operator is not defined for such shapes or numbers", fix=AGAIN))
        grown += sum(each.array.size for each in results if isinstance(each, Constant))
        if grown > MOST_FOLDED:
            what = f"with it the graph's constants grow to {grown:,} numbers"
            raise node.error(
                what, why=f"up to {MOST_FOLDED:,} are computed", fix="simplify the graph, so that weights are stored as they are"
            )
        for name, value in zip(node.outputs, [*results, *[Unknown()] * len(node.outputs)], strict=False):
            if name:
                reading.values[name] = value
    return reading


def _image(graph: Graph, preprocessing: Preprocessing) -> Tensor:
    where = f"{graph.file}: input {graph.input}"
    shape = graph.shape
    if len(shape) != 4 or None in shape[1:]:
        shown = "×".join("?" if each is None else str(each) for each in shape)
        raise GraphError(
            where,
            f"its shape is {shown or 'unknown'}",
            why="the accelerator is built for images of one size, (batch, channels, height, width)",
            fix="export the model with a fixed image size; only the batch may be dynamic",
        )
    _, second, third, fourth = (each or 0 for each in shape)
    is_last = fourth <= 4 < second
    axes = "NHWC" if is_last else "NCHW"
    size = Shape(second, third, fourth) if is_last else Shape(third, fourth, second)
    if max(size.height, size.width) > MOST_SIDE or size.channels > 64:
        raise GraphError(
            where, f"an image of {size}", why=f"sides are up to {MOST_SIDE:,} pixels, channels up to 64", fix="use smaller images"
        )
    p = preprocessing
    if graph.is_uint8 and not p.is_given:
        return Tensor(graph.input, Image(size), (), axes)
    for name, numbers in (("--mean", p.mean), ("--std", p.std)):
        if len(numbers) not in (1, size.channels):
            why = "there is one for all channels, or one for each"
            raise GraphError(
                where, f"{name} has {len(numbers)} numbers, the image {size.channels} channels", why=why, fix=f"give {size.channels}"
            )
    mean, std = exact(list(p.mean)), exact(list(p.std))
    stage = Affine(same(p.scale / std), same(-mean / std))
    return Tensor(graph.input, Image(size), (stage,), axes)


def _evaluate(node: Node, taken: Sequence[Value | None]) -> Sequence[Value]:
    known = OPERATORS.get(node.op) if node.domain == "" else QUANTIZERS.get(node.op) if node.domain in QONNX else None
    is_foldable = node.domain == "" and (node.op in FLOATS or node.op in EXACT or node.op in FOLDED)
    if known is None and not is_foldable:
        raise node.error(
            "an operator that the accelerator does not have" + (f", of domain {node.domain}" if node.domain else ""),
            why=UNSUPPORTED.get(
                node.op, "residual networks are imported: convolutions, batch norm, ReLU, quantizers, joins, pools, a classifier"
            ),
            fix=REMEDIES.get(node.op, "change the model so that it is not needed, or fold it into a supported one"),
        )
    if any(isinstance(each, Unknown) for each in taken):
        if node.op == "Conv":
            layers_check(node)
        return [Unknown()]
    if node.op == "Shape" and taken and taken[0] is not None:
        shape = np.array(taken[0].shape if isinstance(taken[0], (Constant, Tensor)) else (), np.int64)
        return [Constant(shape[node.integer("start", 0) : node.attributes.get("end")])]
    constants = [each for each in taken if isinstance(each, Constant)]
    if len(constants) == len([each for each in taken if each is not None]) and is_foldable:
        return [folded(node, constants)]
    if known is None:
        what = "it computes on activations"
        why = "between quantizers the accelerator has scales, biases, ReLU and clipping only"
        raise node.error(what, why=why, fix="change the model so that it is not needed")
    for each in taken:
        if isinstance(each, Tensor) and each.ends and node.op not in (*DROPPED, *KEEPS_ORDER):
            what = f"it takes what {each.ends} made"
            raise node.error(what, why="the accelerator ends with the scores", fix=f"let the model end with {each.ends}")
    return [known(node, list(taken))]


def _instead(node: Node, taken: Sequence[Value | None]) -> Value:
    """What stands for the result of an operator that cannot be taken, so that those behind it are looked at, too."""
    tensors = [each for each in taken if isinstance(each, Tensor)]
    if not tensors or not node.outputs or node.op in ("Concat", *DROPPED):
        return Unknown()
    tensor = tensors[0]
    shape, axes = tensor.source.shape, tensor.axes
    try:
        weights = next((each for each in taken[1:2] if isinstance(each, Constant)), None)
        if node.op == "Conv" and weights is not None:
            kernel_h, kernel_w = weights.shape[2:]
            shape = layers.window_of(node, shape, (kernel_h, kernel_w)).output(shape, weights.shape[0])
        elif node.op in ("Gemm", "MatMul") and weights is not None:
            is_turned = node.op == "Gemm" and node.integer("transB", 0)
            shape, axes = Shape(1, 1, weights.shape[0 if is_turned else -1]), "NC"
        elif node.op in ("MaxPool", "AveragePool"):
            kernel_h, kernel_w = node.integers("kernel_shape", (1, 1))
            shape = layers.window_of(node, shape, (kernel_h, kernel_w)).output(shape, shape.channels)
        elif node.op in RESHAPING:
            return Unknown()
        elif len(tensors) == 1 and node.op in OPERATORS:
            return replace(tensor, name=node.outputs[0])
    except (GraphError, ValueError, IndexError, TypeError):
        return Unknown()
    return Tensor(node.outputs[0], Refused(node, shape), (), axes)


def folded(node: Node, constants: Sequence[Constant]) -> Constant:
    """What a standard operator makes of constants."""
    fold = FOLDED.get(node.op)
    return fold(node, constants) if fold else elementwise(node, constants)


def layers_check(node: Node) -> None:
    """What can be said of a convolution whose input is unknown."""
    if node.integer("group", 1) != 1:
        what = f"a convolution in {node.integer('group', 1)} groups"
        raise node.error(what, why="the accelerator's convolutions see all input channels", fix="train with groups=1")


# --- constants ---------------------------------------------------------------------------------------------------------------------------


def _checked(size: int) -> None:
    if not 0 <= size <= MOST_GROWN:
        raise ValueError("too many elements")


def _target(shape: Sequence[int], wanted: Sequence[int], *, copies_zero: bool = True) -> tuple[int, ...]:
    """Reshape's: 0 copies, -1 is what is left."""
    sizes = [shape[i] if each == 0 and copies_zero else each for i, each in enumerate(wanted)]
    if sizes.count(-1) == 1:
        rest = math.prod(each for each in sizes if each != -1)
        sizes[sizes.index(-1)] = math.prod(shape) // rest if rest else 0
    if any(each < 0 for each in sizes) or math.prod(sizes) != math.prod(shape):
        raise ValueError(f"{list(shape)} cannot become {list(wanted)}")
    return tuple(sizes)


def _reshape(node: Node, c: Sequence[Constant]) -> Constant:
    shape = _target(c[0].shape, c[1].integers(), copies_zero=not node.integer("allowzero", 0))
    return rearranged(c[0], lambda x: x.reshape(shape))


def _transpose(node: Node, c: Sequence[Constant]) -> Constant:
    order = node.integers("perm", tuple(reversed(range(c[0].array.ndim))))
    return rearranged(c[0], lambda x: np.ascontiguousarray(x.transpose(order)))


def _axes(node: Node, more: Sequence[Constant | Value | None], rank: int, default: Sequence[int]) -> tuple[int, ...]:
    """Of Squeeze and its kin: an input, or in older models an attribute."""
    given = more[0].integers() if more and isinstance(more[0], Constant) else node.integers("axes", default)
    if any(not -rank <= each < rank for each in given):
        raise ValueError(f"axes {list(given)} of {rank}")
    return tuple(each % rank for each in given)


def _squeeze(node: Node, c: Sequence[Constant]) -> Constant:
    axes = _axes(node, c[1:], c[0].array.ndim, [i for i, size in enumerate(c[0].shape) if size == 1])
    return rearranged(c[0], lambda x: np.squeeze(x, axes))


def _unsqueeze(node: Node, c: Sequence[Constant]) -> Constant:
    given = c[1].integers() if len(c) > 1 else node.integers("axes", ())
    axes = _axes(node, [Constant(np.array(given))], c[0].array.ndim + len(given), ())
    return rearranged(c[0], lambda x: np.expand_dims(x, axes))


def _flatten(node: Node, c: Sequence[Constant]) -> Constant:
    axis = node.integer("axis", 1) % (c[0].array.ndim + 1)
    return rearranged(c[0], lambda x: x.reshape(math.prod(x.shape[:axis]), -1))


def _concat(node: Node, c: Sequence[Constant]) -> Constant:
    _checked(sum(each.array.size for each in c))
    return Constant(np.concatenate([each.array for each in c], axis=node.integer("axis", 0)))


def _gather(node: Node, c: Sequence[Constant]) -> Constant:
    axis = node.integer("axis", 0)
    _checked(c[0].array.size // max(c[0].shape[axis], 1) * c[1].array.size)
    return Constant(np.take(c[0].array, np.array(c[1].integers(), np.int64).reshape(c[1].shape), axis=axis))


def _slice(node: Node, c: Sequence[Constant]) -> Constant:
    if len(c) > 1:
        lists = [each.integers() for each in c[1:]]
    else:
        lists = [list(node.integers(name, ())) for name in ("starts", "ends", "axes") if name in node.attributes]
    starts, ends, *more = lists
    axes = more[0] if more else range(len(starts))
    steps = more[1] if len(more) > 1 else [1] * len(starts)
    cut = [slice(None)] * c[0].array.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        cut[axis] = slice(start, end, step)
    return rearranged(c[0], lambda x: x[tuple(cut)])


def _filled(_: Node, c: Sequence[Constant], value: object = None) -> Constant:
    shape = c[0].integers()
    _checked(math.prod(shape))
    number = value if value is not None else np.float32(0)
    return Constant(np.full(shape, number))


def _constant_of_shape(node: Node, c: Sequence[Constant]) -> Constant:
    from network.importers.onnx.graph import _array

    value = node.attributes.get("value")
    return _filled(node, c, None if value is None else _array(value, node.where).reshape(-1)[0])


def _expand(_: Node, c: Sequence[Constant]) -> Constant:
    shape = np.broadcast_shapes(c[0].shape, tuple(c[1].integers()))
    _checked(math.prod(shape))
    return rearranged(c[0], lambda x: np.broadcast_to(x, shape).copy())


def _cast(node: Node, c: Sequence[Constant]) -> Constant:
    from onnx import helper

    kind = np.dtype(helper.tensor_dtype_to_np_dtype(node.integer("to", 1)))
    if kind.kind == "f" and c[0].array.dtype.kind in "fO":  # a number stays what it is
        return c[0]
    return Constant(c[0].array.astype(kind))


FOLDED: dict[str, Callable[[Node, Sequence[Constant]], Constant]] = {
    "Identity": lambda _, c: c[0],
    "Dropout": lambda _, c: c[0],
    "Reshape": _reshape,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Flatten": _flatten,
    "Concat": _concat,
    "Gather": _gather,
    "Slice": _slice,
    "ConstantOfShape": _constant_of_shape,
    "Expand": _expand,
    "Cast": _cast,
}

# --- tensors -----------------------------------------------------------------------------------------------------------------------------

Taken = list[Value | None]


def _tensor(node: Node, value: Value | None) -> Tensor:
    if not isinstance(value, Tensor):
        raise node.error("its first input is a constant", why="it computes on activations", fix=AGAIN)
    return value


def _constant(node: Node, taken: Taken, index: int, name: str) -> Constant | None:
    """An optional input that has to be a constant."""
    value = taken[index] if index < len(taken) else None
    if value is not None and not isinstance(value, Constant):
        raise node.error(
            f"its {name} is computed from the image", why="parameters are fixed when the accelerator is built", fix="use constants"
        )
    return value


def _required(node: Node, taken: Taken, index: int, name: str) -> Constant:
    value = _constant(node, taken, index, name)
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
    """factor * x + offset; where a factor is negative the weights in front are negated."""
    name = node.outputs[0]
    negative = np.broadcast_to(np.array([each < 0 for each in factor]), (tensor.channels,))
    if not negative.any():
        return tensor.then(Affine(same(factor), same(offset), node.where), name)
    source, meaning = tensor.source, tensor.meaning
    if not isinstance(source, Product) or meaning is None:
        channel = int(np.flatnonzero(negative)[0])
        raise node.error(
            f"a negative factor in channel {channel}",
            why="codes count thresholds, so an activation never falls; it can be turned only by negating the weights right in front of it",
            fix="put the operator behind the convolution, or train with positive scales",
        )
    sign = np.array([Fraction(-1 if each else 1) for each in negative], object)
    turned = source.turned(negative)
    from network.importers.onnx.arithmetic.thresholds import code_format

    low, high = int(turned.weights.min(initial=0)), int(turned.weights.max(initial=0))
    if not turned.weight.low <= low <= high <= turned.weight.high:
        wider = code_format(min(low, -1), high)
        if wider.bits > layers.MOST_BITS:
            raise node.error(
                f"a negative factor, and weights of {source.node.name} that cannot be negated in {source.weight}",
                why="an activation never falls, so the weights of that channel are negated; they would be up to " + str(high),
                fix="quantize the weights with narrow range (narrow_range=True), or train with positive scales",
            )
        turned = replace(turned, weight=wider)
    first = Affine(same(meaning.factor * sign), meaning.offset, source.node.where)
    stages = fused((first, Affine(factor, offset, node.where)))
    both = stages[0]
    assert isinstance(both, Affine)
    # Factors are positive again: -1 * -1.
    return replace(tensor, source=turned, stages=(Affine(same(both.factor), same(both.offset), node.where),), name=name)


def _add(node: Node, taken: Taken) -> Tensor:
    if len(taken) != 2:
        raise node.error(f"a sum of {len(taken)}", why="a join adds two branches", fix="add two tensors")
    if isinstance(taken[0], Constant):
        taken = taken[::-1]
    tensor, other = _tensor(node, taken[0]), taken[1]
    if isinstance(other, Constant):
        return affine(node, tensor, ONE, per_channel(node, other, tensor))
    assert isinstance(other, Tensor)
    if other.axes != tensor.axes or other.shape != tensor.shape:
        what = f"it adds tensors of shapes {tensor.shape} and {other.shape}"
        raise node.error(what, why="a join adds the two branches element by element", fix="give both branches one shape")
    for each in (tensor, other):
        layers.check_branch(node, each)
    return Tensor(node.outputs[0], Join(node, tensor, other, tensor.source.shape), (), tensor.axes)


def _sub(node: Node, taken: Taken) -> Tensor:
    first, second = taken
    if isinstance(second, Constant):
        tensor = _tensor(node, first)
        return affine(node, tensor, ONE, -per_channel(node, second, tensor))
    tensor = _tensor(node, second)
    if not isinstance(first, Constant):
        raise node.error("it subtracts two activations", why="branches are added", fix="use a sum")
    return affine(node, tensor, -ONE, per_channel(node, first, tensor))


def _mul(node: Node, taken: Taken) -> Tensor:
    if isinstance(taken[0], Constant):
        taken = taken[::-1]
    tensor = _tensor(node, taken[0])
    if not isinstance(taken[1], Constant):
        raise node.error("it multiplies two activations", why="activations are multiplied by constants only", fix="train without it")
    return affine(node, tensor, per_channel(node, taken[1], tensor), ZERO)


def _div(node: Node, taken: Taken) -> Tensor:
    tensor = _tensor(node, taken[0])
    return affine(node, tensor, 1 / per_channel(node, _required(node, taken, 1, "divisor"), tensor), ZERO)


def _batch_norm(node: Node, taken: Taken) -> Tensor:
    tensor = _tensor(node, taken[0])
    arrays = [_required(node, taken, i, name) for i, name in ((1, "scale"), (2, "bias"), (3, "mean"), (4, "variance"))]
    if any(each.array.size != tensor.channels for each in arrays):
        raise node.error("its parameters are not one for each channel", why="batch norm has one of each", fix=AGAIN)
    if node.integer("training_mode", 0):
        raise node.error(
            "it is in training mode", why="its statistics would depend on the batch", fix="export the model after model.eval()"
        )
    return affine(node, tensor, *layers.normalization(node, arrays))


def _clip(node: Node, taken: Taken) -> Tensor:
    tensor = _tensor(node, taken[0])
    bounds: list[Fraction | None] = []
    for index, name in ((1, "min"), (2, "max")):
        constant = _constant(node, taken, index, name)
        value = None if constant is None else quantizers.scalar(node, constant, name)
        if constant is None and name in node.attributes:
            value = Fraction(node.number(name, 0.0))
        bounds.append(value)
    low, high = bounds
    if low is not None and high is not None:
        low = min(low, high)
    return tensor.then(Clip(low, high, node.where), node.outputs[0])


def _bound(node: Node, taken: Taken) -> Tensor:
    """Max and Min with a constant."""
    if len(taken) != 2 or not any(isinstance(each, Constant) for each in taken):
        raise node.error("it compares activations", why="an activation is bounded by a constant only", fix="use ReLU or Clip")
    if isinstance(taken[0], Constant):
        taken = taken[::-1]
    value = quantizers.scalar(node, _required(node, taken, 1, "bound"), "bound")
    stage = Clip(value, None, node.where) if node.op == "Max" else Clip(None, value, node.where)
    return _tensor(node, taken[0]).then(stage, node.outputs[0])


def _same(node: Node, taken: Taken) -> Tensor:
    return replace(_tensor(node, taken[0]), name=node.outputs[0])


def _rearrange(node: Node, taken: Taken) -> Tensor:
    """Reshape, Flatten, Squeeze, Unsqueeze and Transpose, as far as channels stay channels."""
    tensor = _tensor(node, taken[0])
    rank, shape = len(tensor.axes), tensor.shape
    more = [_constant(node, taken, i, "shape") for i in range(1, len(taken))]
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
        gone = _axes(node, more, rank, [i for i, size in enumerate(shape) if size == 1 and i])
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
        wanted = _target(shape, [1 if i == 0 and each not in (0, -1) and len(sizes) > 1 else each for i, each in enumerate(sizes)])
    flat, pixels = [each for each in wanted if each != 1], tensor.source.shape.pixels
    if wanted == shape:
        return replace(tensor, name=node.outputs[0])
    channels = tensor.channels
    if pixels == 1 and (flat == [channels] or (channels == 1 and not flat)):
        place = wanted.index(channels) if channels > 1 else min(1, len(wanted) - 1)
        named = {(1, 2): "NC", (1, 4): "NCHW", (3, 4): "NHWC", (0, 1): "C"}.get((place, len(wanted)))
        if named is not None:
            return replace(tensor, axes=named, name=node.outputs[0])
    raise node.error(
        f"it makes {list(wanted)} of {list(shape)}",
        why="the classifier takes one number for each channel, and maps stay maps",
        fix="put a global average or maximum pool in front of the classifier",
    )


def _conv(node: Node, taken: Taken) -> Tensor:
    return layers.convolution(node, _tensor(node, taken[0]), _required(node, taken, 1, "weights"), _constant(node, taken, 2, "bias"))


def _gemm(node: Node, taken: Taken) -> Tensor:
    tensor, weights = _tensor(node, taken[0]), _required(node, taken, 1, "weights")
    if node.integer("transA", 0) and tensor.axes != "C":
        raise node.error("transA", why="frames are computed one by one", fix=AGAIN)
    if not node.integer("transB", 0):
        weights = rearranged(weights, lambda x: np.ascontiguousarray(x.T))
    alpha, beta = Fraction(node.number("alpha", 1.0)), Fraction(node.number("beta", 1.0))
    result = layers.fully_connected(node, tensor, weights, None)
    if alpha != 1:
        result = affine(node, result, exact([alpha]), ZERO)
    bias = _constant(node, taken, 2, "bias")
    return result if bias is None else affine(node, result, ONE, beta * per_channel(node, bias, result))


def _matmul(node: Node, taken: Taken) -> Tensor:
    tensor, weights = _tensor(node, taken[0]), _required(node, taken, 1, "weights")
    return layers.fully_connected(node, tensor, rearranged(weights, lambda x: np.ascontiguousarray(np.swapaxes(x, -1, -2))), None)


def _map(node: Node, value: Value | None) -> Tensor:
    tensor = _tensor(node, value)
    if tensor.axes not in ("NCHW",):
        raise node.error(
            f"a tensor of shape {list(tensor.shape)}", why="it takes maps (batch, channels, height, width)", fix="pool such maps"
        )
    return tensor


def _max_pool(node: Node, taken: Taken) -> Tensor:
    tensor = _map(node, taken[0])
    if node.op == "GlobalMaxPool":
        return layers.max_pool(node, tensor, None)
    kernel = node.integers("kernel_shape", ())
    if len(kernel) != 2:
        raise node.error(f"kernel_shape {list(kernel)}", why="maps have two dimensions", fix=AGAIN)
    return layers.max_pool(node, tensor, (kernel[0], kernel[1]))


def _average(node: Node, taken: Taken) -> Tensor:
    tensor = _map(node, taken[0])
    shape = tensor.source.shape
    if node.op == "AveragePool":
        kernel = node.integers("kernel_shape", ())
        if kernel == (1, 1) and node.integers("strides", (1, 1)) == (1, 1):
            return _same(node, taken)
        if kernel != (shape.height, shape.width) or any(node.integers("pads", (0, 0, 0, 0))):
            raise node.error(
                f"an average over {'×'.join(map(str, kernel))} of {shape.height}×{shape.width} pixels",
                why="the accelerator averages over the whole map, in front of the classifier",
                fix="use a global average pool, or a convolution with a stride",
            )
    return layers.average(node, tensor)


def _reduce(node: Node, taken: Taken) -> Tensor:
    tensor = _map(node, taken[0])
    axes = sorted(_axes(node, [_constant(node, taken, 1, "axes")] if len(taken) > 1 else [], 4, ()))
    if axes != [2, 3]:
        raise node.error(f"a mean over axes {axes}", why="the accelerator averages over height and width", fix="average over axes 2 and 3")
    if node.op == "ReduceMax":
        result = layers.max_pool(node, tensor, None)
    else:
        result = layers.average(node, tensor, divides=node.op == "ReduceMean")
    return result if node.integer("keepdims", 1) else replace(result, axes="NC")


def _end(node: Node, taken: Taken) -> Tensor:
    tensor = _tensor(node, taken[0])
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


# --- quantizers --------------------------------------------------------------------------------------------------------------------------


def _quant(node: Node, taken: Taken) -> Value:
    scale, zero = _required(node, taken, 1, "scale"), _required(node, taken, 2, "zero point")
    codes = quantizers.quant_codes(node, quantizers.bit_width(node, _required(node, taken, 3, "bit width")))
    return _quantize(node, taken[0], scale, zero, codes)


def _bipolar(node: Node, taken: Taken) -> Value:
    codes = quantizers.Codes(0, 1, 1, True, Rounding.SIGN)
    return _quantize(node, taken[0], _required(node, taken, 1, "scale"), Constant(np.zeros((), np.float32)), codes)


def _quantize(node: Node, value: Value | None, scale: Constant, zero: Constant, codes: quantizers.Codes) -> Value:
    quantizers.check_scale(node, scale.exactly())
    if isinstance(value, Constant):
        return quantizers.quant_constant(node, value, quantizers.Numbers(scale, zero), codes)
    tensor = _tensor(node, value)
    stage = quantizers.quant_stage(node, per_channel(node, scale, tensor), per_channel(node, zero, tensor), codes)
    return tensor.then(stage, node.outputs[0])


def _trunc(node: Node, taken: Taken) -> Value:
    tensor = _tensor(node, taken[0])
    scale, zero = (per_channel(node, _required(node, taken, i, name), tensor) for i, name in ((1, "scale"), (2, "zero point")))
    quantizers.check_scale(node, scale)
    names = ("bit width in", "bit width out") if len(taken) == 5 else ("bit width in", "output scale", "bit width out")
    if len(taken) not in (5, 6):
        raise node.error(f"{len(taken)} inputs", why="Trunc has 5, or 6 from its second version on", fix=AGAIN)
    for stage in quantizers.trunc_stages(node, scale, zero, [_required(node, taken, 3 + i, name) for i, name in enumerate(names)]):
        tensor = tensor.then(stage, node.outputs[0])
    return tensor


def _linear_numbers(node: Node, taken: Taken, tensor: Tensor) -> tuple[Exact, Exact]:
    scale, zero = _required(node, taken, 1, "scale"), _constant(node, taken, 2, "zero point")
    axis, place, rank = node.integer("axis", 1), tensor.axes.index("C"), len(tensor.axes)
    if max(scale.array.size, 0 if zero is None else zero.array.size) > 1 and axis % rank != place:
        raise node.error(f"scales along axis {axis}", why=f"channels lie along axis {place}", fix="quantize per tensor or per channel")
    quantizers.check_scale(node, scale.exactly())
    zeros = exact([0]) if zero is None else exact(zero.exactly().reshape(-1))
    scales = exact(scale.exactly().reshape(-1))
    if any(len(each) not in (1, tensor.channels) for each in (scales, zeros)):
        raise node.error(f"{len(scales)} scales for {tensor.channels} channels", why="there is one, or one for each", fix=AGAIN)
    return same(scales), same(zeros)


def _quantize_linear(node: Node, taken: Taken) -> Value:
    if node.integer("block_size", 0):
        raise node.error("blocked quantization", why="a channel has one scale", fix="quantize per tensor or per channel")
    zero = _constant(node, taken, 2, "zero point")
    if isinstance(taken[0], Constant):
        return quantizers.linear_constant(node, taken[0], _required(node, taken, 1, "scale"), zero)
    tensor = _tensor(node, taken[0])
    return tensor.then(
        quantizers.quantize_linear(node, *_linear_numbers(node, taken, tensor), quantizers.linear_range(node, zero)), node.outputs[0]
    )


def _dequantize_linear(node: Node, taken: Taken) -> Value:
    if isinstance(taken[0], Constant):
        return quantizers.dequantize_constant(node, taken[0], _required(node, taken, 1, "scale"), _constant(node, taken, 2, "zero point"))
    tensor = _tensor(node, taken[0])
    return tensor.then(quantizers.dequantize_linear(node, *_linear_numbers(node, taken, tensor)), node.outputs[0])


def _relu(node: Node, taken: Taken) -> Tensor:
    return _tensor(node, taken[0]).then(Clip(Fraction(0), None, node.where), node.outputs[0])


Operator = Callable[[Node, Taken], Value]
KEEPS_ORDER = ("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Cast")
OPERATORS: dict[str, Operator] = {
    "Add": _add,
    "Sum": _add,
    "Sub": _sub,
    "Mul": _mul,
    "Div": _div,
    "BatchNormalization": _batch_norm,
    "Relu": _relu,
    "Clip": _clip,
    "Max": _bound,
    "Min": _bound,
    "Identity": _same,
    "Dropout": _same,
    "Cast": _same,
    "Reshape": _rearrange,
    "Flatten": _rearrange,
    "Squeeze": _rearrange,
    "Unsqueeze": _rearrange,
    "Transpose": _rearrange,
    "Conv": _conv,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "MaxPool": _max_pool,
    "GlobalMaxPool": _max_pool,
    "AveragePool": _average,
    "GlobalAveragePool": _average,
    "ReduceMean": _reduce,
    "ReduceSum": _reduce,
    "ReduceMax": _reduce,
    **dict.fromkeys(DROPPED, _end),
    "QuantizeLinear": _quantize_linear,
    "DequantizeLinear": _dequantize_linear,
    "Shape": _same,
}
RESHAPING = ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Resize", "Upsample", "Pad", "Slice", "Gather", "Split", "Expand")
QUANTIZERS: dict[str, Operator] = {"Quant": _quant, "IntQuant": _quant, "BipolarQuant": _bipolar, "Trunc": _trunc}
UNSUPPORTED = {
    "Concat": "blocks are joined by addition",
    "QLinearConv": "graphs of quantized operators do not say what lies between them",
    "ConvInteger": "graphs of quantized operators do not say what lies between them",
    "FloatQuant": "codes are integers",
    "LeakyRelu": "an activation never falls and has integer codes; only ReLU and clipping are taken",
}
REMEDIES = {
    "Concat": "use a residual network",
    "QLinearConv": "export in QDQ format: quant_format=QuantFormat.QDQ",
    "ConvInteger": "export in QDQ format: quant_format=QuantFormat.QDQ",
    "FloatQuant": "train with integer quantizers",
    "LeakyRelu": "train with ReLU",
}
