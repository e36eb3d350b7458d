"""Errors about what the user wrote. Each says where, what, why and how to fix it.

DescriptionError   the YAML
ParameterError     the .npz
HeaderError        the C headers of another project
GraphError         an ONNX graph to be imported
GraphErrors        all that cannot be taken in such a graph
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


class GraphError(FourPartError[str], ValueError):
    """A graph to be imported is damaged, or has what the accelerator cannot compute; `where` is `MODEL.onnx: node NAME (OP)`."""


class GraphErrors(ValueError):
    """Everything in a graph that cannot be taken, in its order; one message lists them all."""

    def __init__(self, errors: tuple[GraphError, ...]) -> None:
        super().__init__(errors)
        self.errors = errors

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)
