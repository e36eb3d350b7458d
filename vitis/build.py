"""The build graph of a folder with descriptions: what its dodo.py gives to doit.

    from vitis.build import build_graph

    globals().update(build_graph(network="mine"))

Every package brings the tasks of its steps (network/tasks.py, dataflow/tasks.py, …). What a build works on is chosen on the command
line, `doit network=… platform=… build=…`, and checked before the first task begins.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from doit import doit_cmd, get_initial_workdir, get_var

import dataflow.platform
import dataflow.tasks
import hls.tasks
import ipi.tasks
import network
import network.tasks
import rtl.tasks
import vitis.tasks
from codegen import sources
from codegen.build_state import dependency_database, lock, search_cache
from codegen.cli import console, options, progress
from codegen.cli.options import OptionError
from codegen.errors import FourPartError
from codegen.jobs.cache import Cache, default_root
from codegen.jobs.dispatch import JOBS_ON_CLUSTER, Dispatch
from dataflow.plan import plan
from dataflow.project import Planned
from network.project import DRAW

PACKAGES: tuple[ModuleType, ...] = (network.tasks, dataflow.tasks, hls.tasks, rtl.tasks, ipi.tasks, vitis.tasks)
VARIABLES = {
    "network": "digits",
    "platform": "u250",
    "build": "PATH",
    "frames": "16",
    "cluster": "tcp://HOST:8786",
    "timeout_minutes": "600",
    "memory_gb": "24",
    "fit": "anyway",
}
"""What `doit NAME=VALUE …` may set, with a value each could have."""
COUNTED = {
    "frames": options.whole("frames=", 1, 100_000, "it counts the images every bench simulates"),
    "timeout_minutes": options.number("timeout_minutes=", 0.001, 1_000_000, "it counts the minutes a job may take"),
    "memory_gb": options.number("memory_gb=", 0, 1_000_000, "it counts the gigabytes set aside for a job"),
}
CONFIGS = Path("configs")
NEED_DMA = ("xclbin", "link", "demo")
"""Tasks there are not for a network whose interfaces are streams: PYNQ gives a kernel buffers in memory."""


def build_graph(*, network: str, default_tasks: Sequence[str] = ("csim", "check", "xclbin")) -> dict[str, Any]:
    """The names a dodo.py needs; `network` is the one that is meant where the command line names none. Ends the process with an error
    for what cannot be built."""
    console.degrade()
    sys.excepthook = progress.excepthook
    try:
        project = _project(network)
        jobs = JOBS_ON_CLUSTER if project.jobs.address else options.jobs_at_once()
    except FourPartError as error:
        sys.exit(f"error: {error}")
    dependency_database.write_after_each_step()
    if project.jobs.address:
        # Jobs run in threads, none of which is to import it while another does.
        with contextlib.suppress(ImportError):  # told by whoever needs it
            importlib.import_module("distributed")

    class Reporter(progress.Progress):
        remark = (
            f"parameters drawn at random, {project.drawn}: for building and timing, the labels mean nothing" if project.is_random else ""
        )

    missing = _missing(project.network)
    defaults = [name for name in default_tasks if name not in missing]
    if default_tasks and not defaults:
        sys.exit(f"error: {missing[default_tasks[0]]}")
    tasks = [(name, task) for name, task in _tasks() if name.removeprefix("task_") not in missing]
    config = {
        "default_tasks": defaults,
        "par_type": "thread",  # the work is in child processes
        "num_process": jobs if jobs > 1 else 0,  # in doit's main thread
        "continue": True,  # a failed IP fails the build at its end
        "reporter": Reporter,
        "backend": "json",
        "dep_file": str(project.folder / ".doit.json"),
    }
    return {"DOIT_CONFIG": config, "PROJECT": project, **{name: _creator(name, task, project) for name, task in tasks}}


def _tasks() -> Iterator[tuple[str, Callable[..., Any]]]:
    for package in PACKAGES:
        functions = inspect.getmembers(package, inspect.isfunction)
        yield from ((name, task) for name, task in functions if name.startswith("task_") and task.__module__ == package.__name__)


def _creator(name: str, task: Callable[..., Any], project: Planned) -> Callable[[], Any]:
    def creator() -> Any:
        return task(project)

    creator.__name__, creator.__doc__ = name, task.__doc__
    return creator


def _project(default: str) -> Planned:
    """What the command line chooses; raises DescriptionError, OptionError, ToolError."""
    options.require_jobs(sys.argv[1:])
    options.require_known(doit_cmd._CMDLINE_VARS or {}, VARIABLES)
    anyway = get_var("fit", None)
    if anyway:
        options.choice("fit=", ("anyway",), "builds go on although the estimate says that the design does not fit")(anyway)
    yaml, platform = _description(default), _platform()
    described = network.load(yaml, platform)
    for step, error in _missing(described).items():
        if vitis.tasks.asked(step):
            raise error
    folder = Path(get_var("build", "build")) / (f"{described.name}-{platform}" if platform else described.name)
    planning, kept = sources.digest(plan), folder / "search_cache.json"
    searched = search_cache.load(kept, planning)
    design = plan(described, searched)
    only_asks = progress.only_asks(sys.argv[1:])
    if not only_asks:
        try:
            lock.hold(folder)
        except OSError as error:
            why, fix = f"everything built goes into {folder}", "choose another folder: build=PATH"
            raise OptionError(str(error.filename), str(error.strerror), why=why, fix=fix) from None
        if searched:
            search_cache.save(kept, searched, planning)
    jobs = Dispatch(
        build=folder,
        cache=Cache(default_root(), progress.remark),
        address=str(get_var("cluster", "")),
        away=("synth", "cosim", *(["csim"] if vitis.tasks.asked("csim") else [])),
        timeout_minutes=_counted("timeout_minutes"),
        memory_gb=_counted("memory_gb"),
    )
    if jobs.address and not only_asks:
        jobs.require_cluster()
    frames = _counted("frames")
    places = [f"{name}={shlex.quote(str(get_var(name)))}" for name in ("network", "platform", "build") if get_var(name)]
    return Planned(
        yaml=yaml,
        network=described,
        folder=folder,
        chosen=" ".join(places) or f"network={default}",
        draws=DRAW in sys.argv[1:],
        design=design,
        jobs=jobs,
        scheduled=lambda: hls.scheduled(design, folder / "synth"),
        given_frames=None if frames is None else int(frames),
        fits_anyway=bool(anyway),
    )


def _missing(described: network.Network) -> dict[str, OptionError]:
    """The tasks that there are not for a network, and why."""
    missing = {}
    if not described.has_dma:
        for step in NEED_DMA:
            missing[step] = OptionError(
                f"doit {step}",
                f"{described.name} has interfaces: streams",
                why="PYNQ runs kernels that read and write memory, which one without a DMA does not",
                fix="write interfaces: memory in the description, or join the IP of doit ip with a DMA in a block design of your own",
            )
    if not described.loads:
        missing["constants"] = OptionError(
            "doit constants",
            f"{described.name} has constants: rom",
            why="they are part of its hardware, and other ones are another xclbin",
            fix="write constants: loaded in the description, or build the xclbin: doit xclbin, doit link",
        )
    return missing


def _counted(name: str) -> float | None:
    """The number a variable has, None where it is left out."""
    text = get_var(name, None)
    return None if text is None else COUNTED[name](text)


def _description(default: str) -> Path:
    """The file of `network=`: a name in configs or beside the dodo.py, or a path from where doit was called."""
    chosen = str(get_var("network", default))
    if chosen.endswith((".yaml", ".yml")):
        return Path(get_initial_workdir()) / chosen
    known = {path.stem: path for folder in (Path(), CONFIGS) for path in sorted(folder.glob("*.yaml"))}
    if chosen not in known:
        why = "descriptions stand in configs/<network>.yaml"
        fix = f"choose from {', '.join(sorted(known))}, or name a file: network=PATH.yaml" if known else "name a file: network=PATH.yaml"
        raise OptionError(f"network={chosen}", "no such network", why=why, fix=fix)
    return known[chosen]


def _platform() -> str | None:
    """The card of `platform=`, where it is not to be the description's own."""
    chosen: str | None = get_var("platform", None)
    known = dataflow.platform.known()
    if chosen is not None and chosen not in known:
        why, fix = "cards stand in dataflow/platforms/<card>.yaml", f"choose from {', '.join(known)}"
        raise OptionError(f"platform={chosen}", "no such card", why=why, fix=fix)
    return chosen
