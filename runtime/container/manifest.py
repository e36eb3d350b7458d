"""The manifest: what the host must know about an accelerator, carried as JSON inside its xclbin.

The tool that links the xclbin writes it, the runtime reads it; shapes, layout, argument order and memory banks are decided
nowhere else, so an xclbin needs no file beside it.
"""

from __future__ import annotations

import json
import keyword
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from runtime.container.checks import Check
from runtime.container.constants import Constants
from runtime.errors import ManifestError

FORMAT = 2  # incremented when a reader of the old format would misunderstand the new one; the first is read, too
NO_DIGEST = "0" * 64
WORD_BYTES = 64  # the kernel reads and writes 512-bit words
STATUS_BYTES = 4  # of its answer to a load

_POINTER_BYTES, _SCALAR_BYTES = 8, 4
_FIRST_OFFSET = 0x10  # below are CTRL, GIE, IER and ISR
_CHECK = Check(ManifestError, "build or copy the xclbin again")


class ImageShape(NamedTuple):
    """An image as it lies in memory: raster order, channels fastest, one byte each."""

    height: int
    width: int
    channels: int


class Direction(str, Enum):
    """What the kernel does with an argument."""

    IN = "in"
    """Reads the memory the argument points to."""
    OUT = "out"
    """Writes the memory the argument points to."""
    SCALAR = "scalar"
    """Takes the value itself."""


class Role(str, Enum):
    """What an argument carries, in the order in which the kernel takes them."""

    IMAGES = "images"
    """A buffer of uint8 images, read: each padded to whole words, `frame_bytes` from one to the next."""
    LABELS = "labels"
    """A buffer of uint32 words, written: the `result` of each frame, its labels and, of some networks, their scores."""
    WEIGHTS = "weights"
    """A buffer of the fully connected layer's int8 matrix, read, or for 0 frames an image of constants; a kernel that has the one and loads
    no others takes none."""
    FRAMES = "frames"
    """The number of frames in the batch; 0 is a load."""

    @property
    def direction(self) -> Direction:
        return _DIRECTIONS[self]


_DIRECTIONS = {Role.IMAGES: Direction.IN, Role.LABELS: Direction.OUT, Role.WEIGHTS: Direction.IN, Role.FRAMES: Direction.SCALAR}


class Target(str, Enum):
    """What an xclbin runs on."""

    HW = "hw"
    """A card."""
    EMULATION = "emulation"
    """The emulated device of this package."""


SCORES: Mapping[str, np.dtype[Any]] = MappingProxyType({"int32": np.dtype("<i4"), "int64": np.dtype("<i8")})
"""What scores may be, and how they lie in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the kernel writes for a frame, in words of 32 bits: the labels, and their scores where it gives these, aligned to their
    size, as is the next frame."""

    words: int
    scores: str | None  # int32 or int64
    scores_offset: int  # bytes from the first label to the first score; 0 without scores
    stride_bytes: int  # from frame to frame

    @classmethod
    def of(cls, top: int, scores: str | None = None) -> Result:
        """That of `top` labels."""
        if scores is None:
            return cls(words=top, scores=None, scores_offset=0, stride_bytes=4 * top)
        size = SCORES[scores].itemsize
        offset = -(-4 * top // size) * size
        stride = offset + top * size
        return cls(words=stride // 4, scores=scores, scores_offset=offset, stride_bytes=stride)

    def check(self, top: int) -> None:
        if self.scores is not None:
            _CHECK.one_of("result.scores", self.scores, SCORES)
        for name, expected in asdict(Result.of(top, self.scores)).items():
            if name != "scores":
                _CHECK.integer(f"result.{name}", getattr(self, name), expected, expected)

    def pack(self, labels: NDArray[np.uint32], scores: NDArray[Any]) -> NDArray[np.uint32]:
        """The words (frames, words) of labels (frames, top) and their scores, which are left out where the kernel gives none."""
        words = np.zeros((len(labels), self.words), "<u4")
        words[:, : labels.shape[1]] = labels
        if self.scores is not None:
            words[:, self.scores_offset // 4 :] = scores.astype(SCORES[self.scores]).view("<u4")
        return words

    def unpack(self, words: NDArray[np.uint32], top: int) -> tuple[NDArray[np.uint32], NDArray[Any] | None]:
        """Labels (frames, top) and their scores from words (frames, words), as arrays of their own."""
        labels = words[:, :top].astype(np.uint32)
        if self.scores is None:
            return labels, None
        scores: NDArray[Any] = np.ascontiguousarray(words[:, self.scores_offset // 4 :]).view(SCORES[self.scores])
        return labels, scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """How pictures become images of the network, as those it was trained on did."""

    order: str = "bgr"  # of the channels: bgr or rgb
    resize: int | None = None  # pixels of the shorter side, from which the middle is cut out; None: both sides to those of the image
    interpolation: str = "bilinear"  # or bicubic

    def check(self, image: ImageShape) -> None:
        _CHECK.one_of("pictures.order", self.order, ("bgr", "rgb"))
        _CHECK.one_of("pictures.interpolation", self.interpolation, ("bilinear", "bicubic"))
        if self.resize is not None:
            # A picture's shorter side may be either.
            _CHECK.integer("pictures.resize", self.resize, max(image.height, image.width), 2**14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument of the kernel: its place in the register file, and in memory what it points to."""

    name: str
    id: int
    offset: int  # of its first byte from CTRL
    size_bytes: int  # 8 for a pointer, 4 for a scalar
    direction: Direction
    bank: str | None  # tag in MEM_TOPOLOGY: bank0, PLRAM[0], HBM[3]; None for a scalar
    port: str  # AXI interface of the kernel

    def __post_init__(self) -> None:
        _CHECK.identifier("name", self.name)
        _CHECK.integer("id", self.id, 0, 3)
        _CHECK.true(type(self.direction) is Direction, "direction", repr(self.direction), "expected a Direction")
        scalar = self.direction is Direction.SCALAR
        _CHECK.integer("offset", self.offset, _FIRST_OFFSET, 0xFFC)
        _CHECK.integer("size_bytes", self.size_bytes, *([_SCALAR_BYTES if scalar else _POINTER_BYTES] * 2))
        if scalar:
            _CHECK.true(self.bank is None, "bank", repr(self.bank), "a scalar lies in no memory bank")
        else:
            _CHECK.text("bank", self.bank, longest=15)
        _CHECK.identifier("port", self.port)

    @property
    def python_name(self) -> str:
        """The name as Python takes it: `in_1` for `in`, which is a keyword."""
        return f"{self.name}_1" if keyword.iskeyword(self.name) else self.name


def _offset(index: int) -> int:
    # HLS keeps a reserved word after the two of every 64-bit pointer.
    return _FIRST_OFFSET + index * (_POINTER_BYTES + 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One accelerator as its host sees it; every instance has been checked."""

    network: str  # names the kernel, too
    platform: str
    target: Target
    clock_mhz: float
    cycles_per_frame: int  # of the slowest stage: one frame leaves every so many cycles
    latency_cycles: int | None = None  # from a frame's first byte read to its labels written; None if it was not simulated
    image: ImageShape
    classes: int
    top: int  # labels written per frame, best first
    result: Result
    pictures: Pictures | None = None  # None: stretched to the image's size, blue-green-red
    label_names: tuple[str, ...] = ()  # one per class, or none
    arguments: tuple[Argument, ...]
    weights: tuple[int, int] | None  # (classes, inputs) of the int8 matrix behind weightsmem; None when it is on chip
    constants: Constants | None = None  # that are loaded; None: all are part of the hardware
    versions: Mapping[str, str] = field(default_factory=dict)  # of the tools that built it
    digest: str = field(default=NO_DIGEST, compare=False)  # SHA-256 of the whole file, see runtime.container.xclbin

    def __post_init__(self) -> None:
        # IP_LAYOUT keeps "<network>:<network>_1" and its NUL in 64 bytes.
        _CHECK.identifier("network", self.network, longest=30)
        _CHECK.text("platform", self.platform, longest=63)
        _CHECK.true(type(self.target) is Target, "target", repr(self.target), "expected a Target")
        _CHECK.number("clock_mhz", self.clock_mhz, 1, 2000)
        _CHECK.integer("cycles_per_frame", self.cycles_per_frame, 1, 2**48)
        if self.latency_cycles is not None:
            _CHECK.integer("latency_cycles", self.latency_cycles, 1, 2**48)
        for name, value in self.image._asdict().items():
            _CHECK.integer(f"image.{name}", value, 1, 2**14)
        _CHECK.integer("image", self.image_bytes, 1, 2**28)
        _CHECK.integer("classes", self.classes, 1, 2**20)
        _CHECK.integer("top", self.top, 1, self.classes)
        self.result.check(self.top)
        if self.pictures is not None:
            self.pictures.check(self.image)
        if self.label_names:
            count = len(self.label_names)
            _CHECK.true(count == self.classes, "label_names", f"{count} names", f"expected one for each of {self.classes} classes, or none")
        for i, name in enumerate(self.label_names):
            _CHECK.text(f"label_names[{i}]", name)
        if self.weights is not None:
            _CHECK.integer("weights[0]", self.weights[0], self.classes, self.classes)
            _CHECK.integer("weights[1]", self.weights[1], 1, 2**20)
            _CHECK.integer("weights", self.weights[0] * self.weights[1], 1, 2**30)
        self._check_arguments()
        for tool, version in self.versions.items():
            _CHECK.text("versions", tool)
            _CHECK.text(f"versions.{tool}", version)
        is_digest = type(self.digest) is str and len(self.digest) == 64 and set(self.digest) <= set("0123456789abcdef")
        _CHECK.true(is_digest, "digest", repr(self.digest), "expected 64 lower-case hexadecimal digits")

    def _check_arguments(self) -> None:
        expected = [role.direction for role in self._roles]
        given = [argument.direction for argument in self.arguments]
        why = f"the kernel takes ({', '.join(direction.value for direction in expected)})"
        _CHECK.true(given == expected, "arguments", f"({', '.join(direction.value for direction in given)})", why)
        for i, argument in enumerate(self.arguments):
            _CHECK.integer(f"arguments[{i}].id", argument.id, i, i)
            _CHECK.integer(f"arguments[{i}].offset", argument.offset, _offset(i), _offset(i))
        names = ["CTRL", *(argument.python_name for argument in self.arguments)]
        _CHECK.true(len(set(names)) == len(names), "arguments", ", ".join(names), "two registers have one name")

    @property
    def _roles(self) -> tuple[Role, ...]:
        return tuple(role for role in Role if role is not Role.WEIGHTS or self.weights is not None or self.constants is not None)

    @property
    def by_role(self) -> dict[Role, Argument]:
        """The arguments by what they carry, in the kernel's order."""
        return dict(zip(self._roles, self.arguments, strict=True))

    @property
    def pointers(self) -> dict[Role, Argument]:
        """Those arguments that point to buffers."""
        return {role: argument for role, argument in self.by_role.items() if role is not Role.FRAMES}

    @property
    def kernel(self) -> str:
        return self.network

    @property
    def cu(self) -> str:
        """Name of the compute unit whose banks the arguments name; an xclbin may hold more of the same kernel."""
        return f"{self.network}_1"

    @property
    def vlnv(self) -> str:
        return f"resflow:kernel:{self.network}:1.0"

    @property
    def image_bytes(self) -> int:
        return self.image.height * self.image.width * self.image.channels

    @property
    def frame_bytes(self) -> int:
        """Bytes from one frame to the next in the input buffer: the image, padded to a whole word."""
        return -(-self.image_bytes // WORD_BYTES) * WORD_BYTES

    def buffer_bytes(self, role: Role, frames: int) -> int:
        """Bytes of a buffer that the kernel reads or writes for a batch, or with 0 frames for a load, which it answers with a word."""
        if role is Role.WEIGHTS and frames == 0 and self.constants is not None:
            return self.constants.image_bytes
        if role is Role.WEIGHTS:
            return 0 if self.weights is None else math.prod(self.weights)
        if frames == 0:
            return 0 if role is Role.IMAGES else STATUS_BYTES
        return frames * {Role.IMAGES: self.frame_bytes, Role.LABELS: self.result.stride_bytes}[role]

    def card_seconds(self, frames: int) -> float:
        """Modelled time of a batch on the card: the latency of the first frame, then one interval for each other frame.

        Without `latency_cycles` a lower bound, as if the slowest stage were the only one.
        """
        return ((self.latency_cycles or self.cycles_per_frame) + (frames - 1) * self.cycles_per_frame) / (self.clock_mhz * 1e6)

    def queued_card_seconds(self, frames: int, *, overlaps: bool) -> float:
        """Modelled time from the end of one such batch to that of the next, where the next is started before: if runs overlap, no more
        than the images take to go in."""
        return frames * self.cycles_per_frame / (self.clock_mhz * 1e6) if overlaps else self.card_seconds(frames)

    @property
    def load_seconds(self) -> float | None:
        """Modelled time of a load on the card; None where nothing is loaded."""
        return None if self.constants is None else self.constants.load_cycles / (self.clock_mhz * 1e6)

    def to_json(self) -> bytes:
        """The manifest section: the digest is the last key, its 64 digits in plain text."""
        constants = None if self.constants is None else self.constants.entries
        return json.dumps({"format": FORMAT, **asdict(self), "constants": constants}, indent=1).encode()

    @classmethod
    def parse(cls, data: bytes) -> Manifest:
        """The inverse of `to_json`; ManifestError names the first field that is wrong."""
        try:
            return cls._parse(_CHECK.json("json", data))
        except ManifestError as error:
            raise error.within("manifest") from None

    @classmethod
    def _parse(cls, value: object) -> Manifest:
        found = value.get("format") if type(value) is dict else FORMAT
        if type(found) is not int or not 1 <= found <= FORMAT:
            what, why = f"version {found!r:.20}", f"this runtime reads versions 1 to {FORMAT}"
            raise ManifestError("format", what, why, "build the xclbin again, or use the runtime it was built with")
        if type(value) is dict:
            value.setdefault("latency_cycles", None)  # files from before there was one
            value.setdefault("constants", None)
            if found == 1:
                value = _upgraded(value)
        record = _CHECK.record("json", value, ["format", *(f.name for f in fields(cls))])
        record.pop("format")
        versions = record["versions"]
        is_short = type(versions) is dict and len(versions) <= 64
        _CHECK.true(is_short, "versions", f"{versions!r:.40}", "expected an object of at most 64 names")
        weights, pictures, constants = record["weights"], record["pictures"], record["constants"]
        keys = tuple(f.name for f in fields(Pictures))
        return cls(
            **record
            | {
                "target": Target(_CHECK.one_of("target", record["target"], (target.value for target in Target))),
                "image": ImageShape(*_CHECK.items("image", record["image"], 3, 3)),
                "result": Result(**_CHECK.record("result", record["result"], (f.name for f in fields(Result)))),
                "pictures": None if pictures is None else Pictures(**_CHECK.record("pictures", pictures, keys)),
                "label_names": tuple(_CHECK.items("label_names", record["label_names"], 0, 2**20)),
                "arguments": tuple(_argument(i, item) for i, item in enumerate(_CHECK.items("arguments", record["arguments"], 3, 4))),
                "weights": weights if weights is None else tuple(_CHECK.items("weights", weights, 2, 2)),
                "constants": None if constants is None else _constants(constants),
            }
        )


def _upgraded(record: dict[str, Any]) -> dict[str, Any]:
    """The second format of a manifest of the first, whose kernels gave labels only."""
    for name in ("result", "pictures"):
        _CHECK.true(name not in record, "json", f"unknown key {name!r}", "there is none in version 1")
    top = _CHECK.integer("top", record.get("top"), 1, 2**20)
    return record | {"result": asdict(Result.of(top)), "pictures": None}


def _constants(value: object) -> Constants:
    try:
        return Constants.parse(value)
    except ManifestError as error:
        raise error.within("constants") from None


def _argument(index: int, value: object) -> Argument:
    try:
        record = _CHECK.record("json", value, (f.name for f in fields(Argument)))
        direction = Direction(_CHECK.one_of("direction", record["direction"], (direction.value for direction in Direction)))
        return Argument(**record | {"direction": direction})
    except ManifestError as error:
        raise error.within(f"arguments[{index}]") from None
