"""Vivado's reports in its own layout, for the stand-ins: numbers are digests."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

HEADINGS = ("Instance", "Module", "Total LUTs", "Logic LUTs", "LUTRAMs", "SRLs", "FFs", "RAMB36", "RAMB18", "URAM", "DSP Blocks")


def invented(seed: bytes, *, large: int) -> list[int]:
    """LUTs, of these logic, LUTRAM and SRL; FFs, RAMB36, RAMB18, URAM, DSP."""
    numbers = hashlib.sha256(seed).digest()
    logic, memory, shift = (number * large for number in numbers[:3])
    dsp = numbers[6] % 8 if large > 1 else 0
    return [logic + memory + shift, logic, memory, shift, numbers[3] * large, numbers[4] % 30, numbers[5] % 4, 0, dsp]


def utilization(above: Sequence[str], cells: Mapping[str, list[int]], note: str) -> str:
    """`report_utilization -hierarchical -format xml`: cells below those of `above`, which hold each other; names are indented."""
    total = [sum(column) for column in zip(*cells.values(), strict=True)]
    rows = [(f"{'  ' * depth}{name}", total) for depth, name in enumerate(above)]
    rows += [(f"{'  ' * len(above)}{name}", count) for name, count in sorted(cells.items())]
    table = "".join(
        "      <tablerow>\n"
        + "".join(f'        <tablecell contents="{cell}"/>\n' for cell in (name, "(top)", *counts))
        + "      </tablerow>\n"
        for name, counts in rows
    )
    heading = "".join(f'        <tableheader contents="{name}"/>\n' for name in HEADINGS)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<!-- {note} -->
<RptDoc title="Utilization Design Information">
  <section title="Utilization by Hierarchy">
    <table>
      <tablerow>
{heading}      </tablerow>
{table}    </table>
  </section>
</RptDoc>
"""


def timing(release: str, design: str, clock: str, period: float, note: str) -> str:
    """`report_timing_summary` of a design that keeps its time."""
    rule = "-" * 97
    columns = (
        *("WNS(ns)", "TNS(ns)", "TNS Failing Endpoints", "TNS Total Endpoints", "WHS(ns)", "THS(ns)", "THS Failing Endpoints"),
        *("THS Total Endpoints", "WPWS(ns)", "TPWS(ns)", "TPWS Failing Endpoints", "TPWS Total Endpoints"),
    )
    numbers = (f"{period / 10:.3f}", "0.000", 0, 1000, "0.030", "0.000", 0, 1000, "0.119", "0.000", 0, 500)
    summary = _columns(columns, numbers)
    return f"""# {note}
{rule}
| Tool Version : Vivado v.{release} (lin64)
| Command      : report_timing_summary
| Design       : {design}
{rule}

Timing Summary Report

{rule}
| Design Timing Summary
| ---------------------
{rule}

{summary}

All user specified timing constraints are met.


{rule}
| Clock Summary
| -------------
{rule}

{_columns(("Clock", "Waveform(ns)", "Period(ns)", "Frequency(MHz)"), (clock, f"{{0.000 {period / 2:.3f}}}", f"{period:.3f}", f"{1000 / period:.3f}"))}

{rule}
| Intra Clock Table
| -----------------
{rule}

{_columns(("Clock", *columns), (clock, *numbers))}

{rule}
| Inter Clock Table
| -----------------
{rule}

{_columns(("From Clock", "To Clock", *columns[:8]), None)}
"""


def _columns(names: Sequence[str], values: Sequence[object] | None) -> str:
    """Names, dashes below them, and where there are values a row of them; all end where their dashes end."""
    texts = ["" if values is None else str(value) for value in (values or names)]
    widths = [max(len(name), len(text)) for name, text in zip(names, texts, strict=True)]
    lines = [names, ["-" * len(name) for name in names], *([] if values is None else [texts])]
    return "".join("  ".join(word.rjust(width) for word, width in zip(line, widths, strict=True)).rstrip() + "\n" for line in lines)
