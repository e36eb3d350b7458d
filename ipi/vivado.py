"""The Vivado calls that run the generated Tcl."""

from __future__ import annotations


def command(script: str, *arguments: str) -> tuple[str, ...]:
    """Vivado in batch mode. block_design.tcl takes the folder with the HLS IPs and the number of jobs, package.tcl nothing."""
    given = ("-tclargs", *arguments) if arguments else ()
    return ("vivado", "-mode", "batch", "-notrace", "-nojournal", "-nolog", "-source", script, *given)
