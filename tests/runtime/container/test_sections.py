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

from runtime.container.arrays import Stored
from runtime.container.axlf import Axlf, SectionKind
from runtime.container.program import Program
from runtime.container.sections import parse as parse_network
from runtime.emulation.emulator import Emulator
from runtime.errors import XclbinError
from tests.runtime import first_form, tiny

AXLF = Axlf.parse(tiny.xclbin(head="rom"))
NETWORK = AXLF.section(SectionKind.USER, "network")
PARAMETERS = AXLF.section(SectionKind.USER, "parameters")
FIX = "fix: build or copy the xclbin again"


def parse(network: bytes, parameters: bytes) -> Program:
    return parse_network(network, Stored(parameters))


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
        assert conv.activation is not None
        assert np.array_equal(conv.activation.thresholds, drawn[f"{key}/thresholds"])
    assert program.blocks[1].entry.main is not None
    assert np.array_equal(program.blocks[1].entry.main.thresholds, drawn["res2b/entry/thresholds"])
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
        ("stem.conv.weight", ["int8"], "stem.conv.weight: ['int8']\nwhy: expected one of bipolar, int1, int2, int3, int4, int5, int6, int7, "
         "int8, uint1, uint2, uint3, uint4, uint5, uint6, uint7, uint8"),
        ("stem.pool.kernel", [10, 10], "stem.pool: kernel (10, 10)\nwhy: it does not fit into (8, 8, 4) and its padding"),
        ("blocks[0].name", "res2/a", "blocks[0].name: 'res2/a'\nwhy: expected at most 64 letters, digits and underscores, a letter first"),
        ("blocks[0].name", "stem", "blocks[0].name: 'stem'\nwhy: this name is taken"),
        ("blocks[1].name", "res2a", "blocks[1].name: 'res2a'\nwhy: this name is taken"),
        ("version", 3, "version: 3\nwhy: expected an integer from 2 to 2"),
        ("stem.entry", "bipolar", "stem.entry: 'bipolar'\nwhy: expected one of int1, int2, int3, int4, int5, int6, int7, int8, "
         "uint1, uint2, uint3, uint4, uint5, uint6, uint7, uint8"),
        ("stem.conv.output", None, "stem.conv.output: None\nwhy: expected one of int1, int2, int3, int4, int5, int6, int7, int8, "
         "uint1, uint2, uint3, uint4, uint5, uint6, uint7, uint8"),
        ("stem.conv.pad_codes", [], "stem.conv.pad_codes: []\nwhy: expected a list of 1 items"),
        ("stem.conv.pad_codes", [256], "stem.conv.pad_codes: 256\nwhy: expected an integer from 0 to 255"),
        ("blocks[0].convs[0].pad_codes", [0, 0, 0], "blocks[0].convs[0].pad_codes: 3 codes\nwhy: expected one, or 4"),
        ("blocks[0].entry", 1, "blocks[0].entry: 1\nwhy: expected an object"),
        ("blocks[0].entry.both", 4, "blocks[0].entry.both: 4\nwhy: expected one of int1, int2, int3, int4, int5, int6, int7, int8, "
         "uint1, uint2, uint3, uint4, uint5, uint6, uint7, uint8"),
        ("blocks[0].join", None, "blocks[0].join: None\nwhy: expected an object"),
        ("blocks[0].join.activates", 0, "blocks[0].join.activates: 0\nwhy: expected true or false"),
        ("blocks[0].join.factors", "uint4", "blocks[0].join.factors: factors\nwhy: a join without thresholds has none"),
        ("blocks[0].join.output", "int4", "blocks[0].join.output: int4\nwhy: a join without thresholds clips to unsigned codes"),
        ("head.pool", "mean", "head.pool: 'mean'\nwhy: expected one of sum, max"),
        ("head.zero_point", -1, "head.zero_point: -1\nwhy: expected an integer from 0 to 15"),
        ("head.factors", "uint17", "head.factors: 'uint17'\nwhy: expected one of "
         + ", ".join(f"uint{bits}" for bits in range(1, 17))),
        ("head.scores", 33, "head.scores: 33\nwhy: expected an integer from 1 to 32"),
        ("blocks[0].convs[1].name", "res2a.conv3", "blocks[0].convs[1].name: 'res2a.conv3'\nwhy: expected one of res2a.conv2"),
        ("blocks[0].convs[0].stride", [1, 1], "blocks[0]: (8, 8, 8) meets (4, 4, 8)\nwhy: both paths of a block end in one shape"),
        ("blocks[0].join.output", "uint5", "blocks[0]: uint4 meets uint4\nwhy: both paths of this block end in uint5"),
        ("blocks[0].join.zero_point", 16, "blocks[0].join.zero_point: 16\nwhy: expected an integer from 0 to 15"),
        ("blocks[1].entry.main", None, "blocks[1].convs[0].input: 'uint2'\nwhy: expected one of uint4"),
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


JOIN = {"activates": True, "zero_point": 0, "output": "int4", "factors": "uint4", "per_channel": True, "values": 20}


def with_join(**changes: Any) -> tuple[bytes, dict[str, NDArray[Any]]]:
    """The network with thresholds and factors behind the join of res2a, and the arrays that go with it."""
    record = json.loads(NETWORK)
    record["blocks"][0]["join"] = JOIN | changes
    record["blocks"][1]["join"] |= {"activates": True, "output": "uint4"}
    record["blocks"][1]["entry"]["both"] = "uint4"
    wide = np.int64 if (JOIN | changes)["values"] > 32 else np.int32
    more = {
        "res2a/join/thresholds": np.zeros((8, 15), wide),
        "res2a/join/factors": np.full((8, 2), 15, np.int32),
        "res2b/entry/thresholds": np.zeros((8, 15), np.int32),
        "res2b/entry_main/thresholds": np.zeros((8, 3), np.int32),
        "res2b/join/thresholds": np.zeros((8, 15), np.int32),
    }
    return json.dumps(record).encode(), arrays() | more


@pytest.mark.parametrize("values", [9, 32, 33, 48])
def test_joins_with_factors(values: int) -> None:
    """Two codes of 4 bits times 15 are 450 at most: 10 bits in two's complement."""
    network, given = with_join(values=values)
    if values == 9:
        with pytest.raises(XclbinError) as caught:
            parse(network, npz(given))
        assert str(caught.value) == f"network: blocks[0].join: sums from 0 to 450\nwhy: they have 9 bits\n{FIX}"
        return
    join = parse(network, npz(given)).blocks[0].join
    assert join.activation is not None
    assert join.activation.thresholds.dtype == (np.int32 if values <= 32 else np.int64)


@pytest.mark.parametrize(
    ("changes", "key", "value", "message"),
    [
        ({}, "res2a/join/factors", np.full((1, 2), 15, np.int32),
         "parameters: res2a/join/factors: int32 (1, 2)\nwhy: expected int32 (8, 2) in C order"),
        ({}, "res2a/join/factors", np.full((8, 2), 16, np.int32),
         "parameters: res2a/join/factors: 16 to 16\nwhy: factors of format uint4 are 1 to 15"),
        ({}, "res2a/join/factors", np.zeros((8, 2), np.int32),
         "parameters: res2a/join/factors: 0 to 0\nwhy: factors of format uint4 are 1 to 15"),
        ({"per_channel": 1}, None, None, "network: blocks[0].join.per_channel: 1\nwhy: expected true or false"),
        ({"factors": ["uint4"]}, None, None, "network: blocks[0].join.factors: ['uint4']\nwhy: expected one of "
         + ", ".join(f"uint{bits}" for bits in range(1, 17))),
        ({"values": 49}, None, None, "network: blocks[0].join.values: 49\nwhy: expected an integer from 1 to 48"),
        ({"zero_point": 2**31}, None, None, "network: blocks[0].join.zero_point: 2147483648\n"
         "why: expected an integer from -2147483648 to 2147483647"),
        ({"zero_point": 2**30}, None, None, "network: blocks[0].join: sums from -1073741824 to -1073741374\nwhy: they have 20 bits"),
        ({"values": 40}, "res2a/join/thresholds", np.zeros((8, 15), np.int32),
         "parameters: res2a/join/thresholds: int32 (8, 15)\nwhy: expected int64 (8, 15) in C order"),
    ],
)  # fmt: skip
def test_joins_that_must_not_be(changes: dict[str, Any], key: str | None, value: Any, message: str) -> None:
    network, given = with_join(**changes)
    if key is not None:
        given[key] = value
    with pytest.raises(XclbinError) as caught:
        parse(network, npz(given))
    assert str(caught.value) == f"{message}\n{FIX}"


def with_head(**changes: Any) -> tuple[bytes, dict[str, NDArray[Any]]]:
    record = json.loads(NETWORK)
    record["head"] |= {"act": "int3", "factors": "uint6", "scores": 40, "output": "uint3"} | changes
    more = {
        "head/pool/thresholds": np.zeros((8, 7), np.int32),
        "head/fc/factors": np.full(10, 63, np.int32),
        "head/fc/bias": np.zeros(10, np.int64),
        "head/fc/thresholds": np.zeros((10, 7), np.int64),
    }
    return json.dumps(record).encode(), arrays() | more


def test_a_head_with_everything() -> None:
    network, given = with_head()
    head = parse(network, npz(given)).head
    assert (head.score_bits, head.ranked, head.pool.value) == (40, np.int32, "sum")


@pytest.mark.parametrize(
    ("key", "value", "where", "why"),
    [
        ("head/fc/bias", np.full(10, 2**39, np.int64), "network: head", "scores have 40 bits"),
        ("head/fc/bias", np.full(10, 2**62, np.int64), "parameters: head/fc/bias", "scores have 40 bits"),
        ("head/fc/bias", np.zeros(10, np.int32), "parameters: head/fc/bias", "expected int64 (10,) in C order"),
        ("head/fc/factors", np.full(10, 64, np.int32), "parameters: head/fc/factors", "factors of format uint6 are 1 to 63"),
        ("head/fc/thresholds", np.zeros((10, 7), np.int32), "parameters: head/fc/thresholds", "expected int64 (10, 7) in C order"),
    ],
)
def test_heads_that_must_not_be(key: str, value: NDArray[Any], where: str, why: str) -> None:
    network, given = with_head()
    with pytest.raises(XclbinError) as caught:
        parse(network, npz(given | {key: value}))
    assert (caught.value.where, caught.value.why) == (where, why)


@pytest.mark.parametrize("head", ["rom", "stream"])
def test_the_first_form_is_the_same_network(head: str) -> None:
    old, new = (Axlf.parse(module.xclbin(head=head)) for module in (first_form, tiny))
    assert b"version" not in old.section(SectionKind.USER, "network")
    programs = [parse(*(axlf.section(SectionKind.USER, name) for name in ("network", "parameters"))) for axlf in (old, new)]
    images = np.random.default_rng(1).integers(0, 256, (5, 8, 8, 1), np.uint8)
    weights = tiny.draw(tiny.network())["head/fc/weights"]
    traces = [Emulator(program).trace(images[0], weights) for program in programs]
    results = [Emulator(program).run(images, weights) for program in programs]
    assert list(traces[0]) == list(traces[1])
    assert all(np.array_equal(traces[0][name], traces[1][name]) for name in traces[0])
    assert all(np.array_equal(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("blocks", 0, "entry"), 1, "blocks[0].entry: 1\nwhy: expected true or false"),
        (("blocks", 0, "bits"), 9, "blocks[0].bits: 9\nwhy: expected an integer from 1 to 8"),
        (("blocks", 0, "zero_point"), 16, "blocks[0].join.zero_point: 16\nwhy: expected an integer from 0 to 15"),
        (("blocks", 1, "convs"), 7, "blocks[1].convs: 7\nwhy: expected a list of 2 to 3 items"),
        (("stem",), [], "stem: []\nwhy: expected an object"),
        (("head", "pool"), "max",
         "head: unknown key 'pool'\nwhy: it has the keys zero_point, inputs, classes, top, weights, weight"),
    ],
)  # fmt: skip
def test_networks_of_the_first_form_that_must_not_be(path: tuple[Any, ...], value: object, message: str) -> None:
    record = first_form.network(head="rom")
    place: Any = record
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(XclbinError) as caught:
        parse(json.dumps(record).encode(), PARAMETERS)
    assert str(caught.value) == f"network: {message}\n{FIX}"


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
    old = json.dumps(first_form.network(head="rom")).encode()
    for original, other in ((NETWORK, PARAMETERS), (old, PARAMETERS), (PARAMETERS, NETWORK)):
        for _ in range(400):
            damaged = bytearray(original)
            for _ in range(choose.randrange(1, 8)):
                damaged[choose.randrange(len(damaged))] = choose.randrange(256)
            with contextlib.suppress(XclbinError):
                parse(*((damaged, other) if other is PARAMETERS else (other, damaged)))
