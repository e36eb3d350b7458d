"""Banks hold what the host puts into them, or the description is told."""

import pytest

from dataflow import plan
from dataflow.banks import sizes_kb
from network import DescriptionError, load


def described(toy_yaml, tmp_path, memory, **changes):
    text = toy_yaml.read_text().replace("\nformats:", f"\nmemory: {memory}\nformats:", 1)
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "toy.yaml").write_text(text)
    return load(tmp_path / "toy.yaml")


def test_a_plram_grows_for_images_and_for_what_lies_there_together(toy_yaml, tmp_path):
    larger = ("shape: [6, 5, 3]", "shape: [150, 150, 3]")  # 17 pages
    net = described(toy_yaml, tmp_path, "{images: 'PLRAM[0]', labels: 'PLRAM[1]', weights: 'PLRAM[0]'}", shape=larger)
    design = plan(net)
    assert sizes_kb(design.network, design.platform) == {"PLRAM[0]": 512, "PLRAM[1]": 128}  # 5 * (68 + 4) + 4


TOO_LARGE = {
    "images": (
        "u250",
        "{images: 'PLRAM[0]'}",
        "toy.yaml:6: memory.images: 6,640 KB in PLRAM[0]\n  why: a PLRAM bank can be made at most 4,096 KB large\n  fix: use a DDR bank",
    ),
    "a card of HBM": (
        "u50",
        "{images: 'PLRAM[0]', labels: 'PLRAM[0]'}",
        "toy.yaml:6: memory.images and memory.labels: 6,680 KB in PLRAM[0]\n"
        "  why: a PLRAM bank can be made at most 128 KB large\n  fix: use an HBM bank",
    ),
}


@pytest.mark.parametrize("case", TOO_LARGE)
def test_what_no_bank_can_hold(toy_yaml, tmp_path, case):
    card, memory, message = TOO_LARGE[case]
    larger = ("shape: [6, 5, 3]", "shape: [672, 672, 3]")
    net = described(
        toy_yaml,
        tmp_path,
        memory,
        shape=larger,
        card=("u250", card),
        slrs=("  slr: 0\n", ""),
        others=("    slr: 1\n", ""),
        last=("    slr: 2\n", ""),
    )
    with pytest.raises(DescriptionError) as error:
        plan(net)
    assert str(error.value) == f"{tmp_path}/{message}"


def test_images_no_bank_of_the_card_can_hold(toy_yaml, tmp_path):
    """A card of HBM has banks of 256 MB."""
    larger = ("shape: [6, 5, 3]", "shape: [8192, 8192, 3]")
    conv = ("kernel: 3, out: 4, weight", "kernel: 3, stride: 64, out: 4, weight")
    net = described(
        toy_yaml, tmp_path, "{}", shape=larger, conv=conv, card=("u250", "u50"), others=("    slr: 1\n", ""), last=("    slr: 2\n", "")
    )
    with pytest.raises(DescriptionError) as error:
        plan(net)
    assert str(error.value) == (
        f"{tmp_path}/toy.yaml:6: memory.images and memory.labels and memory.weights: 983,104 KB in HBM[0]\n"
        "  why: the bank has 262,144 KB\n  fix: spread them over several banks, or use smaller images"
    )
