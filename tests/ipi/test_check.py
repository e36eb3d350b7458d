"""Each mutation of the generated or the hand-written Tcl must be found, with exactly these words."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipi
from codegen.text.files import write_tree
from codegen.tools import releases
from codegen.tools.releases import Release
from dataflow import Design, plan
from ipi.cells import cells, slices
from ipi.check import LATEST, SCRIPTS, facts
from ipi.tcl_model import run
from network import load
from tests.strategies import networks, written

B, P = "block_design.tcl", "package.tcl"
UNCONNECTED = "\n  why: a stream without a partner stands still, an AXI interface leads nowhere\n  fix: connect it, or make it external"


@pytest.fixture(scope="module")
def toy(toy_yaml: Path) -> Design:
    return plan(load(toy_yaml))


def findings(
    design: Design, folder: Path, file: str = "", old: str = "", new: str = "", *, count: int = 1, release: Release = LATEST
) -> list[str]:
    """What is found when `old` in a file is `new`; lines of the hand-written procs are left out, they move."""
    texts = ipi.render(design)
    if file:
        assert old in texts[file]
        texts[file] = texts[file].replace(old, new, count)
    write_tree(folder, texts)
    return [re.sub(r"(bd|xo)\.tcl:\d+", r"\1.tcl", str(finding)) for finding in ipi.check(design, folder, release=release).findings]


@pytest.mark.parametrize("name", ["2019.2", "2020.2", "2021.1", "2021.2", "2022.2", "2023.2", "2024.2"])
def test_nothing_is_found_whatever_the_release(name: str, toy: Design, tmp_path: Path) -> None:
    assert findings(toy, tmp_path, release=releases.release(name)) == []


def test_summary(toy: Design, tmp_path: Path) -> None:
    write_tree(tmp_path, ipi.render(toy))
    report = ipi.check(toy, tmp_path)
    report.require()
    assert report.passed
    assert str(report) == "36 cells (5 IPs, 6 FIFOs, 1 width converters, 4 register slices), 4 AXI interfaces, 3 SLR crossings: 0 findings"


def test_the_cells_of_the_block_design_are_those_of_the_floorplan(toy: Design, tmp_path: Path) -> None:
    write_tree(tmp_path, ipi.render(toy))
    answer = run(tmp_path, SCRIPTS, facts(toy, tmp_path))
    placed = cells(toy)
    # All but the passthroughs of the reset tree, which are wires: at its root, and behind the leaf of each SLR and IP.
    assert answer.counts["cells"] == len(placed) + len(slices(toy)) + 1 + 3 + len(toy.ips)
    assert {name: slr for name, (slr, _) in answer.reset_from.items()} == {
        **{cell.name: cell.slr for cell in placed if not cell.name.startswith("reset_")},
        **{piece.name: piece.source for piece in slices(toy)},
    }


def test_check_touches_no_file(toy: Design, tmp_path: Path) -> None:
    texts = ipi.render(toy)
    write_tree(tmp_path, texts)
    ipi.check(toy, tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted(texts)


def test_require_raises_all_findings(toy: Design, tmp_path: Path) -> None:
    texts = ipi.render(toy)
    texts[B] = texts[B].replace("assign_addresses\n", "")
    write_tree(tmp_path, texts)
    report = ipi.check(toy, tmp_path)
    with pytest.raises(ipi.CheckError) as error:
        report.require()
    assert str(error.value) == "\n".join(map(str, report.findings))
    assert str(report).endswith(": 3 findings")


UNREGISTERED = (
    "\n  why: wires between SLRs that do not start and end in dedicated registers miss timing"
    "\n  fix: put a register slice at every SLR boundary between them"
)
SLICES = (
    (18, "slice_res2a_codes_in_slr0"),
    (19, "slice_res2b_codes_in_slr1"),
    (20, "slice_head_codes_in_slr2"),
    (20, "slice_head_codes_in_slr1"),
)
MUTATIONS = {
    "depth": (
        *(B, "32     distributed", "1000   distributed"),
        "block_design.tcl:17 (bd.tcl): fifo_stem_image: CONFIG.FIFO_DEPTH cannot be 1000\n"
        "  why: it offers the powers of two from 16 to 32768\n  fix: choose one of those",
    ),
    "too deep": (
        *(B, "32     distributed", "65536  block"),
        "block_design.tcl:17 (bd.tcl): fifo_stem_image: CONFIG.FIFO_DEPTH cannot be 65536\n"
        "  why: it offers the powers of two from 16 to 32768\n  fix: choose one of those",
    ),
    "memory": (
        *(B, "32     distributed", "32     lutram"),
        "block_design.tcl:17 (bd.tcl): fifo_stem_image: CONFIG.FIFO_MEMORY_TYPE cannot be lutram\n"
        "  why: it offers auto, distributed, block, ultra\n  fix: choose one of those",
    ),
    "misspelt cell": (
        *(B, "head_labels     head ", "head_labels     haed "),
        "block_design.tcl:21: no cell ip_haed\n"
        "  why: there are /ip_head /reset_leaf_ip_head /reset_pass_ip_head /fifo_stem_image /fifo_res2a_codes_in /slice_res2a_codes_in_slr0 "
        "/fifo_res2b_codes_in /slice_res2b_codes_in_slr1 /dwc_res2b_codes_in /fifo_head_codes_in /slice_head_codes_in_slr2 /slice_head_codes_in_slr1\n  fix: correct the name",
        f"block_design.tcl:10: interface ip_dma/labels is not connected{UNCONNECTED}",
        f"block_design.tcl:14: interface ip_head/labels is not connected{UNCONNECTED}",
    ),
    "misspelt stream": (
        *(B, "codes_out  1      res2a", "codes_uot  1      res2a"),
        "block_design.tcl:18: no master stream ip_stem/codes_uot\n  why: there are /ip_stem/codes_out\n  fix: correct the name",
        f"block_design.tcl:11: interface ip_stem/codes_out is not connected{UNCONNECTED}",
        f"block_design.tcl:12: interface ip_res2a/codes_in is not connected{UNCONNECTED}",
    ),
    "width of the description": (
        *(B, "codes_out  1      res2a", "codes_out  2      res2a"),
        "block_design.tcl:18: /ip_stem/codes_out: TDATA_NUM_BYTES is 1 in the IP, 2 in the description\n"
        "  why: the IP was made from another description\n  fix: synthesize it again",
        f"block_design.tcl:11: interface ip_stem/codes_out is not connected{UNCONNECTED}",
        f"block_design.tcl:12: interface ip_res2a/codes_in is not connected{UNCONNECTED}",
    ),
    "width of a net": (
        *("bd.tcl", "CONFIG.TDATA_NUM_BYTES $source_bytes", "CONFIG.TDATA_NUM_BYTES 4"),
        *(
            f"block_design.tcl:{line}: {source} sends {sent} bytes, {sink} takes {taken}\n"
            "  why: a net joins streams of one width\n  fix: put a width converter between them"
            for line, source, sent, sink, taken in (
                (10, "ip_dma/image", 3, "fifo_stem_image/S_AXIS", 4),
                (10, "ip_dma/weights", 6, "fifo_head_weights/S_AXIS", 4),
                (11, "ip_stem/codes_out", 1, "fifo_res2a_codes_in/S_AXIS", 4),
                (12, "ip_res2a/codes_out", 1, "fifo_res2b_codes_in/S_AXIS", 4),
                (13, "ip_res2b/codes_out", 1, "fifo_head_codes_in/S_AXIS", 4),
                (17, "fifo_stem_image/M_AXIS", 4, "ip_stem/image", 3),
                (18, "fifo_res2a_codes_in/M_AXIS", 4, "slice_res2a_codes_in_slr0/S_AXIS", 1),
                (19, "fifo_res2b_codes_in/M_AXIS", 4, "slice_res2b_codes_in_slr1/S_AXIS", 1),
                (20, "fifo_head_codes_in/M_AXIS", 4, "slice_head_codes_in_slr2/S_AXIS", 1),
                (22, "fifo_head_weights/M_AXIS", 4, "ip_head/weights", 6),
            )
        ),
    ),
    "connected twice": (
        *(B, "assign_addresses", "add_stream again dma image 3 stem image 3 16 block\nassign_addresses"),
        "block_design.tcl:31 (bd.tcl): connect_bd_intf_net: ip_dma/image is connected already\n"
        "  why: to fifo_stem_image/S_AXIS; an interface has one net\n  fix: delete one of the two connections",
        "block_design.tcl:31 (bd.tcl): connect_bd_intf_net: ip_stem/image is connected already\n"
        "  why: to fifo_stem_image/M_AXIS; an interface has one net\n  fix: delete one of the two connections",
        f"block_design.tcl:31: interface fifo_again/S_AXIS is not connected{UNCONNECTED}",
        f"block_design.tcl:31: interface fifo_again/M_AXIS is not connected{UNCONNECTED}",
        "block_design.tcl:31: the floorplan has no fifo_again\n  why: it places cells by name\n  fix: generate both from one description",
    ),
    "not connected": (
        *(B, "add_stream  head_labels     head    labels     4      dma    labels    4      16     distributed\n", ""),
        f"block_design.tcl:10: interface ip_dma/labels is not connected{UNCONNECTED}",
        f"block_design.tcl:14: interface ip_head/labels is not connected{UNCONNECTED}",
    ),
    "unknown IP": (
        *(B, "resflow:hls:stem:1.0", "resflow:hls:stem:1.1"),
        "block_design.tcl:11 (bd.tcl): create_bd_cell: no IP resflow:hls:stem:1.1\n"
        "  why: the catalog has of resflow:hls resflow:hls:dma:1.0, resflow:hls:head:1.0, resflow:hls:res2a:1.0, resflow:hls:res2b:1.0, "
        "resflow:hls:stem:1.0\n  fix: correct the VLNV, or add the IP to the repository",
        ...,
    ),
    "same cell twice": (
        *(B, "add_block  stem ", "add_block  dma "),
        "block_design.tcl:11 (bd.tcl): create_bd_cell: ip_dma exists already\n"
        "  why: it was created at block_design.tcl:10\n  fix: delete one of the two, or rename it",
        ...,
    ),
    "another SLR": (
        *(B, "resflow:hls:res2b:1.0  2", "resflow:hls:res2b:1.0  1"),
        "block_design.tcl:13: ip_res2b is reset from SLR1 and placed in SLR2\n"
        "  why: a reset that crosses between SLRs outside its tree misses timing\n  fix: give it SLR 2 in the block design",
        "block_design.tcl:19: the floorplan has no slice_res2b_codes_in_slr2\n"
        "  why: it places cells by name\n  fix: generate both from one description",
        "block_design.tcl:20: fifo_head_codes_in is reset from SLR1 and placed in SLR2\n"
        "  why: a reset that crosses between SLRs outside its tree misses timing\n  fix: give it SLR 2 in the block design",
        f"block_design.tcl:20: the stream from fifo_head_codes_in to slice_head_codes_in_slr1 goes from SLR2 to SLR1{UNREGISTERED}",
    ),
    "a leaf on another SLR's branch": (
        *("bd.tcl", "    add_reset_leaf $cell $slr\n", "    add_reset_leaf $cell 0\n"),
        *(
            f"block_design.tcl:{line}: ip_{name} is reset from SLR0 and placed in SLR{slr}\n"
            f"  why: a reset that crosses between SLRs outside its tree misses timing\n  fix: give it SLR {slr} in the block design"
            for line, name, slr in ((12, "res2a", 1), (13, "res2b", 2))
        ),
    ),
    "cells by another name": (
        *("bd.tcl", "lappend bd(placed) $cell", "lappend bd(placed) [string map {ip_head ip_head_0} $cell]"),
        *(
            f"block_design.tcl: no cell {name} in the netlist\n"
            "  why: the floorplan knows it by that name; the placer will choose its SLR\n  fix: look for it among get_cells -hierarchical"
            for name in ("ip_head_0", "reset_leaf_ip_head_0")
        ),
    ),
    "no register slices": (
        *("bd.tcl", "[cross_slrs $name $from $sink_bytes $slr $bd(slr,$sink)]", "$from"),
        *(
            f"block_design.tcl:{line}: the stream from fifo_{name} to {sink} goes from SLR{source} to SLR{slr}{UNREGISTERED}"
            for line, name, sink, source, slr in (
                (18, "res2a_codes_in", "ip_res2a", 0, 1),
                (20, "head_codes_in", "ip_head", 2, 0),
            )
        ),
    ),
    "no register slices in front of a width converter": (
        *("bd.tcl", "{ set from [cross_slrs $name $from $source_bytes $slr $converter_slr] }", "{}"),
        f"block_design.tcl:19: the stream from fifo_res2b_codes_in to dwc_res2b_codes_in goes from SLR1 to SLR2{UNREGISTERED}",
    ),
    "one slice over two boundaries": (
        *("bd.tcl", "incr slr [expr {$slr < $last ? 1 : -1}]", "set slr $last"),
        f"block_design.tcl:20: the stream from slice_head_codes_in_slr2 to ip_head goes from SLR1 to SLR0{UNREGISTERED}",
    ),
    "mode of the register slice": (
        *("bd.tcl", "CONFIG.REG_CONFIG 15", "CONFIG.REG_CONFIG 14"),
        *(
            f"block_design.tcl:{line} (bd.tcl): {name}: CONFIG.REG_CONFIG cannot be 14\n"
            "  why: it offers 0, 1, 7, 8, 12, 13, 15, 16\n  fix: choose one of those"
            for line, name in SLICES
        ),
        *(
            f"block_design.tcl:{line}: {name}: NUM_SLR_CROSSINGS without REG_CONFIG 15\n"
            "  why: only the Multi SLR Crossing mode counts them\n  fix: set REG_CONFIG 15"
            for line, name in SLICES
        ),
    ),
    "a mode that crosses nothing": (
        *("bd.tcl", "CONFIG.REG_CONFIG 15", "CONFIG.REG_CONFIG 1"),
        *(
            f"block_design.tcl:{line}: {name}: NUM_SLR_CROSSINGS without REG_CONFIG 15\n"
            "  why: only the Multi SLR Crossing mode counts them\n  fix: set REG_CONFIG 15"
            for line, name in SLICES
        ),
    ),
    "UltraRAM with two clocks": (
        *("bd.tcl", "CONFIG.FIFO_MEMORY_TYPE $memory CONFIG.IS_ACLK_ASYNC 0", "CONFIG.FIFO_MEMORY_TYPE ultra CONFIG.IS_ACLK_ASYNC 1"),
        "block_design.tcl:17: fifo_stem_image: FIFO_MEMORY_TYPE ultra with two clocks\n"
        "  why: UltraRAM has one\n  fix: use block, or one clock",
        ...,
    ),
    "packets without an end": (
        *("bd.tcl", "CONFIG.IS_ACLK_ASYNC 0", "CONFIG.FIFO_MODE 2"),
        "block_design.tcl:17: fifo_stem_image: packet mode without TLAST\n"
        "  why: it holds a packet until its last beat has come\n  fix: set HAS_TLAST, or FIFO_MODE 1",
        ...,
    ),
    "timing without a clock": (
        *("bd.tcl", "    create_clock -period $bd(period_ns) [get_ports ap_clk]\n", ""),
        "block_design.tcl:33 (bd.tcl): report_timing_summary: no clock has a period\n"
        "  why: no path would be checked\n  fix: call create_clock first",
    ),
    "misspelt port": (
        *("bd.tcl", "[get_ports ap_clk]", "[get_ports clk]"),
        "block_design.tcl:33 (bd.tcl): get_ports: no port clk\n  why: there are ap_clk, ap_rst_n, interrupt\n  fix: correct the name",
        ...,
    ),
    "a project that is there": (
        *(
            "bd.tcl",
            "create_project -force $name",
            "create_project $name [file join $bd(folder) project]; close_project; create_project $name",
        ),
        "block_design.tcl:6 (bd.tcl): create_project: no part \n  why: this design is for xcu250-figd2104-2L-e\n  fix: correct the part",
        "block_design.tcl:6 (bd.tcl): create_project: project/toy.xpr exists\n  why: it does not overwrite\n  fix: give -force",
    ),
    "data width": (
        *(B, "m_axi_labels   32", "m_axi_labels   64"),
        "block_design.tcl:26: /ip_dma/m_axi_labels: DATA_WIDTH is 32 in the IP, 64 in the description\n"
        "  why: the IP was made from another description\n  fix: synthesize it again",
        ...,
    ),
    "no address": (
        *(B, "assign_addresses\n", "\n"),
        *(
            f"block_design.tcl:10: interface ip_dma/m_axi_{name} has no address\n"
            "  why: a master needs an address segment\n  fix: call assign_bd_address"
            for name in ("images", "labels", "weights")
        ),
    ),
    "another external name": (
        *(B, "M_AXI_IMAGES ", "M_AXI_GMEM0 "),
        "package.tcl:10 (xo.tcl): ipx::associate_bus_interfaces: no bus interface M_AXI_IMAGES\n"
        "  why: the IP has M_AXI_GMEM0, M_AXI_LABELS, M_AXI_WEIGHTS, S_AXI_CONTROL\n  fix: correct the name",
        ...,
    ),
    "misspelt proc": (
        *(B, "reset_tree 3", "reset_three 3"),
        "block_design.tcl:7: unknown command reset_three\n"
        "  why: neither Tcl nor the model of Vivado has it\n  fix: correct the name; if Vivado has it, add it to ipi/model",
        ...,
    ),
    "too few words": (
        *(B, "begin_design toy xcu250-figd2104-2L-e 200", "begin_design toy xcu250-figd2104-2L-e"),
        'block_design.tcl:6: wrong # args: should be "begin_design name part clock_mhz"\n'
        "  why: the script stops with it\n  fix: correct the call",
        ...,
    ),
    "no validation": (
        *("bd.tcl", "    validate_bd_design\n", ""),
        "block_design.tcl:33 (bd.tcl): make_wrapper: design_toy is not validated\n"
        "  why: synthesis would meet what validation finds\n  fix: call validate_bd_design first",
        ...,
    ),
    "no clock": (
        *("bd.tcl", "    connect_clock $cell ap_clk\n", ""),
        *(
            f"block_design.tcl:{line}: clock pin ip_{cell}/ap_clk is not connected\n  why: every input needs a source\n  fix: connect it"
            for line, cell in enumerate(("dma", "stem", "res2a", "res2b", "head"), 10)
        ),
    ),
    "no reset": (
        *("bd.tcl", "    connect_reset $cell ap_rst_n $cell\n", ""),
        *(
            f"block_design.tcl:{line}: reset pin ip_{cell}/ap_rst_n is not connected\n  why: every input needs a source\n  fix: connect it"
            for line, cell in enumerate(("dma", "stem", "res2a", "res2b", "head"), 10)
        ),
    ),
    "clock for a reset": (
        *("bd.tcl", "    connect_reset $cell ap_rst_n $cell\n", "    connect_bd_net [get_bd_ports ap_clk] [pin $cell/ap_rst_n]\n"),
        *(
            f"block_design.tcl:{line}: reset pin ip_{cell}/ap_rst_n is driven by ap_clk\n"
            "  why: that is a clock\n  fix: connect it to its source"
            for line, cell in enumerate(("dma", "stem", "res2a", "res2b", "head"), 10)
        ),
    ),
    "misspelt property": (
        *("bd.tcl", "CONFIG.C_OPERATION", "CONFIG.OPERATION"),
        "block_design.tcl:7 (bd.tcl): reset_in: no property CONFIG.OPERATION\n"
        "  why: the properties the model knows of util_reduced_logic are CONFIG.C_OPERATION, CONFIG.C_SIZE, NAME, PATH, VLNV\n"
        "  fix: correct the name; if the vendor's guide has it, add it to ipi/model",
        ...,
    ),
    "misspelt pin": (
        *("bd.tcl", "[pin $cell/D]", "[pin $cell/DATA]"),
        "block_design.tcl:7: no pin reset_pipe_slr0/DATA\n"
        "  why: there are /reset_pipe_slr0/CLK /reset_pipe_slr0/D /reset_pipe_slr0/Q\n  fix: correct the name",
        ...,
    ),
    "misspelt command": (
        *("bd.tcl", "save_bd_design", "save_bd_desing"),
        "block_design.tcl:32 (bd.tcl): unknown command save_bd_desing\n"
        "  why: neither Tcl nor the model of Vivado has it\n  fix: correct the name; if Vivado has it, add it to ipi/model",
        "block_design.tcl:33 (bd.tcl): make_wrapper: design_toy is not saved\n  why: it reads the file\n  fix: call save_bd_design first",
    ),
    "misspelt option": (
        *("bd.tcl", "-jobs $bd(jobs)", "-job $bd(jobs)"),
        "block_design.tcl:33 (bd.tcl): launch_runs: no option -job\n"
        "  why: the options known are -force, -jobs, -quiet, -to_step\n"
        "  fix: correct it; if the vendor's reference has it, add it to ipi/model",
        ...,
    ),
    "a proc named like a command": (
        *("bd.tcl", "proc end_design", "proc close_design"),
        "block_design.tcl:4: proc close_design in bd.tcl\n"
        "  why: Vivado has a command of that name, which it would replace\n  fix: rename the proc",
        ...,
    ),
    "open brace": (
        *(B, "synthesize", "synthesize {"),
        "block_design.tcl:33: the call does not end\n  why: a brace, bracket or quote stands open\n  fix: close it",
        "block_design.tcl: nothing wrote ip/toy.dcp\n"
        "  why: it is what the script is for\n  fix: mend what stops it, or put the missing call back",
    ),
    "misspelt netlist": (
        *("xo.tcl", "$xo(netlist)/$name.v", "$xo(netlist)/$name.sv"),
        "package.tcl:6 (xo.tcl): add_files: no file ip/toy.sv\n"
        "  why: nothing before has written it\n  fix: write it first, or correct the path",
        ...,
    ),
    "no constraints": (
        *("xo.tcl", "    add_netlist_file xilinx_implementation xdc impl/$xo(name).xdc implementation\n", ""),
        "package.tcl:26 (xo.tcl): package_xo: the IP has no file group xilinx_implementation\n"
        "  why: its netlist or its constraints would be missing\n  fix: add it",
    ),
    "the .xo over the IP": (
        *("xo.tcl", "-ip_directory $xo(ip)", "-ip_directory $file"),
        "package.tcl:26 (xo.tcl): package_xo: -xo_path is -ip_directory\n  why: the .xo is a file of its own\n  fix: give each its own",
        ...,
    ),
    "no kernel": (
        *("xo.tcl", "    set_property sdx_kernel true $core\n", ""),
        "package.tcl:26 (xo.tcl): package_xo: the IP is no kernel\n"
        "  why: v++ takes IPs marked as RTL kernels\n  fix: set sdx_kernel and sdx_kernel_type",
    ),
    "not saved": (
        *("xo.tcl", "    ipx::save_core $core\n", ""),
        "package.tcl:25 (xo.tcl): ipx::check_integrity: the IP was changed after it was saved\n"
        "  why: the file holds the old one\n  fix: call ipx::save_core",
        ...,
    ),
    "no memory map": (
        *("xo.tcl", "    set_property slave_memory_map_ref $name [ipx::get_bus_interfaces $name -of_objects $core]\n", ""),
        "package.tcl:25 (xo.tcl): bus interface S_AXI_CONTROL has no memory map\n"
        "  why: the linker could not give it an address\n  fix: call ipx::add_memory_map and set slave_memory_map_ref",
    ),
    "interface without clock": (
        *(P, "add_master M_AXI_LABELS\n", ""),
        "package.tcl:24 (xo.tcl): bus interface M_AXI_LABELS has no clock\n"
        "  why: the linker connects an interface by its clock\n  fix: call ipx::associate_bus_interfaces",
    ),
    "another VLNV": (
        *(P, "resflow:kernel:toy:1.0", "resflow:kernels:toy:1.0"),
        "package.tcl:26 (xo.tcl): package_xo: VLNV resflow:kernels:toy:1.0, kernel.xml says resflow:kernel:toy:1.0\n"
        "  why: both name one kernel\n  fix: correct one of them",
    ),
    "no registers": (
        *("xo.tcl", "    set register [ipx::add_register $name $xo(block)]\n", "    return\n"),
        "package.tcl:25 (xo.tcl): control protocol ap_ctrl_chain, and no register\n"
        "  why: a kernel is started by a register of its AXI4-Lite interface\n"
        "  fix: call ipx::add_register for CTRL, the interrupts and every argument",
        *(
            f"package.tcl:26 (xo.tcl): package_xo: kernel.xml has an argument {name}, the IP no such register\n"
            "  why: its registers are none\n  fix: call ipx::add_register for it"
            for name in ("in", "out", "weightsmem", "numReps")
        ),
    ),
    "no CTRL": (
        *(P, "CTRL        0x00", "CTRLS       0x00"),
        "package.tcl:25 (xo.tcl): control protocol ap_ctrl_chain, and no register CTRL of 32 bits at 0x00\n"
        "  why: the runtime starts the kernel and waits for it there\n  fix: add it, or correct it",
    ),
    "a register elsewhere": (
        *(P, "numReps     0x34", "numReps     0x38"),
        "package.tcl:26 (xo.tcl): package_xo: argument numReps: offset 0x34 in kernel.xml, 0x38 in the IP\n"
        "  why: the host would set something else\n  fix: correct one of them",
    ),
    "registers that overlap": (
        *(P, "out         0x1C", "out         0x14"),
        "package.tcl:25 (xo.tcl): registers in and out overlap\n  why: in ends at 0x18\n  fix: correct an offset or a size",
        "package.tcl:26 (xo.tcl): package_xo: argument out: offset 0x1C in kernel.xml, 0x14 in the IP\n"
        "  why: the host would set something else\n  fix: correct one of them",
    ),
    "half a pointer": (
        *(P, "in          0x10    64 ", "in          0x10    32 "),
        "package.tcl:26 (xo.tcl): package_xo: argument in: bits 64 in kernel.xml, 32 in the IP\n"
        "  why: the host would set something else\n  fix: correct one of them",
    ),
    "a pointer without a master": (
        *("xo.tcl", '    if {$master ne ""} { set_property', '    if {$master eq "M_AXI_IMAGES"} { set_property'),
        *(
            f"package.tcl:25 (xo.tcl): no register holds an address for M_AXI_{name}\n"
            "  why: the runtime could not tell the kernel where its buffer is\n"
            f"  fix: give the argument's register ASSOCIATED_BUSIF M_AXI_{name}"
            for name in ("LABELS", "WEIGHTS")
        ),
        *(
            f"package.tcl:26 (xo.tcl): package_xo: argument {name}: master {master} in kernel.xml, none in the IP\n"
            "  why: the host would set something else\n  fix: correct one of them"
            for name, master in (("out", "M_AXI_LABELS"), ("weightsmem", "M_AXI_WEIGHTS"))
        ),
    ),
    "a master the IP has not": (
        *(P, "64    M_AXI_LABELS", "64    M_AXI_LABEL"),
        "package.tcl:25 (xo.tcl): register out: ASSOCIATED_BUSIF M_AXI_LABEL\n"
        "  why: the IP has no AXI master of that name\n  fix: correct the name",
        ...,
    ),
    "a block that is too small": (
        *(P, "S_AXI_CONTROL 4096", "S_AXI_CONTROL 48"),
        "package.tcl:25 (xo.tcl): register numReps ends at 0x38\n  why: the address block has 48 bytes\n  fix: make the block larger",
    ),
    "a register twice": (
        *("xo.tcl", "    set register [ipx::add_register $name $xo(block)]\n", "    set register [ipx::add_register CTRL $xo(block)]\n"),
        "package.tcl:17 (xo.tcl): ipx::add_register: map:S_AXI_CONTROL/reg0/CTRL exists already\n"
        "  why: it was created at package.tcl:16\n  fix: delete one of the two, or rename it",
        ...,
    ),
    "a clock without a frequency": (
        *(P, "add_clock ap_clk 200\n", ""),
        "package.tcl:24 (xo.tcl): clock ap_clk has no frequency\n"
        "  why: the linker compares it with the platform's\n  fix: add FREQ_HZ with value_resolve_type user, or FREQ_TOLERANCE_HZ -1",
    ),
    "a clock of one frequency": (
        *("xo.tcl", "value_resolve_type user", "value_resolve_type immediate"),
        "package.tcl:25 (xo.tcl): clock ap_clk has no frequency\n"
        "  why: the linker compares it with the platform's\n  fix: add FREQ_HZ with value_resolve_type user, or FREQ_TOLERANCE_HZ -1",
    ),
    "an interrupt that leads nowhere": (
        *(B, "add_interrupt  interrupt      dma    interrupt\n", ""),
        "package.tcl:9 (xo.tcl): ipx::infer_bus_interface: no interrupt interrupt\n"
        "  why: the IP has none\n  fix: correct the name, or make the pin external",
        ...,
    ),
    "an interrupt kernel.xml does not tell of": (
        *("kernel.xml", 'interrupt="true"', 'interrupt="false"'),
        'package.tcl:26 (xo.tcl): package_xo: kernel.xml says interrupt "false", the IP has interrupt\n'
        "  why: the linker connects what kernel.xml says\n  fix: correct one of them",
    ),
    "another protocol": (
        *(P, "ap_ctrl_chain", "ap_ctrl_hs"),
        "package.tcl:26 (xo.tcl): package_xo: control protocol ap_ctrl_hs, kernel.xml says ap_ctrl_chain\n"
        "  why: both name one kernel\n  fix: correct one of them",
    ),
    "no .xo": (
        *(P, "write_xo\n", ""),
        "package.tcl: nothing wrote toy.xo\n  why: it is what the script is for\n  fix: mend what stops it, or put the missing call back",
    ),
    "another port": (
        *("kernel.xml", 'name="M_AXI_LABELS"', 'name="M_AXI_LABEL"'),
        "package.tcl:26 (xo.tcl): package_xo: kernel.xml has a port M_AXI_LABEL, the IP has none\n"
        "  why: its interfaces are M_AXI_IMAGES, M_AXI_LABELS, M_AXI_WEIGHTS, S_AXI_CONTROL\n  fix: make it external under that name",
    ),
}
"""File, old, new, then all findings; `...` stands for what follows from the first one."""


@pytest.mark.parametrize("name", MUTATIONS)
def test_mutation(name: str, toy: Design, tmp_path: Path) -> None:
    file, old, new, *expected = MUTATIONS[name]
    found = findings(toy, tmp_path, str(file), str(old), str(new))
    if expected[-1] is ...:
        assert found[: len(expected) - 1] == expected[:-1]
        assert len(found) >= len(expected)
    else:
        assert found == expected


@pytest.mark.parametrize("name", ["2019.2", "2020.2"])
def test_properties_that_came_with_a_release(name: str, toy: Design, tmp_path: Path) -> None:
    old, new = "    if {$property ni [string tolower [list_property $core]]} { return 0 }\n", ""
    found = findings(toy, tmp_path, "xo.tcl", old, new, release=releases.release(name))
    unknown = [
        f"package.tcl:{line} (xo.tcl): core:design_toy_wrapper: no property {word}" for line, word in ((6, "IPI_DRC"), (8, "VITIS_DRC"))
    ]
    unknown.append("package.tcl:25 (xo.tcl): ipx::check_integrity: no option -kernel")
    assert [line.partition("\n")[0] for line in found] == ([] if name == "2020.2" else unknown)


@pytest.mark.parametrize("name", ["2019.2", "2020.2"])
def test_who_goes_through_the_rules_for_kernels(name: str, toy: Design, tmp_path: Path) -> None:
    """check_integrity where it knows them, else package_xo; never both."""
    found = findings(toy, tmp_path, P, "CTRL        0x00", "CTRL        0x40", release=releases.release(name))
    line = 26 if name == "2019.2" else 25
    first = f"package.tcl:{line} (xo.tcl): control protocol ap_ctrl_chain, and no register CTRL of 32 bits at 0x00"
    assert [finding.partition("\n")[0] for finding in found] == [first]


def test_a_version_of_another_release(toy: Design, tmp_path: Path) -> None:
    """The newest there is is taken; one that is named may be gone."""
    new = "    return xilinx.com:ip:util_ds_buf:2.1"
    found = findings(
        toy,
        tmp_path,
        "bd.tcl",
        "    return [lindex $found end]",
        '    if {$name eq "c_shift_ram"} {' + new + "}\n    return [lindex $found end]",
    )
    assert found[0] == (
        "block_design.tcl:7 (bd.tcl): create_bd_cell: no IP xilinx.com:ip:util_ds_buf:2.1\n"
        "  why: the catalog has of xilinx.com:ip xilinx.com:ip:axi_dma:7.1, xilinx.com:ip:axis_data_fifo:2.0, xilinx.com:ip:axis_dwidth_converter:1.1, "
        "xilinx.com:ip:axis_register_slice:1.1, xilinx.com:ip:c_shift_ram:12.0, xilinx.com:ip:util_ds_buf:2.2, "
        "xilinx.com:ip:util_reduced_logic:2.0\n  fix: correct the VLNV, or add the IP to the repository"
    )


def test_width_converter_over_512_bytes(toy: Design, tmp_path: Path) -> None:
    found = findings(
        toy, tmp_path, "bd.tcl", "if {$source_bytes != $sink_bytes}", "set sink_bytes 513\n    set converter_slr 0\n    if {1}"
    )
    assert found[0] == (
        "block_design.tcl:17 (bd.tcl): dwc_stem_image: CONFIG.M_TDATA_NUM_BYTES cannot be 513\n"
        "  why: it offers 1 to 512\n  fix: choose a number from there"
    )


@pytest.mark.parametrize(
    "names", [("x", ["res2a", "module", "fifo_module_codes_in"]), ("res2a_top", ["a", "b_c", "a_b", "c"]), ("begin", ["reset_in"])]
)
def test_names_that_could_be_those_of_other_cells(names: tuple[str, list[str]], tmp_path: Path) -> None:
    """Keywords, the network's own name, and names of cells and FIFOs: every cell keeps one of its own."""
    network, blocks = names
    block = "{conv1: {kernel: 1, out: 2}, conv2: {kernel: 1, out: 2}, bypass: {}}"
    (tmp_path / "named.yaml").write_text(
        f"network: {network}\nplatform: u250\nclock_mhz: 200\ninput: {{shape: [2, 2, 1]}}\nformats: {{act: uint2, residual: uint4}}\n"
        f"stem: {{conv: {{kernel: 1, out: 2}}}}\nhead: {{fc: {{out: 2}}}}\nblocks:\n"
        + "".join(f"  {name}: {block}\n" for name in (network, *blocks))
    )
    design = plan(load(tmp_path / "named.yaml"))
    assert findings(design, tmp_path) == []
    placed = [cell.name for cell in cells(design)]
    assert len(set(placed)) == len(placed)
    assert ipi.check(design, tmp_path).ips == len(blocks) + 4


def test_missing_files(toy: Design, tmp_path: Path) -> None:
    found = [str(finding) for finding in ipi.check(toy, tmp_path).findings]
    assert found == [f"{script}: no file {script}\n  why: there is nothing to check\n  fix: generate it" for script in SCRIPTS]


def test_generated_tcl_reaches_no_file_and_no_process(toy: Design, tmp_path: Path) -> None:
    texts = ipi.render(toy)
    texts[B] += f"exec touch {tmp_path}/touched\nopen {tmp_path}/touched w\ninterp create\n"
    write_tree(tmp_path, texts)
    report = ipi.check(toy, tmp_path)
    assert [finding.what for finding in report.findings] == ["unknown command exec", "unknown command open"]
    assert not (tmp_path / "touched").exists()


def calls(text: str) -> list[int]:
    return [i for i, line in enumerate(text.splitlines()) if line and not line.startswith("#")]


@pytest.mark.parametrize("script", SCRIPTS)
def test_no_call_can_be_missing(script: str, toy: Design, tmp_path: Path) -> None:
    texts = ipi.render(toy)
    for i in calls(texts[script]):
        lines = texts[script].splitlines(keepends=True)
        lines[i] = "\n"
        write_tree(tmp_path, texts | {script: "".join(lines)})
        assert ipi.check(toy, tmp_path).findings, texts[script].splitlines()[i]


COLUMNS = {"add_block": 3, "add_stream": 7, "add_master": 4, "add_slave": 4, "add_interrupt": 3, "begin_design": 2, "reset_tree": 0}
"""How many words after the call must be right for Vivado: the name of an SLR, a FIFO depth or the clock may be another."""


def test_no_word_can_be_another(toy: Design, tmp_path: Path) -> None:
    texts = ipi.render(toy)
    text = texts[B]
    write_tree(tmp_path, texts)
    for i in calls(text):
        line = text.splitlines()[i]
        words = line.split()
        for column in range(1 + COLUMNS.get(words[0], 0)):
            wrong = str(int(words[column]) + 1) if words[column].isdigit() else f"{words[column]}x"
            lines = text.splitlines(keepends=True)
            lines[i] = " ".join([*words[:column], wrong, *words[column + 1 :]]) + "\n"
            write_tree(tmp_path, {B: "".join(lines)})
            assert ipi.check(toy, tmp_path, release=releases.release("2019.2")).findings, lines[i]


@settings(max_examples=25)
@given(description=networks(), release=st.sampled_from(["2019.2", "2020.2", "2021.1", "2024.2"]).map(releases.release), data=st.data())
def test_random_networks_pass_and_do_not_without_any_call(description: dict[str, object], release: Release, data: st.DataObject) -> None:
    for block in description["blocks"].values():  # type: ignore[attr-defined]
        block["slr"] = data.draw(st.integers(0, 3))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        design = plan(written(description, folder))
        texts = ipi.render(design)
        write_tree(folder, texts)
        report = ipi.check(design, folder, release=release)
        assert report.findings == ()
        assert report.fifos == len(design.links)
        assert report.converters == sum(link.converts for link in design.links)
        script = data.draw(st.sampled_from(SCRIPTS))
        lines = texts[script].splitlines(keepends=True)
        gone = data.draw(st.sampled_from(calls(texts[script])))
        write_tree(folder, {script: "".join(lines[:gone] + lines[gone + 1 :])})
        assert ipi.check(design, folder, release=release).findings, lines[gone]
