"""An 8-bit ResNet that onnxruntime quantized: what is imported from its graph is computed by the emulator the fast way, and labels are the graph's."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from network import reference
from network.importers.onnx.operators import Preprocessing
from runtime.bench.resnet50 import Size
from runtime.container import sections
from runtime.container.arrays import Stored
from runtime.container.program import Shape
from runtime.emulation.emulator import Emulator, available_paths
from tests.network.importers.importing import take
from vitis.emulation import network_section

SIZE = Size(Shape(24, 24, 3), ((1, 16), (2, 24)))
SCALE, MEAN = Fraction(1, 64), Fraction(2)  # the graph's input is pixel * scale - mean, about as wide as what it is calibrated on
FAST = {"double", "line", "double, plane", "line, plane"}  # neither the thresholds of a convolution nor those of a join are looked up


def test_an_imported_8_bit_network(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra bench is not installed")
    from runtime.bench import models

    graph = models.write(tmp_path, 2, SIZE)[1]
    taken = take(graph, tmp_path, Preprocessing(SCALE, (MEAN,), (Fraction(1),), True))
    weights = taken.parameters["head/fc/weights"]  # streamed
    np.savez(tmp_path / "parameters.npz", **{name: array for name, array in taken.parameters.items() if name != "head/fc/weights"})
    section = json.dumps(network_section(taken.network)).encode()
    program = sections.parse(section, Stored((tmp_path / "parameters.npz").read_bytes()))
    images = np.random.default_rng(2).integers(0, 256, (2, *SIZE.image)).astype(np.uint8)
    expected = reference.trace(taken.network, taken.parameters, images)
    for path in available_paths():
        emulator = Emulator(program, path=path, threads=2)
        found = emulator.trace(images[0], weights)
        assert {name for name in found if not np.array_equal(found[name], expected[name][0])} == set()
        assert path == "numpy" or set(emulator.ways.values()) <= FAST
    session = onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    floats = (np.moveaxis(images, 3, 1) * np.float32(SCALE) - np.float32(MEAN)).astype(np.float32)
    scores = session.run(None, {models.INPUT: floats})[0]
    # Where two scores of the graph are equal, either label is the best.
    assert np.array_equal(scores[np.arange(len(images)), expected["labels"][:, 0]], scores.max(axis=1))
