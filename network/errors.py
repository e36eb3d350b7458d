"""Errors about what the user wrote. Each says where, what, why and how to fix it.

DescriptionError   the YAML
ParameterError     the .npz
HeaderError        the C headers of another project
"""

from __future__ import annotations

from typing import NamedTuple


class Source(NamedTuple):
    """A place in a text file; lines count from 1, 0 names the file as a whole."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class DescriptionError(ValueError):
    """The description cannot be built as it stands."""

    def __init__(self, at: Source, what: str, *, why: str, fix: str) -> None:
        super().__init__(f"{at}: {what}\n  why: {why}\n  fix: {fix}")


class ParameterError(ValueError):
    """The parameters are missing, damaged, or not those of the description."""

    def __init__(self, file: str, what: str, *, why: str, fix: str) -> None:
        super().__init__(f"{file}: {what}\n  why: {why}\n  fix: {fix}")


class HeaderError(ValueError):
    """A header to be imported is missing, damaged, or contradicts another."""

    def __init__(self, at: Source, what: str, *, why: str, fix: str) -> None:
        super().__init__(f"{at}: {what}\n  why: {why}\n  fix: {fix}")
