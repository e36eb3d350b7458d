"""The graph's own evaluation, operator by operator, in another way than its import.

QONNX graphs in float64, in which a number within 1e-9 of a tie counts as the tie: nearer than that none comes by chance, and the rounding
errors of float64 are smaller. QDQ graphs by onnxruntime.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from network.errors import GraphError
from network.importers.onnx.convert import Imported
from network.importers.onnx.graph import QONNX, Graph, Node
from network.importers.onnx.nodes.constants import Constant
from network.importers.onnx.nodes.folding import folded

NEAR = 1e-9
Numbers = NDArray[np.float64]


class Evaluated(NamedTuple):
    codes: dict[str, NDArray[np.int64]]  # of quantizers, channels last
    label: int
    scores: NDArray[np.float64]


def preprocessed(imported: Imported, images: NDArray[np.uint8]) -> Numbers:
    """One frame (1, height, width, channels) of bytes as the graph's input, in its axes, and as often as its batch is large."""
    p, graph = imported.preprocessing, imported.graph
    numbers: Numbers = images.astype(np.float64)
    if not graph.is_uint8 or p.is_given:
        mean, std = (np.array([float(each) for each in numbers_]) for numbers_ in (p.mean, p.std))
        scale = p.scale
        numbers = (numbers * scale.numerator / scale.denominator - mean) / std
    numbers = np.repeat(numbers, graph.shape[0] or 1, axis=0)
    return numbers if graph.shape[1:] == images.shape[1:] else numbers.transpose(0, 3, 1, 2)


def exactly(imported: Imported) -> Callable[[NDArray[np.uint8]], Evaluated]:
    graph = imported.graph
    constants = {name: array.astype(np.float64) for name, array in graph.constants.items()}
    own: dict[str, Numbers] = {}

    def run(images: NDArray[np.uint8]) -> Evaluated:
        values: dict[str, Any] = {"": None, **constants, **own, graph.input: preprocessed(imported, images)}
        codes: dict[str, NDArray[np.int64]] = {}
        for node in graph.nodes:
            taken = [values[name] for name in node.inputs]
            try:
                if all(name in own or name in constants or not name for name in node.inputs):
                    if node.outputs[0] not in own:  # weights are quantized once
                        own[node.outputs[0]] = _of_constants(node, taken)
                    values[node.outputs[0]] = own[node.outputs[0]]
                else:
                    values[node.outputs[0]] = _apply(node, taken, codes)
            except (ArithmeticError, IndexError, KeyError, TypeError, ValueError) as error:
                if isinstance(error, GraphError):
                    raise
                raise _failed(node.where, error) from None
        return _evaluated(imported, codes, values[graph.output])

    return run


def _failed(where: str, error: Exception) -> GraphError:
    what = f"--check cannot evaluate it: {str(error) or type(error).__name__:.120}"
    return GraphError(where, what, why="the graph's own evaluation is what the import is compared with", fix="leave out --check")


def _evaluated(imported: Imported, codes: dict[str, NDArray[np.int64]], result: NDArray[Any]) -> Evaluated:
    """Of the first frame of the batch; `codes` in the graph's axes."""
    first = np.asarray(result)[:1].reshape(-1)
    label = int(first[0]) if ending(imported.graph) == "ArgMax" else int(np.argmax(first))
    moved = {}
    for name, each in codes.items():
        is_moved = each.ndim == 4 and name not in imported.channels_last
        moved[name] = (np.moveaxis(each, 1, -1) if is_moved else each)[:1]
    return Evaluated(moved, label, first.astype(np.float64))


def _of_constants(node: Node, taken: Sequence[Any]) -> Numbers:
    """What exporters leave over constants, such as shapes and bit widths, is folded as the import does it."""
    if node.domain in QONNX:
        return np.asarray(_apply(node, taken, {}))
    return folded(node, [Constant(each) for each in taken if each is not None]).array.astype(np.float64)


def ending(graph: Graph) -> str:
    """The operator that a graph ends with."""
    makers = {node.outputs[0]: node for node in graph.nodes}
    node: Node | None = makers.get(graph.output)
    while node is not None and node.op in ("Identity", "Squeeze", "Cast", "Reshape", "Flatten"):
        node = makers.get(node.inputs[0])
    return "" if node is None else node.op


def _apply(node: Node, taken: Sequence[Any], codes: dict[str, NDArray[np.int64]]) -> Any:
    operation = QUANTIZERS.get(node.op) if node.domain in QONNX else OPERATORS.get(node.op)
    if operation is None:
        what = "its own evaluation does not have this operator"
        raise GraphError(node.where, what, why="--check computes the graph in float64", fix="leave out --check")
    if node.domain in QONNX:
        whole, numbers = operation(node, *taken)
        codes[node.outputs[0]] = whole.astype(np.int64)
        return numbers
    return operation(node, *taken)


def _snapped(u: Numbers) -> Numbers:
    twice = np.round(2 * u)
    return np.where(np.abs(2 * u - twice) < NEAR * np.maximum(1, np.abs(u)), twice / 2, u)


def _round(u: Numbers, mode: str) -> Numbers:
    u, mode = _snapped(u), mode.upper()
    if mode in ("ROUND", "HALF_EVEN"):
        return np.asarray(np.round(u))
    size = np.abs(u)
    ways: dict[str, Callable[[], Any]] = {
        "CEIL": lambda: np.ceil(u),
        "FLOOR": lambda: np.floor(u),
        "UP": lambda: np.sign(u) * np.ceil(size),
        "DOWN": lambda: np.trunc(u),
        "HALF_UP": lambda: np.sign(u) * np.floor(size + 0.5),
        "HALF_DOWN": lambda: np.sign(u) * np.ceil(size - 0.5),
    }
    return np.asarray(ways[mode]())


def _limits(node: Node, bits: int) -> tuple[int, int]:
    signed, narrow = node.integer("signed", 1), node.integer("narrow", 0)
    if signed:
        return -(1 << bits - 1) + narrow, (1 << bits - 1) - 1
    return 0, (1 << bits) - 1 - narrow


def _quant(node: Node, x: Numbers, scale: Numbers, zero: Numbers, bits: Numbers) -> tuple[Numbers, Numbers]:
    width = int(bits.reshape(-1)[0])
    u = x / scale + zero
    if node.integer("signed", 1) and width == 1:
        sign = np.where(_snapped(u) >= 0, 1.0, -1.0)
        return (sign + 1) / 2, (sign - zero) * scale
    whole = np.clip(_round(u, node.text("rounding_mode", "ROUND")), *_limits(node, width))
    return whole, (whole - zero) * scale


def _bipolar(_: Node, x: Numbers, scale: Numbers) -> tuple[Numbers, Numbers]:
    sign = np.where(_snapped(x / scale) >= 0, 1.0, -1.0)
    return (sign + 1) / 2, sign * scale


def _trunc(node: Node, x: Numbers, scale: Numbers, zero: Numbers, bits: Numbers, *more: Numbers) -> tuple[Numbers, Numbers]:
    mode = node.text("rounding_mode", "FLOOR")
    whole = np.round(_snapped(x / scale + zero))
    if len(more) == 1:
        shift = int(bits.reshape(-1)[0]) - int(more[0].reshape(-1)[0])
        whole = _round(whole / 2.0**shift, mode)
        return whole, (whole - zero) * scale
    out_scale, out_bits = more
    step = 2.0 ** np.round(np.log2(out_scale / scale))
    whole = _round(np.clip(whole / step, *_limits(node, int(out_bits.reshape(-1)[0]))), mode)
    return whole, (whole - zero / step) * out_scale


def _conv(node: Node, x: Numbers, weights: Numbers, bias: Numbers | None = None) -> Numbers:
    from network.importers.onnx.nodes.layers import window_of
    from network.operations import Shape

    _, channels, height, width = x.shape
    *_, kernel_h, kernel_w = weights.shape
    window = window_of(node, Shape(height, width, channels), (kernel_h, kernel_w))
    padded = np.pad(x, ((0, 0), (0, 0), *window.pad))
    seen = np.lib.stride_tricks.sliding_window_view(padded, (kernel_h, kernel_w), axis=(2, 3))  # type: ignore[call-overload]
    seen = seen[:, :, :: window.stride[0], :: window.stride[1]]
    result = np.tensordot(seen, weights, axes=([1, 4, 5], [1, 2, 3])).transpose(0, 3, 1, 2)
    return np.asarray(result if bias is None else result + bias.reshape(1, -1, 1, 1))


def _max_pool(node: Node, x: Numbers) -> Numbers:
    from network.importers.onnx.nodes.layers import window_of
    from network.operations import Shape

    if node.op == "GlobalMaxPool":
        return np.asarray(x.max(axis=(2, 3), keepdims=True))
    height, width = node.integers("kernel_shape", ())
    window = window_of(node, Shape(x.shape[2], x.shape[3], x.shape[1]), (height, width))
    padded = np.pad(x, ((0, 0), (0, 0), *window.pad), constant_values=-np.inf)
    seen = np.lib.stride_tricks.sliding_window_view(padded, window.kernel, axis=(2, 3))  # type: ignore[call-overload]
    return np.asarray(seen[:, :, :: window.stride[0], :: window.stride[1]].max(axis=(4, 5)))


def _norm(node: Node, x: Numbers, gamma: Numbers, beta: Numbers, mean: Numbers, variance: Numbers) -> Numbers:
    shape = (1, -1) + (1,) * (x.ndim - 2)
    factor = gamma / np.sqrt(variance + node.number("epsilon", float(np.float32(1e-5))))
    return np.asarray(x * factor.reshape(shape) + (beta - mean * factor).reshape(shape))


def _gemm(node: Node, x: Numbers, weights: Numbers, bias: Numbers | float = 0.0) -> Numbers:
    matrix = weights.T if node.integer("transB", 0) else weights
    return np.asarray(node.number("alpha", 1.0) * (x @ matrix) + node.number("beta", 1.0) * bias)


def _axes(node: Node, more: Sequence[Numbers], default: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(each) for each in (more[0].reshape(-1) if more else node.integers("axes", default)))


def _reshape(node: Node, x: Numbers, shape: Numbers) -> Numbers:
    wanted = [x.shape[i] if each == 0 and not node.integer("allowzero", 0) else int(each) for i, each in enumerate(shape.reshape(-1))]
    return np.asarray(x.reshape(wanted))


def _clip(node: Node, x: Numbers, low: Numbers | None = None, high: Numbers | None = None) -> Numbers:
    least = node.number("min", -3.4e38) if low is None else low
    most = node.number("max", 3.4e38) if high is None else high
    return np.asarray(np.minimum(np.maximum(x, least), most))


OPERATORS: dict[str, Callable[..., Any]] = {
    "Add": lambda _, a, b: a + b,
    "Sum": lambda _, *more: sum(more),
    "Sub": lambda _, a, b: a - b,
    "Mul": lambda _, a, b: a * b,
    "Div": lambda _, a, b: a / b,
    "Neg": lambda _, a: -a,
    "Sqrt": lambda _, a: np.sqrt(a),
    "Pow": lambda _, a, b: a**b,
    "Max": lambda _, a, b: np.maximum(a, b),
    "Min": lambda _, a, b: np.minimum(a, b),
    "Relu": lambda _, a: np.maximum(a, 0),
    "Clip": _clip,
    **dict.fromkeys(("Identity", "Dropout", "Cast"), lambda _, *taken: taken[0]),
    "Pad": lambda _, *taken: taken[0],  # by nothing, or the graph is not imported
    "Conv": _conv,
    "Gemm": _gemm,
    "MatMul": lambda _, a, b: a @ b,
    "BatchNormalization": _norm,
    "MaxPool": _max_pool,
    "GlobalMaxPool": _max_pool,
    "AveragePool": lambda _, a: a.mean(axis=(2, 3), keepdims=True),
    "GlobalAveragePool": lambda _, a: a.mean(axis=(2, 3), keepdims=True),
    "ReduceMean": lambda node, a, *more: a.mean(axis=_axes(node, more, ()), keepdims=bool(node.integer("keepdims", 1))),
    "ReduceSum": lambda node, a, *more: a.sum(axis=_axes(node, more, ()), keepdims=bool(node.integer("keepdims", 1))),
    "ReduceMax": lambda node, a, *more: a.max(axis=_axes(node, more, ()), keepdims=bool(node.integer("keepdims", 1))),
    "Reshape": _reshape,
    "Flatten": lambda node, a: a.reshape(int(np.prod(a.shape[: node.integer("axis", 1)])), -1),
    "Transpose": lambda node, a: a.transpose(node.integers("perm", tuple(reversed(range(a.ndim))))),
    "Squeeze": lambda node, a, *more: np.squeeze(a, _axes(node, more, [i for i, n in enumerate(a.shape) if n == 1 and i])),
    "Unsqueeze": lambda node, a, *more: np.expand_dims(a, _axes(node, more, ())),
    "Shape": lambda _, a: np.array(a.shape, np.float64),
    "Gather": lambda node, a, i: np.take(a, i.astype(np.int64), axis=node.integer("axis", 0)),
    "Concat": lambda node, *more: np.concatenate(more, axis=node.integer("axis", 0)),
    "ConstantOfShape": lambda _, a: np.zeros(a.astype(np.int64)),
    "Softmax": lambda _, a: a,
    "LogSoftmax": lambda _, a: a,
    "Sigmoid": lambda _, a: a,
    "ArgMax": lambda node, a: np.argmax(a, axis=node.integer("axis", 0)),
}
QUANTIZERS: dict[str, Callable[..., tuple[Numbers, Numbers]]] = {
    "Quant": _quant,
    "IntQuant": _quant,
    "BipolarQuant": _bipolar,
    "Trunc": _trunc,
}


def with_onnxruntime(imported: Imported) -> Callable[[NDArray[np.uint8]], Evaluated]:
    """With every tensor that QuantizeLinear makes as an output, and without onnxruntime's own transformations."""
    path = imported.path
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        what = f"nothing to compute it with: {error}"
        raise GraphError(str(path), what, why="--check computes QDQ graphs by onnxruntime", fix="pip install 'resflow[import]'") from None
    model = copy.deepcopy(onnx.load(path))
    made = {node.output[0]: node for node in model.graph.node if node.op_type == "QuantizeLinear"}
    names = [probe.tensor for probe in imported.lowered.probes if probe.tensor in made]
    last = imported.graph.output
    constants = imported.graph.constants
    for name in dict.fromkeys(names):
        if name == last:
            continue
        zero = made[name].input[2] if len(made[name].input) > 2 else ""
        is_signed = zero in constants and constants[zero].dtype.kind == "i"
        model.graph.output.append(
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.INT8 if is_signed else onnx.TensorProto.UINT8, None)
        )
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own kinds
        raise GraphError(
            str(path), f"onnxruntime does not take it: {error!s:.120}", why="--check computes QDQ graphs by it", fix="leave out --check"
        ) from None
    kind = np.uint8 if imported.graph.is_uint8 else np.float32
    outputs = [last, *(name for name in dict.fromkeys(names) if name != last)]

    def run(images: NDArray[np.uint8]) -> Evaluated:
        try:
            found = session.run(outputs, {imported.graph.input: preprocessed(imported, images).astype(kind)})
        except Exception as error:  # onnxruntime's own kinds
            raise _failed(str(path), error) from None
        codes = {}
        for name, array in zip(outputs, found, strict=True):
            if name in made:
                codes[name] = array.astype(np.int64)
        return _evaluated(imported, codes, found[0])

    return run
