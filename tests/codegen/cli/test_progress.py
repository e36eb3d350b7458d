from __future__ import annotations

import errno
import os

import pytest

from codegen.cli import progress

MAKE_ROOM = "make room where the build folder lies, and in TMPDIR and HOME, or choose another: build=PATH"
LET_WRITE = "let that user write to it; the vendor's tools also write below HOME (.Xilinx) and TMPDIR"


@pytest.mark.parametrize(
    ("number", "fix"),
    [
        (errno.ENOSPC, MAKE_ROOM),
        (errno.EDQUOT, MAKE_ROOM),
        (errno.EACCES, LET_WRITE),
        (errno.EROFS, LET_WRITE),
        (errno.EISDIR, "correct what is in the way, then start again"),
    ],
)
def test_what_the_system_refuses(number, fix):
    """In four parts, of which the first says where: it is what the closing summary shows."""

    def refused():
        raise OSError(number, os.strerror(number), "build/toy/file")

    failed = progress.step(refused)()
    assert failed.get_msg().strip() == f"build/toy/file: {os.strerror(number)}\n  why: this step reads or writes it\n  fix: {fix}"
