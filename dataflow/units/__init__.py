"""The implementations of operations, one module per operation.

An implementation is a function of its place in the IP and the operation: it returns the unit, or raises CannotBuildError if it
does not support the operation. To add one: the function, its row in IMPLEMENTATIONS, its header in the HLS library, its test.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from dataflow.unit import Unit
from dataflow.units.activation import clip, search, table, threshold
from dataflow.units.beats import dwc, fork, raster
from dataflow.units.classify import dense, scale_scores, top_k, top_k_scores, weight_rom
from dataflow.units.join import join, join_sum
from dataflow.units.memory import configure, fetch, load, store, unpack
from dataflow.units.parallel import swg_parallel
from dataflow.units.pool import accumulate_pool, global_max, max_pool
from dataflow.units.product import mvau, mvu
from dataflow.units.scale import scale
from dataflow.units.window import swg

IMPLEMENTATIONS: Mapping[str, Callable[..., Unit]] = MappingProxyType(
    {
        each.__name__: each
        for each in (
            *(fetch, configure, load, unpack, store, dwc, fork, raster, swg, swg_parallel, mvau, mvu),
            *(threshold, clip, table, search, scale, join, join_sum, max_pool, accumulate_pool, global_max),
            *(weight_rom, dense, scale_scores, top_k, top_k_scores),
        )
    }
)
