"""Tables of the cost and the cycles of every way to build every layer; the search uses nothing else.

The cost of a block is a sum: of what each of its convolutions has of its own (dataflow.choose.builds), and of the rest, which depends on
the lanes at the ends of the convolutions alone: on each of them, and on pairs of them on both sides of a width converter. So tables of
the convolutions, of their ends and of such pairs give the exact cost of every choice (Table.cost; a test compares it with complete IPs).
Those of the rest come from IPs that are laid out and estimated: with the ends in question of one or two layers, and the widest ends of
the others, so that the ends in question determine the cycles. Stem and head have one layer each, and are laid out as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataflow.choose.builds import folds, nameless, own, ways
from dataflow.cost.estimate import estimate_ip
from dataflow.cost.resources import KINDS, Resources
from dataflow.design import Ip, Port
from dataflow.layout.ips import block_ip, head_ip, stem_ip
from network.errors import DescriptionError
from network.layers import Build, Classifier, Conv, Fold, divisors
from network.model import Block, Head, Stem

Part: TypeAlias = Stem | Block | Head
"""The part of a network that becomes one IP."""
Costs: TypeAlias = NDArray[np.float64]
"""[..., kind], in the order of KINDS."""
NEVER = 1 << 62
"""Cycles of what cannot be built."""


class Ends(NamedTuple):
    """The lanes at the two ends of a layer."""

    into: int
    out: int


class Meeting(NamedTuple):
    """Two lanes on both sides of a width converter: at an end of a layer and at one of another layer."""

    layer: int
    end: str
    other: int
    other_end: str


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Pair:
    """The cost and cycles of such a pair of lanes: `costs[a, b]` for the a-th value of one and the b-th value of the other."""

    meeting: Meeting
    costs: Costs
    cycles: NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Table:
    """One IP. Way `i` to build its layer `l` costs `costs[l][i]` and takes `cycles[l][i]`; `base` is added once."""

    part: Part
    builds: tuple[tuple[Build, ...], ...]
    ends: tuple[tuple[Ends, ...], ...]  # of each of them
    base: Costs
    costs: tuple[Costs, ...]
    cycles: tuple[NDArray[np.int64], ...]
    pairs: tuple[Pair, ...]
    inputs: tuple[Port, ...]  # by the build of the first layer
    outputs: tuple[Port, ...]  # by the build of the main path's last layer

    def lanes(self, layer: int, end: str) -> tuple[int, ...]:
        """The possible lanes at an end of a layer."""
        return tuple(sorted({getattr(ends, end) for ends in self.ends[layer]}))

    def lane_of(self, layer: int, end: str) -> NDArray[np.int64]:
        """For each way to build a layer, the index of its lanes at an end in `lanes`."""
        return self._lane_of[layer, end]

    @cached_property
    def _lane_of(self) -> dict[tuple[int, str], NDArray[np.int64]]:
        return {
            (layer, end): np.searchsorted(self.lanes(layer, end), [getattr(ends, end) for ends in own])
            for layer, own in enumerate(self.ends)
            for end in Ends._fields
        }

    def cost(self, chosen: Sequence[int]) -> Resources:
        """The cost of a choice of one way to build for each layer."""
        total = self.base + sum(costs[i] for costs, i in zip(self.costs, chosen, strict=True))
        for pair in self.pairs:
            total = total + pair.costs[self._met(pair.meeting, chosen)]
        return resources(total)

    def takes(self, chosen: Sequence[int]) -> int:
        """The cycles a frame of such a choice."""
        met = (int(pair.cycles[self._met(pair.meeting, chosen)]) for pair in self.pairs)
        return max(*(int(cycles[i]) for cycles, i in zip(self.cycles, chosen, strict=True)), *met, 0)

    def _met(self, meeting: Meeting, chosen: Sequence[int]) -> tuple[int, int]:
        layer, end, other, other_end = meeting
        return int(self.lane_of(layer, end)[chosen[layer]]), int(self.lane_of(other, other_end)[chosen[other]])

    def built(self, chosen: Sequence[int]) -> Part:
        return rebuild(self.part, [builds[i] for builds, i in zip(self.builds, chosen, strict=True)])


def vector(of: Resources) -> Costs:
    return np.array([getattr(of, kind) for kind in KINDS], dtype=float)


def resources(costs: Costs) -> Resources:
    lut, ff, bram, uram, dsp = costs.tolist()
    return Resources(lut=round(lut), ff=round(ff), bram=bram, uram=round(uram), dsp=round(dsp))


def layers(part: Part) -> tuple[Conv | Classifier, ...]:
    if isinstance(part, Stem):
        return (part.conv,)
    return part.layers if isinstance(part, Block) else (part.fc,)


def rebuild(part: Part, builds: Sequence[Build]) -> Part:
    """The same part, built in another way; raises DescriptionError for what cannot be."""
    if isinstance(part, Head):
        return replace(part, fc=part.fc.built(builds[0]))
    if isinstance(part, Stem):
        return replace(part, conv=part.conv.built(builds[0]))
    return part.with_layers([layer.built(build) for layer, build in zip(part.layers, builds, strict=True)])


def lay_out(part: Part) -> Ip:
    if isinstance(part, Stem):
        return stem_ip(part)
    return block_ip(part) if isinstance(part, Block) else head_ip(part)


def table(part: Part) -> Table:
    """The table of all ways to build one IP that its description leaves open. Raises DescriptionError if there are none."""
    return _of_block(part) if isinstance(part, Block) else _of_one_layer(part)


def _of_one_layer(part: Stem | Head) -> Table:
    candidates = list(ways(part.conv, folds(part.conv)) if isinstance(part, Stem) else _classifier_folds(part.fc))
    built: list[tuple[Build, Ip]] = []
    for build in candidates:
        try:
            built.append((build, lay_out(rebuild(part, [build]))))
        except DescriptionError:
            continue
    if not built:
        lay_out(part)  # the narrowest part: raises the error that says what is too wide
    (layer,) = layers(part)
    costs = np.array([vector(estimate_ip(ip)) for _, ip in built])
    cycles = np.array([ip.interval for _, ip in built], dtype=np.int64)
    ends = [_ends(layer.built(build)) for build, _ in built]
    kept = _undominated([(ip.inputs[0], ip.outputs[0]) for _, ip in built], costs, cycles)
    return Table(
        part=part,
        builds=(tuple(built[i][0] for i in kept),),
        ends=(tuple(ends[i] for i in kept),),
        base=np.zeros(len(KINDS)),
        costs=(costs[kept],),
        cycles=(cycles[kept],),
        pairs=(),
        inputs=tuple(built[i][1].inputs[0] for i in kept),
        outputs=tuple(built[i][1].outputs[0] for i in kept),
    )


def _classifier_folds(layer: Classifier) -> list[Build]:
    pes = divisors(layer.out) if "pe" in layer.free else [layer.pe]
    simds = divisors(layer.inputs) if "simd" in layer.free else [layer.simd]
    return [Build(Fold(pe, simd)) for pe in pes for simd in simds]


def _ends(layer: Conv | Classifier) -> Ends:
    return Ends(layer.simd, layer.lanes_behind)


def _undominated(ports: Sequence[object], costs: Costs, cycles: NDArray[np.int64]) -> NDArray[np.int64]:
    """The indices, in order, of what no other with the same ports beats in cycles and in every kind of resource."""
    groups: dict[object, list[int]] = {}
    for index, port in enumerate(ports):
        groups.setdefault(port, []).append(index)
    kept: list[int] = []
    for group in groups.values():
        measures = np.column_stack([cycles[group].astype(float), costs[group]])
        order = np.lexsort(measures.T[::-1])  # what beats another comes before it
        measures = measures[order]
        best = np.empty((0, measures.shape[1]))
        for place, measure in zip(order, measures, strict=True):
            if not (best <= measure).all(axis=1).any():
                best = np.vstack([best, measure])
                kept.append(group[place])
    return np.array(sorted(kept), dtype=np.int64)


class _Rest:
    """What a block has besides its convolutions, by the lanes at their ends."""

    def __init__(self, block: Block, builds: Sequence[Sequence[Build]]) -> None:
        self.block = block
        self.of: list[dict[Ends, Build]] = []  # for each layer, by its ends, a way to build it that has them
        for layer, own_builds in zip(block.layers, builds, strict=True):
            found: dict[Ends, Build] = {}
            for build in own_builds:
                found.setdefault(_ends(layer.built(build)), build)
            self.of.append(found)

    def keep_buildable(self) -> None:
        """Drop the ends whose beats are too wide. Each is tried with the others as narrow as possible, since only its own width matters."""
        narrowest = [min(ends, key=lambda each: each.into * each.out) for ends in self.of]
        for layer, ends in enumerate(self.of):
            for number, end in enumerate(Ends._fields):
                for lanes in sorted({each[number] for each in ends}):
                    having = min((each for each in ends if each[number] == lanes), key=lambda each: each.into * each.out, default=None)
                    if having is None:
                        continue
                    try:
                        self.ip({layer: having}, narrowest)
                    except DescriptionError:
                        self.of[layer] = ends = {each: build for each, build in ends.items() if getattr(each, end) != lanes}
        if not all(self.of):
            block_ip(self.block)  # the narrowest: raises the error that says what is too wide

    @property
    def widest(self) -> list[Ends]:
        return [max(ends, key=lambda each: each.into * each.out) for ends in self.of]

    def ip(self, changed: dict[int, Ends], others: Sequence[Ends]) -> tuple[Ip, list[Conv]]:
        ends = [changed.get(layer, other) for layer, other in enumerate(others)]
        built = self.block.with_layers([layer.built(of[each]) for layer, of, each in zip(self.block.layers, self.of, ends, strict=True)])
        return block_ip(built), list(built.layers)

    def built(self, changed: dict[int, Ends], others: Sequence[Ends]) -> tuple[Ip, Costs, int]:
        """The IP, and the cost and the cycles of what is not the convolutions' own."""
        ip, convs = self.ip(changed, others)
        owned = [own(nameless(conv)) for conv in convs]
        names = {
            name.replace("conv", conv.name.partition(".")[2], 1) for conv, each in zip(convs, owned, strict=True) for name in each.units
        }
        cost = vector(estimate_ip(ip)) - sum(vector(each.cost) for each in owned)
        return ip, cost, max(unit.interval for unit in ip.units if unit.name not in names)


def _of_block(block: Block) -> Table:
    convs = block.layers
    builds = [list(ways(conv, folds(conv))) for conv in convs]
    if not all(builds):
        block_ip(block)
    rest = _Rest(block, builds)
    rest.keep_buildable()
    widest = rest.widest
    base = rest.built({}, widest)[1]
    last = len(block.convs) - 1
    kept_builds, kept_ends, costs, cycles, inputs, outputs = [], [], [], [], (), ()
    for number, (conv, candidates) in enumerate(zip(convs, builds, strict=True)):
        around = {ends: rest.built({number: ends}, widest) for ends in rest.of[number]}
        ends = [_ends(conv.built(build)) for build in candidates]
        usable = [i for i, each in enumerate(ends) if each in around]
        owned = [own(nameless(conv.built(candidates[i]))) for i in usable]
        own_costs = np.array([vector(each.cost) for each in owned]) + np.array([around[ends[i]][1] - base for i in usable])
        own_cycles = np.array([max(each.cycles, around[ends[i]][2]) for i, each in zip(usable, owned, strict=True)], dtype=np.int64)
        kept = _undominated([ends[i] for i in usable], own_costs, own_cycles)
        kept_builds.append(tuple(candidates[usable[i]] for i in kept))
        kept_ends.append(tuple(ends[usable[i]] for i in kept))
        costs.append(own_costs[kept])
        cycles.append(own_cycles[kept])
        if number == 0:
            inputs = tuple(around[each][0].inputs[0] for each in kept_ends[-1])
        if number == last:
            outputs = tuple(around[each][0].outputs[0] for each in kept_ends[-1])
    return Table(
        part=block,
        builds=tuple(kept_builds),
        ends=tuple(kept_ends),
        base=base,
        costs=tuple(costs),
        cycles=tuple(cycles),
        pairs=tuple(_pair(rest, widest, base, meeting) for meeting in _meetings(block)),
        inputs=inputs,
        outputs=outputs,
    )


def _meetings(block: Block) -> list[Meeting]:
    """The pairs of lanes along the main path, at the join and at the fork."""
    last = len(block.convs) - 1
    along = [Meeting(layer, "out", layer + 1, "into") for layer in range(last)]
    if block.bypass is None:
        return [*along, Meeting(0, "into", last, "out")]
    return [*along, Meeting(last, "out", last + 1, "out"), Meeting(0, "into", last + 1, "into")]


def _pair(rest: _Rest, widest: Sequence[Ends], base: Costs, meeting: Meeting) -> Pair:
    """The cost of two lanes together minus that of each alone; all other lanes are as wide as possible."""
    layer, end, other, other_end = meeting
    ones, others = _widest_by(rest.of[layer], end), _widest_by(rest.of[other], other_end)
    alone = [rest.built({layer: each}, widest)[1] - base for each in ones]
    alone_other = [rest.built({other: each}, widest)[1] - base for each in others]
    costs = np.zeros((len(ones), len(others), len(KINDS)))
    cycles = np.full((len(ones), len(others)), NEVER, dtype=np.int64)
    for a, one in enumerate(ones):
        for b, two in enumerate(others):
            try:
                _, cost, cycles[a, b] = rest.built({layer: one, other: two}, widest)
            except DescriptionError:
                continue
            costs[a, b] = cost - base - alone[a] - alone_other[b]
    return Pair(meeting=meeting, costs=costs, cycles=cycles)


def _widest_by(ends: Sequence[Ends], end: str) -> list[Ends]:
    """For each number of lanes at one end, in ascending order, the widest other end."""
    values = sorted({getattr(each, end) for each in ends})
    return [max((each for each in ends if getattr(each, end) == value), key=lambda each: each.into * each.out) for value in values]
