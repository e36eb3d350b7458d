"""A FIFO of the least depth keeps the rate in SystemVerilog, and one a beat shallower loses it or hangs, just as the timing model says."""

import numpy as np
import pytest

import hls
from dataflow import plan
from dataflow.timing.rtl import ip_graph, transfers
from network import load, parameters
from rtl.simulation import read_handshakes
from tests import reference_data
from tests.rtl.simulated import least, needs_verilator, simulate
from tests.test_dodo import ROOT

pytestmark = needs_verilator
FRAMES = 5
"""The first ones fill the FIFOs."""


def interval(ip, cycles):
    """From the end of the last frame but one to that of the last; None where it hangs."""
    (port,) = ip.outputs
    ends = cycles[port.name][port.beats - 1 :: port.beats]
    return int(ends[-1] - ends[-2]) if len(ends) == FRAMES else None


def expected(ip):
    return interval(ip, transfers(ip_graph(ip, frames=FRAMES)).cycles)


def around_the_least(design, name, stream):
    """The IP at the least depth that keeps the rate, and at the least at which it does not hang, by the model."""

    def at(depth):
        return design.with_depths({f"{name}.{stream}": depth}).ip(name)

    ip = design.ip(name)
    planned = next(each.depth for each in ip.streams if each.name == stream)
    keeps = least(lambda depth: expected(at(depth)) == ip.cycles, planned)
    flows = least(lambda depth: expected(at(depth)) is not None, planned)
    assert 2 <= flows < keeps <= planned
    return at, keeps, flows


def measured(ip, arrays, vectors, folder):
    """The interval by the handshakes, each of which is where the model has it; and the runs that hang."""
    done = simulate(ip, arrays, vectors, FRAMES, folder)
    found = read_handshakes(done.work / "free.txt")
    assert found.keys() == {port.name for port in ip.ports}
    return interval(ip, found), set(done.hangs)


def test_one_beat_less(tmp_path):
    """A FIFO that is a memory. One that hangs is in test_tasks.py."""
    design = plan(load(ROOT / "configs" / "digits.yaml"))
    at, keeps, _ = around_the_least(design, "res2b", "bypass")
    arrays = parameters.draw(design.network, 1)
    images = np.random.default_rng(1).integers(0, 256, (FRAMES, *design.network.input), dtype=np.uint8)
    vectors = hls.vectors(design, arrays, images)["res2b"]
    assert measured(at(keeps), arrays, vectors, tmp_path / "keeps") == (design.ip("res2b").cycles, set())
    slower, hangs = measured(at(keeps - 1), arrays, vectors, tmp_path / "loses")
    assert slower == expected(at(keeps - 1)) > design.ip("res2b").cycles
    assert not hangs


@reference_data.needs_reference
@pytest.mark.parametrize("stream", ["bypass", "conv2_in"])
def test_resnet50(request, tmp_path, stream):
    """res2a at full size, on the golden image again and again."""
    if not request.config.getoption("--all-ips"):
        pytest.skip("with --all-ips")
    design = plan(load(ROOT / "configs" / "resnet50_w1a2.yaml"))
    at, keeps, flows = around_the_least(design, "res2a", stream)
    golden, arrays = reference_data.golden(), reference_data.parameters()
    vectors = {f"codes_{port}.bin": golden[name].tobytes() * FRAMES for port, name in (("in", "stem"), ("out", "res2a"))}
    found = {}
    for depth in (keeps, keeps - 1, *([flows - 1] if flows > 2 else [])):
        found[depth] = measured(at(depth), arrays, vectors, tmp_path / f"{depth}")
        print(f"res2a.{stream} of {depth} beats: interval {found[depth][0]}, hangs {sorted(found[depth][1])}", flush=True)
        assert found[depth][0] == expected(at(depth))
    assert found[keeps] == (design.ip("res2a").cycles, set())
    assert found[keeps - 1][0] > design.ip("res2a").cycles
    if flows > 2:
        assert found[flows - 1] == (None, {"free", "stalled"})
