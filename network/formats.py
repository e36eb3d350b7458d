"""Number formats on the wire and in memory: `bipolar`, `int1` … `int64`, `uint1` … `uint64`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    BIPOLAR = "bipolar"
    """One bit: 1 is +1, 0 is -1."""
    INT = "int"
    """Two's complement."""
    UINT = "uint"
    """Unsigned."""


@dataclass(frozen=True, slots=True)
class Format:
    """How one integer is coded: its kind and its width in bits."""

    kind: Kind
    bits: int

    def __post_init__(self) -> None:
        most = 1 if self.kind is Kind.BIPOLAR else 64
        if not 1 <= self.bits <= most:
            raise ValueError(f"{self.kind.value} has 1 to {most} bits, not {self.bits}")

    @classmethod
    def parse(cls, text: str) -> Format:
        """`bipolar`, `intN` or `uintN`; anything else raises ValueError."""
        if text == "bipolar":
            return BIPOLAR
        match = re.fullmatch(r"(int|uint)([1-9][0-9]?)", text)
        if match is None:
            raise ValueError(f"{text!r} is not a format: bipolar, intN or uintN")
        return cls(Kind(match[1]), int(match[2]))

    @property
    def low(self) -> int:
        return 0 if self.kind is Kind.UINT else -1 if self.kind is Kind.BIPOLAR else -(1 << self.bits - 1)

    @property
    def high(self) -> int:
        return (1 << self.bits) - 1 if self.kind is Kind.UINT else 1 if self.kind is Kind.BIPOLAR else (1 << self.bits - 1) - 1

    @property
    def thresholds(self) -> int:
        """How many thresholds separate this format's codes: n thresholds separate n + 1 codes."""
        return self.high - self.low

    def __str__(self) -> str:
        return "bipolar" if self.kind is Kind.BIPOLAR else f"{self.kind.value}{self.bits}"


BIPOLAR = Format(Kind.BIPOLAR, 1)


def uint(bits: int) -> Format:
    return Format(Kind.UINT, bits)


def holding(low: int, high: int) -> Format:
    """The narrowest two's complement format that holds `low` to `high`."""
    return Format(Kind.INT, 1 + max(high, -low - 1, 0).bit_length())
