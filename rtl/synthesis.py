"""Units in SystemVerilog through an open synthesizer, Yosys, one by one: the LUTs, flip-flops and block RAMs they really take.

PEs are kept as modules: they are all alike, so one is mapped for all of them. FIFOs are too, since the estimate has them apart from the unit
that writes them. So are groups of PEs that share DSPs, in which a DSP, rf_dsp, is one cell: Yosys puts no addition into a DSP48E2 and few
registers, where a vendor's tool leaves none of what the module has outside.

What is counted: LUT1 to LUT6 are a LUT each, though a vendor's tool puts two small ones into one; a distributed RAM is the LUTs of its
primitive, a shift register one LUT whatever its length. Carry chains and the multiplexers behind LUTs (MUXF7 to MUXF9) are free, and so are
inverters: Yosys leaves one in front of the reset of each flip-flop, where the slice has its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from codegen.errors import ToolError
from codegen.jobs.job import Call, Job, Limits
from codegen.tools.find import find, first_line_of_version
from dataflow.cost.resources import Resources
from dataflow.design import Ip
from dataflow.unit import Unit
from rtl.render import LIBRARY, render_unit

STEP = "synth_open"
LIMITS = Limits(timeout_minutes=120, memory_gb=4)
STATISTICS = "stat.json"
SCRIPT = f"""\
read_verilog -sv -defer {" ".join(f"library/{path.name}" for path in LIBRARY)} unit.sv
hierarchy -check -top unit
setattr -mod -set keep_hierarchy 1 $paramod*\\rf_fifo $paramod\\rf_fifo\\* $paramod*\\rf_pe $paramod\\rf_pe\\*
setattr -mod -set keep_hierarchy 1 $paramod*\\rf_pe_packed $paramod\\rf_pe_packed\\*
blackbox $paramod*\\rf_dsp $paramod\\rf_dsp\\* rf_dsp
setattr -set rom_style "logic" a:rom_style=distributed
synth_xilinx -family xcup -noiopad -noclkbuf -flatten
tee -q -o {STATISTICS} stat -json
"""
"""Parameters have to be known before a module is read in full, hence -defer. A module with parameters is named $paramod$<digest>\\<module>,
or, where that is short, $paramod\\<module>\\<parameters>. Distributed, as Vivado calls it, is to Yosys a RAM without contents."""
FIFO, DSP = "rf_fifo", "rf_dsp"
MODULE = re.compile(r"\\(rf_\w+)")

LUTS = {
    **{f"LUT{inputs}": 1 for inputs in range(1, 7)},
    **{"RAM32X1S": 1, "RAM64X1S": 1, "RAM128X1S": 2, "RAM256X1S": 4, "RAM512X1S": 8},
    **{"RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM256X1D": 8},
    **{"RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8},
    **{"SRL16E": 1, "SRLC16E": 1, "SRLC32E": 1},
}
"""Of each primitive (UG974 has them all). RAM32M and RAM64M are those of four LUTs."""
OTHERS = {
    "RAMB18E2": Resources(bram=0.5),
    "RAMB36E2": Resources(bram=1),
    "URAM288": Resources(uram=1),
    "DSP48E2": Resources(dsp=1),
}
FREE = ("CARRY4", "CARRY8", "MUXF5", "MUXF6", "MUXF7", "MUXF8", "MUXF9", "INV", "GND", "VCC", "BUFG")


class Counted(NamedTuple):
    """What Yosys counts of a unit, without its FIFOs, and of these."""

    unit: Resources
    fifos: Resources

    @property
    def total(self) -> Resources:
        return self.unit + self.fifos


def unit_job(ip: Ip, unit: Unit, memories: Mapping[str, str]) -> Job:
    """Synthesize one unit; `memories` are the rows of its ROMs, by file. Units that are alike have the same key, in whatever IP they are."""
    return module_job(unit_name(ip, unit), render_unit(ip, unit), memories)


def module_job(name: str, text: str, memories: Mapping[str, str]) -> Job:
    """Synthesize the module `unit` of a text, which may have instances of the library's."""
    return Job(
        step=STEP,
        name=name,
        files={**{f"library/{path.name}": path for path in LIBRARY}, "unit.sv": text, **memories, "unit.ys": SCRIPT},
        calls=(Call(words=("yosys", "-q", "-s", "unit.ys"), log="yosys.log"),),
        products={STATISTICS: STATISTICS},
        release=first_line_of_version(find("yosys")),
        limits=LIMITS,
    )


def read_statistics(path: Path) -> Counted:
    """What `stat -json` has written; raises ToolError where it is damaged, or has a primitive that nothing is known of."""
    try:
        cells = {name: module["num_cells_by_type"] for name, module in json.loads(path.read_text(encoding="utf-8"))["modules"].items()}
        unit, fifos = _below(cells, "\\unit")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why, fix = f"{type(error).__name__}: {error}", "delete it, and run doit synth_open again"
        raise ToolError(str(path), "not what `stat -json` writes, or not all of it", why=why, fix=fix) from None
    return Counted(unit, fifos)


def read_total(build: Path, ip: Ip) -> Resources | None:
    """What Yosys counts of an IP in the build folder build/<network>; None where not all of its units are synthesized."""
    paths = [build / STEP / unit_name(ip, unit) / STATISTICS for unit in ip.units]
    if not all(path.exists() for path in paths):
        return None
    return sum((read_statistics(path).total for path in paths), Resources())


def unit_name(ip: Ip, unit: Unit) -> str:
    return f"{ip.name}/{unit.label.replace(' ', '_')}"


def _below(cells: Mapping[str, Mapping[str, Any]], name: str) -> Counted:
    """A module and all that it is made of: `cells` are those of each module, by type; a type that is a module stands for its cells."""
    own, fifos = Resources(), Resources()
    for kind, count in cells[name].items():
        if kind in cells:
            inner = _below(cells, kind)
            own, fifos = own + inner.unit * count, fifos + inner.fifos * count
        else:
            own += _primitive(kind) * count
    found = MODULE.search(name)
    return Counted(Resources(), own + fifos) if found and found[1] == FIFO else Counted(own, fifos)


def _primitive(kind: str) -> Resources:
    """Raises KeyError for an unknown one."""
    found = MODULE.search(kind)
    if kind == DSP or (found and found[1] == DSP):
        return Resources(dsp=1)
    if kind in LUTS:
        return Resources(lut=LUTS[kind])
    if kind in OTHERS:
        return OTHERS[kind]
    if re.fullmatch(r"FD[A-Z]E", kind):
        return Resources(ff=1)
    if kind in FREE:
        return Resources()
    raise KeyError(f"no primitive {kind} is known")
