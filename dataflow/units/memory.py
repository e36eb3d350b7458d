"""Transfers between card memory and streams. Memory holds frames one after the other, each padded to whole 512-bit words."""

from __future__ import annotations

from functools import partial
from math import gcd

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
        formula=partial(_load_cost, WORD_BITS),
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
        formula=partial(_unpack_cost, lanes * form.bits),
        latency={Backend.HLS: 3},  # word buffer, shifter, beat
    )


def store(place: Place, *, words: int, what: str, bundle: str) -> Unit:
    """Write `words` words of 32 bits per frame to memory: labels, or `what` they are."""
    return Unit(
        implementation="store",
        header="dma",
        **place._asdict(),
        title=f"{words} {what} a frame",
        parameters=((("kTop", words),),),
        firings=loops(repeat(words, READ)),
        memory=MemoryPort(name=place.name, bundle=bundle, writes=True, words=words),
        all_frames=True,
        formula=_store_cost,
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
    """A LUT for each bit of the word, to load or to shift it; and to move a word up to its place in a beat, see dma.h, multiplexers of two
    for each doubling of the places, two levels in a LUT.

    With Yosys 0.23 (`synth_xilinx -family xcup`), of Verilog after dma.h: beats of 8 to 512 bits that fill words 521 to 523 LUTs and 531 to
    536 flip-flops; of 24, 48, 96 and 384 bits, with three places, 1,058, 1,072, 1,104 and 1,291 LUTs and 560 to 917 flip-flops, counted here
    as 1,048, 1,072, 1,120 and 1,408 LUTs; of 120 bits, with 15, 2,512 (1,776); of 168 bits, with 21, 1,882 (2,212). A choice
    among all places at once took 9,259 for the 15.
    """
    places = beat // gcd(beat, WORD_BITS)
    levels = (places - 1).bit_length()
    return CONTROL + logic(WORD_BITS + levels * (WORD_BITS + beat) // 2, WORD_BITS + (beat if levels else 0))


def _store_cost(_: Backend) -> Resources:
    return CONTROL + AXI_MASTER[32]
