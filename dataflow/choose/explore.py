"""Exploration of foldings: the trade-off between frame rate and resources, and one point of it that was asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from dataflow.choose import floorplan
from dataflow.choose.builds import left_open, lying
from dataflow.choose.fit import FitError
from dataflow.choose.fold_fastest import Builds, Fastest, can_be_placed, fastest, reaching
from dataflow.choose.fold_search import Search, search
from dataflow.choose.folding import cycles_for
from dataflow.cost.estimate import estimate_design
from dataflow.cost.resources import KINDS, Resources
from dataflow.design import Design
from dataflow.layout import lay_out


class Point(NamedTuple):
    """One design on the trade-off curve."""

    label: str
    fps: float
    cycles: int
    cost: Resources
    over: tuple[str, ...]  # kinds of resources of which it needs more than the card's budgets
    fits: bool  # and can be divided among the SLRs


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploration:
    """The trade-off curve of a network on its card, from slow to fast, and the design that was asked for."""

    described: Design
    points: tuple[Point, ...]
    fastest: Fastest | None  # that fits; None where nothing does
    chosen: Design

    @property
    def chosen_point(self) -> Point:
        return _point("", self.chosen, _free(self.described))


def explore(design: Design, *, fps: int | None, want_fastest: bool) -> Exploration:
    """Search the least design for `fps` (None: the rate of the design), or the fastest that fits.

    Raises FitError if no folding reaches `fps`.
    """
    foldings = search(design.network.unfolded(), design.platform)
    free = _free(design)
    top = fastest(foldings, free)
    target = top.cycles if want_fastest and top else cycles_for(design.network, fps) if fps else design.interval
    folds = top.builds if want_fastest and top else reaching(foldings, target, free)
    if folds is None:
        fewest, clock = foldings.fewest_cycles(), design.network.clock_mhz
        raise FitError(
            f"--fps {fps}",
            "cannot be reached",
            why=f"at {clock} MHz that is {target:,} cycles a frame, but the fewest possible are {fewest:,}",
            fix=f"ask for at most {int(clock * 1e6 / fewest)}, or raise clock_mhz",
        )
    chosen = _laid_out(foldings, folds, free, is_placed=True)
    return Exploration(described=design, points=_curve(foldings, design, top, free), fastest=top, chosen=chosen)


def _free(design: Design) -> list[int | None]:
    return floorplan.freed([ip.slr for ip in design.ips], design.network.has_dma)


def _curve(foldings: Search, design: Design, top: Fastest | None, free: list[int | None]) -> tuple[Point, ...]:
    """The design itself, and the least designs for a sixteenth, an eighth … of its rate, its own, twice, and the highest possible."""
    fewest = foldings.fewest_cycles()
    wanted = {design.interval * factor for factor in (16, 8, 4, 2, 1)} | {max(fewest, -(-design.interval // 2)), fewest}
    points, open_ = [_point("as described", design, free)], left_open(foldings.network)
    for cycles in sorted(wanted, reverse=True):
        folds = foldings.least(cycles)
        if folds is not None:
            points.append(_point("", _laid_out(foldings, folds, free), free, open_))
    if top is not None:
        points.append(_point("fastest that fits", _laid_out(foldings, top.builds, free), free, open_))
    unique = {(point.label, point.cycles): point for point in points}
    return tuple(sorted(unique.values(), key=lambda point: (-point.cycles, point.label)))


def _laid_out(foldings: Search, folds: Builds, free: Sequence[int | None], *, is_placed: bool = False) -> Design:
    """The design of these foldings; where weights are loaded, in memories of which the card has enough, or `is_placed`: every SLR."""
    design = lay_out(foldings.built(folds), foldings.platform)
    problem = floorplan.problem(design, free, left_open(foldings.network))
    memories = floorplan.place(problem).memories if is_placed and problem.weights else floorplan.balanced(problem)
    return design if memories == problem.present else lay_out(lying(design.network, problem.lying(memories)), foldings.platform)


def _point(label: str, design: Design, free: Sequence[int | None], open_: Collection[str] = ()) -> Point:
    cost, budget = estimate_design(design), sum(design.platform.budgets, Resources())
    over = tuple(kind for kind in KINDS if getattr(cost, kind) > getattr(budget, kind))
    fits = not over and can_be_placed(floorplan.problem(design, free, open_))
    return Point(label, design.frames_per_second, design.interval, cost, over, fits)
