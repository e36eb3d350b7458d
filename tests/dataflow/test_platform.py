"""The cards that are described, and the same network on each."""

from itertools import pairwise

import pytest

from dataflow import plan, platform
from dataflow.cost.resources import Resources
from network import load


@pytest.mark.parametrize(
    ("name", "lut", "bram", "uram", "dsp"),
    [  # of the whole device: what the user is left with is less
        ("u200", 1_182_000, 2160, 960, 6840),
        ("u250", 1_728_000, 2688, 1280, 12288),
        ("u280", 1_303_680, 2016, 960, 9024),
        ("u50", 870_720, 1344, 640, 5952),
        ("u55c", 1_304_000, 2016, 960, 9024),
    ],
)
def test_area(name, lut, bram, uram, dsp):
    card = platform.load(name)
    whole = Resources(lut=lut, ff=2 * lut, bram=bram, uram=uram, dsp=dsp)
    used = sum(card.area, Resources())
    assert used.within(whole)
    assert used.lut > 0.7 * lut
    assert all(budget.within(area) and budget.lut == area.lut * 70 // 100 for budget, area in zip(card.budgets, card.area, strict=True))


@pytest.mark.parametrize("name", platform.known())
def test_banks(name):
    card = platform.load(name)
    assert len({bank.name for bank in card.banks}) == len({bank.tag for bank in card.banks}) == len(card.banks)
    assert all(bank.slr < card.slrs for bank in card.banks)
    by_address = sorted(card.banks, key=lambda bank: bank.base)
    assert all(low.base + low.kilobytes * 1024 <= high.base for low, high in pairwise(by_address))
    assert {bank.kilobytes for bank in card.banks if bank.kind == "dram"} == {128}


def test_a_range_of_banks():
    banks = [bank for bank in platform.load("u55c").banks if bank.kind == "hbm"]
    assert len(banks) == 32
    assert (banks[31].name, banks[31].tag, banks[31].base) == ("HBM[31]", "HBM[31]", 31 << 29)


def test_default_banks():
    assert {name: platform.load(name).default_bank.name for name in platform.known()} == {
        "u200": "DDR[0]",
        "u250": "DDR[0]",
        "u280": "DDR[0]",
        "u50": "HBM[0]",
        "u55c": "HBM[0]",
    }


def test_another_card(toy_yaml):
    """SLRs and banks of the description hold for the card it names, and for no other."""
    described = load(toy_yaml)
    assert load(toy_yaml, "u250") == described
    other = load(toy_yaml, "u50")
    assert [other.stem.slr, *(block.slr for block in other.blocks), other.head.slr] == [None] * 4
    design = plan(other)
    assert (design.platform.name, {argument.bank for argument in design.arguments if argument.is_pointer}) == ("u50", {"HBM[0]"})
    assert max(ip.slr for ip in design.ips) < 2
