from __future__ import annotations

import contextlib
import io
import json
import random
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from runtime.container.axlf import Axlf, SectionKind
from runtime.container.sections import parse
from runtime.errors import XclbinError
from tests.runtime import tiny

AXLF = Axlf.parse(tiny.xclbin(head="rom"))
NETWORK = AXLF.section(SectionKind.USER, "network")
PARAMETERS = AXLF.section(SectionKind.USER, "parameters")
FIX = "fix: build or copy the xclbin again"


def arrays() -> dict[str, NDArray[Any]]:
    return dict(np.load(io.BytesIO(PARAMETERS), allow_pickle=False))


def npz(values: dict[str, Any], save: Callable[..., None] = np.savez) -> bytes:
    file = io.BytesIO()
    save(file, **values)
    return file.getvalue()


def test_reads_what_was_written() -> None:
    program = parse(NETWORK, PARAMETERS)
    drawn = tiny.draw(tiny.network())
    assert program.input == (8, 8, 1)
    assert [block.name for block in program.blocks] == ["res2a", "res2b"]
    for conv in (program.stem, *program.blocks[0].convs, *program.blocks[1].convs):
        key = conv.name.replace(".", "/")
        assert np.array_equal(conv.weights, drawn[f"{key}/weights"])
        assert np.array_equal(conv.thresholds, drawn[f"{key}/thresholds"])
    assert np.array_equal(program.blocks[1].entry, drawn["res2b/entry/thresholds"])
    assert np.array_equal(program.head.weights, drawn["head/fc/weights"])
    assert np.array_equal(program.head.bias, drawn["head/fc/bias"])


def changed(path: str, value: object) -> bytes:
    """The network with one value replaced; `path` as errors spell it."""
    record = json.loads(NETWORK)
    *steps, last = path.replace("[", ".").replace("]", "").split(".")
    place = record
    for step in steps:
        place = place[int(step) if step.isdigit() else step]
    place[int(last) if last.isdigit() else last] = value
    return json.dumps(record).encode()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("input", [8, 8], "input: [8, 8]\nwhy: expected a list of 3 items"),
        ("input[0]", 0, "input: 0\nwhy: expected an integer from 1 to 16384"),
        ("input[2]", 3, "stem.conv.in: 1\nwhy: expected an integer from 3 to 3"),
        ("stem.conv.stride", [0, 1], "stem.conv: stride: 0\nwhy: expected an integer from 1 to 64"),
        ("stem.conv.kernel", 3, "stem.conv: kernel: 3\nwhy: expected a list of 2 items"),
        ("stem.conv.pad", [[0, 3], [0, 0]], "stem.conv: pad: 3\nwhy: expected an integer from 0 to 2"),
        ("stem.conv.input", "uint4", "stem.conv.input: 'uint4'\nwhy: expected one of uint8"),
        ("stem.conv.weight", ["int8"], "stem.conv.weight: ['int8']\nwhy: expected one of bipolar, int2, int3, int4, int5, int6, int7, "
         "int8, uint1, uint2, uint3, uint4, uint5, uint6, uint7, uint8"),
        ("stem.pool.kernel", [10, 10], "stem.pool: kernel (10, 10)\nwhy: it does not fit into (8, 8, 4) and its padding"),
        ("blocks[0].name", "res2/a", "blocks[0].name: 'res2/a'\nwhy: expected at most 64 letters, digits and underscores, a letter first"),
        ("blocks[0].name", "stem", "blocks[0].name: 'stem'\nwhy: this name is taken"),
        ("blocks[1].name", "res2a", "blocks[1].name: 'res2a'\nwhy: this name is taken"),
        ("blocks[0].entry", 1, "blocks[0].entry: 1\nwhy: expected true or false"),
        ("blocks[0].convs[1].name", "res2a.conv3", "blocks[0].convs[1].name: 'res2a.conv3'\nwhy: expected one of res2a.conv2"),
        ("blocks[0].convs[0].stride", [1, 1], "blocks[0]: (8, 8, 8) meets (4, 4, 8)\nwhy: both paths of a block end in one shape"),
        ("blocks[0].bits", 5, "blocks[0]: uint4 meets uint4\nwhy: both paths of this block end in uint5"),
        ("blocks[0].zero_point", 16, "blocks[0].zero_point: 16\nwhy: expected an integer from 0 to 15"),
        ("blocks[1].entry", False, "blocks[1].convs[0].input: 'uint2'\nwhy: expected one of uint4"),
        ("blocks[1].convs", [], "blocks[1].convs: []\nwhy: expected a list of 2 to 3 items"),
        ("head.inputs", 9, "head.inputs: 9\nwhy: expected an integer from 8 to 8"),
        ("head.top", 11, "head.top: 11\nwhy: expected an integer from 1 to 10"),
        ("head.weights", "ram", "head.weights: 'ram'\nwhy: expected one of stream, rom"),
    ],
)  # fmt: skip
def test_networks_that_must_not_be(path: str, value: object, message: str) -> None:
    with pytest.raises(XclbinError) as caught:
        parse(changed(path, value), PARAMETERS)
    assert str(caught.value) == f"network: {message}\n{FIX}"


def _descend(thresholds: NDArray[np.int32]) -> NDArray[np.int32]:
    thresholds = thresholds.copy()
    thresholds[5] = (1, 3, 2)
    return thresholds


@pytest.mark.parametrize(
    ("key", "change", "message"),
    [
        ("stem/conv/weights", None, "stem/conv/weights: missing\nwhy: expected int8 (4, 3, 3, 1)"),
        ("stem/conv/weights", lambda a: a[:3], "stem/conv/weights: int8 (3, 3, 3, 1)\nwhy: expected int8 (4, 3, 3, 1) in C order"),
        ("stem/conv/weights", np.int16, "stem/conv/weights: int16 (4, 3, 3, 1)\nwhy: expected int8 (4, 3, 3, 1) in C order"),
        ("res2a/bypass/weights", lambda a: a + np.int8(4), "res2a/bypass/weights: 0 to 7\nwhy: weights of format int3 are -4 to 3"),
        ("res2a/conv1/weights", lambda a: a[1:], "res2a/conv1/weights: uint8 (26,)\nwhy: expected uint8 (27,) in C order"),
        ("res2b/entry/thresholds", _descend, "res2b/entry/thresholds: channel 5 goes from 3 to 2\nwhy: thresholds ascend"),
        ("head/fc/bias", lambda a: a + np.int32(2**31 - 1001), "head/fc: too much"),
    ],
)  # fmt: skip
def test_parameters_that_must_not_be(key: str, change: Callable[[Any], Any] | None, message: str) -> None:
    values = arrays()
    if change is None:
        del values[key]
    else:
        values[key] = change(values[key])
    with pytest.raises(XclbinError) as caught:
        parse(NETWORK, npz(values))
    if "too much" in message:
        assert caught.value.where == "network: head"
        assert caught.value.why == "scores have 32 bits"
    else:
        assert str(caught.value) == f"parameters: {message}\n{FIX}"


def test_packed_weights_end_in_zeros() -> None:
    network = json.loads(NETWORK)
    network["stem"]["conv"] |= {"weight": "bipolar", "kernel": [1, 3], "pad": [[0, 0], [1, 1]]}
    values = arrays() | {"stem/conv/weights": np.array([0, 0b11], np.uint8)}
    with pytest.raises(XclbinError) as caught:
        parse(json.dumps(network).encode(), npz(values))
    why = "why: the last byte is filled up with zeros"
    assert str(caught.value) == f"parameters: stem/conv/weights: ones after the last weight\n{why}\n{FIX}"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "parameters: not a zip archive\nwhy: BadZipFile: File is not a zip file"),
        (npz(arrays() | {"extra": np.zeros(1)}), "parameters: 'extra.npy'\nwhy: no layer has such an array"),
        (npz(arrays(), np.savez_compressed),
         "parameters: stem/conv/weights: compressed\nwhy: members are stored, so that none grows when it is read"),
        (npz(arrays() | {"stem/conv/weights": np.array([{}])}),
         "parameters: stem/conv/weights: object (1,)\nwhy: expected int8 (4, 3, 3, 1) in C order"),
        (npz(arrays() | {"stem/conv/weights": np.asfortranarray(arrays()["stem/conv/weights"])}),
         "parameters: stem/conv/weights: int8 (4, 3, 3, 1)\nwhy: expected int8 (4, 3, 3, 1) in C order"),
    ],
)  # fmt: skip
def test_archives_that_must_not_be(data: bytes, message: str) -> None:
    with pytest.raises(XclbinError) as caught:
        parse(NETWORK, data)
    assert str(caught.value) == f"{message}\n{FIX}"


def test_an_array_twice() -> None:
    file = io.BytesIO(PARAMETERS)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(file, "a") as archive:
        archive.writestr("head/fc/bias.npy", b"")
    with pytest.raises(XclbinError, match=r"^parameters: a member twice\n"):
        parse(NETWORK, file.getvalue())


@pytest.mark.parametrize("place", ["read_magic", "read_array_header_1_0"])
def test_a_numpy_without_what_we_call_is_no_verdict_on_the_file(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.delattr(np.lib.format, place)
    with pytest.raises(AttributeError, match=place):
        parse(NETWORK, PARAMETERS)


def test_a_network_too_large_to_emulate_is_refused_before_it_is_tried() -> None:
    network = json.loads(NETWORK)
    network["input"] = [16384, 16384, 1]
    with pytest.raises(XclbinError, match=r"^network: stem.conv: codes a frame: 1073741824\n"):
        parse(json.dumps(network).encode(), PARAMETERS)


def test_damaged_sections_are_errors_and_nothing_else() -> None:
    choose = random.Random(3)
    for original, other in ((NETWORK, PARAMETERS), (PARAMETERS, NETWORK)):
        for _ in range(400):
            damaged = bytearray(original)
            for _ in range(choose.randrange(1, 8)):
                damaged[choose.randrange(len(damaged))] = choose.randrange(256)
            with contextlib.suppress(XclbinError):
                parse(*((damaged, other) if original is NETWORK else (other, damaged)))
