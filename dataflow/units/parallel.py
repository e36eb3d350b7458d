"""Sliding windows of which several taps leave in a beat: a row of the kernel, or all of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from itertools import groupby

from dataflow.cost import rtl
from dataflow.cost.formulas import CONTROL, logic
from dataflow.cost.resources import Resources
from dataflow.firings import IDLE, READ, WRITE, Run
from dataflow.unit import Backend, Buffer, CannotBuildError, Place, Unit
from dataflow.units.window import Rows, due, window_rows
from network.formats import Format
from network.operations import Shape, Window


def swg_parallel(
    place: Place,
    *,
    shape: Shape,
    window: Window,
    lanes: int,
    pixels: int = 1,
    taps: int,
    form: Format,
    pad_codes: tuple[int, ...] = (0,),
) -> Unit:
    """Sliding window generator: `pixels` windows side by side, of each `taps` taps with `lanes` of their channels in a beat.

    Outside the input stands the pad code, one or one for each channel.
    """
    if taps not in window.taps_a_cycle[1:]:
        raise CannotBuildError(
            f"taps={taps} of a window {window}",
            why="a beat has a row of the kernel, or all of it",
            fix="choose from " + ", ".join(map(str, window.taps_a_cycle[1:])) + ", or the implementation swg",
        )
    size, *rows = window_rows(shape, window)
    sliding = ParallelSliding(shape=shape, window=window, lanes=lanes, pixels=pixels, taps=taps)
    beat = lanes * form.bits
    ring = Buffer(name="ring", words=sliding.ring_words, bits=beat, memories=sliding.rows * sliding.columns)
    # Columns that the next step needs again, a word for each step from one group of columns to the next.
    again = max(window.kernel[1] - window.stride[1], 0)
    history = Buffer(name="history", words=sliding.delay if again else 0, bits=max(again, 1) * sliding.rows * beat)
    turned = sliding.rows if window.stride[0] % sliding.rows else 1  # rows that are in another bank for every row of windows
    seen = sliding.rows * min(sliding.columns, pixels * window.kernel[1])
    given = sliding.rows * min(sliding.span, pixels * window.kernel[1])  # what windows side by side share is there once
    structure = partial(
        rtl.swg_parallel,
        counters=sliding.counters,
        banks=seen,
        rows=turned,
        seen=seen,
        given=given,
        words=ring.words,
        history=(history.words, history.bits),
        bits=beat,
        storages=(ring.storage, history.storage),
        pads=shape.channels // lanes if len(set(pad_codes)) > 1 else 1,
    )
    return Unit(
        implementation="swg_parallel",
        header="swg_parallel",
        **place._asdict(),
        title=f"{window}, {shape} -> windows of {window.taps * shape.channels:,} codes, {taps} taps a beat",
        parameters=((*size, ("kIn", shape.channels), ("kSimd", lanes), ("kPixels", pixels), ("kTaps", taps)), *rows),
        formats=(("In", form),),
        lists=(("PadCodes", pad_codes),) if any(map(any, window.pad)) and any(pad_codes) else (),
        buffers=(ring, history),
        firings=sliding,
        formula=partial(_cost, turned, seen, given, ring, history),
        latency={Backend.HLS: 4, Backend.RTL: 3 if turned == 1 else 4},  # address, ring, rotation, window
        structure=structure,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelSliding(Rows):
    """The fill, a phase per output row with evenly spread reads and steps, and the last windows; see swg_parallel.h.

    A step takes `columns` columns of one or all rows of a window from the ring, some of their channels; a window leaves when its last
    column comes. The columns that a window has from the steps before are kept. In front of a row of windows are `lead` groups of columns
    without one; they are taken while the windows of the row above leave whose last columns are padding, so a phase is as long as its groups
    of columns, or its reads.
    """

    taps: int

    @property
    def cycles(self) -> int:
        return self.fill + self._settle + self.output.height * self._phase + self._tail * self.delay

    def runs(self) -> tuple[Run, ...]:
        return _runs(self)

    @property
    def rows(self) -> int:
        """Rows of a window that a step takes."""
        return self.window.kernel[0] if self.taps == self.window.taps else 1

    @property
    def columns(self) -> int:
        """Columns from one group of windows to the next, which a step takes."""
        return self.pixels * self.window.stride[1]

    @property
    def span(self) -> int:
        """Columns of a group of windows."""
        return (self.pixels - 1) * self.window.stride[1] + self.window.kernel[1]

    @property
    def delay(self) -> int:
        """Steps from one group of columns to the next."""
        return self.window.kernel[0] // self.rows * self.beats

    @property
    def ring_words(self) -> int:
        """Of a memory, of which there is one for each of `rows` rows and `columns` columns."""
        slots = -(-(self.window.kernel[0] + self.window.stride[0]) // self.rows)
        return slots * self._row_words * self.beats

    @property
    def counters(self) -> tuple[int, ...]:
        """How far each counter of the module in SystemVerilog counts."""
        beats, height = self.beats, self.output.height
        kernel = self.window.kernel[0] // self.rows
        control = (self.fill + self._settle, self._phase, height, self.shape.height * self.row)
        giving = (self._tail * self.delay, self._lead * self.delay, beats, kernel, self._words, height)
        taking = (beats, self.shape.width, self.shape.height, self.rows)
        return (*control, *giving, *taking, beats, kernel, self._words, height)

    @property
    def _groups(self) -> int:
        """Of windows in a row."""
        return self.output.width // self.pixels

    @property
    def _lead(self) -> int:
        """Groups of columns before those that end with a group of windows."""
        return -(-max(self.span - self.window.pad[1][0] - self.columns, 0) // self.columns)

    @property
    def _row_words(self) -> int:
        """Groups of columns with a column of the input. The last column of the first windows is the last of its group."""
        shift = (self._lead + 1) * self.columns - self.span + self.window.pad[1][0]
        return -(-(self.shape.width + shift) // self.columns)

    @property
    def _words(self) -> int:
        """Groups of columns, or of windows, in a phase."""
        return max(self._groups, min(self._row_words, self._groups + self._lead))

    @property
    def _tail(self) -> int:
        """Groups of windows that leave after the last phase."""
        return self._lead + self._groups - self._words

    @property
    def _settle(self) -> int:
        """A cycle in which a row that is a single word reaches its memory."""
        return int(self._row_words * self.beats == 1)

    @property
    def _phase(self) -> int:
        """Cycles per phase."""
        return max(self.reads + self._settle, self._words * self.delay)


@cache
def _runs(of: ParallelSliding) -> tuple[Run, ...]:
    reads, words, delay, length, settle = of.reads, of._words, of.delay, of._phase, of._settle
    height, steps = of.output.height, words * delay
    # Phases differ in the beats that are left to read, and in the windows that are complete: of the first, those of no row above.
    left = of.shape.height * of.row - of.fill
    phases = [(min(reads, max(0, left - row * reads)), min(row, -(-of._lead // words))) for row in range(height)]

    def gives(group: int) -> bool:
        """Whether windows are complete with this group of columns, counted from the first phase on."""
        return group >= of._lead and (group - of._lead) % words < of._groups

    def phase(most: int, row: int) -> bytes:
        found, taken, step = bytearray(), 0, 0
        for i in range(length):
            takes = i < length - settle and due(i, reads, length - settle) and taken < most
            taken += takes
            moves = due(i, steps, length)
            found.append(READ * takes | WRITE * (moves and gives(row * words + step // delay)))
            step += moves
        return bytes(found)

    runs = [Run(bytes([READ]), of.fill), Run(bytes([IDLE]), settle)]
    runs += [Run(phase(*kind), len(list(same))) for kind, same in groupby(phases)]
    runs += [Run(bytes([WRITE * gives(height * words + group)]), delay) for group in range(of._tail)]
    return tuple(run for run in runs if run.firings and run.times)


def _cost(turned: int, seen: int, given: int, ring: Buffer, history: Buffer, _: Backend) -> Resources:
    """The memories; the counters and addresses, as of swg; for each bit that a step takes a choice among `turned` rows; and registers for what
    is taken, turned and given. Padding is their set or reset.

    With Yosys 0.23 (`synth_xilinx -family xcup`), rf_swg_parallel took, without the ring and the columns it keeps, LUTs and what is counted
    here: of all taps of 3x3 windows, beats of 24 and 128 bits, 238 (352) and 571 (664); of a row of 7x7 windows, 24 bits, 195 (280).
    Flip-flops of the first two: 529 (480) and 2,193 (2,040).
    """
    choices = -(-(turned + (turned - 1).bit_length() - 1) // 5) if turned > 1 else 0
    taken = seen * ring.bits
    luts, registers = 280 + choices * taken, 120 + (1 + (turned > 1)) * taken + given * ring.bits
    return CONTROL + ring.cost + history.cost + logic(luts, registers)
