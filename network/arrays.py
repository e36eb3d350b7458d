"""The arrays a network's parameters are: their keys, shapes and types, known from the description alone.

Keys are the dotted layer names with `/`: `stem/conv/weights`, `res2a/conv1/thresholds`, `head/fc/bias`. Weights are int8
(out, kernel_h, kernel_w, in), those of the fully connected layer (classes, in); thresholds int32 (out, n), ascending, int64 where the
values they are compared with are wider. The factors of a join are (channels, 2) or (1, 2): those of the main branch, those of the bypass.
"""

from __future__ import annotations

from dataclasses import dataclass

from network.formats import Format, Kind
from network.layers import Conv
from network.model import Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What one array must be."""

    shape: tuple[int, ...]
    dtype: str
    format: Format | None = None  # weights: the range of the values
    factor: Format | None = None  # factors, which are at least 1: their format
    ascending: bool = False  # thresholds
    negatable: bool = False  # thresholds of a layer with signed weights
    reversible: bool = False  # thresholds that may descend in all channels instead


def key(layer: str, what: str) -> str:
    """`key("res2a.conv1", "weights")` is `res2a/conv1/weights`."""
    return f"{layer.replace('.', '/')}/{what}"


def specs(network: Network) -> dict[str, Spec]:
    """All arrays of a network, in stream order."""
    arrays: dict[str, Spec] = {}
    activations = network.activations

    def add_thresholds(layer: str, *, negatable: bool = False, reversible: bool = False) -> None:
        if (activation := activations.get(layer)) is not None:
            dtype = "int32" if activation.values.bits <= 32 else "int64"
            shape = (activation.shape.channels, activation.codes.thresholds)
            arrays[key(layer, "thresholds")] = Spec(shape=shape, dtype=dtype, ascending=True, negatable=negatable, reversible=reversible)

    def add_conv(conv: Conv) -> None:
        arrays[key(conv.name, "weights")] = Spec(shape=conv.weights_shape, dtype=_weight_dtype(conv.weight), format=conv.weight)
        add_thresholds(conv.name, negatable=conv.weight.kind is not Kind.UINT, reversible=conv is network.stem.conv)

    add_thresholds("stem.entry")
    add_conv(network.stem.conv)
    for block in network.blocks:
        for entry in ("entry", "entry_main", "entry_bypass"):
            add_thresholds(f"{block.name}.{entry}")
        for conv in block.layers:
            add_conv(conv)
        if (factors := block.meeting.factors) is not None:
            channels = block.output.channels if block.meeting.per_channel else 1
            arrays[key(block.name, "join/factors")] = Spec(shape=(channels, 2), dtype="int32", factor=factors)
        add_thresholds(f"{block.name}.join")
    add_thresholds("head.pool")
    fc = network.head.fc
    arrays[key(fc.name, "weights")] = Spec(shape=(fc.out, fc.inputs), dtype=_weight_dtype(fc.weight), format=fc.weight)
    if fc.factors is not None:
        arrays[key(fc.name, "factors")] = Spec(shape=(fc.out,), dtype="int32", factor=fc.factors)
    arrays[key(fc.name, "bias")] = Spec(shape=(fc.out,), dtype="int32" if fc.factors is None else "int64")
    add_thresholds(fc.name)
    return arrays


def _weight_dtype(weight: Format) -> str:
    return "uint8" if weight.kind is Kind.UINT else "int8"
