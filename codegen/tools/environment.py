"""The environment variables of tools: those of the build, with a locale and folders that every tool can work with.

In the user's own locale a vendor's Tcl may write 3,333 for 3.333, and a compiler's messages cannot be read. Some
tools exit at once when the locale does not exist, so each name is tried first. The vendor's tools write below HOME (.Xilinx), which a container's
user may not have.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from pathlib import Path

NAMES = ("C.UTF-8", "en_US.UTF-8", "C")
LC_ALL_MASK = 0x1FBF  # bits/locale.h
_OF_LOCALES = ("LANG", "LANGUAGE", "LC_")


@cache
def locale_name() -> str:
    """The first of NAMES that this system has; the last exists everywhere."""
    library = ctypes.CDLL(None)
    library.newlocale.restype = ctypes.c_void_p
    library.newlocale.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
    library.freelocale.argtypes = (ctypes.c_void_p,)
    for name in NAMES[:-1]:
        if handle := library.newlocale(LC_ALL_MASK, name.encode(), None):
            library.freelocale(handle)
            return name
    return NAMES[-1]


def of_tools(home: Path | None = None) -> dict[str, str]:
    """The variables of this process, with its locale replaced; `home` replaces a HOME that cannot be written."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OF_LOCALES)}
    if home is not None and not _is_writable(kept.get("HOME", "")):
        kept["HOME"] = str(home)
    if not _is_writable(kept.get("TMPDIR", "")):
        kept.pop("TMPDIR", None)
    return kept | {"LANG": locale_name(), "LC_ALL": locale_name()}


def _is_writable(folder: str) -> bool:
    return os.path.isabs(folder) and os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)
