from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from runtime.container.manifest import ImageShape, Pictures
from runtime.errors import ImageError
from runtime.inference.images import load

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


def as_torchvision(image: Image.Image, resize: int, shape: ImageShape, resample: Image.Resampling) -> NDArray[np.uint8]:
    """What torchvision's Resize(resize) and CenterCrop((H, W)) do with a Pillow image, step by step."""
    width, height = image.size
    if width <= height:
        new_width, new_height = resize, int(resize * height / width)
    else:
        new_width, new_height = int(resize * width / height), resize
    pixels = np.asarray(image.resize((new_width, new_height), resample))
    top, left = round((new_height - shape.height) / 2.0), round((new_width - shape.width) / 2.0)
    return pixels[top : top + shape.height, left : left + shape.width]


@pytest.mark.parametrize("size", [(17, 31), (31, 17), (20, 20), (8, 9), (9, 8), (200, 33), (12, 101)])
@pytest.mark.parametrize("resize", [9, 10, 13])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_pictures_are_resized_and_cut_as_torchvision_does(
    tmp_path: Path, size: tuple[int, int], resize: int, interpolation: str, order: str
) -> None:
    shape = ImageShape(9, 6, 3)
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8))
    image.save(tmp_path / "image.png")
    resample = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}[interpolation]
    expected = as_torchvision(image, resize, shape, resample)
    pictures = Pictures(order=order, resize=resize, interpolation=interpolation)
    found = load(tmp_path / "image.png", shape, pictures)
    assert (found.shape, found.flags.c_contiguous) == ((9, 6, 3), True)
    assert np.array_equal(found, expected if order == "rgb" else expected[:, :, ::-1])


def test_pictures_may_only_have_an_order(tmp_path: Path) -> None:
    path = saved(tmp_path / "image.png")
    assert np.array_equal(load(path, COLOUR, Pictures(order="rgb")), load(path, COLOUR)[:, :, ::-1])
    assert np.array_equal(load(path, COLOUR, Pictures()), load(path, COLOUR))


def test_grey_pictures_are_cut_too(tmp_path: Path) -> None:
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (30, 50), np.uint8))
    image.save(tmp_path / "image.png")
    shape = ImageShape(9, 9, 1)
    expected = as_torchvision(image, 11, shape, Image.Resampling.BILINEAR)
    assert np.array_equal(load(tmp_path / "image.png", shape, Pictures(resize=11))[:, :, 0], expected)


def test_a_line_of_pixels_is_not_resized_to_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "line.png"
    Image.fromarray(np.zeros((60_000, 2), np.uint8)).save(path)
    assert path.stat().st_size < 2000
    with pytest.raises(ImageError) as caught:
        load(path, COLOUR, Pictures(resize=256))
    assert str(caught.value) == (
        f"{path}: too long and narrow, 2 x 60000 pixels\n"
        "why: with a shorter side of 256 pixels, as the network takes it, it is 256 x 7680000\n"
        "fix: cut out the part that is meant"
    )
    assert load(path, COLOUR).shape == COLOUR


def test_reduced_decoding_leaves_what_is_resized(tmp_path: Path) -> None:
    """Of 800 x 640 pixels with a shorter side of 150, a quarter is decoded: an eighth, 100 x 80, would be scaled up."""
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (640, 800, 3), np.uint8)).save(tmp_path / "image.jpg")
    shape, pictures = ImageShape(64, 64, 3), Pictures(order="rgb", resize=150)
    with Image.open(tmp_path / "image.jpg") as opened:
        opened.draft(None, (200, 160))
        assert opened.size == (200, 160)
        expected = as_torchvision(opened.convert("RGB"), 150, shape, Image.Resampling.BILINEAR)
    assert np.array_equal(load(tmp_path / "image.jpg", shape, pictures, reduced=True), expected)
    assert not np.array_equal(load(tmp_path / "image.jpg", shape, pictures), expected)


def test_grey_has_one_channel(tmp_path: Path) -> None:
    path = saved(tmp_path / "image.png")
    assert np.array_equal(load(path, GREY)[:, :, 0], np.asarray(Image.open(path).convert("L")))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.gif", "a.ppm", "a.tiff", "a.webp"])
@pytest.mark.parametrize("shape", [GREY, COLOUR])
def test_formats_and_sizes(tmp_path: Path, name: str, shape: ImageShape) -> None:
    assert load(saved(tmp_path / name, size=(50, 30)), shape).shape == shape


INKS, LAB = (
    f"colours as {mode}\nwhy: what it looks like on a screen depends on a colour profile\nfix: convert it to RGB by its profile"
    for mode in ("CMYK", "LAB")
)
DEEP = "not 8 bits a channel\nwhy: how its values become 8 bits is not guessed\nfix: save it with 8 bits a channel"
SEVERAL = "several images in one file\nwhy: which of them is meant is not guessed\nfix: save the one that is meant"
SINGLE = "a single pixel\nwhy: there is nothing in it to be recognised\nfix: pass an image"


def png(*chunks: bytes) -> bytes:
    """A file of these chunks, each its name and its data."""
    framed = (struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in (*chunks, b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def deep_png(path: Path) -> None:
    """Colours of 16 bits, which Pillow cannot write."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 6, 4, 16, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress((b"\0" + bytes(range(36))) * 4)
    path.write_bytes(png(header, data))


def moving(path: Path) -> None:
    frames = [Image.new("L", (6, 4), value) for value in (10, 200)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("a.jpg", lambda path: Image.new("CMYK", (60, 40), (0, 255, 255, 0)).save(path), INKS),
        ("a.tiff", lambda path: Image.new("CMYK", (60, 40), (0, 255, 255, 0)).save(path), INKS),
        ("a.png", lambda path: Image.new("I;16", (6, 4), 70).save(path), DEEP),
        ("a.tiff", lambda path: Image.new("I;16", (6, 4), 70).save(path), DEEP),
        ("a.png", deep_png, DEEP),
        ("a.ppm", lambda path: path.write_bytes(b"P6 6 4 65535\n" + bytes(6 * 4 * 6)), DEEP),
        ("a.tiff", lambda path: Image.new("I", (6, 4), 70_000).save(path), DEEP),
        ("a.tiff", lambda path: Image.new("F", (6, 4), 0.5).save(path), DEEP),
        ("a.tiff", lambda path: Image.new("LAB", (6, 4)).save(path), LAB),
        ("a.gif", moving, SEVERAL),
        ("a.png", moving, SEVERAL),
        ("a.webp", moving, SEVERAL),
        ("a.tiff", moving, SEVERAL),
        ("a.png", lambda path: Image.new("RGB", (1, 1)).save(path), SINGLE),
    ],
)  # fmt: skip
def test_what_would_have_to_be_guessed(tmp_path: Path, name: str, write: Callable[[Path], None], message: str) -> None:
    path = tmp_path / name
    write(path)
    for shape in (GREY, COLOUR):
        with pytest.raises(ImageError) as caught:
            load(path, shape)
        assert str(caught.value) == f"{path}: {message}"


def seen_through(mode: str, alpha: int) -> Image.Image:
    """One pixel of 24 has this alpha."""
    image = Image.new("RGBA", (6, 4), (30, 20, 10, 255))
    image.putpixel((5, 3), (200, 20, 10, alpha))
    if mode == "PA":
        pixels = image.convert("RGB").convert("P").convert("PA")
        pixels.putalpha(image.getchannel("A"))
        return pixels
    return image.convert(mode)


def index_png(alphas: bytes) -> bytes:
    """Pixels of the colours 0 to 3, of a palette of five, and the alphas of the first of them."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 6, 4, 8, 3, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes((0, 1, 2, 3, 0, 0))) * 4)
    return png(header, b"PLTE" + bytes(range(15)), b"tRNS" + alphas, b"IDAT" + rows)


def grey_png(bits: int, transparent: int, first: int = 1) -> bytes:
    """Greys of so many bits, `first` in the first column and 0 elsewhere; the grey `transparent` shows nothing."""
    row = (first << 24 - bits).to_bytes(3, "big") if bits < 8 else bytes([first, 0, 0, 0, 0, 0])
    header = b"IHDR" + struct.pack(">IIBBBBB", 6, 4, bits, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + row[: -(-6 * bits // 8)]) * 4)
    return png(header, b"tRNS" + struct.pack(">H", transparent), b"IDAT" + rows)


def key_png(red: int) -> bytes:
    """Colours of which one is transparent: the only one there is, or another."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 6, 4, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes((9, 8, 7)) * 6) * 4)
    return png(header, b"tRNS" + struct.pack(">HHH", red, 8, 7), b"IDAT" + rows)


def gif(corner: int, transparent: int | None) -> bytes:
    """A picture of one pixel fewer, or not, in width; its colour 1 everywhere, colour `transparent` shows nothing."""
    width, colours = 6 - corner, bytes((0, 0, 0, 90, 80, 70, 5, 5, 5, 6, 6, 6))
    control = b"" if transparent is None else b"!\xf9\x04\x01\0\0" + bytes([transparent]) + b"\0"
    codes = "".join(f"{code:03b}"[::-1] for code in [4, *([1, 4] * (width * 4)), 5])  # cleared after each, codes stay 3 bits
    data = int(codes[::-1], 2).to_bytes(-(-len(codes) // 8), "little")
    size = struct.pack("<HHHH", corner, 0, width, 4)
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", 6, 4, 0x91, 0, 0)
        + colours
        + control
        + b","
        + size
        + b"\0\x02"
        + bytes([len(data)])
        + data
        + b"\0;"
    )


TRANSPARENT = (
    "transparent pixels\nwhy: the colour behind them is not guessed, and the one in the file is not meant to be seen\n"
    "fix: lay it on a background and save it without transparency"
)


@pytest.mark.parametrize(
    ("name", "see_through", "opaque"),
    [
        *((f"{mode}.{suffix}", *(partial(Image.Image.save, seen_through(mode, alpha)) for alpha in (254, 255)))
          for mode, suffixes in {"RGBA": ("png", "tiff", "webp"), "LA": ("png", "tiff", "webp"), "PA": ("tiff",)}.items()
          for suffix in suffixes),
        ("lossless.webp", partial(Image.Image.save, seen_through("RGBA", 0), lossless=True),
         partial(Image.Image.save, seen_through("RGBA", 255), lossless=True)),
        ("index.png", index_png(b"\xff\xff\xff\0\0"), index_png(b"\xff\xff\xff\xff\0")),
        ("indices.png", index_png(b"\xff\xff\xfe"), index_png(b"\xff\xff\xff")),
        *((f"{bits}.png", grey_png(bits, 1), grey_png(bits, 1, first=0)) for bits in (1, 2, 4, 8)),
        ("black.png", grey_png(4, 0), grey_png(4, 2)),
        ("colour.png", key_png(9), key_png(7)),
        ("a.gif", gif(0, 1), gif(0, 2)),
        ("small.gif", gif(1, None), gif(0, None)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_shows_through(
    tmp_path: Path, name: str, see_through: Callable[[Path], None] | bytes, opaque: Callable[[Path], None] | bytes
) -> None:
    """A single pixel that does; beside it the same file with all of them opaque."""
    path = tmp_path / name
    for shape in (GREY, COLOUR):
        path.write_bytes(see_through) if isinstance(see_through, bytes) else see_through(path)
        with pytest.raises(ImageError) as caught:
            load(path, shape)
        assert str(caught.value) == f"{path}: {TRANSPARENT}"
        path.write_bytes(opaque) if isinstance(opaque, bytes) else opaque(path)
        with Image.open(path) as image:
            flat = np.asarray(image.convert("RGBA").convert("RGB"))
        found = load(path, shape)
        assert found.shape == shape
        if shape == COLOUR:
            assert np.array_equal(found, flat[:, :, ::-1])


def test_a_photograph_with_more_beside_it_is_that_photograph(tmp_path: Path) -> None:
    """As phones write them: previews, depth, what a brighter screen would show."""
    first, second = (Image.new("RGB", (60, 40), colour) for colour in ("red", "blue"))
    first.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[second], quality=95)
    assert np.abs(load(tmp_path / "a.jpg", COLOUR).astype(int) - [0, 0, 255]).max() <= 3


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


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA"])
def test_modes(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "image.png"
    Image.new(mode, (6, 4), {"LA": (9, 255), "RGBA": (9, 8, 7, 255)}.get(mode, 1)).save(path)
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
    return png(header, b"IDAT" + zlib.compress(b""))


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


def test_a_name_no_file_can_have() -> None:
    with pytest.raises(ImageError) as caught:
        load("a\0.png", GREY)
    assert str(caught.value) == "a\0.png: cannot be read\nwhy: embedded null byte\nfix: check the path"


def test_what_the_system_refuses_is_not_damage() -> None:
    """A regular file of which no byte can be read."""
    with pytest.raises(ImageError) as caught:
        load("/proc/self/mem", GREY)
    assert str(caught.value) == "/proc/self/mem: cannot be read\nwhy: Input/output error\nfix: check the file and its permissions"


@pytest.mark.parametrize("place", [(Image, "open"), (ImageOps, "exif_transpose")])
def test_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: tuple[object, str]) -> None:
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    path = saved(tmp_path / "image.png")
    monkeypatch.setattr(*place, full)
    with pytest.raises(ImageError) as caught:
        load(path, GREY)
    assert str(caught.value) == f"{path}: no memory for it\nwhy: it is decoded as a whole\nfix: scale it down first, or free memory"


def test_tiles_without_names_for_their_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Pillow 10 has them."""
    opened = Image.open

    def plain(*arguments: object, **options: object) -> Image.Image:
        image = opened(*arguments, **options)
        image.tile = [tuple(tile) for tile in image.tile]
        return image

    path = saved(tmp_path / "image.png")
    expected = load(path, COLOUR)
    monkeypatch.setattr(Image, "open", plain)
    assert np.array_equal(load(path, COLOUR), expected)
    deep_png(path)
    with pytest.raises(ImageError, match="not 8 bits a channel"):
        load(path, COLOUR)


@pytest.mark.parametrize("place", ["_require_plain", "_require_opaque", "_stored"])
@pytest.mark.parametrize("error", [AttributeError, TypeError, ValueError, IndexError, OSError])
def test_an_error_of_ours_is_no_verdict_on_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, error: type[Exception]
) -> None:
    def wrong(*_: object) -> None:
        raise error("ours")

    path = saved(tmp_path / "image.png")
    monkeypatch.setattr("runtime.inference.images." + place, wrong)
    with pytest.raises(error, match="ours") as caught:
        load(path, COLOUR)
    assert not isinstance(caught.value, ImageError)


@pytest.mark.parametrize("error", [DeprecationWarning, ImportWarning, AttributeError, AssertionError, RecursionError])
def test_what_pillow_raises_about_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    """A program that makes warnings errors, for example, is none of the file's business."""

    def wrong(_: object) -> None:
        raise error("not the file")

    path = saved(tmp_path / "image.png")
    monkeypatch.setattr(ImageOps, "exif_transpose", wrong)
    with pytest.raises(error, match="not the file"):
        load(path, COLOUR)


def test_a_pillow_that_is_called_differently_is_no_verdict_on_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_formats(fp: object, mode: str = "r") -> None: ...

    path = saved(tmp_path / "image.png")
    monkeypatch.setattr(Image, "open", without_formats)
    with pytest.raises(TypeError, match="unexpected keyword argument 'formats'"):
        load(path, COLOUR)


def test_networks_of_other_channels(tmp_path: Path) -> None:
    path = saved(tmp_path / "image.png")
    with pytest.raises(ImageError) as caught:
        load(path, ImageShape(4, 6, 2))
    assert str(caught.value) == (
        f"{path}: the network takes 2 channels\n"
        "why: images are read with one channel or three\n"
        "fix: pass an array to Accelerator.classify"
    )  # fmt: skip
