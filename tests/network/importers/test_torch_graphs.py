"""Networks as torch and Brevitas export them. Their import takes seconds: few networks, each made once.

RESFLOW_LARGE_GRAPHS=1 adds ResNet-18 and ResNet-50 in full size, minutes each.
"""

from __future__ import annotations

import importlib
import os
import re
import warnings
from collections.abc import Callable
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from PIL import Image

from network import load, parameters
from network.importers.onnx.__main__ import main
from network.importers.onnx.operators import Preprocessing
from network.model import Pictures
from tests.network.importers import graphs, importing, oracles

MEAN, STD = (tuple(map(Fraction, each)) for each in (("0.485", "0.456", "0.406"), ("0.229", "0.224", "0.225")))
needs_time = pytest.mark.skipif(not os.environ.get("RESFLOW_LARGE_GRAPHS"), reason="minutes: set RESFLOW_LARGE_GRAPHS")


class Sample(NamedTuple):
    model: onnx.ModelProto
    pixels: NDArray[np.uint8]
    image: NDArray[np.float32]  # as torchvision's transforms make it of the pixels


def quietly_imported(name: str) -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's and Brevitas' own imports
        return importlib.import_module(f"tests.network.importers.{name}")


@pytest.fixture(scope="module")
def torch_graphs() -> ModuleType:
    pytest.importorskip("torch", reason="the extra train is not installed")
    return quietly_imported("torch_graphs")


BREVITAS: dict[str, dict[str, Any]] = {
    "basic 4 bits": {},
    "basic 4 bits by dynamo": {"dynamo": True},
    "bottleneck 1 and 2 bits": {"kind": "bottleneck", "weight_bits": 1, "act_bits": 2, "requantized_sums": False, "pool": "adaptive"},
    "basic 8 bits": {"weight_bits": 8, "act_bits": 7, "pool": "float", "quantized_bias": True, "stem_pool": True},
    "basic 6 and 3 bits, powers of two": {
        **{"weight_bits": 6, "act_bits": 3, "pool": "adaptive", "power_of_two": True, "per_channel": False, "trunc": "round"},
        "size": (20, 20),
    },
    "bottleneck 2 and 6 bits": {"kind": "bottleneck", "weight_bits": 2, "act_bits": 6, "trunc": "shift", "size": (12, 12)},
}
RESNETS: dict[str, dict[str, Any]] = {
    "ResNet-18": {"depth": 18, "size": (32, 32), "classes": 20, "width": 8},
    "ResNet-50": {"depth": 50, "size": (64, 64), "classes": 20, "width": 8, "stages": 3},
}


@pytest.fixture(scope="module")
def sample(torch_graphs: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Sample]:
    """A network by its name here, made once."""
    made: dict[str, Sample] = {}

    def make(name: str) -> Sample:
        if name in made:
            return made[name]
        if name in BREVITAS:
            if find_spec("brevitas") is None:
                pytest.skip("Brevitas is not installed")
            brevitas = quietly_imported("brevitas_graphs")
            options = dict(BREVITAS[name])
            dynamo = options.pop("dynamo", False)
            spec = brevitas.Trained(**options)
            model, size = brevitas.trained(spec, dynamo=dynamo), spec.size
        else:
            size = RESNETS[name]["size"]
            model = torch_graphs.quantized(torch_graphs.resnet(**RESNETS[name]), size, tmp_path_factory.mktemp("qdq"))
        pixels = torch_graphs.photos(2, size, 5)
        made[name] = Sample(model, pixels, torch_graphs.normalised(pixels))
        return made[name]

    return make


@pytest.mark.parametrize("name", [*BREVITAS, *RESNETS])
def test_executors_agree_with_the_exact_codes(sample: Callable[[str], Sample], name: str) -> None:
    model, _, image = sample(name)
    run = oracles.by_executor(model, image)
    layers = oracles.layer_by_layer(model, image, run)
    apart = oracles.differences(layers)
    assert all(difference <= 1 and share <= 1e-3 for difference, share in apart.values()), apart
    assert np.median([len(np.unique(codes)) for codes in layers.codes.values()]) > 2
    scores = model.graph.output[0].name
    np.testing.assert_allclose(layers.values[scores].values, run[scores], atol=1e-4 * abs(run[scores]).max())


def compare(sample: Sample, folder: Path) -> importing.Taken:
    found = importing.taken(sample.model, folder, Preprocessing(mean=MEAN, std=STD, is_given=True))
    exact = importing.assert_equal(sample.model, graphs.standardised(sample.pixels, MEAN, STD), sample.pixels, found)
    importing.assert_ranked(exact, sample.model.graph.output[0].name, found, sample.pixels)
    return found


@pytest.mark.parametrize("name", [*BREVITAS, *RESNETS])
def test_the_accelerator_computes_their_codes(sample: Callable[[str], Sample], name: str, tmp_path: Path) -> None:
    compare(sample(name), tmp_path)


def test_from_a_float_network_in_one_command(
    torch_graphs: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Quantized on a folder of pictures, imported, equal to onnxruntime; and the pictures classified as it does."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    size = (32, 32)
    onnx.save(torch_graphs.resnet(18, size, classes=20, width=8), "float.onnx")
    Path("photos").mkdir()
    for i, pixels in enumerate(torch_graphs.photos(6, (40, 52), 7)):
        Image.fromarray(pixels.transpose(1, 2, 0)).save(f"photos/{i}.png")
    command = ["float.onnx", "--network", "mine", "--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225", "--resize", "36"]
    assert main([*command, "--calibrate", "photos", "--check", "2"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("float.onnx: quantized to 8 bits on 6 pictures of photos\n")
    assert re.search(r"\n2 images, \d+ of 23,976 codes and 0 labels differ from onnxruntime\n$", shown)
    imported = load("configs/mine.yaml")
    assert imported.pictures == Pictures(order="rgb", resize=36)
    assert {str(conv.weight) for conv in imported.convs} == {"int8"}
    assert parameters.load(imported, "params/mine.npz")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--calibrate", "nowhere"],
            "error: --calibrate nowhere: not a folder\n  why: the ranges of activations are measured on them\n  fix: name a folder of pictures\n",
        ),
        (
            ["--calibrate", "photos", "--resize", "20"],
            "error: --resize: 20 is less than the input, 32x32x3\n"
            "  why: a picture's shorter side gets so many pixels, and then the size of the input is cut out of its middle\n"
            "  fix: write 32 or more\n",
        ),
        (
            ["--calibrate", "photos"],
            "error: photos/0.png: not an image\n  why: it must be one of PNG, JPEG, BMP, GIF, PPM, TIFF, WEBP\n  fix: pass an image file\n",
        ),
    ],
    ids=["no folder", "small pictures", "no picture"],
)
def test_what_cannot_be_calibrated(
    torch_graphs: ModuleType,
    options: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    onnx.save(torch_graphs.resnet(18, (32, 32), classes=20, width=8), "float.onnx")
    Path("photos").mkdir()
    Path("photos/0.png").write_bytes(b"a text")
    assert main(["float.onnx", "--network", "mine", *options]) == 1
    assert capsys.readouterr().err == said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["float.onnx", "photos"]


@needs_time
@pytest.mark.parametrize("depth", [18, 50])
def test_full_size(torch_graphs: ModuleType, depth: int, tmp_path: Path) -> None:
    """As torchvision has it: 224 x 224, 1000 classes."""
    size = (224, 224)
    model = torch_graphs.quantized(torch_graphs.resnet(depth, size), size, tmp_path)
    pixels = torch_graphs.photos(1, size, 5)
    compare(Sample(model, pixels, torch_graphs.normalised(pixels)), tmp_path)
