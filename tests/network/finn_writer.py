"""Writes headers in the syntax of the original ResNet50-PYNQ: the inverse of network.importers.finn_headers.

`Style` varies what the syntax leaves open: order, comments, blank lines, digits.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

STAGES = {"2": "abc", "3": "abcd", "4": "abcdef", "5": "abc"}
BLOCKS = [f"res{stage}{letter}" for stage, letters in STAGES.items() for letter in letters]
MACROS = {"conv1": "RES_2A", "conv2": "RES_2B", "conv3": "RES_2C", "bypass": "RES_1"}
PROJECTION = {"conv1": "br20", "conv2": "br21", "conv3": "br22", "bypass": "br10"}
IDENTITY = {"conv1": "br21", "conv2": "br22", "conv3": "br23"}
COMMENTED = "// BinaryWeights<32, 2, 4> weights_FPGABipolarConvThresholdLayer_br21 = {{{0x1, 0x2}}};"


@dataclass(frozen=True)
class Style:
    shuffle: int | None = None  # seed of the order of the arrays in a file
    padded: bool = False  # 0x0000002a instead of 0x2a
    comments: bool = False  # with code in them
    inverted: tuple[int, ...] = ()  # channels of the stem
    config: bool = True  # whether config.h says anything


def nested(words: np.ndarray) -> str:
    """Braces around text of any shape, a line for each innermost row."""
    if words.ndim == 1:
        return "{" + ", ".join(words) + "}"
    return "{" + ",\n ".join(nested(part) for part in words) + "}"


def binary_weights(weights: np.ndarray, pe: int, simd: int, tag: str, style: Style) -> str:
    out = len(weights)
    rows = weights.reshape(out // pe, pe, -1, simd).transpose(1, 0, 2, 3)  # (PE, NF, SF, SIMD)
    size = -(-simd // 8)
    bits = np.packbits(rows.reshape(-1, simd) > 0, axis=1, bitorder="little")
    words = [int.from_bytes(word.tobytes(), "little") for word in bits]
    width = 2 * size if style.padded else 0
    text = np.array([f"0x{word:0{width}x}" for word in words]).reshape(pe, -1)
    assert size * 8 >= simd
    return f"BinaryWeights<{simd}, {pe}, {text.shape[1]}> weights_{tag} = {{\n{nested(text)}}};\n"


def thresholds(values: np.ndarray, pe: int, tag: str, acc: str = "ap_int<16>") -> str:
    channels, count = values.shape
    rows = values.reshape(channels // pe, pe, count).transpose(1, 0, 2)
    text = np.array([f'"0x{value & 0xFFFF:04x}"' for value in rows.reshape(-1).tolist()]).reshape(rows.shape)
    bits = (count + 1).bit_length() - 1
    kind = f"ThresholdsActivation<{channels // pe}, {pe}, {count}, {acc}, ap_uint<{bits}>, 0, std::less_equal<{acc}>>"
    return f"{kind} thres_{tag} = {{\n{nested(text)}}};\n"


def stem(weights: np.ndarray, levels: np.ndarray, style: Style, acc_bits: int = 24) -> list[str]:
    out, _, _, inputs = weights.shape
    weights, levels = weights.astype(np.int64), levels.astype(np.int64)
    for channel in style.inverted:
        weights[channel] *= -1
        levels[channel] = 1 - levels[channel][::-1]
    octets = weights.reshape(out, -1, inputs).astype(np.int8).view(np.uint8)
    words = np.array([[f"0x{int.from_bytes(word.tobytes(), 'little'):x}" for word in row] for row in octets])
    count = levels.shape[1]
    packed = []
    for channel, row in enumerate(levels.tolist()):
        word = sum((value & (1 << acc_bits) - 1) << acc_bits * n for n, value in enumerate(row))
        word |= int(channel in style.inverted) << acc_bits * count
        packed.append([f'"0x{word:0{acc_bits * count // 4}x}"'])
    extents = f"[{out}][{words.shape[1]}]"
    return [
        f"const ap_uint<{8 * inputs}> weights_conv0{extents} = \n{nested(words)};\n",
        f"const ap_uint<{acc_bits}*{count + 1}> thres_conv0[{out}][1] = \n{nested(np.array(packed))};\n",
    ]


def params(parts: list[str], style: Style) -> str:
    if style.shuffle is not None:
        parts = [parts[i] for i in np.random.default_rng(style.shuffle).permutation(len(parts))]
    if style.comments:
        parts = [part for text in parts for part in (f"// weights = {{\n{COMMENTED}\n\n/* thres;\n */\n", text.replace("}, {", "},\n\n{"))]
    return "#pragma once\n" + "\n".join(parts)


def config(prefix: str, facts: dict[str, int], style: Style) -> str:
    return "".join(f"#define {prefix}_{name} {value}\n" for name, value in facts.items()) if style.config else ""


def write(folder: Path, arrays: dict[str, np.ndarray], folding: dict, style: Style = Style()) -> Path:
    """`arrays` in the layout of network.parameters; `folding` in that of the reference's original_design.json."""

    def files(name: str, config_text: str, parts: list[str]) -> None:
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "config.h").write_text(f"#pragma once\n// {name}\n{config_text}#define WINTERPRET Recast<Binary>\n")
        (folder / name / "params.h").write_text(params(parts, style))

    conv = folding["stem"]["conv"]
    facts = {"PE": conv["pe"], "SIMD": conv["simd"], "MMV": conv["pixels_in_parallel"], "IFMC": conv["in"], "OFMC": conv["out"]}
    facts |= {"KERNELDIM": conv["kernel"], "STRIDE": conv["stride"], "IFMDIM": conv["height"]}
    files("inpipe", config("L0", facts, style), stem(arrays["stem/conv/weights"], arrays["stem/conv/thresholds"], style))
    for name in BLOCKS:
        layers = folding[name]
        projects = layers["bypass"] != "identity"
        tags = PROJECTION if projects else IDENTITY
        entry = arrays[f"{name}/entry/thresholds"]
        parts = [thresholds(entry, layers["conv1"]["pe"], f"FPGAThresholdLayer_{'top0' if projects else 'br20'}", "ap_uint<16>")]
        text = ""
        for layer, tag in tags.items():
            one = layers[layer]
            text += f"// {name} {layer}\n" + config(
                MACROS[layer],
                {"PE": one["pe"], "SIMD": one["simd"], "IFMC": one["in"], "OFMC": one["out"], "STRIDE": one["stride"]},
                style,
            )
            tag = f"FPGABipolarConvThresholdLayer_{tag}"
            parts.append(binary_weights(arrays[f"{name}/{layer}/weights"], one["pe"], one["simd"], tag, style))
            parts.append(thresholds(arrays[f"{name}/{layer}/thresholds"], one["pe"], tag))
        files(name, text, parts)
    fc, bias = folding["head"]["fc"], arrays["head/fc/bias"]
    words = nested(bias.astype(str).reshape(1, -1))
    facts = {"PE": fc["pe"], "SIMD": fc["simd"], "MW": fc["in"], "MH": fc["out"]}
    files("outpipe", config("L53", facts, style), [f"FixedPointWeights<1, ap_int<32>, 1, {len(bias)}> bias_fc1000 = {{\n{words}}};\n"])
    return folder


def original(reference: Path) -> tuple[dict[str, np.ndarray], dict]:
    """The reference's arrays and folding."""
    arrays = dict(np.load(reference / "params.npz"))
    return arrays, json.loads((reference / "original_design.json").read_text())["folding"]
