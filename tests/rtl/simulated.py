"""An IP under Verilator, as `doit rtlsim` simulates it, for tests that make designs of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from codegen.jobs.run import WORK, run_calls
from codegen.text.files import write_tree
from codegen.tools.find import locate
from codegen.tools.run import Finished
from dataflow.design import Ip
from dataflow.timing.error import TimingError
from network.parameters import Parameters
from rtl.render import render
from rtl.simulation import SEED, Run, messages_in, require_equal, rtlsim_job, runs

needs_verilator = pytest.mark.skipif(locate("verilator") is None, reason="verilator is not installed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """An IP whose codes are the reference's, and that did in every cycle what the timing model says."""

    runs: tuple[Run, ...]
    hangs: Mapping[str, str]  # the error of each run, by its name, that ends in a deadlock, as the model says
    compiled: Finished
    ran: tuple[Finished, ...]
    work: Path  # the folder of the program `simulation`, the files that it reads, and the handshakes


def simulate(ip: Ip, parameters: Parameters, vectors: Mapping[str, bytes], frames: int, folder: Path, *, seed: int = SEED) -> Simulated:
    """Compile an IP and run it without stalls and with those of `seed`; raises ToolError where codes or cycles differ."""
    write_tree(folder / "sources", render("tested", ip, parameters))
    write_tree(folder / "vectors", dict(vectors))
    of = runs(ip, frames, seed, messages_in(ip, folder / "vectors"))
    compiled, *ran = run_calls(rtlsim_job(ip, folder / "sources", folder / "vectors", frames, of), folder)
    hangs = {}
    for run in of:
        try:
            require_equal(ip, run, folder / WORK)
        except TimingError as error:
            hangs[run.name] = str(error)
    assert list(hangs) == [run.name for run in of if run.expected.deadlock is not None]
    return Simulated(runs=of, hangs=hangs, compiled=compiled, ran=tuple(ran), work=folder / WORK)


def least(holds: Callable[[int], bool], most: int) -> int:
    """The least depth at which `holds`, as at every greater one."""
    low, high = 1, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
