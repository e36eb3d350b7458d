"""A mixed-integer program, put together row by row and solved by HiGHS: scipy.optimize.milp behind a few words."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

REMARK = re.compile(rb"^Highs\w+::.*\n?", re.MULTILINE)
"""What HiGHS prints in some cases, where a solution becomes infeasible by rounding, although its log is off."""
_quiet = threading.Lock()


class Solution(NamedTuple):
    values: NDArray[np.float64]
    is_optimal: bool  # False: the best that was found in the time given


class TimeUp(RuntimeError):
    """Nothing was found in the time given, and nothing ruled out."""


class Program:
    """Variables are numbers from 0 on, rows are bounds of their weighted sums."""

    def __init__(self) -> None:
        self._bounds: list[tuple[float, float, bool]] = []  # least, most, whether it is a whole number
        self._rows: list[tuple[Mapping[int, float], float, float]] = []
        self._objective: dict[int, float] = {}

    def variables(self, count: int, *, least: float = 0, most: float = 1, whole: bool = False) -> int:
        """The first of so many new variables."""
        self._bounds += [(least, most, whole)] * count
        return len(self._bounds) - count

    def fix(self, variable: int, value: float) -> None:
        self._bounds[variable] = (value, value, False)

    def row(self, weights: Mapping[int, float], *, least: float = -inf, most: float = inf) -> None:
        self._rows.append((weights, least, most))

    def cost(self, variable: int, weight: float) -> None:
        """What a unit of a variable adds to the sum that is minimised."""
        self._objective[variable] = self._objective.get(variable, 0) + weight

    def solve(self, seconds: float | None = None) -> Solution | None:
        """The optimum, or None where there is no solution; raises TimeUp when `seconds` were not enough to tell."""
        from scipy.optimize import Bounds, LinearConstraint, milp  # here: scipy takes half a second to load
        from scipy.sparse import csr_matrix

        entries = [(row, variable, weight) for row, (weights, _, _) in enumerate(self._rows) for variable, weight in weights.items()]
        rows, columns, weights = zip(*entries, strict=True)
        matrix = csr_matrix((weights, (rows, columns)), shape=(len(self._rows), len(self._bounds)))
        least, most, whole = map(np.array, zip(*self._bounds, strict=True))
        objective = np.zeros(len(self._bounds))
        for variable, weight in self._objective.items():
            objective[variable] = weight
        with without_remarks():
            found = milp(
                objective,
                constraints=LinearConstraint(matrix, [low for _, low, _ in self._rows], [high for _, _, high in self._rows]),
                bounds=Bounds(least, most),
                integrality=whole.astype(int),
                options={"mip_rel_gap": 0} | ({} if seconds is None else {"time_limit": seconds}),
            )
        if found.x is not None:
            return Solution(found.x, found.status == 0)
        if found.status == 1:
            raise TimeUp
        return None


@contextmanager
def without_remarks() -> Iterator[None]:
    """Keep HiGHS's remarks off standard output, which C++ writes past Python; what other threads print meanwhile comes out after it."""
    with _quiet, contextlib.ExitStack() as stack:
        try:
            shown = os.dup(1)
        except OSError:  # closed, and so nothing is seen anyway
            yield
            return
        stack.callback(os.close, shown)
        kept = os.memfd_create("remarks")
        stack.callback(os.close, kept)
        libc = ctypes.CDLL(None)
        libc.fflush(None)
        os.dup2(kept, 1)
        try:
            yield
        finally:
            libc.fflush(None)  # C's standard output has a buffer of its own
            os.dup2(shown, 1)
            os.lseek(kept, 0, os.SEEK_SET)
            with open(kept, "rb", closefd=False) as file:
                rest = REMARK.sub(b"", file.read())
            while rest:
                rest = rest[os.write(1, rest) :]
