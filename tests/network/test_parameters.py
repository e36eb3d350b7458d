"""Every way a parameter file can be wrong gets the described error, and only that."""

import io
import re
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from network import ParameterError, load, parameters

PATH = "toy.npz"
NEGATIVE_SCALE = (
    "  why: a code counts the thresholds its accumulator reaches; descending ones usually come from a negative batch-norm scale, "
    "where a code counts those above its accumulator\n"
    "  fix: if the scale is negative, negate the channel's weights, and replace its thresholds t by 1 - t in ascending order "
    "(network.thresholds.turned does both); if they are only in the wrong order, numpy.sort(thresholds, axis=1)"
)


@pytest.fixture(scope="module")
def toy(toy_yaml):
    return load(toy_yaml)


@pytest.fixture
def arrays(toy):
    return parameters.draw(toy, 1)


def refused(toy, tmp_path, monkeypatch, arrays, save=parameters.save):
    """The message, whole."""
    monkeypatch.chdir(tmp_path)
    save(PATH, arrays)
    with pytest.raises(ParameterError) as error:
        parameters.load(toy, PATH)
    return str(error.value)


def test_saved_and_loaded_alike(toy, tmp_path, arrays):
    parameters.save(tmp_path / PATH, arrays)
    loaded = parameters.load(toy, tmp_path / PATH)
    assert list(loaded) == list(arrays)
    for key, array in arrays.items():
        assert loaded[key].dtype == array.dtype
        np.testing.assert_array_equal(loaded[key], array)
    assert [path.name for path in tmp_path.iterdir()] == [PATH]


def test_same_arrays_same_bytes(arrays):
    assert parameters.pack(arrays) == parameters.pack({key: array.copy() for key, array in arrays.items()})


def test_no_file(toy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParameterError) as error:
        parameters.load(toy, PATH)
    assert str(error.value) == (
        "toy.npz: there is no such file\n"
        "  why: the parameters of toy are read from it\n"
        "  fix: train or import them, or name the file in the description: parameters: …"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda a: a.pop("res2a/conv1/weights"),
            "toy.npz: res2a/conv1/weights is missing\n  why: toy needs 17 arrays\n  fix: add it to the file",
        ),
        (
            lambda a: a.update({"res9z/conv1/weights": np.zeros(3, np.int8), "zzz": np.zeros(1)}),
            "toy.npz: res9z/conv1/weights is not expected (and 1 more)\n"
            "  why: no layer of toy has such an array\n  fix: delete it, or correct the description",
        ),
        (
            lambda a: a.update({"res2a/conv1/weights": np.ones((4, 3, 3, 5), np.int8)}),
            "toy.npz: res2a/conv1/weights: int8 (4, 3, 3, 5), expected int8 (4, 3, 3, 4)\n"
            "  why: shapes and formats follow from the description\n  fix: save it in that shape, or correct the description",
        ),
        (
            lambda a: a.update({"res2a/conv1/weights": a["res2a/conv1/weights"].astype(np.float32)}),
            "toy.npz: res2a/conv1/weights: float32 (4, 3, 3, 4), expected int8 (4, 3, 3, 4)\n"
            "  why: shapes and formats follow from the description\n"
            "  fix: save integers as numpy.int8, or change the format in the description",
        ),
        (
            lambda a: a.update({"res2a/conv1/weights": a["res2a/conv1/weights"].transpose(0, 3, 1, 2)}),
            "toy.npz: res2a/conv1/weights: int8 (4, 4, 3, 3), expected int8 (4, 3, 3, 4)\n"
            "  why: shapes and formats follow from the description\n"
            "  fix: move the input channels to the last axis: numpy.transpose(weights, (0, 2, 3, 1))",
        ),
        (
            lambda a: a.update({"head/fc/weights": a["head/fc/weights"].T}),
            "toy.npz: head/fc/weights: int8 (6, 5), expected int8 (5, 6)\n"
            "  why: shapes and formats follow from the description\n  fix: swap the axes: numpy.transpose(array)",
        ),
        (
            lambda a: np.put(a["res2a/conv1/weights"], 37, 0),
            "toy.npz: res2a/conv1/weights: 0 at (1, 0, 0, 1), expected bipolar\n"
            "  why: the description says weight: bipolar, whose values are -1 or 1\n"
            "  fix: quantize the weights to that, or write weight: int2 for the layer",
        ),
        (
            lambda a: np.put(a["res2b/conv3/weights"], 5, -77),
            "toy.npz: res2b/conv3/weights: -77 at (1, 0, 0, 1), expected int3\n"
            "  why: the description says weight: int3, whose values are -4 to 3\n"
            "  fix: quantize the weights to that, or write weight: int8 for the layer",
        ),
        (
            lambda a: np.put(a["res2a/conv1/thresholds"], [3, 4, 5], [7, 5, 9]),
            "toy.npz: res2a/conv1/thresholds: channel 1 falls from 7 to 5, expected ascending thresholds\n"
            "  why: a code counts the thresholds its accumulator reaches\n  fix: sort them: numpy.sort(thresholds, axis=1)",
        ),
        (
            lambda a: a.update({"res2a/conv1/thresholds": np.tile([9, 5, 1], (4, 1)).astype(np.int32)}),
            "toy.npz: res2a/conv1/thresholds: channel 0 falls from 9 to 5 (and 3 more do), expected ascending thresholds\n"
            + NEGATIVE_SCALE,
        ),
        (
            lambda a: a.update({"stem/conv/thresholds": np.array([[9, 5, 1]] * 3 + [[1, 5, 9]], np.int32)}),
            "toy.npz: stem/conv/thresholds: channel 0 falls from 9 to 5 (and 2 more do), expected ascending thresholds\n" + NEGATIVE_SCALE,
        ),
        (
            lambda a: np.copyto(a["res2b/entry/thresholds"], np.array([12, 8, 1], np.int32)),
            "toy.npz: res2b/entry/thresholds: channel 0 falls from 12 to 8 (and 5 more do), expected ascending thresholds\n"
            "  why: a code counts the thresholds its accumulator reaches; descending ones usually come from a negative "
            "batch-norm scale, where a code counts those above its accumulator\n"
            "  fix: if they are only in the wrong order, numpy.sort(thresholds, axis=1); if the scale is negative, the channel has to be "
            "negated, which needs signed weights: train with positive scales",
        ),
        (
            lambda a: a.pop("head/fc/weights"),
            "toy.npz: head/fc/weights is missing\n"
            "  why: toy needs 17 arrays; the original ResNet-50 has this one in a CSV file, not in the headers\n"
            "  fix: add it to the file, or import again with --fc-weights fcweights.csv",
        ),
        (
            lambda a: a.update({name.replace("/", "."): a.pop(name) for name in list(a)}),
            "toy.npz: stem/conv/weights is missing (and 16 more)\n"
            "  why: toy needs 17 arrays\n  fix: rename stem.conv.weights, if that is it",
        ),
        (
            lambda a: np.copyto(a["head/fc/bias"], [2**31 - 5, 0, 0, 0, 0]),
            "toy.npz: head/fc/bias: scores could overflow int32\n"
            "  why: their worst case with this bias is -48,384 to 2,147,531,649\n"
            "  fix: scale the bias down, or give head.fc narrower weights than int8 or fewer inputs",
        ),
    ],
)
def test_wrong_arrays(toy, tmp_path, monkeypatch, arrays, change, message):
    change(arrays)
    assert refused(toy, tmp_path, monkeypatch, arrays) == message


def test_descending_thresholds_of_the_stem_are_inverted(toy, tmp_path, arrays):
    """The published ResNet-50 has them so; a channel of equal thresholds looks the same both ways."""
    arrays["stem/conv/thresholds"][0] = 7
    parameters.save(tmp_path / PATH, arrays | {"stem/conv/thresholds": arrays["stem/conv/thresholds"][:, ::-1]})
    np.testing.assert_array_equal(parameters.load(toy, tmp_path / PATH)["stem/conv/thresholds"], arrays["stem/conv/thresholds"])


def test_pickles_are_not_read(toy, tmp_path, monkeypatch, arrays):
    arrays["head/fc/bias"] = np.array([None] * 5, object)
    message = refused(toy, tmp_path, monkeypatch, arrays, save=lambda path, found: np.savez(path, **found))
    assert message.splitlines()[0] == "toy.npz: head/fc/bias: object (5,), expected int32 (5,)"


def test_a_header_that_promises_terabytes_is_refused_before_it_is_read(toy, tmp_path, monkeypatch, arrays):
    def save(path, found):
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "<i4", "fortran_order": False, "shape": (10**12,)})
        with zipfile.ZipFile(path, "w") as archive:
            for name, array in found.items():
                member = io.BytesIO()
                np.save(member, array)
                archive.writestr(f"{name}.npy", header.getvalue() if name == "head/fc/bias" else member.getvalue())

    message = refused(toy, tmp_path, monkeypatch, arrays, save)
    assert message.splitlines()[0] == "toy.npz: head/fc/bias: int32 (1000000000000,), expected int32 (5,)"


def test_fortran_order_is_understood(toy, tmp_path, arrays):
    flipped = {key: np.asfortranarray(array) for key, array in arrays.items()}
    np.savez(tmp_path / PATH, **flipped)
    loaded = parameters.load(toy, tmp_path / PATH)
    for key, array in arrays.items():
        np.testing.assert_array_equal(loaded[key], array)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files(toy, tmp_path, data):
    """Cut off or with a flipped bit: the described error, or the very same arrays where nothing of them was hit."""
    arrays = parameters.draw(toy, 1)
    packed = bytearray(parameters.pack(arrays))
    if data.draw(st.booleans()):
        del packed[data.draw(st.integers(0, len(packed) - 1)) :]
    else:
        packed[data.draw(st.integers(0, len(packed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    (tmp_path / PATH).write_bytes(packed)
    try:
        loaded = parameters.load(toy, tmp_path / PATH)
    except ParameterError as error:
        assert re.fullmatch(r".*toy\.npz: .+\n  why: .+\n  fix: .+", str(error), re.DOTALL)
    else:
        for key, array in arrays.items():
            np.testing.assert_array_equal(loaded[key], array)


@pytest.mark.parametrize(
    ("factor", "fix"),
    [
        (0, "negate the channel's weights instead, or make them 0"),
        (300, "divide all factors, or write factors: uint9 for the layer, at most uint16"),
    ],
)
def test_factors_are_positive_and_of_their_format(tmp_path, monkeypatch, factor, fix):
    network = load("tests/wide.yaml")
    drawn = parameters.draw(network, 1)
    drawn["res2b/join/factors"][0, 1] = factor
    assert refused(network, tmp_path, monkeypatch, drawn) == (
        f"toy.npz: res2b/join/factors: {factor} at (0, 1), expected 1 to 15\n"
        f"  why: the description says factors: uint4, and they are positive\n  fix: {fix}"
    )
