"""Every implementation of the library against numpy, over random kernels, strides, pads, folds and formats.

Networks of a few pixels reach them all, by the same generator and the same benches that users get: what is simulated here is
the generated C++ of their IPs. That a bench can fail is tested in test_csim.py.
"""

import re
from pathlib import Path

import numpy as np
import yaml

import hls
from codegen.text.files import write_tree
from dataflow import plan
from dataflow.cost.storage import Storage
from dataflow.units import IMPLEMENTATIONS
from hls.structs import loaded_arrays
from tests.hls.together import Case, simulate
from tests.rtl.test_simulation import WAYS, drawn, features, few
from tests.strategies import settled, written

FRAMES = 3
TESTS = Path(__file__).parents[1]
WAYS_OF_A_BLOCK = {
    "conv1": {"kernel": 3, "out": 4, "pe": 2, "simd": 2, "pixels": 2, "taps": 3, "activation": "compare"},
    "conv2": {"kernel": 3, "out": 6, "pe": 3, "simd": 4, "activation": "clip"},
    "bypass": {"pe": 2, "simd": 4, "activation": {"scale": {"multiplier": 4, "bias": 14, "shift": 7, "low": 0, "high": 15}}},
}
"""What is chosen for no layer of toy.yaml or wide.yaml."""
LOADS = {"fetch", "configure", "loaded", "some loaded"}
"""What only networks have that load constants."""
TRACED = TESTS / "hls" / "traced" / "storage.h"
"""Prints what is bound, to hold the arrays of the C++ against those that the estimate counts."""


def cases(design, ips, seed):
    """IPs of a design on random parameters and images."""
    images = np.random.default_rng(seed).integers(0, 256, (FRAMES, *design.network.input), dtype=np.uint8)
    arrays = settled(design.network, seed, images)
    vectors = hls.vectors(design, arrays, images)
    return [Case(design.name, ip, arrays, vectors[ip.name]) for ip in ips]


def passes(found, folder, frames=FRAMES):
    """Simulate IPs, each of which tells the arrays it has; returns what they have been seen to do."""
    for case, log in zip(found, simulate(found, frames, folder, {"resflow/storage.h": TRACED}), strict=True):
        assert hls.verdict(log).startswith(f"PASS {case.ip.name}: {frames} frames")
        arrays = [(buffer.storage, buffer.memories, max(buffer.words, 1), buffer.bits) for unit in case.ip.units for buffer in unit.buffers]
        arrays += [
            of_loaded(array) for unit in case.ip.units for array in loaded_arrays(unit) if array.held.storage is not Storage.REGISTERS
        ]
        assert set(re.findall(r"^array (.*)$", log.read_text(), re.MULTILINE)) == {
            f"{storage.value}: {memories} of {words} words of {bits} bits" for storage, memories, words, bits in arrays
        }
    return set().union(*(features(case.ip) for case in found))


def of_loaded(array):
    """Its memory, which has all bits of a row and hardly more."""
    memories, words, integers = array.dimensions
    assert (
        array.held.row_bits <= memories * integers * array.integer_bits < array.held.row_bits + memories * (array.integer_bits + integers)
    )
    return array.held.storage, memories, words, integers * array.integer_bits


def few_of(folder, *drawings, has=features, **options):
    """IPs that together have what all have, once for each drawing: its number, and how many networks."""
    return [
        case
        for number, networks in drawings
        for design, ip, seed, _ in few(drawn(number, networks, folder, **options), lambda design: design.ips, has)
        for case in cases(design, [ip], seed)
    ]


def test_random_ips(tmp_path):
    assert passes(few_of(tmp_path, (7, 90), blocks=2), tmp_path) == (WAYS | set(IMPLEMENTATIONS)) - LOADS


MANY_LANES = {
    *(f"{name} reads" for name in "dwc join join_sum max_pool mvau mvu raster scale search swg table threshold".split()),
    *(f"{name} writes" for name in "dwc join join_sum max_pool mvau mvu raster scale search swg swg_parallel table threshold".split()),
    *("mvau holds weights", "mvau holds thresholds", "mvu holds weights", "weight_rom holds weights", "threshold holds thresholds"),
    *("search holds levels", "table holds codes", "clip holds bases", "scale holds multipliers", "scale holds biases"),
    *("join_sum holds factors", "dense holds bias", "scale_scores holds bias"),
}


def many_lanes(ip):
    """What its units do with more than 64 lanes, or more than 64 bits of constants, in a cycle."""
    lanes = {each.name: each.lanes for each in (*ip.streams, *ip.ports)}
    found = set()
    for unit in ip.units:
        found |= {f"{unit.implementation} reads" for name in unit.reads if lanes[name] > 64}
        found |= {f"{unit.implementation} writes" for name in unit.writes if lanes[name] > 64}
        found |= {f"{unit.implementation} holds {held.role.value}" for held in unit.constants if held.row_bits > 64}
    return found


def test_beats_and_words_of_many_lanes(tmp_path):
    found = few_of(tmp_path, (17, 30), has=many_lanes, blocks=1, wide=True)
    passes(found, tmp_path)
    assert set().union(*(many_lanes(case.ip) for case in found)) == MANY_LANES


def test_networks_of_every_form(tmp_path):
    """And codes below a negative zero point, which count as 0: tests/wide.yaml has the lowest code, below which there is none."""
    toy, wide = (yaml.safe_load((TESTS / f"{name}.yaml").read_text()) for name in ("toy", "wide"))
    found = []
    for description in (toy, wide):
        design = plan(written(description, tmp_path))
        found += cases(design, design.ips, 1)
    for pool in ("sum", "max"):
        head = wide["head"] | {"pool": pool, "zero_point": -3}
        design = plan(written(wide | {"network": pool, "head": head}, tmp_path))
        found += cases(design, [design.ip("head")], 1)
    design = plan(written(toy | {"network": "ways", "blocks": toy["blocks"] | {"res2a": WAYS_OF_A_BLOCK}}, tmp_path))
    found += cases(design, [design.ip("res2a")], 1)
    assert passes(found, tmp_path) >= set(IMPLEMENTATIONS) - LOADS


def test_networks_whose_constants_are_loaded(tmp_path):
    """Two sets, each in front of frames, in every memory. In one network all are loaded; in the other some layers are in ROMs, and the
    classifier's weights come with the frames."""
    toy, wide = (yaml.safe_load((TESTS / f"{name}.yaml").read_text()) for name in ("toy", "wide"))
    wide |= {"constants": "loaded", "head": wide["head"] | {"weights": "loaded"}}
    wide["blocks"]["res2a"]["conv1"]["memory"] = "uram"
    wide["blocks"]["res2a"]["conv2"]["memory"] = "bram"
    toy["blocks"]["res2a"] = WAYS_OF_A_BLOCK | {name: WAYS_OF_A_BLOCK[name] | {"constants": "loaded"} for name in ("conv2", "bypass")}
    toy["blocks"]["res2b"]["conv1"]["constants"] = "loaded"
    found = []
    for description, ips in ((toy, ("dma", "res2a", "res2b")), (wide, ("dma", "res2a", "head"))):
        design = plan(written(description, tmp_path))
        found += cases(design, [design.ip(name) for name in ips], 1)
    passes(found, tmp_path, 2 * FRAMES)
    loading = [unit for case in found for unit in case.ip.units if unit.loads]
    assert {unit.implementation for unit in loading} >= {
        "mvau",
        "mvu",
        "clip",
        "table",
        "search",
        "scale",
        "join_sum",
        "weight_rom",
        "scale_scores",
    }
    assert {held.storage for unit in loading for held in unit.constants} == {*Storage} - {Storage.SRL}
    assert {unit.loads for case in found for unit in case.ip.units if unit.constants} == {True, False}


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
    design = plan(written(description, tmp_path))
    (case,) = cases(design, [design.ip("b0")], 1)
    assert max(port.lanes * port.format.bits for port in case.ip.ports) == 4096
    write_tree(tmp_path / "b0", hls.render(design.name, case.ip, case.arrays))
    write_tree(tmp_path / "vectors", dict(case.vectors))
    assert hls.simulate("b0", tmp_path / "b0", tmp_path / "vectors", FRAMES, tmp_path / "csim").verdict.startswith("PASS b0")
