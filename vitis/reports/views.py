"""The report for programs (JSON, CSV), for browsers (HTML), and for the terminal."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from enum import Enum
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vitis.reports.page import page
from vitis.reports.report import KINDS, IpReport, Report, SlrReport, Step, counts, plain

IN_LOGIC = ("lut", "ff", "bram")
OUTPUTS = ("report.json", "report.csv", "report.html")


def files(report: Report) -> dict[str, str]:
    """All files of build/<network>/report by name."""
    return dict(zip(OUTPUTS, (_json(report), _csv(report), page(report)), strict=True))


def _json(report: Report) -> str:
    """The report's values, with figures derived for the network; null where a step is not done."""
    follows = {"releases": report.releases, "frames_per_second": report.frames_per_second, "findings": report.findings}
    return json.dumps(_plain({**asdict(report), **follows}), indent=1) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key.name.lower() if isinstance(key, Enum) else key: _plain(inner) for key, inner in value.items()}
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value.name.lower() if isinstance(value, Enum) else value


def _csv(report: Report) -> str:
    """A line per IP; empty where a step is not done."""
    rows = [_row(ip) for ip in report.ips]
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _row(ip: IpReport) -> dict[str, object]:
    csynth, cosim = ip.csynth, ip.cosim
    return {
        "ip": ip.name,
        "slr": ip.slr,
        "set_by": ip.slowest,
        "cycles": ip.cycles,
        "csynth_interval": csynth and csynth.interval_cycles,
        "csynth_latency": csynth and csynth.latency_cycles,
        "cosim_passed": cosim and cosim.passed,
        "cosim_interval": cosim and cosim.interval and cosim.interval.average,
        "cosim_latency": cosim and cosim.latency and cosim.latency.average,
        "target_ns": csynth and csynth.target_ns,
        "estimated_ns": csynth and csynth.estimated_ns,
        **{
            f"{step.name.lower()}_{kind}": number
            for step in Step
            for kind, number in zip(KINDS, counts(ip.resources.get(step)), strict=True)
        },
    }


def print_report(report: Report) -> None:
    """The report on the terminal: cycles and resources by IP, SLRs, timing and findings."""
    console = Console(width=120)
    console.print(_ips(report))
    console.print(_slrs(report))
    if any(ip.rtl for ip in report.ips):
        console.print(_rtl(report))
    for step, timing in report.timing.items():
        worst = [
            f"{name} {'-' if slack.worst_ns is None else f'{slack.worst_ns:.3f}'}"
            for name, slack in (("WNS", timing.setup), ("WHS", timing.hold), ("WPWS", timing.pulse))
        ]
        console.print(f"timing of the {step.value} design: {'met' if timing.met else 'NOT met'}, {', '.join(worst)} ns", highlight=False)
    console.print(
        f"{report.cycles:,} cycles a frame, set by {report.slowest}: "
        f"{report.frames_per_second:,.0f} frames/s at {plain(report.clock_mhz)} MHz by design",
        highlight=False,
    )
    for finding in report.findings:
        console.print(Text(f"! {finding}"))


def _ips(report: Report) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("IP", "SLR", "design", "scheduled", "simulated", "clock ns", *map(str.upper, KINDS), "by"):
        table.add_column(heading, justify="left" if heading in ("IP", "by") else "right", no_wrap=True)
    for ip in report.ips:
        step, best = ip.measured or (Step.ESTIMATE, ip.estimate)
        table.add_row(
            *(Text(ip.name), str(ip.slr), f"{ip.cycles:,}", *_cycles(ip)),
            *("" if number is None else plain(number) for number in counts(best)),
            step.value if best else "",
        )
    table.add_section()
    for total in report.totals:
        table.add_row(total.what, *[""] * 5, *(plain(number or 0) for number in counts(total.resources)), total.step.value)
    return table


def _cycles(ip: IpReport) -> tuple[str, str, str]:
    scheduled = "" if ip.csynth is None else "?" if ip.csynth.interval_cycles is None else f"{ip.csynth.interval_cycles:,}"
    if ip.cosim is None:
        simulated = ""
    elif not ip.cosim.passed:
        simulated = "FAILED"
    else:
        simulated = f"{ip.cosim.interval.average:,}" if ip.cosim.interval else "passed"
    return scheduled, simulated, f"{ip.csynth.estimated_ns:.2f}" if ip.csynth else ""


def _slrs(report: Report) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("SLR")
    for kind in KINDS:
        table.add_column(kind.upper(), justify="right", no_wrap=True)
    table.add_column("by")
    for slr in report.slrs:
        if slr.ips:
            table.add_row(
                f"SLR{slr.index}", *(_share(slr, kind) for kind in KINDS), slr.step.value if slr.step else "not known for all its IPs"
            )
    return table


def _rtl(report: Report) -> Table:
    """The IPs that Yosys has synthesized, beside the estimate of the `rtl` backend."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("in SystemVerilog")
    for by in ("Yosys", "estimate"):
        for kind in IN_LOGIC:
            table.add_column(f"{kind.upper()} by {by}", justify="right", no_wrap=True)
    for ip in report.ips:
        if ip.rtl:
            table.add_row(Text(ip.name), *(plain(getattr(numbers, kind)) for numbers in ip.rtl for kind in IN_LOGIC))
    return table


def _share(slr: SlrReport, kind: str) -> str:
    if slr.used is None:
        return ""
    share = slr.share(kind)
    used = plain(getattr(slr.used, kind))
    return used if share is None else f"{used} ({share:.0%})"
