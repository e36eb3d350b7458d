"""A build folder as the tools would leave it: reports in their layouts, with invented numbers that follow from the design's."""

from __future__ import annotations

from pathlib import Path

from dataflow.cost.resources import Resources

FIXTURES = Path(__file__).parents[2] / "fixtures" / "reports"


def invented(ip) -> Resources:
    """Resources of an IP, invented: some per process."""
    processes = len(ip.units)
    return Resources(lut=2500 * processes + ip.cycles // 8, ff=3100 * processes, bram=1.5 * processes, dsp=2 * (ip.kind == "head"))


def write_csynth(build: Path, design, ip, *, release="2022.2", resources=None, interval=None, period="3.428") -> None:
    resources = resources or invented(ip)
    interval = ip.interval + 11 if interval is None else interval
    text = (FIXTURES / f"csynth_{release}.xml").read_text()
    for old, new in {
        "res2a": ip.top,
        "xcu250-figd2104-2L-e": design.platform.part,
        ">231<": f">{interval + 104}<",
        ">127<": f">{interval}<",
        ">3.428<": f">{period}<",
        "<LUT>4270<": f"<LUT>{resources.lut}<",
        "<FF>3112<": f"<FF>{resources.ff}<",
        "<BRAM_18K>5<": f"<BRAM_18K>{round(2 * resources.bram)}<",
        "<URAM>0<": f"<URAM>{resources.uram}<",
        "<DSP>2<": f"<DSP>{resources.dsp}<",
        "<DSP48E>2<": f"<DSP48E>{resources.dsp}<",
    }.items():
        text = text.replace(old, new)
    write(build / "synth" / ip.name / "csynth.xml", text)


def write_cosim(build: Path, ip, *, interval=None, passed=True) -> None:
    interval = ip.interval + 11 if interval is None else interval
    text = (FIXTURES / ("cosim_2022.2.rpt" if passed else "cosim_2022.2_fail.rpt")).read_text()
    for old, new in {"            127": interval, "            129": interval + 2}.items():
        text = text.replace(old, f"{new:>15}")
    for old, new in {"            233": interval + 98, "            240": interval + 104, "            251": interval + 115}.items():
        text = text.replace(old, f"{new:>15}")
    write(build / "cosim" / ip.name / "cosim.rpt", text)


def write_utilization(path: Path, design, *, above=("wrapper", "bd_i")) -> None:
    """A hierarchical report of the block design under the cells `above`."""
    heading = ("Instance", "Module", "Total LUTs", "FFs", "RAMB36", "RAMB18", "URAM", "DSP Blocks")
    placed = [(f"ip_{ip.name}", ip.top, invented(ip)) for ip in design.ips]
    total = sum((resources for *_, resources in placed), Resources(lut=900, ff=1500))
    rows = [(depth, name, "(top)", total) for depth, name in enumerate(above)]
    rows += [(len(above), *row) for row in placed]
    cells = [(f"{'  ' * depth}{name}", module, *_counts(resources)) for depth, name, module, resources in rows]
    widths = [max(len(str(row[i])) for row in (heading, *cells)) for i in range(len(heading))]
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
    lines = ["| " + " | ".join(f"{cell!s:{width}}" for cell, width in zip(row, widths, strict=True)) + " |" for row in (heading, *cells)]
    title = "1. Utilization by Hierarchy\n---------------------------\n"
    write(path, "\n".join([title, rule, lines[0], rule, *lines[1:], rule, ""]))


def _counts(resources: Resources) -> tuple[int, ...]:
    # A linked design needs a little less than C synthesis says.
    return (
        round(0.8 * resources.lut),
        round(0.9 * resources.ff),
        int(resources.bram),
        round(2 * (resources.bram % 1)),
        resources.uram,
        resources.dsp,
    )


def write_timing(path: Path, *, met=True) -> None:
    write(path, (FIXTURES / ("timing_2019.2.rpt" if met else "timing_2022.2_not_met.rpt")).read_text())


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
