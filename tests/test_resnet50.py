"""The real ResNet-50, every IP of it in C simulation and the whole of it in emulation, against the original's own codes."""

import os
import re

import numpy as np
import pytest

import runtime
from network import images, load, parameters, reference
from tests import reference_data
from tests.runtime.xrt.test_device import child
from tests.test_dodo import ran
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
    result = doit("-n", 2, *chosen, "csim", "check", "xclbin")
    assert result.returncode == 0, result.stdout + result.stderr
    assert len(re.findall(r"PASS \w+: 1 frames", result.stdout)) == 19
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


def test_c_simulation(built):
    """The vectors every IP just passed are the golden codes themselves."""
    folder, _ = built
    golden = reference_data.golden()
    vectors = folder / "build" / "resnet50_w1a2" / "vectors"
    for name in (name for name in golden if name.startswith(("stem", "res"))):
        assert (vectors / name / "codes_out.bin").read_bytes() == golden[name].tobytes(), name
    assert (vectors / "head" / "labels.bin").read_bytes() == golden["top5"].astype("<u4").tobytes()


def test_emulation(built):
    folder, _ = built
    xclbin = folder / "build" / "resnet50_w1a2" / "resnet50_w1a2.xclbin"
    assert xclbin.stat().st_size <= 12e6
    with runtime.Accelerator.open(xclbin) as accelerator:
        image = reference_data.golden()["image"]
        equal(accelerator.trace(image))
        np.testing.assert_array_equal(accelerator.classify(image), reference_data.golden()["top5"])


def test_pe_of_a_block_concerns_that_block(built):
    folder, chosen = built
    yaml = folder / "resnet50.yaml"
    text = yaml.read_text()
    block = text[text.index("  res4c:") : text.index("  res4d:")]
    yaml.write_text(text.replace(block, block.replace("out: 1024, pe: 32", "out: 1024, pe: 16")))
    result = doit(*chosen)
    yaml.write_text(text)
    assert result.returncode == 0, result.stdout + result.stderr
    assert sorted(ran(result)) == ["check", "csim:res4c", "design", "generate:res4c", "vectors", "xclbin"]


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
