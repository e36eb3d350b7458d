"""Work for a tool as a value: files in, a few calls, products out. It runs where the files are put, here or on another machine.

A job's key is a digest of all that its products follow from. Products are kept in the cache under it, so that work that is
finished is not repeated: not after a kill, not in another build folder, not by another user of the same cache.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TypeAlias

from codegen.text.files import sha256

Content: TypeAlias = Path | str | bytes
"""A file of a job: its path, or its content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a job may take. Those of each step are estimates; `doit timeout_minutes=… memory_gb=…` sets others."""

    timeout_minutes: float
    memory_gb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One run of a tool: its name as in `tools.find.TOOLS`, or a path in the working folder that begins with ./, and its arguments."""

    words: tuple[str, ...]  # {work} in one of them stands for the working folder, where only an absolute path will do
    log: str  # the name of its log, which is a product too
    hint: str = "read the log"  # the remedy where the failure is not a known one


@dataclass(frozen=True, kw_only=True)
class Job:
    """`step` and `name` are the task's (synth, res2a); paths are relative to the working folder.

    A path that ends with / is a folder: what is kept or given of it is a zip.
    """

    step: str
    name: str
    files: Mapping[str, Content]
    calls: tuple[Call, ...]
    products: Mapping[str, str]  # name -> pattern of the one file that becomes it
    release: str = ""  # of the tools: 2022.2
    weight: int = 0  # heavier jobs are begun first
    limits: Limits

    @cached_property
    def key(self) -> str:
        """Sha256 over the files' contents, the calls, the products and the release; limits and weight are no part of it."""
        facts = {
            "step": self.step,
            "files": {name: _digest(content) for name, content in sorted(self.files.items())},
            "calls": [(call.words, call.log) for call in self.calls],
            "products": dict(sorted(self.products.items())),
            "release": self.release,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    @property
    def tools(self) -> tuple[str, ...]:
        """The names of the tools it calls."""
        return tuple(dict.fromkeys(call.words[0] for call in self.calls if not call.words[0].startswith("./")))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Everything it leaves: products and logs."""
        return (*self.products, *(call.log for call in self.calls))


def _digest(content: Content) -> str:
    if isinstance(content, Path):
        status = content.stat()
        return _digest_of_file(content, status.st_mtime_ns, status.st_size)
    return hashlib.sha256(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content).hexdigest()


@cache
def _digest_of_file(path: Path, mtime_ns: int, size: int) -> str:  # noqa: ARG001 (a file of another age is read again)
    return sha256(path)
