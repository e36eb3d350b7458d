"""What was imported, as a table: each layer, its formats, and how its scales were taken."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table

from network.importers.onnx.check import Compared
from network.importers.onnx.lowered import Row


def layers(rows: Iterable[Row]) -> Table:
    table = Table(box=box.SIMPLE)
    for name in ("layer", "operation", "weights", "codes", "scale", "how"):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(row.layer, row.operation, row.weight, row.codes, row.scales, row.how)
    return table


def comparison(results: Iterable[Compared]) -> Table:
    table = Table(box=box.SIMPLE)
    table.add_column("quantizer of the graph", overflow="fold")
    for name in ("codes", "different", "by at most"):
        table.add_column(name, justify="right")
    for each in results:
        table.add_row(each.tensor, f"{each.codes:,}", f"{each.different:,}" if each.different else "none", str(each.most or ""))
    return table


def show(table: Table) -> None:
    Console(highlight=False, emoji=False, markup=False).print(table)
