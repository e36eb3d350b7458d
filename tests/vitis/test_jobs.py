"""Linking as a job, with a stand-in for v++ that checks its options and runs its hooks against the model of Vivado."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import ipi
import vitis
from codegen import write_tree
from codegen.jobs import run_here
from codegen.releases import release
from dataflow import Design, lower
from ipi.timing import read_timing
from ipi.utilization import read_utilization
from network import load
from runtime.xclbin import Axlf, Mode
from tests.ipi.flow import package, stitch
from tests.tools.installation import Installation
from vitis.link import cu

RELEASES = ["2019.2", "2020.2", "2021.1", "2021.2", "2022.2", "2023.2", "2024.2"]


@pytest.fixture(scope="module")
def toy(toy_yaml: Path) -> Design:
    return lower(load(toy_yaml))


@pytest.fixture
def xo(toy: Design, stand_ins: Callable[..., Installation], tmp_path: Path) -> Path:
    stand_ins("2022.2")
    stitch(toy, "2022.2", tmp_path)
    path = package(toy, "2022.2", tmp_path) / "toy.xo"
    path.write_bytes(ipi.normalized(path.read_bytes()))
    return path


def test_link_for_every_release(toy: Design, xo: Path, stand_ins: Callable[..., Installation], tmp_path: Path) -> None:
    write_tree(tmp_path / "vitis", vitis.render(toy))
    for name in RELEASES:
        made = stand_ins(name) if name != "2022.2" else None
        left = run_here(vitis.link_job(toy, tmp_path / "vitis", xo, release(name)), tmp_path / name)
        assert Axlf.parse(left["linked.xclbin"].read_bytes()).mode == Mode.FLAT
        assert read_timing(left["timing.rpt"]).met
        kernel = read_utilization(left["utilization.xml"]).below(cu(toy))
        assert kernel is not None
        assert {ip.name for ip in toy.ips} < {cell.name for cell in kernel.cells}
        assert made is None or made.runs() == ["v++ link"]
