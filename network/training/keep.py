"""Parameters of an imported network for a description that stands already, with folding and floorplan by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from network import reference
from network.arrays import key, specs
from network.model import Network
from network.training.data import TrainingError

Arrays = Mapping[str, NDArray[Any]]


def fitted(described: Network, imported: Network, arrays: Arrays, images: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """The arrays of `described`, which compute what those of `imported` do: on `images` (n, height, width, channels) it is tried.

    Raises TrainingError if there are none.

    A description may clip a sum and activate the codes at the entry of the next block, where the import activates the sum at once:
    thresholds of the sum are those of the codes, one zero point apart, and beyond the codes always or never reached.
    """
    found = dict(arrays)
    following = [block.name for block in described.blocks[1:]]
    for block, other, after in zip(described.blocks, imported.blocks, [*following, None], strict=False):
        joined = found.pop(key(f"{block.name}.join", "thresholds"), None)
        if joined is None:
            continue
        if block.meeting.activates:
            found[key(f"{block.name}.join", "thresholds")] = joined
        elif after is not None and not other.meeting.zero_point:
            codes = block.residual
            moved = np.clip(joined - block.meeting.zero_point, codes.low, codes.high + 1)
            found[key(f"{after}.entry", "thresholds")] = moved
    wanted = specs(described)
    missing, extra = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
    what = ""
    if missing or extra:
        what = (
            f"it has {missing[0]}, which the trained network has not" if missing else f"it lacks {extra[0]}, which the trained network has"
        )
    else:
        for name, spec in wanted.items():
            if found[name].shape != tuple(spec.shape):
                what = f"its {name} are {tuple(spec.shape)}, the trained network's {found[name].shape}"
                break
    if not what:
        made = {name: found[name].astype(spec.dtype) for name, spec in wanted.items()}
        if described.input == imported.input:
            found_scores, scores = (reference.trace(*each, images)["scores"] for each in ((described, made), (imported, arrays)))
            if np.array_equal(found_scores, scores):
                return made
        what = "it computes other scores than the trained network"
    fix = "choose another --network, or move the description away, so that one is written"
    raise TrainingError(described.name, what, why="a description that was not imported is kept", fix=fix)
