"""A unit: one way to build an operation, as data. Timing, cost and every backend read this data and never ask what kind of unit it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NamedTuple

from constants.layout import LOAD_BITS, Layout, Range, Role, Steps
from constants.scaling import Scaling
from dataflow.cost import rtl
from dataflow.cost.resources import Resources
from dataflow.cost.rtl import Structure
from dataflow.cost.storage import Storage, loaded_storage, ram_cost, ram_storage, rom_storage
from dataflow.firings import IDLE, READ, WRITE, Firings, Run, behind_token
from network.formats import Format
from network.layers import ROM, Holding, Ram
from network.operations import Activation

MAX_ROM_BITS = 4096
"""Widest ROM: as wide as the widest `ap_uint` of Vitis HLS, so that a row of it can be read as one number."""


class Backend(Enum):
    """What generates the hardware; the value is its dot product of bipolar weights, the main difference in cost."""

    HLS = "ANDs and compressors"
    """This library's C++, through a vendor's HLS tool."""
    RTL = "bit planes"
    """SystemVerilog of rtl/, through a synthesizer alone."""
    ORIGINAL = "add-or-subtract"
    """The sources of Xilinx/ResNet50-PYNQ, only to compare the estimate with published figures. Bipolar weights add or subtract a
    code; products are DSPs, and two of the stem's share one; FIFOs within a block are 64 beats in LUTs, its bypass is in block RAM;
    weights of more than 64 words are in block RAM; a sliding window keeps each row in a separate RAM."""


STORAGES = {Ram.LUT: Storage.LUTRAM, Ram.BRAM: Storage.BRAM, Ram.URAM: Storage.URAM}
"""The memories that a description can name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """Parameters that a unit holds: which ones, how they are divided, and the memory they are in."""

    name: str  # conv1_weights
    role: Role
    key: str  # res2a/conv1/weights
    pe: int  # outputs per cycle
    simd: int = 1  # inputs per cycle; 1 for all but weights
    taps: int = 1  # taps of the kernel per cycle
    format: Format | None = None  # of packed weights
    activation: Activation | None = None  # of what follows from its thresholds
    scaling: Scaling | None = None  # of MULTIPLIERS and BIASES
    level: int = 0  # of LEVELS: the step of the search
    apart: bool = False  # every lane has a memory of its own, and reads it at an address of its own
    words: int  # rows, one read at a time
    row_bits: int  # of what all PEs read at once
    element_bits: int  # of the integers a row is made of in C++: a threshold, a code, a bias, a factor, or 64 bits of weights
    holding: Holding = ROM

    @property
    def elements(self) -> int:
        """Integers in a row; of weights, the last may be filled in part."""
        return -(-self.row_bits // self.element_bits)

    @property
    def integer_bits(self) -> int:
        """Bits of the C++ integer that holds an element."""
        return next(bits for bits in (8, 16, 32, 64) if self.element_bits <= bits)

    @property
    def roms(self) -> int:
        """Memories side by side: one for each lane, or as few as MAX_ROM_BITS allows."""
        return self.pe if self.apart else -(-self.elements * self.integer_bits // MAX_ROM_BITS)

    @property
    def rom_elements(self) -> int:
        """Integers in a row of each memory; zeros fill up the last one's."""
        return -(-self.elements // self.roms)

    @property
    def widths(self) -> tuple[int, ...]:
        """Bits of each memory, without the zeros."""
        whole = self.rom_elements * self.element_bits
        count, rest = divmod(self.row_bits, whole)
        return (whole,) * count + ((rest,) if rest else ())

    @property
    def storage(self) -> Storage:
        """The kind of memory; the same for all, since one directive names them."""
        if self.holding.memory is not None:
            return STORAGES[self.holding.memory]
        return (loaded_storage if self.holding.loaded else rom_storage)(self.words, self.widths[0])

    @property
    def rom(self) -> Storage | None:
        """The kind of memory, unless they are loaded."""
        return None if self.holding.loaded else self.storage

    @property
    def lanes(self) -> int:
        """Memories that a row is divided into."""
        return self.pe if self.apart else 1

    @property
    def is_fixed(self) -> bool:
        """Whether they are constants of the logic: a single row that is part of the hardware."""
        return self.words == 1 and not self.holding.loaded

    @property
    def words_a_row(self) -> int:
        """Words of LOAD_BITS bits in which a row is loaded; zeros fill up the last."""
        return -(-self.row_bits // LOAD_BITS)

    @property
    def load_words(self) -> int:
        """Those of all rows."""
        return self.words * self.words_a_row

    @property
    def layout(self) -> Layout:
        """How the array of parameters becomes the rows."""
        form, activation = self.format, self.activation
        steps = None
        if activation is not None:
            values, codes = (Range(each.low, each.high) for each in (activation.values, activation.codes))
            steps = Steps(values, Range(*activation.reach), codes)
        return Layout(
            name=self.name,
            role=self.role,
            key=self.key,
            pe=self.pe,
            simd=self.simd,
            taps=self.taps,
            weights=None if form is None else Range(form.low, form.high),
            activation=steps,
            scaling=self.scaling,
            level=self.level,
            apart=self.apart,
            words=self.words,
            row_bits=self.row_bits,
            element_bits=self.element_bits,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer:
    """An array that a unit writes and reads, and the kind of memory it is in."""

    name: str  # ring: the array in the HLS library, bound by kRingStorage of the layer's struct
    words: int  # 0 where the unit is such that nothing is kept
    bits: int
    memories: int = 1  # side by side, each of so many words

    @property
    def storage(self) -> Storage:
        return ram_storage(self.words, self.bits)

    @property
    def cost(self) -> Resources:
        return ram_cost(self.words, self.bits) * self.memories


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPort:
    """A unit's access to card memory: an AXI master that transfers one frame after the other."""

    name: str  # image: the pointer in C++ is image_memory
    bundle: str  # images: the interface is m_axi_images
    writes: bool
    words: int  # per frame, of the interface's width
    repeats: bool = False  # every frame has the same words


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """Cycles of every frame in which a unit fires nothing, whatever its streams hold."""

    restart: int = 1  # between two frames: measured where HLS reports `loop auto-rewind flp (delay=1)`
    memory: int = 150  # from the start of a frame to its first word; UNCONFIRMED: 0.6 us at 250 MHz
    burst: int = 16  # words: max_read_burst_length of HLS, UG1399
    pause: int = 2  # after each burst; UNCONFIRMED: cycles the memory controller loses to refresh and turnaround
    call: int = 4
    """UNCONFIRMED: cycles in which the function of a unit with loaded constants ends, begins again and enters its loop. That loop is not
    rewound, since the messages of the next frame are read in front of it, so its pipeline runs empty as well."""
    drain: int | None = None  # cycles until it has; None: as deep as the unit says its pipeline is

    def cycles(self, unit: Unit) -> int:
        reading = self.memory + self.pause * -(-unit.cycles // self.burst) if unit.reads_memory else 0
        return reading + self.between(unit)

    def between(self, unit: Unit) -> int:
        """Cycles behind the last firing of a frame."""
        if not unit.loads:
            return self.restart
        return self.restart + self.call + (unit.latency[Backend.HLS] if self.drain is None else self.drain)

    def frame(self, unit: Unit) -> tuple[Run, ...]:
        """The firings of a frame with these cycles between them."""
        runs = unit.firings.runs()
        if unit.reads_memory:
            bursts, rest = divmod(unit.cycles, self.burst)
            pause = bytes([IDLE] * self.pause)
            whole, last = (bytes([WRITE] * words) + pause for words in (self.burst, rest))
            runs = (Run(bytes([IDLE]), self.memory), Run(whole, bursts), Run(last, 1 if rest else 0))
        between = self.between(unit)
        return (*runs, Run(bytes([IDLE]), between)) if between else runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A pipelined loop at II=1 that computes an operation, or moves beats between operations."""

    implementation: str  # mvau: the function in the HLS library
    header: str  # the header of the HLS library that defines it
    name: str  # of its layer within the IP: conv1, conv1_dwc
    part: str  # of the IP it belongs to, for people
    title: str  # what it does, for people
    reads: tuple[str, ...]  # streams or ports
    writes: tuple[str, ...]
    reads_once: tuple[
        str, ...
    ] = ()  # streams between units that run for a batch: beats a call, not a frame, and so outside the model of time
    writes_once: tuple[str, ...] = ()
    parameters: tuple[tuple[tuple[str, int], ...], ...]  # named integers, in rows that belong together
    formats: tuple[tuple[str, Format], ...] = ()
    lists: tuple[tuple[str, tuple[int, ...]], ...] = ()  # named lists of integers, where they are not the library's defaults
    constants: tuple[Constants, ...] = ()
    buffers: tuple[Buffer, ...] = ()
    firings: Firings
    memory: MemoryPort | None = None
    all_frames: bool = False  # one call processes all frames of a batch: units that access memory
    products: int = 0  # multiply-accumulates per cycle, all unrolled by synthesis
    # Outside `repr` and equality, so that a new formula makes only tasks stale that depend on it.
    formula: Callable[[Backend], Resources] = field(repr=False, compare=False)  # the cost in C++
    latency: Mapping[Backend, int] = field(repr=False, compare=False)  # cycles from reading a beat to writing its result
    structure: Callable[[], Structure] | None = field(
        default=None, repr=False, compare=False
    )  # of its module in SystemVerilog, if it has one

    def cost(self, backend: Backend) -> Resources:
        """Raises KeyError for SystemVerilog where there is no module."""
        if backend is not Backend.RTL:
            return self.formula(backend)
        if self.structure is None:
            raise KeyError(f"{self.implementation} has no module")
        cost = self.structure().cost
        return cost + self.loading.cost if self.loads else cost

    @property
    def loading(self) -> Structure:
        """What a unit that loads has beside its structure."""
        held = [each for each in self.constants if each.holding.loaded]
        return rtl.loaded(
            [rtl.Loaded(each.words, each.row_bits // each.lanes, each.lanes, each.storage) for each in held],
            firings=self.cycles,
            drain=self.latency[Backend.RTL],
            words=self.load_words,
            row_words=max(each.words_a_row for each in held),
            passes=self.passes_loads,
        )

    @property
    def cycles(self) -> int:
        """Firings per frame."""
        return self.firings.cycles

    @property
    def interval(self) -> int:
        """Cycles from frame to frame where its streams never make it wait."""
        return self.cycles + Idle().cycles(self)

    @property
    def reads_memory(self) -> bool:
        return self.memory is not None and not self.memory.writes

    @property
    def loads(self) -> bool:
        """Whether its constants are loaded. Messages then come through its last input and, where a unit behind it loads too, go on through its
        last output: see hls/include/resflow/loaded.h."""
        return any(held.holding.loaded for held in self.constants)

    @property
    def load_words(self) -> int:
        """Words of LOAD_BITS bits that it takes of a load."""
        return sum(held.load_words for held in self.constants if held.holding.loaded)

    @property
    def passes_loads(self) -> bool:
        """Whether messages go on through its last output."""
        return self.loads and self.firings.runs()[0].firings[0] >= WRITE

    def chained(self, source: str, sink: str | None) -> Unit:
        """With the streams of messages; the first firing of a frame reads its token, and passes it on."""
        writes = self.writes if sink is None else (*self.writes, sink)
        token = READ << len(self.reads) | (0 if sink is None else WRITE << len(self.writes))
        return replace(self, reads=(*self.reads, source), writes=writes, firings=behind_token(self.firings, token))

    @property
    def label(self) -> str:
        """Name and implementation, conv2 mvau; once if they are the same, fork."""
        return " ".join(dict.fromkeys((self.name, self.implementation)))

    @property
    def values(self) -> dict[str, int]:
        """All parameters by name."""
        return {name: value for row in self.parameters for name, value in row}


class Place(NamedTuple):
    """The place of a unit in its IP."""

    name: str
    part: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]


class CannotBuildError(ValueError):
    """An implementation does not support an operation: what, why, and how to fix it."""

    def __init__(self, what: str, *, why: str, fix: str) -> None:
        super().__init__(what)
        self.what, self.why, self.fix = what, why, fix
