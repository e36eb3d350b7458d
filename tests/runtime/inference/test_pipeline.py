from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from runtime import Accelerator, DeviceError, ImageError
from runtime.bench import pipeline as bench
from runtime.bench.timed import TimedDevice
from runtime.container.axlf import Protocol
from runtime.container.manifest import ImageShape
from runtime.device.driver import load
from tests.runtime import tiny
from tests.runtime.inference.test_images import png_header

SHAPE = ImageShape(8, 8, 1)


def images(count: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, *SHAPE)).astype(np.uint8)


@pytest.fixture
def accelerator(tmp_path: Path) -> Any:
    with Accelerator.open(tiny.write(tmp_path / "tiny.xclbin")) as accelerator:
        yield accelerator


@pytest.fixture
def timed() -> Any:
    """An accelerator that takes 1 ms a frame."""
    device = TimedDevice(SHAPE, seconds_a_frame=1e-3)
    with Accelerator(load(__file__, device)) as accelerator:
        yield accelerator


def buffers(accelerator: Accelerator) -> int:
    """How many there are on an emulated device."""
    return sum(len(memory._allocations) for memory in accelerator.devices[0]._loaded.memories.values())


def decoders() -> int:
    return sum(thread.name.startswith("decode") for thread in threading.enumerate())


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    before = decoders()
    yield
    assert decoders() == before


@pytest.mark.parametrize("batch", [1, 3, 32, 1000])
@pytest.mark.parametrize("units", [1, 2])
def test_paths_and_arrays_in_order(tmp_path: Path, batch: int, units: int) -> None:
    data = tiny.xclbin()
    (tmp_path / "tiny.xclbin").write_bytes(data if units == 1 else tiny.with_two_units(data))
    batches = images(101)
    items: list[Any] = list(batches)
    for i in range(0, 101, 2):
        Image.fromarray(batches[i, :, :, 0]).save(tmp_path / f"{i}.png")
        items[i] = tmp_path / f"{i}.png" if i % 4 else str(tmp_path / f"{i}.png")
    with Accelerator.open(tmp_path / "tiny.xclbin") as accelerator:
        before = buffers(accelerator)
        found = list(accelerator.stream(items, batch=batch))
        assert np.array_equal(found, accelerator.classify(batches))
        assert buffers(accelerator) == before
        assert list(accelerator.stream([])) == []


def test_errors_are_in_their_places(accelerator: Accelerator, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("hello")
    good = images(4)
    items = [good[0], "none.png", good[1], tmp_path / "text.png", good[2][:4], [1], good[3].astype(float), good[3]]
    found = list(accelerator.stream(items, batch=3))
    labels = [result for result in found if not isinstance(result, ImageError)]
    assert np.array_equal(labels, accelerator.classify(good[[0, 1, 3]]))
    takes = "why: tiny takes paths and arrays uint8 (8, 8, 1)\nfix: resize and convert it first"
    assert [str(found[i]) for i in (1, 3, 4, 5, 6)] == [
        "none.png: cannot be read\nwhy: No such file or directory\nfix: check the path",
        f"{tmp_path / 'text.png'}: not an image\nwhy: it must be one of PNG, JPEG, BMP, GIF, PPM, TIFF, WEBP\nfix: pass an image file",
        f"image: uint8 (4, 8, 1)\n{takes}",
        f"image: a list\n{takes}",
        f"image: float64 (8, 8, 1)\n{takes}",
    ]
    assert len(list(accelerator.stream(["none"] * 50, batch=4))) == 50


def test_a_folder_of_oddities(accelerator: Accelerator, tmp_path: Path) -> None:
    """Each gets labels or an error of its own; the ones between them go on."""
    good = images(9)
    for i, pixels in enumerate(good):
        Image.fromarray(pixels[:, :, 0]).save(tmp_path / f"{i}-good.png")
    data = (tmp_path / "0-good.png").read_bytes()
    photograph = Image.fromarray(np.random.default_rng(1).integers(0, 256, (90, 90, 3)).astype(np.uint8))
    photograph.save(tmp_path / "photograph.jpg")
    (tmp_path / "0-truncated.jpg").write_bytes((tmp_path / "photograph.jpg").read_bytes()[:-700])
    (tmp_path / "1-text.png").write_text("not a picture\n")
    (tmp_path / "2-empty.png").write_bytes(b"")
    (tmp_path / "3-cut.png").write_bytes(data[: len(data) // 2])
    (tmp_path / "4-bomb.png").write_bytes(png_header(20_000, 20_000))
    (tmp_path / "5-folder.png").mkdir()
    Image.new("F", (8, 8), 1.0).save(tmp_path / "6-float.tiff")
    Image.fromarray(good[0, :, :, 0].astype(np.uint16) << 8).save(tmp_path / "7-deep.png")
    photograph.convert("CMYK").save(tmp_path / "7-inks.jpg")
    Image.new("RGB", (1, 1)).save(tmp_path / "8-one.png")
    photograph.save(tmp_path / "8-moving.gif", save_all=True, append_images=[photograph.rotate(90)])
    paths = sorted(path for path in tmp_path.iterdir() if path.name[1] == "-")
    found = dict(zip([path.name for path in paths], accelerator.stream(paths, batch=3), strict=True))
    errors = {name: str(result).split("\n")[0].split(": ", 1)[1] for name, result in found.items() if isinstance(result, ImageError)}
    assert errors == {
        "0-truncated.jpg": "a damaged image",
        "1-text.png": "not an image",
        "2-empty.png": "not an image",
        "3-cut.png": "a damaged image",
        "4-bomb.png": "too large an image",
        "5-folder.png": "not an image",
        "6-float.tiff": "not 8 bits a channel",
        "7-deep.png": "not 8 bits a channel",
        "7-inks.jpg": "colours as CMYK",
        "8-moving.gif": "several images in one file",
        "8-one.png": "a single pixel",
    }
    assert np.array_equal([found[f"{i}-good.png"] for i in range(9)], accelerator.classify(good))


def test_a_stream_that_is_never_started_allocates_nothing(accelerator: Accelerator) -> None:
    before, threads, source = buffers(accelerator), threading.active_count(), iter(images(3))
    results = accelerator.stream(source, batch=2)
    assert (buffers(accelerator), threading.active_count()) == (before, threads)
    del results
    assert (buffers(accelerator), len(list(source))) == (before, 3)
    begun = accelerator.stream(images(3), batch=2)
    next(begun)
    assert buffers(accelerator) > before
    begun.close()
    assert buffers(accelerator) == before


def test_little_is_read_ahead(timed: Accelerator) -> None:
    read = itertools.count()
    endless = (image for image in itertools.cycle(images(3)) if next(read) >= 0)
    results = timed.stream(endless, batch=4, decoders=2)
    for _ in range(100):
        next(results)
    assert next(read) <= 100 + 3 * 4 + 4 + 2 * 2 + 1
    results.close()


def test_results_do_not_wait_for_a_slow_source(accelerator: Accelerator) -> None:
    """Batches of 16 could be had, but the device would have to wait for them."""
    read = 0

    def slow() -> Iterator[NDArray[np.uint8]]:
        nonlocal read
        for image in images(12):
            time.sleep(0.05)
            read += 1
            yield image

    behind = [read - i for i, _ in enumerate(accelerator.stream(slow(), batch=16))]
    assert len(behind) == 12
    assert np.median(behind) <= 3


def test_what_the_source_raises_comes_after_the_results_before_it(accelerator: Accelerator) -> None:
    def source() -> Iterator[NDArray[np.uint8]]:
        yield from images(10)
        raise ZeroDivisionError("mine")

    before, results = buffers(accelerator), deque[Any]()
    with pytest.raises(ZeroDivisionError, match="mine"):
        results.extend(accelerator.stream(source(), batch=4))
    assert len(results) == 10
    assert buffers(accelerator) == before


def test_an_interrupt_stops_it(timed: Accelerator) -> None:
    before = buffers(timed)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        for _ in timed.stream(itertools.cycle(images(3)), batch=8):
            pass
    assert buffers(timed) == before
    assert len(list(timed.stream(images(5)))) == 5
    timer.join()


def test_leaving_the_loop_frees_everything(timed: Accelerator) -> None:
    before = buffers(timed)
    for _ in timed.stream(itertools.cycle(images(3)), batch=8):
        break
    assert buffers(timed) == before


def test_other_calls_in_between(accelerator: Accelerator) -> None:
    batch = images(40)
    expected = accelerator.classify(batch)
    with closing(accelerator.stream(batch, batch=2)) as outer:
        for labels, right in zip(outer, expected, strict=True):
            assert np.array_equal(labels, right)
            assert np.array_equal(accelerator.classify(batch[:3]), expected[:3])
            assert len(list(accelerator.stream(batch[:3]))) == 3


def test_a_device_that_fails(timed: Accelerator, monkeypatch: pytest.MonkeyPatch) -> None:
    before = buffers(timed)
    start, count = TimedDevice.start, itertools.count()

    def failing(self: TimedDevice, *arguments: Any) -> Any:
        if next(count) == 4:
            raise DeviceError("timed_1", "the run failed", "it was told to", "do not tell it")
        return start(self, *arguments)

    monkeypatch.setattr(TimedDevice, "start", failing)
    with pytest.raises(DeviceError, match=r"^timed_1: the run failed\n"):
        list(timed.stream(images(60), batch=8))
    assert buffers(timed) == before
    monkeypatch.undo()
    assert len(list(timed.stream(images(60), batch=8))) == 60


def test_after_close(tmp_path: Path) -> None:
    accelerator = Accelerator.open(tiny.write(tmp_path / "tiny.xclbin"))
    results = accelerator.stream(itertools.cycle(images(3)), batch=2)
    next(results)
    accelerator.close()
    with pytest.raises(DeviceError, match=r"^tiny_1: used after close\n"):
        list(itertools.islice(results, 100))
    with pytest.raises(DeviceError, match=r"^tiny_1: used after close\n"):
        accelerator.stream([])


@pytest.mark.parametrize(("name", "wrong"), [("batch", 0), ("decoders", 0)])
def test_numbers_from_one_on(accelerator: Accelerator, name: str, wrong: int) -> None:
    options: dict[str, Any] = {name: wrong}
    with pytest.raises(DeviceError, match=rf"^{name}: 0\n"):
        accelerator.stream([], **options)


def test_no_room_for_the_buffers(tmp_path: Path) -> None:
    arguments = tiny.arguments(in_bank="PLRAM[0]", out_bank="PLRAM[0]", weights_bank="PLRAM[0]")
    with Accelerator.open(tiny.write(tmp_path / "small.xclbin", arguments=arguments)) as small:
        taken = small.devices[0].bank("PLRAM[0]").allocate(80 * 1024, np.uint8)
        before = buffers(small)
        with pytest.raises(DeviceError, match=r"^PLRAM\[0\]: no room for"):
            list(small.stream(images(2000), batch=100_000))
        assert buffers(small) == before
        taken.freebuffer()
        assert len(list(small.stream(images(2000), batch=100_000))) == 2000


@pytest.mark.parametrize(("protocol", "under_way"), [(Protocol.AP_CTRL_CHAIN, 7), (Protocol.AP_CTRL_HS, 3)])
def test_runs_overlap_where_the_kernel_lets_them(protocol: Protocol, under_way: int) -> None:
    """Five frames fill a pipeline of 0.2 s that takes one every 40 ms; one more run waits, and the slot that was emptied is filled again."""
    device = TimedDevice(SHAPE, seconds_a_frame=40e-3, latency_seconds=0.2, protocol=protocol)
    with Accelerator(load(__file__, device)) as accelerator, closing(accelerator.stream(images(12), batch=1)) as results:
        next(results)
        started = device.timed.work["timed_1"].busy_seconds / (40e-3 if protocol is Protocol.AP_CTRL_CHAIN else 0.2)
        assert round(started) - 1 == under_way
        assert len(list(results)) == 11


def test_runs_that_fill_the_pipeline_need_no_overlap() -> None:
    with Accelerator(load(__file__, TimedDevice(SHAPE, seconds_a_frame=1e-3, latency_seconds=5e-3))) as accelerator:
        assert [accelerator.lanes[0].overlap(frames) for frames in (1, 2, 4, 5, 100)] == [5, 3, 2, 1, 1]


@pytest.mark.parametrize("way", bench.WAYS)
def test_the_benchmark_s_two_ways_give_every_result(way: str) -> None:
    result = bench.measure(way, "arrays", list(images(50)), 8, image=SHAPE)
    assert result.frames_per_s > 0
    assert 0 < result.busy <= 1
    assert 0 < result.p50_ms <= result.p95_ms <= result.p99_ms


def test_the_timed_device_tells_its_images_apart(timed: Accelerator) -> None:
    batch = images(30)
    assert np.array_equal(list(timed.stream(batch, batch=4)), batch.reshape(30, -1)[:, :5])
    assert np.array_equal(timed.classify(batch), batch.reshape(30, -1)[:, :5])
