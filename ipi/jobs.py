"""Vivado's steps as jobs: joining and synthesizing the IPs, and packaging the netlist.

stitch leaves    <design>.dcp .v .xdc, utilization.xml, timing.rpt
package leaves   ip.zip, the folder of an IP for the catalog, and of a kernel <design>.xo
"""

from __future__ import annotations

import re
from pathlib import Path

from codegen.jobs.job import Call, Job, Limits
from codegen.tools.releases import Release
from dataflow.design import Design
from ipi import vivado
from ipi.catalog import ARCHIVE

STITCH_LIMITS = Limits(timeout_minutes=600, memory_gb=32)
PACKAGE_LIMITS = Limits(timeout_minutes=60, memory_gb=8)
NETLIST = ("v", "dcp", "xdc")


def stitch_job(design: Design, scripts: Path, ips: dict[str, Path], release: Release) -> Job:
    """Join the IPs and synthesize the whole out of context; `ips` are the exported zips by IP."""
    return Job(
        step="stitch",
        name=design.name,
        files={
            **{f"ipi/{name}": scripts / name for name in ("block_design.tcl", "bd.tcl")},
            **{f"repo/{name}/": path for name, path in ips.items()},
        },
        calls=(Call(words=vivado.command("ipi/block_design.tcl"), log="stitch.log"),),
        products={
            **{f"{design.name}.{suffix}": f"ipi/ip/{design.name}.{suffix}" for suffix in NETLIST},
            **{name: f"ipi/ip/{name}" for name in ("utilization.xml", "timing.rpt")},
        },
        release=release.name,
        limits=STITCH_LIMITS,
    )


def stitched(design: Design) -> tuple[str, ...]:
    """The files that stitch produces."""
    return (*(f"{design.name}.{suffix}" for suffix in NETLIST), "utilization.xml", "timing.rpt", "stitch.log")


def unplaced(log: Path) -> str:
    """The cells that the floorplan will not find, as Vivado's log of the synthesis tells, for the line a build prints."""
    text = log.read_text(encoding="utf-8", errors="replace")
    names = re.findall(r"^CRITICAL WARNING: no cell (.+) in the netlist$", text, re.MULTILINE)
    return f"; the floorplan will not find {', '.join(names)}: see {log}" if names else ""


def packaging(design: Design) -> tuple[str, ...]:
    """The scripts' files that packaging uses."""
    return ("package.tcl", "xo.tcl", *(("kernel.xml",) if design.network.has_dma else ()))


def package_job(design: Design, scripts: Path, stitched: Path, release: Release) -> Job:
    """Package the netlist in the folder `stitched` as an IP, and as a kernel where it has a DMA."""
    return Job(
        step="package",
        name=design.name,
        files={
            **{f"ipi/{name}": scripts / name for name in packaging(design)},
            **{f"ipi/ip/{design.name}.{suffix}": stitched / f"{design.name}.{suffix}" for suffix in NETLIST},
        },
        calls=(Call(words=vivado.command("ipi/package.tcl"), log="package.log"),),
        products={ARCHIVE: "ipi/kernel/", **({f"{design.name}.xo": f"ipi/{design.name}.xo"} if design.network.has_dma else {})},
        release=release.name,
        limits=PACKAGE_LIMITS,
    )
