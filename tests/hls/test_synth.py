"""The Tcl for HLS tools, release by release; and the jobs themselves against the stand-in for these tools."""

from __future__ import annotations

import itertools
import re
import zipfile
from dataclasses import replace

import numpy as np
import pytest

import hls
from codegen.errors import ToolError
from codegen.jobs.cache import Cache
from codegen.jobs.run import do, run_here
from codegen.text.files import write_tree
from codegen.tools.releases import installed, release
from dataflow import plan
from dataflow.cost.formulas import uses_dsp
from dataflow.units import IMPLEMENTATIONS
from hls.synth import cosim_tcl, directives, synth_tcl
from network import load, parameters
from network.formats import Format, Kind
from tests.tools.installation import HLS

RELEASES = ["2019.2", "2020.2", "2021.1", "2021.2", "2022.2", "2023.2", "2024.2"]


@pytest.fixture(scope="module")
def built(toy_yaml, tmp_path_factory):
    """Design, and sources and vectors of all IPs of the toy."""
    folder = tmp_path_factory.mktemp("toy")
    design = plan(load(toy_yaml))
    arrays = parameters.draw(design.network, 1)
    images = np.random.default_rng(1).integers(0, 256, (3, *design.network.input), dtype=np.uint8)
    for ip in design.ips:
        write_tree(folder / "hls" / ip.name, hls.render("toy", ip, arrays))
    for name, files in hls.vectors(design, arrays, images).items():
        write_tree(folder / "vectors" / name, files)
    return design, folder


@pytest.mark.parametrize(("name", "file"), [("2019.2", "synth-2019.2.tcl"), ("2020.2", "synth-2020.2.tcl"), ("2024.2", "synth-2024.2.tcl")])
def test_tcl_of_synthesis(name, file, built, golden):
    design, _ = built
    golden(f"toy/hls/{file}", synth_tcl(design, design.ip("res2a"), release(name)))


def test_tcl_of_cosimulation(built, golden):
    design, _ = built
    golden("toy/hls/cosim.tcl", cosim_tcl(design.ip("res2a")))


def test_every_rom_and_fifo_has_its_memory(built):
    design, _ = built
    ip = design.ip("res2a")
    lines = directives(ip, release("2022.2"))
    named = [line.split()[-1] for line in lines]
    # conv1 has its activation fused, the others have theirs as a search of four steps, with a memory for each.
    levels = {conv: [f"{conv}_act_level{step}" for step in range(4)] for conv in ("conv2", "bypass")}
    roms = ["conv1_weights", "conv1_thresholds", "conv2_weights", *levels["conv2"], "bypass_weights", *levels["bypass"]]
    assert named == [*roms, *(stream.name for stream in ip.streams)]
    assert all(
        re.fullmatch(r"set_directive_bind_storage -type (rom_1p|fifo) -impl (lutram|srl|bram|uram) resflow_res2a \w+", line)
        for line in lines
    )


@pytest.mark.parametrize("name", RELEASES)
def test_jobs_of_a_release(name, built, stand_ins, tmp_path):
    """Every IP is synthesized and exported, and one is simulated, with the tool that the release has."""
    design, folder = built
    made = stand_ins(name)
    found = installed(*HLS)
    assert found.name == name
    cache = Cache(tmp_path / "cache")
    for ip in design.ips:
        do(hls.synth_job(design, ip, folder / "hls" / ip.name, found), tmp_path / "synth" / ip.name, cache, run_here)
        left = sorted(path.name for path in (tmp_path / "synth" / ip.name).iterdir() if not path.name.startswith("."))
        assert left == sorted([f"{ip.name}.zip", "csynth.rpt", "csynth.xml", "project.zip", "synth.log"])
        exported = zipfile.ZipFile(tmp_path / "synth" / ip.name / f"{ip.name}.zip").read("component.xml").decode()
        for port in ip.ports:
            mode = "slave" if port.is_input else "master"
            assert re.search(
                rf"<spirit:name>{port.name}{found.stream_suffix}</spirit:name>\s*<spirit:busType[^>]*/>\s*<spirit:{mode}/>", exported
            )
            assert f"<spirit:value>{port.tdata_bytes}</spirit:value>" in exported
    ip = design.ip("res2a")
    job = hls.cosim_job(ip, folder / "hls" / "res2a", folder / "vectors" / "res2a", tmp_path / "synth" / "res2a" / "project.zip", found)
    do(job, tmp_path / "cosim", cache, run_here)
    assert "Pass" in (tmp_path / "cosim" / "cosim.rpt").read_text()
    assert made.runs() == [f"{found.hls[0]} {ip.name}" for ip in design.ips] + [f"{found.hls[0]} res2a"]


def test_headers_are_spelled_as_the_release_wants_them(built):
    design, folder = built
    ip = design.ip("res2a")
    old, new = (hls.synth_job(design, ip, folder / "hls" / "res2a", release(name)) for name in ("2019.2", "2022.2"))
    assert "#pragma HLS PIPELINE II=1 enable_flush\n" in old.files["resflow/products.h"]
    spelled = "".join(text if isinstance(text, str) else text.read_text() for text in old.files.values())
    assert "style=" not in spelled
    assert "#pragma HLS RESOURCE variable=product core=Mul_LUT\n" in old.files["resflow/multiply.h"]
    assert "#pragma HLS RESOURCE variable=array core=RAM_S2P_LUTRAM\n" in old.files["resflow/storage.h"]
    assert "#pragma HLS BIND_" not in spelled
    for header in hls.HEADERS:  # those of the current tools are the library's own, byte for byte
        assert new.files[f"resflow/{header.name}"] == header


def test_products_are_kept_in_luts_where_the_estimate_has_them():
    text = (hls.HEADERS[0].parent / "scale_scores.h").read_text()
    narrow = re.search(r"kNarrow = (.*);", text).group(1).replace("::kBits", ".bits").replace("||", "or")
    for factor, value in itertools.product(range(1, 17), range(1, 33)):
        formats = {"Factor": Format(Kind.UINT, factor), "In": Format(Kind.INT, value)}
        assert eval(narrow.replace("Layer::", ""), formats) != uses_dsp(formats["Factor"], formats["In"])


def test_only_what_has_an_axi_master_is_flp():
    """Every pipeline has a style: free-running between streams, where a pointer to card memory is an argument the flushable one; and so
    in what writes the memories of constants."""
    styles = {}
    for header in hls.HEADERS:
        for function in re.split(r"^}$", header.read_text(), flags=re.MULTILINE):
            for options in re.findall(r"#pragma HLS PIPELINE (.*)", function):
                name, arguments = re.findall(r"^void (\w+)\((.*?)\) \{$", function, re.MULTILINE | re.DOTALL)[-1]
                styles[name] = options
                assert options == f"II=1 style={'flp' if '*memory' in arguments or name.startswith('take') else 'frp'}", name
    # Loops whose options are those of their users.
    shared = {"products": {"mvau", "mvu"}, "rows_of_products": {"dense"}, "fetch_image": {"fetch"}, "take_rows": set(), "take": set()}
    assert set().union(*(shared.get(name, {name}) for name in styles)) == set(IMPLEMENTATIONS)
    assert {name for name, options in styles.items() if options.endswith("flp")} == {
        *("load", "store", "fetch", "fetch_image"),
        *("take_rows", "take"),
    }


def test_what_concerns_another_ip_is_no_part_of_the_job(built, tmp_path):
    """The key of a job: the same sources, part, clock and release make the same IP."""
    design, folder = built
    ip = design.ip("res2a")
    keys = {hls.synth_job(design, ip, folder / "hls" / "res2a", release(name)).key for name in RELEASES}
    assert len(keys) == len(RELEASES)
    write_tree(tmp_path, {path.name: path.read_bytes() for path in (folder / "hls" / "res2a").iterdir()})
    assert hls.synth_job(design, ip, tmp_path, release("2022.2")).key in keys


def test_cosimulation_that_differs(built, stand_ins, tmp_path):
    design, folder = built
    ip = design.ip("res2a")
    made = stand_ins("2022.2")
    found, cache = installed(*HLS), Cache(tmp_path / "cache")
    do(hls.synth_job(design, ip, folder / "hls" / "res2a", found), tmp_path / "synth", cache, run_here)
    made.plan(fail={"vitis_hls:res2a": "mismatch"})
    job = hls.cosim_job(ip, folder / "hls" / "res2a", folder / "vectors" / "res2a", tmp_path / "synth" / "project.zip", found)
    with pytest.raises(ToolError) as error:
        do(job, tmp_path / "cosim", cache, run_here)
    assert str(error.value) == (
        f"{tmp_path}/cosim/cosim.log: vitis_hls ended with status 1\n"
        "  why: ERROR: [COSIM 212-361] C TB post check failed, nonzero return value '1'.\n"
        "  fix: compare with C simulation (doit csim): the bench and its vectors are the same"
    )


def test_first_frames(built):
    """What cosimulation is given: two frames of three, and constant data whole."""
    design, folder = built
    for ip in design.ips:
        for port, (name, data) in zip(ip.ports, hls.first_frames(ip, folder / "vectors" / ip.name).items(), strict=True):
            whole = (folder / "vectors" / ip.name / name).read_bytes()
            assert whole.startswith(data)
            assert len(data) == len(whole) if port.name == "weights" else len(data) * 3 == len(whole) * 2


def test_first_frames_of_loaded_constants(toy_yaml, tmp_path):
    """Two frames of six: the first with each set of constants, in front of which they are loaded."""
    (tmp_path / "toy.yaml").write_text("constants: loaded\n" + toy_yaml.read_text())
    design = plan(load(tmp_path / "toy.yaml"))
    images = np.random.default_rng(1).integers(0, 256, (3, *design.network.input), dtype=np.uint8)
    for ip, given in hls.vectors(design, None, images).items():
        write_tree(tmp_path / ip, given)
        shorter = hls.vectors(design, None, images[:1])[ip]
        assert hls.first_frames(design.ip(ip), tmp_path / ip) == shorter


def test_a_project_that_names_a_folder_cannot_be_continued(built, stand_ins, tmp_path):
    """The stand-in keeps -I as the tools do: as the absolute path Tcl made of it, or relative to a folder of the tool's own."""
    design, folder = built
    ip = design.ip("res2a")
    stand_ins("2022.2")
    found, cache = installed(*HLS), Cache(tmp_path / "cache")
    job = hls.synth_job(design, ip, folder / "hls" / "res2a", found)
    elsewhere = {name.replace("resflow/", "include/resflow/"): content for name, content in job.files.items()}
    for given, synthesized in (("-I[pwd]/include", True), ("-Iinclude", False)):
        files = elsewhere | {"synth.tcl": job.files["synth.tcl"].replace("-std=c++14", f"-std=c++14 {given}")}
        target = tmp_path / given[:3]
        if not synthesized:
            with pytest.raises(ToolError, match=r"why: ERROR: \[HLS 200-70\] res2a.h: 'resflow/formats.h' file not found"):
                do(replace(job, files=files), target, cache, run_here)
            continue
        do(replace(job, files=files), target / "synth", cache, run_here)
        continued = hls.cosim_job(ip, folder / "hls" / "res2a", folder / "vectors" / "res2a", target / "synth" / "project.zip", found)
        moved = {name.replace("resflow/", "include/resflow/"): content for name, content in continued.files.items()}
        with pytest.raises(ToolError, match=r"why: ERROR: \[HLS 200-70\] res2a.h: 'resflow/formats.h' file not found"):
            do(replace(continued, files=moved), target / "cosim", cache, run_here)


@pytest.mark.parametrize("name", ["2019.2", "2022.2"])
def test_processes_without_a_start_signal_get_none_passed_on(name, built, stand_ins, tmp_path):
    """UG1399 2021.2: required with ap_ctrl_none. The DMA has a start signal, and keeps it."""
    design, folder = built
    stand_ins(name)
    found, cache = installed(*HLS), Cache(tmp_path / "cache")
    option = " disable_start_propagation"
    sources = folder / "hls"
    assert option not in (sources / "dma" / "dma.cpp").read_text()
    job = hls.synth_job(design, design.ip("res2a"), sources / "res2a", found)
    plain = (sources / "res2a" / "res2a.cpp").read_text().replace(option, "")
    with pytest.raises(ToolError, match="DATAFLOW without disable_start_propagation under ap_ctrl_none"):
        do(replace(job, files={**job.files, "res2a.cpp": plain}), tmp_path / "synth", cache, run_here)
