"""Linking as a job, with a stand-in for v++ that checks its options and runs its hooks against the model of Vivado."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import ipi
import vitis
from codegen.errors import ToolError
from codegen.jobs.run import run_here
from codegen.text.files import write_tree
from codegen.tools.releases import release
from dataflow import Design, plan
from ipi.timing import read_timing
from ipi.utilization import read_utilization
from network import load, parameters
from runtime.container.axlf import Axlf, Mode
from runtime.container.xclbin import Xclbin
from tests.ipi.flow import package, stitch
from tests.tools.installation import Installation
from vitis.hardware import hardware_xclbin

RELEASES = ["2019.2", "2024.2"]


@pytest.fixture(scope="module")
def toy(toy_yaml: Path) -> Design:
    return plan(load(toy_yaml))


@pytest.fixture(scope="module")
def xo(toy: Design, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kernel")
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in Installation(folder / "tools").environment.items():
            patch.setenv(variable, value)
        stitch(toy, "2022.2", folder)
        path = package(toy, "2022.2", folder) / "toy.xo"
    path.write_bytes(ipi.normalized(path.read_bytes()))
    return path


@pytest.fixture(autouse=True)
def installed(stand_ins: Callable[..., Installation]) -> Installation:
    return stand_ins("2022.2")


def test_link_in_old_words_and_new(toy: Design, xo: Path, stand_ins: Callable[..., Installation], tmp_path: Path) -> None:
    write_tree(tmp_path / "vitis", vitis.render(toy))
    for name in RELEASES:
        made = stand_ins(name)
        left = run_here(vitis.link_job(toy, tmp_path / "vitis", xo, release(name)), tmp_path / name)
        assert Axlf.parse(left["linked.xclbin"].read_bytes()).mode == Mode.FLAT
        assert read_timing(left["timing.rpt"]).met
        kernel = read_utilization(left["utilization.xml"]).below(toy.cu)
        assert kernel is not None
        assert {f"ip_{ip.name}" for ip in toy.ips} < {cell.name for cell in kernel.cells}
        assert made.runs() == ["v++ link"]


def test_the_runtime_takes_what_was_linked(toy: Design, xo: Path, tmp_path: Path) -> None:
    write_tree(tmp_path / "vitis", vitis.render(toy))
    linked = run_here(vitis.link_job(toy, tmp_path / "vitis", xo, release("2022.2")), tmp_path / "link")["linked.xclbin"].read_bytes()
    arrays = parameters.draw(toy.network, seed=1)
    complete = Xclbin.parse(hardware_xclbin(toy, linked, arrays), "toy.xclbin")
    assert complete.manifest.network == "toy"
    assert [bank.tag for bank in complete.banks if bank.used] == ["bank0"]


WRONG = {
    "bank": ("link.cfg", "toy_1.out:DDR[0]", "toy_1.out:DDR[4]", "[v++ 83-2284] --connectivity.sp toy_1.out:DDR[4]: no such memory"),
    "argument": ("link.cfg", "toy_1.out", "toy_1.output", "[v++ 83-2281] --connectivity.sp toy_1.output:DDR[0]: no such argument"),
    "kernel": ("link.cfg", "nk=toy:1", "nk=tory:1", "[v++ 60-800] Kernel 'tory' is not in toy.xo"),
    "key": ("link.cfg", "nk=", "kernels=", "[v++ 60-1662] vitis/link.cfg: [connectivity] kernels=toy:1:toy_1: unrecognised"),
    "platform": (
        "link.cfg",
        "u250_gen3x16",
        "u255_gen3x16",
        "[v++ 60-705] No platform was found that matches 'xilinx_u255_gen3x16_xdma_4_1_202210_1'",
    ),
    "floorplan": (
        *("floorplan.tcl", "place_cell_in_slr  1  ip_res2a\n", "place_cell_in_slr  4  ip_res2a\n"),
        "[VPL 101-3] ERROR: no pblock pblock_dynamic_SLR4",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_v_plus_plus_would_refuse(name: str, toy: Design, xo: Path, tmp_path: Path) -> None:
    file, old, new, message = WRONG[name]
    texts = vitis.render(toy)
    assert old in texts[file]
    write_tree(tmp_path / "vitis", texts | {file: texts[file].replace(old, new)})
    job = vitis.link_job(toy, tmp_path / "vitis", xo, release("2022.2"))
    with pytest.raises(ToolError) as error:
        run_here(job, tmp_path / "link")
    what, why, _ = str(error.value).splitlines()[:3]
    assert what == f"{tmp_path}/link/link.log: v++ ended with status 1"
    assert why.startswith(f"  why: ERROR: {message}")
    assert not (tmp_path / "link" / "work" / "linked.xclbin").exists()


def test_a_cell_the_floorplan_does_not_find_is_no_reason_to_stop(toy: Design, xo: Path, tmp_path: Path) -> None:
    texts = vitis.render(toy)
    write_tree(tmp_path / "vitis", texts | {"floorplan.tcl": texts["floorplan.tcl"].replace("  ip_res2a\n", "  ip_res2\n")})
    products = run_here(vitis.link_job(toy, tmp_path / "vitis", xo, release("2022.2")), tmp_path / "link")
    assert products["linked.xclbin"].exists()
    assert "CRITICAL WARNING: no cell ip_res2 in toy_1\n  why: " in (tmp_path / "link" / "link.log").read_text()


@pytest.mark.parametrize(("name", "others"), [("2019.2", "2022.2"), ("2022.2", "2019.2")])
def test_options_of_another_release(
    name: str, others: str, toy: Design, xo: Path, stand_ins: Callable[..., Installation], tmp_path: Path
) -> None:
    stand_ins(name)
    write_tree(tmp_path / "vitis", vitis.render(toy))
    job = vitis.link_job(toy, tmp_path / "vitis", xo, release(others))
    with pytest.raises(ToolError, match=r"why: ERROR: \[v\+\+ 60-1511\] unrecognised option '--(vivado.prop|nk)'"):
        run_here(job, tmp_path / "link")


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("timing", "ERROR: [VPL 101-2] design did not meet timing - Design failed to meet timing. (the design is slower than its clock)"),
        ("no product", "there is no linked.xclbin in "),
    ],
)
def test_failures(how: str, why: str, toy: Design, xo: Path, installed: Installation, tmp_path: Path) -> None:
    installed.plan(fail={"v++": how})
    write_tree(tmp_path / "vitis", vitis.render(toy))
    with pytest.raises(ToolError) as error:
        run_here(vitis.link_job(toy, tmp_path / "vitis", xo, release("2022.2")), tmp_path / "link")
    assert str(error.value).splitlines()[1].startswith(f"  why: {why}")
