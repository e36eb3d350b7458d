"""Build tasks of the IPs: their sources and vectors, C simulation, and with the vendor's tools synthesis and cosimulation."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from doit.tools import config_changed

from codegen import sources
from codegen.cli.options import OptionError
from codegen.cli.progress import step
from codegen.jobs.job import Job
from codegen.text.files import write_changed, write_tree
from codegen.tools import releases
from codegen.tools.find import fingerprint
from dataflow.design import Ip
from dataflow.project import Planned
from hls.cosim_report import simulated
from hls.csim import csim_job, verdict
from hls.csynth import read_csynth
from hls.render import has_roms, outputs, render
from hls.synth import cosim_job, synth_job
from hls.vectors import frame_count, vectors


def task_generate(project: Planned) -> Iterator[dict[str, Any]]:
    """write the C++ of each IP: layers, constants, top function, test bench"""

    def generate(ip: Ip) -> dict[str, str]:
        texts = render(project.network.name, ip, project.arrays if has_roms(ip) else {})
        write_tree(project.sources(ip), texts)
        return {"message": f"{sum(map(len, texts.values())):,} bytes of C++: {ip.title}"}

    needs = {"file_dep": [project.parameters], "task_dep": ["_parameters"]}
    for ip in project.design.ips:
        yield {
            "name": ip.name,
            "actions": [(step(generate), [ip])],
            **(needs if has_roms(ip) else {}),
            "uptodate": [config_changed(repr((ip, sources.digest(render))))],  # the frozen value is its own key
            "targets": generated(project, ip),
            "clean": True,
        }


def generated(project: Planned, ip: Ip) -> list[Path]:
    return [project.sources(ip) / name for name in outputs(ip)]


def task_vectors(project: Planned) -> dict[str, Any]:
    """compute the test vectors of all IPs with the numpy reference"""
    # Where all constants are loaded, so are those of the benches, which are drawn: another training makes no vector stale.
    depends = not project.network.loads or any(has_roms(ip) for ip in project.design.ips)

    def compute() -> dict[str, str]:
        tried, frames, named = project.images.images, project.frames, project.network.images
        if project.given_frames and len(tried) < frames:
            why = f"the benches simulate {f'the images of {named}' if named else 'images drawn at random'}, each once"
            raise OptionError(
                f"frames={frames}", f"there are {len(tried)} images", why=why, fix=f"write 1 to {len(tried)}, or leave it out"
            )
        tried = tried[:frames]
        for ip, files in vectors(project.design, project.arrays if depends else None, tried).items():
            write_tree(project.folder / "vectors" / ip, files)
        return {"message": f"what the reference says of {len(tried)} images"}

    return {
        "actions": [step(compute)],
        "file_dep": [*project.image_files, *([project.parameters] if depends else [])],
        "task_dep": ["_parameters"] if depends else [],
        "uptodate": [config_changed(repr((project.network, project.frames, sources.digest(vectors))))],
        "targets": [file for ip in project.design.ips for file in project.vector_files(ip)],
        "clean": True,
    }


def simulation(project: Planned, ip: Ip) -> Job:
    given = project.vectors(ip)
    return csim_job(ip.name, project.sources(ip), given, frame_count(ip, given))


def task_csim(project: Planned) -> Iterator[dict[str, Any]]:
    """compile each IP with g++ and compare its streams and loops with the reference and the design"""

    def simulate(ip: Ip) -> dict[str, str]:
        outcome = project.jobs.do(simulation(project, ip))
        return {"message": verdict(outcome.folder / "run.log") + outcome.remark}

    variables = {name: os.environ.get(name, "") for name in ("CXX", "XILINX_HLS")}
    for ip in project.design.ips:
        folder = project.folder / "csim" / ip.name
        yield {
            "name": ip.name,
            "actions": [(step(simulate), [ip])],
            "file_dep": [*generated(project, ip), *project.vector_files(ip)],
            "uptodate": [config_changed(repr((variables, sources.digest(csim_job))))],
            "targets": [folder / name for name in ("compile.log", "run.log")],
            "clean": [(shutil.rmtree, [folder, True])],
        }


def task_synth(project: Planned) -> Iterator[dict[str, Any]]:
    """synthesize each IP with the vendor's HLS tool and export it for Vivado: doit -n 8 synth, doit synth:res3a"""
    design, jobs = project.design, project.jobs

    def synthesize(ip: Ip) -> dict[str, str]:
        outcome = jobs.do(synth_job(design, ip, project.sources(ip), jobs.hls_release()))
        return {"message": f"{read_csynth(outcome.folder / 'csynth.xml')}{outcome.remark}"}

    for ip in project.longest_first:
        folder = project.folder / "synth" / ip.name
        key = (
            fingerprint(*releases.FRONT_ENDS),
            ip,
            design.platform.part,
            project.network.clock_mhz,
            sources.digest(synth_job),
        )
        yield {
            "name": ip.name,
            "actions": [(step(synthesize), [ip])],
            "file_dep": generated(project, ip),
            "task_dep": ["_tools", "check", f"csim:{ip.name}"],
            "uptodate": [config_changed(repr(key))],
            "targets": [folder / name for name in (f"{ip.name}.zip", "csynth.xml", "csynth.rpt", "project.zip", "synth.log")],
            "clean": [(shutil.rmtree, [folder, True])],
        }


def task_cosim(project: Planned) -> Iterator[dict[str, Any]]:
    """simulate each IP's RTL under the bench of C simulation: doit cosim:res3a"""
    jobs = project.jobs

    def cosimulate(ip: Ip) -> dict[str, str]:
        finished = project.folder / "synth" / ip.name / "project.zip"
        job = cosim_job(ip, project.sources(ip), project.vectors(ip), finished, jobs.hls_release())
        outcome = jobs.do(job)
        return {"message": f"{simulated(outcome.folder / 'cosim.rpt')}{outcome.remark}"}

    for ip in project.longest_first:
        folder = project.folder / "cosim" / ip.name
        bench = project.sources(ip) / f"{ip.name}_tb.cpp"
        yield {
            "name": ip.name,
            "actions": [(step(cosimulate), [ip])],
            "file_dep": [project.folder / "synth" / ip.name / "project.zip", *project.vector_files(ip), bench],
            "task_dep": ["_tools"],
            "uptodate": [config_changed(repr((fingerprint(*releases.FRONT_ENDS), sources.digest(cosim_job))))],
            "targets": [folder / name for name in ("cosim.rpt", "cosim.log")],
            "clean": [(shutil.rmtree, [folder, True])],
        }


def task_due(project: Planned) -> dict[str, Any]:
    """say which IPs have to be simulated and synthesized, and which are in the cache as they are"""

    def due() -> dict[str, str]:
        # Synthesis cannot be looked up without its tool, which is part of the key.
        release, missing = project.jobs.hls_release(), {"csim": list[str](), "synth": list[str]()}
        for ip in project.longest_first:
            for job in (simulation(project, ip), synth_job(project.design, ip, project.sources(ip), release)):
                if not project.jobs.cache.has(job.step, job.key):
                    missing[job.step].append(ip.name)
        write_changed(project.folder / "due.json", json.dumps(missing, indent=1) + "\n")
        words = [f"{name} of {', '.join(ips) or 'none'}" for name, ips in missing.items()]
        return {"message": f"{'; '.join(words)}; also in {project.folder / 'due.json'}"}

    return {"actions": [step(due)], "task_dep": ["generate", "vectors"], "uptodate": [False]}
