"""Shapes and costs of memories, by counting out every word of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constants.layout import Role
from dataflow import plan
from dataflow.cost.resources import Resources
from dataflow.cost.storage import (
    LUTS_WORTH_A_RAMB18,
    Storage,
    bram,
    loaded_cost,
    loaded_storage,
    ram_cost,
    ram_storage,
    rom_cost,
    stream_cost,
    stream_storage,
    uram,
    worth,
)
from hls.roms import rom_text
from network import load, parameters
from tests.test_configs import CONFIGS


@pytest.mark.parametrize(
    ("words", "bits", "blocks"),
    [
        *((512, 36, 0.5), (512, 72, 1), (1024, 36, 1), (1024, 18, 0.5), (513, 36, 1), (16384, 1, 0.5), (16385, 1, 1)),
        (2048, 36, 2),  # the example of UG912, "RAM_DECOMP": two of 2Kx18
        (1152, 64, 4),  # as deep as 2048: 3 of 18 bits, and 10 more, which half a block of 9 does not hold
        (1152, 2048, 114),  # 32 PEs of them in one memory, where 32 memories take 128
        *((4096, 9, 1), (4096, 13, 1.5), (4096, 14, 2), (32769, 3, 6), (65537, 3, 9)),
    ],
)
def test_bram(words, bits, blocks):
    assert bram(words, bits) == blocks


@given(st.integers(1, 40_000), st.integers(1, 600))
def test_blocks_hold_the_words(words, bits):
    assert bram(words, bits) * 36 * 1024 >= words * bits
    assert uram(words, bits) * 288 * 1024 >= words * bits
    assert bram(words, bits) <= bram(words + 1, bits + 1)
    assert bram(words, 2 * bits) <= 2 * bram(words, bits)  # side by side in one memory is never worse than in two
    cost = ram_cost(words, bits)
    if words <= 4:
        assert (ram_storage(words, bits), cost.ff, cost.bram) == (Storage.REGISTERS, words * bits, 0)
        assert cost.lut * 3 >= (words - 1) * bits  # a LUT chooses one of four bits
    elif ram_storage(words, bits) is Storage.LUTRAM:
        assert cost.lut * 64 >= words * bits
        assert cost.lut <= 2 * LUTS_WORTH_A_RAMB18 * bram(words, bits)
    else:
        assert cost == Resources(bram=bram(words, bits))


@given(st.integers(1, 40_000), st.integers(1, 600))
def test_loaded_memories(words, bits):
    """The kind chosen is worth no more than another; each holds the words, and LUTs need one for 64 bits at least."""
    chosen = loaded_storage(words, bits)
    costs = {storage: loaded_cost(storage, words, bits) for storage in (Storage.LUTRAM, Storage.BRAM, Storage.URAM)}
    assert costs[Storage.BRAM] == Resources(bram=bram(words, bits))
    assert costs[Storage.URAM] == Resources(uram=uram(words, bits))
    assert costs[Storage.LUTRAM].lut * 64 >= words * bits
    assert (chosen is Storage.REGISTERS) == (words <= 4)
    if words > 4:
        assert worth(costs[chosen]) == min(map(worth, costs.values()))


@pytest.mark.parametrize(
    ("words", "bits", "storage"),
    [
        (64, 2048, Storage.LUTRAM),
        (512, 2048, Storage.BRAM),
        (2304, 2048, Storage.URAM),
        (4096, 24, Storage.URAM),
        (4, 4096, Storage.REGISTERS),
    ],
)
def test_deep_memories_are_ultraram(words, bits, storage):
    assert loaded_storage(words, bits) is storage


@pytest.mark.parametrize(
    ("depth", "lanes", "storage", "cost"),
    [
        (2, 32, Storage.SRL, Resources(lut=64)),
        (32, 32, Storage.SRL, Resources(lut=128)),
        (64, 32, Storage.LUTRAM, Resources(lut=147)),
        (512, 9, Storage.BRAM, Resources(bram=0.5)),
        (2688, 32, Storage.URAM, Resources(uram=2)),
    ],
)
def test_streams(depth, lanes, storage, cost):
    assert (stream_storage(depth, 4 * lanes), stream_cost(depth, 4 * lanes)) == (storage, cost)


def test_roms_of_resnet50():
    """Weights of the last two stages in block RAM, as in the original, and of no others."""
    found = {
        f"{ip.name}.{held.name}"
        for ip in plan(load(CONFIGS / "resnet50_w1a2.yaml")).ips
        for unit in ip.units
        for held in unit.constants
        if held.storage is Storage.BRAM and held.role is Role.WEIGHTS
    }
    convs = [f"{name}.conv{i}_weights" for name in "res4a res4b res4c res4d res4e res4f res5a res5b res5c".split() for i in (1, 2, 3)]
    assert found == {*convs, "res4a.bypass_weights", "res5a.bypass_weights"}


def test_roms_of_resnet50_are_few_and_full():
    """922.5 blocks of weights; a memory for every PE's took 1,032."""
    held = [each for ip in plan(load(CONFIGS / "resnet50_w1a2.yaml")).ips for unit in ip.units for each in unit.constants]
    weights = [each for each in held if each.role is Role.WEIGHTS and each.storage is Storage.BRAM]
    assert sum(bram(each.words, bits) for each in weights for bits in each.widths) == 922.5
    assert sum(each.pe * bram(each.words, each.row_bits // each.pe) for each in weights) == 1032
    assert sum(each.roms for each in held if each.role is Role.WEIGHTS and each.words > 1) == 53


def test_rom_shapes_are_those_of_the_generated_arrays(toy_yaml):
    net = load(toy_yaml)
    arrays = parameters.draw(net, seed=1)
    for ip in plan(net).ips:
        for unit in ip.units:
            for held in unit.constants:
                text = rom_text(held, arrays)
                assert text.dimensions == (held.roms, held.words, held.rom_elements)
                assert text.dimensions == (*np.array(text.roms).shape, len(text.roms[0][0].split(",")))
                assert held.role is not Role.WEIGHTS or text.type == f"std::uint{held.integer_bits}_t"
                assert sum(held.widths) == held.row_bits
                assert bool(rom_cost(held.storage, held.words, held.widths[0])) == (held.words > 1)
