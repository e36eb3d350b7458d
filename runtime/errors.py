"""What the runtime raises on purpose.

AcceleratorError
├── XclbinError     the file is damaged or has invalid content   (a ValueError)
│   └── ManifestError   …in its manifest
├── ParametersError parameters cannot be loaded: the file is damaged, or not this network's   (a ValueError)
├── EvaluationError the images, labels or results of an evaluation cannot be used   (a ValueError)
├── ImageError      an image cannot be read, or does not fit the network   (a ValueError)
└── DeviceError     the device cannot do what was requested   (a RuntimeError)
"""

from __future__ import annotations

from typing import TypeVar

_Error = TypeVar("_Error", bound="AcceleratorError")


class AcceleratorError(Exception):
    """Base of everything here; says where, what, why, and how to fix it."""

    def __init__(self, where: str, what: str, why: str, fix: str) -> None:
        super().__init__(where, what, why, fix)
        self.where, self.what, self.why, self.fix = where, what, why, fix

    def __str__(self) -> str:
        return f"{self.where}: {self.what}\nwhy: {self.why}\nfix: {self.fix}"

    def within(self: _Error, place: str) -> _Error:
        """The same error with the place that encloses it, `place`, put before `where`."""
        return type(self)(f"{place}: {self.where}", self.what, self.why, self.fix)


class XclbinError(AcceleratorError, ValueError):
    """The xclbin is damaged, is not one of ours, or contradicts itself."""


class ManifestError(XclbinError):
    """The manifest of an xclbin is missing, malformed, or out of range."""


class ParametersError(AcceleratorError, ValueError):
    """Parameters cannot be loaded: their file is damaged, or they are not such as this network's hardware computes with."""


class ImageError(AcceleratorError, ValueError):
    """An image cannot be read, or has another shape than the network takes."""


class EvaluationError(AcceleratorError, ValueError):
    """There is nothing to evaluate, or a file of labels or results is not as it must be."""


class DeviceError(AcceleratorError, RuntimeError):
    """No such device, no memory left, or a call the loaded kernel cannot take."""
