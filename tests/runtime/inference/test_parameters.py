"""Other parameters for an accelerator that is open: all of them, in one step, or none."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from constants.image import Status
from runtime import Accelerator, DeviceError, EmulatedDevice, ParametersError
from runtime.container.xclbin import Xclbin
from runtime.device import driver
from runtime.device.memory import PAGE_BYTES
from runtime.emulation import kernel
from runtime.inference import lanes
from tests.runtime import tiny

IMAGES = np.random.default_rng(0).integers(0, 256, (7, 8, 8, 1)).astype(np.uint8)
ROM = tiny.network(head="rom")
Arrays = dict[str, NDArray[Any]]


def image(seed: int, head: str = "rom") -> bytes:
    described = tiny.network(head=head)
    return tiny.constants(described).image(tiny.draw(described, seed))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Parameters of two trainings."""
    folder = tmp_path_factory.mktemp("parameters")
    for seed in (1, 2):
        np.savez(folder / f"{seed}.npz", **tiny.draw(ROM, seed))
        (folder / f"{seed}.constants").write_bytes(image(seed))
    return folder


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[int, NDArray[np.uint32]]:
    """Labels of the same parameters as constants of the hardware."""
    found = {}
    for seed in (1, 2):
        with Accelerator.open(tiny.write(tmp_path_factory.mktemp("rom") / "rom.xclbin", seed=seed, head="rom")) as accelerator:
            found[seed] = accelerator.classify(IMAGES)
    assert not np.array_equal(found[1], found[2])
    return found


def opened(path: Path, content: bytes | None = None, devices: int = 1, **options: Any) -> Accelerator:
    path.write_bytes(tiny.loaded_xclbin(**options) if content is None else content)
    return Accelerator.open(path, device=["emulation"] * devices)


@pytest.mark.parametrize("suffix", ["npz", "constants"])
@pytest.mark.parametrize(("devices", "units"), [(1, 1), (2, 1), (1, 2)])
def test_every_compute_unit_gets_them(
    folder: Path, expected: dict[int, Any], tmp_path: Path, suffix: str, devices: int, units: int
) -> None:
    banks = tiny.arguments(in_bank="bank0", out_bank="bank0", weights_bank="PLRAM[0]")
    content = tiny.loaded_xclbin(arguments=banks)
    with opened(tmp_path / "tiny.xclbin", content if units == 1 else tiny.with_two_units(content), devices) as accelerator:
        assert len(accelerator.lanes) == devices * units
        for seed in (1, 2, 1):
            accelerator.load_parameters(folder / f"{seed}.{suffix}")
            for _ in accelerator.lanes:  # which come up in turn
                assert np.array_equal(accelerator.classify(IMAGES), expected[seed])
            assert np.array_equal(accelerator.trace(IMAGES[3])["labels"], expected[seed][3])
            assert np.array_equal(np.stack(list(accelerator.stream(IMAGES))), expected[seed])


def test_what_the_xclbin_brings_is_loaded(expected: dict[int, Any], tmp_path: Path) -> None:
    for seed in (1, 2):
        with opened(tmp_path / "tiny.xclbin", seed=seed) as accelerator:
            assert np.array_equal(accelerator.trace(IMAGES[0])["labels"], expected[seed][0])
            assert np.array_equal(accelerator.classify(IMAGES), expected[seed])


def test_loaded_again_after_the_xclbin_was(folder: Path, expected: dict[int, Any], tmp_path: Path) -> None:
    """Not those that it brings: those that the accelerator had."""
    with opened(tmp_path / "tiny.xclbin") as accelerator:
        accelerator.load_parameters(folder / "2.npz")
        accelerator.overlay.download()
        assert np.array_equal(accelerator.classify(IMAGES), expected[2])
        accelerator.overlay.download()
        assert np.array_equal(accelerator.trace(IMAGES[0])["labels"], expected[2][0])


@pytest.mark.parametrize("fixed", [[], ["res2a/conv1/weights", "res2a/conv1/thresholds", "res2b/conv2/weights"]])
def test_weights_of_the_head_go_with_them(expected: dict[int, Any], tmp_path: Path, fixed: list[str]) -> None:
    """They are not constants: the host passes them. Some layers are part of the hardware."""
    parameters = {seed: tiny.draw(ROM, seed) for seed in (1, 2)}
    other = parameters[2] | {name: parameters[1][name] for name in fixed}
    np.savez_compressed(tmp_path / "other.npz", **other)
    with opened(tmp_path / "tiny.xclbin", head="stream", fixed=fixed) as accelerator:
        assert np.array_equal(accelerator.classify(IMAGES), expected[1])
        accelerator.load_parameters(str(tmp_path / "other.npz"))
        labels = accelerator.classify(IMAGES)
    with Accelerator.open(tiny.write(tmp_path / "same.xclbin", head="stream")) as same:
        assert not np.array_equal(same.classify(IMAGES), labels)
    from vitis.xclbin import render

    described = tiny.network(head="rom")
    (tmp_path / "rom.xclbin").write_bytes(render(tiny.manifest(described), banks=tiny.BANKS, network=described, parameters=other))
    with Accelerator.open(tmp_path / "rom.xclbin") as rom:
        assert np.array_equal(rom.classify(IMAGES), labels)


def test_an_image_keeps_weights_that_the_host_passes(tmp_path: Path) -> None:
    one, two = (tiny.draw(tiny.network(), seed) for seed in (1, 2))
    np.savez(tmp_path / "mixed.npz", **two | {"head/fc/weights": one["head/fc/weights"]})
    (tmp_path / "two.constants").write_bytes(image(2, head="stream"))
    found = []
    for name in ("mixed.npz", "two.constants"):
        with opened(tmp_path / "tiny.xclbin", head="stream") as accelerator:
            accelerator.load_parameters(tmp_path / name)
            found.append(accelerator.classify(IMAGES))
    assert np.array_equal(*found)


def test_arrays_in_another_order_of_memory_and_thresholds_that_descend(expected: dict[int, Any], tmp_path: Path) -> None:
    """As numpy saves them, and as the published parameters of ResNet-50 have them."""
    arrays = {name: np.asfortranarray(array) for name, array in tiny.draw(ROM, 2).items()}
    arrays["stem/conv/thresholds"] = arrays["stem/conv/thresholds"][:, ::-1]
    np.savez(tmp_path / "2.npz", **arrays)
    with opened(tmp_path / "tiny.xclbin") as accelerator:
        accelerator.load_parameters(tmp_path / "2.npz")
        assert np.array_equal(accelerator.classify(IMAGES), expected[2])


FIX = "load the parameters of the network this was built from, trained with its formats"
AGAIN = "save the parameters of the network this was built from"


def without(name: str) -> Callable[[Arrays], Arrays]:
    return lambda arrays: {key: array for key, array in arrays.items() if key != name}


@pytest.mark.parametrize(
    ("change", "where", "what", "why", "fix"),
    [
        (without("res2a/conv2/thresholds"), ": res2a/conv2/thresholds", "missing", "expected int32 (8, 15)",
         "save all arrays of the network's parameters in one file"),
        (lambda arrays: arrays | {"res2c/conv1/weights": np.zeros(3)}, "", "'res2c/conv1/weights' is not expected",
         "no layer of the network has such an array", "remove it, or load the parameters of this network"),
        (lambda arrays: arrays | {"stem/conv/weights": arrays["stem/conv/weights"].astype(np.int16)}, ": stem/conv/weights", "int16 (4, 3, 3, 1)",
         "expected int8 (4, 3, 3, 1): shapes and types follow from the network", AGAIN),
        (lambda arrays: arrays | {"stem/conv/weights": arrays["stem/conv/weights"][:, :, :2]}, ": stem/conv/weights", "int8 (4, 3, 2, 1)",
         "expected int8 (4, 3, 3, 1): shapes and types follow from the network", AGAIN),
        (lambda arrays: arrays | {"res2a/bypass/weights": arrays["res2a/bypass/weights"] + np.int8(4)}, ": res2a/bypass/weights", "a weight of 4",
         "weights of format int3 are -4 to 3", "quantize them to that"),
        (lambda arrays: arrays | {"res2b/conv2/weights": arrays["res2b/conv2/weights"] | np.uint8(8)}, ": res2b/conv2/weights", "a weight of 9",
         "weights of format uint3 are 0 to 7", "quantize them to that"),
        (lambda arrays: arrays | {"res2a/conv1/weights": arrays["res2a/conv1/weights"] * np.int8(0)}, ": res2a/conv1/weights", "a weight of 0",
         "weights of format bipolar are -1 and 1", "quantize them to that"),
        (lambda arrays: arrays | {"res2b/conv1/thresholds": np.full((4, 3), [3, 1, 2], np.int32)}, ": res2b/conv1/thresholds",
         "channel 0 goes from 3 to 1", "thresholds ascend", FIX),
        (lambda arrays: arrays | {"head/fc/bias": np.full(10, 2**31 - 1, np.int32)}, ": network: head", "scores from -61264 to 2147529343",
         "scores have 32 bits", FIX),
    ],
)  # fmt: skip
def test_arrays_that_do_not_fit(
    folder: Path, expected: dict[int, Any], tmp_path: Path, change: Callable[[Arrays], Arrays], where: str, what: str, why: str, fix: str
) -> None:
    path = tmp_path / "wrong.npz"
    np.savez(path, **change(tiny.draw(ROM, 2)))
    refused(folder, expected, tmp_path, path, where, what, why, fix)


def refused(folder: Path, expected: dict[int, Any], tmp_path: Path, path: Path, where: str, what: str, why: str, fix: str) -> None:
    """Before any device is touched: it goes on with what it has."""
    with opened(tmp_path / "tiny.xclbin", seed=2) as accelerator:
        accelerator.load_parameters(folder / "1.npz")
        loads = counted(accelerator)
        with pytest.raises(ParametersError) as error:
            accelerator.load_parameters(path)
        assert str(error.value) == f"{path}{where}: {what}\nwhy: {why}\nfix: {fix}"
        assert loads == []
        assert np.array_equal(accelerator.classify(IMAGES), expected[1])


def counted(accelerator: Accelerator) -> list[bytes]:
    """What is loaded from here on."""
    loads: list[bytes] = []
    for lane in accelerator.lanes:
        load = lane.driver.load
        lane.driver.load = lambda image, load=load: (loads.append(image), load(image))
    return loads


IMAGE_FIX = "make the image again, for this build of tiny: doit constants; or pass the npz"
WORDS = tiny.constants(ROM).words
SIZE = len(image(2))


@pytest.mark.parametrize(
    ("name", "content", "what", "why", "fix"),
    [
        ("cut", image(2)[:-64], f"cut short: {SIZE - 64:,} bytes", f"{WORDS:,} words and a header are {SIZE:,}", IMAGE_FIX),
        ("header", image(2)[:63], "63 bytes", "the header alone has 64", IMAGE_FIX),
        ("long", image(2) + b"\0", f"too long: {SIZE + 1:,} bytes", f"{WORDS:,} words and a header are {SIZE:,}", IMAGE_FIX),
        ("longer", image(2) * 3, f"too long: {SIZE + 1:,} bytes", f"{WORDS:,} words and a header are {SIZE:,}", IMAGE_FIX),
        ("other", image(2)[:24] + bytes(16) + image(2)[40:], f"constants of another network, {'0' * 32}",
         f"this one is {'0123456789abcdef' * 2}: what it computes, or how, is different", IMAGE_FIX),
        ("words", image(2)[:16] + b"\1" + bytes(7) + image(2)[24:], "1 words", f"this network has {WORDS:,}", IMAGE_FIX),
        ("version", image(2)[:8] + b"\2" + image(2)[9:], "version 2", "this hardware loads version 1", IMAGE_FIX),
        ("neither", b"weights!" * 9, "no parameters", "it begins with b'weights!': neither an npz does, nor an image of constants",
         "pass an npz of the parameters of tiny, or a .constants file"),
        ("empty", b"", "no parameters", "it begins with b'': neither an npz does, nor an image of constants",
         "pass an npz of the parameters of tiny, or a .constants file"),
        ("zip", b"PK\3\4" + bytes(99), "not an npz", "BadZipFile: File is not a zip file", "save the arrays with numpy.savez"),
    ],
)  # fmt: skip
def test_files_that_are_something_else(
    folder: Path, expected: dict[int, Any], tmp_path: Path, name: str, content: bytes, what: str, why: str, fix: str
) -> None:
    (tmp_path / name).write_bytes(content)
    refused(folder, expected, tmp_path, tmp_path / name, "", what, why, fix)


def test_a_file_that_is_not_there(folder: Path, expected: dict[int, Any], tmp_path: Path) -> None:
    refused(folder, expected, tmp_path, tmp_path / "none.npz", "", "cannot be read", "No such file or directory", "check the path")


def test_every_flipped_bit_of_an_image(expected: dict[int, Any], tmp_path: Path) -> None:
    """Of one in 97, that is, which are in every byte of a word and in each part of the file."""
    path = tmp_path / "flipped.constants"
    with opened(tmp_path / "tiny.xclbin") as accelerator:
        loads, content = counted(accelerator), bytearray(image(2))
        for bit in range(0, 8 * SIZE, 97):
            content[bit // 8] ^= 1 << bit % 8
            path.write_bytes(content)
            with pytest.raises(ParametersError):
                accelerator.load_parameters(path)
            content[bit // 8] ^= 1 << bit % 8
        assert loads == []
        assert np.array_equal(accelerator.classify(IMAGES), expected[1])
        path.write_bytes(content)
        accelerator.load_parameters(path)
        assert np.array_equal(accelerator.classify(IMAGES), expected[2])


def test_a_damaged_npz(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.npz"
    with opened(tmp_path / "tiny.xclbin") as accelerator:
        shutil.copyfile(folder / "2.npz", path)
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo("res2a/conv1/weights.npy")
        content = bytearray(path.read_bytes())
        content[member.header_offset + 30 + len(member.filename) + 20 + 130] ^= 1
        path.write_bytes(content)
        with pytest.raises(ParametersError, match=r"damaged.npz: res2a/conv1/weights: damaged\nwhy: (BadZipFile|ValueError): "):
            accelerator.load_parameters(path)
        path.write_bytes((folder / "2.npz").read_bytes()[:-100])
        with pytest.raises(ParametersError, match=r"damaged.npz: not an npz\nwhy: BadZipFile: "):
            accelerator.load_parameters(path)


def test_layers_that_are_part_of_the_hardware(folder: Path, expected: dict[int, Any], tmp_path: Path) -> None:
    with opened(tmp_path / "tiny.xclbin", fixed=["res2b/conv2/weights"]) as accelerator:
        with pytest.raises(ParametersError) as error:
            accelerator.load_parameters(folder / "2.npz")
        assert str(error.value) == (
            f"{folder / '2.npz'}: res2b/conv2/weights: not what the hardware has\n"
            "why: this layer is built with constants: rom, and its constants are part of the bitstream\n"
            "fix: build it again, with constants: loaded for this layer"
        )
        assert np.array_equal(accelerator.classify(IMAGES), expected[1])


def test_an_xclbin_without_its_network(folder: Path, expected: dict[int, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of networks that are too large to emulate: images can be loaded."""
    with opened(tmp_path / "tiny.xclbin") as accelerator:
        monkeypatch.setattr(Xclbin, "has", lambda *_: False)
        with pytest.raises(ParametersError) as error:
            accelerator.load_parameters(folder / "2.npz")
        assert str(error.value) == (
            f"{folder / '2.npz'}: cannot be checked\n"
            "why: the xclbin does not say what its network is, which is too large for this host to emulate\n"
            "fix: load an image that the build makes of it: doit constants"
        )
        accelerator.load_parameters(folder / "2.constants")
        assert np.array_equal(accelerator.classify(IMAGES), expected[2])


def test_a_network_that_loads_nothing(folder: Path, tmp_path: Path) -> None:
    with Accelerator.open(tiny.write(tmp_path / "tiny.xclbin")) as accelerator, pytest.raises(ParametersError) as error:
        accelerator.load_parameters(folder / "1.npz")
    assert str(error.value) == (
        f"{folder / '1.npz'}: cannot be loaded\nwhy: the parameters of this tiny are part of its hardware\n"
        "fix: write constants: loaded in the description and build it again"
    )


def test_a_device_that_refuses(folder: Path, expected: dict[int, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second of two: the first one has again what it had."""
    with opened(tmp_path / "tiny.xclbin", devices=2) as accelerator:
        second = accelerator.lanes[1].driver
        call = driver.Driver.call

        def refusing(self: Any, *arguments: Any) -> None:
            if self is second and arguments[-1] == 0:
                raise driver.refusal("tiny_1", self.manifest, Status.DAMAGED)
            call(self, *arguments)

        monkeypatch.setattr(driver.Driver, "call", refusing)
        with pytest.raises(DeviceError, match="tiny_1: load: damaged constants\n"):
            accelerator.load_parameters(folder / "2.npz")
        monkeypatch.undo()
        for _ in range(4):
            assert np.array_equal(accelerator.classify(IMAGES), expected[1])
        accelerator.load_parameters(folder / "2.npz")
        for _ in range(4):
            assert np.array_equal(accelerator.classify(IMAGES), expected[2])


def test_a_device_that_loses_its_constants(folder: Path, expected: dict[int, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While they were loaded, the image in its memory changed: it gets those of before."""
    with opened(tmp_path / "tiny.xclbin") as accelerator:
        passes = iter([False, True, False, False])

        def check_payload(*_: Any) -> None:
            if next(passes):
                raise kernel.image.ImageError(Status.DAMAGED, "changed", "")

        monkeypatch.setattr(kernel.image, "check_payload", check_payload)
        with pytest.raises(DeviceError, match="tiny_1: load: constants that changed while they were loaded\n"):
            accelerator.load_parameters(folder / "2.npz")
        assert next(passes, None) is None
        assert np.array_equal(accelerator.classify(IMAGES), expected[1])


@pytest.mark.parametrize("head", ["rom", "stream"])
def test_a_stream_leaves_room_for_a_load(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: str) -> None:
    """All lies in a bank that its slots would fill: as many as a pipeline of this latency takes."""
    monkeypatch.setattr(tiny, "BANKS", (replace(tiny.BANKS[0], size_kb=128), *tiny.BANKS[1:]))
    monkeypatch.setattr(lanes, "MOST_OVERLAP", 1000)
    with opened(tmp_path / "tiny.xclbin", head=head, latency_cycles=10**6) as accelerator:
        answers = accelerator.stream(list(IMAGES) * 20, batch=1)
        first = next(answers)
        bank = accelerator.overlay.bank0
        pages = sum(-(-each.size // PAGE_BYTES) for each in bank.memory.allocated())
        assert pages * PAGE_BYTES > 0.75 * bank.size  # else this shows nothing
        accelerator.load_parameters(folder / "2.npz")
        assert not np.array_equal(list(answers)[-len(IMAGES)], first)


def test_after_close(folder: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "tiny.xclbin") as accelerator:
        pass
    with pytest.raises(DeviceError, match="tiny_1: used after close\n"):
        accelerator.load_parameters(folder / "1.npz")


def test_an_overlay_of_the_user_s(expected: dict[int, Any], tmp_path: Path) -> None:
    """What was loaded through its driver stays."""
    path = tmp_path / "tiny.xclbin"
    path.write_bytes(tiny.loaded_xclbin())
    overlay = driver.load(path, EmulatedDevice())
    overlay.tiny_1.load(image(2))
    with Accelerator(overlay) as accelerator:
        assert np.array_equal(accelerator.classify(IMAGES), expected[2])
