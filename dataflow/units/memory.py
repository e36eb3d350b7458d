"""Transfers between card memory and streams. Memory holds frames one after the other, each padded to whole 512-bit words."""

from __future__ import annotations

from functools import partial

from dataflow.cost.formulas import AXI_MASTER, CONTROL, logic
from dataflow.cost.resources import Resources
from dataflow.firings import READ, WRITE, Regroup, loops, repeat
from dataflow.unit import Backend, MemoryPort, Place, Unit
from network.formats import Format

WORD_BITS = 512


def load(place: Place, *, codes: int, lanes: int, form: Format, bundle: str, repeats: bool) -> Unit:
    """Read words from memory, a frame per burst; with `repeats` the same ones for every frame."""
    words = -(-codes * form.bits // WORD_BITS)
    return Unit(
        implementation="load",
        header="dma",
        **place._asdict(),
        title=_title(codes // lanes, repeats),
        parameters=_rows(codes, lanes, form, repeats),
        formats=(("Code", form),),
        firings=loops(repeat(words, WRITE)),
        memory=MemoryPort(name=place.name, bundle=bundle, writes=False, words=words, repeats=repeats),
        all_frames=True,
        cost=partial(_load_cost, WORD_BITS),
        latency={Backend.HLS: 2},
    )


def unpack(place: Place, *, codes: int, lanes: int, form: Format, repeats: bool) -> Unit:
    """Convert words to beats and drop the padding."""
    return Unit(
        implementation="unpack",
        header="dma",
        **place._asdict(),
        title=_title(codes // lanes, repeats),
        parameters=_rows(codes, lanes, form, repeats),
        formats=(("Code", form),),
        firings=Regroup(into=WORD_BITS, out=lanes * form.bits, beats=codes // lanes),
        all_frames=True,
        cost=partial(_unpack_cost, lanes * form.bits),
        latency={Backend.HLS: 3},  # word buffer, shifter, beat
    )


def store(place: Place, *, labels: int, bundle: str) -> Unit:
    """Write `labels` labels per frame to memory."""
    return Unit(
        implementation="store",
        header="dma",
        **place._asdict(),
        title=f"{labels} labels a frame",
        parameters=((("kTop", labels),),),
        firings=loops(repeat(labels, READ)),
        memory=MemoryPort(name=place.name, bundle=bundle, writes=True, words=labels),
        all_frames=True,
        cost=_store_cost,
        latency={Backend.HLS: 2},
    )


def _title(beats: int, repeats: bool) -> str:
    return f"{beats:,} beats from words of {WORD_BITS} bits, {'the same for every frame' if repeats else 'a frame'}"


def _rows(codes: int, lanes: int, form: Format, repeats: bool) -> tuple[tuple[tuple[str, int], ...], ...]:
    """`load` and `unpack` of the same transfer share a struct."""
    words = -(-codes * form.bits // WORD_BITS)
    return ((("kWords", words), ("kBeats", codes // lanes), ("kLanes", lanes), ("kRepeats", int(repeats))),)


def _load_cost(width: int, _: Backend) -> Resources:
    return CONTROL + AXI_MASTER[width]


def _unpack_cost(beat: int, _: Backend) -> Resources:
    """A word and a beat, shifted by a beat. Where a word is not a whole number of beats, counted as if it were shifted by any distance, as in
    the original; the choice among the few places of a pattern, see dma.h, takes less."""
    levels = 1 if WORD_BITS % beat == 0 else 1 + WORD_BITS.bit_length() // 2
    return CONTROL + logic(levels * (WORD_BITS + beat), 2 * WORD_BITS + 2 * beat)


def _store_cost(_: Backend) -> Resources:
    return CONTROL + AXI_MASTER[32]
