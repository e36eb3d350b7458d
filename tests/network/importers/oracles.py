"""What a quantized graph computes at each of its quantizers: exactly, by qonnx's executor and by onnxruntime.

The exact evaluation shares no code with the importer: a tensor is an array of Python's integers times one fraction, float32 constants are
the rationals they are, and a quantizer's division is decided by whole numbers, so ties fall as the graph's rounding mode says.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from graphlib import TopologicalSorter
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

Array = NDArray[Any]
EXACT = 1 << 53
"""Up to here float64 holds every integer."""
ARITHMETIC = ("Add", "Sub", "Mul", "Div", "Clip", "Conv", "Gemm", "MatMul", "BatchNormalization")
"""Whose constants may be whole numbers, if a file has them so."""
ROOT_BITS = 240
"""Of a square root that is no fraction: far more than could put a value on the wrong side of a tie."""
QUANTIZERS = ("Quant", "IntQuant", "BipolarQuant", "Trunc", "QuantizeLinear")


@dataclass(frozen=True, slots=True)
class Exact:
    """The tensor ints * unit; `ints` is an object array of Python's integers."""

    ints: Array
    unit: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ints", np.asarray(self.ints, object))  # numpy makes scalars of arrays without dimensions

    @property
    def values(self) -> Array:
        return np.asarray(np.frompyfunc(lambda i: float(i * self.unit), 1, 1)(self.ints), np.float64)

    def like(self, change: Callable[[Array], Array]) -> Exact:
        return Exact(change(self.ints), self.unit)

    def reduced(self) -> Exact:
        """With the greatest common divisor in the unit, so that the integers are as small as they can be."""
        divisor = int(np.gcd.reduce(self.ints.reshape(-1))) if self.ints.size else 0
        return Exact(self.ints // divisor, self.unit * divisor) if divisor > 1 else self


def exact(values: Array) -> Exact:
    """The rationals that these floating-point numbers are."""
    mantissa, exponent = np.frexp(np.asarray(values, np.float64))
    if not np.isfinite(mantissa).all():
        raise ValueError("not a finite number")
    least = int(exponent.min(where=mantissa != 0, initial=1024))
    shift = np.where(mantissa == 0, 0, exponent - least).astype(object)
    ints = _objects((mantissa * EXACT).astype(np.int64)) * 2**shift
    return Exact(np.asarray(ints, object), Fraction(2) ** (least - 53)).reduced()


def _objects(array: Array) -> Array:
    return np.asarray(array.astype(object), object)


def _common(*tensors: Exact) -> tuple[list[Array], Fraction]:
    """The integers of the tensors in one unit."""
    denominator = math.lcm(*(each.unit.denominator for each in tensors))
    unit = Fraction(math.gcd(*(int(each.unit * denominator) for each in tensors)), denominator)
    return [np.asarray(each.ints * int(each.unit / unit), object) for each in tensors], unit


def add(a: Exact, b: Exact, sign: int = 1) -> Exact:
    (left, right), unit = _common(a, b)
    return Exact(np.asarray(left + sign * right, object), unit)


def multiply(a: Exact, b: Exact) -> Exact:
    return Exact(np.asarray(a.ints * b.ints, object), a.unit * b.unit)


def reciprocal(a: Exact) -> Exact:
    multiple = math.lcm(*{int(i) for i in a.ints.reshape(-1)})
    return Exact(np.asarray(multiple // a.ints, object), 1 / (a.unit * multiple))


def clip(a: Exact, low: Exact | None, high: Exact | None) -> Exact:
    for bound, choose in ((low, np.maximum), (high, np.minimum)):
        if bound is not None:
            (ints, limit), unit = _common(a, bound)
            a = Exact(choose(ints, limit), unit)
    return a


def _half_even(a: Array, b: Array) -> Array:
    codes = (2 * a + b) // (2 * b)
    return codes - (((2 * a + b) % (2 * b) == 0) & (codes % 2 == 1))


def _from_zero(rounded: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    """A rounding of magnitudes, with the sign put back."""
    return lambda a, b: np.where(a < 0, -1, 1) * rounded(abs(a), b)


ROUNDINGS: Mapping[str, Callable[[Array, Array], Array]] = {
    "ROUND": _half_even,
    "HALF_EVEN": _half_even,
    "CEIL": lambda a, b: -(-a // b),
    "FLOOR": lambda a, b: a // b,
    "UP": _from_zero(lambda a, b: -(-a // b)),
    "DOWN": _from_zero(lambda a, b: a // b),
    "HALF_UP": _from_zero(lambda a, b: (2 * a + b) // (2 * b)),
    "HALF_DOWN": _from_zero(lambda a, b: -((b - 2 * a) // (2 * b))),
}
"""Of a / b with b > 0, as qonnx's documentation defines them."""


def divided(x: Exact, scale: Exact, zero: Exact) -> tuple[Array, Array]:
    """Numerators and positive denominators of x / scale + zero."""
    if (scale.ints <= 0).any() or scale.unit <= 0:
        raise ValueError("scales are positive")
    ratio = x.unit / scale.unit
    denominator = scale.ints * (ratio.denominator * zero.unit.denominator)
    numerator = x.ints * (ratio.numerator * zero.unit.denominator) + zero.ints * scale.ints * (zero.unit.numerator * ratio.denominator)
    return np.asarray(numerator, object), np.asarray(denominator, object)


def quantized(x: Exact, scale: Exact, zero: Exact, low: int, high: int, mode: str) -> Array:
    codes = ROUNDINGS[mode.upper()](*divided(x, scale, zero))
    return np.asarray(np.minimum(np.maximum(codes, low), high), object)


def dequantized(codes: Array, scale: Exact, zero: Exact) -> Exact:
    return multiply(add(Exact(_objects(np.asarray(codes))), zero, -1), scale)


def code_range(bits: float, signed: bool, narrow: bool) -> tuple[int, int]:
    bits = int(bits)
    if signed:
        return -(1 << bits - 1) + narrow, (1 << bits - 1) - 1
    return 0, (1 << bits) - 1 - narrow


def product(rows: Exact, matrix: Exact) -> Exact:
    """(rows, k) @ (k, out); float64 where it is exact. Columns may have scales of their own."""
    rows = rows.reduced()
    divisors = np.asarray([int(np.gcd.reduce(column)) or 1 for column in matrix.ints.T], object)
    small = np.asarray(matrix.ints // divisors, object)
    greatest = int(abs(rows.ints).max(initial=0)) * int(abs(small).sum(axis=0).max(initial=0))
    if greatest < EXACT:
        sums = _objects((rows.ints.astype(np.float64) @ small.astype(np.float64)).astype(np.int64))
    else:
        sums = np.dot(rows.ints, small)
    return Exact(np.asarray(sums * divisors, object), rows.unit * matrix.unit)


def _root(value: Fraction) -> Fraction:
    top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
    if top * top == value.numerator and bottom * bottom == value.denominator:
        return Fraction(top, bottom)
    return Fraction(math.isqrt((value.numerator << 2 * ROOT_BITS) // value.denominator), 1 << ROOT_BITS)


def fractions(tensor: Exact) -> list[Fraction]:
    return [int(i) * tensor.unit for i in tensor.ints.reshape(-1)]


def _gathered(values: list[Fraction], shape: tuple[int, ...]) -> Exact:
    denominator = math.lcm(*(each.denominator for each in values))
    ints = np.empty(len(values), object)
    ints[:] = [int(each * denominator) for each in values]
    return Exact(ints.reshape(shape), Fraction(1, denominator))


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}


def _pads(said: Mapping[str, Any], sizes: tuple[int, ...], kernel: tuple[int, ...]) -> list[tuple[int, int]]:
    """Before and after, by axis."""
    way = said.get("auto_pad", b"NOTSET").decode() or "NOTSET"
    if way == "NOTSET":
        pads = said.get("pads", [0, 0, 0, 0])
        return list(zip(pads[: len(pads) // 2], pads[len(pads) // 2 :], strict=True))
    found = []
    for size, reach, stride in zip(sizes, kernel, said.get("strides", [1, 1]), strict=True):
        total = 0 if way == "VALID" else max((-(-size // stride) - 1) * stride + reach - size, 0)
        small = total // 2
        found.append((total - small, small) if way == "SAME_LOWER" else (small, total - small))
    return found


def _windows(ints: Array, kernel: tuple[int, ...], said: Mapping[str, Any], outside: int) -> Array:
    """(n, c, out_h, out_w, kernel_h, kernel_w) of what a window sees."""
    apart = said.get("dilations", [1, 1])
    reaches = tuple((size - 1) * step + 1 for size, step in zip(kernel, apart, strict=True))
    pads = _pads(said, ints.shape[2:], reaches)
    down, along = said.get("strides", [1, 1])
    padded = np.pad(ints, [(0, 0), (0, 0), *pads], constant_values=outside)
    if said.get("ceil_mode") and any((size - r) % s for size, r, s in zip(padded.shape[2:], reaches, (down, along), strict=True)):
        raise NotImplementedError("ceil_mode")
    seen = np.lib.stride_tricks.sliding_window_view(padded, reaches, axis=(2, 3))  # type: ignore[call-overload]
    return np.asarray(seen[:, :, ::down, ::along, :: apart[0], :: apart[1]])


@dataclass
class Evaluation:
    """The exact values of a graph, node by node; `step` goes on by one node.

    `given` replaces the codes of quantizers by others for what comes behind them: so each layer of another executor is tried on that
    executor's own codes.
    """

    values: dict[str, Any] = field(default_factory=dict)  # Exact, or an array where the graph has integers
    codes: dict[str, Array] = field(default_factory=dict)  # int64, of every quantizer that is not a constant's
    given: Mapping[str, Array] = field(default_factory=dict)
    constants: set[str] = field(default_factory=set)
    scales: dict[str, tuple[Exact, Exact]] = field(default_factory=dict)  # scale and zero point of every quantizer's output
    version: int = 13  # of the operators of ONNX itself: batch dimension, axes
    trunc_is_old: bool = False
    bipolar: set[str] = field(default_factory=set)  # quantizers whose codes are -1 and 1

    def constant(self, name: str, value: Array) -> None:
        self.values[name] = exact(value) if value.dtype.kind == "f" else value
        self.constants.add(name)

    def step(self, node: onnx.NodeProto) -> None:
        if node.op_type == "Constant":
            (name, value), *_ = attributes(node).items()
            self.constant(node.output[0], numpy_helper.to_array(value) if name == "value" else np.asarray(value))
            return
        inputs = [self.values[name] if name else None for name in node.input]
        said = attributes(node)
        is_constant = all(name in self.constants for name in node.input if name)
        if is_constant:
            self.constants.add(node.output[0])
        if node.op_type in QUANTIZERS:
            codes, scale, zero = _quantize(node, inputs, said, self.trunc_is_old)
            if not is_constant:
                self.codes[node.output[0]] = codes.astype(np.int64)
                self.bipolar |= {node.output[0]} if _is_bipolar(node, inputs, said) else set()
                codes = _objects(np.asarray(self.given.get(node.output[0], codes)))
            self.scales[node.output[0]] = scale, zero
            result: Any = codes if node.op_type == "QuantizeLinear" else dequantized(codes, scale, zero)
        else:
            if node.op_type in ARITHMETIC and not is_constant:
                inputs = [each if each is None or isinstance(each, Exact) else Exact(_objects(np.asarray(each))) for each in inputs]
            result = OPERATORS[node.op_type](inputs, said)
        self.values[node.output[0]] = result


def _channels(tensor: Exact, like: Array, axis: int) -> Exact:
    """A vector of the quantizers of onnxruntime along the axis they name."""
    if tensor.ints.ndim == 0 or tensor.ints.size == 1:
        return tensor.like(lambda ints: ints.reshape(()))
    return tensor.like(lambda ints: ints.reshape([-1 if i == axis % like.ndim else 1 for i in range(like.ndim)]))


def _is_bipolar(node: onnx.NodeProto, inputs: list[Any], said: Mapping[str, Any]) -> bool:
    """Signed ones of 1 bit are for qonnx."""
    if node.op_type not in ("Quant", "IntQuant"):
        return node.op_type == "BipolarQuant"
    bits = inputs[3].values if isinstance(inputs[3], Exact) else inputs[3]
    return bool(said.get("signed", 1)) and float(bits.reshape(-1)[0]) == 1


def _quantize(node: onnx.NodeProto, inputs: list[Any], said: Mapping[str, Any], trunc_is_old: bool) -> tuple[Array, Exact, Exact]:
    """Codes, scale and zero point of what a quantizer writes."""
    x, scale, *rest = inputs
    none = exact(np.float32(0))
    if node.op_type == "BipolarQuant":
        return np.where(x.ints >= 0, 1, -1).astype(object), scale, none
    if node.op_type == "QuantizeLinear":
        zero = rest[0] if rest else np.uint8(0)
        kind = np.iinfo(zero.dtype)
        scale = _channels(scale, x.ints, said.get("axis", 1))
        shift = _channels(Exact(_objects(np.asarray(zero))), x.ints, said.get("axis", 1))
        codes = _half_even(*divided(x, scale, none)) + shift.ints
        return np.minimum(np.maximum(codes, int(kind.min)), int(kind.max)), scale, shift
    if _is_bipolar(node, inputs, said):
        top, _ = divided(x, scale, rest[0])
        return np.where(np.asarray(top >= 0), 1, -1).astype(object), scale, rest[0]
    zero, bits, *more = (each if isinstance(each, Exact) else Exact(_objects(np.asarray(each))) for each in rest)
    mode = said.get("rounding_mode", b"FLOOR" if node.op_type == "Trunc" else b"ROUND").decode()
    (width,) = fractions(bits)
    if node.op_type != "Trunc":
        signed, narrow = bool(said.get("signed", 1)), bool(said.get("narrow", 0))
        return quantized(x, scale, zero, *code_range(float(width), signed, narrow), mode), scale, zero
    whole = _half_even(*divided(x, scale, zero))
    if trunc_is_old:
        (out,) = fractions(more[0])
        return ROUNDINGS[mode.upper()](whole, np.asarray(1 << int(width - out), object)), scale, zero  # the scale stays as it was
    out_scale, out_bits = more
    (out,) = fractions(out_bits)
    shift = Exact(np.asarray(2 ** np.round(np.log2(out_scale.values / scale.values)).astype(int).astype(object), object))
    low, high = code_range(float(out), bool(said.get("signed", 1)), bool(said.get("narrow", 0)))
    codes = np.minimum(np.maximum(ROUNDINGS[mode.upper()](whole, shift.ints), low), high)
    return codes, out_scale, multiply(zero, reciprocal(shift))


def _conv(inputs: list[Any], said: Mapping[str, Any]) -> Exact:
    x, weights, *bias = inputs
    if said.get("group", 1) != 1:
        raise NotImplementedError("groups")
    seen = _windows(x.ints, weights.ints.shape[2:], said, 0).transpose(0, 2, 3, 1, 4, 5)
    rows = Exact(seen.reshape(math.prod(seen.shape[:3]), -1), x.unit)
    sums = product(rows, weights.like(lambda ints: ints.reshape(len(ints), -1).T))
    result = sums.like(lambda ints: ints.reshape(*seen.shape[:3], -1).transpose(0, 3, 1, 2))
    return add(result, _along(bias[0], result)) if bias and bias[0] is not None else result


def _along(vector: Exact, like: Exact) -> Exact:
    return vector.like(lambda ints: ints.reshape(-1, *[1] * (like.ints.ndim - 2)))


def _batch_norm(inputs: list[Any], said: Mapping[str, Any]) -> Exact:
    x, scale, bias, mean, variance = inputs
    epsilon = Fraction(float(np.float32(said.get("epsilon", 1e-5))))
    gains = [s / _root(v + epsilon) for s, v in zip(fractions(scale), fractions(variance), strict=True)]
    offsets = [b - m * g for b, m, g in zip(fractions(bias), fractions(mean), gains, strict=True)]
    gains, offsets = ([Fraction(round(each * (1 << ROOT_BITS)), 1 << ROOT_BITS) for each in some] for some in (gains, offsets))
    gain, offset = (_along(_gathered(each, (-1,)), x) for each in (gains, offsets))
    return add(multiply(x, gain), offset)


def _average_pool(inputs: list[Any], said: Mapping[str, Any]) -> Exact:
    (x,) = inputs
    kernel = tuple(said["kernel_shape"])
    if any(map(any, _pads(said, x.ints.shape[2:], kernel))) and not said.get("count_include_pad", 0):
        raise NotImplementedError("averages that leave the padding out")
    return Exact(_windows(x.ints, kernel, said, 0).sum(axis=(4, 5)), x.unit / math.prod(kernel))


def _max_pool(inputs: list[Any], said: Mapping[str, Any]) -> Any:
    (x,) = inputs
    ints = x.ints if isinstance(x, Exact) else x
    lowest = min(int(ints.min()), 0) - 1  # the padding never wins
    pooled = _windows(ints.astype(object), tuple(said["kernel_shape"]), said, lowest).max(axis=(4, 5))
    return Exact(pooled, x.unit) if isinstance(x, Exact) else pooled


def _mean(inputs: list[Any], said: Mapping[str, Any]) -> Exact:
    x = inputs[0]
    axes = tuple(int(a) for a in (inputs[1] if len(inputs) > 1 else said.get("axes", range(2, x.ints.ndim))))
    count = math.prod(x.ints.shape[axis] for axis in axes)
    return Exact(np.asarray(x.ints.sum(axis=axes, keepdims=bool(said.get("keepdims", 1))), object), x.unit / count)


def _gemm(inputs: list[Any], said: Mapping[str, Any]) -> Exact:
    a, b, *c = inputs
    if said.get("transA", 0):
        raise NotImplementedError("transA")
    sums = multiply(product(a, b.like(np.transpose) if said.get("transB", 0) else b), exact(np.float32(said.get("alpha", 1.0))))
    return add(sums, multiply(c[0], exact(np.float32(said.get("beta", 1.0))))) if c else sums


def _shaped(change: Callable[[Array, list[Any], Mapping[str, Any]], Array]) -> Callable[[list[Any], Mapping[str, Any]], Any]:
    """An operator that moves values and does not compute any."""

    def operator(inputs: list[Any], said: Mapping[str, Any]) -> Any:
        x, *rest = inputs
        return x.like(lambda ints: change(ints, rest, said)) if isinstance(x, Exact) else change(np.asarray(x), rest, said)

    return operator


def _reshape(ints: Array, rest: list[Any], _: Mapping[str, Any]) -> Array:
    wanted = [ints.shape[i] if size == 0 else int(size) for i, size in enumerate(rest[0])]
    if -1 not in wanted and wanted[0] == 1:
        wanted[0] = -1  # exported for a batch of one
    return ints.reshape(wanted)


def _axes(rest: list[Any], said: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(a) for a in (rest[0] if rest else said["axes"]))


def _pad(inputs: list[Any], said: Mapping[str, Any]) -> Exact:
    """With zeros."""
    pads = [int(each) for each in (inputs[1] if len(inputs) > 1 else said["pads"])]
    result: Exact = inputs[0].like(lambda ints: np.pad(ints, list(zip(pads[: ints.ndim], pads[ints.ndim :], strict=True))))
    return result


def _dequantize_linear(inputs: list[Any], said: Mapping[str, Any]) -> Exact:
    codes, scale, *zero = inputs
    codes = np.asarray(codes)
    shift = Exact(_objects(np.asarray(zero[0] if zero else 0)))
    axis = said.get("axis", 1)
    return dequantized(codes, _channels(scale, codes, axis), _channels(shift, codes, axis))


def _cast(inputs: list[Any], said: Mapping[str, Any]) -> Any:
    (x,) = inputs
    if said["to"] in (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE):
        return x if isinstance(x, Exact) else Exact(_objects(np.asarray(x)))
    return x.values.astype(onnx.helper.tensor_dtype_to_np_dtype(said["to"])) if isinstance(x, Exact) else x


OPERATORS: Mapping[str, Callable[[list[Any], Mapping[str, Any]], Any]] = {
    "Conv": _conv,
    "BatchNormalization": _batch_norm,
    "Relu": lambda i, _: i[0].like(lambda ints: np.maximum(ints, 0)),
    "Clip": lambda i, s: clip(
        i[0],
        i[1] if len(i) > 1 else exact(np.float32(s["min"])) if "min" in s else None,
        i[2] if len(i) > 2 else exact(np.float32(s["max"])) if "max" in s else None,
    ),
    "Add": lambda i, _: add(*i),
    "Sub": lambda i, _: add(*i, sign=-1),
    "Mul": lambda i, _: multiply(*i),
    "Div": lambda i, _: multiply(i[0], reciprocal(i[1])),
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": lambda i, _: _mean(i, {}),
    "GlobalMaxPool": lambda i, _: i[0].like(lambda ints: ints.max(axis=(2, 3), keepdims=True)),
    "ReduceMean": _mean,
    "Gemm": _gemm,
    "MatMul": lambda i, _: product(*i),
    "DequantizeLinear": _dequantize_linear,
    "Flatten": _shaped(lambda ints, _, said: ints.reshape(math.prod(ints.shape[: said.get("axis", 1)]), -1)),
    "Reshape": _shaped(_reshape),
    "Transpose": _shaped(lambda ints, _, said: ints.transpose(said.get("perm", range(ints.ndim)[::-1]))),
    "Squeeze": _shaped(lambda ints, rest, said: ints.squeeze(_axes(rest, said))),
    "Unsqueeze": _shaped(lambda ints, rest, said: np.expand_dims(ints, _axes(rest, said))),
    "Pad": _pad,
    "Identity": _shaped(lambda ints, *_: ints),
    "Dropout": _shaped(lambda ints, *_: ints),
    "Softmax": _shaped(lambda ints, *_: ints),  # the order of its inputs is that of its outputs, which is all that counts here
    "LogSoftmax": _shaped(lambda ints, *_: ints),
    "Cast": _cast,
    "Log": lambda i, _: exact(np.log(i[0].values.astype(np.float32))),  # of constants: Brevitas counts the bits of a sum with these two
    "Ceil": lambda i, _: exact(np.ceil(i[0].values)),
    "Shape": lambda i, _: np.asarray(i[0].ints.shape if isinstance(i[0], Exact) else i[0].shape, np.int64),
    "Gather": lambda i, s: np.take(i[0], i[1], axis=s.get("axis", 0)),
    "Concat": lambda i, s: np.concatenate(i, axis=s["axis"]),
    "ArgMax": lambda i, s: np.argmax(i[0].ints, axis=s.get("axis", 0)),
}


def image_input(model: onnx.ModelProto) -> onnx.ValueInfoProto:
    """The input that is no parameter."""
    known = {each.name for each in model.graph.initializer}
    (only,) = (each for each in model.graph.input if each.name not in known)
    return only


def input_shape(model: onnx.ModelProto) -> tuple[int, ...]:
    return tuple(each.dim_value or 1 for each in image_input(model).type.tensor_type.shape.dim)


def start(model: onnx.ModelProto, given: Mapping[str, Array] | None = None) -> Evaluation:
    opsets = {each.domain: each.version for each in model.opset_import}
    evaluation = Evaluation(given=given or {}, version=opsets.get("", 13))
    evaluation.trunc_is_old = any(node.op_type == "Trunc" and len(node.input) == 5 for node in model.graph.node)
    for each in model.graph.initializer:
        evaluation.constant(each.name, numpy_helper.to_array(each))
    return evaluation


def in_order(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """The nodes, each behind those it reads from, whatever their order in the file."""
    writers = {node.output[0]: index for index, node in enumerate(model.graph.node)}
    reads = {index: [writers[name] for name in node.input if name in writers] for index, node in enumerate(model.graph.node)}
    return [model.graph.node[index] for index in TopologicalSorter(reads).static_order()]


def evaluate(model: onnx.ModelProto, image: Exact | Array, given: Mapping[str, Array] | None = None) -> Evaluation:
    """Every tensor of the graph, exactly; `image` (n, c, h, w) of floats, or exact."""
    evaluation = start(model, given)
    evaluation.values[image_input(model).name] = image if isinstance(image, Exact) else exact(image)
    for node in in_order(model):
        evaluation.step(node)
    return evaluation


def by_qonnx(model: onnx.ModelProto, image: Array) -> dict[str, Array]:
    """Every tensor of a QONNX graph as qonnx executes it, float32, one image at a time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from qonnx.core.modelwrapper import ModelWrapper
        from qonnx.core.onnx_exec import execute_onnx
        from qonnx.transformation.infer_shapes import InferShapes

        wrapped = ModelWrapper(model, make_deepcopy=True).transform(InferShapes())
        name = image_input(model).name
        runs = [execute_onnx(wrapped, {name: each[None].astype(np.float32)}, return_full_exec_context=True) for each in image]
    outputs = [name for node in model.graph.node for name in node.output]
    return {name: np.concatenate([run[name].reshape(run[name].shape or (1,)) for run in runs]) for name in outputs}


def by_onnxruntime(model: onnx.ModelProto, image: Array) -> dict[str, Array]:
    """Every quantizer's output and the graph's own as onnxruntime computes them, node by node as the graph says."""
    import onnxruntime as ort

    everything = onnx.ModelProto()
    everything.CopyFrom(model)
    present = {each.name for each in everything.graph.output}
    wanted = [node.output[0] for node in model.graph.node if node.op_type in QUANTIZERS and node.output[0] not in present]
    for name in wanted:
        everything.graph.output.add().name = name
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(everything.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs()]
    name = image_input(model).name
    runs = [session.run(names, {name: each[None].astype(np.float32)}) for each in image]
    return {each: np.concatenate([np.asarray(run[i]) for run in runs]) for i, each in enumerate(names)}


def by_executor(model: onnx.ModelProto, image: Array) -> dict[str, Array]:
    """onnxruntime where it knows every operator, else qonnx."""
    is_standard = all(node.domain in ("", "ai.onnx") for node in model.graph.node)
    return by_onnxruntime(model, image) if is_standard else by_qonnx(model, image)


def codes_of(tensors: Mapping[str, Array], evaluation: Evaluation) -> dict[str, Array]:
    """The codes of another executor's tensors at every quantizer that `evaluation` has met."""
    found = {}
    for name in evaluation.codes:
        tensor, (scale, zero) = np.asarray(tensors[name]), evaluation.scales[name]
        is_float = tensor.dtype.kind == "f"
        found[name] = np.round(tensor.astype(np.float64) / scale.values + zero.values).astype(np.int64) if is_float else tensor.astype(int)
    return found


def layer_by_layer(model: onnx.ModelProto, image: Array, tensors: Mapping[str, Array]) -> Evaluation:
    """The exact evaluation of every layer of another executor's run, fed with that executor's own codes."""
    return evaluate(model, image, given=codes_of(tensors, evaluate(model, image)))


def differences(layers: Evaluation) -> dict[str, tuple[int, float]]:
    """Of the executor that `layers` is fed by, at every quantizer: the greatest difference from the exact code, and the share that differs."""
    apart = {name: abs(codes - layers.given[name]) for name, codes in layers.codes.items()}
    return {name: (int(each.max()), float((each > 0).mean())) for name, each in apart.items()}
