"""ResNet-50 w1a2 as the emulator gets it, from the description and the reference data that lies beside the checkout."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from dataflow import plan
from network import load
from runtime.container import sections
from runtime.container.arrays import Stored
from runtime.container.program import Program
from runtime.container.xclbin import Xclbin
from tests import reference_data
from vitis.emulation import emulation_xclbin

CONFIG = Path(__file__).parents[2] / "configs" / "resnet50_w1a2.yaml"


@cache
def program() -> Program:
    arrays = reference_data.parameters()
    arrays["stem/conv/thresholds"] = arrays["stem/conv/thresholds"][:, ::-1]  # published descending
    xclbin = Xclbin.parse(emulation_xclbin(plan(load(CONFIG)), arrays), "resnet50_w1a2.xclbin")
    return sections.parse(xclbin.section("network"), Stored(xclbin.section("parameters")))
