"""Rational numbers, one or one a channel: arrays of `fractions.Fraction`, since a float32 constant is a rational number exactly."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

Exact = NDArray[np.object_]
"""(1,) or (channels,) of Fraction; a single one holds for every channel."""
ROOT_BITS = 128
"""Binary places of square roots that are irrational: far finer than any float, so that no threshold depends on them."""

_fraction = np.frompyfunc(Fraction, 1, 1)


def exact(values: Any) -> Exact:
    """Any numbers as Fractions, in the same shape but for scalars, which become (1,); ValueError where one is not finite."""
    array = np.asarray(values)
    if array.dtype != object:
        if array.dtype.kind not in "iufb" or not np.isfinite(array).all():
            raise ValueError("a constant is not a finite number")
        # item by item through Python's own numbers: Fraction takes no numpy integers
        array = np.array(array.reshape(-1).tolist() or [], object).reshape(array.shape) if array.size else array.astype(object)
    return np.atleast_1d(_fraction(array)) if array.size else array


def same(values: Exact) -> Exact:
    """One number where all channels have the same."""
    return values[:1] if len(values) > 1 and all(value == values[0] for value in values) else values


def root(value: Fraction) -> Fraction:
    """The square root: exact where it is rational, else to ROOT_BITS significant binary places."""
    product = value.numerator * value.denominator
    whole = isqrt(product)
    if whole * whole == product:
        return Fraction(whole, value.denominator)
    shift = ROOT_BITS
    return Fraction(isqrt(product << 2 * shift), value.denominator << shift)


def is_whole(values: Exact) -> bool:
    return all(value.denominator == 1 for value in values.reshape(-1))


def is_power_of_two(value: Fraction) -> bool:
    return value > 0 and (value.numerator & value.numerator - 1, value.denominator & value.denominator - 1) == (0, 0)


def simplest_between(low: Fraction, high: Fraction | None) -> Fraction:
    """The fraction with the smallest numerator and denominator in the open interval; `high` None is infinity. 0 <= low < high."""
    whole = low.numerator // low.denominator
    if high is None or whole + 1 < high:
        return Fraction(whole + 1)
    # Both lie within [whole, whole + 1]: the simplest is whole + 1 / the simplest between the reciprocals of what is left.
    left, right = low - whole, high - whole
    return whole + 1 / simplest_between(1 / right, None if left == 0 else 1 / left)
