"""Which memory holds what: one rule for ROMs, one for FIFOs, one for the rings of sliding windows, and what each costs.

The HLS step binds ROMs and FIFOs by these rules, the estimate counts by them, so that the two speak of the same hardware.
Rings are left to the HLS tool; the rule says what is expected of it.
"""

from __future__ import annotations

from enum import Enum

from dataflow.cost.resources import Resources

LUTS_WORTH_A_RAMB18 = 100
"""A memory moves to block RAM where that saves so many LUTs for each half of a block (18 Kbit).

On the cards there are some 340 LUTs to one, but it is the arithmetic that takes the LUTs: with 100, the weights of ResNet-50's
last two stages come to lie in block RAM and those before in LUTs, nearly as in the original, and neither runs short.
"""
BRAMS_WORTH_A_URAM = 2
"""A FIFO moves to UltraRAM where one replaces so many blocks (36 Kbit): about what there are on the cards to one UltraRAM."""


class Storage(Enum):
    """A kind of memory; the value is what the HLS tools call it."""

    LUTRAM = "lutram"
    """LUTs as memory, 64 bits each."""
    SRL = "srl"
    """LUTs as shift registers, 32 bits each."""
    BRAM = "bram"
    """Block RAM."""
    URAM = "uram"
    """UltraRAM: it has no initial contents (UG573, "UltraRAM Resources"), so it is nothing for a ROM."""


def rom_storage(words: int, bits: int) -> Storage:
    """Where constants lie, of which a memory holds so many words of so many bits."""
    return _cheaper(_rom_luts(words, bits), words, bits)


def stream_storage(depth: int, bits: int) -> Storage:
    """What a FIFO between two units is made of, of so many beats of so many bits."""
    if depth <= 32:
        return Storage.SRL
    ram = ram_storage(depth, bits)
    if ram is Storage.BRAM and bram(depth, bits) >= BRAMS_WORTH_A_URAM * uram(depth, bits):
        return Storage.URAM
    return ram


def link_storage(depth: int, data_bytes: int) -> Storage:
    """What the FIFO IP between two IPs is made of: it has no shift registers, and UltraRAM only in words of 8 bytes or more."""
    return Storage.LUTRAM if depth <= 64 else Storage.URAM if depth >= 1024 and data_bytes >= 8 else Storage.BRAM


def ram_storage(words: int, bits: int) -> Storage:
    """What a memory with a port to write and one to read is made of."""
    return _cheaper(_lutram_luts(words, bits), words, bits)


def _cheaper(luts: int, words: int, bits: int) -> Storage:
    return Storage.BRAM if luts > LUTS_WORTH_A_RAMB18 * 2 * bram(words, bits) else Storage.LUTRAM


def rom_cost(words: int, bits: int) -> Resources:
    if rom_storage(words, bits) is Storage.BRAM:
        return Resources(bram=bram(words, bits))
    return Resources(lut=_rom_luts(words, bits))


def stream_cost(depth: int, bits: int) -> Resources:
    """Of the memory alone, without the control of the FIFO."""
    storage = stream_storage(depth, bits)
    if storage is Storage.SRL:
        return Resources(lut=-(-bits // 2) if depth <= 16 else bits)  # two shift registers of 16 share a LUT
    return Resources(uram=uram(depth, bits)) if storage is Storage.URAM else ram_cost(depth, bits)


def link_cost(depth: int, data_bytes: int) -> Resources:
    """The same of a FIFO between two IPs, which keeps whole bytes."""
    bits, storage = 8 * data_bytes, link_storage(depth, data_bytes)
    if storage is Storage.URAM:
        return Resources(uram=uram(depth, bits))
    return Resources(bram=bram(depth, bits)) if storage is Storage.BRAM else Resources(lut=_lutram_luts(depth, bits))


def ram_cost(words: int, bits: int) -> Resources:
    if ram_storage(words, bits) is Storage.BRAM:
        return Resources(bram=bram(words, bits))
    return Resources(lut=_lutram_luts(words, bits))


def bram(words: int, bits: int) -> float:
    """Blocks of 36 Kbit: an 18 Kbit half is 512x36, 1024x18 … 16384x1 (UG573, "Block RAM Resources"); the best one shape."""
    shapes = [(512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1)]
    return min(-(-words // deep) * -(-bits // wide) for deep, wide in shapes) / 2


def uram(words: int, bits: int) -> int:
    """UltraRAMs: 4096x72 each (UG573, "UltraRAM Resources")."""
    return -(-words // 4096) * -(-bits // 72)


def _rom_luts(words: int, bits: int) -> int:
    """A LUT holds 64 words of a bit or 32 of two (UG574). One word is no memory: it is wired into what reads it."""
    return 0 if words == 1 else -(-bits // 2) if words <= 32 else bits * -(-words // 64)


def _lutram_luts(words: int, bits: int) -> int:
    """RAM64M8: of 8 LUTs, 7 hold 64 words of a bit, the eighth carries the write address (UG574)."""
    deep = -(-words // 64)
    return -(-bits * 8 // 7) * deep
