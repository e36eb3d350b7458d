"""What a card draws: its sensors, sampled in the background.

Board power is the sum of the two 12 V supplies, FPGA power that of VCCINT, as the original measured them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from runtime import forks
from runtime.device import sensors
from runtime.device.sensors import BOARD, FPGA, Rail
from runtime.errors import DeviceError

INTERVAL = 0.1
MOST_SAMPLES = 1_000_000  # a day at ten a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """All supplies at one moment."""

    seconds: float  # since recording began
    rails: tuple[Rail, ...]

    @property
    def board_watts(self) -> float | None:
        """Of those 12 V supplies the card has; None without any."""
        watts = [rail.watts for rail in self.rails if rail.name in BOARD and rail.watts is not None]
        return sum(watts) if watts else None

    @property
    def fpga_watts(self) -> float | None:
        return next((rail.watts for rail in self.rails if rail.name == FPGA), None)


class Recording:
    """Samples of a device's power, from `with` to its end.

    with Recording(device) as power:
        ...
    print(power.mean_board_watts)
    """

    def __init__(self, device: Any, *, interval: float = INTERVAL) -> None:
        self._read = sensors.rails(device)
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

    def _record(self, read: sensors.Read, start: float) -> None:
        while len(self.samples) < MOST_SAMPLES:
            try:
                self.samples.append(Sample(seconds=time.monotonic() - start, rails=read()))
            except DeviceError as error:
                self.error = error
                return
            if self._end.wait(self._interval):
                return


def _mean(values: Iterator[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
