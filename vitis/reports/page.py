"""The report as one HTML page: sortable tables and bars, without external resources. All values are computed here, not in the template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from codegen.text.templates import render
from ipi.timing import Slack
from vitis.reports.report import KINDS, IpReport, Report, SlrReport, Step, plain

TEMPLATES = Path(__file__).parent / "templates"
NAMES = {"lut": "LUT", "ff": "FF", "bram": "BRAM", "uram": "URAM", "dsp": "DSP"}
LABEL_FROM = 0.07
"""Smallest share of a bar for which an IP's name is written into its segment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell of a sortable table: `key` is its sort key, None if the value is unknown."""

    text: str
    key: float | str | None = None
    note: str = ""  # small, in front of the text
    width: str = ""  # of the bar below it, a percentage
    mark: str = ""  # where on the bar the estimate is
    alarm: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CyclesRow:
    ip: IpReport
    bar: str  # widths and positions are percentages of the longest bar
    scheduled: str
    simulated: str
    cells: tuple[Cell, ...]
    is_slowest: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """An IP's part of an SLR's bar."""

    ip: str
    width: str
    title: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    name: str
    segments: tuple[Segment, ...]
    limit: str  # where the area ends
    text: str
    alarm: bool


def page(report: Report) -> str:
    """The page's text."""
    longest = max([report.cycles, *(cycles for ip in report.ips for cycles in _intervals(ip) if cycles)])
    return render(
        TEMPLATES,
        "report.html.j2",
        report=report,
        rate=f"{report.frames_per_second:,.0f}",
        clock=plain(report.clock_mhz),
        read=_read(report),
        limit=_percent(report.cycles / longest),
        cycles=[_cycles_row(report, ip, longest) for ip in report.ips],
        resources=[
            (ip, ip.measured[0].value if ip.measured else "", [_resource_cells(report, ip, kind) for kind in KINDS]) for ip in report.ips
        ],
        has_estimates=any(ip.estimate for ip in report.ips),
        totals=[(total, [plain(getattr(total.resources, kind)) for kind in KINDS]) for total in report.totals],
        names=[NAMES[kind] for kind in KINDS],
        slrs=[(slr, [_bar(report, slr, kind) for kind in KINDS]) for slr in report.slrs if slr.ips],
        rtl=[
            (ip.name, [plain(getattr(numbers, kind)) for kind in ("lut", "ff", "bram") for numbers in ip.rtl])
            for ip in report.ips
            if ip.rtl
        ],
        timing=[
            (step.value, timing, [_slack(slack) for slack in (timing.setup, timing.hold, timing.pulse)])
            for step, timing in report.timing.items()
        ],
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2f}%"


def _intervals(ip: IpReport) -> tuple[int | None, int | None]:
    simulated = ip.cosim.interval.average if ip.cosim and ip.cosim.interval else None
    return ip.csynth.interval_cycles if ip.csynth else None, simulated


def _read(report: Report) -> list[str]:
    """The reports that were read, in a few words each."""
    everything = len(report.ips)
    synthesized, simulated = (sum(getattr(ip, step) is not None for ip in report.ips) for step in ("csynth", "cosim"))
    by = f" by release {' and '.join(report.releases)}" if report.releases else ""
    words = [f"C synthesis of {synthesized} of {everything} IPs{by}", f"co-simulation of {simulated}"]
    for step, name in ((Step.STITCH, "stitched block design"), (Step.LINK, "linked card")):
        words.append(name if step in report.kernel or step in report.timing else f"no {name} yet")
    return words


def _cycles_row(report: Report, ip: IpReport, longest: int) -> CyclesRow:
    scheduled, simulated = _intervals(ip)
    latency = ip.cosim.latency.average if ip.cosim and ip.cosim.latency else ip.csynth.latency_cycles if ip.csynth else None
    failed = ip.cosim is not None and not ip.cosim.passed
    late = ip.csynth is not None and not ip.csynth.meets_clock
    return CyclesRow(
        ip=ip,
        bar=_percent(ip.cycles / longest),
        scheduled=_percent(scheduled / longest) if scheduled else "",
        simulated=_percent(simulated / longest) if simulated else "",
        cells=(
            _number(ip.cycles),
            _against(scheduled, ip.cycles),
            Cell(text="failed", key="Infinity", alarm=True) if failed else _against(simulated, ip.cycles),
            _number(latency),
            Cell(text=f"{ip.csynth.estimated_ns:.2f}", key=ip.csynth.estimated_ns, alarm=late) if ip.csynth else Cell(text=""),
        ),
        is_slowest=ip.cycles == report.cycles,
    )


def _number(number: float | None) -> Cell:
    return Cell(text="") if number is None else Cell(text=plain(number), key=number)


def _against(cycles: int | None, expected: int) -> Cell:
    """A number of cycles, and its difference from the design's."""
    return Cell(text="") if cycles is None else Cell(text=f"{cycles:,}", key=cycles, note=f"{cycles / expected - 1:+.2%}")


def _resource_cells(report: Report, ip: IpReport, kind: str) -> tuple[Cell, Cell]:
    """What was measured, with a bar to the scale of the largest in the column and a tick where the estimate is; and the estimate."""
    known = [getattr(numbers, kind) for other in report.ips for numbers in (other.best, other.estimate) if numbers]
    largest = max(known, default=0)
    measured = getattr(ip.measured[1], kind) if ip.measured else None
    estimate = getattr(ip.estimate, kind) if ip.estimate else None
    cell = _number(measured)
    if largest:
        cell = replace(cell, width=_percent((measured or 0) / largest), mark=_percent(estimate / largest) if estimate else "")
    return cell, _number(estimate)


def _bar(report: Report, slr: SlrReport, kind: str) -> Bar:
    area, used = (getattr(value, kind) if value else None for value in (slr.area, slr.used))
    scale = area * max([1, *(other.share(kind) or 0 for other in report.slrs)]) if area else max(_used(report, kind), default=0)
    segments = []
    if slr.step and scale:
        for ip in (ip for ip in report.ips if ip.name in slr.ips):
            part = getattr(ip.resources[slr.step], kind)
            if part:
                label = ip.name if part / scale >= LABEL_FROM else ""
                segments.append(Segment(ip=ip.name, width=_percent(part / scale), title=f"{ip.name}: {plain(part)}", label=label))
    if used is None:
        text = f"of {plain(area)}" if area is not None else ""
    else:
        text = f"{plain(used)} of {plain(area)}, {used / area:.0%}" if area else plain(used)
    share = slr.share(kind)
    limit = _percent(area / scale) if area and scale else ""
    return Bar(name=NAMES[kind], segments=tuple(segments), limit=limit, text=text, alarm=share is not None and share > 1)


def _used(report: Report, kind: str) -> Sequence[float]:
    return [getattr(slr.used, kind) for slr in report.slrs if slr.used]


def _slack(slack: Slack) -> tuple[Cell, Cell]:
    """Worst and total, in ns."""
    worst, total = ("" if number is None else f"{number:.3f}" for number in (slack.worst_ns, slack.total_ns))
    return Cell(text=worst, alarm=not slack.met), Cell(text=total, alarm=not slack.met)
