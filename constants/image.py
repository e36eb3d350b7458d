"""The image of constants: what the host puts into card memory for the kernel to load, and what `.constants` files hold.

A header of 64 bytes, little endian: magic, version, CRC-32 of the payload as it lies there, its words of 64 bits, the first 16 bytes of the
fingerprint of the hardware it is for, and zeros. The payload: every memory's rows in the order of the chain, address 0 first, each in words
of 64 bits, the lowest first; zeros fill up the last word of a row, and the payload to a multiple of 64 bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from constants.layout import LOAD_BITS, Layout, Role
from constants.rows import Rows, pack, unpack, words_of

MAGIC, VERSION = b"RESFLOWC", 1
HEADER = struct.Struct("<8sIIQ16s24s")
BLOCK_BYTES = 64  # the kernel reads 512-bit words
_WORD_BYTES = LOAD_BITS // 8

Words = NDArray[np.uint64]


class Status(IntEnum):
    """What the kernel answers to a load."""

    LOADED = 1
    NO_IMAGE = 2
    """Magic, version or what is reserved is not as it must be."""
    OTHER_NETWORK = 3
    OTHER_LENGTH = 4
    DAMAGED = 5
    """The checksum is wrong; nothing was written, and what was loaded before is kept."""
    INTERRUPTED = 6
    """The checksum was wrong when the payload was read again to be written: constants are undefined, and frames are refused."""


class ImageError(ValueError):
    """An image that cannot be loaded: what is wrong, and why it is."""

    def __init__(self, status: Status, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")
        self.status, self.what, self.why = status, what, why


def row_words(layout: Layout, rows: Rows) -> Words:
    """The words in which the rows of a memory are loaded."""
    packed = rows.view(np.uint8) if layout.role is Role.WEIGHTS else pack(rows, layout.element_bits)
    filled = np.zeros((layout.words, layout.words_a_row * _WORD_BYTES), np.uint8)
    used = -(-layout.row_bits // 8)
    filled[:, :used] = packed[:, :used]
    return filled.view("<u8").reshape(-1)


def words_rows(layout: Layout, words: Words) -> Rows:
    """The inverse of `row_words`."""
    packed = np.ascontiguousarray(words).view(np.uint8).reshape(layout.words, -1)[:, : -(-layout.row_bits // 8)]
    if layout.role is Role.WEIGHTS:
        return words_of(packed, layout.row_bits)
    return unpack(packed, layout.element_bits, layout.elements, unsigned=layout.is_unsigned)


def chain(layouts: Iterable[Layout], rows: Iterable[Rows]) -> Words:
    """The words of all memories in the order of the chain."""
    return np.concatenate([row_words(layout, each) for layout, each in zip(layouts, rows, strict=True)])


def split(layouts: Sequence[Layout], words: Words) -> Iterator[Rows]:
    """The rows of each memory from the words of the chain."""
    start = 0
    for layout in layouts:
        end = start + layout.load_words
        yield words_rows(layout, words[start:end])
        start = end


def pack_image(words: Words, fingerprint: str) -> bytes:
    """An image for the hardware of this fingerprint, 64 hexadecimal digits."""
    payload = words.astype("<u8").tobytes()
    payload += bytes(-len(payload) % BLOCK_BYTES)
    return HEADER.pack(MAGIC, VERSION, zlib.crc32(payload), len(words), bytes.fromhex(fingerprint)[:16], b"") + payload


def image_bytes(words: int) -> int:
    """Bytes of an image of so many words."""
    return BLOCK_BYTES + -(-words * _WORD_BYTES // BLOCK_BYTES) * BLOCK_BYTES


def check_header(header: bytes, fingerprint: str, words: int) -> int:
    """The checksum that the payload must have; raises ImageError where the kernel refuses what begins like this."""
    magic, version, checksum, count, short, rest = HEADER.unpack(header)
    if magic != MAGIC:
        raise ImageError(Status.NO_IMAGE, f"it begins with {magic!r}", f"an image of constants begins with {MAGIC!r}")
    if version != VERSION:
        raise ImageError(Status.NO_IMAGE, f"version {version}", f"this hardware loads version {VERSION}")
    if any(rest):
        raise ImageError(Status.NO_IMAGE, "its header has more than is known", "the last 24 bytes of it are 0")
    if short != bytes.fromhex(fingerprint)[:16]:
        raise ImageError(
            Status.OTHER_NETWORK,
            f"constants of another network, {short.hex()}",
            f"this one is {fingerprint[:32]}: what it computes, or how, is different",
        )
    if count != words:
        raise ImageError(Status.OTHER_LENGTH, f"{count:,} words", f"this network has {words:,}")
    return int(checksum)


def check(image: bytes | memoryview, fingerprint: str, words: int) -> None:
    """Raise ImageError where this is not, byte for byte, an image of so many words for that hardware."""
    if len(image) < BLOCK_BYTES:
        raise ImageError(Status.NO_IMAGE, f"{len(image)} bytes", f"the header alone has {BLOCK_BYTES}")
    checksum = check_header(bytes(image[:BLOCK_BYTES]), fingerprint, words)
    size = image_bytes(words)
    if len(image) != size:
        is_short = "cut short" if len(image) < size else "too long"
        raise ImageError(Status.OTHER_LENGTH, f"{is_short}: {len(image):,} bytes", f"{words:,} words and a header are {size:,}")
    check_payload(image[BLOCK_BYTES:], checksum)


def check_payload(payload: bytes | memoryview, checksum: int) -> None:
    """Raise ImageError where this is not the checksum of the payload, padding and all."""
    if (found := zlib.crc32(payload)) != checksum:
        raise ImageError(Status.DAMAGED, f"CRC-32 {found:#010x}", f"its header says {checksum:#010x}: it was damaged on the way")


def image_words(image: bytes | memoryview, words: int) -> Words:
    """The words of an image that was checked."""
    return np.frombuffer(image, "<u8", words, BLOCK_BYTES)
