"""What the kernel computes, bit for bit, on a machine without a card, and the choice of how.

A path is a set of kernels for one instruction set: `amx`, `avx512`, `avx2` or `portable` of the native module, or `numpy`, which
is there without it. On a native path, products of bipolar weights with codes of a few bits are multiplied as bytes (`int8`), or looked
up in tables of the sums of four inputs (`lookup16`) or of six (`lookup64`). All give the same codes; "auto" takes the fastest path this
machine has, and of the products what is fastest in a trial of each shape. Three environment variables say otherwise: RESFLOW_EMULATOR_PATH
and RESFLOW_EMULATOR_PRODUCTS for "auto", RESFLOW_EMULATOR_THREADS where no number of threads is given.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime import forks
from runtime.container.program import Program
from runtime.emulation import lowered
from runtime.emulation.numpy_path import NumpyPath, best, raised, scores
from runtime.errors import DeviceError

try:
    from runtime import _native
except ImportError:  # not compiled, or for another Python
    _native = None  # type: ignore[assignment]

MOST_THREADS = 1024
MOST_INPUTS = 2**18  # of a window, on the native paths, which hold panels of 64 outputs in memory


def available_paths() -> tuple[str, ...]:
    """The paths of this machine, fastest first."""
    return ("numpy",) if _native is None else (*_native.paths(), "numpy")


def available_products(path: str) -> tuple[str, ...]:
    """How a path can find products of bipolar weights with codes of a few bits; numpy has no choice."""
    return () if path == "numpy" else tuple(_native.products(path))


class Emulator:
    """A Program made ready to run; its methods may be called from several threads.

    `path` is one of `available_paths()` or "auto", `products` one of `available_products(path)` or "auto"; layers that cannot be looked up
    are multiplied. `threads` is how many to compute with, by default one on each CPU this process may use. numpy keeps to the threads it
    was configured with.
    """

    def __init__(self, program: Program, *, path: str = "auto", products: str = "auto", threads: int | None = None) -> None:
        self.program = program
        self.path = _path(program, path)
        self.threads = _threads(threads)
        chosen = _products(self.path, products)
        self._numpy = NumpyPath(program) if self.path == "numpy" else None
        self._network = None if self.path == "numpy" else _native.Network(lowered.lowered(program), self.path, self.threads, chosen)
        forks.register(self)

    def after_fork(self) -> None:
        if self._network is not None:
            self._network.after_fork()

    @property
    def layers(self) -> dict[str, str]:
        """The path each convolution takes, and behind a space how it looks products up, if it does: what a path cannot do goes to the next
        below it."""
        if self._network is not None:
            return dict(self._network.layers)
        return {conv.name: self.path for conv in self.program.convs}

    @property
    def ways(self) -> dict[str, str]:
        """How each convolution's sums become codes: by `fixed` point, where they were looked up; by a `line`, or one in `double` precision; `near`, by a line and one threshold; by all
        `levels`; or they stay `sums`. Behind a comma, how a join with thresholds meets them: by a `plane`, or by `levels`."""
        return {} if self._network is None else dict(self._network.ways)

    def run(self, images: NDArray[np.uint8], weights: NDArray[np.int8] | None = None) -> tuple[NDArray[np.uint32], NDArray[Any]]:
        """Labels (frames, top), best first, and what they are ranked by, scores or their codes, int32 or int64 (frames, classes), of
        images (frames, H, W, C).

        `weights` is the fully connected layer's int8 (classes, inputs) matrix if the program has none of its own.
        """
        matrix = self._matrix(weights)
        if self._network is None:
            assert self._numpy is not None
            return self._numpy.run(images, matrix)
        labels, sums = self._network.run(np.ascontiguousarray(images), matrix)
        return (labels, sums) if self._is_ranked else self._ranked(sums)

    def trace(self, image: NDArray[np.uint8], weights: NDArray[np.int8] | None = None) -> dict[str, NDArray[Any]]:
        """What passes between the IPs for one image (H, W, C): `stem`, each block by name, then `scores` and `labels`."""
        matrix = self._matrix(weights)
        if self._network is None:
            assert self._numpy is not None
            return self._numpy.trace(image, matrix)
        codes, labels, sums = self._network.trace(np.ascontiguousarray(image[np.newaxis]), matrix)
        if not self._is_ranked:
            labels, sums = self._ranked(sums)
        shown = {
            name: counts if form.unsigned else raised(counts, form)
            for (name, form), counts in zip(self.program.codes.items(), codes, strict=True)
        }
        return shown | {"scores": sums[0], "labels": labels[0]}

    def profile(self, images: NDArray[np.uint8], weights: NDArray[np.int8] | None = None) -> dict[str, float]:
        """Seconds that one of the threads spends in each layer, and in `entry`, `pool` and `head`; on native paths only."""
        if self._network is None:
            raise DeviceError("profile", "path numpy", "only native paths take times", _native_choice())
        return self._network.profile(np.ascontiguousarray(images), self._matrix(weights))

    def _matrix(self, weights: NDArray[np.int8] | None) -> NDArray[Any]:
        head = self.program.head
        matrix = weights if head.weights is None else head.weights
        if matrix is None:
            raise ValueError("this program streams the weights of its fully connected layer: pass them")
        if self._network is not None and matrix.dtype == np.uint8:
            matrix = (matrix.astype(np.int16) - lowered.LIFT).astype(np.int8)
        return np.ascontiguousarray(matrix)

    @property
    def _is_ranked(self) -> bool:
        """Whether the native paths add the bias and rank the scores: without factors and without codes of scores."""
        return self.program.head.factors is None and self.program.head.output is None

    def _ranked(self, sums: NDArray[np.int32]) -> tuple[NDArray[np.uint32], NDArray[Any]]:
        ranked = scores(self.program.head, sums)
        return best(ranked, self.program.head.top), ranked


PLANES = "planes"


def available_peaks(path: str) -> tuple[str, ...]:
    """The products whose peak can be measured on a native path: what looks up could as well count ones of bit planes."""
    found = available_products(path)
    return (*found, PLANES) if len(found) > 1 else found


def peak(path: str, threads: int, seconds: float = 0.2, products: str = "int8") -> float:
    """Products a second that this machine's instructions reach on a native path, operands in registers: of 8-bit integers, or of bipolar
    weights and 2-bit codes in another of `available_peaks(path)`. PLANES, by AND and counting ones of bit planes, is what no layer does."""
    if path == "numpy" or path not in available_paths():
        raise DeviceError("path", repr(path), "only native paths have a peak", _native_choice())
    found = available_peaks(path)
    if products not in found:
        raise DeviceError("products", repr(products), f"path {path} has no such peak", f"choose from {', '.join(found)}")
    return _native.peak(path, products, threads, seconds)


def _native_choice() -> str:
    native = ", ".join(available_paths()[:-1])
    return f"choose from {native}" if native else "install g++, and resflow again: pip install builds the native module"


def _path(program: Program, path: str) -> str:
    source = "path"
    if path == "auto":
        source, path = "RESFLOW_EMULATOR_PATH", os.environ.get("RESFLOW_EMULATOR_PATH") or "auto"
    paths = available_paths()
    if path == "auto":
        huge = any(conv.weights[0].size > MOST_INPUTS for conv in program.convs)
        return "numpy" if huge or lowered.too_wide(program) else paths[0]
    if path not in paths:
        fix = f"choose from auto, {', '.join(paths)}"
        raise DeviceError(source, repr(path), "this machine, or this installation, has no such path", fix)
    wide = None if path == "numpy" else lowered.too_wide(program)
    if wide is not None:
        why = f"{wide} has sums near the end of 32 bits, and native paths add up signed codes as unsigned ones"
        raise DeviceError(source, repr(path), why, "choose numpy")
    return path


def _products(path: str, products: str) -> str:
    source = "products"
    if products == "auto" and path != "numpy":
        source, products = "RESFLOW_EMULATOR_PRODUCTS", os.environ.get("RESFLOW_EMULATOR_PRODUCTS") or "auto"
    found = ("auto", *available_products(path))
    if products not in found:
        raise DeviceError(source, repr(products), f"path {path} has no such way to products", f"choose from {', '.join(found)}")
    return products


def _threads(threads: int | None) -> int:
    source: str = "threads"
    given: object = threads
    if threads is None:
        source, given = "RESFLOW_EMULATOR_THREADS", os.environ.get("RESFLOW_EMULATOR_THREADS")
        if not given:
            return min(MOST_THREADS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    text = str(given)
    if not text.isdecimal() or len(text) > len(str(MOST_THREADS)) or not 1 <= int(text) <= MOST_THREADS:
        raise DeviceError(
            source, f"{given!r:.60}", f"expected an integer from 1 to {MOST_THREADS}", "give a number of threads, or leave it out"
        )
    return int(text)
