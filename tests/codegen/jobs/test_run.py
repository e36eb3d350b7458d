from __future__ import annotations

import subprocess
import sys
import threading
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from codegen.errors import ToolError
from codegen.jobs.cache import Cache
from codegen.jobs.job import Call, Job, Limits
from codegen.jobs.memory import Memory, machine_gb
from codegen.jobs.run import do, run_here


@pytest.fixture(autouse=True)
def shell(monkeypatch):
    """A tool of every machine in the place of one of the table."""
    monkeypatch.setenv("TCLSH", "/bin/sh")


def job(script="cat in.txt > out.txt; echo ran >> $RUNS", **changes):
    usual = Job(
        step="synth",
        name="res2a",
        files={"in.txt": "sources", "run.sh": script},
        calls=(Call(words=("tclsh", "run.sh"), log="synth.log"),),
        products={"ip.txt": "out.*"},
        limits=Limits(timeout_minutes=1, memory_gb=1),
    )
    return replace(usual, **changes)


@pytest.fixture
def runs(tmp_path, monkeypatch):
    path = tmp_path / "runs"
    path.touch()
    monkeypatch.setenv("RUNS", str(path))
    return lambda: len(path.read_text().split())


def test_a_job_is_done_once(tmp_path, runs):
    cache = Cache(tmp_path / "cache")
    first = do(job(), tmp_path / "here", cache, run_here)
    again = do(job(), tmp_path / "there", cache, run_here)
    assert [first.remark, again.remark] == ["", ", from the cache"]
    assert runs() == 1
    for folder in ("here", "there"):
        names = sorted(path.name for path in (tmp_path / folder).iterdir() if not path.name.startswith("."))
        assert names == ["ip.txt", "synth.log"]
        assert (tmp_path / folder / "ip.txt").read_text() == "sources"


def test_what_makes_another_job(tmp_path):
    keys = [
        job().key,
        job(files={"in.txt": "others", "run.sh": ""}).key,
        job(files={"IN.txt": "sources", "run.sh": ""}).key,
        job(release="2022.2").key,
        job(products={"ip.txt": "out.txt"}).key,
        job(step="cosim").key,
        job(calls=(Call(words=("tclsh", "run.sh", "-x"), log="synth.log"),)).key,
    ]
    assert len(set(keys)) == len(keys)
    (tmp_path / "in.txt").write_text("sources")
    same = [
        job(files={"run.sh": job().files["run.sh"], "in.txt": tmp_path / "in.txt"}),
        job(limits=Limits(timeout_minutes=9, memory_gb=99), weight=3, name="res2b"),
    ]
    assert [each.key for each in same] == [job().key] * 2


def test_a_file_that_was_changed_makes_another_job(tmp_path):
    path = tmp_path / "in.txt"
    path.write_text("one")
    before = job(files={"in.txt": path}).key
    path.write_text("other")
    assert job(files={"in.txt": path}).key != before


def test_a_failed_job_leaves_its_folder_and_nothing_in_the_cache(tmp_path, runs):
    cache = Cache(tmp_path / "cache")
    with pytest.raises(ToolError, match="why: ERROR: it broke"):
        do(job("echo half > out.txt; echo ERROR: it broke; exit 2"), tmp_path / "here", cache, run_here)
    assert cache.entries() == []
    assert (tmp_path / "here" / "work" / "out.txt").read_text() == "half\n"
    assert not (tmp_path / "here" / "ip.txt").exists()
    do(job(), tmp_path / "here", cache, run_here)
    assert (tmp_path / "here" / "ip.txt").read_text() == "sources"
    assert runs() == 1


def test_an_exit_without_the_product_after_an_error(tmp_path):
    """HLS tools are known to end well although they say that they did not."""
    licence = "ERROR: [Common 17-345] A valid license was not found for feature 'HLS'"
    with pytest.raises(ToolError) as error:
        do(job(f'echo "{licence}"; echo 0 errors'), tmp_path / "here", Cache(tmp_path / "cache"), run_here)
    assert str(error.value) == (
        f"{tmp_path}/here/synth.log: tclsh exited 0 without producing ip.txt\n"
        f"  why: {licence} (the tool got no licence)\n"
        "  fix: set XILINXD_LICENSE_FILE (or LM_LICENSE_FILE) to the licence, check with lmutil lmstat -a that one is free, then start again"
    )


def test_an_exit_without_the_product(tmp_path):
    with pytest.raises(ToolError) as error:
        do(job("echo all is well"), tmp_path / "here", Cache(tmp_path / "cache"), run_here)
    assert str(error.value) == (
        f"{tmp_path}/here/synth.log: tclsh exited 0 without producing ip.txt\n"
        f"  why: there is no out.* in {tmp_path}/here/work\n"
        "  fix: read the log: a tool that stops early may exit 0 all the same"
    )


def test_an_exit_without_the_product_is_no_end(tmp_path, runs, monkeypatch):
    """The same job is run again, not taken for done."""
    monkeypatch.setenv("PRODUCT", "")
    flaky = job('echo ran >> $RUNS; test -z "$PRODUCT" || echo ip > out.txt')
    with pytest.raises(ToolError, match=r"without producing ip\.txt"):
        do(flaky, tmp_path / "here", Cache(tmp_path / "cache"), run_here)
    monkeypatch.setenv("PRODUCT", "yes")
    do(flaky, tmp_path / "here", Cache(tmp_path / "cache"), run_here)
    assert runs() == 2


def test_folders_travel_as_zips(tmp_path):
    first = job("mkdir -p project/a; echo b > project/a/b; touch -d 2001-01-01 project/a/b", products={"project.zip": "project/"})
    do(first, tmp_path / "one", Cache(tmp_path / "cache"), run_here)
    do(replace(first, name="other"), tmp_path / "two", Cache(tmp_path / "another"), run_here)
    packed = tmp_path / "one" / "project.zip"
    assert packed.read_bytes() == (tmp_path / "two" / "project.zip").read_bytes()
    assert zipfile.ZipFile(packed).namelist() == ["a/b"]
    second = job("cat project/a/b > out.txt", files={"project/": packed, "run.sh": "cat project/a/b > out.txt"})
    do(second, tmp_path / "three", Cache(tmp_path / "cache"), run_here)
    assert (tmp_path / "three" / "ip.txt").read_text() == "b\n"


def test_absolute_paths_are_no_part_of_the_job(tmp_path):
    call = Call(words=("tclsh", "run.sh", "-o", "{work}/out.txt"), log="synth.log")
    given = job("echo $2 > out.txt", calls=(call,))
    do(given, tmp_path / "here", Cache(tmp_path / "cache"), run_here)
    assert (tmp_path / "here" / "ip.txt").read_text() == f"{tmp_path}/here/work/out.txt\n"


def test_a_call_of_what_the_call_before_has_made(tmp_path):
    calls = (
        Call(words=("tclsh", "run.sh"), log="compile.log"),
        Call(words=("./made", "a", "b"), log="run.log"),
    )
    given = job("printf '#!/bin/sh\\necho $* > out.txt\\n' > made; chmod +x made", calls=calls)
    do(given, tmp_path / "here", Cache(tmp_path / "cache"), run_here)
    assert (tmp_path / "here" / "ip.txt").read_text() == "a b\n"
    assert given.tools == ("tclsh",)


BUILD = """
import sys
from pathlib import Path
from codegen.jobs.cache import Cache
from codegen.jobs.job import Call, Job, Limits
from codegen.jobs.run import do, run_here
job = Job(step="synth", name="res2a", files={"run.sh": sys.argv[3]}, calls=(Call(words=("tclsh", "run.sh"), log="synth.log"),),
          products={"ip.txt": "out.txt"}, limits=Limits(timeout_minutes=1, memory_gb=1))
print(do(job, Path(sys.argv[1]), Cache(Path(sys.argv[2])), run_here, message=lambda line: print(line, flush=True)).cached, flush=True)
"""


def build(folder, cache, script):
    words = [sys.executable, "-c", BUILD, folder, cache, script]
    return subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, text=True)


def test_two_users_of_a_cache(tmp_path, runs):
    """Who comes second waits, and takes what the first has made."""
    script = "sleep 1; echo ran >> $RUNS; echo ip > out.txt"
    with build(tmp_path / "one", tmp_path / "cache", script) as first:
        time.sleep(0.6)
        with build(tmp_path / "two", tmp_path / "cache", script) as second:
            assert second.stdout.read() == f"synth:res2a: another build is running this job, in {tmp_path / 'cache'}: waiting\nTrue\n"
        assert first.stdout.read() == "False\n"
    assert runs() == 1
    assert [(tmp_path / user / "ip.txt").read_text() for user in ("one", "two")] == ["ip\n", "ip\n"]


@pytest.mark.parametrize("seconds", [0.4, 0.8, 1.2])
def test_a_killed_build_goes_on(tmp_path, runs, seconds):
    """What had not finished runs again, from an empty folder; what had finished does not."""
    script = "test -e half && exit 9; touch half; sleep 0.5; echo ip > out.txt; echo ran >> $RUNS"
    with build(tmp_path / "one", tmp_path / "cache", script) as first:
        time.sleep(seconds)
        first.kill()
    finished = runs()
    with build(tmp_path / "one", tmp_path / "cache", script) as second:
        assert second.stdout.read() in ("False\n", "True\n")
    assert runs() == 1, finished
    assert (tmp_path / "one" / "ip.txt").read_text() == "ip\n"


def test_memory_is_set_aside():
    memory, most, now, lock = Memory(10), [0.0], [0.0], threading.Lock()

    def hold(gigabytes):
        with memory.reserved(gigabytes):
            with lock:
                now[0] += min(gigabytes, 10)
                most[0] = max(most[0], now[0])
            time.sleep(0.01)
            with lock:
                now[0] -= min(gigabytes, 10)

    threads = [threading.Thread(target=hold, args=(gigabytes,)) for gigabytes in (4, 4, 4, 6, 64, 3, 8, 1) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 8 <= most[0] <= 10


def test_the_memory_of_this_machine():
    total = next(int(line.split()[1]) for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    assert 0 < machine_gb() <= total / 2**20 * 1.01
