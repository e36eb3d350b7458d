"""What exporters and quantizers leave in a graph that has nothing to do with its arithmetic, and residual streams of sums."""

from __future__ import annotations

import io
import warnings
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from network.errors import GraphErrors
from tests.network.importers import importing
from tests.network.importers.graphs import Little, little
from tests.network.importers.oracles import Exact

Nodes = list[onnx.NodeProto]


class Stream:
    """A residual network whose sums go on as they are: both branches of a join are 4-bit codes of one scale, nothing is behind it."""

    def __init__(self, bypass_scale: float = 0.25, opset: int = 11) -> None:
        self.nodes: Nodes = []
        self.arrays: dict[str, Any] = {}
        self.rng = np.random.default_rng(0)
        self.opset = opset
        x = self.quant("image", 1 / 128, 8)
        x = self.quant(self.conv(x, 3, 4, 3, 1), 0.25, 4)
        for inputs, out, stride in ((4, 4, 1), (4, 8, 2), (8, 8, 1)):
            a = self.quant(self.node("Relu", x), 0.5, 2, signed=0)
            y = self.quant(self.node("Relu", self.conv(a, inputs, out, 3, stride)), 0.5, 2, signed=0)
            y = self.quant(self.conv(y, out, out, 3, 1), 0.25, 4)
            bypass = x if inputs == out else self.conv(a, inputs, out, 1, stride)
            x = self.node("Add", y, self.quant(bypass, bypass_scale, 4))
        x = self.node("Flatten", self.node("GlobalAveragePool", x), axis=1)
        x = self.node("Gemm", x, self.weights((5, 8)), transB=1)
        self.nodes[-1].output[0] = "scores"

    def array(self, values: Any, kind: Any = np.float32) -> str:
        name = f"array{len(self.arrays)}"
        self.arrays[name] = np.asarray(values, kind)
        return name

    def node(self, op: str, *inputs: str, domain: str = "", **said: Any) -> str:
        name = f"{op}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name, domain=domain, **said))
        return name

    def quant(self, x: str, scale: Any, bits: int, signed: int = 1) -> str:
        inputs = (x, self.array(scale), self.array(0), self.array(bits))
        return self.node("Quant", *inputs, domain="qonnx.custom_op.general", signed=signed, narrow=0, rounding_mode="ROUND")

    def weights(self, shape: tuple[int, ...]) -> str:
        return self.quant(self.array(self.rng.normal(0, 0.2, shape)), 0.125, 4)

    def conv(self, x: str, inputs: int, out: int, kernel: int, stride: int) -> str:
        said = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [kernel // 2] * 4}
        return self.node("Conv", x, self.weights((out, inputs, kernel, kernel)), **said)

    def model(self) -> onnx.ModelProto:
        image = helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, (1, 3, 8, 8))
        scores = helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, (1, 5))
        arrays = [onnx.numpy_helper.from_array(array, name) for name, array in self.arrays.items()]
        graph = helper.make_graph(self.nodes, "stream", [image], [scores], arrays)
        return helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", self.opset), helper.make_opsetid("qonnx.custom_op.general", 1)]
        )


def compared(model: onnx.ModelProto, folder: Path) -> importing.Taken:
    """Each quantizer of the graph and the label."""
    pixels = np.random.default_rng(1).integers(0, 256, (3, 3, 8, 8), dtype=np.uint8)
    found = importing.taken(model, folder)
    evaluated = importing.oracles.evaluate(model, Exact(pixels.astype(object), Fraction(1, 255)))
    images = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
    computed = importing.reference.everything(found.network, found.parameters, images)
    own = importing.check.quantizer_codes(found.imported, computed, images)
    assert own.keys() == evaluated.codes.keys()
    for name, codes in own.items():
        importing.assert_codes(evaluated, name, codes)
        assert len(np.unique(codes)) > 1, name
    importing.assert_ranked(evaluated, "scores", found, pixels)
    report = importing.check.compare(found.imported, found.network, found.parameters, images[:1])
    assert report.is_exact
    assert report.is_equal
    return found


def test_sums_of_codes_of_one_scale_need_no_quantizer(tmp_path: Path) -> None:
    found = compared(Stream().model(), tmp_path)
    assert [str(block.join.act) for block in found.imported.lowered.blocks] == ["uint2", "int5", "int5"]


def test_sums_of_codes_of_two_scales_do(tmp_path: Path) -> None:
    with pytest.raises(GraphErrors, match="is not quantized"):
        importing.taken(Stream(bypass_scale=0.3).model(), tmp_path)


def insert_behind(model: onnx.ModelProto, op: str, made: list[tuple[str, dict[str, Any]]]) -> None:
    """Other operators in place of the one node of this kind."""
    index, old = next((i, node) for i, node in enumerate(model.graph.node) if node.op_type == op)
    model.graph.node.remove(old)
    names = [old.input[0], *(f"made{i}" for i in range(len(made) - 1)), old.output[0]]
    for i, (kind, said) in enumerate(made):
        model.graph.node.insert(index + i, helper.make_node(kind, [names[i]], [names[i + 1]], f"{kind}_{i}", **said))


@pytest.mark.parametrize("axes", [(3, 2), (-1, -1), (2, 2)])
def test_axes_squeezed_one_by_one(axes: tuple[int, int], tmp_path: Path) -> None:
    model = Stream().model()
    insert_behind(model, "Flatten", [("Squeeze", {"axes": [axis]}) for axis in axes])
    compared(model, tmp_path)


def test_check_of_quantizers_on_maps_whose_channels_lie_last(tmp_path: Path) -> None:
    model = Stream().model()
    index, quantizer = next(
        (i, node) for i, node in enumerate(model.graph.node) if node.op_type == "Quant" and node.input[0].startswith("Conv")
    )
    before = helper.make_node("Transpose", [quantizer.input[0]], ["last"], "before", perm=[0, 2, 3, 1])
    after = helper.make_node("Transpose", ["quantized"], [quantizer.output[0]], "after", perm=[0, 3, 1, 2])
    quantizer.input[0], quantizer.output[0] = "last", "quantized"
    model.graph.node.insert(index + 1, after)
    model.graph.node.insert(index, before)
    found = importing.taken(model, tmp_path)
    images = np.random.default_rng(1).integers(0, 256, (1, 8, 8, 3), dtype=np.uint8)
    assert importing.check.compare(found.imported, found.network, found.parameters, images).is_equal


def test_padding_by_nothing_in_front_of_an_average_pool(tmp_path: Path) -> None:
    """As PyTorch 1.x exports avg_pool2d."""
    model = Stream(opset=10).model()
    pool = ("AveragePool", {"kernel_shape": [4, 4], "strides": [4, 4]})
    insert_behind(model, "GlobalAveragePool", [("Pad", {"pads": [0] * 8, "mode": "constant", "value": 0.0}), pool])
    compared(model, tmp_path)


@pytest.mark.parametrize("keeps", [0, 1])
def test_mean_of_maps_whose_channels_lie_last(keeps: int, tmp_path: Path) -> None:
    model = Stream().model()
    insert_behind(model, "GlobalAveragePool", [("Transpose", {"perm": [0, 2, 3, 1]}), ("ReduceMean", {"axes": [1, 2], "keepdims": keeps})])
    compared(model, tmp_path)


def test_padding_by_something_is_refused_with_its_node(tmp_path: Path) -> None:
    model = Stream(opset=10).model()
    pool = ("GlobalAveragePool", {})
    insert_behind(model, "GlobalAveragePool", [("Pad", {"pads": [0, 0, 1, 1, 0, 0, 1, 1], "mode": "constant", "value": 0.0}), pool])
    with pytest.raises(GraphErrors, match=r"node Pad_0 \(Pad\): it pads by \[0, 0, 1, 1, 0, 0, 1, 1\]"):
        importing.taken(model, tmp_path)


def test_what_softmax_makes_may_be_quantized(tmp_path: Path) -> None:
    """onnxruntime's quantizer does that; the order of the scores is that of the network without it."""
    model = little(Little(style="qdq", ending="softmax"))
    plain = importing.taken(model, tmp_path)
    softmax = next(node for node in model.graph.node if node.op_type == "Softmax")
    output = softmax.output[0]
    softmax.output[0] = "probabilities"
    model.graph.initializer.extend(
        [
            onnx.numpy_helper.from_array(np.float32(1 / 256), "fine"),
            onnx.numpy_helper.from_array(np.uint8(0), "none"),
        ]
    )
    model.graph.node.append(helper.make_node("QuantizeLinear", ["probabilities", "fine", "none"], ["codes"], "last_Q"))
    model.graph.node.append(helper.make_node("DequantizeLinear", ["codes", "fine", "none"], [output], "last_DQ"))
    found = importing.taken(model, tmp_path)
    assert found.network.head == plain.network.head
    for name, array in plain.parameters.items():
        np.testing.assert_array_equal(found.parameters[name], array, name)
    assert "without Softmax" in found.imported.lowered.rows[-1].how


def test_clipped_codes_of_less_than_8_bits(tmp_path: Path) -> None:
    """Brevitas' QCDQ: int8 quantizers with a Clip of their codes behind them, for weights and activations."""
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        export_onnx_qcdq = pytest.importorskip("brevitas.export").export_onnx_qcdq
        from tests.network.importers import brevitas_graphs, torch_graphs
    model = torch_graphs.settle(brevitas_graphs.Network(brevitas_graphs.Trained(pool="float")), (16, 16))
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        export_onnx_qcdq(model, torch.zeros(1, 3, 16, 16), buffer, dynamo=False, opset_version=13)
    found = importing.taken(onnx.load_model_from_string(buffer.getvalue()), tmp_path)
    assert {str(block.join.act) for block in found.imported.lowered.blocks} == {"uint4"}
    images = torch_graphs.photos(2, (16, 16)).transpose(0, 2, 3, 1)
    report = importing.check.compare(found.imported, found.network, found.parameters, np.ascontiguousarray(images))
    assert all(each.most <= 1 and each.different <= 0.01 * each.codes for each in report.quantizers)
    assert report.labels == 0
