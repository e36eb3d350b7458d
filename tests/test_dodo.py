"""The build as users run it: `doit` in a child process, on networks of the tests."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from network import load, parameters
from runtime.container.xclbin import Xclbin
from tests import pages
from tests.tools.builds import ROOT, doit
from tests.tools.programs import quick_compiler

pytestmark = pytest.mark.usefixtures("nothing_compiled")
STEPS = ["generate", "design", "vectors", "check", "xclbin", "csim"]


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """What other tests have made is not there."""
    monkeypatch.setenv("RESFLOW_CACHE", str(tmp_path / "cache"))


def ran(result):
    """The steps that were done, by name."""
    assert "Traceback" not in result.stdout + result.stderr, result.stdout + result.stderr
    return re.findall(r"^ok +(\S+)", result.stdout, re.MULTILINE)


def project(yaml, folder):
    """A description with random parameters beside it; returns the arguments that choose it."""
    text = yaml.read_text()
    path = folder / yaml.name
    path.write_text(text if "\nparameters:" in text else text.replace("\nplatform:", f"\nparameters: {yaml.stem}.npz\nplatform:"))
    net = load(path)
    parameters.save(folder / f"{yaml.stem}.npz", parameters.draw(net, 1))
    return [f"network={path}", f"build={folder / 'build'}"]


@pytest.fixture(scope="module")
def toy(toy_yaml, tmp_path_factory):
    """A built toy network: its folder and the arguments that choose it."""
    folder = tmp_path_factory.mktemp("toy")
    chosen = project(toy_yaml, folder)
    result = doit("-n", 2, *chosen)
    assert result.returncode == 0, result.stdout + result.stderr
    assert len(ran(result)) == 14
    return folder, chosen


def files(folder):
    """Everything generated, by name; not the programs, logs and dependency database of the build."""
    kept = ("hls", "ipi", "vitis", "vectors")
    found = {path.relative_to(folder): path.read_bytes() for part in kept for path in (folder / part).rglob("*") if path.is_file()}
    return found | {path.relative_to(folder): path.read_bytes() for path in folder.glob("*.xclbin")}


def test_demo_of_the_digits(tmp_path, monkeypatch, nothing_compiled):
    monkeypatch.setenv("CXX", nothing_compiled)
    result = doit("-n", 2, f"build={tmp_path}", "demo")
    assert result.returncode == 0, result.stdout + result.stderr
    accuracy = re.search(r"accuracy ([\d.]+)%: (\d+) of 360 images in integer arithmetic", result.stdout)
    assert accuracy is not None, result.stdout
    assert float(accuracy[1]) >= 97.0
    assert re.search(r"reference, C simulation and emulator agree on all [\d,]+ codes of 16 images", result.stdout)
    assert len(re.findall(r"PASS \w+: 16 frames", result.stdout)) == 7
    (shown,) = (block.text for block in pages.blocks(ROOT / "README.md") if "test_dodo" in block.remarks.get("measured", ""))
    for line in pages.normalized(shown).splitlines():
        assert line in pages.normalized(result.stdout.replace(f"{tmp_path}/", "build/")).splitlines()


def test_demo_of_a_network_of_ones_own(tmp_path):
    chosen = project(ROOT / "tests" / "own.yaml", tmp_path)
    result = doit("-n", 2, *chosen, "demo")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "64 images classified; there are no true labels to compare with" in result.stdout
    classified = subprocess.run(
        [sys.executable, "-m", "runtime", "classify", tmp_path / "build" / "own" / "own.xclbin", _picture(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert classified.returncode == 0, classified.stderr
    assert set(re.findall(r"[a-z]{3}", classified.stdout)) & {"ant", "bee", "cow", "dog", "elk", "fox"}


def _picture(folder):
    from PIL import Image

    Image.linear_gradient("L").convert("RGB").save(folder / "picture.png")
    return folder / "picture.png"


def test_nothing_is_done_twice(toy):
    _, chosen = toy
    result = doit(*chosen)
    assert (result.returncode, ran(result)) == (0, [])
    assert re.search(r"0 done, 14 up to date", result.stdout)


def test_another_card(toy):
    _, chosen = toy
    result = doit(*chosen, "platform=u50", "floorplan")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "toy fits the u50 by the estimate" in result.stdout
    refused = doit(*chosen, "platform=u51", "floorplan")
    assert (refused.returncode, refused.stderr) == (
        1,
        "error: platform=u51: no such card\n  why: cards stand in dataflow/platforms/<card>.yaml\n"
        "  fix: choose from u200, u250, u280, u50, u55c\n",
    )


def test_a_comment_changes_nothing(toy):
    folder, chosen = toy
    yaml = folder / "toy.yaml"
    text = yaml.read_text()
    yaml.write_text("# a comment\n" + text)
    result = doit(*chosen)
    yaml.write_text(text)
    assert (result.returncode, ran(result)) == (0, [])


def test_pe_of_a_block_concerns_that_block(toy):
    folder, chosen = toy
    yaml = folder / "toy.yaml"
    text = yaml.read_text()
    yaml.write_text(text.replace("conv2:  {kernel: 3, out: 6, pe: 3,", "conv2:  {kernel: 3, out: 6, pe: 2,"))
    result = doit(*chosen)
    yaml.write_text(text)
    assert result.returncode == 0, result.stdout + result.stderr
    assert sorted(ran(result)) == ["check", "csim:res2a", "design", "generate:res2a", "vectors", "xclbin"]
    assert doit(*chosen).returncode == 0


def test_another_training_packs_its_constants_and_nothing_else(toy_yaml, tmp_path):
    """The hardware of two trainings is the same bytes; the xclbin for emulation differs in the constants and the streamed weights alone."""
    loaded = tmp_path / "toy.yaml"
    loaded.write_text("constants: loaded\n" + toy_yaml.read_text())
    chosen = project(loaded, tmp_path)
    steps = [step for step in STEPS if step != "csim"]  # which depends on files that these leave
    first = doit("-n", 2, *chosen, *steps)
    assert first.returncode == 0, first.stdout + first.stderr
    assert {"constants", "xclbin", "generate:dma"} <= set(ran(first))
    folder = tmp_path / "build" / "toy"
    before, packed = files(folder), Xclbin.read(folder / "toy.xclbin")
    parameters.save(tmp_path / "toy.npz", parameters.draw(load(loaded), 2))
    again = doit("-n", 2, *chosen, *steps)
    assert (again.returncode, sorted(ran(again))) == (0, ["constants", "xclbin"]), again.stdout + again.stderr
    assert re.search(r"ok    constants +\S+ s  [\d,]+ words of 64 bits in \S+/toy.constants", again.stdout)
    after, anew = files(folder), Xclbin.read(folder / "toy.xclbin")
    assert {name for name in before if before[name] != after[name]} == {Path("toy.xclbin")}
    differing = {name for name in ("network", "constants", "weights") if packed.section(name) != anew.section(name)}
    assert differing == {"constants", "weights"}
    assert (folder / "toy.constants").read_bytes() == anew.section("constants")


def test_constants_of_a_network_in_rom(toy):
    _, chosen = toy
    refused = doit(*chosen, "constants")
    assert (refused.returncode, refused.stderr) == (
        1,
        "error: doit constants: toy has constants: rom\n"
        "  why: they are part of its hardware, and other ones are another xclbin\n"
        "  fix: write constants: loaded in the description, or build the xclbin: doit xclbin, doit link\n",
    )


def test_same_description_same_bytes(toy, tmp_path):
    """Another checkout, in another folder, with another build folder."""
    folder, _ = toy
    checkout = tmp_path / "elsewhere"
    shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns("build", ".*", "__pycache__", "*.egg-info"))
    for name in ("toy.yaml", "toy.npz"):
        shutil.copy(folder / name, tmp_path)
    result = doit("network=../toy.yaml", "build=../built", *STEPS[:5], cwd=checkout, env={"PYTHONPATH": str(checkout), "TZ": "Asia/Tokyo"})
    assert result.returncode == 0, result.stdout + result.stderr
    here, there = files(folder / "build" / "toy"), files(tmp_path / "built" / "toy")
    assert here.keys() == there.keys()
    assert [str(name) for name in here if here[name] != there[name]] == []
    for name, data in here.items():
        assert str(tmp_path.parent.parent).encode() not in data, f"{name} holds a path"


@pytest.mark.usefixtures("own_cache")
def test_a_failing_ip_does_not_stop_the_others(toy_yaml, tmp_path):
    chosen = project(toy_yaml, tmp_path)
    quick, compiler = quick_compiler(tmp_path), tmp_path / "g++-that-refuses-res2a"
    compiler.write_text(f'#!/bin/sh\ncase "$*" in *res2a_tb*) echo "error: no more today" >&2; exit 4;; esac\nexec {quick} "$@"\n')
    compiler.chmod(0o755)
    result = doit(*chosen, "csim", env={"CXX": str(compiler)})
    assert result.returncode == 1
    assert {name for name in ran(result) if name.startswith("csim")} == {"csim:dma", "csim:stem", "csim:res2b", "csim:head"}
    log = tmp_path / "build" / "toy" / "csim" / "res2a" / "compile.log"
    assert (
        "FAIL  csim:res2a           \n"
        f"      {log}: {compiler.name} ended with status 4\n"
        "        why: error: no more today\n"
        "        fix: report it with the log: generated C++ has to compile\n"
    ) in result.stdout
    assert re.search(r"10 done, 0 up to date, 1 failed: csim:res2a; [\d.]+ s\n$", result.stdout)
    compiler.write_text(f'#!/bin/sh\nexec {quick} "$@"\n')
    again = doit(*chosen, "csim", env={"CXX": str(compiler)})
    assert (again.returncode, ran(again)) == (0, ["csim:res2a"])


@pytest.mark.usefixtures("own_cache")
def test_a_killed_build_can_be_started_again(toy, toy_yaml, tmp_path):
    """In the middle of compiling an IP, which leaves a program that is none."""
    built, _ = toy
    chosen = project(toy_yaml, tmp_path)
    quick, compiler, begun = quick_compiler(tmp_path), tmp_path / "g++-that-takes-long", tmp_path / "begun"
    words = 'for last; do :; done; echo "half of it" > "$last"'
    compiler.write_text(f'#!/bin/sh\ncase "$*" in *res2a_tb*) {words}; touch {begun}; exec sleep 60;; esac\nexec {quick} "$@"\n')
    compiler.chmod(0o755)
    command = [sys.executable, "-m", "doit", *chosen]
    environment = os.environ | {"CXX": str(compiler)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        while not begun.exists() and process.poll() is None:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    assert begun.exists()
    compiler.write_text(f'#!/bin/sh\nexec {quick} "$@"\n')
    result = doit(*chosen, env={"CXX": str(compiler)})
    assert result.returncode == 0, result.stdout + result.stderr
    assert "csim:res2a" in ran(result)
    assert files(tmp_path / "build" / "toy") == files(built / "build" / "toy")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["network=nosuch"],
            "error: network=nosuch: no such network\n  why: descriptions stand in configs/<network>.yaml\n"
            "  fix: choose from digits, digits_loaded, digits_streams, "
            "resnet101, resnet18, resnet34, resnet50, resnet50_w1a2, resnet50_w4a4, resnet50_w8a8, "
            "or name a file: network=PATH.yaml\n",
        ),
        (
            ["network={folder}/wrong.yaml"],
            "error: {folder}/wrong.yaml:16: res2a.conv1: pe=3 does not divide 4 output channels\n"
            "  why: each PE computes the same number of output channels\n  fix: choose from 1, 2, 4\n",
        ),
    ],
)
def test_a_wrong_description(toy_yaml, tmp_path, arguments, message):
    (tmp_path / "wrong.yaml").write_text(toy_yaml.read_text().replace("out: 4, pe: 2, simd: 2}", "out: 4, pe: 3, simd: 2}", 1))
    result = doit(*(argument.format(folder=tmp_path) for argument in arguments), f"build={tmp_path}")
    assert (result.returncode, result.stdout, result.stderr) == (1, "", message.format(folder=tmp_path))


def test_damaged_parameters(toy_yaml, tmp_path):
    chosen = project(toy_yaml, tmp_path)
    npz = tmp_path / "toy.npz"
    npz.write_bytes(npz.read_bytes()[:-40])
    result = doit(*chosen, "xclbin")
    assert result.returncode == 1
    assert "Traceback" not in result.stdout + result.stderr
    assert (
        f"      {npz}: not an .npz: File is not a zip file\n"
        "        why: parameters are a zip of .npy arrays\n"
        "        fix: save them with numpy.savez\n"
    ) in result.stdout


def test_missing_parameters(toy_yaml, tmp_path):
    """Told once, with the ways to get some; what needs none is done."""
    chosen = project(toy_yaml, tmp_path)
    (tmp_path / "toy.npz").unlink()
    result = doit(*chosen)
    assert result.returncode == 1
    assert "Traceback" not in result.stdout + result.stderr
    assert (
        "FAIL  parameters           \n"
        f"      {tmp_path}/toy.npz: there is no such file\n"
        "        why: the parameters of toy are read from it\n"
        f"        fix: train them, or draw random ones to build and time it: doit params network={tmp_path}/toy.yaml build={tmp_path}/build\n"
    ) in result.stdout
    assert sorted(ran(result)) == ["check", "design", "generate:dma"]
    assert re.search(r"      3 done, 0 up to date, 1 failed: parameters, 11 not run for it; [\d.]+ s\n$", result.stdout)


@pytest.mark.parametrize("network", ["resnet50_w1a2", "resnet50"])
def test_missing_parameters_that_can_be_imported(tmp_path, network):
    result = doit(f"build={tmp_path}", f"network={network}", "xclbin")
    if (ROOT / "params" / "resnet50_w1a2.npz").exists():
        pytest.skip("they have been imported here")
    assert (
        "        fix: import them: python -m network.importers.finn_headers SRC_DIR params/resnet50_w1a2.npz --fc-weights fcweights.csv, "
        f"or draw random ones to build and time it: doit params network={network} "
        f"build={tmp_path}\n"
    ) in result.stdout


def test_random_parameters(toy_yaml, tmp_path):
    """Drawn on demand, labelled wherever they go, and left alone as soon as there are others."""
    chosen = project(toy_yaml, tmp_path)
    trained, drawn = tmp_path / "toy.npz", tmp_path / "build" / "toy" / "toy-random.npz"
    trained.rename(tmp_path / "kept.npz")
    remark = f"      parameters drawn at random, {drawn}: for building and timing, the labels mean nothing\n"
    result = doit(*chosen, "params", "xclbin")
    assert (ran(result), result.returncode) == (["params", "xclbin"], 0)
    assert result.stdout.endswith(remark)
    xclbin = tmp_path / "build" / "toy" / "toy.xclbin"
    assert Xclbin.read(xclbin).manifest.versions == {"parameters": "random"}
    result = doit(*chosen, "xclbin")
    assert (ran(result), result.stdout.endswith(remark)) == ([], True)
    (tmp_path / "kept.npz").rename(trained)
    result = doit(*chosen, "params", "xclbin")
    assert (ran(result), remark in result.stdout) == (["params", "xclbin"], False)
    assert f"none drawn: {trained} is there" in result.stdout
    assert Xclbin.read(xclbin).manifest.versions == {}


def test_wrong_tcl_fails_the_check(toy_yaml, tmp_path):
    chosen = project(toy_yaml, tmp_path)
    assert doit(*chosen, "check").returncode == 0
    tcl = tmp_path / "build" / "toy" / "ipi" / "block_design.tcl"
    tcl.write_text("\n".join(line for line in tcl.read_text().splitlines() if "res2a_codes_in" not in line) + "\n")
    result = doit(*chosen, "-s", "check")
    assert result.returncode == 1
    assert "FAIL  check" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr


def test_fifos(tmp_path):
    """Sized, written into the description, and from there into the sources; sized again they are the same."""
    chosen = project(ROOT / "configs" / "digits.yaml", tmp_path)
    path = tmp_path / "digits.yaml"
    before = path.read_text()
    assert doit(*chosen, "fifos").returncode == 0
    assert path.read_text() == before
    result = doit(*chosen, "fifos", "--write")
    assert ran(result) == ["fifos"]
    assert "2,305 cycles a frame" in result.stdout
    after = path.read_text()
    assert [line for line in after.splitlines() if "fifos:" not in line] == before.splitlines()
    assert "generate:res2b" in ran(doit(*chosen, "generate:res2b"))
    source = (tmp_path / "build" / "digits" / "hls" / "res2b" / "res2b.cpp").read_text()
    entries = re.findall(r"(\w+): (\d+)", re.search(r"res2b:(?:.*\n)*?.*fifos: {(.*)}", after).group(1))
    deep = [(name, depth) for name, depth in entries if int(depth) > 2 and name != "codes_in"]
    assert deep
    assert all(f"variable={name} depth={depth}\n" in source for name, depth in deep)
    assert doit(*chosen, "fifos", "--anew", "--write").returncode == 0
    assert path.read_text() == after


def test_depths_of_what_stands_in_another_file_are_not_written(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("network: mine\nlike: digits\n")
    result = doit(f"network={path}", f"build={tmp_path / 'build'}", "fifos", "--write")
    assert result.returncode == 1
    assert path.read_text() == "network: mine\nlike: digits\n"
    digits = ROOT / "configs" / "digits.yaml"
    assert re.search(
        rf"      {path}: no \w+ to write depths to\n        why: what is not in this file stands in the one it is like, {digits}\n"
        rf"        fix: doit network={digits} fifos --write\n",
        result.stdout,
    )


def test_an_interval_that_cannot_be_had(toy_yaml, tmp_path):
    result = doit(*project(toy_yaml, tmp_path), "fifos", "--interval", 100)
    assert result.returncode == 1
    assert (
        "FAIL  fifos                \n"
        "      toy: an interval of 100 cycles\n        why: stem.conv mvau takes 541 cycles for a frame\n        fix: ask for 541 or more\n"
    ) in result.stdout


REFUSED = {
    "frames=abc vectors": "frames=abc: not a whole number\n  why: it counts the images every bench simulates\n  fix: write 1 to 100,000",
    "frames=0": "frames=0: out of range\n  why: it counts the images every bench simulates\n  fix: write 1 to 100,000",
    "frames=-1": "frames=-1: out of range\n  why: it counts the images every bench simulates\n  fix: write 1 to 100,000",
    "-n -1 check": "-n -1: out of range\n  why: it counts the jobs that run at once\n  fix: write 1 or more, or leave it out",
    "--process=-2 check": "-n -2: out of range\n  why: it counts the jobs that run at once\n  fix: write 1 or more, or leave it out",
    "framse=3": "framse=3: no such variable\n"
    "  why: known are network=, platform=, build=, frames=, cluster=, timeout_minutes=, memory_gb=, fit=\n  fix: did you mean frames=3?",
    "cluster= csim": "cluster=: no value\n  why: nothing follows the =\n  fix: write cluster=tcp://HOST:8786, or leave it out",
    "fit=always check": "fit=always: no such choice\n  why: builds go on although the estimate says that the design does not fit\n"
    "  fix: choose anyway, or leave it out",
    "timeout_minutes=inf": "timeout_minutes=inf: out of range\n  why: it counts the minutes a job may take\n  fix: write 0.001 to 1,000,000",
    "memory_gb=1e999": "memory_gb=1e999: out of range\n  why: it counts the gigabytes set aside for a job\n  fix: write 0 to 1,000,000",
    "fifos --interval 0": "--interval 0: out of range\n  why: it counts the cycles from frame to frame\n  fix: write 1 to 1,000,000,000",
    "timing --frames 1": "--frames 1: out of range\n  why: the interval is the time between the ends of two frames\n  fix: write 2 to 10,000",
    "timing --spacing -1": "--spacing -1: out of range\n  why: it counts the cycles from one frame to the next\n"
    "  fix: write 0 to 1,000,000,000",
    "fold --fps 0": "--fps 0: out of range\n  why: it counts frames a second\n  fix: write 1 to 10,000,000",
    "fold --plot none/a.png": "--plot none/a.png: there is no folder none\n  why: the plot is written to it\n"
    "  fix: make the folder, or choose another",
    "predict --latency -1": "--latency -1: out of range\n  why: it counts the cycles of the first frame\n"
    "  fix: write 1 to 1,000,000,000,000",
    "predict --call-us nan": "--call-us nan: not a number\n  why: it counts the microseconds of a call\n  fix: write 0 to 1,000,000,000",
    "cache --prune-days soon": "--prune-days soon: not a number\n  why: it counts days\n  fix: write 0 to 1,000,000",
}


@pytest.mark.parametrize("call", REFUSED)
def test_values_are_refused_before_anything_is_begun(tmp_path, call):
    result = doit(f"build={tmp_path}", *call.split())
    assert (result.returncode, result.stdout, result.stderr) == (1, "", f"error: {REFUSED[call]}\n")


def test_more_frames_than_there_are_images(tmp_path):
    result = doit(f"build={tmp_path}", "frames=361", "vectors")
    assert result.returncode == 1
    assert (
        "      frames=361: there are 360 images\n        why: the benches simulate the images of digits, each once\n"
        "        fix: write 1 to 360, or leave it out\n"
    ) in result.stdout


def test_a_prediction_of_what_deadlocks(tmp_path):
    path = tmp_path / "shallow.yaml"
    path.write_text((ROOT / "configs" / "digits.yaml").read_text().replace("  res2b:\n", "  res2b:\n    fifos: {bypass: 3}\n"))
    result = doit(f"network={path}", f"build={tmp_path}", "predict")
    assert result.returncode == 1
    assert "Traceback" not in result.stdout + result.stderr
    wrong = "res2b.bypass or res2b.join_in is too shallow: 3, 2"
    fix = "under res2b write fifos: {bypass: 63} or under res2b write fifos: {join_in: 480}"
    assert re.search(rf"{wrong}\n +why: .*\n +fix: {fix}\n", result.stdout)


def test_random_parameters_for_a_build_elsewhere(toy_yaml, tmp_path):
    """The command that is named draws them where they are looked for."""
    chosen = project(toy_yaml, tmp_path)
    (tmp_path / "toy.npz").unlink()
    refused = doit(*chosen, "platform=u200", "xclbin")
    command = re.search(r"draw random ones to build and time it: doit (.*)", refused.stdout).group(1)
    assert command == f"params network={tmp_path}/toy.yaml platform=u200 build={tmp_path}/build"
    assert doit(*command.split()).returncode == 0
    assert doit(*chosen, "platform=u200", "xclbin").returncode == 0
