"""Units alone, by brute force, in the corners that networks seldom have: codes and sums at the ends of their formats, words of 48 bits, ties.

Many of them are one IP, side by side, since most of the time of a simulation goes into compiling it. Its ports have lanes of one bit, so a
beat may be of any width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from codegen.errors import ToolError
from codegen.tools.run import run
from dataflow.cost.storage import Storage
from dataflow.design import Ip
from network.formats import Format, uint
from network.layers import Ram
from rtl.shapes import UNITS, Parameters
from rtl.simulation import require_equal
from tests.activations import cases
from tests.alone import FRAMES, Alone, Integers, side_by_side
from tests.rtl.loads import load_vectors, spliced, with_chain
from tests.rtl.simulated import needs_verilator, simulate

pytestmark = needs_verilator


def ip_of(implementation: str, shape: str) -> Ip:
    return UNITS[implementation](Parameters(shape))


def format_of(ip: Ip, name: str) -> Format:
    return dict(ip.units[0].formats)[name]


def ends(rng: np.random.Generator, form: Format, size: tuple[int, ...], rest: int = 4) -> Integers:
    """As often the least, the greatest, 0 and 1 as anything else."""
    corners = np.array([form.low, form.high, *([0, min(1, form.high)] if form.low <= 0 else [])])
    random = rng.integers(form.low, form.high, size, endpoint=True)
    return np.where(rng.integers(0, rest, size) == 0, random, rng.choice(corners, size))


def windows(codes: Integers, kernel: int, stride: int, pad: int, pads: Integers) -> Integers:
    """(frame, out row, out column, kernel_y, kernel_x, channel), pixel by pixel."""
    frames, size, _, channels = codes.shape
    out = (size + 2 * pad - kernel) // stride + 1
    found = np.empty((frames, out, out, kernel, kernel, channels), np.int64)
    for y, x, ky, kx in np.ndindex(out, out, kernel, kernel):
        row, column = y * stride + ky - pad, x * stride + kx - pad
        inside = 0 <= row < size and 0 <= column < size
        found[:, y, x, ky, kx] = codes[:, row, column] if inside else pads
    return found


def swg(rng, form="int8", channels=6, lanes=2, pixels=1, kernel=3, stride=1, size=4):
    shape = f"size={size} in={channels} lanes={lanes} kernel={kernel} stride={stride} pixels={pixels} codes={form} pads=1"
    ip, bits = ip_of("swg", shape), Format.parse(form).bits
    pads = np.array(dict(ip.units[0].lists)["PadCodes"])
    assert len(set(pads)) > 1
    codes = ends(rng, Format.parse(form), (FRAMES, size, size, channels))
    seen = windows(codes, kernel, stride, kernel // 2, pads)
    if pixels > 1:  # the taps of the pixels side by side
        frames, rows, columns = seen.shape[:3]
        seen = np.moveaxis(seen.reshape(frames, rows, columns // pixels, pixels, kernel, kernel, channels), 3, 5)
    return Alone(ip, {}, {"in": (codes, bits), "out": (seen, bits)})


def max_pool(rng):
    ip, form = ip_of("max_pool", "size=4 in=4 lanes=2 codes=int3 kernel=2 stride=2 pad=0"), Format.parse("int3")
    codes = ends(rng, form, (FRAMES, 4, 4, 4))
    seen = windows(codes, 2, 2, 0, np.zeros(4, np.int64))
    return Alone(ip, {}, {"in": (seen, 3), "out": (seen.max((3, 4)), 3)})


def global_pool(rng, implementation, form, zero, lanes):
    ip, codes_form = ip_of(implementation, f"size=3 in=6 lanes={lanes} codes={form} zero={zero}"), Format.parse(form)
    codes = ends(rng, codes_form, (FRAMES, 9, 6))
    codes[0] = codes_form.high  # the largest sum
    codes[1] = np.minimum(codes[1], codes_form.low + 2)
    above = np.maximum(codes - zero, 0)
    values = above.sum(1) if implementation == "accumulate_pool" else above.max(1)
    return Alone(ip, {}, {"in": (codes, codes_form.bits), "out": (values, format_of(ip, "Out").bits)})


def join_sum(rng, main, bypass, factors=None, pairs=1, zero=0, lanes=2, channels=6):
    given = f"size=2 in={channels} lanes={lanes} main={main} bypass={bypass} zero={zero} pairs={pairs}"
    ip = ip_of("join_sum", given + (f" factors={factors}" if factors else ""))
    a, b = (ends(rng, Format.parse(form), (FRAMES, 4, channels)) for form in (main, bypass))
    of = np.ones((1, 2), np.int64)
    if factors:
        of = rng.integers(1, Format.parse(factors).high, (channels if pairs else 1, 2), endpoint=True)
        of[0] = Format.parse(factors).high  # with the ends of the codes: the ends of the values
    values = of[:, 0] * a + of[:, 1] * b - zero
    streams = {"main": (a, Format.parse(main).bits), "bypass": (b, Format.parse(bypass).bits)}
    return Alone(ip, {"factors": of} if factors else {}, streams | {"out": (values, format_of(ip, "Out").bits)})


def scale_scores(rng):
    ip = ip_of("scale_scores", "classes=6 lanes=3 sums=int28 factors=uint16 scores=int48")
    sums = ends(rng, Format.parse("int28"), (FRAMES, 6))
    factors, bias = ends(rng, uint(16), (6,)), ends(rng, Format.parse("int45"), (6,))
    return Alone(ip, {"factors": factors, "bias": bias}, {"in": (sums, 28), "out": (factors * sums + bias, 48)})


def multiplied(rng, implementation, weight, codes, result=None, *, pixels=1, into=6, out=4, pe=2, simd=3, multiply="lut"):
    """A 1x1 convolution; of an MVAU a threshold is a sum that comes, or the one above."""
    side = max(2, pixels)
    given = (
        f"size={side} in={into} out={out} pe={pe} simd={simd} kernel=1 pixels={pixels} weight={weight} codes={codes} multiply={multiply}"
    )
    ip = ip_of(implementation, given + (f" result={result}" if result else ""))
    form, of = Format.parse(codes), Format.parse(weight)
    weights = rng.choice([-1, 1], (out, into)) if weight == "bipolar" else ends(rng, of, (out, into))
    found = ends(rng, form, (FRAMES, side**2, into))
    weights[0], found[:, 0] = of.low, form.low  # the ends of the sums
    weights[1], found[:, 1] = of.high, form.high
    sums = np.einsum("fpi,oi->fpo", found, weights)

    def beats(values, lanes):  # of the pixels of a group, those of a beat lie side by side
        return np.moveaxis(values.reshape(FRAMES, side**2 // pixels, pixels, -1, lanes), 2, 3)

    streams = {"in": (beats(found, simd), form.bits), "out": (beats(sums, pe), format_of(ip, "Acc").bits)}
    constants = {"weights": weights}
    if result:
        codes_out = Format.parse(result)
        thresholds = np.sort(rng.choice(sums.ravel(), (out, codes_out.thresholds)) + rng.integers(0, 2, (out, codes_out.thresholds)))
        reached = (sums[..., None] >= thresholds).sum(-1) + codes_out.low
        streams["out"] = beats(reached, pe), codes_out.bits
        constants["thresholds"] = thresholds
    return Alone(ip, constants, streams)


def weight_rom(rng):
    ip = ip_of("weight_rom", "in=6 out=4 pe=2 simd=3 weight=int5 codes=uint4")
    weights = rng.integers(-16, 16, (4, 6))
    beats = weights.reshape(2, 2, 2, 3).transpose(0, 2, 1, 3)  # (fold, PE, beat, lane) -> (fold, beat, PE, lane)
    return Alone(ip, {"weights": weights}, {"out": (np.tile(beats, (FRAMES, 1, 1, 1)), 5)})


def dense(rng):
    ip = ip_of("dense", "in=6 out=4 pe=2 simd=3 weight=int5 codes=uint4")
    weights, codes, bias = rng.integers(-16, 16, (4, 6)), rng.integers(0, 16, (FRAMES, 6)), rng.integers(-99, 100, 4)
    beats = np.tile(weights.reshape(2, 2, 2, 3).transpose(0, 2, 1, 3), (FRAMES, 1, 1, 1))
    streams = {"in": (codes, 4), "weights": (beats, 5), "out": (codes @ weights.T + bias, format_of(ip, "Acc").bits)}
    return Alone(ip, {"bias": bias}, streams)


def top_k_scores(rng, scores, top):
    """Many are equal."""
    form = Format.parse(scores)
    ip = ip_of("top_k_scores", f"classes=9 top={top} scores={scores}")
    found = rng.choice([form.low, form.low, -1, 0, form.high], (FRAMES, 9))
    labels = np.argsort(-found, axis=1, kind="stable")[:, :top]
    best = np.take_along_axis(found, labels, axis=1)
    wide = form.bits > 32
    parts = np.stack([best & 0xFFFFFFFF, best >> 32], axis=-1).reshape(FRAMES, -1) if wide else best
    words = np.concatenate([labels, np.zeros((FRAMES, top % 2 if wide else 0), np.int64), parts], axis=1)
    assert words.shape[1] == ip.units[0].values["kWords"]
    return Alone(ip, {}, {"in": (found, form.bits), "out": (words, 32)})


PACKED = {
    # weight, codes, pixels, lanes, PEs, (weights, pixels) in a DSP: the last may have fewer.
    "8": ("int8", "uint8", 1, 9, 3, (2, 1)),
    "8_signed": ("int8", "int8", 2, 5, 1, (1, 2)),
    "8_pixels": ("int8", "uint8", 2, 5, 1, (1, 2)),
    "8_unsigned": ("uint8", "uint8", 1, 4, 2, (2, 1)),
    "8_alone": ("int8", "int8", 1, 3, 1, (1, 1)),
    "4": ("int4", "uint4", 1, 17, 5, (3, 1)),
    "4_signed": ("int4", "int4", 2, 18, 2, (2, 2)),
    "4_odd": ("int4", "uint4", 2, 8, 3, (2, 2)),
    "4_row": ("int4", "uint4", 3, 4, 3, (1, 3)),
    "5": ("int5", "uint5", 2, 3, 2, (2, 2)),  # chains of two
    "3": ("int3", "uint3", 2, 5, 3, (3, 2)),
    "6x4": ("int6", "int4", 2, 4, 2, (2, 2)),  # weights in the narrow factor
    "1": ("int1", "int1", 1, 7, 8, (8, 1)),
}


def packed(weight, codes, pixels, lanes, pe, form):
    """An MVU of two beats and two output folds in DSPs."""

    def case(rng):
        found = multiplied(rng, "mvu", weight, codes, pixels=pixels, into=2 * lanes, out=2 * pe, pe=pe, simd=lanes, multiply="dsp")
        assert (found.unit.values["kDspWeights"], found.unit.values["kDspPixels"]) == form
        return found

    return case


CASES: dict[str, Callable[[np.random.Generator], Alone]] = {
    "swg_beats": swg,
    "swg_strides": lambda rng: swg(rng, "uint7", channels=4, lanes=1, stride=2, size=5),
    "swg_pixels": lambda rng: swg(rng, "int4", channels=3, lanes=3, pixels=2),
    "max_pool": max_pool,
    "sums": lambda rng: global_pool(rng, "accumulate_pool", "int4", -8, 2),
    "sums_negative": lambda rng: global_pool(rng, "accumulate_pool", "int8", -5, 1),
    "largest": lambda rng: global_pool(rng, "global_max", "int8", -128, 1),
    "largest_cut": lambda rng: global_pool(rng, "global_max", "int4", 6, 6),
    "largest_high": lambda rng: global_pool(rng, "global_max", "uint3", 5, 2),
    "join_codes": lambda rng: join_sum(rng, "int8", "uint8", zero=-(1 << 31)),
    "join_sums": lambda rng: join_sum(rng, "int30", "int20", zero=(1 << 31) - 1, lanes=3),
    "join_own": lambda rng: join_sum(rng, "int31", "uint4", factors="uint16"),
    "join_own_row": lambda rng: join_sum(rng, "uint8", "int8", factors="uint1", lanes=6, zero=3),
    "join_shared": lambda rng: join_sum(rng, "int20", "int1", factors="uint10", pairs=0, zero=-9),
    "scale_scores": scale_scores,
    "weight_rom": weight_rom,
    "dense": dense,
    "mvu_bipolar": lambda rng: multiplied(rng, "mvu", "bipolar", "int1"),
    "mvu_bipolar_wide": lambda rng: multiplied(rng, "mvu", "bipolar", "int8", pixels=2, into=4, pe=4, simd=4),
    "mvu_wide": lambda rng: multiplied(rng, "mvu", "int8", "int8"),
    **{f"dsp_{name}": packed(*given) for name, given in PACKED.items()},
    "mvu_planes": lambda rng: multiplied(rng, "mvu", "uint2", "uint7"),
    "mvau_bipolar": lambda rng: multiplied(rng, "mvau", "bipolar", "int4", result="int8"),
    "mvau_planes": lambda rng: multiplied(rng, "mvau", "int3", "int2", result="int1"),
    "top_words": lambda rng: top_k_scores(rng, "int48", 3),
    "top_even": lambda rng: top_k_scores(rng, "int33", 4),
    "top_one": lambda rng: top_k_scores(rng, "int32", 9),
}


LOADED: dict[str, Ram | None] = {
    "mvu_bipolar_wide": Ram.LUT,
    "dsp_8": Ram.URAM,
    "mvu_planes": None,
    "mvau_bipolar": Ram.BRAM,
    "mvau_planes": Ram.URAM,
    "join_own": None,
    "join_own_row": Ram.BRAM,
    "join_shared": Ram.LUT,
    "scale_scores": None,
    "threshold_raster": None,  # 192 words a row
    "threshold_blocks": Ram.LUT,
    "clip_raster": Ram.URAM,
    "clip_point": Ram.BRAM,  # a row of a bit
    "clip_narrow": None,
    "table_row": Ram.URAM,
    "table_raster": None,
    "search_raster": None,
    "search_beside": Ram.URAM,
    "search_bit": Ram.BRAM,
    "scale_wide": None,
    "scale_up": Ram.URAM,
    "weight_rom": Ram.URAM,
    "dense": Ram.BRAM,
}
"""Units whose constants are loaded; the others have theirs in ROM."""


def all_cases(seed: int) -> dict[str, Alone]:
    rng = np.random.default_rng(seed)
    return {name: case(rng) for name, case in CASES.items()} | {name: case.alone for name, case in cases(seed).items()}


def test_units_side_by_side(tmp_path):
    """Units with loaded constants compute two frames with some, and one with others."""
    of, other_of = all_cases(14), all_cases(15)
    ip, arrays, vectors = side_by_side(of)
    _, other, after = side_by_side({name: other_of[name] for name in LOADED})
    ip = with_chain(ip, LOADED)
    assert {unit.implementation for unit in ip.units if unit.loads} == {unit.implementation for unit in ip.units if unit.constants}
    held = [each for unit in ip.units for each in unit.constants if each.holding.loaded]
    assert {each.storage for each in held} >= {Storage.REGISTERS, Storage.LUTRAM, Storage.BRAM, Storage.URAM}
    vectors = spliced(vectors, after, FRAMES, FRAMES - 1) | load_vectors(ip, [(arrays, FRAMES - 1), (other, 1)])
    done = simulate(ip, arrays, vectors, FRAMES, tmp_path)
    assert not done.hangs
    wrong_words_are_found(ip, done)


def wrong_words_are_found(ip, done):
    """Of messages, like wrong codes: one that differs, one in another cycle, and a file that is no whole words."""
    free, file = done.runs[0], done.work / "vectors" / "constants_out.bin"
    words = np.fromfile(file, "<u8")

    def fails(text):
        file.write_bytes(text)
        with pytest.raises(ToolError) as error:
            run(
                (done.work / "simulation", "vectors", "gaps/free", str(FRAMES), str(free.last), "no.txt"),
                log=done.work / "no.log",
                cwd=done.work,
                hint="look",
            )
        return str(error.value).splitlines()[1]

    changed = words ^ np.eye(len(words), dtype=np.uint64)[0]
    assert fails(changed.tobytes()) == f"  why: FAIL constants_out: word 0 of the messages, lane 0: {words[0]} instead of {changed[0]}"
    assert fails(words.tobytes()[:-1]) == f"  why: FAIL alone: constants_out: {words.nbytes - 1} bytes of messages"
    late = {**free.expected.cycles, "constants_out": free.expected.cycles["constants_out"] + np.eye(len(words), dtype=int)[2]}
    with pytest.raises(ToolError) as error:
        require_equal(ip, replace(free, expected=replace(free.expected, cycles=late)), done.work)
    at = free.expected.cycles["constants_out"][2]
    assert str(error.value).splitlines()[:2] == [
        f"{done.work / free.handshakes}: without stalls, word 2 passes alone.constants_out in cycle {at:,}",
        f"  why: the timing model says in cycle {at + 1:,}",
    ]
