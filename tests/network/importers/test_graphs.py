"""Graphs through the importer: the accelerator's codes equal the graph's at every quantizer, ties and all."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from network import reference
from network.importers.onnx.nodes.constants import recovered
from network.importers.onnx.operators import Preprocessing
from tests.network.importers import graphs, importing
from tests.network.importers.graphs import Little
from tests.network.importers.test_oracles import RESNET8, needs_resnet8

PIXELS = Preprocessing(scale=Fraction(1), is_given=True)


def compare(spec: Little, folder: Path, images: int = 2) -> importing.Taken:
    model, pixels = graphs.little(spec), graphs.random_images(spec, images)
    found = importing.taken(model, folder, PIXELS if spec.preprocessing == "pixels" else None)
    exact = importing.assert_equal(model, graphs.prepared(spec, pixels), pixels, found)
    importing.assert_ranked(exact, model.graph.output[0].name, found, pixels)
    return found


@given(graphs.littles())
@settings(max_examples=25)
def test_little_graphs_are_equal(spec: Little) -> None:
    with TemporaryDirectory() as folder:
        compare(spec, Path(folder))


CORNERS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "one bit": {"weight_bits": 1, "act_bits": 1, "residual_bits": 1, "fc_weight_bits": 2},
    "eight bits": {"weight_bits": 8, "act_bits": 8, "residual_bits": 7},
    "sums with scales by channel": {"join": "sums", "kind": "bottleneck", "blocks": (1, 2, 1)},
    "one scale at the join": {"join": "same", "scales": "two", "rounding": "HALF_UP"},
    "signed activations": {"act_is_signed": True, "act_bits": 5, "entry_quantizers": True},
    "chains": {"output_quantizers": True, "entry_quantizers": True, "act_scales": "channel", "scales": "short", "rounding": "HALF_DOWN"},
    "old truncation": {"pool": "trunc_old", "pool_quantizer": False, "rounding": "FLOOR"},
    "new truncation": {"pool": "trunc_new", "rounding": "CEIL", "pool_quantizer": False},
    "maximum": {"pool": "max", "classifier": "conv", "size": (9, 7)},
    "parameters as inputs": {"bias": "quantized", "biases_are_inputs": True, "folded_weights": True, "scales": "two"},
    "mean and deviation inside": {
        "preprocessing": "normalise_channels",
        "stem_kernel": 7,
        "stem_stride": 2,
        "stem_pool": True,
        "size": (16, 12),
    },
    "old domain": {"domain": "onnx.brevitas", "bits_type": "int64", "int_quant": True},
    "ArgMax": {"ending": "argmax", "output_quantizer": True, "classifier": "matmul"},
    "bipolar": {"kind": "bottleneck", "bipolar": True, "weight_bits": 1},
    "QDQ": {"style": "qdq", "join": "codes", "bias": "quantized"},
    "QDQ with sums": {"style": "qdq", "join": "sums", "kind": "bottleneck", "pool": "average"},
}


@pytest.mark.parametrize("name", CORNERS)
def test_corners(name: str, tmp_path: Path) -> None:
    compare(Little(**CORNERS[name]), tmp_path, images=3)


@pytest.mark.parametrize("seed", range(4))
def test_mean_and_deviation_on_the_command_line(seed: int, tmp_path: Path) -> None:
    """Of three channels, no fractions of 255: what the image's activation folds is exact, the padding too."""
    mean, std = (tuple(map(Fraction, each)) for each in (("0.485", "0.456", "0.406"), ("0.229", "0.224", "0.225")))
    spec = Little(seed=seed, image_bits=(3, 8)[seed % 2], style=("qonnx", "qdq")[seed // 2], stem_kernel=7)
    model, pixels = graphs.little(spec), graphs.random_images(spec, 2)
    found = importing.taken(model, tmp_path, Preprocessing(mean=mean, std=std, is_given=True))
    importing.assert_equal(model, graphs.standardised(pixels, mean, std), pixels, found)


def test_weights_without_their_quantizer_are_found_or_refused() -> None:
    """Each is float32(scale * code): a small one beside a large one is no zero."""
    codes = np.random.default_rng(0).integers(-127, 128, (6, 4, 3, 3))
    scales = np.random.default_rng(1).uniform(1e-3, 1e-1, (6, 1, 1, 1)).astype(np.float32)
    found = recovered((scales * codes).astype(np.float32))
    assert found is not None
    rows = found.codes.reshape(6, -1)
    factors = [np.flatnonzero(row)[0] for row in rows]
    for row, wanted, first in zip(rows, codes.reshape(6, -1), factors, strict=True):
        np.testing.assert_array_equal(row * wanted[first], wanted * row[first])
    assert recovered(np.float32([[0.375, -1e30], [0.25, 0.5]])) is None


def test_the_same_graph_gives_the_same_files(tmp_path: Path) -> None:
    model = graphs.little(Little(kind="bottleneck", join="sums"))
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        importing.taken(model, tmp_path / name)
    for file in ("configs/little.yaml", "params/little.npz"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@needs_resnet8
def test_the_trained_resnet8_has_its_golden_codes(tmp_path: Path) -> None:
    found = importing.take(RESNET8.with_suffix(".onnx"), tmp_path)
    golden = np.load(f"{RESNET8}_golden.npz")
    images = golden["images"]
    computed = reference.everything(found.network, found.parameters, images)
    codes = importing.check.quantizer_codes(found.imported, computed, images)
    names = {name.removeprefix("codes/") for name in golden.files if name.startswith("codes/")}
    assert codes.keys() == names
    for name in names:
        wanted = importing.as_in_reference(golden[f"codes/{name}"].astype(np.int64))
        np.testing.assert_array_equal(codes[name].reshape(-1), wanted.reshape(-1), name)
    np.testing.assert_array_equal(computed["labels"][:, 0], golden["labels"].reshape(len(images), -1)[:, 0])
