"""The folding a description leaves open: from the search cache, or by search."""

from __future__ import annotations

import hashlib
from collections.abc import MutableMapping, Sequence

from dataflow.choose import floorplan
from dataflow.platform import Platform
from network.errors import DescriptionError
from network.model import Network


def cycles_for(network: Network, fps: float) -> int:
    """Cycles available for a frame at a frame rate."""
    return int(network.clock_mhz * 1e6 / fps)


def fold(
    network: Network, platform: Platform, given: Sequence[int | None], search_cache: MutableMapping[str, list[int]] | None = None
) -> Network:
    """The network folded: with the least resources for `fps`, or as fast as fits the card. Raises DescriptionError if that is impossible.

    `given` are the SLRs of the DMA, where there is one, stem, blocks and head. `search_cache` holds earlier foldings, as `fold_search.numbers`.
    """
    from dataflow.choose.fold_search import numbers, rebuilt  # here, because numpy loads slowly

    key = hashlib.sha256(repr((network, platform, tuple(given))).encode()).hexdigest()
    known = None if search_cache is None else search_cache.get(key)
    if known is not None and (folded := rebuilt(network, known)) is not None:
        return folded
    searched = _search(network, platform, given)
    if search_cache is not None:
        search_cache[key] = numbers(searched)
    return searched


def _search(network: Network, platform: Platform, given: Sequence[int | None]) -> Network:
    from dataflow.choose.fold_fastest import fastest, reaching
    from dataflow.choose.fold_search import search, search_within

    if network.fps is None:
        all_folds = search(network, platform)
        best = fastest(all_folds, given)
        if best is None:
            free = floorplan.freed(given, network.has_dma)
            crowded = free != list(given) and fastest(all_folds, free) is not None
            raise DescriptionError(
                network.at,
                f"no folding of {network.name} fits the {platform.name}{' with these slr' if crowded else ''}",
                why="by the estimate, none can be placed within the budgets of the SLRs",
                fix="leave slr out"
                if crowded
                else "use another card, fewer channels or narrower formats; with pe and simd given, doit floorplan shows by how much it exceeds them",
            )
        return all_folds.built(best.builds)
    cycles = cycles_for(network, network.fps)
    fast = search_within(network, platform, cycles)
    least = None if fast is None else reaching(fast, cycles, given)
    if fast is None or least is None:
        fewest = search(network, platform).fewest_cycles()
        raise DescriptionError(
            network.at,
            f"fps: {network.fps:,} cannot be reached",
            why=f"at {network.clock_mhz} MHz that is {cycles:,} cycles a frame, but the fewest possible are {fewest:,}",
            fix=f"write fps: {int(network.clock_mhz * 1e6 / fewest)} or less, or raise clock_mhz",
        )
    return fast.built(least)
