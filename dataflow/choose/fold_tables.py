"""Tables of the cost and the cycles of every folding of every layer; the folding search uses nothing else.

The cost of an IP is a sum over its layers, and over pairs of lanes on both sides of a width converter: one layer's PE and the next
one's SIMD. So tables of single layers and of such pairs give the exact cost of every folding (Table.cost; a test compares it with
complete IPs). The tables come from IPs that are laid out and estimated: with the folding in question in one or two layers, and the
widest possible folding in the others, so that the layers in question determine the cycles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataflow.cost.estimate import estimate_ip
from dataflow.cost.resources import KINDS, Resources
from dataflow.design import Ip, Port
from dataflow.layout.ips import block_ip, head_ip, stem_ip
from network.errors import DescriptionError
from network.layers import Classifier, Conv, Fold, divisors
from network.model import Block, Head, Stem

Part: TypeAlias = Stem | Block | Head
"""The part of a network that becomes one IP."""
Costs: TypeAlias = NDArray[np.float64]
"""[..., kind], in the order of KINDS."""
NEVER = 1 << 62
"""Cycles of foldings that cannot be built."""


class Meeting(NamedTuple):
    """Two lanes on both sides of a width converter: a layer's pe or simd and another layer's."""

    layer: int
    lane: str
    other: int
    other_lane: str


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Pair:
    """The cost and cycles of such a pair of lanes: `costs[a, b]` for the a-th value of one and the b-th value of the other."""

    meeting: Meeting
    costs: Costs
    cycles: NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class Table:
    """One IP. Fold `i` of its layer `l` costs `costs[l][i]` and takes `cycles[l][i]`; `base` is added once."""

    part: Part
    folds: tuple[tuple[Fold, ...], ...]
    base: Costs
    costs: tuple[Costs, ...]
    cycles: tuple[NDArray[np.int64], ...]
    pairs: tuple[Pair, ...]
    inputs: tuple[Port, ...]  # by the fold of the first layer
    outputs: tuple[Port, ...]  # by the fold of the main path's last layer

    def lanes(self, layer: int, lane: str) -> tuple[int, ...]:
        """The possible values of a layer's pe or simd."""
        return tuple(sorted({getattr(fold, lane) for fold in self.folds[layer]}))

    def lane_of(self, layer: int, lane: str) -> NDArray[np.int64]:
        """For each fold of a layer, the index of its value in `lanes`."""
        values = self.lanes(layer, lane)
        return np.array([values.index(getattr(fold, lane)) for fold in self.folds[layer]])

    def cost(self, chosen: Sequence[int]) -> Resources:
        """The cost of a choice of one fold for each layer."""
        total = self.base + sum(costs[i] for costs, i in zip(self.costs, chosen, strict=True))
        for pair in self.pairs:
            total = total + pair.costs[self._met(pair.meeting, chosen)]
        return resources(total)

    def takes(self, chosen: Sequence[int]) -> int:
        """The cycles a frame of a choice of one fold for each layer."""
        met = (int(pair.cycles[self._met(pair.meeting, chosen)]) for pair in self.pairs)
        return max(*(int(cycles[i]) for cycles, i in zip(self.cycles, chosen, strict=True)), *met, 0)

    def _met(self, meeting: Meeting, chosen: Sequence[int]) -> tuple[int, int]:
        layer, lane, other, other_lane = meeting
        return int(self.lane_of(layer, lane)[chosen[layer]]), int(self.lane_of(other, other_lane)[chosen[other]])

    def folded(self, chosen: Sequence[int]) -> Part:
        return refold(self.part, [folds[i] for folds, i in zip(self.folds, chosen, strict=True)])


def vector(of: Resources) -> Costs:
    return np.array([getattr(of, kind) for kind in KINDS], dtype=float)


def resources(costs: Costs) -> Resources:
    lut, ff, bram, uram, dsp = costs.tolist()
    return Resources(lut=round(lut), ff=round(ff), bram=bram, uram=round(uram), dsp=round(dsp))


def layers(part: Part) -> tuple[Conv | Classifier, ...]:
    if isinstance(part, Stem):
        return (part.conv,)
    return part.layers if isinstance(part, Block) else (part.fc,)


def refold(part: Part, folds: Sequence[Fold]) -> Part:
    """The same part with other folds; raises DescriptionError for invalid ones."""
    if isinstance(part, Head):
        return replace(part, fc=replace(part.fc, pe=folds[0].pe, simd=folds[0].simd, free=()))
    if isinstance(part, Stem):
        return replace(part, conv=_refold(part.conv, folds[0]))
    return part.with_layers([_refold(layer, fold) for layer, fold in zip(part.layers, folds, strict=True)])


def _refold(conv: Conv, fold: Fold) -> Conv:
    return replace(conv, pe=fold.pe, simd=fold.simd, pixels=fold.pixels, free=())


def lay_out(part: Part) -> Ip:
    if isinstance(part, Stem):
        return stem_ip(part)
    return block_ip(part) if isinstance(part, Block) else head_ip(part)


def table(part: Part) -> Table:
    """The table of all foldings of one IP that its description leaves open."""
    own = layers(part)
    folds = tuple(_buildable(part, number, _folds(layer)) for number, layer in enumerate(own))
    widest = [max(each, key=lambda fold: fold.pe * fold.simd * fold.pixels) for each in folds]
    built = partial(_built, part, widest)
    base = built({})[1]
    singles = [[built({number: fold}) for fold in each] for number, each in enumerate(folds)]
    last = len(part.convs) - 1 if isinstance(part, Block) else 0
    return Table(
        part=part,
        folds=folds,
        base=base,
        costs=tuple(np.array([cost - base for _, cost, _ in single]) for single in singles),
        cycles=tuple(np.array([cycles for _, _, cycles in single], dtype=np.int64) for single in singles),
        pairs=tuple(_pair(part, folds, widest, meeting) for meeting in _meetings(part)),
        inputs=tuple(ip.inputs[0] for ip, _, _ in singles[0]),
        outputs=tuple(ip.outputs[0] for ip, _, _ in singles[last]),
    )


def _folds(layer: Conv | Classifier) -> list[Fold]:
    channels = layer.input.channels if isinstance(layer, Conv) else layer.inputs
    pes = divisors(layer.out) if "pe" in layer.free else [layer.pe]
    simds = divisors(channels) if "simd" in layer.free else [layer.simd]
    if not isinstance(layer, Conv):
        return [Fold(pe, simd) for pe in pes for simd in simds]
    several = divisors(layer.output.width)[1:] if "pixels" in layer.free else [layer.pixels] if layer.pixels > 1 else []
    single = [Fold(pe, simd) for pe in pes for simd in simds] if layer.pixels == 1 else []
    return single + [Fold(layer.out, channels, pixels) for pixels in several]


def _buildable(part: Part, number: int, folds: Sequence[Fold]) -> tuple[Fold, ...]:
    """The folds whose beats are not too wide. Each lane is tried with the other one as narrow as possible, since only its own width matters;
    but of the head every fold is, whose weights are a stream as wide as both lanes together.

    Raises DescriptionError if there are none.
    """
    own = [layer.fold for layer in layers(part)]

    def builds(fold: Fold) -> bool:
        try:
            lay_out(refold(part, [*own[:number], fold, *own[number + 1 :]]))
        except DescriptionError:
            return False
        return True

    if isinstance(part, Head):
        buildable = tuple(filter(builds, folds))
    else:
        single, several = [fold for fold in folds if fold.pixels == 1], [fold for fold in folds if fold.pixels > 1]
        pes = {fold.pe for fold in single if fold.simd == single[0].simd and builds(fold)}
        simds = {fold.simd for fold in single if fold.pe == single[0].pe and builds(fold)}
        buildable = tuple(fold for fold in single if fold.pe in pes and fold.simd in simds) + tuple(filter(builds, several))
    if not buildable:
        lay_out(part)  # the narrowest part: raises the error that says what is too wide
    return buildable


def _built(part: Part, widest: Sequence[Fold], changed: dict[int, Fold]) -> tuple[Ip, Costs, int]:
    ip = lay_out(refold(part, [changed.get(number, fold) for number, fold in enumerate(widest)]))
    return ip, vector(estimate_ip(ip)), ip.interval


def _meetings(part: Part) -> list[Meeting]:
    """The pairs of lanes along the main path, at the join and at the fork."""
    if not isinstance(part, Block):
        return []
    last = len(part.convs) - 1
    along = [Meeting(layer, "pe", layer + 1, "simd") for layer in range(last)]
    if part.bypass is None:
        return [*along, Meeting(0, "simd", last, "pe")]
    return [*along, Meeting(last, "pe", last + 1, "pe"), Meeting(0, "simd", last + 1, "simd")]


def _pair(part: Part, folds: Sequence[Sequence[Fold]], widest: Sequence[Fold], meeting: Meeting) -> Pair:
    """The cost of two lanes together minus that of each alone; all other lanes are as wide as possible."""
    layer, lane, other, other_lane = meeting
    built = partial(_built, part, widest)
    ones, others = _widest_by(folds[layer], lane), _widest_by(folds[other], other_lane)
    base = built({})[1]
    alone, alone_other = ([built({place: fold})[1] - base for fold in each] for place, each in ((layer, ones), (other, others)))
    costs = np.zeros((len(ones), len(others), len(KINDS)))
    cycles = np.full((len(ones), len(others)), NEVER, dtype=np.int64)
    for a, one in enumerate(ones):
        for b, two in enumerate(others):
            try:
                _, cost, cycles[a, b] = built({layer: one, other: two})
            except DescriptionError:
                continue
            costs[a, b] = cost - base - alone[a] - alone_other[b]
    return Pair(meeting=meeting, costs=costs, cycles=cycles)


def _widest_by(folds: Sequence[Fold], lane: str) -> list[Fold]:
    """For each value of a lane, in ascending order, the fold with the widest other lanes."""
    values = sorted({getattr(fold, lane) for fold in folds})
    return [
        max((fold for fold in folds if getattr(fold, lane) == value), key=lambda fold: fold.pe * fold.simd * fold.pixels)
        for value in values
    ]
