"""Sliding windows: pixels in raster order become the windows of a convolution or a pool."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial

from dataflow.cost import rtl
from dataflow.cost.formulas import CONTROL, logic
from dataflow.cost.resources import Resources
from dataflow.cost.storage import bram
from dataflow.firings import IDLE, READ, WRITE, Firings, Run
from dataflow.unit import Backend, Buffer, Place, Unit
from network.formats import Format
from network.operations import Shape, Window


def swg(
    place: Place, *, shape: Shape, window: Window, lanes: int, pixels: int = 1, form: Format, pad_codes: tuple[int, ...] = (0,)
) -> Unit:
    """Sliding window generator: `pixels` windows side by side; the channels of each tap leave `lanes` at a time.

    Outside the input stands the pad code, one or one for each channel.
    """
    size, *rows = window_rows(shape, window)
    banks = 1 if pixels == 1 else pixels * window.stride[1]
    row_words = -(-shape.width // banks) * (shape.channels // lanes)
    ring = Buffer(name="ring", words=(window.kernel[0] + window.stride[0]) * row_words, bits=lanes * form.bits, memories=banks)
    sliding = Sliding(shape=shape, window=window, lanes=lanes, pixels=pixels)
    structure = partial(
        rtl.swg,
        counters=sliding.counters,
        banks=min(banks, pixels * window.kernel[1]),  # those that a window has columns in
        kernel=window.kernel,
        pixels=pixels,
        words=ring.words,
        bits=ring.bits,
        storage=ring.storage,
        pads=shape.channels // lanes if len(set(pad_codes)) > 1 else 1,
    )
    return Unit(
        implementation="swg",
        header="swg",
        **place._asdict(),
        title=f"{window}, {shape} -> windows of {window.taps * shape.channels:,} codes",
        parameters=((*size, ("kIn", shape.channels), ("kSimd", lanes), ("kPixels", pixels), ("kTaps", 1)), *rows),
        formats=(("In", form),),
        lists=(("PadCodes", pad_codes),) if any(map(any, window.pad)) and any(pad_codes) else (),
        buffers=(ring,),
        firings=sliding,
        formula=partial(_cost, window, pixels, ring),
        latency={Backend.HLS: 4, Backend.RTL: 3 if banks == 1 else 4},  # address, ring, padding, choice among banks
        structure=structure,
    )


def window_rows(shape: Shape, window: Window) -> tuple[tuple[tuple[str, int], ...], ...]:
    """The parameters of all units that work on windows."""
    (kernel_h, kernel_w), (stride_h, stride_w) = window.kernel, window.stride
    (top, bottom), (left, right) = window.pad
    return (
        (("kHeight", shape.height), ("kWidth", shape.width)),
        (("kKernelHeight", kernel_h), ("kKernelWidth", kernel_w), ("kStrideHeight", stride_h), ("kStrideWidth", stride_w)),
        (("kPadTop", top), ("kPadBottom", bottom), ("kPadLeft", left), ("kPadRight", right)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows(Firings):
    """What sliding windows have in common: they read rows of a feature map, some channels of a pixel a beat."""

    shape: Shape
    window: Window
    lanes: int
    pixels: int = 1

    @property
    def fill(self) -> int:
        """Beats read before the first phase: kernel - pad rows."""
        return fill_rows(self.shape, self.window) * self.row

    @property
    def output(self) -> Shape:
        return self.window.output(self.shape, self.shape.channels)

    @property
    def beats(self) -> int:
        """Beats per pixel."""
        return self.shape.channels // self.lanes

    @property
    def row(self) -> int:
        """Beats per row."""
        return self.shape.width * self.beats

    @property
    def reads(self) -> int:
        """Beats read per phase."""
        return self.window.stride[0] * self.row


def due(step: int, times: int, of: int) -> bool:
    """Whether a step is one of `times` that are evenly spread over `of`."""
    return (step + 1) * times // of > step * times // of


@dataclass(frozen=True, slots=True, kw_only=True)
class Sliding(Rows):
    """The fill, then a phase per output row with evenly spread reads and writes; see swg.h.

    A phase writes one row of windows while it reads the rows that the next one needs, and is as long as the longer of the two. If
    a row is a single beat, one more cycle lets that beat reach its RAM.
    """

    @property
    def cycles(self) -> int:
        return self.fill + self._settle + self.output.height * self._phase

    def runs(self) -> tuple[Run, ...]:
        return _sliding_runs(self)

    @property
    def counters(self) -> tuple[int, ...]:
        """How far each counter of the module in SystemVerilog counts."""
        rows, groups, beats = self.output.height, self.output.width // self.pixels, self.beats
        read = (self.fill + self._settle, self._phase, rows, self.shape.height * self.row, beats, self.shape.width, self.shape.height)
        return (*read, beats, self.window.kernel[1], self.window.kernel[0], groups, rows)

    @property
    def _settle(self) -> int:
        return int(self.row == 1)

    @property
    def _writes(self) -> int:
        return self.output.width // self.pixels * self.window.taps * self.beats

    @property
    def _phase(self) -> int:
        """Cycles per phase."""
        return max(self.reads + self._settle, self._writes)


@cache
def _sliding_runs(of: Sliding) -> tuple[Run, ...]:
    reads, writes, length, settle = of.reads, of._writes, of._phase, of._settle

    def phase(most: int) -> bytes:
        """A phase that reads at most `most` beats: fewer in the last ones, at the end of the feature map."""
        steps, taken = bytearray(), 0
        for step in range(length):
            takes = step < length - settle and due(step, reads, length - settle) and taken < most
            taken += takes
            steps.append(READ * takes | WRITE * due(step, writes, length))
        return bytes(steps)

    height = of.output.height
    whole, rest = divmod(of.shape.height * of.row - of.fill, reads)
    whole = min(whole, height)
    phases = [Run(phase(reads), whole)]
    if whole < height:
        phases += [Run(phase(rest), 1), Run(phase(0), height - whole - 1)]
    runs = [Run(bytes([READ]), of.fill), Run(bytes([IDLE]), settle), *phases]
    return tuple(run for run in runs if run.firings and run.times)


def fill_rows(shape: Shape, window: Window) -> int:
    """Rows read before the first window is complete."""
    return min(window.kernel[0] - window.pad[0][0], shape.height)


def _cost(window: Window, pixels: int, ring: Buffer, backend: Backend) -> Resources:
    """The ring buffer; the counters, an address for each bank, and for each bit multiplexers of two for the banks that can be under a tap.

    With Yosys 0.23 (`synth_xilinx -family xcup`), of Verilog after swg.h without the ring itself: windows of one pixel took 231 to 328 LUTs,
    whatever their width and kernel, and 104 to 150 flip-flops besides two for each bit of a beat. Of several pixels, by pixels, banks,
    kernel width and bits of a beat, LUTs and what is counted here: 2, 2, 3, 24: 319 (400); 4, 4, 3, 48: 604 (712); 8, 8, 3, 24: 621 (760);
    2, 4, 7, 48: 680 (712); 8, 16, 7, 48: 2,744 (2,776); 16, 32, 7, 24: 2,936 (2,968). Twice the bits took 1.9 to 5.9 LUTs for each bit more,
    as counted, except for 8 pixels and a kernel 5 wide: 1,219 (1,144) of 24 bits, but 3,526 (1,912) of 48.
    The original keeps each row in a memory of its own; its logic is counted as this library's.
    """
    bits, banks, rows = ring.bits, ring.memories, window.kernel[0] + window.stride[0]
    memories = Resources(bram=bram(ring.words // rows, bits)) * (banks * rows) if backend is Backend.ORIGINAL else ring.cost
    choices, addresses = (min(window.kernel[1] - 1, banks), 12 * banks) if banks > 1 else (0, 0)
    return CONTROL + memories + logic(280 + addresses + choices * pixels * bits, 120 + (1 + pixels) * bits)
