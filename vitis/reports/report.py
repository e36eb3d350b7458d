"""One report of a network: what was predicted and what the tools measured, IP by IP and SLR by SLR, up to the last step of the build that is done.

    build/<network>/synth/<ip>/csynth.xml or .rpt     cycles, clock and resources, before Vivado
                    cosim/<ip>/cosim.rpt              RTL against C++, cycles
                    stitch/utilization.xml or .rpt    the block design, synthesized out of context
                    stitch/timing.rpt
                    link/utilization.xml or .rpt      the card, placed and routed. UNCONFIRMED: that v++ leaves it as hierarchical
                    link/timing.rpt
                    synth_open/<ip>/<unit>/stat.json  the units in SystemVerilog, by Yosys: other hardware than all of the above

Values of steps that are not done yet are None, never zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields
from enum import Enum
from functools import reduce
from operator import add
from pathlib import Path
from typing import NamedTuple, TypeVar

from codegen.errors import ToolError
from dataflow.cost.estimate import estimate_ip
from dataflow.cost.resources import Resources
from dataflow.design import Design, Ip
from dataflow.unit import Backend
from hls.cosim_report import Cosim, read_cosim
from hls.csynth import Csynth, read_csynth_of
from ipi.cells import block
from ipi.timing import Timing, read_timing
from ipi.utilization import Utilization, read_utilization
from rtl.synthesis import read_total

KINDS = tuple(part.name for part in fields(Resources))
"""Names of the resources: lut, ff, bram, uram, dsp."""

Key = TypeVar("Key")
Read = TypeVar("Read")


class Step(Enum):
    """The step that a number of resources comes from; each is closer to the card than the one before."""

    ESTIMATE = "estimate"
    """resflow's own formulas, before any tool."""
    CSYNTH = "C synthesis"
    """The HLS tool's estimate."""
    STITCH = "stitched"
    """Vivado's synthesis of the block design, out of context."""
    LINK = "linked"
    """The card, placed and routed."""


class InSystemVerilog(NamedTuple):
    """LUTs, flip-flops and block RAMs of an IP's units and FIFOs in SystemVerilog."""

    yosys: Resources
    estimate: Resources


@dataclass(frozen=True, slots=True, kw_only=True)
class IpReport:
    """An IP; cycles are per frame."""

    name: str
    title: str
    slr: int
    cycles: int  # from frame to frame, by design
    slowest: str
    csynth: Csynth | None
    cosim: Cosim | None
    resources: Mapping[Step, Resources]  # of the steps that are done
    rtl: InSystemVerilog | None  # None: not synthesized

    @property
    def estimate(self) -> Resources | None:
        return self.resources.get(Step.ESTIMATE)

    @property
    def measured(self) -> tuple[Step, Resources] | None:
        """The last step of a tool that is done, and its resources."""
        steps = [(step, self.resources[step]) for step in Step if step in self.resources and step is not Step.ESTIMATE]
        return steps[-1] if steps else None

    @property
    def best(self) -> Resources | None:
        """The best known resources: measured, else estimated."""
        return self.measured[1] if self.measured else self.estimate

    @property
    def interval(self) -> int | None:
        """Cycles from frame to frame according to a tool: simulated, else scheduled."""
        if self.cosim and self.cosim.interval:
            return self.cosim.interval.average
        return self.csynth.interval_cycles if self.csynth else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlrReport:
    """An SLR and the resources of its IPs, by the last step that is done for all of them."""

    index: int
    ips: tuple[str, ...]
    area: Resources | None  # None: not known for this platform
    step: Step | None
    used: Resources | None

    def share(self, kind: str) -> float | None:
        """The used share of the area; 1 is all of it."""
        if self.area is None or self.used is None or not getattr(self.area, kind):
            return None
        return float(getattr(self.used, kind) / getattr(self.area, kind))


class Total(NamedTuple):
    """Resources of several IPs together."""

    what: str
    step: Step
    resources: Resources


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A network on a platform."""

    network: str
    platform: str
    part: str
    clock_mhz: float
    cycles: int  # from frame to frame, by design
    slowest: str  # res2a.conv2
    ips: tuple[IpReport, ...]
    slrs: tuple[SlrReport, ...]
    kernel: Mapping[Step, Resources]  # IPs, and the FIFOs and converters between them
    timing: Mapping[Step, Timing]

    @property
    def releases(self) -> tuple[str, ...]:
        """Releases of the HLS tool: more than one if a build was continued with another release."""
        return tuple(sorted({ip.csynth.release for ip in self.ips if ip.csynth}))

    @property
    def frames_per_second(self) -> float:
        """The frame rate of the design if every FIFO is deep enough and memory is fast enough."""
        return self.clock_mhz * 1e6 / self.cycles

    @property
    def totals(self) -> tuple[Total, ...]:
        """The sum of all IPs for each step that is done for every one of them; and the kernel, with FIFOs and converters."""
        done = [step for step in Step if all(step in ip.resources for ip in self.ips)]
        ips = [Total("all IPs", step, reduce(add, (ip.resources[step] for ip in self.ips))) for step in done]
        return (*ips, *(Total("kernel", step, resources) for step, resources in self.kernel.items()))

    @property
    def findings(self) -> tuple[str, ...]:
        """Problems that need attention, one sentence each."""
        sentences = [
            f"{ip.name}: co-simulation failed, the RTL computes something else" for ip in self.ips if ip.cosim and not ip.cosim.passed
        ]
        for ip in self.ips:
            if ip.csynth and not ip.csynth.meets_clock:
                asked, got = ip.csynth.target_ns - ip.csynth.uncertainty_ns, ip.csynth.estimated_ns
                sentences.append(f"{ip.name}: C synthesis expects a period of {got:.2f} ns where {asked:.2f} ns are asked for")
            if ip.interval is not None and ip.interval > 1.02 * self.cycles:
                sentences.append(f"{ip.name}: {ip.interval:,} cycles a frame, slower than the slowest IP by design with {self.cycles:,}")
        for slr in self.slrs:
            for kind in KINDS:
                if (slr.share(kind) or 0) > 1:
                    needed, there = plain(getattr(slr.used, kind)), plain(getattr(slr.area, kind))
                    by = f" ({slr.step.value})" if slr.step else ""
                    sentences.append(f"SLR{slr.index}: {needed} {kind.upper()} needed{by}, {there} available")
        for step, timing in self.timing.items():
            if not timing.met:
                clocks = ", ".join(clock.name for clock in timing.failing) or "pulse widths"
                sentences.append(f"timing of the {step.value} design is not met: {clocks}")
        return tuple(sentences)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """The reports of the tools in a build folder; csynth and cosim by IP."""

    csynth: Mapping[str, Csynth] = field(default_factory=dict)
    cosim: Mapping[str, Cosim] = field(default_factory=dict)
    utilization: Mapping[Step, Utilization] = field(default_factory=dict)
    timing: Mapping[Step, Timing] = field(default_factory=dict)
    rtl: Mapping[str, InSystemVerilog] = field(default_factory=dict)  # by IP


def read(design: Design, build: Path, *, estimates: Mapping[str, Resources] | None = None, area: Sequence[Resources] = ()) -> Report:
    """The report of the build folder build/<network>; raises ToolError for a report that is damaged or of another design."""
    return assemble(design, read_files(design, build), estimates=estimates, area=area)


def read_files(design: Design, build: Path) -> Readings:
    """Read all existing reports of the tools."""
    steps = {Step.STITCH: build / "stitch", Step.LINK: build / "link"}
    return Readings(
        csynth=_read_existing(
            {ip.name: _first(build / "synth" / ip.name / "csynth") for ip in design.ips}, lambda path: read_csynth_of(design, path)
        ),
        cosim=_read_existing({ip.name: build / "cosim" / ip.name / "cosim.rpt" for ip in design.ips}, read_cosim),
        utilization=_read_existing(
            {step: _first(folder / "utilization") for step, folder in steps.items()}, lambda path: _utilization(design, path)
        ),
        timing=_read_existing({step: folder / "timing.rpt" for step, folder in steps.items()}, read_timing),
        rtl={ip.name: InSystemVerilog(yosys, estimate_ip(ip, Backend.RTL)) for ip in design.ips if (yosys := read_total(build, ip))},
    )


def _read_existing(paths: Mapping[Key, Path], reader: Callable[[Path], Read]) -> dict[Key, Read]:
    return {key: reader(path) for key, path in paths.items() if path.exists()}


def _utilization(design: Design, path: Path) -> Utilization:
    """The cells of the kernel: all cells of a stitched design, those of the CU on a card."""
    cells = read_utilization(path)
    kernel = cells.below(design.cu) if path.parent.name == "link" else cells
    if kernel is None:
        raise ToolError(
            str(path),
            f"no cell {design.cu}",
            why="the kernel's compute unit has that name on the card",
            fix="report the utilization of the whole card: report_utilization -hierarchical, without a limit of depth",
        )
    return kernel


def _first(stem: Path) -> Path:
    """The XML, else the text that some releases write instead."""
    xml = stem.with_suffix(".xml")
    return xml if xml.exists() else stem.with_suffix(".rpt")


def assemble(
    design: Design, readings: Readings, *, estimates: Mapping[str, Resources] | None = None, area: Sequence[Resources] = ()
) -> Report:
    """The report of a design: `estimates` by IP, `area` by SLR, both optional."""
    ips = tuple(_ip(ip, readings, (estimates or {}).get(ip.name)) for ip in design.ips)
    return Report(
        network=design.name,
        platform=design.platform.name,
        part=design.platform.part,
        clock_mhz=design.network.clock_mhz,
        cycles=design.interval,
        slowest=design.bottleneck,
        ips=ips,
        slrs=tuple(_slr(i, ips, area[i] if i < len(area) else None) for i in range(design.platform.slrs)),
        kernel={step: kernel.top.resources for step, kernel in readings.utilization.items()},
        timing=readings.timing,
    )


def _ip(ip: Ip, readings: Readings, estimate: Resources | None) -> IpReport:
    csynth = readings.csynth.get(ip.name)
    cells = {step: kernel.below(block(ip.name)) for step, kernel in readings.utilization.items()}
    counted = {
        Step.ESTIMATE: estimate,
        Step.CSYNTH: csynth.resources if csynth else None,
        **{step: cell.top.resources if cell else None for step, cell in cells.items()},
    }
    return IpReport(
        name=ip.name,
        title=ip.title,
        slr=ip.slr,
        cycles=ip.interval,
        slowest=ip.slowest.name,
        csynth=csynth,
        cosim=readings.cosim.get(ip.name),
        resources={step: resources for step, resources in counted.items() if resources is not None},
        rtl=readings.rtl.get(ip.name),
    )


def _slr(index: int, ips: Sequence[IpReport], area: Resources | None) -> SlrReport:
    here = [ip for ip in ips if ip.slr == index]
    done = [step for step in Step if here and all(step in ip.resources for ip in here)]
    used = reduce(add, (ip.resources[done[-1]] for ip in here)) if done else None
    return SlrReport(index=index, ips=tuple(ip.name for ip in here), area=area, step=done[-1] if done else None, used=used)


def counts(resources: Resources | None) -> tuple[float | None, ...]:
    """The five numbers in the order of KINDS; five times None if they are unknown."""
    return (None,) * len(KINDS) if resources is None else astuple(resources)


def plain(number: float) -> str:
    """1027000 -> 1,027,000; halves of a block RAM are shown, .0 is not."""
    return f"{number:,.1f}".removesuffix(".0")
