"""What an accelerator works with: lanes, which are compute units with their weights, and slots, which are buffers for a batch on one."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pynq.buffer import PynqBuffer

from runtime import forks
from runtime.container.axlf import Protocol
from runtime.container.manifest import WORD_BYTES, Manifest, Role
from runtime.device.buffers import BufferTarget
from runtime.device.driver import Driver
from runtime.device.loading import State
from runtime.device.memory import PAGE_BYTES
from runtime.device.run import Run
from runtime.errors import DeviceError

SLOT_BYTES = 2**24  # of images in one slot; larger batches go in parts
SLOT_FRAMES = 1024
SETTLE_SECONDS = 5.0
MOST_OVERLAP = 12  # runs in one compute unit
CLASSIFY_SLOTS = 2  # on each compute unit, for `classify`: one is filled while the other runs
OTHER_SLOTS = 2  # besides those of the runs a compute unit works on
SHARE = 16  # of a bank that one slot may take


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parameters:
    """What can be put into a device that is loaded."""

    image: bytes | memoryview | None  # of its constants; None: they are part of the hardware
    weights: NDArray[np.int8] | None  # of the fully connected layer; None: they are not read from memory


class Lane:
    """A compute unit with its parameters in place, or put there again when its xclbin was loaded again."""

    def __init__(self, device: Any, driver: Driver) -> None:
        self.device, self.driver = device, driver
        self.manifest: Manifest = driver.manifest
        self._banks = {role: BufferTarget(device, self.manifest.digest, tag) for role, tag in driver.unit.banks.items()}
        xclbin = driver.loaded.xclbin
        self.parameters = Parameters(image=xclbin.image, weights=xclbin.weights)  # that are in place
        self.weights: PynqBuffer | None = None  # what the kernel is given the address of beside a batch
        self._lock = threading.RLock()  # so that no run is started with the constants of one set and the weights of another
        forks.register(self)
        self.place()

    def after_fork(self) -> None:
        self._lock = threading.RLock()

    def place(self) -> None:
        """Put its parameters into the device, unless they are there."""
        with self._lock:
            if Role.WEIGHTS in self.driver.unit.banks and (self.weights is None or not self.weights.bo.live):
                self._place_weights()
            if self.parameters.image is not None and self.device.loads.state(self.driver.unit.name) is State.NOTHING:
                self.driver.load(self.parameters.image)

    def load(self, parameters: Parameters) -> None:
        """Put others there: runs that were started before have the earlier ones, all later runs these. DeviceError if the device refuses
        them: then the earlier ones stay, unless the error says otherwise."""
        with self._lock:
            if parameters.image is not None:
                self.driver.load(parameters.image)
            self.parameters = parameters
            # Those of before stay in their buffer for as long as a run reads them.
            if parameters.weights is not None:
                self._place_weights()

    def _place_weights(self) -> None:
        matrix = self.parameters.weights
        # Where everything is loaded, nothing is read there but an image.
        weights = self._banks[Role.WEIGHTS].allocate(WORD_BYTES if matrix is None else matrix.shape, np.int8)
        if matrix is not None:
            weights[:] = matrix
            weights.sync_to_device()
        self.weights = weights

    @property
    def most_frames(self) -> int:
        """Of one slot, so that several find room in the banks."""
        banks = [self._banks[role] for role in (Role.IMAGES, Role.LABELS)]
        room: int = min(SLOT_BYTES, *((bank.size - self._held(bank)) // SHARE for bank in banks))
        return max(1, min(SLOT_FRAMES, room // max(self.manifest.frame_bytes, self.manifest.result.stride_bytes)))

    def _held(self, bank: BufferTarget) -> int:
        """Bytes of a bank that are not for slots: of weights, and of others, with an image, while they are loaded."""
        if self.weights is None or self.weights.bo.bank is not bank.memory:
            return 0
        constants = self.manifest.constants
        size: int = -(-self.weights.nbytes // PAGE_BYTES) * PAGE_BYTES
        return size if constants is None else 2 * size + constants.image_bytes + PAGE_BYTES

    @property
    def overlaps(self) -> bool:
        """Whether the compute unit begins a run before the one before has ended."""
        return self.driver.unit.protocol is Protocol.AP_CTRL_CHAIN

    def overlap(self, frames: int) -> int:
        """How many runs of so many frames the compute unit works on at once: as many as fill its pipeline, if they may overlap."""
        manifest = self.manifest
        if not self.overlaps or manifest.latency_cycles is None:
            return 1
        wanted = -(-manifest.latency_cycles // (frames * manifest.cycles_per_frame))
        return max(1, min(MOST_OVERLAP, wanted, self._room(frames) - OTHER_SLOTS))

    def _room(self, frames: int) -> int:
        """How many slots of so many frames the banks have room for, beside those of `classify`."""
        banks = {bank.tag: bank for bank in self._banks.values()}
        taken, needed = (self._slot_bytes(count) for count in (self.most_frames, frames))
        return min(
            (bank.size - self._held(bank) - CLASSIFY_SLOTS * taken[tag]) // needed[tag] for tag, bank in banks.items() if tag in needed
        )

    def _slot_bytes(self, frames: int) -> Counter[str]:
        """What a slot takes of each bank, by its tag; a buffer starts at a page."""
        needed: Counter[str] = Counter()
        for role in (Role.IMAGES, Role.LABELS):
            needed[self.driver.unit.banks[role]] += self.manifest.buffer_bytes(role, frames) + PAGE_BYTES
        return needed

    def slot(self, frames: int) -> Slot:
        return Slot(self, frames)

    def slots(self, frames: int) -> list[Slot]:
        """As many as keep the compute unit busy: for the runs it works on, one that waits to run, and one that is filled or emptied."""
        return [self.slot(frames) for _ in range(self.overlap(frames) + OTHER_SLOTS)]

    def start(self, images: PynqBuffer, labels: PynqBuffer, frames: int) -> Run:
        """Start the kernel on buffers of this lane, and on its weights if it reads any."""
        with self._lock:
            weights = () if self.weights is None else (self.weights,)
            return self.driver.start(images, labels, *weights, frames)

    def buffers(self, frames: int) -> tuple[PynqBuffer, PynqBuffer]:
        """For the images and the results of so many frames."""
        images = self._banks[Role.IMAGES].allocate((frames, self.manifest.frame_bytes), np.uint8)
        return images, self._banks[Role.LABELS].allocate((frames, self.manifest.result.words), np.uint32)


class Slot:
    """Room for one batch on one compute unit: write, start, wait, read. Used by one thread at a time."""

    def __init__(self, lane: Lane, frames: int) -> None:
        self.lane, self.frames = lane, frames  # most it takes
        self._count = 0
        self._run: Run | None = None
        self._allocate()

    def _allocate(self) -> None:
        self._images, self._labels = self.lane.buffers(self.frames)
        # Plain arrays: a slice of a PYNQ buffer costs more than the copy of a small image.
        self._image_bytes, self._label_words = np.asarray(self._images), np.asarray(self._labels)

    def write(self, images: NDArray[np.uint8] | Sequence[NDArray[np.uint8]]) -> None:
        """Images (n, H, W, C), or n of (H, W, C), into the device's memory."""
        # Lost if the xclbin was loaded again. No one else refers to these buffers, so they are allocated anew.
        self.lane.place()
        if not (self._images.bo.live and self._labels.bo.live):
            self._allocate()
        size = self.lane.manifest.image_bytes
        self._count = len(images)
        if isinstance(images, np.ndarray):
            self._image_bytes[: self._count, :size] = images.reshape(-1, size)
        else:
            for row, image in zip(self._image_bytes, images, strict=False):
                row[:size] = image.reshape(-1)
        (self._images if self._count == self.frames else self._images[: self._count]).sync_to_device()

    def start(self) -> Run:
        """Start the kernel on what was written."""
        self._run = self.lane.start(self._images, self._labels, self._count)
        return self._run

    @property
    def done(self) -> bool:
        """Whether what was started has ended, if anything was; failed runs have."""
        try:
            return self._run is None or self._run.done
        except DeviceError:
            return True

    def wait(self) -> None:
        """Wait for what was started; DeviceError if it failed."""
        if self._run is not None:
            self._run.wait()
            self._run = None

    def settle(self) -> None:
        """Wait for what was started, however it ends; for a while, in case the device does not answer any more."""
        run, self._run = self._run, None
        if run is not None:
            with suppress(DeviceError):
                run.wait(SETTLE_SECONDS)

    def read(self) -> tuple[NDArray[np.uint32], NDArray[Any] | None]:
        """The labels (n, top) from the device's memory, and their scores where the kernel gives them."""
        (self._labels if self._count == self.frames else self._labels[: self._count]).sync_from_device()
        manifest = self.lane.manifest
        return manifest.result.unpack(self._label_words[: self._count], manifest.top)

    def free(self) -> None:
        self._images.freebuffer()
        self._labels.freebuffer()


class Pool:
    """Slots for several threads: who takes one must put it back. The lanes come up in turn, and so do threads that wait."""

    def __init__(self, name: str, slots: Iterable[Slot]) -> None:
        self._name = name
        self._slots = tuple(slots)
        self._free = deque(self._slots)
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()  # first come, first served
        self._closed = False
        forks.register(self)

    def after_fork(self) -> None:
        """The threads that had taken slots are in the parent."""
        self._changed, self._waiting = threading.Condition(), deque()
        self._free = deque(self._slots)

    def take(self, *, wait: bool) -> Slot | None:
        """A free slot; None if there is none and it is not to be waited for."""
        with self._changed:
            if not wait:
                self.check_open()
                return self._free.popleft() if self._free and not self._waiting else None
            turn = object()
            self._waiting.append(turn)
            try:
                while not self._closed and not (self._free and self._waiting[0] is turn):
                    self._changed.wait()
                self.check_open()
                return self._free.popleft()
            finally:
                self._waiting.remove(turn)
                if self._waiting:
                    self._changed.notify_all()

    def put(self, slot: Slot) -> None:
        with self._changed:
            self._free.append(slot)
            self._changed.notify_all()

    def check_open(self) -> None:
        if self._closed:
            raise DeviceError(self._name, "used after close", "its buffers are freed", "open the xclbin again")

    def close(self) -> bool:
        """Free the slots once all are back; whether they were not freed before."""
        with self._changed:
            first, self._closed = not self._closed, True
            self._changed.notify_all()
            while len(self._free) < len(self._slots):
                self._changed.wait()
            while self._free:
                self._free.popleft().free()
            self._slots = ()
            return first
