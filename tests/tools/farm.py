"""A Dask scheduler and its workers on this machine, as processes of their own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def alive(pattern):
    return subprocess.run(["pgrep", "-f", pattern], capture_output=True).returncode == 0


def await_true(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


class Farm:
    """A scheduler and its workers."""

    def __init__(self, folder, environment):
        """Logs and working folders go to `folder`; `environment` is what the workers have besides this process's."""
        self.folder, self.address, self.processes = folder, f"tcp://127.0.0.1:{free_port()}", []
        self.environment = os.environ | environment | {"PYTHONPATH": str(Path(__file__).parents[2])}
        host, port = self.address.removeprefix("tcp://").split(":")
        self.start("scheduler", "-m", "dask", "scheduler", "--host", host, "--port", port, "--no-dashboard", await_text="Scheduler at")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def start(self, name, *words, await_text, **environment):
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, *words],
                cwd=self.folder,
                env=self.environment | environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes.append(process)
        assert await_true(lambda: await_text in log.read_text()), log.read_text()
        return process

    def worker(self, name, **environment):
        words = ["-m", "codegen.worker", self.address, "--jobs", "1", "--no-nanny", "--no-dashboard"]
        return self.start(name, *words, await_text="Registered to", **environment)
