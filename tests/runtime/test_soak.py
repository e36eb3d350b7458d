"""Opening, running and closing, over and over: RESFLOW_SOAK_CYCLES=10000 pytest tests/runtime/test_soak.py for the long one."""

from __future__ import annotations

import os
from pathlib import Path

from tests.runtime import tiny
from tests.runtime.test_xrt_device import Run, child, needs_xrt, noop

__all__ = ["noop"]  # a fixture

CYCLES = int(os.environ.get("RESFLOW_SOAK_CYCLES", "150"))
SETTLED = 50  # cycles after which caches are full
GROWTH_KB = 2048 if CYCLES < 3000 else 10_240  # the allocator's own comings and goings are a few hundred

SOAK = """
import gc, os, resource, sys, threading
import numpy as np, runtime
images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1)).astype(np.uint8)
def state():
    gc.collect()
    memory = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS"))
    return np.array([memory, len(os.listdir("/proc/self/fd")), threading.active_count()])
expected = None
for cycle in range(CYCLES):
    with runtime.Accelerator.open("tiny.xclbin", device=DEVICE) as accelerator:
        labels = accelerator.classify(images).tolist(), [row.tolist() for row in accelerator.stream(images, batch=2)]
    assert expected in (None, labels), cycle
    expected = labels
    if cycle == SETTLED:
        before = state()
print(*(state() - before))
"""


def script(device: str) -> str:
    head = f"import warnings; warnings.simplefilter('ignore')\nCYCLES, SETTLED, DEVICE = {CYCLES}, {SETTLED}, {device}\n"
    return head + SOAK


def check(output: str) -> None:
    memory_kb, descriptors, threads = map(int, output.split())
    assert (descriptors, threads) == (0, 0)
    assert memory_kb < GROWTH_KB


def test_emulation_leaks_nothing(tmp_path: Path) -> None:
    tiny.write(tmp_path / "tiny.xclbin")
    ran = child(script("'emulation'"), tmp_path)
    assert ran.returncode == 0, ran.stderr
    check(ran.stdout)


@needs_xrt
def test_xrt_leaks_nothing(noop: Run) -> None:
    ran = noop(script("0"))
    assert ran.returncode == 0, ran.stderr
    check(ran.stdout)


def test_devices_that_nobody_closes(tmp_path: Path) -> None:
    """Left to the garbage collection, they go as well; their threads a moment later."""
    tiny.write(tmp_path / "tiny.xclbin")
    held = (
        script("'emulation'").replace("with runtime.Accelerator", "if accelerator := runtime.Accelerator").replace(" as accelerator:", ":")
    )
    ran = child(
        held.replace("    gc.collect()\n", "    gc.collect()\n    time.sleep(0.5)\n").replace("import gc", "import time, gc"), tmp_path
    )
    assert ran.returncode == 0, ran.stderr
    check(ran.stdout)
