"""The floorplan as a table, `doit floorplan`, and as data, `doit floorplan --json FILE`."""

from __future__ import annotations

from dataclasses import asdict

from rich.console import Console

from dataflow.choose.fit import fit
from dataflow.cost.report import HEADINGS, table
from dataflow.cost.resources import KINDS
from dataflow.design import Design


def print_floorplan(design: Design) -> None:
    """Print every SLR with its IPs and how full it is, the wires between SLRs, and the SLRs as YAML for the description."""
    fitted, console = fit(design), Console(width=120)
    rows = table("SLR", *HEADINGS, "wires to the next", "IPs", right=("SLR", *HEADINGS, "wires to the next"))
    for slr, wires in zip(fitted.slrs, (*(f"{wires:,}" for wires in fitted.wires), ""), strict=True):
        shares = [f"{getattr(slr.used, kind) / getattr(slr.area, kind):.0%}" for kind in KINDS]
        rows.add_row(str(slr.index), *shares, wires, " ".join(slr.ips))
    allowed = [f"{getattr(design.platform.share, kind)}%" for kind in KINDS]
    rows.add_section()
    rows.add_row("", *allowed, f"{design.platform.sll:,}", "may be used")
    console.print(rows)
    for finding in fitted.findings:
        console.print(f"too much: {finding}")
    beside = ", dma beside its images' bank" if design.network.has_dma else ""
    console.print(f"{design.name} {fitted}; {sum(fitted.wires):,} wires between SLRs. As YAML{beside}:\n")
    console.print(as_yaml(design), highlight=False)


def floorplan_data(design: Design) -> dict[str, object]:
    """The table of `print_floorplan` in numbers instead of shares; `wires` go from each SLR to the next."""
    fitted = fit(design)
    return {
        "fits": fitted.passed,
        "findings": list(fitted.findings),
        "slrs": [
            {"ips": list(slr.ips), "used": asdict(slr.used), "area": asdict(slr.area), "budget": asdict(slr.budget)} for slr in fitted.slrs
        ],
        "wires": list(fitted.wires),
        "most_wires": design.platform.sll,
        "placement": {ip.name: ip.slr for ip in design.ips},
    }


def as_yaml(design: Design) -> str:
    """The `slr` lines of a description, under their IPs."""
    stem, *blocks, head = design.parts
    lines = ["stem:", f"  slr: {stem.slr}", "blocks:"]
    for block in blocks:
        lines += [f"  {block.name}:", f"    slr: {block.slr}"]
    return "\n".join([*lines, "head:", f"  slr: {head.slr}"])
