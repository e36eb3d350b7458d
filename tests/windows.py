"""Random sliding windows and the units behind them, and what they have to give, by brute force."""

from __future__ import annotations

import numpy as np

from dataflow.unit import Unit
from dataflow.units.beats import raster
from dataflow.units.parallel import swg_parallel
from dataflow.units.product import mvu
from dataflow.units.window import swg
from network.formats import Format, Kind, holding
from network.layers import Fold, Multiply
from network.operations import Product, Shape, Window, reach
from rtl.shapes import _ip, _place
from tests.rtl.test_alone import FRAMES, Alone, Integers, ends

FORMATS = ("uint1", "uint2", "int3", "int4", "uint8")


def divisors(number: int) -> list[int]:
    return [d for d in range(1, number + 1) if number % d == 0]


def draw_window(rng: np.random.Generator, most: int = 9) -> tuple[Shape, Window]:
    """Of any kernel, stride and padding that see the image: maps smaller than the kernel, of one column, outputs of one pixel."""
    while True:
        kernel = (int(rng.integers(1, 5)), int(rng.integers(1, 5)))
        pad = tuple((int(rng.integers(0, each)), int(rng.integers(0, each))) for each in kernel)
        window = Window(kernel=kernel, stride=(int(rng.integers(1, 4)), int(rng.integers(1, 4))), pad=(pad[0], pad[1]))
        shape = Shape(int(rng.integers(1, most)), int(rng.integers(1, most)), int(rng.choice([1, 2, 3, 4, 6])))
        if all(size + sum(around) >= k for size, around, k in zip(shape[:2], pad, kernel, strict=True)):
            return shape, window


def windows(codes: Integers, window: Window, pads: Integers) -> Integers:
    """(frame, out row, out column, kernel_y, kernel_x, channel), pixel by pixel."""
    frames, height, width, channels = codes.shape
    output = window.output(Shape(height, width, channels), channels)
    found = np.empty((frames, output.height, output.width, *window.kernel, channels), np.int64)
    for y, x, ky, kx in np.ndindex(output.height, output.width, *window.kernel):
        row, column = y * window.stride[0] + ky - window.pad[0][0], x * window.stride[1] + kx - window.pad[1][0]
        inside = 0 <= row < height and 0 <= column < width
        found[:, y, x, ky, kx] = codes[:, row, column] if inside else pads
    return found


def beats(seen: Integers, lanes: int, pixels: int, taps: int) -> Integers:
    """Windows as they lie in beats: (…, group of pixels, taps, part of the channels; pixel, tap, channel)."""
    frames, rows, columns, kernel_h, kernel_w, channels = seen.shape
    split = seen.reshape(frames, rows, columns // pixels, pixels, kernel_h * kernel_w // taps, taps, channels // lanes, lanes)
    return split.transpose(0, 1, 2, 4, 6, 3, 5, 7)


def sliding(rng: np.random.Generator, shape: Shape, window: Window, lanes: int, pixels: int, taps: int, form: Format) -> Alone:
    """The generator of windows with so many taps in a beat."""
    pads = ends(rng, form, (shape.channels if rng.integers(2) else 1,))
    codes = ends(rng, form, (FRAMES, *shape))
    place, pad_codes = _place("in", "out"), tuple(map(int, pads))
    unit: Unit = (
        swg(place, shape=shape, window=window, lanes=lanes, pixels=pixels, form=form, pad_codes=pad_codes)
        if taps == 1
        else swg_parallel(place, shape=shape, window=window, lanes=lanes, pixels=pixels, taps=taps, form=form, pad_codes=pad_codes)
    )
    seen = beats(windows(codes, window, pads), lanes, pixels, taps)
    return Alone(
        _ip(unit, [lanes * form.bits, pixels * taps * lanes * form.bits]), {}, {"in": (codes, form.bits), "out": (seen, form.bits)}
    )


def draw_sliding(rng: np.random.Generator, *, several: bool) -> Alone:
    """With `several`, of several taps in a beat."""
    while True:
        shape, window = draw_window(rng)
        if not several or window.taps > 1:
            break
    taps = int(rng.choice(window.taps_a_cycle[1:])) if several else 1
    pixels = int(rng.choice(divisors(window.output(shape, 1).width)))
    lanes = int(rng.choice(divisors(shape.channels)))
    return sliding(rng, shape, window, lanes, pixels, taps, Format.parse(str(rng.choice(FORMATS))))


def draw_product(rng: np.random.Generator) -> Alone:
    """Sums of several taps, of windows as they come."""
    shape, window = draw_window(rng, 5)
    taps, pixels = int(rng.choice(window.taps_a_cycle)), int(rng.choice(divisors(window.output(shape, 1).width)))
    weight, codes = Format.parse(str(rng.choice(["bipolar", "int3", "int8"]))), Format.parse(str(rng.choice(FORMATS)))
    out = int(rng.choice([1, 2, 6]))
    fold = Fold(int(rng.choice(divisors(out))), int(rng.choice(divisors(shape.channels))), pixels, taps)
    count = window.taps * shape.channels
    sums = holding(*reach(count, weight, codes))
    product = Product(input=shape, window=window, out=out, weight=weight, codes=codes, sums=sums)
    multiply = Multiply.DSP if weight.kind is not Kind.BIPOLAR and rng.integers(2) else Multiply.LUT
    unit = mvu(_place("in", "out"), layer="layer", product=product, fold=fold, multiply=multiply)
    weights = rng.choice([-1, 1], (out, count)) if weight.kind is Kind.BIPOLAR else ends(rng, weight, (out, count))
    seen = windows(ends(rng, codes, (FRAMES, *shape)), window, np.zeros(1, np.int64))
    found = np.einsum("fyxklc,oklc->fyxo", seen, weights.reshape(out, *window.kernel, shape.channels))
    groups = found.reshape(FRAMES, -1, pixels, out // fold.pe, fold.pe).swapaxes(2, 3)  # an output fold of each pixel
    ip = _ip(unit, [pixels * taps * fold.simd * codes.bits, pixels * fold.pe * sums.bits])
    streams = {"in": (beats(seen, fold.simd, pixels, taps), codes.bits), "out": (groups, sums.bits)}
    return Alone(ip, {"weights": weights.reshape(out, *window.kernel, shape.channels)}, streams)


def draw_raster(rng: np.random.Generator) -> Alone:
    groups, folds, pixels, parts, lanes = (int(rng.integers(low, high)) for low, high in ((1, 5), (2, 5), (2, 5), (1, 4), (1, 4)))
    form = Format.parse(str(rng.choice(FORMATS)))
    unit = raster(_place("in", "out"), groups=groups, folds=folds, pixels=pixels, beats=parts, lanes=lanes, form=form)
    codes = ends(rng, form, (FRAMES, groups, folds, pixels, parts, lanes))
    return Alone(_ip(unit, [lanes * form.bits] * 2), {}, {"in": (codes, form.bits), "out": (codes.swapaxes(2, 3), form.bits)})
