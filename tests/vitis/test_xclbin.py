"""What is written, read by three: the runtime, PYNQ's parser, and XRT where it is installed."""

from __future__ import annotations

import ctypes.util
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pynq.pl_server.xclbin_parser import XclBin

from runtime.container.axlf import Axlf, SectionKind
from runtime.container.manifest import Target
from runtime.container.xclbin import Xclbin
from runtime.device.metadata import Metadata
from runtime.errors import XclbinError
from tests.runtime import tiny
from vitis.xclbin import attach, render

NETWORK = tiny.network()
PARAMETERS = tiny.draw(NETWORK)
MANIFEST = tiny.manifest(NETWORK)


def rendered(**changes: Any) -> bytes:
    options = {"banks": tiny.BANKS, "network": NETWORK, "parameters": PARAMETERS} | changes
    return render(options.pop("manifest", MANIFEST), **options)


def test_same_input_same_bytes() -> None:
    assert rendered() == rendered(parameters=dict(reversed(PARAMETERS.items())))


def test_the_uuid_follows_the_content() -> None:
    bias = {"head/fc/bias": PARAMETERS["head/fc/bias"] + np.int32(1)}
    uuids = {
        Axlf.parse(data).uuid for data in (rendered(), rendered(parameters=PARAMETERS | bias), rendered(manifest=replace(MANIFEST, top=3)))
    }
    assert len(uuids) == 2


def test_the_sections() -> None:
    axlf = Axlf.parse(rendered())
    assert [(SectionKind(section.kind).name, section.name) for section in axlf.sections] == [
        ("EMBEDDED_METADATA", ""),
        ("MEM_TOPOLOGY", ""),
        ("IP_LAYOUT", ""),
        ("CONNECTIVITY", ""),
        ("CLOCK_FREQ_TOPOLOGY", ""),
        ("USER", "manifest"),
        ("USER", "weights"),
        ("USER", "network"),
        ("USER", "parameters"),
    ]
    assert all(section.offset % 8 == 0 for section in axlf.sections)
    assert not axlf.section(SectionKind.EMBEDDED_METADATA).endswith(b"\0")
    assert json.loads(axlf.section(SectionKind.USER, "network")) == NETWORK


def test_weights_on_chip_have_no_section() -> None:
    names = [section.name for section in Axlf.parse(tiny.xclbin(head="rom")).sections]
    assert "weights" not in names


@pytest.mark.parametrize(
    ("head", "fixed", "names"),
    [
        ("rom", [], ["manifest", "constants", "network"]),
        ("stream", [], ["manifest", "weights", "constants", "network"]),
        ("rom", ["stem/conv/weights"], ["manifest", "constants", "network", "parameters"]),
    ],
)
def test_the_sections_of_what_is_loaded(head: str, fixed: list[str], names: list[str]) -> None:
    """An image in place of parameters; the network, which the host checks others against, is on a card's, too."""
    described = tiny.network(head=head)
    constants, arrays = tiny.constants(described, fixed), tiny.draw(described)
    emulated = Xclbin.parse(tiny.loaded_xclbin(head=head, fixed=fixed), "emulation.xclbin")
    card = replace(emulated.manifest, target=Target.HW)
    for xclbin in (emulated, Xclbin.parse(attach(emulated.axlf.data, card, parameters=arrays, network=described), "card.xclbin")):
        assert [section.name for section in xclbin.axlf.sections if section.kind == SectionKind.USER] == names
        assert xclbin.image == constants.image(arrays)
        assert xclbin.has("network")
        assert not xclbin.has("nonesuch")
        if fixed:
            assert list(np.load(io.BytesIO(xclbin.section("parameters")))) == fixed


def test_other_parameters_are_packed_beside_the_same_hardware() -> None:
    described, linked = tiny.network(head="rom"), tiny.loaded_xclbin()
    card = replace(Xclbin.parse(linked, "").manifest, target=Target.HW)
    found = [Axlf.parse(attach(linked, card, parameters=tiny.draw(described, seed), network=described)) for seed in (1, 2)]
    contents = [
        {(section.kind, section.name): axlf.data[section.offset : section.offset + section.size] for section in axlf.sections}
        for axlf in found
    ]
    differ = [name for name in contents[0] if contents[0][name] != contents[1][name]]
    assert differ == [(SectionKind.USER, "manifest"), (SectionKind.USER, "constants")]  # the digest of the file, and the image


def test_a_damaged_image_is_found_when_the_file_is_read() -> None:
    axlf = Axlf.parse(tiny.loaded_xclbin())
    data, section = bytearray(axlf.data), axlf.find(SectionKind.USER, "constants")
    data[section.offset + 70] ^= 1
    with pytest.raises(
        XclbinError, match=r"^x: constants: CRC-32 0x[0-9a-f]{8}\nwhy: its header says 0x[0-9a-f]{8}: it was damaged on the way\n"
    ):
        Xclbin.parse(tiny.reseal(bytes(data)), "x")


@pytest.mark.parametrize("head", ["stream", "rom"])
def test_pynq_reads_what_the_runtime_tells_it(head: str) -> None:
    """PYNQ's own parser, from XML and tables, and our Metadata, from the manifest, must come to the same."""
    data = tiny.xclbin(head=head)
    theirs, ours = XclBin(xclbin_data=bytearray(data)), Metadata(Xclbin.parse(data, "tiny.xclbin"))
    for described in (*ours.mem_dict.values(), *ours.ip_dict.values()):
        assert described.pop("xclbin") == ours.xclbin.manifest.digest  # which PYNQ does not know
    assert theirs.mem_dict == ours.mem_dict
    assert theirs.clock_dict == ours.clock_dict
    (their_ip,), (our_ip,) = theirs.ip_dict.values(), ours.ip_dict.values()
    assert list(theirs.ip_dict) == list(ours.ip_dict)
    # Of a register, a driver needs its place. PYNQ knows the argument `in` only by a name that cannot be written in Python.
    places = [
        {(register["address_offset"], register["size"], register.get("memory")) for register in ip.pop("registers").values()}
        for ip in (their_ip, our_ip)
    ]
    assert places[0] == places[1]
    # Its index would have PYNQ open a context on the device; there is nothing to open.
    assert their_ip.pop("index") == 0
    assert our_ip.pop("base_address") == our_ip["phys_addr"]  # for load_ip_data
    assert their_ip == our_ip


def test_completing_what_vpp_linked() -> None:
    linked = rendered()
    hw = replace(MANIFEST, target=Target.HW, clock_mhz=238.5)
    weights = PARAMETERS["head/fc/weights"]
    completed = attach(linked, hw, parameters=PARAMETERS)
    xclbin = Xclbin.parse(completed, "card.xclbin")
    assert xclbin.manifest == hw
    assert np.array_equal(xclbin.weights, weights)
    assert xclbin.axlf.uuid == Axlf.parse(linked).uuid
    for kind in (SectionKind.EMBEDDED_METADATA, SectionKind.IP_LAYOUT, SectionKind.MEM_TOPOLOGY):
        assert xclbin.axlf.section(kind) == Axlf.parse(linked).section(kind)
    assert attach(completed, hw, parameters=PARAMETERS, network=NETWORK) == completed  # of which the host needs nothing more


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"manifest": replace(MANIFEST, target=Target.HW)},
         "manifest of target hw: for a card, v++ writes the xclbin and `attach` completes it"),
        ({"banks": tiny.BANKS[:2]}, "weightsmem is in PLRAM[0], but the platform has bank0, bank1"),
        ({"parameters": PARAMETERS | {"res2a/conv1/weights": np.zeros((6, 3, 3, 4), np.int8)}},
         "res2a/conv1/weights: bipolar weights are -1 and 1"),
        ({"parameters": PARAMETERS | {"head/fc/weights": PARAMETERS["head/fc/weights"].T}},
         "head/fc/weights: int8 (8, 10), but the manifest says int8 (10, 8)"),
    ],
)  # fmt: skip
def test_what_cannot_be_written(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        rendered(**changes)


def test_what_could_not_be_read_is_not_written() -> None:
    thresholds = {"stem/conv/thresholds": -PARAMETERS["stem/conv/thresholds"]}
    with pytest.raises(XclbinError, match=r"^parameters: stem/conv/thresholds: channel 0 goes from .*\nwhy: thresholds ascend\n"):
        rendered(parameters=PARAMETERS | thresholds)


def test_attach_is_for_cards() -> None:
    with pytest.raises(ValueError, match=r"^manifest of target emulation: an xclbin from v\+\+ runs on a card$"):
        attach(rendered(), MANIFEST)
    with pytest.raises(ValueError, match=r"^head/fc/weights: none, but the manifest says int8 \(10, 8\)$"):
        attach(rendered(), replace(MANIFEST, target=Target.HW))


def test_arguments_may_share_a_bank() -> None:
    arguments = tiny.arguments(in_bank="bank1", out_bank="bank1", weights_bank="bank1")
    xclbin = Xclbin.parse(rendered(manifest=replace(MANIFEST, arguments=arguments)), "tiny.xclbin")
    assert [bank.used for bank in xclbin.banks] == [False, True, False]


# XRT aborts the process when it is not pleased, so it runs in a child.
XRT_CLIENT = """
import ctypes, json, os, sys
xrt = ctypes.CDLL(sys.argv[1])
handle, path = ctypes.c_void_p, sys.argv[2].encode()
for name in ("xrtDeviceOpen", "xrtPLKernelOpen", "xrtBOAlloc", "xrtRunOpen"):
    getattr(xrt, name).restype = handle
device = handle(xrt.xrtDeviceOpen(0))
loaded = xrt.xrtDeviceLoadXclbinFile(device, path)
uuid = (ctypes.c_ubyte * 16)()
xrt.xrtDeviceGetXclbinUUID(device, uuid)
kernel = handle(xrt.xrtPLKernelOpen(device, uuid, b"tiny:{tiny_1}"))
banks = [xrt.xrtKernelArgGroupId(kernel, i) for i in range(3)]
buffers = [handle(xrt.xrtBOAlloc(device, ctypes.c_size_t(4096), ctypes.c_uint64(0), bank)) for bank in banks]
run = handle(xrt.xrtRunOpen(kernel))
arguments = [xrt.xrtRunSetArg(run, i, buffer) for i, buffer in enumerate(buffers)] + [xrt.xrtRunSetArg(run, 3, ctypes.c_uint(5))]
print(json.dumps({
    "loaded": loaded,
    "uuid": bytes(uuid).hex(),
    "banks": banks,
    "offsets": [xrt.xrtKernelArgOffset(kernel, i) for i in range(4)],
    "arguments": arguments,
    "state": (xrt.xrtRunStart(run), xrt.xrtRunWait(run))[1],
}), flush=True)
os._exit(0)
"""


@pytest.mark.skipif(ctypes.util.find_library("xrt_coreutil") is None, reason="XRT (libxrt_coreutil) is not installed")
def test_xrt_runs_it_without_a_card(tmp_path: Path) -> None:
    """XRT's noop device opens the file, allocates in its banks, and completes a run."""
    noop = next(Path("/usr/lib").glob("*/libxrt_noop.so.2"), None)
    if noop is None:
        pytest.skip("XRT has no libxrt_noop: its noop device is gone from newer releases")
    # XRT looks for its shims in $XILINX_XRT/lib alone, and aborts where there is none.
    (tmp_path / "xrt" / "lib").mkdir(parents=True)
    (tmp_path / "xrt" / "lib" / noop.name).symlink_to(noop)
    path = tiny.write(tmp_path / "tiny.xclbin")
    library = ctypes.util.find_library("xrt_coreutil")
    environment = os.environ | {"XCL_EMULATION_MODE": "noop", "XILINX_XRT": str(tmp_path / "xrt")}
    command = [sys.executable, "-c", XRT_CLIENT, str(library), str(path)]
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout) == {
        "loaded": 0,
        "uuid": Axlf.parse(path.read_bytes()).uuid.hex(),
        "banks": [0, 0, 2],
        "offsets": [0x10, 0x1C, 0x28, 0x34],
        "arguments": [0, 0, 0, 0],
        "state": 4,  # completed
    }
