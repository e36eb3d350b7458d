from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import runtime
from runtime import Accelerator
from runtime.__main__ import main
from tests.runtime import tiny


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two images and an xclbin in the current directory."""
    monkeypatch.chdir(tmp_path)
    tiny.write(Path("tiny.xclbin"))
    for seed, name in enumerate(("a.png", "b.png")):
        Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8)).astype(np.uint8)).save(name)


def names(path: str) -> list[str]:
    with Accelerator.open("tiny.xclbin") as accelerator:
        labels = accelerator.classify(np.asarray(Image.open(path))[:, :, np.newaxis])
        return [accelerator.label_names[label] for label in labels]


def test_a_line_for_every_image(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", "tiny.xclbin", "a.png", "b.png"]) == 0
    assert capsys.readouterr() == (f"a.png: {', '.join(names('a.png'))}\nb.png: {', '.join(names('b.png'))}\n", "")


def test_fewer_labels(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", "tiny.xclbin", "a.png", "--top", "1"]) == 0
    assert capsys.readouterr().out == f"a.png: {names('a.png')[0]}\n"


def test_labels_without_names_are_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    digits = [str(tiny.manifest(tiny.network()).label_names.index(name)) for name in names("a.png")]
    tiny.write(Path("tiny.xclbin"), label_names=())
    assert main(["classify", "tiny.xclbin", "a.png"]) == 0
    assert capsys.readouterr().out == f"a.png: {', '.join(digits)}\n"


def test_one_bad_image_does_not_stop_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", "tiny.xclbin", "a.png", "none.png", "b.png"]) == 1
    out, err = capsys.readouterr()
    assert [line.split(":")[0] for line in out.splitlines()] == ["a.png", "b.png"]
    assert err == "error: none.png: cannot be read\nwhy: No such file or directory\nfix: check the path\n"


def test_too_many_labels(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", "tiny.xclbin", "a.png", "--top", "4"]) == 1
    assert capsys.readouterr() == ("", "error: --top: 4\nwhy: tiny gives its 3 best labels\nfix: ask for at most 3\n")


def test_a_bad_xclbin(capsys: pytest.CaptureFixture[str]) -> None:
    data = Path("tiny.xclbin").read_bytes()
    Path("tiny.xclbin").write_bytes(data[:-1])
    assert main(["classify", "tiny.xclbin", "a.png"]) == 1
    out, err = capsys.readouterr()
    where = f"{Path.cwd() / 'tiny.xclbin'}: header"
    assert (out, err) == (
        "",
        f"error: {where}: {len(data) - 1} bytes in all\nwhy: the header says {len(data)}\nfix: build or copy the xclbin again\n",
    )


def test_a_card_s_xclbin_without_a_card(capsys: pytest.CaptureFixture[str]) -> None:
    Path("card.xclbin").write_bytes(tiny.linked_for_a_card())
    assert main(["classify", "card.xclbin", "a.png"]) == 1
    assert "why: there is no card here" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[], ["classify"], ["classify", "tiny.xclbin"], ["classify", "tiny.xclbin", "a.png", "--top", "0"], ["run"]]
)
def test_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: resflow")


def test_file_names_do_not_speak_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    odd = "\x1b[2J\n\udcff ü.png"
    os.rename("a.png", odd)
    assert main(["classify", "tiny.xclbin", odd]) == 0
    assert capsys.readouterr().out.startswith("\\x1b[2J\\n\\udcff ü.png: ")


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(runtime.__file__).parents[1])} | variables
    command = [sys.executable, "-m", "runtime", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_as_a_program() -> None:
    os.rename("a.png", "ü.png")
    ran = run("classify", "tiny.xclbin", "ü.png", PYTHONIOENCODING="ascii")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"\\xfc.png: {', '.join(names('ü.png'))}\n"


def test_a_reader_that_goes_away() -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(runtime.__file__).parents[1])}
    program = subprocess.Popen(
        [sys.executable, "-m", "runtime", "classify", "tiny.xclbin", "a.png"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert program.stdout is not None
    program.stdout.close()
    assert program.stderr is not None
    assert program.stderr.read() == b""
    program.stderr.close()
    assert program.wait() == 1
