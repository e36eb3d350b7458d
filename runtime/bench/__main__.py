"""Prints and writes what `runtime.bench.measure` finds.

AMX is taken from a process for good, or never: what it does without is measured by a child, from which it was withheld.
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
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from runtime import console
from runtime.arguments import output, whole

OUT = Path("build") / "bench" / "emulator.json"
TARGET_BATCH = 8


def main(arguments: list[str] | None = None) -> None:
    console.degrade()
    parser = argparse.ArgumentParser(prog="python -m runtime.bench", description="Measures the emulator against onnxruntime.")
    parser.add_argument("--out", type=output, default=OUT, help="JSON to write (%(default)s)")
    parser.add_argument("--repetitions", type=whole(1, 1_000_000), default=5, help="of which the median counts (%(default)s)")
    parser.add_argument("--without-amx", action="store_true", help="measure as on a CPU that has none, and nothing else")
    options = parser.parse_args(arguments)
    missing = [name for name in ("onnx", "onnxruntime", "rich") if find_spec(name) is None]
    if missing:
        why, fix = "the emulator is measured beside onnxruntime, in one run", "pip install -e '.[bench]'"
        sys.exit(f"error: {', '.join(missing)}: not installed\nwhy: {why}\nfix: {fix}")
    if options.without_amx:
        withhold_amx()
    report = measured(options.repetitions)
    if not options.without_amx and "amx" in report["peak"]:
        report["without_amx"] = in_child(options.repetitions)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if not options.without_amx:
        show(report)
        print(f"written to {options.out}")


def measured(repetitions: int) -> dict[str, Any]:
    from runtime.bench import measure, resnet50
    from runtime.emulation.emulator import available_paths

    everything = len(os.sched_getaffinity(0))
    threads = tuple(sorted({1, everything}))
    path = available_paths()[0]
    with tempfile.TemporaryDirectory() as folder:
        results = measure.speeds(Path(folder), (path,), threads, repetitions)
    return {
        "cpu": cpu(),
        "path": path,
        "products_per_image": sum(resnet50.products(resnet50.program()).values()),
        "peak": {name: {str(n): rate for n, rate in rates.items()} for name, rates in measure.peaks(threads, repetitions).items()},
        "results": [asdict(result) for result in results],
        "kinds": {name: {"ms": ms, "products": n} for name, (ms, n) in measure.kinds(path, TARGET_BATCH, repetitions).items()},
    }


def in_child(repetitions: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "without_amx.json"
        command = [sys.executable, "-m", "runtime.bench", "--without-amx", "--repetitions", str(repetitions), "--out", str(out)]
        subprocess.run(command, check=True)
        report: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        return report


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


def show(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for part in filter(None, (report, report.get("without_amx"))):
        path, products = part["path"], part["products_per_image"]
        speed = {(r["name"], r["threads"], r["batch"]): r["images_per_s"] for r in part["results"]}
        title = f"ResNet-50 w1a2 on {part['cpu']}: images/s of path {path} and of onnxruntime"
        table = Table(title=title)
        for column in ("threads", "batch", path, "ms", "of peak", "int8", "ratio", "float32", "ratio"):
            table.add_column(column, justify="right")
        for (name, threads, batch), ours in speed.items():
            if name == path:
                int8, float32 = (speed[f"onnxruntime {kind}", threads, batch] for kind in ("int8", "float32"))
                share = ours * products / part["peak"][path][str(threads)]
                row = (f"{ours:.1f}", f"{1000 / ours:.2f}", f"{share:.0%}", f"{int8:.1f}", f"{ours / int8:.1f}")
                table.add_row(str(threads), str(batch), *row, f"{float32:.1f}", f"{ours / float32:.1f}")
        console.print(table)
        layers = Table(title=f"path {path}, one thread,\nbatch {TARGET_BATCH}: one image")
        for column in ("", "ms", "of peak"):
            layers.add_column(column, justify="right")
        for kind, figures in part["kinds"].items():
            share = figures["products"] / (figures["ms"] / 1000) / part["peak"][path]["1"]
            layers.add_row(kind, f"{figures['ms']:.3f}", f"{share:.0%}" if figures["products"] else "")
        console.print(layers)


if __name__ == "__main__":
    main()
