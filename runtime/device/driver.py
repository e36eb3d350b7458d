"""What is behind `overlay.<cu>`: the PYNQ driver of every resflow accelerator.

PYNQ 4 no longer gives a driver `call` and `start`; here they are again, with arguments checked against the manifest. PYNQ
binds drivers to IPs by exact VLNV, and every network is an IP of its own, so each gets a subclass when it is first loaded.
"""

from __future__ import annotations

import atexit
import inspect
import os
from collections.abc import Iterable
from functools import cache, partial
from typing import Any, NoReturn

import numpy as np
import pynq
from pynq.buffer import PynqBuffer
from pynqutils.setup_utils import extension_manager

from constants.image import Status
from runtime.container.manifest import WORD_BYTES, Direction, Manifest, Role
from runtime.container.xclbin import Unit
from runtime.device.buffers import BufferTarget
from runtime.device.loading import REFUSED, Checked, Loads, State, nothing_loaded, refusal
from runtime.device.memory import Allocation
from runtime.device.registers import REGISTER_BYTES
from runtime.device.run import Run
from runtime.errors import DeviceError, XclbinError


class Driver(pynq.DefaultIP):  # type: ignore[misc]
    """Starts one compute unit on buffers of its own device. `call` and `start` may be used from several threads."""

    def __init__(self, description: dict[str, Any]) -> None:
        super().__init__(description)
        self._digest: str = description["xclbin"]
        xclbin = self.loaded.xclbin
        self.manifest: Manifest = xclbin.manifest
        self._arguments = self.manifest.by_role
        self.unit: Unit = next(unit for unit in xclbin.units if unit.name == self._fullpath)
        self.mmio = pynq.MMIO(self.unit.base, REGISTER_BYTES, device=_Registers(self))
        parameters = [
            inspect.Parameter(
                argument.python_name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=_annotation(self.unit.banks.get(role))
            )
            for role, argument in self._arguments.items()
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
        buffers = dict(zip(self._arguments, self._signature.bind(*args, **kwargs).args, strict=True))
        frames = self._frames(buffers.pop(Role.FRAMES))
        for role, buffer in buffers.items():
            self._check(role, buffer, frames)
        self._check_frames(buffers[Role.IMAGES], frames)
        if self.manifest.constants is None:
            started: Run = self.device.start(self.unit, buffers, frames)
            return started
        return self._start_loaded(buffers, frames)

    def _start_loaded(self, buffers: dict[Role, PynqBuffer], frames: int) -> Run:
        """The same on a network with loaded constants: what the xclbin carries is loaded before the first frames, unless something was."""
        loads: Loads = self.device.loads
        if frames:
            with loads.lock:
                if loads.state(self.unit.name) is State.NOTHING:
                    self.load(self.loaded.xclbin.image)
            if loads.state(self.unit.name) is State.LOST:
                raise nothing_loaded(self.unit.name)
            check = self._check_result
        else:
            check = partial(self._check_status, loads, loads.state(self.unit.name))
            loads.states[self.unit.name] = State.TRIED
        run: Run = self.device.start(self.unit, buffers, frames)
        return Checked(run, buffers[Role.LABELS], check) if self.device.computes else run

    def _check_result(self, word: int) -> None:
        if word == REFUSED:
            raise nothing_loaded(self.unit.name)

    def _check_status(self, loads: Loads, before: State, status: int) -> None:
        if status == Status.LOADED:
            return
        loads.states[self.unit.name] = State.LOST if status == Status.INTERRUPTED else before
        raise refusal(self.unit.name, self.manifest, status)

    def load(self, image: bytes | memoryview) -> None:
        """Load an image of constants, the bytes of a .constants file: DeviceError if it is refused. Runs that were started before end with
        what was loaded before."""
        constants = self.manifest.constants
        if constants is None:
            fix = "build it with constants: loaded in its description"
            raise DeviceError(self.unit.name, "nothing to load", "its constants are part of the hardware", fix)
        if len(image) != constants.image_bytes:
            why = f"an image of {constants.words:,} words has {constants.image_bytes:,}"
            raise DeviceError(
                f"{self.unit.name}: load", f"{len(image):,} bytes", why, "pass all bytes of a .constants file of this network"
            )
        sizes = {role: max(1, self.manifest.buffer_bytes(role, 0)) for role in self.manifest.pointers}
        banks = {role: BufferTarget(self.device, self._digest, self.unit.banks[role]) for role in sizes}
        buffers = {role: banks[role].allocate(-(-size // _DTYPES[role].itemsize), _DTYPES[role]) for role, size in sizes.items()}
        try:
            buffers[Role.WEIGHTS][:] = np.frombuffer(image, np.int8)
            buffers[Role.WEIGHTS].sync_to_device()
            self.call(*buffers.values(), 0)
        finally:
            for buffer in buffers.values():
                buffer.freebuffer()

    start_ert = start  # PYNQ's name for it on cards, as long as it knew another way

    def __reduce__(self) -> Any:
        return self.device.__reduce__()  # which says why not

    def _frames(self, frames: object) -> int:
        # bool is an int to Python, but hardly what was meant.
        least = 1 if self.manifest.constants is None else 0
        if isinstance(frames, bool) or not isinstance(frames, (int, np.integer)) or not least <= frames < 2**32:
            where = f"{self.unit.name}.{self._arguments[Role.FRAMES].name}"
            why = f"it is the number of frames, {least} to 2^32 - 1{'' if least else '; 0 is a load'}"
            raise DeviceError(where, f"{frames!r:.40} frames", why, "pass the length of the batch")
        return int(frames)

    def _check(self, role: Role, buffer: object, frames: int) -> None:
        """DeviceError if this is no buffer that can hold what the kernel will read or write."""
        argument, bank = self._arguments[role], self.unit.banks[role]
        dtype, size = _DTYPES[role], self.manifest.buffer_bytes(role, frames)

        def fail(what: str, why: str) -> NoReturn:
            fix = f"pass a {dtype} buffer of at least {size} bytes in {bank}, from pynq.allocate"
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
        given = buffer.dtype
        if given.kind not in "iu" or given.itemsize != dtype.itemsize or not given.isnative:
            fail(f"a buffer of {given}", f"the kernel {_VERBS[argument.direction]} {dtype}")
        if buffer.nbytes < size:
            fail(f"a buffer of {buffer.nbytes} bytes", f"the kernel {_VERBS[argument.direction]} {size}")

    def _check_frames(self, images: PynqBuffer, frames: int) -> None:
        """DeviceError if a buffer with a row for each image has them where the kernel does not look for them."""
        manifest = self.manifest
        row = images.nbytes // len(images)
        if frames > 1 and images.ndim > 1 and row == manifest.image_bytes != manifest.frame_bytes:
            where = f"{self.unit.name}.{self._arguments[Role.IMAGES].python_name}"
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
        data: bytes = self._driver.loaded.read(self._driver.unit, address - self._driver.unit.base, length)
        return data

    def write_registers(self, address: int, data: bytes) -> None:
        self._driver.loaded.write(self._driver.unit, address - self._driver.unit.base, data)


_DTYPES: dict[Role, np.dtype[Any]] = {Role.IMAGES: np.dtype(np.uint8), Role.LABELS: np.dtype(np.uint32), Role.WEIGHTS: np.dtype(np.int8)}
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
