"""The layers that are folded, convolutions and the classifier, with the checks of what folding, beats and accumulators allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from math import isqrt, prod
from typing import TYPE_CHECKING, NamedTuple

from network.errors import DescriptionError, Source
from network.formats import Format, Kind, holding
from network.operations import Activation, Dense, Product, Scale, Shape, Window, reach

if TYPE_CHECKING:
    from constants.scaling import Scaling

MAX_BEAT_BITS = 4096
"""Widest AXI4-Stream beat and widest `ap_uint` that Vitis HLS supports."""
MAX_TABLE_BITS = 8
"""Widest value of a table: its memory has a word for each."""
MAX_SCORE_BITS = 48
"""Widest score with a factor, and widest sum of a join with factors: what the accumulator of a DSP holds."""


def divisors(number: int) -> list[int]:
    low = [d for d in range(1, isqrt(number) + 1) if number % d == 0]
    return low + [number // d for d in reversed(low) if d * d != number]


def require_divides(at: Source, name: str, fold: int, whole: int, of: str, why: str) -> None:
    if whole % fold:
        fix = "choose from " + ", ".join(map(str, divisors(whole)))
        raise DescriptionError(at, f"{name}={fold} does not divide {whole} {of}", why=why, fix=fix)


def _bits(form: Format) -> int:
    return form.bits


def require_beat(at: Source, name: str, key: str, fold: int, whole: int, what: Format, *, others: Mapping[str, int] | None = None) -> None:
    """Check that `fold` lanes of `what`, multiplied by the `others`, keys and their values, fit into a beat.

    `key` is what to change: to a divisor of `whole`; where none is small enough for the others, those have to be left out.
    """
    more = {other: times for other, times in (others or {}).items() if times > 1}
    lanes = fold * prod(more.values())
    if lanes * what.bits <= MAX_BEAT_BITS:
        return
    fitting = [choice for choice in divisors(whole) if choice * prod(more.values()) * what.bits <= MAX_BEAT_BITS]
    given = " and ".join(f"{other}={times}" for other, times in more.items())
    raise DescriptionError(
        at,
        f"{name}: {key}={fold}{f' with {given}' if more else ''} makes a beat of {lanes * what.bits:,} bits",
        why=f"{lanes:,} lanes of {what}; no stream or ap_uint may be wider than {MAX_BEAT_BITS:,} bits",
        fix=f"choose {key} from {', '.join(map(str, fitting))}" if fitting else f"leave {' and '.join(more)} out",
    )


def require_accumulator(at: Source, name: str, acc: Format | None, low: int, high: int, *, is_shared: bool = False) -> Format:
    """`acc`, checked to hold `low` to `high`, or where it is None the narrowest format that does; `is_shared`: it comes from `formats`."""
    needed = max(2, 1 + max(high, -low - 1, 0).bit_length())
    if needed > 32:
        raise DescriptionError(
            at,
            f"{name}: the accumulator needs {needed} bits",
            why=f"its worst case over all weights and inputs is {low:,} to {high:,}; accumulators have at most 32 bits",
            fix="use fewer channels, a smaller kernel or feature map, or narrower formats",
        )
    if acc is None:
        return Format(Kind.INT, needed)
    if acc.kind is not Kind.INT or acc.bits < needed:
        raise DescriptionError(
            at,
            f"{name}: the accumulator could overflow {acc}",
            why=f"its worst case over all weights and inputs is {low:,} to {high:,}",
            fix=f"write acc: int{needed} or wider, or leave acc out{' of formats' if is_shared else ''}",
        )
    return acc


class Fold(NamedTuple):
    """How much of a layer is computed each cycle."""

    pe: int  # output channels
    simd: int  # input channels
    pixels: int = 1  # output pixels of a row
    taps: int = 1  # taps of the kernel: one, a row of them, or all


class Multiply(Enum):
    """What multiplies: LUTs, or DSPs, which compute several narrow products at once. Bipolar weights only count, which takes LUTs."""

    LUT = "lut"
    DSP = "dsp"


class Way(Enum):
    """How an activation is built. All compute the same codes; not every one can compute every activation."""

    FUSED = "fused"
    """Comparators behind the accumulator of every PE: the values are no stream. Of convolutions only."""
    COMPARE = "compare"
    """Comparators with all thresholds, in a unit of its own."""
    SEARCH = "search"
    """A binary search, one comparison for each bit of a code."""
    TABLE = "table"
    """The code of every value, which has at most 8 bits."""
    CLIP = "clip"
    """Thresholds that follow one upon the other: a subtraction and a clamp."""


class Ram(Enum):
    """The memory that weights lie in."""

    LUT = "lut"
    BRAM = "bram"
    """Block RAM."""
    URAM = "uram"
    """UltraRAM. It has no initial contents, so what lies in it is loaded."""


class Holding(NamedTuple):
    """How the constants of a layer are held."""

    loaded: bool = False  # at start, from card memory; else they are part of the hardware
    memory: Ram | None = None  # of its weights; None: to be chosen


ROM = Holding()
LOADED = Holding(loaded=True)


class Build(NamedTuple):
    """How a layer is built: what the search chooses of it."""

    fold: Fold
    multiply: Multiply | None = None  # of a convolution: what multiplies
    way: Way | Scaling | None = None  # of a convolution: how its activation is built
    memory: Ram | None = None  # of weights that are loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv:
    """One convolution with its folding, and its thresholds unless its sums go to the join as they are."""

    name: str  # dotted: res2a.conv2
    input: Shape
    out: int  # output channels
    window: Window
    weight: Format
    input_format: Format
    output_format: Format  # of the codes the thresholds produce; without thresholds, of the sums
    acc: Format
    activates: bool = True  # whether it has thresholds
    pad_codes: tuple[int, ...] = (0,)  # what stands outside the input: one code, or one for each channel
    pe: int  # output channels per cycle
    simd: int  # input channels per cycle
    pixels: int = 1  # output pixels of a row per cycle
    taps: int = 1  # taps of the kernel per cycle
    free: tuple[str, ...] = ()  # those of pe, simd, pixels, taps that the folding search chooses; 1 until then
    multiply: Multiply | None = None  # None: to be chosen
    way: Way | Scaling | None = None  # how the activation is built; None: to be chosen
    holding: Holding = ROM
    at: Source = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        self.window.check(self.at, self.name, self.input)
        same_number = "each PE computes the same number of output channels"
        every_beat = "each beat carries the same number of input channels"
        require_divides(self.at, f"{self.name}: pe", self.pe, self.out, "output channels", same_number)
        require_divides(self.at, f"{self.name}: simd", self.simd, self.input.channels, "input channels", every_beat)
        one_group = "each cycle computes the same number of pixels of one row"
        require_divides(self.at, f"{self.name}: pixels", self.pixels, self.output.width, "pixels of an output row", one_group)
        if self.taps not in self.window.taps_a_cycle:
            raise DescriptionError(
                self.at,
                f"{self.name}: taps={self.taps}",
                why=f"a cycle takes one tap of the kernel, a row of them, or all: it is {self.window}",
                fix="choose from " + ", ".join(map(str, self.window.taps_a_cycle)),
            )
        channels = self.input.channels
        require_beat(self.at, self.name, "simd", self.simd, channels, self.weight, others={"taps": self.taps})
        require_beat(self.at, self.name, "simd", self.simd, channels, self.input_format, others={"taps": self.taps, "pixels": self.pixels})
        require_beat(self.at, self.name, "pe", self.pe, self.out, self.output_format, others={"pixels": self.pixels})
        if self.way is not None:
            self._check_way(self.way)
        if self.multiply is Multiply.DSP and self.weight.kind is Kind.BIPOLAR:
            raise DescriptionError(
                self.at,
                f"{self.name}: multiply=dsp with bipolar weights",
                why="they are not multiplied: where they agree with a bit of a code it is counted, in LUTs",
                fix="leave multiply out",
            )
        require_accumulator(self.at, self.name, self.acc, *self.reach)
        if len(self.pad_codes) not in (1, self.input.channels):
            raise DescriptionError(
                self.at,
                f"{self.name}: {len(self.pad_codes)} pad codes for {self.input.channels} channels",
                why="outside the input stands one code, or one for each channel",
                fix=f"write one pad_code, or {self.input.channels}",
            )
        for code in self.pad_codes:
            if not self.input_format.low <= code <= self.input_format.high:
                raise DescriptionError(
                    self.at,
                    f"{self.name}: pad_code={code}",
                    why=f"the codes that come in are {self.input_format}, {self.input_format.low} to {self.input_format.high}",
                    fix="choose one of those",
                )

    def _check_way(self, way: Way | Scaling) -> None:
        if not self.activates:
            fix = "leave activation out, or write it in the join"
            raise DescriptionError(self.at, f"{self.name}: activation with act: sums", why="its sums leave without an activation", fix=fix)
        if way is Way.TABLE and self.sums.bits > MAX_TABLE_BITS:
            raise DescriptionError(
                self.at,
                f"{self.name}: activation: table of sums of {self.sums.bits} bits",
                why=f"a table has the code of every value, which may have at most {MAX_TABLE_BITS} bits",
                fix="leave activation out, or write activation: search",
            )
        codes = self.output_format
        if not isinstance(way, Way) and not codes.low <= way.low <= way.high <= codes.high:
            raise DescriptionError(
                self.at,
                f"{self.name}: scale with codes from {way.low} to {way.high}",
                why=f"those of {codes} are {codes.low} to {codes.high}",
                fix="correct low and high, or leave activation out",
            )
        if not self.is_fused:
            require_beat(self.at, self.name, "pe", self.pe, self.out, self.sums, others={"pixels": self.pixels})

    @property
    def product(self) -> Product:
        return Product(
            input=self.input,
            window=self.window,
            out=self.out,
            weight=self.weight,
            codes=self.input_format,
            sums=self.sums,
            pad_codes=self.pad_codes,
        )

    @property
    def sums(self) -> Format:
        """The format of the sums: the accumulator's, or where they are a stream in front of an activation the narrowest that holds them."""
        if self.is_fused or not self.activates:
            return self.acc
        return require_accumulator(self.at, self.name, None, *self.reach)

    @property
    def activation(self) -> Activation | None:
        if not self.activates:
            return None
        return Activation(shape=self.output, values=self.sums, reach=self.reach, codes=self.output_format)

    @property
    def fold(self) -> Fold:
        return Fold(self.pe, self.simd, self.pixels, self.taps)

    @property
    def build(self) -> Build:
        return Build(self.fold, self.multiply, self.way, self.holding.memory)

    def built(self, build: Build) -> Conv:
        """The same convolution, built in another way; raises DescriptionError if it cannot be."""
        fold, multiply, way, memory = build
        holding = self.holding._replace(memory=memory)
        pe, simd, pixels, taps = fold
        return replace(self, pe=pe, simd=simd, pixels=pixels, taps=taps, free=(), multiply=multiply, way=way, holding=holding)

    @property
    def output(self) -> Shape:
        return self.window.output(self.input, self.out)

    @property
    def is_fused(self) -> bool:
        """Whether comparators behind the accumulators are its activation, so that codes leave and not sums."""
        return self.activates and self.way is Way.FUSED

    @property
    def behind(self) -> tuple[int, int]:
        """Channels, and pixels beside one another, of what leaves it a beat: all results of a cycle where comparators are fused; else as few as
        keep up with the sums, which are due once in `fold_in` cycles. Pixels that have to come back into raster order leave one by one."""
        if self.is_fused:
            return self.pe, self.pixels if self.pe == self.out else 1
        lanes = next((lanes for lanes in divisors(self.pe) if lanes * self.fold_in >= self.pe * self.pixels), None)
        if lanes is not None or self.pe < self.out:
            return lanes or self.pe, 1
        return self.pe, next(pixels for pixels in divisors(self.pixels) if pixels * self.fold_in >= self.pixels)

    @property
    def lanes_behind(self) -> int:
        """Lanes of what leaves it."""
        lanes, beside = self.behind
        return lanes * beside

    @property
    def multiplies(self) -> Multiply:
        """What multiplies; unless that is chosen DSPs, but for bipolar weights and products that LUTs compute with fewer inputs than they
        have."""
        if self.multiply is not None:
            return self.multiply
        is_narrow = self.weight.bits + self.input_format.bits <= 6
        return Multiply.LUT if is_narrow or self.weight.kind is Kind.BIPOLAR else Multiply.DSP

    @property
    def slides(self) -> bool:
        """Whether it needs a sliding window; a 1x1 kernel with stride 1 does not."""
        return self.window.kernel != (1, 1) or self.window.stride != (1, 1)

    @property
    def reach(self) -> tuple[int, int]:
        """Least and greatest accumulator."""
        return reach(self.window.taps * self.input.channels, self.weight, self.input_format)

    @property
    def weights_shape(self) -> tuple[int, int, int, int]:
        """(out, kernel_h, kernel_w, in)."""
        return (self.out, *self.window.kernel, self.input.channels)

    @property
    def fold_in(self) -> int:
        """Beats per window."""
        return self.window.taps // self.taps * (self.input.channels // self.simd)

    @property
    def fold_out(self) -> int:
        """Beats per output pixel."""
        return self.out // self.pe

    @property
    def cycles(self) -> int:
        """Cycles per frame of the MVAU at II=1."""
        return self.cycles_folded(self.fold)

    def cycles_folded(self, fold: Fold) -> int:
        """The same with another folding."""
        products = self.output.pixels * self.window.taps * self.input.channels * self.out
        return products // (fold.pe * fold.simd * fold.pixels * fold.taps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Classifier:
    """The fully connected layer and its folding: weights (out, inputs), one accumulator and one bias per output.

    With `factors`, each class has one, and its score is factor * accumulator + bias. With `codes`, scores become codes by thresholds of
    their class, as where the network quantizes its output; the codes are ranked then.
    """

    name: str
    inputs: int
    out: int  # classes
    weight: Format
    input_format: Format
    acc: Format  # of the sums; without factors the bias is included
    pe: int
    simd: int
    free: tuple[str, ...] = ()  # those of pe, simd that the folding search chooses; 1 until then
    factors: Format | None = None
    scores: Format  # without factors that of the sums
    codes: Format | None = None
    way: Way | Scaling | None = None  # how the activation of the scores is built; None: as its formats suggest
    holding: Holding = ROM  # of its weights, unless they come from card memory in every run
    at: Source = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        same_number = "each PE computes the same number of classes"
        every_beat = "each beat carries the same number of inputs"
        require_divides(self.at, f"{self.name}: pe", self.pe, self.out, "classes", same_number)
        require_divides(self.at, f"{self.name}: simd", self.simd, self.inputs, "inputs", every_beat)
        wider = max(self.input_format, self.weight, key=_bits)
        require_beat(self.at, self.name, "simd", self.simd, self.inputs, wider)
        # Only the wider one is checked: if it fits, so does the other.
        wider = max(self.acc, self.scores, key=_bits)
        if self.simd * self.weight.bits > wider.bits:
            require_beat(self.at, self.name, "pe", self.pe, self.out, self.weight, others={"simd": self.simd})
        else:
            require_beat(self.at, self.name, "pe", self.pe, self.out, wider)
        require_accumulator(self.at, self.name, self.acc, *self.reach)
        if self.factors is not None:
            low, high = (self.factors.high * each for each in self.reach)
            if low < self.scores.low or high > self.scores.high:
                raise DescriptionError(
                    self.at,
                    f"{self.name}: scores could overflow {self.scores}",
                    why=f"their worst case over all weights, inputs and factors is {low:,} to {high:,}, without the bias",
                    fix=f"use narrower factors than {self.factors}, or fewer inputs"
                    if self.scores.bits == MAX_SCORE_BITS
                    else f"write scores: {holding(low, high)} or wider, at most int{MAX_SCORE_BITS}",
                )

    @property
    def dense(self) -> Dense:
        return Dense(
            inputs=self.inputs,
            classes=self.out,
            weight=self.weight,
            codes=self.input_format,
            sums=self.acc,
            has_bias=self.factors is None,
        )

    @property
    def scale(self) -> Scale | None:
        if self.factors is None:
            return None
        return Scale(classes=self.out, sums=self.acc, factors=self.factors, scores=self.scores)

    @property
    def activation(self) -> Activation | None:
        """That of the scores, where they become codes."""
        if self.codes is None:
            return None
        return Activation(shape=Shape(1, 1, self.out), values=self.scores, reach=self.score_reach, codes=self.codes)

    @property
    def ranked(self) -> Format:
        """The format of what is ranked: scores, or their codes."""
        return self.codes or self.scores

    @property
    def build(self) -> Build:
        return Build(Fold(self.pe, self.simd), memory=self.holding.memory)

    def built(self, build: Build) -> Classifier:
        """The same layer, built in another way; raises DescriptionError if it cannot be."""
        holding = self.holding._replace(memory=build.memory)
        return replace(self, pe=build.fold.pe, simd=build.fold.simd, free=(), holding=holding)

    @property
    def lanes_behind(self) -> int:
        """Lanes of the scores."""
        return self.pe

    @property
    def fold(self) -> Fold:
        return Fold(self.pe, self.simd)

    @property
    def reach(self) -> tuple[int, int]:
        """Least and greatest sum of products, without the bias."""
        return self.dense.reach

    @property
    def score_reach(self) -> tuple[int, int]:
        """Least and greatest score; the bias is a parameter, so it may be whatever the format holds."""
        return self.scores.low, self.scores.high

    @property
    def fold_in(self) -> int:
        return self.inputs // self.simd

    @property
    def fold_out(self) -> int:
        return self.out // self.pe

    @property
    def cycles(self) -> int:
        return self.fold_in * self.fold_out
