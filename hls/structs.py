"""Units as C++ structs: the single template argument of each function of the library.

A struct holds only constants and formats; the headers compute everything else from them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from codegen.text.templates import pascal
from dataflow.unit import Buffer, Unit
from network.formats import Format, Kind


@dataclass(frozen=True, slots=True)
class Struct:
    name: str
    comment: str
    constants: tuple[dict[str, int], ...]  # one declaration a row
    formats: tuple[str, ...]  # one alias each
    buffers: tuple[str, ...] = ()  # the kind of memory of an array, one declaration each


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
    buffers = tuple(map(_storage, (buffer for each in sharers for buffer in each.buffers)))
    return Struct(name, unit.title, tuple(map(dict, unit.parameters)), aliases, buffers)


def _storage(buffer: Buffer) -> str:
    """Which memory, and how large: // 4 memories of 90 words of 24 bits."""
    banks = f"{buffer.memories} memories of " if buffer.memories > 1 else ""
    words = "1 word" if buffer.words == 1 else f"{buffer.words:,} words"
    size = f"{banks}{words} of {buffer.bits:,} bits" if buffer.words else "nothing is kept"
    return f"k{pascal(buffer.name)}Storage = Storage::k{pascal(buffer.storage.value)};  // {size}"


def template_arguments(unit: Unit) -> str:
    """What specializes its function: the struct, then its lists, resflow::PadCodes<124, 116, 104>."""
    lists = (f"resflow::{name}<{', '.join(map(str, numbers))}>" for name, numbers in unit.lists)
    return ", ".join((struct_name(unit), *lists))


def call_arguments(unit: Unit) -> list[str]:
    """Inputs, parameters, outputs; the pointer of a unit with a memory port is an input or an output."""
    inputs = [memory(unit)] if unit.memory and not unit.memory.writes else []
    outputs = [memory(unit)] if unit.memory and unit.memory.writes else []
    frames = ["frames"] if unit.all_frames else []
    return [*inputs, *unit.reads, *(held.name for held in unit.constants), *frames, *unit.writes, *outputs]


def memory(unit: Unit) -> str:
    """The pointer of a unit with a memory port: image_memory, weights_memory, labels_memory."""
    return f"{unit.name}_memory"
