"""The axlf container of Xilinx's runtime, which every xclbin is: header, section table, and the structs inside the sections.

The layout is `struct axlf` of XRT's xclbin.h, little-endian. Nothing in the file is believed before it is checked: PYNQ's own
parser and XRT's read far past a section that lies about its size.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Any

from runtime.container.checks import Check
from runtime.container.manifest import NO_DIGEST
from runtime.errors import XclbinError

MAGIC = b"xclbin2\0"
AXLF = Struct(
    "<"
    "8s"  # magic
    "i28s256s"  # signature length, -1 for none; reserved; key block
    "Q"  # unique id
    "QQQ"  # length of the file; timestamp; timestamp of the feature ROM
    "HBB"  # version: patch, major, minor
    "HH"  # mode; action mask
    "16s64s"  # interface uuid; platform, as vendor:board:name:version
    "16s16s"  # uuid; uuid of the debug file
    "I4x"  # number of sections
)
SECTION = Struct("<I16s4xQQ")  # kind; name; offset in the file; size without padding
COUNT = Struct("<i4x")  # opens MEM_TOPOLOGY and IP_LAYOUT
BANK = Struct("<BB6xQQ16s")  # kind; used; size in KiB; base address; tag
IP = Struct("<IIQ64s")  # kind; properties; base address; kernel:cu
CONNECTION_COUNT = Struct("<i")
CONNECTION = Struct("<iii")  # argument; index in IP_LAYOUT; index in MEM_TOPOLOGY
CLOCK_COUNT = Struct("<h")
CLOCK = Struct("<HB5x128s")  # MHz; kind; name

KERNEL_IP = 1
PROTOCOL_SHIFT, PROTOCOL_BITS = 8, 0xFF  # the control protocol in an IP's properties
NAME_BYTES = 15  # of a section, without its NUL
LARGEST_TABLE = 4096  # entries of a section; cards have tens


_DIGEST = re.compile(rb'"digest": "([0-9a-f]{64})"')
_CHECK = Check(XclbinError, "build or copy the xclbin again")


class Protocol(IntEnum):
    """How a compute unit is started, by the number IP_LAYOUT has for it; the names are those of HLS."""

    AP_CTRL_HS = 0
    """One run at a time: the next starts when this one has ended."""
    AP_CTRL_CHAIN = 1
    """Runs overlap: the next starts as soon as the unit takes more images."""

    def __str__(self) -> str:
        return self.name.lower()


class Mode(IntEnum):
    """How the file is meant to be loaded."""

    FLAT = 0
    """A bitstream for the whole device."""
    PR = 1
    """A bitstream for the dynamic region of a card."""
    HW_EMU = 4
    """Simulation of the RTL."""
    SW_EMU = 5
    """Software in place of the kernel: what resflow's emulated device takes."""


class SectionKind(IntEnum):
    """Kinds of section this package reads or writes."""

    BITSTREAM = 0
    EMBEDDED_METADATA = 2
    MEM_TOPOLOGY = 6
    CONNECTIVITY = 7
    IP_LAYOUT = 8
    CLOCK_FREQ_TOPOLOGY = 11
    USER = 16
    """Free for any use; resflow's own sections are of this kind, and differ by name."""


class BankKind(IntEnum):
    """Kinds of memory an allocation can lie in."""

    DDR4 = 1
    DRAM = 2
    HBM = 6
    URAM = 8


class ClockKind(IntEnum):
    """What a clock drives."""

    UNUSED = 0
    DATA = 1
    KERNEL = 2
    SYSTEM = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section: its place in the file."""

    kind: int
    name: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Axlf:
    """The container alone: a checked header and section table over the bytes of a file."""

    data: bytes
    version: tuple[int, int, int]  # of the XRT it was made for
    mode: int
    uuid: bytes
    sections: tuple[Section, ...]

    @classmethod
    def parse(cls, data: bytes) -> Axlf:
        _CHECK.true(len(data) >= AXLF.size, "header", f"{len(data)} bytes in all", f"an xclbin has a header of {AXLF.size} bytes")
        magic, _, _, _, _, length, _, _, patch, major, minor, mode, _, _, _, uuid, _, count = AXLF.unpack_from(data)
        _CHECK.true(magic == MAGIC, "header", f"starts with {magic!r}", f"an xclbin starts with {MAGIC!r}")
        _CHECK.true(length == len(data), "header", f"{len(data)} bytes in all", f"the header says {length}")
        table_end = AXLF.size + count * SECTION.size
        _CHECK.true(table_end <= len(data), "header", f"{count} sections", f"their table would end at {table_end} of {len(data)} bytes")
        sections = tuple(cls._sections(data, count))
        end = table_end
        for section in sorted(sections, key=lambda section: (section.offset, section.size)):
            where = f"section {section.kind} {section.name!r}"
            last = section.offset + section.size
            _CHECK.true(section.offset >= end, where, f"starts at {section.offset}", f"what lies before it ends at {end}")
            _CHECK.true(last <= len(data), where, f"ends at {last}", f"the file has {len(data)} bytes")
            end = last
        return cls(data=data, version=(major, minor, patch), mode=mode, uuid=uuid, sections=sections)

    @staticmethod
    def _sections(data: bytes, count: int) -> Iterator[Section]:
        for i in range(count):
            kind, name, offset, size = SECTION.unpack_from(data, AXLF.size + i * SECTION.size)
            yield Section(kind=kind, name=fixed_text(f"section table[{i}]", name), offset=offset, size=size)

    def find(self, kind: SectionKind, name: str = "") -> Section:
        """The one section of this kind, and of this name if one is given; XclbinError when there is none, or several."""
        matches = [section for section in self.sections if section.kind == kind and name in ("", section.name)]
        where = f"section {kind.name}" + (f" {name!r}" if name else "")
        _CHECK.true(len(matches) == 1, where, f"found {len(matches)} times", "expected once")
        return matches[0]

    def section(self, kind: SectionKind, name: str = "") -> bytes:
        """The bytes of the one section of this kind and name."""
        return bytes(self.view(kind, name))

    def view(self, kind: SectionKind, name: str = "") -> memoryview:
        """The same without a copy."""
        section = self.find(kind, name)
        return memoryview(self.data)[section.offset : section.offset + section.size]

    def digest_offset(self) -> int:
        """Where in the file the 64 digits of the manifest's digest are."""
        section = self.find(SectionKind.USER, "manifest")
        matches = list(_DIGEST.finditer(self.data, section.offset, section.offset + section.size))
        _CHECK.true(len(matches) == 1, "manifest", f"a digest found {len(matches)} times", "expected once")
        return matches[0].start(1)

    def digest(self) -> str:
        """SHA-256 of the whole file, with zeros in place of the digest itself."""
        view, offset = memoryview(self.data), self.digest_offset()
        sha = hashlib.sha256(view[:offset])
        sha.update(NO_DIGEST.encode())
        sha.update(view[offset + len(NO_DIGEST) :])
        return sha.hexdigest()

    def table(self, kind: SectionKind, count: Struct, entry: Struct) -> Iterator[tuple[Any, ...]]:
        """The entries of a section that is a counted array; they fill it exactly."""
        data = self.section(kind)
        _CHECK.true(len(data) >= count.size, kind.name, f"{len(data)} bytes", f"a count takes {count.size}")
        (entries,) = count.unpack_from(data)
        _CHECK.integer(f"{kind.name} count", entries, 0, LARGEST_TABLE)
        size = count.size + entries * entry.size
        _CHECK.true(len(data) == size, kind.name, f"{len(data)} bytes", f"{entries} entries take {size}")
        return entry.iter_unpack(data[count.size :])


def fixed_text(where: str, field: bytes) -> str:
    """The text of a fixed-size field, which must end in a NUL: readers in C rely on it."""
    text, nul, _ = field.partition(b"\0")
    is_text = nul == b"\0" and text.isascii() and text.decode().isprintable()
    _CHECK.true(is_text, where, repr(field), "expected ASCII text and a NUL")
    return text.decode()
