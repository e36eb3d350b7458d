"""The design: IPs made of processes and streams, and the links between them.

C++ statements, the block design, FIFO depths and cycle counts are read off these values; nothing is parsed back from text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias

from dataflow.layers import Accumulate, Convert, Fork, Join, Labels, Pool, Threshold, TopK, Transfer, WeightRom
from dataflow.platform import Platform
from network.formats import Format
from network.model import Conv, Dense, Network

Layer: TypeAlias = Conv | Dense | Accumulate | Convert | Fork | Join | Labels | Pool | Threshold | TopK | Transfer | WeightRom


class Kind(Enum):
    """A process; the value is its function in the HLS library."""

    LOAD = "load"
    """Words from card memory."""
    UNPACK = "unpack"
    """Words to beats, padding dropped."""
    STORE = "store"
    """Labels to card memory."""
    DWC = "dwc"
    """Data width converter."""
    FORK = "fork"
    """Every beat to two streams."""
    THRESHOLD = "threshold"
    """Codes to codes, by thresholds."""
    SWG = "swg"
    """Sliding window generator."""
    MVAU = "mvau"
    """Matrix-vector product and thresholds."""
    JOIN = "join"
    """Sum of two residual streams."""
    MAX_POOL = "max_pool"
    ACCUMULATE_POOL = "accumulate_pool"
    WEIGHT_ROM = "weight_rom"
    """Weights of the fully connected layer, from ROM."""
    DENSE = "dense"
    """Fully connected layer, weights from a stream."""
    TOP_K = "top_k"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A FIFO between two processes of one IP."""

    name: str
    lanes: int
    format: Format
    depth: int = 2  # beats
    why: str = ""  # the reason for a depth above 2

    @property
    def bits(self) -> int:
        """Width of a beat."""
        return self.lanes * self.format.bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """An AXI4-Stream interface of an IP."""

    name: str
    is_input: bool
    lanes: int
    format: Format
    beats: int  # per frame

    @property
    def bits(self) -> int:
        """Width of a beat, without the padding to whole bytes."""
        return self.lanes * self.format.bits

    @property
    def tdata_bytes(self) -> int:
        return -(-self.bits // 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rom:
    """An array of constants in an IP: which parameters, cut how."""

    name: str  # conv1_weights
    key: str  # res2a/conv1/weights
    pe: int  # outputs per cycle: the first dimension
    simd: int = 1  # inputs per cycle, packed into words; 1 for thresholds and bias
    format: Format | None = None  # of packed weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A pipelined loop at II=1."""

    kind: Kind
    name: str  # of its layer within the IP: conv1, conv1_dwc
    part: str  # of the IP it belongs to, for people
    layer: Layer
    reads: tuple[str, ...]  # streams or ports
    writes: tuple[str, ...]
    roms: tuple[Rom, ...] = ()
    cycles: int  # firings per frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Ip:
    """One HLS IP, called as its block is."""

    name: str
    kind: str  # dma, stem, block or head
    title: str  # one line for people
    ports: tuple[Port, ...]
    streams: tuple[Stream, ...]
    processes: tuple[Process, ...]
    slr: int = 0

    @property
    def top(self) -> str:
        """Its C++ function, and so its HDL module. With the prefix no keyword, macro, type or local of anybody's can be called so."""
        return f"resflow_{self.name}"

    @property
    def cycles(self) -> int:
        """Cycles per frame: those of the slowest process."""
        return max(process.cycles for process in self.processes)

    @property
    def slowest(self) -> Process:
        return max(self.processes, key=lambda process: process.cycles)

    @property
    def operations(self) -> int:
        """Multiply-accumulates a cycle: what synthesis unrolls one by one."""
        layers = [process.layer for process in self.processes if process.kind in (Kind.MVAU, Kind.DENSE)]
        return sum(layer.pe * layer.simd * getattr(layer, "pixels", 1) for layer in layers if isinstance(layer, Conv | Dense))

    @property
    def inputs(self) -> tuple[Port, ...]:
        return tuple(port for port in self.ports if port.is_input)

    @property
    def outputs(self) -> tuple[Port, ...]:
        return tuple(port for port in self.ports if not port.is_input)

    def port(self, name: str) -> Port:
        return next(port for port in self.ports if port.name == name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A stream between two IPs: source port -> FIFO -> width converter where the two beats differ -> sink port."""

    source: str  # IP
    source_port: Port
    sink: str  # IP
    sink_port: Port
    depth: int  # beats of the source; a power of two, as the FIFO IP wants
    memory: str  # distributed, block or ultra

    @property
    def name(self) -> str:
        """Its dotted name as one word: res2a_codes_in. No two are equal, since no port's name ends like another's."""
        return self.dotted.replace(".", "_")

    @property
    def dotted(self) -> str:
        """Its name in the description: the port it leads to, res2a.codes_in; the DMA's ports by where they are fed from, head.labels."""
        return f"{self.source}.{self.source_port.name}" if self.sink == "dma" else f"{self.sink}.{self.sink_port.name}"

    @property
    def converts(self) -> bool:
        return self.source_port.tdata_bytes != self.sink_port.tdata_bytes


def fifo_memory(depth: int, data_bytes: int) -> str:
    """What the FIFO of a link is made of."""
    return "distributed" if depth <= 64 else "ultra" if depth >= 1024 and data_bytes >= 8 else "block"


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """A kernel argument, in the register map of an HLS s_axilite slave."""

    name: str  # as the user calls it: in, out, weightsmem, numReps
    id: int
    offset: int
    size: int  # bytes
    port: str  # the AXI interface it belongs to
    data_width: int  # bits of that interface
    writes: bool = False  # the kernel writes through it
    bank: str | None = None  # None: a scalar

    @property
    def is_pointer(self) -> bool:
        return self.bank is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """A network laid out: everything that is generated follows from this value."""

    network: Network
    platform: Platform
    ips: tuple[Ip, ...]  # in stream order, dma first
    links: tuple[Link, ...]
    arguments: tuple[Argument, ...]

    @property
    def name(self) -> str:
        """The kernel's; its one CU is `<name>_1`."""
        return self.network.name

    @property
    def top(self) -> str:
        """The block design's, and so its HDL module; the prefix keeps it apart from keywords and from the modules of the IPs."""
        return f"design_{self.name}"

    @property
    def cycles(self) -> int:
        """Cycles per frame once the pipeline is full: those of the slowest IP."""
        return max(ip.cycles for ip in self.ips)

    @property
    def slowest(self) -> Ip:
        return max(self.ips, key=lambda ip: ip.cycles)

    def ip(self, name: str) -> Ip:
        return next(ip for ip in self.ips if ip.name == name)

    @property
    def depths(self) -> dict[str, int]:
        """Of every FIFO, in beats, by its dotted name: res2a.bypass, res2a.codes_in."""
        streams = {f"{ip.name}.{stream.name}": stream.depth for ip in self.ips for stream in ip.streams}
        return streams | {link.dotted: link.depth for link in self.links}

    def with_depths(self, depths: Mapping[str, int]) -> Design:
        """The design with these depths in place of its own."""

        def deepened(stream: Stream, name: str) -> Stream:
            depth = depths.get(name, stream.depth)
            return stream if depth == stream.depth else replace(stream, depth=depth, why="")

        ips = tuple(replace(ip, streams=tuple(deepened(each, f"{ip.name}.{each.name}") for each in ip.streams)) for ip in self.ips)
        links = tuple(
            replace(link, depth=depth, memory=fifo_memory(depth, link.source_port.tdata_bytes))
            for link in self.links
            for depth in (depths.get(link.dotted, link.depth),)
        )
        return replace(self, ips=ips, links=links)
