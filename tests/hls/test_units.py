"""Every implementation of the library against numpy, over random kernels, strides, pads, folds and formats.

Networks of a few pixels reach them all, by the same generator and the same benches that users get: what is simulated here is
the generated C++ of every IP. That a bench can fail is tested in test_csim.py.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import hls
from codegen.jobs.run import run_calls
from codegen.text.files import write_tree
from dataflow import plan
from dataflow.units import IMPLEMENTATIONS
from tests.strategies import of_common_formats, of_own_formats, settled, written

FRAMES = 3
ALONE = {"clip", "table", "search"}
"""What no layout chooses yet: tests/hls/test_activation.py has them."""
TESTS = Path(__file__).parents[1]
TRACED = TESTS / "hls" / "traced" / "storage.h"
"""Prints what is bound, to hold the arrays of the C++ against those that the estimate counts."""


def simulate(design, arrays, images, folder, only=None):
    """All IPs of a design, or one, two at a time; each tells the arrays it has."""
    vectors = hls.vectors(design, arrays, images)

    def one(ip):
        write_tree(folder / ip.name, hls.render(design.name, ip, arrays))
        write_tree(folder / ip.name / "vectors", vectors[ip.name])
        job = hls.csim_job(ip.name, folder / ip.name, folder / ip.name / "vectors", len(images))
        run_calls(replace(job, files=job.files | {"resflow/storage.h": TRACED}), folder / ip.name / "csim")
        log = folder / ip.name / "csim" / "run.log"
        assert set(re.findall(r"^array (.*)$", log.read_text(), re.MULTILINE)) == {
            f"{buffer.storage.value}: {buffer.memories} of {max(buffer.words, 1)} words of {buffer.bits} bits"
            for unit in ip.units
            for buffer in unit.buffers
        }
        return hls.verdict(log)

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(one, [ip for ip in design.ips if only in (None, ip.name)]))


@settings(max_examples=2, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(description=of_common_formats(blocks=4, wide=False), seed=st.integers(0, 2**32))
def test_random_networks(tmp_path_factory, description, seed):
    passes(description, seed, tmp_path_factory.mktemp("drawn"))


@settings(max_examples=3, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(description=of_own_formats(blocks=2, wide=False), seed=st.integers(0, 2**32))
def test_random_networks_of_many_formats(tmp_path_factory, description, seed):
    passes(description, seed, tmp_path_factory.mktemp("drawn"))


@settings(max_examples=2, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(description=of_own_formats(blocks=2, wide=True), seed=st.integers(0, 2**32))
def test_beats_and_words_of_many_lanes(tmp_path_factory, description, seed):
    passes(description, seed, tmp_path_factory.mktemp("wide"))


@pytest.fixture(scope="module")
def reached(tmp_path_factory):
    """The implementations in the two networks that have every form, which pass."""
    both = (yaml.safe_load((TESTS / f"{name}.yaml").read_text()) for name in ("toy", "wide"))
    return set().union(*(passes(description, 1, tmp_path_factory.mktemp("forms")) for description in both))


def test_all_implementations_were_reached(reached):
    assert reached | ALONE == set(IMPLEMENTATIONS)


@pytest.mark.parametrize("pool", ["sum", "max"])
def test_codes_below_a_negative_zero_point(pool, wide_yaml, tmp_path):
    """They count as 0; tests/wide.yaml has the lowest code, below which there is none."""
    description = yaml.safe_load(wide_yaml.read_text())
    description["head"] |= {"pool": pool, "zero_point": -3}
    design = plan(written(description, tmp_path))
    images = np.random.default_rng(1).integers(0, 256, (FRAMES, *design.network.input), dtype=np.uint8)
    assert simulate(design, settled(design.network, 1, images), images, tmp_path, only="head")[0].startswith("PASS head")


def test_beats_of_thousands_of_bits(tmp_path, monkeypatch):
    """As wide as a stream may be, which is more than ap_uint takes by default; compiled as users do, by what the sources include themselves."""
    monkeypatch.delenv("CXX")
    folded = {"pe": 512, "simd": 512}
    description = {
        "network": "drawn",
        "platform": "u250",
        "clock_mhz": 250,
        "input": {"shape": [2, 2, 1]},
        "formats": {"act": "uint4", "residual": "uint8"},
        "stem": {"conv": {"kernel": 1, "out": 512, "weight": "int2", "pe": 512, "simd": 1}},
        "blocks": {"b0": {"conv1": {"kernel": 1, "out": 512, **folded}, "conv2": {"kernel": 1, "out": 512, **folded}, "bypass": folded}},
        "head": {"fc": {"out": 2, "pe": 1, "simd": 64}, "top": 1},
    }
    passes(description, 1, tmp_path)


def passes(description, seed, folder):
    """Simulate a network on random parameters and images; returns the implementations of its units."""
    design = plan(written(description, folder))
    images = np.random.default_rng(seed).integers(0, 256, (FRAMES, *design.network.input), dtype=np.uint8)
    verdicts = simulate(design, settled(design.network, seed, images), images, folder)
    assert all(verdict.startswith(f"PASS {ip.name}: {FRAMES} frames") for verdict, ip in zip(verdicts, design.ips, strict=True))
    return {unit.implementation for ip in design.ips for unit in ip.units}
