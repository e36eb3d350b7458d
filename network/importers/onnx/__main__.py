"""python -m network.importers.onnx MODEL.onnx --network NAME

Imports a quantized ONNX graph: QONNX as Brevitas and qonnx write it, QDQ as onnxruntime's quantizer does. The integers that are written
equal the graph's own arithmetic, read in rational numbers; what cannot be taken is named, node by node, with what to change.

With --calibrate FOLDER the graph is a float one, which onnxruntime's static quantizer first makes 8-bit on the pictures of that folder.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codegen.cli import console
from codegen.cli.options import OptionError, argument, given, output, whole
from network import images as network_images
from network.errors import GraphError, GraphErrors, ParameterError
from network.importers.onnx import check, convert, table
from network.importers.onnx.operators import Preprocessing
from network.importers.onnx.write import Naming, require_free
from network.model import Network, Pictures
from network.yaml import values

HELP = {
    "config": "the description to write (default: configs/NAME.yaml)",
    "params": "the parameter file to write (default: params/NAME.npz)",
    "scale": "the graph's input is (pixel * scale - mean) / std: a number or a fraction (default: 1/255, or 1 if the input is uint8)",
    "mean": "one number, or one for each channel: 0.485,0.456,0.406 (default: 0)",
    "std": "the same (default: 1)",
    "order": "of the picture's channels (default: rgb)",
    "resize": "pixels of a picture's shorter side, before the middle is cut out (default: stretched to the network's size)",
    "interpolation": "of that resizing (default: bilinear)",
    "check": "compare the codes of every quantizer on so many images with the graph's own evaluation (onnxruntime for QDQ)",
    "images": "an .npz with images, uint8 (n, height, width, channels), for --check (default: random ones)",
    "calibrate": "quantize a float graph to 8 bits first, on the pictures of this folder",
}


def numbers(name: str, *, positive: bool) -> Callable[[str], tuple[Fraction, ...]]:
    """Rational numbers, separated by commas."""

    def convert_(text: str) -> tuple[Fraction, ...]:
        try:
            if len(text) > 400:
                raise ValueError
            found = tuple(Fraction(part.strip()) for part in text.split(","))
        except (ValueError, ZeroDivisionError):
            why = "they are numbers or fractions, separated by commas"
            raise OptionError(given(name, text), "not numbers", why=why, fix="write for example 0.485,0.456,0.406 or 1/255") from None
        if positive and min(found) <= 0:
            raise OptionError(given(name, text), "not above 0", why="pixels are scaled by it", fix="write numbers above 0")
        return found

    return argument(convert_)


def named(text: str) -> str:
    if len(text) > values.MAX_KERNEL_NAME or not values.NAME.fullmatch(text):
        fix = f"use up to {values.MAX_KERNEL_NAME} lower-case letters, digits and single underscores, a letter first"
        raise OptionError(given("--network", text), "cannot be a name", why="it becomes part of file and module names", fix=fix)
    return text


def platform(text: str) -> str:
    if not values.NAME.fullmatch(text):
        raise OptionError(
            given("--platform", text), "not a platform", why="it names a card", fix="write u250, or another of dataflow/platforms"
        )
    return text


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="python -m network.importers.onnx",
        description="Import a quantized ONNX graph of a residual network: QONNX (Brevitas, qonnx) or QDQ (onnxruntime).",
        epilog="Then: doit network=NAME, or doit network=NAME demo.",
    )
    result.add_argument("model", type=Path, metavar="MODEL.onnx", help="the graph")
    result.add_argument("--network", type=argument(named), required=True, metavar="NAME", help="the name of the network")
    result.add_argument("--platform", type=argument(platform), default="u250", metavar="CARD", help="the card (default: u250)")
    for name, why in (("config", "the description is written to it"), ("params", "the parameters are written to it")):
        result.add_argument(f"--{name}", type=argument(output(f"--{name}", why)), metavar="FILE", help=HELP[name])
    result.add_argument("--scale", type=numbers("--scale", positive=True), metavar="NUMBER", help=HELP["scale"])
    result.add_argument("--mean", type=numbers("--mean", positive=False), metavar="NUMBERS", help=HELP["mean"])
    result.add_argument("--std", type=numbers("--std", positive=True), metavar="NUMBERS", help=HELP["std"])
    result.add_argument("--order", choices=("rgb", "bgr"), default="rgb", help=HELP["order"])
    result.add_argument(
        "--resize", type=argument(whole("--resize", 1, values.MAX_SIZE, "it counts pixels")), metavar="PIXELS", help=HELP["resize"]
    )
    result.add_argument("--interpolation", choices=("bilinear", "bicubic"), default="bilinear", help=HELP["interpolation"])
    result.add_argument("--check", type=argument(whole("--check", 1, 100_000, "it counts images")), metavar="N", help=HELP["check"])
    result.add_argument("--images", type=Path, metavar="NPZ", help=HELP["images"])
    result.add_argument("--calibrate", type=Path, metavar="FOLDER", help=HELP["calibrate"])
    return result


def run(options: argparse.Namespace) -> int:
    """0 if the network was imported and, where asked for, equals its graph."""
    name = options.network
    config = options.config or Path("configs", f"{name}.yaml")
    npz = options.params or Path("params", f"{name}.npz")
    require_free(config, npz)
    is_given = any(each is not None for each in (options.scale, options.mean, options.std))
    scale = options.scale[0] if options.scale else Fraction(1, 255)
    preprocessing = Preprocessing(scale, options.mean or (Fraction(0),), options.std or (Fraction(1),), is_given)
    shown = Pictures(options.order, options.resize, options.interpolation)
    with tempfile.TemporaryDirectory() as folder:
        model = options.model
        if options.calibrate is not None:
            from network.importers.onnx import calibrate

            model = Path(folder) / options.model.name
            count = calibrate.quantize(options.model, options.calibrate, model, preprocessing, shown)
            print(f"{options.model}: quantized to 8 bits on {count:,} pictures of {options.calibrate}")
        imported = convert.convert(model, preprocessing)
        naming = Naming(network=name, platform=options.platform, file=options.model.name, pictures=shown)
        network, arrays = convert.save(imported, config, npz, naming)
        table.show(table.layers(imported.lowered.rows))
        weights = sum(array.size for key, array in arrays.items() if key.endswith("/weights"))
        print(f"{config}: {len(network.blocks)} blocks, {network.head.fc.out:,} classes, {weights:,} weights in {npz}")
        if options.check is None:
            return 0
        report = check.compare(imported, network, arrays, _images(network, options))
    table.show(table.comparison(report.quantizers))
    against = "the graph in rational numbers" if report.is_exact else "onnxruntime"
    differ = sum(each.different for each in report.quantizers)
    total = sum(each.codes for each in report.quantizers)
    print(
        f"{report.images:,} image{'s' if report.images > 1 else ''}, {differ:,} of {total:,} codes and {report.labels:,} labels differ from {against}"
    )
    if report.is_equal:
        return 0
    print("error: more than rounding in float arithmetic explains", file=sys.stderr)
    return 1


def _images(network: Network, options: argparse.Namespace) -> NDArray[np.uint8]:
    if options.images is not None:
        given_images = network_images.load(replace(network, images=str(options.images)), Path())
        return given_images.images[: options.check]
    return np.random.default_rng(0).integers(0, 256, (options.check, *network.input), dtype=np.uint8)


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 0 if the network was imported, 1 after an error or where it differs, 2 (from argparse) for wrong arguments."""
    console.degrade()
    made = parser()
    options = made.parse_args(argv)
    if options.config is not None and options.params is not None and options.config.resolve() == options.params.resolve():
        made.error(f"argument --params: {options.params} is also the description; name another")
    if options.scale is not None and len(options.scale) != 1:
        made.error("argument --scale: there is one for all channels; write for example 1/255")
    if options.images is not None and options.check is None:
        made.error("argument --images: they are for --check; write --check N, too")
    try:
        return run(options)
    except GraphErrors as errors:
        for error in errors.errors:
            print(f"error: {error}", file=sys.stderr)
    except (GraphError, ParameterError) as error:
        print(f"error: {error}", file=sys.stderr)
    except OSError as error:
        print(f"error: {error.filename}: cannot be written: {error.strerror}", file=sys.stderr)
        print("  why: the imported network goes there\n  fix: choose another place", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
