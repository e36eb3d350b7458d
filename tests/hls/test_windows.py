"""Sliding windows of every kind, and what takes and brings several pixels at once, in C simulation: every code, and every firing.

Many random ones are one IP, side by side, since most of the time goes into compiling it.
"""

import numpy as np

from tests.dataflow.test_firings import require_firings, trace
from tests.hls.together import Case
from tests.rtl.test_alone import FRAMES, side_by_side
from tests.windows import draw_product, draw_raster, draw_sliding


def passes(cases, folder):
    """Simulate units side by side."""
    ip, arrays, vectors = side_by_side(cases)
    for simulated, events in trace([Case("tested", ip, arrays, vectors)], FRAMES, folder):
        require_firings(simulated, events, FRAMES)


def test_random_windows(tmp_path):
    rng = np.random.default_rng(3)
    cases = {f"parallel{i}": draw_sliding(rng, several=True) for i in range(12)}
    cases |= {f"single{i}": draw_sliding(rng, several=False) for i in range(4)}
    passes(cases | {f"raster{i}": draw_raster(rng) for i in range(2)}, tmp_path)


def test_random_products_of_several_taps(tmp_path):
    rng = np.random.default_rng(3)
    passes({f"sums{i}": draw_product(rng) for i in range(4)}, tmp_path)
