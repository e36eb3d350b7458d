"""Runs accelerators made by resflow through PYNQ, on cards and, with the same calls, on an emulated device here.

Importing it registers the devices and the accelerators' driver with PYNQ, so that

    overlay = pynq.Overlay("digits.xclbin")
    overlay.digits_1.call(images, labels, weights, n)

work as in PYNQ's articles. `Accelerator` is the short form: `classify` for arrays, `stream` for many files.

PYNQ takes half a second to import, which is left to the first use of `Accelerator` or a device, or to who imports PYNQ himself.
"""

import importlib
import sys
from typing import TYPE_CHECKING

if not (3, 10) <= sys.version_info < (3, 13):  # as pyproject.toml has it, which a checkout that is not installed does not ask
    raise ImportError(
        f"Python {sys.version_info[0]}.{sys.version_info[1]} is not one that resflow runs on\n"
        "why: PYNQ 4 needs numpy 1 and grpcio 1.64, which are there for Python 3.10 to 3.12\n"
        "fix: make the virtual environment with one of these: python3.12 -m venv .venv"
    )

from runtime import registration
from runtime.errors import AcceleratorError, DeviceError, EvaluationError, ImageError, ManifestError, ParametersError, XclbinError

if TYPE_CHECKING:
    from runtime.emulation.device import EmulatedDevice
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

_LATER = {
    "Accelerator": "runtime.inference.accelerator",
    "EmulatedDevice": "runtime.emulation.device",
    "XrtDevice": "runtime.xrt.device",
}
"""The modules that import PYNQ, by what is used of them."""


def __getattr__(name: str) -> object:
    """Called for what is not there yet."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(_LATER[name]), name)
    globals()[name] = found
    return found


registration.register()
