"""What the linker gets, and its check without the linker."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

import vitis
from codegen.text.files import write_tree
from codegen.tools.releases import release
from dataflow import Design, plan
from ipi import CheckError, kernel_xml
from network import DescriptionError, load
from runtime.container.manifest import Target
from vitis import emulation
from vitis.link import command
from vitis.render import Plram, plrams

ROOT = Path(__file__).parents[2]
FLOORPLAN_LINE = "\n  why: its reset and its streams lead to the SLR in the description\n  fix: place it in SLR "


@pytest.fixture(scope="module")
def digits() -> Design:
    return plan(load(ROOT / "configs" / "digits.yaml"))


@pytest.fixture(scope="module")
def toy(toy_yaml: Path) -> Design:
    return plan(load(toy_yaml))


def in_plram(design: Design, bank: str, classes: int) -> Design:
    network = design.network
    fc = replace(network.head.fc, out=classes)
    head = replace(network.head, fc=fc)
    memory = replace(network.memory, weights=bank)
    return replace(design, network=replace(network, head=head, memory=memory, labels=()))


@pytest.mark.parametrize("name", vitis.OUTPUTS)
def test_generated_files_of_digits(name: str, digits: Design, golden: Callable[[str, str], None]) -> None:
    golden(f"digits/vitis/{name}", vitis.render(digits)[name])


def test_outputs_are_what_is_rendered(toy: Design) -> None:
    texts = vitis.render(toy)
    assert sorted(texts) == sorted(vitis.OUTPUTS)
    assert not any(str(ROOT) in text for text in texts.values())


def test_a_cu_over_several_slrs_is_not_pinned(toy: Design) -> None:
    assert "slr=" not in vitis.render(toy)["link.cfg"]
    together = replace(toy, ips=tuple(replace(ip, slr=0) for ip in toy.ips))
    assert "slr=toy_1:SLR0\n" in vitis.render(together)["link.cfg"]


def test_a_plram_is_made_as_large_as_the_weights_need(digits: Design, tmp_path: Path) -> None:
    assert plrams(digits) == ()
    assert plrams(in_plram(digits, "PLRAM[1]", 10)) == ()
    large = in_plram(digits, "PLRAM[1]", 17 * 1024)
    assert plrams(large) == (Plram("PLRAM_MEM01", 1, "2M"),)
    assert vitis.render(large)["plram.tcl"] == (
        "# On-chip memory banks for digits: 1 made larger; v++ runs this before it links the system.\n"
        "# Generated from the description of network digits. Edit that, not this.\n"
        "\n"
        "sdx_memory_subsystem::update_plram_specification [get_bd_cells /memory_subsystem] PLRAM_MEM01 {\n"
        "    SIZE 2M\n    AXI_DATA_WIDTH 512\n    SLR_ASSIGNMENT SLR1\n    READ_LATENCY 6\n    MEMORY_PRIMITIVE URAM\n"
        "}\nvalidate_bd_design -force\nsave_bd_design\n"
    )
    write_tree(tmp_path, vitis.render(large))
    assert vitis.check(large, tmp_path).findings == ()
    assert findings(large, tmp_path, "plram.tcl", "PLRAM_MEM01 {\n    SIZE 2M", "PLRAM_MEM01 {\n    SIZE 3M") == [
        "plram.tcl:4: PLRAM_MEM01: SIZE cannot be 3M\n  why: it offers 128K, 256K, 512K, 1M, 2M, 4M\n  fix: choose one of those"
    ]
    assert findings(large, tmp_path, "plram.tcl", "PLRAM_MEM01", "PLRAM_MEM04") == [
        "plram.tcl:4: update_plram_specification: no memory PLRAM_MEM04\n"
        "  why: the platform has PLRAM_MEM00, PLRAM_MEM01, PLRAM_MEM02, PLRAM_MEM03\n  fix: correct the name"
    ]


def test_weights_too_large_for_a_plram(digits: Design) -> None:
    with pytest.raises(DescriptionError) as error:
        vitis.render(in_plram(digits, "PLRAM[0]", 1 << 17))
    assert str(error.value).partition(": ")[2] == (
        "memory.weights: 8,192 KB in PLRAM[0]\n  why: a PLRAM bank can be made at most 4,096 KB large\n  fix: use a DDR bank"
    )


AFTER = (
    "run.impl_1.STEPS.OPT_DESIGN.TCL.POST={work}/vitis/floorplan.tcl",
    "run.impl_1.STEPS.POST_ROUTE_PHYS_OPT_DESIGN.TCL.POST={work}/vitis/reports.tcl",
)
STEPS = (
    "OPT_DESIGN.ARGS.DIRECTIVE=ExploreWithRemap",
    "PLACE_DESIGN.ARGS.DIRECTIVE=Explore",
    "PHYS_OPT_DESIGN.IS_ENABLED=true",
    "PHYS_OPT_DESIGN.ARGS.DIRECTIVE=Explore",
    "ROUTE_DESIGN.ARGS.DIRECTIVE=Explore",
    "POST_ROUTE_PHYS_OPT_DESIGN.IS_ENABLED=true",
)
FOLDERS = ("--temp_dir", "link", "--log_dir", "link/logs", "--report_dir", "link/reports", "-o", "linked.xclbin", "digits.xo")


def test_link_command(digits: Design) -> None:
    assert command(digits, release("2022.2"), sizes_memories=False) == (
        *("v++", "-l", "-t", "hw", "--config", "vitis/link.cfg"),
        *("--vivado.prop", AFTER[0], "--vivado.prop", AFTER[1]),
        *FOLDERS,
    )
    words = command(digits, release("2020.2"), sizes_memories=True)
    assert words[words.index("--advanced.param") + 1] == "compiler.userPreSysLinkOverlayTcl={work}/vitis/plram.tcl"


def test_link_command_before_options_had_sections(digits: Design) -> None:
    assert command(digits, release("2019.2"), sizes_memories=True) == (
        *("v++", "-l", "-t", "hw"),
        *("--platform", "xilinx_u250_gen3x16_xdma_4_1_202210_1", "--kernel_frequency", "250", "--save-temps"),
        *("--nk", "digits:1:digits_1"),
        *("--sp", "digits_1.in:DDR[0]", "--sp", "digits_1.out:DDR[0]", "--sp", "digits_1.weightsmem:DDR[0]"),
        *(word for prop in STEPS for word in ("--xp", f"vivado_prop:run.impl_1.STEPS.{prop}")),
        *("--xp", f"vivado_prop:{AFTER[0]}", "--xp", f"vivado_prop:{AFTER[1]}"),
        *("--xp", "param:compiler.userPreSysLinkTcl={work}/vitis/plram.tcl"),
        *FOLDERS,
    )


def findings(design: Design, folder: Path, file: str = "", old: str = "", new: str = "") -> list[str]:
    texts = vitis.render(design)
    if file:
        assert old in texts[file]
        texts[file] = texts[file].replace(old, new, 1)
    write_tree(folder, texts)
    return [re.sub(r" \(floorplan.tcl:\d+\)", "", str(finding)) for finding in vitis.check(design, folder).findings]


def test_nothing_is_found(toy: Design, tmp_path: Path) -> None:
    assert findings(toy, tmp_path) == []
    report = vitis.check(toy, tmp_path)
    report.require()
    assert report.passed
    assert str(report) == "31 cells placed, 13 link settings: 0 findings"


def test_require_raises_all_findings(toy: Design, tmp_path: Path) -> None:
    write_tree(tmp_path, vitis.render(toy) | {"link.cfg": "hello\n"})
    with pytest.raises(CheckError, match=r"^link.cfg:1: hello is not a setting\n(.*\n){2}link.cfg: no sp for in\n"):
        vitis.check(toy, tmp_path).require()


GUIDED_LINE = FLOORPLAN_LINE.replace("place it in", "guide it to")
MUTATIONS = {
    "a crossing register in a pblock": (
        *("floorplan.tcl", "guide_cell_to_slr  1  reset_pipe_slr1\n", "place_cell_in_slr  1  reset_pipe_slr1\n"),
        f"floorplan.tcl: reset_pipe_slr1 is placed in pblock_dynamic_SLR1, not SLR1{GUIDED_LINE}1",
    ),
    "a half to an SLR there is not": (
        *("floorplan.tcl", "guide_slice_to_slrs  0  1  slice_res2a", "guide_slice_to_slrs  0  4  slice_res2a"),
        "floorplan.tcl:75: level0_i/ulp/toy_1/inst/design_toy_i/slice_res2a_codes_in_slr0/inst/slr_dest: USER_SLR_ASSIGNMENT cannot be SLR4\n  why: it offers SLR0, SLR1, SLR2, SLR3\n  fix: choose one of those",
        f"floorplan.tcl: slice_res2a_codes_in_slr0/inst/slr_dest is not placed{GUIDED_LINE}1",
    ),
    "cell not placed": (
        *("floorplan.tcl", "place_cell_in_slr  1  ip_res2a\n", "\n"),
        f"floorplan.tcl: ip_res2a is not placed{FLOORPLAN_LINE}1",
    ),
    "cell in another SLR": (
        *("floorplan.tcl", "place_cell_in_slr  1  ip_res2a\n", "place_cell_in_slr  3  ip_res2a\n"),
        f"floorplan.tcl: ip_res2a is placed in pblock_dynamic_SLR3, not pblock_dynamic_SLR1{FLOORPLAN_LINE}1",
    ),
    "cell placed twice": (
        *("floorplan.tcl", "place_cell_in_slr  1  ip_res2a\n", "place_cell_in_slr  1  ip_res2a\nplace_cell_in_slr  1  ip_res2a\n"),
        "floorplan.tcl:54: add_cells_to_pblock: ip_res2a is in pblock_dynamic_SLR1 already\n"
        "  why: a cell is placed once\n  fix: delete one of the two calls",
    ),
    "misspelt cell": (
        *("floorplan.tcl", "place_cell_in_slr  1  ip_res2a\n", "place_cell_in_slr  1  res2\n"),
        "floorplan.tcl: no cell res2 in toy_1\n"
        "  why: the floorplan knows it by that name; the placer chooses its SLR\n  fix: look for it among get_cells -hierarchical",
        f"floorplan.tcl: ip_res2a is not placed{FLOORPLAN_LINE}1",
    ),
    "no such SLR": (
        *("floorplan.tcl", "place_cell_in_slr  1  ip_res2a\n", "place_cell_in_slr  4  ip_res2a\n"),
        "floorplan.tcl:53: no pblock pblock_dynamic_SLR4\n"
        "  why: the platform has pblock_dynamic_SLR0 pblock_dynamic_SLR1 pblock_dynamic_SLR2 pblock_dynamic_SLR3\n"
        "  fix: correct pblock in dataflow/platforms",
        f"floorplan.tcl: ip_res2a is not placed{FLOORPLAN_LINE}1",
    ),
    "slice not placed": (
        *("floorplan.tcl", "guide_slice_to_slrs  0  1  slice_res2a_codes_in_slr0\n", "\n"),
        f"floorplan.tcl: slice_res2a_codes_in_slr0/inst/slr_source is not placed{GUIDED_LINE}0",
        f"floorplan.tcl: slice_res2a_codes_in_slr0/inst/slr_dest is not placed{GUIDED_LINE}1",
    ),
    "slice the wrong way round": (
        *("floorplan.tcl", "guide_slice_to_slrs  0  1  slice_res2a", "guide_slice_to_slrs  1  0  slice_res2a"),
        f"floorplan.tcl: slice_res2a_codes_in_slr0/inst/slr_source is placed in SLR1, not SLR0{GUIDED_LINE}0",
        f"floorplan.tcl: slice_res2a_codes_in_slr0/inst/slr_dest is placed in SLR0, not SLR1{GUIDED_LINE}1",
    ),
    "no report": (
        *("reports.tcl", "report_timing_summary -file resflow_timing.rpt\n", ""),
        "reports.tcl: nothing wrote resflow_timing.rpt\n"
        "  why: it is what the script is for\n  fix: mend what stops it, or put the missing call back",
    ),
    "section": (
        *("link.cfg", "[connectivity]", "[connections]"),
        "link.cfg:8: no section [connections]\n"
        "  why: v++ knows advanced, clock, connectivity, debug, linkhook, profile, vivado\n  fix: correct the name",
        *(
            f"link.cfg: no sp for {name}\n  why: v++ would choose a bank itself\n  fix: add sp=toy_1.{name}:DDR[0]"
            for name in ("in", "out", "weightsmem")
        ),
    ),
    "key": (
        *("link.cfg", "nk=", "kernels="),
        "link.cfg:9: no key kernels in [connectivity]\n"
        "  why: v++ knows connect, nk, noc.connect, noc.read_bw, noc.write_bw, sc, slr, sp, stream_connect\n  fix: correct the name",
    ),
    "CU": (
        *("link.cfg", "toy:1:toy_1", "toy:2:toy_1.toy_2"),
        "link.cfg:9: nk=toy:2:toy_1.toy_2\n"
        "  why: the .xo holds one kernel, and floorplan and host know its CU by name\n  fix: write nk=toy:1:toy_1",
    ),
    "argument": (
        *("link.cfg", "toy_1.out", "toy_1.output"),
        "link.cfg:11: sp=toy_1.output:DDR[0]\n  why: toy_1 has the pointers in, out, weightsmem\n  fix: correct the name",
        "link.cfg: no sp for out\n  why: v++ would choose a bank itself\n  fix: add sp=toy_1.out:DDR[0]",
    ),
    "argument twice": (
        *("link.cfg", "toy_1.out", "toy_1.in"),
        "link.cfg:11: sp=toy_1.in:DDR[0]\n  why: in is already connected to DDR[0]\n  fix: delete one of the two",
        "link.cfg: no sp for out\n  why: v++ would choose a bank itself\n  fix: add sp=toy_1.out:DDR[0]",
    ),
    "bank": (
        *("link.cfg", "toy_1.out:DDR[0]", "toy_1.out:DDR[4]"),
        "link.cfg:11: sp=toy_1.out:DDR[4]\n"
        "  why: u250 has DDR[0], DDR[1], DDR[2], DDR[3], PLRAM[0], PLRAM[1], PLRAM[2], PLRAM[3]\n  fix: choose one of those",
        "link.cfg: no sp for out\n  why: v++ would choose a bank itself\n  fix: add sp=toy_1.out:DDR[0]",
    ),
    "no such step": (
        *("link.cfg", "STEPS.PLACE_DESIGN", "STEPS.PLACER"),
        "link.cfg:16: prop=run.impl_1.STEPS.PLACER.ARGS.DIRECTIVE=Explore\n"
        "  why: the steps of impl_1 are OPT_DESIGN, PLACE_DESIGN, PHYS_OPT_DESIGN, ROUTE_DESIGN and POST_ROUTE_PHYS_OPT_DESIGN\n"
        "  fix: correct the name",
    ),
    "no such directive": (
        *("link.cfg", "OPT_DESIGN.ARGS.DIRECTIVE=ExploreWithRemap", "OPT_DESIGN.ARGS.DIRECTIVE=ExploreMore"),
        "link.cfg:15: prop=run.impl_1.STEPS.OPT_DESIGN.ARGS.DIRECTIVE=ExploreMore\n"
        "  why: it offers Explore, ExploreArea, AddRemap, ExploreSequentialArea, RuntimeOptimized, ExploreWithRemap, Default\n"
        "  fix: choose one of those",
    ),
    "SLR": (
        *("link.cfg", "nk=", "slr=toy_1:SLR4\nnk="),
        "link.cfg:9: slr=toy_1:SLR4\n  why: u250 has 4 SLRs\n  fix: write one of toy_1:SLR0, toy_1:SLR1, toy_1:SLR2, toy_1:SLR3",
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_mutation(name: str, toy: Design, tmp_path: Path) -> None:
    file, old, new, *expected = MUTATIONS[name]
    assert findings(toy, tmp_path, file, old, new) == expected


def test_missing_files(toy: Design, tmp_path: Path) -> None:
    write_tree(tmp_path, {"floorplan.tcl": vitis.render(toy)["floorplan.tcl"]})
    assert [str(finding) for finding in vitis.check(toy, tmp_path).findings][:3] == [
        *(f"{name}: no file {name}\n  why: there is nothing to check\n  fix: generate it" for name in ("plram.tcl", "reports.tcl")),
        "link.cfg: no file link.cfg\n  why: v++ reads it\n  fix: generate it",
    ]


def test_any_shell(toy: Design, tmp_path: Path) -> None:
    """Cells above the CU are not named in the floorplan."""
    older = replace(toy, platform=replace(toy.platform, cell_prefix="pfm_top_i/dynamic_region"))
    assert findings(older, tmp_path) == []


def test_manifest_and_kernel_xml_agree(digits: Design) -> None:
    """Two renderings of `Design.arguments`: for package_xo, and for who reads the xclbin."""
    kernel = ElementTree.fromstring(kernel_xml.render(digits).encode()).find("kernel")
    assert kernel is not None
    manifest = emulation.manifest(digits, Target.HW)
    assert (kernel.get("name"), kernel.get("vlnv")) == (manifest.kernel, manifest.vlnv)
    packaged = [
        (arg.get("name"), int(arg.get("offset", ""), 0), int(arg.get("size", ""), 0), arg.get("port")) for arg in kernel.iter("arg")
    ]
    assert packaged == [(argument.name, argument.offset, argument.size_bytes, argument.port) for argument in manifest.arguments]
