"""What a card draws: the rails XRT's sensors report, read now and then in the background.

Board power is the sum of the two 12 V supplies, FPGA power that of VCCINT, as the original measured them. The kernel driver's files
are read where they are, otherwise the report of xbutil (xrt-smi in newer XRT). A device without sensors, as every emulated one, has
no power at all: never a number that was not measured.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from runtime import cards, forks
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
INTERVAL = 0.1
MOST_SAMPLES = 1_000_000  # a day at ten a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Rail:
    """One supply."""

    name: str
    volts: float
    amps: float | None  # None where the card does not measure it

    @property
    def watts(self) -> float | None:
        return None if self.amps is None else self.volts * self.amps


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """All supplies at one moment."""

    seconds: float  # since recording began
    rails: tuple[Rail, ...]

    @property
    def board_watts(self) -> float | None:
        """Of those 12 V supplies the card has; None without any."""
        found = [rail.watts for rail in self.rails if rail.name in BOARD and rail.watts is not None]
        return sum(found) if found else None

    @property
    def fpga_watts(self) -> float | None:
        return next((rail.watts for rail in self.rails if rail.name == FPGA), None)


Read = Callable[[], tuple[Rail, ...]]


def sensors(device: Any) -> Read | None:
    """What reads the rails of a device; None where there is nothing to read. DeviceError from the reading when it fails."""
    bdf: str | None = getattr(device, "bdf", None)  # a board's device, which is PYNQ's, has none
    if bdf is None:
        return None
    folder = cards.SYSFS / "devices" / bdf
    if _files(folder):
        return lambda: _files(folder)
    tool = _tool()
    return None if tool is None else lambda: _report(tool, bdf)


class Recording:
    """Samples of a device's power, from `with` to its end.

    with Recording(device) as power:
        ...
    print(power.mean_board_watts)
    """

    def __init__(self, device: Any, *, interval: float = INTERVAL) -> None:
        self._read = sensors(device)
        self._interval = interval
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        self.samples: list[Sample] = []
        self.error: DeviceError | None = None  # that ended the recording early
        forks.register(self)

    def after_fork(self) -> None:
        """It goes on in the parent."""
        self._end = threading.Event()
        if self._thread is not None:
            why = "its thread is in the parent of this forked process, where it goes on"
            self._thread, self.error = None, DeviceError("power", "no samples after a fork", why, "record in one process from begin to end")

    @property
    def available(self) -> bool:
        """Whether the device has anything to read."""
        return self._read is not None

    @property
    def mean_board_watts(self) -> float | None:
        return _mean(sample.board_watts for sample in self.samples)

    @property
    def mean_fpga_watts(self) -> float | None:
        return _mean(sample.fpga_watts for sample in self.samples)

    def frame(self) -> Any:
        """A pandas DataFrame, indexed by seconds: board_watts, fpga_watts, and volts and amps of every rail."""
        try:
            import pandas as pd
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "pandas":
                raise
            fix = "pip install pandas, or use .samples"
            raise DeviceError("power", "no table", "pandas is not installed, and it is not needed otherwise", fix) from None
        rows = []
        for sample in self.samples:
            row = {"seconds": sample.seconds, "board_watts": sample.board_watts, "fpga_watts": sample.fpga_watts}
            for rail in sample.rails:
                row[f"{rail.name}_volts"] = rail.volts
                if rail.amps is not None:
                    row[f"{rail.name}_amps"] = rail.amps
            rows.append(row)
        return pd.DataFrame(rows, columns=None if rows else ["seconds", "board_watts", "fpga_watts"]).set_index("seconds")

    def __enter__(self) -> Recording:
        if self._read is not None:
            self._thread = threading.Thread(target=self._record, args=(self._read, time.monotonic()), name="power", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end.set()
        if self._thread is not None:
            self._thread.join()

    def _record(self, read: Read, start: float) -> None:
        while len(self.samples) < MOST_SAMPLES:
            try:
                self.samples.append(Sample(seconds=time.monotonic() - start, rails=read()))
            except DeviceError as error:
                self.error = error
                return
            if self._end.wait(self._interval):
                return


def parse(report: bytes) -> tuple[Rail, ...]:
    """The rails of xbutil's electrical report, wherever in the JSON it stands; ValueError if there is none."""
    found = next(_reports(json.loads(report)), None)
    if found is None:
        raise ValueError("no power_rails")
    return tuple(rail for entry in found if (rail := _rail(entry)) is not None)


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
    """Numbers stand in strings, as do true and false; a rail without a voltage is not there."""
    try:
        volts, amps = entry["voltage"], entry["current"]
        if str(volts["is_present"]).lower() != "true":
            return None
        measured = str(amps["is_present"]).lower() == "true"
        return Rail(name=str(entry["id"]), volts=float(volts["volts"]), amps=float(amps["amps"]) if measured else None)
    except (KeyError, TypeError, ValueError):
        return None


def _files(folder: Path) -> tuple[Rail, ...]:
    found = []
    for xmc in sorted(folder.glob("xmc*")):
        for name, (millivolts, milliamps) in FILES.items():
            volts, amps = (_thousandth(xmc / f"xmc_{what}") if what else None for what in (millivolts, milliamps))
            if volts:
                found.append(Rail(name=name, volts=volts, amps=amps))
    return tuple(found)


def _thousandth(file: Path) -> float | None:
    """What stands in a file of the driver, in thousandths; None where nothing is told."""
    try:
        return int(file.read_text(encoding="utf-8"), 0) / 1000
    except (OSError, ValueError):
        return None


def _tool() -> str | None:
    path = os.pathsep.join(filter(None, (os.path.join(os.environ.get("XILINX_XRT", ""), "bin"), os.environ.get("PATH"))))
    return next((found for name in TOOLS if (found := shutil.which(name, path=path)) is not None), None)


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


def _mean(values: Iterator[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
