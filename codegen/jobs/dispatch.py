"""Where the jobs of a build run: on this machine or on a cluster, within their limits, sharing the cache."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path

from codegen.errors import ToolError
from codegen.jobs.cache import Cache
from codegen.jobs.cluster import CONNECT_SECONDS, Cluster
from codegen.jobs.job import Job, Limits
from codegen.jobs.run import Outcome, do, run_here
from codegen.tools import releases
from codegen.tools.find import SETTINGS

JOBS_ON_CLUSTER = 16
"""Submitted at once, unless doit -n says otherwise; what the workers cannot run yet is queued."""

OF_ALL = ("stitch", "package", "link")
"""Steps of the whole network."""


def endpoint(address: str) -> tuple[str, int] | None:
    """Host and port of tcp://HOST:PORT; None where it is no such address."""
    match = re.fullmatch(r"(?:[a-z]+://)?\[?([^\[\]/]+?)\]?:([0-9]{1,5})", address)
    return (match[1], int(match[2])) if match and 0 < int(match[2]) < 65536 else None


@dataclass(frozen=True, kw_only=True)
class Dispatch:
    """Runs the jobs of one build; `away` are the steps that go to the cluster, if there is one."""

    build: Path  # build/<network>
    cache: Cache
    address: str = ""  # of a Dask scheduler
    away: Collection[str] = ()
    timeout_minutes: float | None = None  # instead of the limits of each step
    memory_gb: float | None = None

    def limits(self, job: Job) -> Limits:
        """What a job may take: what the user has set, else what its step is made with."""
        return Limits(
            timeout_minutes=job.limits.timeout_minutes if self.timeout_minutes is None else self.timeout_minutes,
            memory_gb=job.limits.memory_gb if self.memory_gb is None else self.memory_gb,
        )

    def folder(self, job: Job) -> Path:
        """Where its products go: build/<network>/<step>/<name>, without the name for steps of the whole network."""
        return self.build / job.step if job.step in OF_ALL else self.build / job.step / job.name

    def do(self, job: Job) -> Outcome:
        """Bring a job's products into its folder, from the cache or by running it; raises ToolError."""
        runner = cluster(self.address, self.cache).run if self.address and job.step in self.away else run_here
        limited = replace(job, limits=self.limits(job))
        return do(limited, self.folder(job), self.cache, runner, message=lambda line: print(line, file=sys.stderr, flush=True))

    def require_cluster(self) -> None:
        """Raises ToolError where no scheduler listens at the address; called before any job starts."""
        host_and_port, why = endpoint(self.address), ""
        if host_and_port is None:
            why = "an address is tcp://HOST:PORT"
        else:
            try:
                with socket.create_connection(host_and_port, timeout=CONNECT_SECONDS) as connection:
                    # A scheduler sends first; Dask would wait for ever for a server that sends nothing.
                    if not self.address.startswith("tls://") and not connection.recv(1):
                        why = "the server there closes the connection"
            except (OSError, UnicodeError) as error:  # a host name may be one that cannot be encoded
                why = str(error)
        if why:
            raise ToolError(
                f"cluster={self.address}",
                "no Dask scheduler answers",
                why=why,
                fix="start one with `dask scheduler`, and give the address it prints; without cluster= everything runs here",
            )

    def hls_release(self) -> releases.Release:
        """The release of the HLS tool that will run: the one installed here, or with a cluster the newest that a worker offers."""
        if not self.address:
            return releases.installed(*releases.FRONT_ENDS)
        offered = cluster(self.address, self.cache).release_of(*releases.FRONT_ENDS)
        if offered is None:
            raise ToolError(
                f"cluster={self.address}",
                f"no worker offers {' or '.join(releases.FRONT_ENDS)}",
                why="C synthesis and cosimulation run there",
                fix="start workers where the tools are: python -m codegen.worker ADDRESS",
            )
        return releases.spoken_to(*offered)


@cache
def cluster(address: str, cache: Cache) -> Cluster:
    """The connection to a scheduler, one for the whole build."""
    return Cluster(address, cache)


def require_one_release(installed: dict[str, releases.Release]) -> None:
    """`installed` has tools in the order in which they read each other's products; raises ToolError where a later one is older."""
    for earlier, later in pairwise(installed):
        if not installed[later].at_least(installed[earlier].name):
            raise ToolError(
                later,
                f"is of {installed[later].name}",
                why=f"what {installed[earlier].name} makes does not go into an older release",
                fix=f"source {SETTINGS} of one release for all of {', '.join(installed)}",
            )
