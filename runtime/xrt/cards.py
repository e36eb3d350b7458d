"""The cards of this machine, and how one of them is selected. XRT is not loaded for it, and need not be installed."""

from __future__ import annotations

import os
from dataclasses import dataclass

from runtime.device import pci
from runtime.errors import DeviceError
from runtime.xrt import library as xrt

VARIABLE = "RESFLOW_DEVICE"
EMULATION = "emulation"
DRIVER = "xocl"  # the kernel's driver of XRT cards


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card that XRT's driver holds, or what XRT emulates."""

    index: int  # in the order of their PCIe addresses
    bdf: str | None  # PCIe address, domain:bus:device.function; None for one that XRT emulates
    shell: str  # what the card was flashed with; empty if the driver does not report it

    def __str__(self) -> str:
        return f"{self.index}: {self.bdf or 'no card'} {self.shell}".rstrip()

    def takes(self, platform: str) -> bool:
        """Whether an xclbin for a platform can run on the card.

        A platform's name is the name of its shell, or, with two-stage shells, that without the word `shell` and with a release
        behind: xilinx_u250_gen3x16_xdma_shell_4_1 takes xilinx_u250_gen3x16_xdma_4_1_202210_1. UNCONFIRMED beyond these.
        """
        return not self.shell or self.bdf is None or set(self.shell.split("_")) - {"shell"} <= set(platform.split("_"))


def cards() -> tuple[Card, ...]:
    """The cards of this machine, or the one that XRT is set to emulate."""
    if xrt.mode():
        return (Card(index=0, bdf=None, shell=f"XRT's {xrt.mode()} emulation"),)
    addresses = sorted(path.name for path in pci.SYSFS.glob(f"drivers/{DRIVER}/*:*:*.*"))
    return tuple(Card(index=i, bdf=bdf, shell=_shell(bdf)) for i, bdf in enumerate(addresses))


def chosen() -> str | None:
    """What the environment variable selects."""
    return os.environ.get(VARIABLE) or None


def find(selector: str | int, source: str = "device ") -> Card:
    """The card of an index, a PCIe address (0000:3b:00.1, 3b:00.1) or a part of a shell's name; DeviceError if it is not one.

    `source` is where the selector comes from, for the error.
    """
    there = cards()
    text = str(selector)
    if text.isdecimal():
        matches = [card for card in there if str(card.index) == (text.lstrip("0") or "0")]
    else:
        matches = [card for card in there if card.bdf is not None and (card.bdf == text or card.bdf.endswith(f":{text}"))]
        matches = matches or [card for card in there if card.shell == text] or [card for card in there if text and text in card.shell]
    if len(matches) == 1:
        return matches[0]
    why = f"there are {'; '.join(map(str, there))}" if there else f"there is none: no device is held by the driver {DRIVER}"
    what = "no such card" if not matches else f"{len(matches)} cards fit"
    fix = f"choose by index, PCIe address or shell name, or {EMULATION!r}" if not matches else "choose by index or PCIe address"
    raise DeviceError(f"{source}{text!r:.60}", what, why, fix)


def _shell(bdf: str) -> str:
    try:
        return next(iter(sorted(pci.folder(bdf).glob("rom*/VBNV")))).read_text(encoding="utf-8").strip()
    except (OSError, StopIteration, ValueError):
        return ""
