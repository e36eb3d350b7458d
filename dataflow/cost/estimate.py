"""An estimate of what a design costs, before any tool has run, by formulas for each unit.

Nothing here was measured on an implemented design of this library. The formulas count adders, comparators, memories and
registers as the headers of the HLS library have them; each unit brings its own, from `dataflow.cost.formulas`. Every kind of
arithmetic has a factor of its own, which says what it was measured on. Two of them are fitted, on the two published totals of the
original ResNet-50 that depend on them (see `Backend.ORIGINAL`): ADD_OR_SUBTRACT_FACTOR on its LUTs, REGISTER_FACTOR on its
flip-flops. Its BRAM, UltraRAM and DSP totals are left as a check: nothing is fitted on them.

All this is for C++ (`Backend.HLS` and the original). SystemVerilog has formulas and constants of its own, fitted on what Yosys makes of each
module: `dataflow.cost.rtl`.
"""

from __future__ import annotations

from dataflow.banks import enlarged_kb
from dataflow.cost.resources import Resources
from dataflow.cost.rtl import rtl_fifo
from dataflow.cost.storage import bram, link_cost, stream_cost
from dataflow.design import Design, Ip, Link, Stream
from dataflow.unit import Backend, Unit

FIFO_CONTROL = Resources(lut=15, ff=12)
"""Pointers and flags of a FIFO within an IP. A guess."""
FIFO_IP = Resources(lut=60, ff=60)
"""Control of an axis_data_fifo. A guess."""


def estimate_design(design: Design, backend: Backend = Backend.HLS) -> Resources:
    """Everything in the kernel: IPs, and the FIFOs and width converters between them, without the shell and memory banks.

    `Backend.RTL` is for IPs whose units all have a module, which a DMA's have not.
    """
    parts = [*(estimate_ip(ip, backend) for ip in design.ips), *map(estimate_link, design.links)]
    return sum(parts, Resources())


def estimate_ip(ip: Ip, backend: Backend = Backend.HLS) -> Resources:
    """The units of an IP and the FIFOs between them."""
    if backend is Backend.RTL:
        fifos = [estimate_rtl_fifos(ip, unit) for unit in ip.units]
    else:
        fifos = [estimate_stream(stream, backend) for stream in ip.streams]
    return sum([*(unit.cost(backend) for unit in ip.units), *fifos], Resources())


def estimate_rtl_fifos(ip: Ip, unit: Unit) -> Resources:
    """The FIFOs that a unit in SystemVerilog writes, which are in its module: those of streams, and one in front of an output port."""
    return sum((rtl_fifo(fifo, bits).cost for fifo, bits in ip.rtl_fifos(unit)), Resources())


def estimate_link(link: Link) -> Resources:
    """The FIFO between two IPs, and the width converter where there is one."""
    return estimate_fifo(link) + estimate_converter(link)


def estimate_fifo(link: Link) -> Resources:
    data_bytes = link.source_port.tdata_bytes
    return FIFO_IP + link_cost(link.depth, data_bytes) + Resources(ff=2 * 8 * data_bytes)


def estimate_converter(link: Link) -> Resources:
    """The width converter IP: two registers for a wide beat, and one multiplexer per bit. A guess."""
    if not link.converts:
        return Resources()
    wide = 8 * max(link.source_port.tdata_bytes, link.sink_port.tdata_bytes)
    return Resources(lut=50 + wide, ff=50 + 2 * wide)


def estimate_banks(design: Design) -> tuple[Resources, ...]:
    """By SLR, the UltraRAM of a PLRAM bank that is enlarged for weights or constants; banks of the default size are part of the shell.

    512 bits of data take 8 UltraRAMs side by side, which hold 256 KB (UG573).
    """
    used = [Resources() for _ in design.platform.area]
    weights = next((argument.bank for argument in design.arguments if argument.name == "weightsmem"), None)
    if weights is not None and (size_kb := enlarged_kb(design).get(weights)):
        used[design.platform.bank(weights).slr] = Resources(uram=8 * -(-size_kb // 256))
    return tuple(used)


def estimate_stream(stream: Stream, backend: Backend = Backend.HLS) -> Resources:
    """The FIFO of a stream within an IP."""
    registers = Resources(ff=stream.bits)
    if backend is not Backend.ORIGINAL:
        return FIFO_CONTROL + stream_cost(stream.depth, stream.bits) + registers
    if stream.name == "bypass":
        return FIFO_CONTROL + Resources(bram=bram(stream.depth, stream.bits)) + registers
    return FIFO_CONTROL + stream_cost(64, stream.bits) + registers
