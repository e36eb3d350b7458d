"""The arrays a network's parameters are: their keys, shapes and types, known from the description alone.

Keys are the dotted layer names with `/`: `stem/conv/weights`, `res2a/conv1/thresholds`, `head/fc/bias`. Weights are int8
(out, kernel_h, kernel_w, in), those of the fully connected layer (classes, in); thresholds int32 (out, n), ascending.
"""

from __future__ import annotations

from dataclasses import dataclass

from network.formats import Format, Kind
from network.model import Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What one array must be."""

    shape: tuple[int, ...]
    dtype: str
    format: Format | None = None  # weights: the range of the values
    ascending: bool = False  # thresholds
    negatable: bool = False  # thresholds of a layer with signed weights
    reversible: bool = False  # thresholds that may descend in all channels instead


def key(layer: str, what: str) -> str:
    """`key("res2a.conv1", "weights")` is `res2a/conv1/weights`."""
    return f"{layer.replace('.', '/')}/{what}"


def specs(network: Network) -> dict[str, Spec]:
    """All arrays of a network, in stream order."""
    arrays: dict[str, Spec] = {}
    entries = {block.convs[0].name: block for block in network.blocks if block.entry}
    for conv in network.convs:
        if conv.name in entries:
            block = entries[conv.name]
            shape = (block.input.channels, block.act.thresholds)
            arrays[key(block.name, "entry/thresholds")] = Spec(shape=shape, dtype="int32", ascending=True)
        arrays[key(conv.name, "weights")] = Spec(shape=conv.weights_shape, dtype=_weight_dtype(conv.weight), format=conv.weight)
        shape = (conv.out, conv.output_format.thresholds)
        is_signed = conv.weight.kind is not Kind.UINT
        arrays[key(conv.name, "thresholds")] = Spec(
            shape=shape, dtype="int32", ascending=True, negatable=is_signed, reversible=conv is network.stem.conv
        )
    fc = network.head.fc
    arrays[key(fc.name, "weights")] = Spec(shape=(fc.out, fc.inputs), dtype=_weight_dtype(fc.weight), format=fc.weight)
    arrays[key(fc.name, "bias")] = Spec(shape=(fc.out,), dtype="int32")
    return arrays


def _weight_dtype(weight: Format) -> str:
    return "uint8" if weight.kind is Kind.UINT else "int8"
