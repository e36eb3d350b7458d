from __future__ import annotations

from pathlib import Path

import pytest

from runtime import DeviceError
from runtime.device import pci
from runtime.xrt import cards
from runtime.xrt.cards import Card

SHELLS = ["xilinx_u250_gen3x16_xdma_shell_4_1", "xilinx_u250_xdma_201830_2", "xilinx_u250_gen3x16_xdma_shell_4_1"]
ADDRESSES = ["0000:3b:00.1", "0000:86:00.1", "0001:3b:00.1"]


@pytest.fixture
def three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with three cards, as sysfs shows them."""
    for bdf, shell in zip(ADDRESSES, SHELLS, strict=True):
        (tmp_path / "drivers" / "xocl" / bdf).mkdir(parents=True)
        rom = tmp_path / "devices" / bdf / "rom.u.15204353"
        rom.mkdir(parents=True)
        (rom / "VBNV").write_text(f"{shell}\n")
    monkeypatch.setattr(pci, "SYSFS", tmp_path)
    monkeypatch.delenv("XCL_EMULATION_MODE", raising=False)


@pytest.mark.usefixtures("three")
def test_cards_are_in_the_order_of_their_addresses() -> None:
    assert cards.cards() == tuple(Card(index=i, bdf=bdf, shell=shell) for i, (bdf, shell) in enumerate(zip(ADDRESSES, SHELLS, strict=True)))


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(("selector", "index"), [(1, 1), ("2", 2), ("0000:3b:00.1", 0), ("86:00.1", 1), ("xdma_201830", 1), (SHELLS[1], 1)])
def test_a_card_is_chosen(selector: str | int, index: int) -> None:
    assert cards.find(selector).index == index


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("selector", "what"),
    [("3", "no such card"), ("9" * 5000, "no such card"), ("u250", "3 cards fit"), ("3b:00.1", "2 cards fit"), ("", "no such card")],
)
def test_no_card_or_several(selector: str, what: str) -> None:
    fix = "choose by index or PCIe address" if what[0].isdigit() else "choose by index, PCIe address or shell name, or 'emulation'"
    with pytest.raises(DeviceError) as caught:
        cards.find(selector)
    assert str(caught.value) == (
        f"device {selector!r:.60}: {what}\nwhy: there are 0: {ADDRESSES[0]} {SHELLS[0]}; 1: {ADDRESSES[1]} {SHELLS[1]}; "
        f"2: {ADDRESSES[2]} {SHELLS[2]}\nfix: {fix}"
    )


def test_a_machine_without_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pci, "SYSFS", tmp_path)
    monkeypatch.delenv("XCL_EMULATION_MODE", raising=False)
    assert cards.cards() == ()
    with pytest.raises(DeviceError, match=r"^device '0': no such card\nwhy: there is none: no device is held by the driver xocl\n"):
        cards.find(0)


def test_what_xrt_emulates_is_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XCL_EMULATION_MODE", "noop")
    assert cards.find("noop") == Card(index=0, bdf=None, shell="XRT's noop emulation")


@pytest.mark.parametrize(
    ("shell", "platform", "takes"),
    [
        (SHELLS[0], "xilinx_u250_gen3x16_xdma_4_1_202210_1", True),
        (SHELLS[1], "xilinx_u250_xdma_201830_2", True),
        (SHELLS[1], "xilinx_u250_gen3x16_xdma_4_1_202210_1", False),
        ("xilinx_u250_gen3x16_base_4", "xilinx_u250_gen3x16_xdma_4_1_202210_1", False),
        ("xilinx_u280_gen3x16_xdma_shell_1", "xilinx_u250_gen3x16_xdma_4_1_202210_1", False),
        ("", "xilinx_u250_gen3x16_xdma_4_1_202210_1", True),
    ],
)
def test_shells_and_platforms(shell: str, platform: str, takes: bool) -> None:
    assert Card(index=0, bdf="0000:3b:00.1", shell=shell).takes(platform) is takes
