"""Random networks, small enough to compute by brute force and wild enough to reach every process of the library."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import strategies as st

from constants.scaling import Scaling
from network import Network, load, parameters
from network.arrays import key
from network.formats import Format
from network.layers import MAX_BEAT_BITS, Way, divisors
from network.reference import Forward
from network.yaml import reader

WEIGHTS = ["bipolar", "bipolar", "int1", "int2", "int3", "int4", "int8", "uint1", "uint2", "uint4", "uint8"]


CODES = [*(f"uint{bits}" for bits in range(1, 5)), *(f"int{bits}" for bits in range(1, 5)), "uint6", "int6"]


def divisor(number: int) -> st.SearchStrategy[int]:
    return st.sampled_from([d for d in range(1, number + 1) if number % d == 0])


@st.composite
def window(draw: st.DrawFn, *, keeps_size: bool, strides: tuple[int, int] = (1, 1)) -> dict[str, Any]:
    """A window; with `keeps_size`, padding makes up for the kernel, on whichever side."""
    kernel = [draw(st.integers(1, 3)), draw(st.integers(1, 3))]
    pad = []
    for k in kernel:
        before = draw(st.integers(0, k - 1))
        pad.append([before, k - 1 - before if keeps_size else draw(st.integers(0, k - 1))])
    return {"kernel": kernel, "stride": list(strides), "pad": pad}


def codes_of(text: str) -> st.SearchStrategy[int]:
    """A code of a format."""
    form = Format.parse(text)
    return st.integers(form.low, form.high)


@st.composite
def networks(draw: st.DrawFn, blocks: int = 3, wide: bool = False, loaded: bool = False) -> dict[str, Any]:
    """A valid description, as the object its YAML would be; a wide one has beats and ROM words of more than 64 lanes.

    Half of them have formats of single layers, signed codes, pad codes, activations at every place, and joins and scores with factors.
    With `loaded`, half of them load constants: all, or those of some layers.
    """
    description = draw(of_common_formats(blocks, wide)) if draw(st.booleans()) else draw(of_own_formats(blocks, wide))
    description = draw(built_in_ways(description))
    return draw(with_loads(description)) if loaded and draw(st.booleans()) else description


@st.composite
def with_loads(draw: st.DrawFn, description: dict[str, Any]) -> dict[str, Any]:
    """The description with constants that are loaded: of the network but for some layers, or of a layer; weights in memories of any kind."""
    layers = [description["stem"]["conv"]]
    for block in description["blocks"].values():
        layers += [layer for name, layer in block.items() if name.startswith("conv") or (name == "bypass" and layer != "identity")]
    head = description["head"]
    if draw(st.booleans()):
        description["constants"] = "loaded"
        for layer in layers:
            if draw(st.integers(0, 3)) == 0:
                layer["constants"] = "rom"
        head["weights"] = head["weights"] if head["weights"] == "stream" else draw(st.sampled_from(["rom", "loaded"]))
    else:
        draw(st.sampled_from(layers))["constants"] = "loaded"
    for layer in layers:
        if layer.get("constants", description.get("constants")) == "loaded" and draw(st.booleans()):
            layer["memory"] = draw(st.sampled_from(["lut", "bram", "uram"]))
    return description


@st.composite
def built_in_ways(draw: st.DrawFn, description: dict[str, Any]) -> dict[str, Any]:
    """The description with ways to build for some of its convolutions and activations; others leave them to be chosen."""
    with TemporaryDirectory() as folder:
        network = written(description, Path(folder))
    described = {"stem.conv": description["stem"]["conv"]} | {
        f"{name}.{key}": layer for name, block in description["blocks"].items() for key, layer in block.items() if isinstance(layer, dict)
    }
    for conv in network.convs:
        layer = described[conv.name]
        most = MAX_BEAT_BITS // max(conv.simd * conv.input_format.bits, conv.simd * conv.weight.bits, conv.pe * conv.acc.bits)
        if draw(st.booleans()):
            layer["taps"] = draw(st.sampled_from([taps for taps in conv.window.taps_a_cycle if taps <= most]))
        if "pixels" not in layer and draw(st.booleans()):
            pixels = [each for each in divisors(conv.output.width) if each * layer.get("taps", 1) <= most]
            layer["pixels"] = draw(st.sampled_from(pixels))
        if conv.weight.bits > 1 and draw(st.booleans()):
            layer["multiply"] = draw(st.sampled_from(["auto", "lut", "dsp"]))
        if conv.activates and draw(st.booleans()):
            ways = ["fused", "compare", "search", "clip", *(["table"] if conv.reach[1] - conv.reach[0] < 128 else [])]
            sums = layer.get("pixels", 1) * conv.pe * conv.acc.bits  # the stream in front of a unit of its own
            every = st.one_of(st.sampled_from(ways), scalings(conv.reach, conv.output_format))
            layer["activation"] = draw(every if sums <= MAX_BEAT_BITS else st.just("fused"))
    places = [block["join"] for block in description["blocks"].values() if isinstance(block.get("join"), dict)]
    places += [each for each in (description["head"], description["head"]["fc"]) if "act" in each]
    for place in places:
        if draw(st.booleans()):
            place["activation"] = draw(st.sampled_from(["compare", "search", "clip"]))
    return description


@st.composite
def scalings(draw: st.DrawFn, reach: tuple[int, int], codes: Format) -> dict[str, Any]:
    """Multiply-add-shift with which values of that reach have about as many codes as there are: half of them with ties to even."""
    multiplier = draw(st.integers(1, 8))
    span = (reach[1] - reach[0] + 1) << multiplier
    shift = max(span.bit_length() - codes.bits - draw(st.integers(0, 2)), 0)
    step = draw(st.sampled_from([1, 1, 2]))
    bits = 3 + max(span, codes.thresholds << shift).bit_length()
    scaling = {"multiplier": multiplier, "bias": bits, "shift": shift, "low": codes.low, "high": codes.high}
    return {
        "scale": scaling
        | {"rounding": draw(st.sampled_from(["half_up", "half_even"])), "step": step, "offset": draw(st.integers(0, step - 1))}
    }


@st.composite
def of_common_formats(draw: st.DrawFn, blocks: int, wide: bool) -> dict[str, Any]:
    """A description whose formats are those of `formats`, and whose joins clip."""
    act = draw(st.integers(1, 4))
    residual = draw(st.integers(1, 5))
    from_stem = draw(st.booleans())  # residual codes, so that an identity block may come first
    some_channels = st.sampled_from([1, 8, 65, 96, 130]) if wide else st.integers(1, 12)
    channels = draw(some_channels)
    height, width = (draw(st.integers(2, 4 if wide else 8)) for _ in range(2))
    image_channels = draw(st.integers(1, 4))

    def folded(layer: dict[str, Any], into: int, out: int) -> dict[str, Any]:
        return layer | {"out": out, "pe": draw(divisor(out)), "simd": draw(divisor(into)), "weight": draw(st.sampled_from(WEIGHTS))}

    strides = draw(st.sampled_from([(1, 1), (1, 2)]))
    conv = folded(draw(window(keeps_size=True, strides=strides)), image_channels, channels)
    pixels = draw(divisor((width - 1) // strides[1] + 1))
    if pixels > 1:
        conv |= {"pixels": pixels, "pe": channels, "simd": image_channels}
    stem: dict[str, Any] = {"conv": conv}
    stem["output"] = "residual" if from_stem else "act"
    if draw(st.booleans()):
        stem["pool"] = draw(window(keeps_size=True, strides=draw(st.sampled_from([(1, 1), (2, 2), (1, 2)]))))
    described: dict[str, Any] = {}
    codes_are_residual = from_stem
    for i in range(blocks):
        convs = draw(st.integers(2, 3))
        identity = codes_are_residual and draw(st.booleans())
        out = channels if identity else draw(some_channels)
        where = 0 if identity else draw(st.integers(0, convs))  # the strided convolution, counted from 1
        strides = draw(st.sampled_from([(2, 2), (1, 2), (2, 1)])) if where else (1, 1)
        block: dict[str, Any] = {}
        into = channels
        for c in range(1, convs + 1):
            goes = out if c == convs else draw(some_channels)
            block[f"conv{c}"] = folded(draw(window(keeps_size=True, strides=strides if c == where else (1, 1))), into, goes)
            into = goes
        if not where and draw(st.booleans()):  # the first convolution grows the map by a row, the second takes it back
            first, second = block["conv1"], block["conv2"]
            if first["kernel"][0] > 1 and second["kernel"][0] > 1:
                first["pad"][0] = [first["kernel"][0] - 1, 1]
                second["pad"][0] = [0, second["kernel"][0] - 2]
        projection = draw(st.sampled_from([{"stride": list(strides)}, draw(window(keeps_size=True, strides=strides))]))
        block["bypass"] = "identity" if identity else folded(projection, channels, out)
        if act == residual and codes_are_residual and draw(st.booleans()):
            block["entry"] = True
        described[f"b{i}"] = block
        channels, codes_are_residual = out, True
    classes = draw(st.integers(1, 9))
    streams = draw(st.booleans())
    fc = {"out": classes, "pe": 1 if streams else draw(divisor(classes)), "simd": draw(divisor(channels).filter(lambda simd: simd <= 64))}
    fc["weight"] = "int8" if streams else draw(st.sampled_from(WEIGHTS))
    return {
        "network": "drawn",
        "platform": "u250",
        "clock_mhz": 250,
        "input": {"shape": [height, width, image_channels]},
        "formats": {"act": f"uint{act}", "residual": f"uint{residual}", "zero_point": draw(st.integers(0, 2**residual - 1))},
        "stem": stem,
        "blocks": described,
        "head": {"fc": fc, "weights": "stream" if streams else "rom", "top": draw(st.integers(1, classes))},
    }


@st.composite
def of_own_formats(draw: st.DrawFn, blocks: int, wide: bool) -> dict[str, Any]:
    """One in which whatever may have a format of its own has one, as often as not."""
    description = draw(of_common_formats(blocks, wide))

    def often() -> bool:
        return draw(st.booleans())

    def own_format(layer: dict[str, Any], key: str = "act") -> str | None:
        """Write a format; one of 8 bits now and then, which has many thresholds."""
        if not often():
            return None
        layer[key] = draw(st.sampled_from(CODES if wide or draw(st.integers(0, 9)) else ["uint8", "int8"]))
        return str(layer[key])

    formats, stem, head = description["formats"], description["stem"], description["head"]
    if often():
        formats["residual"] = draw(st.sampled_from(CODES))
        formats.pop("zero_point")
    entry = own_format(stem, "entry") or "uint8"
    channels = description["input"]["shape"][2]
    if often():
        stem["conv"]["pad_code"] = draw(
            codes_of(entry) if channels == 1 else st.lists(codes_of(entry), min_size=channels, max_size=channels)
        )
    codes = own_format(stem["conv"]) or formats[stem["output"]]
    for block in description["blocks"].values():
        names = [name for name in ("conv1", "conv2", "conv3") if name in block]
        projects = block["bypass"] != "identity"
        places: dict[str, Any] = {}
        for place in ("both", "main", "bypass"):
            own_format(places, place)
        block["entry"] = places
        forked = places.get("both", codes)
        into = places.get("main", forked)
        for name in names[:-1]:
            if often():
                block[name]["pad_code"] = draw(codes_of(into))
            into = own_format(block[name]) or formats["act"]
        if often():
            block[names[-1]]["pad_code"] = draw(codes_of(into))
        residual = formats["residual"]
        brought = residual if projects else places.get("bypass", forked)
        if often() or not residual.startswith("uint") or brought != residual:
            join: dict[str, Any] = {}
            if often():
                join["factors"] = draw(st.sampled_from(["uint1", "uint5", "uint10", "uint16"]))
                join["per_channel"] = often()
            if often():
                join["zero_point"] = draw(st.integers(-9, 9))
            for branch in [block[names[-1]], *([block["bypass"]] if projects else [])]:
                if often():
                    branch["act"] = draw(st.one_of(st.just("sums"), st.sampled_from(CODES)))
            codes = own_format(join) or residual
            block["join"] = join
        else:
            codes = residual
    if often():
        head["pool"] = "max"
    head["zero_point"] = draw(codes_of(codes))
    own_format(head)
    if often():
        head["fc"]["factors"] = draw(st.sampled_from(["uint1", "uint7", "uint12"]))
        if often():
            head["fc"]["scores"] = "int48"
    own_format(head["fc"])
    if often():
        head["output"] = "scores"
    return description


class _Settling(Forward):
    """A forward pass that draws the thresholds of every layer from the values that reach it: so codes vary, and values meet thresholds."""

    def __init__(self, network: Network, arrays: dict[str, Any], seed: int) -> None:
        super().__init__(network, arrays, keeps_all=True)
        self.arrays, self.ways, self.rng = arrays, network.ways, np.random.default_rng(seed)

    def activate(self, layer: str, values: np.ndarray) -> np.ndarray:
        if layer in self.activations:
            name, columns = key(layer, "thresholds"), values.reshape(-1, values.shape[-1]).T.astype(np.int64)
            activation, way, kind = self.activations[layer], self.ways.get(layer), self.rng.choice(KINDS)
            if way is Way.CLIP or isinstance(way, Scaling):
                found = parameters.drawn_thresholds(self.rng, activation, (int(values.min()), int(values.max())), way)
            elif kind == "any":
                drawn = np.stack([self.rng.choice(column, activation.codes.thresholds) for column in columns])
                found = np.sort(drawn + self.rng.integers(0, 2, drawn.shape), axis=1)
            else:
                found = _quantized(columns, activation.codes.thresholds, kind)
            self.arrays[name] = found.astype(self.arrays[name].dtype)
        return super().activate(layer, values)


KINDS = ("any", "any", "even", "step", "twice")
"""Thresholds that are values of the channel; or those of a power of two with ties that go to the even code: with codes that jump by two, or
rounded twice."""


def _quantized(columns: np.ndarray, count: int, kind: str) -> np.ndarray:
    codes, middles = np.arange(count) - count // 2, columns.mean(axis=1).round().astype(np.int64)[:, None]
    spread = (np.ptp(columns, axis=1)[:, None] + 1) / (count + 1)
    shifts = np.maximum(1, np.log2(spread).astype(np.int64))
    if kind == "twice":
        return middles + _ties_to_even(_ties_to_even(codes, np.ones_like(shifts)), np.maximum(1, shifts - 1))
    return middles + _ties_to_even(codes if kind == "even" else -(-codes // 2), shifts)


def _ties_to_even(codes: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """The least values that, divided by 2**shift and rounded, are `codes`."""
    return (codes << shifts) - (1 << shifts - 1) + (codes & 1)


def settled(network: Network, seed: int, images: np.ndarray) -> dict[str, Any]:
    """Random parameters with which codes, scores and labels of these images vary, as far as formats let them: `parameters.draw` knows no
    images, and behind a few of its layers every image gives the same."""
    arrays = parameters.draw(network, seed)
    bias = key(network.head.fc.name, "bias")
    arrays[bias] = np.zeros_like(arrays[bias])
    first = _Settling(network, arrays, seed)
    first.run(images)
    reach = 1 + int(first.results["head.fc.sums"].std())
    arrays[bias] = np.random.default_rng(seed).integers(-reach, reach + 1, arrays[bias].shape).astype(arrays[bias].dtype)
    _Settling(network, arrays, seed).run(images)
    return arrays


class _QuickLoader(yaml.CSafeLoader):
    """Composes the same nodes of what is plain data; the loader in Python takes longer for them than all that is computed from them."""

    def __init__(self, text: str, _: str) -> None:
        super().__init__(text)


def written(description: dict[str, Any], folder: Path) -> Network:
    """The description by way of its file."""
    path = folder / "drawn.yaml"
    path.write_text(yaml.dump(description, Dumper=yaml.CSafeDumper, sort_keys=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "_PlainLoader", _QuickLoader)
        return load(path)
