"""Stands in for vivado_hls, vitis_hls and vitis-run: runs the Tcl it is given, checks it, and writes what the tool would write.

What it reports of an IP is derived from the sources' text, no synthesis: LUTs are a digest. Its ports are those of the C++.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from common import StandIn, deterministic_zip

FIRST = {"vivado_hls": "2019.2", "vitis_hls": "2020.2", "vitis-run": "2023.2"}
LAST = {"vivado_hls": "2020.1"}
SUFFIXES = {"2019.2": "_V_V", "2020.2": "_V", "2021.2": ""}
Y2K22 = "ERROR: [IMPL 213-28] Failed to generate IP.\nERROR: '2611250154' is an invalid argument. Please specify an integer value.\nbad lexical cast: source type value could not be interpreted as target\n"


def since(table: dict[str, str], release: str) -> str:
    return [value for first, value in table.items() if first <= release][-1]


def main() -> None:
    tool, words = Path(sys.argv[1]).name, sys.argv[2:]
    stand_in = StandIn(tool)
    release = stand_in.release
    if not FIRST[tool] <= release <= LAST.get(tool, "9999.9"):
        stand_in.fail(f"{tool}: command not found in {release}", status=127)
    options = ["--mode", "hls", "--tcl"] if tool == "vitis-run" else ["-f"]
    if words[:-1] != options:
        stand_in.fail(f"ERROR: {tool} {' '.join(words)}: unknown options")
    script = words[-1]
    top = re.search(r"^set_top (\w+)$", Path(script).read_text(), re.MULTILINE)[1]
    print(f"INFO: [HLS 200-10] Running '{tool}' v{release} on {top}", flush=True)
    failure = stand_in.start(top.removeprefix("resflow_"))
    result = subprocess.run(
        ["tclsh", Path(__file__).with_name("hls.tcl"), tool, release, script], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    for line in result.stdout.splitlines():
        if line.startswith("state "):
            _, step, state = line.split(" ", 2)
            {"csynth": csynth, "export": export, "cosim": cosim}[step](stand_in, failure, parse(state))
        else:
            print(line)
    if result.returncode or result.stderr:
        stand_in.fail(result.stderr.strip() or "ERROR: [HLS 200-1510] Running the script failed")
    stand_in.finish(top.removeprefix("resflow_"))


def parse(state: str) -> dict[str, str]:
    """A Tcl dictionary of plain words and braced lists."""
    words = re.findall(r"\{(?:[^{}]|\{[^{}]*\})*\}|\S+", state)
    return {name: value.strip("{}") for name, value in zip(words[::2], words[1::2], strict=True)}


def sources(stand_in: StandIn, state: dict[str, str], *, benches: bool = False) -> str:
    """The project's sources with what they include, each file once, as a compiler finds them; fails where it would."""
    files = project_files(stand_in, state)
    if benches:
        files += [(name, state.get("benchflags", "")) for name in state["benches"].split()]
    texts: dict[Path, str] = {}
    for name, flags in files:
        # The tool compiles in a folder of its own.
        folders = [Path(state["solution"], "sim", "wrapc", flag[2:]) for flag in flags.split() if flag.startswith("-I")]
        read(stand_in, Path(name), folders, texts)
    return "".join(texts.values())


def read(stand_in: StandIn, path: Path, folders: list[Path], texts: dict[Path, str]) -> None:
    """Add a source and what it includes between quotes: beside it, else in a folder given by -I."""
    texts[path] = path.read_text()
    for name in re.findall(r'^#include "([^"]+)"', texts[path], re.MULTILINE):
        found = next((folder / name for folder in (path.parent, *folders) if (folder / name).is_file()), None)
        if found is None:
            stand_in.fail(f"ERROR: [HLS 200-70] {path}: '{name}' file not found")
        if found not in texts:
            read(stand_in, found, folders, texts)


def project_files(stand_in: StandIn, state: dict[str, str]) -> list[tuple[str, str]]:
    """The sources with their flags: those the script has added to the project, else those synthesis had."""
    stored = Path(state["project"]) / ("vivado_hls.app" if stand_in.release < "2020.2" else "hls.app")
    if state["files"]:
        root = ElementTree.Element("project", name="project", top=state["top"])
        group = ElementTree.SubElement(root, "files")
        for name in state["files"].split():
            ElementTree.SubElement(group, "file", name=f"../{name}", sc="0", tb="false", cflags=state.get("cflags", ""))
        stored.write_bytes(ElementTree.tostring(root))
    return [(file.get("name", "").removeprefix("../"), file.get("cflags", "")) for file in ElementTree.parse(stored).getroot().iter("file")]


CORES = {
    "2019.2": r"RESOURCE variable=(\w+) core=RAM_S2P_(LUTRAM|BRAM|URAM)$",
    "2020.2": r"BIND_STORAGE variable=(\w+) type=ram_s2p impl=(lutram|bram|uram)$",
}


def memories(stand_in: StandIn, text: str) -> None:
    """Fails for a pragma that names no array of its function, or a kind of memory the release does not have."""
    for line in re.findall(r"^ *#pragma HLS ((?:BIND_STORAGE|RESOURCE variable=\w+ core=RAM).*)$", text, re.MULTILINE):
        if not re.fullmatch(since(CORES, stand_in.release), line):
            stand_in.fail(f"ERROR: [HLS 207-3420] no such memory: {line}")
    # From the declaration of a function, or of a class, to the brace that ends it: in the first column, or that of a member.
    for body in re.findall(r"^((?:  )?)([^\s#/}][^\n]*\{\n.*?)^\1\}", text, re.MULTILINE | re.DOTALL):
        for name in re.findall(r"#pragma HLS (?:ARRAY_\w+|DEPENDENCE|BIND_\w+|RESOURCE) variable=(\w+)", body[1]):
            if not re.search(rf"(?<![\w=]){name}\b", re.sub("#pragma.*", "", body[1])):
                stand_in.fail(f"ERROR: [HLS 207-5556] no variable '{name}' in scope")


def digest(text: str, least: int, most: int) -> int:
    return least + int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) % (most - least)


def cycles_a_frame(text: str) -> int:
    """As the first line of the sources has it."""
    return int(re.search(r"; ([\d,]+) cycles a frame", text)[1].replace(",", ""))


def csynth(stand_in: StandIn, _failure: str, state: dict[str, str]) -> None:
    text = sources(stand_in, state)
    if stand_in.release < "2020.2" and "style=" in text:
        stand_in.fail("ERROR: [HLS 200-70] invalid option 'style' for pragma 'HLS PIPELINE'")
    if stand_in.release < "2020.2" and "#pragma HLS BIND_" in text:
        stand_in.fail("ERROR: [HLS 200-70] unknown pragma 'HLS BIND_OP'")
    memories(stand_in, text)
    if stand_in.release >= "2020.2" and re.search(r"#pragma HLS (RESOURCE|.* enable_flush)", text):
        stand_in.fail("ERROR: [HLS 200-70] deprecated pragma: use BIND_OP, BIND_STORAGE or style=flp")
    for body in re.findall(r"^void \w+\([^)]*\*memory[^)]*\) \{$(.*?)^\}$", text, re.MULTILINE | re.DOTALL):
        if "style=frp" in body:
            stand_in.fail("ERROR: [HLS 200-70] a free-running pipeline cannot have an m_axi port")
    if "ap_ctrl_none" in text and not re.search("^#pragma HLS DATAFLOW disable_start_propagation$", text, re.MULTILINE):
        stand_in.fail("ERROR: [HLS 200-70] DATAFLOW without disable_start_propagation under ap_ctrl_none: nothing starts its processes")
    if not re.search(rf"^void {state['top']}\(", text, re.MULTILINE):
        stand_in.fail(f"ERROR: [HLS 200-1715] cannot find the top function '{state['top']}'")
    top = f"{state['top']}_{state['top']}" if "-auto_prefix" in state["configuration"] and stand_in.release < "2020.2" else state["top"]
    cycles = cycles_a_frame(text)
    dsp = "DSP48E" if stand_in.release < "2020.2" else "DSP"
    numbers = {"BRAM_18K": digest(text, 0, 64), dsp: digest(text, 0, 32), "FF": digest(text, 500, 40000), "LUT": digest(text, 600, 60000)}
    numbers["URAM"] = 0
    rows = "".join(f"      <{name}>{value}</{name}>\n" for name, value in numbers.items())
    have = "".join(f"      <{name}>{value}</{name}>\n" for name, value in zip(numbers, (5376, 12288, 3456000, 1728000, 1280), strict=True))
    folder = Path(state["solution"]) / "syn" / "report"
    folder.mkdir(parents=True, exist_ok=True)
    period = float(state["period"])
    report = f"""<profile>
  <ReportVersion><Version>{stand_in.release}</Version></ReportVersion>
  <UserAssignments>
    <unit>ns</unit><ProductFamily>virtexuplus</ProductFamily><Part>{state["part"]}</Part><TopModelName>{top}</TopModelName>
    <TargetClockPeriod>{period:.2f}</TargetClockPeriod><ClockUncertainty>{float(state["uncertainty"]):.2f}</ClockUncertainty>
  </UserAssignments>
  <PerformanceEstimates>
    <PipelineType>dataflow</PipelineType>
    <SummaryOfTimingAnalysis><unit>ns</unit><EstimatedClockPeriod>{period * 0.8:.3f}</EstimatedClockPeriod></SummaryOfTimingAnalysis>
    <SummaryOfOverallLatency>
      <unit>clock cycles</unit>
      <Best-caseLatency>{cycles + 40}</Best-caseLatency><Average-caseLatency>{cycles + 40}</Average-caseLatency>
      <Worst-caseLatency>{cycles + 40}</Worst-caseLatency>
      <Interval-min>{cycles + 1}</Interval-min><Interval-max>{cycles + 1}</Interval-max>
      <DataflowPipelineThroughput>{cycles + 1}</DataflowPipelineThroughput>
    </SummaryOfOverallLatency>
  </PerformanceEstimates>
  <AreaEstimates>
    <Resources>
{rows}    </Resources>
    <AvailableResources>
{have}    </AvailableResources>
  </AreaEstimates>
MODULES</profile>
"""
    (folder / f"{top}_csynth.xml").write_text(report.replace("MODULES", ""))
    if stand_in.release >= "2020.2":
        (folder / "csynth.xml").write_text(report.replace("MODULES", modules(text)))
    (folder / f"{top}_csynth.rpt").write_text(f"== Vivado HLS Report for '{top}'\n* Version: {stand_in.release}\n")


def modules(text: str) -> str:
    """The modules of an IP's functions as csynth.xml lists them: a loop that is all of a function is rewound, others are modules of their own."""
    parts = []
    for function, layer in re.findall(r"^  resflow::(\w+)<(\w+)(?:, resflow::.*)?>\(", text, re.MULTILINE):
        name = f"{function}_{layer}"
        prefix = {"mvau": "Products", "mvu": "Products"}.get(function) or "".join(word.capitalize() for word in function.split("_"))
        labels = list(dict.fromkeys(re.findall(rf"^ *({prefix}_\w+):$", text, re.MULTILINE)))
        depth, kind = digest(name, 3, 14), "loop auto-rewind flp (delay=1 cycles)" if len(labels) == 1 else "no"
        module = f"{name}_s" if len(labels) == 1 else f"{name}_Pipeline_{labels[-1]}"
        parts.append(f"""    <Module>
      <Name>{module}</Name>
      <Loops><{labels[-1]}/></Loops>
      <PerformanceEstimates>
        <SummaryOfOverallLatency><Worst-caseLatency>undef</Worst-caseLatency><PipelineType>{kind}</PipelineType></SummaryOfOverallLatency>
        <SummaryOfLoopLatency>
          <{labels[-1]}>
            <Name>{labels[-1]}</Name><TripCount>undef</TripCount><Latency>undef</Latency>
            <PipelineII>1</PipelineII><PipelineDepth>{depth}</PipelineDepth><PipelineType>yes</PipelineType>
          </{labels[-1]}>
        </SummaryOfLoopLatency>
      </PerformanceEstimates>
    </Module>
""")
    return f"  <ModuleInformation>\n{''.join(parts)}  </ModuleInformation>\n"


def export(stand_in: StandIn, failure: str, state: dict[str, str]) -> None:
    if failure == "y2k22":
        stand_in.fail(Y2K22)
    if failure == "no product":
        return
    top = state["top"]
    archive = deterministic_zip(
        {
            "component.xml": component(stand_in, state),
            f"hdl/verilog/{top}.v": f"// netlist of {top}, stands in for RTL\nmodule {top};\nendmodule\n",
        }
    )
    folder = Path(state["solution"]) / "impl"
    path = folder / "ip" / f"{top}_1_0.zip" if stand_in.release < "2020.2" else folder / "export.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(archive)


def cosim(stand_in: StandIn, failure: str, state: dict[str, str]) -> None:
    if failure == "no product":
        return
    top = state["top"]
    status = "Fail" if failure == "mismatch" else "Pass"
    folder = Path(state["solution"]) / "sim" / "report"
    folder.mkdir(parents=True, exist_ok=True)
    cycles = cycles_a_frame(sources(stand_in, state, benches=True))
    (folder / f"{top}_cosim.rpt").write_text(
        f"""===============================================================
== Cosimulation Report for '{top}'
===============================================================
+----------+----------+-----------------------------------------------+-----------------------------------------------+
|          |          |             Latency(Clock Cycles)             |              Interval(Clock Cycles)           |
+   RTL    +  Status  +-----------------------------------------------+-----------------------------------------------+
|          |          |      min      |      avg      |      max      |      min      |      avg      |      max      |
+----------+----------+---------------+---------------+---------------+---------------+---------------+---------------+
|      VHDL|        NA|             NA|             NA|             NA|             NA|             NA|             NA|
|   Verilog|{status:>10}|{cycles:>15}|{cycles:>15}|{cycles:>15}|{cycles + 1:>15}|{cycles + 1:>15}|{cycles + 1:>15}|
+----------+----------+---------------+---------------+---------------+---------------+---------------+---------------+
"""
    )
    if failure == "mismatch":
        stand_in.fail(
            "ERROR: [COSIM 212-361] C TB post check failed, nonzero return value '1'.\nERROR: [COSIM 212-4] *** C/RTL co-simulation finished: FAIL ***"
        )
    print("INFO: [COSIM 212-1000] *** C/RTL co-simulation finished: PASS ***")


def component(stand_in: StandIn, state: dict[str, str]) -> str:
    """The IP's description: its interfaces as the C++ has them, named as the release does."""
    top, text, release = state["top"], sources(stand_in, state), stand_in.release
    signature = re.search(rf"^void {top}\((.*?)\)", text, re.MULTILINE | re.DOTALL)[1]
    suffix, interfaces = since(SUFFIXES, release), []
    for lanes, form, name in re.findall(r"hls::stream<Beat<(\d+), (\w+(?:<\d+>)?)>> &(\w+)", signature):
        bits = int(lanes) * (1 if form == "Bipolar" else int(re.search(r"<(\d+)>", form)[1]))
        # The processes read what they are given first; the fully connected layer also what it is given second, and those whose constants
        # are loaded, which are called <unit>_loaded, the chain of messages.
        first = re.search(rf"(resflow::\w+<\w+>|\b\w+_loaded)\({name}\b", text)
        second = re.search(rf"(dense<\w+>|\bfc_loaded)\(\w+, {name},", text)
        reads = first is not None or second is not None or name == "constants_in"
        interfaces.append((name + suffix, "axis", "slave" if reads else "master", {"TDATA_NUM_BYTES": -(-bits // 8)}))
    for name, bundle in re.findall(r"m_axi port=(\w+) offset=slave bundle=(\w+)", text):
        word = 32 if re.search(rf"ap_uint<32> \*{name}", signature) else 512
        interfaces.append((f"m_axi_{bundle}", "aximm", "master", {"DATA_WIDTH": word, "ADDR_WIDTH": 64}))
    if any(kind == "aximm" for _, kind, _, _ in interfaces):
        interfaces.append(("s_axi_control", "aximm", "slave", {"DATA_WIDTH": 32, "ADDR_WIDTH": 6}))
    parts = []
    for name, kind, mode, parameters in interfaces:
        given = "".join(
            f"<spirit:parameter><spirit:name>{key}</spirit:name><spirit:value>{value}</spirit:value></spirit:parameter>"
            for key, value in parameters.items()
        )
        parts.append(
            f"""    <spirit:busInterface>
      <spirit:name>{name}</spirit:name>
      <spirit:busType spirit:vendor="xilinx.com" spirit:library="interface" spirit:name="{kind}" spirit:version="1.0"/>
      <spirit:{mode}/>
      <spirit:parameters>{given}</spirit:parameters>
    </spirit:busInterface>
"""
        )
    extra = ["ap_local_block", "ap_local_deadlock"] if release >= "2021.1" else []
    if "-deadlock_detection none" in state["configuration"]:
        extra = []
    ports = "".join(
        f"    <spirit:port><spirit:name>{name}</spirit:name><spirit:wire><spirit:direction>out</spirit:direction></spirit:wire></spirit:port>\n"
        for name in extra
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<spirit:component xmlns:xilinx="http://www.xilinx.com" xmlns:spirit="http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009">
  <spirit:vendor>{state["vendor"]}</spirit:vendor>
  <spirit:library>{state["library"]}</spirit:library>
  <spirit:name>{state["ipname"]}</spirit:name>
  <spirit:version>{state["version"]}</spirit:version>
  <spirit:busInterfaces>
{"".join(parts)}  </spirit:busInterfaces>
  <spirit:model>
    <spirit:ports>
{ports}    </spirit:ports>
  </spirit:model>
</spirit:component>
"""


if __name__ == "__main__":
    main()
