"""YAML -> `Network`: reads the decisions, derives the rest, and names the line where something does not fit.

Every key and its default stands in one of the `_…` functions below, in the order of the file.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import NamedTuple

from network.formats import BIPOLAR, Format, Kind, uint
from network.inheritance import entries_of
from network.model import Block, Conv, Dense, Fifo, Head, Memory, Network, Shape, Stem, Window, reach, require_accumulator
from network.yaml_reader import Item, Mapping, nearest

MAX_SIZE = 1 << 14
MAX_IMAGE = 1 << 28
MAX_CHANNELS = 1 << 16
MAX_DEPTH = 1 << 20
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
MOST_KERNEL, MOST_BLOCK = 30, 64
"""Characters of a name. The host finds a kernel by `<network>:<network>_1`, in a field of 64 bytes with a zero at its end."""
MOST_LABEL = 256
BANK = re.compile(r"(DDR|PLRAM|HBM)\[\d{1,2}\]")
IMAGE_FORMAT = uint(8)
TAKEN = {
    **dict.fromkeys(("stem", "head", "dma"), "every network has an IP of that name"),
    **dict.fromkeys(("scores", "labels"), "a trace of the network calls a result of the head so"),
}
"""What no block can be called, and why. Keywords, macros and files of anybody's are no matter: nothing is called as a block alone."""


class Formats(NamedTuple):
    weight: Format
    act: Format
    residual: Format
    zero_point: int
    acc: Format | None


def load(path: str | Path, platform: str | None = None) -> Network:
    """The network described in a YAML file; raises DescriptionError with the file, the line and the remedy.

    `platform` builds it for another card than it was described for: SLRs and banks are that card's own and are chosen anew.
    """
    top = entries_of(
        Path(path),
        ("network", "platform", "clock_mhz", "input", "formats", "stem", "blocks", "head"),
        ("labels", "images", "memory", "parameters", "fps"),
    )
    name = _name(top["network"], top["network"].text("digits"), MOST_KERNEL, "the names of files, HDL modules and the compute unit")
    formats = _formats(top["formats"])
    image = _input(top["input"])
    labels: tuple[str, ...] = top.get("labels", _labels, ())
    described = top["platform"].text("u250")
    stem = _stem(top["stem"], image, formats)
    blocks = _blocks(top["blocks"], stem, formats)
    net = Network(
        name=name,
        platform=described,
        clock_mhz=top["clock_mhz"].integer(1, 1000),
        input=image,
        labels=labels,
        act=formats.act,
        residual=formats.residual,
        zero_point=formats.zero_point,
        stem=stem,
        blocks=blocks,
        head=_head(top["head"], blocks[-1].output, formats, len(labels)),
        memory=top.get("memory", _memory, Memory(at=top.item.at)),
        parameters=top.get("parameters", lambda item: item.text("params/mine.npz"), None),
        fps=top.get("fps", _optional_fps, None),
        images=top.get("images", lambda item: item.text("images.npz"), None),
        at=top["platform"].at,
        labels_at=top["labels"].at if "labels" in top else top.item.at,
    )
    return net if platform in (None, described) else net.on(platform)


def _name(item: Item, name: str, most: int, becomes: str) -> str:
    """A name that can be part of every name that is made of it."""
    if len(name) > most:
        item.fail(f"{name!r} has {len(name)} characters", why=f"it becomes part of {becomes}", fix=f"use at most {most}")
    if not NAME.fullmatch(name):
        item.fail(
            f"{name!r} cannot be a name",
            why=f"it becomes part of {becomes}",
            fix="use lower-case letters and digits, a letter first, and single underscores between them",
        )
    return name


def _format(kinds: tuple[Kind, ...], most_bits: int, item: Item) -> Format:
    text = item.text("uint2")
    names = " or ".join(kind.value if kind is Kind.BIPOLAR else f"{kind.value}N" for kind in kinds)
    why = f"{item.name} is {names} with N up to {most_bits}"
    try:
        found = Format.parse(text)
    except ValueError as error:
        example = "bipolar" if Kind.BIPOLAR in kinds else "uint4" if Kind.UINT in kinds else "int16, or leave acc out"
        item.fail(str(error), why=why, fix=f"write for example {example}")
    if found.kind not in kinds or found.bits > most_bits:
        item.fail(f"{found} cannot be used here", why=why, fix="choose one of those")
    return found


_weight = partial(_format, (Kind.BIPOLAR, Kind.INT, Kind.UINT), 8)
_code = partial(_format, (Kind.UINT,), 8)
_acc = partial(_format, (Kind.INT,), 32)


def _optional_acc(item: Item) -> Format | None:
    return _acc(item)


def _optional_fps(item: Item) -> int | None:
    return item.integer(1, 10_000_000)


def _formats(item: Item) -> Formats:
    entries = item.mapping(("act", "residual"), ("weight", "zero_point", "acc"))
    residual = _code(entries["residual"])
    return Formats(
        weight=entries.get("weight", _weight, BIPOLAR),
        act=_code(entries["act"]),
        residual=residual,
        zero_point=entries.get("zero_point", lambda z: z.integer(0, residual.high), (residual.high + 1) // 2),
        acc=entries.get("acc", _optional_acc, None),
    )


def _input(item: Item) -> Shape:
    entries = item.mapping(("shape",))
    height, width, channels = entries["shape"].items("[224, 224, 3]", 3)
    shape = Shape(height.integer(1, MAX_SIZE), width.integer(1, MAX_SIZE), channels.integer(1, 64))
    if shape.size > MAX_IMAGE:
        entries["shape"].fail(f"{shape} takes {shape.size:,} bytes", why=f"an image has at most {MAX_IMAGE:,}", fix="use a smaller one")
    return shape


def _labels(item: Item) -> tuple[str, ...]:
    def label(entry: Item) -> str:
        name = entry.text('"7"')
        if not name.isprintable() or len(name) > MOST_LABEL:
            fix = f"write at most {MOST_LABEL} printable characters"
            entry.fail(f"{name!r:.60} cannot be a label", why="it is printed, on terminals and into tables", fix=fix)
        return name

    return tuple(label(entry) for entry in item.items('["cat", "dog"]'))


def _memory(item: Item) -> Memory:
    def bank(entry: Item) -> str:
        name = entry.text("DDR[0]")
        if not BANK.fullmatch(name):
            entry.fail(f"{name!r} is not a bank", why="banks are spelled as the platform does", fix="write DDR[0], PLRAM[0] or HBM[3]")
        return name

    entries = item.mapping((), ("images", "labels", "weights"))
    return Memory(**{key: entries.get(key, bank, "") for key in ("images", "labels", "weights")}, at=item.at)


def _pair(low: int, high: int, item: Item) -> tuple[int, int]:
    """One number for both axes, or [vertical, horizontal]."""
    if item.is_list:
        first, second = (part.integer(low, high) for part in item.items("[1, 1]", 2))
        return first, second
    number = item.integer(low, high)
    return number, number


def _pads(item: Item) -> tuple[tuple[int, int], tuple[int, int]]:
    """[before, after] for both axes, or [[top, bottom], [left, right]]."""
    if item.is_list and any(part.is_list for part in item.items("[1, 1]")):
        vertical, horizontal = (_pair(0, 64, part) for part in item.items("[[1, 1], [0, 2]]", 2))
        return vertical, horizontal
    both = _pair(0, 64, item)
    return both, both


def _window(entries: Mapping, kernel: tuple[int, int] | None) -> Window:
    """`kernel` is the default; a stride defaults to 1 and a pad to what keeps the size at stride 1 (odd kernels)."""
    if "kernel" in entries or kernel is None:
        kernel = _pair(1, 64, entries["kernel"])
    (top, left), (bottom, right) = ((k - 1) // 2 for k in kernel), ((k - 1) // 2 for k in kernel)
    stride = entries.get("stride", partial(_pair, 1, 64), (1, 1))
    return Window(kernel=kernel, stride=stride, pad=entries.get("pad", _pads, ((top, bottom), (left, right))))


CONV_OPTIONAL = ("stride", "pad", "weight", "acc")


def _conv(item: Item, name: str, shape: Shape, formats: Formats, came: Format, goes: Format, like: Conv | None = None) -> Conv:
    """`like` is the convolution a projection has to meet: it gives the kernel, the output channels and no padding."""
    if like is None:
        entries = item.mapping(("kernel", "out"), ("pe", "simd", *CONV_OPTIONAL, *(("pixels",) if name == "stem.conv" else ())))
        window, out = _window(entries, None), entries["out"].integer(1, MAX_CHANNELS)
    else:
        entries = item.mapping((), ("pe", "simd", "kernel", "out", *CONV_OPTIONAL))
        window, out = _window(entries, (1, 1)), entries.get("out", lambda entry: entry.integer(1, MAX_CHANNELS), like.out)
        if window.kernel != (1, 1):
            item.fail("a kernel larger than 1", why="a projection is a 1x1 convolution", fix="delete kernel")
    weight = entries.get("weight", _weight, formats.weight)
    acc = entries.get("acc", _optional_acc, formats.acc)
    pixels = entries.get("pixels", lambda entry: entry.integer(1, MAX_SIZE), 1)
    whole = pixels > 1  # which leaves no choice: all channels at once
    return Conv(
        name=name,
        input=shape,
        out=out,
        window=window,
        weight=weight,
        input_format=came,
        output_format=goes,
        acc=require_accumulator(item.at, name, acc, *reach(window.taps * shape.channels, weight, came), is_shared="acc" not in entries),
        pe=_fold(entries, "pe", out if whole else 1),
        simd=_fold(entries, "simd", shape.channels if whole else 1),
        pixels=pixels,
        free=() if whole else _free(entries, "pe", "simd", *(("pixels",) if name == "stem.conv" else ())),
        at=item.at,
    )


def _fold(entries: Mapping, key: str, default: int) -> int:
    return entries.get(key, lambda item: item.integer(1, MAX_CHANNELS), default)


def _free(entries: Mapping, *keys: str) -> tuple[str, ...]:
    """What is left out, and so to be chosen; pixels only together with the channels they need all of."""
    left_out = tuple(key for key in keys if key not in entries)
    return left_out if {"pe", "simd"} <= set(left_out) else tuple(key for key in left_out if key != "pixels")


def _slr(entries: Mapping) -> int | None:
    def slr(item: Item) -> int | None:
        return item.integer(0, 3)

    return entries.get("slr", slr, None)


def _fifos(entries: Mapping) -> tuple[Fifo, ...]:
    """Depths by stream; which streams there are is known once the network is laid out."""
    if "fifos" not in entries:
        return ()
    given = entries["fifos"].mapping()
    return tuple(Fifo(name=name, depth=given[name].integer(2, MAX_DEPTH), at=given[name].at) for name in given)


def _stem(item: Item, image: Shape, formats: Formats) -> Stem:
    entries = item.mapping(("conv",), ("pool", "output", "slr", "fifos"))
    output = entries.get("output", lambda entry: entry.choice("act", "residual"), "act")
    goes = formats.act if output == "act" else formats.residual
    # The stem's accumulator is another size than the blocks': formats.acc does not speak for it.
    conv = _conv(entries["conv"], "stem.conv", image, formats._replace(acc=None), IMAGE_FORMAT, goes)
    pool = entries.get("pool", lambda entry: _window(entry.mapping(("kernel",), ("stride", "pad")), None), None)
    return Stem(conv=conv, pool=pool, slr=_slr(entries), fifos=_fifos(entries), at=entries["pool"].at if pool else item.at)


def _blocks(item: Item, stem: Stem, formats: Formats) -> tuple[Block, ...]:
    blocks: list[Block] = []
    shape, came = stem.output, stem.conv.output_format
    entries = item.mapping()
    for name in entries:
        entry = entries[name]
        entry.name = name  # res2a.conv2, as everywhere else
        _name(entry, name, MOST_BLOCK, "the names of files, C++ functions and HDL modules")
        if name in TAKEN:
            entry.fail("is taken", why=TAKEN[name], fix="rename the block")
        blocks.append(_block(entry, name, shape, came, formats))
        shape, came = blocks[-1].output, formats.residual
    if not blocks:
        item.fail("no block", why="a residual network has at least one", fix="add one: res2a: {conv1: …, conv2: …, bypass: …}")
    return tuple(blocks)


def _block(item: Item, name: str, shape: Shape, came: Format, formats: Formats) -> Block:
    entries = item.mapping(("conv1", "conv2", "bypass"), ("conv3", "entry", "slr", "fifos"))
    names = [key for key in ("conv1", "conv2", "conv3") if key in entries]
    convs: list[Conv] = []
    for key in names:
        goes = formats.residual if key == names[-1] else formats.act
        convs.append(_conv(entries[key], f"{name}.{key}", convs[-1].output if convs else shape, formats, formats.act, goes))
    bypass = None
    if entries["bypass"].is_mapping:
        bypass = _conv(entries["bypass"], f"{name}.bypass", shape, formats, formats.act, formats.residual, like=convs[-1])
    elif (text := entries["bypass"].value) != "identity":
        entries["bypass"].fail(
            "a list" if entries["bypass"].is_list else "nothing" if text is None else f"{text!r} is unknown",
            why="a bypass is the identity, or a projection: a mapping, which may be empty",
            fix=nearest(str(text), ["identity"], "write bypass: identity, or bypass: {}"),
        )
    return Block(
        name=name,
        input=shape,
        input_format=came,
        entry=entries.get("entry", lambda entry: entry.boolean(), came != formats.act),
        act=formats.act,
        residual=formats.residual,
        zero_point=formats.zero_point,
        convs=tuple(convs),
        bypass=bypass,
        slr=_slr(entries),
        fifos=_fifos(entries),
        at=item.at,
    )


def _head(item: Item, shape: Shape, formats: Formats, labels: int) -> Head:
    entries = item.mapping(("fc",), ("top", "weights", "slr", "fifos"))
    fc = entries["fc"].mapping(() if labels else ("out",), ("out", "pe", "simd", "weight", "acc"))
    out = fc.get("out", lambda entry: entry.integer(1, MAX_CHANNELS), labels)
    sums = (shape.pixels * (formats.residual.high - formats.zero_point)).bit_length() or 1
    if sums > 32:
        item.fail(f"the sum over {shape.pixels:,} pixels needs {sums} bits", why="sums have at most 32 bits", fix="use a smaller map")
    dense = Dense(
        name="head.fc",
        inputs=shape.channels,
        out=out,
        weight=fc.get("weight", _weight, Format(Kind.INT, 8)),
        input_format=uint(sums),
        acc=fc.get("acc", _acc, Format(Kind.INT, 32)),
        pe=_fold(fc, "pe", 1),
        simd=_fold(fc, "simd", 1),
        free=_free(fc, "pe", "simd"),
        at=entries["fc"].at,
    )
    return Head(
        input=shape,
        code_format=formats.residual,
        zero_point=formats.zero_point,
        fc=dense,
        top=entries.get("top", lambda entry: entry.integer(1, MAX_CHANNELS), min(5, out)),
        streams_weights=entries.get("weights", lambda entry: entry.choice("stream", "rom"), "stream") == "stream",
        slr=_slr(entries),
        fifos=_fifos(entries),
        at=item.at,
    )
