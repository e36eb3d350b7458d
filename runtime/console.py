"""The console shows what its encoding can: a label or a file name it lacks is no reason to stop."""

from __future__ import annotations

import io
import sys


def degrade() -> None:
    """From now on standard output and error escape what they cannot show. For programs to call first."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
