"""What the emulator computes of a described network, against the reference arithmetic, bit for bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import runtime
from codegen.errors import ToolError
from constants.image import image_words
from dataflow import Design, plan
from network import Network, load, parameters, reference
from network.errors import ParameterError
from network.images import Images
from runtime.container.arrays import Loaded, Stored
from runtime.container.program import Program
from runtime.container.sections import parse
from runtime.emulation.emulator import Emulator, available_paths
from tests import strategies
from vitis.emulation import constants, constants_image, emulation_xclbin, network_section
from vitis.verify import verify
from vitis.xclbin import _npz, _stored

WIDE = Path(__file__).parent.parent / "wide.yaml"


def program(network: Network, arrays: dict[str, NDArray[Any]]) -> Program:
    section = network_section(network)
    return parse(json.dumps(section).encode(), Stored(_npz(_stored(section, arrays))))


@settings(max_examples=60, deadline=None)
@given(data=st.data(), seed=st.integers(0, 2**32), wide=st.booleans())
def test_equals_the_reference(data: st.DataObject, seed: int, wide: bool, tmp_path_factory: pytest.TempPathFactory) -> None:
    network = strategies.written(data.draw(strategies.networks(wide=wide)), tmp_path_factory.mktemp("drawn"))
    arrays = parameters.draw(network, seed)
    images = np.random.default_rng(seed).integers(0, 256, (2, *network.input), np.uint8)
    expected = reference.trace(network, arrays, images)
    emulated = program(network, arrays)
    streamed = arrays["head/fc/weights"] if network.head.streams_weights else None
    for path in available_paths():
        emulator = Emulator(emulated, path=path, threads=2)
        labels, scores = emulator.run(images, streamed)
        assert np.array_equal(labels, expected["labels"])
        assert np.array_equal(scores, expected["scores"])
        found = emulator.trace(images[1], streamed)
        assert list(found) == list(expected)
        for name, codes in found.items():
            assert codes.dtype == expected[name].dtype, name
            assert np.array_equal(codes, expected[name][1]), name


@settings(max_examples=12, deadline=None)
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_what_is_loaded_equals_the_reference(data: st.DataObject, seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """From parameters to an image, as any way to build a layer holds them, and back."""
    description = data.draw(strategies.networks(blocks=2, loaded=True)) | {"constants": "loaded"}
    network = strategies.written(description, tmp_path_factory.mktemp("drawn"))
    arrays, design = parameters.draw(network, seed), plan(network)
    held = constants(design)
    assert held is not None
    image = constants_image(design, arrays)
    section = network_section(network)
    rest = Stored(_npz(_stored(section, {name: array for name, array in arrays.items() if name not in held.keys})))
    emulator = Emulator(parse(json.dumps(section).encode(), Loaded(held, image_words(image, held.words), rest)), path="numpy")
    images = np.random.default_rng(seed).integers(0, 256, (1, *network.input), np.uint8)
    expected = reference.trace(network, arrays, images)
    found = emulator.trace(images[0], arrays["head/fc/weights"] if network.head.streams_weights else None)
    for name, codes in found.items():
        assert np.array_equal(codes, expected[name][0]), name


def test_parameters_that_the_hardware_cannot_compute_with(tmp_path: Path) -> None:
    """Hardware of loaded networks is made without parameters, and clip computes some thresholds only: the image is refused, and so it is later
    by the host, which goes on with what it has."""
    digits = WIDE.parents[1] / "configs" / "digits.yaml"
    text = digits.read_text(encoding="utf-8").replace("conv1:  {kernel: 3,", "conv1:  {activation: clip, kernel: 3,", 1)
    (tmp_path / "clipped.yaml").write_text(
        text.replace("network:   digits", "network: clipped\nconstants: loaded\nparameters: clipped.npz")
    )
    network = load(tmp_path / "clipped.yaml")
    design, path = plan(network), WIDE.parents[1] / "params" / "digits.npz"
    trained, drawn = parameters.load(network, path), parameters.draw(network, 1)
    what = r"res2a/conv1/thresholds: channel 0 has the thresholds -?\d+, -?\d+, -?\d+ \(and 31 more\), which do not follow one another from -864 to 864"
    why = "clip computes value - base, held between 0 and the number of thresholds: each value reaches one more than the one below"
    fix = "leave activation out of the description, or write activation: search, which takes any thresholds"
    for make in (constants_image, emulation_xclbin):
        with pytest.raises(ParameterError, match=rf"^clipped.npz: {what}\n  why: {why}\n  fix: {fix}$"):
            make(design, trained)
    (tmp_path / "clipped.xclbin").write_bytes(emulation_xclbin(design, drawn))
    image = np.random.default_rng(0).integers(0, 256, network.input, np.uint8)
    with runtime.Accelerator.open(tmp_path / "clipped.xclbin") as accelerator:
        with pytest.raises(runtime.ParametersError, match=rf"^{path}: {what}\nwhy: {why}\nfix: {fix}$"):
            accelerator.load_parameters(path)
        assert np.array_equal(accelerator.trace(image)["scores"], reference.trace(network, drawn, image[np.newaxis])["scores"][0])


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> tuple[Design, dict[str, NDArray[Any]], Path, Images]:
    design = plan(load(WIDE))
    arrays = parameters.draw(design.network, 3)
    path = tmp_path_factory.mktemp("wide") / "wide.xclbin"
    path.write_bytes(emulation_xclbin(design, arrays))
    return design, arrays, path, Images(images=np.random.default_rng(2).integers(0, 256, (9, *design.network.input), np.uint8), labels=None)


def test_scores_come_with_the_labels(wide: tuple[Design, dict[str, NDArray[Any]], Path, Images]) -> None:
    """Scores of 64 bits behind 3 labels: a word of padding, and 40 bytes a frame."""
    design, arrays, path, images = wide
    network = design.network
    expected = reference.trace(network, arrays, images.images)
    best = np.take_along_axis(expected["scores"], expected["labels"].astype(np.int64), axis=1)
    assert len(np.unique(expected["scores"])) > 1
    with runtime.Accelerator.open(path) as accelerator:
        result = accelerator.manifest.result
        assert (result.scores, result.words, result.scores_offset, result.stride_bytes) == ("int64", 10, 16, 40)
        labels, scores = accelerator.classify(images.images, scores=True)
        assert (labels.dtype, scores.dtype) == (np.uint32, np.int64)
        assert np.array_equal(labels, expected["labels"])
        assert np.array_equal(scores, best)
        assert np.array_equal(accelerator.classify(images.images), labels)
        one = accelerator.classify(images.images[4], scores=True)
        assert [each.tolist() for each in one] == [labels[4].tolist(), best[4].tolist()]
        streamed = list(accelerator.stream(images.images, batch=4, scores=True))
        assert [each[0].tolist() for each in streamed] == labels.tolist()
        assert [each[1].tolist() for each in streamed] == best.tolist()
        assert [each.tolist() for each in accelerator.stream(images.images)] == labels.tolist()


def test_the_kernel_s_own_buffer(wide: tuple[Design, dict[str, NDArray[Any]], Path, Images]) -> None:
    """As the article's program has it: buffers by hand, words of 32 bits."""
    design, arrays, path, images = wide
    network = design.network
    expected = reference.trace(network, arrays, images.images)
    with runtime.Accelerator.open(path) as accelerator:
        lane = accelerator.lanes[0]
        taken, given = lane.buffers(9)
        assert (given.shape, given.dtype) == ((9, 10), np.uint32)
        taken[:, : network.input.size] = images.images.reshape(9, -1)
        given[:] = 0xFFFFFFFF
        taken.sync_to_device()
        given.sync_to_device()
        lane.start(taken, given, 9).wait()
        given.sync_from_device()
        for frame, words in enumerate(np.asarray(given)):
            raw = words.astype("<u4").tobytes()
            labels = expected["labels"][frame]
            assert np.frombuffer(raw, "<u4", 3).tolist() == labels.tolist()
            assert raw[12:16] == bytes(4)
            assert np.frombuffer(raw, "<i8", offset=16).tolist() == expected["scores"][frame][labels].tolist()


def test_verify_compares_codes_labels_and_scores(wide: tuple[Design, dict[str, NDArray[Any]], Path, Images]) -> None:
    design, arrays, path, images = wide
    verdict = verify(design, arrays, path, images, 2)
    assert (verdict.traced, verdict.loads, verdict.classified) == (2, 1, 9)
    # The order of the classes stays when every score is one higher.
    other = arrays | {"head/fc/bias": arrays["head/fc/bias"] + 1}
    with pytest.raises(ToolError) as caught:
        verify(design, other, path, images, 0)
    assert str(caught.value).startswith(f"{path}: image 0: scores: [")


def test_verify_loads_what_c_simulation_loads(tmp_path: Path) -> None:
    """The whole contract of numerics, with constants that are loaded: the parameters of the xclbin, and then those of the benches."""
    (tmp_path / "wide.yaml").write_text("constants: loaded\n" + WIDE.read_text())
    design = plan(load(tmp_path / "wide.yaml"))
    arrays = parameters.draw(design.network, 3)
    path = tmp_path / "wide.xclbin"
    path.write_bytes(emulation_xclbin(design, arrays))
    images = Images(images=np.random.default_rng(2).integers(0, 256, (5, *design.network.input), np.uint8), labels=None)
    verdict = verify(design, arrays, path, images, 2)
    assert (verdict.traced, verdict.loads, verdict.classified) == (2, 3, 5)
