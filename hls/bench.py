"""How long C simulation takes, IP by IP: `doit bench:csim`."""

from __future__ import annotations

import json
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from dataflow.design import Design
from hls.csim import simulate
from hls.vectors import frame_count


def bench_csim(design: Design, build: Path) -> None:
    """Compile and run every bench, one after the other, print seconds and megabytes, and write them to build/bench/csim.json."""
    frames = frame_count(design.ips[0], build / "vectors" / design.ips[0].name)
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("IP", "source kB", "compile s", "compile MB", f"run s, {frames} frames", "ms a frame"):
        table.add_column(heading, justify="left" if heading == "IP" else "right", no_wrap=True)
    figures = {}
    for ip in design.ips:
        sources = build / "hls" / ip.name
        done = simulate(ip.name, sources, build / "vectors" / ip.name, frames, build / "bench" / ip.name)
        figures[ip.name] = {
            "source_bytes": sum(path.stat().st_size for path in sources.iterdir()),
            "compile_seconds": round(done.compiled.seconds, 2),
            "compile_megabytes": round(done.compiled.megabytes),
            "run_seconds": round(done.ran.seconds, 2),
            "frames": frames,
        }
        row = figures[ip.name]
        kilobytes, each = row["source_bytes"] / 1000, done.ran.seconds / frames
        compiled = (f"{row['compile_seconds']:.1f}", f"{row['compile_megabytes']:,}")
        table.add_row(ip.name, f"{kilobytes:,.0f}", *compiled, f"{done.ran.seconds:.1f}", f"{each * 1000:,.0f}")
    table.add_section()
    compile_seconds, run_seconds = (sum(row[key] for row in figures.values()) for key in ("compile_seconds", "run_seconds"))
    most = max(row["compile_megabytes"] for row in figures.values())
    table.add_row("all", "", f"{compile_seconds:.1f}", f"{most:,} most", f"{run_seconds:.1f}", f"{run_seconds / frames * 1000:,.0f}")
    (build / "bench" / "csim.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    Console(width=120).print(table)
