"""Paths in text files: descriptions are UTF-8 and file names are bytes, whatever the locale."""

from __future__ import annotations

import os
from pathlib import Path


def named(text: str) -> Path:
    """The path of a text in a description."""
    return Path(os.fsdecode(text.encode("utf-8", "surrogateescape")))


def parameters_entry(config: Path, npz: Path, network: str) -> str | None:
    """What a description in `config` says under `parameters`; None where the file is in the default place, ../params/<network>.npz."""
    relative = os.path.relpath(npz, config.parent)
    return None if Path(relative) == Path("..", "params", f"{network}.npz") else name(relative)


def name(path: Path | str) -> str:
    """The text of a path for a description; bytes that are not UTF-8 become lone surrogates."""
    return os.fsencode(path).decode("utf-8", "surrogateescape")
