"""Processes of doit that are forks of one that has imported what doit imports: a third of a second less for each of hundreds.

`python -m tests.tools.builds` is that one. A line on its standard input says what is to be run, a line on its standard output how that ended.
It has no threads, as nothing starts any that every doit imports: tests/test_structure.py.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def doit(*arguments: object, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """`doit` in a child process, in the checkout or another folder."""
    words, environment = [*map(str, arguments)], {**os.environ, **(env or {})}
    if cwd != ROOT or _of_python(environment) != _of_python(os.environ):
        return subprocess.run([sys.executable, "-m", "doit", *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    with tempfile.NamedTemporaryFile("r+") as out, tempfile.NamedTemporaryFile("r+") as err:
        server = _server(tuple(sorted(_of_python(environment).items())))
        print(json.dumps({"arguments": words, "environment": environment, "streams": [out.name, err.name]}), file=server.stdin, flush=True)
        status = int(server.stdout.readline())
        return subprocess.CompletedProcess(["doit", *words], status, out.read(), err.read())


def _of_python(environment: Mapping[str, str]) -> dict[str, str]:
    """What takes effect where an interpreter starts, and so not in one that is forked."""
    return {name: value for name, value in environment.items() if name.startswith(("PYTHON", "LC_", "LANG", "TZ"))}


@cache
def _server(_: object) -> Any:
    """One that was started with such an environment."""
    command = [sys.executable, "-m", "tests.tools.builds"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(process.communicate)  # the end of its input ends it
    return process


def serve() -> list[str]:
    """Answer until the input ends, and end; in each child return the arguments of the doit that it is to be."""
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            for number, path in enumerate((os.devnull, *request["streams"])):
                opened = os.open(path, os.O_RDWR)
                os.dup2(opened, number)
                os.close(opened)
            os.environ.clear()
            os.environ.update(request["environment"])
            return request["arguments"]
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    sys.exit()


if __name__ == "__main__":
    import doit.doit_cmd  # noqa: F401

    import vitis.build  # noqa: F401

    gc.freeze()  # else the first collection of each child would write to, and so copy, all that is imported here

    sys.argv[1:] = serve()
    runpy.run_module("doit", run_name="__main__", alter_sys=True)
