"""Images that are damaged, cut or of something else are refused, whatever the damage."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constants.image import HEADER, ImageError, Status, chain, check, image_bytes, image_words, pack_image, row_words, words_rows
from constants.layout import Layout, Range, Role
from constants.rows import rows
from dataflow.units.constants import bias_constants

FINGERPRINT = "00112233445566778899aabbccddeeff" + "f" * 32
WORDS = np.array([1, 2**64 - 1, 0x0123456789ABCDEF], np.uint64)
IMAGE = pack_image(WORDS, FINGERPRINT)


def test_the_bytes_of_an_image() -> None:
    payload = struct.pack("<3Q", *WORDS.tolist()) + bytes(40)
    header = b"RESFLOWC" + struct.pack("<IIQ", 1, zlib.crc32(payload), 3) + bytes.fromhex(FINGERPRINT[:32]) + bytes(24)
    assert header + payload == IMAGE
    assert len(IMAGE) == image_bytes(3) == 128
    assert [image_bytes(n) for n in (1, 8, 9)] == [128, 128, 192]
    check(IMAGE, FINGERPRINT, 3)
    assert np.array_equal(image_words(IMAGE, 3), WORDS)


def status(image: bytes) -> Status:
    with pytest.raises(ImageError) as error:
        check(image, FINGERPRINT, 3)
    return error.value.status


def test_every_flipped_bit_is_refused() -> None:
    """By what the bit says: magic and version, checksum, words, fingerprint, what is reserved, and the payload with its padding."""
    expected = [
        *(Status.NO_IMAGE for _ in range(12)),
        *(Status.DAMAGED for _ in range(4)),
        *(Status.OTHER_LENGTH for _ in range(8)),
        *(Status.OTHER_NETWORK for _ in range(16)),
        *(Status.NO_IMAGE for _ in range(24)),
        *(Status.DAMAGED for _ in range(64)),
    ]
    for bit in range(8 * len(IMAGE)):
        flipped = bytearray(IMAGE)
        flipped[bit // 8] ^= 1 << bit % 8
        assert status(bytes(flipped)) is expected[bit // 8], bit


def test_every_cut_and_extension_is_refused() -> None:
    for size in range(len(IMAGE)):
        assert status(IMAGE[:size]) is (Status.NO_IMAGE if size < HEADER.size else Status.OTHER_LENGTH)
    for more in (b"\0", bytes(64), IMAGE):
        assert status(IMAGE + more) is Status.OTHER_LENGTH


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (b"", "0 bytes: the header alone has 64"),
        (bytes(128), "it begins with b'\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00': an image of constants begins with b'RESFLOWC'"),
        (IMAGE[:8] + b"\2" + IMAGE[9:], "version 2: this hardware loads version 1"),
        (IMAGE[:63] + b"\1" + IMAGE[64:], "its header has more than is known: the last 24 bytes of it are 0"),
        (
            pack_image(WORDS, "ab" * 32),
            f"constants of another network, {'ab' * 16}: this one is {FINGERPRINT[:32]}: what it computes, or how, is different",
        ),
        (pack_image(WORDS[:2], FINGERPRINT), "2 words: this network has 3"),
        (IMAGE[:-1], "cut short: 127 bytes: 3 words and a header are 128"),
        (IMAGE + b"\0", "too long: 129 bytes: 3 words and a header are 128"),
        (IMAGE[:64] + bytes(64), f"CRC-32 0x758d6336: its header says {zlib.crc32(IMAGE[64:]):#010x}: it was damaged on the way"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(image: bytes, message: str) -> None:
    with pytest.raises(ImageError) as error:
        check(image, FINGERPRINT, 3)
    assert str(error.value) == message


@given(st.integers(1, 64), st.integers(1, 9), st.integers(1, 4))
def test_a_row_begins_with_a_word_of_its_own(bits: int, lanes: int, folds: int) -> None:
    layout = bias_constants("fc", "head.fc", lanes, lanes * folds, bits).layout
    array = np.random.default_rng(bits).integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, lanes * folds, np.int64, endpoint=True)
    held = rows(layout, array)
    words = row_words(layout, held)
    assert len(words) == layout.load_words == folds * -(-lanes * bits // 64)
    for row, found in zip(held.tolist(), words.reshape(folds, -1).tolist(), strict=True):
        number = sum(word << 64 * i for i, word in enumerate(found))
        assert number == sum((value & 2**bits - 1) << bits * i for i, value in enumerate(row))
    assert np.array_equal(words_rows(layout, words), held)
    assert np.array_equal(chain([layout, layout], [held, held]), np.tile(words, 2))


def test_a_row_of_weights_is_as_wide_as_they_are() -> None:
    layout = Layout(name="", role=Role.WEIGHTS, key="", pe=5, simd=13, weights=Range(-1, 1), words=2, row_bits=65, element_bits=64)
    array = np.where(np.random.default_rng(0).integers(0, 2, (10, 13)) > 0, 1, -1)
    words = row_words(layout, rows(layout, array))
    for fold in range(2):
        ones = (array[5 * fold : 5 * fold + 5].reshape(-1) > 0).astype(int).tolist()
        assert int(words[2 * fold]) + (int(words[2 * fold + 1]) << 64) == sum(one << i for i, one in enumerate(ones))
