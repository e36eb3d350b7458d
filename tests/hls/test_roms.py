"""ROMs as C++ has them."""

import numpy as np
import pytest

from constants.layout import Role
from dataflow import plan
from dataflow.unit import Constants
from hls.roms import cut, rom_text, rows
from network import load, parameters
from network.errors import ParameterError
from tests.activations import cases


@pytest.mark.parametrize(
    ("row_bits", "element_bits", "roms", "integers", "widths"),
    [
        (4096, 64, 1, 64, (4096,)),
        (4097, 64, 2, 33, (2112, 1985)),  # 65 words: 33 and 32
        (24, 24, 1, 1, (24,)),
        (512 * 24, 24, 4, 128, (3072, 3072, 3072, 3072)),  # integers of 32 bits in C++
        (5 * 15 * 11, 11, 1, 75, (825,)),
        (1000 * 12, 12, 4, 250, (3000, 3000, 3000, 3000)),
        (1025 * 12, 12, 5, 205, (2460, 2460, 2460, 2460, 2460)),
    ],
)
def test_no_rom_is_wider_than_4096_bits(row_bits, element_bits, roms, integers, widths):
    held = Constants(name="", role=Role.BIAS, key="", pe=1, words=7, row_bits=row_bits, element_bits=element_bits)
    assert (held.roms, held.rom_elements, held.widths) == (roms, integers, widths)
    assert integers * held.integer_bits <= 4096
    rows = np.arange(7 * held.elements).reshape(7, held.elements)
    pieces = cut(rows, roms)
    assert pieces.shape == (roms, 7, integers)
    assert np.array_equal(np.concatenate(list(pieces), axis=1)[:, : held.elements], rows)
    assert not np.concatenate(list(pieces), axis=1)[:, held.elements :].any()


def test_text(toy_yaml):
    design = plan(load(toy_yaml))
    unit = next(unit for unit in design.ip("head").units if unit.implementation == "dense")
    arrays = parameters.draw(design.network, 1) | {"head/fc/bias": np.array([1, -300, 2, 3, 4], np.int32)}
    rom = rom_text(unit.constants[0], arrays)
    assert (rom.type, rom.name, rom.dimensions) == (f"std::int{unit.constants[0].integer_bits}_t", "fc_bias", (1, 5, 1))
    assert rom.roms == [["{1}", "{-300}", "{2}", "{3}", "{4}"]]


def test_thresholds_that_no_multiplier_gives_are_refused():
    case = cases(3)["scale_even"]
    held, thresholds = case.unit.constants[0], case.thresholds.copy()
    thresholds[2, 127] += 3
    with pytest.raises(ParameterError) as error:
        rows(held, {held.key: thresholds})
    first, last = (", ".join(map(str, part)) for part in (thresholds[2, :4], thresholds[2, -3:]))
    assert str(error.value) == (
        f"layer/thresholds: channel 2 has the thresholds {first}, …, {last}, which no multiplier and bias give from -2048 to 2047\n"
        "  why: scale computes step * ((multiplier * value + bias) >> shift) + offset, here with {multiplier: 1, bias: 14, shift: 4, "
        "rounding: half_even, low: -128, high: 127}\n"
        "  fix: import the network again, leave activation out of the description, or write activation: search, which takes any thresholds"
    )
