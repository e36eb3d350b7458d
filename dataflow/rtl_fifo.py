"""The FIFO behind a unit in RTL, as a value: its kind, its places, and after how many cycles a beat can be read.

A unit in RTL never stalls what is under way in its pipeline: a firing starts only if there is room for all it writes, and claims a place
for each beat in that very cycle. So beside the places of the stream's depth there is one for every cycle a beat is under way, from its
firing to the first cycle in which it can be read. With these, a FIFO passes a beat in every cycle, and a place is free again a cycle after its
beat was read.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

PORT_DEPTH = 2
"""Beats of the FIFO in front of an output port, and of a register slice."""
SHALLOW_PLACES = 64
"""Most places of a shallow FIFO: as many as a LUT has as a distributed RAM."""
MESSAGE_LATENCY = 1
"""Cycles from the firing in which a unit takes a word of the chain of constants to the arrival of the one it passes on."""


class FifoKind(Enum):
    """What a FIFO is built as."""

    SHALLOW = "shallow"
    """Distributed RAM, read in the cycle of the address: a beat that arrived can be read in the next cycle."""
    DEEP = "deep"
    """A synchronous memory, whose output takes cycles, in front of a small stage that holds what was read ahead."""

    @property
    def read_delay(self) -> int:
        """Cycles from the arrival of a beat to the first cycle in which it can be read."""
        return 1 if self is FifoKind.SHALLOW else 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RtlFifo:
    """The FIFO of a stream, chosen by the stream's depth and the unit that writes it."""

    depth: int  # of the stream: beats that it holds beside those that are under way
    unit_latency: int  # cycles from a firing of the unit that writes it to the arrival of its beat: `Unit.latency[Backend.RTL]`

    @property
    def kind(self) -> FifoKind:
        shallow = self.depth + self.unit_latency + FifoKind.SHALLOW.read_delay
        return FifoKind.SHALLOW if shallow <= SHALLOW_PLACES else FifoKind.DEEP

    @property
    def latency(self) -> int:
        """Cycles from the firing that writes a beat to the first cycle in which it can be read."""
        return self.unit_latency + self.kind.read_delay

    @property
    def places(self) -> int:
        """Beats that have a place in it at once, those under way among them."""
        return self.depth + self.latency
