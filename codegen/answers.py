"""Answers to what takes seconds to find, kept in the build folder by the question's digest: start-up stays fast."""

from __future__ import annotations

import json
from pathlib import Path

from codegen.files import write_changed


def load(path: Path) -> dict[str, list[int]]:
    """The answers found before; none where the file is missing or damaged, they can be found again."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    pairs = found.items() if isinstance(found, dict) else ()
    return {key: value for key, value in pairs if isinstance(value, list) and all(type(number) is int for number in value)}


def save(path: Path, answers: dict[str, list[int]]) -> None:
    write_changed(path, json.dumps(answers, indent=0) + "\n")
