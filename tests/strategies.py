"""Random networks, small enough to compute by brute force and wild enough to reach every process of the library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from network import Network, load

WEIGHTS = ["bipolar", "bipolar", "int2", "int3", "int4", "int8", "uint1", "uint2", "uint4", "uint8"]


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


@st.composite
def networks(draw: st.DrawFn, blocks: int = 3, wide: bool = False) -> dict[str, Any]:
    """A valid description, as the object its YAML would be; a wide one has beats and ROM words of more than 64 lanes."""
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


def written(description: dict[str, Any], folder: Path) -> Network:
    """The description by way of its file."""
    path = folder / "drawn.yaml"
    path.write_text(yaml.safe_dump(description, sort_keys=False))
    return load(path)
