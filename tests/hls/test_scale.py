"""Multiply-add-shift alone, in generated C++: the same units as in tests/rtl/test_alone.py, with the codes of thresholds."""

from __future__ import annotations

import numpy as np
import pytest

import hls
from codegen.jobs.run import run_calls
from codegen.text.files import write_tree
from network.errors import ParameterError
from tests.rtl.test_alone import CASES, FRAMES, side_by_side


def test_units_side_by_side(tmp_path):
    rng = np.random.default_rng(15)
    ip, arrays, vectors = side_by_side(
        {name: case(rng) for name, case in CASES.items() if name.startswith("scale_") and name != "scale_scores"}
    )
    write_tree(tmp_path / "sources", hls.render("tested", ip, arrays))
    write_tree(tmp_path / "vectors", vectors)
    run_calls(hls.csim_job(ip.name, tmp_path / "sources", tmp_path / "vectors", FRAMES), tmp_path / "csim")
    assert hls.verdict(tmp_path / "csim" / "run.log").startswith("PASS")


def test_thresholds_that_no_multiplier_gives_are_refused():
    case = CASES["scale_even"](np.random.default_rng(16))
    held = case.unit.constants[0]
    thresholds = case.constants["multipliers"].copy()
    middle = np.flatnonzero((thresholds[2] > held.activation.reach[0]) & (thresholds[2] <= held.activation.reach[1]))
    thresholds[2, middle[len(middle) // 2]] += 3
    with pytest.raises(ParameterError) as error:
        hls.roms.rows(held, {held.key: thresholds})
    assert error.value.where == "layer/thresholds"
    assert error.value.what.startswith("channel 2 has the thresholds ")
    assert error.value.what.endswith("which no multiplier and bias give from -2048 to 2047")
