"""Constants of a graph: numbers, quantized weights, and what the subgraphs that exporters leave over constants come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from network.importers.onnx.arithmetic.exact import exact, root
from network.importers.onnx.arithmetic.stages import Rounding, rounded
from network.importers.onnx.graph import Node

FEW = 1 << 15
"""Constants of up to so many numbers are computed with exactly; larger ones in float64."""
MOST_GROWN = 1 << 24
"""Elements of a constant that is larger than those it is made of."""
NEAR = 1e-6
MOST_LEVELS = 127
"""Levels on either side of zero that folded weights may have."""


@dataclass(frozen=True, slots=True, eq=False)
class Quantized:
    """Weights as whole numbers: real = scale * (code - zero); scale and zero broadcast to the codes."""

    codes: NDArray[np.int64]
    scale: NDArray[np.object_]
    zero: NDArray[np.object_]
    bits: int | None  # as declared; None: found from the values
    is_signed: bool = True
    node: str = ""

    @property
    def values(self) -> NDArray[np.float64]:
        scale, zero = self.scale.astype(np.float64), self.zero.astype(np.float64)
        result: NDArray[np.float64] = scale * (self.codes - zero)
        return result


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """Numbers known before any image: an array, of Fractions where they came out of exact arithmetic."""

    array: NDArray[Any] = field(repr=False)
    quantized: Quantized | None = None
    is_rounded: bool = False  # it came out of a logarithm or its kin, and is computed with in float32, as executors do

    @property
    def shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.array.shape
        return shape

    def exactly(self) -> NDArray[np.object_]:
        """Its numbers as Fractions, in its shape; ValueError where one is not finite."""
        if self.quantized is not None:
            q = self.quantized
            # Of a single number numpy makes no array.
            return np.asarray(q.scale * (exact(q.codes).reshape(q.codes.shape) - q.zero), object)
        numbers: NDArray[np.object_] = exact(self.array).reshape(self.array.shape)
        return numbers

    def integers(self) -> list[int]:
        """As whole numbers, flat: a shape, axes, a bit width; ValueError where they are none."""
        flat = list(self.exactly().reshape(-1)) if self.array.size <= FEW else []
        if len(flat) != self.array.size or any(each.denominator != 1 for each in flat):
            raise ValueError("not whole numbers")
        return [int(each) for each in flat]


def rearranged(constant: Constant, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Constant:
    """A constant whose elements were moved, as by Reshape and Transpose."""
    q = constant.quantized
    if q is None:
        return Constant(change(constant.array))
    scale, zero = (np.ascontiguousarray(np.broadcast_to(each, q.codes.shape)) for each in (q.scale, q.zero))
    return Constant(change(constant.array), replace(q, codes=change(q.codes), scale=change(scale), zero=change(zero)))


def scaled(constant: Constant, factor: Constant, *, divides: bool) -> Constant | None:
    """Quantized weights times a constant keep their codes; None where the sign or the shape does not allow that."""
    q = constant.quantized
    if q is None or factor.array.size > FEW:
        return None
    by = factor.exactly()
    if any(each <= 0 for each in by.reshape(-1)) or np.broadcast_shapes(q.codes.shape, by.shape) != q.codes.shape:
        return None
    scale = np.asarray(q.scale / by if divides else q.scale * by, object)
    return of_quantized(replace(q, scale=scale))


def of_quantized(q: Quantized) -> Constant:
    return Constant(q.values, q)


def elementwise(node: Node, inputs: Sequence[Constant]) -> Constant:
    """Add, Sub, Mul, Div and their kin on constants."""
    if node.op in ("Mul", "Div") and len(inputs) == 2:
        product = scaled(inputs[0], inputs[1], divides=node.op == "Div")
        if product is None and node.op == "Mul":
            product = scaled(inputs[1], inputs[0], divides=False)
        if product is not None:
            return product
    size = np.prod(np.broadcast_shapes(*(each.shape for each in inputs)), dtype=np.int64)
    if size > max(MOST_GROWN, *(each.array.size for each in inputs)):
        raise ValueError("too many elements")
    if node.op in ROUNDED or any(each.is_rounded for each in inputs):
        with np.errstate(all="raise"):
            floats = [each.array.astype(np.float32) for each in inputs]
            return Constant(np.asarray(FLOATS[node.op](*floats), np.float32), is_rounded=True)
    are_exact = size <= FEW and node.op in EXACT
    arrays = [each.exactly() if are_exact else each.array.astype(np.float64) for each in inputs]
    operation = EXACT.get(node.op) if are_exact else FLOATS.get(node.op)
    if operation is None:
        raise ValueError(f"{node.op} of constants")
    with np.errstate(all="raise"):
        return Constant(np.asarray(operation(*arrays)))


_root = np.frompyfunc(root, 1, 1)

EXACT: dict[str, Callable[..., Any]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.true_divide,
    "Neg": np.negative,
    "Abs": np.absolute,
    "Sqrt": lambda x: _root(x),
    "Reciprocal": lambda x: 1 / x,
    "Max": np.maximum,
    "Min": np.minimum,
    "Relu": lambda x: np.maximum(x, exact([0])),
    "Floor": np.frompyfunc(lambda x: rounded(x, Rounding.FLOOR), 1, 1),
    "Ceil": np.frompyfunc(lambda x: rounded(x, Rounding.CEIL), 1, 1),
    "Round": np.frompyfunc(lambda x: rounded(x, Rounding.HALF_EVEN), 1, 1),
}
ROUNDED = ("Log", "Exp")
"""Functions whose results are no rational numbers."""
FLOATS: dict[str, Callable[..., Any]] = {
    **{name: EXACT[name] for name in ("Add", "Sub", "Mul", "Div", "Neg", "Abs", "Max", "Min")},
    "Relu": lambda x: np.maximum(x, 0.0),
    "Sqrt": np.sqrt,
    "Reciprocal": np.reciprocal,
    "Pow": np.power,
    "Exp": np.exp,
    "Log": np.log,
    "Floor": np.floor,
    "Ceil": np.ceil,
    "Round": np.round,
}


def quantize(
    values: Constant, scale: NDArray[np.object_], zero: NDArray[np.object_], rounding: Rounding, low: int | None, high: int | None
) -> NDArray[np.int64]:
    """round(values / scale + zero), clamped; scale and zero broadcast. Decided by rational numbers where floats are too near a tie."""
    if values.quantized is None and values.array.dtype != object and not np.isfinite(values.array.astype(np.float64)).all():
        raise ValueError("a constant is not a finite number")
    numbers = values.array.astype(np.float64)
    u = numbers / scale.astype(np.float64) + zero.astype(np.float64)
    ways: dict[Rounding, Callable[[Any], Any]] = {
        Rounding.CEIL: np.ceil,
        Rounding.FLOOR: np.floor,
        Rounding.UP: lambda x: np.sign(x) * np.ceil(np.abs(x)),
        Rounding.DOWN: np.trunc,
        Rounding.SIGN: lambda x: (x >= 0).astype(np.float64),
    }
    towards = ways.get(rounding)
    if towards is None:
        codes, near = np.round(u), np.abs(np.abs(u - np.floor(u)) - 0.5) < NEAR
    else:
        codes, near = towards(u), np.abs(u - np.round(u)) < NEAR
        if rounding is Rounding.SIGN:
            near = np.abs(u) < NEAR
    if low is not None and high is not None:
        codes = np.clip(codes, low, high)
        near &= (u > low - 1) & (u < high + 1)
    if np.abs(codes).max(initial=0) > 1 << 40:
        raise ValueError("a code is out of range")
    codes = np.asarray(codes, np.int64)
    scales, zeros = np.broadcast_to(scale, codes.shape), np.broadcast_to(zero, codes.shape)
    places = np.argwhere(near)
    if len(places):
        values_exactly = values.exactly() if values.quantized is not None else None
        for place in map(tuple, places):
            value = values_exactly[place] if values_exactly is not None else Fraction(values.array.item(*place))
            code = int(rounded(value / scales[place] + zeros[place], rounding))
            codes[place] = code if low is None or high is None else min(max(code, low), high)
    whole: NDArray[np.int64] = codes
    return whole


def recovered(array: NDArray[Any]) -> Quantized | None:
    """Weights whose quantizer was folded: whole numbers times one scale for each output channel (axis 0); None if there is no such scale."""
    values = array.astype(np.float64)
    if not values.size or not np.isfinite(values).all():
        return None
    rows = values.reshape(len(values), -1)
    by_row = [_scale_of(row) for row in rows]
    whole = _scale_of(rows.reshape(-1))
    found: list[tuple[int, NDArray[np.int64], NDArray[np.float64]]] = []
    for scales in ([whole], by_row):
        if any(each is None for each in scales):
            continue
        scale = np.array([each for each in scales if each is not None])
        codes = np.round(rows / scale[:, None]).astype(np.int64)
        found.append((int(max(codes.max(), -codes.min() - 1)).bit_length(), codes, scale))
    if not found:
        return None
    # Scales that relate by small numbers have a common one, with wider codes than each channel's own.
    _, codes, scale = min(found, key=lambda each: each[0])
    kept = exact(scale).reshape(-1, *[1] * (values.ndim - 1))
    return Quantized(codes.reshape(values.shape), kept, exact([0]).reshape([1] * values.ndim), None)


def _scale_of(values: NDArray[np.float64]) -> float | None:
    """The largest step of which all values are multiples, from -128 to 127."""
    most = float(np.abs(values).max())
    if most == 0:
        return 1.0
    distinct = np.unique(values)
    if len(distinct) > 2 * MOST_LEVELS + 2:
        return None
    for levels in range(1, MOST_LEVELS + 2):
        codes = distinct * levels / most
        whole = np.round(codes)
        # Each has the rounding of its own float32 and of the scale's: small weights beside a large one are no zeros.
        if (np.abs(codes - whole) <= np.abs(whole) * 2.0**-22).all() and whole.max() <= MOST_LEVELS:
            scale = most / levels
            # The scale was a float32 if one near it gives back every value.
            single = np.float32(scale)
            for near in (single, np.nextafter(single, np.float32(0)), np.nextafter(single, np.float32(np.inf))):
                if np.array_equal(np.float32(whole * np.float64(near)), distinct.astype(np.float32)):
                    return float(near)
            return scale
    return None
