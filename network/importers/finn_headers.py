"""python -m network.importers.finn_headers SRC_DIR OUT.npz [--fc-weights fcweights.csv] [--yaml OUT.yaml]

Imports the trained ResNet-50 of the archived Xilinx/ResNet50-PYNQ from its C headers. SRC_DIR is its folder src/w1a2_v1.0:
`inpipe`, `res2a` … `res5c`, `outpipe`, each with a config.h and a params.h. They are read as data; nothing is executed.

params.h decides: the types and extents of its arrays give PE, SIMD, channels, kernels and formats. config.h is checked against
it where both have a value (`…_PE`, `…_SIMD`, `…_IFMC`, `…_OFMC`), and read for what only it has: strides (`…_STRIDE`), the image's side (`L0_IFMDIM`), the pixels the stem computes in parallel (`L0_MMV`) and the folding of the fully
connected layer (`L53_PE`, `L53_SIMD`). Missing macros are assumed to be as in the original: ResNet v1 strides, 224, 16, 1 and
64. Padding, the pool and the number of labels are the original's, and the SLRs are those chosen for this library's logic.

Thresholds keep the order they have in the headers. They ascend except in the stem, where the lowest bits hold the highest
threshold. The order does not change a count, and `network.parameters.load` reverses that array.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codegen.cli import console
from codegen.cli.options import argument, output
from network import parameters
from network.errors import DescriptionError, HeaderError, Source
from network.importers import finn_arrays, finn_yaml
from network.importers.finn_yaml import Described, Layer
from network.importers.initialisers import Header
from network.thresholds import turned
from network.yaml import description

BLOCKS = tuple(f"res{stage}{letter}" for stage, count in ((2, 3), (3, 4), (4, 6), (5, 3)) for letter in "abcdef"[:count])
PROJECTION = {"entry": "top0", "conv1": "br20", "conv2": "br21", "conv3": "br22", "bypass": "br10"}
IDENTITY = {"entry": "br20", "conv1": "br21", "conv2": "br22", "conv3": "br23"}
"""Tag of each layer's arrays in params.h."""
MACROS = {"conv1": "RES_2A", "conv2": "RES_2B", "conv3": "RES_2C", "bypass": "RES_1"}
"""Prefix of each layer's macros in config.h."""
LARGEST = 1 << 16

Arrays = dict[str, NDArray[Any]]


def read(folder: Path) -> tuple[Arrays, Described]:
    """The arrays in the layout of network.parameters, and the decisions for the description; raises HeaderError."""
    if not folder.is_dir():
        what = "not a folder" if folder.exists() else "there is no such folder"
        raise HeaderError(Source(str(folder), 0), what, why="the original has a folder for each IP", fix="name its folder src/w1a2_v1.0")
    arrays: Arrays = {}
    config = Header(folder / "inpipe" / "config.h")
    stem = _stem(Header(folder / "inpipe" / "params.h"), config, arrays)
    side, pixels = _macro(config, "L0_IFMDIM", 224), _macro(config, "L0_MMV", 16)
    channels = stem.out
    blocks = {}
    for name in BLOCKS:
        blocks[name] = _block(name, folder / name, channels, arrays)
        channels = blocks[name]["conv3"].out
    config = Header(folder / "outpipe" / "config.h")
    bias = finn_arrays.bias(Header(folder / "outpipe" / "params.h").declaration("bias_fc1000", "FixedPointWeights", 4))
    arrays["head/fc/bias"] = bias
    _agree(config, "L53", "the head", {"MW": channels, "MH": len(bias)})
    return arrays, Described(
        side=side,
        pixels=pixels,
        stem=stem,
        blocks=blocks,
        classes=len(bias),
        fc_pe=_macro(config, "L53_PE", 1),
        fc_simd=_macro(config, "L53_SIMD", 64),
    )


def _macro(config: Header, name: str, otherwise: int) -> int:
    macro = config.defines.get(name)
    if macro is None:
        return otherwise
    if not 1 <= macro.value <= LARGEST:
        config.fail(f"{name} is {macro.value}", why=f"it is 1 to {LARGEST:,}", line=macro.line)
    return macro.value


def _agree(config: Header, prefix: str, layer: str, facts: dict[str, int]) -> None:
    """Check the macros that are present against the values from params.h."""
    for suffix, value in facts.items():
        macro = config.defines.get(f"{prefix}_{suffix}")
        if macro is not None and macro.value != value:
            config.fail(
                f"{prefix}_{suffix} is {macro.value}, the arrays of {layer} have {value}",
                why="config.h and params.h describe one design",
                fix="take both from one version of the original repository",
                line=macro.line,
            )


def _stem(params: Header, config: Header, arrays: Arrays) -> Layer:
    """The first convolution; a channel whose comparison is inverted gets negated weights and equivalent thresholds."""
    declaration = params.declaration("weights_conv0", "ap_uint", 1)
    thresholds = finn_arrays.stem_thresholds(params.declaration("thres_conv0", "ap_uint", 1))
    out, count = thresholds.values.shape
    folds = params.declarations["thres_conv0"].extents[1]
    weights = finn_arrays.stem_weights(declaration, folds)
    kernel = math.isqrt(weights.values.shape[1] // weights.simd)
    if len(weights.values) != out or kernel**2 * weights.simd != weights.values.shape[1]:
        what = f"{len(weights.values)} output channels of {weights.values.shape[1] // weights.simd} positions"
        declaration.fail(what, why=f"there are thresholds for {out} channels, and the kernel is square")
    _agree(config, "L0", "the stem", {"PE": weights.pe, "SIMD": weights.simd, "IFMC": weights.simd, "OFMC": out, "KERNELDIM": kernel})
    values, levels = weights.values.copy(), thresholds.values.copy()
    inverted = thresholds.inverted
    for channel in np.flatnonzero(inverted):
        if (values[channel] == -128).any():
            declaration.fail(f"-128 in channel {channel}", why="its comparison is inverted, and 128 does not fit into an int8 weight")
    falls = bool((np.diff(levels, axis=1) < 0).any())
    values[inverted], ascending = turned(values[inverted], levels[inverted])
    levels[inverted] = ascending[:, ::-1] if falls else ascending
    arrays["stem/conv/weights"] = values.reshape(out, kernel, kernel, weights.simd)
    arrays["stem/conv/thresholds"] = levels
    stride = _macro(config, "L0_STRIDE", 2)
    return Layer(kernel, weights.simd, out, stride, weights.pe, weights.simd, (count + 1).bit_length() - 1, thresholds.acc_bits)


def _block(name: str, folder: Path, channels: int, arrays: Arrays) -> dict[str, Layer]:
    """The layers of a residual block with `channels` input channels; its arrays go into `arrays`."""
    config, params = Header(folder / "config.h"), Header(folder / "params.h")
    projects = any(declared.endswith(("_top0", "_br10")) for declared in params.declarations)
    tags = PROJECTION if projects else IDENTITY
    declared = f"thres_FPGAThresholdLayer_{tags['entry']}"
    entry = finn_arrays.thresholds(params, declared)
    if len(entry.values) != channels:
        what = f"thresholds of {len(entry.values)} channels"
        params.declarations[declared].fail(what, why=f"the IP before {name} has {channels} output channels")
    arrays[f"{name}/entry/thresholds"] = entry.values
    layers: dict[str, Layer] = {}
    for layer in list(MACROS)[: len(tags) - 1]:
        inputs = channels if layer in ("conv1", "bypass") else layers[f"conv{int(layer[-1]) - 1}"].out
        tag = f"FPGABipolarConvThresholdLayer_{tags[layer]}"
        thresholds = finn_arrays.thresholds(params, f"thres_{tag}")
        out = len(thresholds.values)
        weights = finn_arrays.binary_weights(params, f"weights_{tag}", out)
        fan_in = weights.values.shape[1]
        kernel = math.isqrt(fan_in // inputs)
        if kernel**2 * inputs != fan_in or inputs % weights.simd or weights.pe != thresholds.pe:
            params.declarations[f"weights_{tag}"].fail(
                f"{weights.pe} rows of {fan_in} inputs in words of {weights.simd}",
                why=f"{name}.{layer} has thresholds in {thresholds.pe} rows, {inputs} input channels and a square kernel",
            )
        _agree(config, MACROS[layer], f"{name}.{layer}", {"PE": weights.pe, "SIMD": weights.simd, "IFMC": inputs, "OFMC": out})
        # ResNet v1: from the second stage on, the projection and the 1x1 beside it skip every other pixel.
        assumed = 2 if projects and name != BLOCKS[0] and layer in ("conv1", "bypass") else 1
        stride = _macro(config, f"{MACROS[layer]}_STRIDE", assumed)
        layers[layer] = Layer(kernel, inputs, out, stride, weights.pe, weights.simd, thresholds.code_bits, thresholds.acc_bits)
        arrays[f"{name}/{layer}/weights"] = weights.values.reshape(out, kernel, kernel, inputs)
        arrays[f"{name}/{layer}/thresholds"] = thresholds.values
    bypass = layers["bypass"].out if projects else channels
    if bypass != layers["conv3"].out:
        params.fail(f"the bypass of {name} has {bypass} channels, conv3 has {layers['conv3'].out}", why="the block adds the two")
    return layers


def run(source: Path, output: Path, fc_weights: Path | None = None, yaml: Path | None = None) -> list[str]:
    """Import and write; returns lines that say what was written. Raises HeaderError, DescriptionError or OSError."""
    arrays, described = read(source)
    if fc_weights is not None:
        inputs = finn_yaml.blocks_out(described.blocks)
        arrays["head/fc/weights"] = finn_arrays.fc_weights(fc_weights, (described.classes, inputs))
    parameters.save(output, arrays)
    lines = [
        f"{output}: {sum(array.size for name, array in arrays.items() if name.endswith('/weights')):,} weights in {len(arrays)} arrays"
    ]
    if yaml is not None:
        finn_yaml.write(yaml, described, output)
        description.load(yaml)  # reports values that no description may have
        lines.append(f"{yaml}: {len(BLOCKS)} blocks with the original's folding")
    if fc_weights is None:
        why = "it is published as a CSV file, not in the headers"
        lines.append(f"head/fc/weights is missing: {why}. Before building, import again with --fc-weights fcweights.csv")
    return lines


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 0 if the network was imported, 1 after an error, 2 (from argparse) for wrong arguments."""
    parser = argparse.ArgumentParser(prog="python -m network.importers.finn_headers", description="Import the original ResNet-50.")
    parser.add_argument("source", type=Path, metavar="SRC_DIR", help="the original's folder src/w1a2_v1.0")
    written, described = output("OUT.npz", "the parameters are written to it"), output("--yaml", "the description is written to it")
    parser.add_argument("output", type=argument(written), metavar="OUT.npz", help="the parameter file to write")
    parser.add_argument("--fc-weights", type=Path, metavar="CSV", help="fcweights.csv, the fully connected layer's weights")
    parser.add_argument("--yaml", type=argument(described), metavar="OUT.yaml", help="write the description, too")
    console.degrade()
    options = parser.parse_args(argv)
    if options.yaml is not None and options.yaml.resolve() == options.output.resolve():
        parser.error(f"argument --yaml: {options.yaml} is also the parameter file; name another")
    try:
        print("\n".join(run(options.source, options.output, options.fc_weights, options.yaml)))
    except (HeaderError, DescriptionError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename}: cannot be written: {error.strerror}", file=sys.stderr)
        print("  why: the imported network goes there\n  fix: choose another place", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
