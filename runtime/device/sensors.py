"""The power sensors of a card: the rails that its driver, or XRT's tool, reports.

The kernel driver's files are read where they are, otherwise the report of xbutil (xrt-smi in newer XRT). A device without sensors,
as every emulated one, has none: never a number that was not measured.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.device import pci
from runtime.errors import DeviceError

BOARD = ("12v_aux", "12v_pex")
FPGA = "vccint"
FILES = {
    "12v_aux": ("12v_aux_vol", "12v_aux_curr"),
    "12v_pex": ("12v_pex_vol", "12v_pex_curr"),
    "vccint": ("vccint_vol", "vccint_curr"),
    "3v3_aux": ("3v3_aux_vol", "3v3_aux_curr"),
    "3v3_pex": ("3v3_pex_vol", "3v3_pex_curr"),
    "0v85": ("0v85", "0v85_curr"),
    "12v_sw": ("12v_sw", ""),
    "1v8_top": ("1v8", ""),
    "0v9_vcc": ("mgt0v9avcc", ""),
    "mgt_vtt": ("mgtavtt", ""),
    "5v5_system": ("sys_5v5", ""),
}
"""The driver's files xmc_…, in mV and in mA where there is one, by the names xbutil has for the rails."""
TOOLS = ("xrt-smi", "xbutil")
TOOL_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rail:
    """One supply."""

    name: str
    volts: float
    amps: float | None  # None where the card does not measure it

    @property
    def watts(self) -> float | None:
        return None if self.amps is None else self.volts * self.amps


Read = Callable[[], tuple[Rail, ...]]


def rails(device: Any) -> Read | None:
    """What reads the rails of a device; None where there is nothing to read. DeviceError from the reading when it fails."""
    bdf: str | None = getattr(device, "bdf", None)  # a board's device, which is PYNQ's, has none
    if bdf is None:
        return None
    folder = pci.folder(bdf)
    if _files(folder):
        return lambda: _files(folder)
    tool = _tool()
    return None if tool is None else lambda: _report(tool, bdf)


def parse(report: bytes) -> tuple[Rail, ...]:
    """The rails of xbutil's electrical report, at whatever level of the JSON; ValueError if there is none."""
    entries = next(_reports(json.loads(report)), None)
    if entries is None:
        raise ValueError("no power_rails")
    return tuple(rail for entry in entries if (rail := _rail(entry)) is not None)


def _reports(value: Any) -> Iterator[list[Any]]:
    # The levels above differ between versions. UNCONFIRMED what they are in each.
    if isinstance(value, dict):
        if isinstance(value.get("power_rails"), list):
            yield value["power_rails"]
        for below in value.values():
            yield from _reports(below)
    elif isinstance(value, list):
        for below in value:
            yield from _reports(below)


def _rail(entry: Any) -> Rail | None:
    """Numbers are written as strings, and so are true and false; a rail without a voltage is not there."""
    try:
        volts, amps = entry["voltage"], entry["current"]
        if str(volts["is_present"]).lower() != "true":
            return None
        measured = str(amps["is_present"]).lower() == "true"
        return Rail(name=str(entry["id"]), volts=float(volts["volts"]), amps=float(amps["amps"]) if measured else None)
    except (KeyError, TypeError, ValueError):
        return None


def _files(folder: Path) -> tuple[Rail, ...]:
    rails = []
    for xmc in sorted(folder.glob("xmc*")):
        for name, (millivolts, milliamps) in FILES.items():
            volts, amps = (_thousandth(xmc / f"xmc_{what}") if what else None for what in (millivolts, milliamps))
            if volts:
                rails.append(Rail(name=name, volts=volts, amps=amps))
    return tuple(rails)


def _thousandth(file: Path) -> float | None:
    """The number in a file of the driver, divided by 1000; None where there is none."""
    try:
        return int(file.read_text(encoding="utf-8"), 0) / 1000
    except (OSError, ValueError):
        return None


def _tool() -> str | None:
    path = os.pathsep.join(filter(None, (os.path.join(os.environ.get("XILINX_XRT", ""), "bin"), os.environ.get("PATH"))))
    return next((tool for name in TOOLS if (tool := shutil.which(name, path=path)) is not None), None)


def _report(tool: str, bdf: str) -> tuple[Rail, ...]:
    command = [tool, "examine", "-d", bdf, "-r", "electrical", "-f", "JSON"]
    try:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "electrical.json")
            # In the user's locale it might write a decimal comma.
            variables = {**os.environ, "LC_ALL": "C"}
            subprocess.run([*command, "-o", str(file)], check=True, capture_output=True, timeout=TOOL_SECONDS, env=variables)
            return parse(file.read_bytes())
    except (OSError, ValueError, RecursionError, subprocess.SubprocessError) as error:
        why = f"{type(error).__name__}: {error}"
        raise DeviceError(tool, "no electrical report", why, f"try it: {' '.join(command)}") from None
