"""What stands behind `overlay.<cu>`: the PYNQ driver of every resflow accelerator.

PYNQ 4 no longer gives a driver `call` and `start`; here they are again, with arguments checked against the manifest. PYNQ
binds drivers to IPs by exact VLNV, and every network is an IP of its own, so each gets a subclass when it is first loaded.
"""

from __future__ import annotations

import atexit
import inspect
import math
import os
from collections.abc import Iterable
from functools import cache
from typing import Any, NoReturn

import numpy as np
import pynq
from pynq.buffer import PynqBuffer
from pynqutils.setup_utils import extension_manager

from runtime.errors import DeviceError, XclbinError
from runtime.manifest import WORD_BYTES, Argument, Direction, Manifest
from runtime.memory import Allocation
from runtime.registers import REGISTER_BYTES
from runtime.run import Run
from runtime.xclbin import Unit


class Driver(pynq.DefaultIP):  # type: ignore[misc]
    """Starts one compute unit on buffers of its own device. `call` and `start` may be used from several threads."""

    def __init__(self, description: dict[str, Any]) -> None:
        super().__init__(description)
        self._digest: str = description["xclbin"]
        xclbin = self.loaded.xclbin
        self.manifest: Manifest = xclbin.manifest
        self.unit: Unit = next(unit for unit in xclbin.units if unit.name == self._fullpath)
        self.mmio = pynq.MMIO(self.unit.base, REGISTER_BYTES, device=_Registers(self))
        parameters = [
            inspect.Parameter(argument.python_name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=_annotation(bank))
            for argument, bank in zip(self.manifest.arguments, self.unit.banks, strict=True)
        ]
        self._signature = inspect.Signature(parameters)

    @property
    def loaded(self) -> Any:
        """What the device has loaded; DeviceError if that is not, or not any more, what this driver is for."""
        return self.device.loaded(self._digest, self._fullpath)

    def call(self, *args: Any, **kwargs: Any) -> None:
        """Run the kernel to its end; arguments as `signature` lists them: buffers, and the number of frames."""
        self.start(*args, **kwargs).wait()

    def start(self, *args: Any, waitfor: Iterable[Run] = (), **kwargs: Any) -> Run:
        """Start the kernel, after the runs of `waitfor`, and return what can be waited for; DeviceError at buffers it cannot work on.

        Runs of one CU come one after the other, in the order they were started.
        """
        for run in waitfor:
            run.wait()
        _ = self.loaded  # or an error
        *buffers, frames = self._signature.bind(*args, **kwargs).args
        frames = self._frames(frames)
        sizes = [frames * self.manifest.frame_bytes, frames * self.manifest.label_bytes, math.prod(self.manifest.weights or ())]
        # Without weights the last size and type stay unused.
        for argument, buffer, dtype, size in zip(self.manifest.arguments, buffers, _DTYPES, sizes, strict=False):
            self._check(argument, buffer, dtype, size)
        self._check_frames(buffers[0], frames)
        started: Run = self.device.start(self.unit, buffers, frames)
        return started

    start_ert = start  # PYNQ's name for it on cards, as long as it knew another way

    def __reduce__(self) -> Any:
        return self.device.__reduce__()  # which says why not

    def _frames(self, frames: object) -> int:
        # bool is an int to Python, but hardly what was meant.
        if isinstance(frames, bool) or not isinstance(frames, (int, np.integer)) or not 1 <= frames < 2**32:
            where = f"{self.unit.name}.{self.manifest.arguments[-1].name}"
            raise DeviceError(where, f"{frames!r:.40} frames", "it is the number of frames, 1 to 2^32 - 1", "pass the length of the batch")
        return int(frames)

    def _check(self, argument: Argument, buffer: object, dtype: type[np.generic], size: int) -> None:
        """That this is a buffer which can hold what the kernel will read or write."""
        bank = self.unit.banks[argument.id]

        def fail(what: str, why: str) -> NoReturn:
            fix = f"pass a {np.dtype(dtype)} buffer of at least {size} bytes in {bank}, from pynq.allocate"
            raise DeviceError(f"{self.unit.name}.{argument.python_name}", what, why, fix)

        if not isinstance(buffer, PynqBuffer) or not isinstance(buffer.bo, Allocation):
            fail(f"a {type(buffer).__name__}", "the kernel reaches the device's memory only")
        if buffer.device is not self.device:
            fail("a buffer of another device", "the kernel reaches the memory of its own device only")
        if not buffer.flags.c_contiguous:
            fail(f"a view with strides {buffer.strides}", "the kernel takes one frame after the other")
        if buffer.bo.gone is not None:
            fail("a buffer that is no longer there", buffer.bo.gone)
        if not buffer.bo.holds(buffer.offset, buffer.nbytes):
            fail("an array that is no buffer", "it is a copy or the result of arithmetic")
        if buffer.bo.bank.tag != bank:
            fail(f"a buffer in {buffer.bo.bank.tag}", f"this port of the kernel is connected to {bank}")
        # The kernel knows bytes: a picture may lie in int8, as the original's programs have it, and labels in int32. Not in bool,
        # which makes 1 of every pixel on the way in, nor in the other byte order.
        found, item = buffer.dtype, np.dtype(dtype).itemsize
        if found.kind not in "iu" or found.itemsize != item or not found.isnative:
            fail(f"a buffer of {found}", f"the kernel {_VERBS[argument.direction]} {np.dtype(dtype)}")
        if buffer.nbytes < size:
            fail(f"a buffer of {buffer.nbytes} bytes", f"the kernel {_VERBS[argument.direction]} {size}")

    def _check_frames(self, images: PynqBuffer, frames: int) -> None:
        """That a buffer with a row for each image has them where the kernel looks for them."""
        manifest = self.manifest
        row = images.nbytes // len(images)
        if frames > 1 and images.ndim > 1 and row == manifest.image_bytes != manifest.frame_bytes:
            where = f"{self.unit.name}.{manifest.arguments[0].python_name}"
            why = f"the kernel reads whole words of {WORD_BYTES} bytes, and so an image every {manifest.frame_bytes}"
            fix = f"allocate ({frames}, {manifest.frame_bytes}) and put each image into the first {row} bytes of its row"
            raise DeviceError(where, f"an image every {row} bytes", why, fix)


class _Registers:
    """What PYNQ's `read`, `write` and `register_map` come to: the registers of this driver's compute unit, and of no other that may
    have the same addresses by now."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def has_capability(self, capability: str) -> bool:
        return capability == "REGISTER_RW"

    def read_registers(self, address: int, length: int) -> bytes:
        found: bytes = self._driver.loaded.read(self._driver.unit, address - self._driver.unit.base, length)
        return found

    def write_registers(self, address: int, data: bytes) -> None:
        self._driver.loaded.write(self._driver.unit, address - self._driver.unit.base, data)


_DTYPES: tuple[type[np.generic], ...] = (np.uint8, np.uint32, np.int8)
_VERBS = {Direction.IN: "reads", Direction.OUT: "writes"}


def _annotation(bank: str | None) -> str:
    return "int" if bank is None else f"PynqBuffer in {bank}"


@cache
def bind(vlnv: str) -> type[Driver]:
    """Have PYNQ use this driver for a network; making the class is what registers it."""
    return type("Driver", (Driver,), {"bindto": [vlnv], "__module__": __name__})


def load(path: str | os.PathLike[str], device: pynq.Device) -> pynq.Overlay:
    """Load an xclbin onto a device; XclbinError or DeviceError if it cannot be."""
    # PYNQ would look for a relative path among its own overlays as well.
    path = os.path.abspath(path)
    if not os.path.isfile(path):
        raise XclbinError(path, "cannot be read", "No such file or directory", "check the path, or build the xclbin")
    overlay = pynq.Overlay(path, device=device)
    # PYNQ registers this for the end of the process anew with every overlay: once will do, and grows no list.
    clean_up = extension_manager.pkg_resources.cleanup_resources
    atexit.unregister(clean_up)
    atexit.register(clean_up, force=True)
    return overlay
