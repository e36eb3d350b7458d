"""Every operator in turn: what it makes of constants, and of tensors in whole numbers.

What cannot be taken is noted with its node, and all that depends on it is left out without a further word; so one run tells all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from network.errors import GraphError
from network.importers.onnx.arithmetic.exact import exact, same
from network.importers.onnx.arithmetic.stages import ONE, ZERO, Affine, Quantize, Rounding
from network.importers.onnx.graph import QONNX, Graph, Node
from network.importers.onnx.nodes import elementwise, layers, maps, quantizing
from network.importers.onnx.nodes.constants import EXACT, FLOATS, Constant
from network.importers.onnx.nodes.folding import FOLDED, folded
from network.importers.onnx.nodes.operands import AGAIN, Taken, Unknown, Value
from network.importers.onnx.values import Image, Refused, Tensor
from network.operations import Shape

MOST_SIDE = 1 << 14
MOST_FOLDED = 1 << 28
"""Numbers that constant subgraphs come to: a few for each weight of the largest networks."""
DROPPED = ("Softmax", "LogSoftmax", "ArgMax", "TopK", "Sigmoid")
"""Operators at the end that keep the order of the scores, or say which is the largest."""


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What the graph's input is: (pixel * scale - mean) / std, the last two one or one a channel."""

    scale: Fraction = Fraction(1, 255)
    mean: tuple[Fraction, ...] = (Fraction(0),)
    std: tuple[Fraction, ...] = (Fraction(1),)
    is_given: bool = False  # on the command line


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
    reading.values[graph.input] = image(graph, preprocessing)
    grown = 0
    for node in graph.nodes:
        taken = [reading.values[name] if name else None for name in node.inputs]
        results: Sequence[Value] = [Unknown()]
        try:
            results = _evaluate(node, taken)
        except GraphError as error:
            if error.parts not in (each.parts for each in reading.errors):
                reading.errors.append(error)
            results = [_instead(node, taken)]
        except (ArithmeticError, AttributeError, IndexError, ValueError, TypeError, KeyError, MemoryError) as error:
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


def image(graph: Graph, preprocessing: Preprocessing) -> Tensor:
    """The graph's input as the image with its preprocessing; raises GraphError."""
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
        raise node.error(
            "it computes on activations",
            why=UNSUPPORTED.get(node.op, "between quantizers the accelerator has scales, biases, ReLU and clipping only"),
            fix=REMEDIES.get(node.op, "change the model so that it is not needed"),
        )
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
    codes = Quantize(ONE, ZERO, Rounding.HALF_EVEN, ZERO, ZERO, ONE, ONE, ZERO)
    if node.op in QUANTIZERS or node.op == "QuantizeLinear":
        return tensor.then(codes, node.outputs[0])
    if node.op in ("GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceMax", "ReduceSum"):
        axes = axes if node.integer("keepdims", 1) else "NC"
        return Tensor(node.outputs[0], Refused(node, Shape(1, 1, shape.channels)), (codes,), axes)
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


def layers_check(node: Node) -> None:
    """What can be said of a convolution whose input is unknown."""
    if node.integer("group", 1) != 1:
        what = f"a convolution in {node.integer('group', 1)} groups"
        raise node.error(what, why="the accelerator's convolutions see all input channels", fix="train with groups=1")


Operator = Callable[[Node, Taken], Value]
KEEPS_ORDER = ("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Cast", "QuantizeLinear", "DequantizeLinear")
OPERATORS: dict[str, Operator] = {
    "Add": elementwise.add,
    "Sum": elementwise.add,
    "Sub": elementwise.subtract,
    "Mul": elementwise.multiply,
    "Div": elementwise.divide,
    "BatchNormalization": elementwise.batch_norm,
    "Relu": elementwise.relu,
    "Clip": elementwise.clip,
    "Max": elementwise.bound,
    "Min": elementwise.bound,
    "Identity": elementwise.unchanged,
    "Dropout": elementwise.unchanged,
    "Cast": elementwise.unchanged,
    "Reshape": maps.rearrange,
    "Flatten": maps.rearrange,
    "Squeeze": maps.rearrange,
    "Unsqueeze": maps.rearrange,
    "Transpose": maps.rearrange,
    "Pad": maps.pad,
    "Conv": maps.conv,
    "Gemm": maps.gemm,
    "MatMul": maps.matmul,
    "MaxPool": maps.max_pool,
    "GlobalMaxPool": maps.max_pool,
    "AveragePool": maps.average,
    "GlobalAveragePool": maps.average,
    "ReduceMean": maps.reduce,
    "ReduceSum": maps.reduce,
    "ReduceMax": maps.reduce,
    **dict.fromkeys(DROPPED, maps.end),
    "QuantizeLinear": quantizing.quantize_linear,
    "DequantizeLinear": quantizing.dequantize_linear,
    "Shape": elementwise.unchanged,
}
RESHAPING = ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Resize", "Upsample", "Pad", "Slice", "Gather", "Split", "Expand")
QUANTIZERS: dict[str, Operator] = {
    "Quant": quantizing.quant,
    "IntQuant": quantizing.quant,
    "BipolarQuant": quantizing.bipolar,
    "Trunc": quantizing.trunc,
}
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
