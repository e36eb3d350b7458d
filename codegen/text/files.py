"""Files that are written atomically, and keep their time stamp while their content stays the same."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Mapping
from pathlib import Path


def beside(path: Path) -> Path:
    """A name in the same folder that no other writer uses."""
    return path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")


def write_changed(path: Path, content: str | bytes) -> bool:
    """Write a temporary file beside, then rename; a file that has this content already is left alone. Returns whether it was written."""
    # A file name in the text may contain bytes that are not UTF-8.
    data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    try:
        if path.read_bytes() == data:
            return False
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    written = beside(path)
    try:
        written.write_bytes(data)
        os.replace(written, path)
    finally:
        written.unlink(missing_ok=True)
    return True


def write_tree(folder: Path, texts: Mapping[str, str | bytes]) -> None:
    """`write_changed` for each name of a rendered mapping."""
    for name, content in texts.items():
        write_changed(folder / name, content)


def replace_with_copy(source: Path, target: Path) -> str:
    """Copy a file of any size as `write_changed` would; returns the sha256 of what was read."""
    target.parent.mkdir(parents=True, exist_ok=True)
    copied, digest = beside(target), hashlib.sha256()
    try:
        with source.open("rb") as read, copied.open("wb") as written:
            while block := read.read(1 << 20):
                digest.update(block)
                written.write(block)
        if not target.exists() or sha256(target) != digest.hexdigest():
            os.replace(copied, target)
    finally:
        copied.unlink(missing_ok=True)
    return digest.hexdigest()


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
