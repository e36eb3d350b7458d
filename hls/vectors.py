"""Test vectors: the data at each port of each IP, computed by the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataflow.design import IMAGES, Design, Ip, Port
from network.arrays import key

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from network.parameters import Parameters

COSIM_FRAMES = 2
"""Frames that cosimulation runs, minutes each: the second one shows the interval."""


PASSED = 64
"""Words behind an IP's own in the loads of its bench, at most: what it passes on, it counts and does not look at."""
SEEDS = (0, 1)
"""Of the parameters that are loaded one after the other, each in front of all frames."""


def vectors(design: Design, parameters: Parameters | None, images: NDArray[np.uint8]) -> dict[str, dict[str, bytes]]:
    """By IP, the files `<port>.bin` its bench reads; images are uint8 (n, H, W, C).

    Where constants are loaded, all frames follow twice, with two sets of drawn parameters; `parameters` may be None where none are in ROMs.
    """
    import numpy as np  # here, because it loads slowly

    sets = parameter_sets(design, parameters)
    arrays: dict[str, dict[str, NDArray[Any]]] = {ip.name: {} for ip in design.ips}
    of_sets = [_of_frames(design, each, images) for each in sets]
    for ip in design.ips:
        for port in of_sets[0][ip.name]:
            found = [each[ip.name][port] for each in of_sets]
            arrays[ip.name][port] = found[0] if port == "weights" else np.concatenate(found)
    if design.network.loads:
        _add_messages(design, sets, len(images), arrays)
    return {ip.name: {f"{port}.bin": np.ascontiguousarray(array).tobytes() for port, array in arrays[ip.name].items()} for ip in design.ips}


def parameter_sets(design: Design, parameters: Parameters | None) -> list[Parameters]:
    """Those of the vectors: the given ones, or one after the other what is loaded, together with the given ones that are in ROMs."""
    from network.parameters import draw

    if not design.network.loads:
        if parameters is None:
            raise ValueError(f"{design.name} has parameters")
        return [parameters]
    first, *others = (draw(design.network, seed) for seed in SEEDS)
    loaded = {held.key for held in design.loaded}
    fixed = {held.key for ip in design.ips for unit in ip.units for held in unit.constants} - loaded
    kept = {name: first[name] for name in first.keys() - loaded} | {name: parameters[name] for name in fixed if parameters is not None}
    if parameters is None and fixed:
        raise ValueError(f"{design.name} has parameters in ROMs")
    return [{**each, **kept} for each in (first, *others)]


def _of_frames(design: Design, parameters: Parameters, images: NDArray[np.uint8]) -> dict[str, dict[str, NDArray[Any]]]:
    """By IP and port, the codes of frames."""
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
    return arrays


def _add_messages(design: Design, sets: Sequence[Parameters], frames: int, arrays: Mapping[str, dict[str, NDArray[Any]]]) -> None:
    """Messages in front of the frames of each set: at the ports, as words of 64 bits; and the images of constants that the DMA reads."""
    import numpy as np

    from constants import image
    from hls.roms import rows

    loading = [ip for ip in design.parts if ip.loaded]
    words = [
        [image.chain([held.layout for held in ip.loaded], [rows(held, each) for held in ip.loaded]) for ip in loading] for each in sets
    ]

    def messages(loads: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint64]:
        return np.concatenate(
            [part for load in loads for part in (np.array([len(load)]), load, np.zeros(frames))], dtype="<u8", casting="unsafe"
        )

    for i, ip in enumerate(loading):
        behind = [np.concatenate([*each[i + 1 :], np.zeros(0, "<u8")])[:PASSED] for each in words]
        arrays[ip.name]["constants_in"] = messages([np.concatenate([each[i], passed]) for each, passed in zip(words, behind, strict=True)])
        if ip is not loading[-1]:
            arrays[ip.name]["constants_out"] = messages(behind)
    if design.ips[0].reads_constants:
        loads = [np.concatenate(each) for each in words]
        arrays["dma"]["constants"] = messages(loads)
        images = b"".join(image.pack_image(load, design.fingerprint) for load in loads)
        arrays["dma"][IMAGES] = np.frombuffer(images, np.uint8)


def frame_count(ip: Ip, folder: Path) -> int:
    """The number of frames in the vectors in `folder`, from the size of a port that is not constant."""
    port = next(port for port in ip.ports if port.name != "weights" and not is_chain(port))
    return (folder / f"{port.name}.bin").stat().st_size // frame_bytes(port)


def is_chain(port: Port) -> bool:
    """Whether messages with constants pass, not codes."""
    return port.name.startswith("constants")


def frame_bytes(port: Port) -> int:
    """Bytes per frame in a port's vectors."""
    return port.beats * port.lanes * (1 if port.format.bits <= 8 else 4)


def first_frames(ip: Ip, folder: Path) -> dict[str, bytes]:
    """The vectors of COSIM_FRAMES frames, by file: of the first ones, or of the first with each set of constants."""
    texts = {port.name: (folder / f"{port.name}.bin").read_bytes() for port in ip.ports}
    apart = frame_count(ip, folder) // COSIM_FRAMES if any(map(is_chain, ip.ports)) else 1
    found = {}
    for port in ip.ports:
        text, size = texts[port.name], frame_bytes(port)
        frames = [text[at * size :][:size] for at in (0, apart)]
        found[f"{port.name}.bin"] = _first_messages(text) if is_chain(port) else b"".join(frames)
    if ip.reads_constants:
        found[f"{IMAGES}.bin"] = (folder / f"{IMAGES}.bin").read_bytes()
    return found


def _first_messages(text: bytes) -> bytes:
    """Every load, each with the token of a single frame behind it."""
    found, at = b"", 0
    while at < len(text):
        if words := int.from_bytes(text[at : at + 8], "little"):
            found += text[at : at + 8 * (1 + words)] + bytes(8)
        at += 8 * (1 + words)
    return found
