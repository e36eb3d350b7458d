"""The C++ of the toy network, and of one that has the forms it has not, whole; read the difference in review as an HLS engineer would."""

import pytest

import hls
from dataflow import plan
from network import load, parameters


@pytest.mark.parametrize("name", ["dma", "stem", "res2a", "res2b", "head"])
def test_golden(toy_yaml, golden, name):
    design = plan(load(toy_yaml))
    texts = hls.render("toy", design.ip(name), parameters.draw(design.network, 1))
    assert tuple(sorted(texts)) == tuple(sorted(hls.outputs(design.ip(name))))
    for file, text in texts.items():
        golden(f"toy/hls/{file}", text)


@pytest.mark.parametrize("name", ["dma", "stem", "res2a", "res2b", "res2c", "head"])
def test_golden_of_the_other_forms(wide_yaml, golden, name):
    design = plan(load(wide_yaml))
    texts = hls.render("wide", design.ip(name), parameters.draw(design.network, 1))
    for file in (f"{name}.h", f"{name}.cpp", *((f"{name}_roms.h",) if name == "head" else ())):
        golden(f"wide/hls/{file}", texts[file])


@pytest.fixture
def loaded(toy_yaml, tmp_path):
    """Constants of three layers, the others in ROMs; the weights of the classifier come with every frame."""
    text = toy_yaml.read_text().replace("bypass: {pe: 2, simd: 4}", "bypass: {pe: 2, simd: 4, constants: loaded, memory: uram}")
    (tmp_path / "toy.yaml").write_text(
        text.replace("{kernel: 3, out: 6, pe: 3, simd: 4}", "{kernel: 3, out: 6, pe: 3, simd: 4, constants: loaded}")
    )
    return plan(load(tmp_path / "toy.yaml"))


@pytest.mark.parametrize(("name", "files"), [("dma", 3), ("res2a", 4), ("head", 3)])
def test_golden_of_what_is_loaded(loaded, golden, name, files):
    texts = hls.render("toy", loaded.ip(name), parameters.draw(loaded.network, 1))
    assert tuple(sorted(texts)) == tuple(sorted(hls.outputs(loaded.ip(name))))
    assert len(texts) == files
    for file, text in texts.items():
        if not file.endswith("_roms.h"):
            golden(f"toy_loaded/hls/{file}", text)


def test_weights_on_chip(toy_yaml, golden, tmp_path):
    (tmp_path / "toy.yaml").write_text(toy_yaml.read_text().replace("weights: stream", "weights: rom"))
    design = plan(load(tmp_path / "toy.yaml"))
    texts = hls.render("toy", design.ip("head"), parameters.draw(design.network, 1))
    golden("toy/hls/head_rom.cpp", texts["head.cpp"])
