"""Checks, before anything is built, that a host can read the manifest and, for emulation, the network.

The runtime defines the limits, and its errors name the wrong field; here they get the line of the description.
"""

from __future__ import annotations

from collections.abc import Iterator

from dataflow.design import Design
from network.arrays import specs
from network.errors import DescriptionError, Source
from network.operations import Shape
from runtime.container.sections import LARGEST_TENSOR
from runtime.container.xclbin import LARGEST_FILE
from runtime.errors import XclbinError


def refused(design: Design, error: XclbinError) -> DescriptionError:
    """An error of the runtime as one of the description, with the line that causes it."""
    network = design.network
    places = {"top": network.head.at, "classes": network.head.fc.at, "weights": network.head.fc.at, "label_names": network.labels_at}
    slowest = next((block.at for block in network.blocks if block.name == design.bottleneck.partition(".")[0]), network.at)
    places["cycles_per_frame"] = places["latency_cycles"] = slowest
    field = error.where.rpartition(": ")[2].partition("[")[0]
    fix = "change it in the description; if it cannot be changed there, report it"
    return DescriptionError(places.get(field, network.at), f"{error.where}: {error.what}", why=error.why, fix=fix)


def require_emulation(design: Design) -> None:
    """Raise DescriptionError if the network is too large for the emulator, although not for hardware."""
    for name, at, shape in _tensors(design):
        if shape.size > LARGEST_TENSOR:
            raise DescriptionError(
                at,
                f"{name}: {shape.size:,} codes a frame",
                why=f"the emulator holds at most {LARGEST_TENSOR:,}, to fit into a workstation's memory; hardware has no such limit",
                fix="build it for the card (doit link), or use a smaller feature map",
            )
    size = sum(_bytes(spec.shape, spec.dtype, spec.format is not None and spec.format.bits == 1) for spec in specs(design.network).values())
    if size > LARGEST_FILE - (1 << 20):
        raise DescriptionError(
            Source(design.network.at.file, 0),
            f"{size:,} bytes of parameters",
            why=f"an xclbin has at most {LARGEST_FILE:,} bytes, and for emulation it holds all parameters; hardware has no such limit",
            fix="build it for the card (doit link), or use fewer channels",
        )


def _bytes(shape: tuple[int, ...], dtype: str, is_packed: bool) -> int:
    count = {"int32": 4, "int64": 8}.get(dtype, 1)
    for size in shape:
        count *= size
    return -(-count // 8) if is_packed else count


def _tensors(design: Design) -> Iterator[tuple[str, Source, Shape]]:
    network = design.network
    yield "input", network.stem.at, network.input
    for conv in network.convs:
        yield conv.name, conv.at, conv.output
