"""Measure the shapes of measured.csv with Yosys and fit the constants of `dataflow.cost.rtl` on them: python -m rtl.measure [--anew]

Shapes that have no counts yet are synthesized, with --anew all of them; then the constants are printed, to be copied into FITTED. What was
synthesized before comes from the cache.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codegen.jobs.cache import Cache, default_root
from codegen.jobs.job import Job
from codegen.jobs.run import do, run_here
from codegen.text.templates import render as render_template
from constants.layout import Role
from dataflow.cost.resources import Resources
from dataflow.cost.rtl import Structure
from dataflow.unit import Constants, Unit
from network.operations import Activation
from rtl.memories import memory_texts
from rtl.modules import fifo_style, memory_files
from rtl.render import FOLDER
from rtl.shapes import FIFO, LOADED, Parameters, Shaped, as_fifo, table, write_table
from rtl.synthesis import STATISTICS, module_job, read_statistics, unit_job

RIDGE = 0.02
"""How strongly constants are drawn towards 1, where they would say that a part is built as it is counted."""


def job(shape: Shaped) -> Job:
    """The synthesis of a shape, with random rows in its ROMs."""
    if shape.implementation == FIFO:
        fifo, bits = as_fifo(Parameters(shape.parameters))
        text = render_template(FOLDER / "templates", "fifo.sv.j2", fifo=fifo, bits=bits, style=fifo_style(fifo, bits))
        return module_job(FIFO, text, {})
    return unit_job(shape.ip, shape.unit, random_memories(shape.unit))


def random_memories(unit: Unit) -> dict[str, str]:
    """Rows of random weights, and of thresholds within their reach, the same ones every time. What is made of thresholds is made of random
    ones: a table ascends, and of a search those of each step lie between those of the steps before."""
    texts: dict[str, str] = {}
    for held in unit.constants:
        if held.holding.loaded:
            continue
        if held.activation is not None and held.role in (Role.BASES, Role.CODES, Role.LEVELS):
            texts |= zip(memory_files(held), memory_texts(held, {held.key: _random_thresholds(held.activation, held.role)}), strict=True)
        else:
            texts |= {file: _random_rows(held) for file in memory_files(held)}
    return texts


def _random_thresholds(activation: Activation, role: Role) -> NDArray[np.int64]:
    """Of each channel: ascending, and of a clip one after the other."""
    (low, high), n = activation.reach, activation.codes.thresholds
    rng = np.random.default_rng(n)
    if role is Role.BASES:
        return rng.integers(low, high, (activation.shape.channels, 1), endpoint=True) + np.arange(n)
    return np.sort(rng.integers(low, high + 1, (activation.shape.channels, n), endpoint=True), axis=1)


def _random_rows(held: Constants) -> str:
    draw, digits = random.Random(held.name), -(-held.row_bits // 4)
    rows = [draw.getrandbits(held.row_bits) for _ in range(held.words)]
    if held.activation is not None and held.role is Role.THRESHOLDS:
        low, high = held.activation.reach
        rows = [
            sum(draw.randint(low, high + 1) % 2**held.element_bits << i * held.element_bits for i in range(held.elements)) for _ in rows
        ]
    return "".join(f"{row:0{digits}x}\n" for row in rows)


def measure(shape: Shaped) -> Shaped:
    """The shape with what Yosys counts of it now; raises ToolError."""
    with tempfile.TemporaryDirectory() as folder:
        outcome = do(job(shape), Path(folder), Cache(default_root()), run_here)
        counted = read_statistics(outcome.folder / STATISTICS)
    return replace(shape, counted=counted.fifos if shape.implementation == FIFO else counted.unit)


def fit(shapes: Sequence[Shaped]) -> dict[str, tuple[tuple[float, ...], tuple[float, ...]]]:
    """By implementation, the constants of LUTs and flip-flops, of the shapes that are not held out."""
    found = {}
    counted = [shape for shape in shapes if shape.counted and not shape.held_out]
    for implementation in dict.fromkeys(shape.implementation for shape in counted):
        of = [shape for shape in counted if shape.implementation == implementation and not shape.loads]
        found[implementation] = _fit([shape.structure for shape in of], [shape.counted for shape in of if shape.counted])
    # Of units with loaded constants, what the fit of the others leaves.
    of = [shape for shape in counted if shape.loads]
    rest = [shape.counted + shape.structure.cost * -1 for shape in of if shape.counted]
    found[LOADED] = _fit([shape.loading for shape in of if shape.loading], rest)
    return found


def _fit(structures: Sequence[Structure], counted: Sequence[Resources]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    luts = _fitted([each.luts for each in structures], [each.lut for each in counted])
    return luts, _fitted([each.ffs for each in structures], [each.ff for each in counted])


def _fitted(parts: Sequence[Sequence[float]], counted: Sequence[int]) -> tuple[float, ...]:
    """Constants of parts, none of them negative, with the least squares of relative errors."""
    weights = 1 / np.maximum(1.0, np.array(counted, dtype=float))
    matrix: NDArray[np.float64] = np.array(parts, dtype=float) * weights[:, None]
    target = np.array(counted, dtype=float) * weights
    # Scaled, so that a constant is drawn to 1 as strongly whether its part is large or small.
    scale = np.maximum(np.sqrt((matrix**2).mean(axis=0)), 1e-9)
    pull = np.diag(RIDGE * np.sqrt(len(counted)) * scale)
    left, right = np.vstack([matrix, pull]), np.concatenate([target, pull.diagonal()])
    used = np.ones(matrix.shape[1], dtype=bool)
    found = np.zeros(matrix.shape[1])
    while True:
        found[:] = 0
        found[used] = np.linalg.lstsq(left[:, used], right, rcond=None)[0]
        if not (found < 0).any():
            return tuple(round(float(each), 3) for each in found)
        used &= found >= 0


def main(arguments: Sequence[str]) -> None:
    anew, shapes = "--anew" in arguments, list(table())
    for i, shape in enumerate(shapes):
        if anew or shape.counted is None:
            shapes[i] = measure(shape)
            print(shape.implementation, shape.parameters, shapes[i].counted, flush=True)
            write_table(shapes)
    print_fit(fit(shapes))


def print_fit(fitted: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]]) -> None:
    for implementation, (luts, ffs) in fitted.items():
        print(f'        "{implementation}": ({luts}, {ffs}),')


if __name__ == "__main__":
    main(sys.argv[1:])
