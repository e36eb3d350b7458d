"""Running jobs: from the cache where it has their products, otherwise by their tools, in a folder of their own."""

from __future__ import annotations

import fcntl
import io
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from codegen.errors import ToolError
from codegen.jobs.cache import Cache
from codegen.jobs.job import Call, Job
from codegen.jobs.memory import memory
from codegen.text.files import replace_with_copy, write_changed
from codegen.tools.find import find
from codegen.tools.run import Finished, run

WORK = "work"
"""A job's working folder, below the folder its products go to; what failed stays there to be looked at."""

Runner: TypeAlias = Callable[[Job, Path], Mapping[str, Path]]
"""Runs a job whose products go to a folder; returns where they lie now. Raises ToolError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`cached`: nothing was run, the products were there already."""

    cached: bool
    folder: Path

    @property
    def remark(self) -> str:
        """For the line a build prints of the step."""
        return ", from the cache" if self.cached else ""


def do(job: Job, folder: Path, cache: Cache, runner: Runner, *, message: Callable[[str], None] = lambda _: None) -> Outcome:
    """Bring a job's products into `folder`, from the cache or by running it; raises ToolError.

    `message` gets a line when another build is running the same job, and is waited for.
    """
    cached = cache.fetch(job.step, job.key, folder) is not None
    if not cached:
        with cache.locked(
            job.step, job.key, lambda: message(f"{job.step}:{job.name}: another build is running this job, in {cache.root}: waiting")
        ):
            # Whoever held the lock may have made it.
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

    A call that an interrupted build has left running is waited for; calls it had finished are not repeated.
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
    """Find products and logs; raises ToolError for a missing one: some tools exit 0 when they have failed."""
    products = {}
    for name, pattern in job.products.items():
        is_folder = pattern.endswith("/")
        paths = sorted(path for path in (folder / WORK).glob(pattern) if path.is_dir() == is_folder)
        if not paths:
            for done in (folder / WORK).glob(".done*"):
                done.unlink()  # the next attempt is to run it again
            from codegen.tools.failures import first_error  # here, because a build in which nothing fails needs none of its patterns

            last, fix = job.calls[-1], "read the log: a tool that stops early may exit 0 all the same"
            error = first_error((folder / last.log).read_text(encoding="utf-8", errors="replace"), hint=fix)
            raise ToolError(
                str(folder / last.log),
                f"{Path(last.words[0]).name} exited 0 without producing {name}",
                why=error.reason if error else f"there is no {pattern} in {folder / WORK}",
                fix=error.fix if error else fix,
            )
        products[name] = _packed(paths[0], folder / WORK / f".{name}") if is_folder else paths[0]
    return products | {call.log: folder / call.log for call in job.calls}


def _packed(folder: Path, target: Path) -> Path:
    """A folder as a reproducible zip: it depends on the names and contents of its files alone."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.writestr(zipfile.ZipInfo(str(path.relative_to(folder))), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return target


@contextmanager
def _alone(folder: Path) -> Iterator[int]:
    """Lock the folder against other builds, and against the tools that a killed build has left running; yields the lock's descriptor."""
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
