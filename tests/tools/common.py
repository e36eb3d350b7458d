"""What the stand-ins for the vendor's tools share.

They are real processes that check what they are given and write what the tool would write. RESFLOW_STANDIN names a JSON file
that says how: {"release": "2022.2", "seconds": 0.1, "record": FILE, "fail": {"<tool>" or "<tool>:<name>": HOW}}. HOW is one of
FAILURES, `hang`, `kill`, `no product`, or a word the tool itself knows. The record gets a line `start` and `finish` per job, and
`stopped` for one that was ended with `finish` on its lips.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import time
import zipfile
from pathlib import Path
from typing import NoReturn

FAILURES = {
    "licence": "ERROR: [Common 17-345] A valid license was not found for feature 'Synthesis' and/or device 'xcu250'. "
    "Please run the Vivado License Manager for assistance in determining which features and devices are licensed for your system.",
    "part": "ERROR: [HLS 200-1023] Part 'xcu250-figd2104-2L-e' is not installed.",
    "memory": "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc",
    "timing": "ERROR: [VPL 101-2] design did not meet timing - Design failed to meet timing.",
    "ip definition": "ERROR: [BD 5-390] IP definition not found for VLNV: resflow:hls:res2a:1.0",
    "utilization": "ERROR: [Place 30-640] Place Check : This design requires more LUT as Logic cells than are available in the target device.",
}


class StandIn:
    """One run of a tool."""

    def __init__(self, tool: str) -> None:
        self.tool = tool
        self.plan = json.loads(Path(os.environ["RESFLOW_STANDIN"]).read_text()) if os.environ.get("RESFLOW_STANDIN") else {}
        self.release: str = self.plan.get("release", "2022.2")

    def fail(self, text: str, status: int = 1) -> NoReturn:
        print(text, flush=True)
        sys.exit(status)

    def start(self, name: str) -> str:
        """Record it, take the time it is to take, and fail where it is to; returns a failure the tool itself has to act."""
        self.record("start", name)
        failures = self.plan.get("fail", {})
        how = failures.get(f"{self.tool}:{name}", failures.get(self.tool, ""))
        if how == "hang":
            time.sleep(3600)
        time.sleep(self.plan.get("seconds", 0))
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if how in FAILURES:
            self.fail(FAILURES[how])
        return how

    def finish(self, name: str) -> NoReturn:
        """The last thing a run does; ended between the record and its own end it says so, as it has not finished then."""

        def stopped(*_: object) -> NoReturn:
            self.record("stopped", name)
            os._exit(1)

        sys.stdout.flush()
        signal.signal(signal.SIGTERM, stopped)
        self.record("finish", name)
        os._exit(0)

    def record(self, what: str, name: str) -> None:
        if self.plan.get("record"):
            with open(self.plan["record"], "a") as file:
                file.write(f"{what} {self.tool} {name}\n")


def deterministic_zip(texts: dict[str, str]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in sorted(texts.items()):
            archive.writestr(zipfile.ZipInfo(name), text)
    return data.getvalue()
