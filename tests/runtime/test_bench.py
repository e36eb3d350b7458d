"""The parts of the benchmark that need no onnxruntime."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from runtime.bench import resnet50
from runtime.emulation.emulator import Emulator, available_paths
from tests.reference_data import needs_reference
from tests.runtime import resnet50 as reference


@needs_reference
def test_the_network_has_the_shape_of_the_original() -> None:
    drawn, original = resnet50.program(), reference.program()
    assert (drawn.input, drawn.pool, resnet50.products(drawn)) == (original.input, original.pool, resnet50.products(original))
    for ours, theirs in zip(drawn.blocks, original.blocks, strict=True):
        for conv, other in zip(ours.convs, theirs.convs, strict=True):
            assert conv.activation is not None
            assert other.activation is not None
            assert (conv.name, conv.window, conv.weight, conv.input, conv.activation.codes) == (
                *(other.name, other.window, other.weight, other.input, other.activation.codes),
            )


@pytest.mark.skipif(available_paths()[0] != "amx", reason="this CPU has no AMX to withhold")
def test_a_process_without_amx_takes_the_next_path() -> None:
    script = "from runtime.bench.__main__ import withhold_amx as w; w(); from runtime.emulation.emulator import available_paths as p; print(*p())"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.split() == list(available_paths()[1:])


def test_codes_of_the_network_are_not_degenerate() -> None:
    program = resnet50.program()
    image = np.random.default_rng(1).integers(0, 256, program.input).astype(np.uint8)
    trace = Emulator(program).trace(image)
    assert all(len(np.unique(trace[block.name])) == 16 for block in program.blocks)
