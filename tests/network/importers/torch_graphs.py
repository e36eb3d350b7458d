"""Networks as people train and export them: ResNet v1.5 in plain torch, quantized by onnxruntime, and Brevitas' layers as QONNX.

Weights are random by seed; statistics of batch norm have settled on random images, so that activations spread over their codes.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import nn

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
DEPTHS = {18: (False, (2, 2, 2, 2)), 34: (False, (3, 4, 6, 3)), 50: (True, (3, 4, 6, 3))}
"""Of torchvision's ResNets: whether they have bottlenecks, and how many blocks a stage has."""


class Block(nn.Module):
    """torchvision's BasicBlock, or its Bottleneck with the stride in the 3x3 convolution (v1.5); named as there."""

    def __init__(self, into: int, width: int, stride: int, is_deep: bool) -> None:
        super().__init__()
        out = width * 4 if is_deep else width
        shapes = [(into, width, 1, 1), (width, width, 3, stride), (width, out, 1, 1)]
        if not is_deep:
            shapes = [(into, width, 3, stride), (width, width, 3, 1)]
        self.steps = len(shapes)
        for i, (a, b, kernel, step) in enumerate(shapes, start=1):
            setattr(self, f"conv{i}", nn.Conv2d(a, b, kernel, step, kernel // 2, bias=False))
            setattr(self, f"bn{i}", nn.BatchNorm2d(b))
        self.relu = nn.ReLU()
        self.downsample = None
        if stride != 1 or into != out:
            self.downsample = nn.Sequential(nn.Conv2d(into, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x
        for i in range(1, self.steps + 1):
            y = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(y))
            if i < self.steps:
                y = self.relu(y)
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self, depth: int = 18, classes: int = 1000, width: int = 64, stages: int = 4) -> None:
        super().__init__()
        is_deep, counts = DEPTHS[depth]
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        into = width
        for stage, count in enumerate(counts[:stages]):
            out = width << stage
            blocks = []
            for i in range(count):
                blocks.append(Block(into, out, 2 if stage and not i else 1, is_deep))
                into = out * 4 if is_deep else out
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.stages = min(stages, len(counts))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(into, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.fc(torch.flatten(self.avgpool(x), 1))  # type: ignore[no-any-return]


def photos(count: int, size: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    """(n, 3, height, width): random blobs of several sizes, smooth as pictures are."""
    rng = np.random.default_rng(seed)
    total = np.zeros((count, 3, *size))
    for cells in (2, 4, 8):
        coarse = rng.normal(0, 40, (count, 3, cells, cells))
        rows, columns = (np.arange(extent) * cells // extent for extent in size)
        total += coarse[:, :, rows][:, :, :, columns]
    return np.clip(total + 120 + rng.normal(0, 8, total.shape), 0, 255).astype(np.uint8)


def normalised(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """As torchvision's transforms do it, in float32."""
    mean, std = (np.asarray(each, np.float32).reshape(3, 1, 1) for each in (MEAN, STD))
    return ((pixels.astype(np.float32) / 255 - mean) / std).astype(np.float32)


def settle(model: nn.Module, size: tuple[int, int], seed: int = 0, prepare: Callable[[NDArray[np.uint8]], Any] = normalised) -> nn.Module:
    """Statistics of batch norm from images, and scales and offsets that are not all alike."""
    torch.manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
            module.momentum = None  # the average over all batches
    model.train()
    with torch.no_grad():
        for i in range(3):
            model(torch.from_numpy(prepare(photos(8, size, seed + i))))
    return model.eval()


def exported(model: nn.Module, size: tuple[int, int], dynamo: bool = False) -> onnx.ModelProto:
    """The float network as ONNX."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        example = torch.zeros(1, 3, *size)
        if dynamo:
            made = torch.onnx.export(model, (example,), dynamo=True, verbose=False)
            return made.model_proto  # type: ignore[union-attr, no-any-return]
        buffer = io.BytesIO()
        torch.onnx.export(model, (example,), buffer, dynamo=False, opset_version=17, input_names=["input"], output_names=["scores"])
        return onnx.load_model_from_string(buffer.getvalue())


def resnet(depth: int, size: tuple[int, int], *, dynamo: bool = False, seed: int = 0, **shape: int) -> onnx.ModelProto:
    """A float ResNet as torchvision exports it, its batch norms folded into the convolutions by the exporter."""
    torch.manual_seed(seed)
    return exported(settle(ResNet(depth, **shape), size, seed), size, dynamo)


def quantized(model: onnx.ModelProto, size: tuple[int, int], folder: Path, images: int = 4, **options: Any) -> onnx.ModelProto:
    """Through onnxruntime's static quantizer: per-channel symmetric int8 weights, uint8 activations, QDQ."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left: Iterator[Any] = iter(normalised(photos(images, size, 99)))

        def get_next(self) -> dict[str, Any] | None:
            image = next(self.left, None)
            return None if image is None else {model.graph.input[0].name: image[None]}

    source, prepared, target = (folder / f"{name}.onnx" for name in ("float", "prepared", "qdq"))
    onnx.save(model, source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quant_pre_process(source, prepared)
        said = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8, "per_channel": True, **options}
        quantize_static(prepared, target, Reader(), quant_format=QuantFormat.QDQ, **said)
    return onnx.load(target)
