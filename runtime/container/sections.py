"""Reads the sections "network" and "parameters" of an xclbin.

"network" is JSON: the shapes, formats and names of the layers. "parameters" is an npz of what they were trained to, under the
layers' dotted names with `/` for the dot: `<layer>/weights` int8 (uint8 in formats uintN), (out, kernel_h, kernel_w, in), but
bipolar weights as the bytes of `numpy.packbits`, 1 for +1; `<layer>/thresholds` int32 (channels, 2^bits - 1), ascending;
`head/fc/bias` int32; `head/fc/weights` int8, or uint8 as above, (classes, in) unless the host puts them into memory. Its members are stored, not
deflated, so they are no larger than the file.
"""

from __future__ import annotations

import io
import math
import struct
import tokenize
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.container.checks import Check
from runtime.container.program import FORMATS, Block, Conv, Format, Head, Pair, Program, Shape, Window, check_ascending, key, reach
from runtime.errors import XclbinError

LARGEST_TENSOR = 2**27  # codes of one frame that pass between two layers, so that emulation fits into a workstation's memory

# What zipfile and numpy raise at damaged archives, members and headers; NotImplementedError is a RuntimeError.
DAMAGE = (
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    OSError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)

_CHECK = Check(XclbinError, "build or copy the xclbin again")
_WINDOW_KEYS = ("kernel", "stride", "pad")
_CONV_KEYS = (*_WINDOW_KEYS, "name", "in", "out", "weight", "input", "output")


def parse(network: bytes, parameters: bytes) -> Program:
    """Read the two sections; XclbinError names the key of either that is wrong."""
    record = _CHECK.record("network", _CHECK.json("network", network), ("input", "stem", "blocks", "head"))
    arrays = Parameters(parameters)
    program = _Parser(arrays).program(record)
    arrays.finish()
    return program


class Parameters:
    """The arrays of an npz, each read when its dtype and shape are known, and against them."""

    def __init__(self, data: bytes) -> None:
        try:
            # Not closed: it is a view of bytes in memory.
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except DAMAGE as error:
            _CHECK.fail("parameters", "not a zip archive", f"{type(error).__name__}: {error}")
        members = self._zip.infolist()
        names = [member.filename for member in members]
        _CHECK.true(len(set(names)) == len(names), "parameters", "a member twice", "every array has one name")
        self._members = {member.filename: member for member in members}

    def array(self, key: str, dtype: type[np.generic], shape: tuple[int, ...]) -> NDArray[Any]:
        """Take one array out; its header must say exactly this dtype and shape, in C order."""
        member = self._members.pop(f"{key}.npy", None)
        where, expected = f"parameters: {key}", f"{np.dtype(dtype)} {shape}"
        if member is None:
            _CHECK.fail(where, "missing", f"expected {expected}")
        why = "members are stored, so that none grows when it is read"
        _CHECK.true(member.compress_type == zipfile.ZIP_STORED, where, "compressed", why)
        size = math.prod(shape) * np.dtype(dtype).itemsize
        try:
            with self._zip.open(member) as file:
                version = np.lib.format.read_magic(file)  # type: ignore[no-untyped-call]
                if version != (1, 0):
                    raise ValueError(f"npy format {version}, not (1, 0)")
                found_shape, fortran, found_dtype = np.lib.format.read_array_header_1_0(file)  # type: ignore[no-untyped-call]
                content = file.read(size)
        except DAMAGE as error:
            _CHECK.fail(where, "damaged", f"{type(error).__name__}: {error}")
        matches = (found_dtype, found_shape, fortran, len(content)) == (np.dtype(dtype), shape, False, size)
        _CHECK.true(matches, where, f"{found_dtype} {found_shape!r:.60}", f"expected {expected} in C order")
        return np.frombuffer(content, dtype).reshape(shape)

    def __len__(self) -> int:
        """Arrays not yet taken out."""
        return len(self._members)

    def finish(self) -> None:
        """XclbinError if there are arrays that no layer has."""
        for name in self._members:
            _CHECK.fail("parameters", f"{name!r:.60}", "no layer has such an array")


@dataclass(frozen=True, slots=True)
class _Parser:
    """Follows the codes through the layers, and so knows which shape and format each must take."""

    arrays: Parameters
    names: set[str] = field(default_factory=lambda: {"stem", "scores", "labels"})  # in use, in a trace

    def program(self, record: dict[str, Any]) -> Program:
        shape = Shape(*(_CHECK.integer("network: input", n, 1, 2**14) for n in _CHECK.items("network: input", record["input"], 3, 3)))
        where = "network: stem"
        stem_record = _CHECK.record(where, record["stem"], ("conv", "pool"))
        image, codes = shape, Format("uint8")
        stem, shape = self.conv(f"{where}.conv", stem_record["conv"], "stem.conv", shape, codes)
        codes = stem.output
        pool = None
        if stem_record["pool"] is not None:
            pool = _window(f"{where}.pool", _CHECK.record(f"{where}.pool", stem_record["pool"], _WINDOW_KEYS))
            shape = _slide(f"{where}.pool", pool, shape, shape.channels)
        blocks: list[Block] = []
        for i, item in enumerate(_CHECK.items("network: blocks", record["blocks"], 0, len(self.arrays))):
            block, shape, codes = self.block(f"network: blocks[{i}]", item, shape, codes)
            blocks.append(block)
        head = self.head("network: head", record["head"], shape, codes)
        return Program(input=image, stem=stem, pool=pool, blocks=tuple(blocks), head=head)

    def conv(self, where: str, value: object, name: str, shape: Shape, codes: Format) -> tuple[Conv, Shape]:
        record = _CHECK.record(where, value, _CONV_KEYS)
        _CHECK.one_of(f"{where}.name", record["name"], (name,))
        _CHECK.integer(f"{where}.in", record["in"], shape.channels, shape.channels)
        _CHECK.one_of(f"{where}.input", record["input"], (codes.name,))
        out = _CHECK.integer(f"{where}.out", record["out"], 1, 2**16)
        window = _window(where, record)
        after = _slide(where, window, shape, out)
        weight = Format(_CHECK.one_of(f"{where}.weight", record["weight"], FORMATS))
        output = Format(_CHECK.one_of(f"{where}.output", record["output"], FORMATS))
        conv = Conv(
            name=name,
            window=window,
            weight=weight,
            input=codes,
            output=output,
            weights=self.weights(f"{key(name)}/weights", weight, (out, *window.kernel, shape.channels)),
            thresholds=self.thresholds(key(name), out, output),
        )
        return conv, after

    def weights(self, key: str, weight: Format, shape: tuple[int, ...]) -> NDArray[Any]:
        if not weight.bipolar:
            return self.arrays.array(key, np.uint8 if weight.unsigned else np.int8, shape)
        count = math.prod(shape)
        bits = np.unpackbits(self.arrays.array(key, np.uint8, (-(-count // 8),)))
        _CHECK.true(not bits[count:].any(), f"parameters: {key}", "ones after the last weight", "the last byte is filled up with zeros")
        return (2 * bits[:count].astype(np.int8) - 1).reshape(shape)

    def thresholds(self, key: str, channels: int, codes: Format) -> NDArray[np.int32]:
        return self.arrays.array(f"{key}/thresholds", np.int32, (channels, codes.levels))

    def block(self, where: str, value: object, shape: Shape, codes: Format) -> tuple[Block, Shape, Format]:
        record = _CHECK.record(where, value, ("name", "entry", "convs", "bypass", "zero_point", "bits"))
        name = _CHECK.identifier(f"{where}.name", record["name"])
        _CHECK.true(name not in self.names, f"{where}.name", repr(name), "this name is taken")
        self.names.add(name)
        convs = _CHECK.items(f"{where}.convs", record["convs"], 2, 3)
        residual = Format(f"uint{_CHECK.integer(f'{where}.bits', record['bits'], 1, 8)}")
        entry, inner = None, codes
        if _CHECK.boolean(f"{where}.entry", record["entry"]):
            first = _CHECK.record(f"{where}.convs[0]", convs[0], _CONV_KEYS)
            inner = Format(_CHECK.one_of(f"{where}.convs[0].input", first["input"], (f"uint{bits}" for bits in range(1, 9))))
            entry = self.thresholds(f"{name}/entry", shape.channels, inner)
            check_ascending(f"parameters: {name}/entry/thresholds", entry)
        path: list[Conv] = []
        after, output = shape, inner
        for i, item in enumerate(convs):
            conv, after = self.conv(f"{where}.convs[{i}]", item, f"{name}.conv{i + 1}", after, output)
            output = conv.output
            path.append(conv)
        bypass, other, bypass_output = None, shape, codes
        if record["bypass"] is not None:
            bypass, other = self.conv(f"{where}.bypass", record["bypass"], f"{name}.bypass", shape, inner)
            bypass_output = bypass.output
        _CHECK.true(after == other, where, f"{tuple(after)} meets {tuple(other)}", "both paths of a block end in one shape")
        met = (output, bypass_output) == (residual, residual)
        _CHECK.true(met, where, f"{output.name} meets {bypass_output.name}", f"both paths of this block end in {residual.name}")
        zero_point = _CHECK.integer(f"{where}.zero_point", record["zero_point"], 0, residual.high)
        block = Block(name=name, entry=entry, convs=tuple(path), bypass=bypass, zero_point=zero_point, bits=residual.bits)
        return block, after, residual

    def head(self, where: str, value: object, shape: Shape, codes: Format) -> Head:
        if type(value) is dict:
            value.setdefault("weight", "int8")  # files older than this key
        record = _CHECK.record(where, value, ("zero_point", "inputs", "classes", "top", "weights", "weight"))
        zero_point = _CHECK.integer(f"{where}.zero_point", record["zero_point"], 0, codes.high)
        inputs = _CHECK.integer(f"{where}.inputs", record["inputs"], shape.channels, shape.channels)
        classes = _CHECK.integer(f"{where}.classes", record["classes"], 1, 2**20)
        top = _CHECK.integer(f"{where}.top", record["top"], 1, classes)
        weight = Format(_CHECK.one_of(f"{where}.weight", record["weight"], FORMATS))
        rom = _CHECK.one_of(f"{where}.weights", record["weights"], ("stream", "rom")) == "rom"
        weights = self.arrays.array("head/fc/weights", np.uint8 if weight.unsigned else np.int8, (classes, inputs)) if rom else None
        bias = self.arrays.array("head/fc/bias", np.int32, (classes,))
        # No score can wrap, whatever the sums, and whatever weights the host puts into memory where they come from there.
        most = shape.height * shape.width * (codes.high - zero_point)
        low, high = (np.array([-128, 127]) * inputs * most)[:, np.newaxis] if weights is None else reach(most, weights)
        least, greatest = (low + np.minimum(bias, 0)).min(), (high + np.maximum(bias, 0)).max()
        _CHECK.true(least >= -(2**31) and greatest < 2**31, where, f"scores from {least} to {greatest}", "scores have 32 bits")
        return Head(zero_point=zero_point, inputs=inputs, classes=classes, top=top, weights=weights, bias=bias)


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
