"""Shapes of units that were synthesized to fit the `rtl` backend of the estimate, and what Yosys made of them: measured.csv.

A line is a shape: its implementation, its parameters as `name=value`, whether it is held out of the fit to say how good that is, and what was
counted. The shapes are chosen by hand; `python -m rtl.measure` writes the counts.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from constants.layout import LOAD_BITS
from constants.scaling import Rounding, Scaling
from dataflow.cost.formulas import uses_dsp
from dataflow.cost.resources import Resources
from dataflow.cost.rtl import Structure, rtl_fifo
from dataflow.design import Ip, Port
from dataflow.rtl_fifo import RtlFifo
from dataflow.unit import Place, Unit
from dataflow.units import IMPLEMENTATIONS
from dataflow.units.activation import Order
from dataflow.units.beats import dwc, fork, raster
from dataflow.units.classify import dense, scale_scores, top_k, top_k_scores, weight_rom
from dataflow.units.join import join, join_sum
from dataflow.units.parallel import swg_parallel
from dataflow.units.pool import accumulate_pool, global_max, max_pool
from dataflow.units.product import inputs, mvau, mvu
from dataflow.units.window import swg
from network.formats import Format, Kind, holding, uint
from network.layers import Fold, Holding, Multiply, Ram
from network.model import pool_reach
from network.operations import Activation, Dense, GlobalPool, Join, JoinSum, Pool, PoolKind, Product, Scale, Shape, TopK, Window, reach

TABLE = Path(__file__).parent / "measured.csv"
FIFO, LOADED = "fifo", "loaded"


@dataclass(frozen=True, slots=True)
class Parameters:
    """Those of a shape, by name."""

    text: str  # simd=32 pe=16 codes=uint2

    def number(self, name: str, default: int | None = None) -> int:
        found = self._found.get(name)
        if found is None and default is None:
            raise KeyError(f"{name} is not in {self.text}")
        return int(found) if found is not None else default or 0

    def text_of(self, name: str, default: str) -> str:
        return self._found.get(name, default)

    def format(self, name: str) -> Format:
        return Format.parse(self._found[name])

    def optional_format(self, name: str) -> Format | None:
        return self.format(name) if name in self._found else None

    @property
    def _found(self) -> Mapping[str, str]:
        return dict(part.split("=") for part in self.text.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaped:
    """A shape, and what Yosys counts of it, None where it was not synthesized yet."""

    implementation: str
    parameters: str
    held_out: bool
    counted: Resources | None

    @property
    def structure(self) -> Structure:
        """What its cost is computed from."""
        if self.implementation == FIFO:
            fifo, bits = as_fifo(Parameters(self.parameters))
            return rtl_fifo(fifo, bits)
        structure = self.unit.structure
        if structure is None:
            raise KeyError(f"{self.implementation} has no module")
        return structure()

    @property
    def loading(self) -> Structure | None:
        """What it has beside that, where its constants are loaded."""
        return self.unit.loading if self.loads else None

    @property
    def loads(self) -> bool:
        return self.implementation != FIFO and self.unit.loads

    @property
    def kind(self) -> str:
        """What its error is shown as: shapes with loaded constants are of one kind, whatever they do with these."""
        return LOADED if self.loads else self.implementation

    @property
    def cost(self) -> Resources:
        return self.structure.cost + (self.loading.cost if self.loading else Resources())

    @property
    def unit(self) -> Unit:
        return self.ip.units[0]

    @property
    def ip(self) -> Ip:
        """An IP of this one unit."""
        return UNITS[self.implementation](Parameters(self.parameters))


class Error(NamedTuple):
    """Of an estimate against what was counted, as a share of that."""

    shapes: int
    mean: float
    worst: float

    def __str__(self) -> str:
        return f"{self.mean:.0%} ({self.worst:.0%})"


def held_out_errors() -> dict[str, tuple[Error, Error]]:
    """By implementation, and of shapes with loaded constants together, of the LUTs and of the flip-flops of those that were held out of the
    fit."""
    found: dict[str, tuple[Error, Error]] = {}
    shapes = [shape for shape in table() if shape.held_out and shape.counted]
    for kind in dict.fromkeys(shape.kind for shape in shapes):
        of = [(shape.cost, shape.counted) for shape in shapes if shape.kind == kind and shape.counted]
        luts = _error([(cost.lut, counted.lut) for cost, counted in of])
        found[kind] = (luts, _error([(cost.ff, counted.ff) for cost, counted in of]))
    return found


def _error(pairs: Sequence[tuple[int, int]]) -> Error:
    errors = [abs(estimate / counted - 1) for estimate, counted in pairs]
    return Error(len(errors), sum(errors) / len(errors), max(errors))


@cache
def table() -> tuple[Shaped, ...]:
    """The shapes of measured.csv."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return tuple(
            Shaped(
                implementation=row["implementation"],
                parameters=row["parameters"],
                held_out=row["held_out"] == "yes",
                counted=Resources(lut=int(row["lut"]), ff=int(row["ff"]), bram=float(row["bram"])) if row["lut"] else None,
            )
            for row in csv.DictReader(file)
        )


def write_table(shapes: Sequence[Shaped]) -> None:
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["implementation", "parameters", "held_out", "lut", "ff", "bram"])
        for shape in shapes:
            counted = shape.counted
            numbers = (counted.lut, counted.ff, f"{counted.bram:g}") if counted else ("", "", "")
            writer.writerow([shape.implementation, shape.parameters, "yes" if shape.held_out else "no", *numbers])


def as_fifo(given: Parameters) -> tuple[RtlFifo, int]:
    """The FIFO, and the bits of a beat."""
    return RtlFifo(depth=given.number("depth"), unit_latency=given.number("latency")), given.number("bits")


def _ip(unit: Unit, bits: Sequence[int], given: Parameters | None = None) -> Ip:
    """A unit alone; `bits` are those of a beat of each of its streams, which are ports here. Where its constants are loaded, messages go on to
    units behind it, unless `given` says that it ends the chain."""
    names = (*unit.reads, *unit.writes)
    ports = [
        Port(name=name, is_input=name in unit.reads, lanes=each, format=uint(1), beats=1) for name, each in zip(names, bits, strict=True)
    ]
    if given is not None and unit.loads:
        sink = None if given.number("ends", 0) else "constants_out"
        unit = unit.chained("constants_in", sink)
        ways = [("constants_in", True)] + ([(sink, False)] if sink else [])
        ports += [Port(name=name, is_input=is_input, lanes=1, format=uint(LOAD_BITS), beats=1) for name, is_input in ways]
    return Ip(name="alone", kind="block", title=unit.title, ports=tuple(ports), streams=(), units=(unit,))


def _place(*streams: str) -> Place:
    """The last stream is written."""
    return Place("unit", "", streams[:-1], streams[-1:])


def _holding(given: Parameters) -> Holding:
    """`loaded=bram`: into that memory; `loaded=any`: into the one that is chosen without a word."""
    text = given.text_of("loaded", "")
    return Holding(loaded=bool(text), memory=None if text in ("", "any") else Ram(text))


def _window(given: Parameters) -> Window:
    kernel, stride = given.number("kernel", 1), given.number("stride", 1)
    pad = given.number("pad", kernel // 2)
    return Window(kernel=(kernel, kernel), stride=(stride, stride), pad=((pad, pad), (pad, pad)))


def _shape(given: Parameters) -> Shape:
    size = given.number("size", 8)
    return Shape(size, size, given.number("in"))


def _sums(products: int, weight: Format, codes: Format) -> Format:
    """The narrowest for this many products."""
    return holding(*reach(products, weight, codes))


def _product(given: Parameters) -> tuple[Product, Fold]:
    weight, codes, window, shape = given.format("weight"), given.format("codes"), _window(given), _shape(given)
    sums = _sums(window.taps * shape.channels, weight, codes)
    product = Product(input=shape, window=window, out=given.number("out"), weight=weight, codes=codes, sums=sums)
    return product, Fold(given.number("pe"), given.number("simd"), given.number("pixels", 1), given.number("taps", 1))


def _multiply(given: Parameters) -> Multiply:
    """As said, or else DSPs where both factors are wide."""
    return Multiply(given.text_of("multiply", "dsp" if uses_dsp(given.format("weight"), given.format("codes")) else "lut"))


def _mvu(given: Parameters) -> Ip:
    product, fold = _product(given)
    unit = mvu(_place("in", "out"), layer="layer", product=product, fold=fold, multiply=_multiply(given), holding=_holding(given))
    return _ip(unit, [fold.pixels * inputs(fold) * product.codes.bits, fold.pixels * fold.pe * product.sums.bits], given)


def _mvau(given: Parameters) -> Ip:
    product, fold = _product(given)
    codes, result = product.codes, given.format("result")
    activation = Activation(shape=product.output, values=product.sums, reach=product.reach, codes=result)
    place, multiply, held = _place("in", "out"), _multiply(given), _holding(given)
    unit = mvau(place, layer="layer", product=product, activation=activation, fold=fold, multiply=multiply, holding=held)
    return _ip(unit, [fold.pixels * inputs(fold) * codes.bits, fold.pixels * fold.pe * result.bits], given)


def _activated(given: Parameters, implementation: str, **more: Scaling) -> Ip:
    values, codes, lanes = given.format("values"), given.format("result"), given.number("lanes")
    low, high = given.number("least", values.low), given.number("greatest", values.high)
    activation = Activation(shape=_shape(given), values=values, reach=(low, high), codes=codes)
    order = Order(given.number("block", 1), given.number("repeats", 1), given.number("beside", 1))
    of = {"activation": activation, "lanes": lanes, "order": order, "holding": _holding(given), **more}
    unit = IMPLEMENTATIONS[implementation](_place("in", "out"), layer="layer", **of)
    return _ip(unit, [order.beside * lanes * values.bits, order.beside * lanes * codes.bits], given)


def _threshold(given: Parameters) -> Ip:
    return _activated(given, "threshold")


def _clip(given: Parameters) -> Ip:
    return _activated(given, "clip")


def _table(given: Parameters) -> Ip:
    return _activated(given, "table")


def _search(given: Parameters) -> Ip:
    return _activated(given, "search")


def _scale(given: Parameters) -> Ip:
    codes = given.format("result")
    scaling = Scaling(
        multiplier=given.number("multiplier"),
        bias=given.number("bias"),
        shift=given.number("shift"),
        rounding=Rounding.HALF_EVEN if given.number("even", 0) else Rounding.HALF_UP,
        step=given.number("step", 1),
        low=codes.low,
        high=given.number("high", codes.high),
    )
    return _activated(given, "scale", scaling=scaling)


def _swg(given: Parameters) -> Ip:
    lanes, pixels, codes = given.number("lanes"), given.number("pixels", 1), given.format("codes")
    pads = tuple(i * codes.high // lanes % (codes.high + 1) for i in range(given.number("in"))) if given.number("pads", 0) else (0,)
    unit = swg(_place("in", "out"), shape=_shape(given), window=_window(given), lanes=lanes, pixels=pixels, form=codes, pad_codes=pads)
    return _ip(unit, [lanes * codes.bits, pixels * lanes * codes.bits])


def _swg_parallel(given: Parameters) -> Ip:
    lanes, pixels, taps, codes = given.number("lanes"), given.number("pixels", 1), given.number("taps"), given.format("codes")
    pads = tuple(i * codes.high // lanes % (codes.high + 1) for i in range(given.number("in"))) if given.number("pads", 0) else (0,)
    shape, window = _shape(given), _window(given)
    place = _place("in", "out")
    unit = swg_parallel(place, shape=shape, window=window, lanes=lanes, pixels=pixels, taps=taps, form=codes, pad_codes=pads)
    return _ip(unit, [lanes * codes.bits, pixels * taps * lanes * codes.bits])


def _raster(given: Parameters) -> Ip:
    lanes, codes = given.number("lanes"), given.format("codes")
    sizes = {name: given.number(name) for name in ("groups", "folds", "pixels", "beats")}
    return _ip(raster(_place("in", "out"), **sizes, lanes=lanes, form=codes), [lanes * codes.bits] * 2)


def _dwc(given: Parameters) -> Ip:
    into, out, codes = given.number("into"), given.number("out"), given.format("codes")
    unit = dwc(_place("in", "out"), codes=into * out, lanes_in=into, lanes_out=out, form=codes)
    return _ip(unit, [into * codes.bits, out * codes.bits])


def _fork(given: Parameters) -> Ip:
    lanes, codes = given.number("lanes"), given.format("codes")
    unit = fork(Place("unit", "", ("in",), ("main", "bypass")), beats=16, lanes=lanes, form=codes)
    return _ip(unit, [lanes * codes.bits] * 3)


def _join(given: Parameters) -> Ip:
    lanes, codes = given.number("lanes"), given.format("codes")
    joined = Join(shape=Shape(4, 4, lanes), codes=codes, zero_point=given.number("zero"))
    return _ip(join(_place("main", "bypass", "out"), operation=joined, lanes=lanes), [lanes * codes.bits] * 3)


def _join_sum(given: Parameters) -> Ip:
    lanes, main, bypass, factors = given.number("lanes"), given.format("main"), given.format("bypass"), given.optional_format("factors")
    most, zero = 1 if factors is None else factors.high, given.number("zero", 0)
    added = JoinSum(
        shape=_shape(given),
        main=main,
        bypass=bypass,
        zero_point=zero,
        factors=factors,
        per_channel=bool(given.number("pairs", 1)),
        reach=(most * (main.low + bypass.low) - zero, most * (main.high + bypass.high) - zero),
    )
    unit = join_sum(_place("main", "bypass", "out"), layer="layer", operation=added, lanes=lanes, holding=_holding(given))
    return _ip(unit, [lanes * each.bits for each in (main, bypass, added.values)], given)


def _max_pool(given: Parameters) -> Ip:
    lanes, codes = given.number("lanes"), given.format("codes")
    pool = Pool(input=_shape(given), window=_window(given), codes=codes)
    return _ip(max_pool(_place("in", "out"), operation=pool, lanes=lanes), [lanes * codes.bits] * 2)


def _global_pool(given: Parameters, kind: PoolKind) -> GlobalPool:
    codes, shape, zero = given.format("codes"), _shape(given), given.number("zero")
    # Sums as wide as those without a zero point.
    _, most = pool_reach(kind, shape, codes, min(zero, 0) if kind is PoolKind.SUM else zero)
    return GlobalPool(kind=kind, input=shape, codes=codes, zero_point=zero, values=uint(most.bit_length()))


def _accumulate_pool(given: Parameters) -> Ip:
    lanes, pool = given.number("lanes"), _global_pool(given, PoolKind.SUM)
    return _ip(accumulate_pool(_place("in", "out"), operation=pool, lanes=lanes), [lanes * pool.codes.bits, lanes * pool.values.bits])


def _global_max(given: Parameters) -> Ip:
    lanes, pool = given.number("lanes"), _global_pool(given, PoolKind.MAX)
    return _ip(global_max(_place("in", "out"), operation=pool, lanes=lanes), [lanes * pool.codes.bits, lanes * pool.values.bits])


def _dense_operation(given: Parameters) -> tuple[Dense, Fold]:
    weight, codes, inputs = given.format("weight"), given.format("codes"), given.number("in")
    scores = Format(Kind.INT, _sums(inputs, weight, codes).bits + 1)
    has_bias = bool(given.number("bias", 1))
    dense = Dense(inputs=inputs, classes=given.number("out"), weight=weight, codes=codes, sums=scores, has_bias=has_bias)
    return dense, Fold(given.number("pe"), given.number("simd"))


def _weight_rom(given: Parameters) -> Ip:
    operation, fold = _dense_operation(given)
    unit = weight_rom(Place("unit", "", (), ("out",)), layer="layer", operation=operation, fold=fold, holding=_holding(given))
    return _ip(unit, [fold.pe * fold.simd * operation.weight.bits], given)


def _dense(given: Parameters) -> Ip:
    operation, fold = _dense_operation(given)
    unit = dense(_place("in", "weights", "out"), layer="layer", operation=operation, fold=fold, holding=_holding(given))
    beat, weights = fold.simd * operation.codes.bits, fold.pe * fold.simd * operation.weight.bits
    return _ip(unit, [beat, weights, fold.pe * operation.sums.bits], given)


def _scale_scores(given: Parameters) -> Ip:
    lanes, sums, scores = given.number("lanes"), given.format("sums"), given.format("scores")
    operation = Scale(classes=given.number("classes"), sums=sums, factors=given.format("factors"), scores=scores)
    unit = scale_scores(_place("in", "out"), layer="layer", operation=operation, lanes=lanes, holding=_holding(given))
    return _ip(unit, [lanes * sums.bits, lanes * scores.bits], given)


def _top_k_operation(given: Parameters) -> TopK:
    return TopK(classes=given.number("classes"), top=given.number("top"), scores=given.format("scores"))


def _top_k(given: Parameters) -> Ip:
    operation = _top_k_operation(given)
    return _ip(top_k(_place("in", "out"), operation=operation), [operation.scores.bits, 32])


def _top_k_scores(given: Parameters) -> Ip:
    operation = replace(_top_k_operation(given), gives_scores=True)
    return _ip(top_k_scores(_place("in", "out"), operation=operation), [operation.scores.bits, 32])


UNITS: Mapping[str, Callable[[Parameters], Ip]] = MappingProxyType(
    {
        each.__name__[1:]: each
        for each in (
            *(_mvau, _mvu, _threshold, _clip, _table, _search, _scale, _swg, _swg_parallel, _raster),
            *(_dwc, _fork, _join, _join_sum, _max_pool, _accumulate_pool, _global_max),
            *(_weight_rom, _dense, _scale_scores, _top_k, _top_k_scores),
        )
    }
)
"""By implementation, an IP of a unit with parameters."""
