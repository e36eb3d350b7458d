"""The kind of memory used for ROMs, FIFOs and the arrays of units, and its cost.

HLS sources bind every one of them by these rules and the estimate counts by them, so both describe the same hardware.
"""

from __future__ import annotations

from enum import Enum
from functools import cache

from dataflow.cost.resources import Resources

LUTS_WORTH_A_RAMB18 = 100
"""A memory is put into block RAM where that saves this many LUTs for each half of a block (18 Kbit).

The cards have about 340 LUTs for each, but arithmetic needs most of the LUTs: with 100, the weights of ResNet-50's last two
stages are in block RAM and the earlier ones in LUTs, nearly as in the original, and neither runs short.
"""
REGISTER_WORDS = 4
"""An array of so few words is in registers: choosing one of four words takes a LUT for each bit, and as memory it takes no less. A RAM also
answers too late for sums that are needed again after so few cycles.
"""
BRAMS_WORTH_A_URAM = 2
"""A FIFO is put into UltraRAM where one replaces this many blocks (36 Kbit): about the ratio of the two on the cards."""

BRAM_SHAPES = ((512, 72), (1024, 36), (2048, 18), (4096, 9), (8192, 4), (16384, 2), (32768, 1))
"""Words and bits of a block RAM of 36 Kbit (UG573, "Block RAM Resources"; 512x72 with one read and one write port)."""
HALF_BRAM_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
"""Words and bits of one of its halves of 18 Kbit (the same chapter)."""


class Storage(Enum):
    """A kind of memory; the value is its name in the HLS tools."""

    REGISTERS = "registers"
    """Flip-flops: to the HLS tools, an array cut into its words."""
    LUTRAM = "lutram"
    """LUTs as memory, 64 bits each."""
    SRL = "srl"
    """LUTs as shift registers, 32 bits each."""
    BRAM = "bram"
    """Block RAM."""
    URAM = "uram"
    """UltraRAM: it has no initial contents (UG573, "UltraRAM Resources"), so it cannot be a ROM."""


@cache
def rom_storage(words: int, bits: int) -> Storage:
    """The memory of constants, `words` words of `bits` bits."""
    return _cheaper(_rom_luts(words, bits), words, bits)


@cache
def loaded_storage(words: int, bits: int) -> Storage:
    """The memory of constants that are loaded, where none is given: what is worth least."""
    if words <= REGISTER_WORDS:
        return Storage.REGISTERS
    return min((Storage.LUTRAM, Storage.BRAM, Storage.URAM), key=lambda storage: worth(loaded_cost(storage, words, bits)))


def worth(memory: Resources) -> float:
    """What memories are worth, in LUTs: what the rules of this module weigh against one another."""
    return memory.lut + 2 * LUTS_WORTH_A_RAMB18 * (memory.bram + BRAMS_WORTH_A_URAM * memory.uram)


def stream_storage(depth: int, bits: int) -> Storage:
    """The memory of a FIFO between two units, `depth` beats of `bits` bits."""
    if depth <= 32:
        return Storage.SRL
    ram = ram_storage(depth, bits)
    if ram is Storage.BRAM and bram(depth, bits) >= BRAMS_WORTH_A_URAM * uram(depth, bits):
        return Storage.URAM
    return ram


def link_storage(depth: int, data_bytes: int) -> Storage:
    """The memory of the FIFO IP between two IPs: it has no shift registers, and UltraRAM only for words of 8 bytes or more."""
    return Storage.LUTRAM if depth <= 64 else Storage.URAM if depth >= 1024 and data_bytes >= 8 else Storage.BRAM


@cache
def ram_storage(words: int, bits: int) -> Storage:
    """The kind of a memory with one write and one read port."""
    if words <= REGISTER_WORDS:
        return Storage.REGISTERS
    return _cheaper(_lutram_luts(words, bits), words, bits)


def _cheaper(luts: int, words: int, bits: int) -> Storage:
    return Storage.BRAM if luts > LUTS_WORTH_A_RAMB18 * 2 * bram(words, bits) else Storage.LUTRAM


@cache
def loaded_cost(storage: Storage, words: int, bits: int) -> Resources:
    """The cost of a memory of constants that are loaded, in the kind chosen for it and those beside it."""
    if storage is Storage.URAM:
        return Resources(uram=uram(words, bits))
    return _ram_cost(storage, words, bits)


def rom_cost(storage: Storage, words: int, bits: int) -> Resources:
    """The cost of a ROM in the memory chosen for it and those beside it."""
    return Resources(bram=bram(words, bits)) if storage is Storage.BRAM else Resources(lut=_rom_luts(words, bits))


@cache
def stream_cost(depth: int, bits: int) -> Resources:
    """The cost of a FIFO's memory, without its control logic."""
    storage = stream_storage(depth, bits)
    if storage is Storage.SRL:
        return Resources(lut=-(-bits // 2) if depth <= 16 else bits)  # two shift registers of 16 share a LUT
    return Resources(uram=uram(depth, bits)) if storage is Storage.URAM else ram_cost(depth, bits)


def link_cost(depth: int, data_bytes: int) -> Resources:
    """The same for a FIFO between two IPs, which stores whole bytes."""
    bits, storage = 8 * data_bytes, link_storage(depth, data_bytes)
    if storage is Storage.URAM:
        return Resources(uram=uram(depth, bits))
    return Resources(bram=bram(depth, bits)) if storage is Storage.BRAM else Resources(lut=_lutram_luts(depth, bits))


@cache
def ram_cost(words: int, bits: int) -> Resources:
    """The cost of a memory with one write and one read port, in the kind chosen for it."""
    return _ram_cost(ram_storage(words, bits), words, bits)


def _ram_cost(storage: Storage, words: int, bits: int) -> Resources:
    if storage is Storage.BRAM:
        return Resources(bram=bram(words, bits))
    if storage is Storage.REGISTERS:  # the multiplexers of two bits, if of two words, share a LUT
        return Resources(lut=0 if words < 2 else -(-bits // 2) if words == 2 else bits, ff=words * bits)
    return Resources(lut=_lutram_luts(words, bits))


@cache
def bram(words: int, bits: int) -> float:
    """Blocks of 36 Kbit, halves as 0.5: decomposed by depth, as Vivado does unless RAM_DECOMP says otherwise.

    All words are in every block, in the widest shape that is deep enough, and the blocks stand side by side: 2Kx36 becomes two of
    2Kx18, since blocks one above the other would need an address decoder and a multiplexer (UG912 and UG901, "RAM_DECOMP"). Bits left
    over take a half where one is wide enough. Only memories deeper than a block are several blocks deep. FINN's estimate of its sliding
    windows has the same steps, in halves only; with those, the original's design has 1,729 blocks, with these 1,711.

    A ROM of 9 * 2**k words fills 56 % of its blocks. It is not split by address into two of powers of two, since HLS cuts an array into
    pieces of one size only: each such ROM would be two arrays, through every unit that reads one. Counted by these rules, with the small
    part in LUTs, that would take 171 of ResNet-50's 923.5 blocks of ROM away for 15,400 LUTs, and 199.5 of ResNet-18's 506 for 17,900.
    """
    stacked = max(1, -(-words // BRAM_SHAPES[-1][0]))
    wide = next((wide for deep, wide in BRAM_SHAPES if words <= deep), BRAM_SHAPES[-1][1])
    half = next((wide for deep, wide in HALF_BRAM_SHAPES if words <= deep), 0)
    blocks, rest = divmod(bits, wide)
    return stacked * (blocks + (0 if rest == 0 else 0.5 if rest <= half else 1))


def uram(words: int, bits: int) -> int:
    """UltraRAMs: 4096x72 each (UG573, "UltraRAM Resources")."""
    return -(-words // 4096) * -(-bits // 72)


def _rom_luts(words: int, bits: int) -> int:
    """A LUT holds 64 words of a bit or 32 of two (UG574). A single word needs no memory: it is wired into the logic."""
    return 0 if words == 1 else -(-bits // 2) if words <= 32 else bits * -(-words // 64)


def _lutram_luts(words: int, bits: int) -> int:
    """RAM64M8: of 8 LUTs, 7 hold 64 words of a bit, the eighth carries the write address (UG574)."""
    deep = -(-words // 64)
    return -(-bits * 8 // 7) * deep
