"""The oracles against each other, before anything is imported: little graphs by hand, and the reference network's golden codes."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from tests.network.importers import graphs, oracles
from tests.network.importers.oracles import Exact, evaluate, exact
from tests.reference_data import FOLDER

RESNET8 = FOLDER.parent / "qonnx" / "resnet8_a8w8"
needs_resnet8 = pytest.mark.skipif(not RESNET8.with_suffix(".onnx").exists(), reason="no trained ResNet-8 beside the checkout")


@needs_resnet8
def test_the_exact_evaluation_has_the_golden_codes() -> None:
    model = onnx.load(RESNET8.with_suffix(".onnx"))
    golden = np.load(f"{RESNET8}_golden.npz")
    images = golden["images"][:3].transpose(0, 3, 1, 2)
    evaluation = evaluate(model, Exact(images.astype(object), Fraction(1, 255)))
    for name in (name for name in golden.files if name.startswith("codes/")):
        np.testing.assert_array_equal(evaluation.codes[name.removeprefix("codes/")], golden[name][:3], name)
    assert len(evaluation.codes) == sum(name.startswith("codes/") for name in golden.files)


@given(graphs.littles())
@settings(max_examples=15)
def test_executors_compute_the_exact_codes_but_for_the_rounding_of_float32(spec: graphs.Little) -> None:
    model = graphs.little(spec)
    image = graphs.prepared(spec, graphs.random_images(spec, 1)).values.astype(np.float32)
    apart = oracles.differences(oracles.layer_by_layer(model, image, oracles.by_executor(model, image)))
    assert apart
    assert max(difference for difference, _ in apart.values()) <= 1
    assert np.mean([share for _, share in apart.values()]) <= 1e-3


def quantizer(op: str, values: list[float], more: list[Any], domain: str = "qonnx.custom_op.general", **said: Any) -> onnx.ModelProto:
    """A graph of one quantizer; `values` only give the shape."""
    tensors = [numpy_helper.from_array(np.asarray(each), f"p{i}") for i, each in enumerate(more)]
    node = helper.make_node(op, ["image", *(each.name for each in tensors)], ["codes"], domain=domain, **said)
    info = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, len(values)]) for name in ("image", "codes")]
    graph = helper.make_graph([node], "one", info[:1], info[1:], tensors)
    version = 2 if op == "Trunc" and len(more) == 5 else 1
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13), helper.make_opsetid(domain, version)], ir_version=8)


HALVES = [i / 4 for i in range(-22, 23)]


@pytest.mark.parametrize("mode", graphs.ROUNDINGS)
@pytest.mark.parametrize("signed", [0, 1])
def test_ties_fall_as_qonnx_defines_them(mode: str, signed: int) -> None:
    model = quantizer("Quant", HALVES, [np.float32(1), np.float32(0), np.float32(3)], signed=signed, narrow=signed, rounding_mode=mode)
    values = np.asarray([HALVES], np.float32)
    np.testing.assert_array_equal(evaluate(model, values).codes["codes"], oracles.by_qonnx(model, values)["codes"])


@pytest.mark.parametrize("mode", graphs.ROUNDINGS)
@pytest.mark.parametrize("out", [[4], [np.float32(4 * 0.5), 4]], ids=["old", "new"])
def test_truncation_rounds_as_qonnx_does(mode: str, out: list[Any]) -> None:
    more = [np.float32(0.5), np.float32(0), np.float32(6), *(np.float32(each) for each in out)]
    said = {"signed": 1, "narrow": 0} if len(out) == 2 else {}
    values = np.asarray([[i / 2 for i in range(-40, 40)]], np.float32)
    model = quantizer("Trunc", values[0].tolist(), more, rounding_mode=mode, **said)
    evaluation = evaluate(model, values)
    np.testing.assert_array_equal(evaluation.values["codes"].values, oracles.by_qonnx(model, values)["codes"])
    assert len(np.unique(evaluation.codes["codes"])) > 4


def test_a_tie_that_float32_cannot_see_is_decided() -> None:
    """7 * fl(0.1) / fl(0.2) is 3.5 exactly, since fl(0.2) is twice fl(0.1); 0.7 is not 7 times fl(0.1)."""
    model = quantizer("Quant", [0.0], [np.float32(0.2), np.float32(0), np.float32(8)], signed=1, narrow=0, rounding_mode="ROUND")
    seven = oracles.multiply(exact(np.float32([[0.1]])), exact(np.float32(7)))
    assert evaluate(model, seven).codes["codes"] == 4
    assert evaluate(model, oracles.add(seven, exact(np.float64([[2.0**-60]])), sign=-1)).codes["codes"] == 3


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=6))
def test_floats_are_the_rationals_they_are(values: list[float]) -> None:
    assert oracles.fractions(exact(np.asarray(values, np.float32))) == [Fraction(each) for each in values]


def test_the_same_seed_makes_the_same_graph() -> None:
    spec = graphs.Little(kind="bottleneck", pool="trunc_new", output_quantizers=True)
    assert graphs.little(spec).SerializeToString() == graphs.little(spec).SerializeToString()


def test_codes_of_little_graphs_are_spread() -> None:
    """A graph whose quantizers give one code says nothing about an importer."""
    spec = graphs.Little(weight_bits=8, act_bits=6, residual_bits=6, size=(9, 9))
    evaluation = evaluate(graphs.little(spec), graphs.prepared(spec, graphs.random_images(spec, 2)))
    assert all(len(np.unique(codes)) > 8 for codes in evaluation.codes.values())
