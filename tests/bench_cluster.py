"""What a second worker is worth: `doit bench:cluster`. Four IPs of the toy, with stand-in tools that take two seconds each."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.test_dodo import ROOT, project
from tests.tools.farm import Farm
from tests.tools.installation import Installation

IPS = ("stem", "res2a", "res2b", "head")
REPEATS = 3


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        chosen = project(ROOT / "tests" / "toy.yaml", folder)[0]
        tools = Installation(folder / "tools", seconds=2)
        environment = os.environ | {"RESFLOW_CACHE": str(folder / "cache")} | tools.environment

        def build(*words: str) -> float:
            began = time.monotonic()
            command = [sys.executable, "-m", "doit", chosen, f"build={folder / 'build'}", *words]
            subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)
            return time.monotonic() - began

        build("-n", "2", "csim", "check")  # which are not what is measured
        seconds: dict[int, list[float]] = {1: [], 2: []}
        for repeat in range(REPEATS):
            for workers in seconds:
                (folder / f"farm{repeat}{workers}").mkdir()
                with Farm(folder / f"farm{repeat}{workers}", dict(environment)) as farm:
                    for worker in range(workers):
                        farm.worker(f"worker{worker}")
                    seconds[workers].append(build(f"cluster={farm.address}", *(f"synth:{ip}" for ip in IPS)))
                build("cache", "--prune-gb", "0")
                build("forget", *(f"synth:{ip}" for ip in IPS))
    one, two = median(seconds[1]), median(seconds[2])
    print(f"4 IPs of 2 s each, medians of {REPEATS}: one worker {one:.1f} s, two workers {two:.1f} s, {two / one:.2f} of the time")


if __name__ == "__main__":
    main()
