"""IPs whose constants are loaded: what is sent to them, a load, frames, a load of other constants, frames; and what comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from constants.image import chain
from constants.layout import LOAD_BITS
from dataflow.design import Ip, Port, Stream
from hls.roms import rows
from network.formats import uint
from network.layers import Holding, Ram
from network.parameters import Parameters

BEHIND = 3
"""Words of a load that are for IPs behind."""


def load_vectors(ip: Ip, sets: Sequence[tuple[Parameters, int]]) -> dict[str, bytes]:
    """The messages at its ports: for each set of parameters a load, and its number of frames."""
    has_behind = any(port.name in ip.chain for port in ip.outputs)
    into, on = [], []
    for i, (arrays, frames) in enumerate(sets):
        held = [each for unit in ip.units for each in unit.constants if each.holding.loaded]
        own = chain([each.layout for each in held], [rows(each, arrays) for each in held])
        assert len(own) == ip.load_words
        behind = np.random.default_rng(i).integers(1 << 64, size=BEHIND if has_behind else 0, dtype=np.uint64)
        header, tokens = np.array([len(own) + len(behind), len(behind)], np.uint64), np.zeros(frames, np.uint64)
        into += [header[:1], own, behind, tokens]
        on += [header[1:], behind, tokens]
    found = {"constants_in.bin": np.concatenate(into).astype("<u8").tobytes()}
    return found | ({"constants_out.bin": np.concatenate(on).astype("<u8").tobytes()} if has_behind else {})


def joined(of_sets: Sequence[Mapping[str, bytes]], frames: int) -> dict[str, bytes]:
    """The vectors of as many frames of each set, one set after the other; the weights that every frame of a set has are repeated."""
    return {name: b"".join(each[name] * (frames if name == "weights.bin" else 1) for each in of_sets) for name in of_sets[0]}


def with_chain(ip: Ip, memories: Mapping[str, Ram | None]) -> Ip:
    """The IP with some of its units, by name, loaded into these memories, and their chain."""
    units, streams, source = [], list(ip.streams), "constants_in"
    left = list(memories)
    for unit in ip.units:
        if unit.name in memories:
            left.remove(unit.name)
            held = tuple(replace(each, holding=Holding(True, memories[unit.name])) for each in unit.constants)
            sink = f"{unit.name}_onward" if left else "constants_out"
            unit = replace(unit, constants=held).chained(source, sink)
            source = sink
            if left:
                streams.append(Stream(name=sink, lanes=1, format=uint(LOAD_BITS), depth=2))
        units.append(unit)
    ports = [Port(name=f"constants_{way}", is_input=way == "in", lanes=1, format=uint(LOAD_BITS), beats=1) for way in ("in", "out")]
    return replace(ip, units=tuple(units), streams=tuple(streams), ports=(*ip.ports, *ports))


def spliced(one: Mapping[str, bytes], other: Mapping[str, bytes], frames: int, first: int) -> dict[str, bytes]:
    """The first frames of one's vectors; of those that the other has too, its own after that."""

    def of(name: str) -> bytes:
        size = len(one[name]) * first // frames
        return one[name][:size] + other.get(name, one[name])[size:]

    return {name: of(name) for name in one}
