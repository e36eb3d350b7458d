"""Work for a tool as a value: files in, a few calls, products out. It runs where the files are put, here or on another machine.

A job's key is a digest of all that its products follow from. Products are kept in the cache under it, so that work that is
finished is never done again: not after a kill, not in another build folder, not by another user of the same cache.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
import os
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TypeAlias

from codegen.cache import Cache
from codegen.failures import first_error
from codegen.files import replace_with_copy, sha256, write_changed
from codegen.tools import Finished, ToolError, find, run

Content: TypeAlias = Path | str | bytes
"""Of a file of a job: where it lies, or what it says."""
WORK = "work"
"""A job's working folder, below the folder its products go to; what failed stays there to be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a job may take."""

    timeout_minutes: float
    memory_gb: float


LIMITS = {
    "csim": Limits(timeout_minutes=10, memory_gb=1),
    # The larger IPs of ResNet-50; the original's took 8.7 GB for a C++ compiler alone.
    "synth": Limits(timeout_minutes=240, memory_gb=8),
    "cosim": Limits(timeout_minutes=480, memory_gb=12),
    "stitch": Limits(timeout_minutes=600, memory_gb=32),
    "package": Limits(timeout_minutes=60, memory_gb=8),
    # UG1393 wants 80 GB and more for the largest cards.
    "link": Limits(timeout_minutes=2880, memory_gb=64),
}
"""By step; guesses to begin with, `doit timeout_minutes=… memory_gb=…` sets others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One run of a tool: its name as in `tools.TOOLS`, or a path in the working folder that begins with ./, and its arguments."""

    words: tuple[str, ...]  # {work} in one of them stands for the working folder, where only an absolute path will do
    log: str  # the name of its log, which is a product too
    hint: str = "read the log"  # the remedy where the failure is not a known one


@dataclass(frozen=True, kw_only=True)
class Job:
    """`step` and `name` are the task's (synth, res2a); paths are relative to the working folder.

    A path that ends with / is a folder: what is kept or given of it is a zip.
    """

    step: str
    name: str
    files: Mapping[str, Content]
    calls: tuple[Call, ...]
    products: Mapping[str, str]  # name -> pattern of the one file that becomes it
    release: str = ""  # of the tools: 2022.2
    weight: int = 0  # heavier jobs are begun first
    limits: Limits

    @cached_property
    def key(self) -> str:
        """Sha256 over the files' contents, the calls, the products and the release; what it may take is no part of it."""
        facts = {
            "step": self.step,
            "files": {name: _digest(content) for name, content in sorted(self.files.items())},
            "calls": [(call.words, call.log) for call in self.calls],
            "products": dict(sorted(self.products.items())),
            "release": self.release,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    @property
    def tools(self) -> tuple[str, ...]:
        """The names of the tools it calls."""
        return tuple(dict.fromkeys(call.words[0] for call in self.calls if not call.words[0].startswith("./")))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Everything it leaves: products and logs."""
        return (*self.products, *(call.log for call in self.calls))


def _digest(content: Content) -> str:
    if isinstance(content, Path):
        status = content.stat()
        return _digest_of_file(content, status.st_mtime_ns, status.st_size)
    return hashlib.sha256(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content).hexdigest()


@cache
def _digest_of_file(path: Path, mtime_ns: int, size: int) -> str:  # noqa: ARG001 (a file of another age is read again)
    return sha256(path)


Runner: TypeAlias = Callable[[Job, Path], Mapping[str, Path]]
"""Runs a job whose products go to a folder; returns where they lie now. Raises ToolError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`cached`: nothing was run, the products were there already."""

    cached: bool
    folder: Path

    @property
    def remark(self) -> str:
        """For the line a build tells of the step."""
        return ", from the cache" if self.cached else ""


def do(job: Job, folder: Path, cache: Cache, runner: Runner, *, told: Callable[[str], None] = lambda _: None) -> Outcome:
    """Bring a job's products into `folder`, from the cache or by running it; raises ToolError.

    `told` gets a line when somebody else is at the same job, and is waited for.
    """
    cached = cache.fetch(job.step, job.key, folder) is not None
    if not cached:
        with cache.making(job.step, job.key, lambda: told(f"{job.step}:{job.name}: somebody is at it already, in {cache.root}: waiting")):
            # Whoever held it may have made it.
            cached = cache.fetch(job.step, job.key, folder) is not None
            if not cached:
                products = runner(job, folder)
                cache.put(job.step, job.name, job.key, products)
                for name, path in products.items():
                    if path != folder / name:
                        replace_with_copy(path, folder / name)
    shutil.rmtree(folder / WORK, ignore_errors=True)
    return Outcome(cached=cached, folder=folder)


def run_here(job: Job, folder: Path) -> dict[str, Path]:
    """Run a job on this machine: the `Runner` without a cluster."""
    run_calls(job, folder)
    return collect(job, folder)


def run_calls(job: Job, folder: Path) -> list[Finished]:
    """Run a job's calls in `folder`/work, their logs in `folder`; raises ToolError.

    What an interrupted build had running may still be about to end: it is waited for. What it had finished counts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    work = folder / WORK
    with memory.reserved(job.limits.memory_gb), _alone(folder) as lock:
        of, done = work / ".job", [work / f".done{i}" for i in range(len(job.calls))]
        if not (of.exists() and of.read_text(encoding="utf-8") == job.key and all(path.exists() for path in done)):
            shutil.rmtree(work, ignore_errors=True)
            lay_out(job, work)
            write_changed(of, job.key)
        return [
            run(
                _command(call, work.resolve()),
                log=folder / call.log,
                cwd=work,
                timeout_minutes=job.limits.timeout_minutes,
                hint=call.hint,
                done=ended,
                lock=lock,
            )
            for call, ended in zip(job.calls, done, strict=True)
        ]


def _command(call: Call, work: Path) -> list[str]:
    tool, *words = (word.replace("{work}", str(work)) for word in call.words)
    return [str(work / tool) if tool.startswith("./") else find(tool), *words]


def lay_out(job: Job, work: Path) -> None:
    """Write a job's files."""
    for name, content in job.files.items():
        path = work / name
        if name.endswith("/"):
            with zipfile.ZipFile(io.BytesIO(content) if isinstance(content, bytes) else content) as archive:
                archive.extractall(path)
        elif isinstance(content, Path):
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(content, path)
        else:
            write_changed(path, content)


def collect(job: Job, folder: Path) -> dict[str, Path]:
    """Find products and logs; raises ToolError for one that is not there: some tools fail without saying so."""
    found = {}
    for name, pattern in job.products.items():
        is_folder = pattern.endswith("/")
        paths = sorted(path for path in (folder / WORK).glob(pattern) if path.is_dir() == is_folder)
        if not paths:
            for done in (folder / WORK).glob(".done*"):
                done.unlink()  # it has not: the next attempt is to run it again
            last, fix = job.calls[-1], "read the log: a tool that stops early may still say it did well"
            error = first_error((folder / last.log).read_text(encoding="utf-8", errors="replace"), hint=fix)
            raise ToolError(
                str(folder / last.log),
                f"{Path(last.words[0]).name} ended well, but left no {name}",
                why=error.reason if error else f"there is no {pattern} in {folder / WORK}",
                fix=error.fix if error else fix,
            )
        found[name] = _packed(paths[0], folder / WORK / f".{name}") if is_folder else paths[0]
    return found | {call.log: folder / call.log for call in job.calls}


def _packed(folder: Path, target: Path) -> Path:
    """A folder as a zip that depends on its files' names and contents alone."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.writestr(zipfile.ZipInfo(str(path.relative_to(folder))), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return target


@contextmanager
def _alone(folder: Path) -> Iterator[int]:
    """Nobody else works in the folder, not even the tools of a build that was killed a moment ago; yields the lock's descriptor."""
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


class Memory:
    """Gigabytes of a machine, set aside for jobs: one that does not fit waits until others have ended."""

    def __init__(self, gigabytes: float) -> None:
        self.gigabytes = self._free = gigabytes
        self._changed = threading.Condition()

    @contextmanager
    def reserved(self, gigabytes: float) -> Iterator[None]:
        """Hold so much; a job that wants more than there is runs when nothing else does."""
        wanted = min(gigabytes, self.gigabytes)
        with self._changed:
            self._changed.wait_for(lambda: wanted <= self._free)
            self._free -= wanted
        try:
            yield
        finally:
            with self._changed:
                self._free += wanted
                self._changed.notify_all()


def machine_gb() -> float:
    """Gigabytes of this machine, or of the container this process is confined to; what other programs hold is not known here."""
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, ValueError):  # no cgroup, or "max"
        size = min(size, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="utf-8")))
    return size / 2**30


memory = Memory(machine_gb())
