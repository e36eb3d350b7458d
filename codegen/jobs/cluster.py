"""Jobs on other machines, through a Dask scheduler: `doit synth cluster=ADDRESS` (extra `cluster`).

Workers announce what they offer as Dask resources: `memory_gb`, and a tool of a release as `vitis_hls-2022.2`. Sources travel with
the job. A worker that shares the cache's folder puts the products there; from another they travel back and are put there. A
tool's log is streamed to where it would be without a cluster. Dask itself reruns a job whose worker was lost.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import tempfile
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codegen.errors import ToolError
from codegen.jobs.cache import Cache, default_root
from codegen.jobs.job import Job
from codegen.jobs.key import Content
from codegen.jobs.run import WORK, run_here
from codegen.tools.find import RELEASED
from codegen.tools.run import stop

CONNECT_SECONDS = 8
"""How long to wait for a scheduler to answer."""
TAIL_SECONDS = 0.5
"""Between two looks at a running tool's log, and at whether the job is still wanted."""


def offered(tool: str, release: str) -> str:
    """The Dask resource of a tool: vitis_hls-2022.2; tools without releases go by their name."""
    return f"{tool}-{release}" if tool in RELEASED else tool


def needs(job: Job) -> dict[str, float]:
    """What a worker must offer to be given a job."""
    return {"memory_gb": job.limits.memory_gb} | {offered(tool, job.release): 1 for tool in job.tools}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A worker's result: the error of a job, or its products, unless it has put them into the cache."""

    error: tuple[str, str, str, str] | None = None  # where, what, why, fix; {folder} stands for the folder of the products
    products: Mapping[str, bytes] | None = None
    logs: Mapping[str, bytes]


def _is_loss(error: Exception) -> bool:
    """Whether Dask reports that a worker, the scheduler or the connection to them was lost."""
    from distributed import CancelledError, KilledWorker

    return isinstance(error, (CancelledError, KilledWorker, OSError, TimeoutError))


class Cluster:
    """A Dask scheduler and its workers; `Dispatch.require_cluster` has checked that it answers."""

    def __init__(self, address: str, cache: Cache) -> None:
        try:
            from distributed import Client
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in ("distributed", "dask"):
                raise
            raise ToolError(
                f"cluster={address}",
                "Dask is not installed",
                why="jobs go to other machines through it",
                fix="pip install 'resflow[cluster]'",
            ) from None
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # the job that misses a worker reports it
        self.address, self.cache = address, cache
        connect: Any = Client  # Dask has no types
        self.client = connect(address, timeout=CONNECT_SECONDS, set_as_default=False)

    def offers(self) -> list[dict[str, float]]:
        """The resources of each worker."""
        workers = self.client.scheduler_info(n_workers=-1)["workers"]
        return [dict(worker["resources"]) for worker in workers.values()]

    def release_of(self, *names: str) -> tuple[str, str] | None:
        """(tool, release) of the newest of these tools that a worker offers."""
        offered_tools = [word.rpartition("-") for offer in self.offers() for word in offer]
        return max(((tool, release) for tool, _, release in offered_tools if tool in names), key=lambda pair: pair[1], default=None)

    def run(self, job: Job, folder: Path) -> Mapping[str, Path]:
        """A `jobs.run.Runner`: the job runs on whichever worker offers what it needs."""
        self._require(job)
        folder.mkdir(parents=True, exist_ok=True)
        work = folder / WORK
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        topic = f"resflow-{uuid.uuid4()}"
        self.client.subscribe_topic(topic, lambda event: _write_log(folder, event[1]))
        carried = replace(job, files={name: _bytes(content) for name, content in job.files.items()})
        future = self.client.submit(
            *(work_on, carried, topic, self.cache.identity()),
            key=f"{job.step}:{job.name}:{topic}",
            resources=needs(job),
            priority=job.weight,
            pure=False,
        )
        try:
            answer: Answer = future.result()
        except Exception as error:
            why = f"{type(error).__name__}: {error}".splitlines()[0]
            if _is_loss(error):
                raise ToolError(
                    str(folder),
                    f"{job.step}:{job.name} was lost on the cluster",
                    why=why,
                    fix="look at the scheduler's and the workers' logs; a worker that dies each time may lack memory: doit memory_gb=…",
                ) from None
            # Raised by the code around the job, not by its tool, whose errors come in an Answer.
            raise ToolError(
                str(folder),
                f"{job.step}:{job.name} was not run as it should be by its worker",
                why=why,
                fix="install the same resflow and the same Python packages on every machine; the worker's log has the traceback",
            ) from error
        finally:
            with contextlib.suppress(Exception):
                future.cancel()  # also what still runs when the build is interrupted
                self.client.unsubscribe_topic(topic)
        for name, data in answer.logs.items():
            (folder / name).write_bytes(data)
        if answer.error:
            where, what, why, fix = (part.replace("{folder}", str(folder)) for part in answer.error)
            raise ToolError(where, what, why=why, fix=fix)
        if answer.products is None:
            self.cache.fetch(job.step, job.key, folder)
            return {name: folder / name for name in job.outputs}
        for name, data in answer.products.items():
            (work / name).write_bytes(data)
        return {name: work / name for name in answer.products} | {name: folder / name for name in answer.logs}

    def _require(self, job: Job) -> None:
        """A job that no worker can take would wait for ever; raises ToolError."""
        wanted, offers = needs(job), self.offers()
        if any(all(offer.get(name, 0) >= least for name, least in wanted.items()) for offer in offers):
            return
        lacks_memory = any(all(offer.get(name, 0) >= least for name, least in wanted.items() if name != "memory_gb") for offer in offers)
        there = "; ".join(", ".join(f"{name}={amount:g}" for name, amount in sorted(offer.items())) or "nothing" for offer in offers)
        raise ToolError(
            f"cluster={self.address}",
            f"no worker can take {job.step}:{job.name}",
            why=f"it needs {', '.join(f'{name}={least:g}' for name, least in wanted.items())}; the workers offer {there or 'nothing: there are none'}",
            fix="start workers with `python -m codegen.worker ADDRESS` where the tools are"
            + (", or lower memory_gb=…" if lacks_memory else ""),
        )


def _bytes(content: Content) -> bytes:
    return (
        content.read_bytes()
        if isinstance(content, Path)
        else content.encode("utf-8", "surrogateescape")
        if isinstance(content, str)
        else content
    )


def _write_log(folder: Path, event: Mapping[str, Any]) -> None:
    """Write a piece of a log at its offset; a job that is run again truncates its log."""
    with contextlib.suppress(OSError), (folder / event["log"]).open("r+b" if (folder / event["log"]).exists() else "wb") as file:
        file.seek(event["offset"])
        file.write(event["text"])
        file.truncate()


def work_on(job: Job, topic: str, cache_identity: str) -> Answer:
    """Run a job on this worker, in a temporary folder."""
    from distributed import get_worker

    worker: Any = get_worker()
    task = worker.get_current_task()
    with tempfile.TemporaryDirectory(prefix="resflow-") as name:
        folder = Path(name)
        ended = threading.Event()
        tail = threading.Thread(target=_tail, args=(worker, task, topic, folder, job, ended))
        tail.start()
        error, products = None, {}
        try:
            products = run_here(job, folder)
        except ToolError as failure:
            where, what, why, fix = (part.replace(str(folder), "{folder}") for part in failure.parts)
            error = (where, what, why, fix)
        finally:
            ended.set()
            tail.join()
        logs = {call.log: (folder / call.log).read_bytes() for call in job.calls if (folder / call.log).exists()}
        if error:
            return Answer(error=error, logs=logs)
        cache = Cache(default_root())
        if cache_identity and cache.identity() == cache_identity:
            cache.put(job.step, job.name, job.key, products)
            if cache.has(job.step, job.key):
                return Answer(logs=logs)
        return Answer(products={name: path.read_bytes() for name, path in products.items() if name not in logs}, logs=logs)


def _tail(worker: Any, task: str, topic: str, folder: Path, job: Job, ended: threading.Event) -> None:
    """Send what is appended to the logs until the job ends; stop its tools when the job is cancelled."""
    sent = dict.fromkeys((call.log for call in job.calls), 0)
    while not ended.wait(TAIL_SECONDS):
        state = worker.state.tasks.get(task)
        wanted = state is not None and state.state not in ("cancelled", "released", "forgotten")
        for log, offset in sent.items():
            if not wanted:
                stop(folder / log)
            elif (folder / log).exists():
                with (folder / log).open("rb") as file:
                    file.seek(offset)
                    text = file.read()
                if text:
                    worker.log_event(topic, {"log": log, "offset": offset, "text": text})
                    sent[log] = offset + len(text)
