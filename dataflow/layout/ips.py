"""The IPs: one per block plus stem, head and DMA, each a chain of units.

An IP's interfaces depend on that IP's own description alone: width converters in the block design connect neighbours with
different lane counts, so a new folding of one block does not change the sources of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import gcd
from typing import Any

from dataflow.design import Ip, Stream, fingerprint
from dataflow.layout.chain import CONSTANTS, Chain, Frame
from dataflow.units.beats import fork
from dataflow.units.classify import dense, scale_scores, top_k, top_k_scores, weight_rom
from dataflow.units.join import join, join_sum
from dataflow.units.memory import WORD_BITS, configure, fetch, load, store, unpack, word_count
from dataflow.units.pool import accumulate_pool, global_max, max_pool
from dataflow.units.window import Sliding, fill_rows
from network.errors import DescriptionError
from network.formats import Format, uint
from network.layers import MAX_BEAT_BITS, Classifier, Conv, Fold, divisors
from network.model import Block, Head, Network, Stem
from network.operations import PoolKind, Window

BYTE = uint(8)
LABEL = uint(32)


def held_rows(convs: tuple[Conv, ...]) -> int:
    """Rows of the block's input that the main path may hold while the bypass waits for it.

    For every sliding window: the rows of its fill, the stride's rows it reads ahead, one row for the pixels in the other units, and
    once more the rows of the fill, which wait in the FIFO in front while the last windows of the frame before leave. Without
    these last rows nothing would deadlock, but the main path would starve. A row of a later convolution counts as many input
    rows as the strides before it skip.
    """
    rows, skipped = 0, 1
    for conv in convs:
        if conv.slides:
            rows += skipped * (2 * fill_rows(conv.input, conv.window) + conv.window.stride[0] + 1)
        skipped *= conv.window.stride[0]
    return max(rows, 1)


def wire_lanes(channels: int, form: Format, lanes: int) -> int:
    """Lanes at an IP's interface: the smallest multiple of `lanes` that divides the channels and fills whole bytes.

    Width converters pass whole bytes only. If no part of a pixel fills whole bytes, both neighbours use the whole pixel.
    """
    whole = (n for n in divisors(channels) if n % lanes == 0 and n * form.bits % 8 == 0)
    return next(whole, channels)


def require_wire(layer: Conv | Classifier, key: str, channels: int, form: Format, lanes: Callable[[int], int] = int) -> None:
    """Raise DescriptionError if a layer's folding, `key`, makes the beats between two IPs too wide.

    `lanes` gives the lanes needed for a folding; `wire_lanes` may have to widen them.
    """

    def bits(fold: int) -> int:
        return wire_lanes(channels, form, lanes(fold)) * form.bits

    chosen = getattr(layer, key)
    if bits(chosen) <= MAX_BEAT_BITS:
        return
    fitting = ", ".join(str(fold) for fold in divisors(channels) if fold * form.bits <= MAX_BEAT_BITS and bits(fold) <= MAX_BEAT_BITS)
    first = "leave pixels out, and " if isinstance(layer, Conv) and layer.pixels > 1 else ""
    raise DescriptionError(
        layer.at,
        f"{layer.name}: {key}={chosen} makes a beat of {bits(chosen):,} bits between two IPs",
        why=f"it fills whole bytes, with a number of {form} lanes that divides {channels:,} channels; "
        f"no stream may be wider than {MAX_BEAT_BITS:,} bits",
        fix=f"{first}choose {key} from {fitting}"
        if fitting
        else f"use a multiple of {8 // gcd(form.bits, 8)} channels, or codes of 8 bits",
    )


def stem_ip(stem: Stem) -> Ip:
    conv = stem.conv

    def lanes_out(pe: int) -> int:
        other = conv if pe == conv.pe else replace(conv, pe=pe, pixels=1)
        return other.lanes_behind if stem.pool is None else _pool_lanes(other, stem.pool)

    require_wire(conv, "pe", conv.out, conv.output_format, lanes_out)
    chain = Chain("stem", stem.at, stem.holding)
    stream = chain.take("image", wire_lanes(conv.input.channels, BYTE, conv.simd), BYTE, conv.input.size)
    if stem.entry_activation is not None:
        chain.part = "Entry: thresholds."
        stream = chain.convert("entry", stream, conv.simd, conv.input.size)
        stream = chain.activate("entry", "act", "stem.entry", stem.entry_activation, stream)
    chain.part = f"Convolution: {conv.window}."
    stream = chain.conv(conv, stream)
    pool = stem.max_pool
    if pool is not None:
        chain.part = f"Max-pool: {pool.window}."
        lanes = _pool_lanes(conv, pool.window)
        stream = chain.convert("pool", stream, lanes, pool.input.size)
        chain.hold_fill(stream, pool.input, pool.window)
        window = chain.stream("pool_window", lanes, stream.format)
        chain.slide("pool", stream, window, pool.input, pool.window, Fold(lanes, lanes), pad_codes=(pool.codes.low,))
        stream = chain.stream("pool_out", lanes, window.format)
        chain.add(max_pool, "pool", [window], [stream], operation=pool, lanes=lanes)
    shape = stem.output
    stream = chain.convert("out", stream, wire_lanes(shape.channels, stream.format, stream.lanes), shape.size)
    chain.give("codes_out", stream, shape.size)
    return chain.ip("stem", f"{conv.input} -> {shape}")


def _pool_lanes(conv: Conv, window: Window) -> int:
    """The fewest lanes for which the pool is as fast as its convolution."""
    lanes = min(conv.lanes_behind, conv.out)
    fitting = [n for n in divisors(conv.out) if n % lanes == 0 and n * conv.output_format.bits <= MAX_BEAT_BITS]
    return next((n for n in fitting if Sliding(shape=conv.output, window=window, lanes=n).cycles <= conv.cycles), fitting[-1])


def conv_ip(conv: Conv) -> Ip:
    """What a convolution has of its own in the IP of its block: its units, the streams between them, and one for the messages of each that loads."""
    chain = Chain("conv", conv.at)
    stream = chain.stream("in", conv.simd, conv.input_format)
    out = chain.convolve("conv", conv, stream)
    between = [each for each in chain.streams if each.name not in (stream.name, out.name)]
    messages = [Stream(name=f"{unit.name}_constants", lanes=1, format=CONSTANTS) for unit in chain.units if unit.loads]
    return replace(chain.ip("block", str(conv.window)), streams=(*between, *messages))


def block_frame(block: Block) -> Ip:
    """The IP of a block without what its convolutions have of their own."""
    return block_ip(block, Frame)


def block_ip(block: Block, kind: type[Chain] = Chain) -> Ip:
    first, last = block.convs[0], block.convs[-1]
    require_wire(first, "simd", block.input.channels, block.input_format)
    require_wire(last, "pe", block.output.channels, block.residual, lambda pe: replace(last, pe=pe, pixels=1).lanes_behind)
    chain = kind(block.name, block.at, block.holding)
    size = block.input.size
    lanes = first.simd
    stream = chain.take("codes_in", wire_lanes(block.input.channels, block.input_format, lanes), block.input_format, size)
    projects = block.bypass is not None
    chain.part = "Entry: " + ("thresholds, then " if block.both_entry else "") + "a copy for each branch."
    stream = chain.convert("entry", stream, lanes, size)
    rows = held_rows(block.convs)
    depth = max(2, rows * block.input.width * block.input.channels // lanes)
    why = f"{rows} rows: as many as the main path holds"
    stream = chain.activate("entry", "act", f"{block.name}.entry", block.both_entry, stream)
    main = chain.stream("main_in", lanes, stream.format)
    if block.bypass is not None and block.bypass.window.kernel != (1, 1):
        late = held_rows((block.bypass,))
        chain.deepen(main, late * block.input.width * block.input.channels // lanes, f"{late} rows: as many as the projection holds")
    # Thresholds of the bypass alone stand in front of its deep FIFO, which then holds their codes.
    if block.bypass_entry is None:
        bypass = chain.stream("bypass", lanes, stream.format, depth, why)
    else:
        bypass = chain.stream("bypass_entry", lanes, stream.format)
    chain.add(fork, "fork", [stream], [main, bypass], beats=size // lanes, lanes=lanes, form=stream.format)
    if block.bypass_entry is not None:
        chain.part = "Bypass: thresholds."
        bypass = chain.activate("entry_bypass", "bypass", f"{block.name}.entry_bypass", block.bypass_entry, bypass)
        chain.deepen(bypass, depth, why)
    chain.part = "Main branch: " + ", ".join(str(conv.window) for conv in block.convs) + "."
    act = "act" if block.both_entry is None else "main_act"
    main = chain.activate(block.main_entry_name.partition(".")[2], act, block.main_entry_name, block.main_entry, main)
    for conv in block.convs:
        main = chain.conv(conv, main)
    if block.bypass is not None:
        chain.part = f"Projection of the bypass: {block.bypass.window}."
        bypass = chain.conv(block.bypass, bypass)
    chain.part = "Sum of the branches" + (", thresholds." if block.join_activation else ".")
    codes, lanes = block.output.size, min(main.lanes, block.output.channels)
    main = chain.convert("join_main", main, lanes, codes)
    bypass = chain.convert("join", bypass, lanes, codes)
    if block.join_activation is None:
        joined = chain.stream("joined", lanes, block.residual)
        chain.add(join, "join", [main, bypass], [joined], operation=block.join, lanes=lanes)
    else:
        layer, operation = f"{block.name}.join", block.join_sum
        sums = chain.stream("sums", lanes, operation.values)
        chain.add(join_sum, "join", [main, bypass], [sums], layer=layer, operation=operation, lanes=lanes, holding=block.holding)
        joined = chain.activate("joined", "joined", layer, block.join_activation, sums, block.meeting.way)
    out = chain.convert("out", joined, wire_lanes(block.output.channels, block.residual, lanes), codes)
    chain.give("codes_out", out, codes)
    return chain.ip("block", f"{block.input} -> {block.output}, {block.kind}, {'projection' if projects else 'identity'} bypass")


def _weight_lanes(head: Head) -> int:
    """Lanes of the weight stream from memory, whatever the folding: the most that divide a row and fit into one word."""
    return max(n for n in divisors(head.fc.inputs) if n * head.fc.weight.bits <= WORD_BITS)


def head_ip(head: Head) -> Ip:
    fc = head.fc
    require_wire(fc, "simd", fc.inputs, head.code_format)
    chain = Chain("head", head.at, head.holding)
    size = head.input.size
    stream = chain.take("codes_in", wire_lanes(fc.inputs, head.code_format, fc.simd), head.code_format, size)
    pool, name, title = {
        PoolKind.SUM: (accumulate_pool, "sums", "Sum over all pixels"),
        PoolKind.MAX: (global_max, "largest", "Maximum over all pixels"),
    }[head.pool]
    chain.part = title + (", thresholds." if head.pool_activation else ".")
    stream = chain.convert("pool", stream, fc.simd, size)
    pooled = chain.stream(name, fc.simd, head.global_pool.values)
    chain.add(pool, "pool", [stream], [pooled], operation=head.global_pool, lanes=fc.simd)
    inputs = chain.activate("pooled", "pooled", "head.pool", head.pool_activation, pooled, head.way)
    chain.part = "Fully connected layer."
    if head.streams_weights:
        weights = chain.take("weights", _weight_lanes(head), fc.weight, fc.out * fc.inputs)
        weights = chain.convert("weights", weights, fc.simd, fc.out * fc.inputs)
    else:
        weights = chain.stream("weights", fc.pe * fc.simd, fc.weight)
        chain.add(weight_rom, "weight_rom", [], [weights], layer=fc.name, operation=fc.dense, fold=fc.fold, holding=fc.holding)
    scores = chain.stream("scores" if fc.scale is None else "products", fc.pe, fc.acc)
    chain.add(dense, "fc", [inputs, weights], [scores], layer=fc.name, operation=fc.dense, fold=fc.fold, holding=head.holding)
    if fc.scale is not None:
        products, scores = scores, chain.stream("scores", fc.pe, fc.scores)
        chain.add(scale_scores, "scale", [products], [scores], layer=fc.name, operation=fc.scale, lanes=fc.pe, holding=head.holding)
    scores = chain.activate("scored", "scored", fc.name, fc.activation, scores, fc.way)
    chain.part = "Labels of the largest scores" + (", and these." if head.gives_scores else ".")
    scores = chain.convert("top", scores, 1, fc.out)
    labels = chain.stream("labels_out", 1, LABEL)
    chain.add(top_k_scores if head.gives_scores else top_k, "top", [scores], [labels], operation=head.top_k)
    chain.give("labels", labels, head.top_k.words)
    title = f"{head.input} -> {head.top} of {fc.out} labels{' and scores' if head.gives_scores else ''}"
    return chain.ip("head", title, ends=True)


def dma_ip(network: Network, parts: Sequence[Ip]) -> Ip:
    """Of these parts; of none while they are not chosen, since its cost does not depend on them."""
    chain = Chain("dma", network.at)
    head, image = network.head, network.input
    matrix: dict[str, Any] = {"codes": head.fc.out * head.fc.inputs, "lanes": _weight_lanes(head), "form": head.fc.weight, "repeats": True}
    pixels: dict[str, Any] = {"codes": image.size, "lanes": image.channels, "form": BYTE, "repeats": False}

    def words(name: str) -> Stream:
        return chain.stream(f"{name}_words", WORD_BITS // 8, BYTE)

    def answers(unit: str) -> tuple[str, ...]:
        """The stream that tells a unit what becomes of a call, where constants have to be loaded before."""
        return (f"{unit}_answers",) if network.loads else ()

    def read(name: str, bundle: str, transfer: dict[str, Any]) -> Stream:
        chain.part = f"{name.capitalize()}: words from memory, beats from words."
        stream = words(name)
        chain.add(load, name, [], [stream], **transfer, bundle=bundle, answers=answers(f"{name}_load"))
        return stream

    def give(name: str, stream: Stream, transfer: dict[str, Any]) -> None:
        beats = chain.stream(f"{name}_beats", transfer["lanes"], transfer["form"])
        chain.add(unpack, name, [stream], [beats], **transfer, answers=answers(f"{name}_unpack"))
        chain.give(name, beats, transfer["codes"])

    fetched = []
    if network.loads:
        chain.part = "Constants: an image of them from memory, checked and sent, or the tokens of frames."
        fetched = [words("weights")] if head.streams_weights else []
        units = ("image_load", "image_unpack", *(("weights_unpack",) if fetched else ()), "labels")
        constants: dict[str, Any] = {
            "load_words": sum(held.load_words for part in parts for held in part.loaded),
            "fingerprint": fingerprint(parts),
            "image": "constants_words",
            "matrix_words": word_count(matrix["codes"], head.fc.weight) if fetched else 0,
        }
        chain.add(fetch, "constants", [], fetched, **constants)
        sent = chain.stream("constants_sent", 1, CONSTANTS)
        chain.add(configure, "constants", [], [sent], **constants, answers=tuple(name for unit in units for name in answers(unit)))
        chain.give("constants", sent, 1)
    give("image", read("image", "images", pixels), pixels)
    if fetched:
        chain.part = "Weights: beats from words."
        give("weights", fetched[0], matrix)
    elif head.streams_weights:
        give("weights", read("weights", "weights", matrix), matrix)
    chain.part = f"Labels{' and scores' if head.gives_scores else ''} to memory."
    count, what = head.top_k.words, "words of labels and scores" if head.gives_scores else "labels"
    labels = chain.take("labels", 1, LABEL, count)
    chain.add(store, "labels", [labels], [], words=count, what=what, bundle="labels", answers=answers("labels"))
    return chain.ip("dma", f"{network.input} images in, {count} {what} out")
