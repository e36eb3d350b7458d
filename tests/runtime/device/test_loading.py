"""PYNQ's way on a network whose constants are loaded: the driver loads what the xclbin brings, or what it is given."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pynq
import pytest
from numpy.typing import NDArray

from constants.image import Status
from runtime import Accelerator, DeviceError, EmulatedDevice
from runtime.container.xclbin import Xclbin
from runtime.device.loading import State
from tests.runtime import tiny
from tests.runtime.xrt.test_device import OPEN, Run, check, needs_xrt, noop

__all__ = ["noop"]  # a fixture

N = 5
IMAGES = np.random.default_rng(0).integers(0, 256, (N, 8, 8, 1)).astype(np.uint8)
LOADED = tiny.loaded_xclbin()


class Article:
    """PYNQ's program: an overlay, buffers, and a call."""

    def __init__(self, path: Path, content: bytes = LOADED) -> None:
        path.write_bytes(content)
        self.device = EmulatedDevice()
        self.overlay = pynq.Overlay(str(path), device=self.device)
        self.allocate()

    def allocate(self) -> None:
        bank = self.overlay.bank0
        self.inbuf = pynq.allocate((N, 8, 8, 1), dtype=np.uint8, target=bank)
        self.outbuf = pynq.allocate((N, 3), dtype=np.uint32, target=bank)
        self.fcbuf = pynq.allocate((10, 8), dtype=np.int8, target=bank)
        self.inbuf[:] = IMAGES
        self.inbuf.sync_to_device()
        self.fcbuf.sync_to_device()

    def call(self) -> NDArray[np.uint32]:
        self.overlay.tiny_1.call(self.inbuf, self.outbuf, self.fcbuf, N)
        self.outbuf.sync_from_device()
        return np.array(self.outbuf)

    def load(self, image: bytes) -> None:
        """By a call for 0 frames."""
        buffer = pynq.allocate((len(image),), dtype=np.int8, target=self.overlay.bank0)
        buffer[:] = np.frombuffer(image, np.int8)
        buffer.sync_to_device()
        self.overlay.tiny_1.call(self.inbuf, self.outbuf, buffer, 0)


@pytest.fixture
def article(tmp_path: Path) -> Article:
    return Article(tmp_path / "tiny.xclbin")


def image(seed: int) -> bytes:
    described = tiny.network(head="rom")
    return tiny.constants(described).image(tiny.draw(described, seed))


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[int, NDArray[np.uint32]]:
    """Labels of the same parameters as constants of the hardware."""
    found = {}
    for seed in (1, 2):
        with Accelerator.open(tiny.write(tmp_path_factory.mktemp("rom") / "rom.xclbin", seed=seed, head="rom")) as accelerator:
            found[seed] = accelerator.classify(IMAGES)
    assert not np.array_equal(found[1], found[2])
    return found


def test_the_first_call_loads(article: Article, expected: dict[int, Any]) -> None:
    assert article.device.loads.state("tiny_1") is State.NOTHING
    assert np.array_equal(article.call(), expected[1])
    assert article.device.loads.state("tiny_1") is State.TRIED
    article.load(image(2))
    assert article.outbuf[0, 0] == Status.LOADED
    assert np.array_equal(article.call(), expected[2])
    article.overlay.tiny_1.load(image(1))
    assert np.array_equal(article.call(), expected[1])


def test_threads_that_call_first_at_once(article: Article, expected: dict[int, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is loaded once, and before all of their frames."""
    loads, load = [], type(article.overlay.tiny_1).load

    def counted(self: Any, content: bytes) -> None:
        loads.append(len(content))
        load(self, content)

    monkeypatch.setattr(type(article.overlay.tiny_1), "load", counted)
    outbufs = [pynq.allocate((N, 3), dtype=np.uint32, target=article.overlay.bank0) for _ in range(6)]
    with ThreadPoolExecutor(6) as threads:
        for each in [threads.submit(article.overlay.tiny_1.call, article.inbuf, outbuf, article.fcbuf, N) for outbuf in outbufs]:
            each.result()
    assert loads == [len(image(1))]
    for outbuf in outbufs:
        outbuf.sync_from_device()
        assert np.array_equal(outbuf, expected[1])


def test_what_was_loaded_before_the_first_call_stays(article: Article, expected: dict[int, Any]) -> None:
    article.load(image(2))
    assert np.array_equal(article.call(), expected[2])
    # Another driver of the same device knows it, too.
    article.overlay = pynq.Overlay(article.overlay.bitfile_name, device=article.device, download=False)
    assert np.array_equal(article.call(), expected[2])


def test_downloaded_again_nothing_is_loaded(article: Article, expected: dict[int, Any]) -> None:
    article.load(image(2))
    article.overlay.download()
    article.allocate()
    assert np.array_equal(article.call(), expected[1])


def test_loads_leave_nothing_in_memory(article: Article) -> None:
    article.call()
    gc.collect()
    used = article.overlay.bank0.mem_used
    for seed in (1, 2):
        article.overlay.tiny_1.load(image(seed))
    assert article.overlay.bank0.mem_used == used


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (0, "tiny_1: load: no image of constants\n"
            "why: what weightsmem points to does not begin as one, or is of another version\n"
            "fix: pass a buffer with all bytes of a .constants file, and sync it to the device first"),
        (30, "tiny_1: load: constants of another network\n"
             "why: the fingerprint in the image is not that of this hardware\n"
             "fix: make the image for tiny: load_parameters takes an npz, too"),
        (16, "tiny_1: load: an image of another length\n"
             f"why: this network has {tiny.constants(tiny.network(head='rom')).words:,} words\n"
             "fix: make the image again"),
        (64, "tiny_1: load: damaged constants\n"
             "why: their checksum is not the one in the header; what was loaded before is kept\n"
             "fix: sync the buffer to the device before the call, or copy the file again"),
    ],
)  # fmt: skip
def test_what_is_refused_is_said_and_changes_nothing(article: Article, expected: dict[int, Any], place: int, message: str) -> None:
    for seed in (1, 2):
        with pytest.raises(DeviceError) as error:
            article.load(flipped(image(2), place))
        assert str(error.value) == message
        assert np.array_equal(article.call(), expected[seed])  # at first what the xclbin brings
        article.load(image(2))


def test_a_load_that_is_broken_off(article: Article, expected: dict[int, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames are refused, here already, and not computed with what the xclbin brings: somebody wanted others."""
    from runtime.emulation import kernel

    calls = iter([False, True])

    def check_payload(*_: Any) -> None:
        if next(calls):
            raise kernel.image.ImageError(Status.DAMAGED, "changed", "")

    article.call()
    monkeypatch.setattr(kernel.image, "check_payload", check_payload)
    with pytest.raises(DeviceError) as error:
        article.load(image(2))
    assert str(error.value) == (
        "tiny_1: load: constants that changed while they were loaded\n"
        "why: their checksum was right when they were checked, and wrong when they were written: what is loaded now is undefined\n"
        "fix: load again; until then frames are refused"
    )
    monkeypatch.undo()
    refused = (
        "tiny_1: the frames were refused\n"
        "why: nothing is loaded: no load was good since the xclbin was, or the last one was broken off\n"
        "fix: load constants first: overlay.<cu>.load(image), or Accelerator.load_parameters(path)"
    )
    with pytest.raises(DeviceError) as error:
        article.call()
    assert str(error.value) == refused
    # The kernel says so itself.
    article.device.loads.states["tiny_1"] = State.TRIED
    with pytest.raises(DeviceError) as error:
        article.call()
    assert str(error.value) == refused
    article.load(image(2))
    assert np.array_equal(article.call(), expected[2])


def test_buffers_of_a_load(article: Article) -> None:
    size = len(image(1))
    with pytest.raises(DeviceError) as error:
        article.load(image(1)[:-1])
    assert str(error.value) == (
        f"tiny_1.weightsmem: a buffer of {size - 1} bytes\nwhy: the kernel reads {size}\n"
        f"fix: pass a int8 buffer of at least {size} bytes in bank0, from pynq.allocate"
    )
    for wrong in (image(1)[:-1], image(1) + b"\0", b""):
        with pytest.raises(DeviceError) as error:
            article.overlay.tiny_1.load(wrong)
        words = article.overlay.tiny_1.manifest.constants.words
        assert str(error.value) == (
            f"tiny_1: load: {len(wrong):,} bytes\nwhy: an image of {words:,} words has {size:,}\n"
            "fix: pass all bytes of a .constants file of this network"
        )
    with pytest.raises(DeviceError, match=r"tiny_1.numReps: -1 frames\nwhy: it is the number of frames, 0 to 2\^32 - 1; 0 is a load\n"):
        article.overlay.tiny_1.call(article.inbuf, article.outbuf, article.fcbuf, -1)


def test_a_network_that_loads_nothing(tmp_path: Path) -> None:
    article = Article(
        tmp_path / "rom.xclbin",
        tiny.xclbin(head="stream", arguments=tiny.arguments(in_bank="bank0", out_bank="bank0", weights_bank="bank0")),
    )
    with pytest.raises(DeviceError) as error:
        article.overlay.tiny_1.load(b"")
    assert str(error.value) == (
        "tiny_1: nothing to load\nwhy: its constants are part of the hardware\nfix: build it with constants: loaded in its description"
    )
    with pytest.raises(DeviceError, match=r"tiny_1.numReps: 0 frames\nwhy: it is the number of frames, 1 to 2\^32 - 1\n"):
        article.load(bytes(80))


def test_weights_that_the_host_passes_beside_constants(tmp_path: Path, expected: dict[int, Any]) -> None:
    """Those of a call are at weightsmem, and those of a load, as in a network that streams them and loads the others."""
    article = Article(tmp_path / "tiny.xclbin", tiny.loaded_xclbin(head="stream"))
    article.fcbuf[:] = Xclbin.read(article.overlay.bitfile_name).weights
    article.fcbuf.sync_to_device()
    assert np.array_equal(article.call(), expected[1])


@needs_xrt
def test_xrt_takes_the_calls(noop: Run, tmp_path: Path) -> None:
    """noop ends every run at once, and answers nothing: that is no refusal."""
    (tmp_path / "card.xclbin").write_bytes(tiny.linked_for_a_card(loads=True))
    script = """
ol, unit, i, o, w = opened("card.xclbin")
print(unit.manifest.constants.words, unit.manifest.weights, ol.device.loads.states)
unit.call(i, o, w, 5)
print(ol.device.loads.states["tiny_1"])
with runtime.Accelerator.open("card.xclbin") as accelerator:
    print(accelerator.classify(np.zeros((5, 8, 8, 1), np.uint8)).tolist())
"""
    words = tiny.constants(tiny.network()).words
    check(noop(OPEN + script), f"{words} (10, 8) {{}}\nState.TRIED\n{[[0] * 3] * 5}\n")
