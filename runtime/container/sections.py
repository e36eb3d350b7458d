"""Reads the section "network" of an xclbin: JSON, the shapes, formats and names of the layers, version 2.

`runtime.container.first_form` reads files without a version. What layers were trained to is in other places, see `runtime.container.arrays`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.container.arrays import Arrays
from runtime.container.checks import Check
from runtime.container.first_form import upgraded
from runtime.container.program import (
    CODES,
    FORMATS,
    Activation,
    Block,
    Conv,
    Entry,
    Format,
    GlobalPool,
    Head,
    Join,
    Pair,
    Program,
    Reach,
    Shape,
    Window,
    key,
    reach,
)
from runtime.errors import XclbinError

LARGEST_TENSOR = 2**27  # codes of one frame that pass between two layers, so that emulation fits into a workstation's memory

_CHECK = Check(XclbinError, "build or copy the xclbin again")
_WINDOW_KEYS = ("kernel", "stride", "pad")
_CONV_KEYS = (*_WINDOW_KEYS, "pad_codes", "name", "in", "out", "weight", "input", "output")
_ENTRY_KEYS = ("both", "main", "bypass")
_JOIN_KEYS = ("activates", "zero_point", "output", "factors", "per_channel", "values")
_HEAD_KEYS = ("pool", "zero_point", "act", "inputs", "classes", "top", "weights", "weight", "factors", "scores", "output")
VERSION = 2  # of the network; what has none is of the first
MOST_SUM_BITS = 48  # of joins and of scores
_FACTORS = tuple(f"uint{bits}" for bits in range(1, 17))


def parse(network: bytes, arrays: Arrays) -> Program:
    """Read the section "network", with the arrays of its layers; XclbinError names the key of either that is wrong."""
    found = _CHECK.json("network", network)
    if type(found) is dict and "version" not in found:
        found = upgraded(found)
    record = _CHECK.record("network", found, ("version", "input", "stem", "blocks", "head"))
    _CHECK.integer("network: version", record["version"], VERSION, VERSION)
    program = _Parser(arrays).program(record)
    arrays.finish()
    return program


@dataclass(frozen=True, slots=True)
class _Parser:
    """Follows the codes through the layers, and so knows which shape and format each must take."""

    arrays: Arrays
    names: set[str] = field(default_factory=lambda: {"stem", "scores", "labels"})  # in use, in a trace

    def program(self, record: dict[str, Any]) -> Program:
        shape = Shape(*(_CHECK.integer("network: input", n, 1, 2**14) for n in _CHECK.items("network: input", record["input"], 3, 3)))
        where = "network: stem"
        stem_record = _CHECK.record(where, record["stem"], ("entry", "conv", "pool"))
        image, codes = shape, Format("uint8")
        entry = self.entry(f"{where}.entry", stem_record["entry"], "stem.entry", shape)
        codes = entry.codes if entry is not None else codes
        stem, shape = self.conv(f"{where}.conv", stem_record["conv"], "stem.conv", shape, codes)
        assert stem.activation is not None
        codes = stem.activation.codes
        pool = None
        if stem_record["pool"] is not None:
            pool = _window(f"{where}.pool", _CHECK.record(f"{where}.pool", stem_record["pool"], _WINDOW_KEYS))
            shape = _slide(f"{where}.pool", pool, shape, shape.channels)
        blocks: list[Block] = []
        for i, item in enumerate(_CHECK.items("network: blocks", record["blocks"], 0, len(self.arrays))):
            block, shape = self.block(f"network: blocks[{i}]", item, shape, codes)
            codes = block.join.codes
            blocks.append(block)
        head = self.head("network: head", record["head"], shape, codes)
        return Program(input=image, entry=entry, stem=stem, pool=pool, blocks=tuple(blocks), head=head)

    def conv(self, where: str, value: object, name: str, shape: Shape, codes: Format, *, may_sum: bool = False) -> tuple[Conv, Shape]:
        record = _CHECK.record(where, value, _CONV_KEYS)
        _CHECK.one_of(f"{where}.name", record["name"], (name,))
        _CHECK.integer(f"{where}.in", record["in"], shape.channels, shape.channels)
        _CHECK.one_of(f"{where}.input", record["input"], (codes.name,))
        out = _CHECK.integer(f"{where}.out", record["out"], 1, 2**16)
        window = _window(where, record)
        after = _slide(where, window, shape, out)
        weight = Format(_CHECK.one_of(f"{where}.weight", record["weight"], FORMATS))
        pads = _CHECK.items(f"{where}.pad_codes", record["pad_codes"], 1, shape.channels)
        _CHECK.true(len(pads) in (1, shape.channels), f"{where}.pad_codes", f"{len(pads)} codes", f"expected one, or {shape.channels}")
        sums = may_sum and record["output"] is None
        conv = Conv(
            name=name,
            window=window,
            weight=weight,
            input=codes,
            weights=self.arrays.weights(f"{key(name)}/weights", weight, (out, *window.kernel, shape.channels)),
            pad_codes=tuple(_CHECK.integer(f"{where}.pad_codes", code, codes.low, codes.high) for code in pads),
            activation=None if sums else self.activation(f"{where}.output", record["output"], name, out),
        )
        return conv, after

    def activation(self, where: str, value: object, name: str, channels: int, *, bits: int = 32) -> Activation:
        """The activation of values of so many bits; `value` is the format of its codes."""
        codes = Format(_CHECK.one_of(where, value, CODES))
        dtype = np.int32 if bits <= 32 else np.int64
        return Activation(name=name, codes=codes, thresholds=self.arrays.array(f"{key(name)}/thresholds", dtype, (channels, codes.levels)))

    def entry(self, where: str, value: object, name: str, shape: Shape) -> Activation | None:
        return None if value is None else self.activation(where, value, name, shape.channels)

    def block(self, where: str, value: object, shape: Shape, codes: Format) -> tuple[Block, Shape]:
        record = _CHECK.record(where, value, ("name", "entry", "convs", "bypass", "join"))
        name = _CHECK.identifier(f"{where}.name", record["name"])
        _CHECK.true(name not in self.names, f"{where}.name", repr(name), "this name is taken")
        self.names.add(name)
        described = _CHECK.record(f"{where}.entry", record["entry"], _ENTRY_KEYS)
        main_name = f"{name}.entry" if described["both"] is None else f"{name}.entry_main"
        entry = Entry(
            both=self.entry(f"{where}.entry.both", described["both"], f"{name}.entry", shape),
            main=self.entry(f"{where}.entry.main", described["main"], main_name, shape),
            bypass=self.entry(f"{where}.entry.bypass", described["bypass"], f"{name}.entry_bypass", shape),
        )
        forked = codes if entry.both is None else entry.both.codes
        join = _CHECK.record(f"{where}.join", record["join"], _JOIN_KEYS)
        activates = _CHECK.boolean(f"{where}.join.activates", join["activates"])
        convs = _CHECK.items(f"{where}.convs", record["convs"], 2, 3)
        path: list[Conv] = []
        after, taken = shape, forked if entry.main is None else entry.main.codes
        for i, item in enumerate(convs):
            is_last = i == len(convs) - 1
            conv, after = self.conv(f"{where}.convs[{i}]", item, f"{name}.conv{i + 1}", after, taken, may_sum=activates and is_last)
            taken = conv.activation.codes if conv.activation is not None else taken
            path.append(conv)
        bypass, other, bypass_codes = None, shape, forked if entry.bypass is None else entry.bypass.codes
        if record["bypass"] is not None:
            bypass, other = self.conv(f"{where}.bypass", record["bypass"], f"{name}.bypass", shape, bypass_codes, may_sum=activates)
            bypass_codes = bypass.activation.codes if bypass.activation is not None else bypass_codes
        _CHECK.true(after == other, where, f"{tuple(after)} meets {tuple(other)}", "both paths of a block end in one shape")
        ends = path[-1].reach if path[-1].activation is None else taken
        others = bypass.reach if bypass is not None and bypass.activation is None else bypass_codes
        block = Block(
            name=name, entry=entry, convs=tuple(path), bypass=bypass, join=self.join(where, join, name, after.channels, ends, others)
        )
        return block, after

    def join(self, where: str, record: dict[str, Any], name: str, channels: int, main: Format | Reach, bypass: Format | Reach) -> Join:
        """`main` and `bypass` are the formats of codes, or the reach of sums."""
        codes = Format(_CHECK.one_of(f"{where}.join.output", record["output"], CODES))
        per_channel = _CHECK.boolean(f"{where}.join.per_channel", record["per_channel"])
        if not record["activates"]:
            _CHECK.true(codes.unsigned, f"{where}.join.output", codes.name, "a join without thresholds clips to unsigned codes")
            ends = [end.name for end in (main, bypass) if isinstance(end, Format)]
            met = ends == [codes.name, codes.name]
            _CHECK.true(met, where, " meets ".join(ends), f"both paths of this block end in {codes.name}")
            _CHECK.true(record["factors"] is None, f"{where}.join.factors", "factors", "a join without thresholds has none")
            return Join(zero_point=_CHECK.integer(f"{where}.join.zero_point", record["zero_point"], 0, codes.high), codes=codes)
        zero_point = _CHECK.integer(f"{where}.join.zero_point", record["zero_point"], -(2**31), 2**31 - 1)
        bits = _CHECK.integer(f"{where}.join.values", record["values"], 1, MOST_SUM_BITS)
        factors = None
        if record["factors"] is not None:
            factors = self.factors(f"{where}.join.factors", record["factors"], f"{name}/join/factors", (channels if per_channel else 1, 2))
        a, b = (1, 1) if factors is None else factors.astype(np.int64).T
        # Factors have 16 bits and sums have 32, so that nothing wraps here.
        low, high = int(np.min(a * main.low + b * bypass.low)) - zero_point, int(np.max(a * main.high + b * bypass.high)) - zero_point
        fits = -(2 ** (bits - 1)) <= low and high < 2 ** (bits - 1)
        _CHECK.true(fits, f"{where}.join", f"sums from {low} to {high}", f"they have {bits} bits")
        activation = self.activation(f"{where}.join.output", record["output"], f"{name}.join", channels, bits=bits)
        return Join(zero_point=zero_point, codes=codes, factors=factors, activation=activation)

    def factors(self, where: str, value: object, key: str, shape: tuple[int, ...]) -> NDArray[np.int32]:
        most = 2 ** int(_CHECK.one_of(where, value, _FACTORS).removeprefix("uint")) - 1
        factors = self.arrays.array(key, np.int32, shape)
        low, high = int(factors.min()), int(factors.max())
        _CHECK.true(low >= 1 and high <= most, f"parameters: {key}", f"{low} to {high}", f"factors of format {value} are 1 to {most}")
        return factors

    def head(self, where: str, value: object, shape: Shape, codes: Format) -> Head:
        record = _CHECK.record(where, value, _HEAD_KEYS)
        pool = GlobalPool(_CHECK.one_of(f"{where}.pool", record["pool"], (pool.value for pool in GlobalPool)))
        zero_point = _CHECK.integer(f"{where}.zero_point", record["zero_point"], codes.low, codes.high)
        inputs = _CHECK.integer(f"{where}.inputs", record["inputs"], shape.channels, shape.channels)
        classes = _CHECK.integer(f"{where}.classes", record["classes"], 1, 2**20)
        top = _CHECK.integer(f"{where}.top", record["top"], 1, classes)
        low, high = 0, (codes.high - zero_point) * (shape.height * shape.width if pool is GlobalPool.SUM else 1)
        activation = None
        if record["act"] is not None:
            _CHECK.true(high < 2**31, f"{where}.pool", f"sums up to {high}", "what thresholds are compared with has 32 bits")
            activation = self.activation(f"{where}.act", record["act"], "head.pool", inputs)
            low, high = activation.codes.low, activation.codes.high
        weight = Format(_CHECK.one_of(f"{where}.weight", record["weight"], FORMATS))
        rom = _CHECK.one_of(f"{where}.weights", record["weights"], ("stream", "rom")) == "rom"
        weights = self.arrays.weights("head/fc/weights", weight, (classes, inputs), packed=False) if rom else None
        factors = None
        if record["factors"] is not None:
            factors = self.factors(f"{where}.factors", record["factors"], "head/fc/factors", (classes,))
        bits = _CHECK.integer(f"{where}.scores", record["scores"], 1, 32 if factors is None else MOST_SUM_BITS)
        bias = self.arrays.array("head/fc/bias", np.int32 if factors is None else np.int64, (classes,))
        # No score can wrap, whatever the sums, and whatever weights the host puts into memory where they come from there.
        if weights is None:
            sums = Reach(np.array([min(-128 * high, 127 * low, 0) * inputs]), np.array([max(127 * high, -128 * low, 0) * inputs]))
        else:
            sums = reach(weights, low, high)
        if factors is not None:
            # Before they are multiplied: sums of 32 bits by factors of 16, and a bias that stays far from the end of 64.
            least, greatest = int(sums.low.min()), int(sums.high.max())
            _CHECK.true(least >= -(2**31) and greatest < 2**31, where, f"sums from {least} to {greatest}", "sums have 32 bits")
            least, greatest = int(bias.min()), int(bias.max())
            fits = least >= -(2**MOST_SUM_BITS) and greatest < 2**MOST_SUM_BITS
            _CHECK.true(fits, "parameters: head/fc/bias", f"{least} to {greatest}", f"scores have {bits} bits")
            sums = Reach(sums.low * factors, sums.high * factors)
        least, greatest = int((sums.low + np.minimum(bias, 0)).min()), int((sums.high + np.maximum(bias, 0)).max())
        fits = least >= -(2 ** (bits - 1)) and greatest < 2 ** (bits - 1)
        _CHECK.true(fits, where, f"scores from {least} to {greatest}", f"scores have {bits} bits")
        output = None
        if record["output"] is not None:
            output = self.activation(f"{where}.output", record["output"], "head.fc", classes, bits=bits)
        return Head(
            pool=pool,
            zero_point=zero_point,
            activation=activation,
            inputs=inputs,
            classes=classes,
            top=top,
            weights=weights,
            factors=factors,
            bias=bias,
            score_bits=bits,
            output=output,
        )


def _slide(where: str, window: Window, shape: Shape, channels: int) -> Shape:
    """The shape after a window has slid over a tensor, checked against what fits into memory."""
    height, width = window.output(shape.height, shape.width)
    _CHECK.true(height > 0 and width > 0, where, f"kernel {tuple(window.kernel)}", f"it does not fit into {tuple(shape)} and its padding")
    _CHECK.integer(f"{where}: codes a frame", max(math.prod(shape), height * width * channels), 1, LARGEST_TENSOR)
    return Shape(height, width, channels)


def _window(where: str, record: dict[str, Any]) -> Window:
    rows, columns = (_pair(f"{where}.pad", axis) for axis in _CHECK.items(f"{where}.pad", record["pad"], 2, 2))
    try:
        return Window(
            kernel=_pair("kernel", record["kernel"]),
            stride=_pair("stride", record["stride"]),
            before=Pair(rows[0], columns[0]),
            after=Pair(rows[1], columns[1]),
        )
    except XclbinError as error:
        raise error.within(where) from None


def _pair(where: str, value: object) -> Pair:
    return Pair(*_CHECK.items(where, value, 2, 2))
