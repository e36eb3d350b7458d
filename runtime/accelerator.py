"""The short way: an accelerator as an object that turns images into labels. Layout, banks and buffers are its own affair."""

from __future__ import annotations

import os
import threading
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.device import EmulatedDevice
from runtime.driver import load
from runtime.errors import DeviceError, ImageError
from runtime.manifest import Manifest

BATCH_BYTES = 2**24  # of images held on the device at once; larger batches go there in parts
BATCH_FRAMES = 1024


class Accelerator:
    """A loaded accelerator with buffers for a batch; its methods may be called from several threads.

    with Accelerator.open("digits.xclbin") as accelerator:
        labels = accelerator.classify(images)
    """

    def __init__(self, overlay: Any) -> None:
        """`overlay` is a `pynq.Overlay` of an xclbin of resflow."""
        self.overlay = overlay
        self._device = overlay.device
        self._driver = getattr(overlay, self._device.xclbin.manifest.cu)
        self.manifest: Manifest = self._driver.manifest
        self._lock = threading.Lock()
        manifest = self.manifest
        banks = [self._device.bank(argument.bank) for argument in manifest.arguments if argument.bank is not None]
        room = min(BATCH_BYTES, *(bank.size // 4 for bank in banks[:2]))
        frames = max(1, min(BATCH_FRAMES, room // max(manifest.frame_bytes, manifest.label_bytes)))
        self._images = banks[0].allocate((frames, manifest.frame_bytes), np.uint8)
        self._labels = banks[1].allocate((frames, manifest.top), np.uint32)
        self._buffers = [self._images, self._labels]
        if manifest.weights is not None:
            weights = banks[2].allocate(manifest.weights, np.int8)
            weights[:] = self._device.xclbin.weights
            weights.sync_to_device()
            self._buffers.append(weights)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, device: Any = None) -> Accelerator:
        """Load an xclbin; `device` is a PYNQ device, or None or "emulation" for an emulated one of its own.

        XclbinError if the file is damaged or not one of ours, DeviceError if the device cannot take it.
        """
        if isinstance(device, str) and device != "emulation":
            raise DeviceError("device", repr(device), "devices are told by None, 'emulation' or a PYNQ device", "leave device out")
        if device is None or device == "emulation":
            device = EmulatedDevice()
        return cls(load(path, device))

    @property
    def label_names(self) -> tuple[str, ...]:
        """One name per class, or none at all."""
        return self.manifest.label_names

    def classify(self, images: NDArray[np.uint8]) -> NDArray[np.uint32]:
        """Labels (n, top), best first, of images (n, H, W, C); or (top,) of one image (H, W, C). n may be any number."""
        self._check(images, dimensions=(3, 4))
        frames = images.reshape(-1, self.manifest.image_bytes)
        labels = np.empty((len(frames), self.manifest.top), np.uint32)
        with self._lock:
            self._check_open()
            batch = len(self._images)
            for start in range(0, len(frames), batch):
                part = frames[start : start + batch]
                count = len(part)
                self._images[:count, : self.manifest.image_bytes] = part
                self._images[:count].sync_to_device()
                self._driver.call(*self._buffers, count)
                self._labels[:count].sync_from_device()
                labels[start : start + count] = self._labels[:count]
        return labels[0] if images.ndim == 3 else labels

    def trace(self, image: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """What passes between the IPs for one image (H, W, C): codes (H, W, C) after `stem` and every block by its name, then
        `scores` int32 and `labels` uint32. On an emulated device only."""
        self._check(image, dimensions=(3,))
        if not isinstance(self._device, EmulatedDevice):
            why = "a card shows its labels and nothing else"
            raise DeviceError(self.manifest.cu, "trace on a card", why, "open the network's emulation xclbin with device='emulation'")
        with self._lock:
            self._check_open()
            weights = self._buffers[2].device_address if self.manifest.weights else None
            return self._device.trace(image, weights)

    def close(self) -> None:
        """Free the buffers; afterwards the accelerator cannot be used."""
        with self._lock:
            for buffer in self._buffers:
                buffer.freebuffer()
            self._buffers = []

    def __enter__(self) -> Accelerator:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _check(self, images: NDArray[np.uint8], *, dimensions: tuple[int, ...]) -> None:
        shape = tuple(self.manifest.image)
        is_array = isinstance(images, np.ndarray)
        if not is_array or images.dtype != np.uint8 or images.shape[-3:] != shape or images.ndim not in dimensions:
            found = f"{images.dtype} {images.shape}" if is_array else f"a {type(images).__name__}"
            wanted = " or ".join(f"uint8 {'(n, ' if n == 4 else '('}{', '.join(map(str, shape))})" for n in dimensions)
            raise ImageError("images", found, f"{self.manifest.network} takes {wanted}", "resize and convert them first")

    def _check_open(self) -> None:
        if not self._buffers:
            raise DeviceError(self.manifest.cu, "used after close", "its buffers are freed", "open the xclbin again")
