"""The real XRT, with no card: its noop emulation, in processes of its own, since XRT ends the process where others fail."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import runtime
from runtime import DeviceError, XrtDevice
from runtime.xrt import library as xrt
from runtime.xrt.cards import Card
from tests.runtime import tiny

ROOT = Path(runtime.__file__).parents[1]
INSTALLED = sorted(Path("/usr/lib").glob(f"*/{xrt.SHIMS['noop']}"))
needs_xrt = pytest.mark.skipif(not INSTALLED, reason=f"no {xrt.SHIMS['noop']} here: apt install libxrt-utils")
Run = Callable[..., subprocess.CompletedProcess[str]]


def child(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XCL_", "XILINX_", "RESFLOW_"))}
    # Threads of OpenBLAS that a fork left behind are waited for at the end of the process.
    environment = kept | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"} | variables
    return subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=1800
    )


@pytest.fixture
def noop(tmp_path: Path) -> Run:
    """Runs a script with XRT in noop mode, in a folder with tiny.xclbin (emulation), card.xclbin and two.xclbin."""
    library = tmp_path / "xrt" / "lib"
    library.mkdir(parents=True)
    for path in INSTALLED[0].parent.glob("libxrt_*.so.2"):
        (library / path.name).symlink_to(path)
    tiny.write(tmp_path / "tiny.xclbin")
    (tmp_path / "card.xclbin").write_bytes(tiny.linked_for_a_card())
    (tmp_path / "two.xclbin").write_bytes(tiny.with_two_units(tiny.xclbin()))

    def run(script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return child(script, tmp_path, **({"XILINX_XRT": str(tmp_path / "xrt"), "XCL_EMULATION_MODE": "noop"} | variables))

    return run


def check(ran: subprocess.CompletedProcess[str], output: str) -> None:
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, output, "")


ARTICLE = """
import numpy as np, pynq, runtime
ol = pynq.Overlay("card.xclbin")
accelerator = ol.tiny_1
n = 5
inbuf  = pynq.allocate((n, 8, 8, 1), dtype=np.uint8, target=ol.bank0)
outbuf = pynq.allocate((n, 3), dtype=np.uint32, target=ol.bank0)
fcbuf  = pynq.allocate((10, 8), dtype=np.int8, target=ol.PLRAM0)
inbuf[:] = np.arange(n * 64).reshape(n, 8, 8, 1); inbuf.sync_to_device()
fcbuf[:] = ol.device.xclbin.weights; fcbuf.sync_to_device()
accelerator.call(inbuf, outbuf, fcbuf, n)
outbuf.sync_from_device()
results = np.copy(outbuf)
print(results.tolist(), int(inbuf.copy().sum()), ol.device.name)
"""


@needs_xrt
def test_the_article_as_it_stands(noop: Run) -> None:
    """noop computes nothing: the labels are the zeros that were allocated."""
    check(noop(ARTICLE), f"{[[0] * 3] * 5} {sum(i % 256 for i in range(320))} XRT's noop emulation\n")
    check(noop(ARTICLE.replace("card", "tiny")), f"{[[0] * 3] * 5} {sum(i % 256 for i in range(320))} XRT's noop emulation\n")


OPEN = """
import asyncio, gc, os, sys
import numpy as np, pynq, runtime
def opened(path="tiny.xclbin"):
    ol = pynq.Overlay(path)
    buffers = [ol.bank0.allocate((5, 64), np.uint8), ol.bank0.allocate((5, 3), np.uint32), ol.PLRAM0.allocate((10, 8), np.int8)]
    return ol, ol.tiny_1, *buffers
def error_text(call, *arguments):
    try:
        call(*arguments)
    except runtime.AcceleratorError as error:
        print(str(error).replace(os.getcwd() + "/", ""))
"""


@needs_xrt
def test_handles(noop: Run) -> None:
    script = """
ol, unit, i, o, w = opened()
run = unit.start(i, o, w, 5)
print(run.wait(5), run.done, run.wait())
async def later():
    return await unit.start(i[2:], o, w, numReps=3)
print(asyncio.run(later()))
print(i[1:].offset, i[1:].bo is i.bo, unit.signature)
"""
    check(noop(OPEN + script), "True True True\nTrue\n64 True (in_1: 'PynqBuffer in bank0', out: 'PynqBuffer in bank0', "
          "weightsmem: 'PynqBuffer in PLRAM[0]', numReps: 'int')\n")  # fmt: skip


@needs_xrt
def test_two_compute_units(noop: Run) -> None:
    script = """
ol, first, i, o, w = opened("two.xclbin")
j, p = ol.bank1.allocate((5, 64), np.uint8), ol.bank1.allocate((5, 3), np.uint32)
first.call(i, o, w, 5)
ol.tiny_2.call(j, p, w, 5)
error_text(ol.tiny_2.call, i, p, w, 5)
"""
    message = (
        "tiny_2.in_1: a buffer in bank0\nwhy: this port of the kernel is connected to bank1\n"
        "fix: pass a uint8 buffer of at least 320 bytes in bank1, from pynq.allocate\n"
    )
    check(noop(OPEN + script), message)


@needs_xrt
def test_freed_and_replaced_buffers(noop: Run) -> None:
    script = """
ol, unit, i, o, w = opened()
view = i[1:]
i.freebuffer()
error_text(i.sync_to_device)
error_text(unit.call, view, o, w, 4)
del i
gc.collect()
view[:] = 3                         # its memory is still there
bank = ol.bank0
again = pynq.Overlay("two.xclbin")  # on the same device
error_text(unit.call, o, o, w, 4)
error_text(o.sync_from_device)
error_text(bank.allocate, 4)
error_text(again.bank0.allocate, 2**40)
error_text(pynq.allocate, 4)
again.device.close()
again.device.close()
error_text(lambda: again.device.xclbin)
print(int(view.sum()), int(o.sum()))
"""
    gone, freed = "a buffer that is no longer there", "why: it was freed"
    lost = "why: it was lost when an xclbin was loaded onto the device since, or the device closed\nfix: allocate it again\n"
    replaced = (
        "its xclbin is not loaded\nwhy: xrt0 has another one loaded: two.xclbin\n"
        "fix: use the overlay that was loaded last, or load this one again: overlay.download()\n"
    )
    check(noop(OPEN + script), (
        f"bank0: {gone}\n{freed}\nfix: allocate it again\n"
        f"tiny_1.in_1: {gone}\n{freed}\nfix: pass a uint8 buffer of at least 256 bytes in bank0, from pynq.allocate\n"
        f"tiny_1: {replaced}"
        f"bank0: {gone}\n{lost}"
        f"bank0: {replaced}"
        "bank0: no room for 4398046511104 bytes\nwhy: the bank has 17179869184 bytes\nfix: free buffers, or use smaller batches\n"
        "xrt0: a buffer without a bank\nwhy: the accelerator uses bank0, PLRAM[0], bank1\nfix: pass target=overlay.<bank> to allocate\n"
        "xrt0: nothing is loaded\nwhy: no overlay was downloaded, or the device was closed since\n"
        "fix: load an xclbin: pynq.Overlay(path), or overlay.download()\n"
        "768 0\n"
    ))  # fmt: skip


@needs_xrt
def test_a_process_may_end_in_any_order(noop: Run) -> None:
    """XRT crashes in its own destructors when something of it is left open: so whatever is dropped first, nothing must be."""
    script = """
import random
everything = "ol unit i o w run part".split()
orders = [[], ["close"], ["raise"], *([name] for name in everything)]
for seed in range(7):
    orders.append(random.Random(seed).sample([*everything, "close"], 5))
bad = []
for order in orders:
    child = os.fork()
    if child == 0:
        held = dict(zip("ol unit i o w".split(), opened()))
        held["run"] = held["unit"].start(held["i"], held["o"], held["w"], 5)
        held["part"] = held["i"][1:]
        held["itself"] = held
        for name in order:
            if name == "raise":
                sys.stderr.close()
                raise SystemExit(0)
            if name == "close":
                held["ol"].device.close() if "ol" in held else None
            held.pop(name, None)
        sys.exit()
    bad += [(order, status)] if (status := os.waitpid(child, 0)[1]) else []
print(len(orders), bad)
"""
    check(noop(OPEN + script), "17 []\n")


@needs_xrt
def test_an_accelerator_used_by_many_threads(noop: Run) -> None:
    script = """
from concurrent.futures import ThreadPoolExecutor
batches = [np.zeros((1 + 40 * (i % 4), 8, 8, 1), np.uint8) for i in range(24)]
with runtime.Accelerator.open("two.xclbin", device=["noop", 0]) as accelerator, ThreadPoolExecutor(24) as pool:
    print(len(accelerator.lanes), [device.name for device in accelerator.devices])
    for _ in range(5):
        for batch, labels in zip(batches, pool.map(accelerator.classify, batches)):
            assert labels.tolist() == [[0] * 3] * len(batch)
    print(len(list(accelerator.stream(batches[3], batch=7))))
"""
    check(noop(OPEN + script), '4 ["XRT\'s noop emulation", "XRT\'s noop emulation"]\n121\n')


@needs_xrt
@pytest.mark.parametrize(("chosen", "name"), [("0", "XRT's noop emulation"), ("noop", "XRT's noop emulation"), ("emulation", "emulation0")])
def test_the_environment_chooses(noop: Run, chosen: str, name: str) -> None:
    script = "print(opened()[0].device.name, runtime.Accelerator.open('tiny.xclbin').devices[0].name[:9])"
    assert noop(OPEN + script, RESFLOW_DEVICE=chosen).stdout == f"{name} {'emulation' if chosen == 'emulation' else name[:9]}\n"
    if chosen == "0":
        assert "RESFLOW_DEVICE='1': no such card" in noop(OPEN + script, RESFLOW_DEVICE="1").stderr


@needs_xrt
def test_registers_hold_what_was_written(noop: Run) -> None:
    """noop has none: they show what the host has to do with them."""
    script = """
ol, unit, i, o, w = opened()
print(unit.read(0), unit.register_map.CTRL.AP_IDLE, unit.read(0x34))
unit.call(i, o, w, 5)
print([hex(unit.read(offset)) for offset in (0x0, 0x0, 0x10, 0x1C, 0x28, 0x34)], i.device_address == unit.read(0x10))
unit.write(0x34, 3)
unit.write(0x0, 1)
print(unit.read(0x34), unit.register_map.CTRL.AP_DONE)
error_text(unit.write, 0x0, 0x80)
"""
    check(noop(OPEN + script), (
        "4 1 0\n['0xe', '0x6', '0xdeadbeef', '0xdeadbeef', '0xdeadbeef', '0x5'] True\n3 1\n"
        "tiny_1: CTRL = AUTO_RESTART\nwhy: the emulated kernel runs once per start\nfix: write AP_START for every batch\n"
    ))  # fmt: skip


@needs_xrt
def test_registers_that_xrt_does_not_reach(noop: Run) -> None:
    script = "ol, unit, i, o, w = opened()\nol.device._loaded._registers.clear()\nerror_text(unit.read, 0)\n"
    ran = noop(OPEN + script)
    assert ran.returncode == 0
    assert ran.stdout.startswith("tiny_1 register 0x0: cannot be reached\nwhy: ")
    assert ran.stdout.endswith("\nfix: use call and start; XRT's emulation has no registers, and a card needs Runtime.rw_shared\n")


@needs_xrt
def test_a_container_xrt_does_not_take(noop: Run, tmp_path: Path) -> None:
    (tmp_path / "major.xclbin").write_bytes(_version(tiny.linked_for_a_card(), 3))
    ran = noop(OPEN + 'error_text(opened, "major.xclbin")\n')
    check(ran, "major.xclbin: made for XRT 3.1.0\nwhy: this runtime works with XRT 2\n"
               "fix: link it again with the Vitis of the XRT installed here\n")  # fmt: skip


def _version(data: bytes, major: int) -> bytes:
    return tiny.reseal(data[:330] + bytes([major]) + data[331:])


FUZZ = """
import random
from runtime.container.axlf import SectionKind, Axlf
from tests.runtime import tiny
data = tiny.linked_for_a_card()
metadata = Axlf.parse(data).find(SectionKind.EMBEDDED_METADATA)
outcomes = {}
for seed in range(12):
    choose, damaged = random.Random(seed), bytearray(data)
    for _ in range(choose.randrange(1, 5)):
        place = choose.randrange(metadata.size) + metadata.offset if choose.random() < 0.6 else choose.randrange(4000)
        damaged[place] = choose.randrange(256)
    try:
        sealed = tiny.reseal(bytes(damaged))
    except runtime.XclbinError:
        continue
    open("damaged.xclbin", "wb").write(sealed)
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # XRT has its own say
        try:
            with runtime.Accelerator.open("damaged.xclbin", device=0) as accelerator:
                accelerator.classify(np.zeros((5, 8, 8, 1), np.uint8))
        except runtime.AcceleratorError:
            sys.exit(1)
        sys.exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    outcomes[status] = outcomes.get(status, 0) + 1
print(sorted(outcomes))
"""


@needs_xrt
def test_damage_that_was_sealed_reaches_xrt_and_ends_in_an_error(noop: Run) -> None:
    """EMBEDDED_METADATA is read by nobody but XRT: works or DeviceError, and no crash."""
    check(noop(OPEN + FUZZ), "[0, 1]\n")


@pytest.mark.parametrize(
    ("shell", "name", "message"),
    [
        ("xilinx_u250_gen3x16_xdma_shell_4_1", "tiny.xclbin",
         "built for emulation\nwhy: xilinx_u250_gen3x16_xdma_shell_4_1 runs bitstreams\n"
         "fix: build one for the card, or open it with device='emulation' (pynq: RESFLOW_DEVICE=emulation)"),
        ("xilinx_u280_gen3x16_xdma_shell_1", "card.xclbin",
         "built for xilinx_u250_gen3x16_xdma_4_1_202210_1\nwhy: the card at 0000:3b:00.1 is xilinx_u280_gen3x16_xdma_shell_1\n"
         "fix: flash the card with that shell, or link the xclbin for the card's platform"),
    ],
)  # fmt: skip
def test_a_card_that_is_not_meant_is_told_before_loading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str, name: str, message: str
) -> None:
    monkeypatch.delenv("XCL_EMULATION_MODE", raising=False)
    tiny.write(tmp_path / "tiny.xclbin")
    (tmp_path / "card.xclbin").write_bytes(tiny.linked_for_a_card())
    device = XrtDevice(Card(index=0, bdf="0000:3b:00.1", shell=shell))
    with pytest.raises(DeviceError) as caught:
        device.get_bitfile_metadata(str(tmp_path / name))
    assert str(caught.value) == f"{tmp_path / name}: {message}"


LOAD = "from runtime import DeviceError\nfrom runtime.xrt import library as xrt\ntry:\n    xrt.load()\nexcept DeviceError as error:\n    print(error)\n"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "XILINX_XRT: not set\nwhy: it says where XRT is, there is no /opt/xilinx/xrt either, and XRT ends the process that loads it "
             "without\nfix: install XRT and source its setup.sh, or use device='emulation'\n"),
        ({"XILINX_XRT": "nowhere"}, "XILINX_XRT=nowhere: there is no such folder\nwhy: it names the folder XRT is installed in, and XRT ends "
                                    "the process that loads it without\nfix: source XRT's setup.sh, or use device='emulation'\n"),
        ({"XILINX_XRT": "empty"}, "empty/lib/libxrt_core.so.2: there is no such file\nwhy: XRT loads it from there, and ends the process "
                                  "when it cannot\nfix: make empty/lib hold XRT's libraries, or links to them\n"),
        ({"XILINX_XRT": "broken"}, "broken/lib/libxrt_core.so.2: cannot be loaded\nwhy: broken/lib/libxrt_core.so.2: file too short\n"
                                   "fix: install XRT again, with all it depends on\n"),
        ({"XCL_EMULATION_MODE": "fast"}, "XCL_EMULATION_MODE: 'fast'\nwhy: XRT emulates with hw_emu, sw_emu, noop\n"
                                         "fix: unset it to use a card\n"),
    ],
)  # fmt: skip
def test_an_environment_xrt_would_abort_in(tmp_path: Path, variables: dict[str, str], message: str) -> None:
    if not variables and xrt.INSTALLED.exists():
        pytest.skip(f"there is an XRT in {xrt.INSTALLED}")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken" / "lib").mkdir(parents=True)
    (tmp_path / "broken" / "lib" / "libxrt_core.so.2").write_bytes(b"")
    check(child(LOAD, tmp_path, **variables), message)


def test_pynq_finds_no_card_without_xrt(tmp_path: Path) -> None:
    script = "import pynq, runtime; print([device.name for device in pynq.Device.devices])"
    check(child(f"import warnings; warnings.simplefilter('ignore')\n{script}", tmp_path, XILINX_XRT="nowhere"), "['emulation0']\n")


def test_pynq_s_list_made_before(tmp_path: Path) -> None:
    script = (
        "import warnings; warnings.simplefilter('ignore')\nimport pynq; pynq.Device.devices; import runtime; print(pynq.Device.devices)"
    )
    ran: Any = child(script, tmp_path)
    assert ran.stdout.count("EmulatedDevice") == 1, ran.stderr
