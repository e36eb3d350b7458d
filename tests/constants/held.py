"""Memories of every role with arrays of parameters for them, as hypothesis draws them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from constants.layout import Layout, Role
from dataflow.units.constants import bias_constants, factor_constants, weight_constants
from network.formats import Format
from network.layers import Fold
from tests.activations import cases, drawn

FORMATS = ["bipolar", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in range(1, 9))]
WAYS = sorted(cases(0))


class Held(NamedTuple):
    """An array of parameters, and the memories that hold it."""

    layouts: tuple[Layout, ...]
    array: np.ndarray


def weights(rng: np.random.Generator, text: str, fold: tuple[int, int, int], folds: tuple[int, int, int]) -> Held:
    """(pe, simd, taps) a cycle, so many times."""
    form, (pe, simd, taps), (out, inner, kernel) = Format.parse(text), fold, folds
    shape = (pe * out, kernel, taps, simd * inner)
    array = rng.integers(form.low, form.high, shape, endpoint=True)
    array = (np.where(array > 0, 1, -1) if text == "bipolar" else array).astype(np.int8 if form.low < 0 else np.uint8)
    held = weight_constants("conv", f"{text}.conv", Fold(pe=pe, simd=simd, taps=taps), form, out * inner * kernel)
    return Held((held.layout,), array)


def activation(rng: np.random.Generator, way: str, seed: int) -> Held:
    case = cases(seed)[way] if "_" in way else drawn(rng, way)
    return Held(tuple(held.layout for held in case.unit.constants), case.thresholds)


@st.composite
def memories(draw: st.DrawFn) -> Held:
    seed = draw(st.integers(0, 2**32))
    rng, small = np.random.default_rng(seed), st.integers(1, 4)
    role = draw(st.sampled_from([Role.WEIGHTS, Role.THRESHOLDS, Role.BIAS, Role.FACTORS]))
    if role is Role.WEIGHTS:
        fold = draw(st.tuples(small, st.integers(1, 20), small))
        return weights(rng, draw(st.sampled_from(FORMATS)), fold, draw(st.tuples(small, small, small)))
    if role is Role.THRESHOLDS:
        return activation(rng, draw(st.sampled_from([*WAYS, "threshold", "clip", "table", "search"])), seed)
    lanes, folds, bits = draw(small), draw(small), draw(st.integers(1, 64))
    if role is Role.BIAS:
        array = rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, lanes * folds, np.int64, endpoint=True)
        return Held((bias_constants("fc", "head.fc", lanes, lanes * folds, bits).layout,), array)
    form = Format.parse(f"uint{bits % 16 + 1}")
    of_a_channel = draw(st.integers(1, 2))
    held = factor_constants("join", "b0.join", lanes, lanes * folds, form, of_a_channel=of_a_channel)
    return Held((held.layout,), rng.integers(0, form.high, (lanes * folds, of_a_channel), endpoint=True))


def same_codes(layout: Layout, thresholds: np.ndarray, others: np.ndarray) -> bool:
    """Whether every value of the reach reaches as many of both: then they are the same where values come."""
    low, high = layout.steps.reach
    return all(
        np.array_equal(*pair)
        for pair in [[np.clip(np.sort(each.astype(np.int64), axis=1), low, high + 1) for each in (thresholds, others)]]
    )
