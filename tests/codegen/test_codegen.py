import re
import subprocess
import sys
import time
from pathlib import Path

import jinja2
import pytest

from codegen import ToolError, find, render, run, write_changed
from codegen.templates import pascal


def test_files_keep_their_time_while_their_text_stays(tmp_path):
    path = tmp_path / "deep" / "file.txt"
    assert write_changed(path, "one")
    stamp = path.stat().st_mtime_ns
    assert not write_changed(path, b"one")
    assert path.stat().st_mtime_ns == stamp
    assert write_changed(path, "two")
    assert [file.name for file in path.parent.iterdir()] == ["file.txt"]


def test_nothing_half_written_is_left(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    path.write_text("one")
    monkeypatch.setattr("codegen.files.os.replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_changed(path, "two")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("file.txt", "one")]


def test_templates_refuse_undefined_names(tmp_path):
    (tmp_path / "a.j2").write_text("{{ here }} {{ nowhere }}\n")
    with pytest.raises(jinja2.UndefinedError, match="'nowhere' is undefined"):
        render(tmp_path, "a.j2", here=1)


@pytest.mark.parametrize(("name", "expected"), [("conv1", "Conv1"), ("conv1_dwc", "Conv1Dwc"), ("max_pool", "MaxPool")])
def test_pascal(name, expected):
    assert pascal(name) == expected


def test_a_failing_tool_is_quoted(tmp_path):
    log = tmp_path / "tool.log"
    program = "print('all is well'); print('ERROR: no licence'); raise SystemExit(3)"
    with pytest.raises(ToolError) as error:
        run([sys.executable, "-c", program], log=log, hint="ask for a licence")
    assert str(error.value) == (
        f"{log}: {Path(sys.executable).name} ended with status 3\n  why: ERROR: no licence\n  fix: ask for a licence"
    )
    assert log.read_text() == "all is well\nERROR: no licence\n"


def test_a_tool_that_hangs_is_stopped(tmp_path):
    began = time.monotonic()
    with pytest.raises(ToolError, match=r"was stopped after 0\.005 minutes"):
        run([sys.executable, "-c", "import time; time.sleep(60)"], log=tmp_path / "log", timeout_minutes=0.005)
    assert time.monotonic() - began < 30


def test_a_missing_tool(monkeypatch):
    monkeypatch.delenv("NO_TOOL", raising=False)
    with pytest.raises(ToolError) as error:
        find("no-such-tool", variable="NO_TOOL", package="no-such-package")
    assert str(error.value) == (
        "no-such-tool: not found\n  why: it is not on PATH, and this step runs it\n"
        "  fix: install no-such-package, or set NO_TOOL to the executable"
    )


def test_the_second_build_waits_and_says_for_whom(tmp_path):
    program = "import sys, time; from pathlib import Path; from codegen import lock; lock.hold(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"

    def build():
        pipe = subprocess.PIPE
        return subprocess.Popen([sys.executable, "-c", program, tmp_path], stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    with build() as first:
        assert first.stdout.readline() == "held\n"
        with build() as second:
            assert re.fullmatch(rf"waiting: process {first.pid} is building in .+\n", second.stderr.readline())
            first.kill()  # the operating system lets go of its lock
            assert second.stdout.readline() == "held\n"
            second.stdin.close()
        first.stdin.close()
