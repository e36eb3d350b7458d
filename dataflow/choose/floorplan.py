"""Assigns IPs to SLRs where the description does not, by a mixed-integer program that HiGHS solves exactly.

It minimises the wires between SLRs, each counted once for every boundary it crosses. Its constraints are the budgets of each SLR
(the recommended share of its area), the wires of each boundary and the given SLRs; the DMA is placed beside its images' bank.
Where no assignment keeps the budgets, one that exceeds them by hardly more than the least is taken, and `choose.fit` reports by how much.

The problem is a value of plain numbers and its solution depends on nothing else, so solutions can be cached by problem.
"""

from __future__ import annotations

import hashlib
from collections.abc import MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf
from typing import NamedTuple

from dataflow.cost.estimate import estimate_banks, estimate_converter, estimate_fifo, estimate_ip
from dataflow.cost.resources import KINDS, Resources
from dataflow.design import Design, Link

HANDSHAKE = 2
"""Wires of a stream besides its data: valid and ready."""
GAP, TOLERANCE = 0.02, 0.01
"""How nearly the least excess is found, as a share of itself, and what is added to it, as a share of a budget. Exactly, ResNet-50 on a
U55C, 16 % over its budgets, takes 40 s instead of 1; the design does not fit either way."""


SPREAD = 0.5
"""How much more than its even part an SLR may have of what there is too much of, as a share."""
NODES = 2_000
"""Of the search tree after which IPs count as not to be divided among the SLRs: a number, not a time, so that every machine finds the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wires:
    """A stream between two IPs, by their indices in `Problem.ips`."""

    source: int
    sink: int
    wires: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """The IPs to be placed, and the SLRs where they may go."""

    ips: tuple[str, ...]
    costs: tuple[Resources, ...]  # of each IP, with the FIFOs and converters of its streams
    streams: tuple[Wires, ...]
    given: tuple[int | None, ...]  # SLRs
    budgets: tuple[Resources, ...]  # of each SLR
    sll: int  # wires from an SLR to the next

    @property
    def key(self) -> str:
        return hashlib.sha256(repr(self).encode()).hexdigest()

    def used(self, slrs: Sequence[int]) -> tuple[Resources, ...]:
        """The resources used in each SLR."""
        return tuple(
            sum((cost for cost, slr in zip(self.costs, slrs, strict=True) if slr == index), Resources())
            for index in range(len(self.budgets))
        )

    def crossings(self, slrs: Sequence[int]) -> tuple[int, ...]:
        """Wires from each SLR to the next; their sum is minimised."""
        return tuple(
            sum(
                stream.wires
                for stream in self.streams
                if min(slrs[stream.source], slrs[stream.sink]) <= below < max(slrs[stream.source], slrs[stream.sink])
            )
            for below in range(len(self.budgets) - 1)
        )

    def admits(self, slrs: Sequence[int]) -> bool:
        """Whether this is an assignment for this problem: an SLR of the card for every IP, and the given SLRs unchanged."""
        return len(slrs) == len(self.ips) and all(
            0 <= slr < len(self.budgets) and given in (None, slr) for slr, given in zip(slrs, self.given, strict=True)
        )

    def holds(self, slrs: Sequence[int]) -> bool:
        """Whether all budgets are kept."""
        kept = all(used.within(budget) for used, budget in zip(self.used(slrs), self.budgets, strict=True))
        return kept and all(wires <= self.sll for wires in self.crossings(slrs))


def problem(design: Design, given: Sequence[int | None]) -> Problem:
    """The problem of a design, with the `given` SLRs instead of its own.

    The FIFO of a stream is placed with its source, the width converter with the wider end, so the narrower beat crosses.
    """
    places = {ip.name: index for index, ip in enumerate(design.ips)}
    costs = [estimate_ip(ip) for ip in design.ips]
    for link in design.links:
        source, sink = places[link.source], places[link.sink]
        costs[source] += estimate_fifo(link)
        wider = source if link.source_port.tdata_bytes > link.sink_port.tdata_bytes else sink
        costs[wider] += estimate_converter(link)
    return Problem(
        ips=tuple(places),
        costs=tuple(costs),
        streams=tuple(Wires(source=places[link.source], sink=places[link.sink], wires=crossing_wires(link)) for link in design.links),
        given=tuple(given),
        budgets=tuple(budget - taken for budget, taken in zip(design.platform.budgets, estimate_banks(design), strict=True)),
        sll=design.platform.sll,
    )


def crossing_wires(link: Link) -> int:
    """Wires of a stream between SLRs: the narrower of its two beats, and its handshake."""
    return 8 * min(link.source_port.tdata_bytes, link.sink_port.tdata_bytes) + HANDSHAKE


def place(problem: Problem, search_cache: MutableMapping[str, list[int]] | None = None) -> tuple[int, ...]:
    """An SLR for each IP. `search_cache` holds earlier solutions by `Problem.key`; a new one is added."""
    given = {slr for slr in problem.given if slr is not None}
    if None not in problem.given:
        return tuple(slr for slr in problem.given if slr is not None)
    if len(given) <= 1:  # if all fit into one SLR no wire crosses, which is the optimum
        together = (min(given, default=0),) * len(problem.ips)
        if problem.holds(together):
            return together
    slrs = None if search_cache is None else search_cache.get(problem.key)
    if slrs is None or not problem.admits(slrs):
        slrs = list(solve(problem))
        if search_cache is not None:
            search_cache[problem.key] = slrs
    return tuple(slrs)


def freed(given: Sequence[int | None], has_dma: bool) -> list[int | None]:
    """All SLRs left open but that of the DMA, which is the first where there is one."""
    return [given[0] if has_dma else None, *[None] * (len(given) - 1)]


def feasible(problem: Problem, nodes: int | None = None) -> bool:
    """Whether any assignment keeps the budgets; raises TimeUp if so many `nodes` of the search tree do not decide it."""
    return _optimum(problem, excess=0, any_will_do=True, nodes=nodes) is not None


def moved(problem: Problem) -> dict[str, int] | None:
    """The IPs to move from their given SLRs, and their new SLRs, so that the budgets are kept; None where that is impossible."""
    free = freed(problem.given, "dma" in problem.ips)
    optimum = _optimum(replace(problem, given=tuple(free)), excess=0)
    if optimum is None:
        return None
    return {name: slr for name, slr, given in zip(problem.ips, optimum.slrs, problem.given, strict=True) if slr != given}


def solve(problem: Problem) -> tuple[int, ...]:
    """The assignment with the fewest crossing wires; where budgets cannot be kept, with those of all but what there is too much of in sum, which
    is spread about evenly; else among those with about the least excess."""
    from dataflow.choose.program import TimeUp  # here, as in _optimum

    optimum = _optimum(problem, excess=0)
    if optimum is None and (spread := _with_room(problem)) != problem:
        for any_will_do in (False, True):
            with suppress(TimeUp):
                optimum = optimum or _optimum(spread, excess=0, any_will_do=any_will_do, nodes=NODES)
    if optimum is None and (least := _optimum(problem, excess=None)):
        optimum = _optimum(problem, excess=least.excess + TOLERANCE)
    if optimum is None:
        raise RuntimeError("HiGHS found no assignment, although every assignment is allowed")
    return optimum.slrs


def _with_room(problem: Problem) -> Problem:
    """With budgets a little above what is used of the kinds of which all SLRs together have too little."""
    used, there = sum(problem.costs, Resources()), sum(problem.budgets, Resources())
    short = {
        kind: getattr(used, kind) * (1 + SPREAD) / max(getattr(there, kind), 1)
        for kind in KINDS
        if getattr(used, kind) > getattr(there, kind)
    }
    budgets = [
        replace(budget, **{kind: type(getattr(budget, kind))(getattr(budget, kind) * more) for kind, more in short.items()})
        for budget in problem.budgets
    ]
    return replace(problem, budgets=tuple(budgets))


class _Assignment(NamedTuple):
    slrs: tuple[int, ...]
    excess: float


def _optimum(problem: Problem, excess: float | None, any_will_do: bool = False, nodes: int | None = None) -> _Assignment | None:
    """The assignment with the fewest wires that exceeds no budget by more than the fraction `excess`; None if there is none.

    With `excess=None` the assignment with the least excess but for `GAP`, with `any_will_do` any feasible one. Variables: placed[ip, slr] is 1
    where an IP is in an SLR; crosses[stream, boundary] is 1 where one end is above the boundary and the other below; the excess.
    """
    from dataflow.choose.program import Program  # here, because numpy and scipy load slowly and are not needed where all SLRs are given

    ips, slrs, boundaries = len(problem.ips), len(problem.budgets), len(problem.budgets) - 1
    program = Program()
    placed = program.variables(ips * slrs, integer=True)
    crosses = program.variables(len(problem.streams) * boundaries)
    over = program.variables(1, most=inf if excess is None else excess)
    for ip, given in enumerate(problem.given):
        program.constraint({placed + ip * slrs + slr: 1 for slr in range(slrs)}, least=1, most=1)
        if given is not None:
            program.fix(placed + ip * slrs + given, 1)
    for number, stream in enumerate(problem.streams):
        for below in range(boundaries):
            source, sink = ([placed + ip * slrs + slr for slr in range(below + 1, slrs)] for ip in (stream.source, stream.sink))
            for one, other in ((source, sink), (sink, source)):
                above = dict.fromkeys(one, -1.0) | dict.fromkeys(other, 1.0)
                program.constraint(above | {crosses + number * boundaries + below: 1}, least=0)
    for slr, budget in enumerate(problem.budgets):
        for kind in KINDS:
            most = max(getattr(budget, kind), 1)  # as shares of the budget, so that all numbers are of similar size
            costs = {placed + ip * slrs + slr: getattr(cost, kind) / most for ip, cost in enumerate(problem.costs)}
            program.constraint(costs | {over: -1}, most=getattr(budget, kind) / most)
    for below in range(boundaries):
        wires = {crosses + number * boundaries + below: stream.wires / problem.sll for number, stream in enumerate(problem.streams)}
        program.constraint(wires | {over: -1}, most=1)
    if excess is None:
        program.cost(over, 1)
    elif not any_will_do:
        for number, stream in enumerate(problem.streams):
            for below in range(boundaries):
                program.cost(crosses + number * boundaries + below, stream.wires)
        # A tie-break that makes the solution unique: early IPs in low SLRs. Its sum is less than one wire.
        for ip in range(ips):
            for slr in range(slrs):
                program.cost(placed + ip * slrs + slr, slr * (ips - ip) / (slrs * ips * (ips + 1)))
    solution = program.solve(gap=GAP if excess is None else 0, nodes=nodes)
    if solution is None:
        return None
    chosen = solution.values[placed : placed + ips * slrs].reshape(ips, slrs).argmax(axis=1)
    return _Assignment(tuple(map(int, chosen)), float(solution.values[over]))
