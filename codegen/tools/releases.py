"""What differs between the releases of the vendor's tools, from 2019.2 on: one table that everything else reads.

Sources: UG902 (vivado_hls), UG1399 and UG1391 (migration to vitis_hls), UG1393 (v++), and what working projects do release by
release. No vendor tool was run; what awaits confirmation says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from codegen.errors import ToolError
from codegen.tools.find import SETTINGS, find, locate, release_of

FRONT_ENDS = {
    "vitis-run": ("vitis-run", "--mode", "hls", "--tcl"),
    "vitis_hls": ("vitis_hls", "-f"),
    "vivado_hls": ("vivado_hls", "-f"),
}
"""The HLS tools up to the script they are given, newest first: an installation may have more than one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The commands and options that the tools of one release take."""

    name: str  # 2022.2
    hls: tuple[str, ...]  # the HLS front end, up to the script
    stream_suffix: str  # what HLS appends to the name of a stream's interface
    hls_ports: tuple[str, ...]  # outputs HLS adds to every IP
    open_solution: str  # options of open_solution
    configuration: tuple[str, ...]  # config_ commands of every solution
    bind_product: str  # the pragma that keeps a multiplication out of the DSPs: {variable}
    bind_rom: str  # the directive that keeps a ROM in a kind of memory: {impl}, {location}, {variable}
    bind_fifo: str  # the same for a FIFO
    bind_ram: str  # the pragma that does it for an array with one port that writes and one that reads: {impl}, {variable}
    impl: dict[str, str] = field(repr=False)  # our word for a kind of memory -> the directive's
    pipeline: dict[str, str] = field(repr=False)  # a style of our PIPELINE pragmas -> the release's option for it
    dataflow_option: str  # the option of the DATAFLOW pragma that saves processes without a start signal the FIFOs that would pass one on
    csynth: str  # the report of C synthesis in XML, in the solution's syn/report: {top}
    exported: str  # where export_design leaves the packed IP, below the solution
    needs_y2k22: bool  # export_design fails after 2021, without AMD's patch
    link_options: str  # "config": sections of a file; "words": the options before there were sections
    pre_link_hook: str  # the parameter that names a script for the platform's block design

    def at_least(self, name: str) -> bool:
        return _number(self.name) >= _number(name)


_VIVADO_IMPL = {"lutram": "LUTRAM", "bram": "BRAM", "uram": "URAM", "srl": "SRL"}
_VITIS_IMPL = {"lutram": "lutram", "bram": "bram", "uram": "uram", "srl": "srl"}

TABLE: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "2019.2",
        {
            "hls": FRONT_ENDS["vivado_hls"],
            "stream_suffix": "_V_V",
            "hls_ports": (),
            "open_solution": "-reset",
            # The prefix keeps apart the submodules of different IPs, which all go into one netlist; the top becomes top_top,
            # and the IP keeps the name it is exported under.
            "configuration": ("config_rtl -auto_prefix", "config_interface -m_axi_addr64"),
            "bind_product": "RESOURCE variable={variable} core=Mul_LUT",
            "bind_rom": "set_directive_resource -core ROM_1P_{impl} {location} {variable}",
            "bind_fifo": "set_directive_resource -core FIFO_{impl} {location} {variable}",
            "bind_ram": "RESOURCE variable={variable} core=RAM_S2P_{impl}",
            "impl": _VIVADO_IMPL,
            "pipeline": {"frp": "enable_flush", "flp": "enable_flush"},  # the one style that goes on emptying
            # UG1399 2021.2: required with ap_ctrl_none; 2023.2: at one's own risk, for processes that run by their streams alone, as
            # ours do. In the references from 2020.1 on; 2018.2 lacks it. UNCONFIRMED for 2019.2.
            "dataflow_option": "disable_start_propagation",
            # The top's own report, not those of its functions: with a prefix vivado_hls names it twice, resflow_res2a_resflow_res2a.
            "csynth": "*{top}_csynth.xml",
            "exported": "impl/ip/*.zip",
            "needs_y2k22": True,
            "link_options": "words",
            "pre_link_hook": "compiler.userPreSysLinkTcl",
        },
    ),
    ("2020.1", {"link_options": "config", "pre_link_hook": "compiler.userPreSysLinkOverlayTcl"}),  # UNCONFIRMED: documented for 2020.2
    (
        "2020.2",  # vitis_hls takes over
        {
            "hls": FRONT_ENDS["vitis_hls"],
            "stream_suffix": "_V",
            "open_solution": "-reset -flow_target vivado",
            "configuration": ("config_rtl -module_auto_prefix", "config_interface -m_axi_addr64"),
            "bind_product": "BIND_OP variable={variable} op=mul impl=fabric",
            "bind_rom": "set_directive_bind_storage -type rom_1p -impl {impl} {location} {variable}",
            "bind_fifo": "set_directive_bind_storage -type fifo -impl {impl} {location} {variable}",
            "bind_ram": "BIND_STORAGE variable={variable} type=ram_s2p impl={impl}",
            "impl": _VITIS_IMPL,
            # An explicit style wins over config_compile -pipeline_style, and over the tool's own choice of frp above a fan-out of 2,000.
            # UNCONFIRMED: what it builds where it refuses frp ("Disabling free running pipeline", HLS 200-19xx), and whether it rewinds
            # a frp loop between frames by itself, as it does a flp one; frp and an explicit `rewind` exclude each other (HLS 207-5512).
            "pipeline": {"frp": "style=frp", "flp": "style=flp"},
            "csynth": "csynth.xml",  # says the same of the top as <top>_csynth.xml, and lists all modules with their loops
            "exported": "impl/export.zip",
        },
    ),
    (
        "2021.1",  # UNCONFIRMED: the ports were seen in a stub of 2021.2, the option in use with 2022.2
        {
            "hls_ports": ("ap_local_block", "ap_local_deadlock"),
            "configuration": ("config_rtl -module_auto_prefix -deadlock_detection none", "config_interface -m_axi_addr64"),
        },
    ),
    ("2021.2", {"stream_suffix": ""}),
    ("2022.1", {"needs_y2k22": False}),
    ("2023.2", {"hls": FRONT_ENDS["vitis-run"]}),
)
"""What each release changed, relative to the one before."""


def _number(name: str) -> tuple[int, ...]:
    return tuple(map(int, name.split(".")))


def release(name: str) -> Release:
    """The row of a release: all changes up to it. A later one than the table has is treated as its last; raises ToolError for an earlier one."""
    if _number(name) < _number(TABLE[0][0]):
        raise ToolError(
            f"release {name}",
            "is too old",
            why=f"{TABLE[0][0]} is the first whose commands are known here",
            fix=f"source {SETTINGS} of a later one",
        )
    row: dict[str, Any] = {}
    for since, changes in TABLE:
        if _number(since) <= _number(name):
            row |= changes
    return Release(name=name, **row)


def spoken_to(tool: str, name: str) -> Release:
    """A release, with the given tool as its HLS front end, where it is one."""
    return replace(release(name), hls=FRONT_ENDS[tool]) if tool in FRONT_ENDS else release(name)


def installed(*names: str) -> Release:
    """The release of the first of these tools that is installed; raises ToolError where there is none."""
    executable = find(*names)
    tool = next(name for name in names if locate(name))
    return spoken_to(tool, release_of(executable))
