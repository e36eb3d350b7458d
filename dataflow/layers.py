"""What one process works on, besides the convolutions and the fully connected layer of `network.model`.

Each value becomes the C++ struct that is the template argument of its process. Beats are per frame.
"""

from __future__ import annotations

from dataclasses import dataclass

from network.formats import Format
from network.model import Shape, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Convert:
    """Data width conversion; one lane count divides the other."""

    codes: int  # per frame
    lanes_in: int
    lanes_out: int
    format: Format

    @property
    def cycles(self) -> int:
        return self.codes // min(self.lanes_in, self.lanes_out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fork:
    beats: int
    lanes: int
    format: Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    shape: Shape
    lanes: int
    input_format: Format
    output_format: Format

    @property
    def beats(self) -> int:
        return self.shape.size // self.lanes


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    beats: int
    lanes: int
    format: Format
    zero_point: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Maximum over a window."""

    input: Shape
    window: Window
    lanes: int
    format: Format

    @property
    def output(self) -> Shape:
        return self.window.output(self.input, self.input.channels)

    @property
    def cycles(self) -> int:
        return self.output.pixels * self.window.taps * (self.input.channels // self.lanes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accumulate:
    """Sum over all pixels of max(code - zero_point, 0)."""

    input: Shape
    lanes: int
    code_format: Format
    zero_point: int
    sum_format: Format

    @property
    def beats(self) -> int:
        return self.input.size // self.lanes


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightRom:
    """Weights on chip, sent once a frame."""

    tiles: int  # beats of pe * simd weights
    pe: int
    simd: int
    format: Format


@dataclass(frozen=True, slots=True, kw_only=True)
class TopK:
    classes: int
    top: int
    score_format: Format

    @property
    def cycles(self) -> int:
        return self.classes + self.top


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Frames in card memory, each padded to whole 512-bit words, and the beats they are cut into."""

    codes: int  # per frame
    lanes: int
    format: Format
    repeats: bool  # the same words for every frame: weights

    @property
    def words(self) -> int:
        return -(-self.codes * self.format.bits // 512)

    @property
    def beats(self) -> int:
        return self.codes // self.lanes


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Labels written back, `top` per frame."""

    top: int
