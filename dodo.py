"""The build graph. `doit list` says what there is; `doit network=<name or yaml> platform=<card> …` chooses the network and, where it is
not to be the description's own, the card.

The tasks most used:

    doit                 sources of every IP, C simulation, checks of the block design, the xclbin
    doit csim            C simulation of all IPs, as many at a time as there are processors; doit -n 2 csim: two
    doit csim:res3a      one IP
    doit rtlsim:res3a    its SystemVerilog with Verilator, every code and every cycle; --trace res3a.fst
    doit synth:res3a     with the vendor's tools: C synthesis and export of one IP; cosim:res3a then simulates its RTL
    doit link            all of it: every IP, the block design, the kernel, the xclbin for the card
    doit cache           what finished jobs have left, shared between builds; --prune-days, --prune-gb
    doit params          random parameters for a network nobody has trained
    doit folding         what follows from PE and SIMD
    doit due             which IPs have changed since they were last simulated and synthesized
    doit report          what the vendor tools have found so far
    doit demo            all of it, then images classified and the three arithmetics compared
    doit test            what CI runs
"""

from __future__ import annotations

import sys
from pathlib import Path

from doit.action import CmdAction

if not (3, 10) <= sys.version_info < (3, 13):  # as pyproject.toml has it, which a checkout that is not installed does not ask
    sys.exit(
        f"error: Python {sys.version_info[0]}.{sys.version_info[1]} is not one that resflow runs on\n"
        "  why: PYNQ 4 needs numpy 1 and grpcio 1.64, which are there for Python 3.10 to 3.12\n"
        "  fix: make the virtual environment with one of these: python3.12 -m venv .venv"
    )

from codegen.cli.progress import step
from vitis.build import build_graph

CONFIGS = Path("configs")
"""The descriptions whose FIFO sizing is measured."""

GRAPH = build_graph(network="digits", default_tasks=["csim", "check", "xclbin"])
PROJECT = GRAPH["PROJECT"]
globals().update(GRAPH)


def bench_csim():
    from hls.bench import bench_csim

    bench_csim(PROJECT.design, PROJECT.folder)


def bench_timing():
    import network
    from dataflow.bench import bench_timing, stacked

    described = {path.stem: network.load(path) for path in sorted(CONFIGS.glob("*.yaml"))}
    bench_timing([*described.values(), *(stacked(described["resnet50_w1a2"], times) for times in (2, 3))])


def module(*words):
    """Run a Python module with its arguments."""
    return CmdAction([sys.executable, "-m", *words], shell=False)


def task_bench():
    """measure: doit bench:csim, bench:timing, bench:emulator, bench:pipeline, bench:cluster"""
    for name, doc, action in (
        ("csim", "seconds and megabytes of every IP's C simulation, one after the other", step(bench_csim)),
        ("timing", "seconds of the timing simulation and the FIFO sizing, of every description and of deeper networks", step(bench_timing)),
        ("emulator", "ResNet-50 of 1, 4 and 8 bits in the emulator and onnxruntime (pip install -e '.[bench]')", module("runtime.bench")),
        ("cluster", "four IPs on one Dask worker and on two, with stand-in tools (pip install -e '.[dev]')", module("tests.bench_cluster")),
        (
            "pipeline",
            "how busy a device of 0.4 ms a frame is kept, by the pipeline and by the original's way",
            module("runtime.bench.pipeline"),
        ),
    ):
        yield {
            "name": name,
            "doc": doc,
            "actions": [action],
            "task_dep": ["generate", "vectors"] if name == "csim" else [],
            "uptodate": [False],
            "verbosity": 2,
        }


def task_test():
    """lint, types and tests: what CI runs"""
    for name, action in {
        "lint": module("ruff", "check", "."),
        "types": module("mypy"),
        "pytest": module("pytest", "-q", "-n", "2", "--dist", "worksteal"),
    }.items():
        yield {"name": name, "actions": [action], "uptodate": [False], "verbosity": 2}
