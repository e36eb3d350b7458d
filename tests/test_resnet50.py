"""The real ResNet-50, every IP of it in C simulation and the whole of it in emulation, against the original's own codes."""

import os
import re

import numpy as np
import pytest

import hls
import runtime
from dataflow import plan
from network import images, load, parameters, reference
from tests import reference_data
from tests.hls.together import Case, simulate
from tests.runtime.xrt.test_device import child
from tests.tools.builds import ROOT, doit

pytestmark = reference_data.needs_reference


@pytest.fixture(autouse=True, scope="module")
def optimized():
    """Simulating whole images takes longer than compiling what simulates them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXX", os.environ["CXX"].replace("/O0/", "/O1/"))
        yield


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Folder and arguments of a build with the published parameters and the golden image."""
    folder = tmp_path_factory.mktemp("resnet50")
    text = (ROOT / "configs" / "resnet50_w1a2.yaml").read_text()
    own = "\nparameters: original.npz\nimages: golden.npz\nplatform:"
    (folder / "resnet50.yaml").write_text(text.replace("\nplatform:", own))
    parameters.save(folder / "original.npz", reference_data.parameters())
    np.savez(folder / "golden.npz", images=reference_data.golden()["image"][np.newaxis])
    chosen = [f"network={folder / 'resnet50.yaml'}", f"build={folder / 'build'}"]
    result = doit("-n", 2, *chosen, "generate", "vectors", "check", "xclbin")
    assert result.returncode == 0, result.stdout + result.stderr
    return folder, chosen


def test_reference(built):
    folder, _ = built
    net = load(folder / "resnet50.yaml")
    found = reference.trace(net, parameters.load(net, folder / "original.npz"), images.load(net, folder).images)
    equal(found)


def equal(found):
    golden = reference_data.golden()
    names = {name: {"top5": "labels"}.get(name, name) for name in golden if name != "image"}
    assert len(names) == 19
    for name, ours in names.items():
        np.testing.assert_array_equal(np.squeeze(found[ours]), golden[name], err_msg=name)


def test_c_simulation(built, tmp_path):
    """Of all IPs, from the sources that were built, and on vectors that are the golden codes themselves."""
    folder, _ = built
    golden = reference_data.golden()
    made = folder / "build" / "resnet50_w1a2"
    for name in (name for name in golden if name.startswith(("stem", "res"))):
        assert (made / "vectors" / name / "codes_out.bin").read_bytes() == golden[name].tobytes(), name
    assert (made / "vectors" / "head" / "labels.bin").read_bytes() == golden["top5"].astype("<u4").tobytes()
    design = plan(load(folder / "resnet50.yaml"))
    arrays = parameters.load(design.network, folder / "original.npz")
    cases = [Case(design.name, ip, arrays, contents(made / "vectors" / ip.name)) for ip in design.ips]
    logs = simulate(cases, 1, tmp_path, {})
    for case in cases:
        assert contents(tmp_path / case.name) == contents(made / "hls" / case.ip.name)
    assert [hls.verdict(log).partition(",")[0].partition(":")[::2] for log in logs] == [
        (f"PASS {ip.name}", " 1 frames") for ip in design.ips
    ]
    assert len(logs) == 19


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_emulation(built):
    folder, _ = built
    xclbin = folder / "build" / "resnet50_w1a2" / "resnet50_w1a2.xclbin"
    assert xclbin.stat().st_size <= 12e6
    with runtime.Accelerator.open(xclbin) as accelerator:
        image = reference_data.golden()["image"]
        equal(accelerator.trace(image))
        np.testing.assert_array_equal(accelerator.classify(image), reference_data.golden()["top5"])


ARTICLE = """
import numpy as np
import pynq, runtime
ol = pynq.Overlay("resnet50.xclbin")
accelerator = ol.resnet50_1
print(accelerator.register_map.CTRL)
fcbuf = pynq.allocate((1000,2048), dtype=np.int8, target=ol.BANK)
fcbuf[:] = np.load("fcweights.npy")
fcbuf.sync_to_device()
inbuf = pynq.allocate((224,224,3), dtype=np.int8, target=ol.bank0)
outbuf = pynq.allocate((5,), dtype=np.uint32, target=ol.bank0)
inbuf[:] = np.load("golden.npz")["images"][0]
inbuf.sync_to_device()
accelerator.call(inbuf, outbuf, fcbuf, 1)
outbuf.sync_from_device()
print(np.copy(outbuf).tolist())
"""


@pytest.mark.parametrize("bank", ["bank0", "PLRAM0"])
def test_the_article(built, tmp_path, bank):
    """Built from the description that is shipped, and with the line that it documents for weights in PLRAM."""
    folder, _ = built
    text = (ROOT / "configs" / "resnet50.yaml").read_text()
    active, documented = re.findall(r"^(?:# )?(memory: .*)$", text, re.MULTILINE)
    text = text.replace("../params/resnet50_w1a2.npz", str(folder / "original.npz"))
    (tmp_path / "mine.yaml").write_text(text if bank == "bank0" else text.replace(active, documented))
    result = doit(f"network={tmp_path / 'mine.yaml'}", f"build={tmp_path}", "xclbin")
    assert result.returncode == 0, result.stdout + result.stderr
    np.save(tmp_path / "resnet50" / "fcweights.npy", reference_data.parameters()["head/fc/weights"])
    (tmp_path / "resnet50" / "golden.npz").symlink_to(folder / "golden.npz")
    ran = child(ARTICLE.replace("BANK", bank), tmp_path / "resnet50")
    assert (ran.returncode, ran.stderr) == (0, "")
    labels = reference_data.golden()["top5"].tolist()
    assert ran.stdout == f"0x4\n{labels}\n"
