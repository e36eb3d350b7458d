"""Many images, one after the other, with everything at once: some are decoded, some uploaded, some run, some downloaded.

The thread that asks for results does the uploading and downloading, between which the device works on its own; decoding has
threads of its own. So there is nothing to be waited for but the device, no thread can be left behind, and what the caller's
iterable raises, or Ctrl-C, arrives where the caller is. Nothing is read ahead but one batch more than the buffers hold, and a little
for the decoders.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from runtime.container.manifest import Manifest
from runtime.errors import DeviceError, ImageError
from runtime.inference.images import load
from runtime.inference.lanes import Slot

if TYPE_CHECKING:
    from runtime.inference.accelerator import Accelerator

MOST_DECODERS = 8

Item: TypeAlias = "str | os.PathLike[str] | NDArray[np.uint8]"
Result: TypeAlias = "NDArray[np.uint32] | ImageError"
Scored: TypeAlias = "tuple[NDArray[np.uint32], NDArray[Any]] | ImageError"
Pixels: TypeAlias = "NDArray[np.uint8] | ImageError"


def stream(
    accelerator: Accelerator, items: Iterable[Item], *, batch: int, decoders: int | None, reduced: bool, scores: bool
) -> Generator[Any, None, None]:
    """Labels (top,) of each item, in the order of the items, or the ImageError of an item that is no image the network takes; with
    `scores` pairs of labels and their scores.

    `batch` is the most images of one run; there are fewer when the device would have to wait for more. `decoders` is how many
    threads decode files, as many as there are CPUs if left out. `reduced` lets JPEGs be decoded at a fraction of their size,
    which is faster and changes pixels. DeviceError if the device fails. What `items` raises comes after the results before it.
    Arrays are not copied when they are read: leave one as it is until its result is there.
    """
    for name, value, why in (
        ("batch", batch, "a run has at least one image"),
        ("decoders", 1 if decoders is None else decoders, "images are decoded in at least one thread"),
    ):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise DeviceError(name, f"{value!r:.40}", why, "give a whole number from 1 on")
    threads = decoders or max(1, min(MOST_DECODERS, os.cpu_count() or 1))
    return _results(accelerator, iter(items), batch, threads, reduced, scores)


def _results(
    accelerator: Accelerator, items: Iterator[Item], batch: int, threads: int, reduced: bool, scores: bool
) -> Generator[Any, None, None]:
    """The generator behind `stream`: it allocates nothing before its first result is requested."""
    accelerator.check_open()
    lanes, process = len(accelerator.lanes), os.getpid()
    frames = [min(batch, lane.most_frames) for lane in accelerator.lanes]
    decoding = _Decoding(accelerator.manifest, items, threads, max(frames), reduced)
    slots: list[Slot] = []
    try:
        each = []
        for lane, most in zip(accelerator.lanes, frames, strict=True):
            each.append(lane.slots(most))
            slots += each[-1]
        # Lane after lane, so that batches go round.
        free = deque(slot for turn in zip_longest(*each) for slot in turn if slot is not None)
        running = deque[_Batch]()
        while True:
            accelerator.check_open()
            if os.getpid() != process:
                why = "it was begun in the parent of this forked process, and its threads are there"
                raise DeviceError("stream", "continued in another process", why, "begin a stream in each process")
            # A source that takes its time must not keep results back that are there.
            while decoding.wants_more() and not (running and running[0].slot.done):
                decoding.pull()
                _launch(decoding, free, running, lanes)
            _launch(decoding, free, running, lanes)
            if running:
                results = running[0].results()
                free.append(running.popleft().slot)
                _launch(decoding, free, running, lanes)
                yield from results if scores else map(_labels, results)
            elif not decoding.wait():
                return
    finally:
        decoding.close()
        for slot in slots:
            slot.settle()
            slot.free()


def _labels(result: Scored) -> Result:
    return result if isinstance(result, ImageError) else result[0]


def _launch(decoding: _Decoding, free: deque[Slot], running: deque[_Batch], lanes: int) -> None:
    """Start what is worth starting: full batches, and what there is where a compute unit would have nothing to do."""
    while free:
        wanted = free[0].frames
        ready = decoding.ready(wanted)
        if not ready or (ready < wanted and len(running) >= lanes and not decoding.ended_after(ready)):
            return
        running.append(_Batch(free[0], decoding.take(ready)))
        free.popleft()


class _Batch:
    """Items that go to the device together, and those among them that are no images."""

    def __init__(self, slot: Slot, items: list[Pixels]) -> None:
        self.slot = slot
        images = [item for item in items if not isinstance(item, ImageError)]
        self._errors = [item if isinstance(item, ImageError) else None for item in items]
        self._started = bool(images)
        if images:
            slot.write(images)
            slot.start()

    def results(self) -> list[Scored]:
        """Wait for labels and scores, and put them between the errors; without scores the labels stand for them."""
        self.slot.wait()
        if not self._started:
            return [error for error in self._errors if error is not None]
        labels, scores = self.slot.read()
        rows = zip(labels, labels if scores is None else scores, strict=True)
        return [error or next(rows) for error in self._errors]


class _Decoding:
    """The items that were read and not yet taken, in order, as pixels, errors, or still being decoded."""

    def __init__(self, manifest: Manifest, items: Iterator[Item], threads: int, batch: int, reduced: bool) -> None:
        self._manifest, self._items, self._reduced = manifest, items, reduced
        self._executor = ThreadPoolExecutor(threads, "decode")
        self._batch, self._ahead = batch, batch + 2 * threads  # so that no thread waits while the first image takes its time
        self._arrays = 0  # of those that wait: nothing is gained by reading more of them than the next batch takes
        self._waiting: deque[Future[Pixels] | Pixels] = deque()
        self._known = 0  # of them, from the first on, are decoded
        self._ended = False
        self._failure: BaseException | None = None

    def wants_more(self) -> bool:
        return not self._ended and len(self._waiting) < self._ahead and self._arrays < self._batch

    def pull(self) -> None:
        """Read one item; what reading raises is kept until the items before it are dealt with."""
        try:
            item = next(self._items)
        except StopIteration:
            self._ended = True
        except Exception as error:
            self._ended, self._failure = True, error
        else:
            if isinstance(item, (str, os.PathLike)):
                self._waiting.append(self._executor.submit(self._decode, item))
            else:
                self._waiting.append(self._array(item))
                self._arrays += 1

    def ready(self, most: int) -> int:
        """How many can be taken now."""
        while self._known < min(most, len(self._waiting)):
            item = self._waiting[self._known]
            if isinstance(item, Future) and not item.done():
                break
            self._known += 1
        return min(most, self._known)

    def ended_after(self, count: int) -> bool:
        """Whether nothing comes after so many."""
        return self._ended and len(self._waiting) == count

    def take(self, count: int) -> list[Pixels]:
        self._known -= count
        items = [self._waiting.popleft() for _ in range(count)]
        self._arrays -= sum(not isinstance(item, Future) for item in items)
        return [item.result() if isinstance(item, Future) else item for item in items]

    def wait(self) -> bool:
        """Wait for the next item to be decoded; False when there is none. Raises what reading raised."""
        if self._waiting:
            first = self._waiting[0]
            if isinstance(first, Future):
                first.result()
            return True
        if self._failure is not None:
            raise self._failure
        return not self._ended

    def close(self) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _decode(self, path: str | os.PathLike[str]) -> Pixels:
        try:
            return load(path, self._manifest.image, self._manifest.pictures, reduced=self._reduced)
        except ImageError as error:
            return error

    def _array(self, item: Any) -> Pixels:
        shape = tuple(self._manifest.image)
        if isinstance(item, np.ndarray) and item.dtype == np.uint8 and item.shape == shape:
            return item
        given = f"{item.dtype} {item.shape}" if isinstance(item, np.ndarray) else f"a {type(item).__name__}"
        why = f"{self._manifest.network} takes paths and arrays uint8 ({', '.join(map(str, shape))})"
        return ImageError("image", given, why, "resize and convert it first")
