"""A FIFO of the least depth keeps the rate in SystemVerilog, and one a beat shallower loses it or hangs, just as the timing model says."""

import numpy as np
import pytest

import hls
from dataflow import plan
from dataflow.timing.rtl import ip_graph, transfers
from network import load, parameters
from rtl.simulation import read_handshakes
from tests.rtl.simulated import needs_verilator, simulate
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


def least(holds, most):
    """The least depth at which `holds`, which it does at every greater one."""
    low, high = 1, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


@pytest.mark.parametrize(("name", "stream"), [("res2b", "bypass")])
def test_one_beat_less(tmp_path, name, stream):
    design = plan(load(ROOT / "configs" / "digits.yaml"))

    def at(depth):
        return design.with_depths({f"{name}.{stream}": depth}).ip(name)

    planned = next(each.depth for each in design.ip(name).streams if each.name == stream)
    keeps = least(lambda depth: expected(at(depth)) == design.ip(name).cycles, planned)
    flows = least(lambda depth: expected(at(depth)) is not None, planned)
    assert 2 < flows < keeps < planned
    arrays = parameters.draw(design.network, 1)
    images = np.random.default_rng(1).integers(0, 256, (FRAMES, *design.network.input), dtype=np.uint8)
    vectors = hls.vectors(design, arrays, images)[name]
    found = {}
    for depth in (keeps, keeps - 1, flows - 1):
        done = simulate(at(depth), arrays, vectors, FRAMES, tmp_path / f"{depth}")
        measured = read_handshakes(done.work / "free.txt")
        assert measured.keys() == {port.name for port in design.ip(name).ports}
        found[depth] = interval(at(depth), measured), set(done.hangs)
        np.testing.assert_array_equal(measured["codes_out"], done.runs[0].expected.cycles["codes_out"])
    assert found[keeps] == (design.ip(name).cycles, set())
    slower, hangs = found[keeps - 1]
    assert slower > design.ip(name).cycles
    assert not hangs
    assert found[flows - 1] == (None, {"free", "stalled"})
