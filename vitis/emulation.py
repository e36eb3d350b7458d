"""The xclbin that runs without a card: manifest, network and parameters in the container PYNQ opens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from dataflow.banks import enlarged_kb
from dataflow.design import Argument, Design
from dataflow.timing.error import TimingError
from dataflow.timing.graph import graph
from dataflow.timing.simulation import simulate
from network.errors import DescriptionError, ParameterError
from network.formats import Format
from network.layers import Conv
from network.model import Block, Head, Network
from network.operations import TopK, Window
from network.parameters import Parameters
from runtime.container.constants import Constants
from runtime.container.manifest import Argument as ManifestArgument
from runtime.container.manifest import Direction, ImageShape, Manifest, Pictures, Result, Target
from runtime.container.sections import VERSION
from runtime.container.xclbin import Bank
from runtime.errors import ManifestError, ParametersError, XclbinError
from vitis import xclbin
from vitis.limits import refused, require_emulation

BANK_KINDS = {"ddr4": 1, "dram": 2, "hbm": 6}
"""MEM_TYPE of xclbin.h, by the kind in the platform files."""


def emulation_xclbin(design: Design, parameters: Parameters, *, versions: Mapping[str, str] | None = None) -> bytes:
    """The whole file; the same design and parameters give the same bytes. `versions` label it, in its manifest.

    Raises DescriptionError for a network that cannot be emulated, ParameterError for parameters that cannot be loaded.
    """
    require_emulation(design)
    sizes = {bank.name: bank.kilobytes for bank in design.platform.banks} | enlarged_kb(design)
    banks = tuple(
        Bank(tag=bank.tag, kind=BANK_KINDS[bank.kind], base=bank.base, size_kb=sizes[bank.name], used=False)
        for bank in design.platform.banks
    )
    described = manifest(design, Target.EMULATION, versions, latency_cycles=latency_cycles(design))
    try:
        with refused_parameters(design):
            return xclbin.render(described, banks=banks, network=network_section(design.network), parameters=parameters)
    except XclbinError as error:
        raise refused(design, error) from None


def constants(design: Design) -> Constants | None:
    """What the hardware loads, for the host; None where all is part of it."""
    return Constants.of(design.fingerprint, (held.layout for held in design.loaded)) if design.loaded else None


def constants_image(design: Design, parameters: Parameters) -> bytes:
    """The image of the constants that the hardware loads; raises ParameterError if it cannot compute with the parameters."""
    held = constants(design)
    if held is None:
        raise ValueError(f"{design.name}: its constants are part of the hardware")
    with refused_parameters(design):
        return held.image(parameters)


@contextmanager
def refused_parameters(design: Design) -> Iterator[None]:
    """Has parameters that the host refuses be those of the file they were read from."""
    try:
        yield
    except ParametersError as error:
        path = design.network.parameters
        raise ParameterError(error.where if path is None else f"{path}: {error.where}", error.what, why=error.why, fix=error.fix) from None


def manifest(design: Design, target: Target, versions: Mapping[str, str] | None = None, *, latency_cycles: int | None = None) -> Manifest:
    """The manifest for the host; raises DescriptionError if the host could not read it."""
    network, fc = design.network, design.network.head.fc
    try:
        return Manifest(
            network=network.name,
            platform=design.platform.shell,
            target=target,
            clock_mhz=network.clock_mhz,
            cycles_per_frame=design.interval,
            latency_cycles=latency_cycles,
            image=ImageShape(*network.input),
            classes=fc.out,
            top=network.head.top,
            result=_result(network.head.top_k),
            pictures=None if network.pictures is None else Pictures(**asdict(network.pictures)),
            label_names=network.labels,
            arguments=tuple(_argument(design, argument) for argument in design.arguments),
            weights=(fc.out, fc.inputs) if network.head.streams_weights else None,
            constants=constants(design),
            versions=dict(versions or {}),
        )
    except ManifestError as error:
        raise refused(design, error) from None


def check_host(design: Design) -> str:
    """Check now that a host can read what will be built for the card, else raise DescriptionError; says whether it can be emulated."""
    manifest(design, Target.HW)
    try:
        require_emulation(design)
    except DescriptionError as error:
        return f"hardware only: {str(error).partition(chr(10))[0]}"
    return "also emulated"


def latency_cycles(design: Design) -> int | None:
    """Simulated latency of one frame through an empty pipeline; None if it cannot be simulated or deadlocks."""
    try:
        run = simulate(graph(design), frames=1)
    except TimingError:
        return None
    return None if run.deadlock else int(run.ends[0] - run.starts[0])


def _argument(design: Design, argument: Argument) -> ManifestArgument:
    direction = Direction.SCALAR if argument.bank is None else Direction.OUT if argument.writes else Direction.IN
    return ManifestArgument(
        name=argument.name,
        id=argument.id,
        offset=argument.offset,
        size_bytes=argument.size,
        direction=direction,
        bank=None if argument.bank is None else design.platform.bank(argument.bank).tag,
        port=argument.port.upper(),
    )


def _result(top_k: TopK) -> Result:
    scores = f"int{32 * top_k.score_words}" if top_k.gives_scores else None
    return Result(words=top_k.words, scores=scores, scores_offset=4 * top_k.first_score if scores else 0, stride_bytes=4 * top_k.words)


def network_section(network: Network) -> dict[str, Any]:
    """The network as `runtime.container.sections` reads it."""
    pool = network.stem.pool
    return {
        "version": VERSION,
        "input": list(network.input),
        "stem": {
            "entry": _format(network.stem.entry),
            "conv": _conv(network.stem.conv),
            "pool": None if pool is None else _window(pool),
        },
        "blocks": [_block(block) for block in network.blocks],
        "head": _head(network.head),
    }


def _block(block: Block) -> dict[str, Any]:
    meeting, activation = block.meeting, block.join_activation
    return {
        "name": block.name,
        "entry": {place: _format(codes) for place, codes in block.entry._asdict().items()},
        "convs": [_conv(conv) for conv in block.convs],
        "bypass": None if block.bypass is None else _conv(block.bypass),
        "join": {
            "activates": meeting.activates,
            "zero_point": meeting.zero_point,
            "output": str(block.residual),
            "factors": _format(meeting.factors),
            "per_channel": meeting.per_channel,
            "values": 32 if activation is None else activation.values.bits,
        },
    }


def _head(head: Head) -> dict[str, Any]:
    return {
        "pool": head.pool.value,
        "zero_point": head.zero_point,
        "act": _format(head.act),
        "inputs": head.fc.inputs,
        "classes": head.fc.out,
        "top": head.top,
        "weights": "stream" if head.streams_weights else "rom",
        "weight": str(head.fc.weight),
        "factors": _format(head.fc.factors),
        "scores": head.fc.scores.bits,
        "output": _format(head.fc.codes),
    }


def _format(codes: Format | None) -> str | None:
    return None if codes is None else str(codes)


def _window(window: Window) -> dict[str, Any]:
    return {"kernel": list(window.kernel), "stride": list(window.stride), "pad": [list(pad) for pad in window.pad]}


def _conv(conv: Conv) -> dict[str, Any]:
    return _window(conv.window) | {
        "pad_codes": list(conv.pad_codes),
        "name": conv.name,
        "in": conv.input.channels,
        "out": conv.out,
        "weight": str(conv.weight),
        "input": str(conv.input_format),
        "output": str(conv.output_format) if conv.activates else None,
    }
