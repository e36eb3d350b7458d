"""An accelerator as an object that turns images into labels, and takes care of layout, banks and buffers itself."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from contextlib import suppress
from itertools import chain
from types import TracebackType
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from runtime import forks
from runtime.container.manifest import Manifest, Target
from runtime.container.xclbin import Xclbin
from runtime.device.driver import load
from runtime.device.loading import State
from runtime.emulation.device import EmulatedDevice
from runtime.errors import DeviceError, ImageError
from runtime.inference import parameters
from runtime.inference.lanes import CLASSIFY_SLOTS, Lane, Pool, Slot
from runtime.inference.pipeline import Item, Result, Scored, stream
from runtime.xrt import cards
from runtime.xrt.device import XrtDevice


class Accelerator:
    """Loaded compute units, on one device or several, and buffers on them; its methods may be called from several threads.

    In a forked child an emulated one goes on as a copy; one on a card refuses, and is opened in each process for itself.

    with Accelerator.open("digits.xclbin") as accelerator:
        labels = accelerator.classify(images)
    """

    def __init__(self, *overlays: Any) -> None:
        """`overlays` are `pynq.Overlay`s of one xclbin of resflow, each on a device of its own."""
        self.overlay = overlays[0]
        self.devices = tuple(overlay.device for overlay in overlays)
        self._owned: list[XrtDevice | EmulatedDevice] = []
        self.lanes = tuple(Lane(overlay.device, getattr(overlay, unit)) for overlay in overlays for unit in overlay.ip_dict)
        self.manifest: Manifest = self.lanes[0].manifest
        self._pool = Pool(self.manifest.cu, self._slots(CLASSIFY_SLOTS))
        self._swap = threading.Lock()  # one at a time
        forks.register(self)

    def after_fork(self) -> None:
        self._swap = threading.Lock()

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, device: Any = None) -> Accelerator:
        """Load an xclbin.

        `device` is "emulation"; a card by its index, PCIe address or part of its shell's name; "all" cards; a PYNQ device; or a
        list of these, whose compute units then take turns. Left out, RESFLOW_DEVICE says it, or else the file: one for emulation
        is emulated, one for a card goes to the first. XclbinError if the file is damaged or not one of ours, DeviceError if
        there is no such device or it cannot take it.
        """
        devices = _devices(path, device)
        owned = [chosen for chosen, own in devices if own]
        try:
            accelerator = cls(*(load(path, chosen) for chosen, _ in devices))
        except BaseException:
            for chosen in owned:
                chosen.close()
            raise
        accelerator._owned = owned
        return accelerator

    @property
    def label_names(self) -> tuple[str, ...]:
        """One name per class, or none at all."""
        return self.manifest.label_names

    @overload
    def classify(self, images: NDArray[np.uint8], *, scores: Literal[False] = False) -> NDArray[np.uint32]: ...

    @overload
    def classify(self, images: NDArray[np.uint8], *, scores: Literal[True]) -> tuple[NDArray[np.uint32], NDArray[Any]]: ...

    def classify(self, images: NDArray[np.uint8], *, scores: bool = False) -> Any:
        """Labels (n, top), best first, of images (n, H, W, C); or (top,) of one image (H, W, C). n may be any number.

        With `scores` these and their scores, int32 or int64; DeviceError if the accelerator gives none.
        """
        self._check(images, dimensions=(3, 4))
        if scores:
            self.require_scores()
        frames = images if images.ndim == 4 else images[np.newaxis]
        labels = np.empty((len(frames), self.manifest.top), np.uint32)
        kind = self.manifest.result.scores
        values = None if kind is None else np.empty(labels.shape, kind)
        running: deque[tuple[Slot, int]] = deque()  # and where its part begins

        def finish() -> Slot:
            slot, start = running[0]
            slot.wait()
            part, worth = slot.read()
            labels[start : start + len(part)] = part
            if values is not None:
                values[start : start + len(part)] = worth
            running.popleft()
            return slot

        self._pool.check_open()
        start = 0
        try:
            while start < len(frames):
                # Two threads that each hold a slot and wait for another could wait for each other.
                slot = self._pool.take(wait=not running) or finish()
                running.append((slot, start))
                slot.write(frames[start : start + slot.frames])
                slot.start()
                start += slot.frames
            while running:
                self._pool.put(finish())
        except BaseException:
            for slot, _ in running:
                slot.settle()
                self._pool.put(slot)
            raise
        if not scores or values is None:
            return labels[0] if images.ndim == 3 else labels
        return (labels[0], values[0]) if images.ndim == 3 else (labels, values)

    @overload
    def stream(
        self, items: Iterable[Item], *, batch: int = 32, decoders: int | None = None, reduced: bool = False, scores: Literal[False] = False
    ) -> Generator[Result, None, None]: ...

    @overload
    def stream(
        self, items: Iterable[Item], *, batch: int = 32, decoders: int | None = None, reduced: bool = False, scores: Literal[True]
    ) -> Generator[Scored, None, None]: ...

    def stream(
        self, items: Iterable[Item], *, batch: int = 32, decoders: int | None = None, reduced: bool = False, scores: bool = False
    ) -> Generator[Any, None, None]:
        """Labels (top,) of each item in turn, with `scores` these and their scores: paths of image files, or arrays (H, W, C). See
        `runtime.inference.pipeline.stream`."""
        self._pool.check_open()
        if scores:
            self.require_scores()
        return stream(self, items, batch=batch, decoders=decoders, reduced=reduced, scores=scores)

    def require_scores(self) -> None:
        """DeviceError if the kernel gives labels only."""
        if self.manifest.result.scores is None:
            why = f"{self.manifest.network} was built to give labels only"
            raise DeviceError(self.manifest.cu, "no scores", why, "build it with head: {output: scores} in its description")

    def load_parameters(self, path: str | os.PathLike[str]) -> None:
        """Compute with other parameters from now on: those of an npz, or of a .constants image made of one.

        Everything is checked before any device is touched: ParametersError if they are not this network's, or damaged. Then every compute
        unit loads them between two runs; runs that were started before give the answers of the earlier ones, runs that are started when
        this has returned those of the new ones. DeviceError if a device refuses them; all compute units keep the earlier ones then, as far
        as they can. Weights that the host passes with every call are replaced, too, by those of an npz.
        """
        self._pool.check_open()
        with self._swap:
            given = parameters.read(path, self.lanes[0].driver.loaded.xclbin, self.lanes[0].parameters)
            earlier = [(lane, lane.parameters) for lane in self.lanes]
            try:
                for lane in self.lanes:
                    lane.load(given)
            except BaseException:
                for lane, kept in earlier:
                    if lane.parameters is given or lane.device.loads.state(lane.driver.unit.name) is State.LOST:
                        with suppress(DeviceError):
                            lane.load(kept)
                raise

    def trace(self, image: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """What passes between the IPs for one image (H, W, C): codes (H, W, C) after `stem` and every block by its name, then
        what is ranked, `scores`, int32 or int64, and `labels` uint32. On an emulated device only."""
        self._check(image, dimensions=(3,))
        if not isinstance(self.devices[0], EmulatedDevice):
            why = "a card shows its labels and nothing else"
            raise DeviceError(self.manifest.cu, "trace on a card", why, "open the network's emulation xclbin with device='emulation'")
        self._pool.check_open()
        lane = self.lanes[0]
        lane.place()
        trace: dict[str, NDArray[Any]] = lane.driver.loaded.trace(image, None if lane.weights is None else lane.weights.device_address)
        return trace

    def check_open(self) -> None:
        """DeviceError after `close`."""
        self._pool.check_open()

    def close(self) -> None:
        """Free the buffers, when running calls have ended, and give back devices opened here; afterwards it cannot be used."""
        if self._pool.close():
            for lane in self.lanes:
                if lane.weights is not None:
                    lane.weights.freebuffer()
            for device in self._owned:
                device.close()

    def __enter__(self) -> Accelerator:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _slots(self, each: int) -> list[Slot]:
        """Slots of every lane, in turn, so that slots taken one after the other are on different lanes."""
        return list(chain.from_iterable([lane.slot(lane.most_frames) for lane in self.lanes] for _ in range(each)))

    def _check(self, images: NDArray[np.uint8], *, dimensions: tuple[int, ...]) -> None:
        shape = tuple(self.manifest.image)
        is_array = isinstance(images, np.ndarray)
        if not is_array or images.dtype != np.uint8 or images.shape[-3:] != shape or images.ndim not in dimensions:
            given = f"{images.dtype} {images.shape}" if is_array else f"a {type(images).__name__}"
            wanted = " or ".join(f"uint8 {'(n, ' if n == 4 else '('}{', '.join(map(str, shape))})" for n in dimensions)
            first = is_array and images.ndim in dimensions and images.shape[-3:] == (shape[2], *shape[:2])
            fix = "move the channels last: numpy.moveaxis(images, -3, -1)" if first else "resize and convert them first"
            raise ImageError("images", given, f"{self.manifest.network} takes {wanted}", fix)


def _suited(path: str) -> str | int:
    """What the file was built for."""
    manifest = Xclbin.read(path).manifest
    if manifest.target is Target.EMULATION:
        return cards.EMULATION
    if not cards.cards():
        why = f"there is no card here: no device is held by the driver {cards.DRIVER}"
        fix = "open it on a machine with the card, or build and open the network's emulation xclbin"
        raise DeviceError(path, f"built for the card {manifest.platform}", why, fix)
    return 0


def _devices(path: str | os.PathLike[str], device: Any) -> list[tuple[Any, bool]]:
    """The devices meant, and whether they were made here."""
    source = "device "
    if device is None:
        source, device = f"{cards.VARIABLE}=", cards.chosen()
    if device is None:
        device = _suited(os.path.abspath(path))
    if device == "all":
        device = [card.index for card in cards.cards()] or 0
    devices: list[tuple[Any, bool]] = []
    for one in device if isinstance(device, Sequence) and not isinstance(device, str) else [device]:
        if one == cards.EMULATION:
            devices.append((EmulatedDevice(), True))
        elif isinstance(one, (str, int)) and not isinstance(one, bool):
            devices.append((XrtDevice(cards.find(one, source)), True))
        else:
            devices.append((one, False))
    if not devices:
        raise DeviceError("device", "an empty list", "an accelerator runs on at least one", "name a device")
    return devices
