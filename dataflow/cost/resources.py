"""Counts of what hardware is made of."""

from __future__ import annotations

from dataclasses import astuple, dataclass

KINDS = ("lut", "ff", "bram", "uram", "dsp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """LUTs, flip-flops, block RAMs of 36 Kbit (halves are 18 Kbit ones), UltraRAMs and DSP slices."""

    lut: int = 0
    ff: int = 0
    bram: float = 0  # BRAM36
    uram: int = 0
    dsp: int = 0

    def __add__(self, other: Resources) -> Resources:
        return Resources(
            lut=self.lut + other.lut,
            ff=self.ff + other.ff,
            bram=self.bram + other.bram,
            uram=self.uram + other.uram,
            dsp=self.dsp + other.dsp,
        )

    def __mul__(self, count: int) -> Resources:
        return Resources(lut=self.lut * count, ff=self.ff * count, bram=self.bram * count, uram=self.uram * count, dsp=self.dsp * count)

    def __bool__(self) -> bool:
        return any(astuple(self))

    def scaled(self, percent: Resources) -> Resources:
        """The given percentage of each, rounded down."""
        return Resources(**{kind: getattr(self, kind) * getattr(percent, kind) // 100 for kind in KINDS})

    def __sub__(self, other: Resources) -> Resources:
        """The remainder, at least zero."""
        return Resources(**{kind: max(getattr(self, kind) - getattr(other, kind), 0) for kind in KINDS})

    def within(self, budget: Resources) -> bool:
        return all(used <= there for used, there in zip(astuple(self), astuple(budget), strict=True))

    def share_of(self, budget: Resources) -> float:
        """The shares of a budget, summed over the kinds of resources: one measure of what is used."""
        return float(sum(getattr(self, kind) / max(getattr(budget, kind), 1) for kind in KINDS))
