"""The arrays that layers were trained to, wherever they are: in an xclbin's sections "parameters" and "constants", or in a file of the user's.

All are known by the layers' dotted names with `/` for the dot: `<layer>/weights` int8 (uint8 in formats uintN), (out, kernel_h, kernel_w,
in); `<layer>/thresholds` (channels, 2^bits - 1), ascending, int32, or int64 where they are compared with more than 32 bits;
`<block>/join/factors` int32 (channels, 2), or (1, 2) for all; `head/fc/factors` int32 and `head/fc/bias`, int64 beside factors, else int32;
`head/fc/weights` int8, or uint8 as above, (classes, in).
"""

from __future__ import annotations

import io
import math
import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from constants import image
from constants.decode import DecodeError, decode
from constants.layout import Layout
from constants.rows import Rows
from runtime.container.checks import Check
from runtime.container.constants import Constants
from runtime.container.program import Format
from runtime.errors import ParametersError, XclbinError

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


class Arrays(Protocol):
    """Each is taken out when its type and shape are known, and against them: XclbinError or ParametersError if it is another."""

    def array(self, key: str, dtype: type[np.generic], shape: tuple[int, ...]) -> NDArray[Any]: ...

    def weights(self, key: str, weight: Format, shape: tuple[int, ...], *, packed: bool = True) -> NDArray[Any]:
        """`packed`: bipolar ones are bits where arrays are stored."""

    def __len__(self) -> int:
        """Arrays not yet taken out."""

    def finish(self) -> None:
        """An error if there are arrays that no layer has."""


class Stored:
    """Those in the section "parameters", an npz. Its members are stored, not deflated, so they are no larger than the file; bipolar weights
    are the bytes of `numpy.packbits`, 1 for +1."""

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
        """Its header must say exactly this dtype and shape, in C order."""
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

    def weights(self, key: str, weight: Format, shape: tuple[int, ...], *, packed: bool = True) -> NDArray[Any]:
        if not (weight.bipolar and packed):
            return self.array(key, weight.dtype, shape)
        count = math.prod(shape)
        bits = np.unpackbits(self.array(key, np.uint8, (-(-count // 8),)))
        _CHECK.true(not bits[count:].any(), f"parameters: {key}", "ones after the last weight", "the last byte is filled up with zeros")
        return (2 * bits[:count].astype(np.int8) - 1).reshape(shape)

    def __len__(self) -> int:
        return len(self._members)

    def finish(self) -> None:
        for name in self._members:
            _CHECK.fail("parameters", f"{name!r:.60}", "no layer has such an array")


class Loaded:
    """Those in an image that was checked, and in "parameters" what is part of the hardware."""

    def __init__(self, constants: Constants, words: image.Words, rest: Arrays | None) -> None:
        self._held: dict[str, list[tuple[Layout, Rows]]] = {}
        for layout, held in zip(constants.layouts, image.split(constants.layouts, words), strict=True):
            self._held.setdefault(layout.key, []).append((layout, held))
        self._rest = rest

    def array(self, key: str, dtype: type[np.generic], shape: tuple[int, ...]) -> NDArray[Any]:
        found = self._decoded(key, shape)
        if found is None:
            return self._others(key).array(key, dtype, shape)
        return found.astype(dtype, copy=False)

    def weights(self, key: str, weight: Format, shape: tuple[int, ...], *, packed: bool = True) -> NDArray[Any]:
        found = self._decoded(key, shape)
        return self._others(key).weights(key, weight, shape, packed=packed) if found is None else found

    def _decoded(self, key: str, shape: tuple[int, ...]) -> NDArray[Any] | None:
        held = self._held.pop(key, None)
        if held is None:
            return None
        layouts, rows = zip(*held, strict=True)
        try:
            return decode(layouts, rows, shape)
        except DecodeError as error:
            raise XclbinError(f"constants: {key}", error.what, error.why, "load constants that resflow made for this network") from None

    def _others(self, key: str) -> Arrays:
        if self._rest is None:
            _CHECK.fail(f"parameters: {key}", "missing", "it is not among what is loaded, and there is nothing else")
        return self._rest

    def __len__(self) -> int:
        return len(self._held) + (0 if self._rest is None else len(self._rest))

    def finish(self) -> None:
        for key in self._held:
            _CHECK.fail("constants", key, "no layer has such an array")
        if self._rest is not None:
            self._rest.finish()


class Given:
    """Those of a file of the user's: an npz as `numpy.savez` or `numpy.savez_compressed` writes it. `hardware` are those that cannot be
    loaded, which have to be the same."""

    def __init__(self, path: str, *, loaded: Iterable[str], hardware: Arrays | None) -> None:
        self.path = path
        self.taken: dict[str, NDArray[Any]] = {}
        self._loaded, self._hardware = frozenset(loaded), hardware
        try:
            self._zip = zipfile.ZipFile(path)
            names = self._zip.namelist()
        except DAMAGE as error:
            raise ParametersError(path, "not an npz", f"{type(error).__name__}: {error}", "save the arrays with numpy.savez") from None
        self._names = dict.fromkeys(name.removesuffix(".npy") for name in names)

    def array(self, key: str, dtype: type[np.generic], shape: tuple[int, ...]) -> NDArray[Any]:
        found = self.host(key, dtype, shape)
        if key == "stem/conv/thresholds" and (np.diff(found.astype(np.int64), axis=1) <= 0).all():
            # As in the published parameters of ResNet-50: a code counts thresholds, so their order does not matter.
            found = np.ascontiguousarray(found[:, ::-1])
        return self._agreed(key, found, lambda hardware: hardware.array(key, dtype, shape))

    def weights(self, key: str, weight: Format, shape: tuple[int, ...], *, packed: bool = True) -> NDArray[Any]:
        found = self.host(key, weight.dtype, shape)
        wrong = (found < weight.low) | (found > weight.high) | (weight.bipolar & (found == 0))
        if wrong.any():
            values = "-1 and 1" if weight.bipolar else f"{weight.low} to {weight.high}"
            why = f"weights of format {weight.name} are {values}"
            raise ParametersError(f"{self.path}: {key}", f"a weight of {found[wrong][0]}", why, "quantize them to that")
        return self._agreed(key, found, lambda hardware: hardware.weights(key, weight, shape, packed=packed))

    def host(self, key: str, dtype: type[np.generic], shape: tuple[int, ...]) -> NDArray[Any]:
        """An array that the hardware does not hold at all."""
        where, expected = f"{self.path}: {key}", f"{np.dtype(dtype)} {shape}"
        if key not in self._names:
            raise ParametersError(where, "missing", f"expected {expected}", "save all arrays of the network's parameters in one file")
        del self._names[key]
        size = math.prod(shape) * np.dtype(dtype).itemsize
        try:
            with self._zip.open(f"{key}.npy") as file:
                version = np.lib.format.read_magic(file)  # type: ignore[no-untyped-call]
                read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
                if read is None:
                    raise ValueError(f"npy format {version}")
                found_shape, fortran, found_dtype = read(file)  # type: ignore[no-untyped-call]
                matches = (found_dtype, found_shape) == (np.dtype(dtype), shape)
                content = file.read(size + 1) if matches else b""  # one byte more: only at the end is the checksum compared
        except DAMAGE as error:
            raise ParametersError(where, "damaged", f"{type(error).__name__}: {error}", "save or copy the file again") from None
        if not matches:
            why = f"expected {expected}: shapes and types follow from the network"
            raise ParametersError(
                where, f"{found_dtype} {found_shape!r:.60}", why, "save the parameters of the network this was built from"
            )
        if len(content) != size:
            raise ParametersError(where, "damaged", f"{len(content):,} bytes of data instead of {size:,}", "save or copy the file again")
        return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")

    def _agreed(self, key: str, found: NDArray[Any], take: Callable[[Arrays], NDArray[Any]]) -> NDArray[Any]:
        if key not in self._loaded and self._hardware is not None and not np.array_equal(take(self._hardware), found):
            why = "this layer is built with constants: rom, and its constants are part of the bitstream"
            raise ParametersError(
                f"{self.path}: {key}", "not what the hardware has", why, "build it again, with constants: loaded for this layer"
            )
        self.taken[key] = found
        return found

    def __len__(self) -> int:
        return len(self._names)

    def finish(self) -> None:
        for name in self._names:
            why, fix = "no layer of the network has such an array", "remove it, or load the parameters of this network"
            raise ParametersError(self.path, f"{name!r:.60} is not expected", why, fix)

    def close(self) -> None:
        self._zip.close()


def read_file(path: str | os.PathLike[str], most: int) -> bytes:
    """A file that is at most so long, or one byte more of it; ParametersError if it cannot be read."""
    path = os.fspath(path)
    try:
        with open(path, "rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise ParametersError(path, "cannot be read", error.strerror or str(error), "check the path") from error
