"""Build tasks of the IPs in SystemVerilog: their sources, their simulation to the cycle, and what an open synthesizer makes of them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from doit import get_initial_workdir
from doit.tools import config_changed

from codegen import sources
from codegen.cli import options
from codegen.cli.options import checked_option
from codegen.cli.progress import step
from codegen.text.files import replace_with_copy, write_tree
from codegen.tools.find import fingerprint
from dataflow.design import Ip
from dataflow.project import Planned
from dataflow.tasks import LAYOUT, json_option, printed, write_json
from hls.render import has_roms
from hls.vectors import frame_count
from rtl.modules import has_modules, require_modules
from rtl.render import memories, outputs, render
from rtl.synthesis import STATISTICS, read_statistics, unit_job

SIMULATION = "rtl.simulation"  # by name: it brings numpy along, which loads slowly


def task_rtl(project: Planned) -> Iterator[dict[str, Any]]:
    """write the SystemVerilog of each IP: its top module, the contents of its ROMs, its bench for Verilator"""

    def generate(ip: Ip) -> dict[str, str]:
        require_modules(project.network, ip)
        texts = render(project.network.name, ip, project.arrays if has_roms(ip) else {})
        write_tree(_sources(project, ip), texts)
        return {"message": f"{sum(map(len, texts.values())):,} bytes of SystemVerilog: {ip.title}"}

    needs = {"file_dep": [project.parameters], "task_dep": ["_parameters"]}
    for ip in _chosen(project, "rtl", "rtlsim"):
        yield {
            "name": ip.name,
            "actions": [(step(generate), [ip])],
            **(needs if has_roms(ip) else {}),
            "uptodate": [config_changed(repr((ip, sources.digest(render, LAYOUT))))],
            "targets": _generated(project, ip),
            "clean": True,
        }


def _chosen(project: Planned, *steps: str) -> list[Ip]:
    """The IPs that can be built in SystemVerilog; and one that cannot, where the command line names it, to say why not."""
    named = {word.partition(":")[2] for word in sys.argv[1:] if word.partition(":")[0] in steps}
    return [ip for ip in project.design.ips if has_modules(ip) or ip.name in named]


def _sources(project: Planned, ip: Ip) -> Path:
    return project.folder / "rtl" / ip.name


def _generated(project: Planned, ip: Ip) -> list[Path]:
    return [_sources(project, ip) / name for name in outputs(ip)] if has_modules(ip) else []


def task_rtlsim(project: Planned) -> Iterator[dict[str, Any]]:
    """simulate the SystemVerilog of each IP with Verilator: every code, and the cycle of every beat, with stalls and without"""

    def simulate(ip: Ip, trace: Path | None) -> dict[str, str]:
        from rtl import simulation  # here, because numpy loads slowly

        vectors = project.vectors(ip)
        frames = frame_count(ip, vectors)
        runs = simulation.runs(ip, frames, messages=simulation.messages_in(ip, vectors))
        outcome = project.jobs.do(simulation.rtlsim_job(ip, _sources(project, ip), vectors, frames, runs, traced=trace is not None))
        if trace is not None:
            replace_with_copy(outcome.folder / simulation.WAVEFORM, trace)
        for run in runs:
            simulation.require_equal(ip, run, outcome.folder)
        return {"message": simulation.summary(ip, frames, runs) + (f"; waveform in {trace}" if trace else outcome.remark)}

    place = options.output("--trace", "the waveform is written to it", (".fst",), Path(get_initial_workdir()))
    is_traced = any(word.partition("=")[0] == "--trace" for word in sys.argv[1:])
    for ip in _chosen(project, "rtlsim"):
        folder = project.folder / "rtlsim" / ip.name
        yield {
            "name": ip.name,
            "actions": [(step(simulate), [ip])],
            "params": [checked_option("trace", place, None, "file for the waveform of the run without stalls: .fst")],
            "file_dep": [*_generated(project, ip), *project.vector_files(ip)],
            "task_dep": [f"rtl:{ip.name}"],
            "uptodate": [config_changed(repr((ip, fingerprint("verilator"), sources.digest(SIMULATION, LAYOUT)))), not is_traced],
            "targets": [folder / name for name in ("free.txt", "stalled.txt")],
            "clean": [(shutil.rmtree, [folder, True])],
        }


def task_synth_open(project: Planned) -> Iterator[dict[str, Any]]:
    """synthesize the units of each IP in SystemVerilog with Yosys, and print what they take beside the estimate: doit synth_open:res2a"""

    def synthesize(ip: Ip, json_file: Path | None) -> None:
        from rtl.synthesis_report import print_synthesis, synthesis_data

        require_modules(project.network, ip)
        arrays = project.arrays if has_roms(ip) else {}
        jobs = {unit.label: unit_job(ip, unit, memories(unit, arrays)) for unit in ip.units}
        counted = {label: read_statistics(project.jobs.do(job).folder / STATISTICS) for label, job in jobs.items()}
        print_synthesis(ip, counted)
        write_json(json_file, lambda: synthesis_data(ip, counted))

    for ip in _chosen(project, "synth_open"):
        task = printed(synthesize, json_option())
        needs = ["_parameters"] if has_roms(ip) else []
        yield {"name": ip.name, **task, "actions": [(task["actions"][0], [ip])], "task_dep": needs}
