"""Turns a network whose choices are made into a `Design`: its IPs, the links between them, the kernel's arguments."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from dataflow.design import Design, Ip, Link, Port
from dataflow.layout.ips import block_ip, dma_ip, head_ip, stem_ip
from dataflow.layout.register_map import kernel_arguments
from dataflow.platform import Platform
from network.errors import DescriptionError
from network.model import Fifo, Network
from network.yaml.reader import nearest

FIFO_DEPTHS = (16, 1024)
"""Least depth of the AXI4-Stream FIFO IP, and the original's depth between blocks, which is the most used by default."""
MOST_FIFO_DEPTH = 32768
"""Greatest depth of the AXI4-Stream FIFO IP (PG085)."""
MAX_COUNT = (1 << 32) - 1
"""Largest value of the counters in the HLS library, which are all `unsigned`."""


def lay_out(network: Network, platform: Platform) -> Design:
    """The design before placement: all IPs are in SLR 0."""
    ips = [stem_ip(network.stem), *map(block_ip, network.blocks), head_ip(network.head)]
    if network.has_dma:
        ips.insert(0, dma_ip(network, ips))
    links = [link_between(source, sink) for source, sink in pairwise(ips)]
    if network.has_dma:
        links.append(link_between(ips[-1], ips[0], "labels"))
        if network.head.streams_weights:
            links.append(link_between(ips[0], ips[-1], "weights"))
    loading = [ip for ip in ips if any(unit.loads for unit in ip.units)]
    if network.has_dma and loading:
        links.append(link(ips[0].name, ips[0].port("constants"), loading[0].name, loading[0].port("constants_in")))
    for source, sink in pairwise(loading):
        links.append(link(source.name, source.port("constants_out"), sink.name, sink.port("constants_in")))
    arguments = kernel_arguments(network) if network.has_dma else ()
    design = Design(network=network, platform=platform, ips=tuple(ips), links=tuple(links), arguments=arguments)
    _require_countable(design)
    return design.with_depths(_given_depths(design))


def _require_countable(design: Design) -> None:
    """Check that the loops of the C++ can count the firings of every unit and the codes of every stream in a frame."""
    network = design.network
    places = {"dma": network.at, **{name: part.at for name, part in network.parts.items()}}
    for ip in design.ips:
        counts = [(f"{unit.name} takes {unit.cycles:,} cycles", unit.cycles, "higher pe and simd, or a") for unit in ip.units]
        codes = [(port.name, port.beats * port.lanes) for port in ip.ports]
        codes += [(unit.name, unit.values["kCodes"]) for unit in ip.units if "kCodes" in unit.values]
        counts += [(f"{name} passes {count:,} codes", count, "a") for name, count in codes]
        for what, count, remedy in counts:
            if count > MAX_COUNT:
                why = f"loop counters have 32 bits, at most {MAX_COUNT:,}"
                raise DescriptionError(places[ip.name], f"{ip.name}: {what} a frame", why=why, fix=f"use {remedy} smaller feature map")


def given_fifos(network: Network) -> dict[str, Fifo]:
    """The FIFO depths in the description, by dotted name."""
    return {f"{name}.{fifo.name}": fifo for name, part in network.parts.items() for fifo in part.fifos}


def without_fifos(network: Network) -> Network:
    """The network without the FIFO depths in its description."""
    blocks = tuple(replace(block, fifos=()) for block in network.blocks)
    return replace(network, stem=replace(network.stem, fifos=()), blocks=blocks, head=replace(network.head, fifos=()))


def _given_depths(design: Design) -> dict[str, int]:
    given, links = given_fifos(design.network), {link.dotted for link in design.links}
    least, most = FIFO_DEPTHS[0], MOST_FIFO_DEPTH
    for name, fifo in given.items():
        part = name.partition(".")[0]
        known = [each.removeprefix(f"{part}.") for each in design.depths if each.startswith(f"{part}.")]
        if fifo.name not in known:
            what, why = f"{part}.fifos.{fifo.name}: there is no such FIFO", f"the FIFOs of {part} are {', '.join(known)}"
            raise DescriptionError(fifo.at, what, why=why, fix=nearest(fifo.name, known))
        power = max(least, min(most, 1 << (fifo.depth - 1).bit_length()))
        if name in links and fifo.depth != power:
            what = f"{part}.fifos.{fifo.name}: {fifo.depth} beats between two IPs"
            raise DescriptionError(fifo.at, what, why=f"the FIFO IP has {least} to {most:,}, a power of two", fix=f"write {power}")
    return {name: fifo.depth for name, fifo in given.items()}


def link_between(source: Ip, sink: Ip, name: str | None = None) -> Link:
    out = source.port(name) if name else next(port for port in source.outputs if port.name in ("codes_out", "image"))
    into = sink.port(name) if name else next(port for port in sink.inputs if port.name in ("codes_in", "image"))
    return link(source.name, out, sink.name, into)


def link(source: str, out: Port, sink: str, into: Port) -> Link:
    """A link whose FIFO holds a frame, but at most 1,024 beats, as in the original; deeper ones cost memory without benefit."""
    least, most = FIFO_DEPTHS
    depth = 1 << (max(least, min(most, out.beats)) - 1).bit_length()
    return Link(source=source, source_port=out, sink=sink, sink_port=into, depth=depth)
