"""Sliding windows of every kind, and what takes and brings several pixels at once, under Verilator: every code, and the cycle of every beat.

Many random ones are one IP, side by side, since most of the time goes into compiling it.
"""

import numpy as np

from tests.rtl.simulated import needs_verilator, simulate
from tests.rtl.test_alone import FRAMES, side_by_side
from tests.windows import draw_product, draw_raster, draw_sliding

pytestmark = needs_verilator


def test_random_windows(tmp_path):
    rng = np.random.default_rng(8)
    cases = {f"parallel{i}": draw_sliding(rng, several=True) for i in range(12)}
    cases |= {f"single{i}": draw_sliding(rng, several=False) for i in range(4)}
    cases |= {f"sums{i}": draw_product(rng) for i in range(4)}
    ip, arrays, vectors = side_by_side(cases | {f"raster{i}": draw_raster(rng) for i in range(2)})
    assert not simulate(ip, arrays, vectors, FRAMES, tmp_path).hangs
