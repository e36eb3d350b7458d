"""A process that forks after the device has worked: the child's copy works, or says at once what to do. Nothing waits for ever."""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime import Accelerator, DeviceError, EmulatedDevice
from runtime.device import sensors
from runtime.device.sensors import Rail
from runtime.emulation.emulator import Emulator
from runtime.power import Recording
from tests.runtime import tiny
from tests.runtime.xrt.test_device import OPEN, Run, check, needs_xrt, noop

__all__ = ["noop"]  # a fixture

CONTEXT = multiprocessing.get_context("fork")
N = 5


def images(count: int = N, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 1)).astype(np.uint8)


@pytest.fixture(autouse=True)
def forking() -> Iterator[None]:
    """That there are threads is what this is about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


@pytest.fixture
def accelerator(tmp_path: Path) -> Iterator[Accelerator]:
    with Accelerator.open(tiny.write(tmp_path / "tiny.xclbin")) as accelerator:
        accelerator.classify(images())  # its threads are there
        yield accelerator


@pytest.fixture
def expected(accelerator: Accelerator) -> Any:
    return accelerator.classify(images())


def in_child(work: Callable[[], object], *, seconds: int = 30) -> None:
    """Do it in a forked child, which must end by itself, and without an error."""
    child = os.fork()
    if child == 0:
        signal.alarm(seconds)
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def same(found: Any, expected: Any) -> None:
    assert np.array_equal(found, expected)


def error_text(call: Callable[[], object]) -> str:
    with pytest.raises(DeviceError) as caught:
        call()
    return str(caught.value)


@contextmanager
def standing_still(device: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """An emulator whose next run in this process goes on after the `with`; the event tells that it has begun."""
    begun, may_end = threading.Event(), threading.Event()
    emulator: Emulator = device._loaded.emulator
    run, process = emulator.run, os.getpid()

    def stands(*arguments: Any) -> Any:
        if os.getpid() == process:
            begun.set()
            assert may_end.wait(60)
        return run(*arguments)

    monkeypatch.setattr(emulator, "run", stands)
    try:
        yield begun
    finally:
        may_end.set()


def test_everything_works_in_a_child(accelerator: Accelerator, expected: Any) -> None:
    trace = accelerator.trace(images()[0])

    def work() -> None:
        same(accelerator.classify(images()), expected)
        same(accelerator.trace(images()[0])["scores"], trace["scores"])
        same(list(accelerator.stream(list(images()), batch=2)), expected)
        in_child(lambda: same(accelerator.classify(images()), expected))
        accelerator.close()
        assert "used after close" in error_text(lambda: accelerator.classify(images()))

    in_child(work)
    same(accelerator.classify(images()), expected)


def test_a_child_has_its_own_parameters(tmp_path: Path) -> None:
    """Loaded constants are copied with the rest; what a child loads is the child's."""
    described = tiny.network(head="rom")
    for seed in (2, 3):
        np.savez(tmp_path / f"{seed}.npz", **tiny.draw(described, seed))
    (tmp_path / "loaded.xclbin").write_bytes(tiny.loaded_xclbin())
    with Accelerator.open(tmp_path / "loaded.xclbin") as accelerator:
        answers = {}
        for seed in (2, 3):
            accelerator.load_parameters(tmp_path / f"{seed}.npz")
            answers[seed] = accelerator.classify(images())
        assert not np.array_equal(*answers.values())

        def work() -> None:
            same(accelerator.classify(images()), answers[3])
            accelerator.load_parameters(tmp_path / "2.npz")
            same(accelerator.classify(images()), answers[2])

        with (
            accelerator._swap,
            accelerator.lanes[0]._lock,
            accelerator.devices[0].loads.lock,
            accelerator.devices[0]._loaded._builder._lock,
        ):
            in_child(work)  # another thread of the parent may be loading
        same(accelerator.classify(images()), answers[3])


def test_the_article_goes_on_in_a_child(accelerator: Accelerator, expected: Any) -> None:
    overlay = accelerator.overlay
    inbuf, outbuf = overlay.bank0.allocate((N, 8, 8, 1), np.uint8), overlay.bank0.allocate((N, 3), np.uint32)
    fcbuf = overlay.PLRAM0.allocate((10, 8), np.int8)
    inbuf[:], fcbuf[:] = images(), overlay.device.xclbin.weights
    inbuf.sync_to_device()
    fcbuf.sync_to_device()

    def work() -> None:
        overlay.tiny_1.call(inbuf, outbuf, fcbuf, N)
        outbuf.sync_from_device()
        same(outbuf, expected)
        overlay.tiny_1.write(0, 1)
        assert overlay.tiny_1.start(inbuf, outbuf, fcbuf, N).wait(20)
        overlay.download()
        same(Accelerator(overlay).classify(images()), expected)

    overlay.tiny_1.call(inbuf, outbuf, fcbuf, N)
    for _ in range(2):
        in_child(work)
    assert not outbuf.any()  # the child's memory is its own
    outbuf.sync_from_device()
    same(outbuf, expected)


@pytest.mark.parametrize("threads", ["1", "3"])
def test_workers_of_multiprocessing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: str) -> None:
    monkeypatch.setenv("RESFLOW_EMULATOR_THREADS", threads)
    with Accelerator.open(tiny.write(tmp_path / "tiny.xclbin")) as accelerator:
        expected = accelerator.classify(images(40))

        def classify(queue: Any, start: int) -> None:
            queue.put((start, accelerator.classify(images(40)[start : start + 10])))

        queue = CONTEXT.Queue()
        workers = [CONTEXT.Process(target=classify, args=(queue, start)) for start in range(0, 40, 10)]
        for worker in workers:
            worker.start()
        found = dict(queue.get(timeout=30) for _ in workers)
        for worker in workers:
            worker.join(30)
            assert worker.exitcode == 0
        same(np.concatenate([found[start] for start in sorted(found)]), expected)


def test_a_run_that_is_in_the_parent(accelerator: Accelerator, expected: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forked in the middle of it, with every lock of the way taken; the child has its own."""
    overlay = accelerator.overlay
    buffers = [overlay.bank0.allocate((N, 64), np.uint8), overlay.bank0.allocate((N, 3), np.uint32), overlay.PLRAM0.allocate((10, 8), "i1")]
    runs: list[Any] = []

    def work() -> None:
        for run in runs:
            for wait in (run.wait, lambda run=run: run.wait(1), lambda run=run: run.done):
                assert error_text(wait) == (
                    "tiny_1: a run of another process\n"
                    "why: it belongs to the parent of this forked process, and its thread is there\n"
                    "fix: wait before the process is forked, or start a run in the child"
                )
        same(accelerator.classify(images()), expected)
        overlay.tiny_1.call(*buffers, N)
        address = buffers[0].device_address
        buffers[0].freebuffer()  # no run of the child's holds it
        assert overlay.bank0.allocate((N, 64), np.uint8).device_address == address
        accelerator.close()

    with standing_still(overlay.device, monkeypatch) as begun:
        runs += [overlay.tiny_1.start(*buffers, N) for _ in range(2)]
        assert begun.wait(30)
        in_child(work)
    assert all(run.wait(30) for run in runs)
    same(accelerator.classify(images()), expected)


def test_other_threads_have_all_slots(accelerator: Accelerator, expected: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = [threading.Thread(target=accelerator.classify, args=(images(),)) for _ in range(4)]
    with standing_still(accelerator.devices[0], monkeypatch) as begun:
        for thread in threads:
            thread.start()
        assert begun.wait(30)
        time.sleep(0.1)
        assert not accelerator._pool._free
        in_child(lambda: same(accelerator.classify(images()), expected))
        in_child(accelerator.close)
    for thread in threads:
        thread.join()


def test_threads_that_work_while_children_come_and_go(tmp_path: Path) -> None:
    """Whatever is locked at the moment of the fork, in Python or in C++."""
    with Accelerator.open(tiny.write(tmp_path / "tiny.xclbin")) as accelerator:
        batch = images(300)
        expected = accelerator.classify(batch)
        ended = threading.Event()

        def work() -> None:
            while not ended.is_set():
                same(accelerator.classify(batch), expected)
                accelerator.devices[0].bank("bank0").allocate((100,))

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(25):
                in_child(lambda: same(accelerator.classify(batch), expected), seconds=60)
        finally:
            ended.set()
            for thread in threads:
                thread.join()


@pytest.mark.parametrize("path", ["auto", "numpy"])
def test_an_emulator_in_the_middle_of_its_work(tmp_path: Path, path: str) -> None:
    """The native one holds a mutex meanwhile, and has threads of its own that do not come along."""
    accelerator = Accelerator.open(tiny.write(tmp_path / "tiny.xclbin", head="rom"))
    emulator = Emulator(accelerator.devices[0]._loaded.emulator.program, path=path, threads=3)
    batch = images(2000 if path == "auto" else 50)
    expected = emulator.run(batch)[0]
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            emulator.run(batch)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(10):
            time.sleep(0.01)
            in_child(lambda: same(emulator.run(batch[:20])[0], expected[:20]))
    finally:
        ended.set()
        thread.join()


def test_a_stream_stays_where_it_was_begun(accelerator: Accelerator, expected: Any, tmp_path: Path) -> None:
    from PIL import Image

    paths = []
    for i, image in enumerate(images()):
        paths.append(tmp_path / f"{i}.png")
        Image.fromarray(np.repeat(image, 1, axis=2)[..., 0]).save(paths[-1])
    begun, unbegun = accelerator.stream(list(images()), batch=1), accelerator.stream(list(images()), batch=1)
    files = accelerator.stream([paths[0]] * 40, batch=1, decoders=2)
    same(next(begun), expected[0])
    next(files)

    def work() -> None:
        for each in (begun, files):
            assert error_text(lambda each=each: next(each)) == (
                "stream: continued in another process\n"
                "why: it was begun in the parent of this forked process, and its threads are there\n"
                "fix: begin a stream in each process"
            )
        same(list(unbegun), expected)

    in_child(work)
    same(list(begun), expected[1:])
    files.close()


def test_a_stream_dropped_in_a_child(accelerator: Accelerator, expected: Any) -> None:
    held = {"stream": accelerator.stream(list(images()), batch=1)}
    next(held["stream"])

    def work() -> None:
        del held["stream"]
        gc.collect()
        same(accelerator.classify(images()), expected)

    in_child(work, seconds=10)
    same(list(held["stream"]), expected[1:])


def test_a_recording_stays_where_it_was_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensors, "rails", lambda _: lambda: (Rail(name="12v_aux", volts=12.0, amps=1.0),))
    with Recording(None, interval=0.01) as recording:
        time.sleep(0.05)

        def work() -> None:
            assert str(recording.error) == (
                "power: no samples after a fork\nwhy: its thread is in the parent of this forked process, where it goes on\n"
                "fix: record in one process from begin to end"
            )
            recording.__exit__(None, None, None)

        in_child(work)
        before = len(recording.samples)
        time.sleep(0.1)
    assert len(recording.samples) > before
    assert recording.error is None


def test_a_device_does_not_travel(accelerator: Accelerator) -> None:
    """Nor does what holds it. As a pool would send them, with a bound method or as an argument."""
    overlay = accelerator.overlay
    for thing in (accelerator, accelerator.classify, overlay, overlay.tiny_1, overlay.bank0, overlay.device):
        assert error_text(lambda thing=thing: pickle.dumps(thing)) == (
            f"{overlay.device.tag}: a device sent to another process\nwhy: what it has loaded, and its buffers, are in this one\n"
            "fix: open the xclbin in the other process, for example in the initializer of a multiprocessing.Pool"
        )


def test_errors_travel() -> None:
    error = DeviceError("where", "what", "why", "fix")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


ENDS = """
import os, sys, warnings
warnings.simplefilter("ignore")
import numpy as np, runtime
accelerator = runtime.Accelerator.open("tiny.xclbin")
images = np.zeros((5, 8, 8, 1), np.uint8)
expected = accelerator.classify(images).tolist()
child = os.fork()
if child == 0:
    assert accelerator.classify(images).tolist() == expected
    sys.exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), accelerator.classify(images).tolist() == expected)
"""


def test_a_child_ends_as_any_process(tmp_path: Path) -> None:
    tiny.write(tmp_path / "tiny.xclbin")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OPENBLAS_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", ENDS], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "3 True\n", "")


CARD = """
import signal
ol, unit, i, o, w = opened("card.xclbin")
acc = runtime.Accelerator(ol)
images = np.zeros((5, 8, 8, 1), np.uint8)
acc.classify(images)
unit.call(i, o, w, 5)
run = unit.start(i, o, w, 5)
stream = acc.stream(images, batch=1)
next(stream)
i[:] = 7
def forked(work):
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        work()
        sys.exit(5)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
FORKED = (
    "a card in a forked process\nwhy: the process this one was forked from has opened a card, "
    "and what XRT has opened does not work in a forked child\n"
    "fix: open cards in the child alone, or start processes anew: multiprocessing.set_start_method('spawn')\n"
)


@needs_xrt
def test_a_card_is_the_parent_s(noop: Run) -> None:
    """It says so at once, does nothing to the parent's buffers, and the child ends although XRT would wait for its threads."""
    script = """
def work():
    error_text(acc.classify, images)
    error_text(unit.call, i, o, w, 5)
    error_text(unit.read, 0)
    error_text(ol.bank0.allocate, 4)
    error_text(pynq.allocate, 4)
    error_text(i.sync_to_device)
    error_text(lambda: list(stream))
    error_text(run.wait)
    error_text(ol.download)
    error_text(opened)
    with runtime.Accelerator.open("tiny.xclbin", device="emulation") as emulated:
        assert emulated.classify(images).shape == (5, 3)
forked(work)
acc.classify(images)
unit.call(i, o, w, 5)
i.sync_to_device()
print(int(i.sum()), len(list(stream)), run.wait(5))
"""
    lost = "bank0: a buffer that is no longer there\nwhy: it is the parent's of this forked process, which alone reaches the card\n"
    refusals = [
        f"xrt0: {FORKED}",
        f"xrt0: {FORKED}",
        f"xrt0: {FORKED}",
        f"xrt0: {FORKED}",
        f"xrt0: {FORKED}",
        f"{lost}fix: allocate it again\n",
    ]
    stream = (
        "stream: continued in another process\nwhy: it was begun in the parent of this forked process, and its threads are there\n"
        "fix: begin a stream in each process\n"
    )
    check(
        noop(OPEN + CARD + script),
        "".join([*refusals, stream, f"tiny_1: {FORKED}", *[f"device 0: {FORKED}"] * 2, f"5\n{5 * 64 * 7} 4 True\n"]),
    )


@needs_xrt
@pytest.mark.parametrize(
    "work",
    [
        "lambda: None",
        "lambda: ol.device.close()",
        "lambda: acc.close()",
        "lambda: (globals().clear(), __import__('gc').collect(), __import__('sys').exit(5))",
        "lambda: [buffer.freebuffer() for buffer in (i, o, w)]",
        "lambda: stream.close()",
    ],
)
def test_what_a_child_drops_stays_in_the_parent(noop: Run, work: str) -> None:
    """XRT is not called at all: parent and child share its open files."""
    watch = """
from runtime.xrt import library as xrt
library, process = xrt.load()._library, os.getpid()
def watched(name):
    function = getattr(library, name)
    return lambda *arguments: function(*arguments) if os.getpid() == process else print("called by the child:", name)
for name in xrt._FUNCTIONS:
    setattr(library, name, watched(name))
"""
    script = f"""
forked({work})
acc.classify(images)
unit.call(i, o, w, 5)
i.sync_to_device()
print(int(i.sum()))
"""
    check(noop(OPEN + watch + CARD + script), f"5\n{5 * 64 * 7}\n")


@needs_xrt
def test_a_card_that_only_children_open(noop: Run) -> None:
    script = """
import multiprocessing
def work(queue):
    with runtime.Accelerator.open("card.xclbin", device=0) as accelerator:
        queue.put(accelerator.classify(np.zeros((5, 8, 8, 1), np.uint8)).shape)
context = multiprocessing.get_context("fork")
queue = context.Queue()
print(len(pynq.Device.devices))
workers = [context.Process(target=work, args=(queue,)) for _ in range(2)]
for worker in workers: worker.start()
print([queue.get(timeout=60) for _ in workers])
for worker in workers: worker.join()
"""
    check(noop(OPEN + script), "2\n[(5, 3), (5, 3)]\n")


def test_a_device_in_a_child_of_its_own(tmp_path: Path) -> None:
    """Loaded there and not before."""
    path, device = tiny.write(tmp_path / "tiny.xclbin"), EmulatedDevice()

    def work() -> None:
        with Accelerator.open(path, device=device) as accelerator:
            assert accelerator.classify(images()).shape == (N, 3)

    in_child(work)
