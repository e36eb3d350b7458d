"""Values of the command line, checked before any work starts: numbers with their range, files to be written, names.

Each of these functions makes a converter of text, as doit's `params` and argparse's `type` take them. What cannot be used raises
OptionError, in four parts: `or_exit` ends the process with it, as doit needs; `argument` turns it into the error that argparse expects.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import TypeVar

from codegen.errors import FourPartError

T = TypeVar("T")
SHOWN = 40
"""Characters of a wrong value that are quoted."""
MOST_DIGITS = 300
"""A number with more digits is out of every range; Python refuses to convert thousands of them."""


class OptionError(FourPartError[str], RuntimeError):
    """A value that cannot be used; `where` is the option as it was given.

    Not a ValueError: doit and argparse would replace its message by their own.
    """


def whole(name: str, least: int, most: int, why: str) -> Callable[[str], int]:
    """A whole number; `name` is `frames=` or `--frames`, `why` says what it counts."""

    def convert(text: str) -> int:
        try:
            value = int(text) if len(text) <= MOST_DIGITS else most + 1
        except ValueError:
            raise OptionError(given(name, text), "not a whole number", why=why, fix=f"write {least:,} to {most:,}") from None
        return int(_within(name, text, value, least, most, why))

    return convert


def number(name: str, least: float, most: float, why: str) -> Callable[[str], float]:
    """A number, which may have a fraction."""

    def convert(text: str) -> float:
        try:
            value = float(text) if len(text) <= MOST_DIGITS else most + 1
        except ValueError:
            value = float("nan")
        if value != value:
            raise OptionError(given(name, text), "not a number", why=why, fix=f"write {least:,} to {most:,}")
        return float(_within(name, text, value, least, most, why))

    return convert


def _within(name: str, text: str, value: float, least: float, most: float, why: str) -> float:
    if not (isfinite(value) and least <= value <= most):
        raise OptionError(given(name, text), "out of range", why=why, fix=f"write {least:,} to {most:,}")
    return value


def choice(name: str, choices: Collection[str], why: str) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if text not in choices:
            raise OptionError(given(name, text), "no such choice", why=why, fix=f"choose {' or '.join(choices)}, or leave it out")
        return text

    return convert


def output(name: str, why: str, suffixes: Collection[str] = (), start: Path | None = None) -> Callable[[str], Path]:
    """A file that will be written, relative to `start`, in an existing folder; permissions are checked now, not after the work is done."""

    def convert(text: str) -> Path:
        def fail(what: str, why: str, fix: str) -> OptionError:
            return OptionError(given(name, text), what, why=why, fix=fix)

        if not text:
            raise fail("an empty name", why, "name a file")
        path = Path(text) if start is None else start / text
        path = path.relative_to(Path.cwd()) if path.is_absolute() and path.is_relative_to(Path.cwd()) else path
        if suffixes and path.suffix.lower() not in suffixes:
            raise fail("a kind of file that cannot be written", why, f"let its name end in {', '.join(suffixes)}")
        if path.is_dir():
            raise fail("a folder", why, "name a file in it")
        if not path.parent.is_dir():
            raise fail(f"there is no folder {path.parent}", why, "make the folder, or choose another")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise fail("cannot be written", "there is no permission to", "choose another place, or change its permissions")
        return path

    return convert


def plot(name: str, start: Path | None = None) -> Callable[[str], Path]:
    """A file to be drawn, in a format that matplotlib has."""
    convert = output(name, "the plot is written to it", (".png", ".pdf", ".svg", ".jpg"), start)

    def drawable(text: str) -> Path:
        path = convert(text)
        try:
            import matplotlib  # noqa: F401
        except ImportError as error:
            what = f"nothing to draw it with: {error}"
            raise OptionError(given(name, text), what, why="matplotlib draws it", fix="pip install 'resflow[plot]'") from None
        return path

    return drawable


def given(name: str, text: str) -> str:
    """The option as the user typed it: frames=abc, --frames abc."""
    shown = text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
    return f"{name}{shown}" if name.endswith("=") else f"{name} {shown}"


def require_known(variables: Mapping[str, str], known: Mapping[str, str]) -> None:
    """Raises OptionError for a variable that is not in `known` (by name, an example of its value), or has no value."""
    for name, text in variables.items():
        if name not in known:
            close = get_close_matches(name, known, n=1)
            why = f"known are {', '.join(f'{each}=' for each in known)}"
            fix = f"did you mean {close[0]}={text:.{SHOWN}}?" if close else "use one of those, or leave it out"
            raise OptionError(given(f"{name}=", text), "no such variable", why=why, fix=fix)
        if not text:
            raise OptionError(f"{name}=", "no value", why="nothing follows the =", fix=f"write {name}={known[name]}, or leave it out")


def require_jobs(words: Sequence[str]) -> None:
    """Raises OptionError for a negative -n, with which doit would run nothing and exit 0."""
    for word, after in pairwise([*words, ""]):
        text = after if word in ("-n", "--process") else word.removeprefix("--process=").removeprefix("-n")
        if text != word and re.fullmatch(r"\s*-\d+\s*", text):
            why = "it counts the jobs that run at once"
            raise OptionError(given("-n", text), "out of range", why=why, fix="write 1 or more, or leave it out")


def jobs_at_once() -> int:
    """How many jobs may run at once where -n does not say: $RESFLOW_JOBS, or one for each processor. Raises OptionError."""
    text = os.environ.get("RESFLOW_JOBS")
    return whole("RESFLOW_JOBS=", 1, 1000, "it counts the jobs that run at once")(text) if text else len(os.sched_getaffinity(0))


def or_exit(convert: Callable[[str], T]) -> Callable[[str], T]:
    """The converter for doit's `params`: it ends the process, with the message and status 1, before any task is begun."""

    def converted(text: str) -> T:
        try:
            return convert(text)
        except OptionError as error:
            sys.exit(f"error: {error}")

    return converted


def argument(convert: Callable[[str], T]) -> Callable[[str], T]:
    """The converter for argparse, which names the option itself and ends with status 2."""

    def converted(text: str) -> T:
        try:
            return convert(text)
        except OptionError as error:
            raise argparse.ArgumentTypeError(f"{text[:SHOWN]!r}: {error.what}: {error.why}; {error.fix}") from None

    return converted


def checked_option(long: str, convert: Callable[[str], object], default: object, text: str) -> dict[str, object]:
    """An option of a doit task, whose value is checked before anything is begun."""
    return {"name": long.replace("-", "_"), "long": long, "type": or_exit(convert), "default": default, "help": text}
