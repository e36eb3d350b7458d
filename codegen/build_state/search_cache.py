"""Results of searches that take seconds (folding, floorplan), kept in the build folder by a digest of the problem: start-up stays fast.

They follow from the problem and from the code that searches, so the file also has a digest of that code: entries of other sources
are ignored.
"""

from __future__ import annotations

import json
from pathlib import Path

from codegen.text.files import write_changed


def load(path: Path, sources: str) -> dict[str, list[int]]:
    """The results by problem; none where the file is missing, damaged, or of other sources: they can be searched for again.

    `sources` is the digest of the code that searches, `codegen.sources.digest("dataflow.plan")`.
    """
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        if saved["sources"] != sources:
            return {}
        pairs = saved["entries"].items()
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}
    return {key: value for key, value in pairs if isinstance(value, list) and all(type(number) is int for number in value)}


def save(path: Path, entries: dict[str, list[int]], sources: str) -> None:
    write_changed(path, json.dumps({"sources": sources, "entries": entries}, indent=0) + "\n")
