"""Imports a graph as the command does, and compares what `network.reference` then computes with the exact codes of the graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from network import Network, reference
from network.importers.onnx import check, convert
from network.importers.onnx.operators import Preprocessing
from network.importers.onnx.write import Naming
from network.model import Pictures
from network.operations import PoolKind
from tests.network.importers import oracles
from tests.network.importers.oracles import Evaluation, Exact

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """An imported network, read back from its files."""

    imported: convert.Imported
    network: Network
    parameters: Mapping[str, Array]
    text: str


def take(path: Path, folder: Path, preprocessing: Preprocessing | None = None) -> Taken:
    imported = convert.convert(path, preprocessing)
    config, npz = folder / "configs" / "little.yaml", folder / "params" / "little.npz"
    naming = Naming(network="little", platform="u250", file=path.name, pictures=Pictures(order="rgb"))
    network, arrays = convert.save(imported, config, npz, naming)
    return Taken(imported, network, arrays, config.read_text())


def taken(model: onnx.ModelProto, folder: Path, preprocessing: Preprocessing | None = None) -> Taken:
    path = folder / "little.onnx"
    onnx.save(model, path)
    return take(path, folder, preprocessing)


def take_and_compare(path: Path, folder: Path) -> str:
    """What is imported from a damaged graph is what the damaged graph says; returns a word where the exact evaluation does not know."""
    found = take(path, folder)
    height, width, channels = found.network.input
    pixels = np.random.default_rng(0).integers(0, 256, (1, channels, height, width), dtype=np.uint8)
    model = onnx.load(path)
    if len(model.graph.output) != 1:
        return "several outputs"
    if len(model.graph.node) > 1000:
        return "thousands of nodes"
    try:
        is_bytes = oracles.image_input(model).type.tensor_type.elem_type == onnx.TensorProto.UINT8
        exact = oracles.evaluate(model, Exact(pixels.astype(object), Fraction(1, 1 if is_bytes else 255)))
    except Exception as error:
        return f"not evaluated: {type(error).__name__} {error}"
    images = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
    computed = reference.everything(found.network, found.parameters, images)
    for name, codes in check.quantizer_codes(found.imported, computed, images).items():
        assert_codes(exact, name, codes)
    # With a scale of 1e38 in front of the classifier its biases are rounded away, as the importer says.
    assert_ranked(exact, model.graph.output[0].name, found, pixels, near=2 * found.imported.lowered.score_scale)
    return ""


def assert_equal(model: onnx.ModelProto, image: Exact, pixels: NDArray[np.uint8], found: Taken) -> Evaluation:
    """Every code at every quantizer, every activation of the accelerator, every label; `pixels` (n, C, H, W)."""
    exact = oracles.evaluate(model, image)
    images = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
    computed = reference.everything(found.network, found.parameters, images)
    quantizers = check.quantizer_codes(found.imported, computed, images)
    assert sorted(exact.codes.keys() - quantizers.keys()) == [] == sorted(quantizers.keys() - exact.codes.keys())
    for name, codes in quantizers.items():
        assert_codes(exact, name, codes)
    assert unmatched(exact, computed, found.network) == []
    return exact


def assert_codes(exact: Evaluation, name: str, codes: Array) -> None:
    """Bipolar codes are 0 and 1 to the importer."""
    wanted = as_in_reference(exact.codes[name]).reshape(-1)
    np.testing.assert_array_equal(codes.reshape(-1), (wanted + 1) // 2 if name in exact.bipolar else wanted, name)


def as_in_reference(codes: Array) -> Array:
    """Channels last."""
    return codes.transpose(0, 2, 3, 1) if codes.ndim == 4 else codes


def unmatched(exact: Evaluation, computed: Mapping[str, Array], network: Network) -> list[str]:
    """The activations of the accelerator whose codes are those of no quantizer of the graph, whichever the importer says it is.

    Codes may start elsewhere, where a zero point has been taken out, and bipolar ones may be 0 and 1. A quantizer behind a max-pool may
    have been put in front of it, or one in front may have none behind it: there one side is enough.
    """
    known = [as_in_reference(codes) for codes in exact.codes.values()]

    def is_known(codes: Array) -> bool:
        return any(_same(codes.astype(np.int64), each) for each in known)

    skipped = {"scores", "labels", "stem", "stem.conv"}
    wrong = [name for name, codes in computed.items() if not (name.endswith(".sums") or name in skipped or is_known(codes))]
    if not any(is_known(computed[name]) for name in ("stem", "stem.conv")):
        wrong.append("stem")
    last = network.blocks[-1].name
    if network.head.pool is PoolKind.MAX and is_known(computed[last].max(axis=(1, 2))):
        wrong = [name for name in wrong if name not in (last, f"{last}.join")]
    return wrong


def _same(codes: Array, exact: Array) -> bool:
    if codes.size != exact.size or (codes.shape[-1] != exact.shape[-1] and codes.ndim == exact.ndim):
        return False
    exact = exact.reshape(codes.shape)
    apart = exact - codes
    return bool((apart == apart.flat[0]).all() or (exact == 2 * codes - 1).all())


def assert_ranked(exact: Evaluation, output: str, found: Taken, pixels: NDArray[np.uint8], *, near: float = 0.0) -> None:
    """The first label is that of the greatest score; one that lies within `near` of it will do."""
    images = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
    labels = reference.trace(found.network, found.parameters, images)["labels"][:, 0].astype(np.int64)
    scores = exact.values[output]
    if not isinstance(scores, Exact):  # ArgMax
        np.testing.assert_array_equal(labels, np.asarray(scores).reshape(-1))
        return
    values = scores.values.reshape(len(labels), -1)
    if near == 0:
        np.testing.assert_array_equal(labels, scores.ints.reshape(len(labels), -1).argmax(axis=1))
    assert (values.max(axis=1) - values[np.arange(len(labels)), labels] <= near).all()
