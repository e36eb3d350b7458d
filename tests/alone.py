"""Units without a network: many of them are one IP, side by side, since most of the time of a simulation goes into compiling it. Its ports
have lanes of one bit, so a beat may be of any width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dataflow.design import Ip, Port
from dataflow.unit import Unit

FRAMES = 3

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Alone:
    """A unit, its parameters by the last part of their key, and the integers on each of its streams."""

    ip: Ip
    constants: dict[str, Integers]
    streams: dict[str, tuple[Integers, int]]  # values, all frames, and bits of a value

    @property
    def unit(self) -> Unit:
        return self.ip.units[0]


def side_by_side(cases: Mapping[str, Alone]) -> tuple[Ip, dict[str, Integers], dict[str, bytes]]:
    """One IP of all, their constants, and their vectors bit by bit."""
    units: list[Unit] = []
    ports: list[Port] = []
    arrays, vectors = {}, {}
    for name, case in cases.items():
        unit = case.unit
        held = tuple(
            replace(each, name=each.name.replace(unit.name, name, 1), key=f"{name}/{each.key.rpartition('/')[2]}")
            for each in unit.constants
        )
        arrays |= {f"{name}/{key}": array for key, array in case.constants.items()}
        reads, writes = (tuple(f"{name}_{stream}" for stream in streams) for streams in (unit.reads, unit.writes))
        units.append(replace(unit, name=name, reads=reads, writes=writes, constants=held))
        for port in case.ip.ports:
            values, bits = case.streams[port.name]
            packed = (values[..., None] >> np.arange(bits) & 1).astype(np.uint8)
            assert packed.size % (FRAMES * port.bits) == 0
            ports.append(replace(port, name=f"{name}_{port.name}", beats=packed.size // FRAMES // port.bits))
            vectors[f"{name}_{port.name}.bin"] = packed.tobytes()
    ip = Ip(name="alone", kind="block", title="units side by side", ports=tuple(ports), streams=(), units=tuple(units))
    return ip, arrays, vectors
