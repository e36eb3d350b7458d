"""The key of a job in the cache: a digest of everything its products follow from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TypeAlias

from codegen.text.files import sha256

Content: TypeAlias = Path | str | bytes
"""A file of a job: its path, or its content."""


def job_key(
    *, step: str, files: Mapping[str, Content], calls: Iterable[tuple[tuple[str, ...], str]], products: Mapping[str, str], release: str
) -> str:
    """Sha256 over a job's step, its files' contents, its calls (words, log), its products and the release of the tools."""
    facts = {
        "step": step,
        "files": {name: _digest(content) for name, content in sorted(files.items())},
        "calls": list(calls),
        "products": dict(sorted(products.items())),
        "release": release,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _digest(content: Content) -> str:
    if isinstance(content, Path):
        status = content.stat()
        return _digest_of_file(content, status.st_mtime_ns, status.st_size)
    return hashlib.sha256(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content).hexdigest()


@cache
def _digest_of_file(path: Path, mtime_ns: int, size: int) -> str:  # noqa: ARG001 (a file of another age is read again)
    return sha256(path)
