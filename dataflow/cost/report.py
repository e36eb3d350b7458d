"""The estimate as tables, `doit estimate`, and as data, `doit estimate --json FILE`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from constants.layout import Role
from dataflow.cost import published
from dataflow.cost.estimate import estimate_design, estimate_ip, estimate_link
from dataflow.cost.formulas import ADD_OR_SUBTRACT_FACTOR, REGISTER_FACTOR, held_cost
from dataflow.cost.resources import KINDS, Resources
from dataflow.cost.storage import Storage
from dataflow.design import Design
from dataflow.unit import Backend

NAMES = {Storage.REGISTERS: "registers", Storage.LUTRAM: "LUTs", Storage.BRAM: "block RAM", Storage.URAM: "UltraRAM"}
HEADINGS = ("LUT", "FF", "BRAM36", "URAM", "DSP")


def numbers(resources: Resources) -> list[str]:
    """1027000, 0.5 -> 1,027,000 and 0.5, in the order of HEADINGS."""
    return [f"{getattr(resources, kind):,g}" if kind == "bram" else f"{getattr(resources, kind):,}" for kind in KINDS]


def table(*columns: str, right: Sequence[str] = HEADINGS) -> Table:
    made = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", no_wrap=True)
    return made


def print_estimate(design: Design, original: Design | None = None) -> None:
    """Print every IP, the FIFOs and converters between them, and the sum; of the published network also the published figures, beside those of
    the `original` style of its design."""
    console = Console(width=120)
    ips = table("IP", "SLR", *HEADINGS, right=("SLR", *HEADINGS))
    for ip in design.ips:
        ips.add_row(ip.name, str(ip.slr), *numbers(estimate_ip(ip)))
    links = _sum(map(estimate_link, design.links))
    ips.add_row("links", "", *numbers(links), end_section=True)
    library = estimate_design(design)
    ips.add_row("estimated", "", *numbers(library))
    console.print(ips)
    if design.loaded:
        console.print(_memories(design))
    console.print("An estimate: counted by formulas, not measured on an implemented design.")
    if original is not None:
        style = estimate_design(original, Backend.ORIGINAL)
        console.print(
            f"With this library's products ({Backend.HLS.value}, by an open synthesizer's figures) and activations it takes "
            f"{library.lut / style.lut:.0%}\nof the LUTs that it takes in the original's style "
            f"({Backend.ORIGINAL.value}, thresholds at every PE; fitted to Vivado's)."
        )
        _print_published(console, style)


class _Lying(NamedTuple):
    """What is loaded into a kind of memory."""

    weights: int  # memories of so many layers' weights
    others: int  # of thresholds and the like
    bits: int
    cost: Resources


def _lying(design: Design) -> dict[Storage, _Lying]:
    found: dict[Storage, _Lying] = {}
    for held in design.loaded:
        weights, others, bits, cost = found.get(held.storage, _Lying(0, 0, 0, Resources()))
        is_weights = held.role is Role.WEIGHTS
        found[held.storage] = _Lying(
            weights + is_weights, others + (not is_weights), bits + held.words * held.row_bits, cost + held_cost(held)
        )
    return {storage: found[storage] for storage in Storage if storage in found}


def _memories(design: Design) -> Table:
    columns = ("weights of layers", "other constants", "Mbit", *HEADINGS)
    rows = table("loaded into", *columns, right=columns)
    for storage, (weights, others, bits, cost) in _lying(design).items():
        rows.add_row(NAMES[storage], f"{weights}", f"{others}", f"{bits / 1e6:,.1f}", *numbers(cost))
    return rows


def estimate_data(design: Design) -> dict[str, object]:
    """What `print_estimate` estimates: in total, by IP, of the FIFOs and converters between them (`links`), by SLR from 0 on.

    A link counts for the SLR of its source. `loaded` is the part of the constants that are loaded, by the memories they lie in.
    """
    slrs = [Resources() for _ in design.platform.area]
    ips = {ip.name: estimate_ip(ip) for ip in design.ips}
    links = _sum(map(estimate_link, design.links))
    for ip in design.ips:
        slrs[ip.slr] += ips[ip.name] + _sum(estimate_link(link) for link in design.links if link.source == ip.name)
    return {
        "total": asdict(_sum(ips.values()) + links),
        "ips": {name: asdict(cost) for name, cost in ips.items()},
        "links": asdict(links),
        "slrs": list(map(asdict, slrs)),
        "loaded": {storage.value: {**each._asdict(), "cost": asdict(each.cost)} for storage, each in _lying(design).items()},
    }


def _print_published(console: Console, original: Resources) -> None:
    model = original + published.AROUND
    rows = table("ResNet-50 on the U250, in the original's style", *HEADINGS)
    rows.add_row("kernel, by the model", *numbers(original))
    rows.add_row("DDR controller and PLRAM", *numbers(published.AROUND), end_section=True)
    rows.add_row("together", *numbers(model))
    rows.add_row("published", *numbers(published.USED), end_section=True)
    rows.add_row("error", *(f"{getattr(model, kind) / getattr(published.USED, kind) - 1:+.1%}" for kind in KINDS))
    rows.add_row("", "fitted", "fitted", "checked", "checked", "checked")
    console.print(rows)
    console.print(
        f"Two constants are fitted, each on one of these totals: add-or-subtract takes {ADD_OR_SUBTRACT_FACTOR} of the LUTs counted, "
        f"pipelines {REGISTER_FACTOR}\nof the flip-flops. The others show how accurate the model is; no figures per IP were published."
    )


def _sum(parts: Iterable[Resources]) -> Resources:
    return sum(parts, Resources())
