"""The description of an imported network: what is common once, in `formats`; what differs at the layer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from constants.scaling import Scaling
from network.arrays import key
from network.errors import GraphError
from network.formats import Format, Kind
from network.importers.onnx.lowered import Block, Conv, Head, Lowered
from network.model import Pictures
from network.operations import PoolKind, Window
from network.yaml.writer import pair, quoted

COLUMN = 38
CARD_MEGABITS = 90
"""About what the block RAMs of the largest cards hold. Beyond it no folding fits, since weights and thresholds are on chip."""
FPS = 100
"""Frames per second of networks that fit no card: not many cycles to simulate, and not many units either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """What the graph does not say."""

    network: str
    platform: str
    file: str  # the graph's
    pictures: Pictures
    images: str | None = None  # what to try the network on
    labels: tuple[str, ...] = ()

    def with_images(self, images: str, labels: tuple[str, ...]) -> Naming:
        return replace(self, images=images, labels=labels)


@dataclass(frozen=True, slots=True)
class Common:
    """The formats that stand once."""

    weight: Format
    act: Format
    residual: Format
    zero_point: int


def common(lowered: Lowered) -> Common:
    head = lowered.head
    assert head is not None
    inner = [conv.act for block in lowered.blocks for conv in block.convs[:-1]]
    convs = [conv for block in lowered.blocks for conv in (*block.convs, *([block.bypass] if block.bypass else []))]
    residual = _most(block.join.act for block in lowered.blocks)
    zero_point = lowered.zero_point if lowered.zero_point is not None else head.zero_point
    if not residual.low <= zero_point <= residual.high:
        zero_point = residual.low
    return Common(_most(conv.weight for conv in convs), _most(act for act in inner if act), residual, zero_point)


def _most(formats: Iterable[Format]) -> Format:
    return Counter(formats).most_common(1)[0][0]


def render(lowered: Lowered, naming: Naming, parameters: str | None = None, scalings: Mapping[str, Scaling] = MappingProxyType({})) -> str:
    """The YAML; `parameters` is the file it names, where that is not in the default place; `scalings` are those of layers whose thresholds
    are known to be theirs."""
    head, shape, shared = lowered.head, lowered.input, common(lowered)
    assert head is not None
    assert lowered.stem is not None
    lines = [
        f"{BANNER}{_plain(naming.file)}: {len(lowered.blocks)} blocks, {head.out} classes",
        f"network:   {naming.network}",
        f"platform:  {naming.platform}",
        "clock_mhz: 250",
        *_rate(lowered, scalings),
        _noted(f"input:     {{shape: [{shape.height}, {shape.width}, {shape.channels}]}}", "H, W, C: uint8"),
        *([f"parameters: {quoted(parameters)}"] if parameters else []),
        *([f"images:    {quoted(naming.images)}"] if naming.images else []),
        *([f"labels:    [{', '.join(json.dumps(each, ensure_ascii=False) for each in naming.labels)}]"] if naming.labels else []),
        "",
        "formats:",
        f"  weight:   {shared.weight}",
        _noted(f"  act:      {shared.act}", "inside a block"),
        _noted(f"  residual: {shared.residual}", "between blocks"),
        f"  zero_point: {shared.zero_point}",
        "",
    ]
    shown = naming.pictures
    words = [f"order: {shown.order}"] if shape.channels == 3 else []
    words += [f"resize: {shown.resize}"] if shown.resize is not None else []
    words += [f"interpolation: {shown.interpolation}"] if shown.interpolation != "bilinear" else []
    if words:
        what = "as the network was trained" if shown.resize is None else "the shorter side; then the middle is cut out"
        lines += [_noted(f"pictures: {{{', '.join(words)}}}", what), ""]
    lines += ["stem:"]
    if lowered.stem_entry:
        lines.append(_noted(f"  entry: {lowered.stem_entry}", "an activation on the image"))
    lines.append(f"  conv:  {_conv(lowered.stem, shared, shared.act, scalings.get('stem.conv'))}")
    if lowered.pool:
        lines.append(f"  pool:  {{{', '.join(_window(lowered.pool))}}}")
    lines += ["", "blocks:"]
    for block in lowered.blocks:
        lines += _block(block, shared, scalings)
    lines += ["", *_head(head, shared, lowered, scalings)]
    return "\n".join(lines) + "\n"


def _rate(lowered: Lowered, scalings: Mapping[str, Scaling]) -> list[str]:
    """The rate for which the folding is chosen, where the fastest that fits a card cannot be."""
    without = {key(layer, "thresholds") for layer in scalings}
    arrays = {name: array for name, array in lowered.arrays.items() if name not in without}
    weights = sum(8 * array.size for name, array in arrays.items() if name.endswith("/weights") and not name.startswith("head"))
    # As wide as the largest: a threshold has the bits of what it is compared with.
    thresholds = sum(
        (1 + int(np.abs(array).max(initial=0)).bit_length()) * array.size for name, array in arrays.items() if name.endswith("/thresholds")
    )
    megabits = (weights + thresholds) // 1_000_000
    if megabits <= CARD_MEGABITS:
        return []
    note = f"{megabits:,} Mbit of weights and thresholds fit no card, so the folding cannot be the fastest that fits"
    return [_noted(f"fps:       {FPS}", note)]


def _noted(text: str, note: str) -> str:
    return f"{text:{COLUMN}} # {note}"


def _plain(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text)


def _window(window: Window) -> list[str]:
    words = [f"kernel: {pair(window.kernel)}"]
    if window.stride != (1, 1):
        words.append(f"stride: {pair(window.stride)}")
    usual = tuple(((size - 1) // 2, (size - 1) // 2) for size in window.kernel)
    vertical, horizontal = window.pad
    if window.pad == usual:
        return words
    if vertical == horizontal:
        return [*words, f"pad: {pair(vertical)}"]
    return [*words, f"pad: [[{vertical[0]}, {vertical[1]}], [{horizontal[0]}, {horizontal[1]}]]"]


def _scaled(scaling: Scaling) -> str:
    numbers = ", ".join(f"{name}: {value}" for name, value in scaling.entries.items())
    return f"activation: {{scale: {{{numbers}}}}}"


def _conv(conv: Conv, shared: Common, act: Format, scaling: Scaling | None, *, projects: bool = False) -> str:
    """`act` is the default of its codes."""
    words = _window(conv.window)
    words = words[1:] if projects else [words[0], f"out: {conv.out}", *words[1:]]
    if conv.weight != shared.weight:
        words.append(f"weight: {conv.weight}")
    if conv.act is None:
        words.append("act: sums")
    elif conv.act != act:
        words.append(f"act: {conv.act}")
    if conv.pad_codes != (0,):
        codes = conv.pad_codes
        words.append(f"pad_code: {codes[0]}" if len(codes) == 1 else f"pad_code: [{', '.join(map(str, codes))}]")
    words += [_scaled(scaling)] if scaling else []
    return f"{{{', '.join(words)}}}"


def _block(block: Block, shared: Common, scalings: Mapping[str, Scaling]) -> list[str]:
    lines = [f"  {block.name}:"]
    if block.bypass_entry or (block.entry and block.bypass):
        words = [f"{name}: {codes}" for name, codes in (("main", block.entry), ("bypass", block.bypass_entry)) if codes]
        lines.append(f"    entry:  {{{', '.join(words)}}}")
    elif block.entry:
        lines.append(f"    entry:  {block.entry}")
    elif block.input != shared.act:
        lines.append("    entry:  false")
    for index, conv in enumerate(block.convs):
        is_last = index == len(block.convs) - 1
        scaling = scalings.get(f"{block.name}.conv{index + 1}")
        lines.append(f"    conv{index + 1}:  {_conv(conv, shared, shared.residual if is_last else shared.act, scaling)}")
    bypass, scaling = block.bypass, scalings.get(f"{block.name}.bypass")
    lines.append(f"    bypass: {_conv(bypass, shared, shared.residual, scaling, projects=True) if bypass else 'identity'}")
    join = block.join
    if not join.clips:
        words = []
        if join.zero_point:
            words.append(f"zero_point: {join.zero_point}")
        if join.factors:
            words += [f"factors: {join.factors}", *(["per_channel: true"] if join.per_channel else [])]
        if join.act != shared.residual:
            words.append(f"act: {join.act}")
        if (scaling := scalings.get(f"{block.name}.join")) is not None:
            words.append(_scaled(scaling))
        lines.append(f"    join:   {{{', '.join(words)}}}")
    return lines


def _head(head: Head, shared: Common, lowered: Lowered, scalings: Mapping[str, Scaling]) -> list[str]:
    lines = ["head:"]
    if head.pool is PoolKind.MAX:
        lines.append("  pool:   max")
    if head.zero_point != shared.zero_point:
        lines.append(f"  zero_point: {head.zero_point}")
    if head.act:
        lines.append(_noted(f"  act:    {head.act}", "behind the pool"))
    if (scaling := scalings.get("head.pool")) is not None:
        lines.append(f"  {_scaled(scaling)}")
    words = [f"out: {head.out}", *([f"weight: {head.weight}"] if str(head.weight) != "int8" else [])]
    words += [f"factors: {head.factors}"] if head.factors else []
    words += [f"act: {head.fc_act}"] if head.fc_act else []
    words += [_scaled(scaling)] if (scaling := scalings.get("head.fc")) else []
    lines.append(f"  fc:     {{{', '.join(words)}}}")
    lines.append(f"  top:    {head.top}")
    if head.gives_scores:
        added = f" plus {lowered.score_zero:.9g}" if lowered.score_zero else ""
        lines.append(_noted("  output: scores", f"times {lowered.score_scale:.9g}{added} they are the graph's"))
    if head.weight != Format(Kind.INT, 8):
        lines.append("  weights: rom")
    return lines


BANNER = "# Imported from "
"""How a description begins that was imported, and not edited as another's."""


def require_free(config: Path, npz: Path) -> None:
    """Raise GraphError where a description or parameters would be replaced that were not imported."""
    try:
        with config.open("rb") as file:
            if file.read(len(BANNER)) == BANNER.encode():
                return
        taken, what = config, "it is a description that was not imported"
    except FileNotFoundError:
        if not npz.exists():
            return
        taken, what = npz, "it has the parameters of another description"
    raise GraphError(
        str(taken), what, why="it would be replaced", fix="choose another --network, or other files with --config and --params"
    )
