"""doit's books, written down after every step: a build that is killed has kept what it knew until then.

doit writes them once, at its end, and not in one piece: a kill at that moment would leave a file it refuses to read. A back end
of one's own would have to be announced in a configuration file of the current folder, so the one it has is mended instead.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from doit.dependency import DatabaseException, JsonDB

from codegen.files import write_changed

_load = JsonDB._load
_open: list[JsonDB] = []


def _load_or_begin(self: JsonDB) -> dict[str, Any]:
    with contextlib.suppress(DatabaseException, OSError):
        return dict(_load(self))
    return {}


def _dump_whole(self: JsonDB) -> None:
    write_changed(Path(self.name), self.codec.encode(self._db))


def _set(self: JsonDB, task_id: str, dependency: str, value: Any) -> None:
    if self not in _open:
        _open.append(self)
    self._db.setdefault(task_id, {})[dependency] = value


def keep() -> None:
    """From now on doit's JSON back end replaces its file whole, and begins anew where it cannot be read."""
    JsonDB._load, JsonDB.dump, JsonDB.set = _load_or_begin, _dump_whole, _set


def write() -> None:
    """Write down what is known so far."""
    for books in _open:
        books.dump()
