"""Writes xclbin files: complete ones for emulation, and resflow's sections into those of v++ for a card.

The reader, `runtime.container.axlf`, owns the format and its structs. The same input gives the same bytes: the file has no date,
and its uuid is a digest of its content.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from constants.image import image_words
from dataflow.design import CONTROL_PROTOCOL
from runtime.container import axlf
from runtime.container.arrays import Loaded, Stored
from runtime.container.axlf import Axlf, ClockKind, Mode, Protocol, SectionKind
from runtime.container.manifest import Direction, Manifest, Target
from runtime.container.program import Format, key
from runtime.container.sections import parse
from runtime.container.xclbin import Bank, Xclbin

CU_BASE = 0x0180_0000  # the address of the first CU on card platforms; emulation would accept any
CU_RANGE = 0x1000  # of its register file
CONTROL_PORT = "S_AXI_CONTROL"
CLOCK_NAME = "KERNEL_CLK"
PROTOCOL = Protocol[CONTROL_PROTOCOL.upper()]
DATA_WIDTH = 512
ALIGNMENT = 8  # of sections


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """One section to be written."""

    kind: int
    name: str = ""
    data: bytes


def render(manifest: Manifest, *, banks: tuple[Bank, ...], network: Mapping[str, Any], parameters: Mapping[str, NDArray[Any]]) -> bytes:
    """The xclbin of an emulated accelerator.

    `banks` are the memories of the platform; which of them are used follows from the manifest. `network` is the object of
    the "network" section as `runtime.container.sections` describes it, `parameters` the arrays of params/*.npz. Raises the
    runtime's error for anything the runtime would reject, ParametersError for parameters that cannot be loaded.
    """
    if manifest.target is not Target.EMULATION:
        raise ValueError(f"manifest of target {manifest.target.value}: for a card, v++ writes the xclbin and `attach` completes it")
    used = {argument.bank for argument in manifest.arguments}
    banks = tuple(replace(bank, used=bank.tag in used) for bank in banks)
    own = _own(manifest, network, parameters)
    contents = [
        Content(kind=SectionKind.EMBEDDED_METADATA, data=_metadata(manifest)),
        Content(kind=SectionKind.MEM_TOPOLOGY, data=_mem_topology(banks)),
        Content(kind=SectionKind.IP_LAYOUT, data=_ip_layout(manifest)),
        Content(kind=SectionKind.CONNECTIVITY, data=_connectivity(manifest, banks)),
        Content(kind=SectionKind.CLOCK_FREQ_TOPOLOGY, data=_clocks(manifest)),
        *own,
    ]
    sha = hashlib.sha256()
    for content in contents:
        sha.update(content.data)
    header = axlf.AXLF.pack(
        axlf.MAGIC, -1, b"\xff" * 28, b"", 0, 0, 0, 0, 0, 2, 1, Mode.SW_EMU, 0, b"", manifest.platform.encode(), sha.digest()[:16], b"", 0
    )
    return _sealed(header, contents)


def attach(
    xclbin: bytes, manifest: Manifest, *, parameters: Mapping[str, NDArray[Any]] | None = None, network: Mapping[str, Any] | None = None
) -> bytes:
    """The xclbin of v++, completed by the manifest and, of the parameters, what the hardware does not have: an image of the constants that it
    loads, and the fully connected layer's weights if the head streams them. With loaded constants goes also what the host checks others
    against: `network`, as `render` takes it, if it can be given, and the parameters that are part of the hardware."""
    if manifest.target is not Target.HW:
        raise ValueError(f"manifest of target {manifest.target.value}: an xclbin from v++ runs on a card")
    linked = Axlf.parse(xclbin)
    own = _own(manifest, network, parameters or {})
    names = {content.name for content in own}
    kept = [
        (section.kind, section.name, linked.data[section.offset : section.offset + section.size])
        for section in linked.sections
        if not (section.kind == SectionKind.USER and section.name in names)
    ]
    return _sealed(xclbin[: axlf.AXLF.size], [*(Content(kind=kind, name=name, data=data) for kind, name, data in kept), *own])


def _own(manifest: Manifest, network: Mapping[str, Any] | None, parameters: Mapping[str, NDArray[Any]]) -> list[Content]:
    """The sections that only resflow's runtime reads."""
    contents = [Content(kind=SectionKind.USER, name="manifest", data=manifest.to_json())]
    constants = manifest.constants
    if manifest.weights is not None:
        weights = parameters.get("head/fc/weights")
        if weights is None or weights.dtype != np.int8 or weights.shape != manifest.weights:
            given = "none" if weights is None else f"{weights.dtype} {weights.shape}"
            raise ValueError(f"head/fc/weights: {given}, but the manifest says int8 {manifest.weights}")
        contents.append(Content(kind=SectionKind.USER, name="weights", data=weights.tobytes()))
    image = None
    if constants is not None:
        image = constants.image(parameters)
        contents.append(Content(kind=SectionKind.USER, name="constants", data=image))
    if network is None or (constants is None and manifest.target is Target.HW):
        return contents
    described = json.dumps(network, indent=1).encode()
    contents.append(Content(kind=SectionKind.USER, name="network", data=described))
    fixed = _stored(network, {name: array for name, array in parameters.items() if constants is None or name not in constants.keys})
    stored = None
    if fixed or constants is None:
        stored = _npz(fixed)
        contents.append(Content(kind=SectionKind.USER, name="parameters", data=stored))
    rest = None if stored is None else Stored(stored)
    if constants is not None and image is not None:
        parse(described, Loaded(constants, image_words(image, constants.words), rest))
    elif rest is not None:
        parse(described, rest)
    return contents


def _sealed(header: bytes, contents: list[Content]) -> bytes:
    """Header, section table and sections in one file, with its length and digest filled in."""
    table, body = bytearray(), bytearray()
    start = axlf.AXLF.size + len(contents) * axlf.SECTION.size
    for content in contents:
        body += bytes(-(start + len(body)) % ALIGNMENT)
        table += axlf.SECTION.pack(content.kind, content.name.encode(), start + len(body), len(content.data))
        body += content.data
    fields = list(axlf.AXLF.unpack(header))
    fields[5], fields[-1] = start + len(body), len(contents)
    data = bytearray(axlf.AXLF.pack(*fields) + table + body)
    whole = Axlf.parse(bytes(data))
    offset, digest = whole.digest_offset(), whole.digest().encode()
    data[offset : offset + len(digest)] = digest
    sealed = bytes(data)
    # Report banks that the manifest does not know now, not when the file is loaded.
    Xclbin.parse(sealed, "xclbin")
    return sealed


def _metadata(manifest: Manifest) -> bytes:
    """EMBEDDED_METADATA: the kernel, its ports and arguments, as XRT and PYNQ read them."""
    project = ElementTree.Element("project", name=manifest.network)
    platform = ElementTree.SubElement(project, "platform", vendor="", boardid="", name=manifest.platform)
    device = ElementTree.SubElement(platform, "device", name="fpga0", fpgaDevice="")
    core = ElementTree.SubElement(device, "core", name="OCL_REGION_0", target="sw_emu", type="clc_region")
    clocks = ElementTree.SubElement(core, "kernelClocks")
    ElementTree.SubElement(clocks, "clock", port=CLOCK_NAME, frequency=f"{manifest.clock_mhz}MHz")
    kernel = ElementTree.SubElement(
        core, "kernel", name=manifest.kernel, language="ip", vlnv=manifest.vlnv, workGroupSize="1", hwControlProtocol=CONTROL_PROTOCOL
    )
    masters = [argument.port for argument in manifest.arguments if argument.direction is not Direction.SCALAR]
    for port in dict.fromkeys(masters):
        _port(kernel, name=port, mode="master", reach=2**64 - 1, width=DATA_WIDTH)
    _port(kernel, name=CONTROL_PORT, mode="slave", reach=CU_RANGE, width=32)
    for argument in manifest.arguments:
        scalar = argument.direction is Direction.SCALAR
        size = f"{argument.size_bytes:#x}"
        ElementTree.SubElement(
            kernel,
            "arg",
            name=argument.name,
            addressQualifier="0" if scalar else "1",
            id=str(argument.id),
            port=argument.port,
            size=size,
            offset=f"{argument.offset:#x}",
            hostOffset="0x0",
            hostSize=size,
            type="uint" if scalar else "void*",
        )
    instance = ElementTree.SubElement(kernel, "instance", name=manifest.cu)
    ElementTree.SubElement(instance, "addrRemap", base=f"{CU_BASE:#x}", port=CONTROL_PORT)
    ElementTree.indent(project)
    # Without the NUL that v++ appends and XRT ignores, because it makes PYNQ's parser fail.
    text: bytes = ElementTree.tostring(project, encoding="utf-8", xml_declaration=True)
    return text


def _port(kernel: ElementTree.Element, *, name: str, mode: str, reach: int, width: int) -> None:
    size = {"range": f"{reach:#x}", "dataWidth": str(width)}
    ElementTree.SubElement(kernel, "port", {"name": name, "mode": mode} | size | {"portType": "addressable", "base": "0x0"})


def _mem_topology(banks: tuple[Bank, ...]) -> bytes:
    entries = (axlf.BANK.pack(bank.kind, bank.used, bank.size_kb, bank.base, bank.tag.encode()) for bank in banks)
    return axlf.COUNT.pack(len(banks)) + b"".join(entries)


def _ip_layout(manifest: Manifest) -> bytes:
    name = f"{manifest.kernel}:{manifest.cu}"
    return axlf.COUNT.pack(1) + axlf.IP.pack(axlf.KERNEL_IP, PROTOCOL << axlf.PROTOCOL_SHIFT, CU_BASE, name.encode())


def _connectivity(manifest: Manifest, banks: tuple[Bank, ...]) -> bytes:
    index = {bank.tag: i for i, bank in enumerate(banks)}
    entries = []
    for argument in manifest.arguments:
        if argument.bank is not None:
            if argument.bank not in index:
                raise ValueError(f"{argument.name} is in {argument.bank}, but the platform has {', '.join(index) or 'no banks'}")
            entries.append(axlf.CONNECTION.pack(argument.id, 0, index[argument.bank]))
    return axlf.CONNECTION_COUNT.pack(len(entries)) + b"".join(entries)


def _clocks(manifest: Manifest) -> bytes:
    return axlf.CLOCK_COUNT.pack(1) + axlf.CLOCK.pack(round(manifest.clock_mhz), ClockKind.KERNEL, CLOCK_NAME.encode())


def _stored(network: Mapping[str, Any], parameters: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The arrays as the "parameters" section has them: bipolar weights packed into bits, without weights that the host writes to memory."""
    convs = [network["stem"]["conv"]]
    for block in network["blocks"]:
        convs += [*block["convs"], *([block["bypass"]] if block["bypass"] else [])]
    arrays = dict(parameters)
    for conv in convs:
        name = f"{key(conv['name'])}/weights"
        # The reader reports an array that is missing.
        if Format(conv["weight"]).bipolar and name in arrays:
            if not np.isin(arrays[name], (-1, 1)).all():
                raise ValueError(f"{name}: bipolar weights are -1 and 1")
            arrays[name] = np.packbits(arrays[name] > 0)
    if network["head"]["weights"] == "stream":
        arrays.pop("head/fc/weights", None)
    return arrays


def _npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Like numpy.savez, but with sorted members and independent of the machine."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for key in sorted(arrays):
            member = zipfile.ZipInfo(f"{key}.npy")
            member.create_system = 3  # otherwise it would depend on the operating system
            array = io.BytesIO()
            np.save(array, np.ascontiguousarray(arrays[key]), allow_pickle=False)
            archive.writestr(member, array.getvalue())
    return file.getvalue()
