"""What a design will cost before any tool has run: an estimate, by formulas for what each process becomes.

Nothing here was measured on an implemented design of this library. The formulas count adders, comparators, memories and
registers as the headers of the HLS library have them; their sources stand in the docstrings. Two constants are fitted, on the
two published totals of the original ResNet-50 that depend on them (see `Style.ORIGINAL`): LOGIC_FACTOR on its LUTs,
REGISTER_FACTOR on its flip-flops. Its BRAM, UltraRAM and DSP totals are left as a check: nothing is fitted on them.

UG574 is the UltraScale CLB user guide: a LUT6 computes a bit of an adder, or with the carry chain two bits of a comparison.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from functools import lru_cache, singledispatch

from dataflow.design import Design, Ip, Kind, Layer, Link, Process, Rom, Stream
from dataflow.layers import Accumulate, Convert, Fork, Join, Labels, Pool, Threshold, TopK, Transfer, WeightRom
from dataflow.resources import Resources
from dataflow.storage import bram, link_cost, ram_cost, rom_cost, rom_shape, stream_cost
from network.formats import Format
from network.formats import Kind as FormatKind
from network.model import Conv, Dense, Shape, Window

LOGIC_FACTOR = 0.975
"""LUTs of arithmetic as built, to those counted here. FITTED on the published LUTs of the original, by this one number."""
REGISTER_FACTOR = 2.106
"""Flip-flops of pipelines as built, to those counted here. FITTED on the published flip-flops of the original, by this one number."""
CONTROL = Resources(lut=100, ff=150)
"""Loop counters and handshakes of a process. A guess, a third of FINN-R's 300 per MVAU (which holds a window's counters too)."""
FIFO_CONTROL = Resources(lut=15, ff=12)
"""Pointers and flags of a FIFO within an IP. A guess."""
AXI_MASTER = {512: Resources(lut=1500, ff=3000, bram=7.5), 32: Resources(lut=700, ff=900, bram=1)}
"""The adapter HLS puts in front of a memory port, by its width in bits. UNCONFIRMED: of the size seen in public reports."""
FIFO_IP = Resources(lut=60, ff=60)
"""Control of an axis_data_fifo. A guess."""


class Style(Enum):
    """Which MVAUs, and what goes with them."""

    LIBRARY = "AND-popcount"
    """This library's: bipolar weights by AND and popcount on bit planes."""
    ORIGINAL = "add-or-subtract"
    """Xilinx/ResNet50-PYNQ's, for the fit, as its sources have it: bipolar weights add or subtract a code; products are DSPs, two of
    the stem's share one; FIFOs within a block are 64 beats of LUTs, its bypass is block RAM; weights of more than 64 words lie in
    block RAM; a sliding window keeps each row in a RAM of its own."""


def estimate_design(design: Design, style: Style = Style.LIBRARY) -> Resources:
    """Everything in the kernel: IPs, and the FIFOs and width converters between them. Shell and memory banks are not in it."""
    parts = [*(estimate_ip(ip, style) for ip in design.ips), *map(estimate_link, design.links)]
    return sum(parts, Resources())


def estimate_ip(ip: Ip, style: Style = Style.LIBRARY) -> Resources:
    """The processes of an IP and the FIFOs between them."""
    parts = [*(estimate(process, style) for process in ip.processes), *(_fifo(stream, style) for stream in ip.streams)]
    return sum(parts, Resources())


def estimate_link(link: Link) -> Resources:
    """The FIFO between two IPs, and the width converter where there is one."""
    return estimate_fifo(link) + estimate_converter(link)


def estimate_fifo(link: Link) -> Resources:
    return FIFO_IP + link_cost(link) + Resources(ff=2 * 8 * link.source_port.tdata_bytes)


def estimate_converter(link: Link) -> Resources:
    """The width converter IP: a wide beat in registers twice, with a multiplexer a bit. A guess."""
    if not link.converts:
        return Resources()
    wide = 8 * max(link.source_port.tdata_bytes, link.sink_port.tdata_bytes)
    return Resources(lut=50 + wide, ff=50 + 2 * wide)


@lru_cache(maxsize=1 << 15)
def estimate(process: Process, style: Style = Style.LIBRARY) -> Resources:
    """One process with its ROMs and buffers."""
    roms = sum((_rom(process, rom, style) for rom in process.roms), Resources())
    if process.kind is Kind.LOAD:
        return CONTROL + AXI_MASTER[512]
    layer = process.layer
    if process.kind is Kind.SWG and isinstance(layer, Conv):
        return CONTROL + _window(layer.input, layer.window, layer.simd * layer.input_format.bits, layer.simd, layer.pixels, style)
    if process.kind is Kind.SWG and isinstance(layer, Pool):
        return CONTROL + _window(layer.input, layer.window, layer.lanes * layer.format.bits, layer.lanes, 1, style)
    if isinstance(layer, Conv):
        return CONTROL + roms + _mvau(layer, style)
    if isinstance(layer, Dense):
        return CONTROL + roms + _dense(layer, style)
    return CONTROL + roms + _cost(layer)


def estimate_banks(design: Design) -> tuple[Resources, ...]:
    """Of each SLR, the UltraRAM of a PLRAM bank that is made large enough for the weights; the shell has the banks as they come.

    512 bits of data take 8 UltraRAMs side by side, 256 KB of them (UG573).
    """
    found = [Resources() for _ in design.platform.area]
    weights = next((argument.bank for argument in design.arguments if argument.name == "weightsmem"), None)
    bank = design.platform.bank(weights) if weights else design.platform.default_bank
    needed_kb = -(-design.network.head.fc.out * design.network.head.fc.inputs // 1024)
    if bank.kind == "dram" and needed_kb > bank.kilobytes:
        size_kb = 1 << (needed_kb - 1).bit_length()
        found[bank.slr] = Resources(uram=8 * -(-size_kb // 256))
    return tuple(found)


def adder_tree(lanes: int, bits: int) -> int:
    """LUTs of a balanced tree that sums `lanes` numbers of `bits` bits: a LUT for each bit of each adder's operands (UG574).

    Counted like this, the popcount of 128 lanes, accumulated and compared, is some 280 LUTs; "FINN" (Umuroglu 2017, section 4.2)
    measured 376 on a Zynq.
    """
    luts, width = 0, bits
    while lanes > 1:
        luts += lanes // 2 * width
        lanes, width = lanes - lanes // 2, width + 1
    return luts


def tree_registers(lanes: int, bits: int) -> int:
    """Flip-flops of such a tree with a register after every other level, about what HLS puts there at 250 MHz."""
    registers, width, level = 0, bits, 0
    while lanes > 1:
        lanes, width, level = lanes - lanes // 2, width + 1, level + 1
        if level % 2 == 0 or lanes == 1:
            registers += lanes * width
    return registers


def uses_dsp(weight: Format, codes: Format) -> bool:
    """Whether a product becomes a DSP. UNCONFIRMED: HLS tools give narrow ones to LUTs; so does this, up to 4 bits."""
    return weight.kind is not FormatKind.BIPOLAR and min(weight.bits, codes.bits) > 4


def _dot(simd: int, weight: Format, codes: Format, style: Style) -> tuple[int, int, int]:
    """(LUTs, flip-flops, DSPs) of a PE's sum of products, see dot.h.

    AND-popcount: per bit plane a tree over single bits, whose first adders take the AND along, and an adder per further plane.
    Add-or-subtract: "FINN-R" (Blott 2018, section 5), with W weight bits, A code bits: SIMD * (2*ceil((W+A)/6) - 1) * (W+A) for the
    products, (W+A) * (2*SIMD - 1) for their sum. Products in LUTs are counted the same way.
    DSPs: HLS tools fuse a product with an addition into one, and leave the products that cannot be fused, about one in three, to
    LUTs, some two for every three pairs of bits (41 for 8x8). UNCONFIRMED: so a public C synthesis of 48 products of 8x8 came out.
    """
    both = weight.bits + codes.bits
    if weight.kind is FormatKind.BIPOLAR and style is Style.LIBRARY:
        planes = codes.bits
        wide = simd.bit_length() + 1
        return planes * adder_tree(simd, 1) + (planes - 1) * wide, planes * tree_registers(simd, 1) + wide, 0
    if uses_dsp(weight, codes) and style is Style.ORIGINAL:
        return 0, 0, simd
    if uses_dsp(weight, codes):
        alone = simd // 3
        return alone * (2 * weight.bits * codes.bits // 3), alone * both, simd - alone
    return simd * (2 * -(-both // 6) - 1) * both + both * (2 * simd - 1), tree_registers(simd, both), 0


def _crossed(outputs: int, bits: int, out: Format) -> Resources:
    """`outputs` values of `bits` bits against all thresholds, and the count of those crossed, see threshold.h.

    A comparison is half a LUT a bit; n of them are counted by n - log2(n + 1) full adders.
    """
    n = out.thresholds
    return Resources(lut=outputs * (n * -(-bits // 2) + n - out.bits), ff=outputs * (n + out.bits))


def _mvau(conv: Conv, style: Style) -> Resources:
    """kPixels * kPe dot products, accumulators and thresholds; weights in registers behind their ROMs; a buffer for the window."""
    outputs, acc = conv.pixels * conv.pe, conv.acc.bits
    luts, ffs, dsps = _dot(conv.simd, conv.weight, conv.input_format, style)
    beat = conv.pixels * conv.simd * conv.input_format.bits
    crossed = _crossed(outputs, acc, conv.output_format)
    logic = outputs * (luts + acc) + crossed.lut
    if conv.weight.kind is FormatKind.BIPOLAR and style is Style.LIBRARY:  # what every PE's sum has too much, once for all of them
        logic += conv.pixels * (luts + acc) + outputs * acc
        ffs += acc
    registers = outputs * (ffs + 2 * acc) + crossed.ff + conv.pe * conv.simd * conv.weight.bits + 2 * beat
    buffer = ram_cost(conv.fold_in, beat) if conv.fold_out > 1 else Resources()
    shared = 2 if style is Style.ORIGINAL and conv.pixels % 2 == 0 else 1  # two pixels meet the same weight
    return _logic(logic, registers) + buffer + Resources(dsp=outputs * dsps // shared)


def _dense(layer: Dense, style: Style) -> Resources:
    """As an MVAU without thresholds."""
    acc = layer.acc.bits
    luts, ffs, dsps = _dot(layer.simd, layer.weight, layer.input_format, style)
    beat = layer.simd * layer.input_format.bits
    buffer = ram_cost(layer.fold_in, beat) if layer.fold_out > 1 else Resources()
    logic, registers = layer.pe * (luts + 2 * acc), layer.pe * (ffs + 2 * acc + layer.simd * layer.weight.bits) + 2 * beat
    return _logic(logic, registers) + buffer + Resources(dsp=layer.pe * dsps)


def _window(shape: Shape, window: Window, bits: int, lanes: int, pixels: int, style: Style) -> Resources:
    """The ring of kernel + stride rows, in banks of columns; what picks kPixels of the banks, four a LUT; see swg.h."""
    banks = 1 if pixels == 1 else pixels * window.stride[1]
    rows, words = window.kernel[0] + window.stride[0], -(-shape.width // banks) * (shape.channels // lanes)
    rams = banks if style is Style.LIBRARY else banks * rows
    one = ram_cost(rows * words, bits) if style is Style.LIBRARY else Resources(bram=bram(words, bits))
    ring = Resources(lut=rams * one.lut, bram=rams * one.bram)
    picks = pixels * bits * -(-banks // 4) if banks > 1 else 0
    return ring + _logic(200 + picks, 250 + (banks + pixels) * bits)


def _logic(luts: int, registers: int) -> Resources:
    return Resources(lut=round(LOGIC_FACTOR * luts), ff=round(REGISTER_FACTOR * registers))


def _fifo(stream: Stream, style: Style) -> Resources:
    if style is Style.ORIGINAL:
        if stream.name == "bypass":
            return FIFO_CONTROL + Resources(bram=bram(stream.depth, stream.bits), ff=stream.bits)
        stream = replace(stream, depth=64)
    return FIFO_CONTROL + stream_cost(stream) + Resources(ff=stream.bits)


def _rom(process: Process, rom: Rom, style: Style) -> Resources:
    parts, words, bits = rom_shape(process, rom)
    if style is Style.ORIGINAL and rom.format is not None and words > 64:
        return Resources(bram=parts * bram(words, bits))
    return rom_cost(process, rom)


@singledispatch
def _cost(layer: Layer) -> Resources:
    """What a process takes besides its control and its ROMs."""
    raise TypeError(f"no estimate for {type(layer).__name__}")


@_cost.register
def _(layer: Transfer) -> Resources:
    """The unpacker: a word and a beat shifted by a beat, and where words do not hold whole beats, by any distance."""
    beat = layer.lanes * layer.format.bits
    levels = 1 if 512 % beat == 0 else 1 + (512).bit_length() // 2
    return _logic(levels * (512 + beat), 2 * 512 + 2 * beat)


@_cost.register
def _(_: Labels) -> Resources:
    return AXI_MASTER[32]


@_cost.register
def _(layer: Convert) -> Resources:
    """A wide beat in registers: filled in place, or shifted out, then with a multiplexer a bit."""
    wide = max(layer.lanes_in, layer.lanes_out) * layer.format.bits
    return _logic(wide, 2 * wide)


@_cost.register
def _(layer: Fork) -> Resources:
    return _logic(0, layer.lanes * layer.format.bits)


@_cost.register
def _(layer: Join) -> Resources:
    """Two additions and a clamp a lane."""
    bits = layer.format.bits
    return _logic(layer.lanes * (2 * (bits + 2) + bits), layer.lanes * 4 * bits)


@_cost.register
def _(layer: Threshold) -> Resources:
    crossed = _crossed(layer.lanes, layer.input_format.bits + 1, layer.output_format)
    return _logic(crossed.lut, crossed.ff + layer.lanes * (layer.input_format.bits + layer.output_format.bits))


@_cost.register
def _(layer: Pool) -> Resources:
    """A comparison and a choice a lane, and a pixel in registers."""
    bits = layer.format.bits
    return _logic(layer.lanes * (-(-bits // 2) + bits), (layer.lanes + layer.input.channels) * bits)


@_cost.register
def _(layer: Accumulate) -> Resources:
    """A subtraction and an addition a lane; sums in four banks."""
    bits, beats = layer.sum_format.bits, layer.input.channels // layer.lanes
    one = ram_cost(-(-beats // 4), bits)
    ram = Resources(lut=4 * layer.lanes * one.lut, bram=4 * layer.lanes * one.bram)
    return ram + _logic(layer.lanes * (layer.code_format.bits + 2 * bits), layer.lanes * 3 * bits)


@_cost.register
def _(layer: WeightRom) -> Resources:
    return _logic(0, layer.pe * layer.simd * layer.format.bits)


@_cost.register
def _(layer: TopK) -> Resources:
    """A comparison, and a choice of three for score and label, a place."""
    score, label = layer.score_format.bits, 32
    return _logic(layer.top * (-(-score // 2) + score + label), layer.top * (score + label) + label)
