"""Evaluations of tiny accelerators on generated images, by their command line."""

from __future__ import annotations

import csv
import fcntl
import os
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import runtime
from runtime import Accelerator, EvaluationError
from runtime.__main__ import main
from runtime.container.manifest import Manifest
from runtime.evaluation.evaluate import evaluate, find_images
from runtime.evaluation.labels import read_labels
from runtime.evaluation.results import Results
from runtime.inference.images import load
from tests.runtime import tiny

IMAGES = [f"{part}/{name}" for part in ("a", "b") for name in ("0.png", "1.JPG", "2.jpeg")]
HEADER = "image,label,top1,top2,top3,accelerator"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six images in two folders below `val`, what the accelerator says of them in `val.txt`, all right."""
    monkeypatch.chdir(tmp_path)
    tiny.write(Path("tiny.xclbin"))
    rng = np.random.default_rng(5)
    for image in IMAGES:
        path = Path("val", image)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (11, 9, 3)).astype(np.uint8)).save(path)
    Path("val/readme.txt").write_text("no image")
    label({image: given[0] for image, given in classified().items()})


def classified() -> dict[str, list[int]]:
    with Accelerator.open("tiny.xclbin") as accelerator:
        return {image: accelerator.classify(load(Path("val", image), accelerator.manifest.image)).tolist() for image in IMAGES}


def label(labels: dict[str, int | str], separator: str = " ") -> None:
    Path("val.txt").write_text("".join(f"{image}{separator}{number}\n" for image, number in labels.items()))


def manifest() -> Manifest:
    with Accelerator.open("tiny.xclbin") as accelerator:
        return accelerator.manifest


def run(capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, str, str]:
    status = main(["evaluate", "tiny.xclbin", "val", "--labels", "val.txt", *more])
    return (status, *capsys.readouterr())


def without_time(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("time ")]


def results(path: str = "out.csv") -> list[list[str]]:
    with Path(path).open(newline="") as file:
        return list(csv.reader(file))


def test_everything_right(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys)
    assert (status, err) == (0, "")
    assert without_time(out) == ["top-1   100.00%  6 of 6", "top-3   100.00%  6 of 6", "images  6 of 6 evaluated"]
    assert out.splitlines()[-1].startswith("time    ")
    assert out.endswith(" images/s\n")


def test_first_second_and_last(capsys: pytest.CaptureFixture[str]) -> None:
    """Two images right, two second best, one out of reach, one left out."""
    given = classified()
    labels = {image: rank[place] for (image, rank), place in zip(given.items(), (0, 0, 1, 2), strict=False)}
    labels[IMAGES[4]] = next(i for i in range(10) if i not in given[IMAGES[4]])
    label(labels | {"c/none.png": 3}, "\t")
    status, out, _ = run(capsys, "--csv", "out.csv")
    assert status == 0
    assert without_time(out) == [
        "top-1    40.00%  2 of 5",
        "top-3    80.00%  4 of 5",
        "images  5 of 5 evaluated, 1 without a label, 1 labelled but not there",
    ]
    digest = manifest().digest[:12]
    assert results() == [
        HEADER.split(","),
        *([image, str(number), *map(str, given[image]), digest] for image, number in labels.items()),
    ]


def test_an_image_that_fails_is_told_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    Path("val/a/1.JPG").write_bytes(b"no image")
    status, out, err = run(capsys, "--csv", "out.csv")
    assert status == 0
    assert "images  5 of 6 evaluated, 1 failed" in out.splitlines()
    assert err == (
        "error: val/a/1.JPG: not an image\nwhy: it must be one of PNG, JPEG, BMP, GIF, PPM, TIFF, WEBP\nfix: pass an image file\n"
    )
    assert [row[0] for row in results()[1:]] == [image for image in IMAGES if image != "a/1.JPG"]


def test_all_images_fail(capsys: pytest.CaptureFixture[str]) -> None:
    for image in IMAGES:
        Path("val", image).write_bytes(b"")
    status, out, err = run(capsys)
    assert (status, out) == (1, "")
    assert err.endswith("error: val: nothing was evaluated\nwhy: all 6 images with a label failed\nfix: see the errors above\n")


def test_it_goes_on_where_it_stopped(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever of the results was written, half a line included: the others are computed, and the file is as if never interrupted."""
    run(capsys, "--csv", "whole.csv")
    whole = Path("whole.csv").read_bytes()
    lines = whole.split(b"\n")
    asked: list[int] = []
    stream = Accelerator.stream
    monkeypatch.setattr(Accelerator, "stream", lambda self, items, **options: asked.append(len(items)) or stream(self, items, **options))
    for length in range(0, len(whole) + 1, 7):
        Path("out.csv").write_bytes(whole[:length])
        asked.clear()
        status, out, err = run(capsys, "--csv", "out.csv")
        assert (status, err) == (0, "")
        assert Path("out.csv").read_bytes() == whole
        done = max(0, whole[:length].count(b"\n") - 1)
        assert sum(asked) == len(IMAGES) - done
        earlier = f", {done} of them earlier" if done else ""
        assert without_time(out) == ["top-1   100.00%  6 of 6", "top-3   100.00%  6 of 6", f"images  6 of 6 evaluated{earlier}"]
    assert len(lines) == len(IMAGES) + 2
    status, out, _ = run(capsys, "--csv", "whole.csv")
    assert (status, "time" in out, asked[-1]) == (0, False, 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("# notes\n", "out.csv:1: # notes\nwhy: results of tiny begin with {header}\nfix: name another file\n"),
        ("a thesis without an end of line",
         "out.csv:1: a thesis without an end of line\nwhy: results of tiny begin with {header}\nfix: name another file\n"),
        ("{header}\na/0.png,1,2\n", "out.csv:2: a/0.png,1,2\nwhy: a result is {header}\nfix: delete the line\n"),
        ("{header}\na/0.png,1,2,3,x,{digest}\n", "out.csv:2: a/0.png,1,2,3,x,{digest}\nwhy: a result is {header}\nfix: delete the line\n"),
        ("{header}\na/0.png,1,2,3,4,0123456789ab\n",
         "out.csv:2: results of the accelerator 0123456789ab\nwhy: this one is {digest}\nfix: name another file\n"),
        ("{header}\na/0.png,{other},2,3,4,{digest}\n",
         "out.csv: a/0.png is labelled {other}\nwhy: the labels say {label}\nfix: name another file for the results\n"),
    ],
)  # fmt: skip
def test_results_of_something_else(capsys: pytest.CaptureFixture[str], content: str, message: str) -> None:
    first = classified()[IMAGES[0]][0]
    facts = {"header": HEADER, "digest": manifest().digest[:12], "label": first, "other": (first + 1) % 10}
    Path("out.csv").write_text(content.format(**facts))
    assert run(capsys, "--csv", "out.csv") == (1, "", "error: " + message.format(**facts))
    assert Path("out.csv").read_text() == content.format(**facts)


def test_two_evaluations_do_not_share_their_results(capsys: pytest.CaptureFixture[str]) -> None:
    with Results(Path("out.csv"), manifest()):
        assert run(capsys, "--csv", "out.csv") == (
            1, "", "error: out.csv: in use\nwhy: another evaluation writes to it\nfix: wait for it, or name another file\n"
        )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a/0.png 10\n", "val.txt:1: '10'\nwhy: the labels of tiny are 0 to 9, or their names\nfix: correct the label, or delete the line\n"),
        ("a/0.png 1\n\na/1.JPG cat\n",
         "val.txt:3: 'cat'\nwhy: the labels of tiny are 0 to 9, or their names\nfix: correct the label, or delete the line\n"),
        ("a/0.png\n", "val.txt:1: fields: 1\nwhy: a line has an image's path and its label\n"
         'fix: write relative/path label, or "relative/path","label"\n'),
        ("a/0.png,1,2\n", "val.txt:1: fields: 3\nwhy: a line has an image's path and its label\n"
         'fix: write relative/path label, or "relative/path","label"\n'),
        ("a/0.png 1\n./a/0.png 2\n", "val.txt:2: a/0.png\nwhy: it is labelled 1 further up\nfix: delete one of the two lines\n"),
        ("b/9.png 1\n", "val: none of 6 images has a label\nwhy: 1 paths, relative to the folder, are labelled\n"
         "fix: write the paths as they are from there: part/image.jpg label\n"),
    ],
)  # fmt: skip
def test_wrong_labels(capsys: pytest.CaptureFixture[str], text: str, message: str) -> None:
    Path("val.txt").write_text(text)
    assert run(capsys) == (1, "", f"error: {message}")


def test_no_labels(capsys: pytest.CaptureFixture[str]) -> None:
    Path("val.txt").unlink()
    assert run(capsys) == (1, "", "error: val.txt: cannot be read\nwhy: No such file or directory\nfix: check the path\n")


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("a/0.png 3\nb/1.JPG\t4\n./c.png , 5 \n", {"a/0.png": 3, "b/1.JPG": 4, "c.png": 5}),
        ("my cat.png three\nmy dog.png,four\r\n", {"my cat.png": 3, "my dog.png": 4}),
        ('"a, b.png","nine"\n', {"a, b.png": 9}),
        ("\ufeffa.png 7\n\n  \na.png seven", {"a.png": 7}),
    ],
)
def test_ways_to_write_labels(text: str, labels: dict[str, int]) -> None:
    Path("val.txt").write_text(text)
    assert read_labels(Path("val.txt"), manifest()) == labels


def test_names_that_two_classes_have() -> None:
    names = ("crane", "bird", "crane", "3", "4", "5", "6", "7", "8", "9")
    tiny.write(Path("tiny.xclbin"), label_names=names)
    Path("val.txt").write_text("a.png,crane\n")
    with pytest.raises(EvaluationError) as caught:
        read_labels(Path("val.txt"), manifest())
    assert str(caught.value) == "val.txt:1: 'crane'\nwhy: 0 and 2 have this name\nfix: write the number of the class"


COUNTED = tuple(str(i) for i in range(1, 11))  # the names of classes 0 to 9
SPOKEN = ("tiger", "tiger shark", "shark", "café", "tench, Tinca tinca", "Crane", "name:7", "01", "2", "great  owl")


@pytest.mark.parametrize(
    ("names", "text", "message"),
    [
        (COUNTED, "a.png 3\n", "'3'\nwhy: it is the name of class 2 and the number of class 3\n"
         "fix: write number:3 for the number, name:3 for the name"),
        (COUNTED, "a.png\t03\n", "'03'\nwhy: it is the name of class 2 and the number of class 3\n"
         "fix: write number:03 for the number, name:03 for the name"),
        (SPOKEN, "a.png,1\n", "'1'\nwhy: it is the number of class 1 and the name of class 7\n"
         "fix: write number:1 for the number, name:1 for the name"),
        (SPOKEN, "a.png tiger shark\n", "'a.png tiger shark'\nwhy: its label could be 'tiger shark' or 'shark'\n"
         "fix: put a tab between the path and the label"),
        (SPOKEN, "a.png crane\n", "'crane'\nwhy: the labels of tiny are 0 to 9, or their names\n"
         "fix: if 'Crane' is meant, write that; otherwise correct the label, or delete the line"),
        (COUNTED, "a.png 11\n", "'11'\nwhy: the labels of tiny are 0 to 9, or their names\nfix: correct the label, or delete the line"),
        (SPOKEN, "a.png number:10\n", "'number:10'\nwhy: the labels of tiny are 0 to 9, or their names\n"
         "fix: correct the label, or delete the line"),
        (SPOKEN, "a.png nan\n", "'nan'\nwhy: the labels of tiny are 0 to 9, or their names\nfix: correct the label, or delete the line"),
        (SPOKEN, "a.png 3.0\n", "'3.0'\nwhy: the labels of tiny are 0 to 9, or their names\nfix: correct the label, or delete the line"),
    ],
)  # fmt: skip
def test_labels_that_can_be_read_in_two_ways(names: tuple[str, ...], text: str, message: str) -> None:
    tiny.write(Path("tiny.xclbin"), label_names=names)
    Path("val.txt").write_text(text)
    with pytest.raises(EvaluationError) as caught:
        read_labels(Path("val.txt"), manifest())
    assert str(caught.value) == f"val.txt:1: {message}"


@pytest.mark.parametrize(
    ("names", "text", "labels"),
    [
        (COUNTED, "a.png number:3\nb.png\tname:3\nc.png 0\nd.png,10\ne.png\tname: 03\n", [3, 2, 0, 9, 2]),
        (tuple("0123456789"), "a.png 3\nb.png 04\nc.png name:5\n", [3, 4, 5]),
        ((), "a.png 3\nb.png 0000000000004\nc.png number:5\n", [3, 4, 5]),
        (SPOKEN, "a.png\ttiger shark\nb.png cafe\u0301\nc.png name:7\nd.png great owl\ne.png 3\n", [1, 3, 6, 9, 3]),
        (SPOKEN, 'a.png,"tench, Tinca tinca"\nmy cat.png tiger\nc.png name:tiger\n', [4, 0, 0]),
    ],
)
def test_names_that_look_like_something_else(names: tuple[str, ...], text: str, labels: list[int]) -> None:
    tiny.write(Path("tiny.xclbin"), label_names=names)
    Path("val.txt").write_text(text)
    assert list(read_labels(Path("val.txt"), manifest()).values()) == labels


def test_a_network_that_counts_its_classes_from_one(capsys: pytest.CaptureFixture[str]) -> None:
    """All right, however the labels are written, as long as it is said."""
    tiny.write(Path("tiny.xclbin"), label_names=COUNTED)
    given = {image: rank[0] for image, rank in classified().items()}
    for written in (lambda i: f"number:{i}", lambda i: f"name:{i + 1}"):
        label({image: written(i) for image, i in given.items()})
        assert run(capsys)[1].startswith("top-1   100.00%  6 of 6")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_labels_in_utf16(capsys: pytest.CaptureFixture[str], encoding: str) -> None:
    Path("val.txt").write_text("\ufeffa/0.png 3\n", encoding=encoding)
    assert run(capsys) == (1, "", "error: val.txt: UTF-16 text\nwhy: labels and results are UTF-8\nfix: save it as UTF-8\n")


@pytest.mark.parametrize("wrong", ["3", 10, -1, True, 2.0, float("nan"), None])
def test_labels_that_are_no_class(wrong: Any) -> None:
    with Accelerator.open("tiny.xclbin") as accelerator, pytest.raises(EvaluationError) as caught:
        evaluate(accelerator, Path("val"), {"a/0.png": wrong})
    assert str(caught.value) == (
        f"a/0.png: labelled {wrong!r}\nwhy: the labels of tiny are the numbers 0 to 9\n"
        "fix: give the number of the class; read_labels finds those of names"
    )


def test_labels_of_numpy_are_numbers() -> None:
    with Accelerator.open("tiny.xclbin") as accelerator:
        labels = {image: np.uint8(given[0]) for image, given in classified().items()}
        assert evaluate(accelerator, Path("val"), labels).top1 == 6


def test_images_are_found_wherever_they_are() -> None:
    os.symlink("../..", "val/a/loop")
    os.symlink(Path("val/b").resolve(), "val/linked")
    os.mkdir("val/c")
    os.rename("val/b/0.png", "val/c/\udcff, x.PNG")
    found = find_images(Path("val"))
    assert found == sorted(found)
    assert {"a/0.png", "a/1.JPG", "a/2.jpeg", "c/\udcff, x.PNG"} <= set(found)
    assert len([image for image in found if image.endswith("2.jpeg")]) == 2  # a, and b by one of its two names


def test_names_that_are_not_utf8(capsys: pytest.CaptureFixture[str]) -> None:
    os.rename("val/b/0.png", b"val/b/\xff, x.png")
    Path("val.txt").write_bytes(b'"b/\xff, x.png",3\n')
    for earlier in ("", ", 1 of them earlier"):
        status, out, err = run(capsys, "--csv", "out.csv")
        assert (status, err) == (0, "")
        assert f"images  1 of 1 evaluated{earlier}, 5 without a label" in out.splitlines()
    assert b'\n"b/\xff, x.png",3,' in Path("out.csv").read_bytes()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda: os.rename("val", "elsewhere"), "val: not a folder\nwhy: its images are to be evaluated\nfix: name a folder of JPEG or PNG files\n"),
        (lambda: [Path("val", image).unlink() for image in IMAGES],
         "val: no JPEG or PNG file\nwhy: 6 paths, relative to the folder, are labelled\n"
         "fix: write the paths as they are from there: part/image.jpg label\n"),
    ],
)  # fmt: skip
def test_no_images(capsys: pytest.CaptureFixture[str], spoil: Callable[[], object], message: str) -> None:
    spoil()
    assert run(capsys) == (1, "", f"error: {message}")


def test_results_that_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    for name, message in {
        "none/out.csv": "'none/out.csv': there is no folder none; make the folder, or choose another",
        "val": "'val': not the name of a file; name a file",
    }.items():
        with pytest.raises(SystemExit) as ended:
            run(capsys, "--csv", name)
        assert ended.value.code == 2
        assert capsys.readouterr().err.endswith(f"error: argument --csv: {message}\n")


def test_random_parameters_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    tiny.write(Path("tiny.xclbin"), versions={"parameters": "random"})
    assert run(capsys)[1].endswith("\nlabels  by chance: the parameters are random\n")


def test_nothing_but_the_table_where_there_is_no_terminal() -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(runtime.__file__).parents[1])}
    command = [sys.executable, "-m", "runtime", "evaluate", "tiny.xclbin", "val", "--labels", "val.txt", "--csv", "out.csv"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert without_time(ran.stdout) == ["top-1   100.00%  6 of 6", "top-3   100.00%  6 of 6", "images  6 of 6 evaluated"]


def test_a_bar_on_a_terminal_and_an_interrupt() -> None:
    """Many images, interrupted as soon as some stand in the results: status 130, and every line there is whole."""
    Path("val/many").mkdir()
    source = Path("val/a/0.png").read_bytes()
    for i in range(3000):
        Path(f"val/many/{i:04}.png").write_bytes(source)
    label({f"many/{i:04}.png": 1 for i in range(3000)})
    primary, secondary = os.openpty()
    fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))  # a new one has no columns
    environment = os.environ | {"PYTHONPATH": str(Path(runtime.__file__).parents[1])}
    # With images that take 5 ms each, the interrupt comes in the middle on any machine.
    slow = "import sys, time, runtime.inference.pipeline as p; load = p.load; p.load = lambda *a, **k: time.sleep(0.005) or load(*a, **k); "
    slow += "from runtime.__main__ import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", slow, "evaluate", "tiny.xclbin", "val", "--labels", "val.txt", "--csv", "out.csv"]
    # A shell that runs the tests in the background has them ignore interrupts, and children inherit that.
    listen = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    program = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=secondary, preexec_fn=listen)
    os.close(secondary)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and (not Path("out.csv").exists() or Path("out.csv").stat().st_size < 2000):
        time.sleep(0.01)
    program.send_signal(signal.SIGINT)
    output, interrupted = b"", time.monotonic()
    while True:
        if time.monotonic() > interrupted + 2 and program.poll() is None:  # Python loses one that comes while an object is destroyed
            program.send_signal(signal.SIGINT)
            interrupted = time.monotonic()
        try:
            part = os.read(primary, 1 << 16)
        except OSError:
            break
        if not part:
            break
        output += part
    os.close(primary)
    out, _ = program.communicate()
    assert (program.returncode, out) == (130, b"")
    assert output.replace(b"\r", b"").endswith(b"interrupted; out.csv keeps what was done: the same call goes on with it\n")
    assert b"/3000 [" in output
    assert Path("out.csv").read_bytes().endswith(b"\n")
    assert 10 < len(results()) < 3001
