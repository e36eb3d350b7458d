"""IPs to SLRs: what the description leaves out is chosen, by a mixed-integer program that HiGHS solves exactly.

Minimised are the wires between SLRs, each counted once for every boundary it passes. Kept are the budgets of each SLR (the
recommended share of its area), the wires of each boundary, the SLRs that are given; the DMA stands beside its images' bank.
Where no assignment keeps the budgets, the one that exceeds them least is taken, and `choose.fit` says by how much.

The problem is a value of plain numbers and its solution depends on nothing else, so it can be remembered by its problem.
"""

from __future__ import annotations

import hashlib
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import NamedTuple

from dataflow.cost.estimate import estimate_banks, estimate_converter, estimate_fifo, estimate_ip
from dataflow.cost.resources import KINDS, Resources
from dataflow.design import Design, Link

HANDSHAKE = 2
"""Wires of a stream besides its data: valid and ready."""
TOLERANCE = 1e-4
"""Of the least excess, so that the second solution is not lost to rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wires:
    """A stream between two IPs, by their places in `Problem.ips`."""

    source: int
    sink: int
    wires: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What has to be placed, and where it may go."""

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
        """Of each SLR, what is used of it."""
        return tuple(
            sum((cost for cost, slr in zip(self.costs, slrs, strict=True) if slr == index), Resources())
            for index in range(len(self.budgets))
        )

    def crossings(self, slrs: Sequence[int]) -> tuple[int, ...]:
        """Wires from each SLR to the next; their sum is what is minimised."""
        return tuple(
            sum(
                stream.wires
                for stream in self.streams
                if min(slrs[stream.source], slrs[stream.sink]) <= below < max(slrs[stream.source], slrs[stream.sink])
            )
            for below in range(len(self.budgets) - 1)
        )

    def admits(self, slrs: Sequence[int]) -> bool:
        """Whether this is a solution at all: an SLR of the card for every IP, those that are given among them."""
        return len(slrs) == len(self.ips) and all(
            0 <= slr < len(self.budgets) and given in (None, slr) for slr, given in zip(slrs, self.given, strict=True)
        )

    def holds(self, slrs: Sequence[int]) -> bool:
        """Whether all budgets are kept."""
        kept = all(used.within(budget) for used, budget in zip(self.used(slrs), self.budgets, strict=True))
        return kept and all(wires <= self.sll for wires in self.crossings(slrs))


def problem(design: Design, given: Sequence[int | None]) -> Problem:
    """Of a design, with the SLRs that are given, whatever it says itself.

    The FIFO of a stream stands with its source, the width converter with the wider of the two, so the narrower beat crosses.
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
    """Between the SLRs of a stream: the narrower of its two beats, and its handshake."""
    return 8 * min(link.source_port.tdata_bytes, link.sink_port.tdata_bytes) + HANDSHAKE


def place(problem: Problem, search_cache: MutableMapping[str, list[int]] | None = None) -> tuple[int, ...]:
    """An SLR for each IP. `search_cache` holds those found before, by `Problem.key`; a new one is added."""
    given = {slr for slr in problem.given if slr is not None}
    if None not in problem.given:
        return tuple(slr for slr in problem.given if slr is not None)
    if len(given) <= 1:  # where all can stand together no wire crosses, and nothing is better
        together = (min(given, default=0),) * len(problem.ips)
        if problem.holds(together):
            return together
    found = None if search_cache is None else search_cache.get(problem.key)
    if found is None or not problem.admits(found):
        found = list(solve(problem))
        if search_cache is not None:
            search_cache[problem.key] = found
    return tuple(found)


def feasible(problem: Problem) -> bool:
    """Whether any assignment keeps the budgets."""
    return _optimum(problem, excess=0, any_will_do=True) is not None


def moved(problem: Problem) -> dict[str, int] | None:
    """The IPs that have to move from where they are given, and where to, so that the budgets are kept; None where nothing helps."""
    found = _optimum(replace(problem, given=(problem.given[0], *[None] * (len(problem.given) - 1))), excess=0)
    if found is None:
        return None
    return {name: slr for name, slr, given in zip(problem.ips, found.slrs, problem.given, strict=True) if slr != given}


def solve(problem: Problem) -> tuple[int, ...]:
    """The assignment with the fewest crossing wires, or where budgets cannot be kept, with the least excess and then the fewest."""
    found = _optimum(problem, excess=0)
    if found is None and (least := _optimum(problem, excess=None)):
        found = _optimum(problem, excess=least.excess + TOLERANCE)
    if found is None:
        raise RuntimeError("HiGHS found no assignment, though any would do")
    return found.slrs


class _Found(NamedTuple):
    slrs: tuple[int, ...]
    excess: float


def _optimum(problem: Problem, excess: float | None, any_will_do: bool = False) -> _Found | None:
    """The assignment with the fewest wires that exceeds no budget by more than a fraction of it; None where there is none.

    With `excess=None` the assignment with the least excess, with `any_will_do` the first that is found. Variables: x[ip, slr] is 1 where it stands; c[stream, boundary] is 1 where it
    crosses, which is where one end stands above the boundary and the other does not; last, the excess.
    """
    from dataflow.choose.program import Program  # here: with all SLRs given nobody needs numpy and scipy, which take their time to load

    ips, slrs, boundaries = len(problem.ips), len(problem.budgets), len(problem.budgets) - 1
    program = Program()
    stands = program.variables(ips * slrs, integer=True)
    crosses = program.variables(len(problem.streams) * boundaries)
    over = program.variables(1, most=inf if excess is None else excess)
    for ip, given in enumerate(problem.given):
        program.constraint({stands + ip * slrs + slr: 1 for slr in range(slrs)}, least=1, most=1)
        if given is not None:
            program.fix(stands + ip * slrs + given, 1)
    for number, stream in enumerate(problem.streams):
        for below in range(boundaries):
            source, sink = ([stands + ip * slrs + slr for slr in range(below + 1, slrs)] for ip in (stream.source, stream.sink))
            for one, other in ((source, sink), (sink, source)):
                above = dict.fromkeys(one, -1.0) | dict.fromkeys(other, 1.0)
                program.constraint(above | {crosses + number * boundaries + below: 1}, least=0)
    for slr, budget in enumerate(problem.budgets):
        for kind in KINDS:
            most = max(getattr(budget, kind), 1)  # as shares of the budget: numbers of one size
            costs = {stands + ip * slrs + slr: getattr(cost, kind) / most for ip, cost in enumerate(problem.costs)}
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
        # Of equal assignments the one with early IPs in low SLRs: always the same. Together less than a wire.
        for ip in range(ips):
            for slr in range(slrs):
                program.cost(stands + ip * slrs + slr, slr * (ips - ip) / (slrs * ips * (ips + 1)))
    solution = program.solve()
    if solution is None:
        return None
    chosen = solution.values[stands : stands + ips * slrs].reshape(ips, slrs).argmax(axis=1)
    return _Found(tuple(map(int, chosen)), float(solution.values[over]))
