"""Makes an .xo, or the folder of an IP, reproducible: the same inputs give the same bytes.

Each is a zip. Two runs of the packager differ in the order and the dates of its members, and in the parts of its XML below, which
the linker does not compare. The layouts are those other projects have seen (TAPA redacts the same).
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib

from codegen.errors import ToolError

FIXED_DATE = "1980-01-01T00:00:00Z"
"""The earliest date a zip can hold; used for all members and for dates in XML."""

REDACTIONS = (
    (r"(<xilinx:coreCreationDateTime>)[^<]*", rf"\g<1>{FIXED_DATE}"),
    # Seconds since an epoch, where the packager takes it from the clock.
    (r"(<xilinx:coreRevision>)[^<]*", r"\g<1>1"),
    # The folder of the IP when it was packaged, once for every time it was saved.
    (r"[ \t]*<xilinx:tag [^>]*>[^<]*</xilinx:tag>\r?\n?", ""),
    (r"(<SourceLocation>)[^<]*/", r"\g<1>"),
    # UNCONFIRMED which of these attributes each release writes into xo.xml.
    (r'(\b(?:ProjectID|projectId|uuid|UUID)=")[^"]*', r"\g<1>0"),
    (r'(\b(?:Date|date|timestamp|Timestamp|BuildDate|buildDate)=")[^"]*', rf"\g<1>{FIXED_DATE}"),
    # An absolute path: the file's name is enough.
    (r'(=")(?:[A-Za-z]:)?[/\\][^"<>]*[/\\]([^"/\\<>]*)(?=")', r"\g<1>\g<2>"),
)
"""Patterns and replacements, applied to every .xml of an .xo."""
DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError)
"""What reading a damaged zip can raise."""


def normalized(packed: bytes) -> bytes:
    """The same zip with sorted members, fixed dates, and the varying words of its XML replaced. Raises ToolError if it is no zip."""
    data = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive, zipfile.ZipFile(data, "w") as target:
            for name in sorted(name for name in archive.namelist() if not name.endswith("/")):
                member = zipfile.ZipInfo(name)  # of 1980-01-01
                member.compress_type = zipfile.ZIP_DEFLATED
                member.create_system = 3  # otherwise it would depend on the operating system
                member.external_attr = 0o644 << 16
                content = archive.read(name)
                target.writestr(member, _redacted(content) if name.endswith(".xml") else content)
    except DAMAGED as error:
        raise ToolError(
            "package.log",
            "the packager left a file that is no zip",
            why=f"an .xo is one, and a folder is kept as one: {error}",
            fix="package it again: doit forget package",
        ) from None
    return data.getvalue()


def _redacted(content: bytes) -> bytes:
    text = content.decode("utf-8", errors="surrogateescape")
    for pattern, replacement in REDACTIONS:
        text = re.sub(pattern, replacement, text)
    return text.encode("utf-8", errors="surrogateescape")
