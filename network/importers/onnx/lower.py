"""From a matched graph to what `network` has: the decisions of the description, the arrays of the parameters, and where to find the codes of
each quantizer of the graph in a forward pass of `network.reference`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import gcd, lcm

import numpy as np
from numpy.typing import NDArray

from network.arrays import key
from network.errors import GraphError, GraphErrors
from network.formats import BIPOLAR, Format, Kind, uint
from network.importers.onnx.arithmetic.exact import Exact, exact, is_power_of_two, same
from network.importers.onnx.arithmetic.joins import MOST, Factored, Operand, factored
from network.importers.onnx.arithmetic.stages import ONE, ZERO, Affine, Quantize, Rounding, Stage, fused
from network.importers.onnx.arithmetic.thresholds import code_format, thresholds
from network.importers.onnx.graph import Node
from network.importers.onnx.lowered import Block, Conv, Head, Join, Lowered, Probe, Row
from network.importers.onnx.match import Matched, MatchedBlock, Reader
from network.importers.onnx.values import Pooled, Product, Tensor, View, reach, view
from network.operations import PoolKind
from network.operations import reach as formats_reach

MOST_SCORE = 1 << 46
MOST_SUM = 1 << 31
"""Sums lie below it."""
ROUNDED = Fraction(1, 1 << 22)
"""A quantized bias is whole steps of the scores, whose scale exporters round to float32, twice: to within this."""


def lower(matched: Matched) -> Lowered:
    """Raises GraphError, or GraphErrors with those of all blocks."""
    image = matched.stem.input.source.shape
    lowered = Lowered(image)
    _stem(lowered, matched)
    names = block_names(matched.blocks)
    incoming = "stem"
    errors: list[GraphError] = []
    for name, block, output in zip(names, matched.blocks, matched.outputs, strict=True):
        try:
            _block(lowered, name, incoming, block, output)
        except GraphError as error:
            errors.append(error)
        incoming = name
    if errors:
        raise GraphErrors(tuple(errors))
    _head(lowered, matched)
    _choose_clips(lowered)
    return lowered


def block_names(blocks: Sequence[MatchedBlock]) -> list[str]:
    """res2a, res2b, res3a, …: a stage begins with each block that has a stride."""
    names: list[str] = []
    stage, letter = 2, 0
    for index, block in enumerate(blocks):
        if index and any(conv.window.stride != (1, 1) for conv in block.convs):
            stage, letter = stage + 1, 0
        suffix = chr(ord("a") + letter) if letter < 26 else f"_{letter}"
        names.append(f"res{stage}{suffix}")
        letter += 1
    return names


# --- activations -------------------------------------------------------------------------------------------------------------------------


def _seen(node: Node, tensor: Tensor) -> View:
    seen = view(tensor)
    if seen is None or not seen.chain:
        raise node.error(
            "what it makes is not quantized",
            why="between layers there are codes of 1 to 8 bits",
            fix="put a quantizer behind it in training (QuantReLU, QuantIdentity), or quantize the next operator too",
        )
    if seen.format.bits > 8:
        quantizer = seen.quantizer
        where = quantizer.node if quantizer else node.where
        raise GraphError(
            where, f"it quantizes to {seen.format.bits} bits", why="activations are codes of 1 to 8 bits", fix="quantize to 8 bits or less"
        )
    return seen


def _activate(lowered: Lowered, layer: str, chain: Sequence[Stage], codes: Format, low: NDArray[np.int64], high: NDArray[np.int64]) -> None:
    """Thresholds within what any weights and inputs of their formats would make of it, though a channel's weights reach less: so those of
    a scale and a bias stay on their line."""
    lowered.arrays[key(layer, "thresholds")] = thresholds(chain, codes, low, high)


def _probe(lowered: Lowered, layer: str, values: str, stages: Sequence[Stage], pooled: Pooled | None = None, leading: int = 0) -> None:
    """All quantizers on the way; `leading` stages are none of the graph's."""
    for index, stage in enumerate(stages):
        if isinstance(stage, Quantize) and stage.name:
            is_behind = pooled is not None and index - leading >= pooled.behind
            window = pooled.window if is_behind and pooled else None
            over_all = is_behind and window is None
            behind = tuple(stages[index + 1 :])
            lowered.probes.append(Probe(stage.name, layer, values, tuple(stages[: index + 1]), window, over_all, behind=behind))


def _entry(lowered: Lowered, layer: str, incoming: str, input: Tensor, reader: Reader) -> Format | None:
    """The activation of incoming codes, where there is one."""
    before, after = view(input), view(reader.tensor)
    assert before is not None
    assert after is not None
    meaning = Affine(before.scale, same(-before.zero * before.scale))
    raw = (meaning, *reader.rest)
    _probe(lowered, layer, incoming, raw, leading=1)
    chain = fused(raw)
    while chain and isinstance(chain[-1], Affine):
        chain = chain[:-1]
    if not chain or not isinstance(chain[-1], Quantize):  # only clipped
        limits = (exact([after.low]), exact([after.high]))
        chain = (Quantize(ONE, ZERO, Rounding.FLOOR, ZERO, *limits, ONE, ZERO),)
    channels = input.channels
    low, high = np.full(channels, before.low), np.full(channels, before.high)
    levels = thresholds(chain, after.format, low, high)
    inputs = np.arange(before.low, before.high + 1)
    made = after.format.low + (inputs[None, :, None] >= levels[:, None, :]).sum(axis=2)
    if (made == inputs).all():
        return None
    lowered.arrays[key(layer, "thresholds")] = levels
    lowered.rows.append(Row(layer, "activation", "", str(after.format), _scales(after.scale), _how(reader.tensor)))
    return after.format


# --- layers ------------------------------------------------------------------------------------------------------------------------------


def _stem(lowered: Lowered, matched: Matched) -> None:
    stem = matched.stem
    image = view(stem.input)
    assert image is not None
    if image.chain:
        lowered.stem_entry = image.format
        low, high = reach(stem.input.source)
        _activate(lowered, "stem.entry", image.chain, image.format, low, high)
        lowered.rows.append(Row("stem.entry", "activation", "", str(image.format), _scales(image.scale), _how(stem.input)))
        _probe(lowered, "stem.entry", "image", stem.input.stages)
    lowered.stem = _conv(lowered, "stem.conv", stem, matched.stem_output, matched.pool)
    lowered.pool = matched.pool.window if matched.pool else None


def _conv(lowered: Lowered, name: str, conv: Product, output: Tensor | None, pooled: Pooled | None = None) -> Conv:
    """A convolution and the activation that makes `output`; None where it leaves sums."""
    lowered.arrays[key(name, "weights")] = conv.weights
    act, how = None, "exact"
    if output is not None:
        how = _how(output)
        seen = _seen(conv.node, output)
        act = seen.format
        codes = view(conv.input)
        assert codes is not None
        low, high = formats_reach(conv.weights[0].size, conv.weight, codes.format)
        _activate(lowered, name, seen.chain, act, *(np.full(len(conv.weights), each) for each in (low, high)))
        _probe(lowered, name, f"{name}.sums", output.stages, pooled)
    lowered.rows.append(Row(name, f"conv {conv.window}", str(conv.weight), str(act or "sums"), _scales(conv.scale), how))
    return Conv(conv.window, len(conv.weights), conv.weight, act, conv.pad_codes)


def _block(lowered: Lowered, name: str, incoming: str, block: MatchedBlock, output: Tensor) -> None:
    input_view = view(block.input)
    assert input_view is not None
    _probe_twins(lowered, block)
    entry = _entry(lowered, f"{name}.entry", incoming, block.input, block.entry)
    bypass_entry = _entry(lowered, f"{name}.entry_bypass", incoming, block.input, block.bypass_entry)
    main, main_conv = _operand(block.join.node, block.main, block.convs[-1])
    other, bypass_conv = _operand(block.join.node, block.other, block.bypass)
    convs = []
    behind = [conv.input for conv in block.convs[1:]]
    for index, product in enumerate(block.convs):
        is_last = index == len(block.convs) - 1
        made = (block.main if main_conv is None else None) if is_last else behind[index]
        convs.append(_conv(lowered, f"{name}.conv{index + 1}", main_conv if is_last and main_conv else product, made))
    bypass = None
    if block.bypass is not None:
        made = block.other if bypass_conv is None else None
        bypass = _conv(lowered, f"{name}.bypass", bypass_conv or block.bypass, made)
    seen = _seen(block.join.node, output)
    codes = range(seen.format.low + 1, seen.format.high + 1)
    result = factored(main, other, seen.chain, codes, block.join.shape.channels)
    formats = [convs[-1].act, bypass.act if bypass else bypass_entry or input_view.format]
    clip = _clips(result, main, other) if formats == [seen.format] * 2 and seen.format.kind is Kind.UINT else None
    values = [f"{name}.conv{len(convs)}", f"{name}.bypass" if bypass else f"{name}.entry_bypass" if bypass_entry else incoming]
    for i, each in enumerate((convs[-1], bypass)):
        values[i] += ".sums" if each is not None and each.act is None else ""
    _probe_join(lowered, name, values, (main, other), output.stages)
    lowered.arrays[key(f"{name}.join", "thresholds")] = result.thresholds
    if clip is not None:
        join = Join(seen.format, clips=True, zero_point=clip)
    else:
        is_plain = result.factors.max() == 1
        if not is_plain:
            lowered.arrays[key(name, "join/factors")] = result.factors
        factors = None if is_plain else uint(int(result.factors.max()).bit_length())
        join = Join(seen.format, clips=False, factors=factors, per_channel=factors is not None and len(result.factors) > 1)
    lowered.blocks.append(Block(name, input_view.format, entry, bypass_entry, tuple(convs), bypass, join))
    lowered.rows.append(Row(f"{name}.join", "join", "", str(seen.format), _scales(seen.scale), f"{_how_joined(result)}; {_how(output)}"))


def _probe_twins(lowered: Lowered, block: MatchedBlock) -> None:
    """Where the bypass has quantizers of its own that equal those of the main branch, both have the codes of one activation."""
    shared = block.entry.shared
    for one, other in zip(block.entry.tensor.stages[:shared], block.bypass_entry.tensor.stages, strict=False):
        if isinstance(one, Quantize) and isinstance(other, Quantize) and other.name not in ("", one.name):
            lowered.probes += [replace(probe, tensor=other.name) for probe in lowered.probes if probe.tensor == one.name]


def _operand(node: Node, tensor: Tensor, conv: Product | None) -> tuple[Operand, Product | None]:
    """What a branch brings to the join, and its convolution where that is sums."""
    seen = view(tensor)
    if seen is not None and (seen.chain or conv is None):
        if seen.format.bits > 8:
            _seen(node, tensor)
        limits = (np.array([seen.low]), np.array([seen.high]))
        return Operand(Affine(seen.scale, same(-seen.zero * seen.scale)), *limits), None
    meaning = tensor.meaning
    assert conv is not None  # `layers.check_branch` has let only these pass
    assert meaning is not None
    silent = np.broadcast_to(np.array([each == 0 for each in meaning.factor]), (tensor.channels,))
    if silent.any():  # batch norm has switched these channels off
        if conv.weight == BIPOLAR:
            why = "the factors of a join are positive, and bipolar weights cannot be 0 instead"
            raise node.error("a channel of it has the factor 0", why=why, fix="quantize the branch in front of the join")
        conv = replace(conv, weights=np.where(silent[:, None, None, None], 0, conv.weights))
        most = max([*meaning.factor, Fraction(0)]) or Fraction(1)
        meaning = Affine(np.array([each or most for each in np.broadcast_to(meaning.factor, (tensor.channels,))], object), meaning.offset)
    return Operand(meaning, *reach(conv)), conv


def _probe_join(lowered: Lowered, layer: str, values: Sequence[str], operands: tuple[Operand, Operand], stages: Sequence[Stage]) -> None:
    for index, stage in enumerate(stages):
        if isinstance(stage, Quantize) and stage.name:
            main, other = values
            until, behind = tuple(stages[: index + 1]), tuple(stages[index + 1 :])
            lowered.probes.append(Probe(stage.name, layer, main, until, other=other, operands=operands, behind=behind))


def _clips(result: Factored, main: Operand, other: Operand) -> int | None:
    """The zero point with which clipping does what these thresholds do, if there is one."""
    if result.factors.max() > 1 or result.confused:
        return None
    lowest, highest = int((main.low + other.low).min()), int((main.high + other.high).max())
    count = result.thresholds.shape[1]
    codes = np.arange(1, count + 1)
    inner = np.flatnonzero((result.thresholds[0] > lowest) & (result.thresholds[0] <= highest))
    if not len(inner):
        return None
    zero_point = int(result.thresholds[0, inner[0]] - codes[inner[0]])
    same_everywhere = (result.thresholds == np.clip(zero_point + codes, lowest, highest + 1)).all()
    return zero_point if same_everywhere and 0 <= zero_point <= count else None


def _choose_clips(lowered: Lowered) -> None:
    """All joins that clip have one zero point, that of the description; those with another one keep their thresholds."""
    points = [block.join.zero_point for block in lowered.blocks if block.join.clips]
    lowered.zero_point = max(points, key=points.count) if points else None
    for index, block in enumerate(lowered.blocks):
        if not block.join.clips:
            continue
        if block.join.zero_point == lowered.zero_point:
            del lowered.arrays[key(f"{block.name}.join", "thresholds")]
        else:
            lowered.blocks[index] = replace(block, join=Join(block.join.act, clips=False))


def _head(lowered: Lowered, matched: Matched) -> None:
    fc, pooled = matched.fc, matched.pooled
    last = matched.outputs[-1]
    last_view, seen = view(last), view(fc.input)
    assert last_view is not None
    assert seen is not None
    if isinstance(pooled, Pooled):
        kind, zero_point, act = PoolKind.MAX, last_view.low, None
        limits = (0, last_view.high - zero_point)
        # The pool takes the lowest code off, which the sums of the classifier do not know.
        shift = exact(zero_point * fc.weights.sum(axis=(1, 2, 3)))
        _probe_pooled(lowered, matched)
    else:
        kind, zero_point = PoolKind.SUM, pooled.zero_point
        act = seen.format if seen.chain else None
        limits = (seen.low, seen.high)
        shift = exact([0])
        if seen.chain:
            _activate(lowered, "head.pool", seen.chain, seen.format, *reach(pooled))
            _probe(lowered, "head.pool", "head.pool.sums", fc.input.stages)
        lowered.rows.append(Row("head.pool", "sum", "", str(act or "sums"), _scales(seen.scale), _how(fc.input) if act else "exact"))
    weights = fc.weights.reshape(len(fc.weights), -1)
    stages = fused((Affine(ONE, same(shift)), *matched.scores.stages))
    factors, fc_act = None, None
    lowered.arrays["head/fc/weights"] = weights
    if len(stages) == 1 and isinstance(affine := stages[0], Affine):
        most_input = max(abs(each) for each in limits)
        factors, how = _scores(lowered, fc.node, affine, weights.shape[1] * most_input * 128, len(weights))
    else:
        tail = Affine(ONE, ZERO)
        if isinstance(stages[-1], Affine):
            tail, stages = stages[-1], stages[:-1]
        quantizer = stages[-1]
        if not isinstance(quantizer, Quantize) or quantizer.low is None or quantizer.high is None:
            what = "what follows its scores is neither a scale and bias nor a quantizer"
            raise fc.node.error(what, why="scores are ranked as they are, or as codes", fix="let the model end with the classifier")
        meaning = tail.after(quantizer.meaning)
        if len(same(meaning.factor)) > 1 or len(same(meaning.offset)) > 1 or meaning.factor[0] <= 0:
            what = "the quantizer behind it has several scales"
            raise fc.node.error(what, why="codes of different classes are compared", fix="use one scale for all classes")
        codes = _format_of(fc.node, quantizer)
        fc_act = codes
        _activate(lowered, "head.fc", stages, codes, np.full(len(weights), -MOST_SUM), np.full(len(weights), MOST_SUM - 2))
        lowered.arrays["head/fc/bias"] = np.zeros(len(weights), np.int64)
        lowered.score_scale, lowered.score_zero = float(meaning.factor[0]), float(meaning.offset[0])
        raw = (Affine(ONE, same(shift)), *matched.scores.stages)
        _probe(lowered, "head.fc", "head.fc.sums", raw, leading=1)
        how = "thresholds by class"
    how += f"; ranked without {matched.scores.ends}" if matched.scores.ends else ""
    top = 1 if matched.scores.ends == "ArgMax" else min(5, len(weights))
    shown = str(fc_act) if fc_act else f"scores times {factors}" if factors else "scores"
    lowered.rows.append(Row("head.fc", "classifier", str(fc.weight), shown, _scales(fc.scale), how))
    gives_scores = matched.scores.ends not in ("ArgMax", "TopK")
    lowered.head = Head(kind, zero_point, act, len(weights), fc.weight, factors, fc_act, top, gives_scores)


def _format_of(node: Node, quantizer: Quantize) -> Format:
    assert quantizer.low is not None
    assert quantizer.high is not None
    codes = code_format(int(min(quantizer.low)), int(max(quantizer.high)))
    if codes.bits > 8:
        what = f"its scores are quantized to {codes.bits} bits"
        raise node.error(
            what, why="codes have 8 bits or less; scores may stay as they are", fix="leave out the quantizer behind the classifier"
        )
    return codes


def _probe_pooled(lowered: Lowered, matched: Matched) -> None:
    """Quantizers of the last join, in front of the pool and behind it, are all part of that join's activation."""
    pooled = matched.pooled
    assert isinstance(pooled, Pooled)
    moved = []
    for probe in lowered.probes:
        is_of_join = probe.operands is not None and any(
            isinstance(stage, Quantize) and stage.name == probe.tensor for stage in matched.fc.input.stages[pooled.behind :]
        )
        moved.append(replace(probe, over_all=True) if is_of_join else probe)
    lowered.probes[:] = moved
    lowered.rows.append(Row("head.pool", "maximum", "", str(lowered.blocks[-1].join.act), "", "exact"))


def _scores(lowered: Lowered, node: Node, affine: Affine, most: int, classes: int) -> tuple[Format | None, str]:
    """Factors and biases of the classes, so that scores have the order of the graph's; the factors' format and how they came."""
    factor = np.broadcast_to(affine.factor, (classes,))
    offset = np.broadcast_to(affine.offset, (classes,))
    if any(each <= 0 for each in factor):
        what = f"class {int(np.flatnonzero(factor <= 0)[0])} has the factor 0"
        raise node.error(what, why="the factors of the scores are positive", fix="train the class, or leave it out")
    room = min(MOST, MOST_SCORE // max(most, 1))
    unit = Fraction(gcd(*(int(f * lcm(*(g.denominator for g in factor))) for f in factor)), lcm(*(g.denominator for g in factor)))
    times = np.array([f / unit for f in factor], object)  # whole numbers without a common divisor
    how = "exact"
    if max(times) > room:
        unit = max(factor) / room
        times = np.array([Fraction(max(1, round(f / unit))) for f in factor], object)
        worst = max(abs(t * unit / f - 1) for t, f in zip(times, factor, strict=True))
        how = f"factors of the classes within {float(worst):.1e}"
    bias = offset / unit
    finest = lcm(*(each.denominator for each in bias))
    widened = finest if finest * max(times) <= room else int(room // max(times))
    if widened > 1 and any(abs(each - round(each)) > abs(each) * ROUNDED for each in bias):
        unit, times, bias = unit / widened, times * widened, bias * widened
    whole = np.array([round(each) for each in bias], object)
    worst = max(abs(each - near) for each, near in zip(bias, whole, strict=True))
    if worst:
        how += f"; biases within {float(worst * unit):.1e} of a score"
    is_plain = max(times) == 1
    largest = max(abs(each) for each in whole)
    if largest >= 1 << (31 if is_plain else 46):
        raise node.error(f"a bias of {int(largest):,} steps", why="biases have 32 bits, with factors 48", fix="train with smaller biases")
    lowered.arrays["head/fc/bias"] = np.array([int(each) for each in whole], np.int64)
    lowered.score_scale = float(unit)
    if is_plain:
        return None, how
    lowered.arrays["head/fc/factors"] = np.array([int(each) for each in times], np.int64)
    return uint(int(max(times)).bit_length()), how


# --- words for the table -----------------------------------------------------------------------------------------------------------------


def _scales(scale: Exact) -> str:
    if len(scale) > 1:
        return f"{len(scale)}, powers of 2" if all(is_power_of_two(each) for each in scale) else str(len(scale))
    if is_power_of_two(scale[0]):
        return f"2^{scale[0].numerator.bit_length() - scale[0].denominator.bit_length()}"
    return f"{float(scale[0]):.4g}"


def _how(tensor: Tensor) -> str:
    modes = [stage.rounding for stage in tensor.stages if isinstance(stage, Quantize) and stage.node]
    names = list(dict.fromkeys("half even" if mode is Rounding.HALF_EVEN else mode.name.lower().replace("_", " ") for mode in modes))
    return (f"{len(modes)} quantizers as one: " if len(modes) > 1 else "") + (", ".join(names) or "exact")


def _how_joined(result: Factored) -> str:
    if len(result.factors) == 1:
        words = [("" if each == 1 else f"{int(each)} ") + name for each, name in zip(result.factors[0], ("main", "bypass"), strict=True)]
        factors = " + ".join(words)
    else:
        factors = f"factors by channel up to {int(result.factors.max()):,}"
    if not result.confused:
        return factors + (", exact" if not result.is_sampled else ", no difference found")
    return f"{factors}: another code for {'about ' if result.is_sampled else ''}{result.confused:,} of {result.pairs:,} pairs"
