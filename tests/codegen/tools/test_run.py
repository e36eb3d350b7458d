from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from codegen.errors import ToolError
from codegen.tools import environment, supervise
from codegen.tools.find import release_of
from codegen.tools.run import run
from tests.tools.farm import await_true
from tests.tools.programs import program

PYTHON = Path(sys.executable).name


def alive(pid):
    """Running, not merely waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_failing_tool_is_quoted(tmp_path):
    log = tmp_path / "tool.log"
    text = "print('all is well'); print('ERROR: nothing will do'); raise SystemExit(3)"
    with pytest.raises(ToolError) as error:
        run([sys.executable, "-c", text], log=log, hint="ask for help")
    assert str(error.value) == f"{log}: {PYTHON} ended with status 3\n  why: ERROR: nothing will do\n  fix: ask for help"
    assert log.read_text() == "all is well\nERROR: nothing will do\n"


def test_what_a_tool_took(tmp_path):
    finished = run([sys.executable, "-c", "print(len(b'x' * (100 << 20)))"], log=tmp_path / "log")
    assert finished.output == "104857600\n"
    assert finished.megabytes > 50
    assert 0 < finished.seconds < 60


def test_a_tool_that_hangs_is_stopped_with_all_it_started(tmp_path):
    script = program(tmp_path, "hangs", f"#!/bin/sh\ntrap '' TERM\nsleep 1000 & echo $! > {tmp_path}/pid\nsleep 1000\n")
    with pytest.raises(ToolError) as error:
        run([script], log=tmp_path / "log", timeout_minutes=0.01)
    assert str(error.value) == (
        f"{tmp_path}/log: hangs was stopped after 0.01 minutes\n  why: that is its time limit\n"
        "  fix: read the log; raise the limit: doit timeout_minutes=…"
    )
    assert not alive(int((tmp_path / "pid").read_text()))


def test_a_tool_that_cannot_be_started(tmp_path):
    with pytest.raises(ToolError, match=r"nowhere could not be run to its end\n  why: .*No such file or directory: '/nowhere'"):
        run(["/nowhere"], log=tmp_path / "log")


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_tools_end_with_the_build(tmp_path, end):
    """Whether it is killed or interrupted; what they have started ends too."""
    script = program(tmp_path, "tool", f"#!/bin/sh\nsleep 1000 & echo $! > {tmp_path}/pid\nwait\n")
    code = f"from pathlib import Path; from codegen.tools.run import run; run([{str(script)!r}], log=Path({str(tmp_path / 'log')!r}))"
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as build:
        assert await_true(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
        build.send_signal(end)
    assert await_true(lambda: not alive(int((tmp_path / "pid").read_text())))


def test_work_that_exited_0_counts_although_the_build_is_gone(tmp_path):
    script = program(tmp_path, "tool", f"#!/bin/sh\necho run >> {tmp_path}/runs\nsleep 0.5\necho done\n")
    log, done = tmp_path / "log", tmp_path / "done"
    code = f"from pathlib import Path; from codegen.tools.run import run; run([{str(script)!r}], log=Path({str(log)!r}), done=Path({str(done)!r}))"
    with subprocess.Popen([sys.executable, "-c", code]) as build:
        assert await_true((tmp_path / "runs").exists)  # the log is there before the tool is: stopped then, the build would never start it
        build.send_signal(signal.SIGSTOP)  # it is there, but sees nothing of the tool's end
        assert await_true(done.exists)
        build.kill()
    assert run([script], log=log, done=done).output == "done\n"
    assert (tmp_path / "runs").read_text() == "run\n"


def test_a_tool_that_ended_just_before_it_was_to_be_stopped_is_distinguished():
    with subprocess.Popen(["true"]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        assert not supervise.froze(ended.pid)
        assert ended.wait() == 0
    with subprocess.Popen(["sleep", "60"]) as running:
        assert supervise.froze(running.pid)
        assert running.poll() is None
        running.kill()


def test_the_environment_of_a_tool_is_that_of_the_build(tmp_path, monkeypatch):
    monkeypatch.setenv("XILINXD_LICENSE_FILE", "2100@server")
    finished = run(["/bin/sh", "-c", "echo $XILINXD_LICENSE_FILE; pwd; cat"], log=tmp_path / "log", cwd=tmp_path)
    assert finished.output == f"2100@server\n{os.path.realpath(tmp_path)}\n"


def test_a_tool_runs_in_a_locale_it_understands(tmp_path, monkeypatch):
    """Whatever the user's is: with a decimal comma the vendor's Tcl breaks, and other languages' messages are not understood."""
    for name in ("LANG", "LANGUAGE", "LC_ALL", "LC_NUMERIC", "LC_MESSAGES"):
        monkeypatch.setenv(name, "de_DE.UTF-8")
    script = program(tmp_path, "tool", "#!/bin/sh\nenv | grep -E '^(LC_|LANG)' | sort | tr '\\n' ' '; echo v2022.2\n")
    expected = f"LANG={environment.locale_name()} LC_ALL={environment.locale_name()} v2022.2\n"
    assert run([script], log=tmp_path / "log").output == expected
    assert release_of(str(script)) == "2022.2"
    assert environment.locale_name() in ("C.UTF-8", "en_US.UTF-8")


def test_a_locale_that_is_not_there_is_not_given(monkeypatch):
    """A tool in C++ would end at once."""
    monkeypatch.setattr(environment, "NAMES", ("xx_XX.UTF-8", "C"))
    environment.locale_name.cache_clear()
    try:
        assert environment.locale_name() == "C"
    finally:
        environment.locale_name.cache_clear()


@pytest.mark.parametrize("home", [None, "", "relative", "/nonexistent", "/etc/passwd"])
def test_a_home_that_cannot_be_written_is_not_given_to_tools(tmp_path, monkeypatch, home):
    """The vendor's tools write into it, and Tcl does not even start to look for files without one."""
    monkeypatch.setenv("TMPDIR", "/nonexistent")
    monkeypatch.delenv("HOME", raising=False)
    if home is not None:
        monkeypatch.setenv("HOME", home)
    words = ["/bin/sh", "-c", "echo $HOME ${TMPDIR-none}"]
    assert run(words, log=tmp_path / "log", cwd=tmp_path).output == f"{os.path.realpath(tmp_path)} none\n"
    (tmp_path / "mine").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "mine"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert run(words, log=tmp_path / "log", cwd=tmp_path).output == f"{tmp_path}/mine {tmp_path}\n"
