"""Values of the command line: what is taken, and the whole message where it is not."""

import argparse
import os
from pathlib import Path

import pytest

from codegen.cli import options
from codegen.cli.options import OptionError

LONG = "9" * 5000
WHOLE = options.whole("frames=", 1, 1000, "it counts images")
NUMBER = options.number("--prune-gb", 0, 1000, "it counts gigabytes")


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("1000", 1000), ("007", 7), ("+5", 5)])
def test_whole_numbers(text, value):
    assert WHOLE(text) == value


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("0.5", 0.5), ("1e2", 100), (".25", 0.25)])
def test_numbers(text, value):
    assert NUMBER(text) == value


@pytest.mark.parametrize(
    ("convert", "text", "message"),
    [
        *((WHOLE, text, f"frames={text}: not a whole number\n  why: it counts images\n  fix: write 1 to 1,000") for text in
          ("abc", "", "1.5", "1e2", "nan", "inf", "0x10", "²")),
        *((WHOLE, text, f"frames={text}: out of range\n  why: it counts images\n  fix: write 1 to 1,000") for text in ("0", "-1", "1001")),
        (WHOLE, LONG, f"frames={'9' * 39}…: out of range\n  why: it counts images\n  fix: write 1 to 1,000"),
        *((NUMBER, text, f"--prune-gb {text}: not a number\n  why: it counts gigabytes\n  fix: write 0 to 1,000") for text in
          ("abc", "", "nan", "1,5", "0x10")),
        *((NUMBER, text, f"--prune-gb {text}: out of range\n  why: it counts gigabytes\n  fix: write 0 to 1,000") for text in
          ("-1", "-0.1", "1e999", "inf", "-inf", "1000.1")),
        (NUMBER, LONG, f"--prune-gb {'9' * 39}…: out of range\n  why: it counts gigabytes\n  fix: write 0 to 1,000"),
    ],
)  # fmt: skip
def test_no_numbers(convert, text, message):
    with pytest.raises(OptionError) as error:
        convert(text)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "an empty name\n  why: it is drawn\n  fix: name a file"),
        ("{folder}", "a folder\n  why: it is drawn\n  fix: name a file in it"),
        ("{folder}/none/a.png", "there is no folder {folder}/none\n  why: it is drawn\n  fix: make the folder, or choose another"),
        ("{folder}/file/a.png", "there is no folder {folder}/file\n  why: it is drawn\n  fix: make the folder, or choose another"),
    ],
)
def test_files_that_cannot_be_written(tmp_path, text, what):
    (tmp_path / "file").touch()
    with pytest.raises(OptionError) as error:
        options.output("--plot", "it is drawn")(text.format(folder=tmp_path))
    assert str(error.value).partition(": ")[2] == what.format(folder=tmp_path)


def test_a_kind_of_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert options.plot("--plot")("a.svg") == Path("a.svg")
    with pytest.raises(OptionError) as error:
        options.plot("--plot")("a.xyz")
    assert str(error.value) == (
        "--plot a.xyz: a kind of file that cannot be written\n"
        "  why: the plot is written to it\n  fix: let its name end in .png, .pdf, .svg, .jpg"
    )


def test_a_file_without_permission(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(OptionError, match=r": cannot be written\n  why: there is no permission to\n  fix: choose another place"):
        options.output("--plot", "it is drawn")(str(tmp_path / "a.png"))


def test_files_are_named_from_where_the_user_is(tmp_path, monkeypatch):
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path)
    assert options.output("--plot", "it is drawn", start=tmp_path / "there")("a.png") == Path("there/a.png")
    assert options.output("--plot", "it is drawn", start=Path("/"))("tmp/a.png") == Path("/tmp/a.png")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"framse": "3"}, "framse=3: no such variable\n  why: known are network=, frames=\n  fix: did you mean frames=3?"),
        ({"xyz": "3"}, "xyz=3: no such variable\n  why: known are network=, frames=\n  fix: use one of those, or leave it out"),
        ({"frames": ""}, "frames=: no value\n  why: nothing follows the =\n  fix: write frames=16, or leave it out"),
    ],
)
def test_unknown_variables(given, message):
    known = {"network": "digits", "frames": "16"}
    options.require_known({"network": "digits", "frames": "3"}, known)
    with pytest.raises(OptionError) as error:
        options.require_known(given, known)
    assert str(error.value) == message


def test_words_for_doit_and_for_argparse():
    with pytest.raises(SystemExit) as ended:
        options.or_exit(WHOLE)("abc")
    assert ended.value.code == "error: frames=abc: not a whole number\n  why: it counts images\n  fix: write 1 to 1,000"
    with pytest.raises(argparse.ArgumentTypeError, match=r"^'abc': not a whole number: it counts images; write 1 to 1,000$"):
        options.argument(WHOLE)("abc")


def test_jobs_at_once(monkeypatch):
    monkeypatch.setenv("RESFLOW_JOBS", "3")
    assert options.jobs_at_once() == 3
    monkeypatch.setenv("RESFLOW_JOBS", "none")
    with pytest.raises(options.OptionError) as caught:
        options.jobs_at_once()
    assert str(caught.value) == (
        "RESFLOW_JOBS=none: not a whole number\n  why: it counts the jobs that run at once\n  fix: write 1 to 1,000"
    )
    monkeypatch.delenv("RESFLOW_JOBS")
    assert options.jobs_at_once() == len(os.sched_getaffinity(0))


@pytest.mark.parametrize("words", [[], ["csim"], ["-n", "2", "csim"], ["-n2"], ["--process=2"], ["-n", "0"], ["-n"]])
def test_numbers_of_jobs(words):
    """A bare `doit` among them."""
    options.require_jobs(words)
