"""The firings of every unit: as many as its cycles, every beat passed on, and the ones the HLS library makes."""

import itertools
import re
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hls
from codegen.text.files import write_tree
from dataflow import plan
from dataflow.firings import READ, WRITE, Regroup
from dataflow.units.window import Sliding
from hls import csim
from hls.render import INCLUDE
from network import load, parameters
from network.operations import Shape, Window
from tests.hls import together
from tests.hls.together import Case
from tests.strategies import networks, written

ROOT = Path(__file__).parents[2]


def every(runs):
    """All firings of a frame."""
    return b"".join(run.firings * run.times for run in runs)


@settings(max_examples=40)
@given(networks(blocks=4))
def test_as_many_firings_as_cycles_and_beats(tmp_path_factory, description):
    design = plan(written(description, tmp_path_factory.mktemp("drawn")))
    for ip in design.ips:
        carried = {}
        for unit in ip.units:
            pattern = every(unit.firings.runs())
            assert len(pattern) == unit.cycles, f"{ip.name}.{unit.name}"
            for names, first in ((unit.reads, READ), (unit.writes, WRITE)):
                for i, name in enumerate(names):
                    carried.setdefault(name, []).append(sum(1 for firing in pattern if firing & first << i))
        for port in ip.ports:
            assert carried.pop(port.name) == [port.beats]
        assert all(len(counts) == 2 and counts[0] == counts[1] for counts in carried.values()), carried


@pytest.mark.parametrize(
    ("into", "out", "beats"), [(512, 24, 100), (512, 24, 64), (24, 16, 9), (16, 24, 8), (8, 64, 3), (64, 8, 24), (5, 5, 4)]
)
def test_regroup(into, out, beats):
    """Never more is sent than is held, never more read than is needed."""
    held = sent = 0
    for firing in every(Regroup(into=into, out=out, beats=beats).runs()):
        assert bool(firing & READ) == (held < out)
        held += into if firing & READ else 0
        sent += bool(firing & WRITE)
        held -= out if firing & WRITE else 0
        assert 0 <= held < into + out
    assert sent == beats
    assert held < into


@pytest.fixture(scope="module", params=["tests/toy.yaml", "tests/own.yaml"])
def design(request):
    return plan(load(ROOT / request.param))


def stated_cycles(unit):
    """The formula in the doc comment of the unit's header, over the constants of its struct."""
    text = (INCLUDE / "resflow" / f"{unit.header}.h").read_text()
    if unit.header != unit.implementation:
        text = re.search(rf"(///(?:.(?!\n\n))*?\n)template <class Layer>\nvoid {unit.implementation}\(", text, re.DOTALL).group(1)
    formula = re.findall(r"///\s+cycles\s+(.*?) a frame", text)[-1]
    constants = dict(unit.values)
    if "kKernelHeight" in constants:
        side = {axis: constants[f"k{axis}"] + constants[f"kPad{before}"] + constants[f"kPad{after}"] for axis, before, after in SIDES}
        height, width = ((side[axis] - constants[f"kKernel{axis}"]) // constants[f"kStride{axis}"] + 1 for axis in ("Height", "Width"))
        beats = constants["kIn"] // constants["kSimd"]
        row = constants["kWidth"] * beats
        # "Where a row is one beat, the fill and each phase's reads take one cycle more": of several taps, where it is one word of each bank.
        settle = unit.firings._settle if unit.implementation == "swg_parallel" else row == 1
        fill = min(constants["kKernelHeight"] - constants["kPadTop"], constants["kHeight"]) * row + settle
        taps = constants["kKernelHeight"] * constants["kKernelWidth"]
        stride = constants["kStrideHeight"] + (settle / row if settle else 0)
        constants |= {"taps": taps, "pixels": height * width, "out_height": height, "out_width": width}
        constants |= {"row": row, "fill": fill, "stride": stride, "window": taps * beats, "fold_in": taps // constants["kTaps"] * beats}
        if unit.implementation == "swg_parallel":
            of = unit.firings
            constants |= {"groups": of._words, "delay": of.delay, "tail": of._tail}
    elif "kOut" in constants:
        constants["fold_in"] = constants["kIn"] // constants["kSimd"]
    if "kOut" in constants:
        constants["fold_out"] = constants["kOut"] // constants["kPe"]
    return eval(formula.replace("K*K", "taps").replace("/", "//"), {"min": min, "max": max}, constants)


SIDES = [("Height", "Top", "Bottom"), ("Width", "Left", "Right")]


def test_the_headers_state_these_cycles(design):
    for ip in design.ips:
        for unit in ip.units:
            assert stated_cycles(unit) == len(every(unit.firings.runs())), f"{ip.name}.{unit.name}"


APART = re.search(r"kApart =(.*?);", (INCLUDE / "resflow" / "window.h").read_text(), re.DOTALL).group(1)


@settings(max_examples=200)
@given(st.data())
def test_the_ring_keeps_the_distances_that_its_pragmas_state(data):
    """No iteration of the sliding window reads a place of its ring that it writes; one and the other are at least Window::kApart apart.

    The places are worked out from the image and the window here, the iterations are those of the firings.
    """
    (kernel_h, kernel_w), (stride_h, stride_w) = (tuple(data.draw(st.integers(1, 3)) for _ in range(2)) for _ in range(2))
    pad = tuple(tuple(data.draw(st.integers(0, kernel - 1)) for _ in range(2)) for kernel in (kernel_h, kernel_w))
    height, width = (data.draw(st.integers(max(1, kernel - sum(ends)), 6)) for kernel, ends in zip((kernel_h, kernel_w), pad, strict=True))
    window = Window(kernel=(kernel_h, kernel_w), stride=(stride_h, stride_w), pad=pad)
    across = window.output(Shape(height, width, 1), 1).width
    pixels = data.draw(st.sampled_from([n for n in range(1, across + 1) if across % n == 0]))
    beats = data.draw(st.integers(1, 3))
    pattern = every(Sliding(shape=Shape(height, width, beats), window=window, lanes=1, pixels=pixels).runs())

    columns = stride_w * pixels if pixels > 1 else 1  # read at once, one of each bank
    ring = kernel_h + stride_h
    written = [i for i, firing in enumerate(pattern) if firing & READ]
    comes = {(n // (width * beats), n // beats % width, n % beats): i for n, i in enumerate(written)}
    events = [(i, "write", (y % ring, x, b)) for (y, x, b), i in comes.items()]
    sent = [i for i, firing in enumerate(pattern) if firing & WRITE]
    rows = window.output(Shape(height, width, 1), 1).height
    taps = itertools.product(range(rows), range(across // pixels), range(kernel_h), range(kernel_w), range(beats))
    for i, (row, group, ky, kx, b) in zip(sent, taps, strict=True):
        y, left = row * stride_h + ky - pad[0][0], group * pixels * stride_w + kx - pad[1][0]
        inside = [x for x in range(left, left + columns) if 0 <= y < height and 0 <= x < width]
        events += [(i, "read", (y % ring, x, b)) for x in inside]
        assert all(comes[y, x, b] < i for x in inside if (x - left) % stride_w == 0 and x - left < pixels * stride_w)
    values = {"kRowBeats": width * beats, "Layer::kKernelWidth": kernel_w, "kPixelBeats": beats, "smaller": min}
    values |= {"Layer::kHeight": height, "Layer::kKernelHeight": kernel_h, "Layer::kPadTop": pad[0][0]}
    condition, short, apart = re.fullmatch(r"\s*(.*?)\s*\?\s*(.*?)\s*:(?!:)\s*(.*?)\s*", APART, re.DOTALL).groups()
    names = {name.replace("Layer::", ""): value for name, value in values.items()}
    stated = eval(f"({short}) if ({condition}) else ({apart})".replace("Layer::", ""), names)
    last = {}
    for i, what, place in sorted(events):
        for other in ("read", "write"):
            if other != what and (other, place) in last:
                assert i - last[other, place] >= stated, (what, place)
        last[what, place] = i


def trace(cases, frames, folder):
    """What the units of the HLS library read and wrote in which of their firings, by IP; the codes are right."""
    for case in cases:
        write_tree(folder / case.name, hls.render(case.network, case.ip, case.arrays) | case.vectors)
    write_tree(folder, {together.MAIN: together.main(cases)})
    include = [f"-I{Path(__file__).parent / 'traced'}", f"-I{INCLUDE}", f"-I{folder}", "-isystem", csim.ap_types()]
    program = folder / "traced"
    subprocess.run(["g++", *csim.FLAGS, "-O0", *include, "-include", "cstring", folder / together.MAIN, "-o", program], check=True)
    for case in cases:
        words = [program, case.name, folder / case.name, str(frames)]
        said = subprocess.run(words, check=False, capture_output=True, text=True).stdout
        assert f"PASS {case.ip.name}: {frames} frames" in said, said[-2000:]
        yield case.ip, [line.split() for line in said.splitlines() if line[0].isdigit()]


def require_firings(ip, events, frames):
    """Every read and write of every unit in the very firing it is said to be in."""
    benchs = {("write" if port.is_input else "read", port.name) for port in ip.ports}  # the other ends of the ports
    found = [(int(firing), what, name) for firing, what, name in events if (what, name) not in benchs]
    order = [unit for unit in ip.units for _ in range(frames)] if ip.kind == "dma" else [unit for _ in range(frames) for unit in ip.units]
    expected, number = [], 0
    for unit in order:
        for firing in every(unit.firings.runs()):
            number += 1  # the library counts a firing when it begins
            expected += [(number, "read", name) for i, name in enumerate(unit.reads) if firing & READ << i]
            expected += [(number, "write", name) for i, name in enumerate(unit.writes) if firing & WRITE << i]
    assert sorted(found) == sorted(expected), ip.name


@pytest.fixture(scope="module")
def traced(design, tmp_path_factory):
    """By IP: its events, over two frames."""
    arrays = parameters.draw(design.network, 1)
    images = np.random.default_rng(1).integers(0, 256, (2, *design.network.input), dtype=np.uint8)
    vectors = hls.vectors(design, arrays, images)
    cases = [Case(design.name, ip, arrays, vectors[ip.name]) for ip in design.ips if ip.name in TRACED[design.name]]
    return list(trace(cases, 2, tmp_path_factory.mktemp("traced")))


TRACED = {"toy": ["dma", "stem", "res2b", "head"], "own": ["head"]}
"""IPs with every implementation between them; compiling takes its time."""


def test_the_hls_library_makes_these_firings(traced):
    for ip, events in traced:
        require_firings(ip, events, 2)


def test_a_token_is_the_first_firing_of_a_frame(toy_yaml, tmp_path):
    """And loads are no firings: without their words, what is left of the messages is a token for each frame, read where the frame begins."""
    (tmp_path / "toy.yaml").write_text("constants: loaded\n" + toy_yaml.read_text().replace("weights: stream", "weights: loaded"))
    design = plan(load(tmp_path / "toy.yaml"))
    ip, images = design.ip("head"), np.zeros((1, *design.network.input), dtype=np.uint8)
    ((_, events),) = trace([Case("toy", ip, {}, hls.vectors(design, None, images)["head"])], 2, tmp_path)
    loading = [unit for unit in ip.units if unit.loads]
    assert [unit.implementation for unit in loading] == ["weight_rom", "dense"]
    words = {unit.reads[-1]: sum(each.load_words for each in loading[i:]) for i, unit in enumerate(loading)}
    moved, found = Counter(), []
    for firing, what, name in events:
        of_load = name in words and moved[what, name] % (words[name] + 2) <= words[name]  # a header, the words, and a token
        moved[what, name] += 1
        # What says which firing it is, the token, is read before.
        found += [] if of_load else [(int(firing) + (name in words and what == "read"), what, name)]
    assert {what: moved[what, "fc_constants"] for what in ("read", "write")} == dict.fromkeys(
        ("read", "write"), 2 * (words["fc_constants"] + 2)
    )
    require_firings(ip, found, 2)
