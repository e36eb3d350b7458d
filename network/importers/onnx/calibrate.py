"""A float network made 8-bit by onnxruntime's static quantizer: weights symmetric and per channel, activations unsigned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from network.errors import GraphError
from network.importers.onnx import graph
from network.importers.onnx.operators import Preprocessing, image
from network.model import Pictures

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
MOST_PICTURES = 256


def files(folder: Path) -> list[Path]:
    """Up to MOST_PICTURES of a folder and those below, spread over all of them."""
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not found:
        what = "there are no pictures in it" if folder.is_dir() else "not a folder"
        raise GraphError(
            f"--calibrate {folder}", what, why="the ranges of activations are measured on them", fix="name a folder of pictures"
        )
    step = max(1, len(found) // MOST_PICTURES)
    return found[::step][:MOST_PICTURES]


def quantize(model: Path, folder: Path, output: Path, preprocessing: Preprocessing, pictures: Pictures) -> int:
    """Write the quantized graph; returns on how many pictures its ranges were measured. Raises GraphError.

    Pictures are read as the accelerator's runtime will read those it classifies.
    """
    from runtime.container.manifest import ImageShape  # here, because the runtime imports pynq
    from runtime.container.manifest import Pictures as Shown
    from runtime.errors import ImageError
    from runtime.inference.images import load

    loaded = graph.load(model)
    try:
        from onnxruntime import quantization
        from onnxruntime.quantization.shape_inference import quant_pre_process
    except ImportError as error:
        what = f"nothing to quantize it with: {error}"
        raise GraphError(str(model), what, why="--calibrate calls onnxruntime's quantizer", fix="pip install 'resflow[import]'") from None
    if any(node.op in ("QuantizeLinear", "DequantizeLinear") or node.domain in graph.QONNX for node in loaded.nodes):
        raise GraphError(str(model), "it is quantized already", why="--calibrate is for float graphs", fix="leave out --calibrate")
    taken = image(loaded, preprocessing)
    size = taken.source.shape
    if fault := pictures.fault(size):
        what, why, fix = fault
        raise GraphError("--resize", what, why=why, fix=fix)
    shape = ImageShape(*size)
    shown = Shown(order=pictures.order, resize=pictures.resize, interpolation=pictures.interpolation)
    paths = files(folder)
    mean, std = (np.array([float(each) for each in numbers]) for numbers in (preprocessing.mean, preprocessing.std))

    class Feed(quantization.CalibrationDataReader):  # type: ignore[misc]  # without types
        def __init__(self) -> None:
            self.left: Iterator[Path] = iter(paths)

        def get_next(self) -> dict[str, Any] | None:
            path = next(self.left, None)
            if path is None:
                return None
            pixels = load(path, shape, shown).astype(np.float64)
            numbers = (pixels * float(preprocessing.scale) - mean) / std
            axes = [0, *("HWC".index(axis) + 1 for axis in taken.axes[1:])]
            return {loaded.input: numbers[None].transpose(axes).astype(np.float32)}

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
    except ImageError as error:
        raise GraphError(error.where, error.what, why=error.why, fix=error.fix) from None
    except Exception as error:  # onnxruntime's own kinds
        what = f"onnxruntime's quantizer does not take it: {str(error) or type(error).__name__:.160}"
        raise GraphError(str(model), what, why="it makes the 8-bit graph", fix="export the model again, with constant shapes") from None
    return len(paths)
