"""Measures ResNet-50 of 1, 4 and 8 bits on every path of the emulator beside onnxruntime, and prints and writes what it found.

AMX is taken from a process for good, or never: what is done without is measured by a child, from which it was withheld.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from runtime import console
from runtime.arguments import output, whole
from runtime.bench import report, resnet50
from runtime.bench.results import Run
from runtime.emulation.emulator import available_paths

OUT = Path("build") / "bench" / "emulator.json"
NEEDED = ("onnx", "onnxruntime", "rich")


def main(arguments: list[str] | None = None) -> None:
    console.degrade()
    parser = argparse.ArgumentParser(prog="python -m runtime.bench", description="Measures the emulator against onnxruntime.")
    parser.add_argument("--out", type=output, default=OUT, help="JSON to write (%(default)s)")
    parser.add_argument("--repetitions", type=whole(1, 1_000_000), default=5, help="of which the median counts (%(default)s)")
    parser.add_argument("--without-amx", action="store_true", help="measure as on a CPU that has none, and write that alone")
    options = parser.parse_args(arguments)
    if options.without_amx:
        withhold_amx()  # before anything asks what the CPU has
    check()
    if options.without_amx:
        write(options.out, in_this_process(native_paths(), options.repetitions, without_amx=True).as_json)
    else:
        everything(options.out, options.repetitions)


def check() -> None:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        why, fix = "the emulator is measured beside onnxruntime, in one run", "pip install -e '.[bench]'"
        sys.exit(f"error: {', '.join(missing)}: not installed\nwhy: {why}\nfix: {fix}")
    if not native_paths():
        why, fix = "there was no g++ when resflow was installed, and numpy is not measured", "install g++, and resflow again"
        sys.exit(f"error: runtime._native: not compiled\nwhy: {why}\nfix: {fix}")


def everything(out: Path, repetitions: int) -> None:
    from runtime.bench import measure

    paths = native_paths()
    best = paths[0]
    if best == "amx":
        # Other paths are measured where onnxruntime has no AMX either.
        runs = [in_this_process((best,), repetitions, without_amx=False), in_child(repetitions)]
    else:
        runs = [in_this_process(paths, repetitions, without_amx=False)]
    kinds = {name: measure.kinds(name, best, report.KIND_BATCH, repetitions, resnet50.WHOLE) for name in resnet50.NETWORKS}
    products = {name: sum(resnet50.products(resnet50.program(name, resnet50.WHOLE)).values()) for name in resnet50.NETWORKS}
    rows = report.rows(runs, products)
    found = {
        "cpu": cpu(),
        "products_per_image": products,
        "runs": [run.as_json for run in runs],
        "kinds": report.kinds_as_json(kinds, best),
        "ratios": report.ratios(rows),
    }
    write(out, found)
    from rich.console import Console

    console = Console(width=report.WIDTH)
    console.print(report.table(rows, cpu()))
    console.print(report.kinds_table(kinds, best, runs[0]))
    print(f"written to {out}")


def native_paths() -> tuple[str, ...]:
    return available_paths()[:-1]


def in_this_process(paths: tuple[str, ...], repetitions: int, *, without_amx: bool) -> Run:
    from runtime.bench import measure

    threads = tuple(sorted({1, len(os.sched_getaffinity(0))}))
    with tempfile.TemporaryDirectory() as folder:
        speeds, peaks = measure.rates(Path(folder), paths, threads, repetitions, resnet50.WHOLE)
    return Run(without_amx=without_amx, images_per_s=speeds, products_per_s=peaks)


def in_child(repetitions: int) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "without_amx.json"
        command = [sys.executable, "-m", "runtime.bench", "--without-amx", "--repetitions", str(repetitions), "--out", str(out)]
        subprocess.run(command, check=True)
        return Run.of_json(json.loads(out.read_text(encoding="utf-8")))


def write(out: Path, found: dict[str, Any]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def withhold_amx() -> None:
    """Make Linux refuse this process AMX, whichever library requests it: it does so where a signal stack is too small for the tiles' state.

    (arch/x86/kernel/fpu/xstate.c, validate_sigaltstack.)
    """

    class Stack(ctypes.Structure):
        _fields_ = (("address", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.sigaltstack(ctypes.byref(Stack(ctypes.addressof(_stack), 0, len(_stack))), None) != 0:
        raise OSError(ctypes.get_errno(), "sigaltstack")


# Enough for every other state, and less than the tiles' alone; it lives as long as the process.
_stack = ctypes.create_string_buffer(8192)


def cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())


if __name__ == "__main__":
    main()
