"""The benches fail when they should, and say where."""

import re
import shutil

import numpy as np
import pytest
import yaml

import hls
from codegen.errors import ToolError
from codegen.jobs.run import WORK
from codegen.text.files import write_tree
from codegen.tools import run as tools
from dataflow import plan
from hls import csim
from network import load, parameters


@pytest.fixture(scope="module")
def built(toy_yaml, tmp_path_factory):
    """Folder, design and vectors of res2a of the toy, simulated once."""
    folder = tmp_path_factory.mktemp("toy")
    design = plan(load(toy_yaml))
    arrays = parameters.draw(design.network, 1)
    images = np.random.default_rng(1).integers(0, 256, (2, *design.network.input), dtype=np.uint8)
    write_tree(folder / "res2a", hls.render("toy", design.ip("res2a"), arrays))
    write_tree(folder / "vectors", hls.vectors(design, arrays, images)["res2a"])
    return folder


def run(folder, sources="res2a", vectors="vectors", frames=2):
    return hls.simulate("res2a", folder / sources, folder / vectors, frames, folder / "csim" / f"{sources}_{vectors}_{frames}").verdict


@pytest.fixture(scope="module")
def program(built):
    """Compiled as users compile it, without what the tests have compiled once; its folder, in which it has passed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CXX")
        assert run(built) == "PASS res2a: 2 frames, 72 codes equal, streams empty, 15 processes on their cycles"
    return built / "csim" / "res2a_vectors_2" / WORK


def again(program, vectors, log):
    """Run it as `hls.simulate` does, on other vectors."""
    *_, call = hls.csim_job("res2a", program, program / "vectors", 2).calls
    tool, _, frames = call.words
    tools.run([program / tool, vectors, frames], log=log, cwd=program, hint=call.hint)


def test_pass(program):
    assert again(program, "vectors", program.parent / "again.log") is None


def test_a_wrong_code_is_found(program, tmp_path):
    shutil.copytree(program / "vectors", tmp_path / "wrong")
    codes = bytearray((tmp_path / "wrong" / "codes_out.bin").read_bytes())
    was, codes[40] = codes[40], (codes[40] + 1) % 16
    (tmp_path / "wrong" / "codes_out.bin").write_bytes(codes)
    with pytest.raises(ToolError) as error:
        again(program, tmp_path / "wrong", tmp_path / "run.log")
    assert str(error.value) == (
        f"{tmp_path / 'run.log'}: res2a_tb ended with status 1\n"
        f"  why: FAIL res2a: codes_out: frame 1, beat 2, lane 0: {was} instead of {codes[40]}\n"
        "  fix: compare with network.reference; the first difference is the one to look at"
    )


@pytest.mark.parametrize(
    ("file", "old", "new", "finding"),
    [
        ("res2a_tb.cpp", '"conv1 mvau", 216', '"conv1 mvau", 215', r"conv1 mvau: 432 firings instead of 430"),
        ("res2a.cpp", "dwc<OutDwc>(", "dwc<Short>(", r"codes_out: frame 0 ends after 3 of 18 beats"),
        ("res2a_tb.cpp", 'bench.expect<2, UInt<4>>("codes_out", 18, codes_out);', "", r"codes_out: 36 beats are left over"),
        ("res2a_tb.cpp", '("codes_in", 6, codes_in)', '("codes_in", 7, codes_in)', r"codes_in: 48 bytes of vectors for 2 frames of 28"),
    ],
)
def test_loops_and_leftovers_are_found(built, file, old, new, finding):
    sources = f"changed_{abs(hash(new))}"
    shutil.copytree(built / "res2a", built / sources)
    text = (built / sources / file).read_text()
    assert old in text
    (built / sources / file).write_text(text.replace(old, new))
    short = "struct Short { static constexpr unsigned kCodes = 6, kLanesIn = 1, kLanesOut = 2; using Code = UInt<4>; };\n"
    (built / sources / "res2a.h").write_text((built / sources / "res2a.h").read_text() + short)
    with pytest.raises(ToolError, match=f"why: FAIL res2a: {finding}"):
        run(built, sources=sources)


@pytest.fixture(scope="module")
def loading(toy_yaml, tmp_path_factory):
    """The bench of the DMA of a network whose constants are loaded, and vectors with which it passes."""
    folder = tmp_path_factory.mktemp("loading")
    (folder / "toy.yaml").write_text("constants: loaded\n" + toy_yaml.read_text())
    design = plan(load(folder / "toy.yaml"))
    write_tree(folder / "dma", hls.render("toy", design.ip("dma"), {}))
    images = np.random.default_rng(1).integers(0, 256, (2, *design.network.input), dtype=np.uint8)
    write_tree(folder / "vectors", hls.vectors(design, None, images)["dma"])
    assert hls.simulate("dma", folder / "dma", folder / "vectors", 4, folder / "csim").verdict.startswith("PASS dma: 4 frames")
    return folder / "csim" / WORK


@pytest.mark.parametrize(
    ("file", "edit", "finding"),
    [
        ("constants", lambda data: data[:8] + bytes([data[8] ^ 1]) + data[9:], r"constants: the messages of frame 0: \d+ instead of \d+"),
        ("constants", lambda data: data + bytes(8), "constants: the vectors have more messages"),
        ("constants", lambda data: data[:-8], "constants: the vectors end within a message"),
        ("constants_image", lambda data: data[:-1] + bytes([data[-1] ^ 1]), "load: word 0 is 5 instead of 1"),
    ],
)
def test_wrong_messages_and_answers_are_found(loading, file, edit, finding, tmp_path):
    shutil.copytree(loading / "vectors", tmp_path / "vectors")
    data = (tmp_path / "vectors" / f"{file}.bin").read_bytes()
    (tmp_path / "vectors" / f"{file}.bin").write_bytes(edit(data))
    with pytest.raises(ToolError, match=f"why: FAIL dma: {finding}"):
        tools.run([loading / "dma_tb", tmp_path / "vectors", "4"], log=tmp_path / "run.log", cwd=loading, hint="")


def test_no_vectors(program, tmp_path):
    with pytest.raises(ToolError, match=r"why: FAIL res2a: no vectors in nowhere/codes_in.bin"):
        again(program, "nowhere", tmp_path / "run.log")


def test_a_source_that_does_not_compile(built):
    shutil.copytree(built / "res2a", built / "broken")
    header = built / "broken" / "res2a.h"
    header.write_text(header.read_text().replace("kPe = 2", "kPe = 3", 1))
    with pytest.raises(ToolError) as error:
        run(built, sources="broken")
    assert re.search(r"g\+\+ ended with status 1\n  why: .*error: ", str(error.value))


def test_no_compiler(built, monkeypatch):
    monkeypatch.setenv("CXX", "g++-of-2019")
    with pytest.raises(ToolError) as error:
        run(built)
    assert str(error.value) == (
        "CXX=g++-of-2019: not found\n  why: CXX names the executable that this step runs\n"
        "  fix: set CXX to the executable, or unset it to have g++ sought on PATH"
    )


def test_headers_of_an_installation_are_preferred(tmp_path, monkeypatch):
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "ap_int.h").touch()
    monkeypatch.setenv("XILINX_HLS", str(tmp_path))
    assert csim.ap_types() == tmp_path / "include"


WITHOUT_HEADERS = (
    "XILINX_HLS={folder}: ap_int.h not found in its folder include\n"
    "  why: the generated C++ uses ap_int and hls::stream\n"
    "  fix: source settings64.sh of Vitis HLS, or unset XILINX_HLS{more} to use the headers of the package hls4ml"
)


def test_an_installation_without_headers_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("XILINX_HLS", str(tmp_path))
    with pytest.raises(ToolError) as error:
        csim.ap_types()
    assert str(error.value) == WITHOUT_HEADERS.format(folder=tmp_path, more="")
    monkeypatch.delenv("XILINX_HLS")
    assert (csim.ap_types() / "ap_int.h").is_file()  # the remedy


def test_no_headers_at_all(tmp_path, monkeypatch):
    monkeypatch.setattr(csim, "find_spec", lambda _: None)
    monkeypatch.setenv("XILINX_HLS", str(tmp_path))
    with pytest.raises(ToolError) as error:
        csim.ap_types()
    assert str(error.value) == WITHOUT_HEADERS.format(folder=tmp_path, more=" and pip install 'resflow[build]'")
    monkeypatch.setenv("XILINX_HLS", "")  # as if it were not set
    with pytest.raises(ToolError) as error:
        csim.ap_types()
    assert str(error.value) == (
        "the package hls4ml: ap_int.h not found\n  why: the generated C++ uses ap_int and hls::stream\n"
        "  fix: source settings64.sh of Vitis HLS, or pip install 'resflow[build]'"
    )


NAMES = ("features", "bench", "frame", "unix", "class", "conv1_weights", "time_t", "stdin", "resflow")
"""A system header, locals of the bench, a macro, a keyword, a ROM, a type, another macro, our namespace."""


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """A network whose blocks are called so."""
    folder = tmp_path_factory.mktemp("named")
    block = {"conv1": {"kernel": 1, "out": 2}, "conv2": {"kernel": 1, "out": 2}, "bypass": {}}
    description = {
        "network": "module",
        "platform": "u250",
        "clock_mhz": 200,
        "input": {"shape": [2, 2, 1]},
        "formats": {"act": "uint2", "residual": "uint4"},
        "stem": {"conv": {"kernel": 1, "out": 2}},
        "blocks": dict.fromkeys(NAMES, block),
        "head": {"fc": {"out": 2}},
    }
    (folder / "named.yaml").write_text(yaml.dump(description, sort_keys=False, Dumper=Plain))
    design = plan(load(folder / "named.yaml"))
    arrays = parameters.draw(design.network, 1)
    images = np.random.default_rng(1).integers(0, 256, (1, *design.network.input), dtype=np.uint8)
    return folder, design, arrays, hls.vectors(design, arrays, images)


class Plain(yaml.SafeDumper):
    """Without anchors for what is the same."""

    def ignore_aliases(self, _):
        return True


@pytest.mark.parametrize("name", NAMES)
def test_names_of_headers_macros_keywords_and_locals(named, name):
    folder, design, arrays, vectors = named
    write_tree(folder / name / "src", hls.render("module", design.ip(name), arrays))
    write_tree(folder / name / "vectors", vectors[name])
    done = hls.simulate(name, folder / name / "src", folder / name / "vectors", 1, folder / name / "csim")
    assert done.verdict.startswith(f"PASS {name}: 1 frames")
