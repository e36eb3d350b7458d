"""Errors about what the user wrote. Each says where, what, why and how to fix it.

DescriptionError   the YAML
ParameterError     the .npz
HeaderError        the C headers of another project
"""

from __future__ import annotations

from typing import NamedTuple

from codegen.errors import FourPartError


class Source(NamedTuple):
    """A place in a text file; lines count from 1, 0 names the file as a whole."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class DescriptionError(FourPartError[Source], ValueError):
    """The description cannot be built as it stands."""


class ParameterError(FourPartError[str], ValueError):
    """The parameters are missing, damaged, or not those of the description; `where` is their file."""


class HeaderError(FourPartError[Source], ValueError):
    """A header to be imported is missing, damaged, or contradicts another."""
