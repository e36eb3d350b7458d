"""The network of files that have no version in it, written before layers had formats of their own, as `runtime.container.sections` reads it.

Codes were unsigned and padded with 0; a block had one entry, for both branches where the bypass is a projection and else for the main
branch; joins clipped; heads summed.
"""

from __future__ import annotations

from typing import Any

from runtime.container.checks import Check
from runtime.errors import XclbinError

_CHECK = Check(XclbinError, "build or copy the xclbin again")
_CONV_KEYS = ("kernel", "stride", "pad", "name", "in", "out", "weight", "input", "output")


def upgraded(network: dict[str, Any]) -> dict[str, Any]:
    """Version 2 of a network without a version; what it does not have to look at is left to the reader of that."""
    record = _CHECK.record("network", network, ("input", "stem", "blocks", "head"))
    stem = _CHECK.record("network: stem", record["stem"], ("conv", "pool"))
    blocks = _CHECK.items("network: blocks", record["blocks"], 0, 2**16)
    return {
        "version": 2,
        "input": record["input"],
        "stem": {"entry": None, "conv": _conv("network: stem.conv", stem["conv"]), "pool": stem["pool"]},
        "blocks": [_block(f"network: blocks[{i}]", block) for i, block in enumerate(blocks)],
        "head": _head("network: head", record["head"]),
    }


def _conv(where: str, value: object) -> dict[str, Any]:
    return _CHECK.record(where, value, _CONV_KEYS) | {"pad_codes": [0]}


def _block(where: str, value: object) -> dict[str, Any]:
    record = _CHECK.record(where, value, ("name", "entry", "convs", "bypass", "zero_point", "bits"))
    convs = [_conv(f"{where}.convs[{i}]", conv) for i, conv in enumerate(_CHECK.items(f"{where}.convs", record["convs"], 2, 3))]
    codes = convs[0]["input"] if _CHECK.boolean(f"{where}.entry", record["entry"]) else None
    bypass = None if record["bypass"] is None else _conv(f"{where}.bypass", record["bypass"])
    bits = _CHECK.integer(f"{where}.bits", record["bits"], 1, 8)
    return {
        "name": record["name"],
        "entry": {"both": codes if bypass is not None else None, "main": codes if bypass is None else None, "bypass": None},
        "convs": convs,
        "bypass": bypass,
        "join": {
            "activates": False,
            "zero_point": record["zero_point"],
            "output": f"uint{bits}",
            "factors": None,
            "per_channel": False,
            "values": 32,
        },
    }


def _head(where: str, value: object) -> dict[str, Any]:
    record = {"weight": "int8"} | value if type(value) is dict else value  # in older files yet there was no weight
    record = _CHECK.record(where, record, ("zero_point", "inputs", "classes", "top", "weights", "weight"))
    return record | {"pool": "sum", "act": None, "factors": None, "scores": 32, "output": None}
