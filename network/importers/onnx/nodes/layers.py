"""Convolutions, classifiers and pools, whose tensors have to be quantized."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from network.errors import GraphError
from network.formats import BIPOLAR, Format, Kind
from network.importers.onnx.arithmetic.exact import Exact, exact, is_whole, same
from network.importers.onnx.arithmetic.stages import ZERO, Affine, Quantize, Rounding
from network.importers.onnx.arithmetic.thresholds import code_format
from network.importers.onnx.graph import Node
from network.importers.onnx.nodes.constants import Constant, Quantized, recovered
from network.importers.onnx.values import Image, PixelSum, Pooled, Product, Refused, Tensor, View, base, view
from network.operations import Shape, Window

MOST_BITS = 8


def codes_of(node: Node, tensor: Tensor) -> View:
    """The tensor as codes; GraphError where it is not quantized, or too wide."""
    seen = view(tensor)
    if seen is None:
        raise node.error(
            f"the activation {tensor.name} in front of it is not quantized",
            why="the accelerator computes on codes of 1 to 8 bits",
            fix="put a quantizer on that tensor in training (QuantIdentity, QuantReLU), or quantize this operator too",
        )
    if seen.format.bits > MOST_BITS and seen.chain:
        raise GraphError(
            seen.quantizer.node if seen.quantizer else node.where,
            f"it quantizes to {seen.format.bits} bits",
            why="activations are codes of 1 to 8 bits",
            fix="quantize to 8 bits or less",
        )
    return seen


def check_branch(node: Node, tensor: Tensor) -> None:
    """What a join may add: codes, or the sums of a convolution."""
    seen = view(tensor)
    if seen is not None and seen.chain:
        codes_of(node, tensor)
    elif not isinstance(tensor.source, (Product, Refused)) or tensor.meaning is None:
        raise node.error(
            f"the activation {tensor.name} in front of it is not quantized",
            why="a join adds codes of 1 to 8 bits, or the sums of a convolution with batch norm and bias alone behind them",
            fix="put a quantizer on that tensor in training (QuantIdentity), or quantize this operator too",
        )


def sum_codes(left: Tensor, right: Tensor) -> Quantize | None:
    """Codes of one scale add up to codes of one bit more: the sum needs no quantizer of its own where these have 8 bits or less."""
    views = [view(left), view(right)]
    seen = [each for each in views if each is not None and each.chain]
    if len(seen) != 2 or any(isinstance(base(each.source), Refused) for each in (left, right)):
        return None
    scale = same(seen[0].scale)
    if len(scale) > 1 or any(len(same(each.zero)) > 1 or (each.scale != scale).any() for each in seen):
        return None
    low, high = sum(each.low for each in seen), sum(each.high for each in seen)
    if code_format(low, high).bits > MOST_BITS:
        return None
    zero = same(seen[0].zero) + same(seen[1].zero)
    return Quantize(scale, zero, Rounding.FLOOR, ZERO, exact([low]), exact([high]), scale, zero)


def convolution(node: Node, tensor: Tensor, weights: Constant, bias: Constant | None) -> Tensor:
    """Conv with axes NCHW."""
    if tensor.axes != "NCHW" or weights.array.ndim != 4:
        fix = "use Conv2d on maps of (batch, channels, height, width)"
        raise node.error(
            f"a tensor of shape {tensor.shape}, weights of shape {weights.shape}", why="convolutions have two dimensions", fix=fix
        )
    out, inputs, *kernel = weights.shape
    group = node.integer("group", 1)
    if group != 1:
        raise node.error(
            f"a convolution in {group} groups", why="the accelerator's convolutions see all input channels", fix="train with groups=1"
        )
    if inputs != tensor.channels:
        why = "a convolution has weights for every input channel"
        raise node.error(f"{inputs} input channels in its weights, {tensor.channels} in its input", why=why, fix="export the model again")
    if any(each != 1 for each in node.integers("dilations", (1, 1))):
        raise node.error("a dilated kernel", why="the accelerator's kernels have no holes", fix="train with dilation=1")
    window = window_of(node, tensor.source.shape, (kernel[0], kernel[1]))
    return product(node, tensor, weights, bias, window, out)


def window_of(node: Node, shape: Shape, kernel: tuple[int, int]) -> Window:
    """Kernel, strides and pads of a convolution or pool, padding by `auto_pad` included."""
    strides = node.integers("strides", (1, 1))
    pads = node.integers("pads", (0, 0, 0, 0))
    wrong = (
        len(strides) != 2
        or len(pads) != 4
        or any(not 1 <= each <= 64 for each in (*strides, *kernel))
        or any(not 0 <= each <= 64 for each in pads)
    )
    if wrong or tuple(node.integers("kernel_shape", kernel)) != kernel:
        what = f"kernel {list(kernel)}, strides {list(strides)}, pads {list(pads)}"
        raise node.error(what, why="it is a window of two dimensions, up to 64 pixels wide", fix="export the model again")
    auto = node.text("auto_pad", "NOTSET")
    pad = [(pads[0], pads[2]), (pads[1], pads[3])]
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        for axis, size in enumerate(shape[:2]):
            total = max(0, (-(-size // strides[axis]) - 1) * strides[axis] + kernel[axis] - size)
            less, more = total // 2, total - total // 2
            pad[axis] = (less, more) if auto == "SAME_UPPER" else (more, less)
    elif auto == "VALID":
        pad = [(0, 0), (0, 0)]
    elif auto != "NOTSET":
        raise node.error(f"auto_pad {auto:.20}", why="known are NOTSET, SAME_UPPER, SAME_LOWER, VALID", fix="export the model again")
    if node.op == "MaxPool" and node.integer("ceil_mode", 0):
        for axis, size in enumerate(shape[:2]):
            before, after = pad[axis]
            room = size + before + after - kernel[axis]
            count = -(-room // strides[axis]) + 1
            if (count - 1) * strides[axis] >= size + before:  # a window that starts outside does not count
                count -= 1
            pad[axis] = (before, max(after, (count - 1) * strides[axis] + kernel[axis] - size - before))
    window = Window(kernel=kernel, stride=(strides[0], strides[1]), pad=(pad[0], pad[1]))
    result = window.output(shape, 1)
    if min(result.height, result.width) < 1 or any(max(each) >= size for each, size in zip(pad, kernel, strict=True)):
        fix = "use a smaller kernel, less padding, or larger images"
        raise node.error(f"{window} on a map of {shape}, pads {pad}", why="every window has pixels of the map in it", fix=fix)
    return window


def product(node: Node, tensor: Tensor, weights: Constant, bias: Constant | None, window: Window, out: int) -> Tensor:
    """Weights (out, in, kernel_h, kernel_w) or (out, in)."""
    seen = codes_of(node, tensor)
    quantized = weights.quantized or recovered(weights.array)
    if quantized is None:
        raise node.error(
            "its weights are not quantized",
            why="no scale makes whole numbers of 8 bits of them",
            fix="quantize this layer too (weight_quant in Brevitas; not left out in onnxruntime's quantizer)",
        )
    whole = _whole(node, quantized)
    scale = _by_output(node, quantized.scale, out)
    whole = whole.reshape(out, tensor.channels, *window.kernel).transpose(0, 2, 3, 1)
    step, whole = _one_scale(node, tensor, seen, whole)
    format_ = _weight_format(node, whole, quantized)
    codes = _pad_codes(node, tensor, seen, window)
    # The codes' zero point adds the same to every sum, since outside the map it is what stands there.
    by_input = whole.sum(axis=(1, 2))
    offset = (exact(by_input).reshape(by_input.shape) * seen.zero[None, :]).sum(axis=1) if any(seen.zero) else exact([0])
    real = same(step * scale)
    added = exact([0]) if bias is None else _flat(node, bias, out)
    source = Product(node, tensor, whole, format_, window, codes, real, window.output(tensor.source.shape, out))
    name = node.outputs[0]
    return Tensor(name, source, (Affine(real, same(added - real * offset), node.where),), tensor.axes)


def _whole(node: Node, quantized: Quantized) -> NDArray[np.int64]:
    zero = quantized.zero
    if not is_whole(zero):
        raise node.error("the zero point of its weights is no whole number", why="weights are integers", fix="use symmetric weights")
    result: NDArray[np.int64] = quantized.codes - zero.astype(np.int64)
    return result


def _by_output(node: Node, numbers: NDArray[np.object_], out: int) -> Exact:
    """One for the tensor or one for each output channel."""
    if numbers.size in (1, out) and (numbers.ndim == 0 or numbers.shape[0] == numbers.size):
        return same(numbers.reshape(-1))
    rows = numbers.reshape(len(numbers), -1)
    if len(rows) in (1, out) and all(len(set(row)) == 1 for row in rows):
        return same(rows[:, 0])
    what = f"the scales of its weights have shape {list(numbers.shape)}"
    raise node.error(
        what, why="the weights of one output channel are added up, so they have one scale", fix="use one scale for each output channel"
    )


def _flat(node: Node, bias: Constant, out: int) -> Exact:
    flat = bias.exactly().reshape(-1)
    if len(flat) not in (1, out):
        raise node.error(f"{len(flat)} biases for {out} output channels", why="each has one", fix="export the model again")
    return same(flat)


def _one_scale(node: Node, tensor: Tensor, seen: View, whole: NDArray[np.int64]) -> tuple[Exact, NDArray[np.int64]]:
    """One scale for all input channels, by weights times whole numbers where they have several."""
    scale = same(seen.scale)
    if len(scale) == 1:
        return scale, whole
    step: Fraction = min(scale)
    times = scale / step
    if is_whole(times):
        whole = whole * times.astype(np.int64)
        if np.abs(whole).max() <= 127:
            return exact([step]), whole
    image = isinstance(base(tensor.source), Image)
    raise node.error(
        f"the channels of {tensor.name} have different scales",
        why="products of all input channels are added up as integers",
        fix="quantize the image in training (QuantIdentity in front of the network), or use one --std for all channels"
        if image
        else "use one scale for that tensor",
    )


def _weight_format(node: Node, whole: NDArray[np.int64], quantized: Quantized) -> Format:
    low, high = int(whole.min(initial=0)), int(whole.max(initial=0))
    needed = code_format(low, high)
    if (np.abs(whole) == 1).all():
        return BIPOLAR
    if needed.bits > MOST_BITS:
        raise node.error(
            f"its weights are {low} to {high}",
            why="weights have 8 bits or less",
            fix="quantize them to 8 bits, signed ones without zero point",
        )
    if quantized.bits is None or quantized.bits > MOST_BITS:
        return Format(Kind.INT, max(2, code_format(min(low, -1), high).bits))
    declared = Format(Kind.INT if quantized.is_signed or low < 0 else Kind.UINT, max(quantized.bits, needed.bits, 2 if low < 0 else 1))
    return declared if declared.low <= low and declared.high >= high else Format(Kind.INT, max(2, code_format(min(low, -1), high).bits))


def _pad_codes(node: Node, tensor: Tensor, seen: View, window: Window) -> tuple[int, ...]:
    """What stands for 0 outside the map."""
    if window.pad == ((0, 0), (0, 0)):
        return (0,)
    for zero in seen.zero:
        if zero.denominator != 1 or not seen.low <= zero <= seen.high:
            is_bipolar = seen.quantizer is not None and seen.quantizer.rounding is Rounding.SIGN
            raise node.error(
                f"it pads {tensor.name} with 0, which is {'no code' if is_bipolar else f'{float(zero):g}, not one of its codes {seen.low} to {seen.high}'}",
                why="bipolar activations are -1 and +1, and outside the map stands a code, too"
                if is_bipolar
                else "outside the map stands a code, too",
                fix="train without padding, or with activations of 2 bits or more"
                if is_bipolar
                else "train with a quantizer that represents 0 (a whole zero point within its range)",
            )
    return tuple(int(each) for each in same(seen.zero))


def fully_connected(node: Node, tensor: Tensor, weights: Constant, bias: Constant | None) -> Tensor:
    """Gemm and MatMul; weights (out, in)."""
    shape = tensor.source.shape
    if weights.array.ndim != 2 or shape.pixels != 1:
        raise node.error(
            f"a tensor of shape {tensor.shape}, weights of shape {weights.shape}",
            why="the classifier takes one number for each channel",
            fix="put a global average or maximum pool in front of it",
        )
    out, inputs = weights.shape
    if inputs != shape.channels:
        why = "a fully connected layer has weights for every input"
        raise node.error(f"{inputs} inputs in its weights, {shape.channels} in its input", why=why, fix="export the model again")
    result = product(node, tensor, weights, bias, Window(kernel=(1, 1)), out)
    return Tensor(result.name, result.source, result.stages, "NC")


def max_pool(node: Node, tensor: Tensor, kernel: tuple[int, int] | None) -> Tensor:
    shape = tensor.source.shape
    name = node.outputs[0]
    window = None if kernel is None else window_of(node, shape, kernel)
    if any(each != 1 for each in node.integers("dilations", (1, 1))):
        raise node.error("a dilated kernel", why="the accelerator's kernels have no holes", fix="train with dilation=1")
    if window is not None and window.kernel == (1, 1) and window.stride == (1, 1):
        return tensor
    if window is None or (window.kernel == shape[:2] and window.pad == ((0, 0), (0, 0))):
        pooled = Pooled(node, tensor.source, None, len(tensor.stages), Shape(1, 1, shape.channels))
    else:
        pooled = Pooled(node, tensor.source, window, len(tensor.stages), window.output(shape, shape.channels))
    return Tensor(name, pooled, tensor.stages, tensor.axes)


def average(node: Node, tensor: Tensor, *, divides: bool = True) -> Tensor:
    """Over all pixels. The accelerator adds them up, each less the lowest code, so that nothing is cut off."""
    seen = codes_of(node, tensor)
    shape = tensor.source.shape
    pixels = Fraction(shape.pixels if divides else 1)
    lowest = seen.low
    source = PixelSum(node, tensor, lowest, Shape(1, 1, shape.channels))
    factor = seen.scale / pixels
    offset = shape.pixels * factor * (lowest - seen.zero)
    return Tensor(node.outputs[0], source, (Affine(same(factor), same(offset), node.where),), tensor.axes)


def normalization(node: Node, arrays: list[Any]) -> tuple[Exact, Exact]:
    """Factor and offset of BatchNormalization; arrays are scale, bias, mean and variance."""
    from network.importers.onnx.arithmetic.exact import root

    gamma, beta, mean, variance = (each.exactly().reshape(-1) for each in arrays)
    epsilon = exact([node.number("epsilon", float(np.float32(1e-5)))])
    deviations = variance + epsilon
    if any(each <= 0 for each in deviations):
        raise node.error("a variance is not positive", why="batch norm divides by its root", fix="export the model again")
    factor = np.array([g / root(d) for g, d in zip(gamma, deviations, strict=True)], object)
    return factor, beta - factor * mean
