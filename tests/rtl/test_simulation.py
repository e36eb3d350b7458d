"""Random IPs under Verilator: every code against the reference, the cycle of every beat against the timing model.

`RESFLOW_RTL_NETWORKS=40 pytest tests/rtl/test_simulation.py` simulates every IP of so many networks, instead of a few that have everything.
"""

import os
import random
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import hls
from codegen.errors import ToolError
from dataflow import plan
from dataflow.rtl_fifo import FifoKind, RtlFifo
from dataflow.unit import Backend
from network import parameters
from network.formats import Kind
from tests.rtl.simulated import needs_verilator, simulate
from tests.strategies import networks, written

pytestmark = needs_verilator
FRAMES = 3
NETWORKS = int(os.environ.get("RESFLOW_RTL_NETWORKS", "0"))
"""Networks to simulate whole."""


def drawn(count, folder, **options):
    """Designs with random depths, among them some that deadlock, and the seeds of all else."""
    found = []

    @settings(max_examples=count, phases=[Phase.generate], suppress_health_check=[*HealthCheck], database=None)
    @given(networks(**options), st.integers(0, 2**32))
    def collect(description, seed):
        generator = random.Random(seed)
        design = plan(written(description, folder))
        depths = {f"{ip.name}.{stream.name}": _depth(stream, generator) for ip in design.parts for stream in ip.streams}
        found.append((design.with_depths(depths) if generator.random() < 0.7 else design, seed))

    collect()
    return found


def _depth(stream, generator):
    """As planned, as shallow as can be, or so deep that the FIFO is a memory."""
    return generator.choice(
        (stream.depth, stream.depth, stream.depth, 2, generator.randint(2, max(2, stream.depth)), generator.randint(50, 70))
    )


def features(ip):
    """What an IP has of all that its modules do in different ways."""
    found = set()
    depths = {stream.name: stream.depth for stream in ip.streams}
    for unit in ip.units:
        found.add(unit.implementation)
        values, formats = unit.values, dict(unit.formats)
        for name in unit.writes:
            if name in depths and RtlFifo(depth=depths[name], unit_latency=unit.latency[Backend.RTL]).kind is FifoKind.DEEP:
                found.add("deep FIFO")
        if unit.implementation == "swg":
            found |= {"pixels" for _ in [0] if values["kPixels"] > 1}
            found |= {f"{name[1:]} of {unit.implementation}" for name in ("kPadTop", "kPadBottom", "kPadLeft", "kPadRight") if values[name]}
            found |= {f"{name[1:]} of {unit.implementation}" for name in ("kStrideHeight", "kStrideWidth") if values[name] > 1}
        if unit.implementation in ("mvau", "dense"):
            weight, codes = formats["Weight"], formats["In"]
            wide = min(weight.bits, codes.bits)
            kind = "bipolar" if weight.kind is Kind.BIPOLAR else "signed" if weight.kind is Kind.INT else "unsigned"
            found.add(f"{kind} weights, {'DSP' if wide > 4 else 'LUT' if wide > 1 else '1 bit'}")
            found |= {f"folds of {unit.implementation}" for _ in [0] if values["kOut"] > values["kPe"]}
        if unit.implementation == "dwc":
            found.add("wider" if values["kLanesOut"] > values["kLanesIn"] else "narrower")
    return found


def passes(design, ip, seed, folder):
    """Simulate an IP on random parameters and images; the names of the runs that hang."""
    images = np.random.default_rng(seed).integers(0, 256, (FRAMES, *design.network.input), dtype=np.uint8)
    arrays = parameters.draw(design.network, seed)
    return simulate(ip, arrays, hls.vectors(design, arrays, images)[ip.name], FRAMES, folder, seed=seed)


@pytest.mark.skipif(not NETWORKS, reason="RESFLOW_RTL_NETWORKS says how many: by hand")
@pytest.mark.parametrize("options", [{"blocks": 2}, {"blocks": 1, "wide": True}], ids=["narrow", "wide"])
def test_every_ip_of_random_networks(tmp_path_factory, options):
    wrong, simulated, hangs, reached = [], 0, [0, 0], set()
    for number, (design, seed) in enumerate(drawn(NETWORKS, tmp_path_factory.mktemp("drawn"), **options)):
        for ip in design.parts:
            folder = tmp_path_factory.mktemp("ip")
            try:
                done = passes(design, ip, seed, folder)
                shutil.rmtree(folder)
                hangs = [hangs[i] + (name in done.hangs) for i, name in enumerate(("free", "stalled"))]
            except (ToolError, AssertionError) as error:
                wrong.append(f"network {number} {ip.name} in {folder}: {error}")
                print(wrong[-1], flush=True)
            simulated, reached = simulated + 1, reached | features(ip)
        print(f"{number}: {simulated} IPs, {hangs} hang, {len(wrong)} wrong", flush=True)
    print(sorted(reached))
    assert not wrong, "\n".join(wrong)
