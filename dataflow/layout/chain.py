"""An IP under construction: a chain of units, the streams between them, and the depths that keep the units busy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import gcd
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from constants.layout import LOAD_BITS
from dataflow.design import Ip, Port, Stream
from dataflow.unit import CannotBuildError, Place, Unit
from dataflow.units.activation import RASTER, Order
from dataflow.units.beats import dwc, raster
from dataflow.units.parallel import swg_parallel
from dataflow.units.product import mvau, mvu
from dataflow.units.ways import implementation, usual
from dataflow.units.window import Sliding, fill_rows, swg
from network.errors import DescriptionError, Source
from network.formats import Format, uint
from network.layers import MAX_BEAT_BITS, ROM, Conv, Fold, Holding, Way
from network.operations import Activation, Shape, Window

if TYPE_CHECKING:
    from constants.scaling import Scaling

P = ParamSpec("P")
CONSTANTS = uint(LOAD_BITS)
"""Of the words in which constants are loaded."""


def fill_beats(shape: Shape, window: Window, lanes: int) -> int:
    """Beats a sliding window reads before it writes its first window: kernel - pad rows."""
    return Sliding(shape=shape, window=window, lanes=lanes).fill


class Chain:
    """Builds an IP unit by unit. Streams are values; their names are `<layer>_<what>`."""

    def __init__(self, name: str, at: Source, holding: Holding = ROM) -> None:
        self.name, self.at = name, at
        self.holding = holding  # of constants that no convolution has
        self.part = ""  # title of the part to which the next units belong
        self.ports: list[Port] = []
        self.streams: list[Stream] = []
        self.units: list[Unit] = []

    def _require_beat(self, name: str, lanes: int, form: Format) -> None:
        """A ValueError, since layers and `require_wire` have already checked every width a description can set, and name its key."""
        if lanes * form.bits > MAX_BEAT_BITS:
            raise ValueError(f"{self.name}.{name} has beats of {lanes} {form}")

    def stream(self, name: str, lanes: int, form: Format, depth: int = 2, why: str = "") -> Stream:
        self._require_beat(name, lanes, form)
        if any(name == stream.name for stream in self.streams):
            raise ValueError(f"{self.name} already has a stream {name}")
        self.streams.append(Stream(name=name, lanes=lanes, format=form, depth=depth, why=why))
        return self.streams[-1]

    def add(
        self,
        implementation: Callable[Concatenate[Place, P], Unit],
        name: str,
        reads: list[Stream],
        writes: list[Stream],
        *what: P.args,
        **more: P.kwargs,
    ) -> None:
        """Append a unit; raises DescriptionError if its implementation does not support it."""
        place = Place(name, self.part, tuple(stream.name for stream in reads), tuple(stream.name for stream in writes))
        try:
            self.units.append(implementation(place, *what, **more))
        except CannotBuildError as error:
            raise DescriptionError(self.at, f"{self.name}.{name}: {error.what}", why=error.why, fix=error.fix) from None

    def take(self, port: str, lanes: int, form: Format, codes: int) -> Stream:
        """Add an input port."""
        self._require_beat(port, lanes, form)
        self.ports.append(Port(name=port, is_input=True, lanes=lanes, format=form, beats=codes // lanes))
        return Stream(name=port, lanes=lanes, format=form)

    def give(self, port: str, stream: Stream, codes: int) -> None:
        """Make `stream` an output port."""
        self.streams.remove(stream)
        self.ports.append(Port(name=port, is_input=False, lanes=stream.lanes, format=stream.format, beats=codes // stream.lanes))
        self.units = [replace(unit, writes=tuple(port if name == stream.name else name for name in unit.writes)) for unit in self.units]

    def convert(self, name: str, stream: Stream, lanes: int, codes: int, out: str = "") -> Stream:
        """Convert to another number of lanes, as the stream `out`; if neither divides the other, through their least common multiple, if a
        beat can be that wide."""
        if stream.lanes == lanes:
            return stream
        if stream.lanes % lanes and lanes % stream.lanes:
            common = stream.lanes * lanes // gcd(stream.lanes, lanes)
            if common * stream.format.bits > MAX_BEAT_BITS or codes % common:
                common = gcd(stream.lanes, lanes)
            stream, name = self.convert(f"{name}_common", stream, common, codes), name
        converted = self.stream(out or f"{name}_in", lanes, stream.format)
        self.add(dwc, f"{name}_dwc", [stream], [converted], codes=codes, lanes_in=stream.lanes, lanes_out=lanes, form=stream.format)
        return converted

    def deepen(self, stream: Stream, depth: int, why: str) -> None:
        """Make a stream at least this deep. The FIFOs of ports are in the block design."""
        self.streams = [
            replace(each, depth=depth, why=why) if each.name == stream.name and each.depth < depth else each for each in self.streams
        ]

    def hold_fill(self, stream: Stream, shape: Shape, window: Window) -> None:
        """Make room in front of a sliding window for the rows that arrive while it still sends the frame before."""
        why = f"{fill_rows(shape, window)} rows: they arrive while the last windows of the frame before leave"
        self.deepen(stream, fill_beats(shape, window, stream.lanes), why)

    def conv(self, layer: Conv, stream: Stream) -> Stream:
        """Add a convolution behind its width converter, and make room for what comes in while its units are busy."""
        name = layer.name.partition(".")[2]
        stream = self.convert(name, stream, layer.simd, layer.input.size)
        if layer.slides:
            self.hold_fill(stream, layer.input, layer.window)
        else:
            parts = layer.input.channels // layer.simd
            self.deepen(stream, parts, "a window: it arrives while the one before is computed")
        return self.convolve(name, layer, stream)

    def convolve(self, name: str, layer: Conv, stream: Stream) -> Stream:
        """Add what brings its windows, its products, its activation, and what brings its pixels back into raster order."""
        stream = self.windows(name, layer, stream)
        channels, beside = layer.behind
        lanes, product, activation = channels * beside, layer.product, layer.activation
        results, codes, multiply = layer.pe * layer.pixels, layer.output.size, layer.multiplies
        mixed = layer.pixels > 1 and layer.pe < layer.out  # of each output fold its pixels come one after the other
        last = f"{name}_{'mixed' if mixed else 'out'}"
        if layer.is_fused and activation is not None:
            beat = f"{name}_codes" if results > lanes else last
            out = self.stream(beat, results, layer.output_format)
            self.add(
                *(mvau, name, [stream], [out]),
                layer=layer.name,
                product=product,
                activation=activation,
                fold=layer.fold,
                multiply=multiply,
                holding=layer.holding,
            )
            out = self.convert(f"{name}_pixel", out, lanes, codes, last)
        else:
            beat = f"{name}_sums" if results > lanes or activation is not None else last
            sums = self.stream(beat, results, product.sums)
            self.add(
                *(mvu, name, [stream], [sums]),
                layer=layer.name,
                product=product,
                fold=layer.fold,
                multiply=multiply,
                holding=layer.holding,
            )
            sums = self.convert(f"{name}_act", sums, lanes, codes, last if activation is None else f"{name}_act_in")
            order = Order(block=layer.pe // channels, repeats=layer.pixels // beside, beside=beside)
            holding = layer.holding._replace(memory=None)
            out = self.activate(f"{name}_act", last, layer.name, activation, sums, layer.way, order, holding)
        if not mixed:
            return out
        pixels = self.stream(f"{name}_out", lanes, out.format)
        groups = layer.output.pixels // layer.pixels
        self.transpose(f"{name}_raster", out, pixels, groups, layer.fold_out, layer.pixels, layer.pe // channels)
        return pixels

    def windows(self, name: str, layer: Conv, stream: Stream) -> Stream:
        """Bring the windows of a convolution, `pixels` side by side, `taps` of each at once."""
        lanes, form = layer.simd * layer.pixels * layer.taps, stream.format
        if layer.slides:
            # While the first rows of the next frame arrive, no window leaves; the products need a beat every fold_out cycles.
            beats = -(-fill_beats(layer.input, layer.window, layer.simd) // layer.fold_out)
            window = self.stream(f"{name}_window", lanes, form)
            self.deepen(window, beats, "windows to compute while the first rows of the next frame arrive")
            self.slide(name, stream, window, layer.input, layer.window, layer.fold, pad_codes=layer.pad_codes)
            return window
        parts = layer.input.channels // layer.simd
        if layer.pixels > 1 and parts > 1:  # the same part of all pixels is wanted at once
            gathered = self.stream(f"{name}_parts", layer.simd, form)
            self.transpose(f"{name}_gather", stream, gathered, layer.output.pixels // layer.pixels, layer.pixels, parts)
            stream = gathered
        return self.convert(f"{name}_pixels", stream, lanes, layer.input.size)

    def activate(
        self,
        name: str,
        out: str,
        layer: str,
        activation: Activation | None,
        stream: Stream,
        way: Way | Scaling | None = None,
        order: Order = RASTER,
        holding: Holding | None = None,
    ) -> Stream:
        """Add an activation, with as many lanes as the stream, where the layer has one; `out` is the stream of the codes.

        A `way` that is not given follows from its formats.
        """
        if activation is None:
            return stream
        codes = self.stream(out, stream.lanes, activation.codes)
        lanes = stream.lanes // order.beside
        unit = implementation(way or usual(activation, activation.shape.channels // lanes))
        held = holding or self.holding
        self.add(unit, name, [stream], [codes], layer=layer, activation=activation, lanes=lanes, order=order, holding=held)
        return codes

    def slide(
        self, name: str, stream: Stream, out: Stream, shape: Shape, window: Window, fold: Fold, *, pad_codes: tuple[int, ...]
    ) -> None:
        """Add a sliding window generator: for one tap a cycle, or for several."""
        lanes, pixels, form = fold.simd, fold.pixels, stream.format
        if fold.taps == 1:
            self.add(swg, name, [stream], [out], shape=shape, window=window, lanes=lanes, pixels=pixels, form=form, pad_codes=pad_codes)
            return
        sizes = partial(swg_parallel, taps=fold.taps, lanes=lanes, pixels=pixels)
        self.add(sizes, name, [stream], [out], shape=shape, window=window, form=form, pad_codes=pad_codes)

    def transpose(self, name: str, stream: Stream, out: Stream, groups: int, rows: int, columns: int, beats: int = 1) -> None:
        """Bring the beats of each group, `rows` times `columns` times `beats`, into the order columns, rows, beats."""
        lanes, form = stream.lanes, stream.format
        self.add(raster, name, [stream], [out], groups=groups, folds=rows, pixels=columns, beats=beats, lanes=lanes, form=form)

    def ip(self, kind: str, title: str, *, ends: bool = False) -> Ip:
        """The IP; where constants are loaded, messages pass its units in order, and go on to the next IP unless they end here."""
        loading = [i for i, unit in enumerate(self.units) if unit.loads]
        links = [f"{self.units[i].name}_constants" for i in loading[1:]]
        if loading:
            ports = ["constants_in"] if ends else ["constants_in", "constants_out"]
            self.ports += [Port(name=port, is_input=port == ports[0], lanes=1, format=CONSTANTS, beats=1) for port in ports]
            between = [*links, None if ends else ports[-1]]
            for i, source, sink in zip(loading, [ports[0], *links], between, strict=True):
                self.units[i] = self.units[i].chained(source, sink)
            for link in links:
                self.stream(link, 1, CONSTANTS)
        return Ip(
            name=self.name,
            kind=kind,
            title=title,
            ports=tuple(self.ports),
            streams=tuple(self.streams),
            units=tuple(self.units),
        )


class Frame(Chain):
    """The same without the units and streams that convolutions have of their own: what is around them."""

    def convolve(self, name: str, layer: Conv, _stream: Stream) -> Stream:
        return self.stream(f"{name}_out", layer.lanes_behind, layer.output_format)
