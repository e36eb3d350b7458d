"""The emulated device: a card without a card, which PYNQ finds, loads and allocates on like any other."""

from __future__ import annotations

import itertools

from runtime.container.axlf import Mode
from runtime.container.manifest import Target
from runtime.container.xclbin import Xclbin
from runtime.device.base import BaseDevice
from runtime.emulation.session import EmulatedSession
from runtime.errors import DeviceError

_ids = itertools.count()


class EmulatedDevice(BaseDevice):
    """A device that takes emulation xclbins. Every instance is a card of its own, with nothing loaded."""

    _probe_priority_ = 300  # after everything else, so that a board or card stays the default device where there is one

    @classmethod
    def _probe_(cls) -> list[EmulatedDevice]:
        return [cls()]

    def __init__(self) -> None:
        super().__init__(f"emulation{next(_ids)}")

    def check(self, xclbin: Xclbin) -> None:
        if xclbin.manifest.target is not Target.EMULATION or xclbin.axlf.mode != Mode.SW_EMU:
            what = f"built for the card {xclbin.manifest.platform}"
            why = "there is no such card here, and an emulated device runs no bitstream"
            fix = "open it on a machine with the card, or build and open the network's emulation xclbin"
            raise DeviceError(xclbin.path, what, why, fix)

    def load(self, xclbin: Xclbin) -> EmulatedSession:
        return EmulatedSession(xclbin)
