"""Xilinx's runtime XRT as this package needs it: its native C API through ctypes, and handles that are closed in the right order.

XRT ends the process instead of failing when its environment is not complete, so that is checked before the library is loaded.
The names and types are those of xrt/xrt_device.h, xrt_bo.h and xrt_kernel.h, which XRT has kept from 2.11 to 2.19.
"""

from __future__ import annotations

import ctypes
import os
import re
import weakref
from collections.abc import Callable
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_ubyte, c_uint, c_uint32, c_uint64, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

from runtime import forks
from runtime.errors import DeviceError

LIBRARY = "libxrt_coreutil.so.2"
MAJOR = 2  # of XRT, and of the xclbins it takes
SHIMS = {"": "libxrt_core.so.2", "hw_emu": "libxrt_hwemu.so.2", "sw_emu": "libxrt_swemu.so.2", "noop": "libxrt_noop.so.2"}
INSTALLED = Path("/opt/xilinx/xrt")  # where AMD's packages put it
OLDEST = (2, 11)

TO_DEVICE, FROM_DEVICE = 0, 1
COMPLETED, ABORT = 4, 6  # ert_cmd_state; 8, TIMEOUT, is also what newer versions say of a run that has not ended in time
FAILED = {5: "ERROR", 6: "ABORT", 9: "NORESPONSE", 10: "SKERROR", 11: "SKCRASHED"}

_UUID = c_ubyte * 16
_FUNCTIONS: dict[str, tuple[Any, list[Any] | None]] = {
    "xrtDeviceOpen": (c_void_p, [c_uint]),
    "xrtDeviceOpenByBDF": (c_void_p, [c_char_p]),
    "xrtDeviceClose": (c_int, [c_void_p]),
    "xrtDeviceLoadXclbin": (c_int, [c_void_p, c_char_p]),
    "xrtDeviceGetXclbinUUID": (c_int, [c_void_p, _UUID]),
    "xrtPLKernelOpen": (c_void_p, [c_void_p, _UUID, c_char_p]),
    "xrtKernelArgGroupId": (c_int, [c_void_p, c_int]),
    "xrtKernelReadRegister": (c_int, [c_void_p, c_uint32, POINTER(c_uint32)]),
    "xrtKernelWriteRegister": (c_int, [c_void_p, c_uint32, c_uint32]),
    "xrtKernelClose": (c_int, [c_void_p]),
    "xrtBOAlloc": (c_void_p, [c_void_p, c_size_t, c_uint64, c_uint]),
    "xrtBOSubAlloc": (c_void_p, [c_void_p, c_size_t, c_size_t]),
    "xrtBOMap": (c_void_p, [c_void_p]),
    "xrtBOAddress": (c_uint64, [c_void_p]),
    "xrtBOSync": (c_int, [c_void_p, c_int, c_size_t, c_size_t]),
    "xrtBOFree": (c_int, [c_void_p]),
    "xrtRunOpen": (c_void_p, [c_void_p]),
    "xrtRunSetArg": (c_int, None),  # variadic
    "xrtRunStart": (c_int, [c_void_p]),
    "xrtRunState": (c_int, [c_void_p]),
    "xrtRunWaitFor": (c_int, [c_void_p, c_uint]),
    "xrtRunClose": (c_int, [c_void_p]),
    "xrtIniStringSet": (c_int, [c_char_p, c_char_p]),
}


class Handle:
    """Something of XRT's. It is closed once: by `close`, as garbage, or when the process exits; always before what it was made from.

    A forked child shares the parent's open files: closed there, the parent's would be gone as well. So it is closed in the parent only.
    """

    def __init__(self, value: int, close: Callable[[c_void_p], int], *parents: Handle) -> None:
        self.value = c_void_p(value)
        # What is registered here holds the parents, so they cannot become garbage first; at exit, the youngest goes first.
        self._close = weakref.finalize(self, _closed, os.getpid(), close, self.value, parents)

    def close(self) -> None:
        self._close()


def _closed(process: int, close: Callable[[c_void_p], int], value: c_void_p, _parents: tuple[Handle, ...]) -> None:
    if process == os.getpid():
        close(value)


class Library:
    """The functions of XRT; those that make something return a Handle, all raise DeviceError when XRT reports a failure."""

    def __init__(self, path: str) -> None:
        self._library = ctypes.CDLL(path, use_errno=True)
        self.path = path
        self._process: int | None = None  # that has opened a card
        for name, (result, arguments) in _FUNCTIONS.items():
            try:
                function = getattr(self._library, name)
            except AttributeError:
                why = f"version {OLDEST[0]}.{OLDEST[1]} is the oldest that has all this package calls"
                raise DeviceError(path, f"no function {name}", why, "install a newer XRT") from None
            function.restype, function.argtypes = result, arguments
        # PYNQ users read and write registers beside running the kernel; XRT would want the CU to itself for that.
        self.call("xrtIniStringSet", b"Runtime.rw_shared", b"true")
        forks.register(self)

    def after_fork(self) -> None:
        if self._process is not None:
            # At the end of a process XRT closes what is still open, which is the parent's, and waits for threads, which are there.
            # What is registered last is done first: this leaves with the same status, before XRT has its turn.
            process = ctypes.CDLL(None)
            process.on_exit(process._exit, None)

    def check_process(self, where: str) -> None:
        """DeviceError in a child that was forked from a process which had opened a card."""
        if self._process not in (None, os.getpid()):
            why = "the process this one was forked from has opened a card, and what XRT has opened does not work in a forked child"
            fix = "open cards in the child alone, or start processes anew: multiprocessing.set_start_method('spawn')"
            raise DeviceError(where, "a card in a forked process", why, fix)

    def open_device(self, bdf: str | None) -> Handle:
        """The card at a PCIe address, or the first one XRT emulates."""
        self.check_process(bdf or "device 0")
        self._process = os.getpid()
        value = self.call("xrtDeviceOpen", 0) if bdf is None else self.call("xrtDeviceOpenByBDF", bdf.encode())
        if not value:
            raise self.error(bdf or "device 0", "cannot be opened", "check the card with xbutil (xrt-smi) examine, and your rights on it")
        return Handle(value, self._library.xrtDeviceClose)

    def load(self, device: Handle, xclbin: bytes, where: str) -> None:
        if self.call("xrtDeviceLoadXclbin", device.value, xclbin) != 0:
            fix = "see XRT's message above; close what else has the card open, here or in other programs; was it built for this shell?"
            raise self.error(where, "XRT does not load it", fix)

    def open_kernel(self, device: Handle, name: str) -> Handle:
        """A compute unit, `kernel:{cu}`, of what is loaded."""
        uuid = _UUID()
        self.call("xrtDeviceGetXclbinUUID", device.value, uuid)
        value = self.call("xrtPLKernelOpen", device.value, uuid, name.encode())
        if not value:
            raise self.error(name, "cannot be opened", "close other programs that have taken it for themselves")
        return Handle(value, self._library.xrtKernelClose, device)

    def allocate(self, device: Handle, size: int, group: int, where: str) -> Handle:
        value = self.call("xrtBOAlloc", device.value, size, 0, group)
        if not value:
            raise self.error(where, f"no room for {size} bytes", "free buffers, or use smaller batches")
        return Handle(value, self._library.xrtBOFree, device)

    def part(self, buffer: Handle, size: int, offset: int, where: str) -> Handle:
        value = self.call("xrtBOSubAlloc", buffer.value, size, offset)
        if not value:
            raise self.error(where, f"no buffer at offset {offset}", "pass the whole buffer")
        return Handle(value, self._library.xrtBOFree, buffer)

    def open_run(self, kernel: Handle) -> Handle:
        value = self.call("xrtRunOpen", kernel.value)
        if not value:
            raise self.error("kernel", "no run can be made", "see XRT's message above")
        return Handle(value, self._library.xrtRunClose, kernel)

    def check(self, result: int, where: str, what: str, fix: str) -> None:
        if result != 0:
            raise self.error(where, what, fix)

    def call(self, name: str, *arguments: Any) -> Any:
        self.check_process(self.path)
        return getattr(self._library, name)(*arguments)

    @staticmethod
    def error(where: str, what: str, fix: str) -> DeviceError:
        number = ctypes.get_errno()
        return DeviceError(where, what, f"XRT reports: {os.strerror(number)}" if number else "XRT's own message says it", fix)


def mode() -> str:
    """What XRT emulates: noop, sw_emu, hw_emu; nothing with a card."""
    return os.environ.get("XCL_EMULATION_MODE", "")


@cache
def load() -> Library:
    """XRT, once for the process; DeviceError says what is missing."""
    if mode() not in SHIMS:
        why = f"XRT emulates with {', '.join(filter(None, SHIMS))}"
        raise DeviceError("XCL_EMULATION_MODE", repr(mode()), why, "unset it to use a card")
    root = os.environ.get("XILINX_XRT")
    if not root:
        if not INSTALLED.is_dir():
            why = f"it says where XRT is, there is no {INSTALLED} either, and XRT ends the process that loads it without"
            raise DeviceError("XILINX_XRT", "not set", why, "install XRT and source its setup.sh, or use device='emulation'")
        root = os.environ["XILINX_XRT"] = str(INSTALLED)
    if not Path(root).is_dir():
        why = "it names the folder XRT is installed in, and XRT ends the process that loads it without"
        raise DeviceError(f"XILINX_XRT={root}", "there is no such folder", why, "source XRT's setup.sh, or use device='emulation'")
    shim = Path(root, "lib", SHIMS[mode()])
    if not shim.exists():
        why = "XRT loads it from there, and ends the process when it cannot"
        raise DeviceError(str(shim), "there is no such file", why, f"make {shim.parent} hold XRT's libraries, or links to them")
    path = Path(root, "lib", LIBRARY)
    try:
        ctypes.CDLL(str(shim))
        return Library(str(path) if path.exists() else LIBRARY)
    except OSError as error:
        raise DeviceError(str(shim), "cannot be loaded", str(error), "install XRT again, with all it depends on") from None


def version() -> str:
    """2.13.0, of the library that was loaded, from the file's own name; empty where the name has none."""
    loaded = [
        line.split()[-1] for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines() if LIBRARY.split(".so")[0] in line
    ]
    match = re.search(r"\.so\.([0-9][0-9.]*)$", os.path.realpath(loaded[0])) if loaded else None
    return match[1] if match else ""
