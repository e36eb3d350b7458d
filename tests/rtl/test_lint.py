"""The library, and what is rendered of it, without a warning of `verilator -Wall`; and read by Yosys."""

import os
import shutil
import subprocess
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from codegen.tools.find import locate
from dataflow import plan
from network import load, parameters
from rtl.render import FOLDER, LIBRARY, PACKAGE, WAIVERS, render, sources, top_file
from tests.rtl.modules import read_module
from tests.rtl.simulated import needs_verilator
from tests.strategies import networks, written
from tests.test_dodo import ROOT

MODULES = {path.stem: path for path in LIBRARY if path != PACKAGE}
CONFIGS = {path.stem: path for path in (ROOT / "configs").glob("*.yaml")}
FAST = {"digits"}  # the others, of seconds an IP, with --all-ips

# fmt: off
PARAMETERS = {
    "rf_accumulate_pool": [{}, {"Pixels": 6, "In": 6, "Simd": 2, "Zero": 8, "InBits": 4, "OutBits": 6},
                           {"Pixels": 4, "In": 64, "Simd": 2, "Zero": 15, "InBits": 4, "OutBits": 9, "OutDepth": 100},
                           {"Pixels": 1, "In": 6, "Simd": 2, "Zero": 15, "InBits": 4},
                           {"Pixels": 6, "In": 6, "Simd": 2, "Zero": -8, "InBits": 4, "InSigned": "1'b1", "OutBits": 7}],
    "rf_adder_tree": [{"Count": 1}],  # Verilator 5.006 does not elaborate a top that has itself; the others have it in every form
    "rf_clip": [{}, {"In": 12, "Simd": 2, "Block": 3, "Repeats": 2, "InBits": 24, "InSigned": "1'b1", "OutBits": 4, "OutSigned": "1'b1",
                     "BasesBits": 20, "BasesBlock": "1'b1"},
                {"In": 4, "Simd": 4, "Beside": 2, "InBits": 3, "OutBits": 8, "BasesBits": 9}, {"BasesBits": 1}],
    "rf_constants": [{}, {"Block": "1'b1"}, {"Loaded": "1'b1"}, {"Loaded": "1'b1", "Words": 1, "Bits": 70},
                     {"Loaded": "1'b1", "Words": 9, "RowBits": 130, "First": 65, "Bits": 13, "LoadBits": 256, "Block": "1'b1"},
                     {"Loaded": "1'b1", "Words": 5000, "Bits": 64, "Ultra": "1'b1"}, {"Loaded": "1'b1", "Words": 100, "Bits": 9}],
    "rf_counter": [{"Last": last} for last in (0, 1, 2, 62, 63)],
    "rf_crossed": [{}, {"Pixels": 2, "Lanes": 3, "Bits": 9, "OutBits": 2}, {"Lanes": 2, "Bits": 20, "OutBits": 5},
                   {"Lanes": 2, "Bits": 33, "OutBits": 8, "OutSigned": "1'b1"}, {"OutSigned": "1'b1"}],
    "rf_delay": [{"Steps": steps, "Bits": 3} for steps in (1, 2, 4, 5, 6, 66)],
    "rf_dense": [{"AccBits": 12, "BiasFile": '"bias.mem"'}, {"AccBits": 12},
                 {"In": 12, "Out": 6, "Simd": 3, "Pe": 2, "InBits": 6, "WeightBits": 8, "WeightSigned": "1'b1", "AccBits": 20,
                  "BiasFile": '"bias.mem"'},
                 {"In": 12, "Out": 6, "Simd": 3, "Pe": 2, "InBits": 6, "InSigned": "1'b1", "WeightBits": 8, "WeightSigned": "1'b1",
                  "AccBits": 20},
                 {"In": 4, "Out": 4, "Simd": 4, "Pe": 4, "InBits": 3, "WeightBipolar": "1'b1", "AccBits": 16, "BiasFile": '"bias.mem"'}],
    "rf_dot_planes": [{}, {"Lanes": 1}, {"Lanes": 32, "InBits": 2}, {"Lanes": 7, "InBits": 8, "WeightBits": 3, "WeightSigned": "1'b1"},
                      {"Lanes": 4, "InBits": 3, "InSigned": "1'b1", "WeightBits": 4, "WeightSigned": "1'b1"}],
    "rf_dsp": [{}, {"XBits": 12, "YBits": 27, "Stages": 2, "Registered": "1'b0"}],
    "rf_dwc": [{}, {"LanesIn": 12, "LanesOut": 4, "CodeBits": 3}, {"LanesIn": 1, "LanesOut": 7, "OutDepth": 63}],
    "rf_fifo": [{}, {"Bits": 9, "Depth": 62}, {"Bits": 9, "Depth": 63}, {"Bits": 70, "Depth": 500, "Latency": 12}],
    "rf_fifo_luts": [{"Places": places, "Bits": 5} for places in (3, 4, 63, 64)],
    "rf_fork": [{}, {"Lanes": 3, "CodeBits": 4, "MainDepth": 2, "BypassDepth": 300}],
    "rf_global_max": [{}, {"Pixels": 6, "In": 6, "Simd": 2, "Zero": -8, "InBits": 4, "InSigned": "1'b1", "OutBits": 4},
                      {"Pixels": 6, "In": 60, "Simd": 2, "Zero": 14, "InBits": 4, "OutDepth": 100}],
    "rf_inside": [{}, {"Last": 0, "Size": 4}, {"Last": 7, "Step": 2, "Tap": 1, "Pad": 3, "Size": 4}, {"Tap": 4}, {"Pad": 4}],
    "rf_join": [{}, {"Lanes": 3, "Zero": 8, "CodeBits": 4}, {"Zero": 15, "CodeBits": 4}, {"Zero": 1}],
    "rf_join_sum": [{}, {"Lanes": 3, "MainBits": 8, "MainSigned": "1'b1", "BypassBits": 7, "OutBits": 34, "Zero": -2147483648},
                    {"Lanes": 3, "Rows": 4, "Pairs": 3, "MainBits": 20, "MainSigned": "1'b1", "BypassBits": 4, "OutBits": 31,
                     "FactorBits": 10, "Zero": -5},
                    {"Lanes": 3, "MainBits": 32, "MainSigned": "1'b1", "BypassBits": 4, "OutBits": 48, "FactorBits": 1, "Zero": 2147483647},
                    {"Rows": 9, "BypassBits": 8, "BypassSigned": "1'b1", "OutBits": 25, "FactorBits": 16, "FactorsBlock": "1'b1"}],
    "rf_loader": [{}, {"Firings": 1}, {"Firings": 30, "Depth": 0}, {"Firings": 30, "Drain": 9, "Rows": 12, "RowBits": 130, "LoadBits": 192},
                  {"Firings": 30, "Depth": 70, "Memories": 2, "Rows": "64'h10000000c", "RowBits": "64'h4000000082", "LoadBits": 192}],
    "rf_loop": [{"Times": times} for times in (1, 2, 64, 65)],
    "rf_max_pool": [{}, {"KernelHeight": 3, "KernelWidth": 3, "In": 12, "Simd": 2, "InBits": 2}, {"KernelWidth": 2, "In": 4, "InBits": 4},
                    {"KernelHeight": 2, "In": 4, "Simd": 2, "InBits": 8, "InSigned": "1'b1"}, {"InSigned": "1'b1"}],
    "rf_mvau": [{}, {"KernelHeight": 3, "KernelWidth": 3, "In": 4, "Out": 6, "Simd": 2, "Pe": 3, "InBits": 2, "WeightBipolar": "1'b1",
                     "OutBits": 2, "ThresholdsBits": 9},
                {"In": 3, "Out": 4, "Simd": 3, "Pe": 4, "Pixels": 2, "InBits": 8, "WeightBits": 8, "WeightSigned": "1'b1", "OutBits": 4,
                 "ThresholdsBits": 21, "WeightsBlock": "1'b1", "ThresholdsBlock": "1'b1", "OutDepth": 80},
                {"In": 4, "Out": 2, "InBits": 1, "WeightBits": 2, "WeightSigned": "1'b1"},
                {"In": 12, "Out": 6, "Simd": 3, "Pe": 2, "InBits": 4, "InSigned": "1'b1", "WeightBipolar": "1'b1", "OutBits": 8,
                 "OutSigned": "1'b1", "ThresholdsBits": 9}],
    "rf_mvu": [{}, {"In": 12, "Out": 6, "Simd": 3, "Pe": 2, "Pixels": 2, "InBits": 4, "InSigned": "1'b1", "WeightBipolar": "1'b1",
                    "AccBits": 32},
               {"KernelHeight": 3, "In": 4, "Out": 4, "Simd": 2, "Pe": 4, "InBits": 8, "WeightBits": 8, "WeightSigned": "1'b1", "AccBits": 20,
                "WeightsBlock": "1'b1", "OutDepth": 80},
               {"KernelHeight": 3, "KernelWidth": 2, "In": 4, "Out": 4, "Simd": 2, "Pe": 2, "Taps": 2, "Pixels": 2, "InBits": 2}],
    "rf_occupancy": [{"Most": most} for most in (1, 2, 3, 4, 64)],
    "rf_pe": [{}, {"Lanes": 32, "FoldIn": 9, "InBits": 2, "SumBits": 11},
              {"Lanes": 4, "InBits": 8, "WeightBits": 8, "WeightSigned": "1'b1", "SumBits": 20},
              {"Lanes": 3, "InBits": 4, "WeightBits": 3, "WeightSigned": "1'b1", "SumBits": 12}],
    "rf_pe_array": [{}, {"Pixels": 2, "Pe": 3, "Simd": 5, "FoldIn": 4, "InBits": 2, "WeightBipolar": "1'b1", "SumBits": 9},
                    {"Pe": 2, "Simd": 3, "InBits": 8, "WeightBits": 8, "WeightSigned": "1'b1", "SumBits": 20},
                    {"Pixels": 3, "Pe": 3, "Simd": 13, "InBits": 4, "InSigned": "1'b1", "WeightBits": 4, "WeightSigned": "1'b1", "DspWeights": 2,
                     "DspPixels": 2, "WeightStep": 22, "PixelStep": 11, "Chain": 8, "SumBits": 14},
                    {"Pe": 3, "Simd": 16, "InBits": 8, "WeightBits": 8, "WeightSigned": "1'b1", "DspWeights": 2, "WeightStep": 19, "Chain": 8,
                     "SumBits": 24},
                    {"Pixels": 2, "Simd": 5, "InBits": 8, "WeightBits": 8, "DspPixels": 2, "PixelStep": 18, "Chain": 4, "SumBits": 24}],
    "rf_pe_packed": [{}, {"Weights": 2, "WeightStep": 19, "Lanes": 9, "Chains": 2, "FoldIn": 9, "SumBits": 24},
                     {"Weights": 2, "Pixels": 2, "WeightStep": 22, "PixelStep": 11, "Lanes": 3, "InBits": 4, "InSigned": "1'b1", "CodeBits": 16,
                      "WeightBits": 4, "SumBits": 12}],
    "rf_popcount": [{"Bits": bits} for bits in (1, 6, 7, 60)] + [{"Bits": 3, "Levels": 3}, {"Bits": 13, "Levels": 4}],
    "rf_ram": [{}, {"Words": 1}, {"Words": 100, "Bits": 9}],
    "rf_ranking": [{}, {"Top": 3, "ScoreBits": 49, "LabelBits": 4}],
    "rf_rescaled": [{}, {"Bits": 24, "Signed": "1'b1", "MultiplierBits": 20, "BiasBits": 45, "Shift": 37, "HalfEven": 1, "Low": -128, "High": 127},
                    {"Bits": 8, "MultiplierBits": 1, "BiasBits": 3, "Shift": 0, "Step": 2, "Offset": -3, "High": 15, "OutBits": 4}],
    "rf_raster": [{}, {"Groups": 3, "Folds": 4, "Pixels": 2, "Beats": 3, "Lanes": 2, "CodeBits": 4, "OutDepth": 80}],
    "rf_ring_columns": [{}, {"Width": 8, "Rows": 1, "Columns": 2, "Shift": 1, "RowWords": 5, "Words": 6, "PixelBeats": 2, "New": 2, "Bits": 4},
                        {"StrideHeight": 3, "Columns": 3, "Shift": 1, "RowWords": 2, "Words": 1}],
    "rf_ring_place": [{}, {"Height": 4, "Width": 5, "PixelBeats": 2, "Rows": 3, "Columns": 2, "Shift": 1, "Ring": 12}, {"Columns": 2}],
    "rf_rom": [{}, {"Words": 1, "Bits": 9}, {"Words": 100, "Bits": 9, "Block": "1'b1"}],
    "rf_row_of_beat": [{}, {"Rows": 6}, {"Rows": 6, "Block": 6, "Repeats": 2}, {"Rows": 6, "Block": 2, "Repeats": 3},
                       {"Rows": 8, "Block": 1, "Repeats": 2}],
    "rf_scale_scores": [{}, {"Classes": 12, "Lanes": 3, "InBits": 30, "OutBits": 48, "FactorBits": 16, "BiasBlock": "1'b1"},
                        {"Classes": 3, "Lanes": 3, "InBits": 30, "OutBits": 31, "FactorBits": 1}],
    "rf_scale": [{}, {"In": 12, "Simd": 2, "Block": 3, "Repeats": 2, "Beside": 2, "Shift": 9, "HalfEven": 1, "Low": -8, "High": 7, "Step": 3,
                      "InBits": 12, "InSigned": "1'b1", "OutBits": 4, "MultiplierBits": 7, "BiasBits": 17, "BiasesBlock": "1'b1",
                      "OutDepth": 80}],
    "rf_scaled": [{}, {"Bits": 1, "FactorBits": 1}, {"Bits": 32, "Signed": "1'b1", "FactorBits": 16, "OutBits": 48}],
    "rf_search": [{}, {"In": 12, "Simd": 2, "Block": 3, "Repeats": 2, "InBits": 24, "InSigned": "1'b1", "OutBits": 8, "OutSigned": "1'b1",
                       "LevelsBits": 20, "LevelsBlock": "8'b11000000"},
                  {"In": 4, "Simd": 4, "Beside": 2, "InBits": 3, "OutBits": 3, "LevelsBits": 5}, {"In": 3, "InBits": 48, "LevelsBits": 33}],
    "rf_skew": [{}, {"Lanes": 1}, {"Lanes": 13, "Chains": 2, "Bits": 8}],
    "rf_slice": [{}, {"Bits": 1}],
    "rf_spread": [{"Of": of, "Times": times} for of, times in ((1, 1), (2, 1), (64, 63), (65, 3))],
    "rf_swg": [{}, {"Height": 1, "Width": 1, "KernelHeight": 1, "KernelWidth": 1, "PadTop": 0, "PadBottom": 0, "PadLeft": 0, "PadRight": 0},
               {"Height": 8, "Width": 8, "StrideHeight": 2, "StrideWidth": 2, "In": 6, "Simd": 2, "InBits": 2},
               {"Height": 6, "Width": 8, "In": 3, "Simd": 3, "Pixels": 4, "InBits": 8},
               {"Height": 6, "Width": 3, "In": 3, "Simd": 3, "Pixels": 3, "InBits": 8, "KernelWidth": 1, "PadLeft": 0, "PadRight": 0,
                "StrideWidth": 1},
               {"Height": 4, "Width": 1, "In": 1, "Simd": 1, "PadTop": 0, "PadBottom": 2, "PadLeft": 2, "PadRight": 0},
               {"In": 6, "Simd": 2, "InBits": 4, "PadCodes": "24'h123456"}, {"In": 6, "Simd": 2, "InBits": 4, "PadCodes": "24'h121212"},
               {"Height": 6, "Width": 8, "In": 6, "Simd": 2, "Pixels": 4, "InBits": 4, "PadCodes": "24'h123456"},
               {"Height": 6, "Width": 8, "In": 3, "Simd": 3, "Pixels": 4, "InBits": 8, "PadCodes": "24'h123456"}],
    "rf_table": [{}, {"In": 12, "Simd": 2, "Block": 3, "Repeats": 2, "InBits": 8, "OutBits": 4, "CodesBlock": "1'b1"},
                 {"In": 4, "Simd": 4, "Beside": 2, "InBits": 1, "OutBits": 8}],
    "rf_swg_parallel": [
        {}, {"Taps": 3}, {"Height": 1, "Width": 1, "KernelHeight": 1, "KernelWidth": 2, "PadTop": 0, "PadBottom": 0, "Taps": 2},
        {"Height": 8, "Width": 8, "StrideHeight": 2, "StrideWidth": 2, "In": 6, "Simd": 2, "InBits": 2},
        {"Height": 8, "Width": 8, "StrideHeight": 2, "StrideWidth": 2, "In": 6, "Simd": 2, "InBits": 2, "Taps": 3},
        {"Height": 6, "Width": 8, "In": 3, "Simd": 3, "Pixels": 4, "InBits": 8, "PadCodes": "24'h123456"},
        {"Height": 6, "Width": 8, "In": 6, "Simd": 2, "Pixels": 2, "InBits": 4, "PadCodes": "24'h123456", "Taps": 3},
        {"Height": 9, "Width": 9, "KernelHeight": 2, "KernelWidth": 2, "StrideHeight": 3, "StrideWidth": 3, "Taps": 4},
        {"Height": 9, "Width": 9, "StrideHeight": 3, "StrideWidth": 3, "OutDepth": 80},
        {"Height": 4, "Width": 1, "PadTop": 0, "PadBottom": 2, "PadLeft": 2, "PadRight": 0}],
    "rf_threshold": [{}, {"In": 12, "Simd": 3, "InBits": 4, "OutBits": 2, "ThresholdsBits": 5},
                     {"In": 4, "Simd": 4, "InBits": 3, "InSigned": "1'b1", "OutBits": 3, "ThresholdsBits": 5, "ThresholdsBlock": "1'b1"},
                     {"In": 12, "Simd": 2, "Block": 3, "Repeats": 2, "Beside": 2, "InBits": 4, "OutBits": 2, "ThresholdsBits": 5},
                     {"In": 4, "Simd": 2, "InBits": 48, "InSigned": "1'b1", "OutBits": 8, "OutSigned": "1'b1", "ThresholdsBits": 33}],
    "rf_top_k": [{}, {"Classes": 10, "Top": 5, "ScoreBits": 20}, {"Classes": 1, "ScoreSigned": "1'b0"}, {"Classes": 3, "Top": 3}],
    "rf_top_k_scores": [{}, {"Classes": 10, "Top": 3, "ScoreBits": 48}, {"Classes": 1, "ScoreBits": 32, "ScoreSigned": "1'b0"},
                        {"Classes": 4, "Top": 4, "ScoreBits": 33}],
    "rf_weight_rom": [{}, {"Tiles": 12, "Simd": 3, "Pe": 2, "WeightBits": 8, "WeightsBlock": "1'b1"}],
    "rf_window_sums": [{}, {"In": 12, "Out": 6, "Simd": 3, "Pe": 2, "Pixels": 2, "InBits": 4, "InSigned": "1'b1", "WeightBipolar": "1'b1",
                            "SumBits": 12}],
}
# fmt: on
LOADED = {"Firings": 30, "ConstantsDepth": 2}


@pytest.fixture(scope="module")
def toy(toy_yaml):
    return plan(load(toy_yaml))


def lint(folder, *words):
    """What Verilator says; of clean sources nothing at all."""
    command = [locate("verilator"), "--lint-only", "-Wall", f"-I{PACKAGE.parent}", WAIVERS, PACKAGE, *map(str, words)]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    said = result.stdout + result.stderr
    assert (result.returncode == 0) == (said == "")
    return said


@needs_verilator
@pytest.mark.parametrize("module", MODULES)
def test_modules(tmp_path, module):
    """In the corners that drawn networks seldom have; of those that constants may be loaded into, the last one so."""
    known = read_module(MODULES[module].read_text()).parameters
    assert module in PARAMETERS
    last = [PARAMETERS[module][-1] | LOADED] if module != "rf_loader" and set(LOADED) <= set(known) else []
    for each in PARAMETERS[module] + last:
        assert set(each) <= set(known)
        assert lint(tmp_path, "--top-module", module, *(f"-G{name}={value}" for name, value in each.items()), MODULES[module]) == ""


def lint_design(design, folder):
    for ip in design.parts:
        (folder / top_file(ip)).write_text(sources(design.name, ip)[top_file(ip)])
        assert lint(folder, "--top-module", ip.top, top_file(ip)) == ""


@needs_verilator
@pytest.mark.parametrize("name", CONFIGS)
def test_descriptions_that_are_shipped(request, tmp_path, name):
    if name not in FAST and not request.config.getoption("--all-ips"):
        pytest.skip("with --all-ips")
    lint_design(plan(load(CONFIGS[name])), tmp_path)


@needs_verilator
def test_every_form_of_the_description(wide_yaml, tmp_path):
    lint_design(plan(load(wide_yaml)), tmp_path)


@needs_verilator
def test_random_networks(tmp_path):
    @settings(max_examples=4, phases=[Phase.generate], suppress_health_check=[*HealthCheck])
    @given(networks(blocks=1, loaded=True))
    def each(description):
        lint_design(plan(written(description, tmp_path)), tmp_path)

    each()


@needs_verilator
def test_blocks_called_like_keywords_signals_and_modules(toy, tmp_path):
    for name in ("module", "ap_clk", "rf_mvau", "codes_in", "x" * 64):
        lint_design(replace(toy, ips=(replace(toy.ip("res2a"), name=name),)), tmp_path)


@needs_verilator
def test_a_warning_is_one(tmp_path):
    """That the lint can fail."""
    (tmp_path / "wrong.sv").write_text("module wrong (input logic a, output logic [1:0] b);\n  assign b = a;\nendmodule\n")
    assert "%Warning-WIDTH" in lint(tmp_path, "wrong.sv")


MISUSE = {
    "rf_dwc": (
        {"LanesIn": 2, "LanesOut": 3},
        "rf_dwc: neither of LanesIn and LanesOut divides the other: convert by way of a common multiple",
    ),
    "rf_join": ({"Zero": 2}, "rf_join: Zero is no code"),
    "rf_top_k": ({"Classes": 2, "Top": 3}, "rf_top_k: there are only Classes labels to send"),
    "rf_join_sum": ({"Lanes": 4, "Pairs": 2}, "rf_join_sum: there is a pair of factors for each lane, or one for all"),
    "rf_top_k_scores": ({"ScoreBits": 65}, "rf_top_k_scores: there are only Classes labels to send, and only 64 bits for a score"),
    "rf_scale_scores": ({"Classes": 3, "Lanes": 2}, "rf_scale_scores: Lanes has to divide Classes"),
    "rf_mvau": ({"In": 3, "Simd": 2}, "rf_window_sums: Simd has to divide In, and Pe has to divide Out"),
    "rf_mvu": ({"Out": 3, "Pe": 2}, "rf_window_sums: Simd has to divide In, and Pe has to divide Out"),
    "rf_dense": ({"Out": 3, "Pe": 2}, "rf_dense: Simd has to divide In, and Pe has to divide Out"),
    "rf_swg": ({"PadTop": 3}, "rf_swg: a window has to see the image, and to fit into it with its padding"),
    "rf_swg_parallel": ({"Taps": 2}, "rf_swg_parallel: a beat has a row of the kernel, or all of it"),
    "rf_window_sums": ({"KernelWidth": 3, "Taps": 2}, "rf_window_sums: a beat has one tap of the kernel, a row of them, or all"),
    "rf_raster": ({"Folds": 1}, "rf_raster: of one fold, or one pixel, the beats are in raster order"),
    "rf_max_pool": ({"In": 3, "Simd": 2}, "rf_max_pool: Simd has to divide In"),
    "rf_accumulate_pool": ({"In": 3, "Simd": 2}, "rf_accumulate_pool: Simd has to divide In"),
    "rf_global_max": ({"Zero": -1}, "rf_global_max: Zero is no code"),
    "rf_threshold": ({"In": 3, "Simd": 2}, "rf_threshold: Simd has to divide In"),
}


@needs_verilator
@pytest.mark.parametrize("module", MISUSE)
def test_what_cannot_be_is_refused(tmp_path, module):
    parameters, message = MISUSE[module]
    words = ("--top-module", module, *(f"-G{name}={value}" for name, value in parameters.items()), MODULES[module])
    assert message in lint(tmp_path, *words)


YOSYS = shutil.which(os.environ.get("YOSYS") or "yosys")


@pytest.mark.skipif(YOSYS is None, reason="yosys is not installed")
@pytest.mark.parametrize("name", ["stem", "res2a", "res2b", "head"])
def test_yosys_elaborates(toy, tmp_path, name):
    """It reads less of the language than Verilator."""
    ip = toy.ip(name)
    (tmp_path / "sv").symlink_to(FOLDER / "sv")
    for file, text in render("toy", ip, parameters.draw(toy.network, 1)).items():
        (tmp_path / file).write_text(text)
    found = (f"select -assert-count 1 {ip.top}/u_{unit.label.replace(' ', '_')}" for unit in ip.units)
    steps = (
        f"read_verilog -sv -defer {' '.join(f'sv/{path.name}' for path in LIBRARY)}",
        f"read_verilog -sv {top_file(ip)}",
        f"hierarchy -check -top {ip.top}",
        *found,
    )
    result = subprocess.run([YOSYS, "-q", "-p", "; ".join(steps)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
