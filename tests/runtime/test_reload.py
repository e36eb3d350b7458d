"""An overlay downloaded again, or another one in its place: what was held of the one before works on, or refuses."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pynq
import pytest

from runtime import Accelerator, DeviceError, EmulatedDevice
from runtime.device.buffers import Buffer
from tests.runtime import tiny
from tests.runtime.xrt.test_device import OPEN, Run, check, needs_xrt, noop

__all__ = ["noop"]  # a fixture

N = 5
GONE = "a buffer that is no longer there\nwhy: it was lost when an xclbin was loaded onto the device since, or the device closed"
INBUF = "fix: pass a uint8 buffer of at least 320 bytes in bank0, from pynq.allocate"


def images(count: int = N, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 1)).astype(np.uint8)


def buffers(overlay: Any, seed: int = 0) -> tuple[Any, Any, Any]:
    inbuf = pynq.allocate((N, 8, 8, 1), dtype=np.uint8, target=overlay.bank0)
    outbuf = pynq.allocate((N, 3), dtype=np.uint32, target=overlay.bank0)
    fcbuf = pynq.allocate((10, 8), dtype=np.int8, target=overlay.PLRAM0)
    inbuf[:], fcbuf[:] = images(seed=seed), overlay.device.xclbin.weights
    inbuf.sync_to_device()
    fcbuf.sync_to_device()
    return inbuf, outbuf, fcbuf


def labels(accelerator: Any, inbuf: Any, outbuf: Any, fcbuf: Any) -> Any:
    accelerator.call(inbuf, outbuf, fcbuf, N)
    outbuf.sync_from_device()
    return np.array(outbuf)


@pytest.fixture
def device() -> EmulatedDevice:
    return EmulatedDevice()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tiny.write(tmp_path / "tiny.xclbin"))


@pytest.fixture
def other(tmp_path: Path) -> str:
    """Another training of the same network: every name and address is the same."""
    return str(tiny.write(tmp_path / "other.xclbin", seed=2))


@pytest.fixture
def expected(path: str) -> Callable[..., Any]:
    def classify(seed: int = 0, path: str = path) -> Any:
        with Accelerator.open(path) as accelerator:
            return accelerator.classify(images(seed=seed))

    return classify


def error_text(call: Callable[[], object]) -> str:
    with pytest.raises(DeviceError) as caught:
        call()
    return str(caught.value)


def replaced(device: EmulatedDevice, where: str, now: str) -> str:
    return (
        f"{where}: its xclbin is not loaded\nwhy: {device.tag} has another one loaded: {now}\n"
        "fix: use the overlay that was loaded last, or load this one again: overlay.download()"
    )


def test_the_same_overlay_goes_on(device: EmulatedDevice, path: str, expected: Any) -> None:
    """Its banks are PYNQ's cached ones, and allocate where the memory is now."""
    overlay = pynq.Overlay(path, device=device)
    accelerator, bank, registers = overlay.tiny_1, overlay.bank0, overlay.tiny_1.register_map
    labels(accelerator, *buffers(overlay))
    for seed in range(3):
        overlay.download()
        assert (overlay.tiny_1, overlay.bank0) == (accelerator, bank)
        found = buffers(overlay, seed)
        # What is allocated otherwise lies elsewhere.
        more = Accelerator(overlay), device.bank("bank0").allocate((N, 8, 8, 1), np.uint8), bank.allocate((N, 8, 8, 1), np.uint8)
        assert len({buffer.device_address for buffer in (*found[:2], *more[1:])}) == 4
        assert np.array_equal(labels(overlay.tiny_1, *found), expected(seed))
        assert int(registers.numReps) == N


def test_buffers_of_before_are_lost(device: EmulatedDevice, path: str) -> None:
    overlay = pynq.Overlay(path, device=device)
    old = buffers(overlay)
    view, words = old[0][1:], np.array(old[0])
    overlay.download()
    new = buffers(overlay, seed=1)
    assert error_text(lambda: labels(overlay.tiny_1, old[0], *new[1:])) == f"tiny_1.in_1: {GONE}\n{INBUF}"
    assert error_text(lambda: overlay.tiny_1.start(*new[:2], old[2], N)).startswith(f"tiny_1.weightsmem: {GONE}\n")
    for buffer in (*old, view):
        tag = "PLRAM[0]" if buffer is old[2] else "bank0"
        uses = buffer.sync_to_device, buffer.sync_from_device, buffer.flush, buffer.invalidate
        for use in (*uses, lambda buffer=buffer: buffer.device_address, lambda buffer=buffer: buffer.physical_address):
            assert error_text(use) == f"{tag}: {GONE}\nfix: allocate it again"
    # Its bytes can still be read, and written to nobody's harm.
    assert np.array_equal(old[0], words)
    assert np.array_equal(view[::2], words[1::2])
    old[0][:] = 0
    new[0].sync_from_device()
    assert np.array_equal(new[0], images(seed=1))


def test_freeing_what_was_lost_frees_nothing_new(device: EmulatedDevice, path: str, expected: Any) -> None:
    """Old and new buffers have the same addresses."""
    overlay = pynq.Overlay(path, device=device)
    old = list(buffers(overlay))
    addresses = [buffer.device_address for buffer in old]
    overlay.download()
    new = buffers(overlay)
    assert [buffer.device_address for buffer in new] == addresses
    old.pop().freebuffer()
    del old
    gc.collect()
    more = pynq.allocate((N, 8, 8, 1), np.uint8, target=overlay.bank0)
    assert more.device_address not in addresses
    assert np.array_equal(labels(overlay.tiny_1, *new), expected())


def test_another_overlay_in_its_place(device: EmulatedDevice, path: str, other: str) -> None:
    """Same names, same addresses, other weights: nothing of the first reaches into the second."""
    first = pynq.Overlay(path, device=device)
    accelerator, registers, bank, default = first.tiny_1, first.tiny_1.register_map, first.bank0, device.bank("PLRAM[0]")
    registers.numReps = 7
    second = pynq.Overlay(other, device=device)
    assert (first.is_loaded(), second.is_loaded()) == (False, True)
    new = buffers(second)
    for use in (
        lambda: labels(accelerator, *new),
        lambda: accelerator.read(0),
        lambda: accelerator.write(0x10, 5),
        lambda: accelerator.write(0x10, b"12345678"),
        lambda: accelerator.mmio.read(0x34),
        lambda: int(registers.numReps),
        lambda: setattr(registers, "numReps", 3),
        lambda: setattr(registers.CTRL, "AP_START", 1),
    ):
        assert error_text(use) == replaced(device, "tiny_1", other)
    assert error_text(lambda: bank.allocate(4)) == replaced(device, "bank0", other)
    assert error_text(lambda: pynq.allocate(4, target=default)) == replaced(device, "PLRAM[0]", other)
    assert error_text(lambda: bank.size) == replaced(device, "bank0", other)
    assert second.tiny_1.read(0x34) == 0
    assert second.bank0 != bank


def test_overlays_that_alternate(device: EmulatedDevice, path: str, other: str, expected: Any) -> None:
    overlays = [pynq.Overlay(each, device=device, download=False) for each in (path, other)]
    right = [expected(path=path), expected(path=other)]
    assert not np.array_equal(*right)
    held: list[Any] = [None, None]
    for i in (0, 1, 0, 1, 1, 0):
        overlays[i].download()
        if held[i] is None:
            held[i] = overlays[i].tiny_1, overlays[i].bank0
        assert (overlays[i].tiny_1, overlays[i].bank0) == held[i]
        assert np.array_equal(labels(held[i][0], *buffers(overlays[i])), right[i])


def test_an_overlay_that_is_not_downloaded_is_not_what_is_loaded(device: EmulatedDevice, path: str, other: str, expected: Any) -> None:
    """PYNQ takes it for loaded, and its accelerator has the name of the one that is."""
    first = pynq.Overlay(path, device=device)
    second = pynq.Overlay(other, device=device, download=False)
    assert error_text(lambda: second.tiny_1) == replaced(device, "tiny_1", path)
    assert error_text(lambda: second.bank0.allocate(4)) == replaced(device, "bank0", path)
    assert error_text(lambda: Accelerator(second)) == replaced(device, "tiny_1", path)
    assert np.array_equal(labels(first.tiny_1, *buffers(first)), expected())
    # One of the same file is the same.
    third = pynq.Overlay(path, device=device, download=False)
    assert np.array_equal(labels(third.tiny_1, *buffers(third)), expected())


def test_an_equal_overlay_replaces_it_unnoticed(device: EmulatedDevice, path: str, expected: Any) -> None:
    """A cell of a notebook that was run again."""
    first = pynq.Overlay(path, device=device)
    accelerator, bank = first.tiny_1, first.bank0
    overlay = pynq.Overlay(path, device=device)
    assert bank == overlay.bank0
    assert first.is_loaded()
    assert np.array_equal(labels(first.tiny_1, *buffers(first)), expected())
    assert np.array_equal(labels(accelerator, *buffers(overlay)), expected())
    assert bank.allocate(4).device_address != buffers(overlay)[0].device_address


def test_a_file_built_anew_is_another(device: EmulatedDevice, path: str, tmp_path: Path, expected: Any) -> None:
    overlay = pynq.Overlay(path, device=device)
    tiny.write(Path(path), seed=2)
    held = buffers(overlay)
    assert error_text(overlay.download) == (
        f"{path}: another file than the overlay was made from\n"
        "why: it was built or copied anew since, and the overlay describes what it was\nfix: make a new overlay: pynq.Overlay(path)"
    )
    tiny.write(tmp_path / "before.xclbin")
    assert np.array_equal(labels(overlay.tiny_1, *held), expected(path=str(tmp_path / "before.xclbin")))  # nothing happened


def test_a_closed_device(device: EmulatedDevice, path: str, expected: Any) -> None:
    overlay = pynq.Overlay(path, device=device)
    accelerator, held = overlay.tiny_1, buffers(overlay)
    overlay.free()
    assert np.array_equal(labels(accelerator, *held), expected())
    device.close()
    message = (
        f"{device.tag}: nothing is loaded\nwhy: no overlay was downloaded, or the device was closed since\n"
        "fix: load an xclbin: pynq.Overlay(path), or overlay.download()"
    )
    uses = (
        lambda: overlay.bank0.allocate(4),
        lambda: accelerator.call(*held, N),
        lambda: accelerator.read(0),
        lambda: pynq.allocate(4, target=device),
    )
    for use in uses:
        assert error_text(use) == message
    overlay.download()
    assert np.array_equal(labels(accelerator, *buffers(overlay)), expected())


def test_two_devices_do_not_mix(path: str, expected: Any) -> None:
    overlays = [pynq.Overlay(path, device=EmulatedDevice()) for _ in range(2)]
    held = [buffers(overlay) for overlay in overlays]
    overlays[0].download()
    what = "a buffer of another device\nwhy: the kernel reaches the memory of its own device only"
    for i in range(2):
        assert error_text(lambda i=i: labels(overlays[i].tiny_1, *held[1 - i])) == f"tiny_1.in_1: {what}\n{INBUF}"
    assert overlays[0].bank0 != overlays[1].bank0
    assert np.array_equal(labels(overlays[1].tiny_1, *held[1]), expected())


def test_a_run_in_flight_ends_first(device: EmulatedDevice, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its buffers are lost with its results, but it never works on others'."""
    overlay = pynq.Overlay(path, device=device)
    held = buffers(overlay)
    begun, may_end = threading.Event(), threading.Event()
    emulator = device._loaded.emulator  # type: ignore[attr-defined]
    run = emulator.run

    def slowly(*arguments: Any) -> Any:
        begun.set()
        assert may_end.wait(60)
        return run(*arguments)

    monkeypatch.setattr(emulator, "run", slowly)
    started = [overlay.tiny_1.start(*held, N) for _ in range(2)]
    assert begun.wait(60)
    threading.Timer(0.2, may_end.set).start()
    overlay.download()
    assert [each.done for each in started] == [True, True]
    assert error_text(held[1].sync_from_device) == f"bank0: {GONE}\nfix: allocate it again"


@pytest.mark.parametrize("freed", [False, True])
def test_a_buffer_dropped_during_its_run_stays_until_its_end(
    device: EmulatedDevice, path: str, expected: Any, monkeypatch: pytest.MonkeyPatch, freed: bool
) -> None:
    """Its range would be the next buffer's, and the labels those of other images."""
    overlay = pynq.Overlay(path, device=device)
    inbuf, outbuf, fcbuf = buffers(overlay)
    may_begin = threading.Event()
    emulator = device._loaded.emulator  # type: ignore[attr-defined]
    run = emulator.run
    monkeypatch.setattr(emulator, "run", lambda *arguments: run(*arguments) if may_begin.wait(60) else None)
    started = [overlay.tiny_1.start(inbuf, outbuf, fcbuf, N) for _ in range(2)]
    address = inbuf.device_address
    if freed:
        inbuf.freebuffer()
    del inbuf
    gc.collect()
    intruder = pynq.allocate((N, 8, 8, 1), np.uint8, target=overlay.bank0)
    intruder[:] = images(seed=1)
    intruder.sync_to_device()
    assert intruder.device_address != address
    may_begin.set()
    assert all(each.wait(60) for each in started)
    outbuf.sync_from_device()
    assert np.array_equal(outbuf, expected())
    assert pynq.allocate((N, 8, 8, 1), np.uint8, target=overlay.bank0).device_address == address


def test_an_accelerator_makes_its_buffers_again(device: EmulatedDevice, path: str, other: str, expected: Any) -> None:
    overlay = pynq.Overlay(path, device=device)
    accelerator = Accelerator(overlay)
    right = accelerator.trace(images()[0])
    for reload in (overlay.download, lambda: pynq.Overlay(path, device=device), lambda: Accelerator.open(path, device=device)):
        reload()
        assert np.array_equal(accelerator.trace(images()[0])["scores"], right["scores"])
        assert np.array_equal(accelerator.classify(images()), expected())
        assert np.array_equal(list(accelerator.stream(images(), batch=2)), expected())
    second = pynq.Overlay(other, device=device)
    for use in (lambda: accelerator.classify(images()), lambda: accelerator.trace(images()[0]), lambda: list(accelerator.stream(images()))):
        assert error_text(use).endswith(f"why: {device.tag} has another one loaded: {other}\n"
                                  "fix: use the overlay that was loaded last, or load this one again: overlay.download()")  # fmt: skip
    overlay.download()
    assert np.array_equal(accelerator.classify(images()), expected())
    accelerator.close()
    second.download()
    assert np.array_equal(Accelerator(second).classify(images()), expected(path=other))


def test_weights_on_chip_are_those_of_the_loaded_overlay(device: EmulatedDevice, tmp_path: Path) -> None:
    """No buffer of weights is there to be lost."""
    first, second = (str(tiny.write(tmp_path / f"{seed}.xclbin", head="rom", seed=seed)) for seed in (1, 2))
    accelerator = Accelerator(pynq.Overlay(first, device=device))
    pynq.Overlay(second, device=device)
    for use in (lambda: accelerator.classify(images()), lambda: accelerator.trace(images()[0])):
        assert f"why: {device.tag} has another one loaded: {second}\n" in error_text(use)


def test_a_stream_over_a_reload_ends_in_an_error_or_in_its_labels(device: EmulatedDevice, path: str, expected: Any) -> None:
    overlay = pynq.Overlay(path, device=device)
    found = Accelerator(overlay).stream(images(), batch=1)
    results = [next(found), next(found)]
    overlay.download()
    try:
        results.extend(found)
    except DeviceError as error:
        assert str(error) == f"bank0: {GONE}\nfix: allocate it again"
    assert np.array_equal(results, expected()[: len(results)])


def test_a_bank_that_is_closed_gives_no_buffers(device: EmulatedDevice, path: str) -> None:
    overlay = pynq.Overlay(path, device=device)
    memory = overlay.bank0.memory
    overlay.download()
    assert error_text(lambda: memory.allocate(4)) == (
        "bank0: a bank that is no longer there\nwhy: an xclbin was loaded onto the device since, or the device closed\n"
        "fix: take overlay.<bank> again, and allocate there"
    )


def test_reloads_beside_runs(device: EmulatedDevice, path: str, other: str, expected: Any) -> None:
    """Threads classify while overlays come and go: labels of one's own images and weights, or a DeviceError."""
    overlays = [pynq.Overlay(each, device=device) for each in (path, other)]
    right = {(seed, i): expected(seed, each) for seed in range(4) for i, each in enumerate((path, other))}
    ended = threading.Event()
    found: list[tuple[int, int, Any]] = []

    def work(seed: int) -> None:
        while not ended.is_set():
            for i, overlay in enumerate(overlays):
                # RuntimeError is PYNQ's, of an overlay that is not loaded.
                with suppress(DeviceError, RuntimeError):
                    found.append((seed, i, labels(overlay.tiny_1, *buffers(overlay, seed))))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(15):
        for overlay in overlays:
            overlay.download()
            time.sleep(0.01)
    ended.set()
    for thread in threads:
        thread.join()
    assert len({(seed, i) for seed, i, _ in found}) == 8
    assert all(np.array_equal(each, right[seed, i]) for seed, i, each in found)


@needs_xrt
def test_the_same_overlay_goes_on_on_a_card(noop: Run) -> None:
    script = """
ol, unit, i, o, w = opened("card.xclbin")
acc, bank = runtime.Accelerator(ol), ol.bank0
images = np.zeros((5, 8, 8, 1), np.uint8)
view = i[1:]
for _ in range(3):
    run = unit.start(i, o, w, 5)
    ol.download()
    error_text(unit.call, i, o, w, 5)
    error_text(view.sync_to_device)
    error_text(lambda: i.device_address)
    i, o, w = ol.bank0.allocate((5, 64), np.uint8), bank.allocate((5, 3), np.uint32), ol.PLRAM0.allocate((10, 8), np.int8)
    ol.tiny_1.call(i, o, w, 5)
    unit.call(i[1:], o, w, 4)
    print(acc.classify(images).shape, len(list(acc.stream(images))), run.wait())
other = pynq.Overlay("two.xclbin")
error_text(unit.call, i, o, w, 5)
error_text(bank.allocate, 4)
error_text(acc.classify, images)
error_text(unit.read, 0)
ol.download()
print(acc.classify(images).shape, bank.allocate(4).shape)
"""
    gone = f"bank0: {GONE}\nfix: allocate it again\n"
    again = f"tiny_1.in_1: {GONE}\n{INBUF}\n{gone}{gone}(5, 3) 5 True\n"
    replaced = (
        "its xclbin is not loaded\nwhy: xrt0 has another one loaded: two.xclbin\n"
        "fix: use the overlay that was loaded last, or load this one again: overlay.download()\n"
    )
    refused = "".join(f"{where}: {replaced}" for where in ("tiny_1", "bank0", "PLRAM[0]", "tiny_1"))
    check(noop(OPEN + script), f"{again * 3}{refused}(5, 3) (4,)\n")


@needs_xrt
def test_a_run_that_does_not_end_is_given_up(noop: Run) -> None:
    """noop ends every run at once: here XRT is made to say that it has not."""
    script = """
ol, unit, i, o, w = opened("card.xclbin")
library = ol.device._loaded.library
call = library.call
library.call = lambda name, *arguments: 2 if name in ("xrtRunState", "xrtRunWaitFor") else call(name, *arguments)
run = unit.start(i, o, w, 5)
print(run.done, run.wait(0.1))
ol.download()
error_text(run.wait)
error_text(lambda: run.done)
"""
    message = (
        "tiny_1: the run was given up\nwhy: an xclbin was loaded onto the device before it had ended, or the device closed\n"
        "fix: wait for runs before you load or close\n"
    )
    check(noop(OPEN + script), f"False False\n{message * 2}")


def test_a_buffer_sent_elsewhere_is_an_array(device: EmulatedDevice, path: str) -> None:
    inbuf = buffers(pynq.Overlay(path, device=device))[0]
    constructor, arguments, state = inbuf[1:].__reduce__()
    made = constructor(*arguments)
    made.__setstate__(state)
    assert (type(made), type(inbuf)) == (np.ndarray, Buffer)
    assert np.array_equal(made, images()[1:])
