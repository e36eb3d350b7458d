"""The fastest foldings within the budgets of every SLR.

A frame rate is possible if foldings for it can be placed (dataflow.choose.floorplan), and impossible if at some prices of LUTs,
BRAM and the other kinds even the cheapest foldings cost more than the card. Anything in between is decided by one program that
chooses both at once: which of its Pareto-optimal foldings each IP gets, and its SLR.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import inf
from typing import NamedTuple

import numpy as np

from dataflow.choose import floorplan
from dataflow.choose.builds import left_open
from dataflow.choose.fold_choices import EVERY_KIND, Choice
from dataflow.choose.fold_search import Search
from dataflow.choose.fold_tables import Costs, vector
from dataflow.choose.program import Program, Solution, TimeUp
from dataflow.cost.estimate import estimate_converter, estimate_fifo, estimate_ip
from dataflow.cost.resources import KINDS, Resources
from dataflow.design import Link, Port
from dataflow.layout import lay_out
from dataflow.layout.network import link

Builds = tuple[tuple[int, ...], ...]
CODES = ("image", "codes_in", "codes_out")
"""Ports whose width depends on the folding; that of the others is fixed."""
MEMORIES = ("bram", "uram")
TRIES = 10
"""How often the prices are adjusted before the joint program is solved."""
STEP = 0.02
"""By how much, as a share of the budgets, less is aimed at where IPs cannot be divided among the SLRs."""
PLACINGS = 3
"""After so many choices, or mixtures of two, that keep the budgets but cannot be divided among the SLRs no more are tried: each takes seconds."""
SECONDS = 20
LARGEST = 20_000
WAYS = 5_000
"""Limits of one joint program: seconds, integer variables, and ways to build the layers, whose Pareto fronts it needs. A frame rate that
needs more counts as undecided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fastest:
    """The fastest foldings, and whether anything faster is proven impossible rather than undecided in the time given."""

    builds: Builds
    cycles: int
    is_proven: bool


def fastest(search: Search, given: Sequence[int | None]) -> Fastest | None:
    """The fewest cycles a frame at which the network fits its card; `given` are the SLRs of all IPs. None: it does not fit at all."""
    candidates, best, is_proven = search.candidates, None, True
    if not _may_fit(search, candidates[-1], given):
        return None
    low, high = candidates.index(search.fewest_cycles()), len(candidates)
    middle = low  # try the fastest first: a large card may hold it
    while low < high:
        try:
            folds = fitting(search, candidates[middle], given)
        except TimeUp:
            folds, is_proven = None, False
        if folds is None:
            low = middle + 1
        else:
            best, high = (folds, candidates[middle]), middle
        middle = (low + high) // 2
    return None if best is None else Fastest(builds=best[0], cycles=best[1], is_proven=is_proven)


def _may_fit(search: Search, cycles: int, given: Sequence[int | None]) -> bool:
    try:
        return fitting(search, cycles, given) is not None
    except TimeUp:
        return True


def reaching(search: Search, cycles: int, given: Sequence[int | None]) -> Builds | None:
    """The least that takes at most `cycles` a frame, within the budgets if prices find such a choice, else within those of all but memories
    if they find one; None if no folding is that fast."""
    without_memories = replace(search, platform=search.platform.unlimited(MEMORIES))
    return _priced(search, cycles, given).builds or _priced(without_memories, cycles, given).builds or search.least(cycles)


def fitting(search: Search, cycles: int, given: Sequence[int | None]) -> Builds | None:
    """Ways to build that take at most `cycles` a frame and fit; the least ones if they do. Raises TimeUp if undecided."""
    found = _priced(search, cycles, given)
    return found.builds if found.builds or found.is_impossible else _jointly(search, cycles, given)


class _Priced(NamedTuple):
    """What prices find, or whether they prove that nothing fits."""

    builds: Builds | None = None
    is_impossible: bool = False


def _priced(search: Search, cycles: int, given: Sequence[int | None]) -> _Priced:
    """Resources get prices, at first their shares of the card. If the cheapest ways to build cost more than the whole card, so do all
    others, and none fits; otherwise the price of what they use too much of is raised, a few times. Where the sum keeps the budgets but cannot
    be divided among the SLRs, the price of what is used most is raised too. At some price many layers change what they use at once: if that
    is too many, some stay as they were before."""
    prices, budget = search.shares[:, 0], vector(search.budget)
    room, before, undivided = 1.0, None, 0
    for attempt in range(TRIES):
        builds = search.least(cycles, prices[:, None])
        if builds is None:
            return _Priced(is_impossible=True)
        problem = _problem(search, builds, given)
        used = _used(problem.settled())
        if prices @ used > prices @ budget * (1 + 1e-9):
            return _Priced(is_impossible=True)
        if problem.weights:
            used = _used(problem.settled(floorplan.balanced(problem)))
        if (used <= budget).all():
            if can_be_placed(problem):
                return _Priced(builds)
            undivided += 1
            if undivided == PLACINGS:
                break
            room = min(room, float((used / np.maximum(budget, 1)).max())) - STEP
        elif attempt == 0 and any(_is_short(search, cycles, kind) for kind in np.flatnonzero(used > budget)):
            return _Priced(is_impossible=True)
        elif before is not None and not ((used > budget) & (before.used > budget)).any():
            mixed = _mixed(search, cycles, before, _Tried(builds, problem, used), given)
            if mixed is not None:
                return _Priced(mixed)
        before = _Tried(builds, problem, used)
        prices = prices * np.exp(2 * (used / np.maximum(budget * room, 1) - 1))
    return _Priced()


class _Tried(NamedTuple):
    """What was cheapest at some prices."""

    builds: Builds
    problem: floorplan.Problem
    used: Costs


def _mixed(search: Search, cycles: int, one: _Tried, other: _Tried, given: Sequence[int | None]) -> Builds | None:
    """One choice, in which layers are built as in the other one by one until the budgets are kept: first those that save most of what is used
    too much, for the least shares of the rest."""
    over, shares = one.used > vector(search.budget), search.shares[:, 0]
    switches = []
    for part, (own, old, new) in enumerate(zip(search.tables, one.builds, other.builds, strict=True)):
        for layer, costs in enumerate(own.costs):
            change = (costs[new[layer]] - costs[old[layer]]) * shares
            saved, paid = -change[over].sum(), change[~over].sum()
            if saved > 0:
                switches.append((paid / saved, part, layer))
    mixed, used, undivided = [list(each) for each in one.builds], one.used.copy(), 0
    for _, part, layer in sorted(switches):
        own, was = search.tables[part], mixed[part][layer]
        mixed[part][layer] = other.builds[part][layer]
        if own.takes(mixed[part]) > cycles:
            mixed[part][layer] = was
            continue
        used += own.costs[layer][mixed[part][layer]] - own.costs[layer][was]
        if (used > vector(search.budget) * (1 + STEP)).any():  # far from it, even without what width converters change
            continue
        builds = tuple(map(tuple, mixed))
        problem = _problem(search, builds, given)
        # With hardly any room left IPs cannot be divided among the SLRs, and it takes long to find that out.
        fits = (_used(problem.settled(floorplan.balanced(problem))) <= vector(search.budget) * (1 - STEP / 2)).all()
        if fits and can_be_placed(problem):
            return builds
        undivided += bool(fits)
        if undivided == PLACINGS:
            break
    return None


def can_be_placed(problem: floorplan.Problem) -> bool:
    """Whether floorplan.NODES of the search tree find SLRs for all IPs, and memories for weights where those are left open."""
    try:
        return floorplan.feasible(problem, floorplan.NODES)
    except TimeUp:
        return False


def _used(problem: floorplan.Problem) -> Costs:
    return vector(sum(problem.costs, Resources()))


def _is_short(search: Search, cycles: int, kind: int) -> bool:
    """Whether even the foldings that use least of a kind of resource need more of it than the card has."""
    frugal = search.least(cycles, EVERY_KIND[:, [kind]])
    return frugal is None or _used(_problem(search, frugal, ()).settled())[kind] > getattr(search.budget, KINDS[kind])


def _problem(search: Search, folds: Builds, given: Sequence[int | None]) -> floorplan.Problem:
    return floorplan.problem(lay_out(search.built(folds), search.platform), given, left_open(search.network))


def _jointly(search: Search, cycles: int, given: Sequence[int | None]) -> Builds | None:
    """Foldings and SLRs chosen together, for the least sum of shares; None where the budgets admit no choice."""
    least = search.least(cycles)
    if least is None:
        return None
    if sum(len(builds) for own in search.tables for builds in own.builds) > WAYS:
        raise TimeUp
    return _JointProgram(search, cycles, least).solve(given)


class _JointProgram:
    """One mixed-integer program that chooses one of the Pareto-optimal foldings, and the SLR, of each IP.

    The DMA, where there is one, is IP 0 and has one folding. `least` are foldings for the same cycles, whose design gives the links and budgets.
    """

    def __init__(self, search: Search, cycles: int, least: Builds) -> None:
        self.search = search
        self.design = lay_out(search.built(least), search.platform)
        self.problem = _problem(search, least, ()).settled()
        self.slrs = range(len(self.problem.budgets))
        self.options = [search.choices(part, cycles, EVERY_KIND) for part in range(len(search.tables))]
        if search.dma:
            image = search.dma.port("image")
            self.options.insert(0, [Choice(image, image, vector(estimate_ip(search.dma)), ())])
        if len(self.slrs) * sum(map(len, self.options)) > LARGEST:
            raise TimeUp
        self.program = Program()
        self.first = [self.program.variables(len(own) * len(self.slrs), integer=True) for own in self.options]
        self.used: list[list[tuple[int, Costs]]] = [[] for _ in self.slrs]  # by SLR: variables, and the resources each uses there
        self.wires: list[list[int]] = [[] for _ in self.slrs[1:]]  # by boundary: variables, the wires of each link that cross it

    def solve(self, given: Sequence[int | None]) -> Builds | None:
        """`given` are the fixed SLRs of IPs."""
        for ip in range(len(self.options)):
            self._choose_one(ip, given[ip])
        places = {ip.name: index for index, ip in enumerate(self.design.ips)}
        for between in self.design.links:
            self._connect(between, places[between.source], places[between.sink])
        self._keep_budgets()
        solution = self.program.solve(SECONDS)
        return None if solution is None else self._folds(solution)

    def chosen(self, ip: int, slr: int, port: Port | None = None) -> list[int]:
        """Variables that are 1 where an IP has a folding and is in an SLR: for all its foldings, or for those with a port."""
        own, count = self.options[ip], len(self.slrs)
        return [self.first[ip] + number * count + slr for number, option in enumerate(own) if port is None or port in option[:2]]

    def _choose_one(self, ip: int, given: int | None) -> None:
        everywhere = [variable for slr in self.slrs for variable in self.chosen(ip, slr)]
        self.program.constraint(dict.fromkeys(everywhere, 1.0), least=1, most=1)
        for slr in self.slrs:
            if given not in (None, slr):
                for variable in self.chosen(ip, slr):
                    self.program.fix(variable, 0)
            self.used[slr] += [(variable, option.cost) for variable, option in zip(self.chosen(ip, slr), self.options[ip], strict=True)]

    def _connect(self, between: Link, source: int, sink: int) -> None:
        """A link: the pair of beats at its two ends, the FIFO and width converter they need, and the boundaries it crosses."""
        outs = self._ports([option.output for option in self.options[source]], between.source_port)
        intos = self._ports([option.input for option in self.options[sink]], between.sink_port)
        meets = {pair: self.program.variables(1) for pair in product(outs, intos)}  # 1 if these are the beats at the two ends
        for ip, ports, end in ((source, outs, 0), (sink, intos, 1)):
            for port in ports:
                having = [variable for slr in self.slrs for variable in self.chosen(ip, slr, port if len(ports) > 1 else None)]
                meeting = [variable for pair, variable in meets.items() if pair[end] == port]
                self.program.constraint(dict.fromkeys(having, 1.0) | dict.fromkeys(meeting, -1.0), least=0, most=0)
        links = {pair: link(between.source, pair[0], between.sink, pair[1]) for pair in meets}
        for pair, meet in meets.items():
            wider = source if pair[0].tdata_bytes > pair[1].tdata_bytes else sink
            for slr in self.slrs:
                fifo, converter = self.program.variables(1), self.program.variables(1)  # 1 if it is in this SLR
                self.program.constraint({fifo: 1, meet: -1} | dict.fromkeys(self.chosen(source, slr), -1.0), least=-1)
                self.program.constraint({converter: 1, meet: -1} | dict.fromkeys(self.chosen(wider, slr), -1.0), least=-1)
                self.used[slr] += [(fifo, vector(estimate_fifo(links[pair]))), (converter, vector(estimate_converter(links[pair])))]
        for boundary in self.slrs[:-1]:
            crosses, wires = self.program.variables(1), self.program.variables(1, most=inf)
            above = [[variable for slr in self.slrs[boundary + 1 :] for variable in self.chosen(ip, slr)] for ip in (source, sink)]
            for one, other in (above, above[::-1]):
                self.program.constraint({crosses: 1.0} | dict.fromkeys(one, -1.0) | dict.fromkeys(other, 1.0), least=0)
            widths = {meet: floorplan.crossing_wires(links[pair]) for pair, meet in meets.items()}
            most = max(widths.values())
            self.program.constraint({wires: 1.0, crosses: -most} | {meet: -width for meet, width in widths.items()}, least=-most)
            self.wires[boundary].append(wires)

    @staticmethod
    def _ports(choices: Sequence[Port], described: Port) -> list[Port]:
        """The possible ports at an end of a link: only ports that carry codes depend on the folding."""
        return sorted(set(choices), key=repr) if described.name in CODES else [described]

    def _keep_budgets(self) -> None:
        for slr, budget in enumerate(self.problem.budgets):
            for kind, there in enumerate(vector(budget)):
                shares = {variable: cost[kind] / max(there, 1) for variable, cost in self.used[slr]}
                self.program.constraint(shares, most=there / max(there, 1))
            for variable, cost in self.used[slr]:
                self.program.cost(variable, float((cost @ self.search.shares)[0]))
        for several in self.wires:
            self.program.constraint(dict.fromkeys(several, 1 / self.problem.sll), most=1)

    def _folds(self, solution: Solution) -> Builds:
        """The folds of the layers of each IP, without the DMA, from the values of the variables."""
        count = len(self.slrs)
        picked = [
            int(solution.values[start : start + len(own) * count].reshape(len(own), count).sum(axis=1).argmax())
            for start, own in zip(self.first, self.options, strict=True)
        ]
        folds = [own[number].builds for own, number in zip(self.options, picked, strict=True)]
        return tuple(folds[-len(self.search.tables) :])
