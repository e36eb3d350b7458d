"""The v++ call that links the kernel, with the options of a release. Paths are here and not in link.cfg, which depends on the hardware only."""

from __future__ import annotations

from typing import NamedTuple

from codegen.tools.releases import Release
from dataflow.design import Design

WORK = "{work}"
"""Placeholder of the working folder, which has the generated files in vitis/: hooks need absolute paths."""


STRATEGY = {
    "OPT_DESIGN.ARGS.DIRECTIVE": "ExploreWithRemap",
    "PLACE_DESIGN.ARGS.DIRECTIVE": "Explore",
    "PHYS_OPT_DESIGN.IS_ENABLED": "true",
    "PHYS_OPT_DESIGN.ARGS.DIRECTIVE": "Explore",
    "ROUTE_DESIGN.ARGS.DIRECTIVE": "Explore",
    "POST_ROUTE_PHYS_OPT_DESIGN.IS_ENABLED": "true",
}
"""Implementation steps and how hard they try: what FINN sets for dataflow accelerators on Alveo cards."""


class Setting(NamedTuple):
    """One setting, as a line `key=value` of a section of link.cfg; the first section has no name."""

    section: str
    key: str
    value: str

    @property
    def words(self) -> tuple[str, str]:
        """The same as an option of v++."""
        return f"--{self.section}.{self.key}" if self.section else f"--{self.key}", self.value

    @property
    def old_words(self) -> tuple[str, ...]:
        """The same before options had sections (2019.2)."""
        if self.section in ("vivado", "advanced"):
            return "--xp", f"{'vivado_' if self.section == 'vivado' else ''}{self.key}:{self.value}"
        return (f"--{self.key}",) if self.key == "save-temps" else (f"--{self.key}", self.value)


def single_slr(design: Design) -> int | None:
    """The SLR of the whole CU; None if it spans several and must not be assigned to one."""
    slrs = {ip.slr for ip in design.ips}
    return slrs.pop() if len(slrs) == 1 else None


def settings(design: Design) -> tuple[Setting, ...]:
    """The settings in link.cfg: platform, clock, CU, banks, if it is a single one the SLR, and the strategy of implementation."""
    slr = single_slr(design)
    return (
        Setting("", "platform", design.platform.shell),
        Setting("", "kernel_frequency", str(design.network.clock_mhz)),
        Setting("", "save-temps", "1"),
        Setting("connectivity", "nk", f"{design.name}:1:{design.cu}"),
        *(Setting("connectivity", "sp", f"{design.cu}.{arg.name}:{arg.bank}") for arg in design.arguments if arg.is_pointer),
        *(() if slr is None else (Setting("connectivity", "slr", f"{design.cu}:SLR{slr}"),)),
        *(Setting("vivado", "prop", f"run.impl_1.STEPS.{step}={value}") for step, value in STRATEGY.items()),
    )


def hooks(release: Release, *, sizes_memories: bool) -> tuple[Setting, ...]:
    """The scripts that Vivado runs within v++: floorplan, reports and, before it links the system, the sizes of on-chip memories."""
    after = {"OPT_DESIGN": "floorplan.tcl", "POST_ROUTE_PHYS_OPT_DESIGN": "reports.tcl"}
    return (
        *(Setting("vivado", "prop", f"run.impl_1.STEPS.{step}.TCL.POST={WORK}/vitis/{name}") for step, name in after.items()),
        *((Setting("advanced", "param", f"{release.pre_link_hook}={WORK}/vitis/plram.tcl"),) if sizes_memories else ()),
    )


def command(design: Design, release: Release, *, sizes_memories: bool) -> tuple[str, ...]:
    """The call in a working folder with <design>.xo and vitis/; it writes linked.xclbin, and everything else below link/."""
    if release.link_options == "config":
        given = ("--config", "vitis/link.cfg", *(word for hook in hooks(release, sizes_memories=sizes_memories) for word in hook.words))
    else:
        every = (*settings(design), *hooks(release, sizes_memories=sizes_memories))
        given = tuple(word for setting in every for word in setting.old_words)
    folders = ("--temp_dir", "link", "--log_dir", "link/logs", "--report_dir", "link/reports")
    return ("v++", "-l", "-t", "hw", *given, *folders, "-o", "linked.xclbin", f"{design.name}.xo")
