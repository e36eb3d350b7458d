"""Writes xclbins of the first form, as they were before layers had formats of their own: manifest format 1, a network without a version."""

from __future__ import annotations

import json
from typing import Any

from runtime.container.axlf import AXLF, Axlf, SectionKind
from tests.runtime import tiny
from vitis.xclbin import Content, _sealed


def network(*, head: str = "stream") -> dict[str, Any]:
    """The network of `tiny` as it was written then."""
    described = tiny.network(head=head)

    def conv(record: dict[str, Any] | None) -> dict[str, Any] | None:
        return None if record is None else {key: value for key, value in record.items() if key != "pad_codes"}

    blocks = [
        {
            "name": block["name"],
            "entry": any(block["entry"].values()),
            "convs": [conv(each) for each in block["convs"]],
            "bypass": conv(block["bypass"]),
            "zero_point": block["join"]["zero_point"],
            "bits": int(block["join"]["output"].removeprefix("uint")),
        }
        for block in described["blocks"]
    ]
    keys = ("zero_point", "inputs", "classes", "top", "weights")
    return {
        "input": described["input"],
        "stem": {"conv": conv(described["stem"]["conv"]), "pool": described["stem"]["pool"]},
        "blocks": blocks,
        "head": {key: described["head"][key] for key in keys},
    }


def manifest(data: bytes) -> bytes:
    """A manifest of the second format as one of the first."""
    record = json.loads(data)
    del record["result"], record["pictures"]
    return json.dumps(record | {"format": 1}, indent=1).encode()


def xclbin(*, head: str = "stream") -> bytes:
    """A whole file, of the same network and parameters as that of `tiny`."""
    data = tiny.xclbin(head=head)
    axlf = Axlf.parse(data)
    contents = []
    for section in axlf.sections:
        body = data[section.offset : section.offset + section.size]
        if (section.kind, section.name) == (SectionKind.USER, "manifest"):
            body = manifest(body)
        if (section.kind, section.name) == (SectionKind.USER, "network"):
            body = json.dumps(network(head=head), indent=1).encode()
        contents.append(Content(kind=section.kind, name=section.name, data=body))
    return _sealed(data[: AXLF.size], contents)
