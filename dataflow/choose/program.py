"""A mixed-integer program, built constraint by constraint and solved by HiGHS: a small interface to scipy.optimize.milp."""

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
"""What HiGHS prints in spite of its log being off, in some cases where rounding makes a solution infeasible."""
_quiet = threading.Lock()


class Solution(NamedTuple):
    values: NDArray[np.float64]
    is_optimal: bool  # False: the best found within the time limit


class TimeUp(RuntimeError):
    """A limit was reached without a solution or a proof that there is none."""


class Program:
    """Variables are numbered from 0; constraints bound weighted sums of them."""

    def __init__(self) -> None:
        self._bounds: list[tuple[float, float, bool]] = []  # least, most, whether it is an integer
        self._constraints: list[tuple[Mapping[int, float], float, float]] = []
        self._objective: dict[int, float] = {}

    def variables(self, count: int, *, least: float = 0, most: float = 1, integer: bool = False) -> int:
        """Add `count` variables and return the number of the first."""
        self._bounds += [(least, most, integer)] * count
        return len(self._bounds) - count

    def fix(self, variable: int, value: float) -> None:
        self._bounds[variable] = (value, value, False)

    def constraint(self, weights: Mapping[int, float], *, least: float = -inf, most: float = inf) -> None:
        self._constraints.append((weights, least, most))

    def cost(self, variable: int, weight: float) -> None:
        """Add `weight` per unit of a variable to the sum that is minimised."""
        self._objective[variable] = self._objective.get(variable, 0) + weight

    def solve(self, seconds: float | None = None, gap: float = 0, nodes: int | None = None) -> Solution | None:
        """The optimum, or what is within `gap` of it, as a share of its cost; None where there is no solution; raises TimeUp if `seconds`,
        or so many `nodes` of the search tree, were not enough to decide."""
        from scipy.optimize import Bounds, LinearConstraint, milp  # here: scipy takes half a second to load
        from scipy.sparse import csr_matrix

        entries = [(row, variable, weight) for row, (weights, _, _) in enumerate(self._constraints) for variable, weight in weights.items()]
        rows, columns, weights = zip(*entries, strict=True)
        matrix = csr_matrix((weights, (rows, columns)), shape=(len(self._constraints), len(self._bounds)))
        least, most, integer = map(np.array, zip(*self._bounds, strict=True))
        objective = np.zeros(len(self._bounds))
        for variable, weight in self._objective.items():
            objective[variable] = weight
        with without_remarks():
            result = milp(
                objective,
                constraints=LinearConstraint(matrix, [low for _, low, _ in self._constraints], [high for _, _, high in self._constraints]),
                bounds=Bounds(least, most),
                integrality=integer.astype(int),
                options={"mip_rel_gap": gap}
                | ({} if seconds is None else {"time_limit": seconds})
                | ({} if nodes is None else {"node_limit": nodes}),
            )
        if result.x is not None:
            return Solution(result.x, result.status == 0)
        if result.status == 1:
            raise TimeUp
        return None


@contextmanager
def without_remarks() -> Iterator[None]:
    """Keep HiGHS's remarks, which C++ writes directly, off standard output; output of other threads is delayed until the end."""
    with _quiet, contextlib.ExitStack() as stack:
        try:
            shown = os.dup(1)
        except OSError:  # standard output is closed, so nothing is visible anyway
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
            libc.fflush(None)  # C buffers its standard output separately
            os.dup2(shown, 1)
            os.lseek(kept, 0, os.SEEK_SET)
            with open(kept, "rb", closefd=False) as file:
                rest = REMARK.sub(b"", file.read())
            while rest:
                rest = rest[os.write(1, rest) :]
