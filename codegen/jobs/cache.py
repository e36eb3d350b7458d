"""A cache of the products of jobs, by a digest of their inputs, shared between builds and between users.

    <root>/<step>/<key>/entry.json    step, name, key, and for every product its size and sha256
    <root>/<step>/<key>/files/...     the products
    <root>/<step>/<key>.lock          held by the build that runs the job

An entry appears atomically, by a rename. Reading checks every byte: a damaged entry is deleted and made again.
Where the cache cannot be written, builds go on without it and print one message. Files and folders take their permissions from the
root, so that a group shares a cache whose root the group may write to.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import pwd
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from codegen.text.files import replace_with_copy

VARIABLE = "RESFLOW_CACHE"
ENTRY = "entry.json"


def default_root() -> Path | None:
    """What RESFLOW_CACHE names, else resflow in the user's cache folder; None for a user without a home folder."""
    if named := os.environ.get(VARIABLE):
        return Path(named)
    # The XDG Base Directory Specification ignores relative paths; a container's user may have no entry in passwd.
    for folder in (os.environ.get("XDG_CACHE_HOME", ""), os.path.join(os.environ.get("HOME", ""), ".cache")):
        if os.path.isabs(folder):
            return Path(folder) / "resflow"
    with contextlib.suppress(KeyError):
        return Path(pwd.getpwuid(os.getuid()).pw_dir) / ".cache" / "resflow"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry of the cache; its `files` have been neither read nor checked."""

    step: str
    name: str
    key: str
    folder: Path
    files: dict[str, tuple[int, str]]  # product -> bytes, sha256
    used: float  # seconds since the epoch: when it was last made or fetched

    @property
    def size(self) -> int:
        """Bytes of the products."""
        return sum(size for size, _ in self.files.values())


class Cache:
    """The cache below one root folder, which is created by the first `put`; with no root, nothing is kept.

    `message` gets one line, the first time something cannot be kept.
    """

    def __init__(self, root: Path | None, message: Callable[[str], None] = lambda _: None) -> None:
        self._root, self._message, self._has_warned = root, message, False

    @property
    def root(self) -> Path:
        """Raises OSError where there is none."""
        if self._root is None:
            raise FileNotFoundError(errno.ENOENT, "this user has no home folder for a cache")
        return self._root

    def identity(self) -> str:
        """A random identifier stored in the folder, to see whether two paths are the same folder; empty where it cannot be written."""
        try:
            path = self.root / "identity"
            if not path.exists():
                self._make(self.root)
                drawn = path.with_name(f".identity.{uuid.uuid4()}")
                drawn.write_text(str(uuid.uuid4()), encoding="utf-8")
                with contextlib.suppress(FileExistsError):  # another build's is there
                    os.link(drawn, path)
                drawn.unlink()
            return path.read_text(encoding="utf-8")
        except OSError as error:
            self._cannot_keep(error)
            return ""

    def _cannot_keep(self, error: Exception) -> None:
        if not self._has_warned:
            self._has_warned = True
            place = f"{self._root}: " if self._root else ""
            # Where a file is in the place of the folder, mkdir says only that it exists.
            reason = "Not a directory" if isinstance(error, FileExistsError) else getattr(error, "strerror", None) or str(error)
            self._message(f"finished work is not kept for the next time: {place}{reason}; {VARIABLE}=PATH names another folder for it")

    def _folder(self, step: str, key: str) -> Path:
        return self.root / step / key

    @contextmanager
    def locked(self, step: str, key: str, waiting: Callable[[], None]) -> Iterator[None]:
        """Hold the lock of an entry; another build that holds it is waited for, after `waiting` was called."""
        with contextlib.ExitStack() as held:
            try:
                path = self._folder(step, key).with_suffix(".lock")
                self._make(path.parent)
                lock = FileLock(path, mode=self._mode(0o666))
                try:
                    lock.acquire(timeout=0)
                except Timeout:
                    waiting()
                    lock.acquire()
                held.callback(lock.release)
            except (OSError, NotImplementedError) as error:  # the latter where a file system knows no locks
                self._cannot_keep(error)
            yield

    def has(self, step: str, key: str) -> bool:
        """Whether there is an entry; its files are checked when they are fetched."""
        return self.entry(step, key) is not None

    def entry(self, step: str, key: str) -> Entry | None:
        """The entry of a key, or None where there is none, or none that can be read."""
        try:
            return self._read(self._folder(step, key))
        except OSError:
            return None

    def fetch(self, step: str, key: str, folder: Path) -> tuple[str, ...] | None:
        """Copy an entry's products into `folder`; their names, or None where there is no entry or it is damaged."""
        entry = self.entry(step, key)
        if entry is None:
            self._drop(step, key)
            return None
        folder.mkdir(parents=True, exist_ok=True)
        for name, (_, sha256) in entry.files.items():
            try:
                sound = replace_with_copy(entry.folder / "files" / name, folder / name) == sha256
            except OSError:
                sound = False
            if not sound:
                (folder / name).unlink(missing_ok=True)
                self._drop(step, key)
                return None
        with contextlib.suppress(OSError):  # another user's, who alone may write there
            os.utime(entry.folder / ENTRY)
        return tuple(entry.files)

    def put(self, step: str, name: str, key: str, products: Mapping[str, Path]) -> None:
        """Keep these products under a key, where possible; an existing entry stays."""
        if self.has(step, key):
            return
        beside = None
        try:
            target = self._folder(step, key)
            self._make(target.parent)
            beside = Path(tempfile.mkdtemp(prefix=f".{key[:16]}-", dir=target.parent))
            beside.chmod(self._mode(0o777))
            files = {}
            for product, path in sorted(products.items()):
                copy = beside / "files" / product
                self._make(copy.parent)
                shutil.copyfile(path, copy)
                copy.chmod(self._mode(0o666))
                files[product] = (copy.stat().st_size, hashlib.sha256(copy.read_bytes()).hexdigest())
            text = json.dumps({"step": step, "name": name, "key": key, "files": files}, indent=1) + "\n"
            (beside / ENTRY).write_text(text, encoding="utf-8")
            (beside / ENTRY).chmod(self._mode(0o666))
            with contextlib.suppress(OSError):  # it is there: another build was faster
                os.rename(beside, target)
        except OSError as error:
            self._cannot_keep(error)
        finally:
            if beside is not None:
                shutil.rmtree(beside, ignore_errors=True)

    def entries(self) -> list[Entry]:
        """All of them, the least recently used first."""
        folders = [self._read(path.parent) for path in self._root.glob(f"*/*/{ENTRY}")] if self._root else []
        return sorted((entry for entry in folders if entry is not None), key=lambda entry: (entry.used, entry.step, entry.name))

    def prune(self, *, days: float | None = None, gigabytes: float | None = None) -> list[Entry]:
        """Drop entries not used for `days`, then the least recently used until `gigabytes` are left; returns what was dropped."""
        dropped, kept = [], self.entries()
        while kept and (
            (days is not None and kept[0].used < time.time() - days * 86400)
            or (gigabytes is not None and sum(entry.size for entry in kept) > gigabytes * 1e9)
        ):
            dropped.append(kept.pop(0))
            self._drop(dropped[-1].step, dropped[-1].key)
        return dropped

    def _read(self, folder: Path) -> Entry | None:
        """The entry of a folder, or None where there is none, or none that can be read."""
        try:
            data = json.loads((folder / ENTRY).read_text(encoding="utf-8"))
            files = {str(name): (int(size), str(sha256)) for name, (size, sha256) in data["files"].items()}
            if data["key"] != folder.name or any(Path(name).is_absolute() or ".." in Path(name).parts for name in files):
                return None
            used = (folder / ENTRY).stat().st_mtime
            return Entry(step=str(data["step"]), name=str(data["name"]), key=folder.name, folder=folder, files=files, used=used)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def _drop(self, step: str, key: str) -> None:
        """Renamed first, in one step, so that no build reads half an entry."""
        with contextlib.suppress(OSError):
            folder = self._folder(step, key)
            aside = folder.with_name(f".{folder.name[:16]}-{os.getpid()}-{time.monotonic_ns()}")
            os.rename(folder, aside)
            shutil.rmtree(aside, ignore_errors=True)

    def _make(self, folder: Path) -> None:
        if folder.is_dir():
            return
        if folder != self.root and folder.parent != folder:
            self._make(folder.parent)
        folder.mkdir(parents=folder == self.root, exist_ok=True)
        with contextlib.suppress(OSError):
            folder.chmod(self._mode(0o777))

    def _mode(self, mode: int) -> int:
        """`mode` limited to the permissions of the root; its setgid bit is passed on to folders."""
        try:
            granted = self.root.stat().st_mode
        except OSError:
            return mode & 0o755
        return mode & granted | (granted & 0o2000 if mode & 0o111 else 0)
