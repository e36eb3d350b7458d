"""Single values of a description, as items of its YAML: names, formats, banks, pairs, windows, folds, depths."""

from __future__ import annotations

import re
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING

from network.formats import Format, Kind
from network.layers import MAX_SCORE_BITS, Holding, Multiply, Ram, Way
from network.model import Fifo
from network.operations import Window
from network.yaml.reader import Item, Mapping

if TYPE_CHECKING:
    from constants.scaling import Scaling

MAX_SIZE = 1 << 14
MAX_IMAGE = 1 << 28
MAX_CHANNELS = 1 << 16
MAX_DEPTH = 1 << 20
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
MAX_KERNEL_NAME, MAX_BLOCK_NAME = 30, 64
"""Longest names, in characters. The host looks a kernel up as `<network>:<network>_1`, zero-terminated in a field of 64 bytes."""
MAX_LABEL = 256
BANK = re.compile(r"(DDR|PLRAM|HBM)\[\d{1,2}\]")


def checked_name(item: Item, name: str, most: int, becomes: str) -> str:
    """Check a name that other names, those of `becomes`, are made of."""
    if len(name) > most:
        item.fail(f"{name!r} has {len(name)} characters", why=f"it becomes part of {becomes}", fix=f"use at most {most}")
    if not NAME.fullmatch(name):
        item.fail(
            f"{name!r} cannot be a name",
            why=f"it becomes part of {becomes}",
            fix="use lower-case letters and digits, a letter first, and single underscores between them",
        )
    return name


def format_of(kinds: tuple[Kind, ...], most_bits: int, item: Item) -> Format:
    text = item.text("uint2")
    names = " or ".join(kind.value if kind is Kind.BIPOLAR else f"{kind.value}N" for kind in kinds)
    why = f"{item.name} is {names} with N up to {most_bits}"
    try:
        parsed = Format.parse(text)
    except ValueError as error:
        example = "bipolar" if Kind.BIPOLAR in kinds else "uint4" if Kind.UINT in kinds else "int16, or leave acc out"
        item.fail(str(error), why=why, fix=f"write for example {example}")
    if parsed.kind not in kinds or parsed.bits > most_bits:
        item.fail(f"{parsed} cannot be used here", why=why, fix="choose one of those")
    return parsed


weight_format = partial(format_of, (Kind.BIPOLAR, Kind.INT, Kind.UINT), 8)
code_format = partial(format_of, (Kind.UINT, Kind.INT), 8)
factor_format = partial(format_of, (Kind.UINT,), 16)
score_format = partial(format_of, (Kind.INT,), MAX_SCORE_BITS)
accumulator_format = partial(format_of, (Kind.INT,), 32)


def optional_accumulator(item: Item) -> Format | None:
    return accumulator_format(item)


def optional_code_format(item: Item) -> Format | None:
    return code_format(item)


def optional_factor_format(item: Item) -> Format | None:
    return factor_format(item)


def codes_or_sums(item: Item) -> Format | None:
    """The format of codes, or None for `sums`: no thresholds."""
    return None if item.value == "sums" else code_format(item)


def pad_codes(most: int, item: Item) -> tuple[int, ...]:
    """A code, or a list of one for each of at most `most` channels; the layer checks them."""
    parts = item.items("[124, 116, 104]") if item.is_list and most > 1 else [item]
    return tuple(part.integer(-128, 255) for part in parts)


def optional_size(item: Item) -> int | None:
    return item.integer(1, MAX_SIZE)


def optional_fps(item: Item) -> int | None:
    return item.integer(1, 10_000_000)


def pair(low: int, high: int, item: Item) -> tuple[int, int]:
    """One number for both axes, or [vertical, horizontal]."""
    if item.is_list:
        first, second = (part.integer(low, high) for part in item.items("[1, 1]", 2))
        return first, second
    number = item.integer(low, high)
    return number, number


def pads(item: Item) -> tuple[tuple[int, int], tuple[int, int]]:
    """[before, after] for both axes, or [[top, bottom], [left, right]]."""
    if item.is_list and any(part.is_list for part in item.items("[1, 1]")):
        vertical, horizontal = (pair(0, 64, part) for part in item.items("[[1, 1], [0, 2]]", 2))
        return vertical, horizontal
    both = pair(0, 64, item)
    return both, both


def window(entries: Mapping, kernel: tuple[int, int] | None) -> Window:
    """`kernel` is the default kernel; the default stride is 1, the default pad keeps the size at stride 1 (for odd kernels)."""
    if "kernel" in entries or kernel is None:
        kernel = pair(1, 64, entries["kernel"])
    (top, left), (bottom, right) = ((k - 1) // 2 for k in kernel), ((k - 1) // 2 for k in kernel)
    stride = entries.get("stride", partial(pair, 1, 64), (1, 1))
    return Window(kernel=kernel, stride=stride, pad=entries.get("pad", pads, ((top, bottom), (left, right))))


def fold(entries: Mapping, key: str, default: int) -> int:
    return entries.get(key, lambda item: item.integer(1, MAX_CHANNELS), default)


def optional_multiply(item: Item) -> Multiply | None:
    choice = item.choice("auto", *(each.value for each in Multiply))
    return None if choice == "auto" else Multiply(choice)


def holding(item: Item) -> Holding:
    return Holding(loaded=item.choice("rom", "loaded") == "loaded")


def with_memory(entries: Mapping, held: Holding) -> Holding:
    """With the memory of the weights, where it is given."""

    def memory(item: Item) -> Ram:
        ram = Ram(item.choice(*(each.value for each in Ram)))
        if ram is Ram.URAM and not held.loaded:
            item.fail(
                "UltraRAM of weights that are not loaded",
                why="it has no initial contents: what lies in it is written at start",
                fix="write constants: loaded, or memory: lut or bram",
            )
        return ram

    return held._replace(memory=entries.get("memory", memory, None))


def way(item: Item, *, fused: bool = False) -> Way | Scaling | None:
    """How an activation is built: a name, or `scale` with its numbers; `fused` with a convolution, if that is possible here."""
    if item.is_mapping:
        return scaling(item.mapping(("scale",))["scale"])
    if item.value == "scale":
        fix = "write {scale: {multiplier: …, bias: …, shift: …, low: …, high: …}}, as the importer does"
        item.fail("scale has no numbers", why="its widths are not derived from the thresholds", fix=fix)
    ways = [each.value for each in Way if fused or each is not Way.FUSED]
    choice = item.choice("auto", *ways)
    return None if choice == "auto" else Way(choice)


def scaling(item: Item) -> Scaling:
    """The numbers of multiply-add-shift, as the importer writes them."""
    from constants.scaling import USUAL, Rounding, Scaling, ScalingError

    names = tuple(each.name for each in fields(Scaling))
    entries = item.mapping([name for name in names if name not in USUAL], [*USUAL])
    most = (1 << 31) - 1
    numbers = {name: entries[name].integer(-most, most) for name in names if name in entries and name != "rounding"}
    rounding = entries.get("rounding", lambda each: Rounding(each.choice(*(every.value for every in Rounding))), Rounding.HALF_UP)
    try:
        return Scaling(**numbers, rounding=rounding)
    except ScalingError as error:
        item.fail(error.what, why=error.why, fix=error.fix)


def left_open(entries: Mapping, *keys: str) -> tuple[str, ...]:
    """The keys left out, which the search chooses; pixels and taps only where pe and simd are left out too: else they are 1."""
    left_out = tuple(key for key in keys if key not in entries)
    return left_out if {"pe", "simd"} <= set(left_out) else tuple(key for key in left_out if key in ("pe", "simd"))


def slr(entries: Mapping) -> int | None:
    def index(item: Item) -> int | None:
        return item.integer(0, 3)

    return entries.get("slr", index, None)


def fifos(entries: Mapping) -> tuple[Fifo, ...]:
    """Depths by stream; the layout of the network checks that these streams exist."""
    if "fifos" not in entries:
        return ()
    given = entries["fifos"].mapping()
    return tuple(Fifo(name=name, depth=given[name].integer(2, MAX_DEPTH), at=given[name].at) for name in given)
