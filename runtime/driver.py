"""What stands behind `overlay.<cu>`: the PYNQ driver of every resflow accelerator.

PYNQ 4 no longer gives a driver `call` and `start`; here they are again, with arguments checked against the manifest. PYNQ
binds drivers to IPs by exact VLNV, and every network is an IP of its own, so each gets a subclass when it is first loaded.
"""

from __future__ import annotations

import inspect
import math
import os
import threading
from functools import cache
from typing import Any, NoReturn

import numpy as np
import pynq
from pynq.buffer import PynqBuffer
from pynq.overlay import WaitHandle

from runtime.errors import DeviceError, XclbinError
from runtime.kernel import AP_START, CTRL
from runtime.manifest import Argument, Direction, Manifest
from runtime.memory import Allocation

WORD = 4  # bytes of one register write


class Driver(pynq.DefaultIP):  # type: ignore[misc]
    """Starts the accelerator on buffers of its own device. `call` may be used from several threads."""

    def __init__(self, description: dict[str, Any]) -> None:
        super().__init__(description)
        self._xclbin = self.device.xclbin
        self.manifest: Manifest = self._xclbin.manifest
        self._lock = threading.RLock()
        parameters = [
            inspect.Parameter(argument.python_name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=_annotation(argument))
            for argument in self.manifest.arguments
        ]
        self._signature = inspect.Signature(parameters)

    def call(self, *args: Any, **kwargs: Any) -> None:
        """Run the kernel to its end; arguments as `signature` lists them: buffers, and the number of frames."""
        with self._lock:
            self.start(*args, **kwargs).wait()

    def start(self, *args: Any, **kwargs: Any) -> WaitHandle:
        """Start the kernel and return a handle with a `wait` method; DeviceError at buffers it cannot work on."""
        values = self._values(self._signature.bind(*args, **kwargs).args)
        with self._lock:
            for argument, value in zip(self.manifest.arguments, values, strict=True):
                for i in range(0, argument.size_bytes, WORD):
                    self.write(argument.offset + i, value >> 8 * i & 0xFFFF_FFFF)
            self.write(CTRL, AP_START)
        return WaitHandle(self)

    def _values(self, given: tuple[Any, ...]) -> list[int]:
        """What goes into the registers: the buffers' addresses and the number of frames."""
        manifest = self.manifest
        if self.device.xclbin is not self._xclbin:
            what, why = "called after its xclbin was replaced", "another xclbin was loaded onto the device since"
            raise DeviceError(manifest.cu, what, why, "take the accelerator from the overlay that was loaded last")
        *buffers, frames = given
        # bool is an int to Python, but hardly what was meant.
        if isinstance(frames, bool) or not isinstance(frames, (int, np.integer)) or not 1 <= frames < 2**32:
            where = f"{manifest.cu}.{manifest.arguments[-1].name}"
            raise DeviceError(where, f"{frames!r:.40} frames", "it is the number of frames, 1 to 2^32 - 1", "pass the length of the batch")
        frames = int(frames)
        dtypes: list[type[np.generic]] = [np.uint8, np.uint32, np.int8]
        sizes = [frames * manifest.frame_bytes, frames * manifest.label_bytes, math.prod(manifest.weights or ())]
        # Without weights the last of each stays unused.
        return [*map(self._address, manifest.arguments, buffers, dtypes, sizes), frames]

    def _address(self, argument: Argument, buffer: object, dtype: type[np.generic], size: int) -> int:
        """The physical address of a buffer that can hold what the kernel will read or write."""
        wanted = f"{np.dtype(dtype)} buffer of at least {size} bytes in {argument.bank}"

        def fail(what: str, why: str) -> NoReturn:
            raise DeviceError(f"{self.manifest.cu}.{argument.python_name}", what, why, f"pass a {wanted}, from pynq.allocate")

        if not isinstance(buffer, PynqBuffer) or not isinstance(buffer.bo, Allocation):
            fail(f"a {type(buffer).__name__}", "the kernel reaches the device's memory only")
        if buffer.device is not self.device:
            fail("a buffer of another device", "the kernel reaches the memory of its own device only")
        if not buffer.flags.c_contiguous:
            fail(f"a view with strides {buffer.strides}", "the kernel takes one frame after the other")
        if not buffer.bo.holds(buffer.offset, buffer.nbytes):
            fail(
                "an array that is no buffer now",
                "it was freed, or lost when an xclbin was loaded, or is a copy or the result of arithmetic",
            )
        if buffer.bo.bank != argument.bank:
            fail(f"a buffer in {buffer.bo.bank}", f"this port of the kernel is connected to {argument.bank}")
        if buffer.dtype != dtype:
            fail(f"a buffer of {buffer.dtype}", f"the kernel {_VERBS[argument.direction]} {np.dtype(dtype)}")
        if buffer.nbytes < size:
            fail(f"a buffer of {buffer.nbytes} bytes", f"the kernel {_VERBS[argument.direction]} {size}")
        return int(buffer.device_address)


_VERBS = {Direction.IN: "reads", Direction.OUT: "writes"}


def _annotation(argument: Argument) -> str:
    return "int" if argument.direction is Direction.SCALAR else f"PynqBuffer in {argument.bank}"


@cache
def bind(vlnv: str) -> type[Driver]:
    """Have PYNQ use this driver for a network; making the class is what registers it."""
    return type("Driver", (Driver,), {"bindto": [vlnv], "__module__": __name__})


def load(path: str | os.PathLike[str], device: pynq.Device) -> pynq.Overlay:
    """Load an xclbin onto a device; XclbinError or DeviceError if it cannot be."""
    # PYNQ would look for a relative path among its own overlays as well.
    path = os.path.abspath(path)
    if not os.path.isfile(path):
        raise XclbinError(path, "cannot be read", "there is no such file", "check the path, or build the xclbin")
    return pynq.Overlay(path, device=device)
