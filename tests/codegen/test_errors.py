"""The error in four parts: its parts stay apart, on every way an error takes."""

import pickle

import pytest

from codegen.cli.options import OptionError
from codegen.errors import FourPartError, ToolError
from dataflow.choose.fit import FitError
from dataflow.timing.error import TimingError
from ipi.tcl_model import CheckError, Finding
from network.errors import DescriptionError, HeaderError, ParameterError, Source

MESSAGE = "a.yaml:3: pe=12\n  why: 12 does not divide 32\n  fix: write 8"


@pytest.mark.parametrize("kind", [ToolError, OptionError, DescriptionError, ParameterError, HeaderError, TimingError, FitError])
def test_the_parts_are_kept(kind: type[FourPartError[object]]) -> None:
    where = Source("a.yaml", 3) if kind in (DescriptionError, HeaderError) else "a.yaml:3"
    error = kind(where, "pe=12", why="12 does not divide 32", fix="write 8")
    assert isinstance(error, FourPartError)
    assert "__init__" not in vars(kind)
    for each in (error, pickle.loads(pickle.dumps(error))):
        assert type(each) is kind
        assert str(each) == MESSAGE
        assert each.parts == (each.where, each.what, each.why, each.fix) == (where, "pe=12", "12 does not divide 32", "write 8")


def test_several_findings_are_one_error() -> None:
    """The first gives the parts; the message has all."""
    findings = [Finding(where=f"bd.tcl:{line}", what="no such cell", why="none is created", fix="create it") for line in (3, 5)]
    for error in (CheckError(findings), pickle.loads(pickle.dumps(CheckError(findings)))):
        assert error.parts == ("bd.tcl:3", "no such cell", "none is created", "create it")
        assert error.findings == tuple(findings)
        assert str(error) == "\n".join(map(str, findings))
