"""An IP under construction: a chain of units, the streams between them, and the depths that keep the units busy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import gcd
from typing import Concatenate, ParamSpec

from dataflow.cost.formulas import uses_dsp
from dataflow.design import Ip, Port, Stream
from dataflow.unit import CannotBuildError, Place, Unit
from dataflow.units.activation import threshold
from dataflow.units.beats import dwc
from dataflow.units.product import mvau, mvu
from dataflow.units.window import Sliding, fill_rows, swg
from network.errors import DescriptionError, Source
from network.formats import Format
from network.layers import Conv, MAX_BEAT_BITS, Multiply
from network.operations import Activation, Shape, Window

P = ParamSpec("P")


def fill_beats(shape: Shape, window: Window, lanes: int) -> int:
    """Beats a sliding window reads before it writes its first window: kernel - pad rows."""
    return Sliding(shape=shape, window=window, lanes=lanes).fill


class Chain:
    """Builds an IP unit by unit. Streams are values; their names are `<layer>_<what>`."""

    def __init__(self, name: str, at: Source) -> None:
        self.name, self.at = name, at
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

    def convert(self, name: str, stream: Stream, lanes: int, codes: int) -> Stream:
        """Convert to another number of lanes; if neither divides the other, through their least common multiple, if a beat can be that wide."""
        if stream.lanes == lanes:
            return stream
        if stream.lanes % lanes and lanes % stream.lanes:
            common = stream.lanes * lanes // gcd(stream.lanes, lanes)
            if common * stream.format.bits > MAX_BEAT_BITS or codes % common:
                common = gcd(stream.lanes, lanes)
            stream, name = self.convert(f"{name}_common", stream, common, codes), name
        converted = self.stream(f"{name}_in", lanes, stream.format)
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
        """Add a convolution: an MVAU, or without thresholds an MVU, with a width converter and a sliding window in front where needed."""
        name = layer.name.partition(".")[2]
        stream = self.convert(name, stream, layer.simd, layer.input.size)
        if layer.slides:
            self.hold_fill(stream, layer.input, layer.window)
            # While the first rows of the next frame arrive, no window leaves; the MVAU needs one beat every fold_out cycles.
            beats = -(-fill_beats(layer.input, layer.window, layer.simd) // layer.fold_out)
            window = self.stream(f"{name}_window", layer.simd * layer.pixels, stream.format)
            self.deepen(window, beats, "windows to compute while the first rows of the next frame arrive")
            self.slide(name, stream, window, layer.input, layer.window, layer.simd, layer.pixels, pad_codes=layer.pad_codes)
            stream = window
        else:
            self.deepen(stream, layer.fold_in, "a window: it arrives while the one before is computed")
        out = self.stream(f"{name}_out", layer.pe * layer.pixels, layer.output_format)
        multiply = layer.multiply or (Multiply.DSP if uses_dsp(layer.weight, layer.input_format) else Multiply.LUT)
        if layer.activation is None:
            self.add(mvu, name, [stream], [out], layer=layer.name, product=layer.product, fold=layer.fold, multiply=multiply)
        else:
            self.add(mvau, name, [stream], [out], layer=layer.name, product=layer.product, activation=layer.activation, fold=layer.fold, multiply=multiply)
        return out

    def activate(self, name: str, out: str, layer: str, activation: Activation | None, stream: Stream) -> Stream:
        """Add thresholds, with as many lanes as the stream, where the layer has an activation; `out` is the stream of the codes."""
        if activation is None:
            return stream
        codes = self.stream(out, stream.lanes, activation.codes)
        self.add(threshold, name, [stream], [codes], layer=layer, activation=activation, lanes=stream.lanes)
        return codes

    def slide(
        self,
        name: str,
        stream: Stream,
        out: Stream,
        shape: Shape,
        window: Window,
        lanes: int,
        pixels: int = 1,
        *,
        pad_codes: tuple[int, ...],
    ) -> None:
        form = stream.format
        self.add(swg, name, [stream], [out], shape=shape, window=window, lanes=lanes, pixels=pixels, form=form, pad_codes=pad_codes)

    def ip(self, kind: str, title: str) -> Ip:
        return Ip(
            name=self.name,
            kind=kind,
            title=title,
            ports=tuple(self.ports),
            streams=tuple(self.streams),
            units=tuple(self.units),
        )
