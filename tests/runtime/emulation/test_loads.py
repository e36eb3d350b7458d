"""The emulated kernel answers loads as hls/include/resflow/configure.h does, whatever lies in memory."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import runtime
from constants.image import BLOCK_BYTES, Status
from runtime import Accelerator, EmulatedDevice
from runtime.container.manifest import Role
from runtime.device.driver import load
from runtime.emulation import kernel as emulated_kernel
from tests.runtime import tiny

N = 3
IMAGES = np.random.default_rng(0).integers(0, 256, (N, 8, 8, 1)).astype(np.uint8)
REFUSED = 2**32 - 1


class Unit:
    """A compute unit with buffers, reached below its driver, which would load by itself and raise what it answers."""

    def __init__(self, path: Any, result_words: int) -> None:
        self.device = EmulatedDevice()
        self.overlay = load(path, self.device)
        self.driver = self.overlay.tiny_1
        self.image = bytes(self.driver.loaded.xclbin.image)
        bank = self.overlay.bank0
        self.buffers = {
            Role.IMAGES: bank.allocate(IMAGES.shape, np.uint8),
            Role.LABELS: bank.allocate((N, result_words), np.uint32),
            Role.WEIGHTS: bank.allocate(len(self.image), np.uint8),
        }
        self.buffers[Role.IMAGES][:] = IMAGES
        self.buffers[Role.IMAGES].sync_to_device()

    def run(self, frames: int) -> NDArray[np.uint32]:
        results = self.buffers[Role.LABELS]
        results[:] = 77
        results.sync_to_device()
        self.device.start(self.driver.unit, self.buffers, frames).wait()
        results.sync_from_device()
        return np.array(results)

    def load(self, image: bytes) -> int:
        self.buffers[Role.WEIGHTS][:] = np.frombuffer(image, np.uint8)
        self.buffers[Role.WEIGHTS].sync_to_device()
        results = self.run(0)
        assert (results.reshape(-1)[1:] == 77).all()  # the answer is one word
        return int(results[0, 0])


@pytest.fixture
def unit(tmp_path: Any) -> Unit:
    path = tmp_path / "tiny.xclbin"
    path.write_bytes(tiny.loaded_xclbin(scores="int32"))
    return Unit(path, 6)


def expected(tmp_path: Any, seed: int) -> NDArray[np.uint32]:
    """Of the same parameters as constants of the hardware."""
    path = tmp_path / f"rom{seed}.xclbin"
    path.write_bytes(tiny.xclbin(seed=seed, head="rom"))
    with Accelerator.open(path) as accelerator:
        return accelerator.classify(IMAGES)


def other_image(seed: int) -> bytes:
    described = tiny.network(head="rom")
    return tiny.constants(described).image(tiny.draw(described, seed))


def test_frames_before_the_first_load_are_refused(unit: Unit, tmp_path: Any) -> None:
    assert (unit.run(N) == REFUSED).all()
    assert unit.load(unit.image) == Status.LOADED
    assert np.array_equal(unit.run(N)[:, :3], expected(tmp_path, 1))
    assert unit.load(other_image(2)) == Status.LOADED
    assert np.array_equal(unit.run(N)[:, :3], expected(tmp_path, 2))
    assert not np.array_equal(expected(tmp_path, 1), expected(tmp_path, 2))


def at(offset: int, value: bytes) -> Callable[[bytes], bytes]:
    return lambda image: image[:offset] + value + image[offset + len(value) :]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (at(0, b"r"), Status.NO_IMAGE),
        (at(8, b"\2"), Status.NO_IMAGE),
        (at(63, b"\1"), Status.NO_IMAGE),
        (at(24, b"\0"), Status.OTHER_NETWORK),
        (at(16, b"\0\0"), Status.OTHER_LENGTH),
        (at(12, b"\0\0\0\0"), Status.DAMAGED),
        (at(BLOCK_BYTES + 5, b"\x5a"), Status.DAMAGED),
        (lambda image: image[:-1] + b"\1", Status.DAMAGED),  # what fills it up is part of the checksum
    ],
)
@pytest.mark.parametrize("loads_before", [False, True])
def test_what_is_wrong_changes_nothing(unit: Unit, change: Callable[[bytes], bytes], status: Status, loads_before: bool) -> None:
    if loads_before:
        unit.load(unit.image)
    before = unit.run(N)
    assert (before == REFUSED).all() == (not loads_before)
    assert unit.load(change(unit.image)) == status
    assert np.array_equal(unit.run(N), before)


def test_an_image_that_changes_while_it_is_loaded(unit: Unit, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the passes: what was loaded before is lost, and frames are refused until a load is good."""
    unit.load(unit.image)
    check = emulated_kernel.image.check_payload

    def changing(payload: Any, checksum: int) -> None:
        check(payload, checksum)
        unit.buffers[Role.WEIGHTS].bo.device[-1] ^= 1

    monkeypatch.setattr(emulated_kernel.image, "check_payload", changing)
    assert unit.load(other_image(2)) == Status.INTERRUPTED
    assert (unit.run(N) == REFUSED).all()
    monkeypatch.undo()
    assert unit.load(other_image(2)) == Status.LOADED
    assert np.array_equal(unit.run(N)[:, :3], expected(tmp_path, 2))


def test_a_program_that_writes_registers_itself(unit: Unit, tmp_path: Any) -> None:
    """numReps = 0, then frames, as PYNQ's register_map does it."""
    registers = unit.driver.register_map
    for name, role in (("in_1", Role.IMAGES), ("out", Role.LABELS), ("weightsmem", Role.WEIGHTS)):
        setattr(registers, name, unit.buffers[role].device_address)
    unit.buffers[Role.WEIGHTS][:] = np.frombuffer(other_image(2), np.uint8)
    unit.buffers[Role.WEIGHTS].sync_to_device()
    results = unit.buffers[Role.LABELS]
    for frames in (0, N):
        registers.numReps = frames
        registers.CTRL.AP_START = 1
        assert int(registers.CTRL.AP_DONE) == 1
        results.sync_from_device()
        if frames == 0:
            assert results[0, 0] == Status.LOADED
    assert np.array_equal(results[:, :3], expected(tmp_path, 2))


def test_what_could_be_loaded_but_no_network_be_made_of(unit: Unit) -> None:
    """Codes of thresholds that fall, under a checksum that is right: hardware would compute something, the emulator says what is wrong."""
    constants = unit.driver.manifest.constants
    start = BLOCK_BYTES
    for layout in constants.layouts:
        if layout.name == "res2a.conv1_thresholds":
            break
        start += 8 * layout.load_words
    image = bytearray(unit.image)
    rows = image[start : start + 8 * layout.words_a_row]
    image[start : start + len(rows)] = b"\xff" * len(rows)  # of every channel of the row -1 for all: they do not fall
    image[start] = 3
    image[12:16] = zlib.crc32(image[64:]).to_bytes(4, "little")
    with pytest.raises(runtime.XclbinError, match="parameters: res2a/conv1/thresholds: channel 0 goes from 3 to -1"):
        unit.load(bytes(image))
    assert (unit.run(N) == REFUSED).all()
