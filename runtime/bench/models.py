"""ResNet-50 for onnxruntime, float32 and statically quantized to int8, with weights drawn at random; or a smaller one, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from runtime.bench.resnet50 import CLASSES, EXPANSION, IMAGE, WHOLE, Size
from runtime.container.program import Shape

INPUT = "image"
_CALIBRATION_IMAGES = 4


def write(folder: Path, strided: int, size: Size = WHOLE) -> tuple[Path, Path]:
    """Paths of the float32 model and the int8 model; which convolution of a stage's first block is strided makes them v1 or v1.5."""
    float32, prepared, int8 = (folder / f"resnet50_{strided}_{name}.onnx" for name in ("float32", "prepared", "int8"))
    onnx.save(_graph(strided, size), str(float32))
    quant_pre_process(str(float32), str(prepared))
    # Unsigned activations and signed weights are what the instructions for it multiply.
    quantize_static(
        str(prepared),
        str(int8),
        _Images(size.image),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    return float32, int8


def images(count: int, image: Shape = IMAGE, seed: int = 1) -> NDArray[np.float32]:
    shape = (count, image.channels, image.height, image.width)
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


class _Images(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, image: Shape) -> None:
        self._images: Iterator[NDArray[np.float32]] = iter(images(_CALIBRATION_IMAGES, image)[:, np.newaxis])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        image = next(self._images, None)
        return None if image is None else {INPUT: image}


class _Graph:
    def __init__(self) -> None:
        self.rng = np.random.default_rng(1)
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []

    def constant(self, name: str, value: NDArray[np.float32]) -> str:
        self.initializers.append(numpy_helper.from_array(value, name))
        return name

    def node(self, kind: str, name: str, *inputs: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def conv(self, name: str, source: str, inputs: int, out: int, kernel: int = 1, stride: int = 1, *, relu: bool = True) -> str:
        weights = self.rng.standard_normal((out, inputs, kernel, kernel)) * np.sqrt(2 / (inputs * kernel * kernel))
        zeros = np.zeros(out, np.float32)
        parameters = (self.constant(f"{name}.weights", weights.astype(np.float32)), self.constant(f"{name}.bias", zeros))
        sizes = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [kernel // 2] * 4}
        result = self.node("Conv", name, source, *parameters, **sizes)
        return self.node("Relu", f"{name}.relu", result) if relu else result


def _graph(strided: int, size: Size) -> Any:
    graph = _Graph()
    codes = graph.conv("stem", INPUT, size.image.channels, 64, 7, 2)
    codes = graph.node("MaxPool", "pool", codes, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels = 64
    for stage, (count, inner) in enumerate(size.stages):
        for i in range(count):
            name, stride, wide = f"res{stage + 2}{'abcdef'[i]}", 2 if i == 0 and stage > 0 else 1, inner * EXPANSION
            first, second = (stride, 1) if strided == 1 else (1, stride)
            path = graph.conv(f"{name}.conv1", codes, channels, inner, 1, first)
            path = graph.conv(f"{name}.conv2", path, inner, inner, 3, second)
            path = graph.conv(f"{name}.conv3", path, inner, wide, relu=False)
            bypass = graph.conv(f"{name}.bypass", codes, channels, wide, 1, stride, relu=False) if i == 0 else codes
            codes = graph.node("Relu", f"{name}.relu", graph.node("Add", f"{name}.join", path, bypass))
            channels = wide
    codes = graph.node("Flatten", "flat", graph.node("GlobalAveragePool", "average", codes))
    matrix = graph.constant("fc.weights", (graph.rng.standard_normal((channels, CLASSES)) * 0.01).astype(np.float32))
    graph.node("Gemm", "scores", codes, matrix, graph.constant("fc.bias", np.zeros(CLASSES, np.float32)))
    source = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", size.image.channels, size.image.height, size.image.width])
    result = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", CLASSES])
    body = helper.make_graph(graph.nodes, "resnet50", [source], [result], graph.initializers)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model
