"""Test vectors: the data at each port of each IP, computed by the reference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataflow.design import Design, Ip, Port
from network.arrays import key

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from network.parameters import Parameters

COSIM_FRAMES = 2
"""Frames that cosimulation runs, minutes each: the second one shows the interval."""


def vectors(design: Design, parameters: Parameters, images: NDArray[np.uint8]) -> dict[str, dict[str, bytes]]:
    """By IP, the files `<port>.bin` its bench reads; images are uint8 (n, H, W, C)."""
    import numpy as np  # here, because it loads slowly

    from network import reference

    network = design.network
    traced = reference.trace(network, parameters, images)
    labels = {"labels": reference.result_words(network.head, traced["labels"], traced["scores"])}
    weights = {"weights": parameters[key(network.head.fc.name, "weights")]} if network.head.streams_weights else {}
    arrays: dict[str, dict[str, NDArray[Any]]] = {"dma": {"image": images, **weights, **labels}, "stem": {"image": images}}
    codes = arrays["stem"]["codes_out"] = traced["stem"]
    for block in network.blocks:
        arrays[block.name] = {"codes_in": codes, "codes_out": traced[block.name]}
        codes = traced[block.name]
    arrays["head"] = {"codes_in": codes, **weights, **labels}
    return {ip.name: {f"{port}.bin": np.ascontiguousarray(array).tobytes() for port, array in arrays[ip.name].items()} for ip in design.ips}


def frame_count(ip: Ip, folder: Path) -> int:
    """The number of frames in the vectors in `folder`, from the size of a port that is not constant."""
    port = next(port for port in ip.ports if port.name != "weights")
    return (folder / f"{port.name}.bin").stat().st_size // frame_bytes(port)


def frame_bytes(port: Port) -> int:
    """Bytes per frame in a port's vectors."""
    return port.beats * port.lanes * (1 if port.format.bits <= 8 else 4)


def first_frames(ip: Ip, folder: Path) -> dict[str, bytes]:
    """The vectors of the first COSIM_FRAMES frames, by file."""
    return {f"{port.name}.bin": (folder / f"{port.name}.bin").read_bytes()[: COSIM_FRAMES * frame_bytes(port)] for port in ip.ports}
