"""From YAML to `Network`: reads the decisions, derives the rest, and reports each error with its line.

Each key and its default is defined in one of the `_…` functions below, in the order of the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from network.formats import BIPOLAR, Format, Kind, uint
from network.layers import Classifier, Conv, require_accumulator
from network.model import Block, Head, Memory, Network, Stem
from network.operations import Shape, reach
from network.yaml import values
from network.yaml.inheritance import entries_of
from network.yaml.reader import Item, nearest

IMAGE_FORMAT = uint(8)
RESERVED = {
    **dict.fromkeys(("stem", "head", "dma"), "every network has an IP of that name"),
    **dict.fromkeys(("scores", "labels"), "it names a result of the head in traces of the network"),
}
"""Names no block can have, and why. C++ keywords and macros are allowed: no generated name is the name of a block alone."""


class Formats(NamedTuple):
    weight: Format
    act: Format
    residual: Format
    zero_point: int
    acc: Format | None


def load(path: str | Path, platform: str | None = None) -> Network:
    """The network described in a YAML file; raises DescriptionError with the file, the line and the fix.

    `platform` selects another card than the described one; SLRs and banks are then chosen for that card.
    """
    top = entries_of(
        Path(path),
        ("network", "platform", "clock_mhz", "input", "formats", "stem", "blocks", "head"),
        ("labels", "images", "interfaces", "memory", "parameters", "fps"),
    )
    name = values.checked_name(
        top["network"], top["network"].text("digits"), values.MAX_KERNEL_NAME, "the names of files, HDL modules and the compute unit"
    )
    formats = _formats(top["formats"])
    image = _input(top["input"])
    labels: tuple[str, ...] = top.get("labels", _labels, ())
    described = top["platform"].text("u250")
    unplaced = Memory(at=top.item.at)
    has_dma = top.get("interfaces", lambda item: item.choice("memory", "streams"), "memory") == "memory"
    if not has_dma and "memory" in top and top["memory"].at.file == top["network"].at.file:  # one that is inherited is not meant
        top["memory"].fail(
            "there is no DMA", why="with interfaces: streams nothing is in card memory", fix="delete memory, or write interfaces: memory"
        )
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
        memory=top.get("memory", _memory, unplaced) if has_dma else unplaced,
        has_dma=has_dma,
        parameters=top.get("parameters", lambda item: item.text("params/mine.npz"), None),
        fps=top.get("fps", values.optional_fps, None),
        images=top.get("images", lambda item: item.text("images.npz"), None),
        at=top["platform"].at,
        labels_at=top["labels"].at if "labels" in top else top.item.at,
    )
    return net if platform in (None, described) else net.on(platform)


def _formats(item: Item) -> Formats:
    entries = item.mapping(("act", "residual"), ("weight", "zero_point", "acc"))
    residual = values.code_format(entries["residual"])
    return Formats(
        weight=entries.get("weight", values.weight_format, BIPOLAR),
        act=values.code_format(entries["act"]),
        residual=residual,
        zero_point=entries.get("zero_point", lambda z: z.integer(0, residual.high), (residual.high + 1) // 2),
        acc=entries.get("acc", values.optional_accumulator, None),
    )


def _input(item: Item) -> Shape:
    entries = item.mapping(("shape",))
    height, width, channels = entries["shape"].items("[224, 224, 3]", 3)
    shape = Shape(height.integer(1, values.MAX_SIZE), width.integer(1, values.MAX_SIZE), channels.integer(1, 64))
    if shape.size > values.MAX_IMAGE:
        entries["shape"].fail(
            f"{shape} takes {shape.size:,} bytes", why=f"an image has at most {values.MAX_IMAGE:,}", fix="use a smaller one"
        )
    return shape


def _labels(item: Item) -> tuple[str, ...]:
    def label(entry: Item) -> str:
        name = entry.text('"7"')
        if not name.isprintable() or len(name) > values.MAX_LABEL:
            fix = f"write at most {values.MAX_LABEL} printable characters"
            entry.fail(f"{name!r:.60} cannot be a label", why="it is printed, on terminals and into tables", fix=fix)
        return name

    return tuple(label(entry) for entry in item.items('["cat", "dog"]'))


def _memory(item: Item) -> Memory:
    def bank(entry: Item) -> str:
        name = entry.text("DDR[0]")
        if not values.BANK.fullmatch(name):
            entry.fail(f"{name!r} is not a bank", why="banks are spelled as in the platform", fix="write DDR[0], PLRAM[0] or HBM[3]")
        return name

    entries = item.mapping((), ("images", "labels", "weights"))
    return Memory(**{key: entries.get(key, bank, "") for key in ("images", "labels", "weights")}, at=item.at)


CONV_OPTIONAL = ("stride", "pad", "weight", "acc")


def _conv(
    item: Item, name: str, shape: Shape, formats: Formats, input_format: Format, output_format: Format, like: Conv | None = None
) -> Conv:
    """A projection has `like`: the convolution it is added to, whose number of output channels is its default; its kernel is 1x1."""
    if like is None:
        entries = item.mapping(("kernel", "out"), ("pe", "simd", *CONV_OPTIONAL, *(("pixels",) if name == "stem.conv" else ())))
        window, out = values.window(entries, None), entries["out"].integer(1, values.MAX_CHANNELS)
    else:
        entries = item.mapping((), ("pe", "simd", "kernel", "out", *CONV_OPTIONAL))
        window, out = values.window(entries, (1, 1)), entries.get("out", lambda entry: entry.integer(1, values.MAX_CHANNELS), like.out)
        if window.kernel != (1, 1):
            item.fail("its kernel is larger than 1", why="a projection is a 1x1 convolution", fix="delete kernel")
    weight = entries.get("weight", values.weight_format, formats.weight)
    acc = entries.get("acc", values.optional_accumulator, formats.acc)
    pixels = entries.get("pixels", lambda entry: entry.integer(1, values.MAX_SIZE), 1)
    all_channels = pixels > 1  # which requires all channels at once
    return Conv(
        name=name,
        input=shape,
        out=out,
        window=window,
        weight=weight,
        input_format=input_format,
        output_format=output_format,
        acc=require_accumulator(
            item.at, name, acc, *reach(window.taps * shape.channels, weight, input_format), is_shared="acc" not in entries
        ),
        pe=values.fold(entries, "pe", out if all_channels else 1),
        simd=values.fold(entries, "simd", shape.channels if all_channels else 1),
        pixels=pixels,
        free=() if all_channels else values.left_open(entries, "pe", "simd", *(("pixels",) if name == "stem.conv" else ())),
        at=item.at,
    )


def _stem(item: Item, image: Shape, formats: Formats) -> Stem:
    entries = item.mapping(("conv",), ("pool", "output", "slr", "fifos"))
    output = entries.get("output", lambda entry: entry.choice("act", "residual"), "act")
    output_format = formats.act if output == "act" else formats.residual
    # formats.acc is for the blocks; the stem's accumulator needs another width.
    conv = _conv(entries["conv"], "stem.conv", image, formats._replace(acc=None), IMAGE_FORMAT, output_format)
    pool = entries.get("pool", lambda entry: values.window(entry.mapping(("kernel",), ("stride", "pad")), None), None)
    return Stem(conv=conv, pool=pool, slr=values.slr(entries), fifos=values.fifos(entries), at=entries["pool"].at if pool else item.at)


def _blocks(item: Item, stem: Stem, formats: Formats) -> tuple[Block, ...]:
    blocks: list[Block] = []
    shape, input_format = stem.output, stem.conv.output_format
    entries = item.mapping()
    for name in entries:
        entry = entries[name]
        entry.name = name  # so that errors say res2a.conv2, as everywhere else
        values.checked_name(entry, name, values.MAX_BLOCK_NAME, "the names of files, C++ functions and HDL modules")
        if name in RESERVED:
            entry.fail("reserved name", why=RESERVED[name], fix="rename the block")
        blocks.append(_block(entry, name, shape, input_format, formats))
        shape, input_format = blocks[-1].output, formats.residual
    if not blocks:
        item.fail("there are no blocks", why="a residual network has at least one", fix="add one: res2a: {conv1: …, conv2: …, bypass: …}")
    return tuple(blocks)


def _block(item: Item, name: str, shape: Shape, input_format: Format, formats: Formats) -> Block:
    entries = item.mapping(("conv1", "conv2", "bypass"), ("conv3", "entry", "slr", "fifos"))
    names = [key for key in ("conv1", "conv2", "conv3") if key in entries]
    convs: list[Conv] = []
    for key in names:
        output_format = formats.residual if key == names[-1] else formats.act
        convs.append(_conv(entries[key], f"{name}.{key}", convs[-1].output if convs else shape, formats, formats.act, output_format))
    bypass = None
    if entries["bypass"].is_mapping:
        bypass = _conv(entries["bypass"], f"{name}.bypass", shape, formats, formats.act, formats.residual, like=convs[-1])
    elif (text := entries["bypass"].value) != "identity":
        entries["bypass"].fail(
            "is a list" if entries["bypass"].is_list else "is empty" if text is None else f"{text!r} is unknown",
            why="a bypass is the identity, or a projection given as a mapping, which may be empty",
            fix=nearest(str(text), ["identity"], "write bypass: identity, or bypass: {}"),
        )
    return Block(
        name=name,
        input=shape,
        input_format=input_format,
        entry=entries.get("entry", lambda entry: entry.boolean(), input_format != formats.act),
        act=formats.act,
        residual=formats.residual,
        zero_point=formats.zero_point,
        convs=tuple(convs),
        bypass=bypass,
        slr=values.slr(entries),
        fifos=values.fifos(entries),
        at=item.at,
    )


def _head(item: Item, shape: Shape, formats: Formats, labels: int) -> Head:
    entries = item.mapping(("fc",), ("top", "weights", "slr", "fifos"))
    fc = entries["fc"].mapping(() if labels else ("out",), ("out", "pe", "simd", "weight", "acc"))
    out = fc.get("out", lambda entry: entry.integer(1, values.MAX_CHANNELS), labels)
    sums = (shape.pixels * (formats.residual.high - formats.zero_point)).bit_length() or 1
    if sums > 32:
        item.fail(
            f"the sum over {shape.pixels:,} pixels needs {sums} bits", why="sums have at most 32 bits", fix="use a smaller feature map"
        )
    dense = Classifier(
        name="head.fc",
        inputs=shape.channels,
        out=out,
        weight=fc.get("weight", values.weight_format, Format(Kind.INT, 8)),
        input_format=uint(sums),
        acc=fc.get("acc", values.accumulator_format, Format(Kind.INT, 32)),
        pe=values.fold(fc, "pe", 1),
        simd=values.fold(fc, "simd", 1),
        free=values.left_open(fc, "pe", "simd"),
        at=entries["fc"].at,
    )
    return Head(
        input=shape,
        code_format=formats.residual,
        zero_point=formats.zero_point,
        fc=dense,
        top=entries.get("top", lambda entry: entry.integer(1, values.MAX_CHANNELS), min(5, out)),
        streams_weights=entries.get("weights", lambda entry: entry.choice("stream", "rom"), "stream") == "stream",
        slr=values.slr(entries),
        fifos=values.fifos(entries),
        at=item.at,
    )
