"""The trained ResNet-8 as its authors exported it: every golden code, the scores and labels, and the description that is written."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

import runtime
from dataflow import plan
from dataflow.choose.fit import fit
from dataflow.cost.estimate import estimate_ip
from network import parameters, reference
from network.importers.onnx import check, convert, write
from network.importers.onnx.__main__ import main
from network.model import Network, Pictures
from tests.reference_data import FOLDER
from tests.tools.builds import doit

MODEL = FOLDER.parent / "qonnx" / "resnet8_a8w8.onnx"
pytestmark = pytest.mark.skipif(not MODEL.exists(), reason="no trained ResNet-8 beside the checkout")


class Taken(NamedTuple):
    imported: convert.Imported
    network: Network
    arrays: Mapping[str, NDArray[Any]]
    golden: Mapping[str, NDArray[Any]]
    results: Mapping[str, NDArray[Any]]
    text: str


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    folder = tmp_path_factory.mktemp("resnet8")
    imported = convert.convert(MODEL)
    config, npz = folder / "configs" / "resnet8.yaml", folder / "params" / "resnet8.npz"
    naming = write.Naming(network="resnet8", platform="u250", file=MODEL.name, pictures=Pictures(order="rgb"))
    network, arrays = convert.save(imported, config, npz, naming)
    with np.load(MODEL.with_name("resnet8_a8w8_golden.npz")) as loaded:
        golden = dict(loaded)
    return Taken(imported, network, arrays, golden, reference.everything(network, arrays, golden["images"]), config.read_text())


def test_every_golden_code_is_equal(taken: Taken) -> None:
    codes = check.quantizer_codes(taken.imported, taken.results, taken.golden["images"])
    expected = {name.removeprefix("codes/"): array for name, array in taken.golden.items() if name.startswith("codes/")}
    assert codes.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(codes[name].reshape(-1), np.moveaxis(array, 1, -1).reshape(-1), name)


def test_scores_and_labels_are_equal(taken: Taken) -> None:
    scores = taken.imported.lowered.score_scale * taken.results["scores"] + taken.imported.lowered.score_zero
    np.testing.assert_array_equal(scores, taken.golden["scores"])
    np.testing.assert_array_equal(taken.results["labels"][:, 0], taken.golden["labels"])


def test_it_fits_a_part_of_the_card(taken: Taken) -> None:
    """At the frames/s that nn2FPGA has on a whole device of 117,000 LUTs, and as fast as the card holds, by the estimate."""
    slow, fast = (plan(replace(taken.network, fps=fps)) for fps in (26_900, None))
    assert sum(estimate_ip(ip).lut for ip in slow.parts) <= 45_000
    assert slow.frames_per_second >= 26_900
    assert fast.frames_per_second >= 200_000
    fit(fast).require()


def scale(bias: int, shift: int, low: int, high: int, *, even: bool = True, step: int = 1) -> str:
    """How an activation is built of which all scales are powers of two: without multiplications."""
    rounding, steps = ", rounding: half_even" if even else "", f", step: {step}" if step > 1 else ""
    return f"activation: {{scale: {{multiplier: 1, bias: {bias}, shift: {shift}{rounding}{steps}, low: {low}, high: {high}}}}}"


def test_the_description_says_each_thing_once(taken: Taken) -> None:
    assert taken.text == (
        "# Imported from resnet8_a8w8.onnx: 3 blocks, 10 classes\n"
        "network:   resnet8\n"
        "platform:  u250\n"
        "clock_mhz: 250\n"
        "input:     {shape: [32, 32, 3]}        # H, W, C: uint8\n"
        "\n"
        "formats:\n"
        "  weight:   int8\n"
        "  act:      uint7                      # inside a block\n"
        "  residual: uint7                      # between blocks\n"
        "  zero_point: 0\n"
        "\n"
        "pictures: {order: rgb}                 # as the network was trained\n"
        "\n"
        "stem:\n"
        "  entry: uint7                         # an activation on the image\n"
        f"  conv:  {{kernel: 3, out: 16, {scale(12, 5, 0, 127)}}}\n"
        "\n"
        "blocks:\n"
        "  res2a:\n"
        f"    conv1:  {{kernel: 3, out: 16, {scale(14, 8, 0, 127, step=2)}}}\n"
        f"    conv2:  {{kernel: 3, out: 16, act: int8, {scale(15, 9, -128, 127)}}}\n"
        "    bypass: identity\n"
        f"    join:   {{factors: uint2, act: uint8, {scale(1, 0, 0, 255, even=False)}}}\n"
        "  res3a:\n"
        "    entry:  {main: uint7, bypass: uint7}\n"
        f"    conv1:  {{kernel: 3, out: 32, stride: 2, {scale(15, 8, 0, 127, step=2)}}}\n"
        f"    conv2:  {{kernel: 3, out: 32, act: int8, {scale(16, 9, -128, 127)}}}\n"
        f"    bypass: {{stride: 2, act: int8, {scale(15, 8, -128, 127)}}}\n"
        f"    join:   {{factors: uint2, {scale(1, 0, 0, 127, even=False)}}}\n"
        "  res4a:\n"
        f"    conv1:  {{kernel: 3, out: 64, stride: 2, {scale(16, 10, 0, 127, step=2)}}}\n"
        f"    conv2:  {{kernel: 3, out: 64, act: int8, {scale(16, 9, -128, 127)}}}\n"
        f"    bypass: {{stride: 2, act: int8, {scale(15, 7, -128, 127)}}}\n"
        f"    join:   {{factors: uint3, {scale(3, 2, 0, 127)}}}\n"
        "\n"
        "head:\n"
        "  pool:   max\n"
        f"  fc:     {{out: 10, act: int8, {scale(8, 7, -128, 127)}}}\n"
        "  top:    5\n"
        "  output: scores                       # times 0.125 they are the graph's\n"
    )


def test_the_command_writes_a_table_and_checks_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    assert main([str(MODEL), "--network", "resnet8", "--check", "1"]) == 0
    out = capsys.readouterr().out
    line = next(line for line in out.splitlines() if "res4a.join" in line)
    assert " ".join(line.split()) == "res4a.join join uint7 2^-4 4 main + bypass, exact; 2 quantizers as one: half even"
    assert "configs/resnet8.yaml: 3 blocks, 10 classes, 77,360 weights in params/resnet8.npz" in out
    assert out.endswith("1 image, 0 of 257,098 codes and 0 labels differ from the graph in rational numbers\n")
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")) == [
        "configs/resnet8.yaml",
        "params/resnet8.npz",
    ]


def test_what_was_not_imported_is_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, npz = tmp_path / "digits.yaml", tmp_path / "digits.npz"
    config.write_text("# Handwritten digits")
    command = [str(MODEL), "--network", "digits", "--config", str(config), "--params", str(npz)]
    assert main(command) == 1
    assert capsys.readouterr().err == (
        f"error: {config}: it is a description that was not imported\n"
        "  why: it would be replaced\n  fix: choose another --network, or other files with --config and --params\n"
    )
    config.unlink()
    npz.write_bytes(b"weights")
    assert main(command) == 1
    assert capsys.readouterr().err.startswith(f"error: {npz}: it has the parameters of another description\n")
    npz.unlink()
    assert main(command) == 0
    assert main(command) == 0  # what was imported is imported again


def test_the_whole_way(taken: Taken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Description and parameters as they were written, through C simulation of an IP of each kind and the emulated accelerator: the golden
    codes. (`doit demo` of it simulates all six, in about a minute.)"""
    monkeypatch.setenv("CXX", os.environ["CXX"].replace("/O0/", "/O1/"))  # two whole images
    images = taken.golden["images"]
    (tmp_path / "configs").mkdir()
    config = tmp_path / "configs" / "resnet8.yaml"
    config.write_text(f"{taken.text}\nimages: golden.npz\n")
    np.savez(config.with_name("golden.npz"), images=images)
    parameters.save(tmp_path / "params" / "resnet8.npz", taken.arrays)
    description = config.read_text().replace("\nplatform:", "\nparameters: ../params/resnet8.npz\nplatform:")
    config.write_text(description)
    result = doit(f"network={config}", f"build={tmp_path / 'build'}", "frames=2", "csim:stem", "csim:res3a", "csim:head", "check", "xclbin")
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.findall(r"PASS (\w+): 2 frames", result.stdout) == ["stem", "res3a", "head"]
    with runtime.Accelerator.open(tmp_path / "build" / "resnet8" / "resnet8.xclbin") as accelerator:
        labels, scores = accelerator.classify(images, scores=True)
        for i in range(2):
            for name, codes in accelerator.trace(images[i]).items():
                np.testing.assert_array_equal(codes, taken.results[name][i], name)
    codes = taken.golden["codes/132"].reshape(len(images), -1)
    np.testing.assert_array_equal(labels[:, 0], taken.golden["labels"])
    np.testing.assert_array_equal(scores, np.take_along_axis(codes, labels.astype(np.int64), axis=1))


def test_codes_that_differ_are_told(taken: Taken) -> None:
    """The check can fail: another threshold is another code."""
    arrays = dict(taken.arrays)
    arrays["res3a/conv1/thresholds"] = arrays["res3a/conv1/thresholds"] + 40
    report = check.compare(taken.imported, taken.network, arrays, taken.golden["images"][:1])
    assert not report.is_equal
    wrong = [each.tensor for each in report.quantizers if each.different]
    assert wrong[0] == "/layer2/layer2.0/conv2/output_quant/export_handler/Quant_output_0"
