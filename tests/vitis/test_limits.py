"""Descriptions near every limit: refused with a line of the file, or built, opened, and computing what the reference does."""

from __future__ import annotations

import json
import re
import string
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow import plan
from network import DescriptionError, load, parameters, reference
from network import arrays as network_arrays
from network.parameters import Parameters
from runtime import Accelerator
from runtime.container.sections import LARGEST_TENSOR
from runtime.errors import XclbinError
from tests.strategies import WEIGHTS, networks
from vitis.emulation import check_host, emulation_xclbin
from vitis.limits import refused, require_emulation

SMALL = {
    "network": "small",
    "platform": "u250",
    "clock_mhz": 200,
    "input": {"shape": [2, 2, 1]},
    "formats": {"act": "uint2", "residual": "uint4"},
    "stem": {"conv": {"kernel": 1, "out": 2, "pe": 1, "simd": 1}},
    "blocks": {
        "res2a": {
            "conv1": {"kernel": 1, "out": 2, "pe": 1, "simd": 1},
            "conv2": {"kernel": 1, "out": 2, "pe": 1, "simd": 1},
            "bypass": {"pe": 1, "simd": 1},
        }
    },
    "head": {"fc": {"out": 2, "pe": 1, "simd": 1}},
}
Description = dict[str, Any]


def described(**changes: Any) -> Description:
    """SMALL with some of it replaced: `head__fc__out=3`."""
    description = deepcopy(SMALL)
    for path, value in changes.items():
        *above, last = path.split("__")
        inner = description
        for key in above:
            inner = inner[key]
        inner[last] = value
    return json.loads(json.dumps(description))  # nothing twice in it, which YAML would write as an alias


def extreme(description: Description, arrays: Parameters) -> Parameters:
    """Weights as far from zero as they go, in turn up and down by output: sums reach their ends."""
    specs = network_arrays.specs(load(description["path"]))
    ends = {key: (spec.format.low, spec.format.high) for key, spec in specs.items() if spec.format is not None}
    found = dict(arrays)
    for key, (low, high) in ends.items():
        found[key] = np.where(np.arange(len(arrays[key])).reshape(-1, *[1] * (arrays[key].ndim - 1)) % 2, high, low) + np.zeros_like(
            arrays[key]
        )
        found[key] = found[key].astype(arrays[key].dtype)
    return found


def build_and_run(description: Description, folder: Path) -> None:
    """All the way to labels, by PYNQ's emulated device; raises DescriptionError where the description is refused."""
    path = folder / "described.yaml"
    path.write_text(yaml.safe_dump(description, sort_keys=False, allow_unicode=True), encoding="utf-8")
    net = load(path)
    design = plan(net)
    assert check_host(design) == "also emulated"
    arrays = extreme({"path": path}, parameters.draw(net, 1))
    xclbin = folder / "described.xclbin"
    xclbin.write_bytes(emulation_xclbin(design, arrays))
    images = np.random.default_rng(1).integers(0, 256, (2, *net.input)).astype(np.uint8)
    images[1] = 255
    traced = reference.trace(net, arrays, images)
    with Accelerator.open(xclbin) as accelerator:
        assert np.array_equal(accelerator.classify(images), traced["labels"])
        assert np.array_equal(list(accelerator.stream(list(images))), traced["labels"])
        for frame in range(2):
            for name, found in accelerator.trace(images[frame]).items():
                assert np.array_equal(found, traced[name][frame]), name


HEAD = {"formats": {"act": "uint1", "residual": "uint8", "zero_point": 0}}
CONV = {"kernel": 1, "out": 64, "pe": 16, "simd": 64}
WIDE = HEAD | {"stem": {"conv": CONV | {"simd": 1}}, "blocks": {"res2a": {"conv1": CONV, "conv2": CONV, "bypass": {"pe": 16, "simd": 64}}}}
LIMITS: dict[str, tuple[Description, Description | None]] = {
    # What is at the limit, and what is beyond it.
    "letters of the kernel": (described(network="n" * 30), described(network="n" * 31)),
    "letters of a block": (
        described(blocks={"b" * 64: SMALL["blocks"]["res2a"]}),  # type: ignore[index]
        described(blocks={"b" * 65: SMALL["blocks"]["res2a"]}),  # type: ignore[index]
    ),
    "labels written": (described(head__fc__out=1100, head__top=1024), described(head__fc__out=1100, head__top=1025)),
    "letters of a label": (described(labels=["a", "b" * 256]), described(labels=["a", "b" * 257])),
    "printable labels": (described(labels=["ü", "猫"]), described(labels=["a", "b\x07"])),
    "streamed scores": (  # 255 * pixels * 2 * 128 <= 2^31, the sums rounded up to whole bits
        described(**HEAD, input__shape=[128, 128, 1], head__fc__out=2),
        described(**HEAD, input__shape=[256, 256, 1], head__fc__out=2),
    ),
    "scores of 1 bit weights": (
        described(**WIDE, input__shape=[256, 512, 1], head={"fc": {"out": 2, "weight": "bipolar"}, "weights": "rom"}),
        described(**WIDE, input__shape=[256, 516, 1], head={"fc": {"out": 2, "weight": "bipolar"}, "weights": "rom"}),
    ),
    "a plram that grows": (
        described(input__shape=[512, 512, 3], stem__conv__stride=64, memory={"images": "PLRAM[0]"}),
        described(input__shape=[1024, 512, 3], stem__conv__stride=64, memory={"images": "PLRAM[0]"}),
    ),
    "everything in one plram": (
        described(head__fc__out=65536, memory=dict.fromkeys(("images", "labels", "weights"), "PLRAM[1]")),
        described(input__shape=[1024, 1024, 1], stem__conv__stride=64, memory=dict.fromkeys(("images", "labels", "weights"), "PLRAM[1]")),
    ),
    "windows of a large map": (
        described(input__shape=[512, 512, 3], stem__conv={"kernel": 9, "stride": 2, "out": 16, "pe": 1, "simd": 1}),
        None,
    ),
    "pixels of a side": (described(input__shape=[16384, 1, 1]), described(input__shape=[16385, 1, 1])),
    "a large image": (described(input__shape=[4096, 128, 64]), described(input__shape=[16384, 257, 64])),
    "a clock": (described(clock_mhz=1000), described(clock_mhz=1001)),
}


@pytest.mark.parametrize("name", LIMITS)
def test_at_a_limit_it_runs(name: str, tmp_path: Path) -> None:
    build_and_run(LIMITS[name][0], tmp_path)


@pytest.mark.parametrize("name", [name for name, (_, beyond) in LIMITS.items() if beyond is not None])
def test_beyond_it_the_description_is_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(DescriptionError) as error:
        build_and_run(LIMITS[name][1], tmp_path)  # type: ignore[arg-type]
    assert re.match(rf"{re.escape(str(tmp_path))}/described\.yaml:\d+: .*\n  why: .*\n  fix: .*$", str(error.value))


@st.composite
def near_limits(draw: st.DrawFn) -> Description:
    """A random network with some of its parts near a limit, on either side."""
    description = draw(networks(blocks=draw(st.integers(1, 2))))
    head, blocks = description["head"], description["blocks"]
    if draw(st.booleans()):
        description["network"] = "k" * draw(st.integers(28, 32))
    if draw(st.booleans()):
        name = draw(
            st.text(string.ascii_lowercase + "_1", min_size=1, max_size=8) | st.sampled_from(["b" * 64, "b" * 65, "scores", "stem"])
        )
        description["blocks"] = {name if key == "b0" else key: block for key, block in blocks.items()}
    if draw(st.booleans()):
        head["fc"]["out"], head["fc"]["pe"] = draw(st.sampled_from([1023, 1024, 1025, 2000])), 1
        head["top"] = draw(st.integers(1022, 1027))
    if draw(st.booleans()):
        text = st.text(min_size=1, max_size=5) | st.sampled_from(["a" * 255, "a" * 256, "a" * 257, " ", "\x85", "\N{NO-BREAK SPACE}"])
        description["labels"] = [draw(text) for _ in range(min(head["fc"]["out"], 9))] + ["x"] * (head["fc"]["out"] - 9)
    if draw(st.booleans()):
        banks = st.sampled_from(["DDR[0]", "DDR[3]", "PLRAM[0]", "PLRAM[2]", "HBM[0]"])
        description["memory"] = {argument: draw(banks) for argument in draw(st.sets(st.sampled_from(["images", "labels", "weights"])))}
    if draw(st.booleans()):
        description["input"]["shape"][:2] = [draw(st.sampled_from([1, 2, 300, 600])), draw(st.sampled_from([1, 2, 300, 600]))]
    if draw(st.booleans()):
        head["weights"], head["fc"]["pe"], head["fc"]["weight"] = "rom", 1, draw(st.sampled_from(WEIGHTS))
        description["formats"] |= {"residual": "uint8", "zero_point": 0}
    return description


@settings(max_examples=40)
@given(near_limits())
def test_near_the_limits_it_is_refused_or_runs(description: Description) -> None:
    with TemporaryDirectory() as folder:
        try:
            build_and_run(description, Path(folder))
        except DescriptionError as error:
            assert re.match(rf"{folder}/described\.yaml:\d+: ", str(error))


def test_what_the_emulator_alone_refuses(tmp_path: Path) -> None:
    """Of the sizes there is one left; the design is none the worse for the card."""
    path = tmp_path / "large.yaml"
    path.write_text(yaml.safe_dump(described(input__shape=[16384, 8193, 1], stem__conv__stride=64), sort_keys=False))
    design = plan(load(path))
    assert check_host(design) == f"hardware only: {path}:12: input: 134,234,112 codes a frame"
    with pytest.raises(DescriptionError) as error:
        require_emulation(design)
    assert str(error.value) == (
        f"{path}:12: input: 134,234,112 codes a frame\n"
        f"  why: the emulator holds at most {LARGEST_TENSOR:,}, to fit into a workstation's memory; hardware has no such limit\n"
        "  fix: build it for the card (doit link), or use a smaller feature map"
    )
    with pytest.raises(DescriptionError):
        emulation_xclbin(design, {})


def test_more_than_loops_can_count(tmp_path: Path) -> None:
    description = described(
        input__shape=[16384, 16384, 1], stem__conv={"kernel": 5, "out": 2, "pe": 1, "simd": 1}, stem__pool={"kernel": 64, "stride": 64}
    )
    path = tmp_path / "large.yaml"
    path.write_text(yaml.safe_dump(description, sort_keys=False))
    with pytest.raises(DescriptionError) as error:
        plan(load(path))
    assert str(error.value) == (
        f"{path}:18: stem: conv takes 6,710,935,552 cycles a frame\n"
        "  why: loop counters have 32 bits, at most 4,294,967,295\n  fix: use higher pe and simd, or a smaller feature map"
    )


def test_a_refusal_of_the_runtime_finds_its_line(tmp_path: Path) -> None:
    """Whatever else the runtime may refuse one day comes out with a place in the description, too."""
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL, sort_keys=False))
    design = plan(load(path))
    error = refused(design, XclbinError("manifest: weights[1]", "5", "expected an integer from 1 to 4", "build or copy the xclbin again"))
    assert str(error) == (
        f"{path}:34: manifest: weights[1]: 5\n  why: expected an integer from 1 to 4\n"
        "  fix: change it in the description; if it cannot be changed there, report it"
    )
