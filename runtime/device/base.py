"""What all our PYNQ devices have in common: PYNQ asks them to read files, to load, to allocate, to sync, to reach registers.

PYNQ 4 finds no PCIe card itself. What it still does is to ask every subclass of its `Device` for devices, and to come to them
for all of that; it does so by the names here.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, NoReturn, Protocol

from pynq import pmbus
from pynq.bitstream import Bitstream
from pynq.buffer import PynqBuffer
from pynq.pl_server.device import Device

from runtime.container.manifest import Role
from runtime.container.xclbin import Unit, Xclbin
from runtime.device.buffers import BufferTarget
from runtime.device.device_info import DeviceInfo
from runtime.device.driver import bind
from runtime.device.loading import Loads
from runtime.device.memory import Allocation, Bank
from runtime.device.metadata import Metadata
from runtime.device.registers import REGISTER_BYTES
from runtime.device.run import Run
from runtime.errors import DeviceError


class Session(Protocol):
    """An xclbin on a device."""

    @property
    def xclbin(self) -> Xclbin: ...

    @property
    def memories(self) -> Mapping[str, Bank]:
        """The banks buffers can be in, by their tags."""

    def read(self, unit: Unit, offset: int, size: int) -> bytes:
        """Registers of a compute unit."""

    def write(self, unit: Unit, offset: int, value: bytes) -> None: ...

    def start(self, unit: Unit, buffers: Mapping[Role, PynqBuffer], frames: int) -> Run:
        """Start a compute unit on checked arguments, after what was started before."""

    def close(self) -> None:
        """Unload; runs come to their end, and buffers cannot be used any more."""


class BaseDevice(Device):  # type: ignore[misc]
    """A device that runs what resflow makes; which xclbins it takes, and what loading means, its subclasses say."""

    def __init__(self, tag: str) -> None:
        super().__init__(tag=tag)
        self.capabilities = {"REGISTER_RW": True}  # makes PYNQ call read_registers and write_registers
        self._now: Session | None = None
        self._timestamps: dict[str, str] = {}
        self.loads = Loads()  # of constants, since the xclbin was loaded

    @property
    def name(self) -> str:
        return str(self.tag)

    @property
    def bdf(self) -> str | None:
        """PCIe address; None for what is emulated."""
        return None

    @property
    def computes(self) -> bool:
        """Whether a run writes results, as all do but those of XRT's noop emulation."""
        return True

    @property
    def device_info(self) -> DeviceInfo:
        """What the device's sensors say now, as PYNQ's power classes (`pynq.pmbus`) ask for it."""
        return DeviceInfo.read(self)

    @property
    def sensors(self) -> dict[str, Any]:
        """PYNQ's power rails by their names, with sensors for `pynq.pmbus.DataRecorder`."""
        rails: dict[str, Any] = pmbus.get_xrt_sysfs_rails(self)
        return rails

    @property
    def xclbin(self) -> Xclbin:
        """What is loaded."""
        return self._loaded.xclbin

    @property
    def _loaded(self) -> Session:
        if self._now is None:
            why = "no overlay was downloaded, or the device was closed since"
            raise DeviceError(self.tag, "nothing is loaded", why, "load an xclbin: pynq.Overlay(path), or overlay.download()")
        return self._now

    def loaded(self, digest: str, where: str) -> Session:
        """What is loaded, if it is the xclbin with this digest: what belongs to one must not reach into another.
        DeviceError, with `where` in front, if it is not."""
        loaded = self._loaded
        if loaded.xclbin.manifest.digest != digest:
            why = f"{self.tag} has another one loaded: {loaded.xclbin.path}"
            fix = "use the overlay that was loaded last, or load this one again: overlay.download()"
            raise DeviceError(where, "its xclbin is not loaded", why, fix)
        return loaded

    @abstractmethod
    def check(self, xclbin: Xclbin) -> None:
        """DeviceError if this device cannot take it."""

    @abstractmethod
    def load(self, xclbin: Xclbin) -> Session:
        """Put it onto the device, on which nothing is loaded now."""

    def get_bitfile_metadata(self, bitfile_name: str) -> Metadata:
        """Read an xclbin, and check whether the device can take it; called by `pynq.Overlay`."""
        xclbin = Xclbin.read(bitfile_name)
        self.check(xclbin)
        bind(xclbin.manifest.vlnv)
        return Metadata(xclbin)

    def download(self, bitstream: Bitstream, parser: Metadata | None = None) -> None:
        """Load an xclbin; called by `pynq.Overlay`. Runs of what was loaded before are waited for, and its buffers lost."""
        metadata = self.get_bitfile_metadata(bitstream.bitfile_name)
        if parser is not None and parser.xclbin.manifest.digest != metadata.xclbin.manifest.digest:
            what, why = (
                "another file than the overlay was made from",
                "it was built or copied anew since, and the overlay describes what it was",
            )
            raise DeviceError(bitstream.bitfile_name, what, why, "make a new overlay: pynq.Overlay(path)")
        self.close()
        self._now = self.load(metadata.xclbin)
        self.post_download(bitstream, metadata)
        # By it PYNQ knows whether an overlay is loaded: so is every overlay of this xclbin.
        self.timestamp = bitstream.timestamp = self._timestamps.setdefault(metadata.xclbin.manifest.digest, bitstream.timestamp)

    def gen_cache(self, bitstream: Bitstream, parser: Metadata | None = None) -> None:
        """Called by `pynq.Overlay(..., gen_cache=True)`, which keeps what took long to read: an xclbin is read in no time."""

    def shutdown(self) -> None:
        """Called by `pynq.PL.shutdown`; what it shuts down, IPs of PYNQ's that guard a board's buses, does not exist here."""

    def close(self) -> None:
        """Unload, and give back what was taken for it; the bytes of buffers can still be read."""
        loaded, self._now, self.loads = self._now, None, Loads()
        if loaded is not None:
            loaded.close()

    def __reduce__(self) -> NoReturn:
        what, why = "a device sent to another process", "what it has loaded, and its buffers, are in this one"
        fix = "open the xclbin in the other process, for example in the initializer of a multiprocessing.Pool"
        raise DeviceError(self.tag, what, why, fix)

    def start(self, unit: Unit, buffers: Mapping[Role, PynqBuffer], frames: int) -> Run:
        """Start a compute unit on checked arguments; called by the driver."""
        return self._loaded.start(unit, buffers, frames)

    def read_registers(self, address: int, length: int) -> bytes:
        unit, offset = self._at(address, length)
        return self._loaded.read(unit, offset, length)

    def write_registers(self, address: int, data: bytes) -> None:
        unit, offset = self._at(address, len(data))
        self._loaded.write(unit, offset, data)

    def _at(self, address: int, size: int) -> tuple[Unit, int]:
        units = self.xclbin.units
        for unit in units:
            offset = address - unit.base
            if 0 <= offset <= REGISTER_BYTES - size:
                return unit, offset
        why = f"the kernel has {REGISTER_BYTES} bytes of registers at {', '.join(f'{unit.base:#x}' for unit in units)}"
        raise DeviceError(self.tag, f"{size} bytes at {address:#x}", why, "correct the offset; what is in memory goes through buffers")

    def get_memory(self, description: dict[str, Any]) -> BufferTarget:
        """The bank behind `overlay.<bank>`; called by `pynq.Overlay`."""
        return BufferTarget(self, description["xclbin"], description["tag"])

    def bank(self, tag: str) -> BufferTarget:
        """A bank of what is loaded, by its name in the manifest."""
        return BufferTarget(self, self.xclbin.manifest.digest, tag)

    @property
    def default_memory(self) -> BufferTarget:
        """Where `pynq.allocate` puts a buffer when none is given: the one bank the accelerator uses, if it is one."""
        banks = self._loaded.memories
        if len(banks) != 1:
            why, fix = f"the accelerator uses {', '.join(banks)}", "pass target=overlay.<bank> to allocate"
            raise DeviceError(self.tag, "a buffer without a bank", why, fix)
        return self.bank(next(iter(banks)))

    # PYNQ's names for syncing. Like XRT, both take `size` bytes from the first element on: meant for contiguous views.

    def flush(self, bo: Allocation, offset: int, _virtual_address: int, size: int) -> None:
        bo.to_device(offset, size)

    def invalidate(self, bo: Allocation, offset: int, _virtual_address: int, size: int) -> None:
        bo.from_device(offset, size)
