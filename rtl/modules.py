"""The modules of the SystemVerilog library, one for each implementation that has one, and how a unit becomes an instance of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import MappingProxyType

from codegen.text.templates import pascal
from constants.layout import Role
from dataflow.cost.storage import Storage, stream_storage
from dataflow.design import Ip
from dataflow.rtl_fifo import FifoKind, RtlFifo
from dataflow.unit import Constants, Unit
from network.errors import DescriptionError
from network.formats import Kind
from network.model import Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """What `rf_<implementation>` takes of a unit. It runs for ever, frame after frame, so it needs no numbers of beats or pixels."""

    reads: tuple[str, ...] = ("in",)  # its names of Unit.reads
    writes: tuple[str, ...] = ("out",)
    parameters: tuple[str, ...]  # of Unit.values, without the k
    formats: tuple[str, ...]  # of Unit.formats, by their bits
    signed: tuple[str, ...] = ()  # those whose sign matters
    unsigned: tuple[str, ...] = ()  # those that are unsigned by default
    lists: tuple[str, ...] = ()  # of Unit.lists, packed: codes of the format In, one or one for each of the channels kIn


WINDOW = ("KernelHeight", "KernelWidth")
ACTIVATION = ("In", "Simd", "Block", "Repeats", "Beside")
SLIDING = (
    *("Height", "Width", *WINDOW, "StrideHeight", "StrideWidth"),
    *("PadTop", "PadBottom", "PadLeft", "PadRight", "In", "Simd", "Pixels"),
)
PRODUCTS = (*WINDOW, "In", "Out", "Simd", "Pe", "Pixels", "Taps")
DSPS = ("DspWeights", "DspPixels", "WeightStep", "PixelStep", "Chain")
MODULES: Mapping[str, Module] = MappingProxyType(
    {
        "dwc": Module(parameters=("LanesIn", "LanesOut"), formats=("Code",)),
        "fork": Module(writes=("main", "bypass"), parameters=("Lanes",), formats=("Code",)),
        "join": Module(reads=("main", "bypass"), parameters=("Lanes", "Zero"), formats=("Code",)),
        "join_sum": Module(
            reads=("main", "bypass"),
            parameters=("Lanes", "Rows", "Pairs", "Zero"),
            formats=("Main", "Bypass", "Out", "Factor"),
            signed=("Main", "Bypass"),
        ),
        "threshold": Module(parameters=ACTIVATION, formats=("In", "Out"), signed=("In",), unsigned=("Out",)),
        "scale": Module(
            parameters=(*ACTIVATION, "Shift", "HalfEven", "Step", "Offset", "Low", "High"),
            formats=("In", "Out", "Multiplier", "Bias"),
            signed=("In",),
        ),
        "clip": Module(parameters=ACTIVATION, formats=("In", "Out"), signed=("In",), unsigned=("Out",)),
        "table": Module(parameters=ACTIVATION, formats=("In", "Out")),
        "search": Module(parameters=ACTIVATION, formats=("In", "Out"), signed=("In",), unsigned=("Out",)),
        "swg": Module(parameters=SLIDING, formats=("In",), lists=("PadCodes",)),
        "swg_parallel": Module(parameters=(*SLIDING, "Taps"), formats=("In",), lists=("PadCodes",)),
        "raster": Module(parameters=("Groups", "Folds", "Pixels", "Beats", "Lanes"), formats=("Code",)),
        "mvau": Module(parameters=(*PRODUCTS, *DSPS), formats=("In", "Weight", "Out"), signed=("In", "Weight"), unsigned=("Out",)),
        "mvu": Module(parameters=(*PRODUCTS, *DSPS), formats=("In", "Weight", "Acc"), signed=("In", "Weight")),
        "max_pool": Module(parameters=(*WINDOW, "In", "Simd"), formats=("In",), unsigned=("In",)),
        "accumulate_pool": Module(parameters=("Pixels", "In", "Simd", "Zero"), formats=("In", "Out"), unsigned=("In",)),
        "global_max": Module(parameters=("Pixels", "In", "Simd", "Zero"), formats=("In", "Out"), unsigned=("In",)),
        "weight_rom": Module(reads=(), parameters=("Tiles", "Simd", "Pe"), formats=("Weight",)),
        "dense": Module(
            reads=("in", "weights"), parameters=("In", "Out", "Simd", "Pe", *DSPS), formats=("In", "Weight", "Acc"), signed=("In", "Weight")
        ),
        "scale_scores": Module(parameters=("Classes", "Lanes"), formats=("In", "Factor", "Out"), signed=("In",)),
        "top_k": Module(parameters=("Classes", "Top"), formats=("Score",), signed=("Score",)),
        "top_k_scores": Module(parameters=("Classes", "Top"), formats=("Score",), signed=("Score",)),
    }
)
CHAIN = "constants"
"""What modules with constants call the chain from which these are loaded. In front of a unit that holds them in ROM it is left open."""
STYLES = {Storage.REGISTERS: "registers", Storage.LUTRAM: "distributed", Storage.BRAM: "block", Storage.URAM: "ultra"}
"""Kinds of memory by the names that `ram_style` has in Vivado (UG901) and in Yosys."""


def has_modules(ip: Ip) -> bool:
    """Whether the whole IP can be built in SystemVerilog."""
    return all(unit.implementation in MODULES for unit in ip.units)


def require_modules(network: Network, ip: Ip) -> None:
    """Raise DescriptionError, at the line of the block, stem or head, unless the whole IP can be built in SystemVerilog."""
    for unit in ip.units:
        if unit.implementation not in MODULES:
            parts = {"stem": network.stem.at, "head": network.head.at} | {block.name: block.at for block in network.blocks}
            raise DescriptionError(
                parts.get(ip.name, network.at),
                f"{ip.name}.{unit.name}: {unit.implementation} has no SystemVerilog",
                why="the library in rtl/sv has modules for what computes on streams; what moves them to and from card memory has only C++",
                fix=f"leave {ip.name} to C++, doit csim:{ip.name}; or write interfaces: streams, and there is no DMA",
            )


Row = dict[str, str]
"""Parameters that belong together: their values as SystemVerilog literals, by name."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A unit as an instance of its module: its parameters in rows, and a row of connections for each stream."""

    module: str
    name: str
    parameters: tuple[Row, ...]
    connections: tuple[Row, ...]  # ports of the module -> signals of the IP


def instance(ip: Ip, unit: Unit) -> Instance:
    module = MODULES[unit.implementation]
    parameters = [
        *({name[1:]: str(value) for name, value in row if name[1:] in module.parameters} for row in unit.parameters),
        _formats(unit, module),
        {name: _packed(unit, codes) for name, codes in unit.lists if name in module.lists},
        {"Firings": str(unit.cycles - 1)} if unit.loads else {},  # but for the token of the frame
        *(_constants(list(held)) for _, held in groupby(unit.constants, key=lambda each: each.role)),
        {f"{pascal(buffer.name)}Style": _quoted(STYLES[buffer.storage]) for buffer in unit.buffers if buffer.words},
        *(_output(port, fifo, bits) for (port, _), (fifo, bits) in zip(written(unit), ip.rtl_fifos(unit), strict=True)),
    ]
    connections = (
        {"clk_i": "ap_clk", "rst_ni": "ap_rst_n"},
        *({f"{port}_i": name, f"{port}_valid_i": f"{name}_valid", f"{port}_ready_o": f"{name}_ready"} for port, name in read(unit)),
        *({f"{port}_o": name, f"{port}_valid_o": f"{name}_valid", f"{port}_ready_i": f"{name}_ready"} for port, name in written(unit)),
    )
    name = f"u_{unit.label.replace(' ', '_')}"
    return Instance(f"rf_{unit.implementation}", name, tuple(row for row in parameters if row), connections)


def read(unit: Unit) -> list[tuple[str, str]]:
    """The module's names of what a unit reads, and the streams."""
    ports = MODULES[unit.implementation].reads
    return list(zip((*ports, CHAIN) if unit.loads else ports, unit.reads, strict=True))


def written(unit: Unit) -> list[tuple[str, str]]:
    """The module's names of what a unit writes, and the streams."""
    ports = MODULES[unit.implementation].writes
    return list(zip((*ports, CHAIN) if unit.passes_loads else ports, unit.writes, strict=True))


def _formats(unit: Unit, module: Module) -> Row:
    row = {}
    for name, form in unit.formats:
        if name in module.formats:
            row[f"{name}Bits"] = str(form.bits)
        if name in module.signed:
            row |= {f"{name}Bipolar": "1'b1"} if form.kind is Kind.BIPOLAR else {f"{name}Signed": _bit(form.kind is Kind.INT)}
        if name in module.unsigned and form.kind is Kind.INT:
            row[f"{name}Signed"] = _bit(True)
    return row


def _packed(unit: Unit, codes: tuple[int, ...]) -> str:
    """A code for each channel, that of channel 0 lowest."""
    bits, channels = dict(unit.formats)["In"].bits, unit.values["kIn"]
    literals = [f"{bits}'h{code % 2**bits:x}" for code in codes]
    return f"{{{channels}{{{literals[0]}}}}}" if len(codes) == 1 else f"{{{', '.join(reversed(literals))}}}"


def _constants(of_a_role: Sequence[Constants]) -> Row:
    """Of a search there are those of each step: what is in block RAM is a bit of each, and files are named by step and lane."""
    held = of_a_role[0]
    name = pascal(held.role.value)

    def are_in(storage: Storage) -> str:
        found = [each.storage is storage for each in of_a_role]
        return f"8'b{sum(is_in << k for k, is_in in enumerate(found)):b}" if held.role is Role.LEVELS else _bit(found[0])

    row = {f"{name}Bits": str(held.element_bits)} if held.role in (Role.THRESHOLDS, Role.BASES, Role.LEVELS) else {}
    row[f"{name}Block"] = are_in(Storage.BRAM)
    if held.holding.loaded:
        return row | {f"{name}Ultra": are_in(Storage.URAM)}
    file = held.name.removesuffix("0") if held.role is Role.LEVELS else held.name if held.apart else memory_files(held)[0]
    return row | {f"{name}File": _quoted(file)}


def _output(port: str, fifo: RtlFifo, bits: int) -> Row:
    """The FIFO of an output. Its kind and its places follow from its depth in the module, as in `RtlFifo`."""
    style = {f"{pascal(port)}Style": _quoted(fifo_style(fifo, bits))} if fifo.kind is FifoKind.DEEP else {}
    return {f"{pascal(port)}Depth": str(fifo.depth)} | style


def fifo_style(fifo: RtlFifo, bits: int) -> str:
    """The kind of a FIFO's memory."""
    return STYLES[stream_storage(fifo.depth, bits) if fifo.kind is FifoKind.DEEP else Storage.LUTRAM]


def memory_files(held: Constants) -> tuple[str, ...]:
    """The file with the rows of a ROM; of ROMs apart, those of each lane. What is loaded has none."""
    if held.holding.loaded:
        return ()
    return tuple(f"{held.name}_{lane:04}.mem" for lane in range(held.pe)) if held.apart else (f"{held.name}.mem",)


def _bit(value: bool) -> str:
    return f"1'b{int(value)}"


def _quoted(text: str) -> str:
    return f'"{text}"'
