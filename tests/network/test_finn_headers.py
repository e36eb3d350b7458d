"""The importer on headers of its syntax, written by finn_writer: all of it comes back, and what is wrong is told with its line."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from network import load, parameters
from network.errors import HeaderError
from network.importers import finn_headers, finn_yaml
from network.importers.finn_yaml import Described, Layer
from network.importers.initialisers import Header
from network.layers import Conv
from tests import reference_data
from tests.network import finn_writer
from tests.network.finn_writer import BLOCKS, Style
from tests.reference_data import needs_reference

CONFIG = Path(__file__).parents[2] / "configs" / "resnet50_w1a2.yaml"


def small_folding(base: int = 4, pe: int = 2, simd: int = 2) -> dict:
    """The original's layers with few channels: `base` in the first stage."""
    conv = {"kernel": 7, "stride": 2, "in": 3, "out": base, "height": 224, "pe": base, "simd": 3, "pixels_in_parallel": 16}
    folding: dict = {"stem": {"conv": conv}}
    channels = base
    for name in BLOCKS:
        stage, projects = int(name[3]) - 2, name.endswith("a")
        width, stride = base << stage, 2 if projects and stage else 1

        def layer(inputs: int, out: int, stride: int = 1) -> dict:
            return {"in": inputs, "out": out, "stride": stride, "pe": pe, "simd": simd}

        folding[name] = {
            "conv1": layer(channels, width, stride),
            "conv2": layer(width, width),
            "conv3": layer(width, 4 * width),
            "bypass": layer(channels, 4 * width, stride) if projects else "identity",
        }
        channels = 4 * width
    folding["head"] = {"fc": {"in": channels, "out": 6, "pe": 1, "simd": 8}, "top": 5}
    return folding


def draw(folding: dict, seed: int = 0) -> dict[str, np.ndarray]:
    """Random arrays for a folding, in the order the importer writes them."""
    rng = np.random.default_rng(seed)

    def levels(channels: int, count: int, low: int = -(2**15), high: int = 2**15) -> np.ndarray:
        return np.sort(rng.integers(low, high, (channels, count)), axis=1).astype(np.int32)

    conv = folding["stem"]["conv"]
    arrays = {
        "stem/conv/weights": rng.integers(-127, 128, (conv["out"], 7, 7, 3)).astype(np.int8),
        "stem/conv/thresholds": levels(conv["out"], 3, -(2**23) + 1, 2**23)[:, ::-1].copy(),
    }
    for name in BLOCKS:
        arrays[f"{name}/entry/thresholds"] = levels(folding[name]["conv1"]["in"], 3, 0, 2**16)
        for layer, one in folding[name].items():
            if one == "identity":
                continue
            kernel = 3 if layer == "conv2" else 1
            arrays[f"{name}/{layer}/weights"] = rng.choice([-1, 1], (one["out"], kernel, kernel, one["in"])).astype(np.int8)
            arrays[f"{name}/{layer}/thresholds"] = levels(one["out"], 15 if layer in ("conv3", "bypass") else 3)
    arrays["head/fc/bias"] = rng.integers(-(2**31), 2**31, folding["head"]["fc"]["out"]).astype(np.int32)
    return arrays


def same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert list(found) == list(expected)
    for key, array in expected.items():
        assert found[key].dtype == array.dtype, key
        np.testing.assert_array_equal(found[key], array, key)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folding = small_folding()
    return finn_writer.write(tmp_path_factory.mktemp("small"), draw(folding), folding)


@pytest.fixture
def source(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of small headers to be spoilt, named `w1a2` in the current directory."""
    monkeypatch.chdir(tmp_path)
    for file in written.rglob("*.h"):
        copy = tmp_path / "w1a2" / file.relative_to(written)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    return Path("w1a2")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 99),
    base=st.sampled_from([4, 8, 12]),
    folds=st.tuples(st.sampled_from([1, 2, 4]), st.sampled_from([1, 2, 4])),
    style=st.builds(
        Style,
        shuffle=st.none() | st.integers(0, 99),
        padded=st.booleans(),
        comments=st.booleans(),
        inverted=st.sets(st.integers(0, 3)).map(tuple),
        config=st.booleans(),
    ),
)
def test_what_was_written_comes_back(tmp_path: Path, seed: int, base: int, folds: tuple[int, int], style: Style) -> None:
    folding = small_folding(base, *folds)
    arrays = draw(folding, seed)
    found, described = finn_headers.read(finn_writer.write(tmp_path, arrays, folding, style))
    same(found, arrays)
    assert {
        name: {layer: (one.pe, one.simd, one.stride) for layer, one in layers.items()} for name, layers in described.blocks.items()
    } == {
        name: {layer: (one["pe"], one["simd"], one["stride"]) for layer, one in folding[name].items() if one != "identity"}
        for name in BLOCKS
    }
    assert (described.side, described.pixels, described.classes, described.fc_pe) == (224, 16, 6, 1)


def test_words_of_64_bits_and_more(tmp_path: Path) -> None:
    folding = small_folding(base=72, pe=36, simd=72)
    arrays = draw(folding)
    same(finn_headers.read(finn_writer.write(tmp_path, arrays, folding))[0], arrays)


def test_an_inverted_channel_computes_the_same(tmp_path: Path) -> None:
    """Against the original's own words: compare with >=, add up, and subtract from the highest code if bit 72 is set."""
    folding = small_folding()
    arrays = draw(folding)
    source = finn_writer.write(tmp_path, arrays, folding, Style(inverted=(1, 2)))
    text = (source / "inpipe" / "params.h").read_text()
    words = [int(word, 16) for word in re.findall(r'"(0x\w+)"', text)]
    packed = [[int(word, 16) for word in row.split(",")] for row in re.findall(r"\{(0x[^}]*)\}", text)]
    found = finn_headers.read(source)[0]
    rng = np.random.default_rng(7)

    def signed(value: int, bits: int) -> int:
        return value - (value >> bits - 1 << bits)

    for channel, (word, row) in enumerate(zip(words, packed, strict=True)):
        levels = [signed(word >> 24 * n & 0xFFFFFF, 24) for n in range(3)]
        image = rng.integers(0, 256, (200, 49, 3))
        raw = np.array([[signed(position >> 8 * c & 0xFF, 8) for c in range(3)] for position in row])
        sums = (image * raw).sum(axis=(1, 2))
        codes = (sums[:, None] >= np.array(levels)).sum(axis=1)
        if word >> 72:
            codes = 3 - codes
        ours = (image * found["stem/conv/weights"][channel].reshape(49, 3)).sum(axis=(1, 2))
        assert np.array_equal((ours[:, None] >= found["stem/conv/thresholds"][channel]).sum(axis=1), codes)
    assert [word >> 72 for word in words] == [0, 1, 1, 0]


def test_both_orders_of_the_stem_s_thresholds(tmp_path: Path) -> None:
    folding = small_folding()
    arrays = draw(folding)
    arrays["stem/conv/thresholds"] = arrays["stem/conv/thresholds"][:, ::-1].copy()
    same(finn_headers.read(finn_writer.write(tmp_path, arrays, folding, Style(inverted=(0,))))[0], arrays)


@needs_reference
def test_the_whole_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The published parameters, written as headers and imported: equal, array for array, and the description that is committed."""
    arrays, folding = finn_writer.original(reference_data.FOLDER)
    source = finn_writer.write(tmp_path / "src", arrays, folding, Style(shuffle=3, comments=True))
    output, yaml = tmp_path / "params" / "resnet50_w1a2.npz", tmp_path / "configs" / "resnet50_w1a2.yaml"
    for path in (output, yaml):
        path.parent.mkdir()
    assert finn_headers.main([str(source), str(output), "--yaml", str(yaml)]) == 0
    same(dict(np.load(output)), arrays)
    assert capsys.readouterr() == (
        f"{output}: 23,454,912 weights in 123 arrays\n"
        f"{yaml}: 16 blocks with the original's folding\n"
        "head/fc/weights is missing: it is published as a CSV file, not in the headers. "
        "Before building, import again with --fc-weights fcweights.csv\n",
        "",
    )
    assert yaml.read_text() == CONFIG.read_text()
    with pytest.raises(parameters.ParameterError) as error:
        parameters.load(load(yaml), output)
    assert str(error.value) == (
        f"{output}: head/fc/weights is missing\n"
        "  why: resnet50_w1a2 needs 124 arrays; the original ResNet-50 has this one in a CSV file, not in the headers\n"
        "  fix: add it to the file, or import again with --fc-weights fcweights.csv"
    )
    weights = np.random.default_rng(1).integers(-128, 128, (1000, 2048)).astype(np.int8)
    parameters.save(output, arrays | {"head/fc/weights": weights})
    loaded = parameters.load(load(CONFIG), output)
    assert np.array_equal(loaded["stem/conv/thresholds"], arrays["stem/conv/thresholds"][:, ::-1])


@needs_reference
def test_the_description_has_the_original_folding() -> None:
    folding = finn_writer.original(reference_data.FOLDER)[1]
    net = load(CONFIG)
    assert [block.name for block in net.blocks] == BLOCKS
    for block in net.blocks:
        told = folding[block.name]
        assert (told["bypass"] == "identity") == (block.bypass is None)
        assert block.input_format.bits == told["residual_bits_in"]
        for conv in block.layers:
            one = told[conv.name.partition(".")[2]]
            assert (conv.input.channels, conv.out, conv.input.height, conv.output.height, conv.window.stride, conv.pe, conv.simd) == (
                one["in"], one["out"], one["dim_in"], one["dim_out"], (one["stride"],) * 2, one["pe"], one["simd"]
            )  # fmt: skip
            formats = (conv.input_format.bits, conv.output_format.bits, conv.acc.bits)
            assert formats == (one["in_bits"], one["act_bits"], one["accumulator_bits"])
    conv, told = net.stem.conv, folding["stem"]["conv"]
    assert (conv.pe, conv.simd, conv.pixels, conv.acc.bits) == (64, 3, told["pixels_in_parallel"], told["accumulator_bits"])
    assert conv.window.pad == (tuple(told["pad"]),) * 2
    assert (net.head.fc.pe, net.head.fc.simd, net.head.top) == (1, 64, 5)


def test_the_description_is_what_the_importer_writes() -> None:
    """From its own decisions, so without any headers."""
    net = load(CONFIG)

    def layer(conv: Conv) -> Layer:
        inputs, kernel, stride = conv.input.channels, conv.window.kernel[0], conv.window.stride[0]
        return Layer(kernel, inputs, conv.out, stride, conv.pe, conv.simd, conv.output_format.bits, conv.acc.bits)

    described = Described(
        side=net.input.height,
        pixels=net.stem.conv.pixels,
        stem=layer(net.stem.conv),
        blocks={block.name: {conv.name.partition(".")[2]: layer(conv) for conv in block.layers} for block in net.blocks},
        classes=net.head.fc.out,
        fc_pe=net.head.fc.pe,
        fc_simd=net.head.fc.simd,
    )
    assert finn_yaml.render(described) == CONFIG.read_text()


def imported(capsys: pytest.CaptureFixture[str], *more: str) -> str:
    """What the command line says of a source that cannot be imported."""
    assert finn_headers.main(["w1a2", "out.npz", *more]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert not Path("out.npz").exists()
    return err


def edit(file: Path, old: str, new: str, count: int = 1) -> int:
    """Replace text; returns the line it stood in."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, count))
    return text[: text.index(old)].count("\n") + 1


def test_the_fully_connected_weights(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = np.random.default_rng(3).integers(-128, 128, (6, 128)).astype(np.int8)
    Path("fc.csv").write_text(",".join(map(str, weights.reshape(-1))) + ",\n")
    assert finn_headers.main([str(source), "out.npz", "--fc-weights", "fc.csv", "--yaml", "out.yaml"]) == 0
    assert capsys.readouterr().out == "out.npz: 92,940 weights in 124 arrays\nout.yaml: 16 blocks with the original's folding\n"
    net = load("out.yaml")
    assert net.parameters == "out.npz"
    arrays = parameters.load(net, "out.npz")
    assert np.array_equal(arrays["head/fc/weights"], weights)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2,3,", "fc.csv: 3 values\n  why: 6 classes of 128 inputs have 768\n"),
        ("1,2,\n3,128,", "fc.csv:2: 128 is not a weight\n  why: weights are integers from -128 to 127\n"),
        ("1,2.5", "fc.csv:1: 2.5 is not a weight\n  why: weights are integers from -128 to 127\n"),
        (None, "fc.csv: cannot be read: No such file or directory\n  why: --fc-weights names it\n"),
    ],
)
@pytest.mark.usefixtures("source")
def test_wrong_fully_connected_weights(capsys: pytest.CaptureFixture[str], text: str | None, message: str) -> None:
    if text is not None:
        Path("fc.csv").write_text(text)
    assert imported(capsys, "--fc-weights", "fc.csv") == f"error: {message}  fix: download fcweights.csv again\n"


RESTORE = "  fix: restore the file from the original repository\n"
BR21 = "weights_FPGABipolarConvThresholdLayer_br21"


def row_line(file: Path, name: str, pattern: str) -> tuple[re.Match[str], int]:
    """The first match of a pattern after the declaration of `name`, and its line."""
    text = file.read_text()
    match = re.compile(pattern).search(text, text.index(f" {name} ="))
    assert match is not None
    return match, text.count("\n", 0, match.start()) + 1


def spoil(name: str, pattern: str, new: str) -> Callable[[Path], int]:
    """Replace the first match after a declaration; the function returns its line."""

    def change(file: Path) -> int:
        match, line = row_line(file, name, pattern)
        text = file.read_text()
        file.write_text(text[: match.start()] + match.expand(new) + text[match.end() :])
        return line

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            spoil(BR21, "0x[0-3]", "0xg"),
            f"{BR21}: 'g' in the initialiser\n  why: an array of numbers is expected here\n",
        ),
        (
            spoil(BR21, "0x[0-3], ", ""),
            f"{BR21}: expected 2 x 144 values, found 287\n  why: its type is BinaryWeights<2, 2, 144>\n",
        ),
        (
            spoil(BR21, r"\},\n \{", ", "),
            f"{BR21}: expected 2 x 144 values, but their braces group them differently\n  why: its type is BinaryWeights<2, 2, 144>\n",
        ),
        (
            spoil(BR21, "0x[0-3]", "0x7"),
            f"{BR21}: 0x7 in a word of 2 bits\n  why: its type says how many bits a word has\n",
        ),
        (
            spoil(BR21, "0x[0-3]", "0-1"),
            f"{BR21}: 0-1 is not a number\n  why: hexadecimal or decimal numbers are expected\n",
        ),
        (
            spoil("thres_FPGABipolarConvThresholdLayer_br22", '"0x....", "0x....", "0x....",', '"0x0001", "0x0003", "0x0002",'),
            "thres_FPGABipolarConvThresholdLayer_br22: 2 after 3 in channel 0\n  why: thresholds ascend\n",
        ),
        (
            spoil("thres_FPGABipolarConvThresholdLayer_br22", '"0x....', '"0x12345'),
            "thres_FPGABipolarConvThresholdLayer_br22: 0x12345 does not fit ap_int<16>\n  why: thresholds have the accumulator's bits\n",
        ),
        (
            spoil("thres_FPGABipolarConvThresholdLayer_br22", '"0x....', "0x1234"),
            "thres_FPGABipolarConvThresholdLayer_br22: 0x1234\" is not a number\n  why: hexadecimal or decimal numbers are expected\n",
        ),
    ],
)  # fmt: skip
def test_wrong_arrays(source: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Path], int], message: str) -> None:
    file = source / "res3a" / "params.h"
    line = change(file)
    assert imported(capsys) == f"error: w1a2/res3a/params.h:{line}: {message}{RESTORE}"


def declared(old: str, new: str) -> Callable[[Path], int]:
    return lambda file: edit(file, old, new)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            declared("BinaryWeights<2, 2, 144> " + BR21, "BinaryWeights<2, two, 144> " + BR21),
            f"{BR21}: BinaryWeights<2, two, 144>\n  why: sizes are positive numbers\n",
        ),
        (
            declared("BinaryWeights<2, 2, 144> " + BR21, "FixedPointWeights<2, 2, 144> " + BR21),
            f"{BR21}: a FixedPointWeights of 3\n  why: expected a BinaryWeights of 3 template arguments\n",
        ),
        (
            declared("BinaryWeights<2, 2, 144> " + BR21, "BinaryWeights<2, 3, 144> " + BR21),
            f"{BR21}: 3 rows of 144 words for 8 output channels\n  why: its thresholds say how many channels there are\n",
        ),
        (
            declared("ap_uint<2>, 0, std::less_equal<ap_uint<16>>>", "ap_uint<2>, 1, std::less_equal<ap_uint<16>>>"),
            "thres_FPGAThresholdLayer_top0: starts at 1, compares with std::less_equal<ap_uint<16>>\n"
            "  why: a code is the number of thresholds <= the accumulator\n",
        ),
        (
            declared("ap_uint<16>, ap_uint<2>, 0", "ap_uint<16>, ap_uint<3>, 0"),
            "thres_FPGAThresholdLayer_top0: 3 thresholds for ap_uint<3>\n"
            "  why: 2^b - 1 thresholds separate codes of b bits, and b is at most 8\n",
        ),
        (
            declared("ap_uint<16>, ap_uint<2>, 0", "float, ap_uint<2>, 0"),
            "thres_FPGAThresholdLayer_top0: the type float\n  why: expected ap_int<N> or ap_uint<N> of up to 32 bits\n",
        ),
    ],
)  # fmt: skip
def test_wrong_declarations(source: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Path], int], message: str) -> None:
    line = change(source / "res3a" / "params.h")
    assert imported(capsys) == f"error: w1a2/res3a/params.h:{line}: {message}{RESTORE}"


def test_a_file_that_breaks_off(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = source / "res4c" / "params.h"
    text = file.read_text()
    file.write_text(text[: text.rindex("}}")])
    line = text[: text.rindex("}}")].rstrip().count("\n") + 1
    assert imported(capsys) == (
        f"error: w1a2/res4c/params.h:{line}: the file ends within thres_FPGABipolarConvThresholdLayer_br23\n"
        f"  why: there is no ; after it\n{RESTORE}"
    )


def test_a_missing_array(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(source / "res4c" / "params.h", BR21, BR21.replace("br21", "br2l"))
    assert imported(capsys) == f"error: w1a2/res4c/params.h: {BR21} is missing\n  why: the folder's IP has this array\n{RESTORE}"


def test_an_array_twice(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = source / "outpipe" / "params.h"
    text = file.read_text()
    file.write_text(text + text)
    line = text.count("\n") + 2
    assert imported(capsys) == (
        f"error: w1a2/outpipe/params.h:{line}: bias_fc1000: declared twice\n  why: one of the two would be ignored\n{RESTORE}"
    )


@pytest.mark.parametrize("name", ["inpipe/params.h", "res2c/config.h", "res5c/params.h", "outpipe/config.h"])
def test_a_missing_file(source: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (source / name).unlink()
    assert imported(capsys) == (
        f"error: w1a2/{name}: cannot be read: No such file or directory\n"
        "  why: the original has a config.h and a params.h in each IP's folder\n"
        "  fix: name the original's folder src/w1a2_v1.0, complete\n"
    )


def test_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert imported(capsys) == (
        "error: w1a2: there is no such folder\n  why: the original has a folder for each IP\n  fix: name its folder src/w1a2_v1.0\n"
    )


def test_a_pipe_is_not_waited_for(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (source / "res2a" / "params.h").unlink()
    os.mkfifo(source / "res2a" / "params.h")
    assert imported(capsys) == (
        f"error: w1a2/res2a/params.h: not a header\n  why: a header is a regular file of at most 67,108,864 bytes\n{RESTORE}"
    )


def test_headers_of_two_versions(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = edit(source / "res3a" / "config.h", "RES_2B_SIMD 2", "RES_2B_SIMD 4")
    assert imported(capsys) == (
        f"error: w1a2/res3a/config.h:{line}: RES_2B_SIMD is 4, the arrays of res3a.conv2 have 2\n"
        "  why: config.h and params.h describe one design\n  fix: take both from one version of the original repository\n"
    )


def test_blocks_that_do_not_follow_each_other(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (source / "res3b" / "params.h").write_bytes((source / "res4b" / "params.h").read_bytes())
    assert imported(capsys).splitlines()[0].endswith("thres_FPGAThresholdLayer_br20: thresholds of 64 channels")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ap_uint<24*4>", "ap_uint<24*3>", "ap_uint<24*3>\n  why: expected the accumulator's bits times 2^b, for b bits of code, "
         "such as ap_uint<24*4>"),
        ("[4][1]", "[4]", "extents [4]\n  why: it is an array of rows, one for each PE"),
    ],
)  # fmt: skip
def test_a_wrong_stem(source: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, message: str) -> None:
    line = edit(source / "inpipe" / "params.h", old, new)
    assert imported(capsys) == f"error: w1a2/inpipe/params.h:{line}: thres_conv0: {message}\n{RESTORE}"


def test_a_stem_whose_thresholds_go_up_and_down(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = source / "inpipe" / "params.h"
    match, line = row_line(file, "thres_conv0[4][1]", r'"0x\w+"\},\n \{"(0x\w+)"')
    word = 1 | 2 << 24 | 3 << 48
    text = file.read_text()
    file.write_text(text[: match.start(1)] + f"0x{word:018x}" + text[match.end(1) :])
    assert imported(capsys) == (
        f"error: w1a2/inpipe/params.h:{line + 1}: thres_conv0: thresholds [1, 2, 3]\n"
        f"  why: the thresholds of all channels rise, or those of all fall\n{RESTORE}"
    )


def test_a_place_that_cannot_be_written(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").write_text("")
    with pytest.raises(SystemExit) as ended:
        finn_headers.main([str(source), "file/out.npz"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith(
        "argument OUT.npz: 'file/out.npz': there is no folder file: the parameters are written to it; make the folder, or choose another\n"
    )


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_headers(written: Path, tmp_path: Path, data: st.DataObject) -> None:
    """Cut off or with a wrong byte anywhere: a header error with its place, or numbers."""
    text = bytearray((written / "res2a" / "params.h").read_bytes())
    if data.draw(st.booleans()):
        del text[data.draw(st.integers(0, len(text) - 1)) :]
    else:
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path / "params.h"
    file.write_bytes(text)
    (tmp_path / "config.h").write_text("")
    try:
        layers = finn_headers._block("res2a", tmp_path, 4, {})
    except HeaderError as error:
        assert re.fullmatch(r"\S+params\.h(:\d+)?: .+\n  why: .+\n  fix: .+", str(error), re.DOTALL)
    else:
        assert layers["conv3"].out == 16


def test_macros_have_lines(tmp_path: Path) -> None:
    file = tmp_path / "config.h"
    file.write_text(
        "#pragma once\n/* two\nlines */ \n#define A_PE 8 // #define A_PE 9\n//#define B 1\n#  define C Recast<Binary>\n\t#define D\t7\r\n"
    )
    assert Header(file).defines == {"A_PE": (8, 4), "D": (7, 7)}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none/a.npz"], "argument OUT.npz: 'none/a.npz': there is no folder none: the parameters are written to it; make the folder, or choose another"),
        (["."], "argument OUT.npz: '.': a folder: the parameters are written to it; name a file in it"),
        (["a.npz", "--yaml", "none/a.yaml"], "argument --yaml: 'none/a.yaml': there is no folder none: the description is written to it; "
                                             "make the folder, or choose another"),
        (["a.npz", "--yaml", "./a.npz"], "argument --yaml: a.npz is also the parameter file; name another"),
    ],
)  # fmt: skip
def test_places_are_refused_before_anything_is_read(tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        finn_headers.main(["nowhere", *words])
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith(f"error: {message}\n")
