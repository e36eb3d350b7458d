"""An imported network as values: the decisions of its description, its arrays, and where the codes of the graph's quantizers are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from network.formats import Format
from network.importers.onnx.arithmetic.joins import Operand
from network.importers.onnx.arithmetic.stages import Stage
from network.operations import PoolKind, Shape, Window

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Conv:
    """The decisions for a convolution; `act` None: sums."""

    window: Window
    out: int
    weight: Format
    act: Format | None
    pad_codes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Join:
    act: Format
    clips: bool  # without thresholds
    zero_point: int = 0
    factors: Format | None = None
    per_channel: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    name: str
    input: Format
    entry: Format | None
    bypass_entry: Format | None
    convs: tuple[Conv, ...]
    bypass: Conv | None
    join: Join


@dataclass(frozen=True, slots=True)
class Head:
    pool: PoolKind
    zero_point: int
    act: Format | None
    out: int
    weight: Format
    factors: Format | None
    fc_act: Format | None
    top: int
    gives_scores: bool


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """Where the codes of one quantizer of the graph are in a forward pass: `stages` turn what `values` names there into them.

    Behind a join, `values` and `other` name what its branches bring. `pool` is taken over the codes.
    """

    tensor: str  # the graph's
    layer: str  # whose activation it is part of
    values: str
    stages: tuple[Stage, ...] = field(repr=False)
    pool: Window | None = None
    over_all: bool = False
    other: str = ""
    operands: tuple[Operand, Operand] | None = field(default=None, repr=False)
    behind: tuple[Stage, ...] = ()  # that quantizer, up to the end of the layer


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: one activation, convolution or join."""

    layer: str
    operation: str
    weight: str
    codes: str
    scales: str
    how: str  # rounding, factors, exactness


@dataclass(slots=True)
class Lowered:
    input: Shape
    stem_entry: Format | None = None
    stem: Conv | None = None
    pool: Window | None = None
    blocks: list[Block] = field(default_factory=list)
    head: Head | None = None
    arrays: Arrays = field(default_factory=dict)
    probes: list[Probe] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    zero_point: int | None = None  # of the joins that clip
    score_scale: float = 1.0  # of the scores the accelerator gives, to the graph's
    score_zero: float = 0.0
