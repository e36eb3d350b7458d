"""Draws tiny networks and writes them as emulation xclbins."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataflow.unit import Constants as Held
from dataflow.units.constants import bias_constants, level_constants, threshold_constants, weight_constants
from network.formats import Format, holding
from network.layers import Fold
from network.operations import Activation, Shape, reach
from runtime.container.axlf import AXLF, BANK, CONNECTION, CONNECTION_COUNT, COUNT, IP, KERNEL_IP, Axlf, BankKind, Mode, SectionKind
from runtime.container.constants import Constants
from runtime.container.manifest import Argument, Direction, ImageShape, Manifest, Result, Target
from runtime.container.xclbin import Bank
from vitis.xclbin import CU_BASE, Content, _sealed, attach, render

MODE_OFFSET = 332  # in the header

BANKS = (
    Bank(tag="bank0", kind=BankKind.DDR4, base=0x40_0000_0000, size_kb=16 * 2**20),
    Bank(tag="bank1", kind=BankKind.DDR4, base=0x50_0000_0000, size_kb=16 * 2**20),
    Bank(tag="PLRAM[0]", kind=BankKind.DRAM, base=0x30_0000_0000, size_kb=128),
)


def conv(name: str, inputs: int, out: int, *, kernel: int = 1, stride: int = 1, pad: int = 0, **formats: str) -> dict[str, Any]:
    """The JSON of a square convolution; `formats` are weight, input, output."""
    window = {"kernel": [kernel, kernel], "stride": [stride, stride], "pad": [[pad, pad], [pad, pad]]}
    wires = {"weight": "bipolar", "input": "uint2", "output": "uint2"} | formats
    return window | {"pad_codes": [0], "name": name, "in": inputs, "out": out} | wires


def join(output: str, zero_point: int) -> dict[str, Any]:
    """The JSON of a join that clips."""
    return {"activates": False, "zero_point": zero_point, "output": output, "factors": None, "per_channel": False, "values": 32}


def network(*, head: str = "stream", image: tuple[int, int, int] = (8, 8, 1), top: int = 3) -> dict[str, Any]:
    """A stem with a pool, a basic block with a projection and a stride, and a bottleneck with the identity."""
    return {
        "version": 2,
        "input": list(image),
        "stem": {
            "entry": None,
            "conv": conv("stem.conv", image[2], 4, kernel=3, pad=1, weight="int8", input="uint8"),
            "pool": {"kernel": [2, 2], "stride": [1, 1], "pad": [[0, 1], [0, 1]]},
        },
        "blocks": [
            {
                "name": "res2a",
                "entry": {"both": None, "main": None, "bypass": None},
                "convs": [
                    conv("res2a.conv1", 4, 6, kernel=3, stride=2, pad=1),
                    conv("res2a.conv2", 6, 8, kernel=3, pad=1, output="uint4"),
                ],
                "bypass": conv("res2a.bypass", 4, 8, stride=2, weight="int3", output="uint4"),
                "join": join("uint4", 8),
            },
            {
                "name": "res2b",
                "entry": {"both": None, "main": "uint2", "bypass": None},
                "convs": [
                    conv("res2b.conv1", 8, 4),
                    conv("res2b.conv2", 4, 4, kernel=3, pad=1, weight="uint3"),
                    conv("res2b.conv3", 4, 8, output="uint4"),
                ],
                "bypass": None,
                "join": join("uint4", 8),
            },
        ],
        "head": {
            "pool": "sum",
            "zero_point": 8,
            "act": None,
            "inputs": 8,
            "classes": 10,
            "top": top,
            "weights": head,
            "weight": "int8",
            "factors": None,
            "scores": 32,
            "output": None,
        },
    }


def draw(network: dict[str, Any], seed: int = 1) -> dict[str, NDArray[Any]]:
    """Random parameters in the layout of params/*.npz, with thresholds among the sums that occur."""
    rng = np.random.default_rng(seed)
    parameters: dict[str, NDArray[Any]] = {}

    def draw_conv(record: dict[str, Any]) -> None:
        key, weight = record["name"].replace(".", "/"), record["weight"]
        shape = (record["out"], *record["kernel"], record["in"])
        if weight == "bipolar":
            weights = rng.choice([-1, 1], shape).astype(np.int8)
        elif weight.startswith("uint"):
            weights = rng.integers(0, 2 ** int(weight[4:]), shape).astype(np.uint8)
        else:
            half = 2 ** (int(weight[3:]) - 1)
            weights = rng.integers(-half, half, shape).astype(np.int8)
        parameters[f"{key}/weights"] = weights
        high = 2 ** int(record["input"][4:]) - 1
        sums = weights.reshape(len(weights), -1).astype(np.int64)
        centre, spread = sums.sum(1) * high // 2, np.abs(sums).sum(1) * high // 3 + 1
        thresholds = rng.integers(centre - spread, centre + spread + 1, (2 ** int(record["output"][4:]) - 1, len(weights)))
        parameters[f"{key}/thresholds"] = np.sort(thresholds.T, axis=1).astype(np.int32)

    draw_conv(network["stem"]["conv"])
    for block in network["blocks"]:
        if block["entry"]["main"]:
            shape = (block["convs"][0]["in"], 2 ** int(block["entry"]["main"][4:]) - 1)
            parameters[f"{block['name']}/entry/thresholds"] = np.sort(rng.integers(0, 17, shape), axis=1).astype(np.int32)
        for each in [*block["convs"], *([block["bypass"]] if block["bypass"] else [])]:
            draw_conv(each)
    head = network["head"]
    parameters["head/fc/weights"] = rng.integers(-128, 128, (head["classes"], head["inputs"])).astype(np.int8)
    parameters["head/fc/bias"] = rng.integers(-1000, 1000, head["classes"]).astype(np.int32)
    return parameters


def constants(described: dict[str, Any], fixed: Collection[str] = ()) -> Constants:
    """Of a network of which everything is loaded but the arrays of these keys, and a head's weights that are streamed: two outputs and one
    input a cycle."""
    convs = [described["stem"]["conv"]]
    for block in described["blocks"]:
        convs += [*block["convs"], *([block["bypass"]] if block["bypass"] else [])]
    held: list[Held] = []
    for conv in convs:
        name, shape = conv["name"], conv["kernel"][0] * conv["kernel"][1] * conv["in"]
        weight, codes = Format.parse(conv["weight"]), Format.parse(conv["input"])
        low, high = reach(shape, weight, codes)
        activation = Activation(
            shape=Shape(1, 1, conv["out"]), values=holding(low, high), reach=(low, high), codes=Format.parse(conv["output"])
        )
        held.append(weight_constants(name, name, Fold(pe=2, simd=1), weight, conv["out"] // 2 * shape))
        held.append(threshold_constants(name, name, activation, 2))
    for block in described["blocks"]:
        if block["entry"]["main"]:
            values = Format.parse(described["blocks"][0]["join"]["output"])
            activation = Activation(
                shape=Shape(1, 1, block["convs"][0]["in"]),
                values=values,
                reach=(values.low, values.high),
                codes=Format.parse(block["entry"]["main"]),
            )
            held += level_constants("entry", f"{block['name']}.entry", activation, 2)
    head = described["head"]
    if head["weights"] != "stream":
        tiles = head["classes"] // 2 * head["inputs"]
        held.append(weight_constants("fc", "head.fc", Fold(pe=2, simd=1), Format.parse(head["weight"]), tiles))
    held.append(bias_constants("fc", "head.fc", 2, head["classes"], 32))
    return Constants.of("0123456789abcdef" * 4, (each.layout for each in held if each.key not in fixed))


def arguments(*, in_bank: str, out_bank: str, weights_bank: str | None = None) -> tuple[Argument, ...]:
    """(in*, out*, weightsmem*, numReps); without a weights bank there is no weightsmem."""
    rows = [("in", 8, Direction.IN, in_bank), ("out", 8, Direction.OUT, out_bank), ("weightsmem", 8, Direction.IN, weights_bank)]
    if weights_bank is None:
        rows.pop()
    rows.append(("numReps", 4, Direction.SCALAR, None))
    return tuple(
        Argument(
            name=name,
            id=i,
            offset=0x10 + 12 * i,
            size_bytes=size,
            direction=direction,
            bank=bank,
            port=f"M_AXI_GMEM{i}" if bank else "S_AXI_CONTROL",
        )
        for i, (name, size, direction, bank) in enumerate(rows)
    )


def manifest(described: dict[str, Any], /, *, weights_bank: str = "PLRAM[0]", scores: str | None = None, **changes: Any) -> Manifest:
    head = described["head"]
    streams = head["weights"] == "stream"
    reads = streams or changes.get("constants") is not None
    fields: dict[str, Any] = {
        "network": "tiny",
        "platform": "xilinx_u250_gen3x16_xdma_4_1_202210_1",
        "target": Target.EMULATION,
        "clock_mhz": 250,
        "cycles_per_frame": 576,
        "image": ImageShape(*described["input"]),
        "classes": head["classes"],
        "top": head["top"],
        "result": Result.of(head["top"], scores),
        "label_names": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
        "arguments": arguments(in_bank="bank0", out_bank="bank0", weights_bank=weights_bank if reads else None),
        "weights": (head["classes"], head["inputs"]) if streams else None,
        "versions": {"vitis": "2022.2"},
    }
    return Manifest(**fields | changes)


def xclbin(*, seed: int = 1, head: str = "stream", image: tuple[int, int, int] = (8, 8, 1), top: int = 3, **changes: Any) -> bytes:
    """A whole emulation xclbin; `changes` are fields of its manifest."""
    described = network(head=head, image=image, top=top)
    return render(manifest(described, **changes), banks=BANKS, network=described, parameters=draw(described, seed))


def loaded_xclbin(*, seed: int = 1, head: str = "rom", fixed: Collection[str] = (), **changes: Any) -> bytes:
    """One whose constants are loaded, but those of the keys `fixed`."""
    loaded = constants(network(head=head), fixed)
    return xclbin(
        seed=seed,
        head=head,
        **{"constants": loaded, "arguments": arguments(in_bank="bank0", out_bank="bank0", weights_bank="bank0")} | changes,
    )


def linked_for_a_card(*, loads: bool = False) -> bytes:
    """What v++ might have linked, completed: the sections of an emulation, but marked as a bitstream's."""
    described = network()
    loaded = {"constants": constants(described)} if loads else {}
    data = bytearray(xclbin(**loaded))
    data[MODE_OFFSET : MODE_OFFSET + 2] = Mode.PR.to_bytes(2, "little")
    return attach(bytes(data), manifest(described, target=Target.HW, **loaded), parameters=draw(described), network=described)


def with_two_units(data: bytes, *, second_bank: int | None = 1) -> bytes:
    """The same kernel twice: tiny_2 has its own registers, and its images and labels in another bank of MEM_TOPOLOGY, or nowhere."""
    axlf = Axlf.parse(data)
    contents = []
    for section in axlf.sections:
        body = data[section.offset : section.offset + section.size]
        if section.kind == SectionKind.IP_LAYOUT:
            body = COUNT.pack(2) + body[COUNT.size :] + IP.pack(KERNEL_IP, 0, CU_BASE + 0x1000, b"tiny:tiny_2")
        if section.kind == SectionKind.CONNECTIVITY:
            banks = () if second_bank is None else enumerate((second_bank, second_bank, 2))
            more = [CONNECTION.pack(argument, 1, bank) for argument, bank in banks]
            body = CONNECTION_COUNT.pack(3 + len(more)) + body[CONNECTION_COUNT.size :] + b"".join(more)
        if section.kind == SectionKind.MEM_TOPOLOGY:
            body = COUNT.pack(len(BANKS)) + b"".join(BANK.pack(b.kind, 1, b.size_kb, b.base, b.tag.encode()) for b in BANKS)
        contents.append(Content(kind=section.kind, name=section.name, data=body))
    return _sealed(data[: AXLF.size], contents)


def write(path: Path, **options: Any) -> Path:
    path.write_bytes(xclbin(**options))
    return path


def reseal(data: bytes) -> bytes:
    """The file with the digest that belongs to what is now in it."""
    axlf = Axlf.parse(data)
    offset, digest = axlf.digest_offset(), axlf.digest().encode()
    return data[:offset] + digest + data[offset + len(digest) :]
