"""What a change to the sources makes stale: exactly what depends on it, found by the imports and not by lists."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.programs import quick_compiler

ROOT = Path(__file__).parents[1]
FOLDERS = ("codegen", "constants", "dataflow", "hls", "ipi", "network", "rtl", "runtime", "vitis", "configs", "params")
ONCE = {"design", "check", "xclbin", "vectors"}
EACH_IP = {"generate", "csim", "rtl"}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A copy of the sources with the network of the tests built; returns a function that says which tasks are stale in it."""
    folder = tmp_path_factory.mktemp("copy")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "dodo.py", folder)
    shutil.copy(ROOT / "tests" / "toy.yaml", folder / "configs")
    compiler = str(quick_compiler(folder))  # what is stale does not depend on what was compiled
    environment = os.environ | {"PYTHONPATH": str(folder), "RESFLOW_CACHE": str(folder / "cache"), "CXX": compiler}

    def doit(*words):
        command = [sys.executable, "-m", "doit", *words]
        ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    doit("network=toy", "params")
    doit("-n", "2", "network=toy", "csim", "check", "xclbin", "rtl")

    def stale():
        lines = doit("list", "--all", "--status", "network=toy").splitlines()
        names = [line.split()[1].partition(":") for line in lines if line.startswith("R ")]
        return {name for name, _, ip in names if name in (EACH_IP if ip else ONCE)}

    assert stale() == set()
    return folder, stale


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("hls/templates/ip.cpp.j2", {"generate", "csim"}),
        ("hls/render.py", {"generate", "csim"}),
        ("hls/include/resflow/dot.h", {"generate", "csim"}),
        ("hls/csim.py", {"csim"}),
        ("hls/vectors.py", {"vectors", "generate", "csim"}),
        ("hls/csynth.py", set()),
        ("network/reference.py", {"vectors", "generate", "csim"}),
        ("network/images.py", set()),
        ("rtl/sv/rf_mvau.sv", {"rtl"}),
        ("rtl/include/bench.h", {"rtl"}),
        ("rtl/simulation.py", set()),
        ("dataflow/units/product.py", {"check", "xclbin", "rtl"}),
        ("dataflow/cost/formulas.py", {"check", "xclbin", "rtl"}),
        ("dataflow/cost/estimate.py", {"check"}),
        ("dataflow/choose/fit.py", {"check"}),
        ("dataflow/timing/graph.py", {"check", "xclbin"}),
        ("dataflow/timing/sizing.py", {"check"}),
        ("dataflow/native/simulation.cpp", {"check", "xclbin"}),
        ("dataflow/timing/prediction_report.py", set()),
        ("ipi/bd.tcl", {"design", "check"}),
        ("ipi/model/core.tcl", {"check"}),
        ("vitis/link.py", {"design", "check"}),
        ("vitis/reports/page.py", set()),
        ("dataflow/tasks.py", set()),
    ],
)
def test_a_changed_constant(built, module, expected):
    folder, stale = built
    path = folder / module
    before = path.read_text()
    comment = "//" if path.suffix in (".h", ".cpp", ".sv") else "#"
    try:
        path.write_text(before + f"\n{comment} another\n" if path.suffix != ".j2" else before + "\n// another\n")
        assert stale() == expected
    finally:
        path.write_text(before)
