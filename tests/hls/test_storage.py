"""Every array of every IP is bound to one kind of memory, in every release, and to the one that the estimate counts."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hls
from codegen.errors import ToolError
from codegen.jobs.cache import Cache
from codegen.jobs.run import do, run_here
from codegen.text.files import write_tree
from codegen.text.templates import pascal
from codegen.tools.releases import installed, release
from dataflow import plan
from dataflow.cost.storage import Storage
from dataflow.units import IMPLEMENTATIONS
from hls.render import HEADERS, render
from hls.structs import loaded_arrays, struct_name
from hls.synth import directives
from network import load, parameters
from tests.hls.test_synth import RELEASES
from tests.strategies import networks, written
from tests.tools.installation import HLS

DECLARATION = re.compile(r"^ +[^=\n]*\];(?= *//|$)", re.MULTILINE)
ARRAY = re.compile(r"(\w+)(?:\[[^\[\]]*\])+(?=[,;])")
LIBRARY = {header.stem: header.read_text() for header in HEADERS if header.stem != "testbench"}
KINDS = {Storage.REGISTERS: "ff", Storage.LUTRAM: "lut", Storage.SRL: "lut", Storage.BRAM: "bram", Storage.URAM: "uram"}
"""What the estimate counts in each kind of memory."""


def functions(text):
    """Name and text of each function in the first column."""
    for part in re.split(r"^}", text, flags=re.MULTILINE):
        if found := re.search(r"^void (\w+)\(.*", part, re.MULTILINE | re.DOTALL):
            yield found[1], found[0]


def with_called(function):
    """The text of a function and of the functions of the library it calls, where units share a loop."""
    every = {name: text for header in LIBRARY.values() for name, text in functions(header)}
    called = [text for name, text in every.items() if re.search(rf"^  {name}<", every[function], re.MULTILINE)]
    return "".join([every[function], *called])


def arrays(text):
    """Of a function: those it declares, also the second of a line."""
    return {name for line in DECLARATION.findall(text) for name in ARRAY.findall(line)}


def bindings(text, name):
    whole = rf"#pragma HLS ARRAY_PARTITION variable={name} complete(?: dim=0)?$|Memory<Layer::k{pascal(name)}Storage>::holds\({name}\);"
    return re.findall(whole, text, re.MULTILINE)


def test_every_array_of_the_library_is_bound_once():
    found = {}
    for text in LIBRARY.values():
        for name, function in functions(text):
            found |= {(name, array): bindings(function, array) for array in arrays(function)}
    assert all(len(bound) == 1 for bound in found.values()), found
    bound = {place for place, by in found.items() if by[0].startswith("Memory")}
    assert bound >= {
        *(("swg", "ring"), ("products", "window"), ("rows_of_products", "buffer")),
        *(("max_pool", "largest"), ("accumulate_pool", "sums"), ("global_max", "largest")),
    }
    assert set(found) - bound >= {
        *(("products", "acc"), ("products", "offset"), ("swg", "column")),
        *(("top_k", "score"), ("top_k", "label"), ("top_k_scores", "score"), ("top_k_scores", "label")),
    }


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(networks(blocks=3, wide=True), st.sampled_from(["rom", "loaded"]))
def test_every_memory_of_a_network_is_bound_as_it_is_counted(tmp_path_factory, description, constants):
    design = plan(written(description | {"constants": constants}, tmp_path_factory.mktemp("drawn")))
    arrays_drawn = parameters.draw(design.network, 1)
    for ip in design.ips:
        texts = render("drawn", ip, arrays_drawn)
        in_tcl = {}
        for unit in ip.units:
            assert unit.implementation in IMPLEMENTATIONS
            function = with_called(unit.implementation)
            assert {each.name for each in unit.buffers} == {
                name for name in arrays(function) if bindings(function, name)[0].startswith("Memory")
            }
            struct = re.search(rf"^struct {struct_name(unit)} \{{.*?^}};", texts[f"{ip.name}.h"], re.MULTILINE | re.DOTALL)
            for buffer in unit.buffers:
                kinds = re.findall(rf" k{pascal(buffer.name)}Storage = Storage::k(\w+);", struct[0])
                assert kinds == [pascal(buffer.storage.value)]
                counted = KINDS[buffer.storage]
                assert (getattr(buffer.cost, counted) > 0) == (buffer.words > 0)
                besides = {"ff": {"lut"}}.get(counted, set())  # the multiplexer behind registers
                assert not any(getattr(buffer.cost, kind) for kind in set(KINDS.values()) - {counted} - besides)
            in_tcl |= {held.name: held.storage for held in unit.constants if held.words > 1 and not held.holding.loaded}
            for array in loaded_arrays(unit):
                assert texts[f"{ip.name}.cpp"].count(f"::hold({array.name});") == 1
                assert f"  resflow::Rows<{array.storage}>::hold({array.name});" in texts[f"{ip.name}.cpp"]
                assert f" {array.storage.partition('::')[2]} = Storage::k{pascal(array.held.storage.value)};" in struct[0]
                assert f" {array.row.partition('::')[2]} = {array.held.row_bits};" in struct[0]
        in_tcl |= {stream.name: stream.storage for stream in ip.streams}
        roms = re.findall(r"^const \S+ (\w+)\[", texts.get(f"{ip.name}_roms.h", ""), re.MULTILINE)
        streams = re.findall(r"^  hls::stream<.*> (\w+)\(", texts[f"{ip.name}.cpp"], re.MULTILINE)
        wired = {held.name for unit in ip.units for held in unit.constants if held.is_fixed}
        once = {name for unit in ip.units for name in unit.writes_once}
        assert sorted(in_tcl) == sorted({*roms, *streams} - wired - once)
        for name in RELEASES:
            lines = directives(ip, release(name))
            assert Counter(line.split()[-1] for line in lines) == Counter(in_tcl.keys())
            for line in lines:
                kind = re.search(r"-core (?:ROM_1P|FIFO)_(\w+)|-impl (\w+)", line)
                assert (kind[1] or kind[2]).lower() == in_tcl[line.split()[-1]].value


@pytest.fixture(scope="module")
def toy(toy_yaml, tmp_path_factory):
    folder, design = tmp_path_factory.mktemp("toy"), plan(load(toy_yaml))
    write_tree(folder, hls.render("toy", design.ip("res2a"), parameters.draw(design.network, 1)))
    return design, folder


@pytest.mark.parametrize(
    ("name", "old", "new", "why"),
    [
        ("2019.2", "variable=array", "variable=other", "no variable 'other' in scope"),
        ("2022.2", "variable=array", "variable=other", "no variable 'other' in scope"),
        ("2019.2", "RAM_S2P_LUTRAM", "RAM_S2P_LUT", "no such memory: RESOURCE variable=array core=RAM_S2P_LUT"),
        ("2022.2", "impl=lutram", "impl=LUTS", "no such memory: BIND_STORAGE variable=array type=ram_s2p impl=LUTS"),
    ],
)
def test_the_stand_in_refuses_what_is_no_memory(name, old, new, why, toy, stand_ins, tmp_path):
    design, folder = toy
    stand_ins(name)
    job = hls.synth_job(design, design.ip("res2a"), folder, installed(*HLS))
    header = job.files["resflow/storage.h"]
    text = header if isinstance(header, str) else header.read_text()
    assert old in text
    with pytest.raises(ToolError, match=why):
        do(
            replace(job, files={**job.files, "resflow/storage.h": text.replace(old, new)}),
            tmp_path / "synth",
            Cache(tmp_path / "c"),
            run_here,
        )


def test_a_sum_in_any_memory_is_the_same(toy_yaml, tmp_path):
    """The largest kinds of memory differ in nothing that C simulation sees."""
    design = plan(load(toy_yaml))
    drawn = parameters.draw(design.network, 1)
    images = np.random.default_rng(1).integers(0, 256, (2, *design.network.input), dtype=np.uint8)
    files = hls.vectors(design, drawn, images)["head"]
    texts = render("toy", design.ip("head"), drawn)
    texts["head.h"] = texts["head.h"].replace("Storage::kRegisters", "Storage::kBram")
    write_tree(tmp_path / "head", texts)
    write_tree(tmp_path / "vectors", files)
    assert hls.simulate("head", tmp_path / "head", tmp_path / "vectors", 2, tmp_path / "csim").verdict.startswith("PASS")
