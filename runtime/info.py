"""What an xclbin holds, and what this machine has to run it on, in words."""

from __future__ import annotations

from collections.abc import Iterator

from constants.image import HEADER
from runtime.container.axlf import BankKind, Mode
from runtime.container.manifest import Manifest, Role
from runtime.container.xclbin import Xclbin
from runtime.emulation.emulator import available_paths
from runtime.errors import DeviceError
from runtime.xrt import cards
from runtime.xrt import library as xrt


def machine() -> str:
    """The devices of this machine, and what keeps it from using cards."""
    lines = [f"emulation, computed with {available_paths()[0]}", *map(str, cards.cards())]
    try:
        xrt.load()
        lines.append(f"XRT {xrt.version()}".rstrip())
    except DeviceError as error:
        lines.append(f"no XRT: {error.where}: {error.what}")
    return _column("devices", lines)


def file(xclbin: Xclbin) -> str:
    """All that is known of an xclbin but its weights."""
    manifest, axlf = xclbin.manifest, xclbin.axlf
    height, width, channels = manifest.image
    interval = f"{manifest.cycles_per_frame:,} cycles a frame"
    rate = f"at most {manifest.clock_mhz * 1e6 / manifest.cycles_per_frame:,.0f} frames/s (modelled)"
    mode = Mode(axlf.mode).name if axlf.mode in set(Mode) else str(axlf.mode)
    rows: dict[str, list[str]] = {
        "xclbin": [f"{xclbin.path}, {len(axlf.data):,} bytes, {mode}, uuid {axlf.uuid.hex()}"],
        "network": [f"{manifest.network}: uint8 ({height}, {width}, {channels}), {manifest.classes:,} classes, the {manifest.top} best"],
        "target": [f"{manifest.target.value}, {manifest.platform}"],
        "built by": [", ".join(f"{tool} {version}" for tool, version in manifest.versions.items()) or "not recorded"],
        "digest": [manifest.digest],
        "speed": [f"{manifest.clock_mhz:g} MHz, {interval}: {rate}"],
        "pictures": _pictures(manifest),
        "constants": _constants(xclbin),
        "arguments": [
            f"{argument.name:12}{argument.offset:#06x}  {_meaning(manifest, role)}" for role, argument in manifest.by_role.items()
        ],
        "units": [f"{unit.name:11} {unit.base:#x}  {', '.join(unit.banks.values())}" for unit in xclbin.units],
        "banks": [*_banks(xclbin)],
        "clocks": [f"{name} {mhz} MHz ({kind.name})" for name, mhz, kind in xclbin.clocks],
        "sections": [f"{section.kind:3} {section.name or '-':12}{section.size:14,} bytes" for section in axlf.sections],
    }
    return "\n".join(_column(name, lines) for name, lines in rows.items() if lines)


def _pictures(manifest: Manifest) -> list[str]:
    """How they become images, where the xclbin says so."""
    pictures, (height, width, channels) = manifest.pictures, manifest.image
    if pictures is None:
        return []
    fitted = f"{height} x {width} pixels"
    if pictures.resize is not None:
        fitted = f"{pictures.resize} pixels on the shorter side, of these the middle {height} x {width}"
    return [f"{'grey' if channels == 1 else pictures.order}, {pictures.interpolation} to {fitted}"]


def _constants(xclbin: Xclbin) -> list[str]:
    """What is loaded, and what the xclbin carries of it."""
    constants, seconds = xclbin.manifest.constants, xclbin.manifest.load_seconds
    if constants is None or seconds is None or xclbin.image is None:
        return []
    _, _, checksum, *_ = HEADER.unpack(xclbin.image[: HEADER.size])
    return [
        f"loaded: {constants.words:,} words into {len(constants.layouts):,} memories, in {seconds * 1e3:,.3g} ms (modelled)",
        f"fingerprint of the hardware {constants.fingerprint[:32]}",
        f"the xclbin brings an image of {constants.image_bytes:,} bytes, CRC-32 {checksum:08x}",
    ]


def _meaning(manifest: Manifest, role: Role) -> str:
    bank = manifest.by_role[role].bank
    return {
        Role.IMAGES: f"images, {manifest.frame_bytes} bytes a frame, from {bank}",
        Role.LABELS: f"{_given(manifest)}, {manifest.result.stride_bytes} bytes a frame, to {bank}",
        Role.WEIGHTS: f"{_beside(manifest)}, from {bank}",
        Role.FRAMES: "frames of the batch" if manifest.constants is None else "frames of the batch; 0 loads constants",
    }[role]


def _beside(manifest: Manifest) -> str:
    """What a buffer holds that is neither images nor results."""
    weights = "" if manifest.weights is None else f"weights int8 {manifest.weights}"
    constants = "" if manifest.constants is None else "an image of constants"
    return ", or ".join(filter(None, (weights, constants)))


def _given(manifest: Manifest) -> str:
    scores = manifest.result.scores
    return "labels" if scores is None else f"labels and scores {scores}"


def _banks(xclbin: Xclbin) -> Iterator[str]:
    for bank in xclbin.banks:
        kind = BankKind(bank.kind).name if bank.kind in set(BankKind) else f"kind {bank.kind}"
        yield f"{bank.tag:12}{kind:6}{bank.size_kb:12,} KiB at {bank.base:#x}{'' if bank.used else ', not used'}"


def _column(name: str, lines: list[str]) -> str:
    return "\n".join(f"{name if i == 0 else '':11}{line}" for i, line in enumerate(lines))
