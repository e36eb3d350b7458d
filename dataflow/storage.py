"""Which kind of memory holds a ROM or a FIFO: one rule each, for the estimate and for the directives of HLS."""

from __future__ import annotations

from enum import Enum

from dataflow.design import Process, Rom, Stream


class Storage(Enum):
    """A kind of memory; the value is its name in reports and directives."""

    LUTRAM = "lutram"
    SRL = "srl"
    BRAM = "bram"
    URAM = "uram"


def rom_storage(process: Process, rom: Rom) -> Storage:
    """By the words of one PE: a LUT holds 64 bits of a ROM, and a block RAM is wasted on fewer than 512 words."""
    layer = process.layer
    words = getattr(layer, "cycles", 0) // max(1, getattr(getattr(layer, "output", None), "pixels", 1)) if rom.format else 0
    return Storage.BRAM if words >= 512 else Storage.LUTRAM


def stream_storage(stream: Stream) -> Storage:
    """By depth: a shift register up to 32 beats, LUTRAM up to 512, block RAM beyond."""
    return Storage.SRL if stream.depth <= 32 else Storage.LUTRAM if stream.depth <= 512 else Storage.BRAM
