"""The fastest foldings inside the budgets of every SLR.

A frame rate is possible when foldings for it find their places (dataflow.choose.floorplan), and impossible when at some prices of LUTs,
BRAM and the rest even the cheapest cost more than the card. What lies between is decided by one program over both at once: which
of the foldings worth having each IP gets, and where it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import inf

import numpy as np

from dataflow.choose import floorplan
from dataflow.choose.fold_choices import EVERY_KIND, Choice
from dataflow.choose.fold_search import Search
from dataflow.choose.fold_tables import Costs, vector
from dataflow.choose.program import Program, Solution, TimeUp
from dataflow.cost.estimate import estimate_converter, estimate_fifo, estimate_ip
from dataflow.cost.resources import KINDS, Resources
from dataflow.design import Link, Port
from dataflow.layout import lay_out
from dataflow.layout.network import link

Folds = tuple[tuple[int, ...], ...]
CODES = ("image", "codes_in", "codes_out")
"""Ports whose width is a matter of folding; the others are what they are."""
TRIES = 6
"""Times the prices change before the joint program is asked."""
SECONDS = 20
LARGEST = 20_000
"""Of one joint program: time and whole-number variables. Those that need more are called undecided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fastest:
    """What was found, and whether anything faster was ruled out rather than not decided in time."""

    folds: Folds
    cycles: int
    is_proven: bool


def fastest(search: Search, given: Sequence[int | None]) -> Fastest | None:
    """The fewest cycles a frame at which the network fits its card; `given` are the SLRs of all IPs. None: it never does."""
    candidates, found, is_proven = search.candidates, None, True
    low, high = candidates.index(search.fewest_cycles()), len(candidates)
    middle = low  # a large card may hold the fastest there is
    while low < high:
        try:
            folds = fitting(search, candidates[middle], given)
        except TimeUp:
            folds, is_proven = None, False
        if folds is None:
            low = middle + 1
        else:
            found, high = (folds, candidates[middle]), middle
        middle = (low + high) // 2
    return None if found is None else Fastest(folds=found[0], cycles=found[1], is_proven=is_proven)


def fitting(search: Search, cycles: int, given: Sequence[int | None]) -> Folds | None:
    """Foldings that take at most `cycles` a frame and fit; the least ones if those do. Raises TimeUp where it cannot tell.

    Resources get prices, at first their shares of the card. Where the cheapest foldings cost more than the whole card does, so do
    all others, and none fits; else what they take too much of becomes dearer, a few times.
    """
    prices, budget = search.shares[:, 0], vector(search.budget)
    for attempt in range(TRIES):
        folds = search.least(cycles, prices[:, None])
        if folds is None:
            return None
        problem = _problem(search, folds, given)
        used = sum(map(vector, problem.costs))
        if prices @ used > prices @ budget * (1 + 1e-9):
            return None
        if (used <= budget).all() and floorplan.feasible(problem):
            return folds
        if attempt == 0 and any(_is_short(search, cycles, kind) for kind in np.flatnonzero(used > budget)):
            return None
        prices = prices * np.exp(2 * (used / np.maximum(budget, 1) - 1))
    return _jointly(search, cycles, given)


def _is_short(search: Search, cycles: int, kind: int) -> bool:
    """Whether even the foldings with least of a kind take more of it than the card has."""
    frugal = search.least(cycles, EVERY_KIND[:, [kind]])
    return frugal is None or getattr(sum(_problem(search, frugal, ()).costs, Resources()), KINDS[kind]) > getattr(
        search.budget, KINDS[kind]
    )


def _problem(search: Search, folds: Folds, given: Sequence[int | None]) -> floorplan.Problem:
    return floorplan.problem(lay_out(search.folded(folds), search.platform), given)


def _jointly(search: Search, cycles: int, given: Sequence[int | None]) -> Folds | None:
    """Foldings and places together, for the least sum of shares; None where the budgets rule out every one of them."""
    least = search.least(cycles)
    if least is None:
        return None
    return _JointProgram(search, cycles, least).solve(given)


class _JointProgram:
    """Which of the foldings worth having each IP gets, and in which SLR it stands, as one mixed-integer program.

    IP 0 is the DMA, which has one folding. `least` are foldings for the same cycles: of their design the links and budgets are read.
    """

    def __init__(self, search: Search, cycles: int, least: Folds) -> None:
        self.search = search
        self.design = lay_out(search.folded(least), search.platform)
        self.problem = _problem(search, least, ())
        self.slrs = range(len(self.problem.budgets))
        image = search.dma.port("image")
        dma = Choice(image, image, vector(estimate_ip(self.design.ips[0])), ())
        self.options = [[dma], *(search.choices(part, cycles, EVERY_KIND) for part in range(len(search.tables)))]
        if len(self.slrs) * sum(map(len, self.options)) > LARGEST:
            raise TimeUp
        self.program = Program()
        self.first = [self.program.variables(len(own) * len(self.slrs), integer=True) for own in self.options]
        self.used: list[list[tuple[int, Costs]]] = [[] for _ in self.slrs]  # of each SLR: variables and what each uses of it
        self.wires: list[list[int]] = [[] for _ in self.slrs[1:]]  # of each boundary: variables, the wires of each link that cross it

    def solve(self, given: Sequence[int | None]) -> Folds | None:
        """`given` are SLRs of IPs that are not to be chosen."""
        for ip in range(len(self.options)):
            self._choose_one(ip, given[ip])
        places = {ip.name: index for index, ip in enumerate(self.design.ips)}
        for between in self.design.links:
            self._connect(between, places[between.source], places[between.sink])
        self._keep_budgets()
        solution = self.program.solve(SECONDS)
        return None if solution is None else self._folds(solution)

    def chosen(self, ip: int, slr: int, port: Port | None = None) -> list[int]:
        """Variables, 1 where an IP has a folding and stands in an SLR: of all its foldings, or of those with a port."""
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
        """A link: which of the beats of its two ends meet, the FIFO and width converter they need, the boundaries it crosses."""
        outs = self._ports([option.output for option in self.options[source]], between.source_port)
        intos = self._ports([option.input for option in self.options[sink]], between.sink_port)
        meets = {pair: self.program.variables(1) for pair in product(outs, intos)}  # 1 where these two beats meet
        for ip, ports, end in ((source, outs, 0), (sink, intos, 1)):
            for port in ports:
                having = [variable for slr in self.slrs for variable in self.chosen(ip, slr, port if len(ports) > 1 else None)]
                meeting = [variable for pair, variable in meets.items() if pair[end] == port]
                self.program.constraint(dict.fromkeys(having, 1.0) | dict.fromkeys(meeting, -1.0), least=0, most=0)
        links = {pair: link(between.source, pair[0], between.sink, pair[1]) for pair in meets}
        for pair, meet in meets.items():
            wider = source if pair[0].tdata_bytes > pair[1].tdata_bytes else sink
            for slr in self.slrs:
                fifo, converter = self.program.variables(1), self.program.variables(1)  # 1 where it stands in this SLR
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
        """The ports an end of a link can have: only those that carry codes depend on the folding."""
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

    def _folds(self, solution: Solution) -> Folds:
        """What the variables say: of each IP but the DMA, the folds of its layers."""
        count = len(self.slrs)
        picked = [
            int(solution.values[start : start + len(own) * count].reshape(len(own), count).sum(axis=1).argmax())
            for start, own in zip(self.first, self.options, strict=True)
        ]
        return tuple(own[number].folds for own, number in zip(self.options[1:], picked[1:], strict=True))
