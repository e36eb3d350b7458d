"""Jobs on a real Dask scheduler with workers on this machine; what a tool does is played by shell scripts."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="Dask is not installed: pip install 'resflow[cluster]'")

DO = """
import sys, threading
from pathlib import Path
from codegen import ToolError
from codegen.cache import Cache
from codegen.cluster import Cluster
from codegen.jobs import Call, Job, Limits, do
address, folder, root, script, *names = sys.argv[1:]
cache = Cache(Path(root))
try:
    cluster = Cluster(address, cache)
except ToolError as error:
    sys.exit(str(error))
def one(name):
    job = Job(step="synth", name=name, files={"run.sh": script, "name": name}, calls=(Call(words=("vitis_hls", "-f", "run.sh"), log="synth.log"),),
              products={"ip.txt": "out.txt"}, release="2022.2", limits=Limits(timeout_minutes=1, memory_gb=float("0" if name != "huge" else "1e6")))
    try:
        print(name, "cached" if do(job, Path(folder) / name, cache, cluster.run).cached else "ran", flush=True)
    except ToolError as error:
        print(name, error, flush=True)
threads = [threading.Thread(target=one, args=(name,)) for name in names]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def alive(pattern):
    return subprocess.run(["pgrep", "-f", pattern], capture_output=True).returncode == 0


def await_true(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


class Farm:
    """A scheduler and its workers."""

    def __init__(self, folder):
        self.folder, self.address, self.processes = folder, f"tcp://127.0.0.1:{free_port()}", []
        (folder / "bin").mkdir()
        tool = folder / "bin" / "vitis_hls"
        tool.write_text('#!/bin/sh\n[ "$1" = -version ] && echo Vitis HLS v2022.2 && exit\nexec sh "$2"\n')
        tool.chmod(0o755)
        self.environment = {**os.environ, "PATH": f"{tool.parent}:{os.environ['PATH']}", "RESFLOW_CACHE": str(folder / "cache")}
        port = self.address.rpartition(":")[2]
        self.start(
            "scheduler", "-m", "dask", "scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard", await_text="Scheduler at"
        )

    def start(self, name, *words, await_text, **environment):
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, *words],
                cwd=self.folder,
                env=self.environment | environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes.append(process)
        assert await_true(lambda: await_text in log.read_text()), log.read_text()
        return process

    def worker(self, name, **environment):
        words = ["-m", "codegen.worker", self.address, "--jobs", "1", "--no-nanny", "--no-dashboard"]
        return self.start(name, *words, await_text="Registered to", **environment)

    def do(self, script, *names, folder="build", cache="cache", **options):
        words = [self.address, self.folder / folder, self.folder / cache, script, *names]
        command = [sys.executable, "-c", DO, *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, env=self.environment, timeout=120, **options)

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def farm(tmp_path):
    made = Farm(tmp_path)
    yield made
    made.close()


def test_products_and_logs_come_back(farm):
    """By the cache where the folder is shared, otherwise with the answer; a failure with its log and its line."""
    farm.worker("one")
    script = "echo working on $(cat name); cp name out.txt"
    result = farm.do(script, "res2a", "res2b")
    assert (sorted(result.stdout.splitlines()), result.stderr) == (["res2a ran", "res2b ran"], "")
    assert farm.do(script, "res2a", folder="other").stdout == "res2a cached\n"
    assert farm.do(script, "res2a", folder="away", cache="another").stdout == "res2a ran\n"
    for folder in ("build", "other", "away"):
        assert (farm.folder / folder / "res2a" / "ip.txt").read_text() == "res2a"
        assert (farm.folder / folder / "res2a" / "synth.log").read_text() == "working on res2a\n"
    failed = farm.do("echo ERROR: it broke; exit 3", "res3a")
    log = farm.folder / "build" / "res3a" / "synth.log"
    assert failed.stdout == f"res3a {log}: vitis_hls ended with status 3\n  why: ERROR: it broke\n  fix: read the log\n"
    assert log.read_text() == "ERROR: it broke\n"
    huge = farm.do(script, "huge")
    assert re.fullmatch(
        rf"huge cluster={farm.address}: no worker can take synth:huge\n"
        r"  why: it needs memory_gb=1e\+06, vitis_hls-2022\.2=1; the workers offer (.*, )?memory_gb=[\d.]+, .*vitis_hls-2022\.2=1\n"
        r"  fix: start workers with `python -m codegen\.worker ADDRESS` where the tools are, or lower memory_gb=…\n",
        huge.stdout,
    )


def test_a_lost_worker_costs_its_job_a_retry_and_nothing_else(farm):
    workers = {name: farm.worker(name, WORKER=name) for name in ("one", "two")}
    script = f"echo $WORKER >> {farm.folder}/$(cat name).begun; sleep 3; cp name out.txt; echo $(cat name) >> {farm.folder}/ended"
    words = [farm.address, farm.folder / "build", farm.folder / "cache", script, "a", "b", "c"]
    with subprocess.Popen([sys.executable, "-c", DO, *map(str, words)], env=farm.environment, stdout=subprocess.PIPE, text=True) as build:
        assert await_true(lambda: len(list(farm.folder.glob("*.begun"))) == 2)
        time.sleep(0.5)
        os.killpg(workers["one"].pid, signal.SIGKILL)
        out, _ = build.communicate(timeout=60)
    assert sorted(out.splitlines()) == ["a ran", "b ran", "c ran"]
    begun = {path.stem: path.read_text().split() for path in farm.folder.glob("*.begun")}
    lost = [name for name, by in begun.items() if "one" in by]
    assert len(lost) == 1
    assert begun == {name: ["one", "two"] if name in lost else ["two"] for name in "abc"}
    # The tool of the lost worker ended with it.
    assert sorted((farm.folder / "ended").read_text().split()) == ["a", "b", "c"]


def test_logs_are_seen_while_the_tool_runs_and_it_ends_with_the_build(farm):
    farm.worker("one")
    words = [farm.address, farm.folder / "build", farm.folder / "cache", "echo half way; sleep 987", "a"]
    with subprocess.Popen([sys.executable, "-c", DO, *map(str, words)], env=farm.environment) as build:
        log = farm.folder / "build" / "a" / "synth.log"
        assert await_true(lambda: log.exists() and log.read_text() == "half way\n")
        assert alive("sleep 987")
        build.kill()
    assert await_true(lambda: not alive("sleep 987"))


def test_no_scheduler(tmp_path):
    address, began = f"tcp://127.0.0.1:{free_port()}", time.monotonic()
    result = subprocess.run(
        [sys.executable, "-c", DO, address, tmp_path, tmp_path / "cache", "", "a"], capture_output=True, text=True, timeout=60
    )
    assert time.monotonic() - began < 10 + 3  # three for Python and its imports
    assert result.returncode == 1
    assert re.fullmatch(
        rf"cluster={address}: no Dask scheduler answers\n  why: \w+ after at most 8 s.*\n"
        r"  fix: start one with `dask scheduler`, and give the address it prints; without cluster= everything runs here\n",
        result.stderr,
    ), result.stderr
