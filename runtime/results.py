"""The two files of an evaluation: the labels its images have, and the labels the accelerator gave them.

Labels    a line per image, `relative/path label` or `relative/path,label`; a label is a class number or the name of one
Results   CSV: image, label, top1 … topK, accelerator; written as it goes, so that an evaluation can go on where it stopped
"""

from __future__ import annotations

import codecs
import csv
import difflib
import fcntl
import io
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from runtime.errors import EvaluationError
from runtime.manifest import Manifest

_Self = TypeVar("_Self", bound="Results")

LARGEST_FILE = 2**28
DIGEST_DIGITS = 12  # of the xclbin's, in the column `accelerator`


def _read(path: Path, why: str) -> str:
    """File names may be any bytes: what is no UTF-8 comes as lone surrogates."""
    try:
        if path.exists() and (not path.is_file() or path.stat().st_size > LARGEST_FILE):
            raise EvaluationError(str(path), "not a text file", f"{why}; it has at most {LARGEST_FILE:,} bytes", "name the right file")
        data = path.read_bytes()
    except OSError as error:
        raise EvaluationError(str(path), "cannot be read", error.strerror or str(error), "check the path") from None
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # as PowerShell writes what is sent to a file
        raise EvaluationError(str(path), "UTF-16 text", "labels and results are UTF-8", "save it as UTF-8")
    return data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")


def read_labels(path: Path, manifest: Manifest) -> dict[str, int]:
    """Class number by relative path; EvaluationError names the line that is wrong, or can be read in more than one way.

    Without a comma or a tab, the label begins at a space, wherever it makes a label; a field with a comma in it stands in double
    quotes. `number:3` is the number of a class and `name:3` its name, where `3` alone could be either.
    """
    classes = _Classes(manifest)
    labels: dict[str, int] = {}
    for number, line in enumerate(_read(path, "it has a line for each image").split("\n"), 1):
        line = line.rstrip("\r")
        if not line.strip():
            continue
        where = f"{path}:{number}"
        fields = line.split("\t") if "\t" in line else _fields(line) if "," in line else _words(where, line, classes)
        if len(fields) != 2:
            fix = 'write relative/path label, or "relative/path","label"'
            raise EvaluationError(where, f"fields: {len(fields)}", "a line has an image's path and its label", fix)
        image, label = os.path.normpath(fields[0].strip()), classes.number(where, fields[1].strip())
        if labels.setdefault(image, label) != label:
            raise EvaluationError(where, image, f"it is labelled {labels[image]} further up", "delete one of the two lines")
    return labels


def _words(where: str, line: str, classes: _Classes) -> list[str]:
    """Path and label of a line in which spaces may be part of either; the last word is the label if nothing else makes one."""
    spaces = list(re.finditer(r"\s+", line.strip()))
    splits = [(line.strip()[: space.start()], line.strip()[space.end() :]) for space in spaces]
    found = [(image, label) for image, label in splits if classes.readings(label)]
    if len(found) > 1:
        why = f"its label could be {' or '.join(repr(label) for _, label in found)}"
        raise EvaluationError(where, repr(line.strip()), why, "put a tab between the path and the label")
    return list(found[0] if found else splits[-1] if splits else (line,))


def _fields(line: str) -> list[str]:
    """The fields of a line of CSV; none if it is not one."""
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def _same(text: str) -> str | int:
    """Equal for texts that a person would call the same: forms of Unicode, runs of spaces, zeros in front of a number."""
    if text.isascii() and text.isdigit():
        digits = text.lstrip("0")
        return int(digits or "0") if len(digits) < 10 else digits
    return " ".join(unicodedata.normalize("NFC", text).split())


class _Classes:
    """What labels stand for."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._named: dict[str | int, list[int]] = {}
        for i, name in enumerate(manifest.label_names):
            self._named.setdefault(_same(name.strip()), []).append(i)

    def readings(self, text: str) -> dict[int, str]:
        """The classes that can be meant, and as what."""
        kind, colon, rest = text.partition(":")
        found: dict[int, str] = {}
        for words in [text, *([rest.strip()] if colon and kind == "number" else [])]:
            number = _same(words)
            if isinstance(number, int) and number < self._manifest.classes:
                found[number] = "number"
        for words in [text, *([rest.strip()] if colon and kind == "name" else [])]:
            found |= dict.fromkeys(self._named.get(_same(words), ()), "name")
        return found

    def number(self, where: str, text: str) -> int:
        """The class that is meant; EvaluationError if there is none, or more than one."""
        found = self.readings(text)
        if len(found) == 1:
            return next(iter(found))
        if found:
            if all(what == "name" for what in found.values()):
                why = f"{' and '.join(map(str, sorted(found)))} have this name"
                raise EvaluationError(where, repr(text), why, "write the number of the class")
            why = f"it is {' and '.join(f'the {found[i]} of class {i}' for i in sorted(found))}"
            raise EvaluationError(where, repr(text), why, f"write number:{text} for the number, name:{text} for the name")
        manifest = self._manifest
        named_too = ", or their names" if manifest.label_names else ""
        why = f"the labels of {manifest.network} are 0 to {manifest.classes - 1}{named_too}"
        fix = "correct the label, or delete the line"
        close = [] if isinstance(_same(text), int) else difflib.get_close_matches(text, manifest.label_names, n=1)
        if close:
            fix = f"if {close[0]!r} is meant, write that; otherwise {fix}"
        raise EvaluationError(where, repr(text), why, fix)


class Results:
    """The results file, open for appending and for this process alone: what stands in it is in `known`.

    A last line that was only half written is removed; everything else that is not a result raises EvaluationError.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.known: dict[str, tuple[int, tuple[int, ...]]] = {}  # label and labels given, by image
        self._manifest = manifest
        self._digest = manifest.digest[:DIGEST_DIGITS]
        self._columns = ["image", "label", *(f"top{i + 1}" for i in range(manifest.top)), "accelerator"]
        if path.exists() and not path.is_file():
            raise EvaluationError(str(path), "not a file", "results are written to it", "name another file")
        try:
            self._file = path.open("a+b")
        except OSError as error:
            raise EvaluationError(str(path), "cannot be written", error.strerror or str(error), "name another file") from None
        try:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                why = "another evaluation writes to it"
                raise EvaluationError(str(path), "in use", why, "wait for it, or name another file") from None
            self._recover()
        except BaseException:
            self._file.close()
            raise

    def _recover(self) -> None:
        data = _read(self.path, "results are CSV").encode("utf-8", "surrogateescape")
        whole = data[: data.rfind(b"\n") + 1]
        lines = whole.decode("utf-8", "surrogateescape").split("\n")[:-1]
        if not lines and not (",".join(self._columns) + "\n").encode().startswith(data):
            lines = [data.decode("utf-8", "replace")]  # somebody else's file: not to be cut off
        for number, line in enumerate(lines, 1):
            fields = _fields(line.rstrip("\r"))
            if number == 1:
                if fields != self._columns:
                    why = f"results of {self._manifest.network} begin with {','.join(self._columns)}"
                    raise EvaluationError(f"{self.path}:1", f"{line:.60}", why, "name another file")
            else:
                self._take(f"{self.path}:{number}", fields)
        if whole != data:
            self._file.truncate(self._file.seek(0, os.SEEK_END) - len(data) + len(whole))  # the file may begin with a mark
        if not lines:
            self._append([self._columns])

    def _take(self, where: str, fields: list[str]) -> None:
        numbers = fields[1:-1]
        if len(fields) != len(self._columns) or not all(n.isascii() and n.isdigit() and len(n) < 10 for n in numbers):
            raise EvaluationError(where, f"{','.join(fields):.60}", f"a result is {','.join(self._columns)}", "delete the line")
        if fields[-1] != self._digest:
            why = f"this one is {self._digest}"
            raise EvaluationError(where, f"results of the accelerator {fields[-1]:.40}", why, "name another file")
        label, *given = map(int, numbers)
        self.known[fields[0]] = label, tuple(given)

    def _append(self, rows: Iterable[Sequence[object]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        self._file.write(text.getvalue().encode("utf-8", "surrogateescape"))
        self._file.flush()

    def add(self, results: Iterable[tuple[str, int, Sequence[int]]]) -> None:
        """Append image, label and the labels it was given; they are with the system when this returns."""
        try:
            self._append([image, label, *given, self._digest] for image, label, given in results)
        except OSError as error:
            raise EvaluationError(str(self.path), "cannot be written", error.strerror or str(error), "make room, and start again") from None

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()
