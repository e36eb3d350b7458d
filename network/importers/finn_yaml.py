"""The description of an imported network: the decisions in its headers, as a table to be tuned by hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from codegen.text.files import write_changed
from network.yaml import paths
from network.yaml.writer import quoted

NAME = "resnet50_w1a2"
SLRS = {
    1: "res2c res3a res3b res5a",
    2: "res2a res2b res3c res3d res4f res5b",
    3: "res4a res4b res4c res4d res4e",
}
"""SLRs of the blocks on the U250, which keep the budgets with this library's logic; all other blocks, stem, head and DMA are in SLR 0.
With the original's floorplan, which is for the original's logic, the estimate exceeds the budget of an SLR."""


class Layer(NamedTuple):
    """The decisions for one convolution."""

    kernel: int
    inputs: int
    out: int
    stride: int
    pe: int
    simd: int
    code_bits: int
    acc_bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """The decisions of the original's design."""

    side: int  # of the square image
    pixels: int  # the stem computes in parallel
    stem: Layer
    blocks: dict[str, dict[str, Layer]]  # res2a -> conv1, conv2, conv3, and bypass where it is a projection
    classes: int
    fc_pe: int
    fc_simd: int


def render(described: Described, parameters: str | None = None) -> str:
    """The YAML; `parameters` names the parameter file if it is not in the default place."""
    stem, blocks = described.stem, described.blocks
    first = next(iter(blocks.values()))
    code_bits = first["conv3"].code_bits
    lines = [
        "# ResNet-50 with 1-bit weights and 2-bit activations on the Alveo U250, folded as in Xilinx/ResNet50-PYNQ",
        f"network:   {NAME}",
        "platform:  u250",
        "clock_mhz: 250",
        f"input:     {f'{{shape: [{described.side}, {described.side}, {stem.inputs}]}}':28} # H, W, C: uint8 blue, green, red",
        *([f"parameters: {quoted(parameters)}"] if parameters else []),
        "",
        "formats:",
        "  weight:   bipolar                     # {-1, +1} in one bit",
        f"  act:      {f'uint{stem.code_bits}':27} # inside a block",
        f"  residual: {f'uint{code_bits}':27} # between blocks and on the bypass, zero point {1 << code_bits - 1}",
        f"  acc:      int{first['conv1'].acc_bits}",
        "",
        "memory:",
        "  images:  DDR[0]",
        "  labels:  DDR[0]",
        f"  weights: PLRAM[0]                     # {described.classes * blocks_out(blocks):,} bytes, made large enough when linking",
        "",
        "stem:",
        "  slr: 0",
        f"  conv: {{kernel: {stem.kernel}, out: {stem.out}, stride: {stem.stride}, pad: [3, 2], weight: int8, acc: int{stem.acc_bits}, "
        f"pe: {stem.pe}, simd: {stem.simd}, pixels: {described.pixels}}}",
        "  pool: {kernel: 3, stride: 2, pad: [0, 1]}",
        "",
        "blocks:",
    ]
    slrs = {name: slr for slr, names in SLRS.items() for name in names.split()}
    came = stem.code_bits
    for name, layers in blocks.items():
        lines += [f"  {name}:", f"    slr:    {slrs.get(name, 0)}"]
        if came == stem.code_bits:
            lines.append(f"    entry:  true                        # thresholds, though uint{came} comes in already")
        lines += [f"    {layer + ':':7} {_conv(layer, layers[layer])}" for layer in layers]
        if "bypass" not in layers:
            lines.append("    bypass: identity")
        came = layers["conv3"].code_bits
    lines += [
        "",
        "head:",
        "  slr: 0",
        f"  fc:      {{out: {described.classes}, weight: int8, pe: {described.fc_pe}, simd: {described.fc_simd}}}",
        "  weights: stream                       # from memory, not on chip",
        "  top:     5",
    ]
    return "\n".join(lines) + "\n"


def blocks_out(blocks: dict[str, dict[str, Layer]]) -> int:
    """Channels of the last block."""
    return next(reversed(blocks.values()))["conv3"].out


def _conv(layer: str, conv: Layer) -> str:
    shape = "" if layer == "bypass" else f"kernel: {conv.kernel}, out: {conv.out:4}, "
    stride = f"stride: {conv.stride}, " if conv.stride != 1 else ""
    return f"{{{shape}{stride}pe: {conv.pe:2}, simd: {conv.simd:2}}}"


def write(path: Path, described: Described, npz: Path) -> None:
    """Write the description atomically; it names its parameter file unless that is in the default place."""
    write_changed(path, render(described, paths.parameters_entry(path, npz, NAME)))
