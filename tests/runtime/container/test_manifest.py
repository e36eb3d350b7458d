from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from runtime.container.manifest import Direction, ImageShape, Manifest, Pictures, Result, Target
from runtime.errors import ManifestError
from tests.runtime import first_form, tiny

TINY = tiny.manifest(tiny.network())


def test_written_and_read_again() -> None:
    assert Manifest.parse(TINY.to_json()) == TINY


def test_written_and_read_again_without_weights_and_names() -> None:
    manifest = tiny.manifest(tiny.network(head="rom"), label_names=(), versions={}, target=Target.HW, clock_mhz=247.5)
    assert Manifest.parse(manifest.to_json()) == manifest


def test_written_and_read_again_with_pictures_and_scores() -> None:
    pictures = Pictures(order="rgb", resize=9, interpolation="bicubic")
    manifest = tiny.manifest(tiny.network(), pictures=pictures, scores="int64")
    assert Manifest.parse(manifest.to_json()) == manifest


@pytest.mark.parametrize(
    ("top", "scores", "words", "offset", "stride"),
    [
        (5, None, 5, 0, 20),
        (5, "int32", 10, 20, 40),
        (5, "int64", 16, 24, 64),  # a word of padding, so that scores lie at multiples of 8 bytes, and every frame does
        (4, "int64", 12, 16, 48),
        (1, "int64", 4, 8, 16),
    ],
)
def test_results_lie_aligned_to_their_scores(top: int, scores: str | None, words: int, offset: int, stride: int) -> None:
    result = Result.of(top, scores)
    assert result == Result(words=words, scores=scores, scores_offset=offset, stride_bytes=stride)
    labels = np.arange(2 * top, dtype=np.uint32).reshape(2, top)
    values = (np.arange(2 * top) - 3).reshape(2, top) * (2**35 + 1 if scores == "int64" else 2**27 + 1)
    packed = result.pack(labels, values)
    assert (packed.shape, packed.dtype) == ((2, words), np.uint32)
    for frame, row in enumerate(packed.astype("<u4").tobytes()[i * stride : (i + 1) * stride] for i in range(2)):
        assert np.frombuffer(row, "<u4", top).tolist() == labels[frame].tolist()
        if scores is not None:
            assert row[4 * top : offset] == bytes(offset - 4 * top)
            assert np.frombuffer(row, "<i4" if scores == "int32" else "<i8", offset=offset).tolist() == values[frame].tolist()
    read_labels, read_scores = result.unpack(packed, top)
    assert np.array_equal(read_labels, labels)
    assert read_scores is None if scores is None else np.array_equal(read_scores, values)


def test_written_and_read_again_with_constants() -> None:
    manifest = tiny.manifest(tiny.network(head="rom"), constants=tiny.constants(tiny.network(head="rom")))
    assert Manifest.parse(manifest.to_json()) == manifest
    assert [role.value for role in manifest.by_role] == ["images", "labels", "weights", "frames"]
    assert manifest.load_seconds == 2 * -(-manifest.constants.words // 8) * 8 / 250e6


def test_files_from_before_constants_were_loaded() -> None:
    record = json.loads(TINY.to_json())
    assert record.pop("constants") is None
    assert Manifest.parse(json.dumps(record).encode()) == TINY


@pytest.mark.parametrize(
    ("path", "value", "where", "what", "why"),
    [
        ([], 7, "", "7", "expected an object"),
        (["words"], 3, "words", "3", "expected an integer from {words} to {words}"),
        (["fingerprint"], "0" * 63 + "F", "fingerprint", f"'{'0' * 63}F'", "expected 64 lower-case hexadecimal digits"),
        (["layouts"], [], "layouts", "[]", "expected a list of 1 to 65536 items"),
        (["layouts", 0, "pe"], 0, "layouts[0].pe", "0", "expected an integer from 1 to 4194304"),
        (["layouts", 1, "role"], "x", "layouts[1].role", "'x'",
         "expected one of weights, thresholds, bases, codes, levels, multipliers, biases, bias, factors"),
    ],
)  # fmt: skip
def test_what_constants_must_not_be(path: list[Any], value: object, where: str, what: str, why: str) -> None:
    constants = tiny.constants(tiny.network(head="rom"))
    record = json.loads(tiny.manifest(tiny.network(head="rom"), constants=constants).to_json())
    *above, last = ["constants", *path]
    place = record
    for key in above:
        place = place[key]
    place[last] = value
    with pytest.raises(ManifestError) as caught:
        Manifest.parse(json.dumps(record).encode())
    expected = f"manifest: constants: {where or 'constants'}: {what}\nwhy: {why.format(words=constants.words)}\nfix: build or copy the xclbin again"
    assert str(caught.value) == expected


def test_a_manifest_of_the_first_format() -> None:
    assert Manifest.parse(first_form.manifest(TINY.to_json())) == TINY
    record = json.loads(first_form.manifest(TINY.to_json())) | {"result": 1}
    with pytest.raises(ManifestError, match=r"^manifest: json: unknown key 'result'\nwhy: there is none in version 1\n"):
        Manifest.parse(json.dumps(record).encode())


def test_names_follow_from_the_network() -> None:
    assert (TINY.kernel, TINY.cu, TINY.vlnv) == ("tiny", "tiny_1", "resflow:kernel:tiny:1.0")


@pytest.mark.parametrize(("image", "frame_bytes"), [((8, 8, 1), 64), ((5, 5, 3), 128), ((224, 224, 3), 150528), ((1, 1, 1), 64)])
def test_frames_are_whole_words(image: tuple[int, int, int], frame_bytes: int) -> None:
    assert replace(TINY, image=ImageShape(*image)).frame_bytes == frame_bytes


@pytest.mark.parametrize(
    ("weights_bank", "expected"),
    [
        ("PLRAM[0]", [("in", 0x10), ("out", 0x1C), ("weightsmem", 0x28), ("numReps", 0x34)]),
        (None, [("in", 0x10), ("out", 0x1C), ("numReps", 0x28)]),
    ],
)
def test_arguments_lie_where_hls_puts_them(weights_bank: str | None, expected: list[tuple[str, int]]) -> None:
    manifest = tiny.manifest(tiny.network(head="stream" if weights_bank else "rom"))
    assert [(argument.name, argument.offset) for argument in manifest.arguments] == expected
    moved = (*manifest.arguments[:-1], replace(manifest.arguments[-1], offset=manifest.arguments[-1].offset + 4))
    with pytest.raises(ManifestError):
        replace(manifest, arguments=moved)


def changed(path: list[Any], value: object) -> bytes:
    """The JSON of TINY with one value replaced."""
    record = json.loads(TINY.to_json())
    place = record
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return json.dumps(record).encode()


@pytest.mark.parametrize(
    ("path", "value", "where", "what", "why"),
    [
        (["network"], "../x", "network", "'../x'", "expected at most 30 letters, digits and underscores, a letter first"),
        (["network"], "n" * 31, "network", "'nnnnnnnnnnnn...nnnnnnnnnnnnn'",
         "expected at most 30 letters, digits and underscores, a letter first"),
        (["platform"], "", "platform", "''", "expected 1 to 63 printable characters"),
        (["target"], "card", "target", "'card'", "expected one of hw, emulation"),
        (["clock_mhz"], 0, "clock_mhz", "0", "expected a number from 1 to 2000"),
        (["clock_mhz"], float("nan"), "clock_mhz", "nan", "expected a number from 1 to 2000"),
        (["latency_cycles"], 0, "latency_cycles", "0", "expected an integer from 1 to 281474976710656"),
        (["cycles_per_frame"], True, "cycles_per_frame", "True", "expected an integer from 1 to 281474976710656"),
        (["image", 1], 8.0, "image.width", "8.0", "expected an integer from 1 to 16384"),
        (["image"], [8, 8], "image", "[8, 8]", "expected a list of 3 items"),
        (["image"], [16384, 16384, 16384], "image", "4398046511104", "expected an integer from 1 to 268435456"),
        (["classes"], -1, "classes", "-1", "expected an integer from 1 to 1048576"),
        (["top"], 11, "top", "11", "expected an integer from 1 to 10"),
        (["result"], None, "result", "None", "expected an object"),
        (["result", "scores"], "int16", "result.scores", "'int16'", "expected one of int32, int64"),
        (["result", "scores"], ["int32"], "result.scores", "['int32']", "expected one of int32, int64"),
        (["result", "words"], 4, "result.words", "4", "expected an integer from 3 to 3"),
        (["result", "stride_bytes"], 16.0, "result.stride_bytes", "16.0", "expected an integer from 12 to 12"),
        (["result", "scores_offset"], 12, "result.scores_offset", "12", "expected an integer from 0 to 0"),
        (["pictures"], {"order": "rgb"}, "pictures", "no key 'resize'", "it has the keys order, resize, interpolation"),
        (["pictures"], {"order": "gbr", "resize": 9, "interpolation": "bicubic"}, "pictures.order", "'gbr'", "expected one of bgr, rgb"),
        (["pictures"], {"order": "rgb", "resize": 7, "interpolation": "bicubic"}, "pictures.resize", "7",
         "expected an integer from 8 to 16384"),
        (["pictures"], {"order": "rgb", "resize": 8, "interpolation": "nearest"}, "pictures.interpolation", "'nearest'",
         "expected one of bilinear, bicubic"),
        (["label_names"], ["zero"], "label_names", "1 names", "expected one for each of 10 classes, or none"),
        (["label_names", 3], "\x1b[2J", "label_names[3]", "'\\x1b[2J'", "expected 1 to 256 printable characters"),
        (["arguments"], [], "arguments", "[]", "expected a list of 3 to 4 items"),
        (["arguments", 0], None, "arguments[0]: json", "None", "expected an object"),
        (["arguments", 1, "direction"], "inout", "arguments[1]: direction", "'inout'", "expected one of in, out, scalar"),
        (["arguments", 1, "direction"], "in", "arguments", "(in, in, in, scalar)", "the kernel takes (in, out, in, scalar)"),
        (["arguments", 2, "offset"], 0x24, "arguments[2].offset", "36", "expected an integer from 40 to 40"),
        (["arguments", 3, "bank"], "bank0", "arguments[3]: bank", "'bank0'", "a scalar lies in no memory bank"),
        (["arguments", 0, "bank"], None, "arguments[0]: bank", "None", "expected 1 to 15 printable characters"),
        (["arguments", 0, "size_bytes"], 4, "arguments[0]: size_bytes", "4", "expected an integer from 8 to 8"),
        (["arguments", 1, "name"], "in_1", "arguments", "CTRL, in_1, in_1, weightsmem, numReps", "two registers have one name"),
        (["arguments", 1, "name"], "CTRL", "arguments", "CTRL, in_1, CTRL, weightsmem, numReps", "two registers have one name"),
        (["weights"], [9, 8], "weights[0]", "9", "expected an integer from 10 to 10"),
        (["weights"], None, "arguments", "(in, out, in, scalar)", "the kernel takes (in, out, scalar)"),
        (["weights"], 80, "weights", "80", "expected a list of 2 items"),
        (["versions"], [], "versions", "[]", "expected an object of at most 64 names"),
        (["versions", "vitis"], 2022.2, "versions.vitis", "2022.2", "expected 1 to 256 printable characters"),
        (["digest"], "f" * 63, "digest", f"'{'f' * 63}'", "expected 64 lower-case hexadecimal digits"),
        (["extra"], 1, "json", "unknown key 'extra'", "it has the keys format, network, platform, target, clock_mhz, cycles_per_frame, "
         "latency_cycles, image, classes, top, result, pictures, label_names, arguments, weights, constants, versions, digest"),
    ],
)  # fmt: skip
def test_what_must_not_be(path: list[Any], value: object, where: str, what: str, why: str) -> None:
    with pytest.raises(ManifestError) as caught:
        Manifest.parse(changed(path, value))
    assert str(caught.value) == f"manifest: {where}: {what}\nwhy: {why}\nfix: build or copy the xclbin again"


@pytest.mark.parametrize("version", [0, 3, None, "1"])
def test_another_format_version_is_told(version: object) -> None:
    with pytest.raises(ManifestError) as caught:
        Manifest.parse(changed(["format"], version))
    assert str(caught.value) == (
        f"manifest: format: version {version!r}\n"
        "why: this runtime reads versions 1 to 2\n"
        "fix: build the xclbin again, or use the runtime it was built with"
    )


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000, b"1" * 10_000, b"null", b"[]", b"{}"])
def test_anything_else_is_an_error(data: bytes) -> None:
    with pytest.raises(ManifestError):
        Manifest.parse(data)


@pytest.mark.parametrize("key", [key for key in json.loads(TINY.to_json()) if key not in ("format", "latency_cycles", "constants")])
def test_every_key_is_needed(key: str) -> None:
    record = json.loads(TINY.to_json())
    del record[key]
    with pytest.raises(ManifestError, match=rf"^manifest: json: no key '{key}'\n"):
        Manifest.parse(json.dumps(record).encode())


def test_a_manifest_in_the_making_is_checked_too() -> None:
    scalar = replace(TINY.arguments[3], id=2, offset=0x28)
    assert scalar.direction is Direction.SCALAR
    with pytest.raises(ManifestError, match=r"^arguments: \(in, out, scalar\)\n"):
        replace(TINY, arguments=(*TINY.arguments[:2], scalar))


def test_a_file_from_before_latencies() -> None:
    record = json.loads(TINY.to_json())
    del record["latency_cycles"]
    assert Manifest.parse(json.dumps(record).encode()) == TINY


def test_what_a_batch_takes_on_the_card() -> None:
    """576 cycles a frame at 250 MHz; without a latency, as if the slowest stage were the only one."""
    assert TINY.card_seconds(1) == pytest.approx(576 / 250e6)
    assert TINY.card_seconds(100) == pytest.approx(57_600 / 250e6)
    assert replace(TINY, latency_cycles=2000).card_seconds(100) == pytest.approx((2000 + 99 * 576) / 250e6)
