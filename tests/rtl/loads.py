"""What is sent to an IP whose constants are loaded: a load, frames, a load of other constants, frames; and what comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from constants.image import chain
from dataflow.design import Ip
from hls.roms import rows
from network.parameters import Parameters

BEHIND = 3
"""Words of a load that are for IPs behind."""


def load_vectors(ip: Ip, sets: Sequence[Parameters], frames: int) -> dict[str, bytes]:
    """The messages at its ports: for each of some sets of parameters a load and frames."""
    into, on = [], []
    for i, arrays in enumerate(sets):
        held = [each for unit in ip.units for each in unit.constants if each.holding.loaded]
        own = chain([each.layout for each in held], [rows(each, arrays) for each in held])
        assert len(own) == ip.load_words
        behind = np.random.default_rng(i).integers(1 << 64, size=BEHIND, dtype=np.uint64) if has_behind(ip) else np.array([], np.uint64)
        tokens = np.zeros(frames, np.uint64)
        into += [np.array([len(own) + len(behind)], np.uint64), own, behind, tokens]
        on += [np.array([len(behind)], np.uint64), behind, tokens]
    found = {"constants_in.bin": np.concatenate(into).astype("<u8").tobytes()}
    return found | ({"constants_out.bin": np.concatenate(on).astype("<u8").tobytes()} if has_behind(ip) else {})


def has_behind(ip: Ip) -> bool:
    return any(port.name in ip.chain for port in ip.outputs)


def joined(of_sets: Sequence[Mapping[str, bytes]], frames: int) -> dict[str, bytes]:
    """The vectors of frames, one set after the other; the weights that every frame of a set has are repeated."""
    return {name: b"".join(each[name] * (frames if name == "weights.bin" else 1) for each in of_sets) for name in of_sets[0]}
