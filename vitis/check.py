"""Checks the linker's files without the linker: the floorplan with the model of Vivado, link.cfg with the keys in UG1393."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from dataflow.design import Design
from ipi.cells import cells, slices
from ipi.tcl_model import CheckError, Finding, run, tcl_list, warned
from vitis.render import plram_cell

SECTIONS = {
    "": "config debug kernel_frequency log_dir optimize output platform report_dir report_level save-temps target temp_dir",
    "advanced": "misc param prop",
    "clock": "defaultFreqHz defaultID defaultTolerance freqHz id tolerance",
    "connectivity": "connect nk noc.connect noc.read_bw noc.write_bw sc slr sp stream_connect",
    "debug": "aie.chipscope chipscope list_ports protocol",
    "linkhook": "custom do_first do_last list_steps",
    "profile": "aie data exec memory stall trace_memory",
    "vivado": "impl.jobs impl.lsf impl.strategies param prop synth.jobs synth.lsf",
}
"""Sections of a v++ configuration and their keys (UG1393, "Vitis Compiler Configuration File"), those that concern linking."""


DIRECTIVES = {
    "OPT": "Explore ExploreArea AddRemap ExploreSequentialArea RuntimeOptimized ExploreWithRemap Default",
    "PLACE": "Explore ExtraNetDelay_high ExtraNetDelay_low ExtraPostPlacementOpt ExtraTimingOpt AltSpreadLogic_high AltSpreadLogic_medium "
    "AltSpreadLogic_low SSI_SpreadLogic_high SSI_SpreadLogic_low SSI_SpreadSLLs SSI_BalanceSLLs SSI_BalanceSLRs SSI_HighUtilSLRs "
    "EarlyBlockPlacement WLDrivenBlockPlacement RuntimeOptimized Quick Default",
    "PHYS_OPT": "Explore ExploreWithHoldFix AggressiveExplore AlternateReplication AggressiveFanoutOpt AlternateFlowWithRetiming "
    "AddRetime RuntimeOptimized Default",
    "ROUTE": "Explore AggressiveExplore NoTimingRelaxation MoreGlobalIterations HigherDelayCost AdvancedSkewModeling AlternateCLBRouting "
    "RuntimeOptimized Quick Default",
}
"""Steps of implementation and their directives (UG904): those that every release since 2019.2 has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was checked, and the findings."""

    findings: tuple[Finding, ...]
    placed: int  # cells of the floorplan
    settings: int  # of link.cfg

    @property
    def passed(self) -> bool:
        return not self.findings

    def require(self) -> None:
        """Raise CheckError with all findings, if there are any."""
        if self.findings:
            raise CheckError(self.findings)

    def __str__(self) -> str:
        return f"{self.placed} cells placed, {self.settings} link settings: {len(self.findings)} findings"


def check(design: Design, folder: Path) -> Report:
    """Check floorplan.tcl, plram.tcl, reports.tcl and link.cfg in `folder`. Raises ToolError if tclsh is missing."""
    prefix = f"{design.platform.cell_prefix}/{design.cu}/inst/{design.top}_i/"
    hard, soft = design.platform.pblock, "SLR"
    expected = {cell.name: f"{soft if cell.crosses else hard}{cell.slr}" for cell in cells(design)}
    for piece in slices(design):
        # Register slices have one of two namings; the floorplan handles both.
        source, sink = ("slr_source", "slr_dest") if piece.source < piece.sink else ("slr_master", "slr_slave")
        expected |= {f"{piece.name}/inst/{source}": f"{soft}{piece.source}", f"{piece.name}/inst/{sink}": f"{soft}{piece.sink}"}
    pblocks = [f"{design.platform.pblock}{slr}" for slr in range(design.platform.slrs)]
    facts = [f"fact_netlist {tcl_list(prefix + name for name in expected)} {tcl_list(pblocks)}"]
    memories = [plram_cell(design.platform, bank.name) for bank in design.platform.banks if bank.name.startswith("PLRAM")]
    facts.append(f"fact_platform {tcl_list(memories)}")
    facts += [f"fact_product reports.tcl {name}" for name in ("resflow_utilization.xml", "resflow_timing.rpt")]
    answer = run(folder, ("floorplan.tcl", "plram.tcl", "reports.tcl"), facts)
    findings = [*answer.findings, *warned(answer, "floorplan.tcl")]
    for name, wanted in expected.items():
        place = answer.placed.get(prefix + name)
        if place != wanted:
            findings.append(
                Finding(
                    where="floorplan.tcl",
                    what=f"{name} is placed in {place}, not {wanted}" if place else f"{name} is not placed",
                    why="its reset and its streams lead to the SLR in the description",
                    fix=f"{'place it in' if wanted.startswith(hard) else 'guide it to'} SLR {wanted[-1]}",
                )
            )
    settings, wrong = _link_config(design, folder / "link.cfg")
    return Report(findings=(*findings, *wrong), placed=len(answer.placed), settings=settings)


def _link_config(design: Design, path: Path) -> tuple[int, list[Finding]]:
    """The number of settings, and the findings."""
    findings: list[Finding] = []
    section, settings = "", 0
    connected: dict[str, str] = {}

    def report(what: str, why: str, fix: str, line: int | None = None) -> None:
        findings.append(Finding(where=path.name if line is None else f"{path.name}:{line}", what=what, why=why, fix=fix))

    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        report(f"no file {path.name}", "v++ reads it", "generate it")
        return 0, findings
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if heading := re.fullmatch(r"\[(.*)\]", text):
            section = heading[1]
            if section not in SECTIONS:
                report(f"no section [{section}]", f"v++ knows {', '.join(filter(None, SECTIONS))}", "correct the name", number)
            continue
        key, equals, value = text.partition("=")
        settings += 1
        if not equals:
            report(f"{text} is not a setting", "a line is key=value, a [section] or a # comment", "correct the line", number)
        elif section in SECTIONS and key not in SECTIONS[section].split():
            keys = ", ".join(SECTIONS[section].split())
            report(f"no key {key} in {f'[{section}]' if section else 'the head'}", f"v++ knows {keys}", "correct the name", number)
        elif problem := _setting(design, section, key, value, connected):
            report(*problem, number)
    for argument in design.arguments:
        if argument.is_pointer and argument.name not in connected:
            report(f"no sp for {argument.name}", "v++ would choose a bank itself", f"add sp={design.cu}.{argument.name}:{argument.bank}")
    return settings, findings


def _setting(design: Design, section: str, key: str, value: str, connected: dict[str, str]) -> tuple[str, str, str] | None:
    """The finding about the value of a setting, if any."""
    if (section, key) == ("vivado", "prop"):
        return step_property(value)
    return _connection(design, key, value, connected) if section == "connectivity" else None


def step_property(value: str) -> tuple[str, str, str] | None:
    """The finding about a property of an implementation step, if any."""
    found = re.fullmatch(r"run\.impl_1\.STEPS\.(POST_ROUTE_)?(\w+?)_DESIGN\.(ARGS\.DIRECTIVE|IS_ENABLED|TCL\.(?:PRE|POST))=(.+)", value)
    if not found or found[2] not in DIRECTIVES or (found[1] and found[2] != "PHYS_OPT"):
        steps = ", ".join(f"{step}_DESIGN" for step in DIRECTIVES)
        return f"prop={value}", f"the steps of impl_1 are {steps} and POST_ROUTE_PHYS_OPT_DESIGN", "correct the name"
    offered = {"ARGS.DIRECTIVE": DIRECTIVES[found[2]].split(), "IS_ENABLED": ["true", "false"]}.get(found[3])
    if offered is not None and found[4] not in offered:
        return f"prop={value}", f"it offers {', '.join(offered)}", "choose one of those"
    return None


def _connection(design: Design, key: str, value: str, connected: dict[str, str]) -> tuple[str, str, str] | None:
    """The finding about one setting of [connectivity], if any; `connected` collects the arguments' banks."""
    setting = f"{key}={value}"
    if key == "nk" and value != f"{design.name}:1:{design.cu}":
        return setting, "the .xo holds one kernel, and floorplan and host know its CU by name", f"write nk={design.name}:1:{design.cu}"
    slrs = [f"{design.cu}:SLR{slr}" for slr in range(design.platform.slrs)]
    if key == "slr" and value not in slrs:
        return setting, f"{design.platform.name} has {design.platform.slrs} SLRs", f"write one of {', '.join(slrs)}"
    if key != "sp":
        return None
    name, _, bank = value.partition(":")
    owner, _, argument = name.partition(".")
    pointers = [known.name for known in design.arguments if known.is_pointer]
    banks = [known.name for known in design.platform.banks]
    if owner != design.cu or argument not in pointers:
        return setting, f"{design.cu} has the pointers {', '.join(pointers)}", "correct the name"
    if bank not in banks:
        return setting, f"{design.platform.name} has {', '.join(banks)}", "choose one of those"
    if argument in connected:
        return setting, f"{argument} is already connected to {connected[argument]}", "delete one of the two"
    connected[argument] = bank
    return None
