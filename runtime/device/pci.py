"""Where Linux lists PCIe devices."""

from __future__ import annotations

from pathlib import Path

SYSFS = Path("/sys/bus/pci")


def folder(bdf: str) -> Path:
    """What Linux and the driver report of one device, by its PCIe address, domain:bus:device.function."""
    return SYSFS / "devices" / bdf
