"""The ways to build a convolution, and what each costs: how much of it is computed each cycle, what multiplies, how its activation is built.

Each way is laid out alone, as it is in its IP, and estimated. What is around it in the IP depends on the lanes at its two ends alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import product
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from constants.layout import Role
from dataflow.cost.estimate import estimate_ip
from dataflow.cost.formulas import held_cost, lying_cost
from dataflow.cost.resources import Resources
from dataflow.cost.storage import REGISTER_WORDS, worth
from dataflow.layout.ips import conv_ip
from dataflow.platform import Platform
from dataflow.unit import STORAGES, Constants
from network.errors import DescriptionError
from network.formats import Kind
from network.layers import LOADED, Build, Classifier, Conv, Fold, Multiply, Ram, Way, divisors
from network.model import Network

if TYPE_CHECKING:
    from constants.scaling import Scaling

MOST_TIMES = 6
"""Weights are tried in a memory that takes at most so many times what the cheapest does, by the rule that chooses memories."""
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

    return _each_conv(network, chosen)


def _each_conv(network: Network, of: Callable[[Conv], Conv]) -> Network:
    return replace(
        network,
        stem=replace(network.stem, conv=of(network.stem.conv)),
        blocks=tuple(block.with_layers(list(map(of, block.layers))) for block in network.blocks),
    )


def nameless(conv: Conv) -> Conv:
    """A convolution without the name, which does not affect its cost."""
    return replace(conv, name="any.conv")


@lru_cache(maxsize=1 << 10)
def _alike(conv: Conv) -> tuple[Own, ...]:
    """All ways with the folding that a convolution has. Raises DescriptionError if there are none."""
    return ways(replace(conv, free=())) or (own(conv),)


@lru_cache(maxsize=1 << 8)
def ways(conv: Conv, most: float = inf) -> tuple[Own, ...]:
    """All ways to build a convolution that its description leaves open and that can be built; but for foldings that take more than `most` cycles."""
    found = []
    for fold in _folds(conv):
        if conv.cycles_folded(fold) > most:
            continue
        for multiply in _multiplies(conv):
            for way in _activations(conv):
                try:
                    found += _in_memories(conv.built(Build(fold, multiply, way, conv.holding.memory)))
                except DescriptionError:
                    continue
    return tuple(found)


def _in_memories(conv: Conv) -> list[Own]:
    """A way to build it, with its weights in each memory that is worth trying, if that is left open; they differ in nothing else."""
    ip = conv_ip(conv)
    found = Own(conv.build, conv.simd, conv.lanes_behind, estimate_ip(ip), ip.interval)
    if conv.holding != LOADED:
        return [found]
    weights = next(held for unit in ip.units for held in unit.constants if held.role is Role.WEIGHTS)
    costs = memories(weights)
    if not costs:
        return [found]
    rest = found.cost - held_cost(weights)
    return [found._replace(build=conv.build._replace(memory=memory), cost=rest + cost) for memory, cost in costs.items()]


def left_open(network: Network) -> tuple[str, ...]:
    """The layers whose weights are loaded into a memory that the description does not name."""
    layers: list[Conv | Classifier] = [*network.convs, network.head.fc]
    return tuple(layer.name for layer in layers if layer.holding == LOADED)


def lying(network: Network, memories: Mapping[str, Ram]) -> Network:
    """The network with the weights of these layers in these memories."""

    def of(conv: Conv) -> Conv:
        return conv.built(conv.build._replace(memory=memories[conv.name])) if conv.name in memories else conv

    fc = network.head.fc
    if fc.name in memories:
        fc = fc.built(fc.build._replace(memory=memories[fc.name]))
    return replace(_each_conv(network, of), head=replace(network.head, fc=fc))


def memories(weights: Constants) -> dict[Ram, Resources]:
    """The cost of weights that are loaded in each memory that is worth trying; of a few words, which are in registers, in none."""
    if weights.words <= REGISTER_WORDS:
        return {}
    costs = {memory: lying_cost(weights, storage) for memory, storage in STORAGES.items()}
    least = min(map(worth, costs.values()))
    return {memory: cost for memory, cost in costs.items() if worth(cost) <= MOST_TIMES * least}


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
        if (each == taps[0] or simd == channels) and (side in pixels[:1] or side % 2 or side == 2 or (pe, simd) == (conv.out, channels))
    ]


def _multiplies(conv: Conv) -> Sequence[Multiply]:
    if conv.multiply is not None:
        return (conv.multiply,)
    return (Multiply.LUT,) if conv.weight.kind is Kind.BIPOLAR else tuple(Multiply)


def _activations(conv: Conv) -> Sequence[Way | Scaling | None]:
    if conv.way is not None or not conv.activates:
        return (conv.way,)
    return tuple(way for way in (Way.FUSED, Way.COMPARE, Way.SEARCH, Way.TABLE) if way is not Way.TABLE or conv.acc.bits <= 8)
