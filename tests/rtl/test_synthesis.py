"""Units through Yosys: what is counted, how far the estimate is off, and what an AND-popcount takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from codegen.errors import ToolError
from codegen.jobs.cache import Cache
from codegen.jobs.run import do, run_here
from codegen.tools.find import locate
from dataflow import plan
from dataflow.cost.estimate import estimate_ip
from dataflow.cost.formulas import dot
from dataflow.cost.resources import Resources
from dataflow.unit import Backend
from network import Format, load
from rtl.measure import fit, measure, random_memories
from rtl.modules import MODULES
from rtl.shapes import FIFO, LOADED, held_out_errors, table
from rtl.synthesis import STATISTICS, Counted, module_job, read_statistics, read_total, unit_job, unit_name
from rtl.synthesis_report import error_line, print_synthesis, synthesis_data
from tests.test_configs import CONFIGS

needs_yosys = pytest.mark.skipif(locate("yosys") is None, reason="Yosys is not installed: apt install yosys")

FIFO_MODULE = "$paramod$4738e863\\rf_fifo"
PE_MODULE = "\\$paramod\\rf_pe\\Lanes=s32'00000000000000000000000000001000"
CELLS = {
    "\\unit": {FIFO_MODULE: 2, PE_MODULE: 3, "LUT6": 5, "INV": 7, "MUXF7": 1, "FDRE": 4, "RAMB18E2": 1, "RAM64X1S": 2},
    FIFO_MODULE: {"RAM32M16": 1, "LUT2": 3, "FDSE": 6, "RAMB36E2": 1},
    PE_MODULE: {"LUT3": 10, "SRL16E": 1, "CARRY4": 2, "FDCE": 8, "DSP48E2": 1},
}


def statistics(path: Path, cells: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"modules": {name: {"num_cells_by_type": kinds} for name, kinds in cells.items()}}))
    return path


def test_modules_count_as_often_as_they_are_there(tmp_path):
    counted = read_statistics(statistics(tmp_path / STATISTICS, CELLS))
    assert counted.unit == Resources(lut=5 + 2 + 3 * 11, ff=4 + 3 * 8, bram=0.5, dsp=3)
    assert counted.fifos == Resources(lut=2 * (8 + 3), ff=2 * 6, bram=2)


def test_a_primitive_that_nothing_is_known_of_is_refused(tmp_path):
    path = statistics(tmp_path / STATISTICS, {"\\unit": {"LUT9": 1}})
    with pytest.raises(ToolError, match="no primitive LUT9 is known"):
        read_statistics(path)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"modules": {}}', '{"modules": {"\\\\unit": 3}}', '{"modules"'])
def test_what_is_damaged_is_refused(tmp_path, text):
    path = tmp_path / STATISTICS
    path.write_text(text)
    with pytest.raises(ToolError, match="not what `stat -json` writes"):
        read_statistics(path)


@pytest.fixture(scope="module")
def digits():
    return plan(load(CONFIGS / "digits.yaml"))


def test_total_of_an_ip(digits, tmp_path):
    ip = digits.ip("res2a")
    for unit in ip.units[1:]:
        statistics(tmp_path / "synth_open" / unit_name(ip, unit) / STATISTICS, CELLS)
    assert read_total(tmp_path, ip) is None
    statistics(tmp_path / "synth_open" / unit_name(ip, ip.units[0]) / STATISTICS, CELLS)
    assert read_total(tmp_path, ip) == Resources(lut=62, ff=40, bram=2.5, dsp=3) * len(ip.units)


def test_the_table(digits, capsys, golden):
    ip = digits.ip("res2a")
    counted = {unit.label: Counted(Resources(lut=100 * i, ff=10 * i), Resources(lut=i, bram=0.5)) for i, unit in enumerate(ip.units)}
    print_synthesis(ip, counted)
    printed = capsys.readouterr().out
    assert error_line(ip) in printed
    golden("synth_open/res2a.txt", printed.replace(error_line(ip), "<errors>"))
    data = synthesis_data(ip, counted)
    estimate = estimate_ip(ip, Backend.RTL)
    assert data["rows"]["total"]["estimate"] == {kind: getattr(estimate, kind) for kind in ("lut", "ff", "bram", "uram", "dsp")}
    assert data["rows"]["total"]["yosys"]["lut"] == 101 * sum(range(len(ip.units)))
    assert set(data["held_out_errors"]) == {*MODULES, FIFO, LOADED}


def test_every_implementation_was_measured():
    for held_out in (False, True):
        assert {shape.kind for shape in table() if shape.held_out is held_out} == {*MODULES, FIFO, LOADED}
    assert all(shape.counted for shape in table())


@pytest.mark.parametrize("implementation", [*MODULES, FIFO, LOADED])
def test_errors_on_shapes_held_out_of_the_fit(implementation):
    luts, ffs = held_out_errors()[implementation]
    assert luts.mean <= 0.10
    assert ffs.mean <= 0.10


def test_the_constants_are_those_of_the_measurements():
    from dataflow.cost.rtl import FITTED

    fitted = fit(table())
    assert set(fitted) == set(FITTED)
    for implementation, (luts, ffs) in fitted.items():
        assert luts == pytest.approx(FITTED[implementation][0], abs=0.002)
        assert ffs == pytest.approx(FITTED[implementation][1], abs=0.002)


@pytest.fixture
def cold(monkeypatch, tmp_path):
    """Nothing comes from the user's cache."""
    monkeypatch.setenv("RESFLOW_CACHE", str(tmp_path / "cache"))


@needs_yosys
@pytest.mark.parametrize(
    ("implementation", "parameters"),
    [
        ("dwc", "into=8 out=64 codes=uint2"),
        ("fifo", "bits=32 depth=2 latency=2"),
        ("weight_rom", "in=64 out=16 simd=8 pe=1 weight=int8 codes=uint2 loaded=bram ends=1"),
    ],
)
@pytest.mark.usefixtures("cold")
def test_a_shape_comes_out_as_in_the_table(implementation, parameters):
    shape = next(shape for shape in table() if (shape.implementation, shape.parameters) == (implementation, parameters))
    again = measure(shape)
    assert shape.held_out
    assert (again.counted.lut, again.counted.ff) == pytest.approx((shape.counted.lut, shape.counted.ff), rel=0.02)
    assert shape.cost.lut == pytest.approx(again.counted.lut, rel=0.2)


PES = """\
module unit #(parameter int unsigned Pe = 16, Simd = 32, SumBits = 13) (
  input logic clk_i, rst_ni, valid_i, first_i, last_i,
  input logic [2*Simd-1:0] codes_i,
  input logic [Pe*Simd-1:0] weights_i,
  output logic [Pe*SumBits-1:0] sums_o,
  output logic valid_o
);
  rf_pe_array #(.Pe(Pe), .Simd(Simd), .FoldIn(18), .InBits(2), .WeightBits(1), .WeightBipolar(1'b1), .SumBits(SumBits)) u_unit (
    .clk_i, .rst_ni, .codes_i, .weights_i, .valid_i, .first_i, .last_i, .sums_o, .valid_o
  );
endmodule
"""


@needs_yosys
@pytest.mark.parametrize("simd", [32, 64])
def test_and_popcount_takes_at_most_4_2_luts_a_product(simd, tmp_path):
    """Of 1x2 bits, with the accumulators, the offset and its subtraction: windows of 3x3 pixels of 64 or 128 channels, 16 PEs."""
    text = PES.replace("Simd = 32", f"Simd = {simd}").replace("SumBits = 13", f"SumBits = {13 if simd == 32 else 14}")
    outcome = do(module_job("pes", text, {}), tmp_path / "pes", Cache(tmp_path / "cache"), run_here)
    assert read_statistics(outcome.folder / STATISTICS).unit.lut / (16 * simd) <= 4.2


PLANES = """\
module unit(input logic clk_i, input logic [35:0] codes_i, input logic [23:0] low_i, input logic [11:0] top_i, output logic [10:0] sum_o);
  logic [9:0] positive, negative;
  rf_dot_planes #(.Lanes(12), .InBits(3), .WeightBits(2)) u_low (.clk_i, .codes_i, .weights_i(low_i), .sum_o(positive));
  rf_dot_planes #(.Lanes(12), .InBits(3), .WeightBits(1)) u_top (.clk_i, .codes_i, .weights_i(top_i), .sum_o(negative));
  always_ff @(posedge clk_i) sum_o <= positive - {negative, 2'd0};
endmodule
"""


@needs_yosys
def test_the_estimate_of_products_in_luts_is_that_of_their_structure(tmp_path):
    """12 products of signed weights and unsigned codes, 3x3 bits, as dot.h has them in C++: what is negative is taken off in the end."""
    outcome = do(module_job("planes", PLANES, {}), tmp_path / "planes", Cache(tmp_path / "cache"), run_here)
    luts, _, _ = dot(12, Format.parse("int3"), Format.parse("uint3"), Backend.HLS)
    assert luts == pytest.approx(read_statistics(outcome.folder / STATISTICS).unit.lut, rel=0.08)


def test_units_that_are_alike_are_one_job(digits, monkeypatch):
    """conv1 and conv2 of a block of the digits have the same windows, and so have conv1 of two blocks the same products; not with other
    weights."""
    monkeypatch.setattr("rtl.synthesis.find", lambda _: sys.executable)
    first, second = (digits.ip(name) for name in ("res2a", "res2b"))
    units = {(ip.name, unit.label): (ip, unit) for ip in (first, second) for unit in ip.units}
    jobs = {of: unit_job(*found, random_memories(found[1])) for of, found in units.items()}
    assert jobs["res2a", "conv1 swg"].key == jobs["res2a", "conv2 swg"].key
    assert jobs["res2a", "conv1 mvau"].key == jobs["res2b", "conv1 mvau"].key
    ip, unit = units["res2a", "conv1 mvau"]
    memories = random_memories(unit)
    name = next(iter(memories))
    others = memories | {name: "".join(reversed(memories[name].splitlines(keepends=True)))}
    assert unit_job(ip, unit, others).key != jobs["res2a", "conv1 mvau"].key


def test_without_yosys_the_task_says_what_to_install(tmp_path):
    environment = {**os.environ, "YOSYS": "/nowhere/yosys", "RESFLOW_CACHE": str(tmp_path / "cache")}
    words = [sys.executable, "-m", "doit", "-f", "dodo.py", f"build={tmp_path}", "synth_open:res2a"]
    ended = subprocess.run(words, cwd=CONFIGS.parent, env=environment, capture_output=True, text=True)
    assert ended.returncode
    assert "YOSYS=/nowhere/yosys" in ended.stdout + ended.stderr
