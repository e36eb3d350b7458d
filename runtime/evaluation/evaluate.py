"""The accuracy of an accelerator: the images of a folder classified, and compared with their labels.

An image that cannot be classified is reported and counted; the others are evaluated all the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import numpy as np

from runtime.errors import EvaluationError, ImageError
from runtime.evaluation.results import Results
from runtime.inference.accelerator import Accelerator

SUFFIXES = (".jpeg", ".jpg", ".png")
BATCH_FRAMES = 64


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
    """Relative paths, as `_name` gives them, of all JPEG and PNG files below `folder`, sorted; links are followed, each folder is entered once."""
    if not folder.is_dir():
        raise EvaluationError(str(folder), "not a folder", "its images are to be evaluated", "name a folder of JPEG or PNG files")
    images: list[str] = []
    entered: set[tuple[int, int]] = set()

    def refuse(error: OSError) -> None:
        raise EvaluationError(str(error.filename), "cannot be read", error.strerror or str(error), "check its permissions")

    for place, folders, files in os.walk(folder, onerror=refuse, followlinks=True):
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in entered:
            folders.clear()
            continue
        entered.add((status.st_dev, status.st_ino))
        images += [_name(os.path.relpath(os.path.join(place, file), folder)) for file in files if file.lower().endswith(SUFFIXES)]
    return sorted(images)


def _name(path: str) -> str:
    """A path as the files of labels and results name it: its bytes are read as UTF-8, in whatever locale."""
    return os.fsencode(path).decode("utf-8", "surrogateescape")


def _path(name: str) -> str:
    return os.fsdecode(name.encode("utf-8", "surrogateescape"))


def _ignore(_: object) -> None:
    """Report to nobody."""


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

    Results are appended to `csv`; those already there count without being computed again. `complain` is called with the error of
    each image that fails, `progress` with the score after every image. EvaluationError if there is nothing to evaluate, or a file is
    invalid; DeviceError from the accelerator.
    """
    manifest = accelerator.manifest
    for image, label in labels.items():
        if not isinstance(label, (int, np.integer)) or isinstance(label, bool) or not 0 <= label < manifest.classes:
            why = f"the labels of {manifest.network} are the numbers 0 to {manifest.classes - 1}"
            raise EvaluationError(image, f"labelled {label!r:.40}", why, "give the number of the class; read_labels finds those of names")
    there = find_images(folder)
    images = [image for image in there if image in labels]
    if not images:
        what = f"none of {len(there):,} images has a label" if there else "no JPEG or PNG file"
        why = f"{len(labels):,} paths, relative to the folder, are labelled"
        raise EvaluationError(str(folder), what, why, "write the paths as they are from there: part/image.jpg label")
    score = Score(k=min(5, manifest.top), images=len(images), unlabelled=len(there) - len(images), missing=len(labels) - len(images))
    start = monotonic()
    with ExitStack() as stack:
        results = stack.enter_context(Results(csv, manifest)) if csv is not None else None
        fresh = []
        for image in images:
            if results is None or image not in results.known:
                fresh.append(image)
                continue
            label, known = results.known[image]
            if label != labels[image]:
                why = f"the labels say {labels[image]}"
                raise EvaluationError(str(csv), f"{image} is labelled {label}", why, "name another file for the results")
            score.count(label, known)
            score.earlier += 1
        progress(score)
        paths = [folder / _path(image) for image in fresh]
        for image, given in zip(fresh, stack.enter_context(closing(accelerator.stream(paths, batch=BATCH_FRAMES))), strict=True):
            if isinstance(given, ImageError):
                score.failed += 1
                complain(given)
            else:
                row = given.tolist()
                if results is not None:
                    results.add([(image, labels[image], row)])
                score.count(labels[image], row)
            score.seconds = monotonic() - start
            progress(score)
    return score
