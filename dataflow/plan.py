"""From `Network` to `Design`: choose what the description leaves open, then lay out the network."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import replace
from itertools import groupby

from dataflow import platform as platforms
from dataflow.banks import sizes_kb
from dataflow.choose import builds, floorplan, folding
from dataflow.design import Design
from dataflow.layout import lay_out
from dataflow.platform import Platform
from network.errors import DescriptionError
from network.model import Memory, Network


def plan(network: Network, search_cache: MutableMapping[str, list[int]] | None = None) -> Design:
    """Choose what a network leaves open, and lay it out; raises DescriptionError if that is impossible.

    `search_cache` holds results of earlier searches; new ones are added. FIFO depths that are left out follow from closed
    formulas, which need no search and keep the slowest unit busy. `timing.sizing` finds smaller depths, which are used once
    they are written into the description.
    """
    platform = _platform(network)
    network = replace(network, memory=_memory(network.memory, platform))
    sizes_kb(network, platform)  # report a bank that is too small before any search
    of_parts = _given_slrs(network, platform)
    given = [platform.bank(network.memory.images).slr, *of_parts] if network.has_dma else of_parts
    left_open = builds.left_open(network)
    network = builds.built(network, platform) if network.is_folded else folding.fold(network, platform, given, search_cache)
    design = lay_out(network, platform)
    sizes_kb(network, platform, design.load_bytes)
    problem = floorplan.problem(design, given, left_open)
    slrs, memories = floorplan.place(problem, search_cache)
    if memories != problem.present:
        network = builds.lying(network, problem.lying(memories))
        design = lay_out(network, platform)
    ips = tuple(replace(ip, slr=slr) for ip, slr in zip(design.ips, slrs, strict=True))
    return replace(design, network=network.placed(slrs[-len(of_parts) :]), ips=ips)


def _given_slrs(network: Network, platform: Platform) -> list[int | None]:
    """The given SLRs of stem, blocks and head."""
    for name, part in network.parts.items():
        if part.slr is not None and part.slr >= platform.slrs:
            fix = f"choose 0 to {platform.slrs - 1}, or leave slr out"
            raise DescriptionError(part.at, f"{name}: slr={part.slr}", why=f"{platform.name} has {platform.slrs} SLRs", fix=fix)
    return [part.slr for part in network.parts.values()]


def _platform(network: Network) -> Platform:
    known = platforms.known()
    if network.platform not in known:
        raise DescriptionError(
            network.at,
            f"platform: {network.platform!r} is unknown",
            why="known cards are described in dataflow/platforms",
            fix=f"use {', '.join(known)}",
        )
    return platforms.load(network.platform)


def _memory(given: Memory, platform: Platform) -> Memory:
    """All banks: as given, or the card's default."""
    names = [bank.name for bank in platform.banks]
    first = platform.default_bank.name
    chosen = replace(given, images=given.images or first, labels=given.labels or first, weights=given.weights or first)
    for argument in ("images", "labels", "weights"):
        bank = getattr(chosen, argument)
        if bank not in names:
            what, fix = f"memory.{argument}: {platform.name} has no {bank}", f"use {_listed(names)}"
            raise DescriptionError(given.at, what, why="banks depend on the card", fix=fix)
    return chosen


def _listed(names: list[str]) -> str:
    """DDR[0], DDR[1], HBM[0] … HBM[31]: all banks of a kind, or the first and last of many."""
    kinds = [list(group) for _, group in groupby(names, key=lambda name: name.partition("[")[0])]
    return ", ".join(", ".join(kind) if len(kind) <= 6 else f"{kind[0]} … {kind[-1]}" for kind in kinds)
