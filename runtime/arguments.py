"""Values of a command line, checked before anything is begun: each function makes what argparse takes as `type`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Collection
from importlib.util import find_spec
from math import isfinite
from pathlib import Path

PLOTS = (".png", ".pdf", ".svg")
MOST_DIGITS = 300  # Python itself refuses to read numbers of thousands


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number of a range."""

    def convert(text: str) -> int:
        try:
            value = int(text) if len(text) <= MOST_DIGITS else most + 1
        except ValueError:
            raise _refusal(text, "not a whole number", f"write {least:,} to {most:,}") from None
        if not least <= value <= most:
            raise _refusal(text, "out of range", f"write {least:,} to {most:,}")
        return value

    return convert


def number(least: float, most: float) -> Callable[[str], float]:
    """A number of a range, fractions too."""

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise _refusal(text, "not a number", f"write {least:,} to {most:,}") from None
        if not (isfinite(value) and least <= value <= most):
            raise _refusal(text, "out of range", f"write {least:,} to {most:,}")
        return value

    return convert


def output(text: str, suffixes: Collection[str] = ()) -> Path:
    """A file that will be written, in a folder that is there."""
    path = Path(text)
    if not text or path.is_dir():
        raise _refusal(text, "not the name of a file", "name a file")
    if suffixes and path.suffix.lower() not in suffixes:
        raise _refusal(text, "a kind of file that cannot be written", f"let its name end in {', '.join(suffixes)}")
    if not path.parent.is_dir():
        raise _refusal(text, f"there is no folder {path.parent}", "make the folder, or choose another")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise _refusal(text, "no permission to write it", "choose another place, or change its permissions")
    return path


def plot(text: str) -> Path:
    """A file to be drawn."""
    path = output(text, PLOTS)
    if find_spec("matplotlib") is None:
        raise _refusal(text, "matplotlib, which draws it, is not installed", "pip install 'resflow[notebooks]'")
    return path


def _refusal(text: str, what: str, fix: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"{text[:40]!r}: {what}; {fix}")
