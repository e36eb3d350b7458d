"""Files that appear whole or not at all, and keep their time stamp while their content stays."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def write_changed(path: Path, content: str | bytes) -> bool:
    """Write beside, then rename; a file that already says so is left alone. Returns whether it was written."""
    data = content.encode() if isinstance(content, str) else content
    try:
        if path.read_bytes() == data:
            return False
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(data)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return True


def write_tree(folder: Path, texts: Mapping[str, str | bytes]) -> None:
    """`write_changed` for each name of a rendered mapping."""
    for name, content in texts.items():
        write_changed(folder / name, content)
