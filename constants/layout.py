"""A layout: how an array of parameters becomes the rows of a memory. Plain integers, so that a manifest can say it.

A row is what all PEs read at once, as integers side by side, without gaps, the first lowest:

weights     one row a tile, nf*fold_in + sf: the weights of PE 0, then of PE 1, each as its format codes it
thresholds  one row an output fold nf: those of PE 0, whose channel is nf*PE, then of PE 1, …
bases       the same: the greatest value of the lowest code
codes       of each output fold a row for every bit pattern of a value: the code in each lane
levels      of each output fold 2**k rows: the thresholds that the search compares with in its step k, in ascending order
multipliers one row an output fold; so are biases, with which they give the codes of thresholds
bias        one row an output fold
factors     one row an output fold: that of PE 0 first; of a join two, the main branch's and the bypass's; a single row where channels share them
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any, NamedTuple

from constants.scaling import Scaling, ScalingError

LOAD_BITS = 64
"""Of the words in which constants are loaded; and the widest integer of C++, which weights side by side are cut into."""
MAX_WORDS = 1 << 24
MAX_ROW_BITS = 1 << 22
MAX_CONSTANTS = 1 << 16
"""Far beyond what a card holds: what a damaged layout may ask for at most."""


class Role(Enum):
    """The purpose of constants."""

    WEIGHTS = "weights"
    THRESHOLDS = "thresholds"
    BASES = "bases"
    """Of thresholds that follow one another: the greatest value of the lowest code."""
    CODES = "codes"
    """That of every value."""
    LEVELS = "levels"
    """The thresholds that a binary search compares with in one of its steps."""
    MULTIPLIERS = "multipliers"
    BIASES = "biases"
    """With multipliers: those with which a scaling gives the codes of thresholds."""
    BIAS = "bias"
    FACTORS = "factors"


class Range(NamedTuple):
    """Integers from `low` to `high`, in as many bits as they need: in two's complement where `low` is negative.

    -1 to 1 is -1 and +1 in one bit, 0 and 1.
    """

    low: int
    high: int

    @property
    def is_bipolar(self) -> bool:
        return self == (-1, 1)

    @property
    def bits(self) -> int:
        if self.is_bipolar:
            return 1
        return self.high.bit_length() if self.low >= 0 else 1 + max(self.high, -self.low - 1).bit_length()


class Steps(NamedTuple):
    """An activation: a value's code is the lowest one and one more for each threshold that it reaches."""

    values: Range  # of their format
    reach: Range  # of those that come
    codes: Range

    @property
    def thresholds(self) -> int:
        """Of a channel."""
        return self.codes.high - self.codes.low


class LayoutError(ValueError):
    """What is wrong with a layout that was read, and why."""

    def __init__(self, where: str, what: str, why: str) -> None:
        super().__init__(f"{where}: {what}: {why}")
        self.where, self.what, self.why = where, what, why


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How an array of parameters becomes rows; fields as those of `dataflow.unit.Constants`."""

    name: str  # conv1_weights
    role: Role
    key: str  # res2a/conv1/weights
    pe: int
    simd: int = 1
    taps: int = 1
    weights: Range | None = None  # their format
    activation: Steps | None = None  # of what follows from its thresholds
    scaling: Scaling | None = None  # of multipliers and biases
    level: int = 0  # of levels: the step of the search
    apart: bool = False  # every lane has a memory of its own
    words: int  # rows
    row_bits: int
    element_bits: int  # of the integers of a row; 64 of weights, or a whole row that is narrower

    @property
    def elements(self) -> int:
        """Integers in a row; of weights, the last may be filled in part."""
        return -(-self.row_bits // self.element_bits)

    @property
    def is_unsigned(self) -> bool:
        """Whether a row's integers are; else they are in two's complement."""
        if self.role is Role.CODES:
            return self.steps.codes.low >= 0
        return self.role in (Role.WEIGHTS, Role.FACTORS, Role.MULTIPLIERS)

    @property
    def steps(self) -> Steps:
        """The activation, of constants that have one."""
        if self.activation is None:
            raise TypeError(f"{self.name}: {self.role.value} are those of an activation")
        return self.activation

    @property
    def words_a_row(self) -> int:
        """Words of 64 bits in which a row is loaded."""
        return -(-self.row_bits // LOAD_BITS)

    @property
    def load_words(self) -> int:
        """Words in which all of it is loaded."""
        return self.words * self.words_a_row

    @property
    def entries(self) -> dict[str, Any]:
        """What JSON says of it; `parse` reads it back."""
        entries = {each.name: getattr(self, each.name) for each in fields(self)} | {"role": self.role.value}
        if self.activation is not None:
            entries["activation"] = {name: list(each) for name, each in self.activation._asdict().items()}
        if self.weights is not None:
            entries["weights"] = list(self.weights)
        if self.scaling is not None:
            entries["scaling"] = self.scaling.entries
        usual = {each.name: each.default for each in fields(self)}
        return {name: value for name, value in entries.items() if value != usual[name]}

    @classmethod
    def parse(cls, where: str, value: object) -> Layout:
        """The layout of an entry of JSON; raises LayoutError, for any object."""
        if not isinstance(value, dict):
            raise LayoutError(where, f"{value!r:.40}", "expected an object")
        known = {each.name: each.default for each in fields(cls)}
        for name in value:
            if name not in known:
                raise LayoutError(where, f"unknown key {name!r:.40}", f"it has the keys {', '.join(known)}")
        for name in ("name", "role", "key", "pe", "words", "row_bits", "element_bits"):
            if name not in value:
                raise LayoutError(where, f"no key {name!r}", f"it has the keys {', '.join(known)}")
        given: dict[str, Any] = dict(value)
        for name in ("name", "key"):
            if not isinstance(given[name], str) or not 0 < len(given[name]) <= 256:
                raise LayoutError(f"{where}.{name}", f"{given[name]!r:.40}", "expected a name")
        if given["role"] not in [each.value for each in Role]:
            raise LayoutError(f"{where}.role", f"{given['role']!r:.40}", f"expected one of {', '.join(each.value for each in Role)}")
        given["role"] = Role(given["role"])
        bounds = {
            "pe": (1, MAX_ROW_BITS),
            "simd": (1, MAX_ROW_BITS),
            "taps": (1, MAX_ROW_BITS),
            "level": (0, 7),
            "words": (1, MAX_WORDS),
            "row_bits": (1, MAX_ROW_BITS),
            "element_bits": (1, LOAD_BITS),
        }
        for name, (least, most) in bounds.items():
            _integer(f"{where}.{name}", given.get(name, known[name]), least, most)
        if not isinstance(given.get("apart", False), bool):
            raise LayoutError(f"{where}.apart", f"{given['apart']!r:.40}", "expected true or false")
        if given.get("weights") is not None:
            given["weights"] = _range(f"{where}.weights", given["weights"])
        if given.get("activation") is not None:
            given["activation"] = _steps(f"{where}.activation", given["activation"])
        if given.get("scaling") is not None:
            try:
                given["scaling"] = Scaling.parse(given["scaling"])
            except (ScalingError, AttributeError, TypeError) as error:
                raise LayoutError(f"{where}.scaling", str(error), getattr(error, "why", "expected an object")) from None
        layout = cls(**given)
        layout._check(where)
        return layout

    def _check(self, where: str) -> None:
        """That its fields fit each other: what reads rows relies on it."""
        role, n = self.role, 0
        if (role is Role.WEIGHTS) != (self.weights is not None):
            raise LayoutError(f"{where}.weights", f"{self.weights}", "weights have a range, and nothing else has")
        of_activation = role in (Role.THRESHOLDS, Role.BASES, Role.CODES, Role.LEVELS, Role.MULTIPLIERS, Role.BIASES)
        if of_activation != (self.activation is not None):
            raise LayoutError(
                f"{where}.activation", f"{self.activation}", "what follows from thresholds has an activation, and nothing else has"
            )
        if (role in (Role.MULTIPLIERS, Role.BIASES)) != (self.scaling is not None):
            raise LayoutError(f"{where}.scaling", f"{self.scaling}", "multipliers and biases have a scaling, and nothing else has")
        expected: int | None = None
        if self.weights is not None and self.weights.bits > 8:
            raise LayoutError(f"{where}.weights", f"{list(self.weights)}", "weights have at most 8 bits")
        if self.weights is not None:
            expected = self.pe * self.taps * self.simd * self.weights.bits
        elif self.activation is not None:
            n = self.activation.thresholds if role is Role.THRESHOLDS else 1
            expected = self.pe * n * self.element_bits
        elif role is Role.BIAS:
            expected = self.pe * self.element_bits
        if (self.row_bits != expected and expected is not None) or (self.weights is None and self.row_bits % self.element_bits):
            raise LayoutError(f"{where}.row_bits", f"{self.row_bits}", f"its integers take {expected or 'whole elements'}")
        if role is Role.WEIGHTS and self.element_bits != min(self.row_bits, LOAD_BITS):
            raise LayoutError(
                f"{where}.element_bits", f"{self.element_bits}", "weights are in words of 64 bits, or in one that is narrower"
            )
        if self.activation is not None:
            places = {Role.CODES: 1 << self.activation.values.bits, Role.LEVELS: 1 << self.level}.get(role, 1)
            if self.words % places:
                raise LayoutError(f"{where}.words", f"{self.words}", f"every output fold has {places}")
            if role is Role.LEVELS and (self.activation.thresholds + 1) >> self.level < 2:
                raise LayoutError(
                    f"{where}.level", f"{self.level}", f"a search among {self.activation.thresholds} thresholds has fewer steps"
                )


def _integer(where: str, value: object, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise LayoutError(where, f"{value!r:.40}", f"expected an integer from {least} to {most}")
    return value


def _range(where: str, value: object) -> Range:
    if not isinstance(value, list) or len(value) != 2:
        raise LayoutError(where, f"{value!r:.40}", "expected the least and the greatest")
    low = _integer(where, value[0], -(1 << 63), (1 << 63) - 1)
    return Range(low, _integer(where, value[1], low, (1 << 63) - 1))


def _steps(where: str, value: object) -> Steps:
    if not isinstance(value, Mapping) or set(value) != set(Steps._fields):
        raise LayoutError(where, f"{value!r:.40}", f"it has the keys {', '.join(Steps._fields)}")
    steps = Steps(*(_range(f"{where}.{name}", value[name]) for name in Steps._fields))
    for name, most in (("codes", 8), ("values", 64), ("reach", 63)):
        if getattr(steps, name).bits > most:
            raise LayoutError(f"{where}.{name}", f"{list(getattr(steps, name))}", f"they have at most {most} bits")
    return steps
