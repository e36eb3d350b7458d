"""Users of containers: no home, one that cannot be written, no entry in passwd, folders that are not theirs.

As root, who may write everywhere, the programs run as a user nobody knows, who may read everything (so that he finds this Python)
and write what is his.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.runtime import tiny
from tests.tools.programs import quick_compiler

ROOT = Path(__file__).parent.parent
NOBODY = 64_321
KEPT = "remark: finished work is not kept for the next time: "


@pytest.fixture(scope="module")
def as_nobody():
    """The words that make a command somebody else's."""
    if os.getuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root, with setpriv, can run something as a user without an entry in passwd")
    user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    user += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    if subprocess.run([*user, sys.executable, "-c", ""], capture_output=True, check=False).returncode:
        pytest.skip("setpriv may not give another user the right to read")
    return user


@pytest.fixture
def place():
    """A folder everybody may look into, which pytest's own is not."""
    with tempfile.TemporaryDirectory(prefix="resflow-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def theirs(place):
    """A folder they may write to."""
    folder = place / "theirs"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    return folder


def run(user, *words, cwd=ROOT, **changes):
    """A program of this Python; a change of None deletes the variable."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "RESFLOW_CACHE": None, "XDG_CACHE_HOME": None, "CXX": None, **changes}
    env = {name: value for name, value in env.items() if value is not None}
    result = subprocess.run([*user, sys.executable, *map(str, words)], cwd=cwd, env=env, capture_output=True, encoding="utf-8", check=False)
    assert "Traceback" not in result.stdout + result.stderr, result.stderr
    return result


HOMES = {
    "none": ({"HOME": None}, "this user has no home folder for a cache"),
    "an empty one": ({"HOME": ""}, "this user has no home folder for a cache"),
    "a relative one": ({"HOME": "home"}, "this user has no home folder for a cache"),
    "Docker's": ({"HOME": "/"}, "/.cache/resflow: Permission denied"),
    "another's": ({"HOME": "{tmp}"}, "{tmp}/.cache/resflow: Permission denied"),
    "a file": ({"HOME": "{tmp}/file"}, "{tmp}/file/.cache/resflow: Not a directory"),
    "another's cache": ({"RESFLOW_CACHE": "{tmp}/cache"}, "{tmp}/cache: Permission denied"),
}


@pytest.mark.parametrize("home", HOMES)
def test_a_build(as_nobody, theirs, place, home):
    """It goes on without a cache, and says so once and why."""
    changes, reason = HOMES[home]
    (place / "file").write_text("")
    changes = {name: value and value.format(tmp=place) for name, value in changes.items()}
    if home != "none":
        changes["CXX"] = str(quick_compiler(theirs))
    result = run(as_nobody, "-m", "doit", "-n", 2, f"build={theirs}", "csim:head", "csim:dma", "cache", **changes)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("PASS") == 2
    assert result.stderr == f"{KEPT}{reason.format(tmp=place)}; RESFLOW_CACHE=PATH names another folder for it\n"
    assert [path.name for path in place.iterdir() if path.name not in ("theirs", "file")] == []


def test_what_others_have_kept_is_used(as_nobody, theirs, place):
    """A cache that can only be read is one all the same."""
    cache = {"RESFLOW_CACHE": str(place / "cache"), "CXX": str(quick_compiler(place))}
    assert run([], "-m", "doit", f"build={place / 'mine'}", "csim:head", **cache).returncode == 0
    result = run(as_nobody, "-m", "doit", f"build={theirs}", "csim:head", **cache)
    assert (result.returncode, result.stderr) == (0, "")
    assert "from the cache" in result.stdout


def test_a_build_folder_that_is_not_theirs(as_nobody, place):
    result = run(as_nobody, "-m", "doit", f"build={place / 'build'}", "check", HOME=None)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"error: {place / 'build'}: Permission denied\n  why: everything built goes into {place / 'build' / 'digits'}\n"
        "  fix: choose another folder: build=PATH\n"
    )


@pytest.mark.parametrize("home", ["none", "a relative one", "a file"])
def test_the_runtime(as_nobody, theirs, place, home):
    """From a folder that cannot be written either."""
    (place / "file").write_text("")
    changes = {name: value and value.format(tmp=place) for name, value in HOMES[home][0].items()}
    tiny.write(place / "tiny.xclbin")
    program = (
        "import numpy as np, pynq, runtime\n"
        "overlay = pynq.Overlay('tiny.xclbin')\n"
        "with runtime.Accelerator.open('tiny.xclbin') as accelerator:\n"
        "    print(*overlay.ip_dict, accelerator.classify(np.zeros((2, 8, 8, 1), np.uint8)).shape)\n"
    )
    result = run(as_nobody, "-c", program, cwd=place, **changes)
    assert (result.returncode, result.stdout, result.stderr) == (0, "tiny_1 (2, 3)\n", "")
    bench = ["-m", "runtime", "bench", "tiny.xclbin", "--batch", "1", "--repetitions", "1", "--plot"]
    assert run(as_nobody, *bench, theirs / "plot.png", cwd=place, **changes).returncode == 0
    assert (theirs / "plot.png").exists()


def test_no_folder_at_all(as_nobody, place):
    """As in a container that is read-only altogether."""
    tiny.write(place / "tiny.xclbin")
    everything = "import tempfile; tempfile._get_candidate_names = lambda: iter(()); tempfile._candidate_tempdir_list = lambda: []\n"
    program = f"{everything}import sys; from runtime.__main__ import main; sys.exit(main(sys.argv[1:]))"
    bench = ["bench", "tiny.xclbin", "--batch", "1", "--repetitions", "1"]
    assert run(as_nobody, "-c", program, *bench, cwd=place, HOME=None).returncode == 0
    (place / "plots").mkdir()
    (place / "plots").chmod(0o777)
    result = run(as_nobody, "-c", program, *bench, "--plot", "plots/plot.png", cwd=place, HOME=None)
    assert result.returncode == 1
    assert re.fullmatch(r"error: plot: no figure\nwhy: .*\nfix: set MPLCONFIGDIR to a folder that can be written\n", result.stderr)
