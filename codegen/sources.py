"""Which files of our own a piece of code depends on: the closure of its imports, so that no list of them is kept by hand.

Imports are read, not run, wherever they stand in a module, within functions too. A package counts as what it re-exports: `from
dataflow import plan` leads to `dataflow/__init__.py`, `from dataflow.design import Ip` does not. With a module come the files beside it that
it names, templates, Tcl, C++ headers and SystemVerilog, by themselves or by their folder; with a `_native` extension the C++ it is built from.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGES = ("codegen", "constants", "dataflow", "hls", "ipi", "network", "rtl", "runtime", "vitis")
DATA = (".cpp", ".h", ".inl", ".j2", ".sv", ".tcl", ".vlt")
NATIVE = "_native"

# Read line by line rather than parsed: a tenth of the time, and every start of doit waits for it.
_FROM = re.compile(rf"^[ \t]*from ((?:{'|'.join(PACKAGES)})(?:\.\w+)*) import (\([^)]*\)|[^\n(]*)", re.MULTILINE)
_IMPORT = re.compile(rf"^[ \t]*import ((?:{'|'.join(PACKAGES)})(?:\.\w+)*)", re.MULTILINE)
_COMMENT = re.compile(r"#.*")
_NAME = re.compile(r"(\w+)(?: as \w+)?")


def closure(*users: Callable[..., Any] | str) -> tuple[Path, ...]:
    """The files that modules, or the modules of functions, depend on, themselves among them."""
    found: set[Path] = set()
    waiting = {user if isinstance(user, str) else user.__module__ for user in users}
    seen: set[str] = set()
    while waiting:
        module = waiting.pop()
        seen.add(module)
        found |= set(_files(module))
        waiting |= imports(module) - seen
    return tuple(sorted(found))


@cache
def digest(*users: Callable[..., Any] | str) -> str:
    """Of the contents of their closure: changes when any of it does. For the `uptodate` of a task whose action they are."""
    return hashlib.sha256(b"".join(map(_digest, closure(*users)))).hexdigest()


@cache
def imports(module: str) -> frozenset[str]:
    """The modules of ours that a module imports, dotted."""
    path = _modules().get(module)
    if path is None:
        return frozenset()
    text, modules = _content(path).decode(), _modules()
    found = {*_IMPORT.findall(text)}
    for package, names in _FROM.findall(text):
        # A name is a module of the package, or something its `__init__` has.
        for name in _NAME.findall(_COMMENT.sub("", names) if "#" in names else names):
            inner = f"{package}.{name}"
            found.add(inner if name == NATIVE or inner in modules else package)
    return frozenset(found)


@cache
def _digest(path: Path) -> bytes:
    """Of one file, its place among the others included; most are in many closures."""
    return hashlib.sha256(path.relative_to(ROOT).as_posix().encode() + b"\0" + _content(path)).digest()


@cache
def _content(path: Path) -> bytes:
    return path.read_bytes()


@cache
def _beside(folder: Path) -> tuple[Path, ...]:
    return tuple(folder.iterdir())


@cache
def _modules() -> Mapping[str, Path]:
    """All modules of ours by their dotted names; a package is its `__init__`."""
    paths = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


@cache
def _files(module: str) -> tuple[Path, ...]:
    if module.endswith(f".{NATIVE}"):
        return _data(ROOT / module.partition(".")[0] / "native")
    path = _modules().get(module)
    if path is None:
        return ()
    text = _content(path).decode()
    named = [each for each in _beside(path.parent) if f'"{each.name}"' in text]
    return (path, *(file for each in named for file in (_data(each) if each.is_dir() else [each]) if file.suffix in DATA))


def _data(folder: Path) -> tuple[Path, ...]:
    return tuple(file for file in folder.rglob("*") if file.suffix in DATA)
