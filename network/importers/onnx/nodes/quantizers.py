"""The quantizers of QONNX and of QDQ graphs as stages.

QONNX: Quant and IntQuant (x, scale, zero point, bits), BipolarQuant (x, scale), Trunc of the first generation (x, scale, zero point, bits in,
bits out) and of the second (x, scale, zero point, bits in, scale out, bits out), as the qonnx package defines them. ONNX:
QuantizeLinear rounds x / scale, half to even, and then adds the zero point; DequantizeLinear takes it off again.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from network.errors import GraphError
from network.importers.onnx.arithmetic.exact import Exact, exact
from network.importers.onnx.arithmetic.stages import ONE, ZERO, Affine, Quantize, Rounding
from network.importers.onnx.graph import Node
from network.importers.onnx.nodes.constants import Constant, Quantized, of_quantized, quantize

MOST_BITS = 64
ROUNDINGS = {rounding.value: rounding for rounding in Rounding if rounding is not Rounding.SIGN} | {"HALF_EVEN": Rounding.HALF_EVEN}
AGAIN = "export the model again"
QUANTIZED_TYPES = {"uint8": (0, 255), "int8": (-128, 127), "uint16": (0, 65535), "int16": (-32768, 32767)}


class Numbers(NamedTuple):
    """Scale and zero point of a quantizer as the graph has them, before they are laid along an axis."""

    scale: Constant
    zero: Constant


class Codes(NamedTuple):
    """The range of a quantizer's codes."""

    low: int
    high: int
    bits: int
    is_signed: bool
    rounding: Rounding


def scalar(node: Node, constant: Constant, what: str) -> Fraction:
    if constant.array.size != 1:
        fix = "use one for the whole tensor"
        raise node.error(f"its {what} has {constant.array.size:,} values", why="one holds for all channels", fix=fix)
    value: Fraction = constant.exactly().reshape(-1)[0]
    return value


def bit_width(node: Node, constant: Constant, what: str = "bit width") -> int:
    value = scalar(node, constant, what)
    if value.denominator != 1 or not 1 <= value <= MOST_BITS:
        shown = float(value)
        raise node.error(f"its {what} is {shown:g}", why="codes have a whole number of bits", fix="quantize to 1 to 8 bits")
    return int(value)


def check_scale(node: Node, scale: NDArray[np.object_]) -> None:
    worst = min(scale.reshape(-1), default=Fraction(1))
    if worst <= 0:
        why = "it is what one step of the codes stands for"
        raise node.error(f"its scale is {float(worst):g}", why=why, fix="train with scales above 0")


def rounding_mode(node: Node, default: str) -> Rounding:
    name = node.text("rounding_mode", default).upper()
    if name not in ROUNDINGS:
        raise node.error(f"rounding_mode {name:.20}", why=f"known are {', '.join(ROUNDINGS)}", fix="use one of those")
    return ROUNDINGS[name]


def quant_codes(node: Node, bits: int) -> Codes:
    """Of Quant; signed ones of 1 bit are bipolar, as the qonnx package computes them."""
    is_signed, narrow = bool(node.integer("signed", 1)), bool(node.integer("narrow", 0))
    rounding = rounding_mode(node, "ROUND")
    if is_signed and bits == 1:
        return Codes(0, 1, 1, True, Rounding.SIGN)
    if is_signed:
        return Codes(-(1 << bits - 1) + narrow, (1 << bits - 1) - 1, bits, True, rounding)
    return Codes(0, (1 << bits) - 1 - narrow, bits, False, rounding)


def quant_stage(node: Node, scale: Exact, zero: Exact, codes: Codes) -> Quantize:
    if codes.rounding is Rounding.SIGN:
        # Codes 0 and 1 stand for -1 and +1, from which the zero point is taken off.
        out_scale, out_zero = 2 * scale, (zero + 1) / 2
    else:
        out_scale, out_zero = scale, zero
    return Quantize(
        scale,
        zero,
        codes.rounding,
        ZERO,
        exact([codes.low]),
        exact([codes.high]),
        out_scale,
        out_zero,
        node.where,
        node.outputs[0],
        codes.bits,
    )


def quant_constant(node: Node, values: Constant, numbers: Numbers, codes: Codes) -> Constant:
    """Quantized weights."""
    scale, zero = numbers.scale.exactly(), numbers.zero.exactly()
    whole = quantize(values, scale, zero, codes.rounding, codes.low, codes.high)
    if codes.rounding is Rounding.SIGN:
        whole = 2 * whole - 1
    return of_quantized(Quantized(whole, _spread(scale, whole), _spread(zero, whole), codes.bits, codes.is_signed, node.where))


def _spread(numbers: NDArray[np.object_], like: NDArray[Any]) -> NDArray[np.object_]:
    """With as many axes as the codes."""
    return numbers.reshape((1,) * (like.ndim - numbers.ndim) + numbers.shape)


def trunc_stages(node: Node, scale: Exact, zero: Exact, more: list[Constant]) -> list[Quantize]:
    """Trunc rounds to the codes it takes, divides them by a power of two, and rounds again by its own mode."""
    mode = rounding_mode(node, "FLOOR")
    first = Quantize(scale, zero, Rounding.HALF_EVEN, ZERO, None, None, ONE, ZERO, node.where)
    if len(more) == 2:
        bits_in, bits_out = (bit_width(node, each) for each in more)
        step = exact([Fraction(2) ** (bits_in - bits_out)])
        return [first, Quantize(step, ZERO, mode, ZERO, None, None, scale, zero, node.where, node.outputs[0], bits_out)]
    bits_out = bit_width(node, more[2])
    out_scale = scalar(node, more[1], "output scale")
    check_scale(node, exact([out_scale]))
    steps = [Fraction(2) ** int(np.round(np.log2(float(out_scale / each)))) for each in scale]
    if len(set(steps)) > 1:
        raise node.error("its channels are divided by different powers of two", why="one holds for all", fix="use one scale for the tensor")
    codes = quant_codes(node, bits_out)
    low, high = exact([codes.low]), exact([codes.high])
    if codes.is_signed and bits_out == 1:
        low, high = exact([-1 + node.integer("narrow", 0)]), ZERO
    step = exact(steps[:1])
    return [first, Quantize(step, ZERO, mode, ZERO, low, high, exact([out_scale]), zero / step, node.where, node.outputs[0], bits_out)]


def linear_range(node: Node, zero: Constant | None, default: str = "uint8") -> tuple[int, int]:
    kind = default if zero is None else zero.array.dtype.name
    if kind not in QUANTIZED_TYPES:
        raise node.error(f"it quantizes to {kind}", why="activations have codes of 8 bits or less", fix="quantize to uint8 or int8")
    return QUANTIZED_TYPES[kind]


def quantize_linear(node: Node, scale: Exact, zero: Exact, limits: tuple[int, int]) -> Quantize:
    low, high = (exact([each]) for each in limits)
    return Quantize(
        scale, ZERO, Rounding.HALF_EVEN, zero, low, high, ONE, ZERO, node.where, node.outputs[0], (limits[1] - limits[0]).bit_length()
    )


def dequantize_linear(node: Node, scale: Exact, zero: Exact) -> Affine:
    return Affine(scale, -zero * scale, node.where)


def along(node: Node, numbers: Constant, rank: int, axis: int) -> NDArray[np.object_]:
    """Numbers of DequantizeLinear with as many axes as the tensor."""
    flat = numbers.exactly().reshape(-1)
    if len(flat) == 1:
        return flat.reshape((1,) * rank)
    shape = [1] * rank
    if not -rank <= axis < rank:
        raise node.error(f"axis {axis} of a tensor with {rank} axes", why="there is no such axis", fix=AGAIN)
    shape[axis] = len(flat)
    return flat.reshape(shape)


def dequantize_constant(node: Node, codes: Constant, scale: Constant, zero: Constant | None) -> Constant:
    """Weights and biases as QDQ graphs have them: whole numbers, with scale and zero point."""
    if codes.quantized is not None or codes.array.dtype.kind not in "iu":
        kind = codes.array.dtype.name
        raise node.error(f"it takes constants of type {kind}", why="it makes numbers of whole ones", fix=AGAIN)
    axis, rank = node.integer("axis", 1), codes.array.ndim
    if node.integer("block_size", 0):
        raise node.error("blocked quantization", why="a channel has one scale", fix="quantize per tensor or per channel")
    scales = along(node, scale, rank, axis)
    zeros = exact([0]).reshape((1,) * rank) if zero is None else along(node, zero, rank, axis)
    check_scale(node, scales)
    whole = codes.array.astype(np.int64)
    np.broadcast_shapes(whole.shape, scales.shape, zeros.shape)
    bits = 8 * codes.array.dtype.itemsize
    return of_quantized(Quantized(whole, scales, zeros, bits, codes.array.dtype.kind == "i", node.where))


def linear_constant(node: Node, values: Constant, scale: Constant, zero: Constant | None) -> Constant:
    """QuantizeLinear of weights: whole numbers of its type."""
    rank, axis = values.array.ndim, node.integer("axis", 1)
    low, high = linear_range(node, zero)
    scales = along(node, scale, rank, axis)
    check_scale(node, scales)
    zeros = exact([0]) if zero is None else along(node, zero, rank, axis)
    shift = zeros.astype(np.int64)
    whole = quantize(values, scales, exact([0]), Rounding.HALF_EVEN, None, None) + shift
    kind = "uint8" if zero is None else zero.array.dtype.name
    return Constant(np.clip(whole, low, high).astype(kind))


def unknown(node: Node, name: str) -> GraphError:
    return node.error(
        f"its {name} is no constant", why="quantizers are fixed when the accelerator is built", fix="export a trained model for inference"
    )
