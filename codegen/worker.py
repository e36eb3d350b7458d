"""A worker for `doit … cluster=ADDRESS`: python -m codegen.worker ADDRESS [--memory-gb N] [--jobs N] [dask worker's options]

Announces the tools and the memory of this machine as Dask resources, then becomes a `dask worker`.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib.util import find_spec

from codegen.cli import console
from codegen.cli.options import argument, number, whole
from codegen.errors import ToolError
from codegen.jobs.cluster import offered
from codegen.jobs.dispatch import endpoint
from codegen.jobs.memory import machine_gb
from codegen.tools.find import RELEASED, TOOLS, locate, release_of


def resources(memory_gb: float, jobs: int) -> dict[str, float]:
    """What this machine offers: memory, and every tool that is installed, for as many jobs as run at once."""
    offer: dict[str, float] = {"memory_gb": memory_gb}
    for name in TOOLS:
        if executable := locate(name):
            try:
                offer[offered(name, release_of(executable) if name in RELEASED else "")] = jobs
            except ToolError as error:
                print(f"not offered: {error}", file=sys.stderr)
    return offer


def _address(text: str) -> str:
    if endpoint(text) is None:
        raise argparse.ArgumentTypeError(f"{text!r}: no address of a scheduler; `dask scheduler` prints it: tcp://HOST:PORT")
    return text


def main() -> None:
    console.degrade()
    parser = argparse.ArgumentParser(prog="python -m codegen.worker", description="A Dask worker that announces tools and memory.")
    parser.add_argument("address", type=_address, help="of the Dask scheduler: tcp://HOST:8786")
    memory, jobs = number("--memory-gb", 0, 1_000_000, "it counts gigabytes"), whole("--jobs", 1, 10_000, "it counts jobs")
    parser.add_argument(
        "--memory-gb", type=argument(memory), default=round(machine_gb(), 1), help="to be set aside for jobs (default: all there is)"
    )
    parser.add_argument("--jobs", type=argument(jobs), default=os.cpu_count(), help="at once (default: one per core)")
    arguments, rest = parser.parse_known_args()
    if find_spec("distributed") is None:
        sys.exit("error: Dask is not installed\n  why: a worker is one of Dask's\n  fix: pip install 'resflow[cluster]'")
    offer = resources(arguments.memory_gb, arguments.jobs)
    words = " ".join(f"{name}={amount:g}" for name, amount in offer.items())
    print(f"offers {words}", flush=True)
    command = ["worker", arguments.address, "--nworkers", "1", "--nthreads", str(arguments.jobs), "--resources", words, *rest]
    os.execv(sys.executable, [sys.executable, "-m", "dask", *command])


if __name__ == "__main__":
    main()
