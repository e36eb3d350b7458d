from __future__ import annotations

import pytest

from codegen.errors import ToolError
from codegen.tools.find import find, fingerprint, release_of
from tests.tools.programs import program


def test_a_missing_tool(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("VIVADO", "XILINX_VIVADO", "VITIS_RUN", "VITIS_HLS", "VIVADO_HLS", "XILINX_HLS", "XILINX_VITIS"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ToolError) as error:
        find("vivado")
    assert str(error.value) == (
        "vivado: not found\n  why: it is not on PATH, and this step runs it\n"
        "  fix: source settings64.sh of Vivado, or set VIVADO to the executable"
    )
    monkeypatch.setenv("XILINX_VITIS", "/tools/Vitis/2022.2")
    with pytest.raises(ToolError) as error:
        find("vitis-run", "vitis_hls", "vivado_hls")
    assert str(error.value) == (
        "vitis-run or vitis_hls or vivado_hls: not found\n"
        "  why: it is not on PATH nor in bin below XILINX_VITIS=/tools/Vitis/2022.2, and this step runs it\n"
        "  fix: source settings64.sh of Vitis 2023.2 or later or Vitis HLS or Vivado HLS, "
        "or set VITIS_RUN or VITIS_HLS or VIVADO_HLS to the executable"
    )


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (
            "vivado-of-2019",
            "VIVADO=vivado-of-2019: not found\n  why: VIVADO names the executable that this step runs\n"
            "  fix: set VIVADO to the executable, or unset it to have vivado sought on PATH",
        ),
        (
            "{folder}",
            "VIVADO={folder}: a folder\n  why: VIVADO names the executable that this step runs\n"
            "  fix: set VIVADO to the executable, or unset it to have vivado sought on PATH",
        ),
        (
            "{folder}/text",
            "VIVADO={folder}/text: not executable\n  why: VIVADO names the executable that this step runs\n"
            "  fix: make it so, chmod +x {folder}/text, or set VIVADO to the executable, or unset it to have vivado sought on PATH",
        ),
        (
            "{folder}/bin/vivado -nolog",
            "VIVADO={folder}/bin/vivado -nolog: not one executable\n  why: VIVADO names the executable that this step runs\n"
            "  fix: name one without arguments: a script of its own can add -nolog",
        ),
    ],
)
def test_a_variable_that_names_no_executable(monkeypatch, tmp_path, named, message):
    """Although there is one on PATH, which is not the one that is wanted."""
    program(tmp_path, "bin/vivado", "#!/bin/sh\n")
    (tmp_path / "text").write_text("#!/bin/sh\n")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("VIVADO", named.format(folder=tmp_path))
    with pytest.raises(ToolError) as error:
        find("vivado", "g++")
    assert str(error.value) == message.format(folder=tmp_path)


def test_an_empty_variable_names_nothing(monkeypatch, tmp_path):
    found = program(tmp_path, "vivado", "#!/bin/sh\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("VIVADO", "")
    assert find("vivado") == str(found)


def test_a_relative_path_is_that_of_the_build(monkeypatch, tmp_path):
    """Tools run in folders of their own, where it would lead elsewhere."""
    found = program(tmp_path, "home/bin/vivado", "#!/bin/sh\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    for name, value in {"VIVADO": "home/bin/vivado", "XILINX_VIVADO": "home"}.items():
        monkeypatch.delenv("VIVADO", raising=False)
        monkeypatch.setenv(name, value)
        assert find("vivado") == str(found)


def test_where_a_tool_is_sought(monkeypatch, tmp_path):
    """What a variable names, then PATH, then the installations."""
    for name in ("VIVADO", "XILINX_VIVADO"):
        monkeypatch.delenv(name, raising=False)
    home, path, named = (program(tmp_path, f"{part}/vivado", "#!/bin/sh\n") for part in ("home/bin", "path", "named"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert fingerprint("vivado") == "none"
    monkeypatch.setenv("XILINX_VIVADO", str(tmp_path / "home"))
    assert find("vivado") == str(home)
    monkeypatch.setenv("PATH", str(path.parent))
    assert find("vivado") == str(path)
    monkeypatch.setenv("VIVADO", str(named))
    assert find("vivado") == str(named)
    before = fingerprint("vivado")
    program(tmp_path, "named/vivado", "#!/bin/sh\n# another\n")
    assert fingerprint("vivado") != before


@pytest.mark.parametrize(
    ("banner", "release"),
    [
        ("Vivado v2019.2 (64-bit)", "2019.2"),
        ("****** Vitis HLS - High-Level Synthesis from C, C++ and OpenCL v2022.2 (64-bit)", "2022.2"),
        ("****** v++ v2024.2 (64-bit)", "2024.2"),
        ("vitis-run v2023.2.1 (64-bit)", "2023.2"),
    ],
)
def test_the_release_of_a_tool(tmp_path, banner, release):
    """Some take -version, some --version."""
    script = program(tmp_path, release, f'#!/bin/sh\n[ "$1" = --version ] && echo "{banner}" || echo unknown option >&2\n')
    assert release_of(str(script)) == release


def test_a_tool_of_no_release(tmp_path):
    script = program(tmp_path, "vivado", "#!/bin/sh\necho none of your business\n")
    with pytest.raises(ToolError) as error:
        release_of(str(script))
    assert str(error.value) == (
        f"{script}: does not print its version\n  why: --version says none of your business\n"
        "  fix: source settings64.sh of its installation, then start again"
    )


def test_a_version_that_is_not_printed_for_a_known_reason(tmp_path):
    said = 'application-specific initialization failed: couldn\'t load file "librdi_commontasks.so": libtinfo.so.5: cannot open shared object file'
    script = program(tmp_path, "vivado", f"#!/bin/sh\ncat <<'EOF'\n{said}\nEOF\nexit 1\n")
    with pytest.raises(ToolError) as error:
        release_of(str(script))
    assert str(error.value) == (
        f"{script}: does not print its version\n  why: --version says {said} (this system lacks a library that the tool loads)\n"
        "  fix: install the library (AMD's installLibs.sh of the release does), or use a system that the release supports"
    )
