"""An xclbin in the form PYNQ asks for: the dictionaries behind `overlay.<cu>`, `overlay.<bank>` and `register_map`.

PYNQ's own parser reads the same from the same file, but trusts every length in it, and stops at memories newer than itself.
"""

from __future__ import annotations

from typing import Any

from runtime.container.axlf import Protocol
from runtime.container.manifest import Argument
from runtime.container.xclbin import Xclbin
from runtime.device.registers import CTRL, REGISTER_BYTES

_MEMORY_TYPES = {1: "DDR4", 2: "DRAM", 6: "HBM", 8: "URAM"}  # as PYNQ spells them


class Metadata:
    """Takes the place of PYNQ's `XclBin`, under the same names."""

    def __init__(self, xclbin: Xclbin) -> None:
        self.xclbin = xclbin
        self.ip_dict = {unit.name: _ip(xclbin, i) for i, unit in enumerate(xclbin.units)}
        self.mem_dict = {bank.tag: _memory(xclbin, i) for i, bank in enumerate(xclbin.banks) if bank.kind in _MEMORY_TYPES}
        clocks = sorted(xclbin.clocks, key=lambda clock: clock[2])
        self.clock_dict = {f"clock{i}": {"name": name, "frequency": mhz, "type": kind.name} for i, (name, mhz, kind) in enumerate(clocks)}
        self.gpio_dict: dict[str, Any] = {}
        self.interrupt_controllers: dict[str, Any] = {}
        self.interrupt_pins: dict[str, Any] = {}
        self.hierarchy_dict: dict[str, Any] = {}
        self.systemgraph = None


def _ip(xclbin: Xclbin, index: int) -> dict[str, Any]:
    manifest, unit = xclbin.manifest, xclbin.units[index]
    registers = {argument.python_name: _register(argument, unit.banks.get(role)) for role, argument in manifest.by_role.items()}
    return {
        "phys_addr": unit.base,
        "base_address": unit.base,  # the same to PYNQ's load_ip_data
        "addr_range": REGISTER_BYTES,
        "type": manifest.vlnv,
        "hw_control_protocol": str(unit.protocol),
        "fullpath": unit.name,
        "registers": {"CTRL": _CTRL_REGISTERS[unit.protocol]} | registers,
        "streams": {},
        "mem_id": None,
        "state": None,
        "interrupts": {},
        "gpio": {},
        "xclbin_uuid": xclbin.axlf.uuid.hex(),
        "cu_name": f"{manifest.kernel}:{unit.name}",
        "cu_index": index,
        "xclbin": manifest.digest,
    }


def _register(argument: Argument, bank: str | None) -> dict[str, Any]:
    register = {
        "address_offset": argument.offset,
        "access": "read-write",
        "size": argument.size_bytes * 8,
        "host_size": argument.size_bytes,
        "description": "number of frames" if bank is None else f"address of a buffer in {bank}",
        "type": "uint" if bank is None else "void*",
        "id": argument.id,
    }
    return register if bank is None else register | {"memory": bank}


def _field(bit: int, access: str, description: str) -> dict[str, Any]:
    return {"access": access, "bit_offset": bit, "bit_width": 1, "description": description}


def _ctrl_register(protocol: Protocol) -> dict[str, Any]:
    chain = protocol is Protocol.AP_CTRL_CHAIN
    done = "the kernel has finished; cleared by AP_CONTINUE" if chain else "the kernel has finished; cleared on read"
    return {
        "address_offset": CTRL,
        "access": "read-write",
        "size": 4,
        "description": "control of the kernel",
        "type": "unsigned int",
        "id": None,
        "fields": {
            "AP_START": _field(0, "read-write", "start the kernel"),
            "AP_DONE": _field(1, "read-only", done),
            "AP_IDLE": _field(2, "read-only", "the kernel is idle"),
            "AP_READY": _field(3, "read-only", "the kernel can be started again; cleared on read"),
            **({"AP_CONTINUE": _field(4, "read-write", "take note of AP_DONE, so that the next run may finish")} if chain else {}),
            "AUTO_RESTART": _field(7, "read-write", "start again when finished; not emulated"),
        },
    }


_CTRL_REGISTERS = {protocol: _ctrl_register(protocol) for protocol in Protocol}


def _memory(xclbin: Xclbin, index: int) -> dict[str, Any]:
    bank = xclbin.banks[index]
    return {
        "raw_type": bank.kind,
        "used": int(bank.used),
        "base_address": bank.base,
        "size": bank.size_kb * 1024,
        "type": _MEMORY_TYPES[bank.kind],
        "streaming": False,
        "idx": index,
        "tag": bank.tag,
        "xclbin": xclbin.manifest.digest,
    }
