"""The kernel's arguments and where they are in the register map of its HLS s_axilite slave."""

from __future__ import annotations

from dataflow.design import Argument
from dataflow.units.memory import WORD_BITS
from network.model import Network

FIRST_OFFSET = 0x10
"""Below it are the control and interrupt registers."""
POINTER_BYTES = 12
"""HLS gives a 64-bit pointer two registers and leaves one empty."""


def kernel_arguments(network: Network) -> tuple[Argument, ...]:
    """`(in*, out*, [weightsmem*,] numReps)`."""
    memory = network.memory
    pointers = [("in", "m_axi_images", WORD_BITS, False, memory.images), ("out", "m_axi_labels", 32, True, memory.labels)]
    if network.reads_weights:
        pointers.append(("weightsmem", "m_axi_weights", WORD_BITS, False, memory.weights))
    arguments = [
        Argument(name=name, id=i, offset=FIRST_OFFSET + POINTER_BYTES * i, size=8, port=port, data_width=width, writes=writes, bank=bank)
        for i, (name, port, width, writes, bank) in enumerate(pointers)
    ]
    last = len(arguments)
    arguments.append(
        Argument(name="numReps", id=last, offset=FIRST_OFFSET + POINTER_BYTES * last, size=4, port="s_axi_control", data_width=32)
    )
    return tuple(arguments)
