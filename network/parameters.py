"""The parameters of a network: one `.npz` of integer arrays, each checked against the description.

network/arrays.py has their keys, shapes and types. One may be other than told there: `stem/conv/thresholds` may descend in
every channel, as they do in the published parameters of ResNet-50. A code counts thresholds, so their order does not matter; `load`
reverses them and always returns ascending ones.
"""

from __future__ import annotations

import io
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from codegen.text.files import write_changed
from constants.scaling import Scaling
from network import thresholds
from network.arrays import Spec, key, specs
from network.errors import ParameterError
from network.formats import Format, Kind
from network.layers import MAX_SCORE_BITS, Conv, Way
from network.model import Network
from network.operations import Activation

Array = NDArray[np.signedinteger[Any]]
Parameters = Mapping[str, Array]

UNREADABLE = (
    ValueError,
    TypeError,
    KeyError,
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
"""What zipfile and numpy raise on damaged members; NotImplementedError is a RuntimeError."""


def load(network: Network, path: str | Path) -> dict[str, Array]:
    """The arrays of `path`; raises ParameterError naming the key, what was found and what was expected."""
    path = Path(path)
    wanted = specs(network)

    def fail(what: str, why: str, fix: str) -> NoReturn:
        raise ParameterError(str(path), what, why=why, fix=fix)

    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        fail(
            "there is no such file",
            f"the parameters of {network.name} are read from it",
            "train or import them, or name the file in the description: parameters: …",
        )
    except UNREADABLE as error:
        fail(f"not an .npz: {error}", "parameters are a zip of .npy arrays", "save them with numpy.savez")
    with archive:
        names = {name.removesuffix(".npy") for name in archive.namelist()}
        missing, extra = [name for name in wanted if name not in names], sorted(names - set(wanted))
        if missing == [key(network.head.fc.name, "weights")]:
            fail(
                f"{missing[0]} is missing",
                f"{network.name} needs {len(wanted)} arrays; the original ResNet-50 has this one in a CSV file, not in the headers",
                "add it to the file, or import again with --fc-weights fcweights.csv",
            )
        if missing:
            close = get_close_matches(missing[0], extra, n=1)
            fail(
                f"{missing[0]} is missing{_others(missing)}",
                f"{network.name} needs {len(wanted)} arrays",
                f"rename {close[0]}, if that is it" if close else "add it to the file",
            )
        if extra:
            fail(
                f"{extra[0]} is not expected{_others(extra)}",
                f"no layer of {network.name} has such an array",
                "delete it, or correct the description",
            )
        arrays = {}
        for name, spec in wanted.items():
            try:
                arrays[name] = _read(archive, f"{name}.npy", spec)
            except _Mismatch as mismatch:
                fail(f"{name}: {mismatch}", mismatch.why, mismatch.fix)
            except UNREADABLE as error:
                fail(f"{name} cannot be read: {error}", "the file is damaged", "save or copy it again")
    _check_head(network, arrays, fail)
    return arrays


class _Mismatch(Exception):
    """An array is not what its Spec says."""

    def __init__(self, what: str, why: str, fix: str) -> None:
        super().__init__(what)
        self.why, self.fix = why, fix


def _others(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""


def _read(archive: zipfile.ZipFile, member: str, spec: Spec) -> Array:
    """Read one array; its header is checked against the spec before any data is unpacked."""
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)  # type: ignore[no-untyped-call]
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"npy format {version}")
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read_header(file)  # type: ignore[no-untyped-call]
        actual, expected = f"{dtype.name} {shape}", f"{spec.dtype} {spec.shape}"
        if actual != expected:
            raise _Mismatch(
                f"{actual}, expected {expected}", "shapes and formats follow from the description", _how_to_convert(shape, spec)
            )
        size = dtype.itemsize * int(np.prod(spec.shape))
        data = file.read(size + 1)  # one byte more: zipfile checks the CRC at the end of the data only
    if len(data) != size:
        raise ValueError(f"{len(data):,} bytes of data instead of {size:,}")
    array: Array = np.frombuffer(data, dtype).reshape(spec.shape, order="F" if fortran else "C").astype(spec.dtype)
    if spec.reversible and (np.diff(array.astype(np.int64), axis=1) <= 0).all():
        array = np.ascontiguousarray(array[:, ::-1])
    _check_values(array, spec)
    return array


def _how_to_convert(shape: tuple[int, ...], spec: Spec) -> str:
    if shape == spec.shape:
        return f"save integers as numpy.{spec.dtype}, or change the format in the description"
    if len(shape) == 4 and tuple(shape[axis] for axis in (0, 2, 3, 1)) == spec.shape:
        return "move the input channels to the last axis: numpy.transpose(weights, (0, 2, 3, 1))"
    if len(shape) == len(spec.shape) and shape[::-1] == spec.shape:
        return "swap the axes: numpy.transpose(array)"
    return "save it in that shape, or correct the description"


def _check_values(array: Array, spec: Spec) -> None:
    if spec.format is not None:
        bad = (array != 1) & (array != -1) if spec.format.kind is Kind.BIPOLAR else (array < spec.format.low) | (array > spec.format.high)
        if bad.any():
            place = tuple(int(i) for i in np.argwhere(bad)[0])
            values = "-1 or 1" if spec.format.kind is Kind.BIPOLAR else f"{spec.format.low} to {spec.format.high}"
            wide_enough = _narrowest(array)
            raise _Mismatch(
                f"{array[place]} at {place}, expected {spec.format}",
                f"the description says weight: {spec.format}, whose values are {values}",
                f"quantize the weights to that, or write weight: {wide_enough} for the layer",
            )
    if spec.factor is not None and (bad := (array < 1) | (array > spec.factor.high)).any():
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        raise _Mismatch(
            f"{array[place]} at {place}, expected 1 to {spec.factor.high}",
            f"the description says factors: {spec.factor}, and they are positive",
            "negate the channel's weights instead, or make them 0"
            if array[place] < 1
            else f"divide all factors, or write factors: uint{int(array.max()).bit_length()} for the layer, at most uint16",
        )
    if spec.ascending and (fault := thresholds.not_ascending(array, negatable=spec.negatable)):
        raise _Mismatch(*fault)


def _narrowest(weights: Array) -> Format:
    """The narrowest format that holds these weights, unsigned if their type is."""
    low, high = int(weights.min()), int(weights.max())
    if weights.dtype.kind == "u":
        return Format(Kind.UINT, max(1, high.bit_length()))
    return Format(Kind.INT, max(2, 1 + max(high, -low - 1).bit_length()))


def _check_head(network: Network, arrays: Parameters, fail: Any) -> None:
    """Check that scores fit their accumulator with the actual bias, which is not in the description."""
    fc = network.head.fc
    bias = arrays[key(fc.name, "bias")]
    most = 1 if fc.factors is None else int(arrays[key(fc.name, "factors")].max())
    low, high = (most * each for each in fc.reach)
    low, high = low + min(int(bias.min()), 0), high + max(int(bias.max()), 0)
    if low < fc.scores.low or high > fc.scores.high:
        wider, widest = ("head.fc.acc", 32) if fc.factors is None else ("head.fc.scores", MAX_SCORE_BITS)
        fail(
            f"{key(fc.name, 'bias')}: scores could overflow {fc.scores}",
            f"their worst case with this bias is {low:,} to {high:,}",
            "scale the bias down"
            + (
                f", or widen {wider}" if fc.scores.bits < widest else f", or give head.fc narrower weights than {fc.weight} or fewer inputs"
            ),
        )


def save(path: str | Path, arrays: Parameters) -> None:
    """Write an `.npz` atomically; its bytes depend on the arrays alone."""
    write_changed(Path(path), pack(arrays))


def pack(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The bytes of an `.npz`, compressed, without dates."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.save(member, np.ascontiguousarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), member.getvalue(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def draw(network: Network, seed: int) -> dict[str, Array]:
    """Random parameters of the right shapes, for building and timing; thresholds are those of a random scale and bias of each channel."""
    rng = np.random.default_rng(seed)
    arrays: dict[str, Array] = {}
    convs = {key(conv.name, "thresholds"): conv for conv in network.convs}
    activations = {key(layer, "thresholds"): activation for layer, activation in network.activations.items()}
    ways = {key(layer, "thresholds"): way for layer, way in network.ways.items()}
    for name, spec in specs(network).items():
        if spec.format is not None:
            low, high = spec.format.low, spec.format.high
            values = rng.integers(low, high + 1, spec.shape)
            arrays[name] = (np.where(values > 0, 1, -1) if spec.format.kind is Kind.BIPOLAR else values).astype(spec.dtype)
        elif spec.factor is not None:
            arrays[name] = rng.integers(1, spec.factor.high + 1, spec.shape).astype(spec.dtype)
        elif not spec.ascending:
            arrays[name] = rng.integers(-1000, 1001, spec.shape).astype(spec.dtype)
        else:
            likely = _likely(activations[name], convs.get(name))
            drawn = drawn_thresholds(rng, activations[name], likely, ways.get(name))
            arrays[name] = np.minimum(drawn, np.iinfo(spec.dtype).max).astype(spec.dtype)
    return arrays


def _likely(activation: Activation, conv: Conv | None) -> tuple[float, float]:
    """Where most values are."""
    low, high = activation.reach
    if conv is not None:
        # A sum of n independent products spreads like sqrt(n); thresholds beyond it would never be crossed.
        centre = conv.product.fan_in * (conv.weight.low + conv.weight.high) * conv.input_format.high // 4
        width = max(2, int(conv.product.fan_in**0.5) * conv.weight.high * conv.input_format.high)
        return centre - width, centre + width
    if high - low > 1 << 9:  # sums, which are seldom far from the middle
        return (3 * low + high) / 4, (low + 3 * high) / 4
    return low, high


def drawn_thresholds(
    rng: np.random.Generator, activation: Activation, likely: tuple[float, float], way: Way | Scaling | None
) -> NDArray[np.int64]:
    """(channels, n) ascending thresholds, those of round(value / scale + bias): of each channel its own scale and bias, with which codes vary
    where values are `likely`. If a way to build the activation computes some thresholds only, they are such."""
    (channels, n), (low, high) = (activation.shape.channels, activation.codes.thresholds), likely
    centres = (low + high + 1) / 2 + (high - low) * rng.uniform(-0.15, 0.15, channels)
    if isinstance(way, Scaling):
        most, middle = (1 << way.multiplier) - 1, (way.low + way.high) // 2
        multipliers = rng.integers(most // 2 + 1, most, channels, endpoint=True)
        biases = ((middle - way.offset) // way.step << way.shift) - multipliers * np.floor(centres).astype(np.int64)
        room = 1 << way.bias - 1
        return way.thresholds(multipliers, np.clip(biases, -room, room - 1), activation.reach, activation.codes)
    scales = (high - low) / (n + 1) * rng.uniform(0.5, 1.2, channels) if way is not Way.CLIP else np.ones(channels)
    steps = np.arange(n) - (n - 1) // 2
    found = np.ceil(np.floor(centres)[:, None] + scales[:, None] * steps).astype(np.int64)
    within: NDArray[np.int64] = np.clip(found, activation.reach[0], activation.reach[1] + 1)
    return within
