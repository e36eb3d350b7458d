"""Each mistake in a description gets an error that says where, what, why and how to fix it: compared whole."""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflow import plan
from network import DescriptionError, load
from network.yaml.reader import MAX_BYTES
from tests.strategies import networks, written

TOY = (Path(__file__).parents[2] / "toy.yaml").read_text()


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """The message about toy.yaml with `old` replaced by `new`."""
    monkeypatch.chdir(tmp_path)

    def message(old: str, new: str) -> str:
        assert old in TOY
        Path("toy.yaml").write_text(TOY.replace(old, new, 1))
        with pytest.raises(DescriptionError) as error:
            plan(load("toy.yaml"))
        return str(error.value)

    return message


CONV1 = "conv1:  {kernel: 3, out: 4, pe: 2, simd: 2}"

MISTAKES = {
    "unknown key": (
        CONV1,
        "conv1:  {kernel: 3, out: 4, pe: 2, simd: 2, strid: 1}",
        "toy.yaml:16: res2a.conv1.strid: unknown key\n"
        "  why: the keys known here are kernel, out, pe, simd, pixels, taps, multiply, activation, constants, memory, stride, pad, pad_code, weight, acc, act\n"
        "  fix: did you mean stride?",
    ),
    "unknown key with nothing near it": (
        "platform:",
        "zzz: 1\nplatform:",
        "toy.yaml:3: zzz: unknown key\n"
        "  why: the keys known here are network, platform, clock_mhz, input, formats, stem, blocks, head, labels, images, pictures, interfaces, memory, parameters, constants, fps\n"
        "  fix: use one of those, or delete it",
    ),
    "missing key": (
        CONV1,
        "conv1:  {kernel: 3, pe: 2, simd: 2}",
        "toy.yaml:16: res2a.conv1: out is missing\n  why: it cannot be derived from the rest\n  fix: add out: …",
    ),
    "missing section": (
        "head:",
        "heat:",
        "toy.yaml:26: heat: unknown key\n"
        "  why: the keys known here are network, platform, clock_mhz, input, formats, stem, blocks, head, labels, images, pictures, interfaces, memory, parameters, constants, fps\n"
        "  fix: did you mean head?",
    ),
    "text for a number": (
        CONV1,
        "conv1:  {kernel: 3, out: four, pe: 2, simd: 2}",
        "toy.yaml:16: res2a.conv1.out: 'four' is not a whole number\n"
        "  why: res2a.conv1.out takes a whole number\n  fix: write for example 1",
    ),
    "a time of day for a number": (
        "clock_mhz: 200",
        "clock_mhz: 3:20",
        "toy.yaml:4: clock_mhz: 3:20 is not a whole number\n  why: clock_mhz takes a whole number\n  fix: write for example 1",
    ),
    "a boolean for a number": (
        CONV1,
        "conv1:  {kernel: 3, out: true, pe: 2, simd: 2}",
        "toy.yaml:16: res2a.conv1.out: true is not a whole number\n  why: res2a.conv1.out takes a whole number\n  fix: write for example 1",
    ),
    "a number for a mapping": (
        CONV1,
        "conv1:  7",
        "toy.yaml:16: res2a.conv1: 7 is not a mapping\n  why: res2a.conv1 takes a mapping\n  fix: write for example {kernel: …, out: …}",
    ),
    "zero channels": (
        CONV1,
        "conv1:  {kernel: 3, out: 0, pe: 2, simd: 2}",
        "toy.yaml:16: res2a.conv1.out: 0 is out of range\n  why: it must be 1 to 65,536\n  fix: choose a number in that range",
    ),
    "negative size": (
        "shape: [6, 5, 3]",
        "shape: [6, -5, 3]",
        "toy.yaml:5: input.shape[1]: -5 is out of range\n  why: it must be 1 to 16,384\n  fix: choose a number in that range",
    ),
    "shape of two": (
        "shape: [6, 5, 3]",
        "shape: [6, 5]",
        "toy.yaml:5: input.shape: it has 2 entries\n  why: input.shape takes a list of 3\n  fix: write for example [224, 224, 3]",
    ),
    "PE does not divide": (
        CONV1,
        "conv1:  {kernel: 3, out: 4, pe: 3, simd: 2}",
        "toy.yaml:16: res2a.conv1: pe=3 does not divide 4 output channels\n"
        "  why: each PE computes the same number of output channels\n  fix: choose from 1, 2, 4",
    ),
    "SIMD does not divide": (
        CONV1,
        "conv1:  {kernel: 3, out: 4, pe: 2, simd: 8}",
        "toy.yaml:16: res2a.conv1: simd=8 does not divide 4 input channels\n"
        "  why: each beat carries the same number of input channels\n  fix: choose from 1, 2, 4",
    ),
    "pixels do not divide": (
        "{kernel: 3, out: 4, weight: int8, pe: 2, simd: 3}",
        "{kernel: 3, out: 4, weight: int8, pe: 4, simd: 3, pixels: 2}",
        "toy.yaml:10: stem.conv: pixels=2 does not divide 5 pixels of an output row\n"
        "  why: each cycle computes the same number of pixels of one row\n  fix: choose from 1, 5",
    ),
    "taps that are no row": (
        CONV1,
        "conv1:  {kernel: 3, out: 4, pe: 2, simd: 2, taps: 2}",
        "toy.yaml:16: res2a.conv1: taps=2\n"
        "  why: a cycle takes one tap of the kernel, a row of them, or all: it is 3x3/1\n  fix: choose from 1, 3, 9",
    ),
    "DSPs for bipolar weights": (
        CONV1,
        "conv1:  {kernel: 3, out: 4, pe: 2, simd: 2, multiply: dsp}",
        "toy.yaml:16: res2a.conv1: multiply=dsp with bipolar weights\n"
        "  why: they are not multiplied: where they agree with a bit of a code it is counted, in LUTs\n  fix: leave multiply out",
    ),
    "unknown way": (
        CONV1,
        "conv1:  {kernel: 3, out: 4, pe: 2, simd: 2, activation: serch}",
        "toy.yaml:16: res2a.conv1.activation: 'serch' is unknown\n"
        "  why: res2a.conv1.activation is one of auto, fused, compare, search, table, clip\n  fix: did you mean search?",
    ),
    "scale without numbers": (
        CONV1,
        "conv1:  {kernel: 3, out: 4, pe: 2, simd: 2, activation: scale}",
        "toy.yaml:16: res2a.conv1.activation: scale has no numbers\n"
        "  why: its widths are not derived from the thresholds\n"
        "  fix: write {scale: {multiplier: …, bias: …, shift: …, low: …, high: …}}, as the importer does",
    ),
    "scale of other codes": (
        CONV1,
        "conv1:  {kernel: 3, out: 4, pe: 2, simd: 2, activation: {scale: {multiplier: 4, bias: 9, shift: 2, low: 0, high: 7}}}",
        "toy.yaml:16: res2a.conv1: scale with codes from 0 to 7\n"
        "  why: those of uint2 are 0 to 3\n  fix: correct low and high, or leave activation out",
    ),
    "table of wide sums": (
        "{kernel: 3, out: 4, weight: int8, pe: 2, simd: 3}",
        "{kernel: 3, out: 4, weight: int8, pe: 2, simd: 3, activation: table}",
        "toy.yaml:10: stem.conv: activation: table of sums of 21 bits\n"
        "  why: a table has the code of every value, which may have at most 8 bits\n"
        "  fix: leave activation out, or write activation: search",
    ),
    "scale without a shift": (
        CONV1,
        "conv1:  {kernel: 3, out: 4, pe: 2, simd: 2, activation: {scale: {multiplier: 4, bias: 9, low: 0, high: 3}}}",
        "toy.yaml:16: res2a.conv1.activation.scale: shift is missing\n  why: it cannot be derived from the rest\n  fix: add shift: …",
    ),
    "scale with too many bits": (
        CONV1,
        "conv1:  {kernel: 3, out: 4, pe: 2, simd: 2, activation: {scale: {multiplier: 40, bias: 9, shift: 2, low: 0, high: 3}}}",
        "toy.yaml:16: res2a.conv1.activation.scale: multiplier: 40\n"
        "  why: its bits: 1 to 32\n  fix: import the network again, or leave out how the activation is built",
    ),
    "accumulator could overflow": (
        CONV1,
        "conv1:  {kernel: 3, out: 4, pe: 2, simd: 2, acc: int7}",
        "toy.yaml:16: res2a.conv1: the accumulator could overflow int7\n"
        "  why: its worst case over all weights and inputs is -108 to 108\n  fix: write acc: int8 or wider, or leave acc out",
    ),
    "a key twice": (
        "top:     3",
        "top:     3\n  weights: stream",
        "toy.yaml:31: head.weights: duplicate key\n  why: it is already in line 29\n  fix: rename or delete one of the two",
    ),
    "shapes do not meet, identity": (
        "conv3:  {kernel: 1, out: 6, weight: int3, pe: 2, simd: 4}",
        "conv3:  {kernel: 1, out: 8, weight: int3, pe: 2, simd: 4}",
        "toy.yaml:19: res2b: the bypass has shape 3x2x6, res2b.conv3 has 3x2x8\n"
        "  why: the join adds the two paths element by element, so their shapes must match\n"
        "  fix: write out: 6 in res2b.conv3, or make the bypass of res2b a projection, bypass: {}",
    ),
    "shapes do not meet, projection": (
        "bypass: {pe: 2, simd: 4}",
        "bypass: {pe: 2, simd: 4, stride: 2}",
        "toy.yaml:18: res2a: the bypass has shape 2x1x6, res2a.conv2 has 3x2x6\n"
        "  why: the join adds the two paths element by element, so their shapes must match\n"
        "  fix: write stride: 1 in res2a.bypass",
    ),
    "an even kernel beside an identity": (
        "conv2:  {kernel: 3, out: 4, pe: 2, simd: 2}",
        "conv2:  {kernel: [2, 3], out: 4, pe: 2, simd: 2}",
        "toy.yaml:19: res2b: the bypass has shape 3x2x6, res2b.conv3 has 2x2x6\n"
        "  why: the join adds the two paths element by element, so their shapes must match\n"
        "  fix: write pad: [[0, 1], [1, 1]] in res2b.conv2",
    ),
    "an even kernel beside a projection": (
        CONV1,
        "conv1:  {kernel: 2, stride: 2, out: 4, pe: 2, simd: 2}",
        "toy.yaml:18: res2a: the bypass has shape 3x2x6, res2a.conv2 has 1x1x6\n"
        "  why: the join adds the two paths element by element, so their shapes must match\n"
        "  fix: write pad: [0, 1] in res2a.conv1 and write stride: 2 in res2a.bypass",
    ),
    "identity of activations": (
        "bypass: {pe: 2, simd: 4}",
        "bypass: identity",
        "toy.yaml:14: res2a: bypass: identity has uint2, but the join adds uint4\n"
        "  why: the identity passes codes unchanged\n"
        "  fix: write output: residual in stem, or make the bypass a projection, bypass: {}, or let thresholds follow the join, join: {}",
    ),
    "unknown bypass": (
        "bypass: identity",
        "bypass: identiti",
        "toy.yaml:24: res2b.bypass: 'identiti' is unknown\n"
        "  why: a bypass is the identity, or a projection given as a mapping, which may be empty\n  fix: did you mean identity?",
    ),
    "no bypass": (
        "bypass: identity",
        "bypass:",
        "toy.yaml:24: res2b.bypass: is empty\n"
        "  why: a bypass is the identity, or a projection given as a mapping, which may be empty\n  fix: write bypass: identity, or bypass: {}",
    ),
    "capitals": (
        "weights: stream",
        "weights: ROM",
        "toy.yaml:29: head.weights: 'ROM' is unknown\n  why: head.weights is one of stream, rom, loaded\n  fix: did you mean rom?",
    ),
    "a kernel that fits neither axis": (
        "{kernel: 3, out: 4, weight: int8, pe: 2, simd: 3}",
        "{kernel: 9, pad: 0, out: 4, weight: int8, pe: 2, simd: 3}",
        "toy.yaml:10: stem.conv: a kernel of 9 does not fit into the height of 6x5x3 with pad (0, 0)\n"
        "  why: there would be no output pixel\n"
        "  fix: use a kernel of at most 5, more padding, smaller strides or a larger input",
    ),
    "an accumulator of no format": (
        "acc: int16",
        "acc: int99",
        "toy.yaml:6: formats.acc: int has 1 to 64 bits, not 99\n"
        "  why: formats.acc is intN with N up to 32\n  fix: write for example int16, or leave acc out",
    ),
    "an accumulator of all layers": (
        "acc: int16",
        "acc: int4",
        "toy.yaml:16: res2a.conv1: the accumulator could overflow int4\n"
        "  why: its worst case over all weights and inputs is -108 to 108\n  fix: write acc: int8 or wider, or leave acc out of formats",
    ),
    "duplicate block": (
        "  res2b:\n",
        "  res2a:\n",
        "toy.yaml:19: blocks.res2a: duplicate key\n  why: it is already in line 14\n  fix: rename or delete one of the two",
    ),
    "a block called like an IP": (
        "  res2b:\n",
        "  dma:\n",
        "toy.yaml:19: dma: reserved name\n  why: every network has an IP of that name\n  fix: rename the block",
    ),
    "a block called like a result": (
        "  res2b:\n",
        "  scores:\n",
        "toy.yaml:19: scores: reserved name\n  why: it names a result of the head in traces of the network\n  fix: rename the block",
    ),
    "a name that is no identifier of VHDL": (
        "  res2b:\n",
        "  res2__b:\n",
        "toy.yaml:19: res2__b: 'res2__b' cannot be a name\n"
        "  why: it becomes part of the names of files, C++ functions and HDL modules\n"
        "  fix: use lower-case letters and digits, a letter first, and single underscores between them",
    ),
    "a block's name that is too long": (
        "  res2b:\n",
        f"  {'b' * 65}:\n",
        f"toy.yaml:19: {'b' * 65}: '{'b' * 65}' has 65 characters\n"
        "  why: it becomes part of the names of files, C++ functions and HDL modules\n  fix: use at most 64",
    ),
    "a kernel's name that is too long": (
        "network:   toy",
        f"network:   {'n' * 31}",
        f"toy.yaml:2: network: '{'n' * 31}' has 31 characters\n"
        "  why: it becomes part of the names of files, HDL modules and the compute unit\n  fix: use at most 30",
    ),
    "a path for a name": (
        "network:   toy",
        "network:   ../toy",
        "toy.yaml:2: network: '../toy' cannot be a name\n"
        "  why: it becomes part of the names of files, HDL modules and the compute unit\n"
        "  fix: use lower-case letters and digits, a letter first, and single underscores between them",
    ),
    "unknown format": (
        "act: uint2",
        "act: uint9",
        "toy.yaml:6: formats.act: uint9 cannot be used here\n  why: formats.act is uintN or intN with N up to 8\n  fix: choose one of those",
    ),
    "no format": (
        "weight: bipolar",
        "weight: binary",
        "toy.yaml:6: formats.weight: 'binary' is not a format: bipolar, intN or uintN\n"
        "  why: formats.weight is bipolar or intN or uintN with N up to 8\n  fix: write for example bipolar",
    ),
    "kernel larger than the image": (
        "shape: [6, 5, 3]",
        "shape: [6, 1, 3]",
        "toy.yaml:11: stem.pool: a kernel of 3 does not fit into the width of 6x1x4 with pad (0, 1)\n"
        "  why: there would be no output pixel\n  fix: use a kernel of at most 2, more padding, smaller strides or a larger input",
    ),
    "pad as large as the kernel": (
        "pad: [0, 1]",
        "pad: [3, 1]",
        "toy.yaml:11: stem.pool: pad (3, 1) is not smaller than the kernel, 3\n"
        "  why: some windows would contain padding only\n  fix: pad with at most 2",
    ),
    "more labels than classes": (
        "top:     3",
        "top:     6",
        "toy.yaml:26: head: top=6 of 5 classes\n  why: the kernel writes the labels of the top largest scores\n  fix: choose 1 to 5",
    ),
    "names for other classes": (
        "platform:",
        "labels: [one, two]\nplatform:",
        "toy.yaml:3: labels: 2 names for 5 classes\n  why: every class has one name\n  fix: give 5 names, or leave labels out",
    ),
    "streamed weights of two rows": (
        "pe: 1, simd: 2}\n  weights: stream",
        "pe: 5, simd: 2}\n  weights: stream",
        "toy.yaml:28: head.fc: weights int8 with pe=5, simd=2 cannot be streamed\n"
        "  why: card memory holds int8 weights row by row, (classes, inputs), and delivers 64 of them a cycle\n"
        "  fix: choose weight: int8, pe: 1 and simd up to 64, or weights: rom",
    ),
    "unknown platform": (
        "platform:  u250",
        "platform:  u999",
        "toy.yaml:3: platform: 'u999' is unknown\n  why: known cards are described in dataflow/platforms\n  fix: use u200, u250, u280, u50, u55c",
    ),
    "an SLR the card does not have": (
        "slr: 2",
        "slr: 4",
        "toy.yaml:20: res2b.slr: 4 is out of range\n  why: it must be 0 to 3\n  fix: choose a number in that range",
    ),
    "a bank the card does not have": (
        "platform:",
        'memory: {weights: "HBM[0]"}\nplatform:',
        "toy.yaml:3: memory.weights: u250 has no HBM[0]\n"
        "  why: banks depend on the card\n"
        "  fix: use DDR[0], DDR[1], DDR[2], DDR[3], PLRAM[0], PLRAM[1], PLRAM[2], PLRAM[3]",
    ),
    "banks without a DMA": (
        "platform:",
        'interfaces: streams\nmemory: {images: "DDR[0]"}\nplatform:',
        "toy.yaml:4: memory: there is no DMA\n"
        "  why: with interfaces: streams nothing is in card memory\n"
        "  fix: delete memory, or write interfaces: memory",
    ),
    "other interfaces": (
        "platform:",
        "interfaces: stream\nplatform:",
        "toy.yaml:3: interfaces: 'stream' is unknown\n  why: interfaces is one of memory, streams\n  fix: did you mean streams?",
    ),
    "no bank": (
        "platform:",
        "memory: {weights: ddr0}\nplatform:",
        "toy.yaml:3: memory.weights: 'ddr0' is not a bank\n  why: banks are spelled as in the platform\n  fix: write DDR[0], PLRAM[0] or HBM[3]",
    ),
    "no YAML": (
        "head:\n",
        "head: [\n",
        "toy.yaml:28: not YAML: expected ',' or ']', but got ':'\n"
        "  why: while parsing a flow sequence\n  fix: correct the line or the one above",
    ),
    "constants that are neither": (
        "platform:",
        "constants: ram\nplatform:",
        "toy.yaml:3: constants: 'ram' is unknown\n  why: constants is one of rom, loaded\n  fix: did you mean rom?",
    ),
    "UltraRAM of what is not loaded": (
        CONV1,
        "conv1:  {kernel: 3, out: 4, pe: 2, simd: 2, memory: uram}",
        "toy.yaml:16: res2a.conv1.memory: UltraRAM of weights that are not loaded\n"
        "  why: it has no initial contents: what lies in it is written at start\n"
        "  fix: write constants: loaded, or memory: lut or bram",
    ),
    "a classifier loaded alone": (
        "weights: stream",
        "weights: loaded",
        "toy.yaml:29: head.weights: nothing is loaded\n"
        "  why: the classifier's weights come with the other constants of the network\n"
        "  fix: write constants: loaded for the network, or weights: rom or stream",
    ),
    "the memory of weights that are streamed": (
        "pe: 1, simd: 2}",
        "pe: 1, simd: 2, memory: bram}",
        "toy.yaml:28: head.fc.memory: weights: stream\n"
        "  why: they come from card memory in every run\n"
        "  fix: delete memory, or write weights: rom or loaded",
    ),
    "an alias": (
        "bypass: identity",
        "bypass: &a identity",
        "toy.yaml:24: anchors and aliases are not supported\n  why: each fact is written once\n  fix: write the value out",
    ),
    "a tag": (
        "bypass: identity",
        "bypass: !!python/object:os.system identity",
        "toy.yaml:24: tag tag:yaml.org,2002:python/object:os.system is not supported\n  why: a description is plain data\n  fix: delete the tag",
    ),
}


FIFO_MISTAKES = {
    "fifos: {bypas: 40}": (
        "toy.yaml:18: res2a.fifos.bypas: there is no such FIFO\n"
        "  why: the FIFOs of res2a are entry_in, main_in, bypass, conv1_window, conv1_out, conv2_in, conv2_window, conv2_sums, "
        "conv2_act_in, conv2_out, bypass_in, bypass_sums, bypass_out, join_in, joined, codes_in\n"
        "  fix: did you mean bypass?"
    ),
    "fifos: {codes_in: 48}": (
        "toy.yaml:18: res2a.fifos.codes_in: 48 beats between two IPs\n  why: the FIFO IP has 16 to 32,768, a power of two\n  fix: write 64"
    ),
    "fifos: {codes_in: 100000}": (
        "toy.yaml:18: res2a.fifos.codes_in: 100000 beats between two IPs\n"
        "  why: the FIFO IP has 16 to 32,768, a power of two\n"
        "  fix: write 32768"
    ),
    "fifos: {bypass: 1}": (
        "toy.yaml:18: res2a.fifos.bypass: 1 is out of range\n  why: it must be 2 to 1,048,576\n  fix: choose a number in that range"
    ),
    "fifos: 4": "toy.yaml:18: res2a.fifos: 4 is not a mapping\n  why: res2a.fifos takes a mapping\n  fix: write for example {name: …}",
}


@pytest.mark.parametrize("entry", FIFO_MISTAKES)
def test_mistakes_in_depths(refused, entry):
    assert refused("    bypass: {pe: 2, simd: 4}\n", f"    {entry}\n    bypass: {{pe: 2, simd: 4}}\n") == FIFO_MISTAKES[entry]


def test_depths(tmp_path):
    """Of streams, of links by the port they lead to, of the labels by where they come from; the rest is as it was."""
    path = tmp_path / "toy.yaml"
    entries = {
        "    bypass: {pe: 2": "    fifos: {bypass: 40, codes_in: 64}\n    bypass: {pe: 2",
        "  top:  ": "  fifos: {labels: 32, scores: 5}\n  top:  ",
    }
    text = TOY
    for old, new in entries.items():
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text)
    given = {"res2a.bypass": 40, "res2a.codes_in": 64, "head.labels": 32, "head.scores": 5}
    before = tmp_path / "before.yaml"
    before.write_text(TOY)
    assert plan(load(path)).depths == plan(load(before)).depths | given


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes(refused, mistake):
    old, new, message = MISTAKES[mistake]
    assert refused(old, new) == message


def test_beats_of_more_than_4096_bits(refused):
    assert refused("{kernel: 3, out: 4, weight: int8, pe: 2, simd: 3}", "{kernel: 3, out: 4096, weight: int8, pe: 4096, simd: 3}") == (
        "toy.yaml:10: stem.conv: pe=4096 makes a beat of 8,192 bits\n"
        "  why: 4,096 lanes of uint2; no stream or ap_uint may be wider than 4,096 bits\n"
        "  fix: choose pe from 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048"
    )


STEM = "{kernel: 3, out: 4, weight: int8, pe: 2, simd: 3}"
LAST = "conv2:  {kernel: 3, out: 4, pe: 2, simd: 2}\n    conv3:  {kernel: 1, out: 6, weight: int3, pe: 2, simd: 4}\n    bypass: identity"
WIDE = {
    "pixels": (
        (STEM, "{kernel: 3, out: 2000, weight: int8, pe: 2000, simd: 3, pixels: 5}"),
        "toy.yaml:10: stem.conv: pe=2000 with pixels=5 makes a beat of 20,000 bits\n"
        "  why: 10,000 lanes of uint2; no stream or ap_uint may be wider than 4,096 bits\n"
        "  fix: choose pe from 1, 2, 4, 5, 8, 10, 16, 20, 25, 40, 50, 80, 100, 125, 200, 250, 400",
    ),
    "sums of an activation of its own": (
        (STEM, STEM.replace("out: 4", "out: 512").replace("pe: 2", "pe: 512, activation: search")),
        "toy.yaml:10: stem.conv: pe=512 makes a beat of 10,752 bits\n"
        "  why: 512 lanes of int21; no stream or ap_uint may be wider than 4,096 bits\n"
        "  fix: choose pe from 1, 2, 4, 8, 16, 32, 64, 128",
    ),
    "weights of the fully connected layer": (
        (LAST, "conv2:  {kernel: 3, out: 2048, pe: 2, simd: 2}\n    bypass: {}"),
        ("{out: 5, pe: 1, simd: 2}\n  weights: stream", "{out: 5, pe: 5, simd: 128}\n  weights: rom"),
        "toy.yaml:27: head.fc: pe=5 with simd=128 makes a beat of 5,120 bits\n"
        "  why: 640 lanes of int8; no stream or ap_uint may be wider than 4,096 bits\n  fix: choose pe from 1",
    ),
    "out of the stem, folding left out": (
        (STEM, "{kernel: 3, out: 1025, weight: int8}"),
        (CONV1, CONV1.replace("simd: 2", "simd: 5")),
        ("bypass: {pe: 2, simd: 4}", "bypass: {}"),
        ("act: uint2", "act: uint4"),
        (", acc: int16", ""),
        "toy.yaml:10: stem.conv: pe=1 makes a beat of 4,100 bits between two IPs\n"
        "  why: it fills whole bytes, with a number of uint4 lanes that divides 1,025 channels; no stream may be wider than 4,096 bits\n"
        "  fix: use a multiple of 2 channels, or codes of 8 bits",
    ),
    "into a block, with a way out": (
        (STEM, "{kernel: 3, out: 1026, weight: int8, pe: 1, simd: 3}"),
        (CONV1, CONV1.replace("simd: 2", "simd: 1026")),
        ("bypass: {pe: 2, simd: 4}", "bypass: {}"),
        ("stem:\n", "stem:\n  output: residual\n"),
        (", acc: int16", ""),
        "toy.yaml:17: res2a.conv1: simd=1026 makes a beat of 4,104 bits between two IPs\n"
        "  why: it fills whole bytes, with a number of uint4 lanes that divides 1,026 channels; no stream may be wider than 4,096 bits\n"
        "  fix: choose simd from 1, 2, 3, 6, 9, 18, 19, 27, 38, 54, 57, 114, 171, 342",
    ),
}


@pytest.mark.parametrize("case", WIDE)
def test_what_makes_a_beat_too_wide_is_a_key_of_the_description(tmp_path, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    *changes, message = WIDE[case]
    text = TOY
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    Path("toy.yaml").write_text(text)
    with pytest.raises(DescriptionError) as error:
        plan(load("toy.yaml"))
    assert str(error.value) == message


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_doing_what_makes_the_paths_meet_is_enough(tmp_path, data):
    """Windows of any kind on the main path and, where there is a projection, on the bypass: what the error says is done, all at once."""
    draw = data.draw
    document = yaml.safe_load(TOY)
    block = document["blocks"]["res2a"]
    document["stem"]["output"] = "residual"
    for conv in ("conv1", "conv2"):
        kernel = [draw(st.integers(1, 3)), draw(st.integers(1, 3))]
        window = {"kernel": kernel, "stride": [draw(st.integers(1, 2)), draw(st.integers(1, 2))]}
        if draw(st.booleans()):
            window["pad"] = [[draw(st.integers(0, k - 1)), draw(st.integers(0, k - 1))] for k in kernel]
        block[conv] = window | {"out": draw(st.sampled_from([4, 6])), "pe": 2}
    block["bypass"] = draw(st.sampled_from(["identity", {}, {"stride": 2}, {"stride": [1, 2], "out": 6}]))
    document["blocks"] = {"res2a": block}
    path = tmp_path / "toy.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    try:
        load(path)
        return
    except DescriptionError as error:
        if "their shapes must match" not in str(error):
            return
        fix = str(error).partition("fix: ")[2]
    for change in fix.split(" and "):
        if found := re.fullmatch(r"write (\w+): (.+?) in res2a\.(\w+)(, or make .*)?", change):
            block[found[3]][found[1]] = yaml.safe_load(found[2])
        elif found := re.fullmatch(r"make the bypass of res2a a projection, bypass: (.+)", change):
            block["bypass"] = yaml.safe_load(found[1])
        elif found := re.fullmatch(r"leave (\w+) out of res2a\.bypass(, or write .*)?", change):
            del block["bypass"][found[1]]
        else:
            raise AssertionError(change)
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    load(path)


def test_accumulators_of_more_than_32_bits(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wide = (
        TOY.replace("act: uint2", "act: uint8")
        .replace("acc: int16", "acc: int32")
        .replace(CONV1, "conv1: {kernel: 1, out: 65536, pe: 1, simd: 2}")
    )
    Path("toy.yaml").write_text(wide.replace("{kernel: 3, out: 6, pe: 3, simd: 4}", "{kernel: 3, out: 6, weight: int8, pe: 3, simd: 4}"))
    with pytest.raises(DescriptionError) as error:
        load("toy.yaml")
    assert str(error.value) == (
        "toy.yaml:17: res2a.conv2: the accumulator needs 36 bits\n"
        "  why: its worst case over all weights and inputs is -19,251,855,360 to 19,101,450,240; accumulators have at most 32 bits\n"
        "  fix: use fewer channels, a smaller kernel or feature map, or narrower formats"
    )


def test_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DescriptionError) as error:
        load("toy.yaml")
    assert str(error.value) == (
        "toy.yaml: cannot be read: No such file or directory\n  why: the description of the network is a YAML file\n  fix: check the path"
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "toy.yaml: the file is empty\n  why: there is no network in it\n  fix: start from configs/digits.yaml"),
        (b"# only a comment\n", "toy.yaml: the file is empty\n  why: there is no network in it\n  fix: start from configs/digits.yaml"),
        (
            b"a: 1\r\nb: 2\rc: 3\nd: M\xfcller\n",
            "toy.yaml:4: the byte 0xFC is not UTF-8\n  why: a description is UTF-8 text\n  fix: save it as UTF-8",
        ),
        (
            b"a: 1\nb: \x07\n",
            "toy.yaml:2: the character '\\x07' is not allowed\n  why: YAML is text, without control characters; a description is UTF-8\n"
            "  fix: delete it, or save the file as UTF-8",
        ),
        (b"a: \xff\n", "toy.yaml:1: the byte 0xFF is not UTF-8\n  why: a description is UTF-8 text\n  fix: save it as UTF-8"),
        (
            b"#" * (MAX_BYTES + 1),
            "toy.yaml: the file has 1,048,577 bytes\n  why: a description has at most a megabyte\n  fix: name the right file",
        ),
        (
            b"- a\n",
            "toy.yaml:1: a list is not a mapping\n  why: the document takes a mapping\n"
            "  fix: write for example {network: …, platform: …, clock_mhz: …, input: …, formats: …, stem: …, blocks: …, head: …}",
        ),
    ],
)
def test_what_is_no_description(tmp_path, monkeypatch, data, message):
    monkeypatch.chdir(tmp_path)
    Path("toy.yaml").write_bytes(data)
    with pytest.raises(DescriptionError) as error:
        load("toy.yaml")
    assert str(error.value) == message


def test_values_do_not_know_their_line(tmp_path):
    (tmp_path / "a.yaml").write_text(TOY)
    (tmp_path / "b.yaml").write_text("# one line more\n" + TOY)
    a, b = load(tmp_path / "a.yaml"), load(tmp_path / "b.yaml")
    assert a == b
    assert repr(a) == repr(b)
    assert repr(plan(a)) == repr(plan(b))


@settings(max_examples=100)
@given(networks())
def test_random_networks_load(tmp_path_factory, description):
    net = written(description, tmp_path_factory.mktemp("drawn"))
    assert [block.name for block in net.blocks] == ["b0", "b1", "b2"]


WORDS = [
    "",
    "0",
    "-1",
    "3",
    "1e9",
    "999999999999999999999",
    "true",
    "null",
    "identity",
    "uint2",
    "[1, 2]",
    "{a: 1}",
    "[[1, 2], 3]",
    "'",
    "*a",
    "&a",
    "...",
    "\t",
    "\u2028",
    "0x10",
    "2024-01-01",
    "99:99",
]


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_text_gives_a_network_or_the_described_error(tmp_path, data):
    lines = TOY.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        words = re.split(r"(\W+)", lines[at])
        change = data.draw(st.sampled_from(["delete", "repeat", "word", "indent"]))
        if change == "delete" and len(lines) > 1:
            del lines[at]
        elif change == "repeat":
            lines.insert(at, lines[at])
        elif change == "word":
            words[data.draw(st.integers(0, len(words) - 1))] = data.draw(st.sampled_from(WORDS))
            lines[at] = "".join(words)
        else:
            lines[at] = " " * data.draw(st.integers(0, 6)) + lines[at].lstrip()
    path = tmp_path / "toy.yaml"
    path.write_text("\n".join(lines))
    try:
        plan(load(path))
    except DescriptionError as error:
        assert re.fullmatch(r".*toy\.yaml(:\d+)?: .+\n  why: .+\n  fix: .+", str(error), re.DOTALL)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s))
)
def test_any_document_gives_the_described_error(tmp_path, document):
    path = tmp_path / "toy.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(DescriptionError):
        load(path)
