from __future__ import annotations

import pytest

from dataflow import plan
from network import DescriptionError, load
from tests.conftest import TESTS

OTHER = (TESTS / "toy.yaml").read_text()
OWN = "network: mine\nlike: other.yaml\n"


@pytest.fixture
def described(tmp_path):
    (tmp_path / "other.yaml").write_text(OTHER)

    def write(text, name="mine.yaml"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def test_what_is_not_said_is_as_there(described):
    other = load(described(OTHER, "other.yaml"))
    mine = load(described(OWN + 'clock_mhz: 100\nmemory: {labels: "DDR[1]"}\n'))
    assert (mine.name, mine.clock_mhz, mine.memory.labels) == ("mine", 100, "DDR[1]")
    assert (mine.stem, mine.blocks, mine.head, mine.platform) == (other.stem, other.blocks, other.head, other.platform)


def test_an_entry_stands_for_the_whole_of_the_other_s(described):
    described(OTHER + 'memory: {images: "DDR[1]", weights: "DDR[2]"}\n', "other.yaml")
    assert load(described(OWN)).memory.weights == "DDR[2]"
    memory = load(described(OWN + 'memory: {weights: "DDR[3]"}\n')).memory
    assert (memory.images, memory.weights) == ("", "DDR[3]")


def test_banks_of_a_network_that_has_no_dma(described):
    """Those of the other file mean nothing, whatever the card; those of the own file are a mistake."""
    described(OTHER.replace("slr: 2", "slr: 1") + 'memory: {images: "DDR[1]"}\n', "other.yaml")
    mine = load(described(OWN + "platform: u50\ninterfaces: streams\n"))
    assert (mine.has_dma, mine.memory.images) == (False, "")
    assert plan(mine).platform.name == "u50"
    described(OTHER + "interfaces: streams\n", "other.yaml")
    with pytest.raises(DescriptionError, match=r"mine.yaml:3: memory: there is no DMA\n"):
        load(described(OWN + 'memory: {images: "DDR[1]"}\n'))


def test_files_are_not_taken_over(described):
    described(OTHER + "parameters: theirs.npz\nimages: theirs-too.npz\n", "other.yaml")
    mine = load(described(OWN))
    assert (mine.parameters, mine.images) == (None, None)


def test_one_of_those_shipped_from_anywhere(described):
    assert load(described("network: mine\nlike: digits\n")).blocks == load(TESTS.parent / "configs" / "digits.yaml").blocks


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("network: mine\nlike: nosuch\n",
         f"{{folder}}/mine.yaml:2: like: there is no {TESTS.parent}/configs/nosuch.yaml\n  why: the rest of the description is read from it\n"
         "  fix: choose from digits, digits_loaded, digits_streams, "
         "resnet101, resnet18, resnet34, resnet50, resnet50_w1a2, resnet50_w4a4, resnet50_w8a8, "
         "or name a file: PATH.yaml"),
        ("network: mine\nlike: mine.yaml\n",
         "{folder}/mine.yaml:2: like: {folder}/mine.yaml itself inherits from another description\n"
         "  why: a description is spread over two files at most\n  fix: name the description that has the blocks"),
        ("like: other.yaml\n",
         "{folder}/mine.yaml:1: network is missing\n  why: it cannot be derived from the rest\n  fix: add network: …"),
        (OWN + "clock: 3\n",
         "{folder}/mine.yaml:3: clock: unknown key\n  why: the keys known here are network, like, platform, clock_mhz, input, formats, stem, "
         "blocks, head, labels, images, pictures, interfaces, memory, parameters, constants, fps\n  fix: did you mean blocks?"),
        ("network: mine\nlike: [other]\n",
         "{folder}/mine.yaml:2: like: a list is not text\n  why: like takes text\n  fix: write for example resnet50_w1a2"),
    ],
)  # fmt: skip
def test_errors_name_the_file_and_the_line(described, tmp_path, text, message):
    with pytest.raises(DescriptionError) as caught:
        load(described(text))
    assert str(caught.value) == message.format(folder=tmp_path)


def test_an_error_in_the_other_file_is_told_there(described, tmp_path):
    line = next(i for i, text in enumerate(OTHER.splitlines(), start=1) if text.startswith("clock_mhz"))
    described(OTHER.replace("clock_mhz: ", "clock_mhz: -"), "other.yaml")
    with pytest.raises(DescriptionError) as caught:
        load(described(OWN))
    assert str(caught.value).startswith(f"{tmp_path}/other.yaml:{line}: clock_mhz: -")
