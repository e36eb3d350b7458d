"""What cannot be taken is named by its node, all of it at once, with what was found, why, and what to change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from network.errors import GraphErrors
from network.importers.onnx.convert import convert
from tests.network.importers import graphs
from tests.network.importers.graphs import Little

SPEC = Little(blocks=(1,), batch_norm=False, width=2, classes=3, image_channels=1, size=(4, 4))


def refused(model: onnx.ModelProto, folder: Path) -> list[str]:
    """The errors, each as one text."""
    path = folder / "little.onnx"
    onnx.save(model, path)
    with pytest.raises(GraphErrors) as raised:
        convert(path)
    return [str(error) for error in raised.value.errors]


def node(model: onnx.ModelProto, op: str, nth: int = 0) -> onnx.NodeProto:
    return [each for each in model.graph.node if each.op_type == op][nth]


def initializer(model: onnx.ModelProto, name: str) -> onnx.TensorProto:
    return next(each for each in model.graph.initializer if each.name == name)


def passed_by(model: onnx.ModelProto, gone: onnx.NodeProto) -> None:
    """Whoever takes the node's output takes its input."""
    for each in model.graph.node:
        each.input[:] = [gone.input[0] if name == gone.output[0] else name for name in each.input]
    model.graph.node.remove(gone)


def group(model: onnx.ModelProto) -> None:
    del node(model, "Conv", 1).attribute[:]
    node(model, "Conv", 1).attribute.extend([helper.make_attribute("group", 2), helper.make_attribute("pads", [1, 1, 1, 1])])


def concatenation(model: onnx.ModelProto) -> None:
    joined = node(model, "Add")
    joined.op_type = "Concat"
    joined.attribute.append(helper.make_attribute("axis", 1))


def in_front_of(model: onnx.ModelProto, taker: onnx.NodeProto) -> onnx.NodeProto:
    return next(each for each in model.graph.node if taker.input[0] in each.output)


def set_bits(model: onnx.ModelProto, bits: float) -> None:
    quantizer = in_front_of(model, node(model, "Conv", 2))
    quantizer.input[3] = "other_bits"
    model.graph.initializer.append(numpy_helper.from_array(np.float32(bits), "other_bits"))


def wide(model: onnx.ModelProto) -> None:
    set_bits(model, 9)


def fifth_of_a_bit(model: onnx.ModelProto) -> None:
    set_bits(model, 4.2)


def unquantized(model: onnx.ModelProto) -> None:
    passed_by(model, in_front_of(model, node(model, "Conv", 2)))


def unquantized_join(model: onnx.ModelProto) -> None:
    passed_by(model, in_front_of(model, node(model, "GlobalAveragePool")))


def float_weights(model: onnx.ModelProto) -> None:
    conv = node(model, "Conv", 1)
    rng = np.random.default_rng(0)
    model.graph.initializer.append(numpy_helper.from_array(rng.normal(size=(2, 2, 3, 3)).astype(np.float32), "float"))
    conv.input[1] = "float"


def several(model: onnx.ModelProto) -> None:
    float_weights(model)
    set_bits(model, 9)
    unquantized_join(model)


def leaky(model: onnx.ModelProto) -> None:
    node(model, "Relu", 0).op_type = "LeakyRelu"


def turned(model: onnx.ModelProto) -> None:
    """A factor of -1 behind a quantizer, with another quantizer behind that."""
    conv = node(model, "Conv", 1)
    quantizer = in_front_of(model, conv)
    again = onnx.NodeProto()
    again.CopyFrom(quantizer)
    again.name, again.input[0], again.output[0] = "Again", "turned", "again"
    model.graph.initializer.append(numpy_helper.from_array(np.float32(-1), "minus"))
    minus = helper.make_node("Mul", [conv.input[0], "minus"], ["turned"], name="Turn")
    conv.input[0] = "again"
    place = list(model.graph.node).index(conv)
    model.graph.node.insert(place, again)
    model.graph.node.insert(place, minus)


def dynamic_size(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "height"


def two_inputs(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("mask", onnx.TensorProto.FLOAT, [1]))


def circle(model: onnx.ModelProto) -> None:
    node(model, "Conv", 1).input[0] = node(model, "Add").output[0]


def missing(model: onnx.ModelProto) -> None:
    node(model, "Conv", 1).input[1] = "nothing"


NO_QUANTIZER = (
    "  why: the accelerator computes on codes of 1 to 8 bits\n"
    "  fix: put a quantizer on that tensor in training (QuantIdentity, QuantReLU), or quantize this operator too"
)
AGAIN = "  fix: export the model again"
WIDE = (
    "little.onnx: node Quant_8 (Quant): it quantizes to 9 bits\n"
    "  why: activations are codes of 1 to 8 bits\n"
    "  fix: quantize to 8 bits or less"
)
FLOAT_WEIGHTS = (
    "little.onnx: node Conv_6 (Conv): its weights are not quantized\n"
    "  why: no scale makes whole numbers of 8 bits of them\n"
    "  fix: quantize this layer too (weight_quant in Brevitas; not left out in onnxruntime's quantizer)"
)
POOLED = (
    f"little.onnx: node GlobalAveragePool_18 (GlobalAveragePool): the activation relu_16 in front of it is not quantized\n{NO_QUANTIZER}"
)
MESSAGES: list[tuple[Callable[[onnx.ModelProto], None], list[str]]] = [
    (
        group,
        [
            "little.onnx: node Conv_6 (Conv): a convolution in 2 groups\n"
            "  why: the accelerator's convolutions see all input channels\n"
            "  fix: train with groups=1"
        ],
    ),
    (
        concatenation,
        [
            "little.onnx: node Add_15 (Concat): it computes on activations\n"
            "  why: blocks are joined by addition\n"
            "  fix: use a residual network"
        ],
    ),
    (wide, [WIDE]),
    (
        fifth_of_a_bit,
        [
            "little.onnx: node Quant_8 (Quant): its bit width is 4.2\n"
            "  why: codes have a whole number of bits\n"
            "  fix: quantize to 1 to 8 bits"
        ],
    ),
    (unquantized, [f"little.onnx: node Conv_10 (Conv): the activation relu_7 in front of it is not quantized\n{NO_QUANTIZER}"]),
    (unquantized_join, [POOLED]),
    (float_weights, [FLOAT_WEIGHTS]),
    (several, [FLOAT_WEIGHTS, WIDE, POOLED]),
    (
        leaky,
        [
            "little.onnx: node Relu_3 (LeakyRelu): an operator that the accelerator does not have\n"
            "  why: an activation never falls and has integer codes; only ReLU and clipping are taken\n"
            "  fix: train with ReLU"
        ],
    ),
    (
        turned,
        [
            "little.onnx: node Conv_2 (Conv): one branch takes what it makes times a negative factor, the other does not\n"
            "  why: an activation never falls, so the weights would be negated, for both branches\n"
            "  fix: put the factor behind the next convolution, or train with positive scales"
        ],
    ),
    (
        dynamic_size,
        [
            "little.onnx: input image: its shape is 1×1×?×4\n"
            "  why: the accelerator is built for images of one size, (batch, channels, height, width)\n"
            "  fix: export the model with a fixed image size; only the batch may be dynamic"
        ],
    ),
    (
        two_inputs,
        ["little.onnx: 2 inputs: image, mask\n  why: the accelerator takes images alone\n  fix: export the model with one input"],
    ),
    (
        circle,
        [
            "little.onnx: the nodes Add_15 → Conv_6 → Relu_7 → Quant_8 → Conv_10 → Quant_13 form a circle\n"
            f"  why: a node takes what earlier ones made\n{AGAIN}"
        ],
    ),
    (
        missing,
        [f"little.onnx: node Conv_6 (Conv): its input nothing is missing\n  why: no node makes it and it is no initializer\n{AGAIN}"],
    ),
]


@pytest.mark.parametrize(("change", "messages"), MESSAGES, ids=[change.__name__ for change, _ in MESSAGES])
def test_message(change: Callable[[onnx.ModelProto], None], messages: list[str], tmp_path: Path) -> None:
    model = graphs.little(SPEC)
    change(model)
    assert refused(model, tmp_path) == messages


def test_bipolar_activations_are_not_padded(tmp_path: Path) -> None:
    model = graphs.little(SPEC)
    quantizer = in_front_of(model, node(model, "Conv", 2))
    quantizer.op_type = "BipolarQuant"
    del quantizer.input[2:], quantizer.attribute[:]
    assert refused(model, tmp_path) == [
        "little.onnx: node Conv_10 (Conv): it pads quant_8 with 0, which is no code\n"
        "  why: bipolar activations are -1 and +1, and outside the map stands a code, too\n"
        "  fix: train without padding, or with activations of 2 bits or more"
    ]


def test_weights_that_cannot_be_negated(tmp_path: Path) -> None:
    """A factor below 0 turns the weights of its channel, -128 too."""
    model = graphs.little(replace(SPEC, weight_bits=8, narrow_weights=False))
    conv = node(model, "Conv", 1)
    weights = next(each for each in model.graph.node if conv.input[1] in each.output)
    scale = numpy_helper.to_array(initializer(model, weights.input[1])).reshape(-1)[0]
    least = numpy_helper.from_array(np.full((2, 2, 3, 3), -128 * scale, np.float32), "least")
    model.graph.initializer.extend([least, numpy_helper.from_array(np.float32(-1), "minus")])
    weights.input[0] = "least"
    relu = next(each for each in model.graph.node if conv.output[0] in each.input)
    relu.input[0] = "turned"
    model.graph.node.insert(list(model.graph.node).index(relu), helper.make_node("Mul", [conv.output[0], "minus"], ["turned"], name="Turn"))
    assert refused(model, tmp_path) == [
        f"little.onnx: node Turn (Mul): a negative factor, and weights of {conv.name} that cannot be negated in int8\n"
        "  why: an activation never falls, so the weights of that channel are negated; they would be up to 128\n"
        "  fix: quantize the weights with narrow range (narrow_range=True), or train with positive scales"
    ]


def test_what_is_no_graph(tmp_path: Path) -> None:
    for content, what in ((b"", "there is no graph in it"), (b"not a graph", "not an ONNX model: ")):
        path = tmp_path / "file.onnx"
        path.write_bytes(content)
        with pytest.raises(GraphErrors, match=what):
            convert(path)
    with pytest.raises(GraphErrors, match="there is no such file"):
        convert(tmp_path / "none.onnx")
    with pytest.raises(GraphErrors, match="not a file"):
        convert(tmp_path)


def test_a_float_network_is_told_how_to_become_one(tmp_path: Path) -> None:
    model = graphs.little(SPEC)
    for op in ("Quant",) * len([each for each in model.graph.node if each.op_type == "Quant"]):
        passed_by(model, node(model, op))
    assert refused(model, tmp_path) == [
        f"{tmp_path / 'little.onnx'}: there are no quantizers in it\n"
        "  why: codes and scales come from its quantizers\n"
        "  fix: quantize it on pictures, --calibrate FOLDER, or train it with Brevitas"
    ]
