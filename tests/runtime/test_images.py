from __future__ import annotations

import contextlib
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runtime.errors import ImageError
from runtime.images import load
from runtime.manifest import ImageShape

GREY, COLOUR = ImageShape(4, 6, 1), ImageShape(4, 6, 3)


def saved(path: Path, mode: str = "RGB", size: tuple[int, int] = (6, 4), seed: int = 0) -> Path:
    channels = len(Image.new(mode, (1, 1)).getbands())
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], channels)).astype(np.uint8)
    Image.fromarray(pixels.squeeze()).convert(mode).save(path)
    return path


def test_colour_is_blue_green_red(tmp_path: Path) -> None:
    path = saved(tmp_path / "image.png")
    pixels = load(path, COLOUR)
    assert (pixels.dtype, pixels.flags.c_contiguous) == (np.uint8, True)
    assert np.array_equal(pixels, np.asarray(Image.open(path))[:, :, ::-1])


def test_grey_has_one_channel(tmp_path: Path) -> None:
    path = saved(tmp_path / "image.png")
    assert np.array_equal(load(path, GREY)[:, :, 0], np.asarray(Image.open(path).convert("L")))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.gif", "a.ppm", "a.tiff", "a.webp"])
@pytest.mark.parametrize("shape", [GREY, COLOUR])
def test_formats_and_sizes(tmp_path: Path, name: str, shape: ImageShape) -> None:
    assert load(saved(tmp_path / name, size=(50, 30)), shape).shape == shape


def test_sixteen_bits_are_scaled(tmp_path: Path) -> None:
    """Not cut off at 255, as Pillow does."""
    deep = np.random.default_rng(1).integers(0, 2**16, (4, 6)).astype(np.uint16)
    for name in ("deep.png", "deep.tiff"):
        Image.fromarray(deep).save(tmp_path / name)
        assert np.array_equal(load(tmp_path / name, GREY)[:, :, 0], deep >> 8)
        assert np.array_equal(load(tmp_path / name, COLOUR), np.repeat((deep >> 8)[:, :, np.newaxis], 3, axis=2))


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pixels_of_no_known_range(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "deep.tiff"
    Image.new(mode, (6, 4), 70_000).save(path)
    with pytest.raises(ImageError) as caught:
        load(path, GREY)
    assert str(caught.value) == (
        f"{path}: pixels of 32 bits\nwhy: nothing says which value is white\nfix: save it with 8 or 16 bits a channel"
    )


def test_inks_animations_and_a_single_pixel(tmp_path: Path) -> None:
    Image.new("CMYK", (60, 40), (0, 255, 255, 0)).save(tmp_path / "inks.jpg", quality=95)
    assert np.abs(load(tmp_path / "inks.jpg", COLOUR).astype(int) - [0, 0, 255]).max() <= 3
    frames = [Image.new("L", (6, 4), value) for value in (10, 200)]
    for name in ("moving.gif", "moving.png", "moving.webp"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], lossless=True)
        assert np.abs(load(tmp_path / name, GREY).astype(int) - 10).max() <= 1
    Image.new("RGB", (1, 1), (1, 2, 3)).save(tmp_path / "one.png")
    assert (load(tmp_path / "one.png", COLOUR) == [3, 2, 1]).all()


@pytest.mark.parametrize("turned", [1, 6])
def test_reduced_decoding_of_jpegs(tmp_path: Path, turned: int) -> None:
    """Other pixels, of the same picture, and never from fewer than the network takes."""
    path = tmp_path / "large.jpg"
    exif = Image.Exif()
    exif[0x0112] = turned
    rough = Image.fromarray(np.random.default_rng(1).integers(0, 256, (5, 7, 3)).astype(np.uint8))
    rough.resize((1400, 1000), Image.Resampling.BICUBIC).save(path, quality=95, exif=exif)
    shape = ImageShape(120, 160, 3)
    whole, reduced = (load(path, shape, reduced=reduced).astype(int) for reduced in (False, True))
    assert not np.array_equal(whole, reduced)
    assert np.abs(whole - reduced).mean() < 2
    with Image.open(path) as image:
        image.draft(None, (160, 160))
        assert image.size == (350, 250)
    assert np.array_equal(load(saved(tmp_path / "a.png"), COLOUR, reduced=True), load(tmp_path / "a.png", COLOUR))


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "I;16"])
def test_modes(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "image.png"
    Image.new(mode, (6, 4), 1 if mode in ("1", "L", "P", "I;16") else None or 0).save(path)
    assert load(path, COLOUR).shape == COLOUR


def test_photographs_are_turned_upright(tmp_path: Path) -> None:
    image = Image.new("L", (6, 4))
    image.paste(255, (0, 0, 3, 4))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    image.save(tmp_path / "photo.png", exif=exif)
    assert load(tmp_path / "photo.png", GREY)[:, :, 0].tolist() == [[0, 0, 0, 255, 255, 255]] * 4


def png_header(width: int, height: int) -> bytes:
    """A PNG that announces a size and ends."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"")
    chunks = (struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in (header, data, b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an image\nwhy: it must be one of PNG, JPEG, BMP, GIF, PPM, TIFF, WEBP\nfix: pass an image file"),
        (b"hello", "not an image\nwhy: it must be one of PNG, JPEG, BMP, GIF, PPM, TIFF, WEBP\nfix: pass an image file"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
         "not an image\nwhy: it must be one of PNG, JPEG, BMP, GIF, PPM, TIFF, WEBP\nfix: pass an image file"),
        (png_header(9000, 9000), "too large an image\nwhy: at most 67108864 pixels are read: 9000 x 9000 pixels\nfix: scale it down first"),
    ],
)  # fmt: skip
def test_what_is_no_image(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(content)
    with pytest.raises(ImageError) as caught:
        load(path, GREY)
    assert str(caught.value) == f"{path}: {message}"


@pytest.mark.parametrize("size", [(11_000, 11_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_bombs(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(*size))
    with pytest.raises(ImageError, match=r"too large an image\n"):
        load(path, GREY)


def test_damage(tmp_path: Path) -> None:
    """Whatever is cut or flipped: an array or an ImageError."""
    rng = np.random.default_rng(4)
    for name in ("a.png", "a.jpg", "a.gif", "a.bmp", "a.tiff", "a.webp"):
        data = saved(tmp_path / name, size=(20, 20)).read_bytes()
        damaged = [data[:length] for length in range(0, len(data), max(1, len(data) // 20))]
        for _ in range(60):
            flipped = bytearray(data)
            for place in rng.integers(0, len(data), 4):
                flipped[place] = rng.integers(0, 256)
            damaged.append(bytes(flipped))
        for content in damaged:
            path = tmp_path / "damaged"
            path.write_bytes(content)
            with contextlib.suppress(ImageError):
                assert load(path, COLOUR).shape == COLOUR


def test_a_truncated_image(tmp_path: Path) -> None:
    path = saved(tmp_path / "image.jpg", size=(200, 200))
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ImageError) as caught:
        load(path, GREY)
    assert str(caught.value).startswith(f"{path}: a damaged image\nwhy: OSError: image file is truncated")
    assert str(caught.value).endswith("\nfix: copy or save it again")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.png", "cannot be read\nwhy: No such file or directory\nfix: check the path"),
        ("", "not an image\nwhy: an image is a regular file of at most 268435456 bytes\nfix: pass an image file"),
        ("pipe", "not an image\nwhy: an image is a regular file of at most 268435456 bytes\nfix: pass an image file"),
    ],
)
def test_what_is_no_file(tmp_path: Path, name: str, message: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    path = tmp_path / name
    with pytest.raises(ImageError) as caught:
        load(path, GREY)
    assert str(caught.value) == f"{path}: {message}"


def test_networks_of_other_channels(tmp_path: Path) -> None:
    path = saved(tmp_path / "image.png")
    with pytest.raises(ImageError) as caught:
        load(path, ImageShape(4, 6, 2))
    assert str(caught.value) == (
        f"{path}: the network takes 2 channels\n"
        "why: images are read with one channel or three\n"
        "fix: pass an array to Accelerator.classify"
    )  # fmt: skip
