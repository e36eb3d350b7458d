"""C synthesis, export and cosimulation of one IP as jobs, with the Tcl for the release of the HLS tool.

synth leaves   <ip>.zip     the IP for Vivado's catalog, resflow:hls:<ip>:1.0
               csynth.xml   resources, cycles and pipelines, as estimated by the tool; csynth.rpt has resources and cycles as text
               project.zip  the tool's project, which cosimulation continues, so that nothing is synthesized twice (UNCONFIRMED for
                            every release: that a project can be moved to another folder between the two)
cosim leaves   cosim.rpt    whether the RTL passed the bench, and its cycles
"""

from __future__ import annotations

import re
from pathlib import Path

from codegen.jobs.job import Call, Job, Limits
from codegen.jobs.key import Content
from codegen.text.templates import render as render_template
from codegen.tools.releases import Release
from dataflow.design import Design, Ip
from hls.render import FOLDER, HEADERS, LIBRARY, outputs
from hls.vectors import COSIM_FRAMES, first_frames

SYNTH_LIMITS = Limits(timeout_minutes=240, memory_gb=8)
"""For the larger IPs of ResNet-50; the original's took 8.7 GB for a C++ compiler alone."""
COSIM_LIMITS = Limits(timeout_minutes=480, memory_gb=12)
PROJECT = "project"
SOLUTION = "solution"
CFLAGS = "-std=c++14 -DAP_INT_MAX_W=4096"
"""4,096 bits is the widest beat. No -I: the tool stores it with the project, relative to folders of its own or absolute, and
cosimulation continues the project in another folder, often on another machine. Includes are found beside who includes them."""
STYLE = re.compile(r"(?<=#pragma HLS PIPELINE II=1 )style=(\w+)$", re.MULTILINE)
DATAFLOW = re.compile(r"(?<=#pragma HLS DATAFLOW )disable_start_propagation$", re.MULTILINE)
PRODUCT = re.compile(r"(?<=#pragma HLS )BIND_OP variable=(\w+) op=mul impl=fabric$", re.MULTILINE)
RAM = re.compile(r"(?<=#pragma HLS )BIND_STORAGE variable=(\w+) type=ram_s2p impl=(\w+)$", re.MULTILINE)
UNCERTAINTY = 0.125
"""Share of the clock period reserved for routing: the default of vivado_hls. Later releases reserve 27 %."""


def synth_job(design: Design, ip: Ip, sources: Path, release: Release) -> Job:
    """Synthesize the sources of one IP, as written by `doit generate`, for the design's part and clock."""
    solution = f"{PROJECT}/{SOLUTION}"
    return Job(
        step="synth",
        name=ip.name,
        files={**_sources(ip, sources, release), "synth.tcl": synth_tcl(design, ip, release)},
        calls=(Call(words=(*release.hls, "synth.tcl"), log="synth.log"),),
        products={
            f"{ip.name}.zip": f"{solution}/{release.exported}",
            "csynth.xml": f"{solution}/syn/report/{release.csynth.format(top=ip.top)}",
            "csynth.rpt": f"{solution}/syn/report/*{ip.top}_csynth.rpt",
            "project.zip": f"{PROJECT}/",
        },
        release=release.name,
        weight=ip.products,
        limits=SYNTH_LIMITS,
    )


def cosim_job(ip: Ip, sources: Path, vectors: Path, project: Path, release: Release) -> Job:
    """Simulate an IP's RTL under its bench, on the first frames of its vectors, from the project of its synthesis."""
    return Job(
        step="cosim",
        name=ip.name,
        files={
            **_sources(ip, sources, release),
            **{f"vectors/{name}": data for name, data in first_frames(ip, vectors).items()},
            "cosim.tcl": cosim_tcl(ip),
            f"{PROJECT}/": project,
        },
        calls=(
            Call(
                words=(*release.hls, "cosim.tcl"),
                log="cosim.log",
                hint="compare with C simulation (doit csim): the bench and its vectors are the same",
            ),
        ),
        products={"cosim.rpt": f"{PROJECT}/{SOLUTION}/sim/report/*{ip.top}_cosim.rpt"},
        release=release.name,
        weight=ip.products,
        limits=COSIM_LIMITS,
    )


def _sources(ip: Ip, sources: Path, release: Release) -> dict[str, Content]:
    """The IP's own files and the library's, with pragmas spelled for the release.

    C simulation, which ignores pragmas, and an editor see the headers as they are: spelled for the current tools.
    """
    texts: dict[str, Content] = {}
    for path in (*(sources / name for name in outputs(ip)), *HEADERS):
        name = f"{LIBRARY}/{path.name}" if path in HEADERS else path.name
        text = path.read_text(encoding="utf-8")
        spelled = STYLE.sub(lambda style: release.pipeline[style[1]], text)
        spelled = PRODUCT.sub(lambda product: release.bind_product.format(variable=product[1]), spelled)
        spelled = RAM.sub(lambda ram: release.bind_ram.format(variable=ram[1], impl=release.impl[ram[2]]), spelled)
        spelled = DATAFLOW.sub(release.dataflow_option, spelled)
        texts[name] = path if spelled == text else spelled
    return texts


def synth_tcl(design: Design, ip: Ip, release: Release) -> str:
    vendor, library, name, version = ip.vlnv.split(":")
    period = 1000 / design.network.clock_mhz
    return render_template(
        FOLDER / "templates",
        "synth.tcl.j2",
        design=design,
        ip=ip,
        release=release,
        project=PROJECT,
        solution=SOLUTION,
        cflags=CFLAGS,
        period_ns=f"{period:.3f}",
        uncertainty_ns=f"{period * UNCERTAINTY:.3f}",
        directives=directives(ip, release),
        export=f"-vendor {vendor} -library {library} -ipname {name} -version {version}",
    )


def cosim_tcl(ip: Ip) -> str:
    values = {"ip": ip, "project": PROJECT, "solution": SOLUTION, "cflags": CFLAGS, "frames": COSIM_FRAMES}
    return render_template(FOLDER / "templates", "cosim.tcl.j2", **values)


def directives(ip: Ip, release: Release) -> list[str]:
    """The kind of memory of each ROM and FIFO, by the rules of `dataflow.cost.storage`, as directives of the release.

    Those of the arrays of units are in their sources, see storage.h: a directive would have to name a function of a template.
    """
    lines = []
    for unit in ip.units:
        for held in unit.constants:
            if held.holding.loaded:
                continue  # an array: bound where it is declared
            if held.words == 1:
                continue  # no memory: a single word is wired into the logic
            impl = release.impl[held.storage.value]
            lines.append(release.bind_rom.format(impl=impl, location=ip.top, variable=held.name))
    for stream in ip.streams:
        impl = release.impl[stream.storage.value]
        lines.append(release.bind_fifo.format(impl=impl, location=ip.top, variable=stream.name))
    return lines
