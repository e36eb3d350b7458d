"""Linking as a job: kernel and platform become an xclbin.

link leaves    linked.xclbin, utilization.xml, timing.rpt
"""

from __future__ import annotations

from pathlib import Path

from codegen.jobs import LIMITS, Call, Job, Limits
from codegen.releases import Release
from dataflow.design import Design
from vitis.link import command
from vitis.render import OUTPUTS, plrams

PRODUCTS = {
    "linked.xclbin": "linked.xclbin",
    "utilization.xml": "link/**/resflow_utilization.xml",
    "timing.rpt": "link/**/resflow_timing.rpt",
}


def link_job(design: Design, scripts: Path, xo: Path, release: Release, limits: Limits = LIMITS["link"]) -> Job:
    """Link the kernel with the platform; `scripts` is the folder with the files of `render`."""
    return Job(
        step="link",
        name=design.name,
        files={**{f"vitis/{name}": scripts / name for name in OUTPUTS}, f"{design.name}.xo": xo},
        calls=(Call(words=command(design, release, sizes_memories=bool(plrams(design))), log="link.log"),),
        products=PRODUCTS,
        release=release.name,
        limits=limits,
    )
