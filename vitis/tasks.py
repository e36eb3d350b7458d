"""Build tasks that see the whole design: Tcl and link configuration, the check, xclbins, the report, the demonstration."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path
from typing import Any

from doit import get_initial_workdir
from doit.tools import config_changed

from codegen import sources
from codegen.cli import options, progress
from codegen.cli.options import checked_option
from codegen.cli.progress import step
from codegen.errors import ToolError
from codegen.jobs.dispatch import require_one_release
from codegen.text.files import write_changed, write_tree
from codegen.tools import releases
from codegen.tools.find import fingerprint
from dataflow.choose.fit import fit
from dataflow.project import Planned
from dataflow.tasks import LAYOUT
from ipi.check import check as check_block_design
from ipi.render import outputs as block_design_files
from ipi.render import render as render_block_design
from ipi.tasks import kernel
from vitis.check import check as check_link
from vitis.jobs import link_job
from vitis.render import OUTPUTS as LINK
from vitis.render import render as render_link

EMULATION = "vitis.emulation"  # by name: importing it brings PYNQ along, which takes its time
SIZING = "dataflow.timing.sizing"  # numpy, likewise


def asked(*steps: str) -> bool:
    """Whether one of these steps, or a task of it, is named on the command line."""
    return any(word.partition(":")[0] in steps for word in sys.argv[1:])


def task_design(project: Planned) -> dict[str, Any]:
    """write the block design, packaging, link configuration and floorplan"""
    design = project.design

    def write() -> dict[str, str]:
        write_tree(project.folder / "ipi", render_block_design(design))
        what = f"block design of {len(design.ips)} IPs and {len(design.links)} streams, packaging"
        if not project.network.has_dma:
            shutil.rmtree(project.folder / "vitis", ignore_errors=True)  # of a description that had one
            return {"message": what}
        write_tree(project.folder / "vitis", render_link(design))
        return {"message": f"{what}, link, floorplan"}

    return {
        "actions": [step(write)],
        "uptodate": [config_changed(repr((design, sources.digest(render_block_design, render_link))))],
        "targets": rendered(project),
        "clean": True,
    }


def rendered(project: Planned) -> list[Path]:
    """The files of `task_design`: without a DMA nothing is linked."""
    files = [project.folder / "ipi" / name for name in block_design_files(project.design)]
    return files + [project.folder / "vitis" / name for name in LINK] if project.network.has_dma else files


def task_check(project: Planned) -> dict[str, Any]:
    """run the generated Tcl against a model of the Vivado commands it uses; see that nothing deadlocks and that the design fits the card"""
    design = project.design

    def check() -> dict[str, str]:
        from dataflow.timing.sizing import require_flow  # here, because numpy loads slowly

        found = check_block_design(design, project.folder / "ipi")
        found.require()
        said = [str(found)]
        if project.network.has_dma:
            from vitis.emulation import check_host

            link = check_link(design, project.folder / "vitis")
            link.require()
            said += [str(link), check_host(design)]
        require_flow(design)
        verdict = fit(design)
        if not project.fits_anyway:
            verdict.require()
        return {"message": "; ".join([*said, "no deadlock", str(verdict)])}

    users = (check_block_design, check_link, EMULATION, SIZING, fit, LAYOUT)
    return {
        "actions": [step(check)],
        "file_dep": rendered(project),
        "uptodate": [config_changed(repr((design, project.fits_anyway, sources.digest(*users))))],
        "clean": True,
    }


def emulated(project: Planned) -> Path:
    """The xclbin that PYNQ opens without a card."""
    return project.folder / f"{project.network.name}.xclbin"


def image(project: Planned) -> Path:
    """The image of the constants that are loaded."""
    return project.folder / f"{project.network.name}.constants"


def task_constants(project: Planned) -> dict[str, Any]:
    """pack the image of the constants that are loaded; after another training nothing else is built anew"""
    target = image(project)

    def pack() -> dict[str, str]:
        from vitis.emulation import constants_image

        data = constants_image(project.design, project.arrays)
        write_changed(target, data)
        return {"message": f"{project.design.load_words:,} words of 64 bits in {target}"}

    return {
        "actions": [step(pack)],
        "file_dep": [project.parameters],
        "task_dep": ["_parameters"],
        "uptodate": [config_changed(repr((project.design, sources.digest(EMULATION))))],
        "targets": [target],
        "clean": True,
    }


def with_parameters(project: Planned) -> list[str]:
    """The tasks that have to run before an xclbin is packed."""
    return ["_parameters", *(["constants"] if project.network.loads else [])]


def task_xclbin(project: Planned) -> dict[str, Any]:
    """pack the xclbin that PYNQ opens without a card"""
    target = emulated(project)

    def xclbin() -> dict[str, str]:
        from vitis.emulation import emulation_xclbin

        data = emulation_xclbin(project.design, project.arrays, versions=project.labels)
        write_changed(target, data)
        return {"message": f"{len(data):,} bytes in {target}", "sha256": hashlib.sha256(data).hexdigest()}

    def undamaged(task: object, values: dict[str, str]) -> bool:  # noqa: ARG001 (doit passes both, by these names)
        return target.exists() and hashlib.sha256(target.read_bytes()).hexdigest() == values.get("sha256")

    return {
        "actions": [step(xclbin)],
        "file_dep": [project.parameters],
        "task_dep": with_parameters(project),
        "uptodate": [config_changed(repr((project.design, project.is_random, sources.digest(EMULATION, LAYOUT)))), undamaged],
        "targets": [target],
        "clean": True,
    }


def task__tools(project: Planned) -> dict[str, Any]:
    """find the vendor's tools, and see that they go together"""

    def ready() -> None:
        # Everything that can be known of the tools before the first of them starts.
        chosen = {"hls": project.jobs.hls_release()}
        if asked("stitch", "package", "ip", "link"):
            chosen["vivado"] = releases.installed("vivado")
        if asked("link"):
            chosen["v++"] = releases.installed("v++")
        require_one_release(chosen)
        hls = chosen["hls"]
        if hls.needs_y2k22:
            progress.remark(f"{hls.hls[0]} {hls.name} exports no IP after 2021 without AMD's y2k22 patch (answer record 76960)")

    return {"actions": [step(ready)], "uptodate": [False]}


def task_link(project: Planned) -> dict[str, Any]:
    """link the kernel with the card's platform: the xclbin for the card"""
    target = project.folder / f"{project.network.name}.hw.xclbin"

    def link() -> dict[str, str]:
        from vitis.hardware import hardware_xclbin

        outcome = project.jobs.do(link_job(project.design, project.folder / "vitis", kernel(project), releases.installed("v++")))
        linked = (outcome.folder / "linked.xclbin").read_bytes()
        data = hardware_xclbin(project.design, linked, project.arrays, versions=project.labels)
        write_changed(target, data)
        return {"message": f"{len(data):,} bytes in {target}{outcome.remark}"}

    key = (fingerprint("v++"), project.design, project.is_random, sources.digest(link_job, "vitis.hardware", LAYOUT))
    return {
        "actions": [step(link)],
        "file_dep": [kernel(project), *(project.folder / "vitis" / name for name in LINK), project.parameters],
        "task_dep": ["_tools", *with_parameters(project)],
        "uptodate": [config_changed(repr(key))],
        "targets": [target],
        "clean": [(shutil.rmtree, [project.folder / "link", True])],
    }


def task_demo(project: Planned) -> dict[str, Any]:
    """everything for this network, then its images classified through PYNQ and the three arithmetics compared"""

    def demo() -> dict[str, str]:
        from runtime import AcceleratorError
        from vitis.verify import verify

        try:
            verdict = verify(project.design, project.arrays, emulated(project), project.images, project.frames)
        except AcceleratorError as error:
            raise ToolError(error.where, error.what, why=error.why, fix=error.fix) from None
        codes = f"all {verdict.codes:,} codes of {verdict.traced} images"
        agreed = f"reference, C simulation and emulator agree on {codes}"
        if verdict.loads > 1:
            drawn = f"{verdict.loads - 1} drawn at random, which C simulation has loaded, too"
            agreed = f"reference and emulator agree on {codes} with these parameters and {drawn}"
        return {"message": f"{agreed}\n{'':36}{verdict.accuracy}"}

    return {"actions": [step(demo)], "task_dep": ["csim", "check", "xclbin"], "uptodate": [False]}


def task_report(project: Planned) -> dict[str, Any]:
    """print what the vendor tools have found so far, and write it as JSON, CSV and a page"""
    design, folder = project.design, project.folder / "report"

    def report(baseline: str, record: bool) -> dict[str, str]:
        from dataflow.cost.estimate import estimate_ip
        from vitis.reports import baseline as baselines
        from vitis.reports.report import read
        from vitis.reports.views import files, print_report

        measured = read(design, project.folder, estimates={ip.name: estimate_ip(ip) for ip in design.ips}, area=design.platform.area)
        written = files(measured)
        write_tree(folder, written)
        print_report(measured)
        message = f"in {folder}: {', '.join(written)}"
        path = Path(get_initial_workdir()) / baseline if baseline else Path("baselines") / f"{project.network.name}.json"
        if record:
            write_changed(path, baselines.record(path, measured))
            return {"message": f"{message}; recorded in {path}"}
        if baseline:
            comparison = baselines.compare(path, measured)
            comparison.require_unmoved()
            return {"message": f"{message}; {comparison}"}
        return {"message": message}

    return {
        "actions": [step(report)],
        "params": [
            {"name": "baseline", "long": "baseline", "type": str, "default": "", "help": "compare with the figures of this file"},
            {"name": "record", "long": "record", "type": bool, "default": False, "help": "write it instead (baselines/<network>.json)"},
        ],
        "uptodate": [False],
        "clean": [(shutil.rmtree, [folder, True])],
        "verbosity": 2,
    }


def task_cache(project: Planned) -> dict[str, Any]:
    """list what finished jobs have left for others, or prune it: doit cache --prune-days 30, --prune-gb 50"""

    def cache(prune_days: float | None, prune_gb: float | None) -> dict[str, str]:
        from codegen.jobs.cache_report import print_cache

        return {"message": print_cache(project.jobs.cache, days=prune_days, gigabytes=prune_gb)}

    days = options.number("--prune-days", 0, 1_000_000, "it counts days")
    gigabytes = options.number("--prune-gb", 0, 1_000_000, "it counts gigabytes")
    return {
        "actions": [step(cache)],
        "params": [
            checked_option("prune-days", days, None, "drop what was not used for so many days"),
            checked_option("prune-gb", gigabytes, None, "drop the least recently used, down to this size"),
        ],
        "uptodate": [False],
        "verbosity": 2,
    }
