from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from runtime.container import axlf
from runtime.container.axlf import (
    AXLF,
    COUNT,
    IP,
    PROTOCOL_SHIFT,
    SECTION,
    Axlf,
    BankKind,
    ClockKind,
    Mode,
    Protocol,
    SectionKind,
)
from runtime.container.manifest import Role
from runtime.container.xclbin import Xclbin
from runtime.device.registers import AP_DONE, AP_IDLE, AP_READY, AP_START, CTRL
from runtime.emulation.session import EmulatedSession
from runtime.errors import AcceleratorError, XclbinError
from tests.runtime import tiny

DATA = tiny.xclbin()


def test_reads_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "tiny.xclbin"
    path.write_bytes(DATA)
    xclbin = Xclbin.read(path)
    network = tiny.network()
    assert xclbin.path == str(path)
    assert xclbin.axlf.mode == Mode.SW_EMU
    assert xclbin.manifest == tiny.manifest(network)
    assert [(bank.tag, bank.kind, bank.used) for bank in xclbin.banks] == [
        ("bank0", BankKind.DDR4, True),
        ("bank1", BankKind.DDR4, False),
        ("PLRAM[0]", BankKind.DRAM, True),
    ]
    assert xclbin.clocks == (("KERNEL_CLK", 250, ClockKind.KERNEL),)
    assert xclbin.weights is not None
    assert (xclbin.weights == tiny.draw(network)["head/fc/weights"]).all()


def with_protocol(number: int) -> bytes:
    """The file with this control protocol in IP_LAYOUT."""
    offset = Axlf.parse(DATA).find(SectionKind.IP_LAYOUT).offset + COUNT.size
    kind, _, base, name = IP.unpack_from(DATA, offset)
    return tiny.reseal(DATA[:offset] + IP.pack(kind, number << PROTOCOL_SHIFT, base, name) + DATA[offset + IP.size :])


def test_the_control_protocol() -> None:
    assert Xclbin.parse(DATA, "tiny.xclbin").units[0].protocol is Protocol.AP_CTRL_CHAIN
    for protocol in Protocol:  # 0, ap_ctrl_hs, is what files were written with before there was a choice
        assert Xclbin.parse(with_protocol(protocol), "tiny.xclbin").units[0].protocol is protocol
    with pytest.raises(XclbinError) as caught:
        Xclbin.parse(with_protocol(2), "tiny.xclbin")
    assert str(caught.value) == (
        "tiny.xclbin: IP_LAYOUT tiny:tiny_1: control protocol 2\n"
        "why: this runtime starts compute units by ap_ctrl_hs or ap_ctrl_chain\n"
        "fix: build or copy the xclbin again"
    )


def test_registers_of_an_xclbin_from_before() -> None:
    """Reading CTRL clears AP_DONE, as ap_ctrl_hs has it."""
    session = EmulatedSession(Xclbin.parse(with_protocol(Protocol.AP_CTRL_HS), "tiny.xclbin"))
    unit = session.xclbin.units[0]
    session.write(unit, CTRL, bytes([AP_START, 0, 0, 0]))  # of no frames
    assert [session.read(unit, CTRL, 1)[0] for _ in range(2)] == [AP_DONE | AP_IDLE | AP_READY, AP_IDLE]
    session.close()


def test_every_truncation_is_an_error() -> None:
    for length in range(len(DATA)):
        with pytest.raises(XclbinError):
            Xclbin.parse(DATA[:length], "tiny.xclbin")


def test_every_damaged_byte_is_an_error() -> None:
    bits = random.Random(1)
    damaged = bytearray(DATA)
    for place in range(len(DATA)):
        bit = 1 << bits.randrange(8)
        damaged[place] ^= bit
        with pytest.raises(XclbinError):
            Xclbin.parse(bytes(damaged), "tiny.xclbin")
        damaged[place] ^= bit


def test_damage_is_told_with_both_digests() -> None:
    damaged = bytearray(DATA)
    damaged[-1] ^= 1
    found, expected = Axlf.parse(bytes(damaged)).digest(), Axlf.parse(DATA).digest()
    with pytest.raises(XclbinError) as caught:
        Xclbin.parse(bytes(damaged), "digits.xclbin")
    assert str(caught.value) == (
        f"digits.xclbin: content: SHA-256 is {found}\n"
        f"why: its manifest says {expected}: the file was damaged or changed\n"
        "fix: build or copy the xclbin again"
    )


def test_nothing_that_is_sealed_crashes_the_reader() -> None:
    """Whoever changes the file on purpose makes the digest right; what is left must still be no worse than an error."""
    choose = random.Random(2)
    outcomes = set()
    for _ in range(1500):
        damaged = bytearray(DATA)
        for _ in range(choose.randrange(1, 4)):
            # Half of the damage goes into the header and the tables.
            place = choose.randrange(len(DATA)) if choose.random() < 0.5 else choose.randrange(4000)
            damaged[place] = choose.randrange(256)
        try:
            EmulatedSession(Xclbin.parse(tiny.reseal(bytes(damaged)), "tiny.xclbin"))
            outcomes.add("fine")
        except AcceleratorError as error:
            outcomes.add(type(error).__name__)
    assert outcomes == {"fine", "XclbinError", "ManifestError"}


def with_sections(*sections: tuple[int, int]) -> bytes:
    """A file of 1000 bytes with sections (offset, size)."""
    fields = list(AXLF.unpack_from(DATA))
    fields[5], fields[-1] = 1000, len(sections)
    table = b"".join(SECTION.pack(SectionKind.USER, b"one", offset, size) for offset, size in sections)
    return (AXLF.pack(*fields) + table).ljust(1000, b"\0")[:1000]


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ([(900, 101)], "section 16 'one': ends at 1001\nwhy: the file has 1000 bytes"),
        ([(900, 2**64 - 1)], "section 16 'one': ends at 18446744073709552515\nwhy: the file has 1000 bytes"),
        ([(495, 8)], "section 16 'one': starts at 495\nwhy: what lies before it ends at 496"),
        ([(600, 100), (699, 8)], "section 16 'one': starts at 699\nwhy: what lies before it ends at 700"),
        ([(0, 0)] * 14, "header: 14 sections\nwhy: their table would end at 1016 of 1000 bytes"),
    ],
)
def test_sections_lie_inside_the_file_and_apart(sections: list[tuple[int, int]], message: str) -> None:
    with pytest.raises(XclbinError) as caught:
        Axlf.parse(with_sections(*sections))
    assert str(caught.value) == f"{message}\nfix: build or copy the xclbin again"


def replaced(kind: SectionKind, old: bytes, new: bytes) -> bytes:
    """DATA with bytes of one section replaced by as many others."""
    section = Axlf.parse(DATA).find(kind)
    content = DATA[section.offset : section.offset + section.size]
    assert len(old) == len(new)
    assert content.count(old) == 1
    return tiny.reseal(DATA[: section.offset] + content.replace(old, new) + DATA[section.offset + section.size :])


TO_PLRAM = axlf.CONNECTION.pack(2, 0, 2)


@pytest.mark.parametrize(
    ("kind", "old", "new", "message"),
    [
        (SectionKind.IP_LAYOUT, b"tiny:tiny_1", b"tiny:tiny_2", "IP_LAYOUT: tiny:tiny_1 not found\nwhy: the manifest names this CU"),
        (SectionKind.MEM_TOPOLOGY, b"bank1", b"bank0", "MEM_TOPOLOGY: bank0, bank0, PLRAM[0]\nwhy: two banks have one tag"),
        (SectionKind.MEM_TOPOLOGY, b"bank1".ljust(16, b"\0"), b"b" * 16,
         "MEM_TOPOLOGY tag: b'bbbbbbbbbbbbbbbb'\nwhy: expected ASCII text and a NUL"),
        (SectionKind.MEM_TOPOLOGY, axlf.COUNT.pack(3), axlf.COUNT.pack(-1),
         "MEM_TOPOLOGY count: -1\nwhy: expected an integer from 0 to 4096"),
        (SectionKind.MEM_TOPOLOGY, axlf.COUNT.pack(3), axlf.COUNT.pack(4), "MEM_TOPOLOGY: 128 bytes\nwhy: 4 entries take 168"),
        (SectionKind.CONNECTIVITY, TO_PLRAM, axlf.CONNECTION.pack(2, 0, 3), "CONNECTIVITY bank: 3\nwhy: expected an integer from 0 to 2"),
        (SectionKind.CONNECTIVITY, TO_PLRAM, axlf.CONNECTION.pack(2, 0, 1),
         "CONNECTIVITY: argument 2 in bank1\nwhy: MEM_TOPOLOGY marks it as unused"),
        (SectionKind.CONNECTIVITY, TO_PLRAM, axlf.CONNECTION.pack(2, 0, 0),
         "manifest: weightsmem in PLRAM[0]\nwhy: CONNECTIVITY does not connect them"),
    ],
)  # fmt: skip
def test_sections_must_agree(kind: SectionKind, old: bytes, new: bytes, message: str) -> None:
    with pytest.raises(XclbinError) as caught:
        Xclbin.parse(replaced(kind, old, new), "tiny.xclbin")
    assert str(caught.value) == f"tiny.xclbin: {message}\nfix: build or copy the xclbin again"


def test_a_foreign_xclbin_is_told_from_a_damaged_one() -> None:
    foreign = bytearray(with_sections())
    with pytest.raises(XclbinError) as caught:
        Xclbin.parse(bytes(foreign), "vadd.xclbin")
    assert (
        str(caught.value) == "vadd.xclbin: section USER 'manifest': found 0 times\nwhy: expected once\nfix: build or copy the xclbin again"
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.xclbin", "cannot be read\nwhy: No such file or directory\nfix: check the path, or build the xclbin"),
        (".", "cannot be read\nwhy: Is a directory\nfix: check the path, or build the xclbin"),
        ("pipe", "not an xclbin\nwhy: an xclbin is a regular file of at most 2147483648 bytes\nfix: build or copy the xclbin again"),
        ("empty", "header: 0 bytes in all\nwhy: an xclbin has a header of 456 bytes\nfix: build or copy the xclbin again"),
        ("bit", "header: starts with b'\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00'\n"
         "why: an xclbin starts with b'xclbin2\\x00'\nfix: build or copy the xclbin again"),
    ],
)  # fmt: skip
def test_what_is_no_xclbin(tmp_path: Path, name: str, message: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    (tmp_path / "bit").write_bytes(bytes(1000))
    path = tmp_path / name
    with pytest.raises(XclbinError) as caught:
        Xclbin.read(path)
    assert str(caught.value) == f"{path}: {message}"


def banks(*tags: str) -> dict[Role, str]:
    return dict(zip((Role.IMAGES, Role.LABELS, Role.WEIGHTS), tags, strict=True))


def test_two_compute_units() -> None:
    first, second = Xclbin.parse(tiny.with_two_units(DATA), "tiny.xclbin").units
    assert (first.name, first.banks) == ("tiny_1", banks("bank0", "bank0", "PLRAM[0]"))
    assert (second.name, second.base, second.banks) == ("tiny_2", first.base + 0x1000, banks("bank1", "bank1", "PLRAM[0]"))


def test_a_compute_unit_without_memory() -> None:
    with pytest.raises(XclbinError) as caught:
        tiny.with_two_units(DATA, second_bank=None)
    assert str(caught.value) == (
        "xclbin: manifest: in of tiny_2 in no bank\nwhy: CONNECTIVITY does not connect them\nfix: build or copy the xclbin again"
    )
