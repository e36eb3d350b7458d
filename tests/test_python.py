"""The versions of Python that pyproject.toml allows, and what a checkout says that was never installed and is run in another."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
PLACES = ("dodo.py", "runtime/__init__.py")
SUPPORTED = re.search(r'^requires-python = ">=3\.(\d+),<3\.(\d+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
assert SUPPORTED is not None
OLDEST, FIRST_TOO_NEW = int(SUPPORTED[1]), int(SUPPORTED[2])
REFUSED = (
    "Python 3.{} is not one that resflow runs on\n"
    "{}why: PYNQ 4 needs numpy 1 and grpcio 1.64, which are there for Python 3.10 to 3.12\n"
    "{}fix: make the virtual environment with one of these: python3.12 -m venv .venv\n"
)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("minor", range(7, 16))
def test_a_checkout_runs_in_what_can_be_installed(place: str, minor: int) -> None:
    (check,) = (
        node.test
        for node in ast.parse((ROOT / place).read_text(encoding="utf-8")).body
        if isinstance(node, ast.If) and "sys.version_info" in ast.unparse(node.test)
    )
    refused = eval(ast.unparse(check), {"sys": SimpleNamespace(version_info=(3, minor, 1, "final", 0))})
    assert refused == (not OLDEST <= minor < FIRST_TOO_NEW)


def test_the_classifiers_name_the_same_versions() -> None:
    named = re.findall(r'"Programming Language :: Python :: 3\.(\d+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert [int(minor) for minor in named] == list(range(OLDEST, FIRST_TOO_NEW))


def told(code: str, minor: int) -> str:
    """What a Python of this version would say; all that is not ours is imported before it."""
    script = f"import sys; import doit.doit_cmd, doit.tools, pynq; sys.version_info = (3, {minor}, 0, 'final', 0); {code}"
    ran = subprocess.run([sys.executable, "-W", "ignore", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    return ran.stderr


@pytest.mark.parametrize("minor", [OLDEST - 1, FIRST_TOO_NEW])
def test_another_python_is_told(minor: int) -> None:
    assert told("import runpy; runpy.run_path('dodo.py')", minor) == "error: " + REFUSED.format(minor, "  ", "  ")
    assert told("import runtime", minor).endswith("\nImportError: " + REFUSED.format(minor, "", ""))


@pytest.mark.parametrize("place", PLACES)
def test_what_is_run_first_can_be_read_by_any_python_3(place: str) -> None:
    """Otherwise an older one complains of the syntax instead."""
    ast.parse((ROOT / place).read_text(encoding="utf-8"), feature_version=(3, 8))
