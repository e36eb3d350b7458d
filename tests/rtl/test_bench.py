"""The bench and the comparison with the timing model fail when they should, and say where."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

import hls
from codegen.errors import ToolError
from codegen.jobs.run import WORK, run_calls
from codegen.text.files import write_tree
from codegen.tools.run import run
from dataflow import plan
from dataflow.timing.deadlock import Deadlock
from dataflow.timing.rtl import Transfers
from dataflow.unit import Backend
from network import load, parameters
from rtl.render import sources, top_file
from rtl.simulation import random_gaps, read_handshakes, require_equal, rtlsim_job, runs, summary
from tests.rtl.simulated import needs_verilator, simulate

pytestmark = needs_verilator
FRAMES = 2
IN, OUT = 6, 18
"""Beats of a frame."""


@pytest.fixture(scope="module")
def built(toy_yaml, tmp_path_factory):
    """res2b of the toy, simulated once."""
    design = plan(load(toy_yaml))
    arrays = parameters.draw(design.network, 1)
    images = np.random.default_rng(1).integers(0, 256, (FRAMES, *design.network.input), dtype=np.uint8)
    ip = design.ip("res2b")
    assert [port.beats for port in ip.ports] == [IN, OUT]
    return ip, simulate(ip, arrays, hls.vectors(design, arrays, images)["res2b"], FRAMES, tmp_path_factory.mktemp("toy"))


@pytest.fixture
def again(built, tmp_path):
    """A copy of the folder in which the program ran, and a function that runs it there as `doit rtlsim` does."""
    shutil.copytree(built[1].work, tmp_path, dirs_exist_ok=True)

    def go(gaps="free", cycles=2000, frames=FRAMES):
        words = (tmp_path / "simulation", "vectors", f"gaps/{gaps}", str(frames), str(cycles), "again.txt")
        run(words, log=tmp_path / "again.log", cwd=tmp_path, hint="look")
        return read_handshakes(tmp_path / "again.txt")

    return tmp_path, go


def failed(folder, finding):
    return f"{folder / 'again.log'}: simulation ended with status 1\n  why: FAIL {finding}\n  fix: look"


def test_pass(built, again):
    ip, done = built
    folder, go = again
    for each in done.runs:
        found = go(each.name)
        assert found.keys() == each.expected.cycles.keys()
        assert all(np.array_equal(found[port], cycles) for port, cycles in each.expected.cycles.items())
        ended = max(int(cycles[-1]) for cycles in found.values()) + 100  # the last one, and while there might be one too many
        assert (
            folder / "again.log"
        ).read_text() == f"PASS res2b: {2 * (IN + OUT)} of {2 * (IN + OUT)} beats in {ended} cycles, 0 complaints\n"
    free, stalled = done.runs
    assert (free.what, free.gaps) == ("without stalls", {})
    assert stalled.what == f"with {sum(sum(gaps) for gaps in stalled.gaps.values()):,} cycles of stalls"
    assert stalled.last > free.last
    cycles = free.expected.cycles
    latency, gap = cycles["codes_out"][OUT - 1] - cycles["codes_in"][0], cycles["codes_out"][-1] - cycles["codes_out"][OUT - 1]
    assert summary(ip, FRAMES, done.runs) == (
        f"2 frames, all codes equal, 48 beats in the model's cycles without stalls and {stalled.what}; "
        f"latency {latency:,}, interval {gap:,}"
    )


def test_other_stalls_need_no_other_program(built, again):
    ip, _ = built
    folder, go = again
    for seed in range(2, 12):
        (each,) = (each for each in runs(ip, FRAMES, seed) if each.gaps)
        for port, gaps in random_gaps(ip, FRAMES, seed).items():
            (folder / "gaps" / "stalled" / f"{port}.txt").write_text("\n".join(map(str, gaps)))
        go("stalled")
        shutil.move(folder / "again.txt", folder / each.handshakes)
        require_equal(ip, each, folder)


def test_a_wrong_code_is_found(again):
    folder, go = again
    codes = bytearray((folder / "vectors" / "codes_out.bin").read_bytes())
    lanes = len(codes) // (FRAMES * OUT)
    at = (OUT + 2) * lanes + 1
    was, codes[at] = codes[at], codes[at] ^ 1
    (folder / "vectors" / "codes_out.bin").write_bytes(codes)
    with pytest.raises(ToolError) as error:
        go()
    assert str(error.value) == failed(folder, f"codes_out: frame 1, beat 2, lane 1: {was} instead of {codes[at]}")
    assert (folder / "again.log").read_text().endswith(" cycles, 1 complaints\n")


def test_a_wrong_weight_is_found(again):
    """All rows of the first weights inverted: the memories are read when the program runs."""
    folder, go = again
    memory = folder / "conv1_weights.mem"
    rows = memory.read_text().split()
    memory.write_text("".join(f"{int(row, 16) ^ ((1 << 4 * len(row)) - 1):0{len(row)}x}\n" for row in rows))
    with pytest.raises(ToolError) as error:
        go()
    assert str(error.value).startswith(failed(folder, "codes_out: frame 0, beat ").partition("\n  fix")[0])
    assert (folder / "again.log").read_text().splitlines()[-1].startswith("FAIL res2b: 48 of 48 beats in ")


def test_a_schedule_of_another_length(again):
    folder, go = again
    (folder / "gaps" / "free").mkdir(parents=True, exist_ok=True)
    (folder / "gaps" / "free" / "codes_in.txt").write_text("0\n" * 11)
    with pytest.raises(ToolError) as error:
        go()
    assert str(error.value) == failed(folder, "res2b: codes_in: 11 gaps for 12 beats")


def test_vectors_of_another_number_of_frames(again):
    folder, go = again
    size = (folder / "vectors" / "codes_in.bin").stat().st_size
    with pytest.raises(ToolError) as error:
        go(frames=3)
    assert str(error.value) == failed(folder, f"res2b: codes_in: {size} bytes of vectors for 3 frames of {size // 2}")
    (folder / "vectors" / "codes_out.bin").unlink()
    with pytest.raises(ToolError) as error:
        go()
    out = len((folder / "vectors" / "codes_in.bin").read_bytes()) // 2
    assert str(error.value) == failed(folder, f"res2b: codes_out: 0 bytes of vectors for 2 frames of {out}")


def test_a_latency_that_is_one_off(built):
    """Of one unit in the middle: the first beat that leaves is a cycle early."""
    ip, done = built
    wrong = replace(ip, units=tuple(_slower(unit) if unit.label == "conv2 mvau" else unit for unit in ip.units))
    free = runs(wrong, FRAMES)[0]
    says, passes = (int(each.expected.cycles["codes_out"][0]) for each in (free, done.runs[0]))
    assert says == passes + 1
    with pytest.raises(ToolError) as error:
        require_equal(wrong, free, done.work)
    assert str(error.value) == (
        f"{done.work / 'free.txt'}: without stalls, beat 0 of frame 0 passes res2b.codes_out in cycle {passes}\n"
        f"  why: the timing model says in cycle {says}\n"
        "  fix: report it with the description: the model and the hardware have to agree in every cycle"
    )


def _slower(unit):
    return replace(unit, latency={**unit.latency, Backend.RTL: unit.latency[Backend.RTL] + 1})


def test_hardware_that_goes_on(built):
    """Past the deadlock of a model that says that a beat never passes."""
    ip, done = built
    free = done.runs[0]
    cycles = {**free.expected.cycles, "codes_out": free.expected.cycles["codes_out"][:-1]}
    stuck = replace(free, expected=Transfers(cycles=cycles, deadlock=Deadlock(cycle=1, waits=())))
    with pytest.raises(ToolError) as error:
        require_equal(ip, stuck, done.work)
    assert str(error.value) == (
        f"{done.work / 'free.txt'}: without stalls, beat 17 of frame 1 passes res2b.codes_out in cycle {free.last:,}\n"
        "  why: the timing model says never\n"
        "  fix: report it with the description: the model and the hardware have to agree in every cycle"
    )


def test_hardware_that_stops(built, again):
    """Cut off, as if it hung: what never passes is missed."""
    ip, done = built
    folder, go = again
    free = done.runs[0]
    go(cycles=int(free.expected.cycles["codes_out"][-1]))  # its last beat would pass in this cycle, which there is not
    shutil.move(folder / "again.txt", folder / free.handshakes)
    with pytest.raises(ToolError) as error:
        require_equal(ip, free, folder)
    assert str(error.value) == (
        f"{folder / 'free.txt'}: without stalls, beat 17 of frame 1 passes res2b.codes_out never\n"
        f"  why: the timing model says in cycle {free.last:,}\n"
        "  fix: report it with the description: the model and the hardware have to agree in every cycle"
    )


LIAR = """module resflow_res2b (
  input  logic ap_clk,
  input  logic ap_rst_n,
  input  logic [23:0] codes_in_TDATA,
  input  logic codes_in_TVALID,
  output logic codes_in_TREADY,
  output logic [7:0] codes_out_TDATA,
  output logic codes_out_TVALID,
  input  logic codes_out_TREADY
);
  logic [1:0] mode [1];
  logic odd;
  initial $readmemh("mode.mem", mode);
  always_ff @(posedge ap_clk) odd <= ap_rst_n && !odd;
  assign codes_in_TREADY = 1'b1;
  assign codes_out_TVALID = mode[0] != 2 || odd;
  assign codes_out_TDATA = mode[0] == 1 && odd && !codes_out_TREADY ? 8'hff : 8'h00;
endmodule
"""


@pytest.fixture(scope="module")
def liar(built, tmp_path_factory):
    """An IP whose beats are all 0, as the vectors say, and which breaks a rule of the protocol; the folder of its program."""
    ip, done = built
    folder = tmp_path_factory.mktemp("liar")
    write_tree(folder / "sources", sources("toy", ip) | {top_file(ip): LIAR})
    shutil.copytree(done.work / "vectors", folder / "vectors")
    (folder / "vectors" / "codes_out.bin").write_bytes(bytes((folder / "vectors" / "codes_out.bin").stat().st_size))
    job = rtlsim_job(ip, folder / "sources", folder / "vectors", FRAMES, done.runs)
    run_calls(replace(job, calls=job.calls[:1]), folder)
    return folder / WORK


@pytest.mark.parametrize(
    ("mode", "gaps", "finding"),
    [
        (0, "free", "a beat too many, in cycle 36"),
        (1, "stalled", "a beat was withdrawn or changed before it was taken, in cycle "),
        (2, "stalled", "a beat was withdrawn or changed before it was taken, in cycle "),
    ],
    ids=["too many", "changed", "withdrawn"],
)
def test_what_the_protocol_forbids(liar, mode, gaps, finding):
    (liar / "mode.mem").write_text(f"{mode}\n")
    with pytest.raises(ToolError) as error:
        run((liar / "simulation", "vectors", f"gaps/{gaps}", str(FRAMES), "2000", "liar.txt"), log=liar / "liar.log", cwd=liar, hint="look")
    assert f"why: FAIL codes_out: {finding}" in str(error.value)
