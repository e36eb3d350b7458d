"""The model of Vivado itself: what its commands and IPs offer, release by release."""

from __future__ import annotations

from pathlib import Path

import pytest

from ipi.tcl_model import Answer, run

PROJECT = "create_project p project -part xcu250-figd2104-2L-e\ncreate_bd_design d\n"


def answer(folder: Path, script: str, *facts: str) -> Answer:
    (folder / "script.tcl").write_text(script)
    return run(folder, ["script.tcl"], ["fact_part xcu250-figd2104-2L-e", *facts])


def told(folder: Path, script: str, *facts: str) -> list[str]:
    """First lines of what is found."""
    return [f"{finding.what}; {finding.why}" for finding in answer(folder, script, *facts).findings]


OFFERED = {
    "axis_data_fifo:2.0": {
        "TDATA_NUM_BYTES": ((0, 1, 512), (-1, 513, "x")),
        "FIFO_DEPTH": ((16, 1024, 32768), (8, 48, 65536)),
        "FIFO_MEMORY_TYPE": (("auto", "distributed", "block", "ultra"), ("lutram", "URAM")),
        "FIFO_MODE": ((1, 2), (0,)),
        "IS_ACLK_ASYNC": ((0, 1), (2,)),
    },
    "axis_dwidth_converter:1.1": {"S_TDATA_NUM_BYTES": ((1, 512), (0, 513)), "M_TDATA_NUM_BYTES": ((1, 512), (0, 513))},
    "axis_register_slice:1.1": {
        "TDATA_NUM_BYTES": ((0, 512), (513,)),
        "REG_CONFIG": ((0, 1, 15), (2, "SLR")),
        "NUM_SLR_CROSSINGS": ((0, 1, 3), (-1, 4)),
    },
    "c_shift_ram:12.0": {"Width": ((1, 256), (0, 257)), "Depth": ((1, 1088), (0, 1089)), "SSET": (("true", "false"), (1,))},
    "util_ds_buf:2.2": {"C_BUF_TYPE": (("BUFG", "IBUFDS"), ("BUF",)), "C_SIZE": ((1,), (0,))},
    "util_reduced_logic:2.0": {"C_OPERATION": (("and", "or", "xor"), ("nand",)), "C_SIZE": ((1,), (0,))},
}


@pytest.mark.parametrize("ip", OFFERED)
def test_values_an_ip_offers(ip: str, tmp_path: Path) -> None:
    create = f"{PROJECT}create_bd_cell -type ip -vlnv xilinx.com:ip:{ip} c\n"
    sets = "set_property -dict {{CONFIG.{0} {1}}} [get_bd_cells c]\n"
    taken = "".join(sets.format(name, value) for name, (good, _) in OFFERED[ip].items() for value in good)
    assert told(tmp_path, create + taken) == []
    for name, (_, bad) in OFFERED[ip].items():
        for value in bad:
            (found,) = told(tmp_path, create + sets.format(name, value))
            assert found.startswith(f"c: CONFIG.{name} cannot be {value}; it offers ")
    (found,) = told(tmp_path, create + sets.format("NO_SUCH", 1))
    assert found.startswith("c: no property CONFIG.NO_SUCH; the properties the model knows of ")


@pytest.mark.parametrize(("release", "version"), [("2019.2", "2.1"), ("2021.1", "2.1"), ("2021.2", "2.2"), ("2024.2", "2.2")])
def test_versions_of_a_release(release: str, version: str, tmp_path: Path) -> None:
    script = PROJECT + "puts [get_ipdefs xilinx.com:ip:util_ds_buf:*]\n"
    assert answer(tmp_path, script, f"fact_release {release}").said == (f"xilinx.com:ip:util_ds_buf:{version}",)


@pytest.mark.parametrize(
    ("repositories", "there"),
    [("[list [pwd2]/repo]", True), ("[list [pwd2]]", True), ("[list [pwd2]/repo/a]", True), ("[list [pwd2]/other]", False), ("{}", False)],
)
def test_an_ip_is_there_when_its_repository_was_read(repositories: str, there: bool, tmp_path: Path) -> None:
    script = (
        f"proc pwd2 {{}} {{ return {tmp_path} }}\n{PROJECT}set_property ip_repo_paths {repositories} [current_project]\n"
        "update_ip_catalog\nputs [get_ipdefs -quiet resflow:hls:a:1.0]\n"
    )
    found = answer(tmp_path, script, "fact_ip resflow:hls:a:1.0 {{output ap_local_block}} repo/a")
    assert found.said == ("resflow:hls:a:1.0" if there else "",)
    unread = answer(tmp_path, script.replace("update_ip_catalog\n", ""), "fact_ip resflow:hls:a:1.0 {} repo/a")
    assert unread.said == ("",)


def test_outputs_hls_adds_may_stay_open(tmp_path: Path) -> None:
    script = (
        PROJECT + "create_bd_cell -type ip -vlnv resflow:hls:a:1.0 a\nputs [get_bd_pins -of_objects [get_bd_cells a]]\nvalidate_bd_design\n"
    )
    found = answer(tmp_path, script, "fact_ip resflow:hls:a:1.0 {{output ap_local_block}}")
    assert found.said == ("/a/ap_clk /a/ap_rst_n /a/ap_local_block",)
    assert [finding.what for finding in found.findings] == [
        "clock pin a/ap_clk is not connected",
        "reset pin a/ap_rst_n is not connected",
    ]


def test_files(tmp_path: Path) -> None:
    """What is there, is written, copied, renamed and deleted: in the model only."""
    script = """
file mkdir out
file copy -force there.v out/copy.v
file rename out/copy.v out/other.v
file copy there.v gone.v
file delete -force gone.v
file copy nowhere.v out
puts [list [file exists out/other.v] [file exists out/copy.v] [file exists gone.v]]
"""
    found = answer(tmp_path, script, "fact_file there.v {module m}")
    assert [(file.path, file.content, file.writer) for file in found.files] == [
        ("there.v", "module m", ""),
        ("out/other.v", "module m", "copy"),
    ]
    assert found.said == ("1 0 0",)
    assert [finding.what for finding in found.findings] == ["file copy: no file nowhere.v"]
    assert [path.name for path in tmp_path.iterdir()] == ["script.tcl"]


def test_a_project_is_not_overwritten(tmp_path: Path) -> None:
    create = "create_project p project -part xcu250-figd2104-2L-e"
    assert told(tmp_path, f"{create}\n", "fact_file project/p.xpr {}") == ["create_project: project/p.xpr exists; it does not overwrite"]
    assert told(tmp_path, f"{create} -force\n", "fact_file project/p.xpr {}") == []
    assert answer(tmp_path, f"{create}\nclose_project -delete\n").files == ()


@pytest.mark.parametrize(("release", "kind"), [("2020.1", "srcs"), ("2020.2", "gen")])
def test_where_the_wrapper_is(release: str, kind: str, tmp_path: Path) -> None:
    script = PROJECT + "save_bd_design\nvalidate_bd_design\nsave_bd_design\nmake_wrapper -files [get_files d.bd] -import -top\n"
    files = {file.path for file in answer(tmp_path, script, f"fact_release {release}").files}
    assert f"project/p.{kind}/sources_1/bd/d/hdl/d_wrapper.v" in files
    assert "project/p.srcs/sources_1/imports/hdl/d_wrapper.v" in files


def test_the_first_finding_ends_a_strict_run(tmp_path: Path) -> None:
    script = PROJECT + "proc p {} {\n    create_bd_cell -type ip -vlnv a:b:c:1 one\n    file copy there.v out.v\n}\np\nputs after\n"
    for strict in (False, True):
        found = answer(tmp_path, script, "fact_file there.v {}", *(["fact_strict"] if strict else []))
        assert [(finding.what, finding.command) for finding in found.findings] == [("create_bd_cell: no IP a:b:c:1", "create_bd_cell")]
        assert ("out.v" in {file.path for file in found.files}) is not strict
        assert found.said == (() if strict else ("after",))


@pytest.mark.parametrize(("words", "strict"), [("went wrong", False), ("ERROR: went wrong", True)])
def test_errors_of_the_script_itself(words: str, strict: bool, tmp_path: Path) -> None:
    """The check takes the four parts of a hand-written error apart; Vivado would print it as it is."""
    found = answer(tmp_path, 'error "ERROR: went wrong\\n  why: so\\n  fix: this"\n', *(["fact_strict"] if strict else []))
    (finding,) = found.findings
    assert finding.command == ""
    assert finding.what.splitlines()[0] == words
    assert strict or (finding.why, finding.fix) == ("so", "this")


def test_arguments_of_the_script(tmp_path: Path) -> None:
    assert answer(tmp_path, "puts [list $argc {*}$argv]\n", "fact_arguments {repo 8}").said == ("2 repo 8",)


def test_hooks_see_a_netlist(tmp_path: Path) -> None:
    script = "report_timing_summary -file t.rpt\nreport_utilization -file u.xml -format xml -hierarchical\n"
    assert told(tmp_path, script) == [
        "report_timing_summary: no netlist is open; it writes the open one",
        "report_utilization: no netlist is open; it writes the open one",
    ]
    found = answer(tmp_path, script, "fact_netlist {top/cu/a} {pblock_0}")
    assert found.findings == ()
    assert [(file.path, file.writer) for file in found.files] == [("t.rpt", "report_timing_summary"), ("u.xml", "report_utilization")]
