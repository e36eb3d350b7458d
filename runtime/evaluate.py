"""How good an accelerator is: the images of a folder classified, and held against the labels they have.

Images are decoded in a few threads ahead of the accelerator, never more than fit into a few batches. What is wrong with an
image is told and counted, and the others go on.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from runtime.accelerator import Accelerator
from runtime.errors import EvaluationError, ImageError
from runtime.images import load
from runtime.results import Results

SUFFIXES = (".jpeg", ".jpg", ".png")
BATCH_FRAMES, BATCH_BYTES = 64, 2**24
DECODERS = 4

Pixels = NDArray[np.uint8]


@dataclass(slots=True, kw_only=True)
class Score:
    """What came out so far; images are counted once."""

    k: int  # the label is among the first k of top-k
    images: int  # that have a label
    earlier: int = 0  # taken from the results file
    evaluated: int = 0  # these included
    top1: int = 0
    topk: int = 0
    failed: int = 0
    unlabelled: int = 0  # images in the folder
    missing: int = 0  # labels without an image
    seconds: float = 0.0

    def count(self, label: int, given: Sequence[int]) -> None:
        self.evaluated += 1
        self.top1 += label == given[0]
        self.topk += label in given[: self.k]

    @property
    def table(self) -> str:
        """The closing table; at least one image must have been evaluated."""

        def share(right: int) -> str:
            return f"{right / self.evaluated:7.2%}  {right:,} of {self.evaluated:,}"

        rows = [("top-1", share(self.top1))]
        if self.k > 1:
            rows.append((f"top-{self.k}", share(self.topk)))
        evaluated = f"{self.evaluated:,} of {self.images:,} evaluated"
        if self.earlier:
            evaluated += f", {self.earlier:,} of them earlier"
        counts = {"failed": self.failed, "without a label": self.unlabelled, "labelled but not there": self.missing}
        rows.append(("images", ", ".join([evaluated, *(f"{count:,} {what}" for what, count in counts.items() if count)])))
        fresh = self.evaluated - self.earlier
        if fresh:
            rows.append(("time", f"{self.seconds:.1f} s, {fresh / max(self.seconds, 1e-9):,.1f} images/s"))
        return "\n".join(f"{name:8}{text}" for name, text in rows)


def find_images(folder: Path) -> list[str]:
    """Relative paths of all JPEG and PNG files below `folder`, sorted; links are followed, each folder is entered once."""
    if not folder.is_dir():
        raise EvaluationError(str(folder), "not a folder", "its images are to be evaluated", "name a folder of JPEG or PNG files")
    found: list[str] = []
    entered: set[tuple[int, int]] = set()

    def refuse(error: OSError) -> None:
        raise EvaluationError(str(error.filename), "cannot be read", error.strerror or str(error), "check its permissions")

    for place, folders, files in os.walk(folder, onerror=refuse, followlinks=True):
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in entered:
            folders.clear()
            continue
        entered.add((status.st_dev, status.st_ino))
        found += [os.path.relpath(os.path.join(place, file), folder) for file in files if file.lower().endswith(SUFFIXES)]
    return sorted(found)


def _ignore(_: object) -> None:
    """Nobody is told."""


def evaluate(
    accelerator: Accelerator,
    folder: Path,
    labels: Mapping[str, int],
    *,
    csv: Path | None = None,
    complain: Callable[[ImageError], None] = _ignore,
    progress: Callable[[Score], None] = _ignore,
) -> Score:
    """Classify the images of `folder` that `labels` names, by relative path, and count what is right.

    Results are appended to `csv`; those already there count without being computed again. `complain` is told of images that
    fail, `progress` of the score after every batch. EvaluationError if there is nothing to evaluate, or files are not as they
    must be; DeviceError from the accelerator.
    """
    manifest = accelerator.manifest
    found = find_images(folder)
    images = [image for image in found if image in labels]
    if not images:
        what = f"none of {len(found):,} images has a label" if found else "no JPEG or PNG file"
        why = f"{len(labels):,} paths, relative to the folder, are labelled"
        raise EvaluationError(str(folder), what, why, "write the paths as they are from there: part/image.jpg label")
    score = Score(k=min(5, manifest.top), images=len(images), unlabelled=len(found) - len(images), missing=len(labels) - len(images))
    start = monotonic()
    with ExitStack() as stack:
        results = stack.enter_context(Results(csv, manifest)) if csv is not None else None
        fresh = []
        for image in images:
            if results is None or image not in results.known:
                fresh.append(image)
                continue
            label, given = results.known[image]
            if label != labels[image]:
                why = f"the labels say {labels[image]}"
                raise EvaluationError(str(csv), f"{image} is labelled {label}", why, "name another file for the results")
            score.count(label, given)
            score.earlier += 1
        progress(score)
        frames = max(1, min(BATCH_FRAMES, BATCH_BYTES // manifest.image_bytes))
        batch: list[str] = []
        pixels: list[Pixels] = []

        def classify() -> None:
            if batch:
                given = accelerator.classify(np.stack(pixels)).tolist()
                rows = [(image, labels[image], row) for image, row in zip(batch, given, strict=True)]
                if results is not None:
                    results.add(rows)
                for _, label, row in rows:
                    score.count(label, row)
                batch.clear()
                pixels.clear()
            score.seconds = monotonic() - start
            progress(score)

        for image, decoded in stack.enter_context(closing(_decode(folder, fresh, accelerator, ahead=2 * frames))):
            if isinstance(decoded, ImageError):
                score.failed += 1
                complain(decoded)
                progress(score)
                continue
            batch.append(image)
            pixels.append(decoded)
            if len(batch) == frames:
                classify()
        classify()
    return score


def _decode(
    folder: Path, images: list[str], accelerator: Accelerator, ahead: int
) -> Generator[tuple[str, Pixels | ImageError], None, None]:
    """The images in order, or what is wrong with them; at most `ahead` are decoded before they are asked for."""

    def decode(image: str) -> Pixels | ImageError:
        try:
            return load(folder / image, accelerator.manifest.image)
        except ImageError as error:
            return error

    with ThreadPoolExecutor(min(DECODERS, os.cpu_count() or 1), "decode") as executor:
        waiting: deque[tuple[str, Future[Pixels | ImageError]]] = deque()
        rest = iter(images)
        try:
            while True:
                while len(waiting) < ahead and (image := next(rest, None)) is not None:
                    waiting.append((image, executor.submit(decode, image)))
                if not waiting:
                    return
                image, future = waiting.popleft()
                yield image, future.result()
        finally:
            executor.shutdown(wait=True, cancel_futures=True)
