"""The kernel's registers as HLS lays them out for the DMA (UG1399, "S_AXILITE Control Register Map"): control, interrupts, arguments."""

from __future__ import annotations

from typing import NamedTuple

from dataflow.design import Design
from ipi.kernel_xml import port_name

CONTROL = {"CTRL": 0x00, "GIER": 0x04, "IP_IER": 0x08, "IP_ISR": 0x0C}
"""Control, and the interrupts' global enable, enable and status: the same registers under every protocol that starts a kernel."""


class Register(NamedTuple):
    name: str
    offset: int  # bytes
    bits: int
    master: str | None  # the AXI interface whose addresses it holds; None: a number


def registers(design: Design) -> tuple[Register, ...]:
    """All registers of S_AXI_CONTROL, by ascending offset."""
    control = [Register(name, offset, 32, None) for name, offset in CONTROL.items()]
    arguments = [
        Register(argument.name, argument.offset, argument.size * 8, port_name(argument) if argument.is_pointer else None)
        for argument in design.arguments
    ]
    return (*control, *arguments)
