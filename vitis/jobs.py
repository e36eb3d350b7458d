"""Linking as a job: kernel and platform become an xclbin.

link leaves    linked.xclbin, utilization.xml, timing.rpt
"""

from __future__ import annotations

from pathlib import Path

from codegen.jobs.job import Call, Job, Limits
from codegen.tools.releases import Release
from dataflow.design import Design
from vitis.link import command
from vitis.render import OUTPUTS, plrams

LIMITS = Limits(timeout_minutes=2880, memory_gb=64)
"""UG1393 wants 80 GB and more for the largest cards."""
PRODUCTS = {
    "linked.xclbin": "linked.xclbin",
    "utilization.xml": "link/**/resflow_utilization.xml",
    "timing.rpt": "link/**/resflow_timing.rpt",
}


def link_job(design: Design, scripts: Path, xo: Path, release: Release) -> Job:
    """Link the kernel with the platform; `scripts` is the folder with the files of `render`."""
    return Job(
        step="link",
        name=design.name,
        files={**{f"vitis/{name}": scripts / name for name in OUTPUTS}, f"{design.name}.xo": xo},
        calls=(Call(words=command(design, release, sizes_memories=bool(plrams(design))), log="link.log"),),
        products=PRODUCTS,
        release=release.name,
        limits=LIMITS,
    )
