"""What `lower` does with a network whose PE and SIMD are left open: the folding search, or its answer of last time."""

from __future__ import annotations

import hashlib
from collections.abc import MutableMapping, Sequence
from pathlib import Path

from dataflow.platform import Platform
from network.errors import DescriptionError
from network.model import Network

SOURCES = ("storage", "estimate", "lower", "fold_costs", "fold_choices", "fold_search", "fold_fit", "floorplan")
"""Modules an answer depends on: with another model another folding is the best."""


def cycles_for(network: Network, fps: float) -> int:
    """Cycles a frame that a frame rate leaves."""
    return int(network.clock_mhz * 1e6 / fps)


def fold(
    network: Network, platform: Platform, given: Sequence[int | None], answers: MutableMapping[str, list[int]] | None = None
) -> Network:
    """The network folded: as little as `fps` asks for, or as wide as the card holds. Raises DescriptionError where that cannot be.

    `given` are the SLRs of DMA, stem, blocks and head. `answers` are those found before, as the places of the folds in their tables.
    """
    from dataflow.fold_search import numbers, refolded  # tables are built only where the answer is not known

    key = _key(network, platform, given)
    known = None if answers is None else answers.get(key)
    if known is not None and (folded := refolded(network, known)) is not None:
        return folded
    found = _search(network, platform, given)
    if answers is not None:
        answers[key] = numbers(found)
    return found


def _key(network: Network, platform: Platform, given: Sequence[int | None]) -> str:
    sha = hashlib.sha256(repr((network, platform, tuple(given))).encode())
    for name in SOURCES:
        sha.update((Path(__file__).parent / f"{name}.py").read_bytes())
    return sha.hexdigest()


def _search(network: Network, platform: Platform, given: Sequence[int | None]) -> Network:
    from dataflow.fold_fit import fastest
    from dataflow.fold_search import search

    all_folds = search(network, platform)
    if network.fps is None:
        found = fastest(all_folds, given)
        if found is None:
            free = [given[0], *[None] * (len(given) - 1)]
            crowded = free != list(given) and fastest(all_folds, free) is not None
            raise DescriptionError(
                network.at,
                f"no folding of {network.name} fits the {platform.name}{' with these slr' if crowded else ''}",
                why="by the estimate, none finds its place within the budgets of the SLRs",
                fix="leave slr out"
                if crowded
                else "use another card, fewer channels or narrower formats; with pe and simd given, doit floorplan shows by how much",
            )
        return all_folds.folded(found.folds)
    least = all_folds.least(cycles_for(network, network.fps))
    if least is None:
        fewest = all_folds.fewest_cycles()
        raise DescriptionError(
            network.at,
            f"fps: {network.fps:,} cannot be reached",
            why=f"at {network.clock_mhz} MHz that leaves {cycles_for(network, network.fps):,} cycles a frame, and {fewest:,} are the fewest",
            fix=f"write fps: {int(network.clock_mhz * 1e6 / fewest)} or less, or raise clock_mhz",
        )
    return all_folds.folded(least)
