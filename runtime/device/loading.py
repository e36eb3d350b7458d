"""Loads of constants: what is known of each compute unit's, and what became of a run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import Enum

import numpy as np
from pynq.buffer import PynqBuffer

from constants.image import Status
from runtime import forks
from runtime.container.manifest import STATUS_BYTES, Manifest
from runtime.device.run import Run
from runtime.errors import DeviceError

REFUSED = 0xFFFFFFFF
"""The first word of a frame's result, and all others, where there are no constants to compute it with."""


class State(Enum):
    """What a compute unit holds, as far as this process knows."""

    NOTHING = "nothing"
    """It was loaded with a bitstream, or an emulation, and nothing since."""
    TRIED = "tried"
    """Somebody loaded constants, be it with success or not: they are not loaded anew."""
    LOST = "lost"
    """They changed while they were loaded."""


class Loads:
    """The states of an xclbin's compute units from when it is loaded to when the next one is."""

    def __init__(self) -> None:
        self.states: dict[str, State] = {}
        self.lock = threading.RLock()  # held for a load that is not the caller's
        forks.register(self)

    def after_fork(self) -> None:
        self.lock = threading.RLock()

    def state(self, unit: str) -> State:
        return self.states.get(unit, State.NOTHING)


class Checked(Run):
    """A run on a network with loaded constants: it has failed if its load was refused, or its frames were."""

    def __init__(self, run: Run, results: PynqBuffer, check: Callable[[int], None]) -> None:
        self._run, self._results, self._check = run, results, check

    def wait(self, timeout: float | None = None) -> bool:
        if not self._run.wait(timeout):
            return False
        allocation = self._results.bo
        if allocation.live:  # else the device was closed, and nothing can be said
            allocation.from_device(self._results.offset, STATUS_BYTES)
            self._check(int(np.asarray(self._results).reshape(-1).view(np.uint8)[:STATUS_BYTES].view("<u4")[0]))
        return True


def refusal(unit: str, manifest: Manifest, status: int) -> DeviceError:
    """Why a load was not taken."""
    words = 0 if manifest.constants is None else manifest.constants.words
    known: dict[int, tuple[str, str, str]] = {
        Status.NO_IMAGE: (
            "no image of constants",
            "what weightsmem points to does not begin as one, or is of another version",
            "pass a buffer with all bytes of a .constants file, and sync it to the device first",
        ),
        Status.OTHER_NETWORK: (
            "constants of another network",
            "the fingerprint in the image is not that of this hardware",
            f"make the image for {manifest.network}: load_parameters takes an npz, too",
        ),
        Status.OTHER_LENGTH: ("an image of another length", f"this network has {words:,} words", "make the image again"),
        Status.DAMAGED: (
            "damaged constants",
            "their checksum is not the one in the header; what was loaded before is kept",
            "sync the buffer to the device before the call, or copy the file again",
        ),
        Status.INTERRUPTED: (
            "constants that changed while they were loaded",
            "their checksum was right when they were checked, and wrong when they were written: what is loaded now is undefined",
            "load again; until then frames are refused",
        ),
    }
    what, why, fix = known.get(status, (f"status {status:#x}", "no load is answered so", "see that the kernel is the one of this xclbin"))
    return DeviceError(f"{unit}: load", what, why, fix)


def nothing_loaded(unit: str) -> DeviceError:
    """Why frames were refused."""
    why = "nothing is loaded: no load was good since the xclbin was, or the last one was broken off"
    return DeviceError(
        unit, "the frames were refused", why, "load constants first: overlay.<cu>.load(image), or Accelerator.load_parameters(path)"
    )
