"""The folding a description leaves open: found by search, or remembered from last time."""

from __future__ import annotations

import hashlib
from collections.abc import MutableMapping, Sequence

from dataflow.platform import Platform
from network.errors import DescriptionError
from network.model import Network


def cycles_for(network: Network, fps: float) -> int:
    """Cycles a frame that a frame rate leaves."""
    return int(network.clock_mhz * 1e6 / fps)


def fold(
    network: Network, platform: Platform, given: Sequence[int | None], search_cache: MutableMapping[str, list[int]] | None = None
) -> Network:
    """The network folded: as little as `fps` asks for, or as wide as the card holds. Raises DescriptionError where that cannot be.

    `given` are the SLRs of DMA, stem, blocks and head. `search_cache` holds the foldings found before, as `fold_search.numbers`.
    """
    from dataflow.choose.fold_search import numbers, refolded  # here: numpy takes its time to load

    key = hashlib.sha256(repr((network, platform, tuple(given))).encode()).hexdigest()
    known = None if search_cache is None else search_cache.get(key)
    if known is not None and (folded := refolded(network, known)) is not None:
        return folded
    found = _search(network, platform, given)
    if search_cache is not None:
        search_cache[key] = numbers(found)
    return found


def _search(network: Network, platform: Platform, given: Sequence[int | None]) -> Network:
    from dataflow.choose.fold_fastest import fastest
    from dataflow.choose.fold_search import search

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
