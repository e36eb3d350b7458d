from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from runtime import Accelerator, DeviceError, EmulatedDevice, ImageError, XclbinError
from runtime.container.manifest import ImageShape, Pictures, Result
from runtime.container.xclbin import Unit
from runtime.device import pci
from runtime.inference.images import load
from runtime.inference.lanes import Pool
from tests.runtime import first_form, tiny


def images(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


@pytest.fixture
def accelerator(tmp_path: Path) -> Any:
    with Accelerator.open(tiny.write(tmp_path / "tiny.xclbin")) as accelerator:
        yield accelerator


def test_one_image_and_a_batch(accelerator: Accelerator) -> None:
    batch = images(7, 8, 8, 1)
    labels = accelerator.classify(batch)
    assert (labels.dtype, labels.shape) == (np.uint32, (7, 3))
    for image, expected in zip(batch, labels, strict=True):
        assert np.array_equal(accelerator.classify(image), expected)
        assert np.array_equal(accelerator.trace(image)["labels"], expected)
    assert accelerator.label_names[0] == "zero"
    assert accelerator.manifest.network == "tiny"


def test_batches_of_any_size(accelerator: Accelerator) -> None:
    batch = images(2500, 8, 8, 1)
    labels = accelerator.classify(batch)
    for count in (0, 1, 1023, 1024, 1025):
        assert np.array_equal(accelerator.classify(batch[:count]), labels[:count])
    assert np.array_equal(accelerator.classify(batch[::-7]), labels[::-7])


def test_trace_tells_every_block(accelerator: Accelerator) -> None:
    trace = accelerator.trace(images(8, 8, 1))
    assert {name: (str(array.dtype), array.shape) for name, array in trace.items()} == {
        "stem": ("uint8", (8, 8, 4)),
        "res2a": ("uint8", (4, 4, 8)),
        "res2b": ("uint8", (4, 4, 8)),
        "scores": ("int32", (10,)),
        "labels": ("uint32", (3,)),
    }


def test_weights_on_chip_and_frames_that_fill_no_word(tmp_path: Path) -> None:
    """One network with its weights in memory and on chip, of images that are padded to 128 bytes."""
    batch = images(9, 5, 5, 3)
    found = []
    for head in ("stream", "rom"):
        with Accelerator.open(str(tiny.write(tmp_path / f"{head}.xclbin", head=head, image=(5, 5, 3)))) as accelerator:
            found.append(accelerator.classify(batch))
            assert np.array_equal(accelerator.trace(batch[4])["labels"], found[-1][4])
    assert np.array_equal(*found)


def two_units(folder: Path) -> Path:
    path = folder / "two.xclbin"
    path.write_bytes(tiny.with_two_units(tiny.xclbin()))
    return path


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("units", [1, 2])
def test_twenty_four_threads(accelerator: Accelerator, tmp_path: Path, devices: int, units: int) -> None:
    """On one compute unit and on several: exactly what one thread gets."""
    path = tmp_path / "tiny.xclbin" if units == 1 else two_units(tmp_path)
    batches = [images(1 + 90 * (seed % 5), 8, 8, 1, seed=seed) for seed in range(24)]
    expected = [accelerator.classify(batch) for batch in batches]
    with Accelerator.open(path, device=["emulation"] * devices) as shared, ThreadPoolExecutor(24) as pool:
        assert len(shared.lanes) == devices * units
        for _ in range(3):
            for labels, right in zip(pool.map(shared.classify, batches), expected, strict=True):
                assert np.array_equal(labels, right)


def test_compute_units_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, str]] = []
    start = EmulatedDevice.start

    def recorded(self: EmulatedDevice, unit: Unit, *arguments: Any) -> Any:
        ran.append((self.tag, unit.name))
        return start(self, unit, *arguments)

    monkeypatch.setattr(EmulatedDevice, "start", recorded)
    with Accelerator.open(two_units(tmp_path), device=["emulation", "emulation"]) as accelerator:
        first, second = (device.tag for device in accelerator.devices)
        accelerator.classify(images(8 * 1024, 8, 8, 1))
        turn = [(first, "tiny_1"), (first, "tiny_2"), (second, "tiny_1"), (second, "tiny_2")]
        assert ran == turn * 2
        ran.clear()
        assert len(list(accelerator.stream(images(16, 8, 8, 1), batch=2))) == 16
        assert set(ran) == set(turn)


def test_several_are_open_at_once(tmp_path: Path) -> None:
    batch = images(20, 8, 8, 1)
    paths = [tiny.write(tmp_path / f"{seed}.xclbin", seed=seed) for seed in (1, 2)]
    with Accelerator.open(paths[0]) as first, Accelerator.open(paths[1], device="emulation") as second:
        apart = first.classify(batch), second.classify(batch), first.classify(batch)
    assert np.array_equal(apart[0], apart[2])
    assert not np.array_equal(apart[0], apart[1])


def test_a_device_of_ones_own(tmp_path: Path) -> None:
    device = EmulatedDevice()
    with Accelerator.open(tiny.write(tmp_path / "tiny.xclbin"), device=device) as accelerator:
        assert accelerator.overlay.device is device


def test_a_small_bank_makes_small_batches(tmp_path: Path) -> None:
    banks = {"arguments": tiny.arguments(in_bank="PLRAM[0]", out_bank="PLRAM[0]", weights_bank="PLRAM[0]")}
    with Accelerator.open(tiny.write(tmp_path / "small.xclbin", **banks)) as small:
        assert small.classify(images(2000, 8, 8, 1)).shape == (2000, 3)


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (np.zeros((8, 8, 1)), "float64 (8, 8, 1)"),
        (np.zeros((1, 2, 8, 8, 1), np.uint8), "uint8 (1, 2, 8, 8, 1)"),
        (np.zeros((), np.uint8), "uint8 ()"),
        ([[1]], "a list"),
    ],
)
def test_images_of_another_shape(accelerator: Accelerator, wrong: Any, what: str) -> None:
    with pytest.raises(ImageError) as caught:
        accelerator.classify(wrong)
    wanted = "uint8 (8, 8, 1) or uint8 (n, 8, 8, 1)"
    assert str(caught.value) == f"images: {what}\nwhy: tiny takes {wanted}\nfix: resize and convert them first"


def test_channels_first(accelerator: Accelerator) -> None:
    with pytest.raises(ImageError) as caught:
        accelerator.classify(np.zeros((2, 1, 8, 8), np.uint8))
    assert str(caught.value) == (
        "images: uint8 (2, 1, 8, 8)\nwhy: tiny takes uint8 (8, 8, 1) or uint8 (n, 8, 8, 1)\n"
        "fix: move the channels last: numpy.moveaxis(images, -3, -1)"
    )


def test_views_and_read_only_arrays(accelerator: Accelerator) -> None:
    batch = images(6, 1, 8, 8)
    expected = accelerator.classify(np.ascontiguousarray(np.moveaxis(batch, 1, 3)))
    batch.flags.writeable = False
    assert np.array_equal(accelerator.classify(np.moveaxis(batch, 1, 3)), expected)
    assert np.array_equal(list(accelerator.stream(np.moveaxis(batch, 1, 3)[::-1])), expected[::-1])


def test_a_trace_is_of_one_image(accelerator: Accelerator) -> None:
    with pytest.raises(ImageError, match=r"^images: uint8 \(1, 8, 8, 1\)\nwhy: tiny takes uint8 \(8, 8, 1\)\n"):
        accelerator.trace(images(1, 8, 8, 1))


def test_after_close(accelerator: Accelerator) -> None:
    accelerator.close()
    accelerator.close()
    for use in (accelerator.classify, accelerator.trace):
        with pytest.raises(DeviceError) as caught:
            use(images(8, 8, 1))
        assert str(caught.value) == "tiny_1: used after close\nwhy: its buffers are freed\nfix: open the xclbin again"


def test_devices_have_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pci, "SYSFS", tmp_path)
    path = tiny.write(tmp_path / "tiny.xclbin")
    for name, by in (("u250", {"device": "u250"}), ("3", {"device": 3})):
        with pytest.raises(DeviceError, match=rf"^device '{name}': no such card\nwhy: there is none: "):
            Accelerator.open(path, **by)
    with pytest.raises(DeviceError, match=r"^device: an empty list\n"):
        Accelerator.open(path, device=[])
    monkeypatch.setenv("RESFLOW_DEVICE", "0000:3b:00.1")
    with pytest.raises(DeviceError, match=r"^RESFLOW_DEVICE='?0000:3b:00.1'?: no such card\n"):
        Accelerator.open(path)
    monkeypatch.setenv("RESFLOW_DEVICE", "emulation")
    with Accelerator.open(path) as accelerator:
        assert isinstance(accelerator.devices[0], EmulatedDevice)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "none.xclbin"
    with pytest.raises(XclbinError) as caught:
        Accelerator.open(path)
    assert str(caught.value) == f"{path}: cannot be read\nwhy: No such file or directory\nfix: check the path, or build the xclbin"


@pytest.mark.parametrize("call", ["classify", "stream"])
def test_scores_of_a_network_that_gives_labels_only(tmp_path: Path, call: str) -> None:
    with Accelerator.open(tiny.write(tmp_path / "tiny.xclbin")) as accelerator, pytest.raises(DeviceError) as caught:
        getattr(accelerator, call)(np.zeros((1, 8, 8, 1), np.uint8), scores=True)
    assert str(caught.value) == (
        "tiny_1: no scores\nwhy: tiny was built to give labels only\nfix: build it with head: {output: scores} in its description"
    )


@pytest.mark.parametrize("top", [1, 2, 3])
def test_scores_of_32_bits(tmp_path: Path, top: int) -> None:
    """More images than one slot takes, whose last part is shorter."""
    images = np.random.default_rng(3).integers(0, 256, (1500, 8, 8, 1), np.uint8)
    with Accelerator.open(tiny.write(tmp_path / "tiny.xclbin", top=top, scores="int32")) as accelerator:
        labels, scores = accelerator.classify(images, scores=True)
        assert (labels.shape, labels.dtype, scores.shape, scores.dtype) == ((1500, top), np.uint32, (1500, top), np.int32)
        for i in (0, 1, 1023, 1024, 1499):
            trace = accelerator.trace(images[i])
            assert labels[i].tolist() == trace["labels"].tolist()
            assert scores[i].tolist() == trace["scores"][trace["labels"]].tolist()
        empty = accelerator.classify(images[:0], scores=True)
        assert [each.shape for each in empty] == [(0, top), (0, top)]


def test_files_of_the_first_form_open_and_run(tmp_path: Path) -> None:
    images = np.random.default_rng(4).integers(0, 256, (7, 8, 8, 1), np.uint8)
    found = []
    for module in (first_form, tiny):
        path = tmp_path / f"{module.__name__.rpartition('.')[2]}.xclbin"
        path.write_bytes(module.xclbin())
        with Accelerator.open(path) as accelerator:
            assert accelerator.manifest.result == Result.of(3)
            found.append((accelerator.classify(images), list(accelerator.stream(images)), accelerator.trace(images[0])))
    (old, old_stream, old_trace), (new, new_stream, new_trace) = found
    assert np.array_equal(old, new)
    assert np.array_equal(old_stream, new_stream)
    assert all(np.array_equal(old_trace[name], new_trace[name]) for name in new_trace)


def test_pictures_are_read_as_the_manifest_says(tmp_path: Path) -> None:
    pixels = np.random.default_rng(5).integers(0, 256, (20, 30), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    shape, pictures = ImageShape(8, 8, 1), Pictures(resize=11, interpolation="bicubic")
    with Accelerator.open(tiny.write(tmp_path / "tiny.xclbin", pictures=pictures)) as accelerator:
        cut = accelerator.classify(load(tmp_path / "a.png", shape, pictures))
        assert next(iter(accelerator.stream([tmp_path / "a.png"]))).tolist() == cut.tolist()
    assert not np.array_equal(load(tmp_path / "a.png", shape, pictures), load(tmp_path / "a.png", shape))


def test_a_network_that_is_not_the_manifest_s(tmp_path: Path) -> None:
    network = tiny.network()
    manifest = tiny.manifest(network, top=2, result=Result.of(2))
    path = tmp_path / "tiny.xclbin"
    path.write_bytes(tiny.render(manifest, banks=tiny.BANKS, network=network, parameters=tiny.draw(network)))
    with pytest.raises(XclbinError) as caught:
        Accelerator.open(path)
    assert str(caught.value) == (
        f"{path}: network: image, classes, top, weights and scores are ((8, 8, 1), 10, 3, (10, 8), None)\n"
        "why: the manifest announces ((8, 8, 1), 10, 2, (10, 8), None)\n"
        "fix: build the xclbin again"
    )


def test_threads_come_up_in_turn() -> None:
    """Who puts a slot back and takes one again comes after those that wait: none of them waits for ever."""
    pool = Pool("pool", ["slot"])  # type: ignore[list-item]
    order: list[str] = []

    def other() -> None:
        slot = pool.take(wait=True)
        order.append("other")
        pool.put(slot)  # type: ignore[arg-type]

    held = pool.take(wait=True)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(other)
        while not pool._waiting:
            time.sleep(0.001)
        pool.put(held)  # type: ignore[arg-type]
        assert pool.take(wait=True) == "slot"
        order.append("this")
        waiting.result()
    assert order == ["other", "this"]
