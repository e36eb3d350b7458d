"""The estimate against what was published, against the headers' own structure, and against itself on random networks."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow import plan
from dataflow.cost import published
from dataflow.cost.estimate import estimate_design, estimate_ip
from dataflow.cost.formulas import CONTROL, dot, tree_registers
from dataflow.cost.report import estimate_data, print_estimate
from dataflow.cost.resources import KINDS, Resources
from dataflow.layout.original import original_style
from dataflow.unit import Backend, Place
from dataflow.units.beats import dwc
from dataflow.units.memory import unpack
from dataflow.units.product import mvu
from dataflow.units.window import swg
from network import Format, load
from network.layers import Fold, Multiply
from network.operations import Product, Shape, Window
from tests.strategies import networks, written
from tests.test_configs import CONFIGS


@pytest.fixture(scope="module")
def resnet50():
    return plan(load(CONFIGS / "resnet50_w1a2.yaml"))


def test_the_published_totals(resnet50):
    """Two are fitted, to four digits; the others say how far the model can be trusted."""
    model = estimate_design(original_style(resnet50), Backend.ORIGINAL) + published.AROUND
    errors = {kind: getattr(model, kind) / getattr(published.USED, kind) - 1 for kind in KINDS}
    assert abs(errors["lut"]) < 0.001
    assert abs(errors["ff"]) < 0.001
    assert abs(errors["dsp"]) < 0.01
    assert abs(errors["uram"]) < 0.03
    assert -0.11 < errors["bram"] < 0


def test_the_librarys_mvaus_take_less(resnet50):
    for ip, original in zip(resnet50.ips, original_style(resnet50).ips, strict=True):
        assert ip.kind != "block" or estimate_ip(ip).lut < 0.55 * estimate_ip(original, Backend.ORIGINAL).lut


def test_shared_activations_take_less(resnet50):
    """Activations alone, with the same products: 15 per cent of all LUTs, those of the DMA and between IPs included."""
    fused = original_style(resnet50)
    assert estimate_design(resnet50).lut < 0.85 * estimate_design(fused).lut


@pytest.mark.parametrize(
    ("lanes", "codes", "weight", "luts"),
    [
        (32, 1, "bipolar", 44),
        (16, 2, "bipolar", 41),
        (32, 2, "bipolar", 92),
        (64, 2, "bipolar", 181),
        (32, 4, "bipolar", 190),
        (16, 2, "uint2", 89),
        (12, 3, "uint3", 158),
        (12, 8, "uint2", 296),
        (12, 4, "uint4", 286),
        (12, 6, "uint3", 311),
        (12, 5, "uint5", 439),
        (12, 8, "uint4", 569),
        (8, 8, "uint8", 848),
    ],
)
def test_products_in_luts_against_a_synthesizer(lanes, codes, weight, luts):
    """Sums of `lanes` products as Yosys 0.23 built them with synth_xilinx -family xcup from Verilog of the structure in dot.h, with a register
    behind every count of six and every adder: without one it puts several adders together."""
    counted, _, _ = dot(lanes, Format.parse(weight), Format.parse(f"uint{codes}"), Backend.HLS)
    assert counted == pytest.approx(luts, rel=0.08)


def test_any_number_of_lanes_and_any_formats_have_a_cost():
    """More lanes never take fewer LUTs, nor wider factors, nor signs."""
    for weight, codes in itertools.product(range(2, 9), range(2, 9)):
        signed, unsigned = (
            [dot(lanes, Format.parse(f"{kind}{weight}"), Format.parse(f"uint{codes}"), Backend.HLS)[0] for lanes in (1, 2, 3, 8, 9, 24, 70)]
            for kind in ("int", "uint")
        )
        wider = dot(24, Format.parse(f"int{weight}"), Format.parse(f"int{codes + 1}"), Backend.HLS)[0]
        assert signed == sorted(signed)
        assert unsigned == sorted(unsigned)
        assert all(ours > 0.97 * without for ours, without in zip(signed, unsigned, strict=True))
        assert wider > signed[5]


@pytest.mark.parametrize(
    ("weight", "codes", "pe", "pixels", "dsps", "original"),
    [("int8", "uint8", 16, 1, 128, 256), ("int4", "uint4", 16, 1, 96, 0), ("int4", "uint4", 16, 2, 128, 0), ("int5", "int6", 3, 1, 16, 48)],
)
def test_products_share_dsps(weight, codes, pe, pixels, dsps, original):
    """As many DSPs as the form takes; the original's are one for each product of wide factors, or for two pixels'."""

    def cost(multiply, backend):
        of = {"weight": Format.parse(weight), "codes": Format.parse(codes), "sums": Format.parse("int24")}
        one = Window(kernel=(1, 1), stride=(1, 1), pad=((0, 0), (0, 0)))
        product = Product(input=Shape(4, 4, 32), window=one, out=2 * pe, **of)
        place = Place("unit", "", ("in",), ("out",))
        return mvu(place, layer="unit", product=product, fold=Fold(pe, 16, pixels), multiply=multiply).cost(backend)

    for backend in (Backend.HLS, Backend.RTL):
        assert cost(Multiply.DSP, backend).dsp == dsps
        assert cost(Multiply.LUT, backend).dsp == 0
        assert cost(Multiply.DSP, backend).lut < cost(Multiply.LUT, backend).lut
    assert cost(Multiply.DSP, Backend.ORIGINAL).dsp == original


def luts_of(function, **operation):
    """What is counted beside the control that every unit has."""
    unit = function(Place("unit", "", ("in",), ("out",)), **operation)
    return unit.cost(Backend.HLS).lut - CONTROL.lut - sum(buffer.cost.lut for buffer in unit.buffers)


@pytest.mark.parametrize(("lanes_in", "lanes_out", "luts"), [(16, 128, 5), (128, 256, 3), (128, 16, 133), (256, 128, 259), (384, 64, 389)])
def test_width_converters_against_a_synthesizer(lanes_in, lanes_out, luts):
    assert luts_of(dwc, codes=384, lanes_in=lanes_in, lanes_out=lanes_out, form=Format.parse("uint1")) == pytest.approx(luts, abs=6)


@pytest.mark.parametrize(
    ("beat", "luts"),
    [
        (8, 522),
        (24, 1058),
        (32, 521),
        (48, 1072),
        (96, 1104),
        (120, 2512),
        (128, 521),
        (168, 1882),
        (200, 1958),
        (256, 521),
        (384, 1291),
        (512, 523),
    ],
)
def test_the_unpacker_against_a_synthesizer(beat, luts):
    counted = luts_of(unpack, codes=50_176 * beat, lanes=beat, form=Format.parse("uint1"), repeats=False)
    assert counted == pytest.approx(luts, rel=0.1 if beat in (24, 48, 96, 384) or 512 % beat == 0 else 0.3)


@pytest.mark.parametrize(
    ("size", "channels", "lanes", "pixels", "window", "luts"),
    [
        (56, 128, 128, 1, Window(kernel=(3, 3), stride=(1, 1), pad=((1, 1), (1, 1))), 231),
        (56, 128, 64, 1, Window(kernel=(3, 3), stride=(1, 1), pad=((1, 1), (1, 1))), 328),
        (28, 512, 128, 1, Window(kernel=(3, 3), stride=(2, 2), pad=((1, 1), (1, 1))), 298),
        (7, 1024, 64, 1, Window(kernel=(3, 3), stride=(1, 1), pad=((1, 1), (1, 1))), 288),
        (56, 256, 64, 1, Window(kernel=(1, 1), stride=(2, 2), pad=((0, 0), (0, 0))), 234),
        (112, 64, 64, 1, Window(kernel=(3, 3), stride=(2, 2), pad=((0, 1), (0, 1))), 296),
        (224, 24, 24, 1, Window(kernel=(7, 7), stride=(2, 2), pad=((3, 2), (3, 2))), 277),
        (32, 24, 24, 2, Window(kernel=(3, 3), stride=(1, 1), pad=((1, 1), (1, 1))), 319),
        (32, 48, 48, 4, Window(kernel=(3, 3), stride=(1, 1), pad=((1, 1), (1, 1))), 604),
        (32, 48, 48, 4, Window(kernel=(3, 3), stride=(2, 2), pad=((1, 1), (1, 1))), 597),
        (32, 24, 24, 8, Window(kernel=(3, 3), stride=(1, 1), pad=((1, 1), (1, 1))), 621),
        (224, 24, 24, 2, Window(kernel=(7, 7), stride=(2, 2), pad=((3, 2), (3, 2))), 490),
        (224, 48, 48, 2, Window(kernel=(7, 7), stride=(2, 2), pad=((3, 2), (3, 2))), 680),
        (224, 48, 48, 8, Window(kernel=(7, 7), stride=(2, 2), pad=((3, 2), (3, 2))), 2744),
        (224, 24, 24, 8, Window(kernel=(7, 7), stride=(2, 2), pad=((3, 2), (3, 2))), 1604),
        (224, 24, 24, 16, Window(kernel=(7, 7), stride=(2, 2), pad=((3, 2), (3, 2))), 2936),
    ],
)
def test_sliding_windows_against_a_synthesizer(size, channels, lanes, pixels, window, luts):
    shape = Shape(size, size, channels)
    counted = luts_of(swg, shape=shape, window=window, lanes=lanes, pixels=pixels, form=Format.parse("uint1"))
    assert counted == pytest.approx(luts, rel=0.3)


@given(st.integers(1, 300), st.integers(1, 8))
def test_registers_of_a_tree(lanes, bits):
    """Level by level: the sum of two numbers has a bit more than the wider, and every other level has registers."""
    count, registers, level = lanes, 0, 0
    while count > 1:
        count, level = -(-count // 2), level + 1
        registers += count * (bits + level) if level % 2 == 0 or count == 1 else 0
    assert tree_registers(lanes, bits) == registers


@settings(max_examples=40)
@given(networks(blocks=3, wide=True))
def test_any_network_has_an_estimate(tmp_path_factory, description):
    design = plan(written(description, tmp_path_factory.mktemp("drawn")))
    for backend in (Backend.HLS, Backend.ORIGINAL):
        total = estimate_design(design, backend)
        assert sum((estimate_ip(ip, backend) for ip in design.ips), Resources()).within(total)
        assert total.lut > 0
        assert total.ff > 0
    for ip in design.ips:
        if ip.kind != "dma":
            in_rtl = estimate_ip(ip, Backend.RTL)
            assert sum((unit.cost(Backend.RTL) for unit in ip.units), Resources()).within(in_rtl)
            assert in_rtl.lut > 0
            assert in_rtl.ff > 0


@pytest.mark.parametrize(("field", "factor"), [("pe", 2), ("simd", 2)])
def test_twice_the_lanes_take_about_twice_the_logic(resnet50, field, factor):
    conv = resnet50.network.blocks[4].convs[1]

    def luts(layer):
        place = Place("conv2", "", ("in",), ("out",))
        unit = mvu(place, layer=layer.name, product=layer.product, fold=layer.fold, multiply=Multiply.LUT)
        return unit.cost(Backend.HLS).lut

    assert 1.4 < luts(replace(conv, **{field: getattr(conv, field) * factor})) / luts(conv) < 2.2


def test_report(resnet50, capsys, golden):
    print_estimate(resnet50, original_style(resnet50))
    golden("estimate/resnet50_w1a2.txt", capsys.readouterr().out)


def test_what_is_loaded_by_memory():
    """Every constant that is loaded is counted once, in the memory it lies in; of a network in ROM there is nothing."""
    design = plan(load(CONFIGS / "digits_loaded.yaml"))
    loaded = estimate_data(design)["loaded"]
    assert sum(each["bits"] for each in loaded.values()) == sum(held.words * held.row_bits for held in design.loaded)
    assert sum(each["weights"] + each["others"] for each in loaded.values()) == len(design.loaded)
    assert {held.storage.value for held in design.loaded} == loaded.keys()
    assert loaded["lutram"]["cost"]["lut"] * 64 >= loaded["lutram"]["bits"]
    assert estimate_data(plan(load(CONFIGS / "digits.yaml")))["loaded"] == {}
