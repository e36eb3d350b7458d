"""kernel.xml: the kernel's AXI interfaces and arguments in the format of package_xo (UG1702), generated from `Design.arguments`.

The packaging script and the metadata of an xclbin are generated from the same `ports` and `arguments`.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

from dataflow.design import CONTROL_PROTOCOL, Argument, Design

CONTROL_RANGE = 0x1000
"""Bytes of the register file; XRT rejects a kernel with an argument beyond it."""
MASTER_RANGE = 0xFFFF_FFFF_FFFF_FFFF
"""A master addresses 64 bits."""
INTERRUPT = "interrupt"
"""The output of an HLS IP with `s_axilite port=return`, and the kernel's name for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelPort:
    """An AXI interface of the kernel; `pin` is its name on the DMA's cell."""

    name: str  # M_AXI_IMAGES
    pin: str  # m_axi_images
    mode: str  # master or slave
    data_width: int  # bits

    @property
    def range(self) -> int:
        return MASTER_RANGE if self.mode == "master" else CONTROL_RANGE


def port_name(argument: Argument) -> str:
    """The kernel's name for the interface of an argument: M_AXI_IMAGES, S_AXI_CONTROL."""
    return argument.port.upper()


def ports(design: Design) -> tuple[KernelPort, ...]:
    """The memory-mapped AXI interfaces: a master per pointer in argument order, then the slave through which all arguments are set.

    None without a DMA.
    """
    if not design.arguments:
        return ()
    masters = [
        KernelPort(name=port_name(argument), pin=argument.port, mode="master", data_width=argument.data_width)
        for argument in design.arguments
        if argument.is_pointer
    ]
    slave = KernelPort(name="S_AXI_CONTROL", pin="s_axi_control", mode="slave", data_width=32)
    return (*masters, slave)


def type_name(argument: Argument) -> str:
    """The C type a host sees."""
    return f"ap_uint<{argument.data_width}>*" if argument.is_pointer else "uint"


def render(design: Design) -> str:
    """kernel.xml; `package_xo -kernel_xml` and v++ read it."""
    root = ElementTree.Element("root", versionMajor="1", versionMinor="6")
    kernel = ElementTree.SubElement(
        root,
        "kernel",
        name=design.name,
        language="ip_c",
        vlnv=design.vlnv,
        attributes="",
        preferredWorkGroupSizeMultiple="0",
        workGroupSize="1",
        interrupt="true",
        hwControlProtocol=CONTROL_PROTOCOL,
    )
    interfaces = ElementTree.SubElement(kernel, "ports")
    for port in ports(design):
        ElementTree.SubElement(
            interfaces,
            "port",
            name=port.name,
            mode=port.mode,
            range=f"0x{port.range:X}",
            dataWidth=str(port.data_width),
            portType="addressable",
            base="0x0",
        )
    arguments = ElementTree.SubElement(kernel, "args")
    for argument in design.arguments:
        ElementTree.SubElement(
            arguments,
            "arg",
            name=argument.name,
            addressQualifier="1" if argument.is_pointer else "0",  # 1: global memory, 0: scalar
            id=str(argument.id),
            port=port_name(argument),
            size=f"0x{argument.size:X}",
            offset=f"0x{argument.offset:X}",
            hostOffset="0x0",
            hostSize=f"0x{argument.size:X}",
            type=type_name(argument),
        )
    ElementTree.SubElement(kernel, "compileWorkGroupSize", x="1", y="1", z="1")
    ElementTree.SubElement(kernel, "maxWorkGroupSize", x="1", y="1", z="1")
    ElementTree.indent(root, "  ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"
