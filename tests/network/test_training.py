"""What the trainable module computes as the reference does, and which descriptions it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from network import load, reference

torch = pytest.importorskip("torch", reason="training needs the extra `train`")
quantize = pytest.importorskip("network.training.quantize")

DIGITS = yaml.safe_load((Path(__file__).parents[2] / "configs" / "digits.yaml").read_text())


def network_of(folder: Path, changes: dict[str, Any]) -> Any:
    """The digits with other values at dotted places."""
    described = yaml.safe_load(yaml.safe_dump(DIGITS))
    for place, value in changes.items():
        *parents, last = place.split(".")
        at = described
        for parent in parents:
            at = at[parent]
        at[last] = value
    path = folder / "digits.yaml"
    path.write_text(yaml.safe_dump(described, sort_keys=False))
    return load(path)


@pytest.mark.parametrize("changes", [{}, {"blocks.res2a.conv1.act": "uint3", "blocks.res3a.bypass.kernel": 3}])
def test_folded_it_gives_the_codes_of_the_reference(tmp_path: Path, changes: dict[str, Any]) -> None:
    described = network_of(tmp_path, changes)
    torch.manual_seed(1)
    net = quantize.TrainableNetwork(described)
    images = np.random.default_rng(1).integers(0, 256, (64, *described.input), np.uint8)
    tensor = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1  # the running statistics are those of this batch
    net(tensor)
    net.eval()
    with torch.no_grad():
        codes = net.stem(tensor)
        found = net.blocks(torch.nn.functional.max_pool2d(quantize.padded(codes, net.pool), net.pool.kernel, net.pool.stride))
    expected = reference.trace(described, net.fold(), images)[described.blocks[-1].name]
    assert len(np.unique(expected)) > 4
    # Batch norm computes in float32, where a value near a threshold may lie on either side; what follows from one such is little.
    assert np.mean(found.permute(0, 2, 3, 1).numpy() != expected) < 0.01


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stem.entry": "uint4"}, "only joins that clip"),
        ({"blocks.res2a.join": {}}, "only joins that clip"),
        ({"head.pool": "max"}, "a pool that sums"),
        ({"head.act": "uint4"}, "no thresholds on the image or in the head"),
        ({"head.fc.factors": "uint4"}, "only joins that clip"),
        ({"blocks.res2a.conv1.act": "int3"}, "only unsigned codes"),
        ({"blocks.res2b.conv2.pad_code": 1}, "and 0 around them"),
        ({"blocks.res2a.entry": {"bypass": "uint3"}}, "only entries"),
        ({"blocks.res2a.entry": {"main": "uint3"}}, "only entries"),
        ({"blocks.res2b.entry": {"both": "uint4"}}, "only entries"),
    ],
)
def test_what_is_not_trained_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        quantize.TrainableNetwork(network_of(tmp_path, changes))
