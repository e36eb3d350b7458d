"""Build tasks of the block design: its netlist, and the kernel packaged from it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from doit.tools import config_changed

from codegen import sources
from codegen.cli.progress import step
from codegen.text.files import write_changed, write_tree
from codegen.tools import releases
from codegen.tools.find import fingerprint
from dataflow.project import Planned
from ipi import catalog
from ipi import jobs as vivado
from ipi.xo import normalized


def kernel(project: Planned) -> Path:
    """The packaged kernel."""
    return project.folder / f"{project.network.name}.xo"


def task_stitch(project: Planned) -> dict[str, Any]:
    """join the IPs in the block design and synthesize it out of context"""
    design, folder = project.design, project.folder / "stitch"
    exported = {ip.name: project.folder / "synth" / ip.name / f"{ip.name}.zip" for ip in design.ips}

    def stitch() -> dict[str, str]:
        job = vivado.stitch_job(design, project.folder / "ipi", exported, releases.installed("vivado"))
        outcome = project.jobs.do(job)
        return {"message": f"{len(exported)} IPs in one netlist{outcome.remark}{vivado.unplaced(outcome.folder / 'stitch.log')}"}

    return {
        "actions": [step(stitch)],
        "file_dep": [*exported.values(), *(project.folder / "ipi" / name for name in ("block_design.tcl", "bd.tcl"))],
        "task_dep": ["_tools", "check"],
        "uptodate": [config_changed(repr((fingerprint("vivado"), sources.digest(vivado.stitch_job))))],
        "targets": [folder / name for name in vivado.stitched(design)],
        "clean": [(shutil.rmtree, [folder, True])],
    }


def task_package(project: Planned) -> dict[str, Any]:
    """package the netlist as an IP, and as a kernel: the .xo"""
    design, name, target = project.design, project.network.name, kernel(project)

    def package() -> dict[str, str]:
        outcome = project.jobs.do(
            vivado.package_job(design, project.folder / "ipi", project.folder / "stitch", releases.installed("vivado"))
        )
        write_changed(archive(project), normalized(archive(project).read_bytes()))
        if not project.network.has_dma:
            return {"message": f"{design.vlnv}{outcome.remark}"}
        packed = outcome.folder / f"{name}.xo"
        write_changed(target, normalized(packed.read_bytes()))
        packed.unlink()  # it has the date in it
        return {"message": f"{target.stat().st_size:,} bytes in {target}{outcome.remark}"}

    return {
        "actions": [step(package)],
        "file_dep": [
            *(project.folder / "stitch" / f"{name}.{suffix}" for suffix in vivado.NETLIST),
            *(project.folder / "ipi" / file for file in vivado.packaging(design)),
        ],
        "task_dep": ["_tools"],
        "uptodate": [config_changed(repr((fingerprint("vivado"), sources.digest(vivado.package_job, normalized))))],
        "targets": [archive(project), *([target] if project.network.has_dma else [])],
        "clean": [(shutil.rmtree, [project.folder / "package", True])],
    }


def archive(project: Planned) -> Path:
    """The packaged IP, as a zip."""
    return project.folder / "package" / catalog.ARCHIVE


def task_ip(project: Planned) -> dict[str, Any]:
    """the netlist as an IP for block designs of one's own: a folder for Vivado's catalog, with a README"""
    folder = project.folder / "ip"

    def ip() -> dict[str, str]:
        shutil.rmtree(folder, ignore_errors=True)  # Vivado would read whatever else is in it
        write_tree(folder, catalog.folder(project.design, archive(project).read_bytes()))
        return {"message": f"{project.design.vlnv} in {folder}; its README.md has ports and registers"}

    return {
        "actions": [step(ip)],
        "file_dep": [archive(project)],
        "uptodate": [config_changed(repr((project.design, sources.digest(catalog.folder))))],
        "targets": [folder / name for name in catalog.files(project.design)],
        "clean": [(shutil.rmtree, [folder, True])],
    }
