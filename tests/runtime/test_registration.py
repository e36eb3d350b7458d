"""Our devices are PYNQ's, whichever is imported first, and PYNQ is imported by who uses it."""

from __future__ import annotations

import subprocess
import sys

import pytest

ORDERS = {
    "ours first": "import runtime, pynq",
    "PYNQ first": "import pynq, runtime",
    "PYNQ first, its devices asked for": "import pynq; pynq.Device.devices; import runtime",
    "a module of PYNQ": "import runtime; from pynq.buffer import PynqBuffer; import pynq",
    "ours used before": "import runtime; runtime.Accelerator; import pynq",
    "a module of ours": "from runtime.emulation.device import EmulatedDevice; import pynq",
}


def run(script: str) -> str:
    return subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_pynq_lists_the_emulated_device_once(order: str) -> None:
    assert run(f"{order}\nprint([type(device).__name__ for device in pynq.Device.devices].count('EmulatedDevice'))") == "1\n"


def test_the_import_brings_neither_pynq_nor_numpy() -> None:
    assert run("import runtime, sys\nprint({'pynq', 'numpy', 'PIL'} & {*sys.modules})") == "set()\n"


def test_every_name_is_there() -> None:
    assert run("import runtime\nprint({name for name in runtime.__all__ if getattr(runtime, name).__name__ != name})") == "set()\n"
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run("import runtime\nruntime.Overlay")
    assert caught.value.stderr.endswith("AttributeError: module 'runtime' has no attribute 'Overlay'\n")
