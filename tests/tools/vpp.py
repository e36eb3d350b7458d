"""Stands in for v++ as a linker: checks its options, link.cfg and the kernel, runs its hooks against the model in ipi/model, and
writes an xclbin in the layout of axlf, with no bitstream in it that would do anything."""

from __future__ import annotations

import hashlib
import io
import re
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

sys.path.insert(0, str(Path(__file__).parents[2]))  # a program of its own, which no test imports

import reports
from common import StandIn
from vivado import MARK

from codegen.text.files import write_changed
from dataflow import platform
from ipi.tcl_model import run, tcl_list
from vitis.check import SECTIONS, step_property
from vitis.link import Setting

SHORT = {"-l": "link", "-t": "target", "-o": "output"}
FLAGS = ("link", "save-temps")
PLAIN = "target output config temp_dir log_dir report_dir platform kernel_frequency save-temps"
OLD = "nk sp slr xp"
"""Options of 2019.2 that got sections in 2020.1; --xp stayed, with a warning."""
IMPLEMENTATION = Path("vivado", "vpl", "prj", "prj.runs", "impl_1")
CU_BASE = 0x0180_0000


class Link:
    """One run."""

    def __init__(self, stand_in: StandIn, words: list[str]) -> None:
        self.stand_in = stand_in
        self.has_sections = stand_in.release >= "2020.1"
        self.settings: list[Setting] = []
        self.inputs: list[Path] = []
        self.parse(words)

    def fail(self, number: str, text: str) -> None:
        self.stand_in.fail(f"ERROR: [v++ {number}] {text}")

    # --- options

    def parse(self, words: list[str]) -> None:
        while words:
            word, *words = words
            if not word.startswith("-"):
                self.inputs.append(Path(word))
                continue
            name = SHORT.get(word, word.removeprefix("--"))
            flag = name in FLAGS
            if not flag and not words:
                self.fail("60-1512", f"the required argument for option '{word}' is missing")
            value, words = ("1", words) if flag else (words[0], words[1:])
            self.add(word, name, value)
        for path in self.all("config"):
            self.read(Path(path))

    def add(self, word: str, name: str, value: str) -> None:
        section, _, key = name.rpartition(".")
        if name in (*PLAIN.split(), "link") or (self.has_sections and section and key in SECTIONS.get(section, "").split()):
            self.settings.append(Setting(section, key, value))
        elif name == "xp":
            if self.has_sections:
                print("WARNING: [v++ 60-1600] The option 'xp' was used directly on the command line, where its usage is deprecated.")
            kind, _, rest = value.partition(":")
            self.settings.append(Setting("vivado", "prop", rest) if kind == "vivado_prop" else Setting("advanced", kind, rest))
        elif name in OLD.split() and not self.has_sections:
            self.settings.append(Setting("connectivity", name, value))
        else:
            self.fail("60-1511", f"unrecognised option '{word}'")

    def read(self, path: Path) -> None:
        if not path.is_file():
            self.fail("60-602", f"Source file does not exist: {path}")
        section = ""
        for line in path.read_text().splitlines():
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            if heading := re.fullmatch(r"\[(\w+)\]", text):
                section = heading[1]
                continue
            key, equals, value = text.partition("=")
            if not equals or key not in SECTIONS.get(section, "").split():
                self.fail("60-1662", f"{path}: [{section}] {text}: unrecognised")
            self.settings.append(Setting(section, key, value))

    def all(self, key: str, section: str = "") -> list[str]:
        return [setting.value for setting in self.settings if (setting.section, setting.key) == (section, key)]

    def one(self, key: str, section: str = "") -> str:
        found = self.all(key, section)
        if len(found) != 1:
            self.fail("60-1512", f"{key} is given {len(found)} times")
        return found[0]

    # --- what is linked

    def link(self, failure: str) -> None:
        if self.one("target") != "hw":
            self.fail("60-1511", f"target {self.one('target')}")
        if len(self.inputs) != 1 or not zipfile.is_zipfile(self.inputs[0]):
            self.fail("60-602", f"Source file does not exist: {self.inputs}")
        with zipfile.ZipFile(self.inputs[0]) as xo:
            self.kernel = ElementTree.fromstring(xo.read(next(name for name in xo.namelist() if name.endswith("/kernel.xml")))).find(
                "kernel"
            )
            netlist = next((xo.read(name).decode() for name in xo.namelist() if name.endswith(".dcp")), "")
            self.content = hashlib.sha256(b"".join(xo.read(name) for name in sorted(xo.namelist()))).digest()
        self.cells = re.findall(r"\{(\w+) (\S+):\S+\}", netlist)
        self.card = next(
            (card for card in map(platform.load, platform.known()) if self.one("platform") in (card.shell, *card.shells)), None
        )
        if self.card is None:
            self.fail("60-705", f"No platform was found that matches '{self.one('platform')}'")
        self.connect()
        work = Path(self.one("temp_dir"))
        self.run_hooks(work)
        if failure != "no product":
            Path(self.one("output")).write_bytes(self.xclbin())

    def connect(self) -> None:
        """The CU, its place, and the banks of its pointers."""
        name, count, self.cu = self.one("nk", "connectivity").split(":")
        if name != self.kernel.get("name") or count != "1":
            self.fail("60-800", f"Kernel '{name}' is not in {self.inputs[0]}")
        pointers = {arg.get("name"): int(arg.get("id")) for arg in self.kernel.iter("arg") if arg.get("addressQualifier") == "1"}
        banks = {bank.name: index for index, bank in enumerate(self.card.banks)}
        self.banks: dict[int, int] = {}
        for value in self.all("sp", "connectivity"):
            port, _, bank = value.partition(":")
            cu, _, argument = port.partition(".")
            if cu != self.cu or argument not in pointers:
                self.fail("83-2281", f"--connectivity.sp {value}: no such argument")
            if bank not in banks:
                self.fail("83-2284", f"--connectivity.sp {value}: no such memory")
            self.banks[pointers[argument]] = banks[bank]
        for value in self.all("slr", "connectivity"):
            if value not in [f"{self.cu}:SLR{slr}" for slr in range(self.card.slrs)]:
                self.fail("60-1306", f"--connectivity.slr {value}")

    # --- hooks, each a run of its own of Vivado

    def run_hooks(self, work: Path) -> None:
        pre_link = "compiler.userPreSysLinkOverlayTcl" if self.has_sections else "compiler.userPreSysLinkTcl"
        for value in self.all("param", "advanced"):
            name, _, path = value.partition("=")
            if name != pre_link:
                self.fail("60-1557", f"no parameter {name}")
            memories = [f"{self.card.plram_cell}{i:02}" for i in range(sum(bank.kind == "dram" for bank in self.card.banks))]
            self.hook(Path(path), work, f"fact_platform {tcl_list(memories)}")
        steps: dict[str, Path] = {}
        for value in self.all("prop", "vivado"):
            name, _, path = value.partition("=")
            if problem := step_property(value):
                self.fail("60-1557", f"no property {value}: {problem[1]}")
            if ".TCL." in name:
                steps[name.split(".")[3]] = Path(path)
        where = f"{self.card.cell_prefix}/{self.cu}/inst/design_{self.kernel.get('name')}_i/"
        names = [where + name for name, _ in self.cells]
        # The halves of a register slice, below it.
        names += [
            f"{where}{name}/inst/{half}" for name, of in self.cells if ":axis_register_slice" in of for half in ("slr_master", "slr_slave")
        ]
        pblocks = [f"{self.card.pblock}{slr}" for slr in range(self.card.slrs)]
        order = [f"{step}_DESIGN" for step in ("OPT", "PLACE", "PHYS_OPT", "ROUTE", "POST_ROUTE_PHYS_OPT")]
        for name in sorted(steps, key=order.index):
            self.hook(steps[name], work / IMPLEMENTATION, f"fact_netlist {tcl_list(names)} {tcl_list(pblocks)}")

    def hook(self, script: Path, folder: Path, fact: str) -> None:
        if not script.is_absolute() or not script.is_file():
            self.fail("60-602", f"no script {script}")
        folder.mkdir(parents=True, exist_ok=True)
        answer = run(folder, [str(script)], [f"fact_release {self.stand_in.release}", fact, "fact_strict"])
        for line in answer.said:
            print(line)
        if answer.findings:
            first = answer.findings[0]
            print(
                f"===>The following messages were generated while processing {folder.resolve()}\nERROR: [VPL 101-3] {first.what}; {first.why}"
            )
            self.fail("60-703", f"Failed to finish linking: sourcing script {script} failed")
        for file in answer.files:
            cells = {name: reports.invented(self.content + name.encode(), large=200 if "hls" in of else 1) for name, of in self.cells}
            above = (*self.card.cell_prefix.split("/"), self.cu, "inst", f"design_{self.kernel.get('name')}_i")
            write_changed(
                folder / file.path,
                reports.utilization(above, cells, MARK)
                if file.writer == "report_utilization"
                else reports.timing(
                    self.stand_in.release, "level0_wrapper", "clk_kernel_00", 1000 / float(self.one("kernel_frequency")), MARK
                ),
            )

    # --- the xclbin

    def xclbin(self) -> bytes:
        from runtime.container import axlf  # brings PYNQ along, which takes its time
        from runtime.container.axlf import BankKind, ClockKind, Mode, SectionKind

        kinds = {"ddr4": BankKind.DDR4, "dram": BankKind.DRAM, "hbm": BankKind.HBM}
        mhz = int(self.one("kernel_frequency"))
        used = set(self.banks.values())
        sections = {
            SectionKind.BITSTREAM: self.content * 32,
            SectionKind.EMBEDDED_METADATA: self.metadata(mhz) + b"\0",
            SectionKind.MEM_TOPOLOGY: axlf.COUNT.pack(len(self.card.banks))
            + b"".join(
                axlf.BANK.pack(kinds[bank.kind], index in used, bank.kilobytes, bank.base, bank.tag.encode())
                for index, bank in enumerate(self.card.banks)
            ),
            SectionKind.IP_LAYOUT: axlf.COUNT.pack(1)
            + axlf.IP.pack(axlf.KERNEL_IP, 0, CU_BASE, f"{self.kernel.get('name')}:{self.cu}".encode()),
            SectionKind.CONNECTIVITY: axlf.CONNECTION_COUNT.pack(len(self.banks))
            + b"".join(axlf.CONNECTION.pack(argument, 0, bank) for argument, bank in sorted(self.banks.items())),
            SectionKind.CLOCK_FREQ_TOPOLOGY: axlf.CLOCK_COUNT.pack(1) + axlf.CLOCK.pack(mhz, ClockKind.KERNEL, b"KERNEL_CLK"),
        }
        table, body = b"", b""
        start = axlf.AXLF.size + len(sections) * axlf.SECTION.size
        for kind, data in sections.items():
            body += bytes(-(start + len(body)) % 8)
            table += axlf.SECTION.pack(kind, b"", start + len(body), len(data))
            body += data
        size = start + len(body)
        identity = self.content[:16]
        header = axlf.AXLF.pack(
            *(axlf.MAGIC, -1, b"\xff" * 28, b"", 0, size, 0, 0, 0, 2, 1, Mode.FLAT, 0, b""),
            *(self.one("platform").encode(), identity, b"", len(sections)),
        )
        return header + table + body

    def metadata(self, mhz: int) -> bytes:
        project = ElementTree.Element("project", name=self.kernel.get("name"))
        shell = ElementTree.SubElement(project, "platform", vendor="xilinx", boardid=self.card.name, name=self.one("platform"))
        device = ElementTree.SubElement(shell, "device", name="fpga0", fpgaDevice=self.card.part)
        core = ElementTree.SubElement(device, "core", name="OCL_REGION_0", target="bitstream", type="clc_region")
        clocks = ElementTree.SubElement(core, "kernelClocks")
        ElementTree.SubElement(clocks, "clock", port="KERNEL_CLK", frequency=f"{mhz}MHz")
        kernel = ElementTree.SubElement(core, "kernel", self.kernel.attrib)
        kernel.extend([*self.kernel.iter("port"), *self.kernel.iter("arg")])
        instance = ElementTree.SubElement(kernel, "instance", name=self.cu)
        ElementTree.SubElement(instance, "addrRemap", base=f"{CU_BASE:#x}", port="S_AXI_CONTROL")
        data = io.BytesIO()
        ElementTree.ElementTree(project).write(data, encoding="utf-8", xml_declaration=True)
        return data.getvalue()


def main() -> None:
    stand_in = StandIn(Path(sys.argv[1]).name)
    words = sys.argv[2:]
    link = Link(stand_in, words)
    if not link.all("link"):
        stand_in.fail("ERROR: [v++ 60-1511] only linking is known here: -l")
    print(f"****** v++ v{stand_in.release} (64-bit)\nINFO: [v++ 60-1548] Creating build summary session", flush=True)
    link.link(stand_in.start("link"))
    print("INFO: [v++ 60-791] Total elapsed time: 0h 0m 0s")
    stand_in.finish("link")


if __name__ == "__main__":
    main()
