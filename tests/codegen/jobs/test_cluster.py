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

from codegen import worker
from codegen.errors import ToolError
from codegen.jobs.cache import Cache
from codegen.jobs.cluster import Cluster
from codegen.jobs.dispatch import endpoint
from codegen.jobs.job import Call, Job, Limits
from tests.tools.farm import Farm, alive, await_true, free_port

pytest.importorskip("distributed", reason="Dask is not installed: pip install 'resflow[cluster]'")

TESTS = Path(__file__).parents[2]
DO = """
import sys, threading
from pathlib import Path
from codegen.errors import ToolError
from codegen.jobs.cache import Cache
from codegen.jobs.cluster import Cluster
from codegen.jobs.job import Call, Job, Limits
from codegen.jobs.run import do
address, folder, root, script, *names = sys.argv[1:]
cache = Cache(Path(root))
cluster = Cluster(address, cache)
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


@pytest.fixture
def farm(tmp_path):
    """Its workers have a vitis_hls that runs its script as a shell does."""
    tool = tmp_path / "bin" / "vitis_hls"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\n[ "$1" = -version ] && echo Vitis HLS v2022.2 && exit\nexec sh "$2"\n')
    tool.chmod(0o755)
    with Farm(tmp_path, {"PATH": f"{tool.parent}:{os.environ['PATH']}", "RESFLOW_CACHE": str(tmp_path / "cache")}) as made:
        yield made


def build(farm, script, *names, folder="build", cache="cache"):
    """The command that runs jobs on the farm."""
    return [sys.executable, "-c", DO, *map(str, (farm.address, farm.folder / folder, farm.folder / cache, script, *names))]


def run(farm, *words, **options):
    return subprocess.run(build(farm, *words, **options), capture_output=True, text=True, env=farm.environment, timeout=120)


def test_products_and_logs_come_back(farm):
    """By the cache where the folder is shared, otherwise with the answer; a failure with its log and its line."""
    farm.worker("one")
    script = "echo working on $(cat name); cp name out.txt"
    result = run(farm, script, "res2a", "res2b")
    assert (sorted(result.stdout.splitlines()), result.stderr) == (["res2a ran", "res2b ran"], "")
    assert run(farm, script, "res2a", folder="other").stdout == "res2a cached\n"
    assert run(farm, script, "res2a", folder="away", cache="another").stdout == "res2a ran\n"
    for folder in ("build", "other", "away"):
        assert (farm.folder / folder / "res2a" / "ip.txt").read_text() == "res2a"
        assert (farm.folder / folder / "res2a" / "synth.log").read_text() == "working on res2a\n"
    failed = run(farm, "echo ERROR: it broke; exit 3", "res3a")
    log = farm.folder / "build" / "res3a" / "synth.log"
    assert failed.stdout == f"res3a {log}: vitis_hls ended with status 3\n  why: ERROR: it broke\n  fix: read the log\n"
    assert log.read_text() == "ERROR: it broke\n"
    huge = run(farm, script, "huge")
    assert re.fullmatch(
        rf"huge cluster={farm.address}: no worker can take synth:huge\n"
        r"  why: it needs memory_gb=1e\+06, vitis_hls-2022\.2=1; the workers offer (.*, )?memory_gb=[\d.]+, .*vitis_hls-2022\.2=1(, .*)?\n"
        r"  fix: start workers with `python -m codegen\.worker ADDRESS` where the tools are, or lower memory_gb=…\n",
        huge.stdout,
    )


def test_a_lost_worker_costs_its_job_a_retry_and_nothing_else(farm):
    workers = {name: farm.worker(name, WORKER=name) for name in ("one", "two")}
    script = f"echo $WORKER >> {farm.folder}/$(cat name).begun; sleep 3; cp name out.txt; echo $(cat name) >> {farm.folder}/ended"
    command = build(farm, script, "a", "b", "c")
    with subprocess.Popen(command, env=farm.environment, stdout=subprocess.PIPE, text=True) as process:
        assert await_true(lambda: len(list(farm.folder.glob("*.begun"))) == 2)
        time.sleep(0.5)
        os.killpg(workers["one"].pid, signal.SIGKILL)
        out, _ = process.communicate(timeout=60)
    assert sorted(out.splitlines()) == ["a ran", "b ran", "c ran"]
    begun = {path.stem: path.read_text().split() for path in farm.folder.glob("*.begun")}
    lost = [name for name, by in begun.items() if "one" in by]
    assert len(lost) == 1
    assert begun == {name: ["one", "two"] if name in lost else ["two"] for name in "abc"}
    # The tool of the lost worker ended with it.
    assert sorted((farm.folder / "ended").read_text().split()) == ["a", "b", "c"]


def test_logs_are_seen_while_the_tool_runs_and_it_ends_with_the_build(farm):
    farm.worker("one")
    with subprocess.Popen(build(farm, "echo half way; sleep 987", "a"), env=farm.environment) as process:
        log = farm.folder / "build" / "a" / "synth.log"
        assert await_true(lambda: log.exists() and log.read_text() == "half way\n")
        assert alive("sleep 987")
        process.kill()
    assert await_true(lambda: not alive("sleep 987"))


def test_no_scheduler(tmp_path):
    """Told within ten seconds, before anything is begun."""
    refused = f"tcp://127.0.0.1:{free_port()}"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        other = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        why = {refused: "[Errno 111] Connection refused", "nonsense": "an address is tcp://HOST:PORT", other: "timed out"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        begun = {}
        for i, address in enumerate(why):  # at once, since each waits
            words = [f"network={TESTS / 'toy.yaml'}", f"build={tmp_path / str(i)}", f"cluster={address}", "synth"]
            begun[address] = subprocess.Popen([sys.executable, "-m", "doit", *words], cwd=TESTS.parent, **pipes)
        for address, process in begun.items():
            out, said = process.communicate(timeout=60)
            assert (process.returncode, out) == (1, "")
            assert said == (
                f"error: cluster={address}: no Dask scheduler answers\n  why: {why[address]}\n"
                "  fix: start one with `dask scheduler`, and give the address it prints; without cluster= everything runs here\n"
            )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "argument address: 'nowhere': no address of a scheduler; `dask scheduler` prints it: tcp://HOST:PORT"),
        (
            ["tcp://host:99999"],
            "argument address: 'tcp://host:99999': no address of a scheduler; `dask scheduler` prints it: tcp://HOST:PORT",
        ),
        (["tcp://host:1", "--jobs", "0"], "argument --jobs: '0': out of range: it counts jobs; write 1 to 10,000"),
        (["tcp://host:1", "--memory-gb", "nan"], "argument --memory-gb: 'nan': not a number: it counts gigabytes; write 0 to 1,000,000"),
    ],
)
def test_a_worker_refuses_what_it_cannot_offer(capsys, monkeypatch, words, message):
    monkeypatch.setattr(sys, "argv", ["worker", *words])
    with pytest.raises(SystemExit) as ended:
        worker.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith(f"error: {message}\n")


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("tcp://host:8786", ("host", 8786)),
        ("host:8786", ("host", 8786)),
        ("tls://[::1]:1", ("::1", 1)),
        *(
            (address, None)
            for address in ("", "host", "tcp://host", "host:0", "host:65536", "host:x", "host:²", "tcp://:1", "http://host:1/")
        ),
    ],
)
def test_addresses(address, found):
    assert endpoint(address) == found


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (AttributeError("no attribute 'limits'"),
         "synth:a was not run as it should be by its worker\n  why: AttributeError: no attribute 'limits'\n"
         "  fix: install the same resflow and the same Python packages on every machine; the worker's log has the traceback"),
        (OSError("Timed out"),
         "synth:a was lost on the cluster\n  why: OSError: Timed out\n  fix: look at the scheduler's and the workers' logs; "
         "a worker that dies each time may lack memory: doit memory_gb=…"),
    ],
)  # fmt: skip
def test_what_goes_wrong_around_a_job_is_not_told_as_a_lost_worker(tmp_path, monkeypatch, error, message):
    class Client:
        def __init__(self, *_, **__): ...
        def scheduler_info(self, **_):
            return {"workers": {"one": {"resources": {"memory_gb": 8, "vitis_hls-2022.2": 1}}}}

        def subscribe_topic(self, *_): ...
        def unsubscribe_topic(self, *_): ...
        def submit(self, *_, **__):
            return self

        def result(self):
            raise error

        def cancel(self): ...

    monkeypatch.setattr("distributed.Client", Client)
    limits = Limits(timeout_minutes=1, memory_gb=1)
    job = Job(
        step="synth", name="a", files={}, calls=(Call(words=("vitis_hls",), log="synth.log"),), products={}, release="2022.2", limits=limits
    )
    with pytest.raises(ToolError) as caught:
        Cluster("tcp://nowhere", Cache(tmp_path / "cache")).run(job, tmp_path / "job")
    assert str(caught.value) == f"{tmp_path / 'job'}: {message}"
