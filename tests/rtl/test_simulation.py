"""Random IPs under Verilator: every code against the reference, the cycle of every beat against the timing model.

`RESFLOW_RTL_NETWORKS=40 pytest -s tests/rtl/test_simulation.py` simulates every IP of so many networks, instead
of a few that have everything; another number, other networks.
"""

import os
import random
import shutil
from itertools import chain, count, islice

import hypothesis
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

import hls
from codegen.errors import ToolError
from dataflow import plan
from dataflow.rtl_fifo import FifoKind, RtlFifo
from dataflow.timing.rtl import ip_graph, transfers
from dataflow.unit import Backend
from network.formats import Kind
from rtl.modules import MODULES
from tests.rtl.simulated import least, needs_verilator, simulate
from tests.strategies import networks, settled, written

pytestmark = needs_verilator
FRAMES = 3
NETWORKS = int(os.environ.get("RESFLOW_RTL_NETWORKS", "0"))
"""Networks to simulate whole."""


def drawn(number, examples, folder, **options):
    """Designs with random depths, among them some that deadlock, and the seeds of all else."""
    found = []

    @hypothesis.seed(number)
    @settings(max_examples=examples, phases=[Phase.generate], suppress_health_check=[*HealthCheck], database=None, derandomize=False)
    @given(networks(**options), st.integers(0, 2**32))
    def collect(description, seed):
        generator = random.Random(seed)
        design = plan(written(description | {"network": f"drawn{number}_{len(found)}"}, folder))
        of = generator.choice((_any_depth, _any_depth, _least_depth, lambda depth, _: depth))
        depths = {f"{ip.name}.{stream.name}": of(stream.depth, generator) for ip in design.parts for stream in ip.streams}
        found.append((design.with_depths(depths), seed))

    collect()
    return found


def _any_depth(depth, generator):
    """As planned, shallower, or so deep that the FIFO is a memory."""
    return generator.choice((depth, depth, generator.randint(2, max(2, depth)), generator.randint(50, 70)))


def _least_depth(_, generator):
    """Such that many blocks deadlock."""
    return generator.choice((2, 2, 3))


SIGNED = {"mvau": "Out", "threshold": "Out", "max_pool": "In", "accumulate_pool": "In", "global_max": "In"}
"""By implementation, the format with whose sign the module does something else than with the others."""

ORDER = {"channel by channel": "kBlock", "pixel by pixel": "kRepeats", "pixels side by side": "kBeside"}
SHARED = {"several weights": "kDspWeights", "several pixels": "kDspPixels", "sums": "kChain"}
"""What values are called that say more of a unit where they are more than 1."""


def features(ip):
    """What an IP has of all that its modules do in different ways."""
    found = set()
    depths = {stream.name: stream.depth for stream in ip.streams}
    loading = {unit.loads for unit in ip.units if unit.constants}
    found |= {"loaded" if loading == {True} else "some loaded"} if True in loading else set()
    for unit in ip.units:
        found.add(unit.implementation)
        values, formats = unit.values, dict(unit.formats)
        for name in unit.writes:
            latency = unit.latency.get(Backend.RTL)  # that of a DMA has none
            if latency is not None and name in depths and RtlFifo(depth=depths[name], unit_latency=latency).kind is FifoKind.DEEP:
                found.add("deep FIFO")
        if unit.implementation == "swg_parallel":
            rows = "a row" if values["kTaps"] == values["kKernelWidth"] else "all rows"
            found |= {f"{rows} of swg_parallel", f"{'several pixels' if values['kPixels'] > 1 else 'one pixel'} of swg_parallel"}
        if unit.implementation == "swg":
            found |= {f"{'all' if values['kSimd'] == values['kIn'] else 'parts'} of pixels" for _ in [0] if values["kPixels"] > 1}
            found |= {f"{name[1:]} of {unit.implementation}" for name in ("kPadTop", "kPadBottom", "kPadLeft", "kPadRight") if values[name]}
            found |= {f"{name[1:]} of {unit.implementation}" for name in ("kStrideHeight", "kStrideWidth") if values[name] > 1}
            found |= {"pad codes" for _ in unit.lists}
            found |= {"pad codes of beats" for _, codes in unit.lists if len(set(codes)) > 1 and values["kIn"] > values["kSimd"]}
        if unit.implementation in SIGNED:
            name = SIGNED[unit.implementation]
            found |= {f"signed {name} of {unit.implementation}" for _ in [0] if formats[name].kind is Kind.INT}
        if unit.implementation in ("accumulate_pool", "global_max", "join_sum") and values["kZero"] < 0:
            found.add(f"negative zero of {unit.implementation}")
        if unit.implementation == "threshold" and formats["Out"].bits == 8:
            found.add("255 thresholds")
        if unit.implementation == "join_sum":
            pairs = "no" if not unit.constants else "one" if values["kPairs"] < values["kLanes"] else "own"
            found |= {"rows of factors" for _ in [0] if values.get("kRows", 1) > 1}
            found |= {f"{pairs} factors", f"{'sums' if formats['Main'].bits > 8 else 'codes'} into join_sum"}
        if "kBeside" in values:  # an activation behind products: the order of its values
            found |= {f"{name} of activations" for name, key in ORDER.items() if values[key] > 1}
        if unit.implementation == "scale":
            found |= {"steps" for _ in [0] if values["kStep"] > 1}
            found |= {
                f"half {'even' if values['kHalfEven'] else 'up'}",
                f"multipliers of {'few' if formats['Multiplier'].bits <= 4 else 'many'} bits",
            }
        if unit.implementation == "dense":
            found.add("bias" if unit.constants else "no bias")
        if unit.implementation == "top_k_scores":
            found.add(f"scores of {1 if formats['Score'].bits <= 32 else 2} words")
        if unit.implementation in ("mvau", "mvu", "dense"):
            weight, codes = formats["Weight"], formats["In"]
            wide = min(weight.bits, codes.bits)
            found |= {f"bipolar weights times {codes.kind.value}" for _ in [0] if weight.kind is Kind.BIPOLAR}
            kind = "bipolar" if weight.kind is Kind.BIPOLAR else "signed" if weight.kind is Kind.INT else "unsigned"
            found.add(f"{kind} weights, {'DSP' if values['kDsp'] else 'LUT' if wide > 1 else '1 bit'}")
            found |= {f"{name} in a DSP" for name, key in SHARED.items() if values["kDsp"] and values[key] > 1}
            found |= {f"folds of {unit.implementation}" for _ in [0] if values["kOut"] > values["kPe"]}
        if unit.implementation == "dwc":
            found.add("wider" if values["kLanesOut"] > values["kLanesIn"] else "narrower")
    return found


def passes(design, ip, seed, folder):
    """Simulate an IP on random parameters and images, where constants are loaded on two sets of them; the names of the runs that hang."""
    images = np.random.default_rng(seed).integers(0, 256, (FRAMES, *design.network.input), dtype=np.uint8)
    arrays = settled(design.network, seed, images)
    frames = FRAMES * (2 if design.network.loads else 1)
    return simulate(ip, arrays, hls.vectors(design, arrays, images)[ip.name], frames, folder, seed=seed)


WAYS = {
    *(f"{pad} of swg" for pad in ("PadTop", "PadBottom", "PadLeft", "PadRight", "StrideHeight", "StrideWidth")),
    *("a row of swg_parallel", "all rows of swg_parallel", "one pixel of swg_parallel", "several pixels of swg_parallel"),
    *("all of pixels", "parts of pixels"),
    *("folds of mvau", "folds of mvu", "folds of dense", "wider", "narrower", "deep FIFO", "pad codes"),
    *("pad codes of beats", "rows of factors"),
    *(f"signed {name} of {implementation}" for implementation, name in SIGNED.items()),
    *(f"negative zero of {implementation}" for implementation in ("accumulate_pool", "global_max", "join_sum")),
    *("loaded", "some loaded"),
    *("255 thresholds", "no factors", "one factors", "own factors"),
    *("sums into join_sum", "codes into join_sum", "bias", "no bias", "scores of 1 words", "scores of 2 words"),
    *(f"{name} of activations" for name in ORDER),
    *(f"{name} in a DSP" for name in SHARED),
    *("steps", "half up", "half even", "multipliers of few bits", "multipliers of many bits"),
    *("bipolar weights times uint", "bipolar weights times int"),
    *("bipolar weights, 1 bit", "signed weights, 1 bit", "unsigned weights, 1 bit"),
    *("signed weights, LUT", "unsigned weights, LUT", "signed weights, DSP", "unsigned weights, DSP"),
}


def few(designs, ips=lambda design: design.parts, has=features):
    """Of all IPs those of the fewest units that together have what all have."""
    every = [(design, ip, seed, has(ip)) for design, seed in designs for ip in ips(design)]
    wanted = sorted(set().union(*(of for *_, of in every)))
    covers = np.array([[each in of for *_, of in every] for each in wanted], float)
    units = [len(ip.units) + ip.products / 1000 for _, ip, *_ in every]  # most of the time of an IP goes into compiling its units
    chosen = milp(units, constraints=LinearConstraint(covers, lb=1), integrality=np.ones(len(every)), bounds=Bounds(0, 1))
    return [each for each, taken in zip(every, chosen.x, strict=True) if taken > 0.5]


def test_random_ips(tmp_path):
    reached = set()
    for number, (design, ip, seed, has) in enumerate(few(drawn(11, 100, tmp_path, blocks=2, loaded=True))):
        passes(design, ip, seed, tmp_path / f"{number}")
        reached |= has
    assert reached == WAYS | set(MODULES)


def deadlocking(number, folder):
    """Blocks of networks, all of whose FIFOs are shallow, with bypasses just too shallow and just deep enough."""
    for design, seed in drawn(number, 30, folder, blocks=2):
        for ip in design.parts:

            def at(depth, design=design, ip=ip):
                depths = {f"{ip.name}.{each.name}": depth if each.name.startswith("bypass") else 2 for each in ip.streams}
                return design.with_depths(depths).ip(ip.name)

            def flows(depth, at=at):
                return transfers(ip_graph(at(depth), frames=FRAMES)).deadlock is None

            if not flows(2):
                depth = least(flows, 400)
                yield design, seed, at(depth - 1), at(depth)


def test_around_a_deadlock(tmp_path):
    """Both hang with every beat in its cycle, or neither does."""
    blocks = islice(chain.from_iterable(deadlocking(number, tmp_path) for number in count(3)), NETWORKS or 1)
    for number, (design, seed, hangs, flows) in enumerate(blocks):
        assert "free" in passes(design, hangs, seed, tmp_path / f"hangs{number}").hangs
        assert "free" not in passes(design, flows, seed, tmp_path / f"flows{number}").hangs


@pytest.mark.skipif(not NETWORKS, reason="RESFLOW_RTL_NETWORKS says how many: by hand")
@pytest.mark.parametrize("options", [{"blocks": 2}, {"blocks": 1, "wide": True}], ids=["narrow", "wide"])
def test_every_ip_of_random_networks(tmp_path_factory, options):
    wrong, simulated, hangs, reached = [], 0, [0, 0], set()
    for number, (design, seed) in enumerate(drawn(NETWORKS, NETWORKS, tmp_path_factory.mktemp("drawn"), loaded=True, **options)):
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
