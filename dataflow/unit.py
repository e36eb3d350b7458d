"""A unit: one way to build an operation, as data. Timing, cost and every backend read units, and never ask what kind they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from dataflow.cost.resources import Resources
from dataflow.cost.storage import Storage, rom_storage
from dataflow.firings import Firings
from network.formats import Format


class Backend(Enum):
    """What builds the hardware; the value is its dot product of bipolar weights, by which its cost differs most."""

    HLS = "AND-popcount"
    """This library's C++, through a vendor's HLS tool."""
    ORIGINAL = "add-or-subtract"
    """The sources of Xilinx/ResNet50-PYNQ, for the cost alone: they are what the estimate is held against. Bipolar weights add or
    subtract a code; products are DSPs, two of the stem's share one; FIFOs within a block are 64 beats of LUTs, its bypass is block
    RAM; weights of more than 64 words lie in block RAM; a sliding window keeps each row in a RAM of its own."""


class Role(Enum):
    """What constants are for."""

    WEIGHTS = "weights"
    THRESHOLDS = "thresholds"
    BIAS = "bias"


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """Parameters a unit holds: which ones, cut how, and where they lie."""

    name: str  # conv1_weights
    role: Role
    key: str  # res2a/conv1/weights
    pe: int  # outputs per cycle: the first dimension
    simd: int = 1  # inputs per cycle, packed into words; 1 for thresholds and bias
    format: Format | None = None  # of packed weights
    reach: tuple[int, int] | None = None  # least and greatest value that thresholds are compared with
    parts: int  # memories: HLS gives every PE, and every threshold of it, one of its own
    words: int  # of each
    bits: int  # of a word

    @property
    def storage(self) -> Storage:
        """What each part is made of."""
        return rom_storage(self.words, self.bits)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPort:
    """A unit's way to card memory: an AXI master, one frame after the other."""

    name: str  # image: the pointer in C++ is image_memory
    bundle: str  # images: the interface is m_axi_images
    writes: bool
    words: int  # per frame, of the interface's width
    repeats: bool = False  # the same words for every frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A pipelined loop at II=1 that computes an operation, or moves beats on their way from one to the next."""

    implementation: str  # mvau: the function in the HLS library
    header: str  # of the HLS library it stands in
    name: str  # of its layer within the IP: conv1, conv1_dwc
    part: str  # of the IP it belongs to, for people
    title: str  # what it does, for people
    reads: tuple[str, ...]  # streams or ports
    writes: tuple[str, ...]
    parameters: tuple[tuple[tuple[str, int], ...], ...]  # named integers, in rows that belong together
    formats: tuple[tuple[str, Format], ...] = ()
    constants: tuple[Constants, ...] = ()
    firings: Firings
    memory: MemoryPort | None = None
    all_frames: bool = False  # one call does all frames of a batch: where memory is read or written
    products: int = 0  # multiply-accumulates a cycle: what synthesis unrolls one by one
    # Outside `repr` and equality: another formula makes nothing stale that does not depend on it.
    cost: Callable[[Backend], Resources] = field(repr=False, compare=False)
    latency: Mapping[Backend, int] = field(repr=False, compare=False)  # cycles from reading a beat to writing what follows from it

    @property
    def cycles(self) -> int:
        """Firings per frame."""
        return self.firings.cycles

    @property
    def label(self) -> str:
        """conv2 mvau; fork, not fork fork."""
        return " ".join(dict.fromkeys((self.name, self.implementation)))

    @property
    def values(self) -> dict[str, int]:
        """All parameters by name."""
        return {name: value for row in self.parameters for name, value in row}


class Place(NamedTuple):
    """Where a unit stands in its IP."""

    name: str
    part: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]


class CannotBuildError(ValueError):
    """What stands against an implementation: what, why, and what would have to be otherwise."""

    def __init__(self, what: str, *, why: str, fix: str) -> None:
        super().__init__(what)
        self.what, self.why, self.fix = what, why, fix
