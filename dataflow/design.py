"""The design: IPs made of units and streams, and the links between them.

C++ statements, the block design, FIFO depths and cycle counts are derived from these values; nothing is parsed back from text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from dataflow import names
from dataflow.cost.storage import Storage, link_storage, stream_storage
from dataflow.platform import Platform
from dataflow.rtl_fifo import MESSAGE_LATENCY, PORT_DEPTH, RtlFifo
from dataflow.unit import Backend, Constants, Unit
from network.formats import Format
from network.layers import LOADED, ROM
from network.model import Network

CONTROL_PROTOCOL = "ap_ctrl_chain"
"""How the kernel is started, by its DMA: XRT starts a run as soon as the kernel takes images again, so that runs overlap."""

IMAGES = "constants_image"
"""Name of the vectors with the images of constants that a DMA's bench loads, one behind the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A FIFO between two units of one IP."""

    name: str
    lanes: int
    format: Format
    depth: int = 2  # beats
    why: str = ""  # the reason for a depth above 2

    @property
    def bits(self) -> int:
        """Width of a beat."""
        return self.lanes * self.format.bits

    @property
    def storage(self) -> Storage:
        return stream_storage(self.depth, self.bits)


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
class Ip:
    """One HLS IP, named like its block."""

    name: str
    kind: str  # dma, stem, block or head
    title: str  # one line for people
    ports: tuple[Port, ...]
    streams: tuple[Stream, ...]
    units: tuple[Unit, ...]
    slr: int = 0

    @property
    def top(self) -> str:
        return names.cpp_top(self.name)

    @property
    def vlnv(self) -> str:
        return names.ip_vlnv(self.name)

    @property
    def cycles(self) -> int:
        """Firings per frame of the slowest unit, as the HLS library counts its loops."""
        return max(unit.cycles for unit in self.units)

    @property
    def slowest(self) -> Unit:
        return max(self.units, key=lambda unit: unit.cycles)

    @property
    def interval(self) -> int:
        """Cycles from frame to frame where its neighbours never make it wait: those of its slowest unit."""
        return max(unit.interval for unit in self.units)

    @property
    def products(self) -> int:
        """Multiply-accumulates per cycle."""
        return sum(unit.products for unit in self.units)

    @property
    def loaded(self) -> tuple[Constants, ...]:
        """Its constants that are loaded, in the order of their words."""
        return tuple(held for unit in self.units for held in unit.constants if held.holding.loaded)

    @property
    def reads_constants(self) -> bool:
        """Whether it reads images of constants from card memory: the DMA of a network that loads some."""
        return any(unit.implementation == "fetch" for unit in self.units)

    def rtl_fifos(self, unit: Unit) -> tuple[tuple[RtlFifo, int], ...]:
        """What a unit writes, in RTL: the FIFO of each of its outputs, and the bits of a beat."""
        streams: dict[str, Stream | Port] = {stream.name: stream for stream in self.streams} | {port.name: port for port in self.ports}
        written = [streams[name] for name in unit.writes]
        depths = [stream.depth if isinstance(stream, Stream) else PORT_DEPTH for stream in written]
        latencies = [unit.latency[Backend.RTL]] * len(written)
        if unit.passes_loads:
            latencies[-1] = MESSAGE_LATENCY
        return tuple(
            (RtlFifo(depth=depth, unit_latency=latency), stream.bits)
            for depth, latency, stream in zip(depths, latencies, written, strict=True)
        )

    @property
    def chain(self) -> tuple[str, ...]:
        """The ports and streams through which messages pass the units with loaded constants."""
        loading = [unit for unit in self.units if unit.loads]
        return (*(unit.reads[-1] for unit in loading), *(unit.writes[-1] for unit in loading[-1:] if unit.passes_loads))

    @property
    def load_words(self) -> int:
        """Words of a load that are for this IP."""
        return sum(held.load_words for held in self.loaded)

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
    depth: int  # beats of the source; a power of two, as the FIFO IP requires

    @property
    def name(self) -> str:
        """Its dotted name as one word: res2a_codes_in. It is unique, since no port's name is the end of another's."""
        return self.dotted.replace(".", "_")

    @property
    def dotted(self) -> str:
        """Its name in the description: the port it leads to, res2a.codes_in; into the DMA, the port it comes from, head.labels."""
        return f"{self.source}.{self.source_port.name}" if self.sink == "dma" else f"{self.sink}.{self.sink_port.name}"

    @property
    def storage(self) -> Storage:
        """The memory of its FIFO."""
        return link_storage(self.depth, self.source_port.tdata_bytes)

    @property
    def converts(self) -> bool:
        return self.source_port.tdata_bytes != self.sink_port.tdata_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """A kernel argument, in the register map of an HLS s_axilite slave."""

    name: str  # the user's name for it: in, out, weightsmem, numReps
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
    """A network laid out: everything generated is derived from this value."""

    network: Network
    platform: Platform
    ips: tuple[Ip, ...]  # in stream order, dma first where there is one
    links: tuple[Link, ...]
    arguments: tuple[Argument, ...]  # none without a DMA

    @property
    def name(self) -> str:
        """The name of the kernel."""
        return self.network.name

    @property
    def top(self) -> str:
        return names.block_design(self.name)

    @property
    def vlnv(self) -> str:
        return names.kernel_vlnv(self.name)

    @property
    def cu(self) -> str:
        return names.compute_unit(self.name)

    @property
    def loaded(self) -> tuple[Constants, ...]:
        """The constants that are loaded, in the order of their words."""
        return tuple(held for ip in self.parts for held in ip.loaded)

    @property
    def load_words(self) -> int:
        """Words of 64 bits in a load of all of them."""
        return sum(held.load_words for held in self.loaded)

    @property
    def load_bytes(self) -> int:
        """Bytes of the same in card memory, which is read in words of 512 bits."""
        return -(-self.load_words // 8) * 64

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.parts)

    @property
    def interval(self) -> int:
        """Cycles from frame to frame once the pipeline is full, where FIFOs are deep enough: those of the slowest unit."""
        return max(ip.interval for ip in self.ips)

    @property
    def frames_per_second(self) -> float:
        return self.network.clock_mhz * 1e6 / self.interval

    @property
    def bottleneck(self) -> str:
        """The unit that sets the interval: stem.conv."""
        ip, unit = max(((ip, unit) for ip in self.ips for unit in ip.units), key=lambda place: place[1].interval)
        return f"{ip.name}.{unit.name}"

    def ip(self, name: str) -> Ip:
        return next(ip for ip in self.ips if ip.name == name)

    @property
    def parts(self) -> tuple[Ip, ...]:
        """The IPs of the network's parts: all but the DMA."""
        return tuple(ip for ip in self.ips if ip.kind != "dma")

    @property
    def open_ports(self) -> tuple[tuple[Ip, Port], ...]:
        """The ports that no link joins, in stream order: without a DMA, those of the images, weights and labels."""
        joined = {(link.source, link.source_port.name) for link in self.links} | {(link.sink, link.sink_port.name) for link in self.links}
        return tuple((ip, port) for ip in self.ips for port in ip.ports if (ip.name, port.name) not in joined)

    @property
    def depths(self) -> dict[str, int]:
        """Depths in beats of all FIFOs, by dotted name: res2a.bypass, res2a.codes_in."""
        streams = {f"{ip.name}.{stream.name}": stream.depth for ip in self.ips for stream in ip.streams}
        return streams | {link.dotted: link.depth for link in self.links}

    def with_depths(self, depths: Mapping[str, int]) -> Design:
        """The design with these depths in place of its own."""

        def deepened(stream: Stream, name: str) -> Stream:
            depth = depths.get(name, stream.depth)
            return stream if depth == stream.depth else replace(stream, depth=depth, why="")

        ips = tuple(replace(ip, streams=tuple(deepened(each, f"{ip.name}.{each.name}") for each in ip.streams)) for ip in self.ips)
        links = tuple(replace(link, depth=depths.get(link.dotted, link.depth)) for link in self.links)
        return replace(self, ips=ips, links=links)


def fingerprint(parts: Iterable[Ip]) -> str:
    """SHA-256, in hexadecimal, of what the parts compute and of how constants are divided: hardware of the same one takes the same loads."""
    described = [
        (
            ip.name,
            unit.name,
            unit.implementation,
            unit.parameters,
            unit.formats,
            unit.lists,
            [replace(held, holding=LOADED if held.holding.loaded else ROM) for held in unit.constants],  # in whatever memory they are
        )
        for ip in parts
        for unit in ip.units
    ]
    return hashlib.sha256(repr(described).encode()).hexdigest()
