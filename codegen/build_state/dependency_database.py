"""doit's dependency database, written after every step: a build that is killed keeps what it had recorded until then.

doit writes it once, at its end, and not atomically: a kill at that moment would leave a file it refuses to read. A back end of our
own would have to be named in a configuration file of the current folder, so the one doit has is patched instead.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from doit.dependency import DatabaseException, JsonDB

from codegen.text.files import write_changed

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


def write_after_each_step() -> None:
    """From now on doit's JSON back end replaces its file atomically, and starts empty where it cannot be read."""
    JsonDB._load, JsonDB.dump, JsonDB.set = _load_or_begin, _dump_whole, _set


def write() -> None:
    """Write what has been recorded so far."""
    for database in _open:
        database.dump()
