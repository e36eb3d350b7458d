"""Console output in any encoding: characters that it lacks are replaced instead of raising UnicodeEncodeError."""

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
        return character.encode("ascii", "surrogateescape")  # an undecodable byte of a file name, passed on as it is
    return character.translate(ASCII).encode("ascii", "backslashreplace")


codecs.register_error(NAME, _shown)


def degrade() -> None:
    """From now on standard output and error replace characters they cannot encode. Programs call it first."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=NAME)
