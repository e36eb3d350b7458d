"""Reports in the layouts of the tools, and what every reader of them must withstand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

from codegen.errors import ToolError

REPORTS = Path(__file__).parent / "fixtures" / "reports"
FIX = "\n  fix: run the step that writes it again; if it comes out the same, this release has a new layout: report it with the file"


def error(reader: Callable[[Path], object], path: Path) -> str:
    """What the reader says of a report it cannot read, `<file>` for its path."""
    try:
        reader(path)
    except ToolError as found:
        return str(found).replace(str(path), "<file>")
    raise AssertionError(f"{path.name} was read")


def edited(folder: Path, name: str, *changes: tuple[str, str]) -> Path:
    """A fixture with some of its text replaced."""
    text = (REPORTS / name).read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / name
    path.write_text(text)
    return path


def withstands(reader: Callable[[Path], object], name: str, folder: Path) -> tuple[int, int]:
    """Cut off after every line, and with bytes changed: read, or refused with the file's name. Returns how many of either were refused."""
    data = (REPORTS / name).read_bytes()
    path = folder / name
    lines = data.splitlines(keepends=True)
    cut = sum(_refused(reader, path, b"".join(lines[:count])) for count in range(len(lines)))
    random = Random(0)
    changed = 0
    for _ in range(150):
        wrong = bytearray(data)
        for _ in range(random.randint(1, 8)):
            wrong[random.randrange(len(wrong))] = random.choice(b" |+-<>&0?x\n\x00\xff")
        changed += _refused(reader, path, bytes(wrong))
    return cut, changed


def _refused(reader: Callable[[Path], object], path: Path, data: bytes) -> bool:
    path.write_bytes(data)
    try:
        reader(path)
    except ToolError as found:
        first, why, fix = str(found).split("\n  ", 2)
        assert first.startswith(str(path)), first
        assert why.startswith("why: "), why
        assert fix.startswith("fix: "), fix
        return True
    return False
