"""The listing of the cache that `doit cache` prints."""

from __future__ import annotations

import time
from itertools import groupby

from rich import box
from rich.console import Console
from rich.table import Table

from codegen.jobs.cache import VARIABLE, Cache


def print_cache(cache: Cache, *, days: float | None = None, gigabytes: float | None = None) -> str:
    """List the entries by step, after dropping those older or larger than asked; returns a line that sums it up."""
    console, dropping = Console(width=100), ""
    if days is not None or gigabytes is not None:
        dropped = cache.prune(days=days, gigabytes=gigabytes)
        dropping = f"dropped {len(dropped)} entries of {size(sum(entry.size for entry in dropped))}; "
    entries = sorted(cache.entries(), key=lambda entry: (entry.step, entry.name, -entry.used))
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("step", "name", "key", "size", "last used"):
        table.add_column(heading, justify="right" if heading in ("size", "last used") else "left", no_wrap=True)
    now = time.time()
    for step, group in groupby(entries, key=lambda entry: entry.step):
        for i, entry in enumerate(group):
            table.add_row(step if i == 0 else "", entry.name, entry.key[:12], size(entry.size), ago(now - entry.used))
        table.add_section()
    if entries:
        console.print(table)
    total = size(sum(entry.size for entry in entries))
    try:
        place = str(cache.root)
    except OSError as error:
        return f"nothing is kept: {error.strerror} ({VARIABLE}=PATH names one)"
    return f"{dropping}{len(entries)} entries of {total} in {place} ({VARIABLE} names another folder)"


def size(count: int) -> str:
    """1234567 -> 1.2 MB."""
    number = float(count)
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} B" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"


def ago(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit} ago"
    return "just now" if seconds < 60 else "a minute ago"
