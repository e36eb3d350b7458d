"""A read-only view of an xclbin of resflow: the manifest, and the compute units, banks and clocks of the container around it."""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from constants.image import ImageError as ConstantsError
from runtime.container.axlf import (
    BANK,
    CLOCK,
    CLOCK_COUNT,
    CONNECTION,
    CONNECTION_COUNT,
    COUNT,
    IP,
    KERNEL_IP,
    PROTOCOL_BITS,
    PROTOCOL_SHIFT,
    Axlf,
    ClockKind,
    Protocol,
    SectionKind,
    fixed_text,
)
from runtime.container.checks import Check
from runtime.container.constants import Constants
from runtime.container.manifest import NO_DIGEST, Manifest, Role
from runtime.errors import ManifestError, XclbinError

LARGEST_FILE = 2**31  # an xclbin of the largest card takes a tenth of this

_CHECK = Check(XclbinError, "build or copy the xclbin again")


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
    banks: Mapping[Role, str]  # tag of the bank each of its pointers reaches
    protocol: Protocol


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
            expected, computed = data[offset : offset + len(NO_DIGEST)].decode(), axlf.digest()
            why = f"its manifest says {expected}: the file was damaged or changed"
            _CHECK.true(computed == expected, "content", f"SHA-256 is {computed}", why)
            manifest = Manifest.parse(axlf.section(SectionKind.USER, "manifest"))
            banks = tuple(_banks(axlf))
            units = tuple(_units(axlf, manifest, banks))
            if manifest.weights is not None:
                size, why = axlf.find(SectionKind.USER, "weights").size, f"int8 {manifest.weights} takes {math.prod(manifest.weights)}"
                _CHECK.true(size == math.prod(manifest.weights), "weights", f"{size} bytes", why)
            if manifest.constants is not None:
                _check_constants(manifest.constants, axlf.view(SectionKind.USER, "constants"))
            return cls(path=path, axlf=axlf, manifest=manifest, banks=banks, clocks=tuple(_clocks(axlf)), units=units)
        except XclbinError as error:
            raise error.within(path) from None

    @property
    def weights(self) -> NDArray[np.int8] | None:
        """The fully connected layer's matrix (classes, inputs), which the host puts into memory; None when it is on chip."""
        shape = self.manifest.weights
        return None if shape is None else np.frombuffer(self.section("weights"), np.int8).reshape(shape)

    @property
    def image(self) -> memoryview | None:
        """The image of the constants that it carries; None where none are loaded."""
        return None if self.manifest.constants is None else self.axlf.view(SectionKind.USER, "constants")

    def has(self, name: str) -> bool:
        """Whether there is such a section of resflow's own."""
        return any(section.kind == SectionKind.USER and section.name == name for section in self.axlf.sections)

    def section(self, name: str) -> bytes:
        """One of resflow's own sections: manifest, weights, network, constants, parameters."""
        try:
            return self.axlf.section(SectionKind.USER, name)
        except XclbinError as error:
            raise error.within(self.path) from None


def _check_constants(constants: Constants, image: memoryview) -> None:
    try:
        constants.check(image)
    except ConstantsError as error:
        _CHECK.fail("constants", error.what, error.why)


def _open(path: str, flags: int) -> int:
    # Opening a pipe would block until someone writes to it; it is refused a moment later, as is everything but a regular file.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _banks(axlf: Axlf) -> Iterator[Bank]:
    for kind, used, size_kb, base, tag in axlf.table(SectionKind.MEM_TOPOLOGY, COUNT, BANK):
        tag = fixed_text("MEM_TOPOLOGY tag", tag)
        # Entries that are unused or not memory have other things in these fields.
        fits = not used or base + size_kb * 1024 <= 2**64
        _CHECK.true(fits, f"MEM_TOPOLOGY {tag}", f"{size_kb} KiB at {base:#x}", "addresses have 64 bits")
        yield Bank(tag=tag, kind=kind, base=base, size_kb=size_kb, used=bool(used))


def _clocks(axlf: Axlf) -> Iterator[tuple[str, int, ClockKind]]:
    for mhz, kind, name in axlf.table(SectionKind.CLOCK_FREQ_TOPOLOGY, CLOCK_COUNT, CLOCK):
        _CHECK.integer("CLOCK_FREQ_TOPOLOGY kind", kind, min(ClockKind), max(ClockKind))
        yield fixed_text("CLOCK_FREQ_TOPOLOGY name", name), mhz, ClockKind(kind)


def _units(axlf: Axlf, manifest: Manifest, banks: tuple[Bank, ...]) -> Iterator[Unit]:
    """The compute units of the kernel in IP_LAYOUT; CONNECTIVITY says which bank each argument of each reaches.

    The manifest's own comes first, and is connected as the manifest says; v++ may have put more beside it.
    """
    tags = [bank.tag for bank in banks]
    _CHECK.true(len(set(tags)) == len(tags), "MEM_TOPOLOGY", ", ".join(tags), "two banks have one tag")
    prefix = f"{manifest.kernel}:"
    units: dict[str, tuple[int, int, Protocol]] = {}  # index in IP_LAYOUT, base address and protocol, by name
    for i, (kind, properties, base, field) in enumerate(axlf.table(SectionKind.IP_LAYOUT, COUNT, IP)):
        name = fixed_text("IP_LAYOUT name", field)
        if kind == KERNEL_IP and name.startswith(prefix):
            cu = _CHECK.identifier("IP_LAYOUT name", name.removeprefix(prefix))
            _CHECK.true(cu not in units, "IP_LAYOUT", f"{name} found twice", "every CU has a name of its own")
            number = properties >> PROTOCOL_SHIFT & PROTOCOL_BITS
            why = f"this runtime starts compute units by {' or '.join(map(str, Protocol))}"
            _CHECK.true(number in list(Protocol), f"IP_LAYOUT {name}", f"control protocol {number}", why)
            units[cu] = i, base, Protocol(number)
    _CHECK.true(manifest.cu in units, "IP_LAYOUT", f"{prefix}{manifest.cu} not found", "the manifest names this CU")
    connected: dict[int, dict[int, list[int]]] = {i: {} for i, *_ in units.values()}  # banks by index in IP_LAYOUT and argument
    for argument, ip, bank in axlf.table(SectionKind.CONNECTIVITY, CONNECTION_COUNT, CONNECTION):
        _CHECK.integer("CONNECTIVITY bank", bank, 0, len(banks) - 1)
        if ip in connected:
            _CHECK.true(banks[bank].used, "CONNECTIVITY", f"argument {argument} in {tags[bank]}", "MEM_TOPOLOGY marks it as unused")
            connected[ip].setdefault(argument, []).append(bank)
    for cu in sorted(units, key=lambda cu: (cu != manifest.cu, cu)):
        i, base, protocol = units[cu]
        reached: dict[Role, str] = {}
        for role, pointer in manifest.pointers.items():
            given = [tags[bank] for bank in connected[i].get(pointer.id, [])]
            if pointer.bank in given:
                reached[role] = pointer.bank
            elif given and cu != manifest.cu:
                reached[role] = given[0]
            else:
                what = f"{pointer.name} in {pointer.bank}" if cu == manifest.cu else f"{pointer.name} of {cu} in no bank"
                raise ManifestError("manifest", what, "CONNECTIVITY does not connect them", _CHECK.fix)
        yield Unit(name=cu, base=base, banks=reached, protocol=protocol)
