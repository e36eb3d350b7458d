"""Transfers between card memory and streams. Memory holds frames one after the other, each padded to whole 512-bit words."""

from __future__ import annotations

import struct
from functools import partial
from math import gcd

from constants.layout import LOAD_BITS
from dataflow.cost.formulas import AXI_MASTER, CONTROL, logic
from dataflow.cost.resources import Resources
from dataflow.cost.storage import stream_cost
from dataflow.firings import READ, WRITE, Regroup, loops, repeat
from dataflow.unit import Backend, MemoryPort, Place, Unit
from network.formats import Format

WORD_BITS = 512
CRC_BITS, CRC_LUTS = 32, 612
"""Of a checksum of 64 bits a cycle."""
HEADER_LUTS = 71
"""Of the comparison of 480 bits of an image's header with constants."""


def word_count(codes: int, form: Format) -> int:
    """Words of a frame."""
    return -(-codes * form.bits // WORD_BITS)


def fetch(place: Place, *, load_words: int, fingerprint: str, image: str, matrix_words: int) -> Unit:
    """Read an image of constants, twice, in a call for no frames; in others the classifier's weights for every frame, if there are any."""
    image_words = 1 + -(-load_words * LOAD_BITS // WORD_BITS)
    return Unit(
        implementation="fetch",
        header="configure",
        **place._asdict(),
        writes_once=(image,),
        title=_constants_title(load_words),
        parameters=_constants_rows(load_words, fingerprint, matrix_words),
        firings=loops(repeat(matrix_words, WRITE)),
        memory=MemoryPort(name=place.name, bundle="weights", writes=False, words=max(image_words, matrix_words), repeats=True),
        all_frames=True,
        formula=_fetch_cost,
        latency={Backend.HLS: 2},
    )


def configure(place: Place, *, load_words: int, fingerprint: str, image: str, matrix_words: int, answers: tuple[str, ...]) -> Unit:
    """Check an image of constants and send it, or the tokens of frames; say what became of the call."""
    return Unit(
        implementation="configure",
        header="configure",
        **place._asdict(),
        reads_once=(image,),
        writes_once=answers,
        title=_constants_title(load_words),
        parameters=_constants_rows(load_words, fingerprint, matrix_words),
        firings=loops(repeat(1, WRITE)),
        all_frames=True,
        formula=partial(_configure_cost, len(answers)),
        latency={Backend.HLS: 2},
    )


def load(place: Place, *, codes: int, lanes: int, form: Format, bundle: str, repeats: bool, answers: tuple[str, ...] = ()) -> Unit:
    """Read words from memory, a frame per burst; with `repeats` the same ones for every frame."""
    words = word_count(codes, form)
    return Unit(
        implementation="load",
        header="dma",
        **place._asdict(),
        reads_once=answers,
        title=_title(codes // lanes, repeats),
        parameters=_rows(codes, lanes, form, repeats),
        formats=(("Code", form),),
        firings=loops(repeat(words, WRITE)),
        memory=MemoryPort(name=place.name, bundle=bundle, writes=False, words=words, repeats=repeats),
        all_frames=True,
        formula=partial(_load_cost, WORD_BITS),
        latency={Backend.HLS: 2},
    )


def unpack(place: Place, *, codes: int, lanes: int, form: Format, repeats: bool, answers: tuple[str, ...] = ()) -> Unit:
    """Convert words to beats and drop the padding."""
    return Unit(
        implementation="unpack",
        header="dma",
        **place._asdict(),
        reads_once=answers,
        title=_title(codes // lanes, repeats),
        parameters=_rows(codes, lanes, form, repeats),
        formats=(("Code", form),),
        firings=Regroup(into=WORD_BITS, out=lanes * form.bits, beats=codes // lanes),
        all_frames=True,
        formula=partial(_unpack_cost, lanes * form.bits),
        latency={Backend.HLS: 3},  # word buffer, shifter, beat
    )


def store(place: Place, *, words: int, what: str, bundle: str, answers: tuple[str, ...] = ()) -> Unit:
    """Write `words` words of 32 bits per frame to memory: labels, or `what` they are."""
    return Unit(
        implementation="store",
        header="dma",
        **place._asdict(),
        reads_once=answers,
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
    words = word_count(codes, form)
    return ((("kWords", words), ("kBeats", codes // lanes), ("kLanes", lanes), ("kRepeats", int(repeats))),)


def _constants_title(load_words: int) -> str:
    return f"{load_words:,} words of {LOAD_BITS} bits in a load"


def _constants_rows(load_words: int, fingerprint: str, matrix_words: int) -> tuple[tuple[tuple[str, int], ...], ...]:
    """`fetch` and `configure` share a struct. Of the fingerprint the first 16 bytes, as an image has them, in numbers of 32 bits."""
    first = struct.unpack("<4I", bytes.fromhex(fingerprint)[:16])
    numbers = tuple((f"kFingerprint{i}", number) for i, number in enumerate(first))
    matrix = (("kMatrixWords", matrix_words),) if matrix_words else ()
    return ((("kWords", load_words), *matrix), numbers)


def _fetch_cost(_: Backend) -> Resources:
    """An AXI master, the comparison of the header, and the FIFO of the image's words."""
    return CONTROL + AXI_MASTER[WORD_BITS] + logic(HEADER_LUTS, 0) + stream_cost(2, WORD_BITS)


def _configure_cost(answers: int, _: Backend) -> Resources:
    """A LUT for each bit of the word, to load or to shift it; the checksum, see crc.h; the header again; a FIFO of 32 bits for each answer.

    With Yosys 0.23 (`synth_xilinx -family xcup`), of Verilog after configure.h: the checksum 611 LUTs and 32 flip-flops (296 LUTs with
    -nowidelut: an XOR of 28 to 34 bits is six LUTs, or more where it takes multiplexers behind LUTs), the comparison of a header 71; all
    together with the word and counters 1,206 LUTs and 581 flip-flops, counted here, without CONTROL, as 1,195 and 608.
    """
    return CONTROL + logic(WORD_BITS + CRC_LUTS + HEADER_LUTS, WORD_BITS + LOAD_BITS + CRC_BITS) + stream_cost(2, CRC_BITS) * answers


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
