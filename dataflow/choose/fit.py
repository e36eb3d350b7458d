"""Whether a design fits its card by the estimate, SLR by SLR: known before hours of synthesis start."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from codegen.errors import FourPartError
from dataflow import platform
from dataflow.choose import floorplan
from dataflow.cost.resources import KINDS, Resources
from dataflow.design import Design
from dataflow.platform import Platform
from network.layers import Classifier, Conv
from network.model import Network

NAMES = {"lut": "LUT", "ff": "FF", "bram": "BRAM36", "uram": "URAM", "dsp": "DSP"}


class FitError(FourPartError[str], ValueError):
    """The design does not fit: where, which resources exceed the budget of each SLR, and what would help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlrFit:
    """One SLR: the estimated use, and what is available."""

    index: int
    ips: tuple[str, ...]
    used: Resources
    area: Resources
    budget: Resources  # the recommended share of the area, minus the memory banks

    @property
    def exceeded(self) -> tuple[str, ...]:
        """The kinds of resources whose use exceeds the budget."""
        return tuple(kind for kind in KINDS if getattr(self.used, kind) > getattr(self.budget, kind))

    @property
    def passed(self) -> bool:
        return not self.exceeded

    def __str__(self) -> str:
        uses = (
            f"{getattr(self.used, kind):,g} {NAMES[kind]} ({getattr(self.used, kind) / getattr(self.area, kind):.0%} of {getattr(self.area, kind):,g})"
            for kind in self.exceeded
        )
        return f"SLR{self.index} needs " + ", ".join(uses)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A design against its card, SLR by SLR and boundary by boundary."""

    design: Design
    slrs: tuple[SlrFit, ...]
    wires: tuple[int, ...]  # from each SLR to the next

    @property
    def passed(self) -> bool:
        return all(slr.passed for slr in self.slrs) and all(wires <= self.design.platform.sll for wires in self.wires)

    @property
    def findings(self) -> tuple[str, ...]:
        """Each exceeded budget, as a sentence."""
        most = self.design.platform.sll
        crossed = (f"{wires:,} wires from SLR{i} to SLR{i + 1}, {most:,} allowed" for i, wires in enumerate(self.wires) if wires > most)
        return (*(str(slr) for slr in self.slrs if not slr.passed), *crossed)

    def require(self) -> None:
        """Raise FitError, which says what to change, if the design does not fit."""
        if self.passed:
            return
        card, share = self.design.platform, self.design.platform.share
        shares = ", ".join(f"{NAMES[kind]} {getattr(share, kind)} %" for kind in KINDS)
        raise FitError(
            self.design.name,
            f"does not fit the {card.name}, by the estimate:\n    " + "\n    ".join(self.findings),
            why=f"a design can be expected to route with at most this share of an SLR: {shares}",
            fix="; or ".join([*remedies(self.design), "continue anyway, since these are estimates: fit=anyway"]),
        )

    def __str__(self) -> str:
        fullest = max(self.slrs, key=lambda slr: slr.used.lut / slr.area.lut)
        verdict = "fits" if self.passed else "does not fit"
        return (
            f"{verdict} the {self.design.platform.name} by the estimate, SLR{fullest.index} the fullest with "
            f"{fullest.used.lut / fullest.area.lut:.0%} of its LUTs"
        )


def fit(design: Design) -> Fit:
    """Compare the estimate of a design with its card; only `require` raises."""
    problem, slrs = _problem(design), [ip.slr for ip in design.ips]
    return Fit(
        design=design,
        slrs=tuple(
            SlrFit(
                index=index,
                ips=tuple(ip.name for ip in design.ips if ip.slr == index),
                used=used,
                area=area,
                budget=budget,
            )
            for index, (used, area, budget) in enumerate(zip(problem.used(slrs), design.platform.area, problem.budgets, strict=True))
        ),
        wires=problem.crossings(slrs),
    )


def _problem(design: Design) -> floorplan.Problem:
    return floorplan.problem(design, [ip.slr for ip in design.ips])


def remedies(design: Design) -> list[str]:
    """What would make the design fit, each tried out: other SLRs, another card, fewer resources."""
    problem = _problem(design)
    moves = floorplan.moved(problem)
    if moves:
        return [f"move {', '.join(f'{name} to SLR{slr}' for name, slr in moves.items())}, or leave all slr out"]
    fixes = [_too_much(problem, _foldable(design.network))]
    others = [name for name in platform.known() if name != design.platform.name and _holds(design, platform.load(name))]
    if others:
        fixes.append(f"build it for a card that holds it: platform={' or '.join(others)}")
    return fixes


def _foldable(network: Network) -> set[str]:
    """The IPs that can be folded further."""
    parts: dict[str, Sequence[Conv | Classifier]] = {"stem": [network.stem.conv], "head": [network.head.fc]}
    parts |= {block.name: block.layers for block in network.blocks}
    return {name for name, layers in parts.items() if any(layer.pe * layer.simd > 1 for layer in layers)}


def _too_much(problem: floorplan.Problem, foldable: Collection[str]) -> str:
    """What has to shrink: an IP that fits no SLR, the sum of all, or else the largest IPs."""
    instead = "fewer channels or narrower formats"
    largest = max(range(len(problem.ips)), key=lambda ip: problem.costs[ip].lut)
    for name, cost in zip(problem.ips, problem.costs, strict=True):
        if not any(cost.within(budget) for budget in problem.budgets):
            over = [kind for kind in KINDS if all(getattr(cost, kind) > getattr(budget, kind) for budget in problem.budgets)]
            needs = " and ".join(f"{getattr(cost, kind):,g} {NAMES[kind]}" for kind in over or KINDS[:1])
            shrink = f"fold {name} further" if name in foldable else f"give {name} {instead}"
            return f"{shrink}: it needs {needs}, more than any SLR has available"
    needed, there = sum(problem.costs, Resources()), sum(problem.budgets, Resources())
    for kind in KINDS:
        if getattr(needed, kind) > getattr(there, kind):
            shrink, see = (
                ("fold the design further", "; doit fold --max finds the fastest that fits") if foldable else (f"use {instead}", "")
            )
            return (
                f"{shrink}: all IPs together need {getattr(needed, kind):,g} {NAMES[kind]}, "
                f"the SLRs have {getattr(there, kind):,g} available{see}"
            )
    name = problem.ips[largest]
    if name in foldable:
        return f"fold the largest IPs further, first {name}: their sum fits, but they cannot be divided among the SLRs; see doit fold --max"
    return f"give the largest IPs {instead}, first {name}: their sum fits, but they cannot be divided among the SLRs"


def _holds(design: Design, card: Platform) -> bool:
    """Whether the design fits another card, with that card's SLRs and banks."""
    other = replace(design, platform=card, arguments=())  # banks: its DDR or HBM
    free = floorplan.freed([card.default_bank.slr] * len(design.ips), design.network.has_dma)
    return floorplan.feasible(floorplan.problem(other, free))
