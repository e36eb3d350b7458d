"""Users whose locale is not UTF-8: what they build, read and see, in child processes that take the locale at their start."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import network
from network import parameters
from tests.network import finn_writer
from tests.network.test_finn_headers import draw, small_folding
from tests.runtime import tiny

ROOT = Path(__file__).parent.parent
LOCALES = {
    "ASCII": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},  # as Python 3.6 and its like have it
    "Latin-1": {"LC_ALL": "de_DE.ISO-8859-1"},
}


@pytest.fixture(scope="session", params=LOCALES)
def foreign(request, tmp_path_factory):
    """The variables of a locale that is not UTF-8; in it, Python tells who leaves the encoding of a file to it."""
    variables = {**LOCALES[request.param], "PYTHONWARNDEFAULTENCODING": "1", "PYTHONWARNINGS": "always::EncodingWarning"}
    if request.param == "Latin-1":
        folder = tmp_path_factory.mktemp("locales")
        command = ["localedef", "-i", "de_DE", "-f", "ISO-8859-1", str(folder / variables["LC_ALL"])]
        if shutil.which("localedef") is None or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("no localedef with the sources of de_DE (Debian: apt install locales)")
        variables["LOCPATH"] = str(folder)
    return variables


def run(*words, env, cwd=ROOT):
    """Standard output, as bytes, of a program that ends well and leaves no encoding to the locale."""
    result = subprocess.run([sys.executable, *map(str, words)], cwd=cwd, env={**os.environ, **env}, capture_output=True, check=False)
    said = result.stdout + result.stderr
    assert result.returncode == 0, said.decode(errors="replace")
    assert b"Traceback" not in said
    ours = rf"^{re.escape(str(ROOT))}/(?!\.venv/)\S*: EncodingWarning: .*".encode()
    assert re.findall(ours, result.stderr, re.MULTILINE) == []
    return result.stdout


def test_a_build(foreign, toy_yaml, tmp_path):
    """Names that are not ASCII on every side: the description's, its folder, and within it its parameters."""
    folder = tmp_path / "Bücher"
    folder.mkdir()
    described = folder / "töy.yaml"
    text = "# Größe: 6×5\n" + toy_yaml.read_text(encoding="utf-8").replace("\nplatform:", "\nparameters: gewichte-ü.npz\nplatform:")
    described.write_bytes(text.replace("\n", "\r\n").encode())
    parameters.save(folder / "gewichte-ü.npz", parameters.draw(network.load(described), 1))
    tables = ["folding", "timing", "fifos", "estimate", "floorplan", "predict", "report", "cache"]
    chosen = ["-m", "doit", f"network={described}", f"build={folder / 'build'}"]
    told = run(*chosen, "csim:res2a", "check", "xclbin", *tables, env=foreign)
    assert "PASS res2a: 16 frames" in told.decode(errors="replace")
    assert b"\n ------" in told  # a rule, where there is no ─
    run("-m", "doit", "list", "--all", env=foreign)
    run(*chosen, "fifos", "--write", env=foreign)
    after = described.read_bytes()
    kept = [line for line in after.splitlines(keepends=True) if b"fifos:" not in line]
    assert b"".join(kept) == text.replace("\n", "\r\n").encode()
    assert after.count(b"\n") == after.count(b"\r\n") > len(kept)


def test_a_folder_of_any_bytes(toy_yaml, tmp_path):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xff\xfcd"))
    folder.mkdir()
    shutil.copy(toy_yaml, folder / "toy.yaml")
    parameters.save(folder / "toy.npz", parameters.draw(network.load(toy_yaml), 1))
    chosen = ["-m", "doit", f"network={folder}/toy.yaml", f"build={folder}/build"]
    told = run(*chosen, "params", "csim:res2a", "check", "xclbin", "fifos", "--write", env={})
    assert rb"/b\udcff\udcfcd/toy.yaml, where" in told
    assert "fifos:" in (folder / "toy.yaml").read_text(encoding="utf-8")


def test_images_are_found(foreign, tmp_path):
    """Files are named by bytes, labels and results are UTF-8: a name means the same in each of them."""
    names = ["ü.png".encode(), "日本/x.png".encode(), b"latin-1 \xfc.png", b"plain.png"]
    tiny.write(tmp_path / "tiny.xclbin")
    for name in names:
        path = Path(os.fsdecode(os.fsencode(tmp_path / "val") + b"/" + name))
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(path)
    (tmp_path / "val.txt").write_bytes(b"\xef\xbb\xbf" + b"".join(name + b",3\r\n" for name in names))
    command = ["-m", "runtime", "evaluate", "tiny.xclbin", "val", "--labels", "val.txt", "--csv", "out.csv"]
    here = {**foreign, "PYTHONPATH": str(ROOT)}
    assert b"4 of 4 evaluated\n" in run(*command, env=here, cwd=tmp_path)
    written = (tmp_path / "out.csv").read_bytes()
    assert {line.partition(b",")[0] for line in written.splitlines()[1:]} == set(names)
    assert b"4 of 4 evaluated, 4 of them earlier\n" in run(*command, env={"PYTHONPATH": str(ROOT)}, cwd=tmp_path)
    pictures = [os.fsdecode(b"val/" + name) for name in names]
    assert len(run("-m", "runtime", "classify", "tiny.xclbin", *pictures, env=here, cwd=tmp_path).splitlines()) == 4


def test_what_a_console_lacks(foreign):
    code = r"from codegen.cli import console; console.degrade(); print('\u2500 \u2192 6\u00d75\u2026 \u65e5 \udcff')"
    cross = b"x" if foreign["LC_ALL"] == "C" else b"\xd7"
    assert run("-c", code, env=foreign) == b"- -> 6" + cross + rb"5... \u65e5 " + b"\xff\n"
    assert run("-c", code, env={"LC_ALL": "C.UTF-8"}) == "─ → 6×5… 日 ".encode() + rb"\udcff" + b"\n"


def test_an_imported_description_names_its_file_in_utf_8(foreign, tmp_path):
    """What is written here is read elsewhere."""
    folding = small_folding()
    source = finn_writer.write(tmp_path / "quellen-ü", draw(folding), folding)
    command = ["-m", "network.importers.finn_headers", source, "gewichte-ü.npz", "--yaml", "ü.yaml"]
    run(*command, env={**foreign, "PYTHONPATH": str(ROOT)}, cwd=tmp_path)
    assert network.load(tmp_path / "ü.yaml").parameters == "gewichte-ü.npz"
    assert (tmp_path / "gewichte-ü.npz").exists()
