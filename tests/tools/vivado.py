"""Stands in for Vivado in batch mode: runs the Tcl against the model in ipi/model, and writes what the scripts would have it write.

The model is told what really is there: the IPs in the working folder, by their component.xml, and kernel.xml. The first thing
Vivado would stumble on ends it, as it would Vivado. Files it writes hold what the model knows of them, so that the next run
finds it again; numbers in reports are digests of the IPs. The plan's `parts` is a pattern of the parts that are installed.
"""

from __future__ import annotations

import hashlib
import io
import re
import sys
import time
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

sys.path.insert(0, str(Path(__file__).parents[2]))  # a program of its own, which no test imports

import reports
from common import StandIn

from ipi.tcl_model import Answer, File, Finding, kernel_facts, run, tcl_list

SPIRIT = "{http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009}"
MARK = "resflow-stand-in "
"""Before what the model knows of a file, in its first lines."""
OPTIONS = {"-mode": 1, "-source": 1, "-log": 1, "-journal": 1, "-notrace": 0, "-nojournal": 0, "-nolog": 0}
FAMILIES = {"xcu50": "virtexuplusHBM", "xcu55c": "virtexuplusHBM", "xcu280": "virtexuplusHBM"}


def main() -> None:
    stand_in = StandIn(Path(sys.argv[1]).name)
    words = sys.argv[2:]
    script, arguments = parse(stand_in, words)
    print(f"\n****** Vivado v{stand_in.release} (64-bit)\n\nsource {script} -notrace", flush=True)
    failure = stand_in.start(Path(script).stem)
    answer = run(Path.cwd(), [script], [*facts(stand_in, Path(script)), f"fact_arguments {tcl_list(arguments)}", "fact_strict"])
    for line in answer.said:
        print(line)
    if answer.findings:
        stand_in.fail(said_by_vivado(answer.findings[0]))
    if failure != "no product":
        write(stand_in, answer, Path(script).parent)
    print(f"INFO: [Common 17-206] Exiting Vivado at {time.asctime()}...")
    stand_in.finish(Path(script).stem)


def parse(stand_in: StandIn, words: list[str]) -> tuple[str, list[str]]:
    """The script and its arguments."""
    given: dict[str, str] = {}
    arguments: list[str] = []
    while words:
        name, *words = words
        if name == "-tclargs":
            arguments, words = words, []
        elif name not in OPTIONS or len(words) < OPTIONS[name]:
            stand_in.fail(
                f"ERROR: [Common 17-165] Too many positional options when parsing '{name}', please type 'vivado -help' for usage info."
            )
        else:
            given[name] = words[0] if OPTIONS[name] else ""
            words = words[OPTIONS[name] :]
    if given.get("-mode") != "batch":
        stand_in.fail("ERROR: [Common 17-354] Could not open 'stdin' for interactive commands.")
    if not Path(given.get("-source", "")).is_file():
        stand_in.fail(f"ERROR: [Common 17-163] Missing value for option 'source': no file {given.get('-source')}")
    return given["-source"], arguments


def said_by_vivado(finding: Finding) -> str:
    """The model's finding as Vivado would end with it. Numbers of messages are given where they are known."""
    if not finding.command:
        return f"{finding.what}\n    while executing the call at {finding.where}"
    what = finding.what
    if re.search(r"no IP \S+", what):
        numbered = f"ERROR: [BD 5-390] IP definition not found for VLNV: {what.split()[-1]}"
    elif re.search(r"no part ", what):
        numbered = f"ERROR: [Coretcl 2-106] Specified part could not be found. {what}"
    else:
        numbered = f"ERROR: [{finding.command}] {what}; {finding.why}"
    return f"{numbered}\nERROR: [Common 17-39] '{finding.command}' failed due to earlier errors.\n    while executing the call at {finding.where}"


# --- what is there


def facts(stand_in: StandIn, script: Path) -> list[str]:
    lines = [f"fact_release {stand_in.release}", f"fact_part {part(stand_in, script)}"]
    for path in sorted(Path().rglob("component.xml")):
        if "kernel" not in path.parts:  # which is no HLS IP
            lines.append(fact_ip(path))
    folder = script.parent
    lines += [f"fact_file {{{path}}} {{{content(path)}}}" for path in sorted(folder.rglob("*")) if path.is_file()]
    return [*lines, *kernel_facts(folder / "kernel.xml", str(folder / "kernel.xml"))]


def part(stand_in: StandIn, script: Path) -> str:
    """The one the script names, if this installation has it."""
    found = re.search(r"\b(xc\w+-\w+-2L?-e)\b", script.read_text())
    installed = stand_in.plan.get("parts", r"xcu(200|250|280|50|55c)-\w+-2L?-e")
    return found[1] if found and re.fullmatch(installed, found[1]) else "none"


def fact_ip(path: Path) -> str:
    """An HLS IP as its component.xml describes it."""
    root = ElementTree.parse(path).getroot()
    vlnv = ":".join(root.findtext(SPIRIT + name, "") for name in ("vendor", "library", "name", "version"))
    ports = []
    for bus in root.iter(SPIRIT + "busInterface"):
        name, kind = bus.findtext(SPIRIT + "name", ""), bus.find(SPIRIT + "busType").get(SPIRIT + "name", "")
        mode = "Slave" if bus.find(SPIRIT + "slave") is not None else "Master"
        values = {item.findtext(SPIRIT + "name"): item.findtext(SPIRIT + "value") for item in bus.iter(SPIRIT + "parameter")}
        if kind in ("clock", "reset"):
            continue
        if kind == "axis":
            ports.append(("stream", name, mode, values["TDATA_NUM_BYTES"]))
        elif mode == "Master":
            ports.append(("master", name, values["DATA_WIDTH"], values["ADDR_WIDTH"]))
        else:
            ports.append(("slave", name, values["DATA_WIDTH"]))
    ports += [("output", port.findtext(SPIRIT + "name", "")) for port in root.iter(SPIRIT + "port") if driven(port)]
    return f"fact_ip {vlnv} {{{' '.join(map(tcl_list, ports))}}} {path.parent}"


def driven(port: ElementTree.Element) -> bool:
    """Whether it is one of the outputs HLS adds of itself; all others belong to an interface, a clock or a reset."""
    return port.findtext(SPIRIT + "name", "").startswith("ap_local_")


def content(path: Path) -> str:
    """What the model knew of a file this program has written."""
    found = re.search(rb"(?m)^\W*" + MARK.encode() + rb"(.*)$", path.read_bytes()[:100_000])
    return found[1].decode().removesuffix(" -->") if found else ""


# --- what is written


def write(stand_in: StandIn, answer: Answer, folder: Path) -> None:
    """Bring the scripts' folder to what the model says is there in the end."""
    there = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    written = {file.path: file for file in answer.files if file.writer}
    kept = {file.path for file in answer.files}
    for name in there.keys() - kept:
        Path(name).unlink()
    for name, file in sorted(written.items(), key=lambda item: (item[0].endswith(".xo"), item)):  # an .xo packs the others
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        # A copy of what was there before is that, to the byte.
        same = next((data for other, data in sorted(there.items()) if file.writer == "copy" and Path(other).name == path.name), None)
        path.write_bytes(WRITERS.get(file.writer, plain)(stand_in, file) if same is None else same)


def plain(_: StandIn, file: File) -> bytes:
    return f"{MARK}{file.content}\n".encode()


def checkpoint(_: StandIn, file: File) -> bytes:
    sources = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(Path("repo").rglob("*")) if path.is_file())).hexdigest()
    return f"{MARK}{file.content}\nnetlist of {sources}\n".encode()


def stub(_: StandIn, file: File) -> bytes:
    module = re.search(r"module (\w+)", file.content)[1]
    return f"// {MARK}{file.content}\n// This empty module with port declaration file causes synthesis tools to infer a black box.\nmodule {module};\nendmodule\n".encode()


def constraints(_: StandIn, file: File) -> bytes:
    return f"# {MARK}{file.content}\n".encode()


def component(stand_in: StandIn, file: File) -> bytes:
    """The packaged kernel; what differs from run to run is what an .xo must be cleaned of."""
    vlnv = re.search(r"vlnv (\S+)", file.content)
    names = vlnv[1].split(":") if vlnv else ["", "", "", ""]
    identity = "".join(
        f"  <spirit:{key}>{value}</spirit:{key}>\n" for key, value in zip(("vendor", "library", "name", "version"), names, strict=True)
    )
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + uuid.uuid4().int % 100_000))
    place = Path(file.path).parent.resolve()
    tags = "".join(
        f'        <xilinx:tag xilinx:name="ui.data.coregen.dd@{uuid.uuid4().hex[:8]}_ARCHIVE_LOCATION">{place}</xilinx:tag>\n'
        for _ in range(2)
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<!-- {MARK}{file.content} -->
<spirit:component xmlns:xilinx="http://www.xilinx.com" xmlns:spirit="http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009">
{identity}  <spirit:vendorExtensions>
    <xilinx:coreExtensions>
      <xilinx:coreRevision>{int(time.time())}</xilinx:coreRevision>
      <xilinx:coreCreationDateTime>{now}</xilinx:coreCreationDateTime>
      <xilinx:tags>
{tags}      </xilinx:tags>
    </xilinx:coreExtensions>
    <xilinx:packagingInfo>
      <xilinx:xilinxVersion>{stand_in.release}</xilinx:xilinxVersion>
    </xilinx:packagingInfo>
  </spirit:vendorExtensions>
</spirit:component>
""".encode()


def xo(stand_in: StandIn, file: File) -> bytes:
    """The kernel in the layout package_xo gives it, with the dates of now and in the order of the disk."""
    folder = Path(file.path).parent
    name = Path(file.path).stem
    vlnv = re.search(r"vlnv (\S+)", file.content)[1]
    ip = f"ip_repo/{re.sub('[^A-Za-z0-9]', '_', vlnv)}"
    place = Path(file.path).resolve()
    files = {
        "xo.xml": f"""<?xml version="1.0" encoding="UTF-8"?>
<Root MajorVersion="1" MinorVersion="9">
  <KernelRef Name="{name}" KernelXml="{name}/kernel.xml" Ip="{ip}"/>
  <Metadata ProjectID="{uuid.uuid4().hex}" Date="{time.asctime()}" Tool="Vivado {stand_in.release}" Path="{place}"/>
</Root>
""".encode(),
        f"{name}/kernel.xml": (folder / "kernel.xml").read_bytes(),
        **{f"{ip}/{path.relative_to(folder / 'kernel')}": path.read_bytes() for path in (folder / "kernel").rglob("*") if path.is_file()},
    }
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(files, key=lambda _: uuid.uuid4().int):
            archive.writestr(path, files[path])
    return data.getvalue()


def utilization(_: StandIn, file: File) -> bytes:
    module = re.search(r"module (\w+)", file.content)[1]
    cells = {name: used(vlnv) for name, vlnv in re.findall(r"\{(\w+) (\S+:\S+)\}", file.content)}
    return reports.utilization((module, f"{module.removesuffix('_wrapper')}_i"), cells, MARK + file.content).encode()


def used(vlnv: str) -> list[int]:
    """What a cell takes: invented, of an HLS IP from its description."""
    source = Path("repo") / vlnv.split(":")[2] / "component.xml"
    return reports.invented(source.read_bytes(), large=200) if source.exists() else reports.invented(vlnv.encode(), large=1)


def timing(stand_in: StandIn, file: File) -> bytes:
    module, period = re.search(r"module (\w+)", file.content)[1], re.search(r"periods (\S+)", file.content)[1]
    return reports.timing(stand_in.release, module, "ap_clk", float(period), MARK + file.content).encode()


WRITERS: dict[str, Callable[[StandIn, File], bytes]] = {
    "write_verilog": stub,
    "write_checkpoint": checkpoint,
    "write_xdc": constraints,
    "report_utilization": utilization,
    "report_timing_summary": timing,
    "ipx::package_project": component,
    "ipx::save_core": component,
    "package_xo": xo,
}


if __name__ == "__main__":
    main()
