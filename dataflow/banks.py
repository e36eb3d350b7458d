"""Sizes of the memory banks a design uses; PLRAM banks, which are small by default, can be made larger."""

from __future__ import annotations

from collections import Counter

from dataflow.design import Design
from dataflow.platform import Platform
from network.errors import DescriptionError
from network.model import Network

BUFFERS = 5
"""Buffers of images, and of labels, that a host may hold at once, each for at least one frame: two to classify and three to stream."""
IMAGE_HEADER_BYTES = 64
"""In front of the constants in an image of them."""
PAGE_BYTES = 4096
"""Buffers start at multiples of this size."""


def sizes_kb(network: Network, platform: Platform, load_bytes: int = 0) -> dict[str, int]:
    """Kilobytes of the banks in use, by name; raises DescriptionError for a bank that is too small for its data.

    `load_bytes` are those of the constants that are loaded, known once the network is folded.
    """
    if not network.has_dma:
        return {}
    memory, fc = network.memory, network.head.fc
    needed: Counter[str] = Counter()
    # One page more each: a host allocates as many frames as fit into a sixteenth of a bank, rounded up to pages.
    needed[memory.images] += BUFFERS * (_pages(network.input.size) + PAGE_BYTES)
    needed[memory.labels] += BUFFERS * (_pages(4 * network.head.top_k.words) + PAGE_BYTES)
    if network.head.streams_weights:
        needed[memory.weights] += _pages(fc.out * fc.inputs)
    if load_bytes:
        # Beside an image the matrix that comes with it, while the earlier one is in use; where there is none, a page that a call names.
        needed[memory.weights] += _pages(IMAGE_HEADER_BYTES + load_bytes)
        needed[memory.weights] += _pages(fc.out * fc.inputs) if network.head.streams_weights else PAGE_BYTES
    return {name: _size_kb(network, platform, name, -(-size // 1024)) for name, size in needed.items()}


def enlarged_kb(design: Design) -> dict[str, int]:
    """Kilobytes of the PLRAM banks that are larger than their default size, by bank."""
    network, platform = design.network, design.platform
    sizes = sizes_kb(network, platform, design.load_bytes)
    return {name: size_kb for name, size_kb in sizes.items() if size_kb > platform.bank(name).kilobytes}


def _larger(platform: Platform) -> str:
    return "a DDR" if platform.default_bank.kind == "ddr4" else "an HBM"


def _pages(size: int) -> int:
    return -(-size // PAGE_BYTES) * PAGE_BYTES


def _size_kb(network: Network, platform: Platform, name: str, needed_kb: int) -> int:
    bank = platform.bank(name)
    if needed_kb <= bank.kilobytes:
        return bank.kilobytes
    grows = bank.kind == "dram"
    most_kb = platform.plram_most_kb if grows else bank.kilobytes
    if needed_kb > most_kb:
        arguments = ("images", "labels", *(("weights",) if network.reads_weights else ()))
        held = [what for what in arguments if getattr(network.memory, what) == name]
        raise DescriptionError(
            network.memory.at,
            f"{' and '.join(f'memory.{what}' for what in held)}: {needed_kb:,} KB in {name}",
            why=f"a PLRAM bank can be made at most {most_kb:,} KB large" if grows else f"the bank has {most_kb:,} KB",
            fix=f"use {_larger(platform)} bank" if grows else "spread them over several banks, or use smaller images",
        )
    return 1 << (needed_kb - 1).bit_length()
