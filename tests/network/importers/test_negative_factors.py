"""Batch norm with negative scales behind a quantizer: the weights in front are negated, and the codes between with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from network import reference
from network.importers.onnx import check, convert, write
from network.model import Pictures
from tests.network.importers import graphs, oracles
from tests.network.importers.graphs import Little


@pytest.mark.parametrize("style", ["qonnx", "qdq"])
def test_codes_are_the_graphs(style: str, tmp_path: Path) -> None:
    spec = Little(style=style, blocks=(2,), batch_norm=False, output_quantizers=True, act_bits=6)
    model = graphs.little(spec)
    # Behind the output quantizer of the first convolution of the block, in front of its ReLU.
    relu = [each for each in model.graph.node if each.op_type == "Relu"][1]
    factors = np.float32([-1.25, 0.75, -0.5, 1]).reshape(4, 1, 1)
    model.graph.initializer.append(numpy_helper.from_array(factors, "factors"))
    turn = helper.make_node("Mul", [relu.input[0], "factors"], ["turned"], name="Turn")
    relu.input[0] = "turned"
    model.graph.node.insert(list(model.graph.node).index(relu), turn)
    path = tmp_path / "little.onnx"
    onnx.save(model, path)
    imported = convert.convert(path)
    naming = write.Naming(network="little", platform="u250", file=path.name, pictures=Pictures(order="rgb"))
    network, arrays = convert.save(imported, tmp_path / "little.yaml", tmp_path / "little.npz", naming)
    images = graphs.random_images(spec, 2)
    exact = oracles.evaluate(model, graphs.prepared(spec, images)).codes
    pixels = images.transpose(0, 2, 3, 1)
    codes = check.quantizer_codes(imported, reference.everything(network, arrays, pixels), pixels)
    assert codes.keys() == exact.keys()
    for name, found in codes.items():
        expected = np.moveaxis(exact[name], 1, -1) if exact[name].ndim == 4 else exact[name]
        np.testing.assert_array_equal(found, expected.astype(np.int64).reshape(found.shape), name)
