"""Parameters swapped between frames while several threads classify: each frame's answer is that of one set or of the other."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import numpy as np
import pytest

import runtime
from dataflow import plan
from network import load, parameters
from network.images import digits
from runtime import Accelerator
from vitis.emulation import constants, emulation_xclbin

ROOT = Path(runtime.__file__).parents[1]
SWAPS, THREADS, BATCH = 200, 4, 24
"""In a note: 10,000 swaps."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """digits.xclbin, trained.npz, whose parameters it brings, and drawn.npz; and images of both."""
    folder = tmp_path_factory.mktemp("swaps")
    described = load(ROOT / "configs" / "digits_loaded.yaml")
    trained = parameters.load(described, ROOT / "params" / "digits.npz")
    design = plan(described)
    (folder / "digits.xclbin").write_bytes(emulation_xclbin(design, trained))
    for name, arrays in (("trained", trained), ("drawn", parameters.draw(described, 1))):
        parameters.save(folder / f"{name}.npz", arrays)
        (folder / f"{name}.constants").write_bytes(constants(design).image(arrays))
    return folder


def test_swaps_between_frames(folder: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (BATCH, 8, 8, 1)).astype(np.uint8)
    sets = ("trained.constants", "drawn.constants")
    with Accelerator.open(folder / "digits.xclbin") as accelerator:
        answers = []
        for name in sets:
            accelerator.load_parameters(folder / name)
            answers.append(accelerator.classify(images))
        assert (answers[0] != answers[1]).any(axis=1).all()  # so that every frame tells which it was
        ended = Event()

        def classify(size: int) -> tuple[int, int, int]:
            """Batches of so many; how many frames had the answer of one set, of the other, and of neither."""
            counts = [0, 0, 0]
            at = 0
            while not ended.is_set():
                part = slice(at, at + size)
                found = accelerator.classify(images[part])
                is_of = [(found == answer[part]).all(axis=1) for answer in answers]
                assert is_of[0].all() or is_of[1].all()  # a batch is one run
                counts = [counts[0] + is_of[0].sum(), counts[1] + is_of[1].sum(), counts[2] + (~is_of[0] & ~is_of[1]).sum()]
                at = (at + size) % BATCH
            return counts[0], counts[1], counts[2]

        with ThreadPoolExecutor(THREADS) as threads:
            running = [threads.submit(classify, size) for size in (1, 2, 4, 8)]
            try:
                for swap in range(SWAPS):
                    which = swap % 2
                    accelerator.load_parameters(folder / sets[which])
                    # What is started afterwards has the new ones.
                    assert np.array_equal(accelerator.classify(images[:3]), answers[which][:3])
            finally:
                ended.set()
            counts = np.array([each.result() for each in running])
        assert (counts[:, 2] == 0).all()
        assert (counts[:, :2] > 0).all()


def test_a_swap_takes_milliseconds(folder: Path) -> None:
    """Of this process, since the machine may do something else; the first have caches to fill."""
    with Accelerator.open(folder / "digits.xclbin") as accelerator:
        seconds = []
        for name in ("drawn.npz", "trained.npz") * 3:
            start = time.process_time()
            accelerator.load_parameters(folder / name)
            seconds.append(time.process_time() - start)
        assert min(seconds) < 0.05


def test_the_digits_are_read_as_well(folder: Path) -> None:
    """After swaps: the trained ones read handwriting, layer by layer as before; the drawn ones do not."""
    images, labels = digits().held_out
    with Accelerator.open(folder / "digits.xclbin") as accelerator:
        before = accelerator.trace(images[5])
        right = [(accelerator.classify(images)[:, 0] == labels).mean()]
        for name in ("drawn.npz", "trained.npz"):
            accelerator.load_parameters(folder / name)
            right.append((accelerator.classify(images)[:, 0] == labels).mean())
            trace = accelerator.trace(images[5])
            same = [np.array_equal(trace[place], before[place]) for place in before]
            assert all(same) if name == "trained.npz" else not any(same[:-1])
    assert right[0] == right[2] > 0.9 > right[1]
