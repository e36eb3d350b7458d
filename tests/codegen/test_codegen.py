import re
import subprocess
import sys

import jinja2
import pytest

from codegen import render, write_changed
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
