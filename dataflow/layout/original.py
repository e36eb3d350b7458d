"""The style of Xilinx/ResNet50-PYNQ, whose published figures the estimate is held against."""

from __future__ import annotations

from dataclasses import replace

from dataflow.design import Design
from dataflow.layout.network import lay_out, without_fifos
from network.formats import Kind
from network.layers import Build, Conv, Multiply, Way


def original_style(design: Design) -> Design:
    """The same folding as the original builds it: comparators at every PE, and products in DSPs unless they are of bipolar weights."""

    def original(conv: Conv) -> Conv:
        multiply = Multiply.LUT if conv.weight.kind is Kind.BIPOLAR else Multiply.DSP
        return conv.built(Build(conv.fold, multiply, Way.FUSED))

    net = without_fifos(design.network)  # depths that are given name streams of this design
    return lay_out(
        replace(
            net,
            stem=replace(net.stem, conv=original(net.stem.conv)),
            blocks=tuple(block.with_layers(list(map(original, block.layers))) for block in net.blocks),
        ),
        design.platform,
    )
