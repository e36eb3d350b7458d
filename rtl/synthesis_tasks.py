"""The build task that synthesizes IPs in SystemVerilog with an open synthesizer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dataflow.design import Ip
from dataflow.project import Planned
from dataflow.tasks import json_option, printed, write_json
from rtl.modules import MODULES
from rtl.synthesis import STATISTICS, read_statistics, unit_job


def task_synth_open(project: Planned) -> Iterator[dict[str, Any]]:
    """synthesize the units of each IP in SystemVerilog with Yosys, and print what they take beside the estimate: doit synth_open:res2a"""

    def synthesize(ip: Ip, json_file: Path | None) -> None:
        from rtl.render import memories
        from rtl.synthesis_report import print_synthesis, synthesis_data

        jobs = {unit.label: unit_job(ip, unit, memories(unit, project.arrays)) for unit in ip.units}
        counted = {label: read_statistics(project.jobs.do(job).folder / STATISTICS) for label, job in jobs.items()}
        print_synthesis(ip, counted)
        write_json(json_file, lambda: synthesis_data(ip, counted))

    for ip in project.design.ips:
        if all(unit.implementation in MODULES for unit in ip.units):
            task = printed(synthesize, json_option())
            yield {"name": ip.name, **task, "actions": [(task["actions"][0], [ip])], "task_dep": ["_parameters"]}
