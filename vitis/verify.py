"""Compares the emulated accelerator with the reference, through the same PYNQ calls as for a card."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import runtime
from codegen.errors import ToolError
from dataflow.design import Design
from hls.vectors import parameter_sets
from network import reference
from network.images import Images
from network.parameters import Parameters, save


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    traced: int  # images of which every code was compared
    loads: int  # parameters with which it was, one after the other
    codes: int  # codes compared
    classified: int
    correct: int | None  # None where the true labels are not known

    @property
    def accuracy(self) -> str:
        if self.correct is None:
            return f"{self.classified} images classified; there are no true labels to compare with"
        return f"accuracy {self.correct / self.classified:.1%}: {self.correct} of {self.classified} images in integer arithmetic"


def verify(design: Design, parameters: Parameters, xclbin: Path, images: Images, frames: int) -> Verdict:
    """Classify all images with the xclbin; compare every code of the first `frames`, and the labels and scores of all, with the reference.

    Where constants are loaded, codes are compared with those that C simulation loads, too. Raises ToolError if they differ.
    """
    network, shown = design.network, images.images[:frames]
    traced = reference.trace(network, parameters, images.images)
    expected = traced["labels"]

    def differs(image: int, what: str, emulated: object, wanted: object) -> ToolError:
        difference = f"image {image}: {what}: {emulated} in emulation, {wanted} in the reference"
        return ToolError(str(xclbin), difference, why="both compute the same integers, so one of them is wrong", fix="report it")

    def compare(wanted: Mapping[str, NDArray[Any]]) -> int:
        """The codes of the images shown; returns their number."""
        for i, image in enumerate(shown):
            for name, codes in accelerator.trace(image).items():
                if not np.array_equal(codes, wanted[name][i]):
                    place = tuple(int(p) for p in np.argwhere(codes != wanted[name][i])[0])
                    raise differs(i, f"{name} at {place}", codes[place], wanted[name][i][place])
        return sum(codes[: len(shown)].size for codes in wanted.values())

    with runtime.Accelerator.open(xclbin) as accelerator, tempfile.TemporaryDirectory() as folder:
        scores = None
        if network.head.gives_scores:
            labels, scores = accelerator.classify(images.images, scores=True)
        else:
            labels = accelerator.classify(images.images)
        compared = [compare(traced)]
        for other in parameter_sets(design, parameters) if network.loads else ():
            save(Path(folder) / "other.npz", other)
            accelerator.load_parameters(Path(folder) / "other.npz")
            compared.append(compare(reference.trace(network, other, shown)))
    for i in np.flatnonzero((labels != expected).any(axis=1)):
        raise differs(int(i), "labels", labels[i].tolist(), expected[i].tolist())
    if scores is not None:
        best = np.take_along_axis(traced["scores"], expected.astype(np.int64), axis=1)
        for i in np.flatnonzero((scores != best).any(axis=1)):
            raise differs(int(i), "scores", scores[i].tolist(), best[i].tolist())
    correct = None if images.labels is None else int((labels[:, 0] == images.labels).sum())
    return Verdict(traced=len(shown), loads=len(compared), codes=sum(compared), classified=len(labels), correct=correct)
