"""ResNet-50 w1a2 as a Program, from the reference data that lies beside the project (DESIGN.md, section 7)."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from runtime.program import Block, Conv, Format, Head, Pair, Program, Shape, Window

REFERENCE = Path(os.environ.get("RESFLOW_REFERENCE") or Path(__file__).parents[3] / "shared" / "reference") / "resnet50_w1a2"

needs_reference = pytest.mark.skipif(not REFERENCE.is_dir(), reason="no reference data: RESFLOW_REFERENCE names no folder that has it")


@cache
def golden() -> dict[str, NDArray[Any]]:
    return dict(np.load(REFERENCE / "golden_chelsea.npz"))


def fc_weights() -> NDArray[np.int8]:
    """What the golden scores were computed with."""
    return np.random.default_rng(2019).integers(-128, 128, (1000, 2048)).astype(np.int8)


@cache
def program() -> Program:
    folding = json.loads((REFERENCE / "original_design.json").read_text())["folding"]
    arrays = dict(np.load(REFERENCE / "params.npz"))

    def window(size: int, stride: int, before: int, after: int) -> Window:
        return Window(kernel=Pair(size, size), stride=Pair(stride, stride), before=Pair(before, before), after=Pair(after, after))

    def conv(name: str, weight: str, source: str, target: str, stride: int, before: int, after: int) -> Conv:
        key = name.replace(".", "/")
        weights = arrays[f"{key}/weights"]
        # Counting does not mind the order; our format does.
        thresholds = np.sort(arrays[f"{key}/thresholds"], axis=1)
        formats = {"weight": Format(weight), "input": Format(source), "output": Format(target)}
        return Conv(name=name, window=window(weights.shape[1], stride, before, after), weights=weights, thresholds=thresholds, **formats)

    def inner(block: str, name: str) -> Conv:
        layer = folding[block][name]
        around = arrays[f"{block}/{name}/weights"].shape[1] // 2
        return conv(f"{block}.{name}", "bipolar", f"uint{layer['in_bits']}", f"uint{layer['act_bits']}", layer["stride"], around, around)

    described = folding["stem"]["conv"]
    stem = conv("stem.conv", "int8", "uint8", f"uint{described['act_bits']}", described["stride"], *described["pad"])
    pool = folding["stem"]["pool"]
    blocks = tuple(
        Block(
            name=name,
            entry=arrays[f"{name}/entry/thresholds"],
            convs=tuple(inner(name, f"conv{i}") for i in (1, 2, 3)),
            bypass=None if layers["bypass"] == "identity" else inner(name, "bypass"),
            zero_point=8,
            bits=4,
        )
        for name, layers in folding.items()
        if name.startswith("res")
    )
    return Program(
        input=Shape(described["height"], described["width"], described["in"]),
        stem=stem,
        pool=window(pool["kernel"], pool["stride"], *pool["pad"]),
        blocks=blocks,
        head=Head(zero_point=8, inputs=2048, classes=1000, top=5, weights=None, bias=arrays["head/fc/bias"]),
    )
