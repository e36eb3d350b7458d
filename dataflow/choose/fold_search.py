"""The folding search: PE, SIMD and pixels of every layer, for the least resources at a frame rate. Exact in the model.

IP by IP the best foldings come from `fold_choices`; IPs meet in the width converters of their streams only, so a second dynamic
program along the chain of IPs joins them. "Least" is one number: the shares of the card's budgets that are used, summed over the
kinds of resources. `fastest` is in `fold_fit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from dataflow.choose.fold_choices import Choice, Weights, choices
from dataflow.choose.fold_tables import NEVER, Costs, Part, Table, layers, refold, table, vector
from dataflow.cost.estimate import estimate_link
from dataflow.cost.resources import Resources
from dataflow.design import Ip, Port
from dataflow.layout.ips import dma_ip
from dataflow.layout.network import link
from dataflow.platform import Platform
from network.errors import DescriptionError
from network.layers import Classifier, Conv, Fold
from network.model import Block, Head, Network, Stem


@dataclass(frozen=True, eq=False, kw_only=True)
class Search:
    """The foldings a network leaves open, on a card."""

    network: Network
    platform: Platform
    tables: tuple[Table, ...]  # of stem, blocks and head
    dma: Ip
    _links: dict[tuple[Port, Port], Costs] = field(default_factory=dict, repr=False)
    _found: dict[tuple[int, int, bytes], list[Choice]] = field(default_factory=dict, repr=False)

    @cached_property
    def budget(self) -> Resources:
        """Of the whole card."""
        return sum(self.platform.budgets, Resources())

    @cached_property
    def shares(self) -> Weights:
        """Shares of the card's budgets, summed: the measure of "least"."""
        return 1 / np.maximum(vector(self.budget), 1)[:, None]

    @cached_property
    def candidates(self) -> list[int]:
        """All cycles a frame that a folding can come to, few first."""
        seen = {
            int(cycles) for own in self.tables for each in (*own.cycles, *(pair.cycles for pair in own.pairs)) for cycles in np.unique(each)
        }
        return sorted(cycles for cycles in seen if cycles < NEVER)

    def choices(self, part: int, cycles: int, weights: Weights) -> list[Choice]:
        """Of one part; parts alike share a table, and so the answer."""
        key = (id(self.tables[part].base), cycles, weights.tobytes())
        if key not in self._found:
            self._found[key] = choices(self.tables[part], cycles, weights)
        return self._found[key]

    def link(self, source: Port, sink: Port) -> Costs:
        """FIFO and width converter between two ports."""
        if (source, sink) not in self._links:
            self._links[source, sink] = vector(estimate_link(link("source", source, "sink", sink)))
        return self._links[source, sink]

    def least(self, cycles: int, weights: Weights | None = None) -> tuple[tuple[int, ...], ...] | None:
        """The folds of every layer, part by part, that cost least and take at most `cycles` a frame; None where nothing is so fast."""
        measure = self.shares if weights is None else weights
        image = self.dma.port("image")
        ways: dict[Port, tuple[float, tuple[tuple[int, ...], ...]]] = {image: (0.0, ())}
        for part in range(len(self.tables)):
            after: dict[Port, tuple[float, tuple[tuple[int, ...], ...]]] = {}
            for choice in self.choices(part, cycles, measure):
                reached = min((cost + float((self.link(port, choice.input) @ measure)[0]), way) for port, (cost, way) in ways.items())
                way = (reached[0] + float(choice.cost[0]), (*reached[1], choice.folds))
                if choice.output not in after or way < after[choice.output]:
                    after[choice.output] = way
            ways = after
            if not ways:
                return None
        return min(ways.values())[1]

    def folded(self, folds: Sequence[Sequence[int]]) -> Network:
        """The network in these foldings."""
        return assemble(self.network, [own.folded(chosen) for own, chosen in zip(self.tables, folds, strict=True)])

    def fewest_cycles(self) -> int:
        """Of all foldings there are, whatever they cost."""
        low, high = 0, len(self.candidates) - 1
        while low < high:
            middle = (low + high) // 2
            possible = all(self.choices(part, self.candidates[middle], self.shares) for part in range(len(self.tables)))
            low, high = (low, middle) if possible else (middle + 1, high)
        return self.candidates[low]


def search(network: Network, platform: Platform) -> Search:
    """All there is to know before searching; a second for ResNet-50."""
    tables: dict[str, Table] = {}
    own = []
    for part in network.parts.values():
        key = repr(nameless(part))
        if key not in tables:
            tables[key] = table(part)
        own.append(tables[key] if tables[key].part == part else replace(tables[key], part=part))
    return Search(network=network, platform=platform, tables=tuple(own), dma=dma_ip(network))


def assemble(network: Network, folded: Sequence[Part]) -> Network:
    """The network made of these parts."""
    stem, *blocks, head = folded
    if not (isinstance(stem, Stem) and isinstance(head, Head)):
        raise TypeError("a network is a stem, blocks and a head")
    return replace(network, stem=stem, blocks=tuple(block for block in blocks if isinstance(block, Block)), head=head)


def nameless(part: Part) -> Part:
    """A part without what does not matter to its cost."""
    if not isinstance(part, Block):
        return part
    alike = part.with_layers([replace(layer, name="") for layer in part.layers])
    return replace(alike, name="", slr=None)


def numbers(network: Network) -> list[int]:
    """(pe, simd, pixels) of every layer in stream order."""
    layers: list[Conv | Classifier] = [*network.convs, network.head.fc]
    return [number for layer in layers for number in layer.fold]


def refolded(network: Network, known: Sequence[int]) -> Network | None:
    """The network with these `numbers`; None where these are not foldings it can have."""
    folds = [Fold(*known[place : place + 3]) for place in range(0, len(known) - 2, 3)]
    if len(known) != 3 * sum(len(layers(part)) for part in network.parts.values()) or min(known, default=0) < 1:
        return None
    found = []
    try:
        for part in network.parts.values():
            found.append(refold(part, folds[: len(layers(part))]))
            folds = folds[len(layers(part)) :]
    except DescriptionError:
        return None
    return assemble(network, found)
