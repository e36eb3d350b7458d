"""IPs as an HLS tool exports them, made from the design alone; and the jobs that make a kernel of them."""

from __future__ import annotations

from pathlib import Path

import ipi
from codegen.jobs.job import Job
from codegen.jobs.run import run_here
from codegen.text.files import write_tree
from codegen.tools.releases import Release, release
from dataflow import Design
from dataflow.design import Ip
from ipi import kernel_xml
from tests.tools.common import deterministic_zip


def stitch(design: Design, name: str, folder: Path) -> Path:
    """Stitch with the IPs of a release; returns the folder with what it leaves."""
    write_tree(folder / "ipi", ipi.render(design))
    found = release(name)
    return _run(ipi.stitch_job(design, folder / "ipi", export(design, found, folder / "ips"), found), folder / "stitch")


def package(design: Design, name: str, folder: Path) -> Path:
    """Package what was stitched; returns the folder with what it leaves."""
    return _run(ipi.package_job(design, folder / "ipi", folder / "stitch", release(name)), folder / "package")


def _run(job: Job, folder: Path) -> Path:
    for name, path in run_here(job, folder).items():
        if path != folder / name:
            path.rename(folder / name)
    return folder


def export(design: Design, found: Release, folder: Path) -> dict[str, Path]:
    """The zip of every IP, by name."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {ip.name: folder / f"{ip.name}.zip" for ip in design.ips}
    for ip in design.ips:
        paths[ip.name].write_bytes(deterministic_zip({"component.xml": component(design, ip, found), f"hdl/verilog/{ip.name}.v": "\n"}))
    return paths


def component(design: Design, ip: Ip, found: Release) -> str:
    """IP-XACT of an IP: its interfaces, with the names and additional ports of a release."""
    buses = [
        bus(port.name + found.stream_suffix, "axis", "slave" if port.is_input else "master", TDATA_NUM_BYTES=port.tdata_bytes)
        for port in ip.ports
    ]
    if ip.kind == "dma":
        for port in kernel_xml.ports(design):
            buses.append(bus(port.pin, "aximm", port.mode, DATA_WIDTH=port.data_width, ADDR_WIDTH=64 if port.mode == "master" else 6))
    ports = "".join(f"<spirit:port><spirit:name>{name}</spirit:name></spirit:port>" for name in found.hls_ports)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<spirit:component xmlns:spirit="http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009">
  <spirit:vendor>resflow</spirit:vendor>
  <spirit:library>hls</spirit:library>
  <spirit:name>{ip.name}</spirit:name>
  <spirit:version>1.0</spirit:version>
  <spirit:busInterfaces>
{"".join(buses)}  </spirit:busInterfaces>
  <spirit:model><spirit:ports>{ports}</spirit:ports></spirit:model>
</spirit:component>
"""


def bus(name: str, kind: str, mode: str, **values: int) -> str:
    parameters = "".join(
        f"<spirit:parameter><spirit:name>{key}</spirit:name><spirit:value>{value}</spirit:value></spirit:parameter>"
        for key, value in values.items()
    )
    return f"""    <spirit:busInterface>
      <spirit:name>{name}</spirit:name>
      <spirit:busType spirit:vendor="xilinx.com" spirit:library="interface" spirit:name="{kind}" spirit:version="1.0"/>
      <spirit:{mode}/>
      <spirit:parameters>{parameters}</spirit:parameters>
    </spirit:busInterface>
"""
