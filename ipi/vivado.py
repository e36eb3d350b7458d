"""The Vivado calls that run the generated Tcl."""

from __future__ import annotations

from pathlib import Path

from codegen import find


def command(script: Path, *arguments: str | Path) -> list[str]:
    """Vivado in batch mode. block_design.tcl takes the folder with the HLS IPs and the number of jobs, package.tcl nothing."""
    vivado = find("vivado")
    given = ["-tclargs", *map(str, arguments)] if arguments else []
    return [vivado, "-mode", "batch", "-notrace", "-nojournal", "-nolog", "-source", str(script), *given]
