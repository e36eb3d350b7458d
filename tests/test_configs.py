"""The descriptions that are shipped: the networks their names promise, laid out near the rate they promise."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

import dataflow
from dataflow.choose.fit import fit
from network import load
from runtime.container.xclbin import Xclbin
from vitis.emulation import emulation_xclbin
from vitis.render import render

CONFIGS = Path(__file__).parent.parent / "configs"


@pytest.mark.parametrize(
    ("name", "kind", "blocks", "weights", "interval"),
    [  # weights of the convolutions, in thousands: 11.2, 21.3, 23.5 and 42.4 million as in the paper's networks
        ("resnet18", "basic", [2, 2, 2, 2], 11_166_912, 56_449),
        ("resnet34", "basic", [3, 4, 6, 3], 21_267_648, 56_449),
        ("resnet50_w1a2", "bottleneck", [3, 4, 6, 3], 23_454_912, 56_449),
        ("resnet50", "bottleneck", [3, 4, 6, 3], 23_454_912, 56_449),
        ("resnet101", "bottleneck", [3, 4, 23, 3], 42_394_816, 225_793),
    ],
)
def test_resnets(name, kind, blocks, weights, interval):
    net = load(CONFIGS / f"{name}.yaml")
    assert {block.kind for block in net.blocks} == {kind}
    assert [sum(block.name.startswith(f"res{stage}") for block in net.blocks) for stage in (2, 3, 4, 5)] == blocks
    assert sum(conv.out * conv.product.fan_in for conv in net.convs) == weights
    assert next(block.output for block in net.blocks if block.name == "res5a")[:2] == (7, 7)
    assert {str(each) for each in (net.blocks[0].convs[0].output_format, net.blocks[0].residual, net.head.fc.weight)} == {
        "uint2",
        "uint4",
        "int8",
    }
    design = dataflow.plan(net)
    assert design.interval == interval
    assert {0, 1, 2} <= {ip.slr for ip in design.ips}
    # By the estimate the weights of ResNet-101 take more block RAM than the card has, however they are folded.
    assert fit(design).passed == (name != "resnet101")
    assert all(render(design).values())


@pytest.mark.parametrize(("bits", "fps"), [(4, 2200), (8, 1000)])
def test_resnet50_as_people_train_it(bits, fps):
    """v1.5, whose stride is that of the 3x3 convolution; branches end in signed codes, and their sum is quantized. The folding is chosen from
    the rate, which takes a while, and is not asked for here."""
    net, original = load(CONFIGS / f"resnet50_w{bits}a{bits}.yaml"), load(CONFIGS / "resnet50_w1a2.yaml")
    assert net.fps == fps
    assert [block.output for block in net.blocks] == [block.output for block in original.blocks]
    assert [conv.weights_shape for conv in net.convs] == [conv.weights_shape for conv in original.convs]
    for block in net.blocks:
        stride = 2 if block.name in ("res3a", "res4a", "res5a") else 1
        assert [conv.window.stride for conv in block.convs] == [(1, 1), (stride, stride), (1, 1)]
        assert {str(conv.weight) for conv in block.layers} == {f"int{bits}"}
        assert [str(conv.output_format) for conv in block.convs] == [f"uint{bits}", f"uint{bits}", f"int{bits}"]
        assert str(block.residual) == f"uint{bits}"
        assert block.join
    assert [str(each) for each in (net.stem.conv.weight, net.head.act, net.head.fc.weight)] == ["int8", "uint8", "int8"]


def test_the_article_s_network_is_the_original_s_with_its_weights_in_ddr(tmp_path):
    article, original = (load(CONFIGS / f"{name}.yaml") for name in ("resnet50", "resnet50_w1a2"))
    assert {"DDR[0]"} == {getattr(article.memory, argument) for argument in ("images", "labels", "weights")}
    assert (CONFIGS / article.parameters).resolve() == (CONFIGS.parent / "params" / "resnet50_w1a2.npz").resolve()
    assert replace(article, name=original.name, parameters=original.parameters, memory=original.memory) == original
    text = (CONFIGS / "resnet50.yaml").read_text()
    active, documented = re.findall(r"^(?:# )?(memory: .*)$", text, re.MULTILINE)
    (tmp_path / "mine.yaml").write_text(text.replace(active, documented))  # wherever it is copied to
    design = dataflow.plan(load(tmp_path / "mine.yaml"))
    memory = design.network.memory
    assert (memory.images, memory.labels, memory.weights) == ("DDR[0]", "DDR[0]", "PLRAM[0]")


def test_weights_in_a_bank_that_is_made_larger(toy_yaml, tmp_path):
    """In emulation as on the card: PLRAM comes with 128 KB, and has to hold the fully connected layer."""
    from network import parameters

    text = toy_yaml.read_text().replace("\nformats:", "\nmemory: {weights: 'PLRAM[0]'}\nformats:", 1).replace("out: 5,", "out: 30000,")
    (tmp_path / "toy.yaml").write_text(text)
    net = load(tmp_path / "toy.yaml")
    path = tmp_path / "toy.xclbin"
    path.write_bytes(emulation_xclbin(dataflow.plan(net), parameters.draw(net, 1)))
    sizes = {bank.tag: bank.size_kb for bank in Xclbin.read(path).banks}
    assert (sizes["PLRAM[0]"], sizes["PLRAM[1]"]) == (256, 128)
