"""Compares the emulated accelerator with the reference, through the same PYNQ calls as for a card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

import runtime
from codegen.errors import ToolError
from network import reference
from network.images import Images
from network.model import Network
from network.parameters import Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    traced: int  # images of which every code was compared
    codes: int  # codes compared
    classified: int
    correct: int | None  # None where the true labels are not known

    @property
    def accuracy(self) -> str:
        if self.correct is None:
            return f"{self.classified} images classified; there are no true labels to compare with"
        return f"accuracy {self.correct / self.classified:.1%}: {self.correct} of {self.classified} images in integer arithmetic"


def verify(network: Network, parameters: Parameters, xclbin: Path, images: Images, frames: int) -> Verdict:
    """Classify all images with the xclbin; compare every code of the first `frames`, and the labels and scores of all, with the reference.

    Raises ToolError if they differ.
    """
    frames = min(frames, len(images.images))
    traced = reference.trace(network, parameters, images.images)
    expected = traced["labels"]

    def differs(image: int, what: str, emulated: object, wanted: object) -> ToolError:
        difference = f"image {image}: {what}: {emulated} in emulation, {wanted} in the reference"
        return ToolError(str(xclbin), difference, why="both compute the same integers, so one of them is wrong", fix="report it")

    with runtime.Accelerator.open(xclbin) as accelerator:
        scores = None
        if network.head.gives_scores:
            labels, scores = accelerator.classify(images.images, scores=True)
        else:
            labels = accelerator.classify(images.images)
        for i in range(frames):
            for name, codes in accelerator.trace(images.images[i]).items():
                if not np.array_equal(codes, traced[name][i]):
                    place = tuple(int(p) for p in np.argwhere(codes != traced[name][i])[0])
                    raise differs(i, f"{name} at {place}", codes[place], traced[name][i][place])
    for i in np.flatnonzero((labels != expected).any(axis=1)):
        raise differs(int(i), "labels", labels[i].tolist(), expected[i].tolist())
    if scores is not None:
        best = np.take_along_axis(traced["scores"], expected.astype(np.int64), axis=1)
        for i in np.flatnonzero((scores != best).any(axis=1)):
            raise differs(int(i), "scores", scores[i].tolist(), best[i].tolist())
    correct = None if images.labels is None else int((labels[:, 0] == images.labels).sum())
    return Verdict(traced=frames, codes=sum(codes[:frames].size for codes in traced.values()), classified=len(labels), correct=correct)
