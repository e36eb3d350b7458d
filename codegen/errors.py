"""Errors for people, in four parts: where, what, why, and how to fix it.

FourPartError
├── ToolError          a tool is missing or failed   (here)
├── OptionError        a value of the command line   (codegen.cli.options)
├── DescriptionError   the YAML                      (network.errors)
├── ParameterError     the .npz                      (network.errors)
├── HeaderError        C headers to be imported      (network.errors)
├── TimingError        the timing simulation         (dataflow.timing.error)
└── FitError           the card's resources          (dataflow.choose.fit)

The runtime stands alone and has a base class of its own, `runtime.AcceleratorError`.
"""

from __future__ import annotations

import copyreg
from typing import Any, Generic, TypeVar

Where = TypeVar("Where")


class FourPartError(Exception, Generic[Where]):
    """`where` is a file and line, a log, an option or a name: whatever its `str` leads a person to."""

    def __init__(self, where: Where, what: str, *, why: str, fix: str) -> None:
        super().__init__(where, what)
        self.where, self.what, self.why, self.fix = where, what, why, fix

    @property
    def parts(self) -> tuple[Where, str, str, str]:
        """Where, what, why, fix."""
        return self.where, self.what, self.why, self.fix

    def __str__(self) -> str:
        return f"{self.where}: {self.what}\n  why: {self.why}\n  fix: {self.fix}"

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own calls the class with `args` alone, which lack the parts that are given by name.
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]  # its stub lacks it


class ToolError(FourPartError[str], RuntimeError):
    """A tool is missing or failed; `where` is its log, where there is one."""
