"""The netlist as an IP for block designs of the user's own, with streams instead of a DMA and with one."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipi
from codegen.text.files import write_tree
from codegen.tools import releases
from dataflow import Design, plan
from ipi import catalog, kernel_xml
from ipi.check import check
from ipi.tcl_model import run, tcl_list
from ipi.xo import normalized
from network import load
from tests.hls.test_synth import RELEASES
from tests.ipi import flow
from tests.strategies import networks, written
from tests.tools.installation import Installation

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "own_design.tcl"
STREAMS = plan(load(ROOT / "configs" / "digits_streams.yaml"))
MEMORY = plan(load(ROOT / "configs" / "digits.yaml"))
LOADED = plan(load(ROOT / "configs" / "digits_loaded.yaml"))


@pytest.fixture
def toy(toy_yaml: Path, tmp_path: Path) -> Design:
    """Its weights are a stream, too."""
    (tmp_path / "toy.yaml").write_text(toy_yaml.read_text() + "\ninterfaces: streams\n")
    return plan(load(tmp_path / "toy.yaml"))


@pytest.mark.parametrize("name", ["block_design.tcl", "package.tcl"])
def test_generated_files(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"digits_streams/ipi/{name}", ipi.render(STREAMS)[name])


@pytest.mark.parametrize("design", [STREAMS, MEMORY, LOADED], ids=lambda design: design.name)
def test_readme(design: Design, golden: Callable[[str, str], None]) -> None:
    golden(f"{design.name}/ip/README.md", catalog.readme(design))


def test_loads_through_a_stream(toy_yaml: Path, tmp_path: Path) -> None:
    (tmp_path / "toy.yaml").write_text("constants: loaded\ninterfaces: streams\n" + toy_yaml.read_text())
    design = plan(load(tmp_path / "toy.yaml"))
    found = {each.name: (each.ip, each.mode, each.port.tdata_bytes) for each in catalog.streams(design)}
    assert found["S_AXIS_CONSTANTS"] == ("stem", "Slave", 8)
    write_tree(tmp_path / "ipi", ipi.render(design))
    check(design, tmp_path / "ipi").require()
    words = f"{design.load_words:,}"
    assert (
        f"Constants come through S_AXIS_CONSTANTS, before the first image: the word {words} and then {words} words, which are those of\n"
        "`doit constants` behind the 64 bytes of the header of their image, without the zeros that fill it up; then a word of 0 for\n"
        "every image. Another load may follow the 0 of any image; an image that comes before the first load, or without its 0, waits.\n"
    ) in catalog.readme(design)


def test_floorplan(golden: Callable[[str, str], None]) -> None:
    golden("digits_streams/ip/floorplan.xdc", catalog.floorplan(STREAMS))


def test_streams_of_the_design(toy: Design) -> None:
    found = [(each.name, each.ip, each.mode, each.port.tdata_bytes) for each in catalog.streams(toy)]
    assert found == [("S_AXIS_IMAGE", "stem", "Slave", 3), ("S_AXIS_WEIGHTS", "head", "Slave", 6), ("M_AXIS_LABELS", "head", "Master", 4)]
    assert not catalog.streams(MEMORY)
    assert (toy.arguments, kernel_xml.ports(toy)) == ((), ())
    assert "kernel.xml" not in ipi.render(toy)


@settings(max_examples=6)
@given(description=networks(), release=st.sampled_from(RELEASES))
def test_random_networks_pass_the_check(tmp_path_factory: pytest.TempPathFactory, description: dict[str, object], release: str) -> None:
    folder = tmp_path_factory.mktemp("drawn")
    design = plan(written({**description, "interfaces": "streams"}, folder))
    write_tree(folder / "ipi", ipi.render(design))
    report = check(design, folder / "ipi", release=releases.release(release))
    assert not report.findings
    assert (report.ips, report.external) == (len(design.network.blocks) + 2, len(catalog.streams(design)))


@pytest.mark.parametrize(
    ("file", "old", "new", "found"),
    [
        (
            "package.tcl",
            "add_stream S_AXIS_IMAGE",
            "add_stream S_AXIS_IMAGES",
            "package.tcl:8 (xo.tcl): ipx::associate_bus_interfaces: no bus interface S_AXIS_IMAGES\n"
            "  why: the IP has S_AXIS_IMAGE, S_AXIS_WEIGHTS, M_AXIS_LABELS\n  fix: correct the name",
        ),
        (
            "package.tcl",
            "add_stream S_AXIS_IMAGE\n",
            "",
            "package.tcl:11 (xo.tcl): bus interface S_AXIS_IMAGE has no clock\n"
            "  why: the linker connects an interface by its clock\n  fix: call ipx::associate_bus_interfaces",
        ),
        (
            "block_design.tcl",
            "head   labels   Master  4",
            "head   labels   Master  8",
            "block_design.tcl:23: /ip_head/labels: TDATA_NUM_BYTES is 4 in the IP, 8 in the description\n"
            "  why: the IP was made from another description\n  fix: synthesize it again",
        ),
    ],
)
def test_what_does_not_fit_is_found(toy: Design, tmp_path: Path, file: str, old: str, new: str, found: str) -> None:
    texts = ipi.render(toy)
    assert old in texts[file]
    write_tree(tmp_path / "ipi", texts | {file: texts[file].replace(old, new)})
    assert found in [re.sub(r"\(xo\.tcl:\d+\)", "(xo.tcl)", str(finding)) for finding in check(toy, tmp_path / "ipi").findings]


@pytest.mark.parametrize("release", ["2019.2", "2020.2", "2024.2"])
def test_what_the_packager_leaves(release: str, toy: Design, tmp_path: Path, stand_ins: Callable[..., Installation]) -> None:
    """The same bytes whoever packages it: without dates, folders and random names."""
    stand_ins(release)
    folders = []
    for user in ("one", "two"):
        flow.stitch(toy, release, tmp_path / user)
        folders.append(catalog.folder(toy, normalized((flow.package(toy, release, tmp_path / user) / catalog.ARCHIVE).read_bytes())))
    assert folders[0] == folders[1]
    assert sorted(folders[0]) == sorted(catalog.files(toy))
    assert str(tmp_path).encode() not in b"".join(folders[0].values())


def packaged(design: Design, folder: str) -> str:
    """The fact that the IP of a design lies in a folder."""
    ports = [tcl_list(("stream", each.name, each.mode, each.port.tdata_bytes)) for each in catalog.streams(design)]
    return f"fact_ip {design.vlnv} {{{' '.join(ports)}}} {folder}"


DOORBELL = "fact_ip me:user:doorbell:1.0 {{stream labels Slave 4}} my_ip"


def told(folder: Path, text: str) -> list[str]:
    (folder / EXAMPLE.name).write_text(text)
    facts = [f"fact_part {STREAMS.platform.part}", packaged(STREAMS, "build/digits_streams/ip"), DOORBELL]
    return [str(finding) for finding in run(folder, [EXAMPLE.name], facts).findings]


def test_a_block_design_of_one_s_own(tmp_path: Path) -> None:
    assert told(tmp_path, EXAMPLE.read_text()) == []


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("tdata_width 8 ", "tdata_width 32 ", "dma/M_AXIS_MM2S sends 4 bytes, net/S_AXIS_IMAGE takes 1"),
        ("build/digits_streams/ip my_ip", "my_ip", "create_bd_cell: no IP resflow:kernel:digits_streams:1.0"),
        ("{net/ap_rst_n doorbell", "{doorbell", "reset pin net/ap_rst_n is not connected"),
        ("POLARITY ACTIVE_LOW", "POLARITY ACTIVE_HIGH", "reset pin net/ap_rst_n is active low, its source ap_rst_n ACTIVE_HIGH"),
        ("CONFIG.c_include_s2mm 0 ", "", "dma: scatter-gather or the writing channel"),
        (" net/S_AXIS_IMAGE]", " net/S_AXIS_IMAGES]", "get_bd_intf_pins: no interface pin net/S_AXIS_IMAGES"),
    ],
)
def test_what_is_wrong_in_it_is_found(tmp_path: Path, old: str, new: str, found: str) -> None:
    text = EXAMPLE.read_text()
    assert old in text
    assert any(found in finding for finding in told(tmp_path, text.replace(old, new)))
