"""The ways to build a convolution, and what each costs: how much of it is computed each cycle, what multiplies, how its activation is built.

Each way is laid out alone, as it is in its IP, and estimated. What is around it in the IP depends on the lanes at its two ends alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from dataflow.cost.estimate import estimate_ip
from dataflow.cost.resources import Resources
from dataflow.layout.ips import conv_ip
from dataflow.platform import Platform
from network.errors import DescriptionError
from network.formats import Kind
from network.layers import Build, Conv, Fold, Multiply, Way, divisors
from network.model import Network

if TYPE_CHECKING:
    from constants.scaling import Scaling

MANY_PIXELS = 16
"""Most pixels side by side that are tried."""


class Own(NamedTuple):
    """A way to build a convolution, the lanes at its two ends, and what it has of its own in an IP."""

    build: Build
    into: int
    out: int
    cost: Resources
    cycles: int  # a frame


def own(conv: Conv) -> Own:
    """Raises DescriptionError if the convolution cannot be built so."""
    ip = conv_ip(conv)
    return Own(conv.build, conv.simd, conv.lanes_behind, estimate_ip(ip), ip.interval)


def built(network: Network, platform: Platform) -> Network:
    """The network, whose folding is given, with what else is left open chosen for each convolution by itself: the least sum of the shares that
    it takes of the card's budgets."""
    budget = sum(platform.budgets, Resources())

    def chosen(conv: Conv) -> Conv:
        return conv.built(min(_alike(nameless(conv)), key=lambda each: each.cost.share_of(budget)).build)

    return replace(
        network,
        stem=replace(network.stem, conv=chosen(network.stem.conv)),
        blocks=tuple(block.with_layers(list(map(chosen, block.layers))) for block in network.blocks),
    )


def nameless(conv: Conv) -> Conv:
    """A convolution without the name, which does not affect its cost."""
    return replace(conv, name="any.conv")


@lru_cache(maxsize=1 << 10)
def _alike(conv: Conv) -> tuple[Own, ...]:
    """All ways with the folding that a convolution has. Raises DescriptionError if there are none."""
    return ways(replace(conv, free=())) or (own(conv),)


@lru_cache(maxsize=1 << 8)
def ways(conv: Conv) -> tuple[Own, ...]:
    """All ways to build a convolution that its description leaves open and that can be built."""
    found = []
    for fold in _folds(conv):
        for multiply in _multiplies(conv):
            for way in _activations(conv):
                try:
                    found.append(own(conv.built(Build(fold, multiply, way))))
                except DescriptionError:
                    continue
    return tuple(found)


def _folds(conv: Conv) -> list[Fold]:
    """Its foldings. Where they are free, several taps of the kernel have all their channels at once, since more channels of one tap need less;
    and so have several pixels, but for the two whose products share a DSP."""
    channels = conv.input.channels
    pes = divisors(conv.out) if "pe" in conv.free else [conv.pe]
    simds = divisors(channels) if "simd" in conv.free else [conv.simd]
    taps = conv.window.taps_a_cycle if "taps" in conv.free else (conv.taps,)
    pixels = [each for each in divisors(conv.output.width) if each <= MANY_PIXELS] if "pixels" in conv.free else [conv.pixels]
    return [
        Fold(pe, simd, side, each)
        for pe, simd, side, each in product(pes, simds, pixels, taps)
        if (each == taps[0] or simd == channels) and (side == pixels[0] or (pe, simd) == (conv.out, channels) or side == 2)
    ]


def _multiplies(conv: Conv) -> Sequence[Multiply]:
    if conv.multiply is not None:
        return (conv.multiply,)
    return (Multiply.LUT,) if conv.weight.kind is Kind.BIPOLAR else tuple(Multiply)


def _activations(conv: Conv) -> Sequence[Way | Scaling | None]:
    if conv.way is not None or not conv.activates:
        return (conv.way,)
    return tuple(way for way in (Way.FUSED, Way.COMPARE, Way.SEARCH, Way.TABLE) if way is not Way.TABLE or conv.acc.bits <= 8)
