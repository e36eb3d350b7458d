"""The file of labels that the accelerator gave, by which an evaluation can go on where it stopped.

CSV: image, label, top1 … topK, accelerator; a line is written as soon as it is known.
"""

from __future__ import annotations

import csv
import fcntl
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from runtime.container.manifest import Manifest
from runtime.errors import EvaluationError
from runtime.evaluation.text import csv_fields, read_text

_Self = TypeVar("_Self", bound="Results")

DIGEST_DIGITS = 12  # of the xclbin's, in the column `accelerator`


class Results:
    """The results file, open for appending and for this process alone: its earlier results are in `known`.

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
        data = read_text(self.path, "results are CSV").encode("utf-8", "surrogateescape")
        complete = data[: data.rfind(b"\n") + 1]
        lines = complete.decode("utf-8", "surrogateescape").split("\n")[:-1]
        if not lines and not (",".join(self._columns) + "\n").encode().startswith(data):
            lines = [data.decode("utf-8", "replace")]  # a file of another kind, which must not be truncated
        for number, line in enumerate(lines, 1):
            fields = csv_fields(line.rstrip("\r"))
            if number == 1:
                if fields != self._columns:
                    why = f"results of {self._manifest.network} begin with {','.join(self._columns)}"
                    raise EvaluationError(f"{self.path}:1", f"{line:.60}", why, "name another file")
            else:
                self._take(f"{self.path}:{number}", fields)
        if complete != data:
            self._file.truncate(self._file.seek(0, os.SEEK_END) - len(data) + len(complete))  # the file may begin with a mark
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
