"""Mistakes in what tests/wide.yaml has and toy.yaml has not: formats of single layers, pad codes, activations, joins, scores; compared whole."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflow import plan
from network import DescriptionError, load
from tests.network.yaml.test_description import WORDS

WIDE = (Path(__file__).parents[2] / "wide.yaml").read_text()
MISTAKES = {
    "pad code of no code": (
        ("pad_code: [-3, 0, 7]", "pad_code: [-3, 0, 16]"),
        "wide.yaml:11: stem.conv: pad_code=16\n  why: the codes that come in are int5, -16 to 15\n  fix: choose one of those",
    ),
    "pad codes of other channels": (
        ("pad_code: [-3, 0, 7]", "pad_code: [-3, 0]"),
        "wide.yaml:11: stem.conv: 2 pad codes for 3 channels\n"
        "  why: outside the input stands one code, or one for each channel\n"
        "  fix: write one pad_code, or 3",
    ),
    "pad codes in a block": (
        ("out: 4, pad_code: 2,", "out: 4, pad_code: [2, 2, 2, 2],"),
        "wide.yaml:18: res2a.conv1.pad_code: a list is not a whole number\n"
        "  why: res2a.conv1.pad_code takes a whole number\n"
        "  fix: write for example 1",
    ),
    "pad code too large": (
        ("out: 4, pad_code: 2,", "out: 4, pad_code: 8,"),
        "wide.yaml:18: res2a.conv1: pad_code=8\n  why: the codes that come in are uint3, 0 to 7\n  fix: choose one of those",
    ),
    "act no format": (
        ("act: int4, pad_code: [-3, 0, 7]", "act: int9, pad_code: [-3, 0, 7]"),
        "wide.yaml:11: stem.conv.act: int9 cannot be used here\n"
        "  why: stem.conv.act is uintN or intN with N up to 8\n"
        "  fix: choose one of those",
    ),
    "stem sums": (
        ("act: int4, pad_code: [-3, 0, 7]", "act: sums, pad_code: [-3, 0, 7]"),
        "wide.yaml:11: stem.conv.act: nothing adds its sums\n"
        "  why: sums of a block's last convolution and of its projection may go to a join with thresholds behind it, and no others\n"
        "  fix: leave act out, or write the format of its codes, for example uint4; or join: {} in the block, if it is one of those",
    ),
    "bipolar": (
        ("act: int4, pad_code: [-3, 0, 7]", "act: bipolar, pad_code: [-3, 0, 7]"),
        "wide.yaml:11: stem.conv.act: bipolar cannot be used here\n"
        "  why: stem.conv.act is uintN or intN with N up to 8\n"
        "  fix: choose one of those",
    ),
    "sums in the middle": (
        ("pad_code: 2, act: int3", "pad_code: 2, act: sums"),
        "wide.yaml:18: res2a.conv1.act: nothing adds its sums\n"
        "  why: sums of a block's last convolution and of its projection may go to a join with thresholds behind it, and no others\n"
        "  fix: leave act out, or write the format of its codes, for example uint4; or join: {} in the block, if it is one of those",
    ),
    "sums without join": (
        ("    join:   {}\n", ""),
        "wide.yaml:34: res2c.conv2.act: nothing adds its sums\n"
        "  why: sums of a block's last convolution and of its projection may go to a join with thresholds behind it, and no others\n"
        "  fix: leave act out, or write the format of its codes, for example uint4; or join: {} in the block, if it is one of those",
    ),
    "projection act clip": (
        ("residual: int4", "residual: uint4, zero_point: 8"),
        ("    bypass: {act: sums, pe: 3, simd: 2}\n    join:   {}\n", "    bypass: {act: int4, pe: 3, simd: 2}\n"),
        ("act: sums, pe: 2, simd: 3", "pe: 2, simd: 3"),
        ("  zero_point: -8 ", "  zero_point: 8 "),
        "wide.yaml:35: res2c.bypass: act: int4, but the join adds uint4\n"
        "  why: a join without thresholds behind it clips a sum of codes to the format of both\n"
        "  fix: leave act out, or let thresholds follow the join: write join: {} in res2c",
    ),
    "signed clip": (
        ("act: sums, pe: 2, simd: 3", "pe: 2, simd: 3"),
        ("    bypass: {act: sums, pe: 3, simd: 2}\n    join:   {}\n", "    bypass: {pe: 3, simd: 2}\n"),
        "wide.yaml:30: res2c: the join would clip int4\n"
        "  why: a join without thresholds behind it clips to unsigned codes\n"
        "  fix: let thresholds follow it, join: {}, or use an unsigned residual format",
    ),
    "entry place": (
        ("entry:  {both: uint2}", "entry:  {bot: uint2}"),
        "wide.yaml:32: res2c.entry.bot: unknown key\n  why: the keys known here are both, main, bypass\n  fix: did you mean both?",
    ),
    "entry of no format": (
        ("entry:  {both: uint2}", "entry:  bipolar"),
        "wide.yaml:32: res2c.entry: bipolar cannot be used here\n"
        "  why: res2c.entry is uintN or intN with N up to 8\n"
        "  fix: choose one of those",
    ),
    "entry that is a list": (
        ("entry:  {both: uint2}", "entry:  [uint2]"),
        "wide.yaml:32: res2c.entry: is a list\n"
        "  why: an entry is true, false, the format of its codes, or a mapping of the formats at its places\n"
        "  fix: write for example entry: true, entry: uint7, or entry: {main: uint7, bypass: int8}",
    ),
    "empty entry": (
        ("entry:  {both: uint2}", "entry:"),
        "wide.yaml:32: res2c.entry: is empty\n"
        "  why: an entry is true, false, the format of its codes, or a mapping of the formats at its places\n"
        "  fix: write for example entry: true, entry: uint7, or entry: {main: uint7, bypass: int8}",
    ),
    "empty join": (
        ("    join:   {}", "    join:"),
        "wide.yaml:36: res2c.join: nothing is not a mapping\n  why: res2c.join takes a mapping\n  fix: write for example {zero_point: …}",
    ),
    "pool of too many pixels": (
        ("shape: [5, 6, 3]", "shape: [4096, 4096, 1]"),
        ("  pool: {kernel: 3, stride: 2, pad: [0, 1]}\n", ""),
        ("pad_code: [-3, 0, 7], pe: 2, simd: 3", "pe: 2, simd: 1"),
        ("    join:   {}", "    join:   {act: uint8}"),
        ("pool:       max", "pool:       sum"),
        ("zero_point: -8", "zero_point: 127"),
        "wide.yaml:37: head: the sum over 16,777,216 pixels needs 33 bits with its sign\n"
        "  why: sums have at most 32\n"
        "  fix: use a smaller feature map",
    ),
    "stem entry": (
        ("entry: int5", "entry: int12"),
        "wide.yaml:10: stem.entry: int12 cannot be used here\n"
        "  why: stem.entry is uintN or intN with N up to 8\n"
        "  fix: choose one of those",
    ),
    "join key": (
        ("{factors: uint4, zero_point: 3}", "{factor: uint4}"),
        "wide.yaml:29: res2b.join.factor: unknown key\n"
        "  why: the keys known here are zero_point, factors, per_channel, act, activation\n"
        "  fix: did you mean factors?",
    ),
    "signed factors": (
        ("{factors: uint4, zero_point: 3}", "{factors: int4}"),
        "wide.yaml:29: res2b.join.factors: int4 cannot be used here\n"
        "  why: res2b.join.factors is uintN with N up to 16\n"
        "  fix: choose one of those",
    ),
    "wide factors": (
        ("{factors: uint4, zero_point: 3}", "{factors: uint17}"),
        "wide.yaml:29: res2b.join.factors: uint17 cannot be used here\n"
        "  why: res2b.join.factors is uintN with N up to 16\n"
        "  fix: choose one of those",
    ),
    "per channel": (
        ("    join:   {}", "    join:   {per_channel: true}"),
        "wide.yaml:36: res2c.join.per_channel: there are no factors\n"
        "  why: it says whether each channel has its own\n"
        "  fix: write their format, factors: uint10, or delete it",
    ),
    "join zero": (
        ("{factors: uint4, zero_point: 3}", "{factors: uint4, zero_point: x}"),
        "wide.yaml:29: res2b.join.zero_point: 'x' is not a whole number\n"
        "  why: res2b.join.zero_point takes a whole number\n"
        "  fix: write for example 1",
    ),
    "join act": (
        ("per_channel: true, act: uint4", "per_channel: true, act: sums"),
        "wide.yaml:21: res2a.join.act: 'sums' is not a format: bipolar, intN or uintN\n"
        "  why: res2a.join.act is uintN or intN with N up to 8\n"
        "  fix: write for example uint4",
    ),
    "wide sum": (
        ("{kernel: 1, out: 6, act: sums, pe: 2, simd: 3}", "{kernel: [1, 3], out: 6, weight: int8, act: sums, pe: 2, simd: 3}"),
        (
            "entry:  {both: uint2}\n    conv1:  {kernel: 3, out: 6, ",
            "entry:  {both: uint8}\n    conv1:  {kernel: 3, out: 21930, act: uint8, ",
        ),
        ("    bypass: {act: sums, pe: 3", "    bypass: {weight: int8, act: sums, pe: 3"),
        ("    join:   {}", "    join:   {factors: uint16}"),
        "wide.yaml:30: res2c: the sum of the branches needs 49 bits\n"
        "  why: its worst case is -140,741,749,670,400 to 139,642,204,751,100; it may have at most 48\n"
        "  fix: use narrower factors, or branches of codes instead of sums",
    ),
    "pool kind": (
        ("pool:       max", "pool:       mean"),
        "wide.yaml:40: head.pool: 'mean' is unknown\n  why: head.pool is one of sum, max\n  fix: use one of those",
    ),
    "pool zero": (
        ("zero_point: -8", "zero_point: -9"),
        "wide.yaml:41: head.zero_point: -9 is out of range\n  why: it must be -8 to 7\n  fix: choose a number in that range",
    ),
    "output": (
        ("output:     scores", "output:     score"),
        "wide.yaml:46: head.output: 'score' is unknown\n  why: head.output is one of labels, scores\n  fix: did you mean scores?",
    ),
    "scores without factors": (
        ("weight: int5, factors: uint6, ", "weight: int5, "),
        "wide.yaml:43: head.fc.scores: there are no factors\n"
        "  why: without factors a score is the accumulator\n"
        "  fix: write acc, or factors: uint12",
    ),
    "narrow scores": (
        ("scores: int40", "scores: int9"),
        "wide.yaml:43: head.fc: scores could overflow int9\n"
        "  why: their worst case over all weights, inputs and factors is -22,680 to 24,192, without the bias\n"
        "  fix: write scores: int16 or wider, at most int48",
    ),
    "wide scores": (
        ("scores: int40", "scores: int49"),
        "wide.yaml:43: head.fc.scores: int49 cannot be used here\n"
        "  why: head.fc.scores is intN with N up to 48\n"
        "  fix: choose one of those",
    ),
    "head act": (
        ("act:        int3", "act:        sums"),
        "wide.yaml:42: head.act: 'sums' is not a format: bipolar, intN or uintN\n"
        "  why: head.act is uintN or intN with N up to 8\n"
        "  fix: write for example uint4",
    ),
    "order": (
        ("platform: ", "pictures: {order: grb}\nplatform: "),
        "wide.yaml:3: pictures.order: 'grb' is unknown\n  why: pictures.order is one of bgr, rgb\n  fix: did you mean rgb?",
    ),
    "resize": (
        ("platform: ", "pictures: {resize: 0}\nplatform: "),
        "wide.yaml:3: pictures.resize: 0 is out of range\n  why: it must be 1 to 16,384\n  fix: choose a number in that range",
    ),
    "resize below the input": (
        ("platform: ", "pictures: {resize: 5}\nplatform: "),
        "wide.yaml:3: pictures.resize: 5 is less than the input, 5x6x3\n"
        "  why: a picture's shorter side gets so many pixels, and then the size of the input is cut out of its middle\n"
        "  fix: write 6 or more",
    ),
    "interpolation": (
        ("platform: ", "pictures: {interpolation: nearest}\nplatform: "),
        "wide.yaml:3: pictures.interpolation: 'nearest' is unknown\n"
        "  why: pictures.interpolation is one of bilinear, bicubic\n"
        "  fix: use one of those",
    ),
    "residual zero": (
        ("residual: int4", "residual: int4, zero_point: 8"),
        "wide.yaml:6: formats.zero_point: 8 is out of range\n  why: it must be -8 to 7\n  fix: choose a number in that range",
    ),
    "beat entry": (
        ("out: 4, weight: int8, act: int4, pad_code: [-3, 0, 7], pe: 2, simd: 3}", "out: 1024, weight: int8, act: uint1, pe: 8, simd: 3}"),
        ("out: 4, pad_code: 2,", "out: 4,"),
        ("{main: uint3, bypass: int2}", "{main: uint1, bypass: int8}"),
        ("weight: int4, act: uint3", "weight: bipolar, act: uint3"),
        ("act: int3, pe: 2, simd: 2}", "act: int3, pe: 2, simd: 1024}"),
        "wide.yaml:18: res2a.conv1: simd=1024 makes a beat of 8,192 bits\n"
        "  why: 1,024 lanes of int8; no stream or ap_uint may be wider than 4,096 bits\n"
        "  fix: choose simd from 1, 2, 4, 8, 16, 32, 64, 128, 256, 512",
    ),
    "beat join": (
        (
            "{kernel: 3, out: 6, weight: bipolar, act: sums, pe: 3, simd: 4}",
            "{kernel: 3, out: 600, weight: bipolar, act: sums, pe: 300, simd: 4}",
        ),
        "wide.yaml:19: res2a.conv2: pe=300 makes a beat of 4,500 bits\n"
        "  why: 300 lanes of int15; no stream or ap_uint may be wider than 4,096 bits\n"
        "  fix: choose pe from 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 24, 25, 30, 40, 50, 60, 75, 100, 120, 150, 200",
    ),
    "beat pool": (
        ("{kernel: 1, out: 6, act: sums, pe: 2, simd: 3}", "{kernel: 1, out: 1024, act: sums, pe: 2, simd: 3}"),
        ("bypass: {act: sums, pe: 3, simd: 2}", "bypass: {act: sums, pe: 2, simd: 2}"),
        ("pool:       max", "pool:       sum"),
        ("act:        int3", "act:        uint1"),
        ("weight: int5, factors: uint6, scores: int40, pe: 1, simd: 2}", "weight: int2, factors: uint6, scores: int40, pe: 1, simd: 1024}"),
        "wide.yaml:43: head.fc: simd=1024 makes a beat of 7,168 bits\n"
        "  why: 1,024 lanes of uint7; no stream or ap_uint may be wider than 4,096 bits\n"
        "  fix: choose simd from 1, 2, 4, 8, 16, 32, 64, 128, 256, 512",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes(tmp_path, monkeypatch, mistake):
    monkeypatch.chdir(tmp_path)
    *changes, message = MISTAKES[mistake]
    text = WIDE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    Path("wide.yaml").write_text(text)
    with pytest.raises(DescriptionError) as error:
        plan(load("wide.yaml"))
    assert str(error.value) == message


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_word_gives_a_network_or_the_described_error(tmp_path, data):
    words = re.split(r"(\W+)", WIDE)
    for _ in range(data.draw(st.integers(1, 3))):
        words[data.draw(st.integers(0, len(words) - 1))] = data.draw(st.sampled_from([*WORDS, "sums", "int8", "uint8", "-8", "{}", "max"]))
    path = tmp_path / "wide.yaml"
    path.write_text("".join(words))
    try:
        plan(load(path))
    except DescriptionError as error:
        assert re.fullmatch(r".*wide\.yaml(:\d+)?: .+\n  why: .+\n  fix: .+", str(error), re.DOTALL)


@pytest.mark.parametrize(
    ("residual", "join", "given", "expected"),
    [
        ("uint4", "", "", 8),
        ("uint4", "", "zero_point: 3, ", 3),
        ("uint4", "join: {}", "", 0),
        ("uint4", "join: {}", "zero_point: 3, ", 3),
        ("int4", "join: {}", "", 0),
    ],
)
def test_the_zero_point_of_the_head(tmp_path, residual, join, given, expected):
    """Half of the codes is that of joins that clip, as the original's do; nobody means it where thresholds follow a join."""
    text = (Path(__file__).parents[2] / "toy.yaml").read_text()
    text = text.replace("residual: uint4", f"{given}residual: {residual}")
    for bypass in ("bypass: {pe: 2, simd: 4}", "bypass: identity"):
        text = text.replace(bypass, f"{bypass}\n    {join}")
    (tmp_path / "toy.yaml").write_text(text)
    assert load(tmp_path / "toy.yaml").head.zero_point == expected
