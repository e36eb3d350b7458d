"""What random networks seldom have: FIFOs at a beat a cycle, filled to the last place and emptied, and scores that are equal."""

from dataclasses import replace

import numpy as np
import pytest
import yaml

import hls
from dataflow import plan
from dataflow.rtl_fifo import FifoKind, RtlFifo
from dataflow.unit import Backend
from network import load, parameters
from rtl import simulation
from tests.rtl.simulated import needs_verilator, simulate
from tests.strategies import written
from tests.test_dodo import ROOT

pytestmark = needs_verilator
FRAMES = 40


@pytest.fixture(scope="module")
def fork_and_join(tmp_path_factory):
    """An IP that adds every beat to itself, one a cycle."""
    description = yaml.safe_load((ROOT / "configs" / "digits.yaml").read_text())
    description["blocks"]["res3b"]["conv3"]["activation"] = "fused"  # joined with as many lanes as come in
    design = plan(written(description, tmp_path_factory.mktemp("digits")))
    ip = design.ip("res3b")
    fork, join = (next(unit for unit in ip.units if unit.implementation == name) for name in ("fork", "join"))
    main, bypass = fork.writes
    units = (replace(fork, reads=("codes_in",)), replace(join, reads=(main, bypass), writes=("codes_out",)))
    streams = tuple(each for each in ip.streams if each.name in fork.writes)
    assert {each.lanes for each in (*ip.ports, *streams)} == {join.values["kLanes"]}
    assert {port.beats for port in ip.ports} == {fork.cycles} == {join.cycles}
    return replace(ip, units=units, streams=streams)


def codes(ip, join):
    """Random ones, and their sums."""
    (zero, form) = join.values["kZero"], ip.port("codes_in").format
    into = np.random.default_rng(1).integers(0, form.high + 1, FRAMES * ip.port("codes_in").beats * ip.port("codes_in").lanes)
    return {
        "codes_in.bin": into.astype(np.uint8).tobytes(),
        "codes_out.bin": np.clip(2 * into - zero, 0, form.high).astype(np.uint8).tobytes(),
    }


@pytest.mark.parametrize(
    ("depths", "kinds"),
    [
        ((61, 62), (FifoKind.SHALLOW, FifoKind.SHALLOW)),
        ((62, 63), (FifoKind.SHALLOW, FifoKind.DEEP)),
        ((8, 500), (FifoKind.SHALLOW, FifoKind.DEEP)),
        ((64, 66), (FifoKind.DEEP, FifoKind.DEEP)),
    ],
)
def test_fifos_at_a_beat_a_cycle(fork_and_join, tmp_path, monkeypatch, depths, kinds):
    """Filled while the output waits, and emptied while the input does; without stalls, and between."""
    ip = replace(
        fork_and_join, streams=tuple(replace(each, depth=depth) for each, depth in zip(fork_and_join.streams, depths, strict=True))
    )
    fork, join = ip.units
    assert tuple(RtlFifo(depth=depth, unit_latency=fork.latency[Backend.RTL]).kind for depth in depths) == kinds
    beats = FRAMES * ip.port("codes_in").beats
    gaps = {port.name: np.zeros(beats, int) for port in ip.ports}
    gaps["codes_out"][[0, beats // 3]] = 700
    gaps["codes_in"][[beats // 2]] = 900
    gaps["codes_out"][beats * 2 // 3 :] = np.random.default_rng(2).integers(0, 3, beats - beats * 2 // 3)
    monkeypatch.setattr(simulation, "random_gaps", lambda *_: {name: each.tolist() for name, each in gaps.items()})
    done = simulate(ip, {}, codes(ip, join), FRAMES, tmp_path)
    assert not done.hangs
    free, stalled = (each.expected.cycles["codes_out"] for each in done.runs)
    assert np.array_equal(np.diff(free), np.ones(beats - 1)), "no cycle without a beat"
    # While the output waits, the shallower of the two FIFOs is filled, and what is in front of it and behind.
    into = done.runs[1].expected.cycles["codes_in"]
    held = RtlFifo(depth=min(depths), unit_latency=fork.latency[Backend.RTL]).places
    assert np.count_nonzero(into < stalled[0]) > held
    assert np.count_nonzero(into < stalled[0]) < beats // 3


def test_equal_scores(toy_yaml, tmp_path):
    """The lower label comes first: all weights are 0, and of five biases three are equal, and two."""
    design = plan(load(toy_yaml))
    arrays = parameters.draw(design.network, 1)
    arrays["head/fc/weights"][:] = 0
    arrays["head/fc/bias"][:] = (3, 7, 7, 3, 7)
    images = np.random.default_rng(1).integers(0, 256, (2, *design.network.input), dtype=np.uint8)
    vectors = hls.vectors(design, arrays, images)["head"]
    assert np.frombuffer(vectors["labels.bin"], "<u4").tolist() == [1, 2, 4] * 2
    simulate(design.ip("head"), arrays, vectors, 2, tmp_path)
