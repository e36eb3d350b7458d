"""Opening, running and closing, over and over: RESFLOW_SOAK_CYCLES=10000 pytest tests/runtime/test_soak.py for the long one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.runtime import tiny
from tests.runtime.xrt.test_device import Run, child, needs_xrt, noop

__all__ = ["noop"]  # a fixture

CYCLES = int(os.environ.get("RESFLOW_SOAK_CYCLES", "150"))
SETTLED = 50  # cycles after which caches are full
COMINGS_AND_GOINGS_KB = 2048  # of the allocator

SOAK = """
import gc, os, threading, weakref
import numpy as np, runtime
images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1)).astype(np.uint8)
def state():
    gc.collect()
    memory = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS"))
    return np.array([memory, len(os.listdir("/proc/self/fd")), threading.active_count(), len(weakref.finalize._registry)])
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


def check(ran: subprocess.CompletedProcess[str], *, bytes_a_cycle: int) -> None:
    assert ran.returncode == 0, ran.stderr
    memory_kb, descriptors, threads, handles = map(int, ran.stdout.split())
    print(f"{CYCLES} cycles: {memory_kb} kB more")
    assert (descriptors, threads, handles) == (0, 0, 0)
    assert memory_kb < COMINGS_AND_GOINGS_KB + CYCLES * bytes_a_cycle // 1024


def test_emulation_leaks_nothing(tmp_path: Path) -> None:
    """PYNQ keeps some 200 bytes for every overlay: it registers the same function for the end of the process each time."""
    tiny.write(tmp_path / "tiny.xclbin")
    check(child(script("'emulation'"), tmp_path), bytes_a_cycle=500)


@needs_xrt
def test_xrt_leaks_nothing(noop: Run) -> None:
    """No handle and no descriptor. Memory becomes fragmented: noop takes buffers from aligned_alloc, which glibc 2.36 is bad at
    reusing; heaptrack finds no block that is lost."""
    check(noop(script("0")), bytes_a_cycle=8_000)


def test_devices_that_nobody_closes(tmp_path: Path) -> None:
    """Left to the garbage collection, they go as well; their threads a moment later."""
    tiny.write(tmp_path / "tiny.xclbin")
    held = (
        script("'emulation'").replace("with runtime.Accelerator", "if accelerator := runtime.Accelerator").replace(" as accelerator:", ":")
    )
    waits = held.replace("    gc.collect()\n", "    gc.collect()\n    time.sleep(0.5)\n").replace("import gc", "import time, gc")
    check(child(waits, tmp_path), bytes_a_cycle=2_500)
