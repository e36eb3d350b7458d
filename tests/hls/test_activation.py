"""Every way to build an activation, in C++: units alone, in the corners where they could differ, against the reference and their cycles."""

from codegen.jobs.run import run_calls
from codegen.text.files import write_tree
from hls import render
from hls.csim import csim_job, verdict
from tests.activations import cases
from tests.alone import FRAMES, side_by_side


def test_units_side_by_side(tmp_path):
    of = cases(15)
    ip, arrays, vectors = side_by_side({name: case.alone for name, case in of.items()})
    write_tree(tmp_path / "sources", render("tested", ip, arrays))
    write_tree(tmp_path / "vectors", vectors)
    run_calls(csim_job(ip.name, tmp_path / "sources", tmp_path / "vectors", FRAMES), tmp_path / "csim")
    assert verdict(tmp_path / "csim" / "run.log").startswith(f"PASS alone: {FRAMES} frames")
