"""The build as far as the card, with stand-ins for the vendor's tools: real processes that check what they are given."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
import yaml

from network import load, parameters
from runtime.container.axlf import Axlf
from runtime.container.xclbin import Xclbin
from tests.test_dodo import project, ran
from tests.tools.builds import ROOT, doit
from tests.tools.farm import Farm
from tests.tools.installation import Installation
from tests.tools.programs import quick_compiler

RELEASES = ["2019.2", "2020.2", "2021.1", "2022.2", "2024.2"]
"""Between which the commands differ, or what is connected; that HLS takes its script, test_synth tries with all."""
IPS = ["dma", "stem", "res2a", "res2b", "head"]
pytestmark = pytest.mark.usefixtures("own_cache")
PARTS = ("hls", "ipi", "vitis", "vectors", "synth", "stitch", "package", "link")


@pytest.fixture
def toy(toy_yaml, tmp_path):
    """The arguments that choose a toy network with parameters, and the folder of its build."""
    return project(toy_yaml, tmp_path), tmp_path / "build" / "toy"


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """What other tests have made is not there; C simulations have no part in these tests."""
    monkeypatch.setenv("RESFLOW_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CXX", str(quick_compiler(tmp_path)))
    return tmp_path / "cache"


def products(build):
    """Every file a build leaves, by name; not doit's dependency database, locks, work folders, and what C simulation says of its compiler."""
    found = {path.relative_to(build): path for part in PARTS for path in (build / part).rglob("*") if path.is_file()}
    found |= {path.relative_to(build): path for path in build.iterdir() if path.suffix in (".xo", ".xclbin")}
    return {str(name): path.read_bytes() for name, path in found.items() if not name.name.startswith(".")}


@pytest.mark.parametrize("release", RELEASES)
def test_the_whole_graph(release, toy, tmp_path):
    """From the description to the xclbin for the card, with the tools of each release; nothing is run twice."""
    chosen, build = toy
    tools = Installation(tmp_path / "tools", release)
    result = doit("-n", 2, *chosen, "cosim", "link", env=tools.environment)
    assert result.returncode == 0, result.stdout + result.stderr
    front_end = "vivado_hls" if release < "2020.2" else "vitis_hls" if release < "2023.2" else "vitis-run"
    hls = Counter(f"{front_end} {ip}" for ip in IPS * 2)  # synthesis and cosimulation
    assert Counter(tools.runs()) == hls + Counter(["vivado block_design", "vivado package", "v++ link"])
    manifest = Xclbin.read(build / "toy.hw.xclbin").manifest
    assert (manifest.network, manifest.target.value, manifest.cycles_per_frame) == ("toy", "hw", 541)
    assert re.search(r"ok +cosim:res2a .* RTL equals the reference, 217 cycles a frame", result.stdout)
    again = doit(*chosen, "cosim", "link", "report", env=tools.environment)
    assert (again.returncode, ran(again)) == (0, ["report"]), again.stdout


def test_another_training_runs_no_tool(toy_yaml, tmp_path):
    """Where constants are loaded, the card's hardware is the same bytes, and what is packed beside it is the only difference."""
    path = tmp_path / "toy.yaml"
    path.write_text("constants: loaded\n" + toy_yaml.read_text())
    (tmp_path / "own").mkdir()
    chosen, build = project(path, tmp_path / "own"), tmp_path / "own" / "build" / "toy"
    tools = Installation(tmp_path / "tools")
    result = doit("-n", 2, *chosen, "link", env=tools.environment)
    assert result.returncode == 0, result.stdout + result.stderr
    runs, before = tools.runs(), products(build)
    first = Axlf.parse(before["toy.hw.xclbin"])
    parameters.save(tmp_path / "own" / "toy.npz", parameters.draw(load(path), 2))
    again = doit("-n", 2, *chosen, "link", env=tools.environment)
    assert (again.returncode, sorted(ran(again))) == (0, ["constants", "link"]), again.stdout + again.stderr
    assert tools.runs() == runs
    after = products(build)
    assert {name for name in before if before[name] != after[name]} == {"toy.hw.xclbin"}
    second = Axlf.parse(after["toy.hw.xclbin"])
    of_first, of_second = ({(each.kind, each.name): _content(file, each) for each in file.sections} for file in (first, second))
    # The manifest has the digest of the whole file.
    assert {name for (kind, name), content in of_first.items() if of_second[kind, name] != content} == {"constants", "weights", "manifest"}


def _content(file, section):
    return file.data[section.offset : section.offset + section.size]


@pytest.mark.parametrize("interfaces", ["memory", "streams"])
def test_the_ip_for_a_block_design_of_one_s_own(interfaces, toy_yaml, tmp_path):
    (tmp_path / "own").mkdir()
    path = tmp_path / "toy.yaml"
    path.write_text(f"{toy_yaml.read_text()}\ninterfaces: {interfaces}\n")
    chosen, build = project(path, tmp_path / "own"), tmp_path / "own" / "build" / "toy"
    tools = Installation(tmp_path / "tools")
    result = doit("-n", 2, *chosen, "ip", env=tools.environment)
    assert result.returncode == 0, result.stdout + result.stderr
    ips = [ip for ip in IPS if ip != "dma" or interfaces == "memory"]
    assert Counter(tools.runs()) == Counter([*(f"vitis_hls {ip}" for ip in ips), "vivado block_design", "vivado package"])
    assert sorted(str(path.relative_to(build / "ip")) for path in (build / "ip").rglob("*") if path.is_file()) == [
        *("README.md", "component.xml", "dcp/toy.dcp", "floorplan.xdc", "impl/toy.xdc")
    ]
    assert (build / "toy.xo").exists() == (interfaces == "memory")
    again = doit(*chosen, "ip", env=tools.environment)
    assert (again.returncode, ran(again)) == (0, []), again.stdout
    (build / "ip" / "dcp" / "toy.dcp").unlink()
    (build / "ip" / "stale.xdc").write_text("")
    assert ran(doit(*chosen, "ip", env=tools.environment)) == ["ip"]
    assert (build / "ip" / "dcp" / "toy.dcp").exists()
    assert not (build / "ip" / "stale.xdc").exists()
    if interfaces == "streams":
        refused = doit(*chosen, "link", env=tools.environment)
        assert (refused.returncode, refused.stderr) == (
            1,
            "error: doit link: toy has interfaces: streams\n"
            "  why: PYNQ runs kernels that read and write memory, which one without a DMA does not\n"
            "  fix: write interfaces: memory in the description, or join the IP of doit ip with a DMA in a block design of your own\n",
        )


def test_another_release_is_another_build(toy, tmp_path):
    chosen, _ = toy
    for release in ("2021.2", "2022.2"):
        tools = Installation(tmp_path / release, release)
        result = doit("-n", 2, *chosen, "synth", env=tools.environment)
        assert result.returncode == 0, result.stdout + result.stderr
        assert sorted(tools.runs()) == sorted(f"vitis_hls {ip}" for ip in IPS)


def test_a_block_that_has_changed_is_synthesized_alone(toy, tmp_path):
    chosen, _ = toy
    tools = Installation(tmp_path / "tools")
    assert doit("-n", 2, *chosen, "synth", env=tools.environment).returncode == 0
    yaml = tmp_path / "toy.yaml"
    yaml.write_text(yaml.read_text().replace("conv2:  {kernel: 3, out: 6, pe: 3,", "conv2:  {kernel: 3, out: 6, pe: 2,"))
    due = doit(*chosen, "due", env=tools.environment)
    assert re.search(r"ok +due .* csim of res2a; synth of res2a; also in ", due.stdout), due.stdout + due.stderr
    result = doit(*chosen, "synth", env=tools.environment)
    assert result.returncode == 0, result.stdout
    assert tools.runs()[len(IPS) :] == ["vitis_hls res2a"]


LICENCE = (
    "ERROR: [Common 17-345] A valid license was not found for feature 'Synthesis' and/or device 'xcu250'. Please run the Vivado "
    "License Manager for assistance in determining which features and devices are licensed for your system. (the tool got no licence)"
)
HLS_FAILURES = {
    # how: (what the tool ended with, why, begin of fix)
    "licence": ("ended with status 1", LICENCE, "set XILINXD_LICENSE_FILE (or LM_LICENSE_FILE) to the licence"),
    "y2k22": (
        "ended with status 1",
        "(releases up to 2021.2 cannot export an IP after 2021: the date overflows core_revision)",
        "install AMD's patch of answer record 76960 (y2k22)",
    ),
    "part": (
        "ended with status 1",
        "ERROR: [HLS 200-1023] Part 'xcu250-figd2104-2L-e' is not installed. (this installation has not got the part)",
        "add the device family to it",
    ),
    "memory": ("ended with status 1", "std::bad_alloc' (the machine ran out of memory)", "run fewer jobs at once (doit -n)"),
    "kill": (
        "ended with signal 9",
        "something killed it (SIGKILL), most often the kernel when the machine runs out of memory",
        "run fewer jobs at once (doit -n)",
    ),
    "hang": ("was stopped after 0.03 minutes", "that is its time limit", "read the log; raise the limit: doit timeout_minutes=…"),
    "no product": ("exited 0 without producing res2a.zip", "there is no project/solution/impl/export.zip in ", "read the log: a tool that"),
}


def failures(result):
    """Of every failed step its message: (what, why, fix)."""
    assert "Traceback" not in result.stdout + result.stderr, result.stdout + result.stderr
    found = re.findall(r"^FAIL +(\S+) *\n +(\S+): (.*)\n +why: (.*)\n +fix: (.*)\n", result.stdout, re.MULTILINE)
    return {name: (log, what, why, fix) for name, log, what, why, fix in found}


def test_a_failed_ip(toy, tmp_path):
    """The others go on, and are not run again; what it needs is told; then only what is missing is done."""
    chosen, build = toy
    tools, said = Installation(tmp_path / "tools", "2021.2"), []
    for how, (expected_what, expected_why, expected_fix) in HLS_FAILURES.items():
        tools.plan(fail={"vitis_hls:res2a": how})
        limit = ["timeout_minutes=0.03"] if how == "hang" else []
        result = doit("-n", 2, *chosen, *limit, "link", env=tools.environment)
        assert result.returncode == 1
        assert list(failures(result)) == ["synth:res2a"], result.stdout
        log, what, why, fix = failures(result)["synth:res2a"]
        assert (log, what) == (str(build / "synth" / "res2a" / "synth.log"), f"vitis_hls {expected_what}")
        assert expected_why in why
        assert fix.startswith(expected_fix)
        assert sorted(set(tools.runs("start"))) == sorted(f"vitis_hls {ip}" for ip in IPS)
        assert sorted(tools.runs()) == sorted(f"vitis_hls {ip}" for ip in IPS if ip != "res2a" or how == "no product")
        assert re.search(r"1 failed: synth:res2a, 3 not run for it; [\d.]+ s\n$", result.stdout)
        said.append(result.stdout)
    assert re.search(rf"^failed  synth:res2a  {re.escape(log)}  ", said[0], re.MULTILINE), "once more at the end, as others came after it"
    tools.plan()
    again = doit("-n", 2, *chosen, "link", env=tools.environment)
    assert (again.returncode, sorted(ran(again))) == (0, ["link", "package", "stitch", "synth:res2a"]), again.stdout


LATER_FAILURES = {
    ("vivado:block_design", "licence"): ("stitch", "vivado ended with status 1", "(the tool got no licence)"),
    ("vivado:block_design", "ip definition"): ("stitch", "vivado ended with status 1", "(Vivado's catalog has no such IP)"),
    ("vivado:block_design", "no product"): ("stitch", "vivado exited 0 without producing toy.v", "there is no ipi/ip/toy.v in "),
    ("vivado:block_design", "kill"): ("stitch", "vivado ended with signal 9", "something killed it (SIGKILL)"),
    ("vivado:package", "no product"): ("package", "vivado exited 0 without producing ip.zip", "there is no ipi/kernel/ in "),
    ("v++:link", "timing"): ("link", "v++ ended with status 1", "(the design is slower than its clock)"),
    ("v++:link", "utilization"): ("link", "v++ ended with status 1", "(the design needs more than the card or the SLR has)"),
    ("v++:link", "no product"): ("link", "v++ exited 0 without producing linked.xclbin", "there is no linked.xclbin in "),
}


def test_failures_of_the_later_steps(toy, tmp_path):
    """One build that fails in every way there is, each time further on; nothing that was finished is run again."""
    chosen, _ = toy
    tools = Installation(tmp_path / "tools")
    for (tool, how), (step, what, why) in LATER_FAILURES.items():
        tools.plan(fail={tool: how})
        result = doit("-n", 2, *chosen, "link", env=tools.environment)
        assert result.returncode == 1
        assert list(failures(result)) == [step], result.stdout
        assert failures(result)[step][1] == what
        assert why in failures(result)[step][2]
    tools.plan()
    assert doit("-n", 2, *chosen, "link", env=tools.environment).returncode == 0
    finished = Counter(tools.runs())
    assert all(finished[f"vitis_hls {ip}"] == 1 for ip in IPS)


def test_no_tools(toy):
    """Told once, and before anything else is tried."""
    chosen, _ = toy
    result = doit("-n", 2, *chosen, "link", env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"})
    assert result.returncode == 1
    assert (
        "FAIL  tools                \n"
        "      vitis-run or vitis_hls or vivado_hls: not found\n"
        "        why: it is not on PATH, and this step runs it\n"
        "        fix: source settings64.sh of Vitis 2023.2 or later or Vitis HLS or Vivado HLS, "
        "or set VITIS_RUN or VITIS_HLS or VIVADO_HLS to the executable\n"
    ) in result.stdout
    assert result.stdout.count("FAIL") == 1


def test_tools_that_do_not_go_together(toy, tmp_path):
    chosen, _ = toy
    new, old = Installation(tmp_path / "new", "2023.2"), Installation(tmp_path / "old", "2022.2")
    (new.bin / "vivado").unlink()
    (new.bin / "vivado").write_text(f'#!/bin/sh\nRESFLOW_STANDIN={old.plan_file} exec {old.bin}/vivado "$@"\n')
    (new.bin / "vivado").chmod(0o755)
    result = doit("-n", 2, *chosen, "link", env=new.environment)
    assert (
        "      vivado: is of 2022.2\n"
        "        why: what 2023.2 makes does not go into an older release\n"
        "        fix: source settings64.sh of one release for all of hls, vivado, v++\n"
    ) in result.stdout
    assert new.runs() == []


def test_a_design_that_does_not_fit_is_told_before_synthesis(toy, tmp_path):
    """With the numbers; fit=anyway goes on all the same, since they are an estimate."""
    chosen, _ = toy
    file = tmp_path / "toy.yaml"
    # 3,840 multipliers in LUTs.
    text = file.read_text().replace("acc: int16", "acc: int24")
    wide = "out: 1280, weight: int8, pe: 1280, simd: 3, multiply: lut, activation: fused}"
    file.write_text(text.replace("out: 4, weight: int8, pe: 2, simd: 3}", wide))
    parameters.save(tmp_path / "toy.npz", parameters.draw(load(file), 1))
    tools = Installation(tmp_path / "tools")
    result = doit(*chosen, "synth:head", env=tools.environment)
    assert (result.returncode, tools.runs()) == (1, [])
    assert re.search(r"toy: does not fit the u250, by the estimate:\n +SLR0 needs [\d,]+ \w+ ", result.stdout)
    assert doit(*chosen, "fit=anyway", "synth:head", env=tools.environment).returncode == 0
    assert tools.runs() == ["vitis_hls head"]


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_leaves_no_tool_behind(end, toy, tmp_path):
    chosen, build = toy
    tools = Installation(tmp_path / "tools", fail={"vitis_hls": "hang"})
    command = [sys.executable, "-m", "doit", "-n", "2", *chosen, "synth"]
    # A shell that runs the tests in the background has them ignore interrupts, and children inherit that.
    listen = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | tools.environment, preexec_fn=listen, **pipes) as process:
        deadline = time.monotonic() + 60
        while len(tools.runs("start")) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(end)
        _, said = process.communicate(timeout=30)
    if end == signal.SIGINT:
        assert "interrupted: what was finished is kept, start again to go on\n" in said
        assert "Traceback" not in said
    time.sleep(0.2 if end == signal.SIGINT else 4)
    assert subprocess.run(["pgrep", "-f", str(tools.folder)], capture_output=True).stdout == b""
    assert not any(path.name.endswith(".zip") for path in build.rglob("*"))


def kill_and_start_again(command, environment, kills, within, seed):
    """Kill a build so many times at random moments, then let it end; returns how many kills it took before it would have ended."""
    moments, killed = random.Random(seed), 0
    while killed < kills:
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                process.wait(timeout=moments.uniform(*within))
                break
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
                killed += 1
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return killed


def test_a_build_killed_at_random_moments(toy, tmp_path):
    """It ends with the files of an undisturbed build, and no job that had finished was run again."""
    chosen, _ = toy
    calm = Installation(tmp_path / "calm")
    environment = os.environ | {"RESFLOW_CACHE": str(tmp_path / "another")}
    result = doit("-n", 2, *chosen[:1], f"build={tmp_path / 'calm-build'}", "link", env=environment | calm.environment)
    assert result.returncode == 0, result.stdout
    killed, seed = 0, 0
    while killed < 8:
        seed += 1
        tools = Installation(tmp_path / f"tools{seed}", seconds=0.3)
        environment = os.environ | tools.environment | {"RESFLOW_CACHE": str(tmp_path / f"cache{seed}")}
        command = [sys.executable, "-m", "doit", "-n", "2", chosen[0], f"build={tmp_path / f'build{seed}'}", "link"]
        killed += kill_and_start_again(command, environment, 8 - killed, (0.4, 2.2), seed)
        left = products(tmp_path / f"build{seed}" / "toy")
        expected = products(tmp_path / "calm-build" / "toy")
        assert left.keys() == expected.keys()
        assert [name for name in left if left[name] != expected[name] and not name.endswith(".log")] == []
        assert {name: count for name, count in Counter(tools.runs()).items() if count > 1} == {}


def test_two_users_build_the_same_at_once(toy, tmp_path):
    """They share a cache: every job runs once, both builds end well, with the same files."""
    chosen, _ = toy
    tools = Installation(tmp_path / "tools", seconds=0.3)
    environment = os.environ | tools.environment
    users = [
        subprocess.Popen(
            [sys.executable, "-m", "doit", "-n", "2", chosen[0], f"build={tmp_path / user}", "link"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for user in ("ann", "ben")
    ]
    said = [user.communicate(timeout=120)[0] for user in users]
    assert [user.returncode for user in users] == [0, 0], said
    assert sorted(tools.runs()) == sorted([f"vitis_hls {ip}" for ip in IPS] + ["vivado block_design", "vivado package", "v++ link"])
    assert "another build is running this job" in "".join(said)
    ann, ben = (products(tmp_path / user / "toy") for user in ("ann", "ben"))
    assert ann == ben


def test_a_cluster(toy, tmp_path):
    """The same bytes as on one machine, and the logs where they are then."""
    pytest.importorskip("distributed", reason="Dask is not installed: pip install 'resflow[cluster]'")
    chosen, _ = toy
    tools = Installation(tmp_path / "tools")
    (tmp_path / "farm").mkdir()
    here = [chosen[0], f"build={tmp_path / 'here'}", "synth", "cosim"]
    assert doit("-n", 2, *here, env=tools.environment | {"RESFLOW_CACHE": str(tmp_path / "another")}).returncode == 0
    with Farm(tmp_path / "farm", tools.environment) as farm:
        away = [chosen[0], f"build={tmp_path / 'away'}", f"cluster={farm.address}", "csim", "synth", "cosim"]
        alone = doit(*away, env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"})
        assert f"      cluster={farm.address}: no worker offers vitis-run or vitis_hls or vivado_hls\n" in alone.stdout
        for name in ("one", "two"):
            farm.worker(name)
        result = doit(*away, env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"})
        assert result.returncode == 0, result.stdout + result.stderr
    kept = ("csynth.xml", "csynth.rpt", "cosim.rpt", "synth.log", "cosim.log", *(f"{ip}.zip" for ip in IPS))
    one, other = (
        {str(path.relative_to(tmp_path / where)): path.read_bytes() for path in (tmp_path / where).rglob("*") if path.name in kept}
        for where in ("here", "away")
    )
    assert len(one) == 6 * len(IPS)
    assert one == other


def test_a_damaged_entry_of_the_cache_is_made_again(toy, tmp_path, own_cache):
    chosen, build = toy
    tools = Installation(tmp_path / "tools")
    assert doit(*chosen, "synth:res2a", env=tools.environment).returncode == 0
    kept = (build / "synth" / "res2a" / "res2a.zip").read_bytes()
    for path in own_cache.glob("synth/*/files/res2a.zip"):
        path.write_bytes(kept[:-1] + b"x")
    (build / "synth" / "res2a" / "res2a.zip").unlink()
    assert doit(*chosen, "synth:res2a", env=tools.environment).returncode == 0
    assert (build / "synth" / "res2a" / "res2a.zip").read_bytes() == kept
    assert tools.runs() == ["vitis_hls res2a"] * 2


def test_the_cache_on_the_command_line(toy, tmp_path):
    chosen, _ = toy
    tools = Installation(tmp_path / "tools")
    assert doit(*chosen, "synth:res2a", env=tools.environment).returncode == 0
    listed = doit(*chosen, "cache")
    assert re.search(
        r"^ +synth +res2a +[0-9a-f]{12} +[\d.]+ [kM]B +(just now|a minute ago|\d+ minutes ago)", listed.stdout, re.MULTILINE
    ), listed.stdout
    wrong = doit(*chosen, "cache", "--prune-days", "soon")
    assert wrong.returncode == 1
    assert wrong.stderr == "error: --prune-days soon: not a number\n  why: it counts days\n  fix: write 0 to 1,000,000\n"
    pruned = doit(*chosen, "cache", "--prune-gb", "0")
    assert re.search(r"ok +cache .*dropped \d+ entries of [\d.]+ [kM]B; 0 entries of 0 B in ", pruned.stdout)


def test_memory_keeps_jobs_apart(toy, tmp_path):
    """Two that together want more than there is run one after the other, whatever doit -n says."""
    chosen, _ = toy
    tools = Installation(tmp_path / "tools", seconds=0.2)
    assert doit("-n", 4, *chosen, "memory_gb=100000", "synth", env=tools.environment).returncode == 0
    record = [line.split()[0] for line in tools.record_file.read_text().splitlines()]
    assert record == ["start", "finish"] * len(IPS)


@pytest.mark.usefixtures("toy")
def test_the_workflow_for_users_blocks(tmp_path):
    """Its commands, as they stand, in the order of its jobs, with the stand-ins."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "blocks.yml").read_text())
    tools = Installation(tmp_path / "tools")
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for path in ROOT.iterdir():
        if path.name not in ("build", ".git", ".venv", "baselines"):
            (checkout / path.name).symlink_to(path)
    environment = os.environ | tools.environment | {"NETWORK": str(tmp_path / "toy.yaml"), "GITHUB_OUTPUT": str(tmp_path / "output")}
    environment["PATH"] = f"{tools.bin}:{Path(sys.executable).parent}:{os.environ['PATH']}"

    def run(job, **values):
        for step in workflow["jobs"][job]["steps"]:
            if "run" not in step or step["name"] == "Install":
                continue
            text = step["run"].replace(". .venv/bin/activate", "true")
            for name, value in values.items():
                text = text.replace("${{ " + name + " }}", value)
            assert "${{" not in text
            result = subprocess.run(["bash", "-euc", text], cwd=checkout, env=environment, capture_output=True, text=True)
            assert result.returncode == 0, text + result.stdout + result.stderr

    run("csim")
    run("due")
    found = json.loads((tmp_path / "output").read_text().removeprefix("ips="))
    assert sorted(found) == sorted(IPS)
    for ip in found:
        run("synth", **{"matrix.ip": ip})
    assert sorted(tools.runs()) == sorted(f"vitis_hls {ip}" for ip in IPS)
    run("report")
    (tmp_path / "output").unlink()
    run("due")
    assert (tmp_path / "output").read_text() == "ips=[]\n"
