"""Units as C++ structs: the single template argument of each function of the library.

A struct holds only constants and formats; the headers compute everything else from them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from codegen.text.templates import pascal
from constants.layout import Role
from dataflow.cost.storage import Storage
from dataflow.unit import Constants, Unit
from network.formats import Format, Kind


@dataclass(frozen=True, slots=True)
class Struct:
    name: str
    comment: str
    constants: tuple[dict[str, int], ...]  # one declaration a row
    formats: tuple[str, ...]  # one alias each
    buffers: tuple[str, ...] = ()  # the kind of memory of an array, one declaration each
    rows: tuple[str, ...] = ()  # the bits of a row that is loaded, one declaration each


def cpp_format(form: Format) -> str:
    return "Bipolar" if form.kind is Kind.BIPOLAR else f"{'Int' if form.kind is Kind.INT else 'UInt'}<{form.bits}>"


def struct_name(unit: Unit) -> str:
    """The struct of a unit: units of one layer share it; a width converter has its own."""
    return pascal(unit.name)


def structs(units: Iterable[Unit]) -> list[Struct]:
    """One per layer, in the order of the units.

    Of units that share a struct, the last has all the constants and formats that the others need; a test checks that. The arrays are those
    of all of them.
    """
    sharing: dict[str, list[Unit]] = {}
    for unit in units:
        sharing.setdefault(struct_name(unit), []).append(unit)
    return [_struct(name, sharers) for name, sharers in sharing.items()]


def _struct(name: str, sharers: list[Unit]) -> Struct:
    unit = sharers[-1]
    aliases = tuple(f"using {alias} = {cpp_format(form)};" for alias, form in unit.formats)
    loaded = [held for each in sharers if each.loads for held in each.constants]
    kept = [
        _storage(buffer.name, buffer.storage, buffer.memories, buffer.words, buffer.bits) for each in sharers for buffer in each.buffers
    ]
    kept += [_storage(what(held), held.storage, held.roms, held.words, held.widths[0]) for held in loaded]
    rows = tuple(f"k{pascal(what(held))}Row = {held.row_bits};" for held in loaded)
    return Struct(name, unit.title, tuple(map(dict, unit.parameters)), aliases, tuple(kept), rows)


def _storage(name: str, storage: Storage, memories: int, words: int, bits: int) -> str:
    """Which memory, and how large: // 4 memories of 90 words of 24 bits."""
    banks = f"{memories} memories of " if memories > 1 else ""
    deep = "1 word" if words == 1 else f"{words:,} words"
    size = f"{banks}{deep} of {bits:,} bits" if words else "nothing is kept"
    return f"k{pascal(name)}Storage = Storage::k{pascal(storage.value)};  // {size}"


def what(held: Constants) -> str:
    """Constants without the name of their layer: weights, level2."""
    return held.name.rpartition("_")[2]


@dataclass(frozen=True, slots=True)
class LoadedArray:
    """The array of a unit's constants that are loaded, [memory][address][integer]."""

    held: Constants
    struct: str

    @property
    def name(self) -> str:
        return self.held.name

    @property
    def integer(self) -> str:
        signed = not self.held.layout.is_unsigned
        return f"ap_{'' if signed else 'u'}int<{self.integer_bits}>"

    @property
    def integer_bits(self) -> int:
        """Of weights, which are one number to the PEs, as many as fill the memories best."""
        held = self.held
        return -(-held.row_bits // (held.roms * held.rom_elements)) if held.role is Role.WEIGHTS else held.element_bits

    @property
    def dimensions(self) -> tuple[int, int, int]:
        held = self.held
        integers = -(-held.row_bits // self.integer_bits)
        return held.roms, held.words, -(-integers // held.roms)

    @property
    def row(self) -> str:
        """Conv1::kWeightsRow"""
        return f"{self.struct}::k{pascal(what(self.held))}Row"

    @property
    def storage(self) -> str:
        return f"{self.struct}::k{pascal(what(self.held))}Storage"


def loaded_arrays(unit: Unit) -> list[LoadedArray]:
    return [LoadedArray(held, struct_name(unit)) for held in unit.constants if held.holding.loaded]


def loaded_name(unit: Unit) -> str:
    """The function of a unit whose constants are loaded: they are its own."""
    return f"{unit.name}_loaded"


def template_arguments(unit: Unit) -> str:
    """What specializes its function: the struct, then its lists, resflow::PadCodes<124, 116, 104>."""
    lists = (f"resflow::{name}<{', '.join(map(str, numbers))}>" for name, numbers in unit.lists)
    return ", ".join((struct_name(unit), *lists))


def call_arguments(unit: Unit) -> list[str]:
    """Inputs, parameters, outputs; the pointer of a unit with a memory port is an input or an output."""
    inputs = [memory(unit)] if unit.memory and not unit.memory.writes else []
    outputs = [memory(unit)] if unit.memory and unit.memory.writes else []
    frames = ["frames"] if unit.all_frames else []
    reads, writes = (unit.reads[:-1] if unit.loads else unit.reads), (unit.writes[:-1] if unit.passes_loads else unit.writes)
    constants = (held.name for held in unit.constants)
    return [*inputs, *reads, *unit.reads_once, *constants, *frames, *writes, *unit.writes_once, *outputs]


def chain_arguments(unit: Unit) -> list[str]:
    """The streams of messages of a unit whose constants are loaded, and what is loaded."""
    ends = [unit.reads[-1], *(unit.writes[-1:] if unit.passes_loads else ())]
    return [*ends, *(held.name for held in unit.constants)]


def memory(unit: Unit) -> str:
    """The pointer of a unit with a memory port: image_memory, weights_memory, labels_memory."""
    return f"{unit.name}_memory"
