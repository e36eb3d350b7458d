"""`Network` -> `Design`: what the description leaves open is chosen, then the whole is laid out."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import replace
from itertools import groupby

from dataflow import platform as platforms
from dataflow.banks import sizes_kb
from dataflow.choose import floorplan, folding
from dataflow.design import Design
from dataflow.layout import lay_out
from dataflow.platform import Platform
from network.errors import DescriptionError
from network.model import Memory, Network


def plan(network: Network, search_cache: MutableMapping[str, list[int]] | None = None) -> Design:
    """Make the decisions a network leaves open, and lay it out; raises DescriptionError where it cannot be.

    `search_cache` holds what searches found before, and is added to. Depths of FIFOs that are left out are closed forms, at
    once there and the same everywhere; they keep the slowest unit busy. Those that `timing.sizing` finds take less, and
    count once they are written into the description.
    """
    platform = _platform(network)
    network = replace(network, memory=_memory(network.memory, platform))
    sizes_kb(network, platform)  # a bank that is too small is told before anything is chosen
    given = [platform.bank(network.memory.images).slr, *_given_slrs(network, platform)]
    if not network.is_folded:
        network = folding.fold(network, platform, given, search_cache)
    design = lay_out(network, platform)
    slrs = floorplan.place(floorplan.problem(design, given), search_cache)
    ips = tuple(replace(ip, slr=slr) for ip, slr in zip(design.ips, slrs, strict=True))
    return replace(design, network=network.placed(slrs[1:]), ips=ips)


def _given_slrs(network: Network, platform: Platform) -> list[int | None]:
    """Of stem, blocks and head, the SLR that is given."""
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
            why="its facts stand in dataflow/platforms",
            fix=f"use {', '.join(known)}",
        )
    return platforms.load(network.platform)


def _memory(given: Memory, platform: Platform) -> Memory:
    """Every bank there is to be named: as it is given, or the card's first."""
    names = [bank.name for bank in platform.banks]
    first = platform.default_bank.name
    chosen = replace(given, images=given.images or first, labels=given.labels or first, weights=given.weights or first)
    for argument in ("images", "labels", "weights"):
        bank = getattr(chosen, argument)
        if bank not in names:
            what, fix = f"memory.{argument}: {platform.name} has no {bank}", f"use {_listed(names)}"
            raise DescriptionError(given.at, what, why="banks are the card's own", fix=fix)
    return chosen


def _listed(names: list[str]) -> str:
    """DDR[0], DDR[1], HBM[0] … HBM[31]: all of a short kind, the ends of a long one."""
    kinds = [list(group) for _, group in groupby(names, key=lambda name: name.partition("[")[0])]
    return ", ".join(", ".join(kind) if len(kind) <= 6 else f"{kind[0]} … {kind[-1]}" for kind in kinds)
