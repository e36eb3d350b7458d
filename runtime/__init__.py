"""Runs accelerators made by resflow through PYNQ, on cards and, with the same calls, on an emulated device here.

Importing it registers the devices and the accelerators' driver with PYNQ, so that

    overlay = pynq.Overlay("digits.xclbin")
    overlay.digits_1.call(images, labels, weights, n)

work as in PYNQ's articles. `Accelerator` is the short form: `classify` for arrays, `stream` for many files.
"""

import sys
import warnings

if not (3, 10) <= sys.version_info < (3, 13):  # as pyproject.toml has it, which a checkout that is not installed does not ask
    raise ImportError(
        f"Python {sys.version_info[0]}.{sys.version_info[1]} is not one that resflow runs on\n"
        "why: PYNQ 4 needs numpy 1 and grpcio 1.64, which are there for Python 3.10 to 3.12\n"
        "fix: make the virtual environment with one of these: python3.12 -m venv .venv"
    )

with warnings.catch_warnings():
    # PYNQ is made for boards, and warns of every machine that is none; an emulated device needs nothing of what it misses.
    warnings.simplefilter("ignore", ResourceWarning)
    import pynq

from runtime.emulation.device import EmulatedDevice
from runtime.errors import AcceleratorError, DeviceError, EvaluationError, ImageError, ManifestError, ParametersError, XclbinError
from runtime.inference.accelerator import Accelerator
from runtime.xrt.device import XrtDevice

__all__ = [
    "Accelerator",
    "AcceleratorError",
    "DeviceError",
    "EmulatedDevice",
    "EvaluationError",
    "ImageError",
    "ManifestError",
    "ParametersError",
    "XclbinError",
    "XrtDevice",
]

# PYNQ makes its list of devices once: if that was before this import, ours are added to it.
if hasattr(pynq.Device, "_devices"):
    pynq.Device.devices.extend([*XrtDevice._probe_(), *EmulatedDevice._probe_()])
