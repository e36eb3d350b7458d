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
from dataflow.choose.program import Program, TimeUp
from dataflow.cost.estimate import estimate_converter, estimate_fifo, estimate_ip
from dataflow.cost.resources import KINDS, Resources
from dataflow.design import Design, Port
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
    """Foldings and places together, for the least sum of shares; None where the budgets rule out every one of them.

    Part 0 is the DMA. Variables: x[part, folding, slr] is 1 where it is chosen; y[link, beat, beat] is 1 where these beats meet, which
    the x of both its ends say; u[link, beat, beat, slr], the width converter they need, stands with the wider one; c[link, boundary] is
    1 where a link crosses, and v[link, boundary] the wires that then cross.
    """
    least = search.least(cycles)
    if least is None:
        return None
    design, problem = lay_out(search.folded(least), search.platform), _problem(search, least, given)
    slrs, slr_numbers = len(problem.budgets), range(len(problem.budgets))
    options = [_dma_options(search, design), *(search.choices(part, cycles, EVERY_KIND) for part in range(len(search.tables)))]
    if slrs * sum(map(len, options)) > LARGEST:
        raise TimeUp
    program = Program()
    first = [program.variables(len(own) * slrs, whole=True) for own in options]

    def stands(part: int, slr: int, port: Port | None = None) -> list[int]:
        """The x of a part in an SLR, of those options that have a port."""
        return [first[part] + number * slrs + slr for number, option in enumerate(options[part]) if port is None or port in option[:2]]

    used: list[list[tuple[int, Costs]]] = [[] for _ in slr_numbers]  # of each SLR: variables and what each uses of it
    for part, own in enumerate(options):
        every = [x for slr in slr_numbers for x in stands(part, slr)]
        program.row(dict.fromkeys(every, 1.0), least=1, most=1)
        for slr in slr_numbers:
            if given[part] not in (None, slr):
                for x in stands(part, slr):
                    program.fix(x, 0)
            used[slr] += [(x, option.cost) for x, option in zip(stands(part, slr), own, strict=True)]
    ends = {ip.name: part for part, ip in enumerate(design.ips)}
    crossing: list[list[int]] = [[] for _ in range(slrs - 1)]
    for between in design.links:
        source, sink = ends[between.source], ends[between.sink]
        outs = (
            sorted({option.output for option in options[source]}, key=repr) if between.source_port.name in CODES else [between.source_port]
        )
        intos = sorted({option.input for option in options[sink]}, key=repr) if between.sink_port.name in CODES else [between.sink_port]
        met = {pair: program.variables(1) for pair in product(outs, intos)}
        for here, ports, place in ((source, outs, 0), (sink, intos, 1)):
            for port in ports:
                chosen = [x for slr in slr_numbers for x in stands(here, slr, port if len(ports) > 1 else None)]
                ys = [y for pair, y in met.items() if pair[place] == port]
                program.row(dict.fromkeys(chosen, 1.0) | dict.fromkeys(ys, -1.0), least=0, most=0)
        for (out, into), y in met.items():
            joined = link(between.source, out, between.sink, into)
            wider = source if out.tdata_bytes > into.tdata_bytes else sink
            for slr in slr_numbers:
                fifo, converter = program.variables(1), program.variables(1)
                program.row({fifo: 1, y: -1} | dict.fromkeys(stands(source, slr), -1.0), least=-1)
                program.row({converter: 1, y: -1} | dict.fromkeys(stands(wider, slr), -1.0), least=-1)
                used[slr] += [(fifo, vector(estimate_fifo(joined))), (converter, vector(estimate_converter(joined)))]
        for below in range(slrs - 1):
            crosses, wires = program.variables(1), program.variables(1, most=inf)
            above = [[x for slr in range(below + 1, slrs) for x in stands(part, slr)] for part in (source, sink)]
            for one, other in (above, above[::-1]):
                program.row({crosses: 1.0} | dict.fromkeys(one, -1.0) | dict.fromkeys(other, 1.0), least=0)
            widths = {y: floorplan.crossing_wires(link(between.source, out, between.sink, into)) for (out, into), y in met.items()}
            most = max(widths.values())
            program.row({wires: 1.0, crosses: -most} | {y: -width for y, width in widths.items()}, least=-most)
            crossing[below].append(wires)
    for slr, budget in enumerate(problem.budgets):
        for kind, there in enumerate(vector(budget)):
            program.row({x: cost[kind] / max(there, 1) for x, cost in used[slr]}, most=there / max(there, 1))
        for x, cost in used[slr]:
            program.cost(x, float((cost @ search.shares)[0]))
    for several in crossing:
        program.row(dict.fromkeys(several, 1 / problem.sll), most=1)
    solution = program.solve(SECONDS)
    if solution is None:
        return None
    picked = [
        int(solution.values[start : start + len(own) * slrs].reshape(len(own), slrs).sum(axis=1).argmax())
        for start, own in zip(first, options, strict=True)
    ]
    return tuple(own[number].folds for own, number in zip(options[1:], picked[1:], strict=True))


def _dma_options(search: Search, design: Design) -> list[Choice]:
    image = search.dma.port("image")
    return [Choice(image, image, vector(estimate_ip(design.ips[0])), ())]
