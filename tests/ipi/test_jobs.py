"""Stitching and packaging as jobs, with a stand-in for Vivado that runs their Tcl against the model."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import ipi
from codegen import ToolError, write_tree
from codegen.jobs import run_here
from codegen.releases import release
from dataflow import Design, lower
from ipi.timing import read_timing
from ipi.utilization import read_utilization
from network import load
from tests.ipi.exported import export
from tests.tools.installation import Installation

RELEASES = ["2019.2", "2020.2", "2021.1", "2021.2", "2022.2", "2024.2"]


@pytest.fixture(scope="module")
def toy(toy_yaml: Path) -> Design:
    return lower(load(toy_yaml))


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Installation]:
    """Makes the stand-ins of a release the tools that are found."""

    def install(name: str, **plan: object) -> Installation:
        made = Installation(tmp_path / f"tools-{name}", name, **plan)
        for variable, value in made.environment.items():
            monkeypatch.setenv(variable, value)
        return made

    monkeypatch.delenv("VIVADO", raising=False)
    return install


def stitch(design: Design, name: str, folder: Path) -> Path:
    """Stitch with the IPs of a release; returns the folder with what it leaves."""
    write_tree(folder / "ipi", ipi.render(design))
    found = release(name)
    run_here_into(folder / "stitch", ipi.stitch_job(design, folder / "ipi", export(design, found, folder / "ips"), found))
    return folder / "stitch"


def package(design: Design, name: str, folder: Path) -> Path:
    run_here_into(folder / "package", ipi.package_job(design, folder / "ipi", folder / "stitch", release(name)))
    return folder / "package" / f"{design.name}.xo"


def run_here_into(folder: Path, job) -> None:
    for name, path in run_here(job, folder).items():
        if path != folder / name:
            path.rename(folder / name)


@pytest.mark.parametrize("name", RELEASES)
def test_from_ips_to_the_kernel(name: str, toy: Design, tools: Callable[..., Installation], tmp_path: Path) -> None:
    made = tools(name)
    stitched = stitch(toy, name, tmp_path)
    assert all((stitched / product).exists() for product in ipi.stitched(toy))
    assert read_timing(stitched / "timing.rpt").met
    found = read_utilization(stitched / "utilization.xml")
    assert {ip.name for ip in toy.ips} < {cell.name for cell in found.cells}
    xo = package(toy, name, tmp_path)
    with zipfile.ZipFile(xo) as archive:
        assert archive.read("toy/kernel.xml") == (tmp_path / "ipi" / "kernel.xml").read_bytes()
        assert archive.read("ip_repo/resflow_kernel_toy_1_0/dcp/toy.dcp") == (stitched / "toy.dcp").read_bytes()
        assert not any(path.endswith(".v") for path in archive.namelist())
    assert made.runs() == ["vivado block_design", "vivado package"]
