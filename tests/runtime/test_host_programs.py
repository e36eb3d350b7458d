"""Programs as they are written for the original accelerator: the published article's and those of its repository, in the same calls.

Each runs in a process and a folder of its own, with nothing added but `import runtime`, on the emulated device and on XRT's noop
emulation. The kernel has the original's name and arguments, and is small behind them.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from runtime import Accelerator
from runtime.container.xclbin import Xclbin
from tests.runtime import tiny
from tests.runtime.xrt.test_device import INSTALLED, child, needs_xrt
from vitis.xclbin import render

Program = Callable[..., subprocess.CompletedProcess[str]]
IMAGES = np.random.default_rng(5).integers(0, 256, (7, 224, 224, 3)).astype(np.uint8)


def write(path: Path, *, weights_bank: str = "bank0") -> None:
    """224x224x3 to the 5 best of 1,000 classes, with 2,048 inputs to the fully connected layer, on maps of 7x7 in between."""
    described = tiny.network(image=(224, 224, 3), top=5)
    described["stem"]["conv"]["stride"] = [16, 16]
    first, second = described["blocks"]
    for conv in (first["convs"][-1], first["bypass"], second["convs"][-1]):
        conv["out"] = 2048
    second["convs"][0]["in"] = 2048
    described["head"] |= {"classes": 1000, "inputs": 2048}
    manifest = tiny.manifest(described, network="resnet50", label_names=(), weights_bank=weights_bank)
    banks = [tiny.BANKS[0], tiny.BANKS[1], tiny.Bank(tag="PLRAM[0]", kind=2, base=0x30_0000_0000, size_kb=2048)]
    path.write_bytes(render(manifest, banks=banks, network=described, parameters=tiny.draw(described)))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What lies beside the programs, and the labels they are to find."""
    folder = tmp_path_factory.mktemp("files")
    write(folder / "resnet50.xclbin")
    write(folder / "plram.xclbin", weights_bank="PLRAM[0]")
    np.save(folder / "images.npy", IMAGES)
    np.save(folder / "fcweights.npy", Xclbin.read(folder / "resnet50.xclbin").weights)
    with Accelerator.open(folder / "resnet50.xclbin", device="emulation") as accelerator:
        np.save(folder / "labels.npy", accelerator.classify(IMAGES))
    return folder


@pytest.fixture(params=["emulation", pytest.param("noop", marks=needs_xrt)])
def program(request: pytest.FixtureRequest, files: Path, tmp_path: Path) -> Program:
    """Runs a program; `found(labels, n)` in it compares with what the network says of the first n images (noop: zeros)."""
    for path in files.iterdir():
        (tmp_path / path.name).symlink_to(path)
    variables = {}
    if request.param == "noop":
        library = tmp_path / "xrt" / "lib"
        library.mkdir(parents=True)
        for path in INSTALLED[0].parent.glob("libxrt_*.so.2"):
            (library / path.name).symlink_to(path)
        variables = {"XILINX_XRT": str(tmp_path / "xrt"), "XCL_EMULATION_MODE": "noop"}
    labels = "[[0] * 5] * n" if variables else "np.load('labels.npy')[:n].tolist()"
    prelude = f"import numpy as np, runtime\ndef found(labels, n): return labels.tolist() == {labels}\n"

    def run(script: str, **more: str) -> subprocess.CompletedProcess[str]:
        ran = child(prelude + script, tmp_path, **variables | more)
        assert (ran.returncode, ran.stderr) == (0, "")
        return ran

    return run


ARTICLE = """
import pynq
ol = pynq.Overlay("resnet50.xclbin")
accelerator = ol.resnet50_1
print(accelerator.register_map)
fcbuf = pynq.allocate((1000,2048), dtype=np.int8, target=ol.bank0)
fcbuf[:] = np.load("fcweights.npy")
fcbuf.sync_to_device()
def label(img):
    inbuf = pynq.allocate((224,224,3), dtype=np.int8, target=ol.bank0)
    outbuf = pynq.allocate((5,), dtype=np.uint32, target=ol.bank0)
    inbuf[:] = img
    inbuf.sync_to_device()
    accelerator.call(inbuf, outbuf, fcbuf, 1)
    outbuf.sync_from_device()
    return np.copy(outbuf)
print(found(np.array([label(img) for img in np.load("images.npy")]), 7))
"""


def test_the_article(program: Program) -> None:
    assert program(ARTICLE).stdout == (
        "RegisterMap {\n"
        "  CTRL = Register(AP_START=0, AP_DONE=0, AP_IDLE=1, AP_READY=0, AP_CONTINUE=0, AUTO_RESTART=0),\n"
        "  in_1 = Register(value=0),\n"
        "  out = Register(value=0),\n"
        "  weightsmem = Register(value=0),\n"
        "  numReps = Register(value=0)\n"
        "}\n"
        "True\n"
    )


THREE_BUFFERS = """
import pynq, threading
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
ol = pynq.Overlay("plram.xclbin")
fcbuf = pynq.allocate((1000,2048), dtype=np.int8, target=ol.PLRAM0)
fcbuf[:] = np.load("fcweights.npy").reshape(1000,2048)
fcbuf.sync_to_device()
accelerator, max_bs, results = ol.resnet50_1, 2, Queue()
pool = ThreadPoolExecutor(2)
images = pool.map(np.array, np.load("images.npy"))
def consume():
    inputs = [pynq.allocate((max_bs,224,224,3), dtype=np.int8, target=ol.bank0) for _ in range(3)]
    outputs = [pynq.allocate((max_bs,5), dtype=np.uint32, target=ol.bank0) for _ in range(3)]
    sizes, now, ended = [0, 0, 0], 0, False
    while not ended or any(sizes):
        context = accelerator.start(inputs[now], outputs[now], fcbuf, sizes[now]) if sizes[now] else None
        if sizes[now - 1]:
            outputs[now - 1].sync_from_device()
            for i in range(sizes[now - 1]):
                results.put(np.copy(outputs[now - 1][i]))
            sizes[now - 1] = 0
        following = (now + 1) % 3
        for image in [image for _ in range(max_bs) if (image := next(images, None)) is not None]:
            inputs[following][sizes[following]][:] = image
            sizes[following] += 1
        ended = sizes[following] < max_bs
        if sizes[following]:
            inputs[following].sync_to_device()
        if context is not None:
            context.wait()
        now = following
thread = threading.Thread(target=consume)
thread.start()
thread.join()
print(found(np.array([results.get_nowait() for _ in range(7)]), 7), results.empty())
"""


def test_a_thread_with_three_buffers_and_the_weights_in_plram(program: Program) -> None:
    assert program(THREE_BUFFERS).stdout == "True True\n"


POWER = """
import pynq
import pandas as pd
from pynq import Device, pmbus
shell = Device.devices[-1].name
for i in range(len(Device.devices)):
    if Device.devices[i].name == shell:
        Device.active_device = Device.devices[i]
        break
ol = pynq.Overlay("resnet50.xclbin")
accelerator = ol.resnet50_1
fcbuf = pynq.allocate((1000,2048), dtype=np.int8, target=ol.bank0)
rails = pynq.pmbus.get_xrt_sysfs_rails(Device.active_device)
assert sorted(rails) == sorted(pmbus.get_xrt_sysfs_rails()) == sorted(ol.device.sensors)
recorder = pmbus.DataRecorder(rails["12v_aux"].power, rails["12v_pex"].power, rails["vccint"].power)
ibuf = pynq.allocate((4,3,224,224), dtype=np.int8, target=ol.bank0)
obuf = pynq.allocate((4,5), dtype=np.uint32, target=ol.bank0)
recorder.record(0.01)
for i in range(3):
    accelerator.call(ibuf, obuf, fcbuf, 4)
recorder.stop()
f = recorder.frame
powers = pd.DataFrame(index=f.index)
powers['board_power'] = f['12v_aux_power'] + f['12v_pex_power']
powers['fpga_power'] = f['vccint_power']
print(list(f.columns), len(f) > 0, f['Mark'].unique().tolist())
print("FPGA", round(powers.mean()['fpga_power'], 2), "board", round(powers.mean()['board_power'], 2))
print(rails["12v_aux"])
"""


def test_the_power_benchmark_without_sensors(program: Program) -> None:
    """No sensor, no number."""
    pytest.importorskip("pandas")
    assert program(POWER).stdout == (
        "['Mark', '12v_aux_power', '12v_pex_power', 'vccint_power'] True [0.0]\n"
        "FPGA nan board nan\n"
        "XrtRail {name=12v_aux, voltage=Sensor {name=12v_aux_vol, value=nanV}, current=Sensor {name=12v_aux_curr, value=nanA}, "
        "power=Sensor {name=12v_aux_power, value=nanW}}\n"
    )


RANKS = """
import pynq
local = pynq.Device.devices[3 % len(pynq.Device.devices)]
ol = pynq.Overlay("resnet50.xclbin", device=local)
fcbuf = pynq.allocate((1000,2048), dtype=np.int8, target=ol.bank0)
fcbuf[:] = np.load("fcweights.npy")
fcbuf.sync_to_device()
input_buf = pynq.allocate((3,224,224,3), dtype=np.int8, target=ol.bank0)
output_buf = pynq.allocate((3,5), dtype=np.uint32, target=ol.bank0)
minibatch = np.empty((3,224,224,3), dtype=np.int8)
minibatch[:] = np.load("images.npy")[:3]
input_buf[:] = minibatch
input_buf.sync_to_device()
ol.resnet50_1.start(input_buf, output_buf, fcbuf, 3).wait()
output_buf.sync_from_device()
print(len({name for name in (local.name, ol.device.name)}), pynq.Device.devices.index(local))
result = np.empty((3,5), dtype=np.int32)
result[:] = np.copy(output_buf)
if local is pynq.Device.devices[0]:
    print(found(result, 3))
else:
    print(result.tolist() == np.load("labels.npy")[:3].tolist())  # beside XRT's there is the emulated device
"""


def test_one_device_a_rank(program: Program) -> None:
    lines = program(RANKS).stdout.splitlines()
    assert lines[0].startswith("1 ")
    assert lines[1] == "True"


AROUND = """
import pynq
from pynq import Overlay, allocate, Device
ol = Overlay("resnet50.xclbin")
acc = ol.resnet50_1
print(sorted(ol.ip_dict), sorted(k for k, v in ol.mem_dict.items() if v["used"]), ol.is_loaded(), ol.timestamp == Device.active_device.timestamp)
print(acc.signature)
print("resnet50_1" in ol.__doc__, "bank0" in dir(ol), str(ol.ip_dict)[:1], pynq.PL.bitfile_name == ol.bitfile_name)
print(ol.ip_dict["resnet50_1"]["phys_addr"] == acc.mmio.base_addr, ol.clock_dict["clock0"]["frequency"], acc.register_map.CTRL.AP_IDLE)
attached = Overlay("resnet50.xclbin", download=False)
print(attached.is_loaded(), attached.resnet50_1.read(0x0))
with allocate((2, 224, 224, 3), "i1") as images, allocate(shape=(2, 5), dtype="u4", cacheable=True) as labels:
    weights = ol.bank0.allocate((1000, 2048), dtype=np.int8)
    weights[:] = np.load("fcweights.npy"); weights.flush()
    images[0] = np.load("images.npy")[0]; images[1][...] = np.load("images.npy")[1]
    images.flush()
    acc.call(images, labels, weights, 2)
    labels.invalidate()
    print(found(labels, 2), images.physical_address == images.device_address, images[1].physical_address - images.physical_address)
    print(labels.cacheable, weights.size, images.nbytes, ol.bank0.num_buffers, ol.bank0.mem_used >= weights.nbytes + images.nbytes)
    acc.register_map.numReps = 1
    acc.write(0x34, 2)
    print(acc.read(0x34), int(acc.register_map.numReps), hex(acc.register_map.in_1[31:0]) == hex(images.physical_address % 2**32))
    weights.freebuffer()
weights.freebuffer()
print(ol.bank0 == ol.bank0, ol.bank0.size, ol.bank0.base_address == ol.mem_dict["bank0"]["base_address"], ol.bank0.num_buffers)
ol.gen_cache(); ol.reset(); ol.free(); pynq.PL.shutdown()
open("numReps.bin", "wb").write(b"\\0" * 0x34 + b"\\7\\0\\0\\0")
ol.load_ip_data("resnet50_1", "numReps.bin")
print(acc.read(0x34))
print(ol.resnet50_1 is acc)
"""


def test_what_pynq_programs_ask_besides(program: Program) -> None:
    assert program(AROUND).stdout == (
        "['resnet50_1'] ['bank0'] True True\n"
        "(in_1: 'PynqBuffer in bank0', out: 'PynqBuffer in bank0', weightsmem: 'PynqBuffer in bank0', numReps: 'int')\n"
        "True True { True\n"
        "True 250 1\n"
        "True 4\n"
        "True True 150528\n"
        "True 2048000 301056 3 True\n"
        "2 2 True\n"
        "True 17179869184 True 0\n"
        "7\n"
        "True\n"
    )


SCHEDULED = """
import asyncio, pynq
ol = pynq.Overlay("resnet50.xclbin")
acc = ol.resnet50_1
images, labels = ol.bank0.allocate((7, 224, 224, 3), np.uint8), ol.bank0.allocate((7, 5))
weights = ol.bank0.allocate((1000, 2048), np.int8)
weights[:] = np.load("fcweights.npy"); weights.sync_to_device()
images[:] = np.load("images.npy"); images.sync_to_device()
first = acc.start(images, labels, weights, 3)
second = acc.start_ert(images[3:], labels[3:], weights, 4, waitfor=[first])
print(first.done)
async def main():
    return await second.wait_async()
print(asyncio.run(main()), second.done)
labels.sync_from_device()
print(found(labels, 7))
"""


def test_runs_that_wait_for_each_other(program: Program) -> None:
    assert program(SCHEDULED).stdout == "True\nNone True\nTrue\n"
