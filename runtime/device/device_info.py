"""What PYNQ's power classes ask of a device: `pynq.pmbus.get_xrt_sysfs_rails`, `DataRecorder` and the sensors they are built on.

They read `device.device_info` anew for every sample, under the names that XRT's old `xclDeviceInfo2` had. PYNQ 4's own devices do not
have these any more; ours do, from the same sensors as `runtime.power`. What is not measured is NaN: nothing at all under emulation.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

from runtime.device import sensors
from runtime.errors import DeviceError

_VOLTS = {
    "0v85": "m0v85",
    "12v_aux": "m12VAux",
    "12v_pex": "m12VPex",
    "12v_sw": "m12vSW",
    "1v8_top": "m1v8Top",
    "3v3_aux": "m3v3Aux",
    "3v3_pex": "m3v3Pex",
    "0v9_vcc": "mMgt0v9",
    "mgt_vtt": "mMgtVtt",
    "5v5_system": "mSys5v5",
    "vccint": "mVccIntVol",
}
_AMPS = {"12v_aux": "mAuxCurr", "12v_pex": "mPexCurr", "vccint": "mCurrent"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceInfo:
    """One moment's readings in mV and mA, NaN for what is not measured."""

    name: str
    bdf: str | None
    m0v85: float = math.nan
    m12VAux: float = math.nan
    mAuxCurr: float = math.nan
    m12VPex: float = math.nan
    mPexCurr: float = math.nan
    m12vSW: float = math.nan
    m1v8Top: float = math.nan
    m3v3Aux: float = math.nan
    m3v3Pex: float = math.nan
    mMgt0v9: float = math.nan
    mMgtVtt: float = math.nan
    mSys5v5: float = math.nan
    mVccIntVol: float = math.nan
    mCurrent: float = math.nan  # of VCCINT

    @classmethod
    def read(cls, device: Any) -> DeviceInfo:
        """What the sensors of a device say now. A recording goes on when they cannot be read; a warning says why."""
        read = sensors.rails(device)
        try:
            rails = read() if read is not None else ()
        except DeviceError as error:
            warnings.warn(str(error), RuntimeWarning, stacklevel=2)
            rails = ()
        readings: dict[str, float] = {}
        if any(rail.name in sensors.BOARD for rail in rails):
            # Programs add both supplies of the board; a card without one of them draws nothing there.
            readings |= {names[rail]: 0.0 for names in (_VOLTS, _AMPS) for rail in sensors.BOARD}
        for rail in rails:
            if rail.name in _VOLTS:
                readings[_VOLTS[rail.name]] = rail.volts * 1000
            if rail.name in _AMPS:
                readings[_AMPS[rail.name]] = math.nan if rail.amps is None else rail.amps * 1000
        return cls(name=device.name, bdf=device.bdf, **readings)
