"""From YAML to `Network`: reads the decisions, derives the rest, and reports each error with its line.

Each key and its default is defined in one of the `_…` functions below, in the order of the file.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from network.formats import BIPOLAR, Format, Kind, uint
from network.layers import LOADED, MAX_SCORE_BITS, ROM, Classifier, Conv, Holding, require_accumulator
from network.model import IMAGE_FORMAT, Block, Entry, Head, JoinForm, Memory, Network, Pictures, Stem, pool_reach
from network.operations import PoolKind, Shape, reach
from network.yaml import values
from network.yaml.inheritance import entries_of
from network.yaml.reader import Item, nearest

RESERVED = {
    **dict.fromkeys(("stem", "head", "dma"), "every network has an IP of that name"),
    **dict.fromkeys(("scores", "labels"), "it names a result of the head in traces of the network"),
}
"""Names no block can have, and why. C++ keywords and macros are allowed: no generated name is the name of a block alone."""


class Formats(NamedTuple):
    weight: Format
    act: Format
    residual: Format
    zero_point: int | None
    acc: Format | None
    holding: Holding = ROM

    @property
    def clipped_zero_point(self) -> int:
        """That of joins that clip, and of what they bring to the head: half of the codes if none is given."""
        if self.zero_point is not None:
            return self.zero_point
        return (self.residual.high + 1) // 2 if self.residual.kind is Kind.UINT else 0


def load(path: str | Path, platform: str | None = None) -> Network:
    """The network described in a YAML file; raises DescriptionError with the file, the line and the fix.

    `platform` selects another card than the described one; SLRs and banks are then chosen for that card.
    """
    top = entries_of(
        Path(path),
        ("network", "platform", "clock_mhz", "input", "formats", "stem", "blocks", "head"),
        ("labels", "images", "pictures", "interfaces", "memory", "parameters", "constants", "fps"),
    )
    name = values.checked_name(
        top["network"], top["network"].text("digits"), values.MAX_KERNEL_NAME, "the names of files, HDL modules and the compute unit"
    )
    formats = _formats(top["formats"])._replace(holding=top.get("constants", values.holding, ROM))
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
        stem=stem,
        blocks=blocks,
        head=_head(top["head"], blocks[-1], formats, len(labels)),
        memory=top.get("memory", _memory, unplaced) if has_dma else unplaced,
        has_dma=has_dma,
        parameters=top.get("parameters", lambda item: item.text("params/mine.npz"), None),
        fps=top.get("fps", values.optional_fps, None),
        images=top.get("images", lambda item: item.text("images.npz"), None),
        pictures=top.get("pictures", partial(_pictures, image), None),
        at=top["platform"].at,
        labels_at=top["labels"].at if "labels" in top else top.item.at,
    )
    net = _with_loaded_head(net)
    return net if platform in (None, described) else net.on(platform)


def _with_loaded_head(net: Network) -> Network:
    """Where any convolution is loaded, so is what no convolution has: messages pass every part and end in the head."""
    if net.loads or not any(conv.holding.loaded for conv in net.convs):
        return net
    return replace(
        net,
        stem=replace(net.stem, holding=LOADED),
        blocks=tuple(replace(block, holding=LOADED) for block in net.blocks),
        head=replace(net.head, holding=LOADED),
    )


def _formats(item: Item) -> Formats:
    entries = item.mapping(("act", "residual"), ("weight", "zero_point", "acc"))
    residual = values.code_format(entries["residual"])
    return Formats(
        weight=entries.get("weight", values.weight_format, BIPOLAR),
        act=values.code_format(entries["act"]),
        residual=residual,
        zero_point=entries["zero_point"].integer(residual.low, residual.high) if "zero_point" in entries else None,
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


CONV_OPTIONAL = (
    *("pe", "simd", "pixels", "taps", "multiply", "activation", "constants", "memory"),
    *("stride", "pad", "pad_code", "weight", "acc", "act"),
)


def _conv(
    item: Item,
    name: str,
    shape: Shape,
    formats: Formats,
    input_format: Format,
    output_format: Format,
    *,
    like: Conv | None = None,
    may_sum: bool = False,
) -> Conv:
    """`output_format` is the default of `act`, which may be `sums` if the join adds them, `may_sum`.

    A projection has `like`: the convolution it is added to, whose number of output channels is its default, as 1x1 is its kernel's.
    """
    if like is None:
        entries = item.mapping(("kernel", "out"), CONV_OPTIONAL)
        window, out = values.window(entries, None), entries["out"].integer(1, values.MAX_CHANNELS)
    else:
        entries = item.mapping((), ("kernel", "out", *CONV_OPTIONAL))
        window, out = values.window(entries, (1, 1)), entries.get("out", lambda entry: entry.integer(1, values.MAX_CHANNELS), like.out)
    weight = entries.get("weight", values.weight_format, formats.weight)
    acc = entries.get("acc", values.optional_accumulator, formats.acc)
    act = values.codes_or_sums(entries["act"]) if "act" in entries else output_format
    if act is None and not may_sum:
        entries["act"].fail(
            "nothing adds its sums",
            why="sums of a block's last convolution and of its projection may go to a join with thresholds behind it, and no others",
            fix="leave act out, or write the format of its codes, for example uint4; or join: {} in the block, if it is one of those",
        )
    acc = require_accumulator(
        item.at, name, acc, *reach(window.taps * shape.channels, weight, input_format), is_shared="acc" not in entries
    )
    return Conv(
        name=name,
        input=shape,
        out=out,
        window=window,
        weight=weight,
        input_format=input_format,
        output_format=act or acc,
        acc=acc,
        activates=act is not None,
        pad_codes=entries.get("pad_code", partial(values.pad_codes, shape.channels if name == "stem.conv" else 1), (0,)),
        pe=values.fold(entries, "pe", 1),
        simd=values.fold(entries, "simd", 1),
        pixels=values.fold(entries, "pixels", 1),
        taps=values.fold(entries, "taps", 1),
        free=values.left_open(entries, "pe", "simd", "pixels", "taps"),
        multiply=entries.get("multiply", values.optional_multiply, None),
        way=entries.get("activation", partial(values.way, fused=True), None),
        holding=values.with_memory(entries, entries.get("constants", values.holding, formats.holding)),
        at=item.at,
    )


def _stem(item: Item, image: Shape, formats: Formats) -> Stem:
    entries = item.mapping(("conv",), ("entry", "pool", "output", "slr", "fifos"))
    entry = entries.get("entry", values.optional_code_format, None)
    output = entries.get("output", lambda entry: entry.choice("act", "residual"), "act")
    output_format = formats.act if output == "act" else formats.residual
    # formats.acc is for the blocks; the stem's accumulator needs another width.
    conv = _conv(entries["conv"], "stem.conv", image, formats._replace(acc=None), entry or IMAGE_FORMAT, output_format)
    pool = entries.get("pool", lambda entry: values.window(entry.mapping(("kernel",), ("stride", "pad")), None), None)
    at = entries["pool"].at if pool else item.at
    return Stem(conv=conv, pool=pool, entry=entry, holding=formats.holding, slr=values.slr(entries), fifos=values.fifos(entries), at=at)


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
        shape, input_format = blocks[-1].output, blocks[-1].residual
    if not blocks:
        item.fail("there are no blocks", why="a residual network has at least one", fix="add one: res2a: {conv1: …, conv2: …, bypass: …}")
    return tuple(blocks)


def _block(item: Item, name: str, shape: Shape, input_format: Format, formats: Formats) -> Block:
    entries = item.mapping(("conv1", "conv2", "bypass"), ("conv3", "entry", "join", "slr", "fifos"))
    projects = entries["bypass"].is_mapping
    entry = entries.get(
        "entry", partial(_entry, formats.act, projects), _entry_of(formats.act if input_format != formats.act else None, projects)
    )
    meeting, residual = entries.get(
        "join", partial(_join, formats.residual), (JoinForm(zero_point=formats.clipped_zero_point), formats.residual)
    )
    fork_format = entry.both or input_format
    names = [key for key in ("conv1", "conv2", "conv3") if key in entries]
    convs: list[Conv] = []
    for key in names:
        is_last = key == names[-1]
        taken, codes = (convs[-1].output, convs[-1].output_format) if convs else (shape, entry.main or fork_format)
        default = formats.residual if is_last else formats.act
        convs.append(_conv(entries[key], f"{name}.{key}", taken, formats, codes, default, may_sum=is_last and meeting.activates))
    bypass = None
    if projects:
        bypass = _conv(
            entries["bypass"],
            f"{name}.bypass",
            shape,
            formats,
            entry.bypass or fork_format,
            formats.residual,
            like=convs[-1],
            may_sum=meeting.activates,
        )
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
        entry=entry,
        convs=tuple(convs),
        bypass=bypass,
        meeting=meeting,
        residual=residual,
        holding=formats.holding,
        slr=values.slr(entries),
        fifos=values.fifos(entries),
        at=item.at,
    )


def _entry(act: Format, projects: bool, item: Item) -> Entry:
    """Whether there is one; or its format; or those of its places."""
    if item.is_mapping:
        entries = item.mapping((), ("both", "main", "bypass"))
        return Entry(**{place: entries.get(place, values.optional_code_format, None) for place in ("both", "main", "bypass")})
    if isinstance(item.value, bool):
        return _entry_of(act if item.boolean() else None, projects)
    if not isinstance(item.value, str):
        item.fail(
            "is a list" if item.is_list else "is empty" if item.value is None else f"{item.value!r} is no entry",
            why="an entry is true, false, the format of its codes, or a mapping of the formats at its places",
            fix="write for example entry: true, entry: uint7, or entry: {main: uint7, bypass: int8}",
        )
    return _entry_of(values.code_format(item), projects)


def _entry_of(codes: Format | None, projects: bool) -> Entry:
    """A projection takes the codes behind the entry, the identity those in front of it."""
    return Entry(both=codes) if projects else Entry(main=codes)


def _join(residual: Format, item: Item) -> tuple[JoinForm, Format]:
    """A join with thresholds, and the format of its codes."""
    entries = item.mapping((), ("zero_point", "factors", "per_channel", "act", "activation"))
    if "per_channel" in entries and "factors" not in entries:
        entries["per_channel"].fail(
            "there are no factors", why="it says whether each channel has its own", fix="write their format, factors: uint10, or delete it"
        )
    form = JoinForm(
        zero_point=entries.get("zero_point", lambda z: z.integer(-(1 << 31), (1 << 31) - 1), 0),
        activates=True,
        factors=entries.get("factors", values.optional_factor_format, None),
        per_channel=entries.get("per_channel", lambda entry: entry.boolean(), False),
        way=entries.get("activation", values.way, None),
    )
    return form, entries.get("act", values.code_format, residual)


def _pictures(image: Shape, item: Item) -> Pictures:
    entries = item.mapping((), ("order", "resize", "interpolation"))
    pictures = Pictures(
        order=entries.get("order", lambda entry: entry.choice("bgr", "rgb"), "bgr"),
        resize=entries.get("resize", values.optional_size, None),
        interpolation=entries.get("interpolation", lambda entry: entry.choice("bilinear", "bicubic"), "bilinear"),
    )
    if fault := pictures.fault(image):
        what, why, fix = fault
        entries["resize"].fail(what, why=why, fix=fix)
    return pictures


def _head(item: Item, block: Block, formats: Formats, labels: int) -> Head:
    entries = item.mapping(("fc",), ("pool", "zero_point", "act", "activation", "top", "output", "weights", "slr", "fifos"))
    optional = ("out", "pe", "simd", "weight", "acc", "factors", "scores", "act", "activation", "memory")
    fc = entries["fc"].mapping(() if labels else ("out",), optional)
    out = fc.get("out", lambda entry: entry.integer(1, values.MAX_CHANNELS), labels)
    shape, codes = block.output, block.residual
    # Behind a join with thresholds codes have no zero point unless one is given.
    usual = (formats.zero_point or 0) if block.meeting.activates else formats.clipped_zero_point
    zero_point = entries.get("zero_point", lambda z: z.integer(codes.low, codes.high), usual)
    pool = PoolKind(entries.get("pool", lambda entry: entry.choice("sum", "max"), "sum"))
    act = entries.get("act", values.optional_code_format, None)
    sums = pool_reach(pool, shape, codes, zero_point)[1].bit_length() or 1
    weight = fc.get("weight", values.weight_format, Format(Kind.INT, 8))
    factors = fc.get("factors", values.optional_factor_format, None)
    if "scores" in fc and factors is None:
        fc["scores"].fail("there are no factors", why="without factors a score is the accumulator", fix="write acc, or factors: uint12")
    if sums > 31:
        item.fail(
            f"the sum over {shape.pixels:,} pixels needs {sums + 1} bits with its sign",
            why="sums have at most 32",
            fix="use a smaller feature map",
        )
    # With factors only products are summed, whose range is known; without them a bias, too, which is a parameter.
    own = fc.get("acc", values.optional_accumulator, Format(Kind.INT, 32) if factors is None else None)
    acc = require_accumulator(entries["fc"].at, "head.fc", own, *reach(shape.channels, weight, act or uint(sums)))
    # Weights that are loaded with the other constants are on chip, as those in ROM are.
    weights = entries.get(
        "weights", lambda entry: entry.choice("stream", "rom", "loaded"), "loaded" if formats.holding.loaded else "stream"
    )
    if weights == "loaded" and not formats.holding.loaded:
        entries["weights"].fail(
            "nothing is loaded",
            why="the classifier's weights come with the other constants of the network",
            fix="write constants: loaded for the network, or weights: rom or stream",
        )
    if weights == "stream" and "memory" in fc:
        fc["memory"].fail(
            "weights: stream", why="they come from card memory in every run", fix="delete memory, or write weights: rom or loaded"
        )
    held = values.with_memory(fc, Holding(loaded=weights == "loaded"))
    dense = Classifier(
        name="head.fc",
        inputs=shape.channels,
        out=out,
        weight=weight,
        input_format=act or uint(sums),
        acc=acc,
        factors=factors,
        scores=acc if factors is None else fc.get("scores", values.score_format, Format(Kind.INT, MAX_SCORE_BITS)),
        codes=fc.get("act", values.optional_code_format, None),
        way=fc.get("activation", values.way, None),
        holding=held,
        pe=values.fold(fc, "pe", 1),
        simd=values.fold(fc, "simd", 1),
        free=values.left_open(fc, "pe", "simd"),
        at=entries["fc"].at,
    )
    return Head(
        input=shape,
        code_format=codes,
        zero_point=zero_point,
        pool=pool,
        act=act,
        way=entries.get("activation", values.way, None),
        gives_scores=entries.get("output", lambda entry: entry.choice("labels", "scores"), "labels") == "scores",
        fc=dense,
        top=entries.get("top", lambda entry: entry.integer(1, values.MAX_CHANNELS), min(5, out)),
        streams_weights=weights == "stream",
        holding=formats.holding,
        slr=values.slr(entries),
        fifos=values.fifos(entries),
        at=item.at,
    )
