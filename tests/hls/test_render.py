"""The C++ of the toy network, whole; read the difference in review as an HLS engineer would."""

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


def test_weights_on_chip(toy_yaml, golden, tmp_path):
    (tmp_path / "toy.yaml").write_text(toy_yaml.read_text().replace("weights: stream", "weights: rom"))
    design = plan(load(tmp_path / "toy.yaml"))
    texts = hls.render("toy", design.ip("head"), parameters.draw(design.network, 1))
    golden("toy/hls/head_rom.cpp", texts["head.cpp"])
