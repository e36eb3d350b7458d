"""An installation of stand-ins: launchers of one release on PATH, and the plan they follow."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

TOOLS = Path(__file__).parent
HLS = {"vivado_hls": ("2019.2", "2020.1"), "vitis_hls": ("2020.2", "2024.2"), "vitis-run": ("2023.2", "9999.9")}
PROGRAMS = {**dict.fromkeys(HLS, "hls.py"), "vivado": "vivado.py", "v++": "vpp.py"}
C = "High-Level Synthesis from C, C++ and OpenCL"
VERSIONS = {
    "vivado_hls": ("-version|--version", f"Vivado(TM) HLS - {C} v{{release}} (64-bit)"),
    "vitis_hls": ("-version|--version", f"Vitis HLS - {C} v{{release}} (64-bit)"),
    "vitis-run": ("-version|--version", f"vitis-run - {C} v{{release}} (64-bit)"),
    "vivado": ("-version", "Vivado v{release} (64-bit)\\nSW Build 0\\nIP Build 0"),
    "v++": ("-version|--version", "****** v++ v{release} (64-bit)\\n  **** SW Build 0"),
}
"""The options that ask a tool for its release, and what it says. The launchers answer, as every build asks all tools for it."""


class Installation:
    """What a release installs, below `folder`; `plan` says how the tools behave, see common.py."""

    def __init__(self, folder: Path, release: str = "2022.2", **plan: object) -> None:
        self.folder, self.release = folder, release
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        for name, program in PROGRAMS.items():
            first, last = HLS.get(name, ("2019.2", "9999.9"))
            if first <= release <= last:
                launcher = self.bin / name
                options, said = VERSIONS[name]
                version = f'case "$*" in {options}) printf "{said.format(release=release)}\\n"; exit ;; esac'
                launcher.write_text(f'#!/bin/sh\n{version}\nexec {sys.executable} {TOOLS / program} "$0" "$@"\n')
                launcher.chmod(0o755)
        self.plan(**plan)

    def plan(self, **changes: object) -> None:
        self.plan_file = self.folder / "plan.json"
        self.record_file = self.folder / "record"
        plan = {"release": self.release, "record": str(self.record_file), **changes}
        self.plan_file.write_text(json.dumps(plan))

    @property
    def environment(self) -> dict[str, str]:
        """What makes a build find these tools and no others."""
        return {"PATH": f"{self.bin}:{os.environ['PATH']}", "RESFLOW_STANDIN": str(self.plan_file)}

    def runs(self, what: str = "finish") -> list[str]:
        """The jobs that began or finished, in order: `vitis_hls res2a`."""
        lines = self.record_file.read_text().splitlines() if self.record_file.exists() else []
        found: list[str] = []
        for line in lines:
            word, _, job = line.partition(" ")
            if word == what:
                found.append(job)
            elif (word, what) == ("stopped", "finish"):
                found.remove(job)
        return found
