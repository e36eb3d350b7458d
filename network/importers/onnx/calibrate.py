"""A float network made 8-bit by onnxruntime's static quantizer: weights symmetric and per channel, activations unsigned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from network.errors import GraphError
from network.importers.onnx import graph
from network.importers.onnx.operators import Preprocessing

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm", ".webp")
MOST_PICTURES = 256
IMAGENET_RESIZE = 256 / 224


def pictures(folder: Path) -> list[Path]:
    """Up to MOST_PICTURES of a folder and those below, spread over all of them."""
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not found:
        what = "there are no pictures in it" if folder.is_dir() else "not a folder"
        raise GraphError(
            f"--calibrate {folder}", what, why="the ranges of activations are measured on them", fix="name a folder of pictures"
        )
    step = max(1, len(found) // MOST_PICTURES)
    return found[::step][:MOST_PICTURES]


def image(path: Path, height: int, width: int, channels: int, order: str) -> NDArray[np.uint8]:
    """A picture as torchvision does it: the shorter side to 256 for 224, then the middle; other sizes alike where they are square or not."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as opened:
            picture = opened.convert("RGB" if channels == 3 else "L")
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        what = f"cannot be read: {error}"
        raise GraphError(str(path), what, why="activations are measured on every picture", fix="delete it from the folder") from None
    if (height, width) == (224, 224):
        side = round(224 * IMAGENET_RESIZE)
        scale = side / min(picture.size)
        picture = picture.resize(
            (max(side, round(picture.width * scale)), max(side, round(picture.height * scale))), Image.Resampling.BILINEAR
        )
        left, top = (picture.width - width) // 2, (picture.height - height) // 2
        picture = picture.crop((left, top, left + width, top + height))
    else:
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    array = np.asarray(picture, np.uint8).reshape(height, width, channels)
    return array[..., ::-1] if order == "bgr" else array


def quantize(model: Path, folder: Path, output: Path, preprocessing: Preprocessing, order: str) -> int:
    """Write the quantized graph; returns on how many pictures its ranges were measured. Raises GraphError."""
    loaded = graph.load(model)
    try:
        from onnxruntime import quantization
        from onnxruntime.quantization.shape_inference import quant_pre_process
    except ImportError as error:
        what = f"nothing to quantize it with: {error}"
        raise GraphError(str(model), what, why="--calibrate calls onnxruntime's quantizer", fix="pip install onnxruntime") from None
    if len(loaded.shape) != 4 or None in loaded.shape[1:]:
        fix = "export the model with a fixed image size"
        raise GraphError(str(model), f"its input has shape {loaded.shape}", why="the accelerator is built for images of one size", fix=fix)
    if any(node.op in ("QuantizeLinear", "DequantizeLinear") or node.domain in graph.QONNX for node in loaded.nodes):
        raise GraphError(str(model), "it is quantized already", why="--calibrate is for float graphs", fix="leave out --calibrate")
    _, channels, height, width = (each or 1 for each in loaded.shape)
    paths = pictures(folder)
    mean, std = (np.array([float(each) for each in numbers]) for numbers in (preprocessing.mean, preprocessing.std))

    class Feed(quantization.CalibrationDataReader):  # type: ignore[misc]  # without types
        def __init__(self) -> None:
            self.left: Iterator[Path] = iter(paths)

        def get_next(self) -> dict[str, Any] | None:
            path = next(self.left, None)
            if path is None:
                return None
            pixels = image(path, height, width, channels, order).astype(np.float64)
            numbers = (pixels * float(preprocessing.scale) - mean) / std
            return {loaded.input: numbers.transpose(2, 0, 1)[None].astype(np.float32)}

    prepared = output.with_name(f"prepared-{output.name}")
    try:
        quant_pre_process(str(model), str(prepared), skip_symbolic_shape=True)
        quantization.quantize_static(
            str(prepared),
            str(output),
            Feed(),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            extra_options={"ActivationSymmetric": False, "WeightSymmetric": True},
        )
    except GraphError:
        raise
    except Exception as error:  # onnxruntime's own kinds
        what = f"onnxruntime's quantizer does not take it: {str(error) or type(error).__name__:.160}"
        raise GraphError(str(model), what, why="it makes the 8-bit graph", fix="export the model again, with constant shapes") from None
    return len(paths)
