"""The emulated device under PYNQ: what the articles show, and what goes wrong."""

from __future__ import annotations

import asyncio
import gc
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pynq
import pytest

import runtime
from runtime import Accelerator, DeviceError, EmulatedDevice
from runtime.container.axlf import Axlf, Mode
from runtime.device import pci
from tests.runtime import tiny

N = 5


def images(count: int = N, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 1)).astype(np.uint8)


class Loaded:
    """An overlay on a device of its own, with the buffers of the article."""

    def __init__(self, path: Path) -> None:
        self.overlay = pynq.Overlay(str(path), device=EmulatedDevice())
        self.accelerator = self.overlay.tiny_1
        self.inbuf = pynq.allocate((N, 8, 8, 1), dtype=np.uint8, target=self.overlay.bank0)
        self.outbuf = pynq.allocate((N, 3), dtype=np.uint32, target=self.overlay.bank0)
        self.fcbuf = pynq.allocate((10, 8), dtype=np.int8, target=self.overlay.PLRAM0)
        self.inbuf[:] = images()
        self.fcbuf[:] = self.overlay.device.xclbin.weights
        self.inbuf.sync_to_device()
        self.fcbuf.sync_to_device()
        self.arguments = [self.inbuf, self.outbuf, self.fcbuf, N]


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    return Loaded(tiny.write(tmp_path / "tiny.xclbin"))


@pytest.fixture
def expected(tmp_path: Path) -> Any:
    with Accelerator.open(tiny.write(tmp_path / "expected.xclbin")) as accelerator:
        return accelerator.classify(images())


ARTICLE = """
import numpy as np, pynq, runtime
ol = pynq.Overlay("build/tiny.xclbin")
accelerator = ol.tiny_1
print(accelerator.register_map)
n = 5
inbuf  = pynq.allocate((n, 8, 8, 1), dtype=np.uint8, target=ol.bank0)
outbuf = pynq.allocate((n, 3), dtype=np.uint32, target=ol.bank0)
fcbuf  = pynq.allocate((10, 8), dtype=np.int8, target=ol.PLRAM0)
inbuf[:] = np.load("images.npy"); inbuf.sync_to_device()
fcbuf[:] = np.load("weights.npy"); fcbuf.sync_to_device()
accelerator.call(inbuf, outbuf, fcbuf, n)
outbuf.sync_from_device()
print(outbuf.tolist())
"""


def test_the_article_as_it_stands(tmp_path: Path, expected: Any) -> None:
    (tmp_path / "build").mkdir()
    tiny.write(tmp_path / "build" / "tiny.xclbin")
    np.save(tmp_path / "images.npy", images())
    np.save(tmp_path / "weights.npy", tiny.draw(tiny.network())["head/fc/weights"])
    package = Path(pynq.__file__).parent
    before = sorted(package.rglob("*.json")), sorted(os.listdir(tmp_path))
    environment = os.environ | {"PYTHONPATH": str(Path(runtime.__file__).parents[1]), "HOME": str(tmp_path)}
    ran = subprocess.run([sys.executable, "-c", ARTICLE], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.stderr == ""
    registers, labels = ran.stdout.rsplit("\n}\n", 1)
    assert registers == (
        "RegisterMap {\n"
        "  CTRL = Register(AP_START=0, AP_DONE=0, AP_IDLE=1, AP_READY=0, AP_CONTINUE=0, AUTO_RESTART=0),\n"
        "  in_1 = Register(value=0),\n"
        "  out = Register(value=0),\n"
        "  weightsmem = Register(value=0),\n"
        "  numReps = Register(value=0)"
    )
    assert labels == f"{expected.tolist()}\n"
    # PYNQ's devices like to leave the loaded file and their state behind.
    assert (sorted(package.rglob("*.json")), sorted(os.listdir(tmp_path))) == before


def test_pynq_finds_the_device() -> None:
    found = [device for device in pynq.Device.devices if isinstance(device, EmulatedDevice)]
    assert len(found) == 1


def test_start_gives_a_handle(loaded: Loaded, expected: Any) -> None:
    loaded.accelerator.start(*loaded.arguments).wait()
    loaded.outbuf.sync_from_device()
    assert np.array_equal(loaded.outbuf, expected)


def test_arguments_have_names(loaded: Loaded, expected: Any) -> None:
    inbuf, outbuf, fcbuf, _ = loaded.arguments
    assert list(loaded.accelerator.signature.parameters) == ["in_1", "out", "weightsmem", "numReps"]
    loaded.accelerator.call(inbuf, numReps=N, weightsmem=fcbuf, out=outbuf)
    outbuf.sync_from_device()
    assert np.array_equal(outbuf, expected)


def test_registers_run_the_kernel(loaded: Loaded, expected: Any) -> None:
    accelerator, registers = loaded.accelerator, loaded.accelerator.register_map
    registers.in_1 = loaded.inbuf.device_address
    registers.out = loaded.outbuf.device_address
    for i, word in enumerate(divmod(loaded.fcbuf.device_address, 2**32)[::-1]):
        accelerator.write(0x28 + 4 * i, word)
    registers.numReps = N
    assert accelerator.read(0x0) == 0b0100
    registers.CTRL.AP_START = 1
    assert accelerator.read(0x0) == 0b1110  # idle, done, ready
    assert accelerator.read(0x0) == 0b0110  # ready is cleared by reading, done by AP_CONTINUE
    registers.CTRL.AP_CONTINUE = 1
    assert accelerator.read(0x0) == 0b0100
    loaded.outbuf.sync_from_device()
    assert np.array_equal(loaded.outbuf, expected)


def test_registers_can_be_written_at_once(loaded: Loaded, expected: Any) -> None:
    addresses = [buffer.device_address for buffer in loaded.arguments[:-1]]
    loaded.accelerator.write(0x0, struct.pack("<16xQ4xQ4xQ4xI", *addresses, N))
    assert loaded.accelerator.read(0x0) == 0b0100
    loaded.accelerator.write(0x0, b"\1\0\0\0")
    loaded.outbuf.sync_from_device()
    assert np.array_equal(loaded.outbuf, expected)


def test_a_driver_writes_the_same_registers(loaded: Loaded) -> None:
    loaded.accelerator.call(*loaded.arguments)
    words = [loaded.accelerator.read(offset) for offset in (0x10, 0x14, 0x1C, 0x20, 0x28, 0x2C, 0x34)]
    assert words == [0, 0x40, 0x1000, 0x40, 0, 0x30, N]


def test_a_forgotten_sync_to_the_device_shows(loaded: Loaded, expected: Any) -> None:
    loaded.inbuf[:] = images(seed=1)
    loaded.accelerator.call(*loaded.arguments)
    loaded.outbuf.sync_from_device()
    assert np.array_equal(loaded.outbuf, expected)  # of the images before
    loaded.inbuf.sync_to_device()
    loaded.accelerator.call(*loaded.arguments)
    loaded.outbuf.sync_from_device()
    assert not np.array_equal(loaded.outbuf, expected)


def test_a_forgotten_sync_from_the_device_shows(loaded: Loaded, expected: Any) -> None:
    loaded.accelerator.call(*loaded.arguments)
    assert not loaded.outbuf.any()
    loaded.outbuf.sync_from_device()
    assert np.array_equal(loaded.outbuf, expected)


def test_slices_sync_their_part(loaded: Loaded) -> None:
    loaded.inbuf[:] = 1
    loaded.inbuf[1:3].sync_to_device()
    loaded.inbuf[:] = 0
    loaded.inbuf.sync_from_device()
    assert (loaded.inbuf[1:3] == 1).all()
    assert np.array_equal(loaded.inbuf[3:], images()[3:])


def test_a_slice_can_be_an_argument(loaded: Loaded, expected: Any) -> None:
    loaded.accelerator.call(loaded.inbuf[2:], loaded.outbuf, loaded.fcbuf, N - 2)
    loaded.outbuf.sync_from_device()
    assert np.array_equal(loaded.outbuf[: N - 2], expected[2:])


def test_buffers_are_freed_with_their_last_reference(loaded: Loaded) -> None:
    address = pynq.allocate((100,), target=loaded.overlay.bank0).device_address
    gc.collect()
    again = pynq.allocate((100,), target=loaded.overlay.bank0)
    assert again.device_address == address
    again.freebuffer()
    again.freebuffer()
    with pytest.raises(DeviceError) as caught:
        again.sync_to_device()
    assert str(caught.value) == "bank0: a buffer that is no longer there\nwhy: it was freed\nfix: allocate it again"


def test_copies_are_no_buffers(loaded: Loaded) -> None:
    for array in (loaded.inbuf.copy(), loaded.inbuf + np.uint8(1)):
        for use in (array.sync_to_device, array.sync_from_device, lambda array=array: array.device_address):
            with pytest.raises(DeviceError) as caught:
                use()
            assert str(caught.value) == (
                "bank0: an array that is no buffer\nwhy: it is a copy, the result of arithmetic, or a view that is not contiguous\n"
                "fix: use the buffer that was allocated, or a slice of it"
            )


def test_no_empty_buffers(loaded: Loaded) -> None:
    with pytest.raises(DeviceError, match=r"^bank0: a buffer of 0 bytes\nwhy: a buffer has at least one byte\n"):
        pynq.allocate((0, 5), target=loaded.overlay.bank0)


def test_unused_banks_are_not_there(loaded: Loaded) -> None:
    with pytest.raises(AttributeError):
        _ = loaded.overlay.bank1


def test_allocate_without_a_bank(tmp_path: Path, loaded: Loaded) -> None:
    with pytest.raises(DeviceError) as caught:
        pynq.allocate((4,), target=loaded.overlay.device)
    tag = loaded.overlay.device.tag
    assert str(caught.value) == (
        f"{tag}: a buffer without a bank\nwhy: the accelerator uses bank0, PLRAM[0]\nfix: pass target=overlay.<bank> to allocate"
    )
    one_bank = pynq.Overlay(str(tiny.write(tmp_path / "rom.xclbin", head="rom")), device=EmulatedDevice())
    assert pynq.allocate((4,), target=one_bank.device).device_address == 0x40_0000_0000


def _freed(loaded: Loaded) -> Any:
    loaded.inbuf.freebuffer()
    return loaded.inbuf


def _other(loaded: Loaded) -> Any:
    return Loaded(Path(loaded.overlay.bitfile_name)).inbuf


GONE = "a buffer that is no longer there\nwhy: it was freed"
COPY = "an array that is no buffer\nwhy: it is a copy or the result of arithmetic"
COUNT = "why: it is the number of frames, 1 to 2^32 - 1\nfix: pass the length of the batch"
INBUF = "pass a uint8 buffer of at least 320 bytes in bank0, from pynq.allocate"
OUTBUF = "pass a uint32 buffer of at least 60 bytes in bank0, from pynq.allocate"


@pytest.mark.parametrize(
    ("index", "change", "message"),
    [
        (0, lambda _: images(), f"tiny_1.in_1: a ndarray\nwhy: the kernel reaches the device's memory only\nfix: {INBUF}"),
        (0, _other, f"tiny_1.in_1: a buffer of another device\nwhy: the kernel reaches the memory of its own device only\nfix: {INBUF}"),
        (0, _freed, f"tiny_1.in_1: {GONE}\nfix: {INBUF}"),
        (0, lambda o: o.inbuf.copy(), f"tiny_1.in_1: {COPY}\nfix: {INBUF}"),
        (0, lambda o: o.inbuf[::2],
         f"tiny_1.in_1: a view with strides (128, 8, 1, 1)\nwhy: the kernel takes one frame after the other\nfix: {INBUF}"),
        (0, lambda o: o.inbuf[1:], f"tiny_1.in_1: a buffer of 256 bytes\nwhy: the kernel reads 320\nfix: {INBUF}"),
        (0, lambda o: pynq.allocate((N, 8, 8, 1), target=o.overlay.bank0),
         f"tiny_1.in_1: a buffer of uint32\nwhy: the kernel reads uint8\nfix: {INBUF}"),
        (0, lambda o: pynq.allocate((N, 8, 8, 1), bool, target=o.overlay.bank0),
         f"tiny_1.in_1: a buffer of bool\nwhy: the kernel reads uint8\nfix: {INBUF}"),
        (1, lambda o: pynq.allocate((N, 3), np.float32, target=o.overlay.bank0),
         f"tiny_1.out: a buffer of float32\nwhy: the kernel writes uint32\nfix: {OUTBUF}"),
        (1, lambda o: pynq.allocate((N, 3), ">u4", target=o.overlay.bank0),
         f"tiny_1.out: a buffer of >u4\nwhy: the kernel writes uint32\nfix: {OUTBUF}"),
        (1, lambda o: pynq.allocate((N, 12), np.uint8, target=o.overlay.bank0),
         f"tiny_1.out: a buffer of uint8\nwhy: the kernel writes uint32\nfix: {OUTBUF}"),
        (1, lambda o: o.outbuf[1:], f"tiny_1.out: a buffer of 48 bytes\nwhy: the kernel writes 60\nfix: {OUTBUF}"),
        (2, lambda o: pynq.allocate((10, 8), np.int8, target=o.overlay.bank0),
         "tiny_1.weightsmem: a buffer in bank0\nwhy: this port of the kernel is connected to PLRAM[0]\n"
         "fix: pass a int8 buffer of at least 80 bytes in PLRAM[0], from pynq.allocate"),
        (3, lambda _: 0, f"tiny_1.numReps: 0 frames\n{COUNT}"),
        (3, lambda _: "5", f"tiny_1.numReps: '5' frames\n{COUNT}"),
        (3, lambda _: True, f"tiny_1.numReps: True frames\n{COUNT}"),
        (3, lambda _: 2**32, f"tiny_1.numReps: 4294967296 frames\n{COUNT}"),
    ],
)  # fmt: skip
def test_arguments_the_kernel_cannot_take(loaded: Loaded, index: int, change: Any, message: str) -> None:
    arguments: list[Any] = list(loaded.arguments)
    arguments[index] = change(loaded)
    with pytest.raises(DeviceError) as caught:
        loaded.accelerator.call(*arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("shapes", "dtypes"),
    [
        ([(N, 8, 8, 1), (N, 3), (10, 8)], "int8 int32 uint8"),
        ([(N, 1, 8, 8), (3, N), (80,)], "uint8 uint32 int8"),
        ([(N * 64,), (2, 50), (4, 5, 6)], "int8 uint32 uint8"),
    ],
)
def test_buffers_are_bytes(loaded: Loaded, expected: Any, shapes: list[Any], dtypes: str) -> None:
    """Any integers of the size, and any shape with enough of them."""
    banks = (loaded.overlay.bank0, loaded.overlay.bank0, loaded.overlay.PLRAM0)
    inbuf, outbuf, fcbuf = (pynq.allocate(*each, target=bank) for *each, bank in zip(shapes, dtypes.split(), banks, strict=True))
    np.asarray(inbuf).reshape(-1)[:] = images().reshape(-1)
    np.asarray(fcbuf).reshape(-1)[:80] = np.asarray(loaded.fcbuf).reshape(-1)
    inbuf.sync_to_device()
    fcbuf.sync_to_device()
    loaded.accelerator.call(inbuf, outbuf, fcbuf, N)
    outbuf.sync_from_device()
    assert np.array_equal(np.asarray(outbuf).reshape(-1)[: N * 3].reshape(N, 3), expected)


def test_images_that_do_not_fill_words(tmp_path: Path) -> None:
    """Enough bytes, but not where the kernel looks for the second image."""
    overlay = pynq.Overlay(str(tiny.write(tmp_path / "padded.xclbin", image=(5, 5, 3))), device=EmulatedDevice())
    batch = np.random.default_rng(3).integers(0, 256, (2, 5, 5, 3)).astype(np.uint8)
    outbuf, fcbuf = overlay.bank0.allocate((2, 3)), overlay.PLRAM0.allocate((10, 8), np.int8)
    fcbuf[:] = overlay.device.xclbin.weights
    fcbuf.sync_to_device()
    with pytest.raises(DeviceError) as caught:
        overlay.tiny_1.call(overlay.bank0.allocate((4, 5, 5, 3), np.int8), outbuf, fcbuf, 2)
    assert str(caught.value) == (
        "tiny_1.in_1: an image every 75 bytes\nwhy: the kernel reads whole words of 64 bytes, and so an image every 128\n"
        "fix: allocate (2, 128) and put each image into the first 75 bytes of its row"
    )
    inbuf = overlay.bank0.allocate((2, 128), np.int8)
    inbuf[:, :75] = batch.reshape(2, 75)
    inbuf.sync_to_device()
    overlay.tiny_1.call(inbuf, outbuf, fcbuf, 2)
    outbuf.sync_from_device()
    with Accelerator.open(tmp_path / "padded.xclbin") as accelerator:
        assert np.array_equal(outbuf, accelerator.classify(batch))


def test_too_few_arguments_are_a_type_error(loaded: Loaded) -> None:
    with pytest.raises(TypeError, match="missing a required argument: 'numReps'"):
        loaded.accelerator.call(*loaded.arguments[:-1])


def test_an_address_of_no_buffer_is_told(loaded: Loaded) -> None:
    loaded.accelerator.call(*loaded.arguments)
    loaded.accelerator.write(0x10, 0x800000)
    with pytest.raises(DeviceError) as caught:
        loaded.accelerator.write(0x0, 1)
    assert str(caught.value) == (
        "tiny_1: in = 0x4000800000\nwhy: no buffer in bank0 has the 320 bytes from there on\n"
        "fix: pass the device_address of a buffer that is large enough"
    )


def test_no_frames_are_no_work(loaded: Loaded) -> None:
    loaded.accelerator.write(0x0, 1)
    assert loaded.accelerator.read(0x0) == 0b1110


def test_auto_restart_is_not_emulated(loaded: Loaded) -> None:
    with pytest.raises(DeviceError, match=r"^tiny_1: CTRL = AUTO_RESTART\nwhy: the emulated kernel runs once per start\n"):
        loaded.accelerator.register_map.CTRL.AUTO_RESTART = 1


def test_an_accelerator_that_was_replaced(tmp_path: Path, loaded: Loaded) -> None:
    other = pynq.Overlay(str(tiny.write(tmp_path / "other.xclbin", seed=2)), device=loaded.overlay.device)
    with pytest.raises(DeviceError) as caught:
        loaded.accelerator.call(*loaded.arguments)
    assert str(caught.value) == (
        f"tiny_1: its xclbin is not loaded\nwhy: {other.device.tag} has another one loaded: {tmp_path}/other.xclbin\n"
        "fix: use the overlay that was loaded last, or load this one again: overlay.download()"
    )
    with pytest.raises(DeviceError, match=r"^tiny_1.in_1: a buffer that is no longer there\nwhy: it was lost when an xclbin was loaded "):
        other.tiny_1.call(*loaded.arguments)


def test_not_downloaded(tmp_path: Path) -> None:
    device = EmulatedDevice()
    overlay = pynq.Overlay(str(tiny.write(tmp_path / "tiny.xclbin")), device=device, download=False)
    with pytest.raises(DeviceError) as caught:
        _ = overlay.tiny_1
    why, fix = "no overlay was downloaded, or the device was closed since", "load an xclbin: pynq.Overlay(path), or overlay.download()"
    assert str(caught.value) == f"{device.tag}: nothing is loaded\nwhy: {why}\nfix: {fix}"
    overlay.download()
    assert overlay.tiny_1.read(0x0) == 0b0100


def test_a_card_is_needed_for_what_was_built_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pci, "SYSFS", tmp_path)
    path = tmp_path / "card.xclbin"
    path.write_bytes(tiny.linked_for_a_card())
    assert Axlf.parse(path.read_bytes()).mode == Mode.PR
    whys = {
        "there is no card here: no device is held by the driver xocl": lambda: Accelerator.open(path),
        "there is no such card here, and an emulated device runs no bitstream": lambda: pynq.Overlay(str(path), device=EmulatedDevice()),
    }
    for why, opening in whys.items():
        with pytest.raises(DeviceError) as caught:
            opening()
        assert str(caught.value) == (
            f"{path}: built for the card xilinx_u250_gen3x16_xdma_4_1_202210_1\nwhy: {why}\n"
            "fix: open it on a machine with the card, or build and open the network's emulation xclbin"
        )


def test_two_networks_on_two_devices(tmp_path: Path, loaded: Loaded, expected: Any) -> None:
    with Accelerator.open(tiny.write(tmp_path / "other.xclbin", seed=2, network="other")) as other:
        assert other.overlay.other_1.manifest.network == "other"
        loaded.accelerator.call(*loaded.arguments)
    loaded.outbuf.sync_from_device()
    assert np.array_equal(loaded.outbuf, expected)


def test_two_compute_units(tmp_path: Path, expected: Any) -> None:
    path = tmp_path / "two.xclbin"
    path.write_bytes(tiny.with_two_units(tiny.xclbin()))
    overlay = pynq.Overlay(str(path), device=EmulatedDevice())
    found = []
    for unit, bank in ((overlay.tiny_1, overlay.bank0), (overlay.tiny_2, overlay.bank1)):
        inbuf, outbuf = pynq.allocate((N, 8, 8, 1), np.uint8, target=bank), pynq.allocate((N, 3), np.uint32, target=bank)
        fcbuf = pynq.allocate((10, 8), np.int8, target=overlay.PLRAM0)
        inbuf[:], fcbuf[:] = images(), overlay.device.xclbin.weights
        inbuf.sync_to_device()
        fcbuf.sync_to_device()
        found.append((unit.start(inbuf, outbuf, fcbuf, N), outbuf, (inbuf, fcbuf)))
    for run, outbuf, _ in found:
        assert run.wait(60)
        assert run.done
        outbuf.sync_from_device()
        assert np.array_equal(outbuf, expected)
    assert overlay.tiny_2.read(0x34) == N
    with pytest.raises(DeviceError, match=r"^tiny_2.in_1: a buffer in bank0\nwhy: this port of the kernel is connected to bank1\n"):
        overlay.tiny_2.call(loaded_in(overlay.bank0), found[1][1], found[1][2][1], N)


def loaded_in(bank: Any) -> Any:
    return pynq.allocate((N, 8, 8, 1), np.uint8, target=bank)


def test_a_run_can_be_awaited(loaded: Loaded, expected: Any) -> None:
    async def classify() -> bool:
        return await loaded.accelerator.start(*loaded.arguments)

    assert asyncio.run(classify())
    loaded.outbuf.sync_from_device()
    assert np.array_equal(loaded.outbuf, expected)
