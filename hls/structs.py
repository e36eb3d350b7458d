"""Layers as C++ structs: the one template argument of each process of the library.

A struct holds constants and formats and nothing else; what follows from them is computed by the headers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch

from codegen.templates import pascal
from dataflow.design import Kind, Layer, Process
from dataflow.layers import Accumulate, Convert, Fork, Join, Labels, Pool, Threshold, TopK, Transfer, WeightRom
from network.formats import Format
from network.formats import Kind as FormatKind
from network.model import Conv, Dense, Shape, Window

Row = dict[str, int | bool]


@dataclass(frozen=True, slots=True)
class Struct:
    name: str
    comment: str
    constants: tuple[Row, ...]  # one declaration a row
    formats: tuple[str, ...]  # one alias each


def cpp_format(form: Format) -> str:
    return "Bipolar" if form.kind is FormatKind.BIPOLAR else f"{'Int' if form.kind is FormatKind.INT else 'UInt'}<{form.bits}>"


def struct_name(process: Process) -> str:
    """Processes that work on the same layer share its struct; a width converter has one of its own."""
    return pascal(process.name)


def struct(process: Process) -> Struct:
    comment, constants, formats = _body(process.layer)
    aliases = tuple(f"using {name} = {cpp_format(form)};" for name, form in formats.items())
    return Struct(struct_name(process), comment, constants, aliases)


Body = tuple[str, tuple[Row, ...], dict[str, Format]]


def _window(shape: Shape, window: Window) -> tuple[Row, ...]:
    (kernel_h, kernel_w), (stride_h, stride_w) = window.kernel, window.stride
    (top, bottom), (left, right) = window.pad
    return (
        {"kHeight": shape.height, "kWidth": shape.width},
        {"kKernelHeight": kernel_h, "kKernelWidth": kernel_w, "kStrideHeight": stride_h, "kStrideWidth": stride_w},
        {"kPadTop": top, "kPadBottom": bottom, "kPadLeft": left, "kPadRight": right},
    )


@singledispatch
def _body(layer: Layer) -> Body:
    raise TypeError(f"no struct for {type(layer).__name__}")


@_body.register
def _(layer: Conv) -> Body:
    size, *window = _window(layer.input, layer.window)
    return (
        f"{layer.window}, {layer.input} -> {layer.output}, fold {layer.fold_in * layer.fold_out:,}",
        ({**size, "kIn": layer.input.channels, "kOut": layer.out, "kSimd": layer.simd, "kPe": layer.pe, "kPixels": layer.pixels}, *window),
        {"In": layer.input_format, "Weight": layer.weight, "Acc": layer.acc, "Out": layer.output_format},
    )


@_body.register
def _(layer: Pool) -> Body:
    size, *window = _window(layer.input, layer.window)
    return (
        f"max {layer.window}, {layer.input} -> {layer.output}",
        ({**size, "kIn": layer.input.channels, "kSimd": layer.lanes, "kPixels": 1}, *window),
        {"In": layer.format},
    )


@_body.register
def _(layer: Convert) -> Body:
    row: Row = {"kCodes": layer.codes, "kLanesIn": layer.lanes_in, "kLanesOut": layer.lanes_out}
    return f"{layer.lanes_in} -> {layer.lanes_out} lanes", (row,), {"Code": layer.format}


@_body.register
def _(layer: Fork) -> Body:
    return f"{layer.beats:,} beats to both branches", ({"kBeats": layer.beats, "kLanes": layer.lanes},), {"Code": layer.format}


@_body.register
def _(layer: Threshold) -> Body:
    return (
        f"{layer.shape}, {layer.input_format} -> {layer.output_format}",
        ({"kPixels": layer.shape.pixels, "kIn": layer.shape.channels, "kSimd": layer.lanes},),
        {"In": layer.input_format, "Out": layer.output_format},
    )


@_body.register
def _(layer: Join) -> Body:
    row: Row = {"kBeats": layer.beats, "kLanes": layer.lanes, "kZero": layer.zero_point}
    return f"{layer.beats:,} beats of either branch", (row,), {"Code": layer.format}


@_body.register
def _(layer: Accumulate) -> Body:
    row: Row = {"kPixels": layer.input.pixels, "kIn": layer.input.channels, "kSimd": layer.lanes, "kZero": layer.zero_point}
    return f"sum over {layer.input.pixels:,} pixels", (row,), {"In": layer.code_format, "Out": layer.sum_format}


@_body.register
def _(layer: WeightRom) -> Body:
    row: Row = {"kTiles": layer.tiles, "kSimd": layer.simd, "kPe": layer.pe}
    return f"{layer.tiles:,} beats of weights a frame", (row,), {"Weight": layer.format}


@_body.register
def _(layer: Dense) -> Body:
    return (
        f"{layer.inputs:,} -> {layer.out:,} scores",
        ({"kIn": layer.inputs, "kOut": layer.out, "kSimd": layer.simd, "kPe": layer.pe},),
        {"In": layer.input_format, "Weight": layer.weight, "Acc": layer.acc},
    )


@_body.register
def _(layer: TopK) -> Body:
    return f"{layer.top} of {layer.classes:,}", ({"kClasses": layer.classes, "kTop": layer.top},), {"Score": layer.score_format}


@_body.register
def _(layer: Transfer) -> Body:
    row: Row = {"kWords": layer.words, "kBeats": layer.beats, "kLanes": layer.lanes, "kRepeats": layer.repeats}
    often = "the same for every frame" if layer.repeats else "a frame"
    return f"{layer.beats:,} beats from words of 512 bits, {often}", (row,), {"Code": layer.format}


@_body.register
def _(layer: Labels) -> Body:
    return f"{layer.top} labels a frame", ({"kTop": layer.top},), {}


def call_arguments(process: Process) -> list[str]:
    """Inputs, parameters, outputs; the DMA's processes also take the number of frames and a pointer."""
    if process.kind is Kind.LOAD:
        return [memory(process), "frames", *process.writes]
    if process.kind is Kind.UNPACK:
        return [*process.reads, "frames", *process.writes]
    if process.kind is Kind.STORE:
        return [*process.reads, "frames", memory(process)]
    return [*process.reads, *(rom.name for rom in process.roms), *process.writes]


def memory(process: Process) -> str:
    """The DMA's pointer for a transfer: image_memory, weights_memory, labels_memory."""
    return f"{process.name}_memory"
