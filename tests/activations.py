"""Activations to try every way of building one on: thresholds and values in the corners where ways could differ, in every order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from constants.scaling import Rounding, Scaling
from dataflow.design import Ip, Port
from dataflow.unit import Place, Unit
from dataflow.units import IMPLEMENTATIONS
from dataflow.units.activation import RASTER, Order
from network import reference
from network.formats import Format, uint
from network.operations import Activation, Shape
from tests.alone import FRAMES, Alone, Integers


@dataclass(frozen=True, kw_only=True)
class Activated:
    """A way to build an activation, its thresholds, and the values and codes of some frames: (frame, pixel, channel)."""

    way: str
    activation: Activation
    lanes: int
    order: Order
    thresholds: Integers
    values: Integers
    scaling: Scaling | None = None  # of scale

    @property
    def codes(self) -> Integers:
        """By the definition."""
        reached = (self.values[..., None] >= self.thresholds).sum(-1) + self.activation.codes.low
        assert np.array_equal(reached, reference.threshold(self.values, self.thresholds, self.activation.codes))
        return reached

    @property
    def unit(self) -> Unit:
        place = Place("unit", "", ("in",), ("out",))
        more = {"scaling": self.scaling} if self.scaling else {}
        return IMPLEMENTATIONS[self.way](place, layer="layer", activation=self.activation, lanes=self.lanes, order=self.order, **more)

    def beats(self, values: Integers) -> Integers:
        """In the order in which they arrive: (frame, group, block, repeat, beat of the block, pixel beside, lane)."""
        (block, repeats, beside), channels = self.order, self.activation.shape.channels
        split = values.reshape(len(values), -1, repeats, beside, channels // (block * self.lanes), block, self.lanes)
        return split.transpose(0, 1, 4, 2, 5, 3, 6)

    @property
    def alone(self) -> Alone:
        values, codes = self.activation.values, self.activation.codes
        streams = {"in": (self.beats(self.values), values.bits), "out": (self.beats(self.codes), codes.bits)}
        lanes = self.order.beside * self.lanes
        ports = [Port(name=name, is_input=name == "in", lanes=lanes * bits, format=uint(1), beats=1) for name, (_, bits) in streams.items()]
        ip = Ip(name="alone", kind="block", title="", ports=tuple(ports), streams=(), units=(self.unit,))
        return Alone(ip, {"thresholds": self.thresholds}, streams)


def thresholds_of(rng: np.random.Generator, activation: Activation, way: str) -> Integers:
    """Many are equal, many are a value that comes, some out of reach; of a clip they follow one another, but for those out of reach."""
    (low, high), n, channels = activation.reach, activation.codes.thresholds, activation.shape.channels
    if way == "clip":
        found = rng.integers(low - n - 2, high + 3, (channels, 1), endpoint=True) + np.arange(n)
        found[:1] = low - n + np.arange(n)  # all are reached by every value
        found[1:2] = high + 1 + np.arange(n)  # none is reached
        # Of those that nothing reaches, or everything, it does not matter what they are.
        away = rng.integers(0, 5, channels)[:, None]
        return np.where(found > high, found + away, np.where(found <= low, found - away, found))
    drawn = rng.integers(low - 2, high + 3, (channels, 1 + n // 2), endpoint=True)
    found = np.sort(np.take_along_axis(drawn, rng.integers(0, drawn.shape[1], (channels, n)), axis=1), axis=1)
    found[:1] = rng.integers(low, high + 1, endpoint=True)
    found[1:2] = np.sort(rng.choice([low - 1, low, low + 1, high, high + 1, high + 2], n))
    return found


def scaled_thresholds(rng: np.random.Generator, activation: Activation, scaling: Scaling) -> Integers:
    """Those that multipliers of the scaling give with biases for which codes vary, one of them the greatest; some out of reach."""
    (low, high), codes, channels = activation.reach, activation.codes, activation.shape.channels
    most = (1 << scaling.multiplier) - 1
    multipliers = np.append(rng.integers(most // 3 + 1, most, channels - 1, endpoint=True), most)[:, None]
    middle = (low + high) // 2 + rng.integers(-2, 3, (channels, 1))
    biases = ((codes.low + codes.high) // 2 - scaling.offset << scaling.shift) // scaling.step - multipliers * middle
    return scaling.thresholds(multipliers[:, 0], biases[:, 0], activation.reach, codes)


def activated(
    rng: np.random.Generator,
    way: str,
    values: str,
    codes: str,
    *,
    reach: tuple[int, int] | None = None,
    channels: int = 4,
    lanes: int = 2,
    order: Order = RASTER,
    scaling: Scaling | None = None,
) -> Activated:
    """Values are the ends of their reach, thresholds, those below one, and any."""
    form = Format.parse(values)
    low, high = reach or (form.low, form.high)
    pixels = order.repeats * order.beside
    activation = Activation(shape=Shape(2, 3 * pixels, channels), values=form, reach=(low, high), codes=Format.parse(codes))
    thresholds = scaled_thresholds(rng, activation, scaling) if scaling else thresholds_of(rng, activation, way)
    size = (FRAMES, activation.shape.pixels, channels)
    near = thresholds[np.arange(channels), rng.integers(0, thresholds.shape[1], size)] - rng.integers(0, 2, size)
    which = rng.integers(0, 4, size)
    any_of = rng.integers(low, high, size, endpoint=True)
    found = np.select([which == 0, which == 1], [any_of, rng.choice([low, high], size)], near)
    found = np.clip(found, low, high)
    return Activated(way=way, activation=activation, lanes=lanes, order=order, thresholds=thresholds, values=found, scaling=scaling)


def drawn(rng: np.random.Generator, way: str) -> Activated:
    """Of any formats, reach, lanes and order."""
    bits, width = rng.integers(1, {"table": 8}.get(way, 48), endpoint=True), rng.integers(1, 5, endpoint=True)
    values, codes = (f"{rng.choice(['int', 'uint'])}{each}" for each in (bits, width))
    form = Format.parse(values)
    low, high = sorted(rng.integers(form.low, form.high, 2, endpoint=True).tolist())
    lanes, block, repeats, beside, folds = rng.integers(1, 3, 5, endpoint=True).tolist()
    order = Order(block, repeats, beside)
    return activated(rng, way, values, codes, reach=(low, high), channels=lanes * block * folds, lanes=lanes, order=order)


def cases(seed: int) -> Mapping[str, Activated]:
    """Each way in every order, of the widest and of the narrowest values and codes; and of each some that are drawn."""
    rng = np.random.default_rng(seed)
    blocks, even = Order(block=2, repeats=3), Rounding.HALF_EVEN
    scalings = {
        "wide": Scaling(multiplier=20, bias=46, shift=38, rounding=even, low=-128, high=127),
        "up": Scaling(multiplier=7, bias=24, shift=11, low=0, high=255),
        "even": Scaling(multiplier=1, bias=14, shift=4, rounding=even, low=-128, high=127),
        "step": Scaling(multiplier=1, bias=9, shift=3, rounding=even, step=2, offset=-1, low=0, high=14),
        "sum": Scaling(multiplier=4, bias=18, shift=8, offset=1, low=-3, high=3),
    }
    ways = ("threshold", "clip", "table", "search")
    return {f"{way}_drawn{i}": drawn(rng, way) for i in range(2) for way in ways} | {
        "threshold_raster": activated(rng, "threshold", "int48", "int8", reach=(-(1 << 40), 1 << 46), lanes=1),
        "threshold_blocks": activated(rng, "threshold", "int12", "uint3", channels=12, lanes=2, order=blocks),
        "threshold_image": activated(rng, "threshold", "uint8", "uint8", lanes=1),
        "threshold_beside": activated(rng, "threshold", "uint5", "int1", channels=6, lanes=3, order=Order(1, 2, 2)),
        "clip_raster": activated(rng, "clip", "int48", "uint8"),
        "clip_narrow": activated(rng, "clip", "int3", "int8", lanes=4),
        "clip_bit": activated(rng, "clip", "uint2", "int1", reach=(1, 2), channels=6, lanes=2, order=Order(beside=2)),
        "clip_point": activated(rng, "clip", "uint3", "uint1", reach=(0, 0), lanes=1),
        "clip_blocks": activated(rng, "clip", "int24", "int4", reach=(-300_000, 70_000), channels=12, lanes=2, order=blocks),
        "table_raster": activated(rng, "table", "int8", "int4"),
        "table_row": activated(rng, "table", "uint4", "uint8", lanes=4),
        "table_bit": activated(rng, "table", "int1", "uint1", channels=6, lanes=2, order=Order(1, 2, 2)),
        "table_blocks": activated(rng, "table", "uint3", "int2", channels=12, lanes=2, order=blocks),
        "search_raster": activated(rng, "search", "int48", "uint8", lanes=1),
        "search_bit": activated(rng, "search", "int24", "int1", lanes=4),
        "search_blocks": activated(rng, "search", "int24", "int4", reach=(-300_000, 70_000), channels=12, lanes=2, order=blocks),
        "search_beside": activated(rng, "search", "uint5", "uint3", reach=(3, 30), channels=6, lanes=3, order=Order(1, 2, 2)),
        "search_rows": activated(rng, "search", "int9", "int2", channels=20, lanes=1, order=Order(5, 2)),
        "scale_wide": activated(rng, "scale", "int26", "int8", scaling=scalings["wide"]),
        "scale_up": activated(rng, "scale", "int14", "uint8", channels=12, lanes=2, order=blocks, scaling=scalings["up"]),
        "scale_even": activated(rng, "scale", "int12", "int8", lanes=4, scaling=scalings["even"]),
        "scale_step": activated(rng, "scale", "uint8", "uint4", lanes=1, scaling=scalings["step"]),
        "scale_beside": activated(rng, "scale", "int9", "int3", channels=6, lanes=3, order=Order(1, 2, 2), scaling=scalings["sum"]),
    }
