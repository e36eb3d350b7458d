from __future__ import annotations

import errno
import os
import pwd
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from codegen.jobs.cache import Cache, default_root
from codegen.jobs.cache_report import ago, print_cache, size

KEY = "a" * 64


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


def put(cache, key=KEY, step="synth", name="res2a", **texts):
    folder = cache.root.parent / "products"
    folder.mkdir(exist_ok=True)
    for product, text in texts.items():
        (folder / product).write_text(text)
    cache.put(step, name, key, {product: folder / product for product in texts})


def test_what_was_put_is_fetched(cache, tmp_path):
    assert cache.fetch("synth", KEY, tmp_path / "out") is None
    put(cache, ip="an IP", log="all is well")
    assert cache.fetch("synth", KEY, tmp_path / "out") == ("ip", "log")
    assert (tmp_path / "out" / "ip").read_text() == "an IP"
    assert cache.fetch("synth", "b" * 64, tmp_path / "out") is None


def test_the_first_stays(cache, tmp_path):
    put(cache, ip="first")
    put(cache, ip="second")
    cache.fetch("synth", KEY, tmp_path)
    assert (tmp_path / "ip").read_text() == "first"
    assert len(cache.entries()) == 1
    assert not [path for path in (cache.root / "synth").iterdir() if path.name.startswith(".")]


DAMAGES = {
    "a flipped bit": lambda entry: (entry / "files" / "ip").write_text("an iP"),
    "a short file": lambda entry: (entry / "files" / "ip").write_text(""),
    "a missing file": lambda entry: (entry / "files" / "ip").unlink(),
    "no list": lambda entry: (entry / "entry.json").unlink(),
    "a list cut off": lambda entry: (entry / "entry.json").write_text('{"step": '),
    "another's list": lambda entry: (entry / "entry.json").write_text((entry / "entry.json").read_text().replace(KEY, "b" * 64)),
    "a path out of it": lambda entry: (entry / "entry.json").write_text((entry / "entry.json").read_text().replace('"ip"', '"../ip"')),
    "a list of numbers": lambda entry: (entry / "entry.json").write_text("[1, 2]"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_thrown_away(cache, tmp_path, damage):
    put(cache, ip="an IP")
    DAMAGES[damage](cache.root / "synth" / KEY)
    assert cache.fetch("synth", KEY, tmp_path / "out") is None
    assert not (tmp_path / "out" / "ip").exists()
    assert cache.entries() == []
    put(cache, ip="an IP")
    assert cache.fetch("synth", KEY, tmp_path / "out") == ("ip",)


def test_pruning(cache):
    for i, days in enumerate((40, 10, 1)):
        put(cache, key=f"{i}" * 64, name=f"ip{i}", ip="x" * 1000)
        then = time.time() - days * 86400
        os.utime(cache.root / "synth" / (f"{i}" * 64) / "entry.json", (then, then))
    assert [entry.name for entry in cache.prune(days=30)] == ["ip0"]
    assert [entry.name for entry in cache.prune(gigabytes=1500e-9)] == ["ip1"]
    assert [entry.name for entry in cache.prune(days=30, gigabytes=1)] == []
    assert [entry.name for entry in cache.entries()] == ["ip2"]


def test_fetching_is_use(cache, tmp_path):
    put(cache, ip="an IP")
    os.utime(cache.root / "synth" / KEY / "entry.json", (0, 0))
    cache.fetch("synth", KEY, tmp_path)
    assert cache.prune(days=1) == []


def test_a_group_shares_what_its_folder_lets_it(tmp_path):
    """Entries take the permissions of the root."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o2770)
    cache = Cache(tmp_path / "cache")
    with cache.locked("synth", KEY, lambda: None):
        put(cache, ip="an IP")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in cache.root.rglob("*")}
    assert modes == {"synth": 0o2770, KEY: 0o2770, "files": 0o2770, "ip": 0o660, "entry.json": 0o660, f"{KEY}.lock": 0o660}


def test_a_folder_that_cannot_be_written(tmp_path):
    """Whatever is asked of it: work goes on, and one message says so."""
    messages = []
    (tmp_path / "cache").write_text("a file")
    cache = Cache(tmp_path / "cache", messages.append)
    with cache.locked("synth", KEY, lambda: messages.append("waiting")):
        put(cache, ip="an IP")
    assert (cache.fetch("synth", KEY, tmp_path / "out"), cache.has("synth", KEY), cache.entries(), cache.identity()) == (
        None,
        False,
        [],
        "",
    )
    assert messages == [
        f"finished work is not kept for the next time: {tmp_path}/cache: Not a directory; RESFLOW_CACHE=PATH names another folder for it"
    ]


def test_without_a_folder(tmp_path):
    messages = []
    cache = Cache(None, messages.append)
    (tmp_path / "ip").write_text("an IP")
    with cache.locked("synth", KEY, lambda: None):
        cache.put("synth", "res2a", KEY, {"ip": tmp_path / "ip"})
    assert (cache.fetch("synth", KEY, tmp_path / "out"), cache.has("synth", KEY), cache.prune(days=0), cache.identity()) == (
        None,
        False,
        [],
        "",
    )
    assert messages == [
        "finished work is not kept for the next time: this user has no home folder for a cache; RESFLOW_CACHE=PATH names another folder for it"
    ]
    assert print_cache(cache) == "nothing is kept: this user has no home folder for a cache (RESFLOW_CACHE=PATH names one)"


def test_a_full_disk(cache, monkeypatch, tmp_path):
    """Nothing half-written stays, and the products are where they were."""
    messages = []
    cache = Cache(cache.root, messages.append)

    def full(_, target):
        Path(target).write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfile", full)
    put(cache, ip="an IP")
    assert [path for path in (cache.root / "synth").rglob("*") if path.is_file()] == []
    assert messages == [
        f"finished work is not kept for the next time: {cache.root}: No space left on device; RESFLOW_CACHE=PATH names another folder for it"
    ]
    assert (tmp_path / "products" / "ip").read_text() == "an IP"


def test_one_makes_while_the_other_waits(cache):
    code = (
        "import sys; from pathlib import Path; from codegen.jobs.cache import Cache\n"
        f"with Cache(Path(sys.argv[1])).locked('synth', {KEY!r}, lambda: print('waiting', flush=True)):\n"
        "    print('locked', flush=True); sys.stdin.readline()\n"
    )

    def maker():
        pipe = subprocess.PIPE
        return subprocess.Popen([sys.executable, "-c", code, cache.root], stdin=pipe, stdout=pipe, text=True)

    with maker() as first:
        assert first.stdout.readline() == "locked\n"
        with maker() as second:
            assert second.stdout.readline() == "waiting\n"
            first.kill()  # the operating system lets go of its lock
            assert second.stdout.readline() == "locked\n"
            second.communicate("\n")
        first.communicate()


def test_where_it_is(monkeypatch, tmp_path):
    monkeypatch.setenv("RESFLOW_CACHE", str(tmp_path))
    assert default_root() == tmp_path
    monkeypatch.delenv("RESFLOW_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_root() == tmp_path / "xdg" / "resflow"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for nothing in ("", "relative/path"):  # by the XDG Base Directory Specification
        monkeypatch.setenv("XDG_CACHE_HOME", nothing)
        assert default_root() == tmp_path / "home" / ".cache" / "resflow"


@pytest.mark.parametrize("home", [None, "", "relative"])
def test_where_it_is_without_a_home(monkeypatch, home):
    """What passwd says, if it says something."""
    for name in ("RESFLOW_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    if home is not None:
        monkeypatch.setenv("HOME", home)
    assert default_root() == Path(pwd.getpwuid(os.getuid()).pw_dir) / ".cache" / "resflow"
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 17)
    assert default_root() is None


def test_every_cache_is_told_from_every_other(cache, tmp_path):
    assert cache.identity() == Cache(cache.root).identity()
    assert cache.identity() != Cache(tmp_path / "other").identity()
    assert sorted(path.name for path in cache.root.iterdir()) == ["identity"]


def test_the_list(cache, capsys):
    assert print_cache(cache) == f"0 entries of 0 B in {cache.root} (RESFLOW_CACHE names another folder)"
    put(cache, ip="x" * 1500)
    put(cache, key="b" * 64, name="res2b", ip="y" * 10)
    put(cache, step="csim", log="z")
    assert print_cache(cache) == f"3 entries of 1.5 kB in {cache.root} (RESFLOW_CACHE names another folder)"
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if "aaaa" in line or "bbbb" in line]
    assert rows == [
        ["csim", "res2a", "a" * 12, "1", "B", "just", "now"],
        ["synth", "res2a", "a" * 12, "1.5", "kB", "just", "now"],
        ["res2b", "b" * 12, "10", "B", "just", "now"],
    ]
    assert (
        print_cache(cache, gigabytes=0)
        == f"dropped 3 entries of 1.5 kB; 0 entries of 0 B in {cache.root} (RESFLOW_CACHE names another folder)"
    )


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2_000_000, "2.0 MB"), (3.2e12, "3200.0 GB")])
def test_sizes(count, text):
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(1, "just now"), (100, "a minute ago"), (3600, "60 minutes ago"), (86400, "24 hours ago"), (1e6, "12 days ago")]
)
def test_ages(seconds, text):
    assert ago(seconds) == text
