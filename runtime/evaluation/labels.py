"""The file of labels that the images of an evaluation have.

A line per image, `relative/path label` or `relative/path,label`; a label is the number of a class, or its name.
"""

from __future__ import annotations

import difflib
import os
import re
import unicodedata
from pathlib import Path

from runtime.container.manifest import Manifest
from runtime.errors import EvaluationError
from runtime.evaluation.text import csv_fields, read_text


def read_labels(path: Path, manifest: Manifest) -> dict[str, int]:
    """Class number by relative path; EvaluationError names the line that is wrong, or can be read in more than one way.

    Without a comma or a tab, the label begins at a space, after which the line reads as a label; a field with a comma in it is in
    double quotes. `number:3` is the number of a class and `name:3` its name, where `3` alone could be either.
    """
    classes = _Classes(manifest)
    labels: dict[str, int] = {}
    for number, line in enumerate(read_text(path, "it has a line for each image").split("\n"), 1):
        line = line.rstrip("\r")
        if not line.strip():
            continue
        where = f"{path}:{number}"
        fields = line.split("\t") if "\t" in line else csv_fields(line) if "," in line else _words(where, line, classes)
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
    readable = [(image, label) for image, label in splits if classes.readings(label)]
    if len(readable) > 1:
        why = f"its label could be {' or '.join(repr(label) for _, label in readable)}"
        raise EvaluationError(where, repr(line.strip()), why, "put a tab between the path and the label")
    return list(readable[0] if readable else splits[-1] if splits else (line,))


def _same(text: str) -> str | int:
    """Equal for texts that a person would call the same: forms of Unicode, runs of spaces, zeros in front of a number."""
    if text.isascii() and text.isdigit():
        digits = text.lstrip("0")
        return int(digits or "0") if len(digits) < 10 else digits
    return " ".join(unicodedata.normalize("NFC", text).split())


class _Classes:
    """The classes of a network, by number and by name."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._named: dict[str | int, list[int]] = {}
        for i, name in enumerate(manifest.label_names):
            self._named.setdefault(_same(name.strip()), []).append(i)

    def readings(self, text: str) -> dict[int, str]:
        """The classes that can be meant, and as what."""
        kind, colon, rest = text.partition(":")
        classes: dict[int, str] = {}
        for words in [text, *([rest.strip()] if colon and kind == "number" else [])]:
            number = _same(words)
            if isinstance(number, int) and number < self._manifest.classes:
                classes[number] = "number"
        for words in [text, *([rest.strip()] if colon and kind == "name" else [])]:
            classes |= dict.fromkeys(self._named.get(_same(words), ()), "name")
        return classes

    def number(self, where: str, text: str) -> int:
        """The class that is meant; EvaluationError if there is none, or more than one."""
        classes = self.readings(text)
        if len(classes) == 1:
            return next(iter(classes))
        if classes:
            if all(what == "name" for what in classes.values()):
                why = f"{' and '.join(map(str, sorted(classes)))} have this name"
                raise EvaluationError(where, repr(text), why, "write the number of the class")
            why = f"it is {' and '.join(f'the {classes[i]} of class {i}' for i in sorted(classes))}"
            raise EvaluationError(where, repr(text), why, f"write number:{text} for the number, name:{text} for the name")
        manifest = self._manifest
        named_too = ", or their names" if manifest.label_names else ""
        why = f"the labels of {manifest.network} are 0 to {manifest.classes - 1}{named_too}"
        fix = "correct the label, or delete the line"
        close = [] if isinstance(_same(text), int) else difflib.get_close_matches(text, manifest.label_names, n=1)
        if close:
            fix = f"if {close[0]!r} is meant, write that; otherwise {fix}"
        raise EvaluationError(where, repr(text), why, fix)
