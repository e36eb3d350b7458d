"""Assigns IPs to SLRs where the description does not, by a mixed-integer program that HiGHS solves exactly.

It minimises the wires between SLRs, each counted once for every boundary it crosses. Its constraints are the budgets of each SLR
(the recommended share of its area), the wires of each boundary and the given SLRs; the DMA is placed beside its images' bank.
Where no assignment keeps the budgets, one that exceeds them by hardly more than the least is taken, and `choose.fit` reports by how much.

Weights that are loaded may lie in LUTs, block RAM or UltraRAM, of which each SLR has its own. Where their memories are left open and those that
the design has fit no assignment, SLRs are assigned for which there are other memories that do; those then are chosen SLR by SLR.

The problem is a value of plain numbers and its solution depends on nothing else, so solutions can be cached by problem.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf
from typing import NamedTuple, TypeVar

from dataflow.choose.builds import memories
from dataflow.cost.estimate import estimate_banks, estimate_converter, estimate_fifo, estimate_ip
from dataflow.cost.resources import KINDS, Resources
from dataflow.design import Design, Ip, Link
from dataflow.unit import STORAGES
from network.arrays import key
from network.layers import Ram

Found = TypeVar("Found")
HANDSHAKE = 2
"""Wires of a stream besides its data: valid and ready."""
GAP, TOLERANCE = 0.02, 0.01
"""How nearly the least excess is found, as a share of itself, and what is added to it, as a share of a budget. Exactly, ResNet-50 on a
U55C, 16 % over its budgets, takes 40 s instead of 1; the design does not fit either way."""


SPREAD = 0.5
"""How much more than its even part an SLR may have of what there is too much of, as a share."""
MEMORIES = ("lut", "bram", "uram")
"""The kinds of resources that are memory."""
OVER = 1_000
"""Shares of a budget that one which is exceeded by its whole size counts as much as."""
FEWEST_NODES = 500
"""Of the search tree after which the fewest wires found so far are taken. ResNet-50 with weights of 4 bits, whose DSPs fill four SLRs by 98 %, has
1,278 crossing wires then, of 15,000; four times as many nodes find 900."""
NODES = 2_000
"""Of the search tree after which IPs count as not to be divided among the SLRs: a number, not a time, so that every machine finds the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wires:
    """A stream between two IPs, by their indices in `Problem.ips`."""

    source: int
    sink: int
    wires: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Weights that are loaded, and what they cost in each memory that they may lie in."""

    layer: str  # res2a.conv1
    ip: int
    costs: tuple[tuple[Ram, Resources], ...]
    chosen: int  # which of these the design has


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """The IPs to be placed, and the SLRs where they may go."""

    ips: tuple[str, ...]
    costs: tuple[Resources, ...]  # of each IP, with the FIFOs and converters of its streams, without `weights`
    weights: tuple[Weights, ...] = ()  # whose memory is left open
    streams: tuple[Wires, ...]
    given: tuple[int | None, ...]  # SLRs
    budgets: tuple[Resources, ...]  # of each SLR
    sll: int  # wires from an SLR to the next

    @property
    def key(self) -> str:
        return hashlib.sha256(repr(self).encode()).hexdigest()

    def settled(self, memories: Sequence[int] | None = None) -> Problem:
        """With its weights in these memories, by their numbers, or in those of the design: nothing is left open."""
        costs = list(self.costs)
        for each, memory in zip(self.weights, self.present if memories is None else memories, strict=True):
            costs[each.ip] += each.costs[memory][1]
        return replace(self, costs=tuple(costs), weights=())

    def lying(self, memories: Sequence[int]) -> dict[str, Ram]:
        """The memories of these numbers, by layer."""
        return {each.layer: each.costs[memory][0] for each, memory in zip(self.weights, memories, strict=True)}

    @property
    def present(self) -> tuple[int, ...]:
        """The memories of the design."""
        return tuple(each.chosen for each in self.weights)

    def used(self, slrs: Sequence[int]) -> tuple[Resources, ...]:
        """The resources used in each SLR."""
        costs = self.settled().costs
        return tuple(
            sum((cost for cost, slr in zip(costs, slrs, strict=True) if slr == index), Resources()) for index in range(len(self.budgets))
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

    def admits(self, slrs: Sequence[int], memories: Sequence[int] = ()) -> bool:
        """Whether this is an assignment for this problem: an SLR of the card for every IP, the given SLRs unchanged, and a memory for the weights."""
        placed = len(slrs) == len(self.ips) and all(
            0 <= slr < len(self.budgets) and given in (None, slr) for slr, given in zip(slrs, self.given, strict=True)
        )
        return (
            placed
            and len(memories) == len(self.weights)
            and all(0 <= memory < len(each.costs) for memory, each in zip(memories, self.weights, strict=True))
        )

    def holds(self, slrs: Sequence[int]) -> bool:
        """Whether all budgets are kept."""
        kept = all(used.within(budget) for used, budget in zip(self.used(slrs), self.budgets, strict=True))
        return kept and all(wires <= self.sll for wires in self.crossings(slrs))


def problem(design: Design, given: Sequence[int | None], left_open: Collection[str] = ()) -> Problem:
    """The problem of a design, with the `given` SLRs instead of its own; of the layers `left_open` the memory of the weights, too.

    The FIFO of a stream is placed with its source, the width converter with the wider end, so the narrower beat crosses.
    """
    places = {ip.name: index for index, ip in enumerate(design.ips)}
    costs = [estimate_ip(ip) for ip in design.ips]
    for link in design.links:
        source, sink = places[link.source], places[link.sink]
        costs[source] += estimate_fifo(link)
        wider = source if link.source_port.tdata_bytes > link.sink_port.tdata_bytes else sink
        costs[wider] += estimate_converter(link)
    weights = [each for place, ip in enumerate(design.ips) for each in _weights(ip, place, left_open)] if left_open else []
    for each in weights:
        costs[each.ip] -= each.costs[each.chosen][1]
    return Problem(
        ips=tuple(places),
        costs=tuple(costs),
        weights=tuple(weights),
        streams=tuple(Wires(source=places[link.source], sink=places[link.sink], wires=crossing_wires(link)) for link in design.links),
        given=tuple(given),
        budgets=tuple(budget - taken for budget, taken in zip(design.platform.budgets, estimate_banks(design), strict=True)),
        sll=design.platform.sll,
    )


def _weights(ip: Ip, place: int, left_open: Collection[str]) -> Iterator[Weights]:
    layers = {key(layer, "weights"): layer for layer in left_open}
    for held in (held for unit in ip.units for held in unit.constants if held.key in layers and held.holding.loaded):
        costs = memories(held)
        rams = [ram for ram in costs if STORAGES[ram] is held.storage]
        if rams:  # a few words are in registers, and stay there
            yield Weights(layer=layers[held.key], ip=place, costs=tuple(costs.items()), chosen=list(costs).index(rams[0]))


def crossing_wires(link: Link) -> int:
    """Wires of a stream between SLRs: the narrower of its two beats, and its handshake."""
    return 8 * min(link.source_port.tdata_bytes, link.sink_port.tdata_bytes) + HANDSHAKE


class Placement(NamedTuple):
    """An SLR for each IP, and the number of a memory for each of the weights whose memory is left open."""

    slrs: tuple[int, ...]
    memories: tuple[int, ...] = ()


def place(problem: Problem, search_cache: MutableMapping[str, list[int]] | None = None) -> Placement:
    """`search_cache` holds earlier solutions by `Problem.key`; a new one is added."""
    given = {slr for slr in problem.given if slr is not None}
    first = tuple(min(given, default=0) if slr is None else slr for slr in problem.given)
    if None not in problem.given and (not problem.weights or problem.holds(first)):
        return Placement(first, problem.present)
    if len(given) <= 1 and problem.holds(first):  # if all fit into one SLR no wire crosses, which is the optimum
        return Placement(first, problem.present)
    known = None if search_cache is None else search_cache.get(problem.key)
    count = len(problem.ips)
    if known is None or not problem.admits(known[:count], known[count:]):
        known = [number for numbers in solve(problem) for number in numbers]
        if search_cache is not None:
            search_cache[problem.key] = known
    return Placement(tuple(known[:count]), tuple(known[count:]))


def freed(given: Sequence[int | None], has_dma: bool) -> list[int | None]:
    """All SLRs left open but that of the DMA, which is the first where there is one."""
    return [given[0] if has_dma else None, *[None] * (len(given) - 1)]


def feasible(problem: Problem, nodes: int | None = None) -> bool:
    """Whether any assignment keeps the budgets; raises TimeUp if so many `nodes` of the search tree do not decide it."""
    if problem.weights:
        return _with_memories(problem, True, nodes) is not None
    return _optimum(problem, excess=0, any_will_do=True, nodes=nodes) is not None


def _with_memories(problem: Problem, any_will_do: bool, nodes: int | None) -> Placement | None:
    """SLRs and memories that keep the budgets: with the fewest wires, or any. First with weights that may lie in several memories at once, which
    is found much faster; then there nearly always are memories for whole weights."""
    for whole in (False, True):
        optimum = _optimum(problem, excess=0, any_will_do=any_will_do, nodes=nodes, whole=whole)
        if optimum is None:
            return None
        memories = _in_each_slr(problem, optimum.slrs)
        if problem.settled(memories).holds(optimum.slrs):
            return Placement(optimum.slrs, memories)
    return None


def balanced(problem: Problem) -> tuple[int, ...]:
    """Memories for all weights, as if the SLRs were one: those that take the least shares of the budgets they keep, or exceed least."""
    return _lying(problem.weights, sum(problem.costs, Resources()), sum(problem.budgets, Resources()))


def _lying(weights: Sequence[Weights], others: Resources, budget: Resources) -> tuple[int, ...]:
    """Memories for weights beside what else takes of a budget."""
    from dataflow.choose.program import Program  # here, as in _optimum

    if not weights:
        return ()
    program, most = Program(), {kind: max(getattr(budget, kind), 1) for kind in MEMORIES}
    lies = [program.variables(len(each.costs), integer=True) for each in weights]
    over = program.variables(1, most=inf)
    for each, first in zip(weights, lies, strict=True):
        program.constraint({first + number: 1 for number in range(len(each.costs))}, least=1, most=1)
        for number, (_, cost) in enumerate(each.costs):
            program.cost(first + number, sum(getattr(cost, kind) / most[kind] for kind in MEMORIES))
    for kind in MEMORIES:
        used = {
            first + number: getattr(cost, kind) / most[kind]
            for each, first in zip(weights, lies, strict=True)
            for number, (_, cost) in enumerate(each.costs)
        }
        program.constraint(used | {over: -1}, most=(getattr(budget, kind) - getattr(others, kind)) / most[kind])
    program.cost(over, OVER)
    solution = program.solve(gap=GAP, nodes=NODES)
    if solution is None:
        raise RuntimeError("HiGHS found no memories, although any may be exceeded")
    return tuple(int(solution.values[first : first + len(each.costs)].argmax()) for each, first in zip(weights, lies, strict=True))


def moved(problem: Problem) -> dict[str, int] | None:
    """The IPs to move from their given SLRs, and their new SLRs, so that the budgets are kept; None where that is impossible."""
    free = freed(problem.given, "dma" in problem.ips)
    optimum = _optimum(replace(problem, given=tuple(free)), excess=0)
    if optimum is None:
        return None
    return {name: slr for name, slr, given in zip(problem.ips, optimum.slrs, problem.given, strict=True) if slr != given}


def solve(problem: Problem) -> Placement:
    """The assignment with the fewest crossing wires; where budgets cannot be kept, with those of all but what there is too much of in sum, which
    is spread about evenly; else among those with about the least excess."""
    whole, memories = problem.settled(), problem.present
    optimum = _fewest_wires(lambda any_will_do, nodes: _optimum(whole, excess=0, any_will_do=any_will_do, nodes=nodes))
    if optimum is None and problem.weights:
        found = _fewest_wires(lambda any_will_do, nodes: _with_memories(problem, any_will_do, nodes))
        if found is not None:
            return found
        memories = balanced(problem)
        whole = problem.settled(memories)
    if optimum is None and (spread := _with_room(whole)) != whole:
        optimum = _fewest_wires(lambda any_will_do, nodes: _optimum(spread, excess=0, any_will_do=any_will_do, nodes=nodes))
    if optimum is None and (least := _optimum(whole, excess=None)):
        optimum = _optimum(whole, excess=least.excess + TOLERANCE)
    if optimum is None:
        raise RuntimeError("HiGHS found no assignment, although every assignment is allowed")
    return Placement(optimum.slrs, memories)


def _fewest_wires(find: Callable[[bool, int], Found | None]) -> Found | None:
    """What `find` finds with the fewest wires in FEWEST_NODES, or whatever in NODES; None where there is nothing, or it was not found."""
    from dataflow.choose.program import TimeUp  # here, as in _optimum

    for any_will_do, nodes in ((False, FEWEST_NODES), (True, NODES)):
        with suppress(TimeUp):
            return find(any_will_do, nodes)
    return None


def _in_each_slr(problem: Problem, slrs: Sequence[int]) -> tuple[int, ...]:
    """Memories for the weights of IPs that are placed."""
    found: dict[str, int] = {}
    for slr, budget in enumerate(problem.budgets):
        weights = [each for each in problem.weights if slrs[each.ip] == slr]
        others = sum((cost for cost, where in zip(problem.costs, slrs, strict=True) if where == slr), Resources())
        found |= {each.layer: memory for each, memory in zip(weights, _lying(weights, others, budget), strict=True)}
    return tuple(found[each.layer] for each in problem.weights)


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


def _optimum(
    problem: Problem, excess: float | None, any_will_do: bool = False, nodes: int | None = None, whole: bool = True
) -> _Assignment | None:
    """The assignment with the fewest wires that exceeds no budget by more than the fraction `excess`; None if there is none.

    With `excess=None` the assignment with the least excess but for `GAP`, with `any_will_do` any feasible one. Variables: placed[ip, slr] is 1
    where an IP is in an SLR; crosses[stream, boundary] is 1 where one end is above the boundary and the other below; lies[weights, memory, slr]
    is 1 where weights lie in a memory of an SLR; the excess.
    """
    from dataflow.choose.program import Program  # here, because numpy and scipy load slowly and are not needed where all SLRs are given

    ips, slrs, boundaries = len(problem.ips), len(problem.budgets), len(problem.budgets) - 1
    program = Program()
    placed = program.variables(ips * slrs, integer=True)
    crosses = program.variables(len(problem.streams) * boundaries)
    over = program.variables(1, most=inf if excess is None else excess)
    lies = [program.variables(len(each.costs) * slrs, integer=whole) for each in problem.weights]
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
            of_weights = {
                first + number * slrs + slr: getattr(cost, kind) / most
                for each, first in zip(problem.weights, lies, strict=True)
                for number, (_, cost) in enumerate(each.costs)
            }
            program.constraint(costs | of_weights | {over: -1}, most=getattr(budget, kind) / most)
    for each, first in zip(problem.weights, lies, strict=True):
        for slr in range(slrs):  # they lie in one memory of the SLR where their IP is
            there = {first + number * slrs + slr: 1.0 for number in range(len(each.costs))}
            program.constraint(there | {placed + each.ip * slrs + slr: -1.0}, least=0, most=0)
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
