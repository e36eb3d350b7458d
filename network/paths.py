"""Paths within texts. Descriptions are UTF-8 and file names are bytes, whatever the locale makes of either."""

from __future__ import annotations

import os
from pathlib import Path


def named(text: str) -> Path:
    """The path that a text names."""
    return Path(os.fsdecode(text.encode("utf-8", "surrogateescape")))


def name(path: Path | str) -> str:
    """How a text names a path; bytes that are not UTF-8 stay lone surrogates."""
    return os.fsencode(path).decode("utf-8", "surrogateescape")
