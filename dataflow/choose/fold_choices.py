"""The best ways to build one IP for a number of cycles: by dynamic programming along its layers, which is exact.

A width converter is between the lanes behind a layer and those of the next one, and the paths of a block fork and join: once the lanes
of the first layer's input are fixed, the cost of each lane depends on one other lane only. For each pair of lanes at the IP's ends,
the Pareto-optimal ways are kept: those that no other one beats in every kind of resource; or with one weighted sum, the best.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataflow.choose.fold_tables import Table
from dataflow.cost.resources import KINDS
from dataflow.design import Port

Weights: TypeAlias = NDArray[np.float64]
"""[kind, measure]: each column weights the kinds of resources to a cost. The unit matrix measures every kind separately."""
EVERY_KIND: Weights = np.eye(len(KINDS))


class Choice(NamedTuple):
    """A way to build one IP: its ports, its cost by each measure, and the index of each layer's build."""

    input: Port
    output: Port
    cost: NDArray[np.float64]
    builds: tuple[int, ...]


class _Front(NamedTuple):
    """The best ways to build the layers so far."""

    costs: NDArray[np.float64]  # [n, measure]
    builds: NDArray[np.int64]  # [n, layer]

    def plus(self, cost: NDArray[np.float64], build: int) -> _Front:
        """With one more layer and its cost."""
        more = np.full((len(self.builds), 1), build, dtype=np.int64)
        return _Front(self.costs + cost, np.concatenate([self.builds, more], axis=1))

    def plus_cost(self, cost: NDArray[np.float64]) -> _Front:
        return _Front(self.costs + cost, self.builds)

    def times(self, other: _Front, cost: NDArray[np.float64]) -> _Front:
        """Each of these combined with each of the others, at an additional cost."""
        ours, theirs = len(self.costs), len(other.costs)
        costs = self.costs[:, None, :] + other.costs[None, :, :] + cost
        builds = np.hstack([np.repeat(self.builds, theirs, axis=0), np.tile(other.builds, (ours, 1))])
        return _Front(costs.reshape(ours * theirs, -1), builds)


_Fronts: TypeAlias = dict[int, list[_Front]]
"""By the last layer's lanes."""


def choices(table: Table, cycles: int, weights: Weights = EVERY_KIND) -> list[Choice]:
    """All Pareto-optimal ways to build it that take at most `cycles` a frame; empty where that is impossible."""
    ended: dict[tuple[Port, Port], list[_Front]] = defaultdict(list)
    last = sum(meeting.end == "out" and meeting.other_end == "into" for meeting in (pair.meeting for pair in table.pairs))
    for entry in range(len(table.lanes(0, "into"))):
        for front in _through(table, cycles, weights, entry, last).values():
            kept = best(front)
            for cost, builds in zip(kept.costs, kept.builds, strict=True):
                ended[table.inputs[builds[0]], table.outputs[builds[last]]].append(_Front(cost[None], builds[None]))
    return [
        Choice(*ports, cost, tuple(map(int, builds))) for ports, fronts in ended.items() for cost, builds in zip(*best(fronts), strict=True)
    ]


def _through(table: Table, cycles: int, weights: Weights, entry: int, last: int) -> _Fronts:
    """Ways to build the whole IP whose first layer has the entry-th number of lanes, by the output lanes of the main path's last layer."""
    start = _Front((table.base @ weights)[None], np.empty((1, 0), dtype=np.int64))
    fronts = _layer(table, cycles, weights, 0, {entry: [start]})
    for layer in range(last):
        fronts = _layer(table, cycles, weights, layer + 1, _meet(table, cycles, weights, layer, fronts))
    if len(table.builds) == last + 1:  # an identity bypass, or no bypass at all
        return _meet(table, cycles, weights, last, fronts, fixed=entry) if len(table.pairs) > last else fronts
    nothing = _Front(np.zeros((1, weights.shape[1])), np.empty((1, 0), dtype=np.int64))
    join, fork = table.pairs[last], table.pairs[last + 1]
    lanes = {lane: [nothing.plus_cost(fork.costs[entry, lane] @ weights)] for lane in np.flatnonzero(fork.cycles[entry] <= cycles)}
    side = {pe: best(candidates) for pe, candidates in _layer(table, cycles, weights, last + 1, lanes).items()}
    met: _Fronts = defaultdict(list)
    for pe, candidates in fronts.items():
        front = best(candidates)
        for other, bypass in side.items():
            if join.cycles[pe, other] <= cycles:
                met[pe].append(front.times(bypass, join.costs[pe, other] @ weights))
    return met


def _layer(table: Table, cycles: int, weights: Weights, layer: int, fronts: _Fronts) -> _Fronts:
    """From the input lanes of a layer to its output lanes."""
    into, out = table.lane_of(layer, "into"), table.lane_of(layer, "out")
    costs = table.costs[layer] @ weights
    quick = np.flatnonzero(table.cycles[layer] <= cycles)
    if weights.shape[1] == 1:  # of all builds between the same lanes the first of the cheapest is best
        quick = quick[np.lexsort((costs[quick, 0], out[quick], into[quick]))]
        quick = quick[np.concatenate([[True], (np.diff(into[quick]) != 0) | (np.diff(out[quick]) != 0)])] if len(quick) else quick
    before = {lane: best(candidates) for lane, candidates in fronts.items()}
    after: _Fronts = defaultdict(list)
    for build in quick:
        if into[build] in before:
            after[int(out[build])].append(before[int(into[build])].plus(costs[build], int(build)))
    return after


def _meet(table: Table, cycles: int, weights: Weights, number: int, fronts: _Fronts, fixed: int | None = None) -> _Fronts:
    """Through the width converter of a pair; `fixed` is the lane at its other end, where it is already chosen."""
    pair, after = table.pairs[number], defaultdict(list)
    for lane, candidates in fronts.items():
        front = best(candidates)
        others = range(pair.cycles.shape[1]) if fixed is None else [lane]
        for other in others:
            at = (lane, other) if fixed is None else (fixed, lane)
            if pair.cycles[at] <= cycles:
                after[other].append(front.plus_cost(pair.costs[at] @ weights))
    return after


def best(fronts: list[_Front]) -> _Front:
    """The Pareto front: those that no other one beats in every measure; of equal ones the first."""
    costs, builds = np.concatenate([front.costs for front in fronts]), np.concatenate([front.builds for front in fronts])
    if len(costs) == 1:
        return _Front(costs, builds)
    order = np.lexsort(
        (*builds.T[::-1], *costs.T[::-1])
    )  # by the first measure, then by the others: a better one comes before those it beats
    costs, builds = costs[order], builds[order]
    if costs.shape[1] == 1:
        return _Front(costs[:1], builds[:1])
    kept: list[int] = []
    for place, cost in enumerate(costs):
        if not (costs[kept] <= cost).all(axis=1).any():
            kept.append(place)
    return _Front(costs[kept], builds[kept])
