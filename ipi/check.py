"""`doit check`: the generated Tcl runs against a model of Vivado, and everything Vivado would reject is a finding."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from codegen.tools.releases import Release
from codegen.tools.releases import release as release_of
from dataflow.design import Design, Ip
from ipi import kernel_xml
from ipi.cells import cells, crossings, slices
from ipi.tcl_model import Answer, CheckError, Finding, kernel_facts, run, tcl_list, warned

LATEST = release_of("2024.2")
"""The release whose tools are assumed by default."""
SCRIPTS = ("block_design.tcl", "package.tcl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was checked, and the findings."""

    findings: tuple[Finding, ...]
    cells: int
    ips: int
    fifos: int
    converters: int
    slices: int  # registers of streams at SLR boundaries
    external: int  # AXI interfaces of the kernel
    crossings: int  # streams between SLRs

    @property
    def passed(self) -> bool:
        return not self.findings

    def require(self) -> None:
        """Raise CheckError with all findings, if there are any."""
        if self.findings:
            raise CheckError(self.findings)

    def __str__(self) -> str:
        """One line on what was checked."""
        return (
            f"{self.cells} cells ({self.ips} IPs, {self.fifos} FIFOs, {self.converters} width converters, {self.slices} register slices), "
            f"{self.external} AXI interfaces, {self.crossings} SLR crossings: {len(self.findings)} findings"
        )


def check(design: Design, folder: Path, *, release: Release = LATEST) -> Report:
    """Check the block design and its packaging in `folder`, with the IPs that the design describes.

    The IPs are as the HLS tool of `release` exports them. Raises ToolError if tclsh is missing; everything else is a finding.
    """
    answer = run(folder, SCRIPTS, facts(design, folder, release=release))
    findings = (*answer.findings, *warned(answer, SCRIPTS[0]), *_misplaced(design, answer), *_unregistered(design, answer))
    counts = answer.counts
    return Report(
        findings=findings,
        cells=counts.get("cells", 0),
        ips=counts.get("ips", 0),
        fifos=counts.get("fifos", 0),
        converters=counts.get("converters", 0),
        slices=counts.get("slices", 0),
        external=counts.get("external", 0),
        crossings=len(crossings(design)),
    )


def _misplaced(design: Design, answer: Answer) -> list[Finding]:
    """Cells whose reset comes from another SLR than the one they are placed in."""
    findings = []
    expected = {cell.name: cell.slr for cell in cells(design)} | {piece.name: piece.source for piece in slices(design)}
    for name, (slr, where) in answer.reset_from.items():
        if name not in expected:
            findings.append(
                Finding(
                    where=where,
                    what=f"the floorplan has no {name}",
                    why="it places cells by name",
                    fix="generate both from one description",
                )
            )
        elif expected[name] != slr:
            findings.append(
                Finding(
                    where=where,
                    what=f"{name} is reset from SLR{slr} and placed in SLR{expected[name]}",
                    why="a reset that crosses between SLRs outside its tree misses timing",
                    fix=f"give it SLR {expected[name]} in the block design",
                )
            )
    return findings


def _unregistered(design: Design, answer: Answer) -> list[Finding]:
    """Streams that cross an SLR boundary outside a register slice."""
    leaves = {cell.name: cell.slr for cell in cells(design)}
    enters = dict(leaves)
    for piece in slices(design):
        enters[piece.name], leaves[piece.name] = piece.source, piece.sink
    return [
        Finding(
            where=where,
            what=f"the stream from {source} to {sink} goes from SLR{leaves[source]} to SLR{enters[sink]}",
            why="wires between SLRs that do not start and end in dedicated registers miss timing",
            fix="put a register slice at every SLR boundary between them",
        )
        for source, sink, where in answer.streams
        if source in leaves and sink in enters and leaves[source] != enters[sink]
    ]


def facts(design: Design, folder: Path, *, release: Release = LATEST) -> list[str]:
    """The facts the model needs: release, part, kernel.xml, the scripts' products, and the interfaces of each HLS IP."""
    lines = [f"fact_release {release.name}", f"fact_part {design.platform.part}", *_products(design)]
    lines += [f"fact_ip {ip.vlnv} {_interfaces(design, ip, release)}" for ip in design.ips]
    return [*lines, *(kernel_facts(folder / "kernel.xml", "kernel.xml") if design.network.has_dma else ())]


def _products(design: Design) -> list[str]:
    packaged = f"{design.name}.xo" if design.network.has_dma else "kernel/component.xml"
    return [f"fact_product block_design.tcl ip/{design.name}.dcp", f"fact_product package.tcl {packaged}"]


def _interfaces(design: Design, ip: Ip, release: Release) -> str:
    ports = [tcl_list(("output", name)) for name in release.hls_ports]
    ports += [
        tcl_list(("stream", port.name + release.stream_suffix, "Slave" if port.is_input else "Master", port.tdata_bytes))
        for port in ip.ports
    ]
    if ip.kind == "dma":
        ports += [
            tcl_list((port.mode, port.pin, port.data_width, *((64,) if port.mode == "master" else ()))) for port in kernel_xml.ports(design)
        ]
    return "{" + " ".join(ports) + "}"
