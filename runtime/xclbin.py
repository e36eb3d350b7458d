"""A read-only view of an xclbin, the axlf container of Xilinx's runtime, and of the sections resflow adds to it.

The layout is `struct axlf` of XRT's xclbin.h, little-endian. Nothing in the file is believed before it is checked: PYNQ's own
parser and XRT's read far past a section that lies about its size.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.checks import Check
from runtime.errors import ManifestError, XclbinError
from runtime.manifest import NO_DIGEST, Manifest

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
NAME_BYTES = 15  # of a section, without its NUL
LARGEST_FILE = 2**31  # an xclbin of the largest card takes a tenth of this
LARGEST_TABLE = 4096  # entries of a section; cards have tens

_DIGEST = re.compile(rb'"digest": "([0-9a-f]{64})"')
_CHECK = Check(XclbinError, "build or copy the xclbin again")


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
    """Whatever the author likes; resflow's own sections, told apart by their names."""


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
class Bank:
    """One memory the kernels can reach."""

    tag: str  # bank0, PLRAM[0], HBM[3]
    kind: int  # a BankKind where memory can be allocated, or a kind unknown here
    base: int
    size_kb: int
    used: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One compute unit: a copy of the kernel, with its own registers and its own way to the memories."""

    name: str
    base: int  # physical address of its register file
    banks: tuple[str | None, ...]  # tag of the bank behind each argument, by its id; None for a scalar


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
            yield Section(kind=kind, name=_text(f"section table[{i}]", name), offset=offset, size=size)

    def find(self, kind: SectionKind, name: str = "") -> Section:
        """The one section of this kind, and of this name if one is given; XclbinError when there is none, or several."""
        found = [section for section in self.sections if section.kind == kind and name in ("", section.name)]
        where = f"section {kind.name}" + (f" {name!r}" if name else "")
        _CHECK.true(len(found) == 1, where, f"found {len(found)} times", "expected once")
        return found[0]

    def section(self, kind: SectionKind, name: str = "") -> bytes:
        """The bytes of the one section of this kind and name."""
        section = self.find(kind, name)
        return self.data[section.offset : section.offset + section.size]

    def digest_offset(self) -> int:
        """Where in the file the manifest's 64 digest digits stand."""
        section = self.find(SectionKind.USER, "manifest")
        found = list(_DIGEST.finditer(self.data, section.offset, section.offset + section.size))
        _CHECK.true(len(found) == 1, "manifest", f"a digest found {len(found)} times", "expected once")
        return found[0].start(1)

    def digest(self) -> str:
        """SHA-256 of the whole file, with zeros where the digest itself stands."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Xclbin:
    """An undamaged xclbin of resflow: the digest over every byte was right when it was read."""

    path: str
    axlf: Axlf
    manifest: Manifest
    banks: tuple[Bank, ...]
    clocks: tuple[tuple[str, int, ClockKind], ...]  # name, MHz, kind
    units: tuple[Unit, ...]  # the manifest's own first

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Xclbin:
        """Read and check a file; XclbinError says what is wrong with it."""
        path = os.fspath(path)
        try:
            with open(path, "rb", opener=_open) as file:
                status = os.fstat(file.fileno())
                fits = stat.S_ISREG(status.st_mode) and status.st_size <= LARGEST_FILE
                _CHECK.true(fits, path, "not an xclbin", f"an xclbin is a regular file of at most {LARGEST_FILE} bytes")
                data = file.read()
        except OSError as error:
            raise XclbinError(path, "cannot be read", error.strerror or str(error), "check the path, or build the xclbin") from error
        return cls.parse(data, path)

    @classmethod
    def parse(cls, data: bytes, path: str) -> Xclbin:
        """Check the bytes of a file; `path` names it in errors."""
        try:
            axlf = Axlf.parse(data)
            offset = axlf.digest_offset()
            expected, found = data[offset : offset + len(NO_DIGEST)].decode(), axlf.digest()
            why = f"its manifest says {expected}: the file was damaged or changed"
            _CHECK.true(found == expected, "content", f"SHA-256 is {found}", why)
            manifest = Manifest.parse(axlf.section(SectionKind.USER, "manifest"))
            banks = tuple(_banks(axlf))
            units = tuple(_units(axlf, manifest, banks))
            if manifest.weights is not None:
                size, why = axlf.find(SectionKind.USER, "weights").size, f"int8 {manifest.weights} takes {math.prod(manifest.weights)}"
                _CHECK.true(size == math.prod(manifest.weights), "weights", f"{size} bytes", why)
            return cls(path=path, axlf=axlf, manifest=manifest, banks=banks, clocks=tuple(_clocks(axlf)), units=units)
        except XclbinError as error:
            raise error.within(path) from None

    @property
    def weights(self) -> NDArray[np.int8] | None:
        """The fully connected layer's matrix (classes, inputs), which the host puts into memory; None when it is on chip."""
        shape = self.manifest.weights
        return None if shape is None else np.frombuffer(self.section("weights"), np.int8).reshape(shape)

    def section(self, name: str) -> bytes:
        """One of resflow's own sections: manifest, weights, network, parameters."""
        try:
            return self.axlf.section(SectionKind.USER, name)
        except XclbinError as error:
            raise error.within(self.path) from None


def _open(path: str, flags: int) -> int:
    # A pipe would block until someone writes to it; refused a moment later, like all that is not a regular file.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _text(where: str, field: bytes) -> str:
    """The text of a fixed-size field; readers in C rely on its NUL."""
    text, nul, _ = field.partition(b"\0")
    is_text = nul == b"\0" and text.isascii() and text.decode().isprintable()
    _CHECK.true(is_text, where, repr(field), "expected ASCII text and a NUL")
    return text.decode()


def _banks(axlf: Axlf) -> Iterator[Bank]:
    for kind, used, size_kb, base, tag in axlf.table(SectionKind.MEM_TOPOLOGY, COUNT, BANK):
        tag = _text("MEM_TOPOLOGY tag", tag)
        # Entries that are not used, or no memory, keep other things in these fields.
        fits = not used or base + size_kb * 1024 <= 2**64
        _CHECK.true(fits, f"MEM_TOPOLOGY {tag}", f"{size_kb} KiB at {base:#x}", "addresses have 64 bits")
        yield Bank(tag=tag, kind=kind, base=base, size_kb=size_kb, used=bool(used))


def _clocks(axlf: Axlf) -> Iterator[tuple[str, int, ClockKind]]:
    for mhz, kind, name in axlf.table(SectionKind.CLOCK_FREQ_TOPOLOGY, CLOCK_COUNT, CLOCK):
        _CHECK.integer("CLOCK_FREQ_TOPOLOGY kind", kind, min(ClockKind), max(ClockKind))
        yield _text("CLOCK_FREQ_TOPOLOGY name", name), mhz, ClockKind(kind)


def _units(axlf: Axlf, manifest: Manifest, banks: tuple[Bank, ...]) -> Iterator[Unit]:
    """The compute units of the kernel in IP_LAYOUT; CONNECTIVITY says which bank each argument of each reaches.

    The manifest's own comes first, and is connected as the manifest says; v++ may have put more beside it.
    """
    tags = [bank.tag for bank in banks]
    _CHECK.true(len(set(tags)) == len(tags), "MEM_TOPOLOGY", ", ".join(tags), "two banks have one tag")
    prefix = f"{manifest.kernel}:"
    found: dict[str, tuple[int, int]] = {}
    for i, (kind, _, base, field) in enumerate(axlf.table(SectionKind.IP_LAYOUT, COUNT, IP)):
        name = _text("IP_LAYOUT name", field)
        if kind == KERNEL_IP and name.startswith(prefix):
            cu = _CHECK.identifier("IP_LAYOUT name", name.removeprefix(prefix))
            _CHECK.true(cu not in found, "IP_LAYOUT", f"{name} found twice", "every CU has a name of its own")
            found[cu] = i, base
    _CHECK.true(manifest.cu in found, "IP_LAYOUT", f"{prefix}{manifest.cu} not found", "the manifest names this CU")
    connected: dict[int, dict[int, list[int]]] = {i: {} for i, _ in found.values()}
    for argument, ip, bank in axlf.table(SectionKind.CONNECTIVITY, CONNECTION_COUNT, CONNECTION):
        _CHECK.integer("CONNECTIVITY bank", bank, 0, len(banks) - 1)
        if ip in connected:
            _CHECK.true(banks[bank].used, "CONNECTIVITY", f"argument {argument} in {tags[bank]}", "MEM_TOPOLOGY does not have it in use")
            connected[ip].setdefault(argument, []).append(bank)
    for cu in sorted(found, key=lambda cu: (cu != manifest.cu, cu)):
        i, base = found[cu]
        reached: list[str | None] = []
        for item in manifest.arguments:
            given = [tags[bank] for bank in connected[i].get(item.id, [])]
            if item.bank is None:
                reached.append(None)
            elif item.bank in given:
                reached.append(item.bank)
            elif given and cu != manifest.cu:
                reached.append(given[0])
            else:
                what = f"{item.name} in {item.bank}" if cu == manifest.cu else f"{item.name} of {cu} in no bank"
                raise ManifestError("manifest", what, "CONNECTIVITY does not connect them", _CHECK.fix)
        yield Unit(name=cu, base=base, banks=tuple(reached))
