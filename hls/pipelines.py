"""How C synthesis pipelined each unit: what the timing simulation otherwise assumes.

Vitis HLS lists the modules of an IP in its csynth.xml; vivado_hls does not. UNCONFIRMED, from reports of 2022.1 and 2024.2 that others
published, none of this library: the module of `resflow::mvau<Conv1>` is `mvau_Conv1_s`, and `mvau_Conv1_Pipeline_<loop>` where the loop
became a module of its own; that of `conv1_loaded`, which calls it, has that name. A unit whose module has another name keeps what is
assumed.

A loop of depth n reads in its first stage and writes in its last, n - 1 cycles later: published loops of 1,024 iterations at depth 3
have a latency of 1,025 cycles, 1,023 + 3 - 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dataflow.design import Design, Ip
from dataflow.timing.graph import Scheduled, actor_name
from dataflow.unit import Unit
from hls.csynth import Loop, read_csynth_of
from hls.structs import loaded_name, struct_name

LOADING = ("Take_", "Pass_")
"""Loops that run for loads only."""


def scheduled(design: Design, folder: Path) -> dict[str, Scheduled]:
    """By the unit's name in `timing.graph`, for what has a report below `folder`; raises ToolError where one is damaged or of another IP."""
    found: dict[str, Scheduled] = {}
    for ip in design.ips:
        path = folder / ip.name / "csynth.xml"
        loops = read_csynth_of(design, path).loops if path.exists() else ()
        for unit in ip.units:
            own = [loop for loop in loops if _is_of(unit, ip, loop)]
            if own and unit.memory is None:  # the depth of an AXI master has cycles of waiting in it, which the model has for itself
                found[actor_name(ip, unit)] = _scheduled(own)
    return found


def _is_of(unit: Unit, ip: Ip, loop: Loop) -> bool:
    """Where constants are loaded, the unit is called by a function of its own, which has the loops that take them, see loaded.h: it is in a
    module of its own there, too, or in that of the function."""
    names = [f"{unit.implementation}_{struct_name(unit)}", *([loaded_name(unit)] if unit.loads else [])]
    module = loop.module.removeprefix(f"{ip.top}_")
    found = any(module in (name, f"{name}_s") or module.startswith(f"{name}_Pipeline_") for name in names)
    return found and not loop.name.startswith(LOADING)


def _scheduled(loops: Iterable[Loop]) -> Scheduled:
    """Of the deepest loop; the simulation knows no pipeline that reads and writes in one cycle."""
    deepest = max(loops, key=lambda loop: loop.depth)
    return Scheduled(stages=max(1, deepest.depth - 1), idle=deepest.delay)
