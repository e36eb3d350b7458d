"""The codes of every quantizer of a graph, from a forward pass of `network.reference`, and their comparison with the graph's own evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from network import reference
from network.importers.onnx import evaluate
from network.importers.onnx.arithmetic.joins import codes_of_pairs
from network.importers.onnx.arithmetic.stages import Quantize, Stage, fused
from network.importers.onnx.arithmetic.thresholds import code_format, thresholds
from network.importers.onnx.convert import Imported
from network.importers.onnx.lowered import Probe
from network.model import Network
from network.operations import Window

MOST_OFF, MOST_SHARE = 1, 0.001
"""How far codes may be from those of onnxruntime's float32 arithmetic, and how many of them."""


class Compared(NamedTuple):
    """How the codes of one tensor of the graph compare."""

    tensor: str
    codes: int
    different: int
    most: int  # largest difference


@dataclass(frozen=True, slots=True)
class Report:
    quantizers: tuple[Compared, ...]
    labels: int  # images whose first label differs
    images: int
    is_exact: bool  # no tolerance

    @property
    def is_equal(self) -> bool:
        """Whether what differs is none, or no more than float arithmetic explains."""
        if self.is_exact:
            return not self.labels and not any(each.different for each in self.quantizers)
        return all(each.most <= MOST_OFF and each.different <= MOST_SHARE * each.codes for each in self.quantizers)


def quantizer_codes(imported: Imported, results: Mapping[str, NDArray[Any]], images: NDArray[np.uint8]) -> dict[str, NDArray[np.int64]]:
    """By the name of the graph's tensor, its codes (frames, height, width, channels), or (frames, channels) behind the last pool.

    `results` are those of `network.reference.everything` on the images.
    """
    values = {"image": images, **results}
    return {probe.tensor: _codes(probe, values) for probe in imported.lowered.probes}


def _limits(last: Quantize) -> tuple[int, int]:
    if last.low is None or last.high is None:
        return -(1 << 15), (1 << 15) - 1
    return int(min(last.low)), int(max(last.high))


def _codes(probe: Probe, values: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
    chain = fused(probe.stages)
    last = chain[-1]
    assert isinstance(last, Quantize)
    found = values[probe.values].astype(np.int64)
    low, high = _limits(last)
    if probe.operands is not None:
        main, other = probe.operands
        codes = low + codes_of_pairs(main, other, chain, range(low + 1, high + 1), found, values[probe.other].astype(np.int64))
    else:
        codes = _activated(chain, found, low, high)
    if last.turned is not None:
        codes = np.where(last.turned, -codes, codes)
    if probe.over_all:
        return np.asarray(codes.max(axis=(1, 2)))
    return _pooled(codes, probe.pool) if probe.pool else codes


def _activated(chain: tuple[Stage, ...], found: NDArray[np.int64], low: int, high: int) -> NDArray[np.int64]:
    flat = found.reshape(-1, found.shape[-1])
    least, most = flat.min(axis=0), flat.max(axis=0)
    levels = thresholds(chain, code_format(low, high), least, most)
    first = code_format(low, high).low
    counts = [np.searchsorted(line, column, side="right") for line, column in zip(levels, flat.T, strict=True)]
    return np.asarray(first + np.stack(counts, axis=-1).reshape(found.shape))


def _pooled(codes: NDArray[np.int64], window: Window) -> NDArray[np.int64]:
    seen = reference.windows(codes, window, (int(codes.min()),))
    return np.asarray(seen.max(axis=(3, 4)))


class _Fed(reference.Forward):
    """A forward pass in which every layer takes the codes of another evaluation, so that differences do not add up."""

    def __init__(self, network: Network, arrays: Mapping[str, NDArray[Any]], given: Mapping[str, NDArray[np.int64]]) -> None:
        super().__init__(network, arrays, keeps_all=True)
        self.given = given

    def keep(self, name: str, values: NDArray[Any]) -> NDArray[Any]:
        given = self.given.get(name)
        return super().keep(
            name, values if given is None or given.size != values.size else given.reshape(values.shape).astype(values.dtype)
        )


def _clamped(probe: Probe, codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """As the layer makes them, which also has the ReLU or clipping behind the quantizer."""
    last = next(stage for stage in reversed(fused((*probe.stages, *probe.behind))) if isinstance(stage, Quantize))
    return np.asarray(np.clip(codes, *_limits(last)))


def _fed(
    imported: Imported,
    network: Network,
    arrays: Mapping[str, NDArray[Any]],
    images: NDArray[np.uint8],
    codes: Mapping[str, NDArray[np.int64]],
) -> dict[str, NDArray[Any]]:
    # The last quantizer of an activation makes its codes; behind a pool they are those of the pool.
    last = {probe.layer: probe for probe in imported.lowered.probes}
    taken = {layer: probe for layer, probe in last.items() if probe.tensor in codes and not probe.over_all}
    given = {
        "stem" if layer == "stem.conv" and probe.pool else layer: _clamped(probe, codes[probe.tensor]) for layer, probe in taken.items()
    }
    forward = _Fed(network, arrays, given)
    forward.run(images)
    return forward.results


def compare(imported: Imported, network: Network, arrays: Mapping[str, NDArray[Any]], images: NDArray[np.uint8]) -> Report:
    """Image by image, to bound the memory. Against onnxruntime each layer is fed onnxruntime's codes, whose float32 rounds otherwise."""
    is_exact = not imported.graph.is_qdq
    run = evaluate.exactly(imported) if is_exact else evaluate.with_onnxruntime(imported)
    sums: dict[str, list[int]] = {}
    labels = 0
    for image in images:
        one = image[None]
        theirs = run(one)
        results = reference.everything(network, arrays, one) if is_exact else _fed(imported, network, arrays, one, theirs.codes)
        own = quantizer_codes(imported, results, one)
        for name, codes in own.items():
            if name not in theirs.codes:
                continue
            difference = np.abs(codes.reshape(-1) - theirs.codes[name].reshape(-1))
            total = sums.setdefault(name, [0, 0, 0])
            total[0] += difference.size
            total[1] += int(np.count_nonzero(difference))
            total[2] = max(total[2], int(difference.max(initial=0)))
        whole = results if is_exact else reference.trace(network, arrays, one)  # a pass fed with other codes has their labels
        labels += int(whole["labels"][0, 0]) != theirs.label
    return Report(tuple(Compared(name, *total) for name, total in sums.items()), labels, len(images), is_exact)
