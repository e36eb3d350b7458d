"""The console shows what its encoding can: a rule, an arrow or a file name it lacks is no reason to stop."""

from __future__ import annotations

import codecs
import io
import sys

ASCII = str.maketrans(
    dict(zip("─━│┃┌┐└┘├┤┬┴┼╭╮╰╯×…→←–—·µ≤≥", "--||+++++++++++++x.><--.u<>", strict=True)) | {"…": "...", "→": "->", "←": "<-"}
)
NAME = "resflow-console"


def _shown(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(ASCII)
    return text.encode("ascii", "backslashreplace").decode("ascii"), error.end


codecs.register_error(NAME, _shown)


def degrade() -> None:
    """From now on standard output and error replace what they cannot show, instead of failing. For programs to call first."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=NAME)
