"""Sliding windows of several taps a beat, and beats that change places: their cycles, and when their memories are written and read."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.firings import READ, WRITE
from dataflow.unit import CannotBuildError, Place
from dataflow.units.beats import raster
from dataflow.units.parallel import ParallelSliding, swg_parallel
from hls.render import INCLUDE
from network.formats import Format
from network.operations import Shape, Window
from rtl.shapes import UNITS, Parameters
from tests.dataflow.test_firings import every, stated_cycles
from tests.windows import draw_raster, draw_sliding


def apart(header, values):
    """The distance that the pragmas of a header state."""
    stated = re.search(r"constexpr unsigned kApart = (.*?);", (INCLUDE / "resflow" / f"{header}.h").read_text())[1]
    return eval(stated.replace("Layer::", "").replace("S::", ""), {"smaller": min}, values)


def require_apart(events, least):
    """No place is written and read, or read and written, in firings closer to each other."""
    last = {}
    for i, what, place in sorted(events):
        for other in ("read", "write"):
            if other != what and (other, place) in last:
                assert i - last[other, place] >= least, (what, place)
        last[what, place] = i


@settings(max_examples=100)
@given(st.integers(0, 2**32))
def test_the_ring_keeps_the_distances_that_its_pragmas_state(seed):
    """What a step takes has come, and is still there; the places are worked out from the image and the window."""
    of = draw_sliding(np.random.default_rng(seed), several=True).unit.firings
    pattern, beats, window = every(of.runs()), of.shape.channels // of.lanes, of.window
    slots = -(-(window.kernel[0] + window.stride[0]) // of.rows)
    shift = (of._lead + 1) * of.columns - of.span + window.pad[1][0]
    came = [i for i, firing in enumerate(pattern) if firing & READ]
    pixels = [(y, x, part) for y in range(of.shape.height) for x in range(of.shape.width) for part in range(beats)]

    def place(y, x, part):
        return y % of.rows, (x + shift) % of.columns, y // of.rows % slots, (x + shift) // of.columns, part

    events = [(i, "write", place(*pixel)) for i, pixel in zip(came, pixels, strict=True)]
    holds = {}
    writes = sorted((i, place(*pixel), pixel) for i, pixel in zip(came, pixels, strict=True))
    steps = of._words * of.delay
    for row in range(of.output.height):
        start = of.fill + of._settle + row * of._phase
        due = [start + i for i in range(of._phase) if (i + 1) * steps // of._phase > i * steps // of._phase]
        taps = [(word, ky, part) for word in range(of._words) for ky in range(window.kernel[0] // of.rows) for part in range(beats)]
        for i, (word, ky, part) in zip(due, taps, strict=True):
            while writes and writes[0][0] < i:
                _, where, pixel = writes.pop(0)
                holds[where] = pixel
            for y in range(window.kernel[0]) if of.rows > 1 else [ky]:
                for x in range(word * of.columns - shift, (word + 1) * of.columns - shift):
                    pixel = (row * window.stride[0] + y - window.pad[0][0], x, part)
                    if 0 <= pixel[0] < of.shape.height and 0 <= x < of.shape.width:
                        assert holds[place(*pixel)] == pixel
                        events.append((i, "read", place(*pixel)))
    require_apart(events, apart("swg_parallel", {"kWords": of._words, "kRowWords": of._row_words, "kBeats": beats}))


@settings(max_examples=50)
@given(st.integers(0, 2**32))
def test_a_group_leaves_before_the_next_one_takes_its_place(seed):
    unit = draw_raster(np.random.default_rng(seed)).unit
    groups, folds, pixels, beats, _ = unit.values.values()
    assert stated_cycles(unit) == unit.cycles
    order = [(group % 2, *place) for group in range(groups) for place in itertools.product(range(folds), range(pixels), range(beats))]
    out = sorted(order[: folds * pixels * beats], key=lambda place: (place[2], place[1], place[3]))
    out = [(group % 2, *place[1:]) for group in range(groups) for place in out]
    pattern = every(unit.firings.runs())
    events = []
    for bit, what, places in ((READ, "write", order), (WRITE, "read", out)):
        events += [(i, what, place) for i, place in zip([i for i, firing in enumerate(pattern) if firing & bit], places, strict=True)]
    require_apart(events, apart("raster", unit.values))


@settings(max_examples=50)
@given(st.integers(0, 2**32))
def test_the_header_states_these_cycles(seed):
    unit = draw_sliding(np.random.default_rng(seed), several=True).unit
    assert stated_cycles(unit) == unit.cycles


@pytest.mark.parametrize(
    ("shape", "cycles"),
    [
        ("size=32 in=16 lanes=16 kernel=3 taps=9 codes=uint8", 2 * 32 + 32 * 32 + 1),  # two rows to begin with, one window in the end
        ("size=32 in=16 lanes=16 kernel=3 taps=3 codes=uint8", 2 * 32 + 32 * 32 * 3 + 3),
        ("size=8 in=64 lanes=64 kernel=3 taps=9 codes=uint8", 2 * 8 + 8 * 8 + 1),
        ("size=32 in=16 lanes=16 kernel=3 stride=2 taps=9 codes=uint8", 2 * 32 + 16 * 64),  # as many as pixels come
        ("size=224 in=3 lanes=3 kernel=7 stride=2 taps=49 codes=uint8", 4 * 224 + 112 * 448 + 1),
        ("size=224 in=3 lanes=3 kernel=7 stride=2 taps=7 codes=uint8", 4 * 224 + 112 * 112 * 7 + 7),
        ("size=224 in=3 lanes=3 kernel=7 stride=2 taps=7 pixels=2 codes=uint8", 4 * 224 + 112 * 448),
    ],
)
def test_cycles_of_layers_that_people_have(shape, cycles):
    unit = UNITS["swg_parallel"](Parameters(shape)).units[0]
    assert unit.cycles == cycles == stated_cycles(unit) == len(every(unit.firings.runs()))


def test_a_map_of_one_pixel():
    """It is read, and reaches its memory; of the two phases each has a cycle to read and one for a step, the second with the first window."""
    window = Window(kernel=(2, 3), stride=(1, 1), pad=((1, 1), (1, 1)))
    assert every(ParallelSliding(shape=Shape(1, 1, 1), window=window, lanes=1, taps=6).runs()) == bytes([READ, 0, 0, 0, 0, WRITE, WRITE])


def test_what_cannot_be():
    place = Place("unit", "", ("in",), ("out",))
    window = Window(kernel=(3, 3), stride=(1, 1), pad=((1, 1), (1, 1)))
    with pytest.raises(CannotBuildError, match="taps=1 of a window 3x3/1"):
        swg_parallel(place, shape=Shape(4, 4, 2), window=window, lanes=1, taps=1, form=Format.parse("uint2"))
    with pytest.raises(CannotBuildError, match="1 folds of 2 pixels cannot change places"):
        raster(place, groups=1, folds=1, pixels=2, beats=1, lanes=1, form=Format.parse("uint2"))
