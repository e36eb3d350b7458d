"""What Yosys counts of an IP in SystemVerilog beside the estimate, as a table, `doit synth_open:<ip>`, and as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from rich.console import Console

from dataflow.cost.estimate import estimate_rtl_fifos
from dataflow.cost.report import table
from dataflow.cost.resources import Resources
from dataflow.design import Ip
from dataflow.unit import Backend
from rtl.shapes import FIFO, LOADED, held_out_errors
from rtl.synthesis import Counted

COUNTED = ("LUT", "FF", "BRAM")
ESTIMATED = ("LUT est.", "FF est.", "BRAM est.", "DSP est.", "URAM est.")
Pair = tuple[Resources, Resources]
"""What Yosys counts, and the estimate."""


def beside_estimate(ip: Ip, counted: Mapping[str, Counted]) -> dict[str, Pair]:
    """By label the units of an IP, each without its FIFOs; these as `FIFOs`, and all as `total`."""
    pairs = {unit.label: (counted[unit.label].unit, unit.cost(Backend.RTL)) for unit in ip.units}
    pairs["FIFOs"] = (
        sum((counted[unit.label].fifos for unit in ip.units), Resources()),
        sum((estimate_rtl_fifos(ip, unit) for unit in ip.units), Resources()),
    )
    yosys, estimate = zip(*pairs.values(), strict=True)
    return {**pairs, "total": (sum(yosys, Resources()), sum(estimate, Resources()))}


def print_synthesis(ip: Ip, counted: Mapping[str, Counted]) -> None:
    console = Console(width=120)
    rows = table("unit", *COUNTED, *ESTIMATED, right=(*COUNTED, *ESTIMATED))
    pairs = beside_estimate(ip, counted)
    for name, (yosys, estimate) in pairs.items():
        if name == "total":
            rows.add_section()
        rows.add_row(
            *(name, f"{yosys.lut:,}", f"{yosys.ff:,}", f"{yosys.bram:,g}"),
            *(f"{estimate.lut:,}", f"{estimate.ff:,}", f"{estimate.bram:,g}", f"{estimate.dsp:,}", f"{estimate.uram:,}"),
        )
    console.print(f"{ip.name} in SystemVerilog, by Yosys and by the estimate", highlight=False)
    console.print(rows)
    console.print(error_line(ip), highlight=False, soft_wrap=True)


def error_line(ip: Ip) -> str:
    """How far the estimate is off on shapes it was not fitted on, of what this IP is made of."""
    errors = held_out_errors()
    kinds = [*dict.fromkeys(LOADED if unit.loads else unit.implementation for unit in ip.units), FIFO]
    words = [f"{kind} {luts}, {ffs}" for kind in kinds for luts, ffs in [errors[kind]]]
    return f"error of the estimate on shapes held out of its fit, mean (worst), of LUTs and of FFs: {'; '.join(words)}"


def synthesis_data(ip: Ip, counted: Mapping[str, Counted]) -> dict[str, object]:
    """What `print_synthesis` prints: rows by name, and the errors of all implementations."""
    pairs = beside_estimate(ip, counted).items()
    return {
        "rows": {name: {"yosys": asdict(yosys), "estimate": asdict(estimate)} for name, (yosys, estimate) in pairs},
        "held_out_errors": {kind: {"lut": luts._asdict(), "ff": ffs._asdict()} for kind, (luts, ffs) in held_out_errors().items()},
    }
