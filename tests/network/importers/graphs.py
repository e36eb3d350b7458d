"""Little quantized residual networks as QONNX or QDQ graphs, built by hand: fast, and wilder than any one framework exports them.

`little(Little(...))` builds one; its weights are random by `seed`, its scales fit what passes through it. `littles()` draws them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import onnx
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tests.network.importers import oracles

Array = NDArray[Any]
DOMAINS = ("onnx.brevitas", "finn.custom_op.general", "qonnx.custom_op.general")
ROUNDINGS = ("ROUND", "HALF_EVEN", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN")
POOLS = ("global_average", "average", "reduce_mean", "max", "trunc_old", "trunc_new")
CLASSIFIERS = ("gemm", "matmul", "conv")
ENDINGS = ("", "softmax", "argmax")
PREPROCESSING = ("", "normalise", "normalise_channels", "pixels")


@dataclass(frozen=True, slots=True, kw_only=True)
class Little:
    """A little network. Scales are `two` (powers of two), `short` (few bits, so that ties happen) or `any` (whatever float32 comes)."""

    seed: int = 0
    style: str = "qonnx"  # or qdq: QuantizeLinear and DequantizeLinear, 8 bits, zero points
    kind: str = "basic"  # or bottleneck
    size: tuple[int, int] = (8, 8)
    image_channels: int = 3
    width: int = 4
    blocks: tuple[int, ...] = (1, 2)  # their strides
    stem_kernel: int = 3
    stem_stride: int = 1
    stem_pool: bool = False
    classes: int = 5
    weight_bits: int = 4  # 1: BipolarQuant
    fc_weight_bits: int = 8
    image_bits: int = 8
    act_bits: int = 4
    residual_bits: int = 4
    act_is_signed: bool = False
    narrow_weights: bool = True
    weight_scales: str = "channel"  # or tensor
    scales: str = "any"
    act_scales: str = "tensor"  # or channel: no convolution can read those, so they stand in front of a quantizer with one scale
    rounding: str = "ROUND"
    join: str = "codes"  # same: both branches have one scale; codes: each its own; sums: neither is quantized
    output_quantizers: bool = False  # behind each convolution, in front of its ReLU
    entry_quantizers: bool = False  # in front of each convolution, beside the one of the ReLU
    batch_norm: bool = True
    bias: str = ""  # plain, quantized
    biases_are_inputs: bool = False
    folded_weights: bool = False  # without their quantizers; with `any` scales they are no whole multiples, so only with `two` and `short`
    pool: str = "global_average"
    pool_quantizer: bool = True
    classifier: str = "gemm"
    output_quantizer: bool = False
    zero_points: bool = False  # of QONNX quantizers of activations; QDQ always has them
    channels_last: bool = False  # the image, transposed in front of all
    flat: str = "flatten"  # reshape, squeeze: what stands in front of the classifier, a Dropout with it
    stem_pads: tuple[int, int, int, int] | None = None  # top, left, bottom, right; else half the kernel
    bipolar: bool = False  # where no zeros are padded: in front of a bottleneck's last convolution, and behind the pool
    ending: str = ""
    preprocessing: str = ""
    image_quantizer: bool = True  # without it `pixels` preprocessing is all there is: the image's own codes
    domain: str = "qonnx.custom_op.general"
    int_quant: bool = False  # the operator's newer name
    bits_type: str = "float32"
    act: str = "relu"  # clip, or none


@dataclass
class Builder:
    """Writes nodes one after another and evaluates each on a few images, so that scales fit."""

    spec: Little
    rng: np.random.Generator
    images: oracles.Exact
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    initializers: list[onnx.TensorProto] = field(default_factory=list)
    evaluation: oracles.Evaluation = field(default_factory=oracles.Evaluation)
    parameter_inputs: list[onnx.ValueInfoProto] = field(default_factory=list)

    def constant(self, name: str, value: Any, kind: Any = np.float32) -> str:
        array = np.asarray(value, kind)
        name = f"{name}_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(array, name))
        self.evaluation.constant(name, array)
        return name

    def node(self, op: str, inputs: Iterable[str], domain: str = "", **said: Any) -> str:
        output = f"{op.lower()}_{len(self.nodes)}"
        made = helper.make_node(op, list(inputs), [output], name=f"{op}_{len(self.nodes)}", domain=domain, **said)
        self.nodes.append(made)
        self.evaluation.step(made)
        return output

    def values(self, name: str) -> Array:
        return np.asarray(self.evaluation.values[name].values)

    def rounded_scale(self, scale: Array) -> Array:
        """A scale near this one, of the kind that the network has."""
        exponent = np.ceil(np.log2(np.maximum(scale, 2.0**-40)))
        if self.spec.scales == "two":
            return np.asarray(2.0**exponent, np.float32)
        if self.spec.scales == "short":
            return np.asarray(2.0**exponent * self.rng.choice([3, 5, 6, 7, 8], np.shape(scale)) / 8, np.float32)
        return np.asarray(scale * self.rng.uniform(0.7, 1.3, np.shape(scale)), np.float32)

    def quantizer(self, x: str, scale: Array, bits: int, *, signed: bool, narrow: bool = False, rounding: str = "ROUND") -> str:
        """A quantizer with this scale."""
        if self.spec.style == "qdq":
            return self.quantized_and_back(x, scale, signed=signed)
        names = [x, self.constant("scale", scale)]
        if bits == 1 and signed:
            return self.node("BipolarQuant", names, self.spec.domain)
        zero = 0
        if self.spec.zero_points and x not in self.evaluation.constants:
            zero = int(np.clip(self.rng.integers(-3, 4), *oracles.code_range(bits, signed, narrow)))
        names += [self.constant("zeropt", zero), self.constant("bits", bits, self.spec.bits_type)]
        said = {"signed": int(signed), "narrow": int(narrow), "rounding_mode": rounding}
        return self.node("IntQuant" if self.spec.int_quant else "Quant", names, self.spec.domain, **said)

    def quantized_and_back(self, x: str, scale: Array, *, signed: bool) -> str:
        """Signed codes are int8, or uint8 with a zero point in the middle."""
        kind = np.int8 if signed and self.rng.integers(2) else np.uint8
        middle = 0 if kind is np.int8 else 128
        zero = middle + int(self.rng.integers(-20, 21)) if signed else 0
        names = [self.constant("scale", np.reshape(scale, -1) if np.size(scale) > 1 else np.reshape(scale, ()))]
        names.append(self.constant("zero", np.full(np.shape(self.values(names[0])), zero), kind))
        said = {"axis": 1} if np.size(scale) > 1 else {}
        return self.node("DequantizeLinear", [self.node("QuantizeLinear", [x, *names], **said), *names], **said)

    def fitting(self, x: str, bits: int, *, signed: bool, per_channel: bool = False) -> Array:
        """The scale with which these bits hold nearly all that has been seen of x."""
        bits = 8 if self.spec.style == "qdq" else bits
        values = abs(self.values(x))
        axes = tuple(i for i in range(values.ndim) if i != 1)
        greatest = np.quantile(values, 0.98, axis=axes, keepdims=True) if per_channel else np.quantile(values, 0.98)
        return self.rounded_scale(np.maximum(greatest, 1e-3) / max(1, (1 << bits - signed) - 1))

    def activation(self, x: str, bits: int, *, signed: bool | None = None, scale: Array | None = None) -> str:
        """ReLU, if codes are unsigned, and quantizer."""
        spec = self.spec
        signed = spec.act_is_signed if signed is None else signed
        if spec.output_quantizers:
            x = self.quantizer(x, self.fitting(x, 8, signed=True), 8, signed=True)
        if not signed:
            x = self.rectified(x)
        if scale is None and spec.act_scales == "channel":
            x = self.quantizer(x, self.fitting(x, 8, signed=signed, per_channel=True), 8, signed=signed, rounding=spec.rounding)
        scale = self.fitting(x, bits, signed=signed) if scale is None else scale
        return self.quantizer(x, scale, bits, signed=signed, rounding=spec.rounding)

    def rectified(self, x: str) -> str:
        if self.spec.act == "clip":
            return self.node("Clip", [x, self.constant("min", 0), self.constant("max", np.quantile(self.values(x), 0.97) + 0.5)])
        return self.node("Relu", [x]) if self.spec.act == "relu" else x

    def weights(self, shape: tuple[int, ...], bits: int) -> str:
        spec = self.spec
        real = self.rng.normal(0, 1 / math.sqrt(math.prod(shape[1:])), shape)
        per_channel = spec.weight_scales == "channel"
        greatest = abs(real).max(axis=tuple(range(1, len(shape))), keepdims=True) if per_channel else abs(real).max()
        if spec.style == "qdq":
            return self.stored(real, greatest)
        bipolar = bits == 1
        scale = self.rounded_scale(greatest / (1 if bipolar else max(1, (1 << bits - 1) - 1)))
        if not spec.folded_weights:
            return self.quantizer(self.constant("weight", real), scale, bits, signed=True, narrow=spec.narrow_weights)
        low, high = (-1, 1) if bipolar else oracles.code_range(bits, True, spec.narrow_weights)
        codes = np.where(real >= 0, 1, -1) if bipolar else np.clip(np.round(real / scale), low, high)
        return self.constant("weight", codes * scale.astype(np.float64))

    def stored(self, real: Array, greatest: Array) -> str:
        """int8 weights, or int32 biases, behind a DequantizeLinear."""
        scale = self.rounded_scale(greatest / 127)
        codes = np.clip(np.round(real / scale), -127, 127)
        names = [self.constant("weight", codes, np.int8), self.constant("scale", np.reshape(scale, -1) if np.ndim(scale) else scale)]
        names.append(self.constant("zero", np.zeros(np.shape(self.values(names[1]))), np.int8))
        return self.node("DequantizeLinear", names, **({"axis": 0} if np.ndim(scale) else {}))

    def conv(self, x: str, out: int, kernel: int, stride: int = 1, pads: tuple[int, ...] | None = None) -> str:
        """Convolution, bias and batch norm, if any; its input is quantized."""
        spec = self.spec
        into = self.values(x).shape[1]
        if spec.entry_quantizers:
            x = self.quantizer(x, self.fitting(x, spec.act_bits + 1, signed=True), spec.act_bits + 1, signed=True)
        inputs = [x, self.weights((out, into, kernel, kernel), spec.weight_bits)]
        if spec.bias:
            inputs.append(self.bias(out))
        said = {
            "kernel_shape": [kernel] * 2,
            "strides": [stride] * 2,
            "pads": list(pads or [kernel // 2] * 4),
            "group": 1,
            "dilations": [1, 1],
        }
        y = self.node("Conv", inputs, **said)
        return self.normalised(y) if spec.batch_norm else y

    def bias(self, out: int) -> str:
        bias = self.constant("bias", self.rng.normal(0, 0.2, out))
        if self.spec.biases_are_inputs:
            self.parameter_inputs.append(helper.make_tensor_value_info(bias, TensorProto.FLOAT, [out]))
        if self.spec.bias == "plain":
            return bias
        if self.spec.style == "qdq":
            codes = self.constant("bias", self.rng.integers(-900, 900, out), np.int32)
            return self.node("DequantizeLinear", [codes, self.constant("scale", self.rng.uniform(1e-4, 3e-4, out))], axis=0)
        return self.quantizer(bias, np.float32(2.0**-10), 16, signed=True)

    def normalised(self, y: str) -> str:
        """Batch norm with the statistics of the images; some channels have a negative scale, which turns their order round."""
        values = self.values(y)
        mean, variance = values.mean(axis=(0, 2, 3)), values.var(axis=(0, 2, 3)) + 1e-2
        gain = self.rng.uniform(0.5, 1.5, len(mean)) * self.rng.choice([1, 1, 1, -1], len(mean))
        parts = {"gain": gain, "beta": self.rng.normal(0, 0.3, len(mean)), "mean": mean, "variance": variance}
        return self.node("BatchNormalization", [y, *(self.constant(k, v) for k, v in parts.items())], epsilon=1e-5)

    def block(self, x: str, stride: int) -> str:
        spec = self.spec
        into = self.values(x).shape[1]
        deep = spec.kind == "bottleneck"
        out = into if stride == 1 and spec.seed % 3 else into + spec.width
        y = self.activation(self.conv(x, spec.width, 1 if deep else 3, 1 if deep else stride), spec.act_bits)
        if deep:
            y = self.conv(y, spec.width, 3, stride)
            is_bipolar = spec.bipolar and not spec.entry_quantizers
            y = self.quantizer(y, self.fitting(y, 2, signed=True), 1, signed=True) if is_bipolar else self.activation(y, spec.act_bits)
        y = self.conv(y, out, 1 if deep else 3)
        bypass = x if (out, stride) == (into, 1) else self.conv(x, out, 1, stride)
        if spec.join != "sums":
            one = self.fitting(y, spec.residual_bits + 1, signed=True) if spec.join == "same" else None
            y = self.requantized(y, one)
            bypass = self.requantized(bypass, one) if bypass != x or one is not None else x
        both = [y, bypass] if self.rng.integers(2) else [bypass, y]
        return self.activation(self.node("Add", both), spec.residual_bits, signed=False)

    def requantized(self, y: str, scale: Array | None) -> str:
        bits = self.spec.residual_bits + 1
        return self.quantizer(y, self.fitting(y, bits, signed=True) if scale is None else scale, bits, signed=True)

    def pooled(self, x: str) -> str:
        """(n, channels, 1, 1), or (n, channels) where axes are dropped."""
        spec = self.spec
        size = list(self.values(x).shape[2:])
        if spec.pool == "global_average":
            return self.node("GlobalAveragePool", [x])
        if spec.pool == "reduce_mean":
            return self.node("ReduceMean", [x], axes=[2, 3], keepdims=int(spec.classifier == "conv"))
        window = {"kernel_shape": size, "strides": [1, 1]}
        if spec.pool == "max":
            return self.node("MaxPool", [x], **window)
        mean = self.node("AveragePool", [x], **window)
        if spec.pool == "average":
            return mean
        pixels = math.prod(size)
        whole = self.node("Mul", [mean, self.constant("pixels", pixels)])
        scale, zero = (self.evaluation.values[name] for name in self.nodes_before(x))
        drop = max(0, math.ceil(math.log2(pixels)))
        names = [whole, self.constant("scale", scale.values), self.constant("zeropt", zero.values)]
        names += [self.constant("bits", spec.residual_bits + drop)]
        if spec.pool == "trunc_new":
            names.append(self.constant("out_scale", scale.values * 2.0**drop))
        names.append(self.constant("out_bits", spec.residual_bits))
        said = {"rounding_mode": spec.rounding if spec.pool == "trunc_new" else "FLOOR"}
        return self.node("Trunc", names, spec.domain, **said, **({"signed": 0, "narrow": 0} if spec.pool == "trunc_new" else {}))

    def nodes_before(self, x: str) -> tuple[str, str]:
        """The scale's and the zero point's names of the quantizer that writes x."""
        writer = next(node for node in self.nodes if node.output[0] == x)
        return writer.input[1], writer.input[2]

    def classified(self, x: str) -> str:
        spec = self.spec
        inputs = self.values(x).shape[1]
        shape = (spec.classes, inputs)
        if spec.classifier == "conv":
            y = self.node("Conv", [x, self.weights((*shape, 1, 1), spec.fc_weight_bits), self.bias(spec.classes)], kernel_shape=[1, 1])
            return self.node("Flatten", [y], axis=1)
        if self.values(x).ndim == 4:
            x = self.flattened(x, inputs)
        weights = self.weights(shape, spec.fc_weight_bits)
        if spec.classifier == "gemm":
            return self.node("Gemm", [x, weights, self.bias(spec.classes)], transB=1)
        y = self.node("MatMul", [x, self.node("Transpose", [weights], perm=[1, 0])])
        return self.node("Add", [y, self.bias(spec.classes)])

    def flattened(self, x: str, inputs: int) -> str:
        if self.spec.flat == "flatten":
            return self.node("Flatten", [x], axis=1)
        x = self.node("Dropout", [x])
        if self.spec.flat == "squeeze":
            return self.node("Squeeze", [x, self.constant("axes", [2, 3], np.int64)])
        return self.node("Reshape", [x, self.constant("shape", [-1, inputs], np.int64)])

    def image(self, x: str) -> str:
        """What is done with the image in front of the first convolution."""
        spec = self.spec
        shape = (1, spec.image_channels, 1, 1)
        if spec.channels_last:
            x = self.node("Transpose", [x], perm=[0, 3, 1, 2])
        if spec.preprocessing == "normalise":
            x = self.node("Sub", [x, self.constant("mean", 0.45)])
            x = self.node("Div", [x, self.constant("std", 0.225)])
        if spec.preprocessing == "normalise_channels":
            x = self.node("Sub", [x, self.constant("mean", self.rng.uniform(0.4, 0.5, shape))])
            x = self.node("Mul", [x, self.constant("gain", self.rng.uniform(3, 5, shape))])
        if spec.preprocessing == "pixels":
            x = self.node("Div", [x, self.constant("pixel", 255)])
        if not spec.image_quantizer:
            return x
        return self.quantizer(x, self.fitting(x, spec.image_bits, signed=True), spec.image_bits, signed=True, rounding=spec.rounding)


def random_images(spec: Little, count: int = 4) -> NDArray[np.uint8]:
    """(n, channels, height, width); blobs rather than noise, so that sums are not all alike."""
    rng = np.random.default_rng((spec.seed, 1))
    coarse = rng.integers(0, 256, (count, spec.image_channels, 2, 2))
    rows, columns = (np.arange(size) * 2 // size for size in spec.size)
    near = coarse[:, :, rows][:, :, :, columns]
    return np.clip(near + rng.integers(-40, 41, near.shape), 0, 255).astype(np.uint8)


def prepared(spec: Little, images: NDArray[np.uint8]) -> oracles.Exact:
    """The graph's input for these pixels: the pixels themselves if the graph divides them, or pixel / 255, exactly."""
    whole = oracles.Exact(images.astype(object))
    if spec.channels_last:
        whole = whole.like(lambda ints: ints.transpose(0, 2, 3, 1))
    return whole if spec.preprocessing == "pixels" else oracles.Exact(whole.ints, Fraction(1, 255))


def standardised(pixels: NDArray[np.uint8], mean: Iterable[Fraction], std: Iterable[Fraction]) -> oracles.Exact:
    """(pixel / 255 - mean) / std, exactly."""
    channels = [[(Fraction(pixel, 255) - m) / s for pixel in range(256)] for m, s in zip(mean, std, strict=True)]
    common = math.lcm(*(value.denominator for channel in channels for value in channel))
    table = np.array([[int(value * common) for value in channel] for channel in channels], object)
    return oracles.Exact(np.stack([table[c][pixels[:, c]] for c in range(len(table))], axis=1), Fraction(1, common))


def little(spec: Little) -> onnx.ModelProto:
    builder = Builder(spec, np.random.default_rng(spec.seed), prepared(spec, random_images(spec)))
    builder.evaluation.values["image"] = builder.images
    builder.evaluation.trunc_is_old = spec.pool == "trunc_old"
    x = builder.image("image")
    x = builder.activation(
        builder.conv(x, spec.width, spec.stem_kernel, spec.stem_stride, spec.stem_pads), spec.residual_bits, signed=False
    )
    if spec.stem_pool:
        x = builder.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for stride in spec.blocks:
        x = builder.block(x, stride)
    x = builder.pooled(x)
    if spec.pool_quantizer:
        x = builder.quantizer(x, builder.fitting(x, 8, signed=True), 1 if spec.bipolar else 8, signed=True)
    x = builder.classified(x)
    if spec.output_quantizer:
        x = builder.quantizer(x, builder.fitting(x, 8, signed=True), 8, signed=True)
    if spec.ending == "softmax":
        x = builder.node("Softmax", [x], axis=1)
    if spec.ending == "argmax":
        x = builder.node("ArgMax", [x], axis=1, keepdims=0)
    return finished(builder, x)


def finished(builder: Builder, output: str) -> onnx.ModelProto:
    spec = builder.spec
    kind = TensorProto.INT64 if spec.ending == "argmax" else TensorProto.FLOAT
    shape_of_image = [1, *spec.size, spec.image_channels] if spec.channels_last else [1, spec.image_channels, *spec.size]
    shape = [1] if spec.ending == "argmax" else [1, spec.classes]
    graph = helper.make_graph(
        builder.nodes,
        "little",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape_of_image), *builder.parameter_inputs],
        [helper.make_tensor_value_info(output, kind, shape)],
        builder.initializers,
    )
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid(spec.domain, 2 if spec.pool == "trunc_new" else 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="resflow tests")


@st.composite
def littles(draw: st.DrawFn) -> Little:
    """Networks of which every one can be taken."""
    one_of = st.sampled_from
    scales = draw(one_of(["two", "short", "any"]))
    join = draw(one_of(["codes", "same", "sums"]))
    preprocessing = draw(one_of(PREPROCESSING))
    style = draw(one_of(["qonnx", "qonnx", "qdq"]))
    pools = POOLS if style == "qonnx" else POOLS[:4]
    choices: dict[str, Any] = {
        "style": style,
        "seed": draw(st.integers(0, 999)),
        "kind": draw(one_of(["basic", "bottleneck"])),
        "size": (draw(st.integers(4, 9)), draw(st.integers(4, 9))),
        "image_channels": draw(one_of([1, 3])),
        "width": draw(st.integers(1, 5)),
        "blocks": tuple(draw(st.lists(one_of([1, 2]), min_size=1, max_size=3))),
        "stem_kernel": draw(one_of([1, 3, 7])),
        "stem_stride": draw(one_of([1, 2])),
        "stem_pool": draw(st.booleans()),
        "classes": draw(st.integers(2, 6)),
        "weight_bits": draw(one_of([1, 2, 3, 4, 6, 8])),
        "image_bits": draw(one_of([4, 8])),
        "act_bits": draw(one_of([1, 2, 3, 4, 6, 7])),
        "residual_bits": draw(one_of([1, 2, 4, 7])),
        "narrow_weights": True,
        "weight_scales": draw(one_of(["tensor", "channel"])),
        "scales": scales,
        "act_scales": draw(one_of(["tensor", "tensor", "channel"])),
        "rounding": draw(one_of(ROUNDINGS)),
        "join": join,
        "output_quantizers": draw(st.booleans()),
        "entry_quantizers": draw(st.booleans()),
        "batch_norm": draw(st.booleans()),
        "bias": draw(one_of(["plain", "quantized"])),
        "biases_are_inputs": draw(st.booleans()),
        "folded_weights": scales != "any" and draw(st.booleans()),
        "pool": draw(one_of(pools)),
        "pool_quantizer": draw(st.booleans()),
        "classifier": draw(one_of(CLASSIFIERS)),
        "output_quantizer": draw(st.booleans()),
        "zero_points": draw(one_of([False, False, True])),
        "channels_last": draw(one_of([False, False, True])),
        "flat": draw(one_of(["flatten", "reshape", "squeeze"])),
        "bipolar": draw(one_of([False, False, True])),
        "ending": draw(one_of(ENDINGS)),
        "preprocessing": preprocessing,
        "image_quantizer": True,
        "domain": draw(one_of(DOMAINS)),  # qonnx takes FINN's name for its own, but not that of a newer version
        "int_quant": draw(st.booleans()),
        "bits_type": draw(one_of(["float32", "int64", "int32", "float64", "int8"])),
        "act": draw(one_of(["relu", "clip", "none"])),
    }
    if choices["pool"] == "trunc_new" and choices["domain"].startswith("finn"):
        choices = {**choices, "pool": "trunc_old"}
    if draw(st.booleans()):
        most = choices["stem_kernel"] - 1
        choices = {**choices, "stem_pads": tuple(draw(st.integers(0, min(most, 3))) for _ in range(4))}
        choices["size"] = (max(choices["size"][0], most + 2), max(choices["size"][1], most + 2))
    if choices["channels_last"]:
        choices["size"] = (max(choices["size"][0], 5), choices["size"][1])  # smaller ones are taken for channels
    if choices["pool"].startswith("trunc"):
        choices = {**choices, "zero_points": False}  # qonnx adds them to sums, which means nothing
    signed = choices["act_bits"] > 1 and draw(st.booleans())
    return Little(**choices, act_is_signed=signed)
