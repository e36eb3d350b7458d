"""Text files of an evaluation, as people and programs write them."""

from __future__ import annotations

import codecs
import csv
from pathlib import Path

from runtime.errors import EvaluationError

LARGEST_FILE = 2**28


def read_text(path: Path, why: str) -> str:
    """The text of a file. File names may be any bytes: those that are not UTF-8 become lone surrogates.

    `why` says what the file is for, in the error if it is not a text file.
    """
    try:
        if path.exists() and (not path.is_file() or path.stat().st_size > LARGEST_FILE):
            raise EvaluationError(str(path), "not a text file", f"{why}; it has at most {LARGEST_FILE:,} bytes", "name the right file")
        data = path.read_bytes()
    except OSError as error:
        raise EvaluationError(str(path), "cannot be read", error.strerror or str(error), "check the path") from None
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # as PowerShell writes what is sent to a file
        raise EvaluationError(str(path), "UTF-16 text", "labels and results are UTF-8", "save it as UTF-8")
    return data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")


def csv_fields(line: str) -> list[str]:
    """The fields of a line of CSV; none if it is not one."""
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []
