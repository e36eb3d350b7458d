"""Units as C++ structs: the single template argument of each function of the library.

A struct holds only constants and formats; the headers compute everything else from them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from codegen.text.templates import pascal
from dataflow.unit import Unit
from network.formats import Format, Kind


@dataclass(frozen=True, slots=True)
class Struct:
    name: str
    comment: str
    constants: tuple[dict[str, int], ...]  # one declaration a row
    formats: tuple[str, ...]  # one alias each


def cpp_format(form: Format) -> str:
    return "Bipolar" if form.kind is Kind.BIPOLAR else f"{'Int' if form.kind is Kind.INT else 'UInt'}<{form.bits}>"


def struct_name(unit: Unit) -> str:
    """The struct of a unit: units of one layer share it; a width converter has its own."""
    return pascal(unit.name)


def structs(units: Iterable[Unit]) -> list[Struct]:
    """One per layer, in the order of the units. Of units that share a struct, the last has all that the others need; a test checks that."""
    return [_struct(unit) for unit in {struct_name(unit): unit for unit in units}.values()]


def _struct(unit: Unit) -> Struct:
    aliases = tuple(f"using {name} = {cpp_format(form)};" for name, form in unit.formats)
    return Struct(struct_name(unit), unit.title, tuple(map(dict, unit.parameters)), aliases)


def call_arguments(unit: Unit) -> list[str]:
    """Inputs, parameters, outputs; the pointer of a unit with a memory port is an input or an output."""
    inputs = [memory(unit)] if unit.memory and not unit.memory.writes else []
    outputs = [memory(unit)] if unit.memory and unit.memory.writes else []
    frames = ["frames"] if unit.all_frames else []
    return [*inputs, *unit.reads, *(held.name for held in unit.constants), *frames, *unit.writes, *outputs]


def memory(unit: Unit) -> str:
    """The pointer of a unit with a memory port: image_memory, weights_memory, labels_memory."""
    return f"{unit.name}_memory"
