"""Stitching and packaging as jobs, with a stand-in for Vivado that runs their Tcl against the model."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import ipi
from dataflow import Design, lower
from ipi.timing import read_timing
from ipi.utilization import read_utilization
from network import load
from tests.ipi.flow import package, stitch
from tests.tools.installation import Installation

RELEASES = ["2019.2", "2020.2", "2021.1", "2021.2", "2022.2", "2024.2"]


@pytest.fixture(scope="module")
def toy(toy_yaml: Path) -> Design:
    return lower(load(toy_yaml))


@pytest.mark.parametrize("name", RELEASES)
def test_from_ips_to_the_kernel(name: str, toy: Design, stand_ins: Callable[..., Installation], tmp_path: Path) -> None:
    made = stand_ins(name)
    stitched = stitch(toy, name, tmp_path)
    assert all((stitched / product).exists() for product in ipi.stitched(toy))
    assert read_timing(stitched / "timing.rpt").met
    found = read_utilization(stitched / "utilization.xml")
    assert {ip.name for ip in toy.ips} < {cell.name for cell in found.cells}
    xo = package(toy, name, tmp_path) / "toy.xo"
    with zipfile.ZipFile(xo) as archive:
        assert archive.read("toy/kernel.xml") == (tmp_path / "ipi" / "kernel.xml").read_bytes()
        assert archive.read("ip_repo/resflow_kernel_toy_1_0/dcp/toy.dcp") == (stitched / "toy.dcp").read_bytes()
        assert not any(path.endswith(".v") for path in archive.namelist())
    assert made.runs() == ["vivado block_design", "vivado package"]
