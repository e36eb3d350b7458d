"""Tables of the cost and the cycles of every way to build every layer; the search uses nothing else.

The cost of a block is a sum: of what each of its convolutions has of its own (dataflow.choose.builds), and of the rest, which depends on
the lanes at the ends of the convolutions alone: on each of them, and on pairs of them on both sides of a width converter. So tables of
the convolutions, of their ends and of such pairs give the exact cost of every choice (Table.cost; a test compares it with complete IPs).
Those of the rest come from IPs that are laid out without them and estimated: with the ends in question of one or two layers, and the widest
ends of the others, so that the ends in question determine the cycles. Stem and head have one layer each, and are laid out as a whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf, prod
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataflow.choose.builds import Own, nameless, ways
from dataflow.cost.estimate import estimate_ip, estimate_stream
from dataflow.cost.resources import KINDS, Resources
from dataflow.cost.storage import REGISTER_WORDS
from dataflow.design import Ip, Port, Stream
from dataflow.layout.chain import CONSTANTS
from dataflow.layout.ips import block_frame, block_ip, head_ip, stem_ip
from network.errors import DescriptionError
from network.layers import LOADED, Build, Classifier, Conv, Fold, Ram, divisors
from network.model import Block, Head, Stem

Part: TypeAlias = Stem | Block | Head
"""The part of a network that becomes one IP."""
Costs: TypeAlias = NDArray[np.float64]
"""[..., kind], in the order of KINDS."""
MESSAGES = Stream(name="constants", lanes=1, format=CONSTANTS)
"""From a unit that loads to the next."""
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


def table(part: Part, most: float = inf) -> Table | None:
    """The table of all ways to build one IP that its description leaves open, but for layers folded so that they take more than `most` cycles;
    None if there are no others. Raises DescriptionError if there is no way at all."""
    return _of_block(part, most) if isinstance(part, Block) else _of_one_layer(part, most)


def _of_one_layer(part: Stem | Head, most: float) -> Table | None:
    candidates = [each.build for each in ways(nameless(part.conv), most)] if isinstance(part, Stem) else _classifier_builds(part.fc, most)
    if not candidates and most < inf:
        return None
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


def _classifier_builds(layer: Classifier, most: float) -> list[Build]:
    pes = divisors(layer.out) if "pe" in layer.free else [layer.pe]
    simds = divisors(layer.inputs) if "simd" in layer.free else [layer.simd]
    rows = {Fold(pe, simd): layer.out * layer.inputs // (pe * simd) for pe in pes for simd in simds}

    def memories(words: int) -> Iterable[Ram | None]:
        return Ram if layer.holding == LOADED and words > REGISTER_WORDS else (layer.holding.memory,)

    return [Build(fold, memory=memory) for fold, words in rows.items() if words <= most for memory in memories(words)]


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


class _Frame:
    """What a block has besides its convolutions, by the lanes at their ends."""

    def __init__(self, block: Block, candidates: Sequence[Sequence[Own]]) -> None:
        self.block = block
        # Each unit of a convolution that loads has a stream for its messages; but the first one of the IP is fed by the port.
        self.is_fed = any(layer.holding.loaded for layer in block.layers)
        self.convs: list[dict[Ends, Conv]] = []  # for each layer, by its ends, the convolution built in some way that has them
        for layer, of_layer in zip(block.layers, candidates, strict=True):
            some = {Ends(each.into, each.out): each.build for each in reversed(of_layer)}
            self.convs.append({ends: layer.built(build) for ends, build in some.items()})
        self._keep_buildable()
        self.widest = [max(ends, key=prod) for ends in self.convs]

    def _keep_buildable(self) -> None:
        """Drop the ends whose beats are too wide. Each is tried with the others as narrow as possible, since only its own width matters."""
        narrowest = [convs[min(convs, key=prod)] for convs in self.convs if convs]
        for layer in range(len(narrowest)):
            for number in range(len(Ends._fields)):
                for lanes in sorted({ends[number] for ends in self.convs[layer]}):
                    having = min((ends for ends in self.convs[layer] if ends[number] == lanes), key=prod)
                    try:
                        self._ip([*narrowest[:layer], self.convs[layer][having], *narrowest[layer + 1 :]])
                    except DescriptionError:
                        self.convs[layer] = {ends: conv for ends, conv in self.convs[layer].items() if ends[number] != lanes}
        if not all(self.convs):
            block_ip(self.block)  # the narrowest: raises the error that says what is too wide

    def _ip(self, convs: Sequence[Conv]) -> Ip:
        return block_frame(self.block.with_layers(convs))

    def built(self, changed: dict[int, Ends]) -> tuple[Ip, Costs, int]:
        """With these ends of layers, and the widest of the others: the IP, its cost and its cycles a frame."""
        ip = self._ip([convs[changed.get(layer, self.widest[layer])] for layer, convs in enumerate(self.convs)])
        cost = vector(estimate_ip(ip))
        if self.is_fed and not any(unit.loads for unit in ip.units):
            cost = cost - vector(estimate_stream(MESSAGES))
        return ip, cost, ip.interval


def _of_block(block: Block, most: float) -> Table | None:
    candidates = [ways(nameless(conv), most) for conv in block.layers]
    if not all(candidates) and most < inf:
        return None
    frame = _Frame(block, candidates)
    base = frame.built({})[1]
    builds, ends, costs, cycles = [], [], [], []
    ports: list[dict[Ends, Ip]] = []
    for number, of_layer in enumerate(candidates):
        around = {each: frame.built({number: each}) for each in frame.convs[number]}
        usable = [(each, Ends(each.into, each.out)) for each in of_layer if (each.into, each.out) in around]
        own_costs = np.array([vector(each.cost) + around[between][1] - base for each, between in usable])
        own_cycles = np.array([max(each.cycles, around[between][2]) for each, between in usable], dtype=np.int64)
        kept = _undominated([between for _, between in usable], own_costs, own_cycles)
        builds.append(tuple(usable[i][0].build for i in kept))
        ends.append(tuple(usable[i][1] for i in kept))
        costs.append(own_costs[kept])
        cycles.append(own_cycles[kept])
        ports.append({between: ip for between, (ip, _, _) in around.items()})
    last = len(block.convs) - 1
    return Table(
        part=block,
        builds=tuple(builds),
        ends=tuple(ends),
        base=base,
        costs=tuple(costs),
        cycles=tuple(cycles),
        pairs=tuple(_pair(frame, base, meeting) for meeting in _meetings(block)),
        inputs=tuple(ports[0][each].inputs[0] for each in ends[0]),
        outputs=tuple(ports[last][each].outputs[0] for each in ends[last]),
    )


def _meetings(block: Block) -> list[Meeting]:
    """The pairs of lanes along the main path, at the join and at the fork."""
    last = len(block.convs) - 1
    along = [Meeting(layer, "out", layer + 1, "into") for layer in range(last)]
    if block.bypass is None:
        return [*along, Meeting(0, "into", last, "out")]
    return [*along, Meeting(last, "out", last + 1, "out"), Meeting(0, "into", last + 1, "into")]


def _pair(frame: _Frame, base: Costs, meeting: Meeting) -> Pair:
    """The cost of two lanes together minus that of each alone; all other lanes are as wide as possible."""
    layer, end, other, other_end = meeting
    ones, others = _widest_by(frame.convs[layer], end), _widest_by(frame.convs[other], other_end)
    alone = [frame.built({layer: each})[1] - base for each in ones]
    alone_other = [frame.built({other: each})[1] - base for each in others]
    costs = np.zeros((len(ones), len(others), len(KINDS)))
    cycles = np.full((len(ones), len(others)), NEVER, dtype=np.int64)
    for a, one in enumerate(ones):
        for b, two in enumerate(others):
            try:
                _, cost, cycles[a, b] = frame.built({layer: one, other: two})
            except DescriptionError:
                continue
            costs[a, b] = cost - base - alone[a] - alone_other[b]
    return Pair(meeting=meeting, costs=costs, cycles=cycles)


def _widest_by(ends: Collection[Ends], end: str) -> list[Ends]:
    """For each number of lanes at one end, in ascending order, the widest other end."""
    values = sorted({getattr(each, end) for each in ends})
    return [max((each for each in ends if getattr(each, end) == value), key=prod) for value in values]
