"""The real ResNet-50 in SystemVerilog: its own parameters and folding, on cropped maps; every code and the cycle of every beat.

`pytest -s --all-ips tests/rtl/test_resnet50.py` simulates all IPs, and res2a at full size; without the option a cheap one.
"""

import numpy as np
import pytest

import hls
from dataflow import plan
from network import load
from rtl.simulation import read_handshakes
from tests import reference_data
from tests.rtl.simulated import needs_verilator, simulate
from tests.test_dodo import ROOT

pytestmark = [needs_verilator, reference_data.needs_reference]
STAGES = {"2": "abc", "3": "abcd", "4": "abcdef", "5": "abc"}
IPS = ("stem", *(f"res{stage}{block}" for stage, blocks in STAGES.items() for block in blocks), "head")
CHEAP = {"head"}
CROP = 64
"""Rows and columns of the image: two groups of pixels for the stem, and 2x2 pixels in the last stage."""


def described(folder, side):
    """Folding and formats as published, images of other sizes."""
    text = (ROOT / "configs" / "resnet50_w1a2.yaml").read_text()
    assert text.count("[224, 224, 3]") == 1
    (folder / "resnet50.yaml").write_text(text.replace("[224, 224, 3]", f"[{side}, {side}, 3]"))
    return plan(load(folder / "resnet50.yaml"))


@pytest.fixture(scope="module")
def cropped(tmp_path_factory):
    """Design, and the vectors of two crops of the golden image."""
    design = described(tmp_path_factory.mktemp("cropped"), CROP)
    image = reference_data.golden()["image"]
    images = np.stack([image[96:][:CROP, 96:][:, :CROP], image[40:][:CROP, 150:][:, :CROP]])
    return design, hls.vectors(design, reference_data.parameters(), images)


def report(ip, done):
    """A row of the table, by hand."""
    found = [read_handshakes(done.work / run.handshakes) for run in done.runs]
    beats = sum(len(cycles) for each in found for cycles in each.values())
    print(
        f"{ip.name} | {done.compiled.seconds:.0f} | {sum(each.seconds for each in done.ran):.1f} | {beats:,}"
        f" | {' + '.join(f'{run.last:,}' for run in done.runs)}",
        flush=True,
    )


@pytest.mark.parametrize("name", IPS)
def test_cropped(request, cropped, tmp_path, name):
    if name not in CHEAP and not request.config.getoption("--all-ips"):
        pytest.skip("with --all-ips")
    design, vectors = cropped
    ip = design.ip(name)
    done = simulate(ip, reference_data.parameters(), vectors[name], 2, tmp_path)
    assert not done.hangs
    report(ip, done)


def test_res2a_at_full_size(request, tmp_path):
    """The golden image: codes of the original itself."""
    if not request.config.getoption("--all-ips"):
        pytest.skip("with --all-ips")
    ip = described(tmp_path, 224).ip("res2a")
    golden = reference_data.golden()
    vectors = {"codes_in.bin": golden["stem"].tobytes(), "codes_out.bin": golden["res2a"].tobytes()}
    done = simulate(ip, reference_data.parameters(), vectors, 1, tmp_path)
    assert not done.hangs
    report(ip, done)
