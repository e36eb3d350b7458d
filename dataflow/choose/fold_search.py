"""The folding search: PE, SIMD, pixels and taps of every layer, what multiplies, and how its activation is built, for the least resources at
a frame rate. Exact within the cost model.

`fold_choices` gives the best ways to build each IP. Neighbouring IPs affect each other only through width converters, so a second
dynamic program along the chain of IPs combines them. "Least" is one number: the used shares of the card's budgets, summed over
the kinds of resources. The fastest foldings that fit are found by `fold_fastest`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf

import numpy as np

from dataflow.choose.fold_choices import Choice, Weights, choices
from dataflow.choose.fold_tables import NEVER, Costs, Part, Table, layers, rebuild, table, vector
from dataflow.cost.estimate import estimate_link
from dataflow.cost.resources import KINDS, Resources
from dataflow.design import Ip, Port
from dataflow.layout.ips import dma_ip
from dataflow.layout.network import link
from dataflow.platform import Platform
from network.errors import DescriptionError
from network.layers import Build, Classifier, Conv, Fold, Multiply, Ram, Way
from network.model import Block, Head, Network, Stem


@dataclass(frozen=True, eq=False, kw_only=True)
class Search:
    """The foldings a network leaves open, on a card."""

    network: Network
    platform: Platform
    tables: tuple[Table, ...]  # of stem, blocks and head
    dma: Ip | None
    _links: dict[tuple[Port, Port], Costs] = field(default_factory=dict, repr=False)
    _choices: dict[tuple[int, int, bytes], list[Choice]] = field(default_factory=dict, repr=False)

    @cached_property
    def budget(self) -> Resources:
        """The budget of the whole card."""
        return sum(self.platform.budgets, Resources())

    @cached_property
    def shares(self) -> Weights:
        """Shares of the card's budgets, summed: the measure of "least"."""
        return 1 / np.maximum(vector(self.budget), 1)[:, None]

    @property
    def floor(self) -> int:
        """Cycles a frame that no folding goes below: those of the DMA, which has one."""
        return self.dma.interval if self.dma else 0

    @cached_property
    def candidates(self) -> list[int]:
        """All possible numbers of cycles a frame, in ascending order; none is less than `floor`."""
        seen = {
            int(cycles) for own in self.tables for each in (*own.cycles, *(pair.cycles for pair in own.pairs)) for cycles in np.unique(each)
        }
        return sorted({max(cycles, self.floor) for cycles in seen if cycles < NEVER})

    def choices(self, part: int, cycles: int, weights: Weights) -> list[Choice]:
        """The choices of one part; equal parts share a table, and so its choices."""
        key = (id(self.tables[part].base), cycles, weights.tobytes())
        if key not in self._choices:
            self._choices[key] = choices(self.tables[part], cycles, weights)
        return self._choices[key]

    def link(self, source: Port | None, sink: Port) -> Costs:
        """The cost of the FIFO and width converter between two ports; nothing where the stream comes from outside."""
        if source is None:
            return np.zeros(len(KINDS))
        if (source, sink) not in self._links:
            self._links[source, sink] = vector(estimate_link(link("source", source, "sink", sink)))
        return self._links[source, sink]

    def least(self, cycles: int, weights: Weights | None = None) -> tuple[tuple[int, ...], ...] | None:
        """How every layer is built, part by part, for the least cost and at most `cycles` a frame; None if no way is that fast."""
        if cycles < self.floor:
            return None
        measure = self.shares if weights is None else weights
        before = self.dma.port("image") if self.dma else None
        ways: dict[Port | None, tuple[float, tuple[tuple[int, ...], ...]]] = {before: (0.0, ())}
        for part in range(len(self.tables)):
            after: dict[Port | None, tuple[float, tuple[tuple[int, ...], ...]]] = {}
            for choice in self.choices(part, cycles, measure):
                reached = min((cost + float((self.link(port, choice.input) @ measure)[0]), way) for port, (cost, way) in ways.items())
                way = (reached[0] + float(choice.cost[0]), (*reached[1], choice.builds))
                if choice.output not in after or way < after[choice.output]:
                    after[choice.output] = way
            ways = after
            if not ways:
                return None
        return min(ways.values())[1]

    def built(self, chosen: Sequence[Sequence[int]]) -> Network:
        """The network built so."""
        return assemble(self.network, [own.built(each) for own, each in zip(self.tables, chosen, strict=True)])

    def fewest_cycles(self) -> int:
        """The fewest cycles of any folding, whatever it costs."""
        low, high = 0, len(self.candidates) - 1
        while low < high:
            middle = (low + high) // 2
            possible = all(self.choices(part, self.candidates[middle], self.shares) for part in range(len(self.tables)))
            low, high = (low, middle) if possible else (middle + 1, high)
        return self.candidates[low]


def search(network: Network, platform: Platform) -> Search:
    """Prepare a search by computing its tables; takes seconds for ResNet-50."""
    found = search_within(network, platform, inf)
    if found is None:
        raise TypeError("tables of all ways leave no part out")
    return found


def search_within(network: Network, platform: Platform, most: float) -> Search | None:
    """The same for at most so many cycles a frame, so that no slower foldings need be tried; None where some layer has no others."""
    tables: dict[str, Table] = {}
    own = []
    for part in network.parts.values():
        like = repr(nameless(part))
        if like not in tables:
            new = table(part, most)
            if new is None:
                return None
            tables[like] = new
        own.append(tables[like] if tables[like].part == part else replace(tables[like], part=part))
    return Search(network=network, platform=platform, tables=tuple(own), dma=dma_ip(network, ()) if network.has_dma else None)


def assemble(network: Network, parts: Sequence[Part]) -> Network:
    """The network made of these parts."""
    stem, *blocks, head = parts
    if not (isinstance(stem, Stem) and isinstance(head, Head)):
        raise TypeError("a network is a stem, blocks and a head")
    return replace(network, stem=stem, blocks=tuple(block for block in blocks if isinstance(block, Block)), head=head)


def nameless(part: Part) -> Part:
    """A part without the fields that do not affect its cost."""
    if not isinstance(part, Block):
        return part
    alike = part.with_layers([replace(layer, name="") for layer in part.layers])
    return replace(alike, name="", slr=None)


def numbers(network: Network) -> list[int]:
    """(pe, simd, pixels, taps, what multiplies, how the activation is built) of every layer in stream order; -1 for what is not chosen."""
    layers: list[Conv | Classifier] = [*network.convs, network.head.fc]
    return [number for layer in layers for number in _numbers(layer.build)]


def _numbers(build: Build) -> tuple[int, ...]:
    multiply = -1 if build.multiply is None else list(Multiply).index(build.multiply)
    way = list(Way).index(build.way) if isinstance(build.way, Way) else -1
    return (*build.fold, multiply, way, -1 if build.memory is None else list(Ram).index(build.memory))


def _build(layer: Conv | Classifier, known: Sequence[int]) -> Build:
    """The build of these numbers; what is described stays."""
    multiply = None if known[4] < 0 else list(Multiply)[known[4]]
    way = layer.build.way if known[5] < 0 else list(Way)[known[5]]
    return Build(Fold(*known[:4]), multiply, way, None if known[6] < 0 else list(Ram)[known[6]])


def rebuilt(network: Network, known: Sequence[int]) -> Network | None:
    """The network with these `numbers`; None where these are not a way to build it."""
    own = {name: layers(part) for name, part in network.parts.items()}
    if len(known) != 7 * sum(map(len, own.values())) or any(min(known[place : place + 4]) < 1 for place in range(0, len(known), 7)):
        return None
    parts, place = [], 0
    try:
        for name, part in network.parts.items():
            builds = [_build(layer, known[place + 7 * i : place + 7 * i + 7]) for i, layer in enumerate(own[name])]
            parts.append(rebuild(part, builds))
            place += 7 * len(builds)
    except (DescriptionError, IndexError):
        return None
    return assemble(network, parts)
