"""Stitching and packaging as jobs, with a stand-in for Vivado that runs their Tcl against the model."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import ipi
from codegen.errors import ToolError
from codegen.jobs.run import run_here
from codegen.text.files import write_tree
from codegen.tools.releases import release
from dataflow import Design, plan
from ipi.jobs import unplaced
from ipi.timing import read_timing
from ipi.utilization import read_utilization
from network import load
from tests.ipi.flow import export, package, stitch
from tests.tools.installation import Installation

RELEASES = ["2019.2", "2021.1", "2024.2"]


@pytest.fixture(scope="module")
def toy(toy_yaml: Path) -> Design:
    return plan(load(toy_yaml))


@pytest.mark.parametrize("name", RELEASES)
def test_from_ips_to_the_kernel(name: str, toy: Design, stand_ins: Callable[..., Installation], tmp_path: Path) -> None:
    made = stand_ins(name)
    stitched = stitch(toy, name, tmp_path)
    assert all((stitched / product).exists() for product in ipi.stitched(toy))
    assert read_timing(stitched / "timing.rpt").met
    found = read_utilization(stitched / "utilization.xml")
    assert {f"ip_{ip.name}" for ip in toy.ips} < {cell.name for cell in found.cells}
    xo = package(toy, name, tmp_path) / "toy.xo"
    with zipfile.ZipFile(xo) as archive:
        assert archive.read("toy/kernel.xml") == (tmp_path / "ipi" / "kernel.xml").read_bytes()
        assert archive.read("ip_repo/resflow_kernel_toy_1_0/dcp/toy.dcp") == (stitched / "toy.dcp").read_bytes()
        assert not any(path.endswith(".v") for path in archive.namelist())
    assert made.runs() == ["vivado block_design", "vivado package"]
    # What else is there is none of its business.
    assert (tmp_path / "stitch" / "work" / ".job").exists()


def test_two_builds_one_kernel(toy: Design, stand_ins: Callable[..., Installation], tmp_path: Path) -> None:
    stand_ins("2022.2")
    made = []
    for name in ("one", "another"):
        stitch(toy, "2022.2", tmp_path / name)
        made.append((package(toy, "2022.2", tmp_path / name) / "toy.xo").read_bytes())
    assert made[0] != made[1]
    assert ipi.normalized(made[0]) == ipi.normalized(made[1])


def failure(call: Callable[[], object], folder: Path) -> str:
    with pytest.raises(ToolError) as error:
        call()
    return str(error.value).replace(str(folder), "<folder>")


@pytest.mark.parametrize(
    ("how", "message"),
    {
        "licence": "<folder>/stitch/stitch.log: vivado ended with status 1\n"
        "  why: ERROR: [Common 17-345] A valid license was not found for feature 'Synthesis' and/or device 'xcu250'. Please run the "
        "Vivado License Manager for assistance in determining which features and devices are licensed for your system. "
        "(the tool got no licence)\n"
        "  fix: set XILINXD_LICENSE_FILE (or LM_LICENSE_FILE) to the licence, check with lmutil lmstat -a that one is free, then start again",
        "kill": "<folder>/stitch/stitch.log: vivado ended with signal 9\n"
        "  why: something killed it (SIGKILL), most often the kernel when the machine runs out of memory\n"
        "  fix: run fewer jobs at once (doit -n), set aside more for each: doit memory_gb=…, or use a larger machine",
        "no product": "<folder>/stitch/stitch.log: vivado exited 0 without producing toy.v\n"
        "  why: there is no ipi/ip/toy.v in <folder>/stitch/work\n"
        "  fix: read the log: a tool that stops early may exit 0 all the same",
    }.items(),
    ids=["licence", "kill", "no product"],
)
def test_failures(how: str, message: str, toy: Design, stand_ins: Callable[..., Installation], tmp_path: Path) -> None:
    made = stand_ins("2022.2", fail={"vivado:block_design": how})
    assert failure(lambda: stitch(toy, "2022.2", tmp_path), tmp_path) == message
    assert made.runs("start") == ["vivado block_design"]


def mutated(design: Design, folder: Path, file: str, old: str, new: str) -> None:
    """Stitch with a script that is not as it should be."""
    texts = ipi.render(design)
    assert old in texts[file]
    write_tree(folder / "ipi", texts | {file: texts[file].replace(old, new)})
    found = release("2022.2")
    run_here(ipi.stitch_job(design, folder / "ipi", export(design, found, folder / "ips"), found), folder / "stitch")


WRONG = {
    "IP": (
        *("block_design.tcl", "resflow:hls:stem:1.0", "resflow:hls:stem:1.1"),
        "why: ERROR: [BD 5-390] IP definition not found for VLNV: resflow:hls:stem:1.1 (Vivado's catalog has no such IP)",
    ),
    "repository": (
        *("bd.tcl", "ip_repo_paths [list $bd(repository)]", "ip_repo_paths [list $bd(folder)]"),
        "why: ERROR: [BD 5-390] IP definition not found for VLNV: resflow:hls:dma:1.0 (Vivado's catalog has no such IP)",
    ),
    "part": (
        *("block_design.tcl", "xcu250-figd2104-2L-e", "xcvu9p-flgb2104-2-e"),
        "why: ERROR: [Coretcl 2-106] Specified part could not be found. create_project: no part xcvu9p-flgb2104-2-e "
        "(this installation has not got the part)",
    ),
    "value": (
        *("block_design.tcl", "32     distributed", "1000   distributed"),
        "why: ERROR: [set_property] fifo_stem_image: CONFIG.FIFO_DEPTH cannot be 1000; it offers the powers of two from 16 to 32768",
    ),
    "words": (
        *("block_design.tcl", "begin_design toy xcu250-figd2104-2L-e 200", "begin_design toy xcu250-figd2104-2L-e"),
        # Of an error of Tcl's own, Vivado prints the message as it is, above the commands it passed.
        'why: wrong # args: should be "begin_design name part clock_mhz"',
    ),
    "width": (
        *("block_design.tcl", "codes_out  1      res2a", "codes_out  2      res2a"),
        "why: ERROR: /ip_stem/codes_out: TDATA_NUM_BYTES is 1 in the IP, 2 in the description",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_tcl_ends_it_and_leaves_nothing(name: str, toy: Design, stand_ins: Callable[..., Installation], tmp_path: Path) -> None:
    stand_ins("2022.2")
    file, old, new, why = WRONG[name]
    found = failure(lambda: mutated(toy, tmp_path, file, old, new), tmp_path)
    assert found.splitlines()[:2] == ["<folder>/stitch/stitch.log: vivado ended with status 1", f"  {why}"]
    assert not (tmp_path / "stitch" / "work" / "ipi" / "ip").exists()


def test_cells_the_floorplan_will_not_find(toy: Design, stand_ins: Callable[..., Installation], tmp_path: Path) -> None:
    """Told where the block design is synthesized, and no reason to stop."""
    stand_ins("2022.2")
    log = tmp_path / "stitch" / "stitch.log"
    stitch(toy, "2022.2", tmp_path)
    assert unplaced(log) == ""
    mutated(toy, tmp_path / "other", "bd.tcl", "lappend bd(placed) $cell", "lappend bd(placed) [string map {ip_head ip_head_0} $cell]")
    log = tmp_path / "other" / "stitch" / "stitch.log"
    assert unplaced(log) == f"; the floorplan will not find ip_head_0, reset_leaf_ip_head_0: see {log}"
