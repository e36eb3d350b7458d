from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

import ipi
from codegen.text.files import write_tree
from dataflow import Design, plan
from ipi import kernel_xml
from ipi.cells import Cell, cells, converter_slr, crossings
from ipi.render import PROCS
from ipi.vivado import command
from network import load

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def digits() -> Design:
    return plan(load(ROOT / "configs" / "digits.yaml"))


@pytest.fixture(scope="module")
def toy(toy_yaml: Path) -> Design:
    return plan(load(toy_yaml))


@pytest.mark.parametrize("name", ["block_design.tcl", "package.tcl", "kernel.xml"])
def test_generated_files_of_digits(name: str, digits: Design, golden: Callable[[str, str], None]) -> None:
    golden(f"digits/ipi/{name}", ipi.render(digits)[name])


def test_outputs_are_what_is_rendered(digits: Design) -> None:
    assert sorted(ipi.render(digits)) == sorted(ipi.outputs(digits))


def test_rendering_is_deterministic_and_names_no_path(digits: Design) -> None:
    texts = ipi.render(digits)
    assert texts == ipi.render(plan(load(ROOT / "configs" / "digits.yaml")))
    for text in texts.values():
        assert str(ROOT) not in text
        assert not re.search(r"/(home|tmp|root|work)/|20\d\d-\d\d-\d\d", text)


def test_generated_tcl_is_flat(toy: Design) -> None:
    for name in ("block_design.tcl", "package.tcl"):
        for line in ipi.render(toy)[name].splitlines():
            assert re.match(r"(#|$|source \[|[a-z_]+( |$))", line), line
            assert len(line) <= 140
            assert not line.startswith(("set ", "proc ", "foreach ", "if "))


@pytest.mark.parametrize("path", [*PROCS, ROOT / "vitis" / "pblocks.tcl", ROOT / "vitis" / "reports.tcl"], ids=lambda path: path.name)
def test_no_words_of_a_later_tcl(path: Path) -> None:
    """Vivado 2019.2 has Tcl 8.5, the tclsh that runs the model 8.6 or later. UNCONFIRMED which release came with 8.6."""
    assert not re.search(r"\b(lmap|try|tailcall|coroutine|string cat|dict map|dict filter|lsort -stride|file tempfile)\b", path.read_text())


def test_a_stream_between_two_slrs(toy: Design) -> None:
    assert [link.name for link in crossings(toy)] == ["res2a_codes_in", "res2b_codes_in", "head_codes_in"]
    placed = cells(toy)
    assert Cell("fifo_res2a_codes_in", 0) in placed  # in the SLR of its source
    assert Cell("reset_pipe_slr2", 2, crosses=True) in placed
    assert len({cell.name for cell in placed}) == len(placed)


@pytest.mark.parametrize(("sink_lanes", "slr"), [(12, 2), (2, 1)])
def test_the_narrower_beat_crosses(sink_lanes: int, slr: int, toy: Design, tmp_path: Path) -> None:
    links = {link.name: link for link in toy.links}
    link = links["res2b_codes_in"]  # of 6 lanes, from SLR 1 to SLR 2
    source_port, sink_port = replace(link.source_port, lanes=6), replace(link.sink_port, lanes=sink_lanes)
    links[link.name] = replace(link, source_port=source_port, sink_port=sink_port)
    ports = {"res2a": (*toy.ip("res2a").inputs, source_port), "res2b": (sink_port, *toy.ip("res2b").outputs)}
    ips = [replace(ip, ports=ports.get(ip.name, ip.ports)) for ip in toy.ips]
    design = replace(toy, ips=tuple(ips), links=tuple(links.values()))
    assert converter_slr(design, links[link.name]) == slr
    assert Cell("dwc_res2b_codes_in", slr) in cells(design)
    write_tree(tmp_path, ipi.render(design))
    assert ipi.check(design, tmp_path).findings == ()


def test_kernel_xml_follows_the_arguments(digits: Design) -> None:
    root = ElementTree.fromstring(kernel_xml.render(digits).encode())
    kernel = root.find("kernel")
    assert kernel is not None
    assert kernel.get("vlnv") == "resflow:kernel:digits:1.0"
    arguments = [
        (arg.get("name"), arg.get("port"), int(arg.get("offset", ""), 0), arg.get("addressQualifier")) for arg in kernel.iter("arg")
    ]
    assert arguments == [
        ("in", "M_AXI_IMAGES", 0x10, "1"),
        ("out", "M_AXI_LABELS", 0x1C, "1"),
        ("weightsmem", "M_AXI_WEIGHTS", 0x28, "1"),
        ("numReps", "S_AXI_CONTROL", 0x34, "0"),
    ]
    slave = next(port for port in kernel.iter("port") if port.get("mode") == "slave")
    ends = [int(arg.get("offset", ""), 0) + int(arg.get("size", ""), 0) for arg in kernel.iter("arg")]
    assert max(ends) <= int(slave.get("range", ""), 0)


def test_vivado_command() -> None:
    assert command("ipi/block_design.tcl", "hls", "8") == (
        *("vivado", "-mode", "batch", "-notrace", "-nojournal", "-nolog"),
        *("-source", "ipi/block_design.tcl", "-tclargs", "hls", "8"),
    )
