from __future__ import annotations

import pytest

from codegen.errors import ToolError
from codegen.tools.releases import FRONT_ENDS, TABLE, installed, release, spoken_to

RELEASES = {
    #          front end      stream   storage directive             y2k22  free-running    link     export
    "2019.2": ("vivado_hls", "_V_V", "set_directive_resource", True, "enable_flush", "words", "impl/ip/*.zip"),
    "2020.2": ("vitis_hls", "_V", "set_directive_bind_storage", True, "style=frp", "config", "impl/export.zip"),
    "2021.1": ("vitis_hls", "_V", "set_directive_bind_storage", True, "style=frp", "config", "impl/export.zip"),
    "2021.2": ("vitis_hls", "", "set_directive_bind_storage", True, "style=frp", "config", "impl/export.zip"),
    "2022.2": ("vitis_hls", "", "set_directive_bind_storage", False, "style=frp", "config", "impl/export.zip"),
    "2023.2": ("vitis-run", "", "set_directive_bind_storage", False, "style=frp", "config", "impl/export.zip"),
    "2024.2": ("vitis-run", "", "set_directive_bind_storage", False, "style=frp", "config", "impl/export.zip"),
}


@pytest.mark.parametrize("name", RELEASES)
def test_release(name):
    found = release(name)
    storage = found.bind_rom.partition(" ")[0]
    assert found.bind_fifo.startswith(storage)
    assert RELEASES[name] == (
        *(found.hls[0], found.stream_suffix, storage, found.needs_y2k22, found.pipeline["frp"]),
        *(found.link_options, found.exported),
    )


@pytest.mark.parametrize("name", RELEASES)
def test_styles_of_pipelines(name):
    """vivado_hls has one flushable style, vitis_hls one for pipelines with an AXI master and one for those between streams."""
    styles = release(name).pipeline
    assert set(styles) == {"frp", "flp"}
    assert (styles["frp"] != styles["flp"]) == release(name).at_least("2020.2")


def test_rows_are_in_order_and_the_first_is_whole():
    names = [name for name, _ in TABLE]
    assert names == sorted(names)
    assert all(set(changes) <= set(TABLE[0][1]) for _, changes in TABLE)


def test_a_later_release_is_taken_for_the_last_known():
    later = release("2031.1")
    assert (later.name, later.hls) == ("2031.1", release("2024.2").hls)
    assert later.at_least("2024.2")
    assert not release("2019.2").at_least("2020.1")


def test_too_old():
    with pytest.raises(ToolError) as error:
        release("2018.3")
    assert str(error.value) == (
        "release 2018.3: is too old\n  why: 2019.2 is the first whose commands are known here\n  fix: source settings64.sh of a later one"
    )


def test_the_tool_that_is_there_is_spoken_to(tmp_path, monkeypatch):
    """Releases from 2023.2 on also have a vitis_hls."""
    for name in FRONT_ENDS:
        monkeypatch.delenv(name.upper().replace("-", "_"), raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    (tmp_path / "vitis_hls").write_text("#!/bin/sh\necho Vitis HLS v2023.2\n")
    (tmp_path / "vitis_hls").chmod(0o755)
    assert installed(*FRONT_ENDS).hls == ("vitis_hls", "-f")
    (tmp_path / "vitis-run").write_text("#!/bin/sh\necho vitis-run v2023.2\n")
    (tmp_path / "vitis-run").chmod(0o755)
    assert installed(*FRONT_ENDS).hls == ("vitis-run", "--mode", "hls", "--tcl")
    assert spoken_to("vivado", "2023.2") == release("2023.2")
