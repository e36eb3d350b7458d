"""The ways to build a convolution, and what each costs: how much of it is computed each cycle, what multiplies, how its activation is built.

Each way is laid out alone, as it is in its IP, and estimated. What is around it in the IP depends on the lanes at its two ends alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from dataflow.cost.estimate import estimate_ip
from dataflow.cost.resources import Resources
from dataflow.design import Ip
from dataflow.layout.ips import conv_ip
from dataflow.platform import Platform
from network.errors import DescriptionError
from network.formats import Kind
from network.layers import Build, Conv, Fold, Multiply, Way, divisors
from network.model import Network

MANY_PIXELS = 16
"""Most pixels side by side that are tried."""


class Own(NamedTuple):
    """What a convolution has of its own in an IP: its units and streams, but not the stream that comes in."""

    cost: Resources
    cycles: int  # a frame
    units: frozenset[str]


@lru_cache(maxsize=1 << 16)
def own(conv: Conv) -> Own:
    """Raises DescriptionError if the convolution cannot be built so."""
    ip = conv_ip(conv)
    return Own(estimate_ip(ip), ip.interval, frozenset(unit.name for unit in ip.units))


def built(network: Network, platform: Platform) -> Network:
    """The network, whose folding is given, with what else is left open chosen for each convolution by itself: the least sum of the shares that
    it takes of the card's budgets."""
    budget = sum(platform.budgets, Resources())

    def chosen(conv: Conv) -> Conv:
        if conv.multiply is not None and (conv.way is not None or not conv.activates):
            return conv
        return conv.built(min(ways(conv, [conv.fold]), key=lambda build: own(nameless(conv.built(build))).cost.share_of(budget)))

    return replace(
        network,
        stem=replace(network.stem, conv=chosen(network.stem.conv)),
        blocks=tuple(block.with_layers(list(map(chosen, block.layers))) for block in network.blocks),
    )


def nameless(conv: Conv) -> Conv:
    """A convolution without the name that does not affect its cost."""
    return replace(conv, name="any.conv")


def folds(conv: Conv) -> list[Fold]:
    """The foldings that a description leaves open. More than two pixels side by side have all their channels at once."""
    pes = divisors(conv.out) if "pe" in conv.free else [conv.pe]
    simds = divisors(conv.input.channels) if "simd" in conv.free else [conv.simd]
    taps = conv.window.taps_a_cycle if "taps" in conv.free else (conv.taps,)
    pixels = [each for each in divisors(conv.output.width) if each <= MANY_PIXELS] if "pixels" in conv.free else [conv.pixels]
    return [
        Fold(pe, simd, side, each)
        for pe in pes
        for simd in simds
        for side in pixels
        for each in taps
        if side <= 2 or len(pixels) == 1 or (pe, simd) == (conv.out, conv.input.channels)
    ]


def ways(conv: Conv, folded: Sequence[Fold]) -> Iterator[Build]:
    """All that can be built of those foldings."""
    multiplies = [conv.multiply] if conv.multiply is not None else [Multiply.LUT] if conv.weight.kind is Kind.BIPOLAR else list(Multiply)
    activations = [conv.way] if conv.way is not None or not conv.activates else [Way.FUSED, Way.COMPARE, Way.SEARCH, Way.TABLE]
    plain = nameless(conv)
    for fold in folded:
        for multiply in multiplies:
            for way in activations:
                build = Build(fold, multiply, way)
                try:
                    own(plain.built(build))
                except DescriptionError:
                    continue
                yield build
