"""`doit rtlsim` as users run it: all IPs of the digits, waveforms, what is not done twice, and what is refused."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dataflow import plan
from hls.vectors import PASSED
from network import load
from tests.rtl.simulated import needs_verilator
from tests.test_dodo import ran
from tests.tools.builds import ROOT, doit

DIGITS = ROOT / "configs" / "digits.yaml"
TRACED = "head"
CHOSEN = ("frames=2",)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A build folder in which all IPs but one are simulated, and what doit printed."""
    folder = tmp_path_factory.mktemp("digits")
    others = [f"rtlsim:{ip.name}" for ip in plan(load(DIGITS)).parts if ip.name != TRACED]
    result = doit("-n", 2, f"build={folder}", *CHOSEN, *others)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder, result.stdout


MESSAGE = re.compile(
    r"ok +rtlsim:(\w+) +[\d.]+ s  2 frames, all codes equal, ([\d,]+) beats in the model's cycles without stalls "
    r"and with [\d,]+ cycles of stalls; latency [\d,]+, interval ([\d,]*\d)(.*)"
)


def require_passed(said, ips):
    """All beats of these IPs, and frames as fast as their slowest unit."""
    found = {name: (int(beats.replace(",", "")), int(gap.replace(",", ""))) for name, beats, gap, _ in MESSAGE.findall(said)}
    assert found == {ip.name: (2 * sum(port.beats for port in ip.ports), ip.cycles) for ip in ips}


@needs_verilator
def test_every_ip_of_the_digits(digits):
    require_passed(digits[1], [ip for ip in plan(load(DIGITS)).parts if ip.name != TRACED])


@needs_verilator
def test_an_ip_with_loaded_constants(tmp_path):
    """Its vectors are of two loads, which pass the chain; parameters are not read, so there need not be any."""
    result = doit(f"build={tmp_path}", "network=digits_loaded", *CHOSEN, "rtlsim:res3b")
    assert result.returncode == 0, result.stdout + result.stderr
    ip = plan(load(ROOT / "configs" / "digits_loaded.yaml")).ip("res3b")
    (beats,) = re.findall(r"ok +rtlsim:res3b .*  4 frames, all codes equal, ([\d,]+) beats in the model's cycles ", result.stdout)
    codes = 4 * sum(port.beats for port in ip.ports if port.name not in ip.chain)
    assert int(beats.replace(",", "")) == codes + 2 * (2 + ip.load_words + 2 * PASSED) + 2 * 4


@needs_verilator
def test_a_waveform(digits):
    folder, _ = digits
    wave = folder / "wave.fst"
    result = doit(f"build={folder}", *CHOSEN, f"rtlsim:{TRACED}", "--trace", wave)
    assert result.returncode == 0, result.stdout + result.stderr
    require_passed(result.stdout, [plan(load(DIGITS)).ip(TRACED)])
    assert f"; waveform in {wave.relative_to(ROOT) if wave.is_relative_to(ROOT) else wave}\n" in result.stdout
    # The block that an FST file begins with: its kind, its length, and the first and the last time.
    data = wave.read_bytes()
    assert data[:9] == bytes([0]) + (329).to_bytes(8, "big")
    first, last = (int.from_bytes(data[at : at + 8], "big") for at in (9, 17))
    handshakes = (folder / "digits" / "rtlsim" / TRACED / "free.txt").read_text().split()
    cycles = max(int(word) for word in handshakes if word.isdigit()) + 100  # and until no beat can be one too many
    assert (first, last) == (0, 2 * (4 + cycles) - 1)  # two edges a cycle, and four cycles of reset
    if shutil.which("fst2vcd"):
        vcd = subprocess.run(["fst2vcd", "-f", wave], capture_output=True, text=True, check=True).stdout
        assert re.search(r"\$scope module resflow_head \$end", vcd)
        assert re.search(r"\$var \w+ 1 \S+ labels_TVALID \$end", vcd)


@needs_verilator
def test_nothing_is_simulated_twice(digits, tmp_path):
    folder, _ = digits
    again = doit(f"build={folder}", *CHOSEN, "rtlsim:res3b")
    assert (again.returncode, ran(again)) == (0, [])
    elsewhere = doit(f"build={tmp_path}", *CHOSEN, "rtlsim:res3b")
    assert ran(elsewhere)[-1] == "rtlsim:res3b"
    ((_, _, _, remark),) = MESSAGE.findall(elsewhere.stdout)
    assert remark == ", from the cache"
    same = [(place / "digits" / "rtlsim" / "res3b" / "stalled.txt").read_text() for place in (folder, tmp_path)]
    assert same[0] == same[1]


@needs_verilator
def test_a_deadlock_is_named_with_its_fifo(tmp_path):
    """By the block's line, so that the FIFO that `doit fifos` would make deeper is known."""
    path = tmp_path / "shallow.yaml"
    path.write_text(DIGITS.read_text().replace("  res3b:\n", "  res3b:\n    fifos: {bypass: 4}\n"))
    shutil.copy(ROOT / "params" / "digits.npz", tmp_path / "shallow.npz")
    result = doit(f"network={path}", f"build={tmp_path}", *CHOSEN, "rtlsim:res3b")
    assert result.returncode == 1
    assert "Traceback" not in result.stdout + result.stderr
    waits = (
        "res3b.fork writes res3b.bypass, which is full",
        "res3b.join_dwc dwc writes res3b.join_in, which is full",
        "res3b.join reads res3b.conv3_out, which is empty",
        "res3b.conv3_act search reads res3b.conv3_act_in, which is empty",
        "res3b.conv3_act_dwc dwc reads res3b.conv3_sums, which is empty",
        "res3b.conv3 mvu reads res3b.conv2_out, which is empty",
        "res3b.conv2 mvau reads res3b.conv2_window, which is empty",
        "res3b.conv2 swg reads res3b.conv1_out, which is empty",
        "res3b.conv1 mvau reads res3b.act, which is empty",
        "res3b.entry table reads res3b.main_in, which is empty",
    )
    assert (
        "      res3b: it hangs without stalls, in SystemVerilog as in the timing model: no beat passes after cycle 8\n"
        f"        why: {'; '.join(waits)}\n"
        "        fix: make res3b.bypass or res3b.join_in deeper: doit fifos says how deep\n"
    ) in result.stdout


def test_a_waveform_of_another_kind_is_refused(tmp_path):
    result = doit(f"build={tmp_path}", "rtlsim:res3b", "--trace", "x.vcd")
    assert (result.returncode, result.stdout, result.stderr) == (
        1,
        "",
        "error: --trace x.vcd: a kind of file that cannot be written\n  why: the waveform is written to it\n"
        "  fix: let its name end in .fst\n",
    )


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"VERILATOR": "/nowhere/verilator"},
            "VERILATOR=/nowhere/verilator: not found\n        why: VERILATOR names the executable that this step runs\n"
            "        fix: set VERILATOR to the executable, or unset it to have verilator sought on PATH\n",
        ),
        (
            {"VERILATOR": "", "PATH": str(Path(sys.executable).parent)},
            "verilator: not found\n        why: it is not on PATH, and this step runs it\n"
            "        fix: install Verilator 5 (Debian: apt install verilator make zlib1g-dev), or set VERILATOR to the executable\n",
        ),
    ],
    ids=["wrong", "none"],
)
def test_without_verilator(tmp_path, variables, message):
    """The sources are written all the same."""
    result = doit(f"build={tmp_path}", *CHOSEN, "rtlsim:res3b", env=variables)
    assert result.returncode == 1
    assert sorted(ran(result)) == ["rtl:res3b", "vectors"]
    assert f"FAIL  rtlsim:res3b         \n      {message}" in result.stdout
    assert (tmp_path / "digits" / "rtl" / "res3b" / "resflow_res3b.sv").is_file()


def test_what_has_no_module_is_refused_where_it_is_named(tmp_path):
    """And left out where nothing is named."""
    result = doit(f"build={tmp_path}", *CHOSEN, "rtlsim:dma")
    assert result.returncode == 1
    assert (
        f"      {DIGITS.relative_to(ROOT)}:3: dma.image: load has no SystemVerilog\n"
        "        why: the library in rtl/sv has modules for what computes on streams; "
        "what moves them to and from card memory has only C++\n"
        "        fix: leave dma to C++, doit csim:dma; or write interfaces: streams, and there is no DMA\n"
    ) in result.stdout
    listed = doit(f"build={tmp_path}", "list", "--all", "--quiet").stdout.split()
    assert {name for name in listed if name.startswith("rtl:")} == {f"rtl:{ip.name}" for ip in plan(load(DIGITS)).parts}
