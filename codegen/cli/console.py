"""The console shows what its encoding can: a rule, an arrow or a file name it lacks is no reason to stop."""

from __future__ import annotations

import codecs
import io
import sys

ASCII = str.maketrans(
    dict(zip("─━│┃┌┐└┘├┤┬┴┼╭╮╰╯×…→←–—·µ≤≥", "--||+++++++++++++x.><--.u<>", strict=True)) | {"…": "...", "→": "->", "←": "<-"}
)
NAME = "resflow-console"


def _shown(error: UnicodeError) -> tuple[bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return b"".join(_bytes(character, error.encoding) for character in lacking), error.end


def _bytes(character: str, encoding: str) -> bytes:
    if "\udc80" <= character <= "\udcff" and encoding != "utf-8":
        return character.encode("ascii", "surrogateescape")  # of a file name, which such a locale passes on as it is
    return character.translate(ASCII).encode("ascii", "backslashreplace")


codecs.register_error(NAME, _shown)


def degrade() -> None:
    """From now on standard output and error replace what they cannot show, instead of failing. For programs to call first."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=NAME)
